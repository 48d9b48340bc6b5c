package deliverer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"cafe/handlers/deliverer"
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

// queue notes the wake-ups that are sent.
type queue struct{ sent []string }

func (q *queue) Wake(_ context.Context, endpoint string, after time.Duration) error {
	q.sent = append(q.sent, fmt.Sprint(endpoint, " ", after.Round(time.Second)))
	return nil
}

// sender answers every call alike.
type sender struct {
	outcome webhooks.Outcome
	calls   int
}

func (s *sender) Send(context.Context, webhooks.Endpoint, model.Event, time.Time) webhooks.Outcome {
	s.calls++
	return s.outcome
}

func TestAWakeUpDeliversAndAsksForTheNext(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	q, s := &queue{}, &sender{outcome: webhooks.Outcome{Status: 500, Error: "it answered 500"}}
	handle := deliverer.Handle(&webhooks.Deliverer{
		Hooks: c.Webhooks, Sender: s, Random: func() float64 { return 0 }, Owner: "one", Lease: time.Minute, Turn: time.Minute,
	}, nil, q, c.Clock.Now)
	send := func(event string) (failed int, err error) {
		response, err := handle(ctx, json.RawMessage(event))
		return len(response.BatchItemFailures), err
	}
	wakeUp := func(endpoint string) string {
		return fmt.Sprintf(`{"Records":[{"messageId":"m","body":%q}]}`, `{"endpoint":"`+endpoint+`"}`)
	}
	want := func(calls int, sent ...string) {
		t.Helper()
		if s.calls != calls || !slices.Equal(q.sent, sent) {
			t.Errorf("%d calls, sent %q; want %d, %q", s.calls, q.sent, calls, sent)
		}
	}
	e, _, err := c.Webhooks.Create(ctx, webhooks.Draft{URL: "https://example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Events.Append(ctx, []events.Entry{{Event: model.NewEvent(model.EventOrderReady, "/orders/a", 1, c.Clock.Now(), []byte("{}"))}}); err != nil {
		t.Fatal(err)
	}
	for i, sent := range [][]string{{e.ID + " 5s"}, {e.ID + " 5s", e.ID + " 5m0s"}, {e.ID + " 5s", e.ID + " 5m0s"}} { // half an hour is left to the sweep
		if failed, err := send(wakeUp(e.ID)); failed != 0 || err != nil {
			t.Error(failed, err)
		}
		want(i+1, sent...)
		c.Clock.Pass([]time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute}[i])
	}
	q.sent = nil
	if _, err := send(`{"sweep":true}`); err != nil {
		t.Error(err)
	}
	want(3, e.ID+" 0s")
	s.outcome, q.sent = webhooks.Outcome{Status: 200}, nil
	if failed, err := send(wakeUp(e.ID)); failed != 0 || err != nil {
		t.Error(failed, err)
	}
	want(4)

	// One that was deleted is done. The store's faults leave the message in the queue.
	if failed, err := send(wakeUp("nobody")); failed != 0 || err != nil {
		t.Error(failed, err)
	}
	c.Faults.Set(func(tabletest.Call) tabletest.Fault { return tabletest.Fault{Before: table.ErrUnavailable} })
	if failed, err := send(wakeUp(e.ID)); failed != 1 || err != nil {
		t.Error(failed, err)
	}
	if _, err := send(`{"sweep":true}`); !errors.Is(err, table.ErrUnavailable) {
		t.Error(err)
	}
	c.Faults.Set(nil)
	for _, body := range []string{"", "{}", "null", `{"endpoint":"a b"}`, "{"} {
		if failed, err := send(fmt.Sprintf(`{"Records":[{"messageId":"m","body":%q}]}`, body)); failed != 1 || err != nil {
			t.Errorf("%q: %d, %v", body, failed, err)
		}
	}
	for _, junk := range []string{`{}`, `[]`, `null`, `{"sweep":false}`, `{"sweep":1}`, `{`} {
		if _, err := send(junk); err == nil {
			t.Errorf("%s: no error", junk)
		}
	}
	want(4)
}

// shop is a bus that refuses everything while it is away.
type shop struct {
	away  bool
	taken int
}

func (s *shop) Put(_ context.Context, all []model.Event) ([]string, error) {
	if s.away {
		return nil, errors.New("AccessDeniedException: no")
	}
	s.taken += len(all)
	return make([]string, len(all)), nil
}

func TestAWakeUpPutsEventsOnTheBusAndRefusalsReachTheAlarm(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	q, s := &queue{}, &shop{away: true}
	d := &webhooks.Deliverer{Hooks: c.Webhooks, Sender: &sender{}, Random: func() float64 { return 0 }, Owner: "one", Lease: time.Minute, Turn: time.Minute}
	b := &bus.Bus{Name: "shop", Client: s, Table: c.Faults, Log: c.Events, Now: c.Clock.Now, Owner: "one", Lease: time.Minute, Turn: time.Minute}
	handle := deliverer.Handle(d, b, q, c.Clock.Now)
	wakeUp := json.RawMessage(`{"Records":[{"messageId":"m","body":"{\"endpoint\":\"bus\"}"}]}`)
	if err := c.Events.Append(ctx, []events.Entry{{Event: model.NewEvent(model.EventOrderReady, "/orders/a", 1, c.Clock.Now(), []byte("{}"))}}); err != nil {
		t.Fatal(err)
	}
	if _, err := handle(ctx, json.RawMessage(`{"sweep":true}`)); err != nil || !slices.Equal(q.sent, []string{"bus 0s"}) {
		t.Fatalf("sent %q, %v", q.sent, err)
	}
	q.sent = nil
	for range 3 {
		if response, err := handle(ctx, wakeUp); err != nil || len(response.BatchItemFailures) != 0 {
			t.Error(response, err)
		}
		c.Clock.Pass(2 * time.Minute)
	}
	if want := []string{"bus 2s", "bus 10s", "bus 1m0s"}; !slices.Equal(q.sent, want) {
		t.Errorf("sent %q, want %q", q.sent, want)
	}
	if _, err := handle(ctx, wakeUp); !errors.Is(err, bus.ErrRefused) {
		t.Error(err)
	}
	c.Clock.Pass(5 * time.Minute)
	s.away, q.sent = false, nil
	if _, err := handle(ctx, wakeUp); err != nil || s.taken != 1 || len(q.sent) != 0 {
		t.Errorf("%d events, sent %q, %v", s.taken, q.sent, err)
	}

	// A wake-up of a bus that was taken away is done.
	if response, err := deliverer.Handle(d, nil, q, c.Clock.Now)(ctx, wakeUp); err != nil || len(response.BatchItemFailures) != 0 {
		t.Error(response, err)
	}
	c.Faults.Set(func(tabletest.Call) tabletest.Fault { return tabletest.Fault{Before: table.ErrUnavailable} })
	if response, err := handle(ctx, wakeUp); err != nil || len(response.BatchItemFailures) != 1 {
		t.Error(response, err)
	}
}
