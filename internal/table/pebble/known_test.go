package pebble

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cafe/internal/table"
)

// orders writes so many items, each with a kilobyte.
func orders(t testing.TB, p *Table, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		mustWrite(t, p, table.Put(numbered(i), table.Item{"note": table.String(strings.Repeat(fmt.Sprint(i), 1024)[:1024])}, table.Absent()))
	}
}

func numbered(i int) table.Key { return table.Key{PK: fmt.Sprintf("O#%d", i), SK: "O"} }

// newest returns the path of the file of a kind that was made last.
func newest(t testing.TB, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("there is no %s (%v)", pattern, err)
	}
	return slices.Max(names)
}

// content returns all files below a folder, by name.
func content(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files[path[len(dir):]] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cut leaves so many tenths of what is in a file. Pebble lets a log end with zeros, for what
// is to come.
func cut(t testing.TB, path string, tenths int) {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	b = bytes.TrimRight(b, "\x00")
	must(t, os.WriteFile(path, b[:len(b)*tenths/10], 0o600))
}

// left is how much of a damaged store can be opened.
type left int

const (
	some left = iota
	none
	closed // Pebble itself cannot open it
)

func TestADamagedStoreIsNotOpenedAsAnEmptierOne(t *testing.T) {
	whole := t.TempDir()
	const all = 160
	options := Options{memTable: 64 << 10}
	p := open(t, filepath.Join(whole, "store"), options)
	orders(t, p, 0, all/2)
	early := t.TempDir()
	p.note()
	must(t, p.Close())
	must(t, os.CopyFS(early, os.DirFS(whole)))
	p = open(t, filepath.Join(whole, "store"), options)
	orders(t, p, all/2, all-9)
	must(t, p.Close())
	p = open(t, filepath.Join(whole, "store"), options) // with a log that is not an old one, used again
	orders(t, p, all-9, all)
	must(t, p.Close())

	for _, c := range []struct {
		name   string
		damage func(t *testing.T, data, store string)
		says   string // instead of a DamageError: only this
		left   left   // with AcceptLoss
	}{
		{"the manifest's marker is missing", func(t *testing.T, _, store string) {
			must(t, os.Remove(newest(t, store+"/marker.manifest.*")))
		}, "", some},
		{"it was emptied", func(t *testing.T, _, store string) {
			must(t, os.RemoveAll(store))
			must(t, os.Mkdir(store, 0o700))
		}, "", none},
		{"it was removed", func(t *testing.T, _, store string) { must(t, os.RemoveAll(store)) }, "", none},
		{"the newest log was removed", func(t *testing.T, _, store string) { must(t, os.Remove(newest(t, store+"/*.log"))) }, "", some},
		{"the newest log was cut in half", func(t *testing.T, _, store string) { cut(t, newest(t, store+"/*.log"), 5) }, "", some},
		{"the newest log lost its end", func(t *testing.T, _, store string) { cut(t, newest(t, store+"/*.log"), 9) }, "", some},
		{"the newest log was emptied", func(t *testing.T, _, store string) { cut(t, newest(t, store+"/*.log"), 0) }, "", some},
		{"it is that of yesterday", func(t *testing.T, _, store string) {
			must(t, os.RemoveAll(store))
			must(t, os.CopyFS(store, os.DirFS(filepath.Join(early, "store"))))
		}, "", some},
		{"what is known was cut", func(t *testing.T, data, _ string) { cut(t, filepath.Join(data, "store.known"), 5) }, "", some},
		{"a table is missing", func(t *testing.T, _, store string) { must(t, os.Remove(newest(t, store+"/*.sst"))) }, "cannot be opened", closed},
		{"all but the tables and the log is missing", func(t *testing.T, _, store string) {
			for _, pattern := range []string{"marker.*", "MANIFEST-*", "OPTIONS-*"} {
				names, err := filepath.Glob(store + "/" + pattern)
				must(t, err)
				for _, name := range names {
					must(t, os.Remove(name))
				}
			}
		}, "", closed},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := t.TempDir()
			must(t, os.CopyFS(data, os.DirFS(whole)))
			store := filepath.Join(data, "store")
			c.damage(t, data, store)
			before := content(t, data)

			damaged, err := Open(store, options)
			var damage *DamageError
			switch {
			case err == nil:
				damaged.Close()
				t.Fatal("it opens without a word")
			case c.says != "":
				if !strings.Contains(err.Error(), c.says) {
					t.Error(err)
				}
			case !errors.As(err, &damage) || damage.Missing == "" || damage.Dir != store:
				t.Errorf("it is not said to be damaged: %v", err)
			}
			if after := content(t, data); !maps.Equal(before, after) {
				t.Errorf("the folder was changed: it had %q and has %q", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
			}
			t.Log(err)

			var log bytes.Buffer
			accepting := options
			accepting.AcceptLoss, accepting.Logger = true, slog.New(slog.NewTextHandler(&log, nil))
			if c.left == closed {
				if damaged, err := Open(store, accepting); err == nil {
					damaged.Close()
					t.Error("it opens")
				}
				return
			}
			p := open(t, store, accepting)
			if n := strings.Count(log.String(), "what is left of it"); n != 1 || !strings.Contains(log.String(), damage.Missing[:10]) {
				t.Errorf("it logged %s", &log)
			}
			items := audit(t, p)
			for i := range len(items) { // the oldest ones are there, without a gap
				if items[numbered(i)] == nil {
					t.Errorf("of %d items, item %d is missing", len(items), i)
				}
			}
			if (len(items) == 0) != (c.left == none) {
				t.Errorf("%d items are left", len(items))
			}
			t.Logf("%d of %d are left", len(items), all)
			mustWrite(t, p, table.Put(latte, table.Item{}))
			must(t, p.Close())
			again := open(t, store, options) // what was lost is accepted for good
			if got := len(audit(t, again)); got != len(items)+1 {
				t.Errorf("then it has %d items, want %d", got, len(items)+1)
			}
		})
	}
}

func TestAMissingChangeInBetweenIsMissed(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store")
	p := open(t, store, Options{})
	orders(t, p, 0, 9)
	o := p.engineOptions(Options{})
	must(t, p.Close())
	o.FS, o.Lock = vfs.Default, nil
	db, err := lsm.Open(store, o)
	must(t, err)
	must(t, errors.Join(db.Delete(appendChangeKey(nil, 4), lsm.Sync), db.Close()))

	var damage *DamageError
	if damaged, err := Open(store, Options{}); !errors.As(err, &damage) {
		t.Errorf("opened %v, %v", damaged != nil, err)
	}
	p = open(t, store, Options{AcceptLoss: true, Logger: slog.New(slog.DiscardHandler)})
	if first, last := p.Bounds(); first != 5 || last != 9 {
		t.Errorf("the log has %d to %d", first, last)
	}
	if _, err := p.Changes(ctx, 2, 10, nil); !errors.Is(err, ErrTrimmed) {
		t.Errorf("a consumer that has 2 changes gets %v", err)
	}
	if got := changes(t, p, 4); len(got) != 5 {
		t.Errorf("%d changes follow", len(got))
	}
	must(t, p.Close())
	open(t, store, Options{})
}

func TestAStoreOfWhichNothingIsKnownOpens(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store")
	p := open(t, store, Options{})
	orders(t, p, 0, 9)
	must(t, p.Close())
	must(t, os.Remove(knownPath(store))) // as a version left it that kept no such file
	p = open(t, store, Options{})
	if got := len(audit(t, p)); got != 9 {
		t.Errorf("it has %d items", got)
	}
	must(t, p.Close())
	cut(t, newest(t, store+"/*.log"), 0)
	if damaged, err := Open(store, Options{}); err == nil { // nothing was in it that is not in a table
		must(t, damaged.Close())
	}
}

// The power is cut before each operation on a file, with all or nothing of what was not
// synced. Whatever that leaves is opened, and has what was acknowledged. (With any part, a
// manifest's name may be lost and its marker's kept, which file systems with a journal do
// not do, and Pebble relies on that.)
func TestNoPowerCutIsTakenForDamage(t *testing.T) {
	mem := vfs.NewCrashableMem()
	must(t, mem.MkdirAll("data", 0o700)) // and on disk, as durable.MkdirAll has it
	root, err := mem.OpenDir("")
	must(t, err)
	must(t, errors.Join(root.Sync(), root.Close()))
	rng := rand.New(rand.NewPCG(14, 6))
	var acknowledged atomic.Int64
	type powerCut struct {
		disk     *vfs.MemFS
		promised int64
		at       string
	}
	var cuts []powerCut
	var mu sync.Mutex // Pebble has work in the background, too
	watched := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			mu.Lock()
			defer mu.Unlock()
			promised := acknowledged.Load()
			cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 100}[len(cuts)%2], RNG: rng}
			cuts = append(cuts, powerCut{mem.CrashClone(cfg), promised, fmt.Sprintf("%v of %s", op.Kind, op.Path)})
		}
		return nil
	}))
	options := Options{FS: watched, memTable: 64 << 10, renewal: time.Hour}
	for life := range 3 {
		p, err := Open("data/store", options)
		must(t, err)
		for i := range 40 {
			orders(t, p, 40*life+i, 40*life+i+1)
			acknowledged.Store(int64(40*life + i + 1))
			if i%7 == 0 {
				p.note()
			}
		}
		must(t, p.Close())
	}
	t.Logf("%d cuts", len(cuts))
	for n, c := range cuts {
		p, err := Open("data/store", Options{FS: c.disk, memTable: 64 << 10, renewal: time.Hour, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Errorf("cut %d, before %s: %v", n, c.at, err)
			continue
		}
		for i := range c.promised {
			if _, err := p.Get(ctx, numbered(int(i)), false); err != nil {
				t.Errorf("cut %d, before %s: of %d orders, order %d: %v", n, c.at, c.promised, i, err)
				break
			}
		}
		must(t, p.Close())
	}
}
