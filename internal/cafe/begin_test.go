package cafe_test

import (
	"testing"

	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model/pricing"
)

var sample = cafe.Sample{Items: cafetest.Menu, OnHand: 24, Pricing: pricing.Document{Rounding: pricing.HalfUp}}

// empty returns a café on a table with nothing in it.
func empty(t *testing.T, c *cafetest.Cafe) {
	t.Helper()
	cafetest.Empty(t, c.Table)
	c.Restart()
}

func menuOf(t *testing.T, c *cafetest.Cafe) int {
	t.Helper()
	items, _, err := c.MenuPage(ctx, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	return len(items)
}

func TestANewCafeBeginsWithTheSample(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		empty(t, c)
		if err := c.Begin(ctx, sample, false); err != nil {
			t.Fatal(err)
		}
		if n := menuOf(t, c); n != len(cafetest.Menu) || c.OnHand(t, "brownie") != 24 {
			t.Errorf("%d items, %d brownies", n, c.OnHand(t, "brownie"))
		}
		// The café is its owner's from now on.
		if err := c.RemoveMenuItem(ctx, "latte", nil); err != nil {
			t.Fatal(err)
		}
		c.Restart()
		if err := c.Begin(ctx, sample, false); err != nil {
			t.Fatal(err)
		}
		if n := menuOf(t, c); n != len(cafetest.Menu)-1 {
			t.Errorf("%d items after the second start", n)
		}
	})
}

func TestABareCafeHasNothing(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		empty(t, c)
		for _, bare := range []bool{true, false} {
			if err := c.Begin(ctx, sample, bare); err != nil {
				t.Fatal(err)
			}
			if n := menuOf(t, c); n != 0 {
				t.Errorf("%d items", n)
			}
		}
	})
}

// A first start is cut short before or after each of its calls to the store. The next one
// makes the café whole.
func TestAFirstStartThatIsCutShortIsMadeGood(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		for _, way := range []tabletest.Way{tabletest.FailsBefore, tabletest.FailsAfter, tabletest.CrashesBefore, tabletest.CrashesAfter} {
			for n := 1; ; n++ {
				empty(t, c)
				c.Fail(way.Faults(n))
				err := c.Begin(ctx, sample, false)
				c.Restart()
				if err == nil {
					break
				}
				if err := c.Begin(ctx, sample, false); err != nil {
					t.Fatal(err)
				}
				if items := menuOf(t, c); items != len(cafetest.Menu) || c.OnHand(t, "muffin") != 24 {
					t.Errorf("call %d %s: %d items, %d muffins", n, way.Name, items, c.OnHand(t, "muffin"))
				}
			}
		}
	})
}

// Earlier versions loaded the sample item by item, without the record. Where they stopped in
// the middle, the café is made whole; where anybody has done anything, it is left alone.
func TestWhatAnEarlierVersionLeftIsToldFromACafeOfOnesOwn(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		whole := len(cafetest.Menu)
		latte, tea := table.Put(records.MenuKey("latte"), records.EncodeMenuItem(cafetest.Menu[0])), cafetest.Menu[1]
		tea.Price++
		for name, left := range map[string]struct {
			ops  []table.Op
			want int
		}{
			"a part of the sample":  {[]table.Op{latte, table.Put(records.StockKey("brownie"), table.Item{"on_hand": table.Int(24), "restock": table.Int(1)})}, whole},
			"a price was changed":   {[]table.Op{latte, table.Put(records.MenuKey("tea"), records.EncodeMenuItem(tea))}, 2},
			"an item was added":     {[]table.Op{latte, table.Put(records.MenuKey("mine"), records.EncodeMenuItem(tea))}, 2},
			"something was sold":    {[]table.Op{latte, table.Put(records.StockKey("brownie"), table.Item{"on_hand": table.Int(23)})}, 1},
			"there is a customer":   {[]table.Op{latte, table.Put(records.CustomerKey("alice"), table.Item{"balance": table.Int(0)})}, 1},
			"the menu was emptied":  {[]table.Op{table.Put(records.DayKey("2017-03-18"), table.Item{"late": table.Int(0)})}, 0},
			"an item was taken off": {[]table.Op{latte, table.Put(records.OrderKey("x"), table.Item{"deleted": table.Bool(true)})}, 1},
		} {
			empty(t, c)
			if err := c.Table.Write(ctx, left.ops...); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := c.Begin(ctx, sample, false); err != nil {
					t.Fatal(err)
				}
			}
			if got := menuOf(t, c); got != left.want {
				t.Errorf("%s: %d items, want %d", name, got, left.want)
			}
		}
	})
}
