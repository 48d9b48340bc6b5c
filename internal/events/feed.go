package events

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	tailSize = 1000 // events that a Feed keeps in memory
	pageSize = 100  // events of a page that Next returns, at most
)

// ErrClosed says that the feed has ended, since the process does.
var ErrClosed = errors.New("the feed is closed")

// Feed lets readers in one process wait for events. It reads the log once for all of them, and
// keeps the newest events in memory: a reader who is up to date costs the store nothing. Who
// is further behind reads the log. A Feed holds nothing for its readers, so a slow one costs
// as much as a fast one.
//
// Make it with NewFeed and call Run; it is safe for concurrent use.
type Feed struct {
	log  *Log
	poll time.Duration

	mu      sync.Mutex
	first   Cursor  // of tail[0]
	next    Cursor  // after the tail
	tail    []Entry // the newest events
	waiting int
	changed signal
	closed  chan struct{}
}

// NewFeed returns a feed of a log. When others write to the log's table, poll is how often it
// is read while somebody waits; 0 means that only this process writes to it.
func NewFeed(log *Log, poll time.Duration) *Feed {
	return &Feed{log: log, poll: poll, closed: make(chan struct{})}
}

// Run follows the log until the context ends or the feed is closed.
func (f *Feed) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-f.closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	for begun := false; ctx.Err() == nil; {
		appended := f.log.Appended()
		more, err := false, error(nil)
		if begun {
			more, err = f.follow(ctx)
		} else if err = f.begin(ctx); err == nil {
			begun, more = true, true
		}
		if errors.Is(err, ErrTooOld) { // its pages were removed before they were read
			begun, err = false, nil
			continue
		}
		pause := f.poll
		if err != nil && ctx.Err() == nil {
			slog.Error("event feed", "error", err.Error())
			pause = time.Second
		}
		if more {
			f.gather(ctx)
			continue
		}
		var tick <-chan time.Time
		if pause > 0 {
			tick = time.After(pause)
		}
		select {
		case <-ctx.Done():
		case <-appended:
		case <-tick:
		}
	}
}

// Waking a reader takes some 50 µs. Readers are woken so seldom that it takes half of one
// processor's time at most, and ten times a second at least.
const (
	wakeOne    = 100 * time.Microsecond
	wakeSeldom = 100 * time.Millisecond
)

// gather waits a moment for further events, the longer the more readers were woken.
func (f *Feed) gather(ctx context.Context) {
	f.mu.Lock()
	pause := min(time.Duration(f.waiting)*wakeOne, wakeSeldom)
	f.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
}

// begin starts the tail at the end of the log.
func (f *Feed) begin(ctx context.Context) error {
	head, err := f.log.Head(ctx)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.first, f.next, f.tail = head, head, nil
	return nil
}

// follow takes what is new into the tail, and reports whether there may be more.
func (f *Feed) follow(ctx context.Context) (more bool, err error) {
	f.mu.Lock()
	from, idle := f.next, f.poll > 0 && f.waiting == 0
	f.mu.Unlock()
	if idle {
		return false, nil
	}
	p, err := f.log.Read(ctx, from, pageSize)
	if err != nil || len(p.Entries) == 0 {
		return p.More, err
	}
	f.mu.Lock()
	f.tail, f.next = append(f.tail, p.Entries...), p.Next
	if extra := len(f.tail) - tailSize; extra > 0 {
		f.first = f.tail[extra-1].Next
		f.tail = slices.Clone(f.tail[extra:])
	}
	f.mu.Unlock()
	f.changed.give()
	return true, nil
}

// Close ends the feed: all who wait get ErrClosed.
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.closed:
	default:
		close(f.closed)
	}
}

// Next returns the events after the cursor. It waits until there are any. Errors are
// ErrClosed, ErrTooOld, the context's, and the store's.
func (f *Feed) Next(ctx context.Context, after Cursor) (Page, error) {
	f.wait(1)
	defer f.wait(-1)
	for {
		select {
		case <-f.closed:
			return Page{Next: after}, ErrClosed
		default:
		}
		changed := f.changed.next()
		p, known := f.inTail(after)
		if !known {
			var err error
			if p, err = f.log.Read(ctx, after, pageSize); err != nil {
				return p, err
			}
		}
		if len(p.Entries) > 0 || p.More {
			return p, nil
		}
		after = p.Next
		select {
		case <-ctx.Done():
			return p, ctx.Err()
		case <-f.closed:
		case <-changed:
		}
	}
}

func (f *Feed) wait(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting += n
}

// inTail returns what the tail has after the cursor. known is false when the tail does not
// have the cursor.
func (f *Feed) inTail(after Cursor) (p Page, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if after == f.next {
		return Page{Next: after}, after != Cursor{}
	}
	i, found := 0, after == f.first && len(f.tail) > 0
	if !found {
		if i, found = slices.BinarySearchFunc(f.tail, after, func(e Entry, c Cursor) int { return e.Next.compare(c) }); found {
			i++
		}
	}
	if !found {
		return p, false
	}
	// Nobody writes to these elements again.
	p.Entries = f.tail[i:min(i+pageSize, len(f.tail)):len(f.tail)]
	p.Next = p.Entries[len(p.Entries)-1].Next
	p.More = p.Next != f.next
	return p, true
}
