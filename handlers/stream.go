// Package handlers is the event surface: one file a trigger. Each handler decodes an
// event of aws-lambda-go, asks package cafe, and answers as its trigger wants it. The
// same handlers run in Lambda and in the one process, where package local plays the
// triggers.
package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"cafe/internal/cafe"
	"cafe/internal/metric"
	"cafe/internal/table"
)

// Records handles a batch of stream records and tells, record by record, what went
// wrong; nil where it is done.
type Records func(ctx context.Context, changes []cafe.Change) []error

// Stream returns the handler for a DynamoDB stream whose event source mapping has
// ReportBatchItemFailures: it answers with the sequence number of the first record that
// could not be done, and Lambda delivers that one and all after it again (Lambda
// Developer Guide, "Configuring partial batch response with DynamoDB"). Records before
// it are done. Records after it may be done too, and bear being done again.
//
// A record that cannot be understood fails alone: nothing in an event makes it panic,
// and its neighbours are handled.
func Stream(name string, handle Records) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	return func(ctx context.Context, event events.DynamoDBEvent) (response events.DynamoDBEventResponse, err error) {
		defer recovered(ctx, name, &err)
		errs := make([]error, len(event.Records))
		changes := make([]cafe.Change, 0, len(event.Records))
		record := make([]int, 0, len(event.Records)) // of each change
		for i := range event.Records {
			change, err := changeOf(event.Records[i])
			if err != nil {
				errs[i] = err
				continue
			}
			changes, record = append(changes, change), append(record, i)
		}
		for i, err := range handle(ctx, changes) {
			errs[record[i]] = err
		}
		lag(name, event.Records)
		for i, cause := range errs {
			if cause == nil {
				continue
			}
			number := event.Records[i].Change.SequenceNumber
			slog.ErrorContext(ctx, "stream record failed", "consumer", name, "sequence_number", number,
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

// lag emits how old the oldest record of the batch is now: how far the consumer is behind
// what clients did.
func lag(consumer string, records []events.DynamoDBEventRecord) {
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

type failureKey struct{}

// OnFailure returns a context in which a stream handler tells why the record failed that
// it answers with: the answer itself has no room for a reason.
func OnFailure(ctx context.Context, told func(error)) context.Context {
	return context.WithValue(ctx, failureKey{}, told)
}

// Ledger returns the handler that keeps totals right (Cafe.Post).
func Ledger(c *cafe.Cafe) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	return Stream("ledger", c.Post)
}

// Notify returns the handler that publishes what is put into the outbox (Cafe.Announce).
func Notify(c *cafe.Cafe, notifier cafe.Notifier) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	return Stream("notifier", func(ctx context.Context, changes []cafe.Change) []error {
		return c.Announce(ctx, notifier, changes)
	})
}

// SweepEvent is what the schedule sends to the notifier: {"sweep":true}.
type SweepEvent struct {
	Sweep bool `json:"sweep"`
}

// sweepGrace is how long an outbox item may be pending before a sweep takes it for stuck.
const sweepGrace = time.Minute

// NotifyOrSweep returns Notify's handler, which also takes a SweepEvent and announces
// what is still pending (Cafe.Sweep). An event that is neither is an error.
func NotifyOrSweep(c *cafe.Cafe, notifier cafe.Notifier) func(context.Context, json.RawMessage) (events.DynamoDBEventResponse, error) {
	notify := Notify(c, notifier)
	return func(ctx context.Context, raw json.RawMessage) (response events.DynamoDBEventResponse, err error) {
		defer recovered(ctx, "notifier", &err)
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
			_, err := c.Sweep(ctx, notifier, sweepGrace)
			return response, err
		}
		return response, errors.New("event is neither of a stream nor a sweep")
	}
}

// changeOf decodes a stream record. An item that vanished has no New. A time before 1970 is none.
func changeOf(r events.DynamoDBEventRecord) (change cafe.Change, err error) {
	// The event types panic on a value that claims a kind it does not have.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("record cannot be read: %T", p)
		}
	}()
	if at := r.Change.ApproximateCreationDateTime.Time; at.Unix() > 0 {
		change.Time = at
	}
	keys, err := itemOf(r.Change.Keys)
	if err != nil {
		return change, fmt.Errorf("keys: %w", err)
	}
	change.Key = table.Key{PK: keys.Str(table.AttrPK), SK: keys.Str(table.AttrSK)}
	if change.Key.PK == "" || change.Key.SK == "" {
		return change, errors.New("record has no key")
	}
	if change.Old, err = imageOf(r.Change.OldImage); err != nil {
		return change, fmt.Errorf("old image: %w", err)
	}
	if change.New, err = imageOf(r.Change.NewImage); err != nil {
		return change, fmt.Errorf("new image: %w", err)
	}
	if change.New == nil && r.EventName != string(events.DynamoDBOperationTypeRemove) {
		return change, errors.New("record has no new image")
	}
	return change, nil
}

// imageOf decodes an image without its key. An absent image is nil.
func imageOf(image map[string]events.DynamoDBAttributeValue) (table.Item, error) {
	if len(image) == 0 {
		return nil, nil
	}
	item, err := itemOf(image)
	delete(item, table.AttrPK)
	delete(item, table.AttrSK)
	return item, err
}

func itemOf(image map[string]events.DynamoDBAttributeValue) (table.Item, error) {
	item := make(table.Item, len(image))
	for name, v := range image {
		value, err := valueOf(v, 0)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		item[name] = value
	}
	return item, nil
}

// maxDepth is how deep DynamoDB lets values nest (Developer Guide, "Quotas").
const maxDepth = 32

func valueOf(v events.DynamoDBAttributeValue, depth int) (table.Value, error) {
	if depth > maxDepth {
		return table.Value{}, errors.New("nests too deep")
	}
	switch v.DataType() {
	case events.DataTypeString:
		return table.String(v.String()), nil
	case events.DataTypeNumber:
		n, err := strconv.ParseInt(v.Number(), 10, 64)
		if err != nil {
			return table.Value{}, errors.New("is no whole number of 64 bits")
		}
		return table.Int(n), nil
	case events.DataTypeBoolean:
		return table.Bool(v.Boolean()), nil
	case events.DataTypeBinary:
		return table.Bytes(v.Binary()), nil
	case events.DataTypeList:
		list := make([]table.Value, len(v.List()))
		for i, e := range v.List() {
			var err error
			if list[i], err = valueOf(e, depth+1); err != nil {
				return table.Value{}, err
			}
		}
		return table.List(list...), nil
	case events.DataTypeMap:
		m := make(table.Item, len(v.Map()))
		for name, e := range v.Map() {
			value, err := valueOf(e, depth+1)
			if err != nil {
				return table.Value{}, err
			}
			m[name] = value
		}
		return table.Map(m), nil
	}
	return table.Value{}, errors.New("is of a kind the café does not keep")
}

// Record encodes a change as the stream record that Lambda would get. The one process
// uses it to play the stream.
func Record(change cafe.Change, sequence string) events.DynamoDBEventRecord {
	keys := map[string]events.DynamoDBAttributeValue{
		table.AttrPK: events.NewStringAttribute(change.Key.PK), table.AttrSK: events.NewStringAttribute(change.Key.SK),
	}
	r := events.DynamoDBEventRecord{
		EventID: sequence, EventSource: "aws:dynamodb", EventVersion: "1.1", EventName: string(events.DynamoDBOperationTypeModify),
		Change: events.DynamoDBStreamRecord{
			ApproximateCreationDateTime: events.SecondsEpochTime{Time: change.Time}, Keys: keys,
			SequenceNumber: sequence, StreamViewType: string(events.DynamoDBStreamViewTypeNewAndOldImages),
			OldImage: encodeImage(change.Old, keys), NewImage: encodeImage(change.New, keys),
		},
	}
	switch {
	case change.Old == nil:
		r.EventName = string(events.DynamoDBOperationTypeInsert)
	case change.New == nil:
		r.EventName = string(events.DynamoDBOperationTypeRemove)
	}
	return r
}

func encodeImage(item table.Item, keys map[string]events.DynamoDBAttributeValue) map[string]events.DynamoDBAttributeValue {
	if item == nil {
		return nil
	}
	image := encodeItem(item)
	for name, v := range keys {
		image[name] = v
	}
	return image
}

func encodeItem(item table.Item) map[string]events.DynamoDBAttributeValue {
	m := make(map[string]events.DynamoDBAttributeValue, len(item)+2)
	for name, v := range item {
		m[name] = encodeValue(v)
	}
	return m
}

func encodeValue(v table.Value) events.DynamoDBAttributeValue {
	switch v.Kind() {
	case table.KindString:
		s, _ := v.Str()
		return events.NewStringAttribute(s)
	case table.KindInt:
		n, _ := v.Int()
		return events.NewNumberAttribute(strconv.FormatInt(n, 10))
	case table.KindBool:
		b, _ := v.Bool()
		return events.NewBooleanAttribute(b)
	case table.KindBytes:
		b, _ := v.Binary()
		return events.NewBinaryAttribute([]byte(b))
	case table.KindList:
		values, _ := v.List()
		list := make([]events.DynamoDBAttributeValue, len(values))
		for i, e := range values {
			list[i] = encodeValue(e)
		}
		return events.NewListAttribute(list)
	case table.KindMap:
		m, _ := v.Map()
		return events.NewMapAttribute(encodeItem(m))
	}
	return events.NewNullAttribute()
}
