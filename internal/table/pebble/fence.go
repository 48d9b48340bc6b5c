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

// fence stands between Pebble and the file system. After the first write to a file
// that fails it lets no other through, so that nothing is built on a gap. It is
// Pebble's logger too, which is where Pebble would end the process.
//
// Pebble cannot live with an error of its log or its manifest: it ends the process,
// or panics with its locks in disorder, or keeps a writer waiting for ever. So once
// the fence is shut, Pebble goes on in memory, where it can still be read: new files
// are made there, and changes to the old ones are dropped. It is Table that
// acknowledges nothing any more. It may ask err after any operation of Pebble's: when
// something failed in it, err said so before Pebble was told that all is well.
type fence struct {
	vfs.FS
	memory *vfs.MemFS // files made once shut
	log    *slog.Logger
	pause  time.Duration // before a compaction is refused: Pebble tries again at once, for ever

	cause  atomic.Pointer[error]
	failed chan struct{} // closed once cause is set
}

func newFence(under vfs.FS, log *slog.Logger, pause time.Duration) *fence {
	return &fence{FS: under, memory: vfs.NewMem(), log: log, pause: pause, failed: make(chan struct{})}
}

// err returns why nothing gets through; nil if all does and all did.
func (f *fence) err() error {
	if cause := f.cause.Load(); cause != nil {
		return *cause
	}
	return nil
}

func (f *fence) shut() bool { return f.cause.Load() != nil }

// fail shuts the fence, for the first cause it is given.
func (f *fence) fail(cause error) {
	err := fmt.Errorf("%w: it stopped writing: %w", table.ErrUnavailable, cause)
	if f.cause.CompareAndSwap(nil, &err) {
		f.log.Error("the store cannot write any more and has to be opened again", "cause", cause)
		close(f.failed)
	}
}

// What Pebble says it writes. A flush or a compaction that fails is tried again, and
// a compaction can wait: it has no end, and no place in memory.
const (
	flush      vfs.DiskWriteCategory = "pebble-memtable-flush"
	compaction vfs.DiskWriteCategory = "pebble-compaction"
)

// file opens a file to write it.
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

// OpenDir opens a folder to sync it.
func (f *fence) OpenDir(name string) (vfs.File, error) {
	dir, err := f.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return fencedFile{dir, f, false}, nil
}

// change does something to the names of files.
func (f *fence) change(do func(vfs.FS) error) error {
	if !f.shut() {
		err := do(f.FS)
		if err == nil {
			return nil
		}
		f.fail(err)
	}
	_ = do(f.memory) // of a file that is not there, it is dropped
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

// Remove does not shut the fence when it fails: a file that stays too long does no
// harm.
func (f *fence) Remove(name string) error {
	if !f.shut() {
		return f.FS.Remove(name)
	}
	return f.change(func(to vfs.FS) error { return to.Remove(name) })
}

func (f *fence) Unwrap() vfs.FS { return f.FS }

// fencedFile is a file on disk, or a folder, open for writing or syncing.
type fencedFile struct {
	vfs.File
	fence *fence
	again bool // Pebble may be told of errors: it tries again, with another file
}

func (f fencedFile) pass(do func() error) error {
	if !f.fence.shut() {
		err := do()
		if err == nil {
			return nil
		}
		f.fence.fail(err)
	}
	if f.again {
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

// Infof drops what Pebble has to tell: it reports each file it makes.
func (f *fence) Infof(string, ...any) {}

// Errorf logs what went wrong, unless it is more of what the fence said already.
func (f *fence) Errorf(format string, args ...any) {
	if f.err() == nil {
		f.log.Error(fmt.Sprintf(format, args...))
	}
}

// Fatalf is called where Pebble expects the process to end. Shutting the fence is as
// good: what it does after that is not on disk.
func (f *fence) Fatalf(format string, args ...any) { f.fail(fmt.Errorf(format, args...)) }

// minFree is how much space has to be free for writes to be taken: enough for Pebble
// to tidy up what it has, which needs room of its own.
const minFree = 256 << 20

// space watches how much of the disk is free.
type space struct {
	fs      vfs.FS
	dir     string
	checked atomic.Int64 // when, in nanoseconds since 1970
	low     atomic.Bool
}

// err is an error that Is table.ErrUnavailable while there is too little. It asks the
// disk at most ten times a second.
func (s *space) err() error {
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
