// Package webhooks tells endpoints outside of the café what happened, by Standard Webhooks
// 1.0 (github.com/standard-webhooks/standard-webhooks).
//
// An endpoint is a cursor in the event log, so nothing is copied for it while it works: its
// lane (Lane) says how far it has come. A delivery that fails is held, with its subject's later
// events, and tried again for about three days; other subjects go on. Each endpoint has a lane
// of its own, so that one that is slow or dead holds up no other.
//
// Who delivers takes the lane first, and every write of it expects the version that was read.
// So of two deliverers one goes on. A delivery is marked after the endpoint's answer: one that
// was cut off in between is sent again, with the same id.
//
// This package keeps endpoints and lanes. Package webhooks/deliver calls the endpoints: it
// needs an HTTP client, which the API does not.
package webhooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cafe/internal/deadletters"
	"cafe/internal/events"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// Hooks keeps a café's endpoints. Make it with New; it is safe for concurrent use.
type Hooks struct {
	// Loopback allows http, and endpoints on this machine. It is for development.
	Loopback bool

	table table.Table
	now   records.Clock
	log   *events.Log
}

// New returns the endpoints in a café's table. now is time.Now outside tests.
func New(t table.Table, now records.Clock, log *events.Log) *Hooks {
	return &Hooks{table: t, now: now, log: log}
}

// ErrTooMany says that the café has Most endpoints already.
var ErrTooMany = errors.New("there are as many endpoints as may be")

// count is the item that counts the endpoints. No id is shorter.
var count = table.Key{PK: records.PartitionHooks, SK: "#"}

// Create makes an endpoint, which gets events from now on, and returns its secret. Nobody can
// ask for the secret again. A model.Invalid names what is wrong; ErrTooMany.
func (h *Hooks) Create(ctx context.Context, d Draft) (e Endpoint, secret string, err error) {
	if err := d.check(h.Loopback).Err(); err != nil {
		return e, "", err
	}
	cursor, err := h.log.Head(ctx)
	if err != nil {
		return e, "", err
	}
	e = Endpoint{ID: records.NewID(), Draft: d, Status: Active, CreatedAt: h.now.Stamp(), secret: newSecret()}
	err = records.Retry(ctx, func() error {
		n, err := h.counted(ctx)
		if err != nil {
			return err
		}
		if n >= Most {
			return ErrTooMany
		}
		return overtaken(records.Write(ctx, h.table,
			table.Put(records.HookKey(e.ID), encodeEndpoint(e), table.Absent()),
			table.Put(records.LaneKey(e.ID), encodeLane(Lane{Cursor: cursor, version: 1}), table.Absent()),
			counting(n, n+1)))
	})
	return e, e.secret, err
}

func (h *Hooks) counted(ctx context.Context) (int64, error) {
	item, err := h.table.Get(ctx, count, true)
	if errors.Is(err, table.ErrNotFound) {
		return 0, nil
	}
	return item.Int("n"), err
}

func counting(from, to int64) table.Op {
	op := table.Update(count, table.Equal("n", table.Int(from)))
	if from == 0 {
		op.If[0] = table.Below("n", 1)
	}
	op.Set = table.Item{"n": table.Int(to)}
	return op
}

func overtaken(err error) error {
	if refused := (*table.ConditionError)(nil); errors.As(err, &refused) {
		return records.ErrOvertaken
	}
	return err
}

// List returns the endpoints, in the order of their ids.
func (h *Hooks) List(ctx context.Context) (all []Endpoint, err error) {
	for row, err := range records.Query(ctx, h.table, table.Query{Partition: records.PartitionHooks, From: table.After(count.SK)}) {
		if err != nil {
			return nil, fmt.Errorf("endpoints: %w", err)
		}
		e, err := decodeEndpoint(row.Key, row.Item)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// Get returns an endpoint and its lane, or model.ErrNotFound.
func (h *Hooks) Get(ctx context.Context, id string) (e Endpoint, l Lane, err error) {
	if e, err = records.Get(ctx, h.table, records.HookKey(id), true, decodeEndpoint); err == nil {
		l, err = records.Get(ctx, h.table, records.LaneKey(id), true, decodeLane)
	}
	return e, l, err
}

// Patch is what to change of an endpoint. What is nil stays.
type Patch struct {
	URL, Description *string
	Types            *[]model.EventType
	Status           *Status // Active or Disabled
}

// Change changes an endpoint and returns it. One that becomes active is tried again at once,
// from where it was. A model.Invalid names what is wrong; model.ErrNotFound.
func (h *Hooks) Change(ctx context.Context, id string, p Patch) (e Endpoint, err error) {
	err = h.change(ctx, id, func(next *Endpoint) ([]table.Op, error) {
		if p.URL != nil {
			next.URL = *p.URL
		}
		if p.Description != nil {
			next.Description = *p.Description
		}
		if p.Types != nil {
			next.Types = *p.Types
		}
		faults := next.Draft.check(h.Loopback)
		var ops []table.Op
		switch {
		case p.Status == nil:
		case *p.Status == Active && next.Status != Active:
			lane, err := h.reset(ctx, id)
			if err != nil {
				return nil, err
			}
			ops = append(ops, lane, table.Delete(records.DeadKey(deadletters.ID(deadletters.KindWebhook, id))))
			next.Status, next.Reason = Active, ""
		case *p.Status == Disabled:
			next.Status, next.Reason = Disabled, ""
		case *p.Status != Active:
			faults.Add("/status", "must be active or disabled")
		}
		e = *next
		return ops, faults.Err()
	})
	return e, err
}

// change changes an endpoint, together with the operations that change returns.
func (h *Hooks) change(ctx context.Context, id string, change func(next *Endpoint) ([]table.Op, error)) error {
	key := records.HookKey(id)
	return records.Retry(ctx, func() error {
		item, err := h.table.Get(ctx, key, true)
		if errors.Is(err, table.ErrNotFound) {
			return model.ErrNotFound
		}
		if err != nil {
			return err
		}
		e, err := decodeEndpoint(key, item)
		if err != nil {
			return err
		}
		version := item.Int("version")
		ops, err := change(&e)
		if err != nil {
			return err
		}
		next := encodeEndpoint(e)
		next["version"] = table.Int(version + 1)
		condition := table.Equal("version", table.Int(version))
		if version == 0 {
			condition = table.Below("version", 1)
		}
		return overtaken(records.Write(ctx, h.table, append([]table.Op{table.Put(key, next, table.Present(), condition)}, ops...)...))
	})
}

// reset returns the operation that has everything in a lane tried again at once, as often as
// at first.
func (h *Hooks) reset(ctx context.Context, id string) (table.Op, error) {
	l, err := records.Get(ctx, h.table, records.LaneKey(id), true, decodeLane)
	if err != nil {
		return table.Op{}, err
	}
	for i := range l.Held {
		l.Held[i].Tries, l.Held[i].Due = 0, h.now.Stamp()
	}
	l.Failures, l.until = 0, time.Time{}
	return saving(id, &l), nil
}

// saving returns the operation that stores a lane that was read, and expects it unchanged.
func saving(id string, l *Lane) table.Op {
	was := l.version
	l.version++
	return table.Put(records.LaneKey(id), encodeLane(*l), table.Equal("version", table.Int(was)))
}

// Resume is deadletters.Box.Resume: it makes a failing endpoint active again.
func (h *Hooks) Resume(ctx context.Context, id string) ([]table.Op, error) {
	lane, err := h.reset(ctx, id)
	if err != nil {
		return nil, err
	}
	op := table.Update(records.HookKey(id), table.Present())
	op.Set = table.Item{"status": table.String(string(Active))}
	op.Add = map[string]int64{"version": 1}
	op.Remove = []string{"reason"}
	return []table.Op{op, lane}, nil
}

// Delete removes an endpoint, or is model.ErrNotFound. A delivery that is under way may still
// arrive.
func (h *Hooks) Delete(ctx context.Context, id string) error {
	return records.Retry(ctx, func() error {
		n, err := h.counted(ctx)
		if err != nil {
			return err
		}
		if _, err := h.table.Get(ctx, records.HookKey(id), true); errors.Is(err, table.ErrNotFound) {
			return model.ErrNotFound
		} else if err != nil {
			return err
		}
		return overtaken(records.Write(ctx, h.table,
			table.Delete(records.HookKey(id), table.Present()), table.Delete(records.LaneKey(id)),
			table.Delete(records.DeadKey(deadletters.ID(deadletters.KindWebhook, id))), counting(n, n-1)))
	})
}

// Rotate gives an endpoint a new secret and returns it. For Both, the old one signs, too.
func (h *Hooks) Rotate(ctx context.Context, id string) (e Endpoint, secret string, err error) {
	secret = newSecret()
	err = h.change(ctx, id, func(next *Endpoint) ([]table.Op, error) {
		next.former, next.secret, next.RotatedAt = next.secret, secret, h.now.Stamp()
		e = *next
		return nil, nil
	})
	return e, secret, err
}

// TestType is the type of the event that Test sends. It is not in the log.
const TestType model.EventType = "webhook.test"

// Test has a test event sent to an endpoint, in a moment, and returns its id. It goes out
// whatever else waits. An endpoint that is not active gets none: ErrInactive.
func (h *Hooks) Test(ctx context.Context, id string) (eventID string, err error) {
	err = h.change(ctx, id, func(next *Endpoint) ([]table.Op, error) {
		if next.Status != Active {
			return nil, ErrInactive
		}
		next.testAt = h.now.Stamp()
		next.testID = testEvent(*next).ID
		eventID = next.testID
		return nil, nil
	})
	return eventID, err
}

// ErrInactive says that an endpoint gets no events now.
var ErrInactive = errors.New("the endpoint is not active")

// testEvent returns the test event that was asked for last.
func testEvent(e Endpoint) model.Event {
	return model.NewEvent(TestType, "/webhooks/"+e.ID, e.testAt.UnixMicro(), e.testAt, []byte(`{"id":"`+e.ID+`"}`))
}

// Redeliver has events sent again, from a cursor on. model.Invalid: it is not a cursor of the
// log, or events after it are no longer kept.
func (h *Hooks) Redeliver(ctx context.Context, id, from string) error {
	cursor, err := events.ParseCursor(from)
	if err == nil {
		_, err = h.log.Read(ctx, cursor, 1)
	}
	switch {
	case errors.Is(err, events.ErrNotACursor):
		return model.Invalid{{Field: "/from", Message: "is not a cursor of the events"}}
	case errors.Is(err, events.ErrTooOld):
		return model.Invalid{{Field: "/from", Message: "is before the events that are kept"}}
	case err != nil:
		return err
	}
	return h.change(ctx, id, func(*Endpoint) ([]table.Op, error) {
		l, err := records.Get(ctx, h.table, records.LaneKey(id), true, decodeLane)
		if err != nil {
			return nil, err
		}
		l.rewind(cursor, h.now.Stamp())
		return []table.Op{saving(id, &l)}, nil
	})
}

// rewind makes the lane go on from a cursor. What is held and comes before it stays held.
func (l *Lane) rewind(to events.Cursor, now time.Time) {
	l.Cursor, l.Failures, l.until = to, 0, time.Time{}
	for i := range l.Held {
		hold := &l.Held[i]
		hold.Due = now
		hold.Waiting = slices.DeleteFunc(hold.Waiting, func(c events.Cursor) bool { return !before(c, to) })
	}
	l.Held = slices.DeleteFunc(l.Held, func(h Hold) bool { return len(h.Waiting) == 0 })
}

func before(a, b events.Cursor) bool {
	return a.Page < b.Page || a.Page == b.Page && a.Index < b.Index
}

// Attempt is one call of an endpoint.
type Attempt struct {
	EventID string
	Type    model.EventType
	Subject string
	Cursor  string // to redeliver from this event on; empty for a test
	At      time.Time
	Took    time.Duration // to the millisecond
	Status  int           // the answer's; 0: none
	Error   string        // why it failed, in words; empty: delivered
	Try     int           // counts from 1
	Next    time.Time     // when it is tried again; zero: not
}

// attemptsLife is how long attempts are kept: as long as events.
const attemptsLife = events.Life

// mostAttempts is more than one item keeps.
const mostAttempts = 1000

func attemptsPrefix(id string) string { return records.PrefixHook + id }

// putAttempts returns the operation that keeps attempts.
func putAttempts(id string, now time.Time, attempts []Attempt) table.Op {
	list := make([]table.Value, len(attempts))
	for i, a := range attempts {
		item := table.Item{
			"id": table.String(a.EventID), "type": table.String(string(a.Type)), "subject": table.String(a.Subject), "at": records.Time(a.At),
			"ms": table.Int(a.Took.Milliseconds()), "try": table.Int(int64(a.Try)),
		}
		records.PutText(item, "cursor", a.Cursor)
		records.PutNumber(item, "status", int64(a.Status))
		records.PutText(item, "error", a.Error)
		records.PutTime(item, "next", a.Next)
		list[i] = table.Map(item)
	}
	return table.Put(table.Key{PK: attemptsPrefix(id), SK: "D#" + records.TimeSort(now, records.NewID())}, table.Item{
		"attempts": table.List(list...), records.AttrExpires: records.Expires(now.Add(attemptsLife)),
	})
}

// Deliveries returns a page of an endpoint's attempts, the newest first. from is where it
// begins, empty for the first page; next is for the page after it.
func (h *Hooks) Deliveries(ctx context.Context, id, from string, limit int) (attempts []Attempt, next string, err error) {
	if _, err := records.Get(ctx, h.table, records.HookKey(id), true, decodeEndpoint); err != nil {
		return nil, "", err
	}
	q := table.Query{Partition: attemptsPrefix(id), From: "D#", To: table.PrefixEnd("D#"), Descending: true, Limit: limit}
	skip := 0
	if key, left, ok := strings.Cut(from, "/"); ok { // within the attempts of that item
		q.To = table.After(key)
		skip, _ = strconv.Atoi(left)
	}
	page, err := h.table.Query(ctx, q)
	if err != nil {
		return nil, "", err
	}
	for _, row := range page.Rows {
		all, err := decodeAttempts(row.Key, row.Item)
		if err != nil {
			return nil, "", err
		}
		slices.Reverse(all)
		for i := min(skip, len(all)); i < len(all); i++ {
			if len(attempts) == limit {
				return attempts, row.Key.SK + "/" + strconv.Itoa(i), nil
			}
			attempts = append(attempts, all[i])
		}
		skip = 0
	}
	if page.Next != "" {
		next = page.Next + "/" + strconv.Itoa(mostAttempts)
	}
	return attempts, next, nil
}

func decodeAttempts(key table.Key, item table.Item) (all []Attempt, err error) {
	r := records.NewReader(key, item)
	for m := range r.Maps("attempts") {
		all = append(all, Attempt{
			EventID: m.Text("id"), Type: model.EventType(m.Text("type")), Subject: m.Text("subject"), Cursor: m.Optional("cursor"), At: m.Time("at"),
			Took: time.Duration(m.Number("ms")) * time.Millisecond, Status: int(m.OptionalNumber("status")), Error: m.Optional("error"),
			Try: int(m.Number("try")), Next: m.OptionalTime("next"),
		})
	}
	return all, r.Err()
}

// Forget removes attempts that are older than events are kept. DynamoDB does so by itself.
func (h *Hooks) Forget(ctx context.Context) error {
	endpoints, err := h.List(ctx)
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		q := table.Query{Partition: attemptsPrefix(e.ID), From: "D#", To: "D#" + records.TimeSort(h.now().Add(-attemptsLife), ""), Limit: 100}
		for row, err := range records.Query(ctx, h.table, q) {
			if err == nil {
				err = records.Write(ctx, h.table, table.Delete(row.Key))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
