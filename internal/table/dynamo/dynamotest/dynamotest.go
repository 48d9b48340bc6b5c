// Package dynamotest gives tests a table on DynamoDB Local. It also counts the cost of
// their calls in DynamoDB's units, so that tests can check the prices that the design
// promises.
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

// Open creates a table for the test, and deletes it when the test ends. If
// AWS_ENDPOINT_URL_DYNAMODB is not set, it skips the test and says why. It fails the test
// if that is an endpoint of AWS itself, since tests must not cost money.
//
// The table has no stream, because streams make DynamoDB Local (3.3.1) slow. A table with
// a stream takes a third of the writes, and fewer as all streams grow, down to a fiftieth.
func Open(t testing.TB) *dynamo.Table {
	t.Helper()
	client := patientClient(t)
	return dynamo.New(client, dynamo.Options{Table: create(t, client, nil)})
}

// OpenPlain is like Open, with dynamo.Options.PlainReads.
func OpenPlain(t testing.TB) *dynamo.Table {
	t.Helper()
	client := patientClient(t)
	return dynamo.New(client, dynamo.Options{Table: create(t, client, nil), PlainReads: true})
}

// Streamed is like Open, but the table has a stream.
func Streamed(t testing.TB) *dynamo.Table {
	t.Helper()
	client := patientClient(t)
	return dynamo.New(client, dynamo.Options{Table: create(t, client, dynamo.Schema("").StreamSpecification)})
}

// patientClient returns a client that waits a minute for an answer, since a machine that
// runs many tests at once is slow.
func patientClient(t testing.TB) *dynamodb.Client {
	t.Helper()
	return Client(t, func(o *dynamodb.Options) { o.HTTPClient = dynamo.HTTPClient().WithTimeout(time.Minute) })
}

// Metered is like Open, and returns a Meter that counts the cost of the table's calls. It
// is slower: see pricingClient.
func Metered(t testing.TB) (*dynamo.Table, *Meter) {
	t.Helper()
	client := patientClient(t)
	m := &Meter{}
	c := &pricingClient{Client: client, scratch: create(t, client, nil)}
	return dynamo.New(c, dynamo.Options{Table: create(t, client, nil), OnCapacity: m.add}), m
}

// Loader returns a Table that fills a table of Metered three times as fast, and that the
// Meter does not count. Its writes must be puts without conditions, at most 25 at a time,
// and they are not atomic.
func Loader(t testing.TB, db *dynamo.Table) *dynamo.Table {
	t.Helper()
	return dynamo.New(batchClient{patientClient(t)}, dynamo.Options{Table: db.Name()})
}

// batchClient sends a transaction as a batch of writes.
type batchClient struct{ *dynamodb.Client }

func (b batchClient) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, options ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
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

// Client returns an SDK client for DynamoDB Local. It skips or fails the test as Open does.
func Client(t testing.TB, options ...func(*dynamodb.Options)) *dynamodb.Client {
	t.Helper()
	endpoint := os.Getenv("AWS_ENDPOINT_URL_DYNAMODB")
	if endpoint == "" {
		t.Skip(`not tested on DynamoDB: AWS_ENDPOINT_URL_DYNAMODB is not set; eval "$(.ci/dynamodb-local env)" starts a local one`)
	}
	if !dynamo.IsLocal(endpoint) {
		t.Fatalf("AWS_ENDPOINT_URL_DYNAMODB=%s is no local endpoint", endpoint)
	}
	client, err := dynamo.FromEnv(func(name string) string {
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

// pricingClient asks DynamoDB Local for the price of each operation of a transaction by
// itself. DynamoDB adds up the costs of a transaction's operations. DynamoDB Local counts
// two operations of the same cost only once (3.1.0 and 3.3.1 keep the costs in a set). So
// the client repeats each operation alone, in a scratch table that holds the item as it
// was before.
type pricingClient struct {
	*dynamodb.Client
	scratch string
	mu      sync.Mutex
}

func (p *pricingClient) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, options ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
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

// prepare copies the operation's item to the scratch table, and returns the operation for
// that table.
func (p *pricingClient) prepare(ctx context.Context, item types.TransactWriteItem) (types.TransactWriteItem, error) {
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

// Meter adds up the cost of the calls to a table. It is safe for concurrent use.
type Meter struct {
	mu    sync.Mutex
	calls []dynamo.Capacity
}

// Cost is the cost of some calls together.
type Cost struct {
	Read, Write float64 // capacity units, those of indexes included
	Calls       []dynamo.Capacity
}

// Take returns the cost of the calls since the last Take.
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

// String returns the cost and its parts, such as
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
