// Package listen answers those who listen to events: with a page as JSON, with a stream of
// server-sent events that ends (HTML standard, "Server-sent events"), or with one that stays
// open.
package listen

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"cafe/internal/events"
	"cafe/model"
)

// Live lets readers of events wait, in a process that can. events.Feed is one.
type Live interface {
	// Next returns the events after the cursor, and waits until there are any. It is
	// events.ErrClosed when the process ends.
	Next(ctx context.Context, after events.Cursor) (events.Page, error)
}

const (
	// heartbeat is how often a stream says something, at least.
	heartbeat = 15 * time.Second
	// most is how many events of the log one answer reads, at most, beside an open stream. A
	// customer's answer may be empty after as many of other people.
	most = 500
	// pageSize is how many events a page has, at most.
	pageSize = 100
)

// Reader reads the events that somebody may hear of.
type Reader struct {
	Log      *events.Log
	Live     Live          // nil: nobody waits
	Customer string        // whose events they are; empty: all
	Cursor   events.Cursor // what comes next
}

// take returns the events of a page that the reader may hear of, and goes on after it. When
// events are no longer kept it goes on from now, and gives one event that says so.
func (r *Reader) take(ctx context.Context, p events.Page, err error) ([]events.Entry, error) {
	if errors.Is(err, events.ErrTooOld) {
		lost := r.Cursor
		if r.Cursor, err = r.Log.Head(ctx); err != nil {
			return nil, err
		}
		e := model.NewEvent(model.EventResync, "/events", r.Cursor.Page, time.Now().UTC(), []byte(`{"after":"`+lost.String()+`"}`))
		return []events.Entry{{Event: e, Next: r.Cursor}}, nil
	}
	if err != nil {
		return nil, err
	}
	r.Cursor = p.Next
	if r.Customer == "" {
		return p.Entries, nil
	}
	var heard []events.Entry
	for _, e := range p.Entries {
		if e.Customer == r.Customer {
			heard = append(heard, e)
		}
	}
	return heard, nil
}

// read returns what there is: until there is something, or no more, or enough was read.
func (r *Reader) read(ctx context.Context) (heard []events.Entry, more bool, err error) {
	for n := 0; n < most; {
		p, err := r.Log.Read(ctx, r.Cursor, pageSize)
		n += len(p.Entries) + 1
		if heard, err = r.take(ctx, p, err); err != nil || len(heard) > 0 || !p.More {
			return heard, p.More, err
		}
	}
	return nil, true, nil
}

// Page returns a page of events as JSON: {"events","next_cursor"}. It waits so long for the
// first of them, where one can wait.
func (r *Reader) Page(ctx context.Context, wait time.Duration) ([]byte, error) {
	heard, more, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	if wait > 0 && r.Live != nil && len(heard) == 0 && !more {
		if heard, err = r.await(ctx, wait); err != nil {
			return nil, err
		}
	}
	b := []byte(`{"events":[`)
	for i, e := range heard {
		if i > 0 {
			b = append(b, ',')
		}
		b = e.AppendJSON(b)
	}
	return append(b, `],"next_cursor":"`+r.Cursor.String()+`"}`...), nil
}

// await waits for events. It returns none when the time is over, or the process ends.
func (r *Reader) await(ctx context.Context, wait time.Duration) ([]events.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		p, err := r.Live.Next(ctx, r.Cursor)
		if ctx.Err() != nil || errors.Is(err, events.ErrClosed) {
			return nil, nil
		}
		if heard, err := r.take(ctx, p, err); err != nil || len(heard) > 0 {
			return heard, err
		}
	}
}

// stream writes server-sent events.
type stream struct {
	out  io.Writer
	said events.Cursor // that the client has
	b    []byte
}

// event writes an event. Its id is the cursor after it, so the client goes on from there. It
// comes last: some clients remember it before the event is whole.
func (s *stream) event(e events.Entry) {
	s.b = s.b[:0]
	if e.Type == model.EventResync {
		s.b = append(s.b, "event: resync\n"...)
	}
	s.b = e.AppendJSON(append(s.b, "data: "...))
	s.b = append(append(append(s.b, "\nid: "...), e.Next.String()...), "\n\n"...)
	s.said = e.Next
	_, _ = s.out.Write(s.b) // who hangs up ends the request's context
}

// place tells the client where it is, and retry to come back in two seconds when the stream
// has ended. They are an event with data, since some clients take one without for a message,
// and others ignore its id.
func (s *stream) place(c events.Cursor, retry bool) {
	s.said = c
	text := "event: cursor\ndata: {}\nid: " + c.String() + "\n"
	if retry {
		text += "retry: 2000\n"
	}
	s.text(text + "\n")
}

func (s *stream) text(text string) { _, _ = io.WriteString(s.out, text) }

// Ending writes what there is and ends. An error means that nothing was written.
func (r *Reader) Ending(ctx context.Context, w http.ResponseWriter) error {
	out := &stream{out: w}
	for n := 0; n < most; {
		heard, more, err := r.read(ctx)
		if err != nil && n == 0 {
			return err
		}
		if err != nil {
			break // the client comes back for the rest
		}
		n += len(heard) + 1
		for _, e := range heard {
			out.event(e)
		}
		if !more {
			break
		}
	}
	out.place(r.Cursor, true)
	return nil
}

// Open writes events as they come, until the context ends or the process does. It holds one
// page at most: who reads too slowly is cut off by the deadline of the connection.
func (r *Reader) Open(ctx context.Context, w http.ResponseWriter) {
	out, flusher := &stream{out: w}, http.NewResponseController(w)
	out.place(r.Cursor, true)
	for ctx.Err() == nil {
		_ = flusher.Flush() // when it fails, the context ends
		soon, cancel := context.WithTimeout(ctx, heartbeat)
		err := r.relay(soon, out, flusher)
		cancel()
		if err != nil {
			return // the client comes back
		}
		if r.Cursor == out.said {
			out.text(":\n\n")
		} else {
			out.place(r.Cursor, false)
		}
	}
}

// relay writes events as they come, until the context ends.
func (r *Reader) relay(ctx context.Context, out *stream, flusher *http.ResponseController) error {
	for {
		p, err := r.Live.Next(ctx, r.Cursor)
		if ctx.Err() != nil {
			return nil
		}
		heard, err := r.take(ctx, p, err)
		if err != nil {
			return err
		}
		for _, e := range heard {
			out.event(e)
		}
		if len(heard) > 0 {
			_ = flusher.Flush()
		}
	}
}
