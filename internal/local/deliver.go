package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/cenkalti/backoff/v5"

	"cafe/handlers"
	"cafe/internal/durable"
	"cafe/internal/table"
)

// Handler is a handler of a stream as it runs in Lambda.
type Handler = func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error)

// Consumer follows the table's stream, as an event source mapping has a function do.
type Consumer struct {
	Name   string
	Wants  func(pk string) bool // the mapping's filter
	Handle Handler
}

// Tries is how often a record that fails is delivered before it goes to the dead
// letters. One process has no day to spend on a record, as the template's event source
// mappings do: its store is either there or waited for.
const Tries = 5

// delivery gives batches of records to consumers by Lambda's rules: at least once, in
// order, again from the first record that failed, split in two when the handler failed
// as a whole, and to the dead letters when a record has had its tries.
type delivery struct {
	deadLetters string // folder
	// reachable tells whether the store takes writes. While it does not, or asks for a slower
	// pace, failures say nothing about the record, and count no try.
	reachable func(context.Context) bool
	pauses    func() backoff.BackOff
}

// Writable returns a function that tells whether the store takes writes, by one that changes
// nothing. A store whose disk is full still answers reads.
func Writable(store table.Table) func(context.Context) bool {
	return func(ctx context.Context) bool {
		return store.Write(ctx, table.Delete(table.Key{PK: "writable", SK: "?"})) == nil
	}
}

// deadLetters is the folder of dead letters, within the data folder.
const deadLetters = "dead-letters"

func newDelivery(folder string, reachable func(context.Context) bool) delivery {
	return delivery{deadLetters: filepath.Join(folder, deadLetters), reachable: reachable, pauses: func() backoff.BackOff {
		b := backoff.NewExponentialBackOff()
		b.InitialInterval, b.MaxInterval = 50*time.Millisecond, 5*time.Second
		return b
	}}
}

// deliver returns once every record is done or dead-lettered, or when the context ended
// or a dead letter could not be kept.
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
		if err := d.bury(c, records[0], reason); err != nil {
			return err
		}
		records, tries, pauses = records[1:], 0, d.pauses()
	}
	return nil
}

// attempt calls the handler once, and tells which record failed first and why; no
// reason when all are done. When whole, it is not known which.
func (d delivery) attempt(ctx context.Context, c Consumer, records []events.DynamoDBEventRecord) (failed int, whole bool, reason error) {
	defer func() {
		if p := recover(); p != nil {
			whole, reason = true, fmt.Errorf("handler panicked: %T", p)
		}
	}()
	var cause error
	response, err := c.Handle(handlers.OnFailure(ctx, func(err error) { cause = err }), events.DynamoDBEvent{Records: records})
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

// DeadLetter is a line of DATA/dead-letters/<consumer>.jsonl.
type DeadLetter struct {
	At       time.Time                  `json:"at"`
	Consumer string                     `json:"consumer"`
	Reason   string                     `json:"reason"`
	Record   events.DynamoDBEventRecord `json:"record"`
}

// encode is json.Marshal, but for the event types' panics on values without a kind.
func encode(letter DeadLetter) (line []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%T", p)
		}
	}()
	return json.Marshal(letter)
}

// bury keeps a record that had its tries, with the reason, on disk.
func (d delivery) bury(c Consumer, record events.DynamoDBEventRecord, reason error) error {
	slog.Error("stream record goes to the dead letters", "consumer", c.Name,
		"sequence_number", record.Change.SequenceNumber, "error", reason.Error())
	line, err := encode(DeadLetter{time.Now().UTC(), c.Name, reason.Error(), record})
	if err != nil {
		// Its images cannot be told in JSON; what remains says which record it was.
		record.Change.Keys, record.Change.OldImage, record.Change.NewImage = nil, nil, nil
		if line, err = encode(DeadLetter{time.Now().UTC(), c.Name, reason.Error(), record}); err != nil {
			return fmt.Errorf("encode dead letter: %w", err)
		}
	}
	if err = durable.MkdirAll(d.deadLetters); err == nil {
		err = durable.Append(filepath.Join(d.deadLetters, c.Name+".jsonl"), line)
	}
	if err != nil {
		return fmt.Errorf("keep dead letter: %w", err)
	}
	return nil
}
