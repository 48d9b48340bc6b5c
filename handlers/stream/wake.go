package stream

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"cafe/internal/records"
	"cafe/internal/webhooks"
)

// Waker wakes the deliverer of an endpoint's webhooks.
type Waker interface {
	// Wake has what an endpoint has not had delivered to it, after a while.
	Wake(ctx context.Context, endpoint string, after time.Duration) error
}

// Endpoints lists a café's endpoints of webhooks.
type Endpoints interface {
	List(ctx context.Context) ([]webhooks.Endpoint, error)
}

// waking is a handler that wakes endpoints.
type waking struct {
	endpoints Endpoints
	waker     Waker
	gather    time.Duration
	now       func() time.Time

	mu     sync.Mutex
	known  []webhooks.Endpoint
	readAt time.Time
	woken  map[string]time.Time // until when events are covered by a wake-up that is on its way
}

// knownFor is how long a list of endpoints is good. A change of one ends it at once, for who
// sees the change.
const knownFor = 10 * time.Second

// Waking returns the ledger's handler with the deliverers of webhooks woken after each batch:
// what it put into the event log is theirs to deliver. A wake-up comes after gather, and until
// then no other is sent to that endpoint.
//
// A wake-up that cannot be sent fails nothing: a sweep wakes endpoints, too.
func Waking(endpoints Endpoints, waker Waker, gather time.Duration, handle Handler) Handler {
	w := &waking{endpoints: endpoints, waker: waker, gather: gather, now: time.Now, woken: map[string]time.Time{}}
	return func(ctx context.Context, event events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
		response, err := handle(ctx, event)
		if len(event.Records) > 0 {
			w.wake(ctx, event)
		}
		return response, err
	}
}

func (w *waking) wake(ctx context.Context, event events.DynamoDBEvent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	for i := range event.Records {
		if partition(event.Records[i]) == records.PartitionHooks {
			w.readAt = time.Time{}
		}
	}
	if now.Sub(w.readAt) >= knownFor {
		known, err := w.endpoints.List(ctx)
		if err != nil {
			slog.WarnContext(ctx, "endpoints of webhooks could not be listed; the sweep will wake them", "error", err.Error())
			return
		}
		w.known, w.readAt = known, now
	}
	for _, e := range w.known {
		if e.Status != webhooks.Active || now.Before(w.woken[e.ID]) {
			continue
		}
		if err := w.waker.Wake(ctx, e.ID, w.gather); err != nil {
			slog.WarnContext(ctx, "a deliverer of webhooks could not be woken; the sweep will", "endpoint", e.ID, "error", err.Error())
			continue
		}
		w.woken[e.ID] = w.now().Add(w.gather - gatherMargin(w.gather))
	}
}

// gatherMargin is how much earlier than a wake-up arrives events count as not covered by it.
func gatherMargin(gather time.Duration) time.Duration { return gather / 10 }
