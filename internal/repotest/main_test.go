// Package repotest tests the repository as a whole: which room may use which, whether each
// case of docs/reliability.md has its test, whether a secret is in a file or a program.
package repotest

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil { // the repository's root
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
