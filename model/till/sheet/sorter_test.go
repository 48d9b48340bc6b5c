package sheet

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSorterSortsInAnyMemory(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		s := Sorter{Memory: rapid.IntRange(1, 4000).Draw(rt, "memory"), Scratch: func() (Scratch, error) { return os.CreateTemp(dir, "scratch") }}
		defer s.Close()
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		var want []string
		for i := range rapid.IntRange(0, 300).Draw(rt, "records") {
			key := binary.BigEndian.AppendUint32([]byte(strings.Repeat("k", random.IntN(3))), uint32(i))
			value := strings.Repeat(string(rune('a'+i%26)), random.IntN(60))
			want = append(want, string(key)+":"+value)
			if err := s.Add(key, func(b []byte) []byte { return append(b, value...) }); err != nil {
				rt.Fatal(err)
			}
		}
		slices.Sort(want)
		for range 2 { // it can be read again
			var got []string
			if err := s.Each(func(key, value []byte) bool { got = append(got, string(key)+":"+string(value)); return true }); err != nil {
				rt.Fatal(err)
			}
			if !slices.Equal(got, want) {
				rt.Fatalf("got %q, want %q", got, want)
			}
		}
	})
}
