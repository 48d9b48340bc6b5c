package stream

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-lambda-go/events"

	"cafe/internal/records"
	"cafe/internal/table"
)

// decodeRecord decodes a stream record. An item that vanished has no New. A time before 1970 is none.
func decodeRecord(r events.DynamoDBEventRecord) (change records.Change, err error) {
	// The event types panic on a value that is not of the kind that it claims.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("record cannot be read: %T", p)
		}
	}()
	if at := r.Change.ApproximateCreationDateTime.Time; at.Unix() > 0 {
		change.Time = at
	}
	keys, err := decodeItem(r.Change.Keys)
	if err != nil {
		return change, fmt.Errorf("keys: %w", err)
	}
	change.Key = table.Key{PK: keys.Str(table.AttrPK), SK: keys.Str(table.AttrSK)}
	if change.Key.PK == "" || change.Key.SK == "" {
		return change, errors.New("record has no key")
	}
	if change.Old, err = decodeImage(r.Change.OldImage); err != nil {
		return change, fmt.Errorf("old image: %w", err)
	}
	if change.New, err = decodeImage(r.Change.NewImage); err != nil {
		return change, fmt.Errorf("new image: %w", err)
	}
	if change.New == nil && r.EventName != string(events.DynamoDBOperationTypeRemove) {
		return change, errors.New("record has no new image")
	}
	return change, nil
}

// decodeImage decodes an image without its key. An absent image is nil.
func decodeImage(image map[string]events.DynamoDBAttributeValue) (table.Item, error) {
	if len(image) == 0 {
		return nil, nil
	}
	item, err := decodeItem(image)
	delete(item, table.AttrPK)
	delete(item, table.AttrSK)
	return item, err
}

func decodeItem(image map[string]events.DynamoDBAttributeValue) (table.Item, error) {
	item := make(table.Item, len(image))
	for name, v := range image {
		value, err := decodeValue(v, 0)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		item[name] = value
	}
	return item, nil
}

// maxDepth is how deep DynamoDB lets values nest (Developer Guide, "Quotas").
const maxDepth = 32

func decodeValue(v events.DynamoDBAttributeValue, depth int) (table.Value, error) {
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
			if list[i], err = decodeValue(e, depth+1); err != nil {
				return table.Value{}, err
			}
		}
		return table.List(list...), nil
	case events.DataTypeMap:
		m := make(table.Item, len(v.Map()))
		for name, e := range v.Map() {
			value, err := decodeValue(e, depth+1)
			if err != nil {
				return table.Value{}, err
			}
			m[name] = value
		}
		return table.Map(m), nil
	}
	return table.Value{}, errors.New("is of a kind the café does not keep")
}

// Record returns a change as the stream record that Lambda would get. On one machine package
// local uses it to play the stream.
func Record(change records.Change, sequence string) events.DynamoDBEventRecord {
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
