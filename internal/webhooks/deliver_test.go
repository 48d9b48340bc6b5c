package webhooks_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/cafetest"
	"cafe/internal/deadletters"
	"cafe/internal/events"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/internal/webhooks"
	"cafe/model"
)

var ctx = context.Background()

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// world is a café with an event log and somebody who calls endpoints.
type world struct {
	rapid.TB
	*cafetest.Cafe
	called calls
	d      *webhooks.Deliverer
}

// calls is a webhooks.Sender that notes what it is to send.
type calls struct {
	mu     sync.Mutex
	all    []call
	answer func(c call, n int) webhooks.Outcome // nil: all is well
}

type call struct {
	endpoint string
	id       string
	subject  string
	version  int64
	kind     model.EventType
	at       time.Time
}

func (c *calls) Send(_ context.Context, e webhooks.Endpoint, event model.Event, at time.Time) webhooks.Outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, call{e.ID, event.ID, event.Subject, event.Version, event.Type, at})
	if c.answer == nil {
		return webhooks.Outcome{Status: 204}
	}
	return c.answer(c.all[len(c.all)-1], len(c.all))
}

var (
	refused = webhooks.Outcome{Status: 500, Error: "it answered 500"}
	taken   = webhooks.Outcome{Status: 200}
)

func newWorld(t rapid.TB, db table.Table) *world {
	w := &world{TB: t, Cafe: cafetest.Open(t, db)}
	w.Recorder.Pause()
	w.d = w.deliverer("one")
	return w
}

func (w *world) deliverer(owner string) *webhooks.Deliverer {
	return &webhooks.Deliverer{Hooks: w.Webhooks, Sender: &w.called, Random: func() float64 { return 0 }, Owner: owner, Lease: time.Minute, Turn: 30 * time.Second}
}

func (w *world) endpoint(types ...model.EventType) string {
	w.Helper()
	e, _, err := w.Webhooks.Create(ctx, webhooks.Draft{URL: "https://example.com/hook", Types: types})
	if err != nil {
		w.Fatal(err)
	}
	return e.ID
}

// happen puts events into the log: "a1" is version 1 of order a.
func (w *world) happen(what ...string) {
	w.Helper()
	var entries []events.Entry
	for _, s := range what {
		var version int64
		fmt.Sscan(s[1:], &version)
		entries = append(entries, events.Entry{Event: model.NewEvent(model.EventOrderReady, "/orders/"+s[:1], version, w.Clock.Now(), []byte(`{"id":"`+s[:1]+`"}`))})
	}
	if err := w.Events.Append(ctx, entries); err != nil {
		w.Fatal(err)
	}
}

// deliver lets the deliverer work until there is nothing to do now. It returns when there is.
func (w *world) deliver(endpoint string) time.Time {
	w.Helper()
	for range 100 {
		next, err := w.d.Deliver(ctx, endpoint)
		if err != nil {
			w.Fatal(err)
		}
		if next.IsZero() || next.After(w.Clock.Now()) {
			return next
		}
	}
	w.Fatal("it never ends")
	return time.Time{}
}

// until returns how long it is until then, without the milliseconds that the clock of tests
// goes on by each time that it is read.
func (w *world) until(next time.Time) time.Duration {
	return next.Sub(w.Clock.Now()).Round(time.Second)
}

// sent returns what was sent to an endpoint, as happen has it.
func (w *world) sent(endpoint string) (all []string) {
	for _, c := range w.called.all {
		if c.endpoint == endpoint {
			all = append(all, strings.TrimPrefix(c.subject, "/orders/")+fmt.Sprint(c.version))
		}
	}
	return all
}

func (w *world) want(endpoint string, want ...string) {
	w.Helper()
	if got := w.sent(endpoint); !slices.Equal(got, want) {
		w.Errorf("sent %q, want %q", got, want)
	}
}

func TestAnEndpointGetsEveryEventFromItsCreationOn(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		w := newWorld(t, e.Open(t))
		w.happen("z1")
		all, some := w.endpoint(), w.endpoint(model.EventOrderPlaced)
		var want []string
		for i := range 60 {
			want = append(want, fmt.Sprint("a", i+1))
		}
		w.happen(want...)
		for range 2 {
			if next := w.deliver(all); !next.IsZero() {
				t.Errorf("it comes again at %v", next)
			}
			w.deliver(some)
		}
		w.want(all, want...)
		w.want(some)
		w.happen("b1")
		w.deliver(all)
		w.want(all, append(want, "b1")...)
		attempts, next, err := w.Webhooks.Deliveries(ctx, all, "", 40)
		if err != nil || len(attempts) != 40 || attempts[0].Subject != "/orders/b" || attempts[0].Status != 204 || attempts[0].Try != 1 {
			t.Fatalf("%+v %v", attempts, err)
		}
		more, end, err := w.Webhooks.Deliveries(ctx, all, next, 40)
		if err != nil || len(more) != 21 || end != "" || more[20].EventID != w.called.all[0].id {
			t.Errorf("%d, %q, %v", len(more), end, err)
		}
	})
}

// The documented times, without jitter.
func TestADeliveryIsTriedAgainAtTheDocumentedTimesAndThenTheEndpointIsFailing(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		w := newWorld(t, e.Open(t))
		id := w.endpoint()
		w.happen("a1", "a2")
		w.called.answer = func(call, int) webhooks.Outcome { return refused }
		begun := w.Clock.Now()
		var waited []time.Duration
		for next := w.deliver(id); !next.IsZero(); next = w.deliver(id) {
			waited = append(waited, w.until(next))
			w.Clock.Pass(next.Sub(w.Clock.Now()) - time.Second)
			before := len(w.called.all)
			w.deliver(id)
			if len(w.called.all) != before {
				t.Fatalf("tried a second before %v", next)
			}
			w.Clock.Pass(time.Second)
		}
		want := []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}
		if !slices.Equal(waited, want) {
			t.Errorf("waited %v, want %v", waited, want)
		}
		w.want(id, slices.Repeat([]string{"a1"}, 10)...)
		got, _, err := w.Webhooks.Get(ctx, id)
		letters, _, _ := w.DeadLetters.List(ctx, false, "", 10)
		if err != nil || got.Status != webhooks.Failing || len(letters) != 1 || letters[0].ID != "webhook-"+id || w.Clock.Now().Sub(begun) < 75*time.Hour {
			t.Fatalf("%+v %v; letters %+v", got, err, letters)
		}
		if n, err := deadletters.Count(ctx, w.Table); err != nil || n.Webhooks != 1 {
			t.Errorf("%+v %v", n, err)
		}
		w.happen("b1")
		w.deliver(id)
		w.want(id, slices.Repeat([]string{"a1"}, 10)...)

		// Sent again, it goes on where it was.
		w.called.answer = nil
		if _, err := w.DeadLetters.Redrive(ctx, letters[0].ID); err != nil {
			t.Fatal(err)
		}
		w.deliver(id)
		w.want(id, append(slices.Repeat([]string{"a1"}, 11), "a2", "b1")...)
		if letters, _, _ := w.DeadLetters.List(ctx, false, "", 10); len(letters) != 0 {
			t.Errorf("letters %+v", letters)
		}
	})
}

func TestOnlyTheSubjectThatFailsWaits(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		w := newWorld(t, e.Open(t))
		id := w.endpoint()
		w.called.answer = func(c call, _ int) webhooks.Outcome {
			if c.subject == "/orders/a" {
				return refused
			}
			return taken
		}
		w.happen("a1", "b1", "a2", "c1", "b2", "a3")
		next := w.deliver(id)
		w.want(id, "a1", "b1", "c1", "b2")
		if w.until(next) != 5*time.Second {
			t.Errorf("next at %v", next)
		}
		_, l, err := w.Webhooks.Get(ctx, id)
		if err != nil || l.Waiting() != 3 || !l.Next().Equal(next) || l.LastError != "it answered 500" {
			t.Errorf("%+v %v", l, err)
		}
		// It fails for hours, in quiet times; others go on all the same.
		for range 4 {
			w.Clock.Pass(w.deliver(id).Sub(w.Clock.Now()))
			w.deliver(id)
		}
		w.happen("d1")
		w.deliver(id)
		if got := w.sent(id); got[len(got)-1] != "d1" {
			t.Errorf("sent %q", got)
		}
		w.called.answer, w.called.all = nil, nil
		w.Clock.Pass(24 * time.Hour)
		w.deliver(id)
		w.want(id, "a1", "a2", "a3")
	})
}

func TestAnEndpointThatIsDeadIsNotCalledForEveryEvent(t *testing.T) {
	w := newWorld(t, cafetest.Engines[0].Open(t))
	id, other := w.endpoint(), w.endpoint()
	w.called.answer = func(c call, _ int) webhooks.Outcome {
		if c.endpoint == id {
			return refused
		}
		return taken
	}
	var what []string
	for i := range 100 {
		what = append(what, fmt.Sprint(string(rune('a'+i%20)), i/20+1))
	}
	w.happen(what...)
	w.deliver(id)
	w.want(id, "a1", "b1", "c1")
	w.deliver(other)
	w.want(other, what...)
	for end := w.Clock.Now().Add(12 * time.Hour); w.Clock.Now().Before(end); {
		w.Clock.Pass(w.deliver(id).Sub(w.Clock.Now()))
	}
	if n := len(w.sent(id)); n > 100 {
		t.Errorf("called %d times in 12 hours", n)
	}
	w.called.answer, w.called.all = nil, nil
	for range 3 {
		w.Clock.Pass(24 * time.Hour)
		w.deliver(id)
	}
	got := w.sent(id)
	slices.Sort(got)
	slices.Sort(what)
	if !slices.Equal(got, what) {
		t.Errorf("sent %q", got)
	}
}

func TestWhatAnEndpointAnswersIsHeeded(t *testing.T) {
	w := newWorld(t, cafetest.Engines[0].Open(t))
	for name, c := range map[string]struct {
		answer webhooks.Outcome
		pause  time.Duration
	}{
		"no answer":            {webhooks.Outcome{Error: "it did not answer in time"}, 5 * time.Second},
		"429 with Retry-After": {webhooks.Outcome{Status: 429, Error: "it answered 429", RetryAfter: 90 * time.Second}, 90 * time.Second},
		"a short Retry-After":  {webhooks.Outcome{Status: 503, Error: "it answered 503", RetryAfter: time.Second}, 5 * time.Second},
		"a year's Retry-After": {webhooks.Outcome{Status: 503, Error: "it answered 503", RetryAfter: 365 * 24 * time.Hour}, 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			id := w.endpoint()
			w.happen("a1")
			w.called.answer = func(call, int) webhooks.Outcome { return c.answer }
			if pause := w.until(w.deliver(id)); pause != c.pause {
				t.Errorf("next after %v, want %v", pause, c.pause)
			}
		})
	}
	t.Run("410", func(t *testing.T) {
		id := w.endpoint()
		w.happen("a1", "b1")
		w.called.answer = func(call, int) webhooks.Outcome { return webhooks.Outcome{Status: 410, Error: "it answered 410"} }
		w.called.all = nil
		if next := w.deliver(id); !next.IsZero() {
			t.Errorf("next at %v", next)
		}
		w.deliver(id)
		w.want(id, "a1")
		e, _, err := w.Webhooks.Get(ctx, id)
		if err != nil || e.Status != webhooks.Disabled || e.Reason != "it answered 410 Gone" {
			t.Errorf("%+v %v", e, err)
		}
		active := webhooks.Active
		w.called.answer = nil
		if e, err = w.Webhooks.Change(ctx, id, webhooks.Patch{Status: &active}); err != nil || e.Reason != "" {
			t.Errorf("%+v %v", e, err)
		}
		w.deliver(id)
		w.want(id, "a1", "a1", "b1")
	})
}

func TestATestEventGoesOutWhateverWaits(t *testing.T) {
	w := newWorld(t, cafetest.Engines[0].Open(t))
	id := w.endpoint(model.EventDayClosed)
	event, err := w.Webhooks.Test(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.deliver(id)
	}
	if len(w.called.all) != 1 || w.called.all[0].id != event || w.called.all[0].kind != webhooks.TestType {
		t.Errorf("%+v", w.called.all)
	}
	disabled := webhooks.Disabled
	if _, err := w.Webhooks.Change(ctx, id, webhooks.Patch{Status: &disabled}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Webhooks.Test(ctx, id); !errors.Is(err, webhooks.ErrInactive) {
		t.Error(err)
	}
}

func TestEventsAreSentAgainFromACursor(t *testing.T) {
	w := newWorld(t, cafetest.Engines[0].Open(t))
	id := w.endpoint()
	w.happen("a1", "b1", "c1")
	w.deliver(id)
	attempts, _, err := w.Webhooks.Deliveries(ctx, id, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{attempts[1].Cursor, "oldest"} {
		if err := w.Webhooks.Redeliver(ctx, id, from); err != nil {
			t.Fatal(err)
		}
		w.deliver(id)
	}
	w.want(id, "a1", "b1", "c1", "b1", "c1", "a1", "b1", "c1")
	for _, from := range []string{"", "x", "1", "zz.0"} {
		var invalid model.Invalid
		if err := w.Webhooks.Redeliver(ctx, id, from); !errors.As(err, &invalid) || invalid[0].Field != "/from" {
			t.Errorf("%q: %v", from, err)
		}
	}
	w.Clock.Pass(events.Life + time.Hour)
	w.happen("d1")
	var invalid model.Invalid
	if err := w.Webhooks.Redeliver(ctx, id, attempts[1].Cursor); !errors.As(err, &invalid) || !strings.Contains(invalid[0].Message, "kept") {
		t.Error(err)
	}
}

func TestAnEndpointThatWasAwayForTooLongGoesOnWithWhatIsKept(t *testing.T) {
	w := newWorld(t, cafetest.Engines[0].Open(t))
	id := w.endpoint()
	w.called.answer = func(call, int) webhooks.Outcome { return refused }
	w.happen("a1")
	w.deliver(id)
	disabled, active := webhooks.Disabled, webhooks.Active
	if _, err := w.Webhooks.Change(ctx, id, webhooks.Patch{Status: &disabled}); err != nil {
		t.Fatal(err)
	}
	w.happen("b1")
	w.Clock.Pass(events.Life + time.Hour)
	w.happen("c1", "d1")
	if _, err := w.Webhooks.Change(ctx, id, webhooks.Patch{Status: &active}); err != nil {
		t.Fatal(err)
	}
	w.called.answer, w.called.all = nil, nil
	w.deliver(id)
	w.want(id, "c1", "d1")
	if _, l, err := w.Webhooks.Get(ctx, id); err != nil || !l.Missed || l.Waiting() != 0 {
		t.Errorf("%+v %v", l, err)
	}
}

func TestWhoHasTheLaneDeliversAlone(t *testing.T) {
	w := newWorld(t, cafetest.Engines[0].Open(t))
	id := w.endpoint()
	w.happen("a1", "b1")
	other := w.deliverer("two")
	w.called.answer = func(call, int) webhooks.Outcome {
		w.called.mu.Unlock()
		defer w.called.mu.Lock()
		if next, err := other.Deliver(ctx, id); err != nil || !next.After(w.Clock.Now()) {
			t.Errorf("the other delivers, too: %v %v", next, err)
		}
		return taken
	}
	w.deliver(id)
	w.want(id, "a1", "b1")

	// One that died in the middle has it until its time is over.
	w.happen("c1")
	w.called.answer = func(call, int) webhooks.Outcome {
		w.Faults.Set(func(c tabletest.Call) tabletest.Fault {
			if c.Method == "Write" {
				return tabletest.Fault{Before: table.ErrUnavailable}
			}
			return tabletest.Fault{}
		})
		return taken
	}
	if _, err := w.d.Deliver(ctx, id); err == nil {
		t.Fatal("marked without a store")
	}
	w.Faults.Set(nil)
	w.called.answer = nil
	w.d = other
	if next := w.deliver(id); !next.After(w.Clock.Now()) {
		t.Fatal("not taken any more")
	}
	w.Clock.Pass(time.Minute)
	w.deliver(id)
	w.want(id, "a1", "b1", "c1", "c1")
	if w.called.all[2].id != w.called.all[3].id {
		t.Error("it has another id")
	}
}

// Whatever endpoints answer, whatever the store does, whoever dies: every event arrives, and
// apart from repetitions those of a subject in their order.
func TestEveryEventArrivesInTheOrderOfItsSubject(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		w := &world{TB: t, Cafe: c}
		w.Recorder.Pause()
		deliverers := []*webhooks.Deliverer{w.deliverer("one"), w.deliverer("two")}
		id := w.endpoint()
		versions := map[string]int{}
		var want []string
		unwell := 0
		w.called.answer = func(call, int) webhooks.Outcome {
			if unwell > 0 {
				unwell--
				return refused
			}
			return taken
		}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"happens", "happens", "delivers", "delivers", "fails", "faults", "time"}).Draw(t, "step") {
			case "happens":
				for range rapid.IntRange(1, 8).Draw(t, "events") {
					s := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "order")
					versions[s]++
					want = append(want, fmt.Sprint(s, versions[s]))
					w.happen(want[len(want)-1])
				}
			case "fails":
				unwell = rapid.IntRange(1, 9).Draw(t, "failures")
			case "faults":
				at, before := rapid.IntRange(0, 3).Draw(t, "write"), rapid.Bool().Draw(t, "before")
				w.Faults.Set(func(call tabletest.Call) tabletest.Fault {
					if call.Method == "Write" {
						if at--; at == -1 {
							if before {
								return tabletest.Fault{Before: table.ErrUnavailable}
							}
							return tabletest.Fault{After: table.ErrUnavailable}
						}
					}
					return tabletest.Fault{}
				})
				_, _ = deliverers[rapid.IntRange(0, 1).Draw(t, "who")].Deliver(ctx, id)
				w.Faults.Set(nil)
			case "delivers":
				_, _ = deliverers[rapid.IntRange(0, 1).Draw(t, "who")].Deliver(ctx, id)
			case "time":
				w.Clock.Pass(time.Duration(rapid.SampledFrom([]int{1, 5, 60, 600, 7200}).Draw(t, "seconds")) * time.Second)
			}
		}
		unwell = 0
		active := webhooks.Active
		if _, err := w.Webhooks.Change(ctx, id, webhooks.Patch{Status: &active}); err != nil {
			t.Fatal(err)
		}
		for range 60 {
			w.Clock.Pass(time.Hour)
			if _, err := deliverers[0].Deliver(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
		last := map[string]int64{}
		arrived := map[string]bool{}
		for i, c := range w.called.all {
			if c.version > last[c.subject]+1 {
				t.Fatalf("call %d: %s %d after %d", i, c.subject, c.version, last[c.subject])
			}
			// It counts as arrived when the endpoint took it; here every call reaches it.
			last[c.subject] = max(last[c.subject], c.version)
			arrived[strings.TrimPrefix(c.subject, "/orders/")+fmt.Sprint(c.version)] = true
		}
		for _, s := range want {
			if !arrived[s] {
				t.Errorf("%s never arrived; sent %q", s, w.sent(id))
			}
		}
		if _, l, err := w.Webhooks.Get(ctx, id); err != nil || l.Waiting() != 0 {
			t.Errorf("%+v %v", l, err)
		}
	})
}
