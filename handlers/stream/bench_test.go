package stream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"cafe/handlers/stream"
	"cafe/internal/cafetest"
	"cafe/internal/house"
	"cafe/internal/ledger"
	"cafe/internal/records"
	"cafe/internal/settings"
	"cafe/internal/table/pebble"
	"cafe/model"
)

// BenchmarkLedgerBatch posts batches of 100 records of new orders, on disk: decoded as
// the function gets them, whose they are being as the name says.
func BenchmarkLedgerBatch(b *testing.B) {
	const size = 100
	for _, whose := range []struct {
		name     string
		customer func(i int) string
	}{
		{"walk-ins", func(int) string { return "" }},
		{"one-customer", func(int) string { return "alice" }},
		{"many-customers", func(i int) string { return fmt.Sprint("customer-", i) }},
	} {
		b.Run(whose.name, func(b *testing.B) {
			store, err := pebble.Open(b.TempDir(), pebble.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			settings, err := settings.FromEnv(func(string) string { return "" })
			if err != nil {
				b.Fatal(err)
			}
			c := house.Open(settings, store, time.Now)
			for _, item := range cafetest.Menu {
				if _, err := c.SetMenuItem(ctx, item, nil); err != nil {
					b.Fatal(err)
				}
			}
			_, after := store.Bounds()
			batch := func() (e events.DynamoDBEvent) {
				for i := range size {
					draft := model.Draft{CustomerID: whose.customer(i), Lines: []model.DraftLine{{SKU: "latte", Quantity: 2}, {SKU: "tea", Quantity: 1}, {SKU: "scone", Quantity: 1}}}
					if _, _, err := c.Place(ctx, cafetest.Staff, draft, ""); err != nil {
						b.Fatal(err)
					}
				}
				changes, err := store.Changes(ctx, after, size, nil)
				if err != nil || len(changes) != size {
					b.Fatal(len(changes), err)
				}
				for _, change := range changes {
					e.Records = append(e.Records, stream.Record(records.Change{Key: change.Key, Old: change.Old, New: change.New}, fmt.Sprint(change.Seq)))
				}
				return e
			}
			ledger := stream.Ledger(c.Ledger, c.Events)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				e := batch()
				b.StartTimer()
				if response, err := ledger(ctx, e); err != nil || len(response.BatchItemFailures) > 0 {
					b.Fatal(response, err)
				}
				b.StopTimer()
				_, after = store.Bounds() // the ledger's own writes are not for the ledger
				b.StartTimer()
			}
			b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds(), "orders/s")
		})
	}
}

// BenchmarkDecodeStream decodes a batch of 100 records from the JSON that Lambda sends,
// of a consumer that leaves it at that.
func BenchmarkDecodeStream(b *testing.B) {
	e := events.DynamoDBEvent{}
	c := cafetest.Open(b, cafetest.Engines[0].Open(b))
	place(b, c, "alice", 1)
	changes := c.Recorder.Changes(ledger.Wants)
	for len(e.Records) < 100 {
		for i, change := range changes {
			e.Records = append(e.Records, stream.Record(change, fmt.Sprint(len(e.Records)+i)))
		}
	}
	raw, err := json.Marshal(e)
	if err != nil {
		b.Fatal(err)
	}
	handle := stream.Handle("bench", func(_ context.Context, changes []records.Change) []error { return make([]error, len(changes)) })
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		var e events.DynamoDBEvent
		if err := json.Unmarshal(raw, &e); err != nil {
			b.Fatal(err)
		}
		if _, err := handle(ctx, e); err != nil {
			b.Fatal(err)
		}
	}
}
