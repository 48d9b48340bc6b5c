// Package events keeps the café's event log: what happened, in one order, for programs
// outside of the café.
//
// The ledger's consumer of the table's stream writes the log (Record), so no request waits
// for it. The log is a row of pages without a gap. One transaction advances the number of the
// last page and puts the pages that are new, so two writers never write the same page, and
// none is left out. A Cursor names a place in it for good.
//
// An event may be in the log twice, with the same id: the stream delivers changes at least
// once. Of one subject, the first tellings come in the order of its versions.
package events

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

const (
	// Life is how long events are kept.
	Life = 7 * 24 * time.Hour

	perPage  = 25              // events of a page, at most: about 5 KB
	lastPage = 999_999_999_999 // as many digits as a page's key has room for, and some
	rowsRead = 26              // pages of one query, at most, and the head
)

// Entry is an event of the log.
type Entry struct {
	model.Event
	Customer string // whose order it is about; empty: nobody's, or a walk-in's
	Next     Cursor // of what follows the event
}

// Page is some events that follow each other in the log.
type Page struct {
	Entries []Entry
	Next    Cursor // where to go on, also when there are no entries
	More    bool   // there may be more already
}

// ErrTooOld says that events after the cursor are no longer kept, or that the log was put back
// to a state before it. Whoever reads must look at the café as it is now, and go on from Head.
var ErrTooOld = errors.New("the events after the cursor are not kept any more")

// Log is the event log of a café's table. Make it with New; it is safe for concurrent use.
type Log struct {
	table table.Table
	now   records.Clock

	mu       sync.Mutex // guards what follows; a writer holds it while it writes
	last     int64      // the last page, as far as this process knows
	told     recent     // ids that this process has put into the log
	appended signal
}

// New returns the event log of a café's table. now is time.Now outside tests.
func New(t table.Table, now records.Clock) *Log {
	return &Log{table: t, now: now}
}

// Appended returns a channel that is closed when this process next puts events into the log.
// Get it before Read, so that nothing is missed in between. Other processes on the same table
// are not heard.
func (l *Log) Appended() <-chan struct{} { return l.appended.next() }

// Head returns the cursor of what is put into the log next.
func (l *Log) Head(ctx context.Context) (Cursor, error) {
	last, err := l.head(ctx, true)
	return Cursor{Page: last + 1}, err
}

// head returns the number of the last page, 0 for an empty log.
func (l *Log) head(ctx context.Context, consistent bool) (int64, error) {
	item, err := l.table.Get(ctx, records.EventHeadKey, consistent)
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return 0, err
	}
	return item.Int("page"), nil
}

// Read returns up to limit events from the cursor on. It may miss what was written a moment
// ago, and never leaves out anything before what it returns. Next of a page without entries
// is where to read again later; while More is true, later is now. ErrTooOld means that events
// from the cursor on are lost to the reader.
//
// It costs half a read unit when there is little or nothing new.
func (l *Log) Read(ctx context.Context, after Cursor, limit int) (Page, error) {
	if after == (Cursor{}) {
		var err error
		if after, err = l.oldest(ctx); err != nil {
			return Page{}, err
		}
	}
	p, follows, err := l.read(ctx, after, limit, false)
	if err == nil && !follows {
		// The replica that answered may be behind, or the pages are gone.
		if p, follows, err = l.read(ctx, after, limit, true); err == nil && !follows {
			err = ErrTooOld
		}
	}
	return p, err
}

// read makes one query. follows is false when what it found does not go on from the cursor.
func (l *Log) read(ctx context.Context, after Cursor, limit int, consistent bool) (p Page, follows bool, err error) {
	found, err := l.table.Query(ctx, table.Query{
		Partition: records.PartitionEvents, From: records.EventPageKey(after.Page).SK, Limit: min(limit, rowsRead-1) + 1, Consistent: consistent,
	})
	if err != nil {
		return p, false, err
	}
	p.Next = after
	for _, row := range found.Rows {
		if row.Key == records.EventHeadKey {
			return p, len(p.Entries) > 0 || after == Cursor{Page: row.Item.Int("page") + 1}, nil
		}
		number, entries, err := decodePage(row)
		if err != nil {
			return p, false, err
		}
		if number != p.Next.Page || p.Next.Index >= int64(len(entries)) || len(p.Entries) == 0 && l.isOld(row) {
			p.More = true
			return p, len(p.Entries) > 0, nil
		}
		for _, e := range entries[p.Next.Index:] {
			if len(p.Entries) == limit {
				p.More = true
				return p, true, nil
			}
			p.Entries = append(p.Entries, e)
			p.Next = e.Next
		}
	}
	p.More = found.Next != ""
	return p, p.More || len(found.Rows) == 0 && after == Cursor{Page: 1}, nil
}

// isOld reports whether a page has been kept for long enough.
func (l *Log) isOld(row table.Row) bool { return row.Item.Int("at") < l.now().Add(-Life).UnixMicro() }

// oldest returns the cursor of the oldest event that is kept, or of the next one.
func (l *Log) oldest(ctx context.Context) (Cursor, error) {
	for row, err := range records.Query(ctx, l.table, table.Query{Partition: records.PartitionEvents, Limit: rowsRead}) {
		switch {
		case err != nil:
			return Cursor{}, err
		case row.Key == records.EventHeadKey:
			return Cursor{Page: row.Item.Int("page") + 1}, nil
		case !l.isOld(row):
			number, _, err := decodePage(row)
			return Cursor{Page: number}, err
		}
	}
	return Cursor{Page: 1}, nil
}

// Forget removes pages that are older than Life. On DynamoDB they expire by themselves, sooner
// or later.
func (l *Log) Forget(ctx context.Context) error {
	q := table.Query{Partition: records.PartitionEvents, To: records.EventHeadKey.SK, Limit: 100}
	for row, err := range records.Query(ctx, l.table, q) {
		if err != nil {
			return err
		}
		if !l.isOld(row) {
			return nil
		}
		if err := records.Write(ctx, l.table, table.Delete(row.Key)); err != nil {
			return err
		}
	}
	return nil
}

// Append puts events at the end of the log, in their order, all of them or none. When it
// returns nil they are there for good. After any other error than a refusal they may be.
func (l *Log) Append(ctx context.Context, entries []Entry) error {
	for batch := range slices.Chunk(entries, perPage*(table.MaxOps-1)) {
		if err := l.append(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) append(ctx context.Context, entries []Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := records.Retry(ctx, func() error {
		at, last := l.now.Stamp(), l.last
		ops := make([]table.Op, 1, 2+len(entries)/perPage)
		for page := range slices.Chunk(entries, perPage) {
			last++
			ops = append(ops, table.Put(records.EventPageKey(last), encodePage(page, at)))
		}
		condition := table.Missing("page")
		if l.last > 0 {
			condition = table.Equal("page", table.Int(l.last))
		}
		ops[0] = table.Put(records.EventHeadKey, table.Item{"page": table.Int(last)}, condition)
		err := records.Write(ctx, l.table, ops...)
		if head, refused := table.Failed(err, 0); refused {
			l.last = head.Int("page")
			return records.ErrOvertaken
		}
		if err == nil {
			l.last = last
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, e := range entries {
		l.told.add(e.ID)
	}
	l.appended.give()
	return nil
}

// signal wakes all who wait for it.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}

// recent remembers some texts, those that came last.
type recent struct {
	known map[string]bool
	order []string
	next  int
}

// remembered is how many ids a process remembers: more than a batch of changes has.
const remembered = 2048

func (r *recent) has(id string) bool { return r.known[id] }

func (r *recent) add(id string) {
	if r.known[id] {
		return
	}
	if r.known == nil {
		r.known = map[string]bool{}
	}
	if len(r.order) < remembered {
		r.order = append(r.order, id)
	} else {
		delete(r.known, r.order[r.next])
		r.order[r.next] = id
		r.next = (r.next + 1) % remembered
	}
	r.known[id] = true
}
