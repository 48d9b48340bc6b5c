// Package dynamotest gives tests a table on DynamoDB Local and tells what they cost
// in DynamoDB's own units, so that the prices the design promises can be asserted.
package dynamotest

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cafe/internal/table"
	"cafe/internal/table/dynamo"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Open makes a table of its own for the test, which goes when the test ends. Without
// AWS_ENDPOINT_URL_DYNAMODB the test is skipped and says so. An endpoint of AWS
// itself is refused: these tests are not to cost money.
//
// The table has no stream: DynamoDB Local (3.3.1) takes a third of the items where it
// keeps one, and fewer and fewer with all that any stream has, a fiftieth in the end.
func Open(t testing.TB) *dynamo.Table {
	t.Helper()
	client := patient(t)
	return dynamo.New(client, dynamo.Options{Table: create(t, client, nil)})
}

// Streamed is Open with a stream.
func Streamed(t testing.TB) *dynamo.Table {
	t.Helper()
	client := patient(t)
	return dynamo.New(client, dynamo.Options{Table: create(t, client, dynamo.Schema("").StreamSpecification)})
}

// patient returns a client that waits: a machine that runs many tests at once takes its
// time to answer.
func patient(t testing.TB) *dynamodb.Client {
	t.Helper()
	return Client(t, func(o *dynamodb.Options) { o.HTTPClient = dynamo.HTTPClient().WithTimeout(time.Minute) })
}

// Metered is Open with a Meter on the table. It is slower: see priced.
func Metered(t testing.TB) (*dynamo.Table, *Meter) {
	t.Helper()
	client := patient(t)
	m := &Meter{}
	c := &priced{Client: client, scratch: create(t, client, nil)}
	return dynamo.New(c, dynamo.Options{Table: create(t, client, nil), OnCapacity: m.add}), m
}

// Loader is a way to fill a table of Metered, three times as quick and not counted: its
// writes are puts without conditions, up to 25 in one, and not all or nothing.
func Loader(t testing.TB, db *dynamo.Table) *dynamo.Table {
	t.Helper()
	return dynamo.New(batches{patient(t)}, dynamo.Options{Table: db.Name()})
}

// batches sends what is to be a transaction as a batch.
type batches struct{ *dynamodb.Client }

func (b batches) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, options ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	left := map[string][]types.WriteRequest{}
	for _, item := range in.TransactItems {
		name := *item.Put.TableName
		left[name] = append(left[name], types.WriteRequest{PutRequest: &types.PutRequest{Item: item.Put.Item}})
	}
	for len(left) > 0 {
		out, err := b.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: left}, options...)
		if err != nil {
			return nil, err
		}
		left = out.UnprocessedItems
	}
	return &dynamodb.TransactWriteItemsOutput{}, nil
}

func create(t testing.TB, client *dynamodb.Client, stream *types.StreamSpecification) string {
	t.Helper()
	name := "cafe-test-" + strings.ToLower(rand.Text())
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	schema := dynamo.Schema(name)
	schema.StreamSpecification = stream
	if err := dynamo.Create(ctx, client, schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			t.Errorf("table %s is left behind: %v", name, err)
		}
	})
	return name
}

// Client returns a client as Open uses it, and skips as it does.
func Client(t testing.TB, options ...func(*dynamodb.Options)) *dynamodb.Client {
	t.Helper()
	endpoint := os.Getenv("AWS_ENDPOINT_URL_DYNAMODB")
	if endpoint == "" {
		t.Skip(`not tested on DynamoDB: AWS_ENDPOINT_URL_DYNAMODB is not set; eval "$(.ci/dynamodb-local env)" starts a local one`)
	}
	if !dynamo.IsLocal(endpoint) {
		t.Fatalf("AWS_ENDPOINT_URL_DYNAMODB=%s is no local endpoint", endpoint)
	}
	client, err := dynamo.Client(func(name string) string {
		v := os.Getenv(name)
		switch name {
		case "AWS_REGION":
			return cmp.Or(v, "eu-west-2")
		case "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY":
			return cmp.Or(v, "local")
		}
		return v
	}, options...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// priced has DynamoDB Local price each operation of a transaction by itself. Of two
// operations that cost the same it counts only one (3.1.0 and 3.3.1 keep the parts
// in a set), where DynamoDB adds them up. So each is done once more, alone, in a
// scratch table where its item stands as it stood.
type priced struct {
	*dynamodb.Client
	scratch string
	mu      sync.Mutex
}

func (p *priced) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, options ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	parts := make([]types.TransactWriteItem, len(in.TransactItems))
	for i, item := range in.TransactItems {
		var err error
		if parts[i], err = p.prepare(ctx, item); err != nil {
			return nil, err
		}
	}
	out, err := p.Client.TransactWriteItems(ctx, in, options...)
	if err != nil {
		return nil, err
	}
	total := types.ConsumedCapacity{CapacityUnits: new(float64), GlobalSecondaryIndexes: map[string]types.Capacity{}}
	for _, part := range parts {
		alone, err := p.Client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
			TransactItems: []types.TransactWriteItem{part}, ReturnConsumedCapacity: types.ReturnConsumedCapacityIndexes,
		})
		if err != nil {
			return nil, fmt.Errorf("price a part of a transaction: %w", err)
		}
		for _, c := range alone.ConsumedCapacity {
			*total.CapacityUnits += *c.CapacityUnits
			for name, index := range c.GlobalSecondaryIndexes {
				if total.GlobalSecondaryIndexes[name].CapacityUnits == nil {
					total.GlobalSecondaryIndexes[name] = types.Capacity{CapacityUnits: new(float64)}
				}
				*total.GlobalSecondaryIndexes[name].CapacityUnits += *index.CapacityUnits
			}
		}
	}
	out.ConsumedCapacity = []types.ConsumedCapacity{total}
	return out, nil
}

// prepare returns the operation for the scratch table, where its item now is as it
// is in the table.
func (p *priced) prepare(ctx context.Context, item types.TransactWriteItem) (types.TransactWriteItem, error) {
	var name *string
	var key map[string]types.AttributeValue
	switch {
	case item.Put != nil:
		put := *item.Put
		name, key = put.TableName, map[string]types.AttributeValue{
			table.AttrPK: put.Item[table.AttrPK], table.AttrSK: put.Item[table.AttrSK],
		}
		put.TableName, item.Put = &p.scratch, &put
	case item.Update != nil:
		update := *item.Update
		name, key = update.TableName, update.Key
		update.TableName, item.Update = &p.scratch, &update
	case item.Delete != nil:
		del := *item.Delete
		name, key = del.TableName, del.Key
		del.TableName, item.Delete = &p.scratch, &del
	default:
		check := *item.ConditionCheck
		name, key = check.TableName, check.Key
		check.TableName, item.ConditionCheck = &p.scratch, &check
	}
	stands, err := p.GetItem(ctx, &dynamodb.GetItemInput{TableName: name, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return item, err
	}
	if stands.Item == nil {
		_, err = p.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &p.scratch, Key: key})
	} else {
		_, err = p.PutItem(ctx, &dynamodb.PutItemInput{TableName: &p.scratch, Item: stands.Item})
	}
	return item, err
}

// Meter sums what the calls to a table cost. It is safe for concurrent use.
type Meter struct {
	mu    sync.Mutex
	calls []dynamo.Capacity
}

// Cost is what some calls cost together.
type Cost struct {
	Read, Write float64 // units, indexes included
	Calls       []dynamo.Capacity
}

// Take returns what the calls since the last Take cost, and begins anew.
func (m *Meter) Take() Cost {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := Cost{Calls: m.calls}
	m.calls = nil
	for _, call := range c.Calls {
		c.Read += call.Read
		c.Write += call.Write
	}
	return c
}

func (m *Meter) add(c dynamo.Capacity) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, c)
}

// String tells the cost and its parts, such as
// "0 read, 3 write: PutItem 3 (gsi1 1, gsi2 1)".
func (c Cost) String() string {
	var parts []string
	for _, call := range c.Calls {
		part := fmt.Sprintf("%s %g", call.Call, call.Read+call.Write)
		var indexes []string
		for name, n := range call.Indexes {
			indexes = append(indexes, fmt.Sprintf("%s %g", name, n))
		}
		if slices.Sort(indexes); len(indexes) > 0 {
			part += " (" + strings.Join(indexes, ", ") + ")"
		}
		parts = append(parts, part)
	}
	return fmt.Sprintf("%g read, %g write: %s", c.Read, c.Write, strings.Join(parts, ", "))
}
