package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// A module with good tests for one function and none for another.
var sample = map[string]string{
	"go.mod": "module sample\n\ngo 1.25\n",
	"sample.go": `package sample

import "errors"

const most = 10

var ErrTooMany = errors.New("too many")

func Add(to, n int) (int, error) {
	if n < 0 || to+n > most {
		return to, ErrTooMany
	}
	to += n
	return to, nil
}

func Untested(n int) bool {
	return n == 3
}

func Weak(n int) int {
	if n > 5 {
		n = 5
	}
	return n
}
`,
	"sample_test.go": `package sample

import "testing"

func TestAdd(t *testing.T) {
	for _, row := range []struct{ to, n, want int; err error }{{0, 0, 0, nil}, {3, 7, 10, nil}, {3, 8, 3, ErrTooMany}, {3, -1, 3, ErrTooMany}, {1, 2, 3, nil}} {
		if got, err := Add(row.to, row.n); got != row.want || err != row.err {
			t.Errorf("%+v: %d, %v", row, got, err)
		}
	}
}

func TestWeak(t *testing.T) {
	if Weak(1) != 1 {
		t.Error("not 1")
	}
}
`,
}

func TestAMissingTestIsFoundAndTheCodeStaysAsItIs(t *testing.T) {
	dir := t.TempDir()
	for name, text := range sample {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	p, err := load(".", "")
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLab(p, []string{"."}, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	found := map[verdict][]string{}
	for _, m := range l.mutants {
		v, err := l.try(m)
		if err != nil {
			t.Fatal(err)
		}
		found[v] = append(found[v], fmt.Sprintf("%d %s: %s → %s", m.line, m.kind, m.was, m.now))
	}
	for v, want := range map[verdict][]string{
		killed: {
			"5 constant changed: 10 → 10+1",
			"10 condition negated: n < 0 || to+n > most → !(n < 0 || to+n > most)",
			"10 part of a condition dropped: n < 0 → false",
			"10 boundary moved: n < 0 → n <= 0",
			"10 constant changed: 0 → (0+1)",
			"10 part of a condition dropped: to+n > most → false",
			"10 boundary moved: to+n > most → to+n >= most",
			"10 arithmetic changed: to+n → (to) - (n)",
			"11 error swallowed: return to, ErrTooMany → return to, nil",
			"13 statement dropped: to += n → ",
			"22 condition negated: n > 5 → !(n > 5)",
		},
		unseen:   {"18 condition negated: n == 3 → !(n == 3)", "18 constant changed: 3 → (3+1)", "23 statement dropped: n = 5 → ", "23 constant changed: 5 → (5+1)"},
		invalid:  nil,
		survived: {"22 boundary moved: n > 5 → n >= 5", "22 constant changed: 5 → (5+1)"},
	} {
		slices.Sort(want)
		slices.Sort(found[v])
		if !slices.Equal(found[v], want) {
			t.Errorf("verdict %d:\n%q\nwant\n%q", v, found[v], want)
		}
	}
	for name, text := range sample {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != text {
			t.Errorf("%s is %q (%v)", name, b, err)
		}
	}
}
