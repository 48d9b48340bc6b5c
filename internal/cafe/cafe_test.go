package cafe_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"cafe/internal/cafe"
	"cafe/internal/cafe/cafetest"
	"cafe/internal/table"
	"cafe/model"
)

var ctx = context.Background()

var (
	owner = cafetest.Owner
	staff = cafetest.Staff
	alice = cafetest.Alice
	bob   = cafetest.Bob
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if store := os.Getenv(openVariable); store != "" {
		if err := openAlone(store, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	removeFilledStores()
	os.Exit(code)
}

// onEachEngine runs the test with a café of its own on every engine.
func onEachEngine(t *testing.T, test func(t *testing.T, c *cafetest.Cafe)) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) { test(t, cafetest.Open(t, e.Open(t))) })
}

// lines asks for one unit of each SKU; one that is there twice makes two lines.
func lines(skus ...string) []model.DraftLine {
	asked := make([]model.DraftLine, len(skus))
	for i, sku := range skus {
		asked[i] = model.DraftLine{SKU: sku, Quantity: 1}
	}
	return asked
}

// pence asks for that many scones, which cost 1 each.
func pence(n int64) []model.DraftLine {
	var asked []model.DraftLine
	for ; n > 0; n -= model.MaxQuantity {
		asked = append(asked, model.DraftLine{SKU: "scone", Quantity: min(n, model.MaxQuantity)})
	}
	return asked
}

func place(t rapid.TB, c *cafetest.Cafe, customerID string, asked []model.DraftLine) model.Order {
	t.Helper()
	order, _, err := c.Place(ctx, staff, model.Draft{CustomerID: customerID, Lines: asked}, "")
	if err != nil {
		t.Fatal("place:", err)
	}
	return order
}

func advance(t rapid.TB, c *cafetest.Cafe, id string, to ...model.Status) model.Order {
	t.Helper()
	var order model.Order
	for _, status := range to {
		var err error
		if order, err = c.Advance(ctx, owner, id, status, nil); err != nil {
			t.Fatalf("advance to %s: %v", status, err)
		}
	}
	return order
}

func amend(t rapid.TB, c *cafetest.Cafe, id string, asked []model.DraftLine) model.Order {
	t.Helper()
	order, err := c.Amend(ctx, staff, id, cafe.Amendment{Lines: asked}, any)
	if err != nil {
		t.Fatal("amend:", err)
	}
	return order
}

func remove(t rapid.TB, c *cafetest.Cafe, id string) {
	t.Helper()
	if err := c.Remove(ctx, owner, id, nil); err != nil {
		t.Fatal("remove:", err)
	}
}

func pay(t rapid.TB, c *cafetest.Cafe, customerID string, amount model.Money) model.Payment {
	t.Helper()
	paid, _, err := c.Pay(ctx, staff, customerID, amount, "", "")
	if err != nil {
		t.Fatal("pay:", err)
	}
	return paid
}

// any and is are the conditions of callers.
func any(int64) bool { return true }

func is(version int64) cafe.Match { return func(v int64) bool { return v == version } }

// isInvalid tells whether the error names just that field.
func isInvalid(err error, field string) bool {
	var faults model.Invalid
	return errors.As(err, &faults) && len(faults) == 1 && faults[0].Field == field
}

// together runs n copies of work at the same time and waits for them.
func together(n int, work func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			work(i)
		})
	}
	close(start)
	all.Wait()
}

// patiently calls again for as long as the answer is that others were quicker, as a
// client told 503 would.
func patiently(call func() error) error {
	for {
		if err := call(); !errors.Is(err, table.ErrConflict) {
			return err
		}
	}
}

// stored returns the items of the table whose partition begins with the prefix.
func stored(t rapid.TB, c *cafetest.Cafe, prefix string) map[table.Key]table.Item {
	t.Helper()
	items := map[table.Key]table.Item{}
	for _, row := range cafetest.Rows(t, c.Table) {
		if len(row.Key.PK) >= len(prefix) && row.Key.PK[:len(prefix)] == prefix {
			items[row.Key] = row.Item
		}
	}
	return items
}

func wantTotals(t rapid.TB, c *cafetest.Cafe, id string, balance, spent model.Money, orders int64) {
	t.Helper()
	b, s, o := c.Totals(t, id)
	if b != balance || s != spent || o != orders {
		t.Errorf("%s: balance %d, spent %d, %d orders; want %d, %d, %d", id, b, s, o, balance, spent, orders)
	}
}
