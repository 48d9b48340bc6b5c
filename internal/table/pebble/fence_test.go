package pebble

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"

	"cafe/internal/table"
)

var ctx = context.Background()

var silent = slog.New(slog.DiscardHandler)

// within fails the test if work does not end in time.
func within(t *testing.T, limit time.Duration, what string, work func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("%s does not end", what)
	}
}

// failing makes the write operations of a file system fail, from the nth on.
type failing struct {
	n     int64
	once  bool // only the nth fails
	cause error
	count atomic.Int64
}

func (f *failing) String() string { return f.cause.Error() }

func (f *failing) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || op.Kind == errorfs.OpFileClose {
		return nil
	}
	if n := f.count.Add(1); n == f.n || n > f.n && !f.once {
		return &fs.PathError{Op: "write", Path: op.Path, Err: f.cause}
	}
	return nil
}

// Every write operation of the engine fails in turn. Whichever fails, writers get an error,
// no call hangs, and reads go on. Once the disk works again, all acknowledged writes are
// there.
func TestADiskThatFills(t *testing.T) {
	sweepFailures(t, func(n int64) *failing { return &failing{n: n, cause: syscall.ENOSPC} })
}

func TestADiskThatFailsOnce(t *testing.T) {
	sweepFailures(t, func(n int64) *failing { return &failing{n: n, cause: syscall.EIO, once: true} })
}

func sweepFailures(t *testing.T, disk func(n int64) *failing) {
	for n := int64(1); ; n++ {
		disk := disk(n)
		failDisk(t, fmt.Sprint("failure ", n), disk)
		if t.Failed() {
			return
		}
		if disk.count.Load() < n {
			t.Logf("each of %d write operations failed in its turn", n-1)
			return
		}
	}
}

func TestAFailedOpenReleasesTheFolder(t *testing.T) {
	for n := int64(1); ; n++ {
		mem := vfs.NewMem()
		disk := &failing{n: n, once: true, cause: syscall.EIO}
		p, err := Open("data", Options{FS: errorfs.Wrap(mem, disk), Logger: silent})
		if err == nil {
			if err := p.Close(); err != nil && disk.count.Load() < n {
				t.Error(err)
			}
		}
		if disk.count.Load() < n {
			return
		}
		p, err = Open("data", Options{FS: mem, Logger: silent})
		if err != nil {
			t.Fatalf("failure %d: open again: %v", n, err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAClosedTableLeavesNothingRunning(t *testing.T) {
	ignored := goleak.IgnoreCurrent()
	for _, disk := range []*failing{
		{n: 1 << 60, cause: syscall.EIO}, // never
		{n: 80, cause: syscall.ENOSPC},   // while it is written to
		{n: 20, cause: syscall.ENOSPC},   // while it is opened
	} {
		p, err := Open("data", Options{FS: errorfs.Wrap(vfs.NewMem(), disk), Logger: silent, memTable: 64 << 10, pause: time.Millisecond})
		if err != nil {
			if disk.n > 20 {
				t.Fatal(err)
			}
			continue
		}
		for i := range 20 {
			p.Write(ctx, table.Put(table.Key{PK: fmt.Sprint(i), SK: "x"}, table.Item{"text": table.String(strings.Repeat("x", 10<<10))}))
		}
		if err := p.Close(); !errors.Is(err, p.Err()) || (err == nil) != (disk.n > 80) {
			t.Errorf("close: %v", err)
		}
	}
	if err := goleak.Find(ignored); err != nil {
		t.Error(err)
	}
}

func failDisk(t *testing.T, name string, disk *failing) {
	mem := vfs.NewCrashableMem()
	// A memtable this small is flushed every few writes, and compacted soon after.
	opts := Options{FS: errorfs.Wrap(mem, disk), Logger: silent, memTable: 64 << 10, pause: time.Millisecond}
	text := table.String(strings.Repeat("x", 10<<10))

	var mu sync.Mutex
	var acknowledged []table.Key
	kept := int(disk.n*37) % 101 // the percentage of unsynced writes that survive the crash
	p, err := Open("data", opts)
	if err != nil {
		if !errors.Is(err, disk.cause) {
			t.Errorf("%s: open: %v", name, err)
		}
		kept = 100 // Pebble cannot open a folder that was only half created
	} else {
		within(t, 20*time.Second, name+": writing", func() {
			var all sync.WaitGroup
			for w := range 4 {
				all.Go(func() {
					for i := range 5 {
						a, b := table.Key{PK: fmt.Sprint(w), SK: fmt.Sprint(i)}, table.Key{PK: fmt.Sprint("other ", w), SK: fmt.Sprint(i)}
						err := p.Write(ctx, table.Put(a, table.Item{"text": text}), table.Put(b, table.Item{}))
						if err != nil {
							if !errors.Is(err, table.ErrUnavailable) || !errors.Is(err, disk.cause) {
								t.Errorf("%s: write: %v", name, err)
							}
							continue
						}
						mu.Lock()
						acknowledged = append(acknowledged, a, b)
						mu.Unlock()
					}
				})
			}
			all.Wait()
		})
		for _, key := range acknowledged {
			if _, err := p.Get(ctx, key, false); err != nil {
				t.Errorf("%s: %s cannot be read: %v", name, key, err)
			}
		}
		if len(acknowledged) < 4*5*2 {
			select {
			case <-p.Failed():
			case <-time.After(10 * time.Second):
				t.Errorf("%s: a write failed, the table did not", name)
			}
		}
		within(t, 20*time.Second, name+": closing", func() {
			if err := p.Close(); !errors.Is(err, p.Err()) {
				t.Errorf("%s: close: %v, want %v", name, err, p.Err())
			}
		})
	}

	rng := rand.New(rand.NewPCG(uint64(disk.n), 0))
	again, err := Open("data", Options{FS: mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: rng}), Logger: silent})
	if err != nil {
		t.Fatalf("%s: open again: %v", name, err)
	}
	for _, key := range acknowledged {
		if _, err := again.Get(ctx, key, true); err != nil {
			t.Errorf("%s: %s was acknowledged: %v", name, key, err)
		}
	}
	if err := again.Write(ctx, table.Put(table.Key{PK: "new", SK: "new"}, table.Item{})); err != nil {
		t.Errorf("%s: write again: %v", name, err)
	}
	if err := again.Close(); err != nil {
		t.Errorf("%s: close again: %v", name, err)
	}
}
