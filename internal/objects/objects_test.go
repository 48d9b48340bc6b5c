package objects_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cafe/internal/objects"
)

func TestEveryKeyHasANameOfItsOwn(t *testing.T) {
	part := rapid.StringOfN(rapid.RuneFrom([]rune("ab%2F25.~ é日+")), 1, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		key := strings.Join(rapid.SliceOfN(part, 1, 4).Draw(t, "parts"), "/")
		name, err := objects.FileName(key)
		if err != nil {
			if !errors.Is(err, objects.ErrKey) {
				t.Fatal(err)
			}
			t.Skip("no key")
		}
		if strings.ContainsAny(name, "/\x00") || name == "." || name == ".." || len(name) > 255 {
			t.Fatalf("%q is kept as %q", key, name)
		}
		if back := objects.Key(name); back != key {
			t.Fatalf("%q is kept as %q, which is %q", key, name, back)
		}
	})
}
