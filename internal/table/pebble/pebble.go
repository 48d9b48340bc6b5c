// Package pebble keeps a table.Table in a folder, with the Pebble key-value engine inside
// the process. It needs no installation. It also keeps a durable log of every change, in
// place of DynamoDB Streams.
//
// A write returns once it is on disk (fsynced), and concurrent writers share one fsync.
// One short lock covers checking the conditions and applying the write. The wait for the
// disk is outside the lock.
//
// # When the disk fails
//
// When little space is left (minFree), writes return table.ErrUnavailable and reads go on.
// Writes are accepted again once there is space.
//
// When writing a file fails, nothing more is written to the folder. Writes in progress and
// all later writes return table.ErrUnavailable, reads go on, and the channel Failed is
// closed. All acknowledged writes are on disk. Opening the folder again brings them back.
package pebble

import (
	"cmp"
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

// format is the version of the format on disk: of keys, items and changes.
const format = 1

var (
	// ErrInUse says that another process has opened the folder.
	ErrInUse = errors.New("in use by another process")
	// ErrClosed is the error of calls after Close. It Is table.ErrUnavailable.
	ErrClosed = fmt.Errorf("%w: it was closed", table.ErrUnavailable)
	// ErrTrimmed says that the requested changes are no longer in the log.
	ErrTrimmed = errors.New("changes were trimmed")
)

// Options are the options of Open. The zero value gives the defaults.
type Options struct {
	FS        vfs.FS           // the file system; default: the operating system's
	Now       func() time.Time // the time of a change; default: time.Now
	CacheSize int64            // bytes of the block cache; default: 128 MB
	OpenFiles int              // how many files may be open at a time, about; default: 500
	Logger    *slog.Logger     // for errors of the store itself; default: slog.Default()

	// Logs reports whether the log has the changes of a partition (PK). Of any other
	// change the log has only the number, so that numbers have no gap. Default: all.
	Logs func(pk string) bool

	// AcceptLoss opens a damaged folder with what is left in it, and logs what is missing.
	// Without it, Open returns a DamageError.
	AcceptLoss bool

	// Tests make these small.
	memTable uint64        // bytes that are written before Pebble flushes them to a file
	pause    time.Duration // see fence
	renewal  time.Duration // see known
}

// Table implements table.Table in a folder of this machine. All its methods are safe for
// concurrent use.
type Table struct {
	db   *lsm.DB
	lock *lsm.Lock
	dir  string
	now  func() time.Time
	logs func(pk string) bool

	// Every call holds open for reading. Close holds it for writing.
	open    sync.RWMutex
	stop    sync.Once
	closing chan struct{} // closed when Close begins
	renewed chan struct{} // closed when renew has ended
	noted   uint64        // the number that known has; renew's until it has ended, then Close's

	// turn is the lock for checking conditions and applying a write. It is a channel, so
	// that waiting for it can end with the context.
	turn chan struct{}
	// assigned is the highest number of a change. Only the holder of turn changes it,
	// before the change can be read.
	assigned atomic.Uint64
	synced   watermark // the number of the last change that is on disk

	trim struct {
		sync.Mutex
		wanted, done uint64
		every        uint64
	}

	fence *fence
	space freeSpace
}

var _ table.Table = (*Table)(nil)

// trimEvery is the number of changes that are dropped at once. Each drop leaves a mark in
// Pebble that reads must skip until a compaction removes it.
const trimEvery = 1024

// Open opens the table in the folder, and creates folder and table if they do not exist.
// It returns an error that Is ErrInUse if another process has opened the folder, and a
// *DamageError if the folder holds less than was on its disk. If the folder cannot be
// written, the error names it. The caller must call Close in the end.
//
// What is known of the folder's content is kept in a file beside it, dir + ".known".
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
	if opts.renewal == 0 {
		opts.renewal = renewal
	}
	t := &Table{
		dir:     dir,
		now:     opts.Now,
		logs:    opts.Logs,
		closing: make(chan struct{}),
		turn:    make(chan struct{}, 1),
		fence:   newFence(opts.FS, opts.Logger.With("store", dir), opts.pause),
		space:   freeSpace{fs: opts.FS, dir: dir},
	}
	t.synced.init()
	t.trim.every = trimEvery

	k, err := survey(opts.FS, dir)
	damage := (*DamageError)(nil)
	if err != nil && !(opts.AcceptLoss && errors.As(err, &damage)) {
		return nil, err
	}
	if err := opts.FS.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder %s cannot be created: %w", dir, err)
	}
	if t.lock, err = lsm.LockDirectory(dir, opts.FS); err != nil {
		var file *fs.PathError
		if errors.As(err, &file) {
			return nil, fmt.Errorf("data folder %s cannot be written: %w", dir, err)
		}
		return nil, fmt.Errorf("data folder %s is %w (%v)", dir, ErrInUse, err)
	}
	if err := t.start(opts, k, damage); err != nil {
		err = errors.Join(err, t.lock.Close())
		if errors.As(err, new(*DamageError)) {
			return nil, err
		}
		return nil, fmt.Errorf("data folder %s cannot be opened: %w", dir, err)
	}
	return t, nil
}

// start opens the engine and finds the end of the log of changes. damage is what was found
// missing already, and is accepted.
func (t *Table) start(opts Options, k *known, damage *DamageError) (err error) {
	if damage != nil {
		if err := mend(opts.FS, t.dir); err != nil {
			return err
		}
	} else if k != nil {
		if err := t.missing(opts, *k); err != nil && !(opts.AcceptLoss && errors.As(err, &damage)) {
			return err
		}
	}
	o := t.engineOptions(opts)
	o.ErrorIfNotExists = k != nil
	if t.db, err = lsm.Open(t.dir, o); err != nil {
		return err
	}
	if err := errors.Join(t.load(damage != nil), t.fence.err()); err != nil {
		return errors.Join(err, t.db.Close())
	}
	if damage != nil {
		t.fence.log.Warn("the damaged store was opened with what is left of it", "missing", damage.Missing,
			"changes_once", damage.Changes, "at", damage.At, "changes_now", t.assigned.Load())
	}
	t.noted = t.assigned.Load()
	if k == nil || k.Changes != t.noted {
		if err := writeKnown(opts.FS, t.dir, known{t.noted, t.now().UTC()}); err != nil {
			return errors.Join(err, t.db.Close())
		}
	}
	t.renewed = make(chan struct{})
	go t.renew(opts.renewal)
	return nil
}

// load reads what the store says of itself. With gaps, it drops what the log has before a gap.
func (t *Table) load(gaps bool) error {
	version, err := t.fact(metaFormat)
	switch {
	case err != nil:
		return err
	case version == 0:
		if err := t.db.Set([]byte(metaFormat), encodeFact(format), lsm.Sync); err != nil {
			return err
		}
	case version != format:
		return fmt.Errorf("it has format %d, and this program knows only format %d", version, format)
	}

	if t.trim.done, err = t.fact(metaTrimmed); err != nil {
		return err
	}
	last := t.trim.done
	changes, err := t.db.NewIter(&lsm.IterOptions{LowerBound: []byte{kindChange}, UpperBound: []byte{kindChange + 1}})
	if err != nil {
		return err
	}
	if changes.Last() {
		last = max(last, binary.BigEndian.Uint64(changes.Key()[1:]))
	}
	t.trim.wanted = t.trim.done
	t.assigned.Store(last)
	t.synced.advance(last)
	if err := changes.Close(); err != nil || !gaps {
		return err
	}
	_, gap, err := lastChange(t.db, t.trim.done)
	if err != nil || gap == 0 {
		return err
	}
	t.trim.wanted = gap - 1
	return t.drop()
}

// engineOptions suit a small computer: two cores, a slow disk that may lose power, and a
// few hundred megabytes of free memory.
func (t *Table) engineOptions(opts Options) *lsm.Options {
	o := &lsm.Options{
		FS:                 t.fence,
		Lock:               t.lock,
		Logger:             t.fence,
		FormatMajorVersion: lsm.FormatTableFormatV6,
		CacheSize:          opts.CacheSize,

		// There are at most four of these. The next start reads a log as long as one or
		// two of them. A change that is trimmed while it is still here is never written
		// to another file.
		MemTableSize:                opts.memTable,
		MemTableStopWritesThreshold: 4,

		// Pebble's default stops all writers when compactions are 12 files behind. That
		// suits machines that compact faster than they write. Here a rush may last
		// minutes, and the night is quiet.
		L0CompactionThreshold: 4,
		L0StopWritesThreshold: 48,

		// Pebble writes the log to disk in steps, so that an fsync has little to do.
		WALBytesPerSync: 256 << 10,
		MaxOpenFiles:    cmp.Or(opts.OpenFiles, 500),
	}
	for i := range o.Levels {
		o.Levels[i] = lsm.LevelOptions{
			// Data blocks are small, since most reads are of one item. Index blocks are
			// large, so that a file's index is one block and needs no index of its own. With
			// small ones a read of today's orders among a million took 1.9 times as long as
			// among 1,000. With large ones it takes 1.2 times as long.
			BlockSize:      4 << 10,
			IndexBlockSize: 256 << 10,

			// Every new order looks for an id that does not exist. The filter answers
			// without reading a block.
			FilterPolicy: bloom.FilterPolicy(10),
		}
	}
	o.EventListener = &lsm.EventListener{
		BackgroundError: func(err error) { t.fence.Errorf("background work: %v", err) },
		DataCorruption:  func(info lsm.DataCorruptionInfo) { t.fence.Errorf("damaged file: %v", info) },
	}
	return o
}

// Close waits for the calls in progress, writes everything to disk and releases the
// folder. Later calls return ErrClosed. If the store has failed, Close returns that error
// too.
func (t *Table) Close() error {
	t.stop.Do(func() { close(t.closing) })
	t.open.Lock()
	defer t.open.Unlock()
	if t.db == nil {
		return nil
	}
	<-t.renewed
	err := errors.Join(t.drop(), t.db.Close(), t.fence.err())
	if err == nil {
		t.note()
	}
	t.db = nil
	return errors.Join(err, t.lock.Close())
}

// Failed returns a channel that is closed when the store cannot write any more (see the
// package comment). Then the process should be restarted, and Err returns the reason.
func (t *Table) Failed() <-chan struct{} { return t.fence.failed }

// Err returns the reason why the store failed, as an error that Is table.ErrUnavailable,
// or nil if it has not failed.
func (t *Table) Err() error { return t.fence.err() }

// enter begins a call. If it returns nil, the caller must call leave in the end.
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

// fact returns a number that the store keeps about itself, or 0 if it was never set.
func (t *Table) fact(name string) (uint64, error) { return factIn(t.db, name) }

func factIn(db *lsm.DB, name string) (uint64, error) {
	b, closer, err := db.Get([]byte(name))
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

// watermark is a number that only grows and that callers can wait for.
type watermark struct {
	n       atomic.Uint64
	waiting atomic.Int64

	mu    sync.Mutex
	grown chan struct{} // closed and replaced when n grows
}

func (w *watermark) init() { w.grown = make(chan struct{}) }

// advance raises the number to n, unless it is higher.
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
		return // anybody who begins to wait now looks at n first
	}
	w.mu.Lock()
	close(w.grown)
	w.grown = make(chan struct{})
	w.mu.Unlock()
}

// reach waits until the number is at least n. It stops waiting when the context ends or
// one of the stop channels closes. It reports whether the number was reached.
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
