// Package dynamo is the storage seam on DynamoDB, the engine that the café has on
// AWS. One operation is one single-item call, several are one TransactWriteItems.
//
// It keeps two promises that the SDK alone does not. Its errors are the seam's and
// tell whether a write may have happened, in retries too: a put that was stored and
// whose answer was lost is no conflict with itself when it is sent again, and what
// would count twice is not sent again (see retry.go). And it links nothing that a
// Lambda does not need: no configuration files, no reflection over items.
package dynamo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"cafe/internal/table"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// client is what a Table needs of the SDK's *dynamodb.Client.
type client interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Options of a Table. Only Table is required.
type Options struct {
	Table string // name

	// Attempts is how often one call is sent at most, 4 by default, and MaxBackoff
	// the longest pause between two of them, 500 ms by default: a caller of the API
	// waits for this. They stand in place of the client's own.
	Attempts   int
	MaxBackoff time.Duration

	// OnCapacity is told what each call cost. DynamoDB is asked for that only when
	// it is set. It is called from the goroutine of the call.
	OnCapacity func(Capacity)
}

// Table is one DynamoDB table that Schema describes. It implements table.Table.
type Table struct {
	client  client
	quick   *quick // nil: without
	name    *string
	retries aws.RetryerV2
	report  func(Capacity)
	ask     types.ReturnConsumedCapacity
}

var _ table.Table = (*Table)(nil)

// New makes a Table of the client, which is a *dynamodb.Client: Client makes one in
// Lambda. It sends nothing.
func New(c client, o Options) *Table {
	t := &Table{client: c, name: &o.Table, report: o.OnCapacity, retries: newPolicy(o)}
	if t.report != nil {
		t.ask = types.ReturnConsumedCapacityIndexes
	}
	t.quick = newQuick(c, o.Table, t.ask)
	return t
}

// Name returns the table's name.
func (t *Table) Name() string { return *t.name }

func (t *Table) Get(ctx context.Context, key table.Key, consistent bool) (table.Item, error) {
	r := t.reading(&dynamodb.GetItemOutput{})
	if t.quick == nil || !t.quick.get(ctx, key, consistent, r) {
		_, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{
			TableName: t.name, Key: encodeKey(key, 0), ConsistentRead: &consistent, ReturnConsumedCapacity: t.ask,
		}, r.options)
		if err != nil {
			return nil, fmt.Errorf("get %s: %w", key, r.failure(ctx, err))
		}
	}
	t.read("GetItem", r.used)
	switch {
	case r.err != nil:
		return nil, fmt.Errorf("get %s: %w", key, r.err)
	case len(r.rows) == 0:
		return nil, fmt.Errorf("get %s: %w", key, table.ErrNotFound)
	}
	return r.rows[0].Item, nil
}

func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	in := &dynamodb.QueryInput{
		TableName: t.name, ConsistentRead: &q.Consistent, Limit: limit(q.Limit), ReturnConsumedCapacity: t.ask,
		ExpressionAttributeValues: attributes{":p": &types.AttributeValueMemberS{Value: q.Partition}},
	}
	pk, sk := table.AttrPK, table.AttrSK
	switch q.Index {
	case table.Index1:
		in.IndexName, pk, sk = aws.String(index1), table.AttrIndex1, table.AttrSort
	case table.Index2:
		in.IndexName, pk, sk = aws.String(index2), table.AttrIndex2, table.AttrSort
	}
	if q.Descending {
		in.ScanIndexForward = aws.Bool(false)
	}

	condition := pk + " = :p"
	from, to := q.From, q.To
	switch {
	case from != "" && to != "":
		// A key condition has one range at most, and BETWEEN includes both ends.
		if to = before(to); from > to {
			return table.Page{}, nil
		}
		condition += " AND " + sk + " BETWEEN :from AND :to"
	case from != "":
		condition += " AND " + sk + " >= :from"
	case to != "":
		condition += " AND " + sk + " < :to"
	}
	if from != "" {
		in.ExpressionAttributeValues[":from"] = &types.AttributeValueMemberS{Value: from}
	}
	if to != "" {
		in.ExpressionAttributeValues[":to"] = &types.AttributeValueMemberS{Value: to}
	}
	in.KeyConditionExpression = &condition

	r := t.reading(&dynamodb.QueryOutput{})
	if _, err := t.client.Query(ctx, in, r.options); err != nil {
		return table.Page{}, fmt.Errorf("query %s: %w", q.Partition, r.failure(ctx, err))
	}
	t.read("Query", r.used)
	if r.err != nil {
		return table.Page{}, fmt.Errorf("query %s: %w", q.Partition, r.err)
	}
	next, _ := r.last[sk].Str()
	return table.Page{Rows: r.rows, Next: next}, nil
}

func (t *Table) Scan(ctx context.Context, c table.Scan) (table.Page, error) {
	in := &dynamodb.ScanInput{TableName: t.name, Limit: limit(c.Limit), ReturnConsumedCapacity: t.ask}
	if c.Prefix != "" {
		in.FilterExpression = aws.String("begins_with(" + table.AttrPK + ", :p)")
		in.ExpressionAttributeValues = attributes{":p": &types.AttributeValueMemberS{Value: c.Prefix}}
	}
	if c.After != "" {
		// The parts of a key hold no NUL.
		pk, sk, ok := strings.Cut(c.After, "\x00")
		if !ok {
			return table.Page{}, fmt.Errorf("%w: scan after %q", table.ErrInvalid, c.After)
		}
		in.ExclusiveStartKey = encodeKey(table.Key{PK: pk, SK: sk}, 0)
	}
	r := t.reading(&dynamodb.ScanOutput{})
	if _, err := t.client.Scan(ctx, in, r.options); err != nil {
		return table.Page{}, fmt.Errorf("scan: %w", r.failure(ctx, err))
	}
	t.read("Scan", r.used)
	if r.err != nil {
		return table.Page{}, fmt.Errorf("scan: %w", r.err)
	}
	page := table.Page{Rows: r.rows}
	if len(r.last) > 0 {
		pk, _ := r.last[table.AttrPK].Str()
		sk, _ := r.last[table.AttrSK].Str()
		page.Next = pk + "\x00" + sk
	}
	return page, nil
}

// limit returns nil for as many rows as DynamoDB reads at once, which is 1 MB.
func limit(n int) *int32 {
	if n <= 0 {
		return nil
	}
	return aws.Int32(int32(min(n, math.MaxInt32)))
}

// before returns the greatest sort key below s, given that keys do not hold the last
// character of Unicode.
func before(s string) string {
	r, size := utf8.DecodeLastRuneInString(s)
	s = s[:len(s)-size]
	switch r {
	case 0:
		return s
	case 0xE000: // after the surrogates, which are no characters
		r = 0xD800
	}
	return s + string(r-1) + string(utf8.MaxRune)
}

func (t *Table) Write(ctx context.Context, ops ...table.Op) error {
	if err := table.Validate(ops); err != nil {
		return err
	}
	if len(ops) == 1 {
		return t.writeOne(ctx, ops[0])
	}
	return t.writeAll(ctx, ops)
}

// writeOne carries out one operation for half of what a transaction costs.
func (t *Table) writeOne(ctx context.Context, op table.Op) error {
	if op.Kind == table.OpCheck {
		return t.check(ctx, op)
	}
	p, err := prepare(op)
	if err != nil {
		return err
	}
	s := t.sending(repeatable(op))
	var used *types.ConsumedCapacity
	var name string
	switch op.Kind {
	case table.OpPut:
		name = "PutItem"
		var out *dynamodb.PutItemOutput
		out, err = t.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: t.name, Item: p.item, ConditionExpression: p.condition,
			ExpressionAttributeNames: p.names, ExpressionAttributeValues: p.values,
			ReturnValuesOnConditionCheckFailure: allOld, ReturnConsumedCapacity: t.ask,
		}, s.options)
		if err == nil {
			used = out.ConsumedCapacity
		}
	case table.OpUpdate:
		name = "UpdateItem"
		var out *dynamodb.UpdateItemOutput
		out, err = t.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: t.name, Key: p.item, UpdateExpression: p.update, ConditionExpression: p.condition,
			ExpressionAttributeNames: p.names, ExpressionAttributeValues: p.values,
			ReturnValuesOnConditionCheckFailure: allOld, ReturnConsumedCapacity: t.ask,
		}, s.options)
		if err == nil {
			used = out.ConsumedCapacity
		}
	case table.OpDelete:
		name = "DeleteItem"
		var out *dynamodb.DeleteItemOutput
		out, err = t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: t.name, Key: p.item, ConditionExpression: p.condition,
			ExpressionAttributeNames: p.names, ExpressionAttributeValues: p.values,
			ReturnValuesOnConditionCheckFailure: allOld, ReturnConsumedCapacity: t.ask,
		}, s.options)
		if err == nil {
			used = out.ConsumedCapacity
		}
	default:
		return fmt.Errorf("%w: operation of kind %d", table.ErrInvalid, op.Kind)
	}
	if err != nil {
		if err = s.refusal(ctx, op, err); err != nil {
			return fmt.Errorf("write %s: %w", op.Key, err)
		}
		return nil
	}
	t.wrote(name, used)
	return nil
}

// check carries out a lone OpCheck as a consistent read: one read unit where a
// transaction of it is two write units, and nobody is in its way.
func (t *Table) check(ctx context.Context, op table.Op) error {
	item, err := t.Get(ctx, op.Key, true)
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return err
	}
	if !holds(op.If, item) {
		return &table.ConditionError{Failures: []table.Failure{{Item: item}}}
	}
	return nil
}

// writeAll carries out several operations in one transaction. The SDK gives each
// call a ClientRequestToken and keeps it in its retries, so that DynamoDB answers
// for ten minutes what it answered first: any attempt may have landed, and the last
// one tells.
func (t *Table) writeAll(ctx context.Context, ops []table.Op) error {
	in := &dynamodb.TransactWriteItemsInput{
		TransactItems: make([]types.TransactWriteItem, len(ops)), ReturnConsumedCapacity: t.ask,
	}
	for i, op := range ops {
		p, err := prepare(op)
		if err != nil {
			return err
		}
		item := &in.TransactItems[i]
		switch op.Kind {
		case table.OpPut:
			item.Put = &types.Put{
				TableName: t.name, Item: p.item, ConditionExpression: p.condition,
				ExpressionAttributeNames: p.names, ExpressionAttributeValues: p.values,
				ReturnValuesOnConditionCheckFailure: allOld,
			}
		case table.OpUpdate:
			item.Update = &types.Update{
				TableName: t.name, Key: p.item, UpdateExpression: p.update, ConditionExpression: p.condition,
				ExpressionAttributeNames: p.names, ExpressionAttributeValues: p.values,
				ReturnValuesOnConditionCheckFailure: allOld,
			}
		case table.OpDelete:
			item.Delete = &types.Delete{
				TableName: t.name, Key: p.item, ConditionExpression: p.condition,
				ExpressionAttributeNames: p.names, ExpressionAttributeValues: p.values,
				ReturnValuesOnConditionCheckFailure: allOld,
			}
		case table.OpCheck:
			if p.condition == nil { // a check must have one
				p.condition = aws.String("attribute_exists(" + table.AttrPK + ") OR attribute_not_exists(" + table.AttrPK + ")")
			}
			item.ConditionCheck = &types.ConditionCheck{
				TableName: t.name, Key: p.item, ConditionExpression: p.condition,
				ExpressionAttributeNames: p.names, ExpressionAttributeValues: p.values,
				ReturnValuesOnConditionCheckFailure: allOld,
			}
		default:
			return fmt.Errorf("%w: operation of kind %d", table.ErrInvalid, op.Kind)
		}
	}
	s := t.sending(true)
	out, err := t.client.TransactWriteItems(ctx, in, s.options)
	if err != nil {
		return fmt.Errorf("write %d items: %w", len(ops), s.cancellation(ctx, ops, err))
	}
	for i := range out.ConsumedCapacity {
		t.wrote("TransactWriteItems", &out.ConsumedCapacity[i])
	}
	return nil
}

const allOld = types.ReturnValuesOnConditionCheckFailureAllOld

// prepared is an operation as DynamoDB takes it.
type prepared struct {
	item              attributes // all of it for a put, else the key
	condition, update *string
	expression
}

func prepare(op table.Op) (p prepared, err error) {
	if op.Kind == table.OpPut {
		p.item, err = encodeItem(op.Key, op.Item)
	} else {
		p.item = encodeKey(op.Key, 0)
	}
	if err == nil {
		p.condition, err = p.expression.condition(op)
	}
	if err == nil && op.Kind == table.OpUpdate {
		p.update, err = p.expression.update(op)
	}
	return p, err
}
