// Package deliverer handles the wake-ups of endpoints of webhooks, and of the event bus: messages
// of a queue on AWS.
package deliverer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"cafe/internal/bus"
	"cafe/internal/panics"
	"cafe/internal/webhooks"
	"cafe/model"
)

// Longest is how late a wake-up may be asked for: SQS delays no message for longer (SQS API
// Reference, SendMessage). The sweep wakes endpoints that wait for longer.
const Longest = 15 * time.Minute

// Waker wakes the deliverer of an endpoint.
type Waker interface {
	Wake(ctx context.Context, endpoint string, after time.Duration) error
}

// WakeUp is the content of a message: the endpoint to deliver to, or bus.WakeUp.
type WakeUp struct {
	Endpoint string `json:"endpoint"`
}

// handler delivers.
type handler struct {
	deliver func(ctx context.Context, endpoint string) (time.Time, error)
	list    func(ctx context.Context) ([]webhooks.Endpoint, error)
	waker   Waker
	now     func() time.Time
}

// Handle returns the handler of the queue, which delivers to an endpoint for each message
// (webhooks.Deliverer.Deliver), and sends a message for the time when there is more to do. It
// also takes {"sweep":true} from a schedule: it then wakes every endpoint. An event that is
// neither is an error.
//
// A message whose endpoint could not be delivered to because of the store stays in the queue.
//
// b is the event bus, which is woken as an endpoint is; nil: there is none. When it goes on
// refusing events, the handler returns bus.ErrRefused, which an alarm on the function counts.
func Handle(d *webhooks.Deliverer, b *bus.Bus, waker Waker, now func() time.Time) func(context.Context, json.RawMessage) (events.SQSEventResponse, error) {
	h := &handler{d.Deliver, d.Hooks.List, waker, now}
	if b != nil {
		h.list = bus.Beside(d.Hooks, b.Name).List
		h.deliver = func(ctx context.Context, endpoint string) (time.Time, error) {
			if endpoint == bus.WakeUp {
				return b.Deliver(ctx)
			}
			return d.Deliver(ctx, endpoint)
		}
	}
	return h.run
}

func (h *handler) run(ctx context.Context, raw json.RawMessage) (response events.SQSEventResponse, err error) {
	defer panics.Recover(ctx, &err, "handler", "deliverer")
	var event struct {
		events.SQSEvent
		Sweep bool `json:"sweep"`
	}
	if err := json.Unmarshal(raw, &event); err != nil {
		return response, fmt.Errorf("decode event: %w", err)
	}
	switch {
	case event.Sweep:
		return response, h.sweep(ctx)
	case event.Records == nil:
		return response, errors.New("event is neither of the queue nor a sweep")
	}
	for _, m := range event.Records {
		err := h.one(ctx, m.Body)
		if errors.Is(err, bus.ErrRefused) {
			return response, err
		}
		if err != nil {
			slog.ErrorContext(ctx, "webhooks could not be delivered", "message", m.MessageId, "error", err.Error())
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return response, nil
}

func (h *handler) one(ctx context.Context, body string) error {
	var m WakeUp
	if err := json.Unmarshal([]byte(body), &m); err != nil || !model.ValidID(m.Endpoint) {
		return errors.New("the message names no endpoint")
	}
	next, err := h.deliver(ctx, m.Endpoint)
	if errors.Is(err, model.ErrNotFound) {
		return nil // it was deleted
	}
	if err != nil || next.IsZero() {
		return err
	}
	// Later ones are left to the sweep, so that wake-ups do not add up.
	if after := max(0, next.Sub(h.now())); after <= Longest {
		return h.waker.Wake(ctx, m.Endpoint, after)
	}
	return nil
}

func (h *handler) sweep(ctx context.Context) error {
	endpoints, err := h.list(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, e := range endpoints {
		if e.Status == webhooks.Active {
			failed = append(failed, h.waker.Wake(ctx, e.ID, 0))
		}
	}
	return errors.Join(failed...)
}
