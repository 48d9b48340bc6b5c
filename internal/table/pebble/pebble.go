// Package pebble is the store that needs nothing installed: the table of one café in
// a folder, kept by the Pebble key-value engine inside the process, with a durable
// log of every change that stands in for DynamoDB Streams.
//
// A write is acknowledged once it is on disk (fsynced), and concurrent writers share
// the wait. Conditions are checked and the write is applied under one short lock;
// the wait for the disk is outside of it.
//
// # When the disk fails
//
// With little space left (minFree), writes are refused with table.ErrUnavailable
// while reads go on, and are taken again once there is space. When a file cannot be
// written all the same, nothing more is written to the folder: writes under way and
// all later ones get table.ErrUnavailable, reads go on, and Failed tells. What was
// acknowledged is on disk, and opening the folder again brings it back.
package pebble

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cafe/internal/table"
)

// format is the version of what this package writes: keys, items and changes.
const format = 1

var (
	// ErrInUse says that another process has the folder open.
	ErrInUse = errors.New("in use by another process")
	// ErrClosed is what calls after Close get. It Is table.ErrUnavailable.
	ErrClosed = fmt.Errorf("%w: it was closed", table.ErrUnavailable)
	// ErrTrimmed says that changes asked for are no longer in the log.
	ErrTrimmed = errors.New("changes were trimmed")
)

// Options change what Open does by default.
type Options struct {
	FS        vfs.FS           // default: the operating system's
	Now       func() time.Time // when a change happened; default: time.Now
	CacheSize int64            // bytes of blocks read to keep; default: 128 MB
	Logger    *slog.Logger     // for errors of the store itself, which are rare; default: slog.Default()

	// Logs says of which partitions (PK) the change log is to have the changes; default:
	// of all. Of the others it has the numbers, so that there is no gap.
	Logs func(pk string) bool

	// Tests make these small.
	memTable uint64        // bytes written before Pebble makes a table of them
	pause    time.Duration // see fence
}

// Table implements table.Table in a folder of this machine.
type Table struct {
	db   *lsm.DB
	lock *lsm.Lock
	dir  string
	now  func() time.Time
	logs func(pk string) bool

	// open is held for reading by every call under way, and for writing by Close.
	open    sync.RWMutex
	stop    sync.Once
	closing chan struct{} // closed when Close begins

	// turn holds the one who checks conditions and applies a write. It is a channel, so
	// that waiting for it ends with the context.
	turn chan struct{}
	// assigned is the number of the last change that was given one; it changes only by
	// the holder of turn, and before the change can be read.
	assigned atomic.Uint64
	synced   watermark // number of the last change that is on disk

	trim struct {
		sync.Mutex
		wanted, done uint64
		every        uint64
	}

	fence *fence
	space space
}

var _ table.Table = (*Table)(nil)

// trimEvery is how many changes are dropped at once. Each time leaves a mark that
// reads have to step over, until Pebble tidies up.
const trimEvery = 1024

// Open opens the table in the folder, and makes both if need be. Another process
// that has it open is ErrInUse; a folder that cannot be written is an error that
// names it. Close the table in the end.
func Open(dir string, opts Options) (*Table, error) {
	if opts.FS == nil {
		opts.FS = vfs.Default
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.CacheSize == 0 {
		opts.CacheSize = 128 << 20
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.memTable == 0 {
		opts.memTable = 16 << 20
	}
	if opts.pause == 0 {
		opts.pause = time.Second
	}
	t := &Table{
		dir:     dir,
		now:     opts.Now,
		logs:    opts.Logs,
		closing: make(chan struct{}),
		turn:    make(chan struct{}, 1),
		fence:   newFence(opts.FS, opts.Logger.With("store", dir), opts.pause),
		space:   space{fs: opts.FS, dir: dir},
	}
	t.synced.init()
	t.trim.every = trimEvery

	if err := opts.FS.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder %s cannot be made: %w", dir, err)
	}
	var err error
	if t.lock, err = lsm.LockDirectory(dir, opts.FS); err != nil {
		var file *fs.PathError
		if errors.As(err, &file) {
			return nil, fmt.Errorf("data folder %s cannot be written: %w", dir, err)
		}
		return nil, fmt.Errorf("data folder %s is %w (%v)", dir, ErrInUse, err)
	}
	if err := t.start(opts); err != nil {
		return nil, errors.Join(fmt.Errorf("data folder %s cannot be opened: %w", dir, err), t.lock.Close())
	}
	return t, nil
}

// start opens the engine, and finds where the log of changes ends.
func (t *Table) start(opts Options) (err error) {
	if t.db, err = lsm.Open(t.dir, t.engineOptions(opts)); err != nil {
		return err
	}
	if err := errors.Join(t.load(), t.fence.err()); err != nil {
		return errors.Join(err, t.db.Close())
	}
	return nil
}

func (t *Table) load() error {
	version, err := t.fact(metaFormat)
	switch {
	case err != nil:
		return err
	case version == 0:
		if err := t.db.Set([]byte(metaFormat), encodeFact(format), lsm.Sync); err != nil {
			return err
		}
	case version != format:
		return fmt.Errorf("it has format %d, and this program knows format %d only", version, format)
	}

	if t.trim.done, err = t.fact(metaTrimmed); err != nil {
		return err
	}
	last := t.trim.done
	changes, err := t.db.NewIter(&lsm.IterOptions{LowerBound: []byte{spaceChange}, UpperBound: []byte{spaceChange + 1}})
	if err != nil {
		return err
	}
	if changes.Last() {
		last = max(last, binary.BigEndian.Uint64(changes.Key()[1:]))
	}
	t.trim.wanted = t.trim.done
	t.assigned.Store(last)
	t.synced.advance(last)
	return changes.Close()
}

// engineOptions fit a small computer: two cores, a slow disk that may lose power, a
// few hundred megabytes of memory to spare.
func (t *Table) engineOptions(opts Options) *lsm.Options {
	o := &lsm.Options{
		FS:                 t.fence,
		Lock:               t.lock,
		Logger:             t.fence,
		FormatMajorVersion: lsm.FormatTableFormatV6,
		CacheSize:          opts.CacheSize,

		// Four of these at most. The log that is read again at the next start is as
		// long as one or two; changes that are trimmed while still in here never cost
		// another write.
		MemTableSize:                opts.memTable,
		MemTableStopWritesThreshold: 4,

		// Stopping all writers at 12 runs behind is for machines that can compact faster
		// than they write; here a rush may last minutes, and the night is quiet.
		L0CompactionThreshold: 4,
		L0StopWritesThreshold: 48,

		// Writes the log out in steps, so that an fsync never finds much to do.
		WALBytesPerSync: 256 << 10,
		MaxOpenFiles:    500,
	}
	for i := range o.Levels {
		o.Levels[i] = lsm.LevelOptions{
			// Small blocks, since most reads are of one item; and one block of a table's index,
			// since an index of small ones is itself found by an index: a read of today's
			// orders took 1.9 times as long among a million as among 1,000 (1.2 so).
			BlockSize:      4 << 10,
			IndexBlockSize: 256 << 10,

			// Every new order asks for an id that is not there: the filter answers without
			// reading a block.
			FilterPolicy: bloom.FilterPolicy(10),
		}
	}
	o.EventListener = &lsm.EventListener{
		BackgroundError: func(err error) { t.fence.Errorf("background work: %v", err) },
		DataCorruption:  func(info lsm.DataCorruptionInfo) { t.fence.Errorf("damaged file: %v", info) },
	}
	return o
}

// Close waits for the calls under way, brings all to disk and releases the folder.
// Later calls get ErrClosed. When the store has failed, Close says so once more.
func (t *Table) Close() error {
	t.stop.Do(func() { close(t.closing) })
	t.open.Lock()
	defer t.open.Unlock()
	if t.db == nil {
		return nil
	}
	err := errors.Join(t.drop(), t.db.Close(), t.fence.err(), t.lock.Close())
	t.db = nil
	return err
}

// Failed is closed when the store cannot write any more (see the package's text) and
// the process is better started again. Err then says why.
func (t *Table) Failed() <-chan struct{} { return t.fence.failed }

// Err returns why the store failed, as an error that Is table.ErrUnavailable; nil if
// it did not.
func (t *Table) Err() error { return t.fence.err() }

// enter begins a call, which has to leave in the end.
func (t *Table) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.open.RLock()
	select {
	case <-t.closing:
		t.open.RUnlock()
		return ErrClosed
	default:
		return nil
	}
}

func (t *Table) leave() { t.open.RUnlock() }

// fact reads a number that the store keeps about itself; 0 if it was never set.
func (t *Table) fact(name string) (uint64, error) {
	b, closer, err := t.db.Get([]byte(name))
	if errors.Is(err, lsm.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", table.ErrUnavailable, err)
	}
	defer closer.Close()
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return 0, fmt.Errorf("%w: %w: %s", table.ErrUnavailable, errCorrupt, name)
	}
	return n, nil
}

func encodeFact(n uint64) []byte { return binary.AppendUvarint(nil, n) }

// watermark is a number that only grows, and that can be waited for.
type watermark struct {
	n       atomic.Uint64
	waiting atomic.Int64

	mu    sync.Mutex
	grown chan struct{} // closed when n has grown
}

func (w *watermark) init() { w.grown = make(chan struct{}) }

// advance makes it at least n.
func (w *watermark) advance(n uint64) {
	for {
		old := w.n.Load()
		if n <= old {
			return
		}
		if w.n.CompareAndSwap(old, n) {
			break
		}
	}
	if w.waiting.Load() == 0 {
		return // who begins to wait now looks at n again first
	}
	w.mu.Lock()
	close(w.grown)
	w.grown = make(chan struct{})
	w.mu.Unlock()
}

// reach waits until it is at least n, and tells whether it is: it gives up with the
// context or when one of stop closes.
func (w *watermark) reach(ctx context.Context, n uint64, stop ...<-chan struct{}) bool {
	if w.n.Load() >= n {
		return true
	}
	w.waiting.Add(1)
	defer w.waiting.Add(-1)
	var stops [2]<-chan struct{} // nil channels never close
	copy(stops[:], stop)
	for {
		w.mu.Lock()
		grown := w.grown
		w.mu.Unlock()
		if w.n.Load() >= n {
			return true
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return false
		case <-stops[0]:
			return false
		case <-stops[1]:
			return false
		}
	}
}
