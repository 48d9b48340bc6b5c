//go:build beside

package api

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// With the tag, as in Lambda, the tests have the documents beside their binary.
func init() {
	binary, err := os.Executable()
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"openapi.json.gz", "asyncapi.json.gz", "docs.html.gz"} {
		content, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(filepath.Dir(binary), name), content, 0o600)
		}
		if err != nil {
			panic(err)
		}
	}
}

func TestDocumentsAreReadFromBesideTheBinary(t *testing.T) {
	for i, name := range []string{"openapi.json.gz", "asyncapi.json.gz", "docs.html.gz"} {
		want, err := os.ReadFile(name)
		if err != nil || !slices.Equal(documents[i](), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
