package repotest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each guard of a model (docs/models) is listed at its top, with the functions that have it in
// the code. A model that lists another guard than it has, or a function that is not there, is
// not about this code any more.
func TestModelsNameTheCodeThatTheyAreAbout(t *testing.T) {
	functions := functionsOfTheTree(t)
	models, err := filepath.Glob("docs/models/*.pml")
	if err != nil || len(models) == 0 {
		t.Fatal("no models", err)
	}
	readme, err := os.ReadFile("docs/models/README.md")
	if err != nil {
		t.Fatal(err)
	}
	guard := regexp.MustCompile(`^ \*   (WITHOUT_[A-Z_]+) +\S.*?(?: \(([\w., ]+)\))?$`)
	used := regexp.MustCompile(`WITHOUT_[A-Z_]+`)
	for _, path := range models {
		if !strings.Contains(string(readme), "]("+filepath.Base(path)+")") {
			t.Errorf("docs/models/README.md does not tell of %s", path)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		head, body, _ := strings.Cut(string(b), "*/")
		listed := map[string]bool{}
		for line := range strings.Lines(head) {
			m := guard.FindStringSubmatch(strings.TrimRight(line, "\n"))
			if m == nil {
				continue
			}
			listed[m[1]] = true
			if m[2] == "" {
				continue
			}
			for name := range strings.SplitSeq(m[2], ", ") {
				if !functions[name] {
					t.Errorf("%s: %s names %s, which is not in the code", path, m[1], name)
				}
			}
		}
		in := map[string]bool{}
		for _, name := range used.FindAllString(body, -1) {
			in[name] = true
			if !listed[name] {
				t.Errorf("%s uses %s and does not list it", path, name)
			}
		}
		for name := range listed {
			if !in[name] {
				t.Errorf("%s lists %s and does not use it", path, name)
			}
		}
	}
}

// functionsOfTheTree returns the functions outside tests, as name, package.name and Type.name.
// Constants are there, too, as package.name.
func functionsOfTheTree(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Recv == nil {
					found[decl.Name.Name] = true
					found[file.Name.Name+"."+decl.Name.Name] = true
					continue
				}
				receiver := decl.Recv.List[0].Type
				if star, ok := receiver.(*ast.StarExpr); ok {
					receiver = star.X
				}
				if name, ok := receiver.(*ast.Ident); ok {
					found[name.Name+"."+decl.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					if value, ok := spec.(*ast.ValueSpec); ok {
						for _, name := range value.Names {
							found[file.Name.Name+"."+name.Name] = true
						}
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
