package cafe_test

import (
	"errors"
	"strings"
	"testing"

	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/table"
	"cafe/model"
)

func leftOver(sku string, n int64) model.WasteDraft {
	return model.WasteDraft{SKU: sku, Quantity: n, Reason: "left over"}
}

func writeOff(t *testing.T, c *cafetest.Cafe, draft model.WasteDraft, key string) (told model.Waste, replayed bool) {
	t.Helper()
	told, replayed, err := c.WriteOff(ctx, cafetest.Staff, draft, key)
	if err != nil {
		t.Fatal(err)
	}
	return told, replayed
}

func TestWasteTakesStockAndNeverMoreThanThereIs(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		for _, step := range []struct{ quantity, taken, left int64 }{{15, 15, 5}, {5, 5, 0}, {3, 0, 0}} {
			told, _ := writeOff(t, c, leftOver("brownie", step.quantity), "")
			if told.FromStock != step.taken || c.OnHand(t, "brownie") != step.left {
				t.Errorf("%d: %d from stock, %d left; want %d and %d", step.quantity, told.FromStock, c.OnHand(t, "brownie"), step.taken, step.left)
			}
		}
		if told, _ := writeOff(t, c, leftOver("muffin", 1000), ""); told.FromStock != cafetest.Stock || c.OnHand(t, "muffin") != 0 {
			t.Errorf("%+v, %d left", told, c.OnHand(t, "muffin"))
		}
		if told, _ := writeOff(t, c, leftOver("latte", 2), ""); told.FromStock != 0 || told.Name != "Latte" || len(cafetest.Stored(t, c, "S#latte")) > 0 {
			t.Errorf("not counted: %+v", told)
		}
		cafetest.Deliver(t, c)
		c.WantTrue(t)
		if found, err := c.Ledger.Reconcile(ctx, false); err != nil || len(found.Drifted) > 0 || found.Unreadable > 0 || found.Repaired > 0 {
			t.Errorf("reconcile: %+v %v", found, err)
		}
	})
}

func TestWasteWithAKeyIsToldOnceAlsoWhenTheDayTurns(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.ClockAt(t, c, "2017-03-19 03:59")
		first, replayed := writeOff(t, c, leftOver("brownie", 2), "key")
		if replayed || first.BusinessDay != "2017-03-18" {
			t.Fatalf("%v %+v", replayed, first)
		}
		cafetest.ClockAt(t, c, "2017-03-19 04:01")
		if err := c.RemoveMenuItem(ctx, "brownie", nil); err != nil {
			t.Fatal(err)
		}
		if again, replayed := writeOff(t, c, leftOver("brownie", 2), "key"); !replayed || again != first {
			t.Errorf("%v %+v, want %+v", replayed, again, first)
		}
		if _, _, err := c.WriteOff(ctx, cafetest.Staff, leftOver("brownie", 3), "key"); !errors.Is(err, model.ErrKeyReused) {
			t.Errorf("another body: %v", err)
		}
		if told, replayed, err := c.WriteOff(ctx, cafetest.Owner, leftOver("muffin", 3), "key"); err != nil || replayed || told.ID == first.ID {
			t.Errorf("another caller's key: %v %v %+v", err, replayed, told)
		}
		if n := c.OnHand(t, "brownie"); n != cafetest.Stock-2 {
			t.Errorf("%d left", n)
		}
	})
}

func TestManyTellTheSameWasteAtOnceAndItCountsOnce(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Slow()
		cafetest.Together(6, func(int) {
			if err := cafetest.Patiently(func() error {
				_, _, err := c.WriteOff(ctx, cafetest.Staff, leftOver("brownie", 15), "key")
				return err
			}); err != nil {
				t.Error(err)
			}
		})
		list, _, err := c.Waste(ctx, "", "", 10)
		if n := c.OnHand(t, "brownie"); err != nil || n != cafetest.Stock-15 || len(list) != 1 {
			t.Errorf("%d left, %+v %v", n, list, err)
		}
	})
}

func TestSalesAndWasteAtOnceShareTheStock(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Slow()
		cafetest.Together(4, func(i int) {
			err := cafetest.Patiently(func() error {
				if i%2 == 0 {
					_, _, err := c.WriteOff(ctx, cafetest.Staff, leftOver("brownie", 9), string(rune('a'+i)))
					return err
				}
				_, _, err := c.Place(ctx, cafetest.Staff, model.Draft{Lines: []model.DraftLine{{SKU: "brownie", Quantity: 9}}}, string(rune('a'+i)))
				if short := (model.Shortages)(nil); errors.As(err, &short) {
					return nil
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
		left := int64(cafetest.Stock)
		list, _, err := c.Waste(ctx, "", "", 10)
		for _, w := range list {
			left -= w.FromStock
		}
		orders, _, orderErr := c.Orders(ctx, cafetest.Staff, cafe.Filter{}, "", 10)
		for range orders {
			left -= 9
		}
		if n := c.OnHand(t, "brownie"); err != nil || orderErr != nil || len(list) != 2 || n != left || n < 0 {
			t.Errorf("%d left, want %d: %d orders and %+v; %v %v", n, left, len(orders), list, err, orderErr)
		}
	})
}

func TestADaysWasteIsListedNewestFirst(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		var want []string
		for range 5 {
			told, _ := writeOff(t, c, leftOver("brownie", 1), "")
			want = append([]string{told.ID}, want...)
		}
		cafetest.Sell(t, c, "2017-03-18 10:00", "latte") // the ledger has more than waste
		cafetest.ClockAt(t, c, "2017-03-19 10:00")
		writeOff(t, c, leftOver("muffin", 1), "")
		var got []string
		for next := ""; ; {
			list, rest, err := c.Waste(ctx, cafetest.Saturday, next, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range list {
				got = append(got, w.ID)
			}
			if next = rest; next == "" {
				break
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

func TestWasteThatIsRefusedChangesNothing(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		for field, draft := range map[string]model.WasteDraft{
			"/sku":      leftOver("gold", 1),
			"/quantity": leftOver("brownie", 0),
			"/reason":   {SKU: "brownie", Quantity: 1, Reason: strings.Repeat("é", model.MaxNote+1)},
		} {
			if _, _, err := c.WriteOff(ctx, cafetest.Staff, draft, ""); !cafetest.IsInvalid(err, field) {
				t.Errorf("%s: %v", field, err)
			}
		}
		for _, n := range []int64{-1, model.MaxStock + 1} {
			if _, _, err := c.WriteOff(ctx, cafetest.Staff, leftOver("brownie", n), ""); !cafetest.IsInvalid(err, "/quantity") {
				t.Errorf("%d: %v", n, err)
			}
		}
		if rows := cafetest.Stored(t, c, "L#"); len(rows) > 0 || c.OnHand(t, "brownie") != cafetest.Stock {
			t.Errorf("%v, %d left", rows, c.OnHand(t, "brownie"))
		}
	})
}

func TestWasteThatCannotBeReadIsSaid(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		told, _ := writeOff(t, c, leftOver("brownie", 1), "key")
		cafetest.Spoil(t, c, table.Key{PK: "L#2017-03-18#0", SK: "W#" + told.ID}, table.Item{"quantity": table.String("two")})
		if _, _, err := c.Waste(ctx, "", "", 10); err == nil {
			t.Error("listed")
		}
		if _, _, err := c.WriteOff(ctx, cafetest.Staff, leftOver("brownie", 1), "key"); err == nil {
			t.Error("told again")
		}
	})
}
