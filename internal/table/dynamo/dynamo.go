// Package dynamo keeps a table.Table in DynamoDB. It is the engine that the café uses
// on AWS. A write of one operation is one single-item call. A write of several is one
// TransactWriteItems.
//
// The package adds two promises to the SDK's.
//
// Its errors are those of package table, and they say whether a write may have taken
// effect. That holds for retries too. A put can be stored and its answer lost; when it
// is sent again, it does not conflict with itself. A write that would count twice is
// not sent again. See retry.go.
//
// It links only what a Lambda needs: it reads no configuration files, and it maps items
// without reflection.
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

// client lists the methods of the SDK's *dynamodb.Client that a Table calls.
type client interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Options are the options of a Table. Only Table is required.
type Options struct {
	Table string // the name of the table in DynamoDB

	// Attempts is the most times that one call is sent; 0 means 4. MaxBackoff is the
	// longest pause between two attempts; 0 means 500 ms. A caller of the API waits
	// for these pauses. Both replace the client's own settings.
	Attempts   int
	MaxBackoff time.Duration

	// PlainReads makes every call go through the SDK and nothing else. By default a Get, a
	// Query and a write of one item make their first attempt without the SDK's middleware
	// (fast.go), and all reads decode answers in place of the SDK (answer.go). Both are faster and give the same
	// results and errors, but both depend on how the SDK works inside. With PlainReads
	// the checksum of an answer is not checked, since the SDK only logs a wrong one.
	PlainReads bool

	// OnCapacity, if set, is called with the cost of each call that succeeded, on the
	// goroutine of that call. If it is nil, DynamoDB is not asked for costs.
	OnCapacity func(Capacity)
}

// Table is one DynamoDB table with the keys and indexes of Schema. It implements
// table.Table, and all its methods are safe for concurrent use.
type Table struct {
	client  client
	fast    *fast // nil: every call goes through the SDK
	name    *string
	retries aws.RetryerV2
	plain   bool // Options.PlainReads
	report  func(Capacity)
	ask     types.ReturnConsumedCapacity
}

var _ table.Table = (*Table)(nil)

// New returns a Table that uses the client, a *dynamodb.Client. In Lambda, FromEnv makes
// the client. New sends nothing.
func New(c client, o Options) *Table {
	t := &Table{client: c, name: &o.Table, plain: o.PlainReads, report: o.OnCapacity, retries: newPolicy(o)}
	if t.report != nil {
		t.ask = types.ReturnConsumedCapacityIndexes
	}
	if !t.plain {
		t.fast = newFast(c, o.Table, t.ask)
	}
	return t
}

// Name returns the name of the table in DynamoDB.
func (t *Table) Name() string { return *t.name }

// Get implements table.Table. It returns table.ErrNotFound if the item does not exist.
// A read that is not consistent costs half and may miss the latest write. Get returns
// table.ErrThrottled or table.ErrUnavailable once all attempts have failed, and the
// context's error if the context has ended. An item that was not written through package
// table, such as one with a set, is an error of its own.
func (t *Table) Get(ctx context.Context, key table.Key, consistent bool) (table.Item, error) {
	r := t.newReadCall(&dynamodb.GetItemOutput{})
	if t.fast == nil || !t.fast.get(ctx, key, consistent, r) {
		out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{
			TableName: t.name, Key: encodeKey(key, 0), ConsistentRead: &consistent, ReturnConsumedCapacity: t.ask,
		}, r.options)
		switch {
		case err != nil:
			return nil, fmt.Errorf("get %s: %w", key, r.failure(ctx, err))
		case t.plain && out.Item != nil:
			r.take(out.ConsumedCapacity, nil, out.Item)
		case t.plain:
			r.take(out.ConsumedCapacity, nil)
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

// Query implements table.Table. DynamoDB reads at most 1 MB for one page. An index may
// lag behind a write for a moment, and the primary keys may too unless q.Consistent is
// set. A partition without rows is an empty page and no error. The errors are those of
// Get, without table.ErrNotFound.
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
		// A key condition takes only one range, and BETWEEN includes both ends.
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

	r := t.newReadCall(&dynamodb.QueryOutput{})
	if t.fast == nil || !t.fast.query(ctx, in, r) {
		out, err := t.client.Query(ctx, in, r.options)
		if err != nil {
			return table.Page{}, fmt.Errorf("query %s: %w", q.Partition, r.failure(ctx, err))
		}
		if t.plain {
			r.take(out.ConsumedCapacity, out.LastEvaluatedKey, out.Items...)
		}
	}
	t.read("Query", r.used)
	if r.err != nil {
		return table.Page{}, fmt.Errorf("query %s: %w", q.Partition, r.err)
	}
	next, _ := r.last[sk].Str()
	return table.Page{Rows: r.rows, Next: next}, nil
}

// Scan implements table.Table. DynamoDB reads the whole table and filters by the prefix
// after that, so a scan with a prefix costs as much as one without, and its pages may be
// empty although more follow. A Scan.After that did not come from Page.Next is
// table.ErrInvalid. The other errors are those of Query.
func (t *Table) Scan(ctx context.Context, c table.Scan) (table.Page, error) {
	in := &dynamodb.ScanInput{TableName: t.name, Limit: limit(c.Limit), ReturnConsumedCapacity: t.ask}
	if c.Prefix != "" {
		in.FilterExpression = aws.String("begins_with(" + table.AttrPK + ", :p)")
		in.ExpressionAttributeValues = attributes{":p": &types.AttributeValueMemberS{Value: c.Prefix}}
	}
	if c.After != "" {
		// Neither part of a key contains NUL.
		pk, sk, ok := strings.Cut(c.After, "\x00")
		if !ok {
			return table.Page{}, fmt.Errorf("%w: scan after %q", table.ErrInvalid, c.After)
		}
		in.ExclusiveStartKey = encodeKey(table.Key{PK: pk, SK: sk}, 0)
	}
	r := t.newReadCall(&dynamodb.ScanOutput{})
	out, err := t.client.Scan(ctx, in, r.options)
	if err != nil {
		return table.Page{}, fmt.Errorf("scan: %w", r.failure(ctx, err))
	}
	if t.plain {
		r.take(out.ConsumedCapacity, out.LastEvaluatedKey, out.Items...)
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

// limit returns the row limit for a call. It is nil for n of 0 or less: then DynamoDB
// reads up to 1 MB.
func limit(n int) *int32 {
	if n <= 0 {
		return nil
	}
	return aws.Int32(int32(min(n, math.MaxInt32)))
}

// before returns the greatest sort key below s. It assumes that no key contains the last
// character of Unicode.
func before(s string) string {
	r, size := utf8.DecodeLastRuneInString(s)
	s = s[:len(s)-size]
	switch r {
	case 0:
		return s
	case 0xE000: // the surrogates come before it, and they are not characters
		r = 0xD800
	}
	return s + string(r-1) + string(utf8.MaxRune)
}

// Write implements table.Table. A condition that does not hold is a *table.ConditionError
// with the items as they are. table.ErrConflict and table.ErrThrottled mean that nothing
// was written. After table.ErrUnavailable, or after the context ended, the write may have
// taken effect as a whole or not at all; the caller may send it again, because its
// conditions then show what happened. table.ErrInvalid and table.ErrTooLarge mean that
// the same write will never succeed.
func (t *Table) Write(ctx context.Context, ops ...table.Op) error {
	if err := table.Validate(ops); err != nil {
		return err
	}
	if len(ops) == 1 {
		return t.writeOne(ctx, ops[0])
	}
	return t.writeAll(ctx, ops)
}

// operations are DynamoDB's names of the operations that write one item.
var operations = map[table.OpKind]string{table.OpPut: "PutItem", table.OpUpdate: "UpdateItem", table.OpDelete: "DeleteItem"}

// writeOne carries out one operation. It costs half as much as a transaction would.
func (t *Table) writeOne(ctx context.Context, op table.Op) error {
	if op.Kind == table.OpCheck {
		return t.check(ctx, op)
	}
	p, err := prepare(op)
	if err != nil {
		return err
	}
	s := t.newCall(repeatable(op))
	var used *types.ConsumedCapacity
	name := operations[op.Kind]
	if t.fast != nil && name != "" {
		r := &readCall{call: s}
		if t.fast.write(ctx, name, p, r) {
			t.wrote(name, r.used)
			return nil
		}
	}
	switch op.Kind {
	case table.OpPut:
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

// check carries out a single OpCheck as a consistent read. That costs one read unit per
// 4 KB, where a transaction would cost two write units per 1 KB, and it conflicts with
// no other write.
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

// writeAll carries out several operations in one transaction. The SDK gives each call a
// ClientRequestToken and repeats it in every retry. For ten minutes DynamoDB gives the
// same answer to the same token. So the last answer is right, whichever attempt took
// effect.
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
			if p.condition == nil { // DynamoDB requires one; this one always holds
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
	s := t.newCall(true)
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

// wireOp is an operation in DynamoDB's terms.
type wireOp struct {
	item              attributes // the whole item for a put, the key for any other operation
	condition, update *string
	expression
}

func prepare(op table.Op) (p wireOp, err error) {
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
