package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/events"

	"cafe/internal/deadletters"
	"cafe/internal/metric"
	"cafe/internal/panics"
	"cafe/internal/records"
	"cafe/internal/table"
)

// Tries is how often a record is tried that fails for a reason that is not the store's. One
// that can never be read is tried once.
const Tries = 5

// Box is where SetAside puts what cannot be done.
type Box interface {
	Keep(ctx context.Context, l deadletters.Letter) error
	Done(ctx context.Context, id string) error
	FailedAgain(ctx context.Context, l deadletters.Letter, reason string) error
	Current(ctx context.Context, key table.Key) (table.Item, error)
}

// aside is a handler that sets records aside.
type aside struct {
	consumer string
	box      Box
	handle   Handler
	swept    bool

	mu    sync.Mutex
	tries map[string]int // of records that failed, by number
}

// SetAside returns a handler in which a record that cannot be done does not hold up those
// after it: it becomes a dead letter, whole, with its reason, and counts as done. A record
// that cannot be read is set aside at once, one that fails otherwise after Tries. While the
// store is away or busy, nothing is set aside: that says nothing about the record.
//
// The handler also takes the letters of its consumer that are to be sent again
// (deadletters.Box.Redrive): the mapping's filter must let them through.
func SetAside(consumer string, box Box, handle Handler) Handler {
	return (&aside{consumer: consumer, box: box, handle: handle, tries: map[string]int{}}).run
}

// LeaveToSweep is SetAside for a consumer with a sweep, which finds what is still to be done.
// A record that can be read is left to that after Tries.
func LeaveToSweep(consumer string, box Box, handle Handler) Handler {
	return (&aside{consumer: consumer, box: box, handle: handle, swept: true, tries: map[string]int{}}).run
}

func (a *aside) run(ctx context.Context, event events.DynamoDBEvent) (response events.DynamoDBEventResponse, err error) {
	defer panics.Recover(ctx, &err, "handler", a.consumer)
	var rest, letters []events.DynamoDBEventRecord
	for _, r := range event.Records {
		if strings.HasPrefix(partition(r), records.PrefixDead) {
			letters = append(letters, r)
		} else {
			rest = append(rest, r)
		}
	}
	for len(rest) > 0 {
		failed, cause, err := a.attempt(ctx, rest)
		switch {
		case err != nil && (len(rest) != 1 || !a.hopeless(rest[0], err)):
			return response, err
		case err != nil:
			failed, cause = 0, err
		case cause == nil:
			rest = nil
			continue
		case !a.hopeless(rest[failed], cause):
			return fail(ctx, rest[failed], cause)
		}
		if err := a.keep(ctx, rest[failed], cause); err != nil {
			return fail(ctx, rest[failed], err)
		}
		rest = rest[failed+1:]
	}
	for _, r := range letters {
		if err := a.again(ctx, r); err != nil {
			return fail(ctx, r, err)
		}
	}
	return response, nil
}

// fail answers that a record failed.
func fail(ctx context.Context, r events.DynamoDBEventRecord, cause error) (response events.DynamoDBEventResponse, err error) {
	if told, ok := ctx.Value(failureKey{}).(func(error)); ok {
		told(cause)
	}
	if r.Change.SequenceNumber == "" {
		return response, cause
	}
	response.BatchItemFailures = []events.DynamoDBBatchItemFailure{{ItemIdentifier: r.Change.SequenceNumber}}
	return response, nil
}

// attempt calls the handler once. It returns which record failed first and why, or an error
// when the handler failed as a whole.
func (a *aside) attempt(ctx context.Context, batch []events.DynamoDBEventRecord) (failed int, cause, err error) {
	response, err := a.handle(OnFailure(ctx, func(why error) { cause = why }), events.DynamoDBEvent{Records: batch})
	if err != nil || len(response.BatchItemFailures) == 0 {
		return 0, nil, err
	}
	for i, r := range batch {
		if r.Change.SequenceNumber == response.BatchItemFailures[0].ItemIdentifier {
			return i, cause, nil
		}
	}
	return 0, nil, fmt.Errorf("handler answered with unknown sequence number %q", response.BatchItemFailures[0].ItemIdentifier)
}

// hopeless reports whether a record that failed has had its tries.
func (a *aside) hopeless(r events.DynamoDBEventRecord, cause error) bool {
	if records.IsUnreachable(cause) {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	number := r.Change.SequenceNumber
	a.tries[number]++
	done := a.tries[number] >= Tries || cannotBeRead(cause)
	if done || len(a.tries) > 1000 { // numbers that never came again
		clear(a.tries)
	}
	return done
}

func cannotBeRead(cause error) bool {
	return errors.As(cause, new(undecodable)) || records.IsUnreadable(cause)
}

// keep sets a record aside.
func (a *aside) keep(ctx context.Context, r events.DynamoDBEventRecord, cause error) error {
	if a.swept && !cannotBeRead(cause) {
		slog.ErrorContext(ctx, "stream record is left to the sweep", "consumer", a.consumer, "sequence_number", r.Change.SequenceNumber, "error", cause.Error())
		return nil
	}
	return Keep(ctx, a.box, a.consumer, r, cause)
}

// Keep sets a record aside that a consumer could not do.
func Keep(ctx context.Context, box Box, consumer string, r events.DynamoDBEventRecord, cause error) error {
	slog.ErrorContext(ctx, "stream record goes to the dead letters", "consumer", consumer, "sequence_number", r.Change.SequenceNumber, "error", cause.Error())
	name := r.Change.SequenceNumber
	if name == "" {
		name = records.NewID()
	}
	letter := deadletters.Letter{
		ID: deadletters.StreamID(consumer, name), Kind: deadletters.KindStream, Consumer: consumer, About: about(partition(r)),
		Reason: cause.Error(), Tries: 1, Content: content(r),
	}
	err := box.Keep(ctx, letter)
	if errors.Is(err, table.ErrTooLarge) {
		r.Change.OldImage, r.Change.NewImage = nil, nil
		letter.Content = content(r)
		err = box.Keep(ctx, letter)
	}
	if err != nil {
		return fmt.Errorf("keep dead letter: %w", err)
	}
	metric.Emit([]metric.Figure{{Name: "DeadLetters", Value: 1, Unit: metric.Count}}, metric.Dimension{Name: "Kind", Value: string(deadletters.KindStream)})
	return nil
}

// content returns a record as JSON. Images that cannot be told in JSON are left out, and then
// the keys.
func content(r events.DynamoDBEventRecord) string {
	r.UserIdentity = nil
	for range 3 {
		if b, err := encodeRecord(r); err == nil {
			return string(b)
		}
		if r.Change.NewImage == nil && r.Change.OldImage == nil {
			r.Change.Keys = nil
		}
		r.Change.OldImage, r.Change.NewImage = nil, nil
	}
	return ""
}

// encodeRecord is json.Marshal, but for the event types' panics on values without a kind.
func encodeRecord(r events.DynamoDBEventRecord) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%T", p)
		}
	}()
	return json.Marshal(r)
}

// decodeContent is json.Unmarshal, but for the event types' panics.
func decodeContent(content string) (r events.DynamoDBEventRecord, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%T", p)
		}
	}()
	err = json.Unmarshal([]byte(content), &r)
	return r, err
}

// again delivers a letter that is to be sent again. Its error says that the store was away.
func (a *aside) again(ctx context.Context, record events.DynamoDBEventRecord) error {
	change, err := decodeRecord(record)
	if err != nil {
		return nil // a letter that vanished
	}
	letter, wanted, err := deadletters.Decode(change)
	if err != nil || !wanted || letter.Consumer != a.consumer {
		return nil
	}
	r, err := decodeContent(letter.Content)
	if err == nil && r.Change.NewImage == nil {
		r, err = a.current(ctx, r)
	}
	if err == nil {
		var cause error
		if _, cause, err = a.attempt(ctx, []events.DynamoDBEventRecord{r}); err == nil {
			err = cause
		}
	}
	switch {
	case err == nil:
		slog.InfoContext(ctx, "dead letter was sent again and is done", "id", letter.ID)
		return a.box.Done(ctx, letter.ID)
	case records.IsUnreachable(err):
		return err
	}
	slog.ErrorContext(ctx, "dead letter was sent again and failed", "id", letter.ID, "error", err.Error())
	return a.box.FailedAgain(ctx, letter, err.Error())
}

// current returns the record of an item as it stands now, for one whose images were not kept.
func (a *aside) current(ctx context.Context, r events.DynamoDBEventRecord) (events.DynamoDBEventRecord, error) {
	key := table.Key{PK: text(r, table.AttrPK), SK: text(r, table.AttrSK)}
	if key.PK == "" || key.SK == "" {
		return r, errors.New("the record does not say which item it is about: reconcile the totals (cafe reconcile)")
	}
	item, err := a.box.Current(ctx, key)
	if err != nil {
		return r, err
	}
	return Record(records.Change{Key: key, New: item}, r.Change.SequenceNumber), nil
}

func partition(r events.DynamoDBEventRecord) string { return text(r, table.AttrPK) }

// text returns a key of a record, empty when it is no text.
func text(r events.DynamoDBEventRecord, name string) string {
	if v, has := r.Change.Keys[name]; has && v.DataType() == events.DataTypeString {
		return v.String()
	}
	return ""
}

// about says what a record is about, such as orders/<id>.
func about(pk string) string {
	for prefix, collection := range map[string]string{
		records.PrefixOrder: "orders/", records.PrefixPayment: "payments/", records.PrefixStock: "stock/", records.PrefixOutbox: "outbox/",
	} {
		if id, is := strings.CutPrefix(pk, prefix); is {
			return collection + id
		}
	}
	return pk
}
