// Command mutate says how well a package's tests know its code. It makes many small changes,
// one at a time: a condition negated, or a part of it dropped, a boundary moved, a statement
// dropped, a constant changed, an error swallowed. Of each it asks whether a test fails. A change
// that no test notices survives: a test is missing, or the change makes no difference.
//
//	go run ./tools/mutate [-sample N] [-tests PACKAGE,...] PACKAGE...
//
// No source file is touched. All changes are compiled into one test program, each behind a
// switch; constants, which cannot be switched, are compiled one by one. Each test runs once to learn
// which changes it gets to; then each change is tried with the tests that get to it.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	sample := flag.Int("sample", 0, "try only so many changes of a package, chosen at random; 0: all")
	seed := flag.Uint64("seed", 1, "what the choice begins with")
	tests := flag.String("tests", "", "packages whose tests are run, with commas between; the package itself unless given")
	files := flag.String("files", "", "look only at files whose names have this in them")
	list := flag.Bool("list", false, "only list the changes")
	least := flag.Duration("least", 20*time.Second, "how long tests may run, at least, before they count as failed")
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	reasons, err := readExplained("tools/mutate/explained.txt")
	if err == nil {
		err = run(flag.Args(), options{*sample, *seed, *tests, *files, *list, *least, reasons})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

type options struct {
	sample  int
	seed    uint64
	tests   string
	files   string
	list    bool
	least   time.Duration
	reasons explained
}

// tally says what became of the changes of a package.
type tally struct {
	pkg                        string
	all, tried, killed         int
	survived, unseen, excepted []mutant
	took                       time.Duration
}

// share returns how many of 100 changes were killed, without those that are explained.
func (t tally) share() float64 {
	n := t.tried - len(t.excepted)
	if n == 0 {
		return 100
	}
	return 100 * float64(t.killed) / float64(n)
}

func run(packages []string, o options) error {
	var rows []tally
	for _, pkg := range packages {
		t, err := try(pkg, o)
		if err != nil {
			return fmt.Errorf("%s: %w", pkg, err)
		}
		rows = append(rows, t)
	}
	if o.list {
		return nil
	}
	fmt.Println("\n| package | changes | tried | killed | of 100 | survived | no test gets there | explained | minutes |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	for _, t := range rows {
		fmt.Printf("| `%s` | %d | %d | %d | %.0f | %d | %d | %d | %.0f |\n",
			t.pkg, t.all, t.tried, t.killed, t.share(), len(t.survived), len(t.unseen), len(t.excepted), t.took.Minutes())
	}
	return nil
}

// try tries the changes of one package.
func try(pkg string, o options) (tally, error) {
	began := time.Now()
	p, err := load(pkg, o.files)
	if err != nil {
		return tally{}, err
	}
	t := tally{pkg: strings.TrimPrefix(pkg, "./"), all: len(p.mutants)}
	if o.list {
		for _, m := range p.mutants {
			fmt.Println(m)
		}
		return t, nil
	}
	of := []string{pkg}
	if o.tests != "" {
		of = strings.Split(o.tests, ",")
	}
	lab, err := newLab(p, of, o.least)
	if err != nil {
		return t, err
	}
	defer lab.close()

	chosen := slices.Clone(p.mutants)
	t.all = len(chosen)
	if o.sample > 0 && o.sample < len(chosen) {
		random := rand.New(rand.NewPCG(o.seed, 0))
		random.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
		chosen = chosen[:o.sample]
		slices.SortFunc(chosen, func(a, b mutant) int { return a.number - b.number })
	}
	for _, m := range chosen {
		verdict, err := lab.try(m)
		if err != nil {
			return t, err
		}
		if verdict == invalid {
			continue
		}
		t.tried++
		reason := o.reasons.of(m)
		switch {
		case verdict == killed:
			t.killed++
		case reason != "":
			t.excepted = append(t.excepted, m)
		case verdict == unseen:
			t.unseen = append(t.unseen, m)
			fmt.Printf("%s\n    no test gets there\n", m)
		default:
			t.survived = append(t.survived, m)
			fmt.Printf("%s\n    survived\n", m)
		}
	}
	t.took = time.Since(began)
	return t, nil
}

// explained says, of changes that make no difference that a test could see, why. The key is
// the file, the kind and the code.
type explained map[string]string

func (e explained) of(m mutant) string {
	return e[strings.Join([]string{m.file, m.kind, m.was, m.now}, " | ")]
}

// readExplained reads lines of the form
//
//	file | kind | code | changed code | reason
//
// Empty lines and lines that begin with # are left out. Without the file nothing is explained.
func readExplained(path string) (explained, error) {
	f, err := os.Open(filepath.FromSlash(path))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := explained{}
	for s := bufio.NewScanner(f); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		i := strings.LastIndex(line, " | ")
		if i < 0 || strings.Count(line, " | ") < 4 {
			return nil, fmt.Errorf("%s: not file | kind | code | changed code | reason: %s", path, line)
		}
		all[line[:i]] = line[i+3:]
	}
	return all, nil
}
