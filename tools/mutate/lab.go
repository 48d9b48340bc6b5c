package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// loaded is a package with its mutants.
type loaded struct {
	dir, name string
	sources   map[string]string // by absolute path
	mutants   []mutant
}

// load reads a package, checks its types and finds its mutants.
func load(pkg, onlyFiles string) (*loaded, error) {
	var listed struct {
		Dir, Name, ImportPath string
		GoFiles               []string
	}
	exports := map[string]string{}
	out, err := output("go", "list", "-export", "-deps", "-json=Dir,Name,ImportPath,GoFiles,Export,DepOnly", pkg)
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var one struct {
			Dir, Name, ImportPath, Export string
			GoFiles                       []string
			DepOnly                       bool
		}
		if err := d.Decode(&one); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		exports[one.ImportPath] = one.Export
		if !one.DepOnly {
			listed.Dir, listed.Name, listed.ImportPath, listed.GoFiles = one.Dir, one.Name, one.ImportPath, one.GoFiles
		}
	}
	p := &loaded{dir: listed.Dir, name: listed.Name, sources: map[string]string{}}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range listed.GoFiles {
		path := filepath.Join(listed.Dir, name)
		src, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(fset, path, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.sources[path] = string(src)
		files = append(files, file)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })}
	if _, err := config.Check(listed.ImportPath, fset, files, info); err != nil {
		return nil, err
	}
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	next := 1
	for _, file := range files {
		path := fset.Position(file.Pos()).Filename
		if ast.IsGenerated(file) || !strings.Contains(filepath.Base(path), onlyFiles) {
			continue
		}
		shown, err := filepath.Rel(root, path)
		if err != nil {
			shown = path
		}
		f := &finder{fset: fset, info: info, path: filepath.ToSlash(shown), src: p.sources[path], next: &next}
		p.mutants = append(p.mutants, f.look(file)...)
	}
	return p, nil
}

func output(name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, args[0], err, problem.String())
	}
	return out, nil
}

// verdict says what became of a mutant.
type verdict int

const (
	killed   verdict = iota
	survived         // the tests passed
	unseen           // no test runs the code
	invalid          // it does not compile
)

// lab is where mutants of a package are tried.
type lab struct {
	*loaded
	work     string // a temporary folder
	programs []*program
	least    time.Duration
}

// program is the tests of one package.
type program struct {
	pkg, dir, path string
	tests          []test
}

type test struct {
	name    string
	reaches map[int]bool
	took    time.Duration
}

// newLab compiles the tests with all mutants that can be switched, and learns which test
// reaches which. It fails when a test does.
func newLab(p *loaded, testsOf []string, least time.Duration) (*lab, error) {
	work, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return nil, err
	}
	l := &lab{loaded: p, work: work, least: least}
	for _, pkg := range testsOf {
		dir, err := output("go", "list", "-f", "{{.Dir}}", pkg)
		if err != nil {
			return nil, err
		}
		l.programs = append(l.programs, &program{pkg: pkg, dir: strings.TrimSpace(string(dir)), path: filepath.Join(work, strconv.Itoa(len(l.programs))+".test")})
	}
	if err := l.compileSwitched(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(work))
	}
	for _, program := range l.programs {
		if err := l.learn(program); err != nil {
			return nil, errors.Join(err, os.RemoveAll(work))
		}
	}
	return l, nil
}

func (l *lab) close() { _ = os.RemoveAll(l.work) }

// helpers is what the mutated package gets in a file of its own. A mutant that is reached is
// noted once, when the environment asks for it.
const helpers = `package %s

import (
	"os"
	"strconv"
	"sync"
)

var mutantOn, mutantsReached = func() (int, *os.File) {
	n, _ := strconv.Atoi(os.Getenv("MUTANT"))
	f, _ := os.OpenFile(os.Getenv("MUTANTS_REACHED"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	return n, f
}()

var mutantsSeen sync.Map

func mutantIsOn(n int) bool {
	if mutantsReached != nil {
		if _, before := mutantsSeen.LoadOrStore(n, true); !before {
			mutantsReached.WriteString(strconv.Itoa(n) + "\n")
		}
	}
	return n == mutantOn
}

func mutantPick[T any](on bool, now, was T) T {
	if on {
		return now
	}
	return was
}
`

// overlay writes the changed sources and returns the file for go's -overlay.
func (l *lab) overlay(changed map[string]string) (string, error) {
	replace := map[string]string{}
	for path, text := range changed {
		to := filepath.Join(l.work, filepath.Base(path))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[path] = to
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(l.work, "overlay.json")
	return file, os.WriteFile(file, b, 0o600)
}

// compile builds the tests of a package with the changed sources. Its output says why it
// cannot be compiled, if failed.
func (l *lab) compile(program *program, to string, changed map[string]string) (out string, failed bool, err error) {
	overlay, err := l.overlay(changed)
	if err != nil {
		return "", false, err
	}
	b, err := exec.Command("go", "test", "-c", "-vet=off", "-gcflags=-e", "-overlay", overlay, "-o", to, program.pkg).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(b), true, nil
	}
	return "", false, err
}

// compileSwitched compiles all mutants that can be switched. Those that the compiler refuses are
// left out.
func (l *lab) compileSwitched() error {
	at := regexp.MustCompile(`(?m)^(?:vet: )?([^\s:]+\.go):(\d+):`)
	for range 20 {
		changed := map[string]string{filepath.Join(l.dir, "mutants_of_this_run.go"): fmt.Sprintf(helpers, l.name)}
		for path, src := range l.sources {
			var in []mutant
			for _, m := range l.mutants {
				if m.switched != nil && filepath.Base(m.file) == filepath.Base(path) {
					in = append(in, m)
				}
			}
			if len(in) > 0 {
				changed[path] = render(src, in)
			}
		}
		refused := false
		for _, program := range l.programs {
			out, failed, err := l.compile(program, program.path, changed)
			if err != nil {
				return err
			}
			if !failed {
				continue
			}
			refused = true
			before := len(l.mutants)
			for _, m := range at.FindAllStringSubmatch(out, -1) {
				line, _ := strconv.Atoi(m[2])
				l.mutants = slices.DeleteFunc(l.mutants, func(one mutant) bool {
					return one.switched != nil && filepath.Base(one.file) == filepath.Base(m[1]) && l.onLine(one, line)
				})
			}
			if len(l.mutants) == before {
				return fmt.Errorf("the tests do not compile:\n%s", out)
			}
			break
		}
		if !refused {
			return nil
		}
	}
	return errors.New("the compiler refuses the changes again and again")
}

// onLine reports whether a mutant is on a line of its file.
func (l *lab) onLine(m mutant, line int) bool {
	src := l.sources[filepath.Join(l.dir, filepath.Base(m.file))]
	return m.line <= line && line <= m.line+strings.Count(src[m.start:m.end], "\n")
}

// learn runs each test once by itself.
func (l *lab) learn(p *program) error {
	list, err := exec.Command(p.path, "-test.list", "^(Test|Fuzz|Example)").Output()
	if err != nil {
		return err
	}
	for name := range strings.FieldsSeq(string(list)) {
		reached := filepath.Join(l.work, "reached")
		_ = os.Remove(reached)
		began := time.Now()
		if out, ok := l.runTests(p, p.path, []string{name}, 10*time.Minute, "MUTANTS_REACHED="+reached); !ok {
			return fmt.Errorf("%s fails before anything was changed:\n%s", name, out)
		}
		t := test{name: name, reaches: map[int]bool{}, took: time.Since(began)}
		b, err := os.ReadFile(reached)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		for n := range strings.FieldsSeq(string(b)) {
			if number, err := strconv.Atoi(n); err == nil {
				t.reaches[number] = true
			}
		}
		p.tests = append(p.tests, t)
	}
	// The quick ones first: most mutants are killed by them.
	slices.SortStableFunc(p.tests, func(a, b test) int { return int(a.took - b.took) })
	return nil
}

// runTests runs tests in their package's folder and reports whether they passed. Memory is bounded,
// since a changed loop may have no end.
func (l *lab) runTests(p *program, path string, names []string, within time.Duration, env ...string) (out string, ok bool) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	pattern := "^(" + strings.Join(names, "|") + ")$"
	cmd := exec.CommandContext(ctx, "sh", "-c", `ulimit -v 6000000; exec "$@"`, "sh", path, "-test.failfast", "-test.timeout", within.String(), "-test.run", pattern)
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), env...)
	cmd.WaitDelay = time.Second
	b, err := cmd.CombinedOutput()
	return string(b), err == nil
}

// try says what becomes of one mutant.
func (l *lab) try(m mutant) (verdict, error) {
	seen := false
	for _, p := range l.programs {
		path, env := p.path, "MUTANT="+strconv.Itoa(m.number)
		if m.switched == nil {
			source := filepath.Join(l.dir, filepath.Base(m.file))
			src := l.sources[source]
			path = filepath.Join(l.work, "alone.test")
			_, failed, err := l.compile(p, path, map[string]string{source: src[:m.start] + m.alone + src[m.end:]})
			if err != nil {
				return 0, err
			}
			if failed {
				return invalid, nil
			}
		}
		var names []string
		took := time.Duration(0)
		for _, t := range p.tests {
			if m.switched == nil || t.reaches[m.number] {
				names = append(names, t.name)
				took += t.took
			}
		}
		if len(names) == 0 {
			continue
		}
		seen = true
		// One quick test at a time would start many processes; all at once would run the
		// slow ones although a quick one fails. go test runs them in the order of the source, so
		// the quick half goes first.
		half := (len(names) + 1) / 2
		for _, some := range [][]string{names[:half], names[half:]} {
			if len(some) == 0 {
				continue
			}
			if _, ok := l.runTests(p, path, some, max(l.least, 4*took), env); !ok {
				return killed, nil
			}
		}
	}
	if !seen {
		return unseen, nil
	}
	return survived, nil
}
