package daily_test

import (
	"fmt"
	"slices"
	"testing"

	"cafe/internal/cafetest"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/report"
)

// Pairs are of the orders of 28 days, whatever was reported of which day and when.
func TestBoughtTogetherIsOfFourWeeks(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		sell := func(day model.Day, times int, skus ...string) {
			t.Helper()
			cafetest.ClockAt(t, c, string(day)+" 12:00")
			for range times {
				cafetest.Place(t, c, model.WalkIn, cafetest.Lines(skus...))
			}
			cafetest.Deliver(t, c)
			cafetest.ClockAt(t, c, string(day)+" 20:00")
			cafetest.MakeReport(t, c, day)
		}
		want := func(day model.Day, orders int64, pairs ...string) {
			t.Helper()
			r := cafetest.ReadReport(t, c, day)
			var got []string
			for _, p := range r.Pairs {
				got = append(got, fmt.Sprint(p.NameA, " ", p.NameB, " ", p.Orders))
			}
			if r.PairOrders != orders || !slices.Equal(got, pairs) {
				t.Errorf("%s: %q of %d orders, want %q of %d", day, got, r.PairOrders, pairs, orders)
			}
		}
		oldest := cafetest.Saturday.AddDays(1 - report.PairDays)
		sell(oldest.AddDays(-1), 30, "latte", "scone") // too long ago
		sell(oldest, 6, "brownie", "latte")
		sell(oldest.AddDays(3), 40, "tea")
		sell("2017-03-17", 3, "brownie", "latte")
		want("2017-03-17", 79, "Latte Scone 30")
		sell(cafetest.Saturday, 3, "brownie", "latte")
		want(cafetest.Saturday, 52, "Brownie Latte 12")
		for key := range cafetest.Stored(t, c, "B") {
			if key.SK == string(oldest.AddDays(-1)) {
				return // counted for Friday's
			}
		}
		t.Error("no counts are kept")
	})
}

// A late order of an earlier day counts, and counts that are lost are counted again.
func TestBoughtTogetherFollowsLateOrders(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.ClockAt(t, c, "2017-03-17 12:00")
		for n := range 30 {
			skus := []string{"tea"}
			if n < 9 {
				skus = []string{"brownie", "latte"}
			}
			cafetest.Place(t, c, model.WalkIn, cafetest.Lines(skus...))
		}
		cafetest.Deliver(t, c)
		cafetest.ClockAt(t, c, "2017-03-17 20:00")
		cafetest.MakeReport(t, c, "2017-03-17")
		cafetest.ClockAt(t, c, "2017-03-17 21:00")
		cafetest.Place(t, c, model.WalkIn, cafetest.Lines("brownie", "latte"))
		cafetest.Deliver(t, c)
		cafetest.Sell(t, c, "2017-03-18 09:00", "tea")
		if r := cafetest.ReadReport(t, c, cafetest.Saturday); len(r.Pairs) != 1 || r.Pairs[0].Orders != 10 || r.PairOrders != 32 {
			t.Errorf("pairs %+v of %d orders", r.Pairs, r.PairOrders)
		}
		if err := c.Table.Write(ctx, table.Delete(table.Key{PK: "B", SK: "2017-03-17"})); err != nil {
			t.Fatal(err)
		}
		if r := cafetest.ReadReport(t, c, cafetest.Saturday); len(r.Pairs) != 1 || r.Pairs[0].Orders != 10 || r.PairOrders != 32 {
			t.Errorf("counted again: pairs %+v of %d orders", r.Pairs, r.PairOrders)
		}
	})
}
