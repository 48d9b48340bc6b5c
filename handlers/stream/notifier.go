package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"cafe/internal/outbox"
	"cafe/internal/panics"
	"cafe/internal/records"
)

// Notify returns the handler that publishes what is put into the outbox (outbox.Announcer.Announce).
func Notify(a *outbox.Announcer, notifier outbox.Notifier) Handler {
	return Handle("notifier", func(ctx context.Context, changes []records.Change) []error {
		return a.Announce(ctx, notifier, changes)
	})
}

// SweepEvent is what the schedule sends to the notifier: {"sweep":true}.
type SweepEvent struct {
	Sweep bool `json:"sweep"`
}

// sweepGrace is how long an outbox item may be pending before a sweep counts it as stuck.
const sweepGrace = time.Minute

// NotifyOrSweep returns Notify's handler, as LeaveToSweep has it, which also takes a SweepEvent: it then announces
// what is still pending (outbox.Announcer.Sweep). An event that is neither is an error.
func NotifyOrSweep(a *outbox.Announcer, notifier outbox.Notifier, box Box) func(context.Context, json.RawMessage) (events.DynamoDBEventResponse, error) {
	notify := LeaveToSweep("notifier", box, Notify(a, notifier))
	return func(ctx context.Context, raw json.RawMessage) (response events.DynamoDBEventResponse, err error) {
		defer panics.Recover(ctx, &err, "handler", "notifier")
		var event struct {
			events.DynamoDBEvent
			SweepEvent
		}
		if err := json.Unmarshal(raw, &event); err != nil {
			return response, fmt.Errorf("decode event: %w", err)
		}
		switch {
		case event.Records != nil:
			return notify(ctx, event.DynamoDBEvent)
		case event.Sweep:
			_, err := a.Sweep(ctx, notifier, sweepGrace)
			return response, err
		}
		return response, errors.New("event is neither of a stream nor a sweep")
	}
}
