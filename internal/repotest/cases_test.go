package repotest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// listed is a row of the table in docs/reliability.md.
type listed struct {
	tests map[string][]string // by file
	open  string
}

// caseTable reads the rows, by number. It fails the test where one is no row of the table.
func caseTable(t *testing.T) map[int]listed {
	t.Helper()
	b, err := os.ReadFile("docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	inFile := regexp.MustCompile("^`([^`]+_test\\.go)`: ([A-Za-z0-9_]+(?:, [A-Za-z0-9_]+)*)$")
	rows := map[int]listed{}
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 2 {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(cells[1]))
		if err != nil {
			continue
		}
		if len(cells) != 6 || strings.TrimSpace(cells[2]) == "" {
			t.Fatalf("not a row of four cells: %s", line)
		}
		if _, twice := rows[n]; twice {
			t.Errorf("case %d has two rows", n)
		}
		row := listed{map[string][]string{}, strings.TrimSpace(cells[4])}
		if tests := strings.TrimSpace(cells[3]); tests != "" {
			for part := range strings.SplitSeq(tests, "; ") {
				m := inFile.FindStringSubmatch(part)
				if m == nil {
					t.Errorf("case %d: %q is not a file with its tests", n, part)
					continue
				}
				row.tests[m[1]] = append(row.tests[m[1]], strings.Split(m[2], ", ")...)
			}
		}
		rows[n] = row
	}
	return rows
}

// testsOfTheTree returns the names of the tests and fuzz targets of every file.
func testsOfTheTree(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
				found[filepath.ToSlash(path)] = append(found[filepath.ToSlash(path)], f.Name.Name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEveryCaseOfTheReliabilityListHasItsRow(t *testing.T) {
	const cases = 96
	rows := caseTable(t)
	tree := testsOfTheTree(t)
	for n := 1; n <= cases; n++ {
		row, there := rows[n]
		switch {
		case !there:
			t.Errorf("case %d has no row", n)
		case len(row.tests) == 0 && row.open == "":
			t.Errorf("case %d has no test and is not said to be open", n)
		}
		for file, names := range row.tests {
			for _, name := range names {
				if !slices.Contains(tree[file], name) {
					t.Errorf("case %d: there is no %s in %s", n, name, file)
				}
			}
		}
	}
	if len(rows) != cases {
		t.Errorf("the table has %d rows, want %d", len(rows), cases)
	}
	// TestCase27And28… is a test of both.
	named := regexp.MustCompile(`^TestCase(\d\d)(?:And(\d\d))?`)
	for file, names := range tree {
		for _, name := range names {
			m := named.FindStringSubmatch(name)
			if m == nil {
				if strings.HasPrefix(name, "TestCase") {
					t.Errorf("%s in %s is named after no case: two digits", name, file)
				}
				continue
			}
			for _, number := range m[1:] {
				if number == "" {
					continue
				}
				n, err := strconv.Atoi(number)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Contains(rows[n].tests[file], name) {
					t.Errorf("%s in %s is not in the row of case %d of docs/reliability.md", name, file, n)
				}
			}
		}
	}
}
