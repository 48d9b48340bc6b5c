package pebble

import (
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cafe/internal/table"
)

// fence is a file system between Pebble and the disk. After the first failed write it is
// shut: it passes no other write to the disk, so that no file continues after a gap. It is
// also Pebble's logger, since Pebble ends the process through its logger.
//
// Pebble does not survive an error of its log or its manifest. It ends the process, or
// panics and leaves its locks held, or keeps a writer waiting for ever. So a shut fence
// tells Pebble that all is well, and Pebble continues in memory and can still be read. New
// files are created in memory, and changes to old files are dropped.
//
// Table makes sure that nothing is acknowledged then. It calls err after each operation of
// Pebble. If the operation failed inside, err returns the error, because the fence is shut
// before Pebble gets its answer.
type fence struct {
	vfs.FS
	memory *vfs.MemFS // the files created after the fence was shut
	log    *slog.Logger
	pause  time.Duration // the pause before a compaction is refused, since Pebble retries at once and for ever

	cause  atomic.Pointer[error]
	failed chan struct{} // closed once cause is set
}

func newFence(under vfs.FS, log *slog.Logger, pause time.Duration) *fence {
	return &fence{FS: under, memory: vfs.NewMem(), log: log, pause: pause, failed: make(chan struct{})}
}

// err returns the reason why the fence is shut, or nil if it is open.
func (f *fence) err() error {
	if cause := f.cause.Load(); cause != nil {
		return *cause
	}
	return nil
}

func (f *fence) shut() bool { return f.cause.Load() != nil }

// fail shuts the fence. Only the first cause is kept.
func (f *fence) fail(cause error) {
	err := fmt.Errorf("%w: it stopped writing: %w", table.ErrUnavailable, cause)
	if f.cause.CompareAndSwap(nil, &err) {
		f.log.Error("the store cannot write any more and must be opened again", "cause", cause)
		close(f.failed)
	}
}

// The kinds of files, as Pebble names them. Pebble retries a flush or a compaction that
// fails. A compaction can wait, and it is too large to go on in memory.
const (
	flush      vfs.DiskWriteCategory = "pebble-memtable-flush"
	compaction vfs.DiskWriteCategory = "pebble-compaction"
)

// file opens a file for writing, on disk or, if the fence is shut, in memory.
func (f *fence) file(name string, category vfs.DiskWriteCategory, open func() (vfs.File, error)) (vfs.File, error) {
	if !f.shut() {
		file, err := open()
		if err == nil {
			return fencedFile{file, f, category == flush || category == compaction}, nil
		}
		f.fail(err)
	}
	if category == compaction {
		time.Sleep(f.pause)
		return nil, f.err()
	}
	if err := f.memory.MkdirAll(f.PathDir(name), 0o700); err != nil {
		return nil, err
	}
	return f.memory.Create(name, category)
}

func (f *fence) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return f.file(name, category, func() (vfs.File, error) { return f.FS.Create(name, category) })
}

func (f *fence) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return f.file(name, category, func() (vfs.File, error) { return f.FS.OpenReadWrite(name, category, opts...) })
}

func (f *fence) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return f.file(newname, category, func() (vfs.File, error) { return f.FS.ReuseForWrite(oldname, newname, category) })
}

func (f *fence) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	if f.shut() {
		if file, err := f.memory.Open(name, opts...); err == nil {
			return file, nil
		}
	}
	return f.FS.Open(name, opts...)
}

func (f *fence) Stat(name string) (vfs.FileInfo, error) {
	if f.shut() {
		if info, err := f.memory.Stat(name); err == nil {
			return info, nil
		}
	}
	return f.FS.Stat(name)
}

// OpenDir opens a folder, which Pebble does to sync it.
func (f *fence) OpenDir(name string) (vfs.File, error) {
	dir, err := f.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return fencedFile{dir, f, false}, nil
}

// change carries out a change of file names, on disk or, if the fence is shut, in memory.
func (f *fence) change(do func(vfs.FS) error) error {
	if !f.shut() {
		err := do(f.FS)
		if err == nil {
			return nil
		}
		f.fail(err)
	}
	_ = do(f.memory) // it fails if the file is only on disk; then the change is dropped
	return nil
}

func (f *fence) Link(oldname, newname string) error {
	return f.change(func(to vfs.FS) error { return to.Link(oldname, newname) })
}

func (f *fence) Rename(oldname, newname string) error {
	return f.change(func(to vfs.FS) error { return to.Rename(oldname, newname) })
}

func (f *fence) MkdirAll(dir string, perm os.FileMode) error {
	return f.change(func(to vfs.FS) error { return to.MkdirAll(dir, perm) })
}

// Remove does not shut the fence when it fails, since a file that stays does no harm.
func (f *fence) Remove(name string) error {
	if !f.shut() {
		return f.FS.Remove(name)
	}
	return f.change(func(to vfs.FS) error { return to.Remove(name) })
}

func (f *fence) Unwrap() vfs.FS { return f.FS }

// fencedFile is a file or a folder on disk that is open for writing or syncing.
type fencedFile struct {
	vfs.File
	fence   *fence
	retries bool // Pebble retries after an error, with another file, so it may see errors
}

func (f fencedFile) pass(do func() error) error {
	if !f.fence.shut() {
		err := do()
		if err == nil {
			return nil
		}
		f.fence.fail(err)
	}
	if f.retries {
		return f.fence.err()
	}
	return nil
}

func (f fencedFile) Write(p []byte) (n int, err error) {
	if err := f.pass(func() error { n, err = f.File.Write(p); return err }); err != nil {
		return n, err
	}
	return len(p), nil
}

func (f fencedFile) WriteAt(p []byte, offset int64) (n int, err error) {
	if err := f.pass(func() error { n, err = f.File.WriteAt(p, offset); return err }); err != nil {
		return n, err
	}
	return len(p), nil
}

func (f fencedFile) Sync() error { return f.pass(f.File.Sync) }

func (f fencedFile) SyncData() error { return f.pass(f.File.SyncData) }

func (f fencedFile) SyncTo(length int64) (full bool, err error) {
	err = f.pass(func() error { full, err = f.File.SyncTo(length); return err })
	return full, err
}

// Infof drops Pebble's information. Pebble reports every file that it creates.
func (f *fence) Infof(string, ...any) {}

// Errorf logs an error, unless the fence is shut and has logged its reason.
func (f *fence) Errorf(format string, args ...any) {
	if f.err() == nil {
		f.log.Error(fmt.Sprintf(format, args...))
	}
}

// Fatalf shuts the fence. Pebble calls it where it expects the process to end. Shutting
// the fence is enough: Pebble writes nothing to disk after that.
func (f *fence) Fatalf(format string, args ...any) { f.fail(fmt.Errorf(format, args...)) }

// minFree is the free space that writes need. It is enough for Pebble's compactions, which
// need space of their own.
const minFree = 256 << 20

// freeSpace watches the free space of a disk.
type freeSpace struct {
	fs      vfs.FS
	dir     string
	checked atomic.Int64 // when the disk was last asked, in nanoseconds since 1970
	low     atomic.Bool
}

// err returns an error that Is table.ErrUnavailable while there is too little space. It
// asks the disk at most ten times a second.
func (s *freeSpace) err() error {
	now := time.Now().UnixNano()
	if last := s.checked.Load(); now-last > int64(100*time.Millisecond) && s.checked.CompareAndSwap(last, now) {
		usage, err := s.fs.GetDiskUsage(s.dir)
		s.low.Store(err == nil && usage.AvailBytes < minFree)
	}
	if s.low.Load() {
		return fmt.Errorf("%w: less than %d MB free for %s", table.ErrUnavailable, minFree>>20, s.dir)
	}
	return nil
}
