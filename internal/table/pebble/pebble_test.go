package pebble

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cafe/internal/table"
	"cafe/internal/table/tabletest"
)

func open(t testing.TB, dir string, opts Options) *Table {
	t.Helper()
	p, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestTheTableOnDiskKeepsTheContract(t *testing.T) {
	tabletest.Run(t, func(t *testing.T) table.Table { return open(t, t.TempDir(), Options{}) })
}

func TestTheTableInMemoryKeepsTheContract(t *testing.T) {
	tabletest.Run(t, func(t *testing.T) table.Table { return open(t, "data", Options{FS: vfs.NewCrashableMem()}) })
}
