// Package stream handles the records of the table's DynamoDB stream, for two consumers: the
// ledger (ledger.go) and the notifier (notifier.go). The same handlers run in Lambda and on
// one machine, where package local plays the stream.
package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"cafe/internal/metric"
	"cafe/internal/panics"
	"cafe/internal/records"
)

// Changes handles a batch of changes. The errors are by change, nil where it is done.
type Changes func(ctx context.Context, changes []records.Change) []error

// Handler handles an event of the stream.
type Handler = func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error)

// Handle returns the handler of a consumer whose event source mapping has
// ReportBatchItemFailures. It answers with the sequence number of the first record that
// failed, and Lambda delivers that record and all after it again (Lambda Developer Guide,
// "Configuring partial batch response with DynamoDB"). Records before it are done. Records
// after it may be done too: doing them again is harmless.
//
// A record that cannot be decoded fails alone. Nothing in an event makes the handler panic.
func Handle(consumer string, handle Changes) Handler {
	return func(ctx context.Context, event events.DynamoDBEvent) (response events.DynamoDBEventResponse, err error) {
		defer panics.Recover(ctx, &err, "handler", consumer)
		errs := make([]error, len(event.Records))
		changes := make([]records.Change, 0, len(event.Records))
		record := make([]int, 0, len(event.Records)) // of each change
		for i := range event.Records {
			change, err := decodeRecord(event.Records[i])
			if err != nil {
				errs[i] = undecodable{err}
				continue
			}
			changes, record = append(changes, change), append(record, i)
		}
		for i, err := range handle(ctx, changes) {
			errs[record[i]] = err
		}
		emitLag(consumer, event.Records)
		for i, cause := range errs {
			if cause == nil {
				continue
			}
			number := event.Records[i].Change.SequenceNumber
			level := slog.LevelError
			if errors.Is(ctx.Err(), context.Canceled) {
				level = slog.LevelInfo // the café closes, and the record comes again when it opens
			}
			slog.Log(ctx, level, "stream record failed", "consumer", consumer, "sequence_number", number,
				"record", i, "of", len(errs), "error", cause.Error())
			if told, ok := ctx.Value(failureKey{}).(func(error)); ok {
				told(cause)
			}
			if number == "" {
				// Without a number Lambda cannot be told where to go on.
				return response, fmt.Errorf("record %d of %d has no sequence number: %w", i, len(errs), cause)
			}
			response.BatchItemFailures = []events.DynamoDBBatchItemFailure{{ItemIdentifier: number}}
			return response, nil
		}
		return response, nil
	}
}

// emitLag emits how old the oldest record of the batch is: how far the consumer is behind.
func emitLag(consumer string, records []events.DynamoDBEventRecord) {
	oldest := time.Time{}
	for i := range records {
		if at := records[i].Change.ApproximateCreationDateTime.Time; !at.IsZero() && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
	}
	if !oldest.IsZero() {
		metric.Emit([]metric.Figure{{Name: "Lag", Value: time.Since(oldest).Milliseconds(), Unit: metric.Milliseconds}},
			metric.Dimension{Name: "Consumer", Value: consumer})
	}
}

// undecodable says that a record cannot be read. Trying again is of no use.
type undecodable struct{ error }

func (e undecodable) Unwrap() error { return e.error }

type failureKey struct{}

// OnFailure returns a context in which a handler also passes on why the record failed that it
// answers with. The answer itself has no room for a reason.
func OnFailure(ctx context.Context, told func(error)) context.Context {
	return context.WithValue(ctx, failureKey{}, told)
}
