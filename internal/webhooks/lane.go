package webhooks

import (
	"slices"
	"time"

	"cafe/internal/events"
	"cafe/internal/records"
	"cafe/internal/table"
)

// Lane is how far an endpoint's deliveries have come. Every event before Cursor was delivered,
// is not wanted, or is in Held.
type Lane struct {
	Cursor events.Cursor
	Held   []Hold

	// Failures is how many deliveries in a row have failed.
	Failures int64

	LastSuccess, LastFailure time.Time
	LastError                string // of the last failure

	Missed bool   // events were no longer kept when they would have been delivered
	tested string // the id of the last test event that was sent

	owner   string    // who delivers
	until   time.Time // until when nobody else does
	version int64     // grows with each write
}

// Hold is a subject with a delivery that failed. Its later events wait, so that the endpoint
// gets a subject's events in their order.
type Hold struct {
	Subject string
	Waiting []events.Cursor // where its events are in the log; the first is tried next
	Tries   int             // of the first
	Due     time.Time       // when the first is tried again
}

const (
	// down is how many failures in a row, and of how many subjects, make an endpoint count as
	// dead.
	down = 3
	// probing is how often something new is tried at an endpoint that counts as dead. It may be
	// only some subjects that it refuses.
	probing = time.Hour
	// mostHeld is how many events wait in a lane, at most. Cursor stands still then.
	mostHeld = 200
)

func (l *Lane) held(subject string) int {
	return slices.IndexFunc(l.Held, func(h Hold) bool { return h.Subject == subject })
}

// Waiting returns how many events are held.
func (l *Lane) Waiting() (n int) {
	for _, h := range l.Held {
		n += len(h.Waiting)
	}
	return n
}

// due returns the hold that has been due for longest, or -1.
func (l *Lane) due(now time.Time) int {
	first := -1
	for i, h := range l.Held {
		if !h.Due.After(now) && (first < 0 || h.Due.Before(l.Held[first].Due)) {
			first = i
		}
	}
	return first
}

// Next returns when the lane has something to do again, zero when it waits for events only.
func (l *Lane) Next() (at time.Time) {
	if l.Failures >= down && len(l.Held) >= down {
		at = l.LastFailure.Add(probing)
	}
	for _, h := range l.Held {
		if at.IsZero() || h.Due.Before(at) {
			at = h.Due
		}
	}
	return at
}

// isDown reports whether the endpoint counts as dead, and nothing new is tried yet: only what is
// due again, and Cursor stands still.
func (l *Lane) isDown(now time.Time) bool {
	return l.Failures >= down && len(l.Held) >= down && now.Before(l.LastFailure.Add(probing))
}

// Pauses are the times from one try of a delivery to the next: those that Standard Webhooks
// recommends. After the last, the endpoint is failing.
var Pauses = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// longestPause bounds what an endpoint's Retry-After may ask for.
const longestPause = 24 * time.Hour

// pauseAfter returns how long to wait after so many tries, ok false when there are no more.
// random, from 0 to 1, makes it up to a tenth longer, so that endpoints that failed together
// are not called together again.
func pauseAfter(tries int, random float64, retryAfter time.Duration) (pause time.Duration, ok bool) {
	if tries > len(Pauses) {
		return 0, false
	}
	pause = Pauses[tries-1]
	pause += time.Duration(random * float64(pause) / 10)
	return max(pause, min(retryAfter, longestPause)), true
}

func encodeLane(l Lane) table.Item {
	held := make([]table.Value, len(l.Held))
	for i, h := range l.Held {
		waiting := make([]table.Value, len(h.Waiting))
		for j, c := range h.Waiting {
			waiting[j] = table.String(c.String())
		}
		held[i] = table.Map(table.Item{
			"subject": table.String(h.Subject), "waiting": table.List(waiting...), "tries": table.Int(int64(h.Tries)), "due": records.Time(h.Due),
		})
	}
	item := table.Item{"cursor": table.String(l.Cursor.String()), "version": table.Int(l.version)}
	if len(held) > 0 {
		item["held"] = table.List(held...)
	}
	records.PutNumber(item, "failures", l.Failures)
	records.PutTime(item, "last_success", l.LastSuccess)
	records.PutTime(item, "last_failure", l.LastFailure)
	records.PutText(item, "last_error", l.LastError)
	records.PutFlag(item, "missed", l.Missed)
	records.PutText(item, "tested", l.tested)
	records.PutText(item, "owner", l.owner)
	records.PutTime(item, "until", l.until)
	return item
}

func decodeLane(key table.Key, item table.Item) (Lane, error) {
	r := records.NewReader(key, item)
	cursor := func(text string) events.Cursor {
		c, err := events.ParseCursor(text)
		r.Note(err)
		return c
	}
	l := Lane{
		Cursor: cursor(r.Text("cursor")), Failures: r.OptionalNumber("failures"), LastSuccess: r.OptionalTime("last_success"),
		LastFailure: r.OptionalTime("last_failure"), LastError: r.Optional("last_error"), Missed: r.Flag("missed"), tested: r.Optional("tested"),
		owner: r.Optional("owner"), until: r.OptionalTime("until"), version: r.Number("version"),
	}
	if r.Has("held") {
		for m := range r.Maps("held") {
			h := Hold{Subject: m.Text("subject"), Tries: int(m.Number("tries")), Due: m.Time("due")}
			for _, c := range m.Texts("waiting") {
				h.Waiting = append(h.Waiting, cursor(c))
			}
			l.Held = append(l.Held, h)
		}
	}
	return l, r.Err()
}
