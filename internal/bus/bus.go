// Package bus puts the café's events on a bus of Amazon EventBridge, as CloudEvents 1.0.
//
// A bus has a lane as an endpoint of webhooks has: a cursor in the event log, which is stored
// after the bus has taken the events. So each event is put at least once, always with the same
// id. Who delivers takes the lane first, and every write of it expects the version that was
// read.
//
// Events are put in the log's order. One call never has two events of a subject, since the bus
// may take the second and not the first. What it refuses is put again before anything that
// follows the call.
//
// Package bus/eventbridge calls the bus.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"cafe/internal/events"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/webhooks"
	"cafe/model"
)

// Most is how many events one call may have (EventBridge API Reference, PutEvents).
const Most = 10

// Client calls a bus.
type Client interface {
	// Put puts up to Most events on the bus. refused says for each event why the bus did not
	// take it; empty: it did. An error means that none is known to be taken.
	Put(ctx context.Context, all []model.Event) (refused []string, err error)
}

// Bus is a bus and its lane. It is safe for concurrent use.
type Bus struct {
	Name   string // the bus's name or ARN. Another one has a lane of its own
	Client Client
	Table  table.Table
	Log    *events.Log
	Now    records.Clock

	// Owner names who takes the lane. Lease is how long it is taken for: longer than a Deliver
	// may last. Turn is how long one Deliver begins new calls.
	Owner       string
	Lease, Turn time.Duration
}

// ErrRefused says that the bus has refused events several times in a row. Somebody must look.
var ErrRefused = errors.New("the event bus goes on refusing events")

// pauses are the times from one try to the next; the last holds for all later ones. The sweep
// of every five minutes makes tries that are later than a minute.
var pauses = []time.Duration{2 * time.Second, 10 * time.Second, time.Minute, 4 * time.Minute}

// errOvertaken says that the lane was changed by somebody else.
var errOvertaken = errors.New("the lane was changed by somebody else")

// lane is how far the events are on the bus.
type lane struct {
	cursor events.Cursor // every event before it is on the bus
	ahead  []string      // ids of events after it that are, too
	tries  int64         // that failed in a row
	due    time.Time     // nothing is tried before; zero: at once
	owner  string        // who delivers
	until  time.Time     // until when nobody else does

	version int64 // grows with each write; 0: it was never written
}

// Deliver puts the events on the bus that are not there. next is when there is something to do
// again, zero when the bus waits for events or for the sweep. ErrRefused: the bus has refused
// events four times or more. Any other error is the store's.
//
// A new bus first gets the events that are still kept: seven days' at most.
func (b *Bus) Deliver(ctx context.Context) (next time.Time, err error) {
	l, err := b.lane(ctx)
	if err != nil {
		return time.Time{}, err
	}
	now := b.Now.Stamp()
	switch {
	case l.until.After(now) && l.owner != b.Owner:
		return l.until, nil
	case l.due.After(now):
		return time.Time{}, nil // a wake-up for then is on its way, or the sweep is
	}
	l.owner, l.until = b.Owner, now.Add(b.Lease)
	more, refusal := false, error(nil)
	if err = b.save(ctx, &l); err == nil {
		more, refusal, err = b.forward(ctx, &l, now.Add(b.Turn))
	}
	if err == nil {
		l.until = time.Time{}
		err = b.save(ctx, &l)
	}
	switch {
	case errors.Is(err, errOvertaken):
		return b.Now.Stamp(), nil
	case err != nil:
		return time.Time{}, err
	case refusal != nil && l.tries >= int64(len(pauses)):
		return time.Time{}, fmt.Errorf("%w: %w", ErrRefused, refusal)
	case refusal != nil:
		return l.due, nil
	case more:
		return b.Now.Stamp(), nil
	}
	return time.Time{}, nil
}

// forward puts events until there are no more, the bus refuses some, or the turn is over. more
// says that there is more to do at once.
func (b *Bus) forward(ctx context.Context, l *lane, end time.Time) (more bool, refusal, err error) {
	for {
		page, err := b.Log.Read(ctx, l.cursor, 100)
		if errors.Is(err, events.ErrTooOld) {
			slog.ErrorContext(ctx, "an event bus missed events that are not kept any more", "bus", b.Name, "cursor", l.cursor.String())
			l.cursor, l.ahead = events.Cursor{}, nil
			page, err = b.Log.Read(ctx, l.cursor, 100)
		}
		if err != nil {
			return false, nil, err
		}
		for left := page.Entries; len(left) > 0; {
			if b.Now().After(end) {
				return true, nil, nil
			}
			n, refusal, err := b.put(ctx, l, left)
			if refusal != nil || err != nil {
				return false, refusal, err
			}
			left = left[n:]
		}
		if l.cursor = page.Next; len(page.Entries) == 0 || !page.More {
			return page.More, nil, nil
		}
	}
}

// put puts the first of some entries on the bus with one call, and stores what came of it. n is
// how many of them are done. refusal says why the bus did not take all.
func (b *Bus) put(ctx context.Context, l *lane, entries []events.Entry) (n int, refusal, err error) {
	calls, n, later := next(entries, l.ahead)
	last := n - 1
	batch := make([]model.Event, len(calls))
	for i, at := range calls {
		batch[i] = entries[at].Event
	}
	var refused []string
	if len(batch) > 0 {
		if refused, err = b.Client.Put(ctx, batch); err != nil {
			if ctx.Err() != nil {
				return 0, nil, err // a call that was broken off says nothing about the bus
			}
			refused = slices.Repeat([]string{err.Error()}, len(batch))
		}
	}
	notTaken := map[int]bool{}
	for i, why := range refused {
		if why != "" {
			if refusal == nil {
				refusal = errors.New(why)
				n = calls[i]
			}
			notTaken[calls[i]] = true
		}
	}
	if refusal == nil || len(notTaken) < len(batch) {
		l.tries, l.due = 0, time.Time{}
	}
	if refusal != nil {
		for i := last; i > n; i-- {
			if !notTaken[i] {
				later = append(later, entries[i].ID)
			}
		}
		l.due = b.Now.Stamp().Add(pauses[min(int(l.tries), len(pauses)-1)])
		l.tries++
		slog.WarnContext(ctx, "the event bus refused events", "bus", b.Name, "events", len(notTaken), "try", l.tries, "error", refusal.Error())
	}
	if n > 0 {
		l.cursor = entries[n-1].Next
	}
	l.ahead = later
	return n, refusal, b.save(ctx, l)
}

// next returns which entries the next call has, by their index, how many entries are done
// when the bus takes them, and which ids of ahead come later. While some events are ahead, a
// call does not go beyond them, so that they do not grow in number.
func next(entries []events.Entry, ahead []string) (calls []int, n int, later []string) {
	later = slices.Clone(ahead)
	for i, e := range entries {
		if at := slices.Index(later, e.ID); at >= 0 {
			if later = slices.Delete(later, at, at+1); len(later) == 0 {
				return calls, i + 1, nil
			}
			continue
		}
		if len(calls) == Most || slices.ContainsFunc(calls, func(c int) bool { return entries[c].Subject == e.Subject }) {
			return calls, i, later
		}
		calls = append(calls, i)
	}
	return calls, len(entries), later
}

// lane returns the lane as it is stored.
func (b *Bus) lane(ctx context.Context) (lane, error) {
	l, err := records.Get(ctx, b.Table, records.BusKey(b.Name), true, decode)
	if errors.Is(err, model.ErrNotFound) {
		return lane{}, nil
	}
	return l, err
}

// save stores a lane that was read, and expects it unchanged: else errOvertaken.
func (b *Bus) save(ctx context.Context, l *lane) error {
	condition := table.Absent()
	if l.version > 0 {
		condition = table.Equal("version", table.Int(l.version))
	}
	l.version++
	err := records.Write(ctx, b.Table, table.Put(records.BusKey(b.Name), encode(*l), condition))
	if refused := (*table.ConditionError)(nil); errors.As(err, &refused) {
		return errOvertaken
	}
	return err
}

func encode(l lane) table.Item {
	item := table.Item{"cursor": table.String(l.cursor.String()), "version": table.Int(l.version)}
	if len(l.ahead) > 0 {
		ahead := make([]table.Value, len(l.ahead))
		for i, id := range l.ahead {
			ahead[i] = table.String(id)
		}
		item["ahead"] = table.List(ahead...)
	}
	records.PutNumber(item, "tries", l.tries)
	records.PutTime(item, "due", l.due)
	records.PutText(item, "owner", l.owner)
	records.PutTime(item, "until", l.until)
	return item
}

func decode(key table.Key, item table.Item) (lane, error) {
	r := records.NewReader(key, item)
	cursor, err := events.ParseCursor(r.Text("cursor"))
	r.Note(err)
	l := lane{
		cursor: cursor, tries: r.OptionalNumber("tries"), due: r.OptionalTime("due"), owner: r.Optional("owner"), until: r.OptionalTime("until"),
		version: r.Number("version"), ahead: r.Texts("ahead"),
	}
	return l, r.Err()
}

// WakeUp is what wake-ups for the bus have in place of an endpoint's id.
const WakeUp = "bus"

// Endpoints lists a café's endpoints of webhooks.
type Endpoints interface {
	List(ctx context.Context) ([]webhooks.Endpoint, error)
}

// Beside returns the endpoints with the bus as one more, whose id is WakeUp, so that whatever
// wakes endpoints wakes the bus. name is the bus's; empty: there is none.
func Beside(hooks Endpoints, name string) Endpoints {
	if name == "" {
		return hooks
	}
	return beside{hooks}
}

type beside struct{ Endpoints }

func (b beside) List(ctx context.Context) ([]webhooks.Endpoint, error) {
	all, err := b.Endpoints.List(ctx)
	return append(all, webhooks.Endpoint{ID: WakeUp, Status: webhooks.Active}), err
}
