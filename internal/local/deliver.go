package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/cenkalti/backoff/v5"

	"cafe/handlers/stream"
	"cafe/internal/table"
)

// Consumer is what follows the table's stream, as a function does through its event source
// mapping.
type Consumer struct {
	Name   string
	Wants  func(pk string) bool // the mapping's filter
	Handle stream.Handler
}

// Tries is how often a record is delivered that makes its handler fail as a whole, before it
// becomes a dead letter. Handlers themselves set aside what they cannot do (stream.SetAside).
// On AWS the event source mappings try for a day. One process need not: while its store is
// away, no try counts.
const Tries = 5

// delivery gives batches of records to consumers by Lambda's rules: at least once and in
// order. It delivers again from the first record that failed. When the handler failed as a
// whole, it splits the batch in two. A record that had its tries becomes a dead letter.
type delivery struct {
	box stream.Box // of dead letters
	// reachable reports whether the store takes writes. While it does not, or is throttled,
	// a failure says nothing about the record and counts as no try.
	reachable func(context.Context) bool
	pauses    func() backoff.BackOff
}

// Writable returns a function that reports whether the store takes writes. It tries one that
// changes nothing: a store whose disk is full still answers reads.
func Writable(store table.Table) func(context.Context) bool {
	return func(ctx context.Context) bool {
		return store.Write(ctx, table.Delete(table.Key{PK: "writable", SK: "?"})) == nil
	}
}

func newDelivery(box stream.Box, reachable func(context.Context) bool) delivery {
	return delivery{box: box, reachable: reachable, pauses: func() backoff.BackOff {
		b := backoff.NewExponentialBackOff()
		b.InitialInterval, b.MaxInterval = 50*time.Millisecond, 5*time.Second
		return b
	}}
}

// deliver returns once every record is done or a dead letter, or when the context ended or a
// dead letter could not be stored.
func (d delivery) deliver(ctx context.Context, c Consumer, records []events.DynamoDBEventRecord) error {
	tries, pauses := 0, d.pauses()
	for len(records) > 0 {
		failed, whole, reason := d.attempt(ctx, c, records)
		if reason == nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if failed > 0 {
			records, tries, pauses = records[failed:], 0, d.pauses()
		}
		if errors.Is(reason, table.ErrThrottled) || !d.reachable(ctx) {
			if err := wait(ctx, pauses); err != nil {
				return err
			}
			continue
		}
		if whole && len(records) > 1 {
			half := len(records) / 2
			if err := d.deliver(ctx, c, records[:half]); err != nil {
				return err
			}
			records, tries, pauses = records[half:], 0, d.pauses()
			continue
		}
		if tries++; tries < Tries {
			if err := wait(ctx, pauses); err != nil {
				return err
			}
			continue
		}
		if err := d.bury(ctx, c, records[0], reason); err != nil {
			return err
		}
		records, tries, pauses = records[1:], 0, d.pauses()
	}
	return nil
}

// attempt calls the handler once, and returns which record failed first and why. The reason
// is nil when all are done. When whole is true, it is not known which one failed.
func (d delivery) attempt(ctx context.Context, c Consumer, records []events.DynamoDBEventRecord) (failed int, whole bool, reason error) {
	defer func() {
		if p := recover(); p != nil {
			whole, reason = true, fmt.Errorf("handler panicked: %T", p)
		}
	}()
	var cause error
	response, err := c.Handle(stream.OnFailure(ctx, func(err error) { cause = err }), events.DynamoDBEvent{Records: records})
	if err != nil {
		return 0, true, err
	}
	if len(response.BatchItemFailures) == 0 {
		return 0, false, nil
	}
	named := map[string]bool{}
	for _, f := range response.BatchItemFailures {
		named[f.ItemIdentifier] = true
	}
	for i, r := range records {
		if named[r.Change.SequenceNumber] {
			if cause == nil {
				cause = errors.New("handler gave no reason")
			}
			return i, false, cause
		}
	}
	return 0, true, fmt.Errorf("handler answered with unknown sequence number %q", response.BatchItemFailures[0].ItemIdentifier)
}

func wait(ctx context.Context, pauses backoff.BackOff) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pauses.NextBackOff()):
		return nil
	}
}

// bury keeps a record that had its tries, with the reason, in the store.
func (d delivery) bury(ctx context.Context, c Consumer, record events.DynamoDBEventRecord, reason error) error {
	return stream.Keep(ctx, d.box, c.Name, record, reason)
}
