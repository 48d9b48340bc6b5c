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
// that fails it lets no other through, so that nothing is built on a gap: Pebble's
// own answers to a full or broken disk are to end the process, to panic, or to try
// the same again without a pause. It is Pebble's logger too, which is where those
// answers go through.
type fence struct {
	vfs.FS
	log *slog.Logger

	cause  atomic.Pointer[error]
	failed chan struct{} // closed once cause is set

	panicked atomic.Bool
	pause    time.Duration
}

func newFence(under vfs.FS, log *slog.Logger) *fence {
	return &fence{FS: under, log: log, failed: make(chan struct{}), pause: time.Second}
}

// err returns why nothing gets through; nil if all does.
func (f *fence) err() error {
	if cause := f.cause.Load(); cause != nil {
		return *cause
	}
	return nil
}

// fail shuts the fence, for the first cause it is given.
func (f *fence) fail(cause error) {
	err := fmt.Errorf("%w: the store stopped writing: %w", table.ErrUnavailable, cause)
	if f.cause.CompareAndSwap(nil, &err) {
		f.log.Error("the store cannot write any more and has to be opened again", "cause", cause)
		close(f.failed)
	}
}

// recover, deferred, turns a panic of Pebble into an error and shuts the fence: it
// panics when it cannot go on with its log.
func (f *fence) recover(err *error) {
	if p := recover(); p != nil {
		f.panicked.Store(true)
		f.fail(fmt.Errorf("%v", p))
		*err = f.err()
	}
}

// pass does something to a file, or does not if the fence is shut. Then it pauses
// first: Pebble tries a failed flush or compaction again at once, for ever.
func (f *fence) pass(do func() error) error {
	if err := f.err(); err != nil {
		time.Sleep(f.pause)
		return err
	}
	err := do()
	if err != nil {
		f.fail(err)
	}
	return err
}

// file is pass for what opens a file.
func (f *fence) file(open func() (vfs.File, error)) (file vfs.File, err error) {
	if err = f.pass(func() error { file, err = open(); return err }); err != nil {
		return nil, err
	}
	return fencedFile{file, f}, nil
}

func (f *fence) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return f.file(func() (vfs.File, error) { return f.FS.Create(name, category) })
}

func (f *fence) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return f.file(func() (vfs.File, error) { return f.FS.OpenReadWrite(name, category, opts...) })
}

func (f *fence) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return f.file(func() (vfs.File, error) { return f.FS.ReuseForWrite(oldname, newname, category) })
}

func (f *fence) OpenDir(name string) (vfs.File, error) {
	dir, err := f.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return fencedFile{dir, f}, nil
}

func (f *fence) Link(oldname, newname string) error {
	return f.pass(func() error { return f.FS.Link(oldname, newname) })
}

func (f *fence) Rename(oldname, newname string) error {
	return f.pass(func() error { return f.FS.Rename(oldname, newname) })
}

func (f *fence) MkdirAll(dir string, perm os.FileMode) error {
	return f.pass(func() error { return f.FS.MkdirAll(dir, perm) })
}

// Remove fails when the fence is shut, but does not shut it: a file that stays too
// long does no harm.
func (f *fence) Remove(name string) error {
	if err := f.err(); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

func (f *fence) Unwrap() vfs.FS { return f.FS }

// fencedFile is an open file, or a folder.
type fencedFile struct {
	vfs.File
	fence *fence
}

func (f fencedFile) Write(p []byte) (n int, err error) {
	err = f.fence.pass(func() error { n, err = f.File.Write(p); return err })
	return n, err
}

func (f fencedFile) WriteAt(p []byte, offset int64) (n int, err error) {
	err = f.fence.pass(func() error { n, err = f.File.WriteAt(p, offset); return err })
	return n, err
}

func (f fencedFile) Sync() error { return f.fence.pass(f.File.Sync) }

func (f fencedFile) SyncData() error { return f.fence.pass(f.File.SyncData) }

func (f fencedFile) SyncTo(length int64) (full bool, err error) {
	err = f.fence.pass(func() error { full, err = f.File.SyncTo(length); return err })
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

// Fatalf is called where Pebble cannot go on, and where it expects the process to
// end. Shutting the fence is as good: whatever it still does stays in memory.
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
