package cafe_test

import (
	"errors"
	"testing"

	"cafe/internal/cafetest"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

// A repeat of an order whose item is off the menu by now is refused only when the store has
// said that there is no such order. When the store does not answer, nobody knows.
func TestARepeatIsNotRefusedWhileTheStoreDoesNotAnswer(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		draft := model.Draft{Lines: cafetest.Lines("tea")}
		first, _, err := c.Place(ctx, cafetest.Alice, draft, "key")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.RemoveMenuItem(ctx, "tea", nil); err != nil {
			t.Fatal(err)
		}
		for _, away := range []error{table.ErrUnavailable, table.ErrThrottled} {
			c.Faults.Set(tabletest.Always(tabletest.Fault{Before: away}, "Get"))
			if _, _, err := c.Place(ctx, cafetest.Alice, draft, "key"); !errors.Is(err, away) {
				t.Errorf("while the store says %v: %v", away, err)
			}
			c.Faults.Set(nil)
		}
		again, replayed, err := c.Place(ctx, cafetest.Alice, draft, "key")
		if err != nil || !replayed || again.ID != first.ID {
			t.Errorf("%s, replayed %t, %v; the order is %s", again.ID, replayed, err, first.ID)
		}
	})
}

// A restock begins anew what is told of an item that runs out. A count that finds none is none.
func TestOnlyACountAboveZeroIsARestock(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		restock := func() int64 {
			item, err := c.Table.Get(ctx, table.Key{PK: "S#brownie", SK: "S"}, true)
			if err != nil {
				t.Fatal(err)
			}
			return item.Int("restock")
		}
		before := restock()
		for _, step := range []struct{ count, more int64 }{{1, 1}, {0, 1}, {0, 1}, {7, 2}, {7, 3}} {
			if _, err := c.SetStock(ctx, "brownie", step.count); err != nil {
				t.Fatal(err)
			}
			if got := restock() - before; got != step.more {
				t.Errorf("after a count of %d: %d restocks, want %d", step.count, got, step.more)
			}
		}
	})
}

// Whoever erases somebody unknown is told so at once, and so is the second of two who erase
// somebody together.
func TestErasingSomebodyUnknownOrErasedMeanwhile(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		before := c.Faults.Calls()
		if err := c.Erase(ctx, "nobody"); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("nobody: %v", err)
		}
		if n := c.Faults.Calls() - before; n != 1 {
			t.Errorf("%d calls to learn that there is nobody", n)
		}
		if _, _, err := c.SetCustomer(ctx, "alice", model.Profile{Name: "Alice"}, nil); err != nil {
			t.Fatal(err)
		}
		together := false
		c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
			if call.Method != "Query" || together {
				return tabletest.Fault{}
			}
			together = true
			return tabletest.Fault{Then: func() {
				if err := c.Erase(ctx, "alice"); err != nil {
					t.Errorf("the first: %v", err)
				}
			}}
		})
		if err := c.Erase(ctx, "alice"); !errors.Is(err, model.ErrNotFound) || !together {
			t.Errorf("the second: %v", err)
		}
	})
}
