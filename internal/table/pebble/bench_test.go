package pebble

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cafe/internal/table"
)

func orderID(n int64) string { return fmt.Sprintf("%016x%08d", uint64(n)*0x9e3779b97f4a7c15, n) }

func orderKey(n int64) table.Key { return table.Key{PK: "O#" + orderID(n), SK: "O"} }

// anOrder returns an order of three lines as the café stores it, in both indexes. It has
// about 900 bytes.
func anOrder(n int64) (table.Key, table.Item) {
	id := orderID(n)
	customer := fmt.Sprintf("customer-%03d", n%500)
	at := time.Unix(1_700_000_000+n, 0).UTC().Format(time.RFC3339Nano)
	line := func(sku, name string, price int64) table.Value {
		return table.Map(table.Item{
			"sku": table.String(sku), "name": table.String(name), "quantity": table.Int(2), "unit_price": table.Int(price),
			"total": table.Int(2 * price), "note": table.String("extra hot"),
			"options": table.List(table.Map(table.Item{"id": table.String("oat"), "name": table.String("Oat milk"), "price": table.Int(40)})),
		})
	}
	return orderKey(n), table.Item{
		table.AttrIndex1: table.String("C#" + customer), table.AttrIndex2: table.String("D#2023-11-14"), table.AttrSort: table.String(at + "#" + id),
		"id": table.String(id), "customer_id": table.String(customer), "payment": table.String("account"), "status": table.String("placed"),
		"version": table.Int(1), "posting": table.Int(1), "total": table.Int(2460), "currency": table.String("GBP"),
		"placed_at": table.String(at), "updated_at": table.String(at), "business_day": table.String("2023-11-14"),
		"fingerprint": table.String(strings.Repeat("f", 43)), "note": table.String("by the window, please"),
		"lines": table.List(line("latte", "Latte", 350), line("flat-white", "Flat white", 340), line("brownie", "Chocolate brownie", 300)),
	}
}

// together divides n calls of work among the writers.
func together(b *testing.B, writers int, work func(n int64) error) {
	b.ReportAllocs()
	b.ResetTimer()
	var n atomic.Int64
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
				if err := work(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
}

func BenchmarkPutOrder(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(writers, " writers"), func(b *testing.B) {
			p := open(b, b.TempDir(), Options{})
			together(b, writers, func(n int64) error {
				key, item := anOrder(n)
				return p.Write(ctx, table.Put(key, item, table.Absent()))
			})
		})
	}
}

// BenchmarkAnOrderItself measures the part of the other benchmarks that makes up orders.
func BenchmarkAnOrderItself(b *testing.B) {
	b.ReportAllocs()
	for n := range b.N {
		anOrder(int64(n))
	}
}

// filled returns a table of n orders.
func filled(b *testing.B, n int64) *Table {
	p := open(b, b.TempDir(), Options{})
	for i := int64(0); i < n; i += 50 {
		var ops []table.Op
		for j := range int64(50) {
			ops = append(ops, table.Put(anOrder(i+j)))
		}
		if err := p.Write(ctx, ops...); err != nil {
			b.Fatal(err)
		}
	}
	return p
}

func BenchmarkGet(b *testing.B) {
	p := filled(b, 20_000)
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		if _, err := p.Get(ctx, orderKey(int64(n)*7919%20_000), false); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQueryPage25(b *testing.B) {
	p := filled(b, 20_000)
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		page, err := p.Query(ctx, table.Query{
			Index: table.Index1, Partition: fmt.Sprintf("C#customer-%03d", n%500), Descending: true, Limit: 25,
		})
		if err != nil || len(page.Rows) != 25 {
			b.Fatal(len(page.Rows), err)
		}
	}
}

func BenchmarkUpdateOrder(b *testing.B) {
	p := filled(b, 20_000)
	together(b, 16, func(n int64) error {
		op := table.Update(orderKey(n*7919%20_000), table.Present())
		op.Set = table.Item{"status": table.String(fmt.Sprint("ready ", n)), "updated_at": table.String("2023-11-14T22:13:20Z")}
		op.Add = map[string]int64{"version": 1}
		return p.Write(ctx, op)
	})
}
