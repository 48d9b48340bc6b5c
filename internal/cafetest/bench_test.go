package cafetest_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/house"
	"cafe/internal/ledger"
	"cafe/internal/records"
	"cafe/internal/settings"
	"cafe/internal/table/pebble"
	"cafe/model"
)

// benchCafe opens a café of the sample menu, on disk.
func benchCafe(b *testing.B) (*house.House, *pebble.Table) {
	b.Helper()
	store, err := pebble.Open(b.TempDir(), pebble.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	})
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
	return c, store
}

var threeLines = []model.DraftLine{{SKU: "latte", Quantity: 2, Options: []string{"oat"}}, {SKU: "tea", Quantity: 1}, {SKU: "scone", Quantity: 1}}

// BenchmarkPlace places orders on disk, so many at a time for each CPU.
func BenchmarkPlace(b *testing.B) {
	for _, clients := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("per-cpu=%d", clients), func(b *testing.B) {
			c, _ := benchCafe(b)
			var key atomic.Int64
			b.ReportAllocs()
			b.SetParallelism(clients)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, _, err := c.Place(ctx, cafetest.Staff, model.Draft{Lines: threeLines}, strconv.FormatInt(key.Add(1), 10)); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
		})
	}
}

// BenchmarkList reads pages of 25 orders: the newest, and one after 1,000 orders.
func BenchmarkList(b *testing.B) {
	c, _ := benchCafe(b)
	deep := ""
	for range 1025 {
		if _, _, err := c.Place(ctx, cafetest.Staff, model.Draft{Lines: threeLines}, ""); err != nil {
			b.Fatal(err)
		}
	}
	for range 40 {
		_, next, err := c.Orders(ctx, cafetest.Staff, cafe.Filter{}, deep, 25)
		if err != nil {
			b.Fatal(err)
		}
		deep = next
	}
	for _, page := range []struct{ name, from string }{{"first", ""}, {"deep", deep}} {
		b.Run(page.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if orders, _, err := c.Orders(ctx, cafetest.Staff, cafe.Filter{}, page.from, 25); err != nil || len(orders) != 25 {
					b.Fatal(len(orders), err)
				}
			}
		})
	}
}

// BenchmarkReport makes the report of a day with 1,000 orders, from the ledger on disk.
func BenchmarkReport(b *testing.B) {
	c, store := benchCafe(b)
	for range 1000 {
		if _, _, err := c.Place(ctx, cafetest.Staff, model.Draft{Lines: threeLines}, ""); err != nil {
			b.Fatal(err)
		}
	}
	stored, err := store.Changes(ctx, 0, 2000, ledger.Wants)
	if err != nil {
		b.Fatal(err)
	}
	var changes []records.Change
	for _, change := range stored {
		if change.New != nil {
			changes = append(changes, records.Change{Key: change.Key, Old: change.Old, New: change.New})
		}
	}
	if err := errors.Join(c.Ledger.Post(ctx, changes)...); err != nil {
		b.Fatal(err)
	}
	day := c.Calendar.DayOf(time.Now())
	b.ReportAllocs()
	for b.Loop() {
		if printed, err := c.Reports.Report(ctx, day); err != nil || printed.Orders != 1000 {
			b.Fatal(printed.Orders, err)
		}
	}
}
