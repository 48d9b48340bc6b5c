package dynamo_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"cafe/internal/table"
	"cafe/internal/table/dynamo"
	"cafe/internal/table/dynamo/dynamotest"
	"cafe/internal/table/tabletest"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

var ctx = context.Background()

func TestContract(t *testing.T) {
	tabletest.Run(t, func(t *testing.T) table.Table {
		return dynamotest.Open(t)
	})
}

// The café can do without its own way of reading: see Options.PlainReads.
func TestContractWithPlainReads(t *testing.T) {
	tabletest.Run(t, func(t *testing.T) table.Table {
		return dynamotest.OpenPlain(t)
	})
}

func TestCreateAgainIsNoError(t *testing.T) {
	db := dynamotest.Streamed(t)
	client := dynamotest.Client(t)
	if err := dynamo.Create(ctx, client, dynamo.Schema(db.Name())); err != nil {
		t.Error(err)
	}
	if arn, err := dynamo.StreamARN(ctx, client, db.Name()); err != nil || !strings.Contains(arn, "/"+db.Name()+"/stream/") {
		t.Errorf("stream %q, %v", arn, err)
	}
	if _, err := dynamo.StreamARN(ctx, client, db.Name()+"-not"); err == nil {
		t.Error("a table that does not exist has a stream")
	}
}

// lossy is an HTTP client that sends requests and then drops some answers.
type lossy struct {
	mu    sync.Mutex
	lose  int    // how many answers to drop from now on
	after func() // called after each answer that was dropped
}

func (l *lossy) Do(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultClient.Do(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil || l.lose == 0 {
		return response, err
	}
	l.lose--
	io.Copy(io.Discard, response.Body)
	response.Body.Close()
	if l.after != nil {
		l.after()
	}
	return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
}

// Case 9 in docs/reliability.md, on a store that really stored the write.
func TestARetriedWriteDoesNotConflictWithItself(t *testing.T) {
	db := dynamotest.Open(t)
	line := &lossy{}
	lossyDB := dynamo.New(dynamotest.Client(t, func(o *dynamodb.Options) { o.HTTPClient = line }), dynamo.Options{Table: db.Name()})

	k := table.Key{PK: "O#1", SK: "O"}
	order := table.Item{"version": table.Int(1), "total": table.Int(700), "lines": table.List(table.Map(table.Item{"sku": table.String("latte")}))}
	want := func(t *testing.T, item table.Item) {
		t.Helper()
		if got, err := db.Get(ctx, k, true); err != nil || !got.Equal(item) {
			t.Errorf("got %v, %v, want %v", got, err, item)
		}
	}

	t.Run("a put of an item that must be absent", func(t *testing.T) {
		line.lose = 2
		if err := lossyDB.Write(ctx, table.Put(k, order, table.Absent())); err != nil {
			t.Fatal(err)
		}
		want(t, order)
	})
	t.Run("another such put is refused", func(t *testing.T) {
		err := lossyDB.Write(ctx, table.Put(k, table.Item{"version": table.Int(1), "total": table.Int(1)}, table.Absent()))
		if item, refused := table.Failed(err, 0); !refused || !item.Equal(order) {
			t.Errorf("got %v", err)
		}
		want(t, order)
	})
	t.Run("an update of a version", func(t *testing.T) {
		line.lose = 1
		op := table.Update(k, table.Equal("version", table.Int(1)))
		op.Set = table.Item{"version": table.Int(2), "status": table.String("ready")}
		op.Add = map[string]int64{"moves": 1}
		op.If = append(op.If, table.Missing("moves"))
		if err := lossyDB.Write(ctx, op); err != nil {
			t.Fatal(err)
		}
		order["version"], order["status"], order["moves"] = table.Int(2), table.String("ready"), table.Int(1)
		want(t, order)
	})
	t.Run("a sum is not added twice", func(t *testing.T) {
		line.lose = 1
		op := table.Update(k)
		op.Add = map[string]int64{"moves": 1}
		if err := lossyDB.Write(ctx, op); !errors.Is(err, table.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
		order["moves"] = table.Int(2)
		want(t, order)
	})
	t.Run("a sum in a transaction is added once and reported as done", func(t *testing.T) {
		line.lose = 3
		op := table.Update(k)
		op.Add = map[string]int64{"moves": 1}
		if err := lossyDB.Write(ctx, op, table.Put(table.Key{PK: "X", SK: "X"}, nil, table.Absent())); err != nil {
			t.Errorf("got %v", err)
		}
		order["moves"] = table.Int(3)
		want(t, order)
	})
	t.Run("a write that another write followed is in doubt", func(t *testing.T) {
		line.lose = 1
		line.after = func() {
			overtaking := table.Update(k, table.Equal("version", table.Int(3)))
			overtaking.Set = table.Item{"version": table.Int(4)}
			if err := db.Write(ctx, overtaking); err != nil {
				t.Error(err)
			}
		}
		op := table.Update(k, table.Equal("version", table.Int(2)))
		op.Set = table.Item{"version": table.Int(3)}
		err := lossyDB.Write(ctx, op)
		if _, refused := table.Failed(err, 0); refused || !errors.Is(err, table.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
		order["version"] = table.Int(4)
		want(t, order)
	})
}

// The design's prices rest on these figures. An order has about 900 bytes.
func TestUnits(t *testing.T) {
	db, meter := dynamotest.Metered(t)
	pad := table.String(strings.Repeat("x", 800))
	item := func(id string, version int64) table.Item {
		return table.Item{
			"version": table.Int(version), "lines": pad,
			table.AttrIndex1: table.String("C#alice"), table.AttrIndex2: table.String("D#2026-11-23#0"), table.AttrSort: table.String("2026-11-23T12:00:00.000000Z#" + id),
		}
	}
	key := func(id string) table.Key { return table.Key{PK: "O#" + id, SK: "O"} }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, read, write float64) {
		t.Helper()
		cost := meter.Take()
		t.Logf("%-55s %s", what, cost)
		if cost.Read != read || cost.Write != write {
			t.Errorf("%s: want %g read, %g write", what, read, write)
		}
	}

	must(db.Write(ctx, table.Put(key("000"), item("000", 1), table.Absent())))
	want("put an order that must be absent, with both indexes", 0, 3)
	must(db.Write(ctx, table.Put(key("000"), item("000", 2), table.Equal("version", table.Int(1)))))
	want("put it again with another version", 0, 3)
	move := table.Update(key("000"), table.Equal("version", table.Int(2)))
	move.Set = table.Item{"version": table.Int(3)}
	must(db.Write(ctx, move))
	want("update one attribute of it", 0, 3)
	_, err := db.Get(ctx, key("000"), false)
	must(err)
	want("get it", 0.5, 0)
	_, err = db.Get(ctx, key("000"), true)
	must(err)
	want("get it consistently", 1, 0)
	must(db.Write(ctx, table.Check(key("000"), table.Present())))
	want("check it alone", 1, 0)
	for _, id := range strings.Fields("01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30") {
		must(db.Write(ctx, table.Put(key(id), item(id, 1), table.Absent())))
	}
	meter.Take()
	page, err := db.Query(ctx, table.Query{Index: table.Index1, Partition: "C#alice", Descending: true, Limit: 25})
	must(err)
	if len(page.Rows) != 25 || page.Next == "" {
		t.Fatalf("%d rows, next %q", len(page.Rows), page.Next)
	}
	want("query a page of 25 by customer", 3, 0)
	must(db.Write(ctx, table.Put(key("x"), item("x", 1), table.Absent()), table.Check(key("000"), table.Present())))
	want("put an order and check an item, in one transaction", 0, 8)
	counted := table.Update(table.Key{PK: "S#cake", SK: "S"})
	counted.Add = map[string]int64{"on_hand": 5}
	must(db.Write(ctx, counted))
	want("update a small item without indexes", 0, 1)
	counted.Add = map[string]int64{"on_hand": -1}
	counted.If = []table.Condition{table.AtLeast("on_hand", 1)}
	must(db.Write(ctx, table.Put(key("y"), item("y", 1), table.Absent()), counted))
	want("put an order and take an item off the shelf", 0, 8)
	must(db.Write(ctx, table.Put(table.Key{PK: "L#1", SK: "1"}, nil), table.Put(table.Key{PK: "L#2", SK: "2"}, nil)))
	want("put two small items in one transaction", 0, 4)
	must(db.Write(ctx, table.Delete(key("y"), table.Present())))
	want("delete an order", 0, 3)
}
