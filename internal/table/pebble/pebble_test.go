package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

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

func mustWrite(t testing.TB, p *Table, ops ...table.Op) {
	t.Helper()
	if err := p.Write(ctx, ops...); err != nil {
		t.Fatal(err)
	}
}

func TestContractOnDisk(t *testing.T) {
	tabletest.Run(t, func(t *testing.T) table.Table { return open(t, t.TempDir(), Options{}) })
}

func TestContractInMemory(t *testing.T) {
	tabletest.Run(t, func(t *testing.T) table.Table { return open(t, "data", Options{FS: vfs.NewCrashableMem()}) })
}

func TestContractDuringFlushesAndCompactions(t *testing.T) {
	tabletest.Run(t, func(t *testing.T) table.Table {
		p := open(t, "data", Options{FS: vfs.NewMem(), memTable: 64 << 10})
		t.Cleanup(func() { audit(t, p) })
		return p
	})
}

var (
	latte   = table.Key{PK: "M", SK: "latte"}
	brownie = table.Key{PK: "M", SK: "brownie"}
)

func TestReopeningKeepsEverything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	p := open(t, dir, Options{})
	item := table.Item{"n": table.Int(1), table.AttrIndex1: table.String("I"), table.AttrSort: table.String("1")}
	mustWrite(t, p, table.Put(latte, item), table.Put(brownie, table.Item{}))
	mustWrite(t, p, table.Delete(brownie))
	if err := p.SetCheckpoint("ledger", 2); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		p = open(t, dir, Options{})
		if got, err := p.Get(ctx, latte, true); err != nil || !got.Equal(item) {
			t.Errorf("got %v, %v", got, err)
		}
		if _, err := p.Get(ctx, brownie, true); !errors.Is(err, table.ErrNotFound) {
			t.Errorf("got %v", err)
		}
		page, err := p.Query(ctx, table.Query{Index: table.Index1, Partition: "I"})
		if err != nil || len(page.Rows) != 1 || page.Rows[0].Key != latte {
			t.Errorf("got %v, %v", page, err)
		}
		if first, last := p.Bounds(); first != 1 || last != 3 {
			t.Errorf("log from %d to %d", first, last)
		}
		if seq, err := p.Checkpoint("ledger"); seq != 2 || err != nil {
			t.Errorf("checkpoint %d, %v", seq, err)
		}
		audit(t, p)
	}
}

func TestASecondTableGetsErrInUse(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir, Options{})
	second, err := Open(dir, Options{})
	if !errors.Is(err, ErrInUse) || second != nil || !strings.HasPrefix(err.Error(), "data folder "+dir+" is in use by another process") {
		t.Errorf("got %v", err)
	}
	mustWrite(t, p, table.Put(latte, table.Item{}))
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, Options{})
}

// TestMain is the other process when the test below starts this program again.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PEBBLE_TEST_OPEN"); dir != "" {
		_, err := Open(dir, Options{})
		fmt.Println(errors.Is(err, ErrInUse), err)
		return
	}
	os.Exit(m.Run())
}

func TestASecondProcessGetsErrInUse(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir, Options{})
	other := func() string {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "PEBBLE_TEST_OPEN="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatal(err, string(out))
		}
		return string(out)
	}
	if said := other(); !strings.HasPrefix(said, "true data folder "+dir+" is in use by another process") {
		t.Errorf("said %q", said)
	}
	mustWrite(t, p, table.Put(latte, table.Item{}))
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if said := other(); !strings.HasPrefix(said, "false <nil>") {
		t.Errorf("said %q", said)
	}
}

func TestAFolderThatCannotBeWrittenIsNamed(t *testing.T) {
	readOnly := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpMkdirAll {
			return &fs.PathError{Op: "open", Path: op.Path, Err: syscall.EROFS}
		}
		return nil
	}))
	_, err := Open("data", Options{FS: readOnly, Logger: silent})
	if err == nil || errors.Is(err, ErrInUse) || !errors.Is(err, syscall.EROFS) || !strings.HasPrefix(err.Error(), "data folder data cannot be written") {
		t.Errorf("got %v", err)
	}

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, Options{Logger: silent}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
}

func TestAFolderWithoutPermissionIsNamed(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write anywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{Logger: silent}); !errors.Is(err, fs.ErrPermission) || !strings.HasPrefix(err.Error(), "data folder "+dir+" cannot be written") {
		t.Errorf("got %v", err)
	}
}

func TestANewerFormatIsRefused(t *testing.T) {
	mem := vfs.NewMem()
	p, err := Open("data", Options{FS: mem})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.db.Set([]byte(metaFormat), encodeFact(format+1), lsm.Sync); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // twice, since a refusal must not leave the folder locked
		if _, err := Open("data", Options{FS: mem}); err == nil || !strings.Contains(err.Error(), "format 2") {
			t.Errorf("got %v", err)
		}
	}
}

func TestAClosedTableSaysSo(t *testing.T) {
	p := open(t, t.TempDir(), Options{})
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	for name, call := range map[string]func() error{
		"get":            func() error { _, err := p.Get(ctx, latte, true); return err },
		"query":          func() error { _, err := p.Query(ctx, table.Query{Partition: "M"}); return err },
		"scan":           func() error { _, err := p.Scan(ctx, table.Scan{}); return err },
		"write":          func() error { return p.Write(ctx, table.Put(latte, nil)) },
		"changes":        func() error { _, err := p.Changes(ctx, 0, 1, nil); return err },
		"wait":           func() error { return p.Wait(ctx, 0) },
		"trim":           func() error { return p.Trim(1) },
		"checkpoint":     func() error { _, err := p.Checkpoint("x"); return err },
		"set checkpoint": func() error { return p.SetCheckpoint("x", 1) },
	} {
		if err := call(); !errors.Is(err, ErrClosed) || !errors.Is(err, table.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	select {
	case <-p.Failed():
		t.Error("failed, although it was only closed")
	default:
	}
}

func TestCloseWaitsForWriters(t *testing.T) {
	mem := vfs.NewCrashableMem()
	p := open(t, "data", Options{FS: mem})
	var all sync.WaitGroup
	acknowledged := make([][]table.Key, 8)
	for w := range acknowledged {
		all.Go(func() {
			for i := 0; ; i++ {
				key := table.Key{PK: fmt.Sprint(w), SK: fmt.Sprint(i)}
				if err := p.Write(ctx, table.Put(key, table.Item{})); errors.Is(err, ErrClosed) {
					return
				} else if err != nil {
					t.Error(err)
					return
				}
				acknowledged[w] = append(acknowledged[w], key)
			}
		})
	}
	time.Sleep(5 * time.Millisecond)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
	p = open(t, "data", Options{FS: mem.CrashClone(vfs.CrashCloneCfg{})})
	total := uint64(0)
	for _, keys := range acknowledged {
		total += uint64(len(keys))
		for _, key := range keys {
			if _, err := p.Get(ctx, key, true); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
	}
	if _, last := p.Bounds(); total == 0 || last != total {
		t.Errorf("%d acknowledged, %d in the log", total, last)
	}
}

func TestAHealthyStoreLogsNothing(t *testing.T) {
	var log bytes.Buffer
	p := open(t, t.TempDir(), Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), memTable: 64 << 10})
	for i := range 100 {
		mustWrite(t, p, table.Put(table.Key{PK: fmt.Sprint(i), SK: "x"}, table.Item{"a": table.String(strings.Repeat("x", 5000))}))
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if log.Len() > 0 {
		t.Errorf("logged %s", &log)
	}
}

// scarce is a disk whose free space the test sets.
type scarce struct {
	vfs.FS
	mu   sync.Mutex
	free uint64
}

func (s *scarce) set(free uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = free
}

func (s *scarce) GetDiskUsage(string) (vfs.DiskUsage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return vfs.DiskUsage{AvailBytes: s.free, TotalBytes: 1 << 40}, nil
}

func TestWritesWaitForSpaceOnTheDisk(t *testing.T) {
	disk := &scarce{FS: vfs.NewMem(), free: minFree}
	p := open(t, "data", Options{FS: disk})
	mustWrite(t, p, table.Put(latte, table.Item{}))

	becomes := func(want error) {
		t.Helper()
		for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
			err := p.Write(ctx, table.Put(latte, table.Item{}))
			if errors.Is(err, want) {
				return
			}
			if time.Since(start) > 5*time.Second {
				t.Fatalf("got %v, want %v", err, want)
			}
		}
	}
	disk.set(minFree - 1)
	becomes(table.ErrUnavailable)
	if _, err := p.Get(ctx, latte, true); err != nil {
		t.Errorf("read: %v", err)
	}
	disk.set(minFree)
	becomes(nil)
	if p.Err() != nil {
		t.Error(p.Err())
	}
}

func TestWritesGoOnWhenFreeSpaceIsUnknown(t *testing.T) {
	p := open(t, "data", Options{FS: vfs.NewMem()}) // it does not know its free space
	mustWrite(t, p, table.Put(latte, table.Item{}))
}

func TestBadQueriesAreErrInvalid(t *testing.T) {
	p := open(t, "data", Options{FS: vfs.NewMem()})
	for _, q := range []table.Query{{Index: 3, Partition: "x"}, {Index: table.Index1, Partition: "x", Consistent: true}} {
		if _, err := p.Query(ctx, q); !errors.Is(err, table.ErrInvalid) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

func TestNULInAQueryReadsNoOtherPartition(t *testing.T) {
	p := open(t, "data", Options{FS: vfs.NewMem()})
	item := table.Item{table.AttrIndex1: table.String("alice"), table.AttrSort: table.String("1")}
	mustWrite(t, p, table.Put(table.Key{PK: "alice", SK: "secret"}, item))
	for _, partition := range []string{"alice\x001", "alice\x00", "\x00", "alice\x001\x00alice"} {
		for _, index := range []table.Index{table.Primary, table.Index1} {
			if page, err := p.Query(ctx, table.Query{Index: index, Partition: partition}); err != nil || len(page.Rows) > 0 {
				t.Errorf("query of %q: %v, %v", partition, page, err)
			}
		}
	}
	for _, key := range []table.Key{{PK: "alice\x00secret", SK: ""}, {PK: "", SK: "alice\x00secret"}, {}} {
		if item, err := p.Get(ctx, key, false); !errors.Is(err, table.ErrNotFound) {
			t.Errorf("get %q: %v, %v", key, item, err)
		}
	}
}

func TestADamagedItemIsAnError(t *testing.T) {
	p := open(t, "data", Options{FS: vfs.NewMem()})
	if err := p.db.Set(appendItemKey(nil, latte), []byte{1, 200}, lsm.Sync); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Get(ctx, latte, false); !errors.Is(err, table.ErrUnavailable) || !errors.Is(err, errCorrupt) {
		t.Errorf("get: %v", err)
	}
	if _, err := p.Query(ctx, table.Query{Partition: "M"}); !errors.Is(err, errCorrupt) {
		t.Errorf("query: %v", err)
	}
	if err := p.Write(ctx, table.Put(latte, table.Item{}, table.Absent())); !errors.Is(err, errCorrupt) {
		t.Errorf("write: %v", err)
	}
	if p.Err() != nil {
		t.Errorf("one damaged item stops the store: %v", p.Err())
	}
}

// slowDisk lets a test delay the fsyncs of the write-ahead log.
type slowDisk struct {
	mu   sync.Mutex
	held chan struct{}
}

func (s *slowDisk) String() string { return "slow" }

func (s *slowDisk) MaybeError(op errorfs.Op) error {
	s.mu.Lock()
	held := s.held
	s.mu.Unlock()
	if held != nil && strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
		<-held
	}
	return nil
}

func (s *slowDisk) hold() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := make(chan struct{})
	s.held = held
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.held = nil
		close(held)
	})
}

func TestAnswersWaitUntilTheyAreOnDisk(t *testing.T) {
	disk := &slowDisk{}
	p := open(t, "data", Options{FS: errorfs.Wrap(vfs.NewMem(), disk)})
	gone, old := table.Key{PK: "gone", SK: "x"}, table.Key{PK: "old", SK: "x"}
	mustWrite(t, p, table.Put(gone, table.Item{}), table.Put(old, table.Item{}))

	release := disk.hold()
	defer release()
	written := make(chan error, 2)
	go func() { written <- p.Write(ctx, table.Put(latte, table.Item{"n": table.Int(1)})) }()
	go func() { written <- p.Write(ctx, table.Delete(gone)) }()
	for p.assigned.Load() < 4 {
		time.Sleep(time.Millisecond)
	}

	// Each of these calls depends on one of the two writes.
	dependent := map[string]func(ctx context.Context) error{
		"a consistent get of the item written": func(ctx context.Context) error { _, err := p.Get(ctx, latte, true); return err },
		"a consistent get of the item removed": func(ctx context.Context) error { _, err := p.Get(ctx, gone, true); return err },
		"a consistent query": func(ctx context.Context) error {
			_, err := p.Query(ctx, table.Query{Partition: "M", Consistent: true})
			return err
		},
		"a refusal that shows the item":      func(ctx context.Context) error { return p.Write(ctx, table.Put(latte, nil, table.Absent())) },
		"a refusal that shows it is removed": func(ctx context.Context) error { return p.Write(ctx, table.Put(gone, nil, table.Present())) },
		"a check":                            func(ctx context.Context) error { return p.Write(ctx, table.Check(latte, table.Present())) },
		"the same write again": func(ctx context.Context) error {
			return p.Write(ctx, table.Put(latte, table.Item{"n": table.Int(1)}))
		},
		"the next change": func(ctx context.Context) error { return p.Wait(ctx, 2) },
	}
	answers := map[string]error{
		"a consistent get of the item removed": table.ErrNotFound,
		"a refusal that shows the item":        &table.ConditionError{}, "a refusal that shows it is removed": &table.ConditionError{},
	}
	for name, call := range dependent {
		short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
		if err := call(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s, before: %v", name, err)
		}
		cancel()
	}
	if changes, err := p.Changes(ctx, 2, 10, nil); err != nil || len(changes) != 0 {
		t.Errorf("changes, before: %v, %v", changes, err)
	}
	// These calls do not.
	if _, err := p.Get(ctx, old, true); err != nil {
		t.Errorf("a consistent get of an old item: %v", err)
	}
	if _, err := p.Get(ctx, latte, false); err != nil {
		t.Errorf("any other get: %v", err)
	}
	if err := p.Write(ctx, table.Check(old, table.Present())); err != nil {
		t.Errorf("a check of an old item: %v", err)
	}
	select {
	case err := <-written:
		t.Errorf("acknowledged before it was on disk: %v", err)
	default:
	}

	release()
	for range 2 {
		if err := <-written; err != nil {
			t.Error(err)
		}
	}
	for name, call := range dependent {
		err := call(ctx)
		if _, refusal := answers[name].(*table.ConditionError); refusal {
			if _, refused := table.Failed(err, 0); !refused {
				t.Errorf("%s, after: %v", name, err)
			}
		} else if !errors.Is(err, answers[name]) {
			t.Errorf("%s, after: %v", name, err)
		}
	}
	if changes, err := p.Changes(ctx, 2, 10, nil); err != nil || len(changes) != 2 {
		t.Errorf("changes, after: %v, %v", changes, err)
	}
}

func TestAWaitingWriterEndsWithItsContext(t *testing.T) {
	p := open(t, "data", Options{FS: vfs.NewMem()})
	p.turn <- struct{}{}
	short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
	defer cancel()
	if err := p.Write(short, table.Put(latte, nil)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	<-p.turn
	mustWrite(t, p, table.Put(latte, nil, table.Absent()))
}
