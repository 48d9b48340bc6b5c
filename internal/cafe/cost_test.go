package cafe_test

import (
	"fmt"
	"testing"

	"cafe/internal/cafe"
	"cafe/internal/cafe/cafetest"
	"cafe/internal/table/dynamo/dynamotest"
	"cafe/model"
)

// TestCost holds the café to the prices it was designed for, as DynamoDB counts them. Run
// with -v, it prints them.
func TestCost(t *testing.T) {
	db, meter := dynamotest.Metered(t)
	c := cafetest.Open(t, db)
	c.Cafe = cafe.New(c.Settings, db, c.Clock.Now) // what the recorder reads is no cost of the café's
	if _, err := c.Menu(ctx); err != nil {
		t.Fatal(err)
	}
	meter.Take()
	took := func(what string, reads, writes float64) {
		t.Helper()
		cost := meter.Take()
		t.Logf("%-46s %5.1f of %4.1f RCU %5.1f of %4.1f WCU   %s", what, cost.Read, reads, cost.Write, writes, cost)
		if cost.Read > reads || cost.Write > writes {
			t.Errorf("%s costs %v, more than %g read and %g write units", what, cost, reads, writes)
		}
	}
	order := func(customer, key string, asked []model.DraftLine) model.Order {
		t.Helper()
		order, _, err := c.Place(ctx, staff, model.Draft{CustomerID: customer, Lines: asked}, key)
		if err != nil {
			t.Fatal(err)
		}
		return order
	}
	change := func(id string) cafe.Change {
		t.Helper()
		for _, r := range c.Snapshot(t) {
			if r.Key.PK == "O#"+id {
				meter.Take()
				return r
			}
		}
		t.Fatal("no such order")
		return cafe.Change{}
	}
	post := func(changes ...cafe.Change) {
		t.Helper()
		for _, err := range c.Cafe.Post(ctx, changes) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}

	first := order("alice", "key", lines("latte", "tea", "scone"))
	took("place 3 uncounted items with a key", 0, 3)
	walkIn := order("", "", lines("latte", "tea", "scone"))
	took("place 3 uncounted items, a walk-in", 0, 2)
	if _, replayed, err := c.Place(ctx, staff, model.Draft{CustomerID: "alice", Lines: lines("latte", "tea", "scone")}, "key"); err != nil || !replayed {
		t.Fatal(replayed, err)
	}
	took("place it again", 0, 0) // a refused write costs, too, but is not reported
	counted := order("alice", "", lines("brownie"))
	took("place 1 counted item", 0, 8)

	if _, err := c.Order(ctx, alice, first.ID); err != nil {
		t.Fatal(err)
	}
	took("read an order", 0.5, 0)

	post(change(walkIn.ID))
	took("post a walk-in's order", 0, 1)
	post(change(first.ID))
	took("post the first account order of a customer", 1, 4)
	post(change(counted.ID))
	took("post another account order", 1, 4)
	post(change(first.ID))
	took("post it again", 1.5, 0)
	if _, err := c.Advance(ctx, staff, first.ID, model.StatusPreparing, nil); err != nil {
		t.Fatal(err)
	}
	took("advance an order", 1, 3)
	moved := change(first.ID)
	moved.Old = moved.New // of the same posting, as the stream has it
	post(moved)
	took("post the move", 0, 0)

	for i := range 25 {
		order("alice", fmt.Sprint("another ", i), lines("latte", "tea", "scone"))
	}
	meter.Take()
	for _, f := range []cafe.Filter{{CustomerID: "alice"}, {Day: first.BusinessDay}} {
		if orders, next, err := c.Orders(ctx, staff, f, "", 25); len(orders) != 25 || next == "" || err != nil {
			t.Fatal(len(orders), next, err)
		}
		took(fmt.Sprintf("list a page of 25 by %q and %q", f.CustomerID, f.Day), 4, 0)
	}

	// A batch of one customer's orders is one write.
	var batch []cafe.Change
	for _, r := range c.Snapshot(t) {
		if r.New.Str("customer_id") == "alice" && r.Key.PK != "O#"+first.ID && r.Key.PK != "O#"+counted.ID {
			batch = append(batch, r)
		}
	}
	meter.Take()
	post(batch...)
	took("post 25 account orders of a customer at once", 1, 2+2*25+2*3) // one crosses: an alert, and its index
}
