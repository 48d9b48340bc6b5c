package stream_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"cafe/handlers/stream"
	"cafe/internal/cafetest"
	"cafe/internal/records"
	"cafe/internal/webhooks"
)

// woken counts wake-ups.
type woken struct {
	n   map[string]int
	err error
}

func (w *woken) Wake(_ context.Context, endpoint string, _ time.Duration) error {
	if w.err == nil {
		w.n[endpoint]++
	}
	return w.err
}

func TestEndpointsAreWokenAfterABatch(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	w := &woken{n: map[string]int{}}
	handle := stream.Waking(c.Webhooks, w, time.Hour, stream.Ledger(c.Ledger, c.Events))
	deliver := func(e events.DynamoDBEvent) {
		t.Helper()
		response, err := handle(ctx, e)
		if number := failed(t, response, err); number != "" {
			t.Errorf("failed at %q", number)
		}
	}
	place(t, c, "alice", 1)
	deliver(event(c.Recorder.Changes(stream.LedgerWants)...))
	if len(w.n) != 0 {
		t.Errorf("woken %v", w.n)
	}
	e, _, err := c.Webhooks.Create(ctx, webhooks.Draft{URL: "https://example.com"})
	if err != nil {
		t.Fatal(err)
	}
	// The change of the endpoint itself tells of it.
	deliver(event(c.Recorder.Changes(func(pk string) bool { return pk == records.PartitionHooks })...))
	if w.n[e.ID] != 1 {
		t.Errorf("woken %v", w.n)
	}
	// Within the time of a wake-up that is on its way, there is no other.
	deliver(event(c.Recorder.Changes(stream.LedgerWants)...))
	deliver(events.DynamoDBEvent{})
	if w.n[e.ID] != 1 {
		t.Errorf("woken %v", w.n)
	}
	w.err = errors.New("no queue")
	handle = stream.Waking(c.Webhooks, w, 0, stream.Ledger(c.Ledger, c.Events))
	deliver(event(c.Recorder.Changes(stream.LedgerWants)...)) // it fails nothing
	w.err = nil
	for n := range 2 {
		deliver(event(c.Recorder.Changes(stream.LedgerWants)...))
		if w.n[e.ID] != 2+n {
			t.Errorf("woken %v", w.n)
		}
	}
}
