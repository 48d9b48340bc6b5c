package webhooks

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"cafe/internal/deadletters"
	"cafe/internal/events"
	"cafe/internal/metric"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// Outcome is what came of calling an endpoint.
type Outcome struct {
	Status     int           // of the answer; 0: there was none
	Error      string        // why the delivery failed, in words; empty: it did not
	RetryAfter time.Duration // how long the endpoint wants to be left alone; 0: it does not say
	Took       time.Duration
}

// gone reports whether the endpoint wants no more events, ever (410).
func (o Outcome) gone() bool { return o.Status == 410 }

// Sender calls an endpoint with one event. It takes at most 15 seconds.
type Sender interface {
	Send(ctx context.Context, e Endpoint, event model.Event, at time.Time) Outcome
}

// Deliverer delivers events to endpoints. It is safe for concurrent use.
type Deliverer struct {
	Hooks  *Hooks
	Sender Sender
	Random func() float64 // from 0 to 1, for the pauses

	// Owner names who takes a lane. Lease is how long it is taken for: longer than a Deliver may
	// last. An owner that is the only one in the world, as the process that has the embedded
	// store, may take its own lanes again at once, whatever it was before.
	Owner string
	Lease time.Duration
	// Turn is how long one Deliver begins new calls.
	Turn time.Duration
}

const (
	// perMark is how many events are delivered before the lane is stored, at most. After a crash
	// as many are sent again.
	perMark = 25
	// markEvery is how long a lane is not stored, at most, but for one call.
	markEvery = 5 * time.Second
)

// Deliver sends an endpoint what it has not had. It returns when there is something to do again
// at a known time: a delivery is tried again, or this turn is over, or somebody else has the
// lane. next is zero when the endpoint waits for events. model.ErrNotFound: there is no such
// endpoint. Any other error is the store's.
func (d *Deliverer) Deliver(ctx context.Context, id string) (next time.Time, err error) {
	e, l, err := d.Hooks.Get(ctx, id)
	if err != nil || e.Status != Active {
		return time.Time{}, err
	}
	now := d.Hooks.now.Stamp()
	if l.until.After(now) && l.owner != d.Owner {
		return l.until, nil
	}
	s := &session{Deliverer: d, ctx: ctx, endpoint: e, lane: l, end: now.Add(d.Turn), marked: now}
	// The lane is taken by a write of its own, unless nobody else can.
	if s.lane.owner, s.lane.until = d.Owner, now.Add(d.Lease); d.Lease > 0 {
		err = s.save()
	}
	if err == nil {
		err = s.run()
	}
	if err == nil {
		s.lane.until = time.Time{}
		err = s.save()
	}
	if errors.Is(err, errOvertaken) {
		return d.Hooks.now.Stamp(), nil // the endpoint was changed, or is somebody else's
	}
	if err != nil || s.endpoint.Status != Active {
		return time.Time{}, err
	}
	if s.more {
		return d.Hooks.now.Stamp(), nil
	}
	return s.lane.Next(), nil
}

// errOvertaken says that the lane was changed by somebody else.
var errOvertaken = errors.New("the lane was changed by somebody else")

// session is one turn at an endpoint's lane.
type session struct {
	*Deliverer
	ctx      context.Context
	endpoint Endpoint
	lane     Lane

	attempts []Attempt // since the lane was stored
	changed  bool      // since then
	marked   time.Time // when that was
	end      time.Time
	more     bool // there is more to do at once
	stopped  bool // it is stored that the endpoint gets no more events
}

// run does all that can be done now.
func (s *session) run() error {
	if err := s.test(); err != nil {
		return err
	}
	for s.goesOn() {
		i := s.lane.due(s.Hooks.now.Stamp())
		if i < 0 {
			break
		}
		if err := s.again(i); err != nil {
			return err
		}
	}
	for s.goesOn() && !s.lane.isDown(s.Hooks.now()) {
		all, err := s.forward()
		if err != nil || all {
			return err
		}
		for s.goesOn() { // what fell due meanwhile
			i := s.lane.due(s.Hooks.now.Stamp())
			if i < 0 {
				break
			}
			if err := s.again(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// goesOn reports whether another call may begin.
func (s *session) goesOn() bool {
	if s.endpoint.Status != Active || s.ctx.Err() != nil {
		return false
	}
	if s.Hooks.now().After(s.end) {
		s.more = true
		return false
	}
	return true
}

// test sends the test event that was asked for, if it was not sent yet.
func (s *session) test() error {
	if s.endpoint.testID == s.lane.tested {
		return nil
	}
	s.call(testEvent(s.endpoint), "", 1, func(Outcome) time.Time { return time.Time{} })
	s.lane.tested, s.changed = s.endpoint.testID, true
	return s.save()
}

// again tries what a hold waits for, in order, until something fails or all is done.
func (s *session) again(i int) error {
	for s.goesOn() {
		hold := &s.lane.Held[i]
		page, err := s.Hooks.log.Read(s.ctx, hold.Waiting[0], 1)
		switch {
		case errors.Is(err, events.ErrTooOld):
			s.lane.Missed = true
		case err != nil:
			return err
		case len(page.Entries) == 0:
			return nil // the answer is behind; the lane knew better
		default:
			if s.endpoint.Wants(page.Entries[0].Type) && !s.deliver(page.Entries[0].Event, hold.Waiting[0], hold) {
				return s.save()
			}
		}
		s.changed = true
		if hold.Waiting, hold.Tries = hold.Waiting[1:], 0; len(hold.Waiting) == 0 {
			s.lane.Held = append(s.lane.Held[:i], s.lane.Held[i+1:]...)
			return s.save()
		}
		if err := s.saveSometimes(); err != nil {
			return err
		}
	}
	return nil
}

// forward delivers a page of events from the cursor on. all is true when there are no more, or
// no room for more that must wait.
func (s *session) forward() (all bool, err error) {
	from := s.lane.Cursor
	page, err := s.Hooks.log.Read(s.ctx, from, perMark)
	if errors.Is(err, events.ErrTooOld) {
		slog.WarnContext(s.ctx, "an endpoint of webhooks missed events that are not kept any more", "endpoint", s.endpoint.ID)
		s.lane.Missed, s.changed = true, true
		from = events.Cursor{}
		page, err = s.Hooks.log.Read(s.ctx, from, perMark)
	}
	if err != nil {
		return false, err
	}
	if len(page.Entries) == 0 {
		s.changed = s.changed || s.lane.Cursor != page.Next
		s.lane.Cursor = page.Next
		return true, s.save()
	}
	at := from
	if at == (events.Cursor{}) {
		at = firstOf(page.Entries[0].Next)
	}
	for _, e := range page.Entries {
		if !s.goesOn() || s.lane.isDown(s.Hooks.now()) || s.lane.Waiting() >= mostHeld {
			return true, s.save()
		}
		if s.endpoint.Wants(e.Type) {
			if i := s.lane.held(e.Subject); i >= 0 {
				s.lane.Held[i].Waiting = append(s.lane.Held[i].Waiting, at)
			} else if hold := (Hold{Subject: e.Subject, Waiting: []events.Cursor{at}}); !s.deliver(e.Event, at, &hold) {
				s.lane.Held = append(s.lane.Held, hold)
			}
		}
		s.lane.Cursor, s.changed, at = e.Next, true, e.Next
		if err := s.saveSometimes(); err != nil {
			return false, err
		}
	}
	return !page.More, s.save()
}

// firstOf returns the place of the first event of a page, given that of what follows it.
func firstOf(next events.Cursor) events.Cursor {
	if next.Index == 0 { // it was the only one
		next.Page--
	}
	return events.Cursor{Page: next.Page}
}

// deliver calls the endpoint with an event of a hold. It reports whether that went well, and
// else says in the hold when to try again.
func (s *session) deliver(event model.Event, at events.Cursor, hold *Hold) bool {
	hold.Tries++
	return s.call(event, at.String(), hold.Tries, func(o Outcome) time.Time {
		pause, more := pauseAfter(hold.Tries, s.Random(), o.RetryAfter)
		if !more {
			s.stop(Failing, "the last try of a delivery failed: "+o.Error)
			hold.Due = s.Hooks.now.Stamp()
			return time.Time{}
		}
		hold.Due = s.Hooks.now.Stamp().Add(pause)
		return hold.Due
	})
}

// call calls the endpoint, and notes what came of it. failed says when to try again, zero for
// never.
func (s *session) call(event model.Event, cursor string, try int, failed func(Outcome) time.Time) bool {
	at := s.Hooks.now.Stamp()
	o := s.Sender.Send(s.ctx, s.endpoint, event, at)
	a := Attempt{
		EventID: event.ID, Type: event.Type, Subject: event.Subject, Cursor: cursor, At: at, Took: o.Took, Status: o.Status, Error: o.Error, Try: try,
	}
	if o.Error == "" {
		s.lane.Failures, s.lane.LastSuccess = 0, at
	} else {
		s.lane.Failures++
		s.lane.LastFailure, s.lane.LastError = at, o.Error
		if a.Next = failed(o); o.gone() {
			s.stop(Disabled, "it answered 410 Gone")
			a.Next = time.Time{}
		}
		slog.InfoContext(s.ctx, "webhook was not delivered", "endpoint", s.endpoint.ID, "event", event.ID, "try", try, "status", o.Status, "error", o.Error)
	}
	s.attempts = append(s.attempts, a)
	return o.Error == ""
}

// stop makes the endpoint get no more events. save stores it.
func (s *session) stop(status Status, why string) { s.endpoint.Status, s.endpoint.Reason = status, why }

// saveSometimes stores the lane when it was not stored for a while.
func (s *session) saveSometimes() error {
	if len(s.attempts) < perMark && s.Hooks.now().Sub(s.marked) < markEvery {
		return nil
	}
	return s.save()
}

// save stores the lane, the attempts since then, and that the endpoint was stopped, in one
// write. Nothing of it is stored when somebody else changed the lane.
func (s *session) save() error {
	if !s.changed && len(s.attempts) == 0 && s.lane.until.IsZero() && s.Lease == 0 {
		return nil
	}
	if err := s.ctx.Err(); err != nil {
		return err // a call that was broken off says nothing about the endpoint
	}
	now := s.Hooks.now.Stamp()
	id := s.endpoint.ID
	ops := []table.Op{saving(id, &s.lane)}
	if len(s.attempts) > 0 {
		ops = append(ops, putAttempts(id, now, s.attempts))
	}
	if s.endpoint.Status != Active && !s.stopped {
		op := table.Update(records.HookKey(id), table.Equal("status", table.String(string(Active))))
		op.Set = table.Item{"status": table.String(string(s.endpoint.Status)), "reason": table.String(s.endpoint.Reason)}
		op.Add = map[string]int64{"version": 1}
		ops = append(ops, op)
		slog.ErrorContext(s.ctx, "an endpoint of webhooks gets no more events", "endpoint", id, "status", string(s.endpoint.Status), "reason", s.endpoint.Reason)
	}
	if s.endpoint.Status == Failing && !s.stopped {
		ops = append(ops, deadletters.Kept(deadletters.Letter{
			ID: deadletters.ID(deadletters.KindWebhook, id), Kind: deadletters.KindWebhook, About: "webhooks/" + id, Reason: s.endpoint.Reason, Tries: int64(len(Pauses)) + 1,
		}, now))
		metric.Emit([]metric.Figure{{Name: "DeadLetters", Value: 1, Unit: metric.Count}}, metric.Dimension{Name: "Kind", Value: string(deadletters.KindWebhook)})
	}
	err := records.Write(s.ctx, s.Hooks.table, ops...)
	if refused := (*table.ConditionError)(nil); errors.As(err, &refused) {
		return errOvertaken
	}
	if err != nil {
		return err
	}
	s.attempts, s.changed, s.marked, s.stopped = nil, false, now, s.endpoint.Status != Active
	return nil
}
