package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/bus"
	"cafe/internal/cafetest"
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

// client is a bus that notes what it takes.
type client struct {
	rapid.TB
	taken  []model.Event
	calls  int
	refuse func(e model.Event, call int) string // nil: takes everything
	after  func() error                         // what a call ends with
}

func (c *client) Put(_ context.Context, all []model.Event) (refused []string, err error) {
	c.calls++
	if len(all) == 0 || len(all) > bus.Most {
		c.Errorf("a call has %d events", len(all))
	}
	for _, e := range all {
		why := ""
		if c.refuse != nil {
			why = c.refuse(e, c.calls)
		}
		if refused = append(refused, why); why == "" {
			c.taken = append(c.taken, e)
		}
	}
	if c.after != nil {
		err = c.after()
	}
	return refused, err
}

// world is a café with a bus.
type world struct {
	*cafetest.Cafe
	*client
	bus  *bus.Bus
	told []model.Event
}

func newWorld(t rapid.TB, c *cafetest.Cafe) *world {
	w := &world{Cafe: c, client: &client{TB: t}}
	w.bus = w.another("one")
	return w
}

func (w *world) another(owner string) *bus.Bus {
	return &bus.Bus{
		Name: "shop", Client: w.client, Table: w.Faults, Log: w.Events, Now: w.Clock.Now, Owner: owner, Lease: 2 * time.Minute, Turn: time.Minute,
	}
}

// tell puts an event of each subject into the log.
func (w *world) tell(subjects ...string) {
	w.Helper()
	var entries []events.Entry
	for _, subject := range subjects {
		e := model.NewEvent(model.EventOrderReady, "/orders/"+subject, int64(len(w.told)+1), w.Clock.Now().Truncate(time.Microsecond), []byte(`{"id":"`+subject+`"}`))
		w.told, entries = append(w.told, e), append(entries, events.Entry{Event: e})
	}
	if err := w.Events.Append(ctx, entries); err != nil {
		w.Fatal(err)
	}
}

func open(t *testing.T) *cafetest.Cafe { return cafetest.Open(t, cafetest.Engines[0].Open(t)) }

// letters returns n subjects.
func letters(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("s%d", i))
	}
	return all
}

func (w *world) deliver() time.Time {
	w.Helper()
	next, err := w.bus.Deliver(ctx)
	if err != nil {
		w.Fatal(err)
	}
	return next
}

// untilQuiet delivers as wake-ups and the sweep do, until every event is on the bus.
func (w *world) untilQuiet() {
	w.Helper()
	for range 200 {
		next, err := w.bus.Deliver(ctx)
		if err == nil && next.IsZero() && len(distinct(w.taken)) == len(w.told) {
			return
		}
		w.Clock.Pass(5 * time.Minute)
	}
	w.Fatalf("%d of %d events are on the bus", len(distinct(w.taken)), len(w.told))
}

func ids(all []model.Event) (ids []string) {
	for _, e := range all {
		ids = append(ids, e.ID)
	}
	return ids
}

// distinct returns the first tellings.
func distinct(all []model.Event) (first []model.Event) {
	known := map[string]bool{}
	for _, e := range all {
		if !known[e.ID] {
			first = append(first, e)
		}
		known[e.ID] = true
	}
	return first
}

func (w *world) wantAllInOrder() {
	w.Helper()
	if got, want := ids(distinct(w.taken)), ids(w.told); !slices.Equal(got, want) {
		w.Errorf("on the bus are %v, want %v", got, want)
	}
}

// wantOrderBySubject wants each event on the bus, and those of a subject in their order.
func (w *world) wantOrderBySubject() {
	w.Helper()
	by := func(all []model.Event) map[string]string {
		m := map[string]string{}
		for _, e := range all {
			m[e.Subject] += e.ID + " "
		}
		return m
	}
	got, want := by(distinct(w.taken)), by(w.told)
	for subject := range want {
		if got[subject] != want[subject] {
			w.Errorf("of %s are on the bus %s, want %s", subject, got[subject], want[subject])
		}
	}
}

func TestEventsComeOnceInTheLogsOrderTenACall(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		w := newWorld(t, cafetest.Open(t, e.Open(t)))
		w.tell(letters(250)...)
		w.deliver()
		if w.wantAllInOrder(); len(w.taken) != 250 || w.calls != 25 {
			t.Errorf("%d events in %d calls", len(w.taken), w.calls)
		}
		w.deliver()
		w.tell("s0", "s0", "s0") // a call has one event of a subject
		w.deliver()
		if w.wantAllInOrder(); len(w.taken) != 253 || w.calls != 28 {
			t.Errorf("%d events in %d calls", len(w.taken), w.calls)
		}
	})
}

func TestWhatTheBusRefusesIsPutAgainAndNothingElse(t *testing.T) {
	w := newWorld(t, open(t))
	w.tell(letters(12)...)
	w.refuse = func(e model.Event, call int) string {
		if call == 1 && (e.ID == w.told[2].ID || e.ID == w.told[5].ID) {
			return "ThrottlingException: slow down"
		}
		return ""
	}
	next := w.deliver()
	if w.calls != 1 || len(w.taken) != 8 || next.Sub(w.Clock.Now()) < time.Second {
		t.Errorf("%d calls, %d events, next %s", w.calls, len(w.taken), next)
	}
	if next = w.deliver(); w.calls != 1 || !next.IsZero() {
		t.Errorf("it is tried before it is due: %d calls, next %s", w.calls, next)
	}
	w.Clock.Pass(3 * time.Second)
	w.deliver()
	if len(w.taken) != 12 || len(distinct(w.taken)) != 12 {
		t.Errorf("taken %v", ids(w.taken))
	}
	w.wantOrderBySubject()
}

func TestABusThatGoesOnRefusingIsAnErrorAndLosesNothing(t *testing.T) {
	w := newWorld(t, open(t))
	w.tell("a", "b")
	w.after = func() error { return errors.New("AccessDeniedException: no") }
	for i, pause := range []time.Duration{2 * time.Second, 10 * time.Second, time.Minute} {
		next := w.deliver()
		if left := next.Sub(w.Clock.Now()).Round(time.Second); w.calls != i+1 || left != pause {
			t.Fatalf("try %d: %d calls, next in %s", i, w.calls, left)
		}
		w.Clock.Pass(pause + time.Second)
	}
	for range 3 {
		if _, err := w.bus.Deliver(ctx); !errors.Is(err, bus.ErrRefused) || !strings.Contains(err.Error(), "AccessDenied") {
			t.Error(err)
		}
		w.Clock.Pass(5 * time.Minute)
	}
	w.after, w.taken = nil, nil
	w.tell("c")
	w.deliver()
	w.wantAllInOrder()
	w.after = func() error { return errors.New("again") }
	w.tell("d")
	if next := w.deliver(); next.Sub(w.Clock.Now()) > 2*time.Second {
		t.Errorf("after a success it is next tried at %s", next)
	}
}

func TestACrashBetweenPutAndMarkPutsTheSameIDsAgain(t *testing.T) {
	w := newWorld(t, open(t))
	w.tell(letters(25)...)
	lost := errors.New("the process ended")
	w.refuse = func(_ model.Event, call int) string {
		if call == 2 { // from now on nothing is stored
			w.Faults.Set(func(tabletest.Call) tabletest.Fault { return tabletest.Fault{Before: lost} })
		}
		return ""
	}
	if _, err := w.bus.Deliver(ctx); !errors.Is(err, lost) || len(w.taken) != 20 {
		t.Fatalf("%d events, %v", len(w.taken), err)
	}
	w.refuse = nil
	w.Faults.Set(nil)
	w.bus = w.another("two")
	if next := w.deliver(); len(w.taken) != 20 || next.Sub(w.Clock.Now()) < time.Minute {
		t.Errorf("the lane of the dead is taken: %d events, next %s", len(w.taken), next)
	}
	w.Clock.Pass(2 * time.Minute)
	w.deliver()
	if w.wantAllInOrder(); len(w.taken) != 35 { // the second call's ten came twice
		t.Errorf("%d events", len(w.taken))
	}
}

func TestOfTwoDeliverersOneGoesOn(t *testing.T) {
	w := newWorld(t, open(t))
	w.tell(letters(25)...)
	other := w.another("two")
	w.after = func() error {
		if w.calls == 1 {
			if next, err := other.Deliver(ctx); err != nil || next.IsZero() {
				t.Error(next, err)
			}
			w.Clock.Pass(3 * time.Minute) // the first is taken for dead
			if _, err := other.Deliver(ctx); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	if next := w.deliver(); next.IsZero() {
		t.Error("who was overtaken does not look again")
	}
	w.deliver()
	if w.wantAllInOrder(); len(w.taken) != 35 {
		t.Errorf("%d events", len(w.taken))
	}
}

func TestATurnEndsAndGoesOn(t *testing.T) {
	w := newWorld(t, open(t))
	w.tell(letters(25)...)
	w.after = func() error { w.Clock.Pass(40 * time.Second); return nil }
	if next := w.deliver(); next.IsZero() || len(w.taken) != 20 {
		t.Errorf("%d events, next %s", len(w.taken), next)
	}
	w.deliver()
	w.wantAllInOrder()
}

func TestAfterAWeekOfRefusalsItGoesOnWithWhatIsKept(t *testing.T) {
	w := newWorld(t, open(t))
	w.tell("a")
	w.deliver()
	w.tell("b")
	w.Clock.Pass(events.Life + time.Hour)
	if err := w.Events.Forget(ctx); err != nil {
		t.Fatal(err)
	}
	w.tell("c")
	w.deliver()
	if got, want := ids(w.taken), []string{w.told[0].ID, w.told[2].ID}; !slices.Equal(got, want) {
		t.Errorf("on the bus are %v, want %v", got, want)
	}
}

func TestAnotherBusHasALaneOfItsOwn(t *testing.T) {
	w := newWorld(t, open(t))
	w.tell("a", "b")
	w.deliver()
	w.bus.Name = "arn:aws:events:eu-west-2:123456789012:event-bus/other"
	w.deliver()
	if got, want := ids(w.taken), append(ids(w.told), ids(w.told)...); !slices.Equal(got, want) {
		t.Errorf("on the buses are %v, want %v", got, want)
	}
}

// Whatever the bus refuses and the store fails at, each event is put, and those of a subject in
// their order.
func TestNothingIsLostOrReorderedByFaults(t *testing.T) {
	cafetest.Property(t, func(r *rapid.T, c *cafetest.Cafe) {
		w := newWorld(r, c)
		faulty := true
		w.refuse = func(model.Event, int) string {
			if faulty && rapid.IntRange(0, 3).Draw(r, "refuse") == 0 {
				return "InternalFailure: no"
			}
			return ""
		}
		w.after = func() error {
			if faulty && rapid.IntRange(0, 5).Draw(r, "lose") == 0 {
				return errors.New("no answer")
			}
			return nil
		}
		for range rapid.IntRange(1, 4).Draw(r, "rounds") {
			var subjects []string
			for range rapid.IntRange(1, 30).Draw(r, "events") {
				subjects = append(subjects, fmt.Sprintf("s%d", rapid.IntRange(0, 12).Draw(r, "subject")))
			}
			w.tell(subjects...)
			w.Faults.Set(func(tabletest.Call) tabletest.Fault {
				switch rapid.IntRange(0, 15).Draw(r, "fault") {
				case 0:
					return tabletest.Fault{Before: table.ErrUnavailable}
				case 1:
					return tabletest.Fault{After: table.ErrUnavailable}
				}
				return tabletest.Fault{}
			})
			for i := range rapid.IntRange(1, 4).Draw(r, "wake-ups") {
				w.bus = w.another(fmt.Sprint("owner ", i%2))
				_, _ = w.bus.Deliver(ctx)
				w.Clock.Pass(time.Duration(rapid.IntRange(0, 300).Draw(r, "seconds")) * time.Second)
			}
			w.Faults.Set(nil)
		}
		faulty = false
		w.untilQuiet()
		w.wantOrderBySubject()
	})
}

func TestACloudEventHasTheRequiredAttributes(t *testing.T) {
	e := model.NewEvent(model.EventMenuChanged, "/menu/latte", 1_500_000_000_000_001, time.Date(2017, 3, 18, 9, 30, 0, 1000, time.UTC), []byte(`{"sku":"latte","price":320}`))
	got := bus.CloudEvent(e, `cafe."prod"`)
	want := `{"specversion":"1.0","id":"` + e.ID + `","source":"cafe.\"prod\"","type":"cafe.menu.changed","subject":"/menu/latte","time":"` + model.Timestamp(e.At) +
		`","version":"1500000000000001","datacontenttype":"application/json","data":{"sku":"latte","price":320}}`
	if got != want || !json.Valid([]byte(got)) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := time.Parse(time.RFC3339Nano, model.Timestamp(e.At)); err != nil {
		t.Error(err)
	}
}

// list is a list of endpoints.
type list []webhooks.Endpoint

func (l list) List(context.Context) ([]webhooks.Endpoint, error) { return l, nil }

func TestABusIsWokenBesideTheEndpoints(t *testing.T) {
	hooks := list{{ID: "a", Status: webhooks.Failing}}
	for name, want := range map[string]string{"": "[a failing]", "shop": "[a failing bus active]"} {
		all, err := bus.Beside(hooks, name).List(ctx)
		var got []string
		for _, e := range all {
			got = append(got, e.ID, string(e.Status))
		}
		if fmt.Sprint(got) != want || err != nil || !model.ValidID(bus.WakeUp) {
			t.Errorf("%q: %v, %v, want %s", name, got, err, want)
		}
	}
}
