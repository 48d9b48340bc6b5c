package ledger_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"cafe/internal/cafetest"
	"cafe/internal/ledger"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

// books returns all that is stored but the note that something is amiss, which is for the
// daily report.
func books(t *testing.T, c *cafetest.Cafe) map[table.Key]table.Item {
	t.Helper()
	items := cafetest.Stored(t, c, "")
	maps.DeleteFunc(items, func(key table.Key, item table.Item) bool {
		_, noted := item["drifted"]
		return noted
	})
	return items
}

func TestReconcileSetsRightWhatWasSpoilt(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil    func(t *testing.T, c *cafetest.Cafe)
		drift    []ledger.Drift
		repaired int
		alerts   int // in the outbox in the end
	}{
		"nothing": {func(*testing.T, *cafetest.Cafe) {}, nil, 0, 1},
		"a balance and a count": {func(t *testing.T, c *cafetest.Cafe) {
			cafetest.Spoil(t, c, table.Key{PK: "C#alice", SK: "C"}, table.Item{"balance": table.Int(5), "orders": table.Int(7)})
		}, []ledger.Drift{{CustomerID: "alice", Total: ledger.TotalBalance, Stored: 5, Actual: 520}, {CustomerID: "alice", Total: ledger.TotalOrders, Stored: 7, Actual: 3}}, 1, 1},
		"a balance above the limit": {func(t *testing.T, c *cafetest.Cafe) {
			cafetest.Spoil(t, c, table.Key{PK: "C#alice", SK: "C"}, table.Item{"balance": table.Int(1200), "armed": table.Bool(false), "crossings": table.Int(0)})
		}, []ledger.Drift{{CustomerID: "alice", Total: ledger.TotalBalance, Stored: 1200, Actual: 520}}, 1, 1},
		"a balance that never rose": {func(t *testing.T, c *cafetest.Cafe) {
			cafetest.Spoil(t, c, table.Key{PK: "C#bob", SK: "C"}, table.Item{"balance": table.Int(0), "armed": table.Bool(true)})
		}, []ledger.Drift{{CustomerID: "bob", Total: ledger.TotalBalance, Stored: 0, Actual: 1500}}, 1, 2},
		"a customer lost whole": {func(t *testing.T, c *cafetest.Cafe) {
			if err := c.Table.Write(ctx, table.Delete(table.Key{PK: "C#bob", SK: "C"})); err != nil {
				t.Fatal(err)
			}
		}, []ledger.Drift{{CustomerID: "bob", Total: ledger.TotalBalance, Stored: 0, Actual: 1500}, {CustomerID: "bob", Total: ledger.TotalOrders, Stored: 0, Actual: 1}, {CustomerID: "bob", Total: ledger.TotalSpent, Stored: 0, Actual: 1500}}, 1, 2},
		"ledger entries of another content": {func(t *testing.T, c *cafetest.Cafe) {
			for key, entry := range cafetest.Stored(t, c, "L#") {
				if entry.Int("revenue") > 0 {
					cafetest.Spoil(t, c, key, table.Item{"revenue": table.Int(1)})
				}
			}
		}, []ledger.Drift{{CustomerID: "alice", Total: ledger.TotalSpent, Stored: 3, Actual: 1140}, {CustomerID: "bob", Total: ledger.TotalSpent, Stored: 1, Actual: 1500},
			{CustomerID: model.WalkIn, Day: "2017-03-18", Total: ledger.TotalTakings, Stored: 1, Actual: 300}}, 3, 1},
		"the ledger lost whole": {func(t *testing.T, c *cafetest.Cafe) {
			for key := range cafetest.Stored(t, c, "L#") {
				if err := c.Table.Write(ctx, table.Delete(key)); err != nil {
					t.Fatal(err)
				}
			}
		}, []ledger.Drift{
			{CustomerID: "alice", Total: ledger.TotalBalance, Stored: 0, Actual: 520}, {CustomerID: "alice", Total: ledger.TotalOrders, Stored: 0, Actual: 3}, {CustomerID: "alice", Total: ledger.TotalSpent, Stored: 0, Actual: 1140},
			{CustomerID: "bob", Total: ledger.TotalBalance, Stored: 0, Actual: 1500}, {CustomerID: "bob", Total: ledger.TotalOrders, Stored: 0, Actual: 1}, {CustomerID: "bob", Total: ledger.TotalSpent, Stored: 0, Actual: 1500},
			{CustomerID: model.WalkIn, Day: "2017-03-18", Total: ledger.TotalTakings, Stored: 0, Actual: 300},
		}, 3, 1},
	} {
		t.Run(name, func(t *testing.T) {
			cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
				cafetest.Place(t, c, "alice", cafetest.Lines("latte"))
				cafetest.Place(t, c, "alice", cafetest.Lines("latte", "tea"))
				if _, _, err := c.Place(ctx, cafetest.Staff, model.Draft{CustomerID: "alice", Payment: model.TermsCounter, Lines: cafetest.Lines("tea")}, ""); err != nil {
					t.Fatal(err)
				}
				cafetest.Remove(t, c, cafetest.Place(t, c, "alice", cafetest.Lines("tea")).ID)
				cafetest.Pay(t, c, "alice", 400)
				cafetest.Place(t, c, "bob", cafetest.Pence(1500)) // above the limit
				cafetest.Place(t, c, model.WalkIn, cafetest.Lines("brownie"))
				cafetest.Remove(t, c, cafetest.Place(t, c, model.WalkIn, cafetest.Lines("tea")).ID)
				c.Post(t, c.Snapshot(t)...)
				cafetest.WantTotals(t, c, "alice", 520, 1140, 3)
				cafetest.WantTotals(t, c, "bob", 1500, 1500, 1)

				tt.spoil(t, c)
				c.Ledger.Settle = 10 * time.Millisecond
				before := books(t, c)
				found, err := c.Ledger.Reconcile(ctx, true)
				if err != nil || !slices.Equal(found.Drifted, tt.drift) || found.Repaired != 0 {
					t.Fatalf("dry run: %+v, %v\nwant %+v", found, err, tt.drift)
				}
				if !maps.EqualFunc(before, books(t, c), table.Item.Equal) {
					t.Error("a dry run changed something")
				}
				found, err = c.Ledger.Reconcile(ctx, false)
				if err != nil || !slices.Equal(found.Drifted, tt.drift) || found.Repaired != tt.repaired {
					t.Errorf("%+v, %v\nwant %+v, %d repaired", found, err, tt.drift, tt.repaired)
				}
				cafetest.WantTotals(t, c, "alice", 520, 1140, 3)
				cafetest.WantTotals(t, c, "bob", 1500, 1500, 1)
				if n := len(cafetest.Stored(t, c, "A#")); n != tt.alerts {
					t.Errorf("%d alerts, want %d", n, tt.alerts)
				}
				c.WantTrue(t)
			})
		})
	}
}

// What was sold is in the report and on the bake list, and in no sum of money.
func TestReconcileFindsEntriesThatAreWrongThoughTheSumsAgree(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		for _, who := range []string{"alice", model.WalkIn} {
			cafetest.Place(t, c, who, cafetest.Lines("tea"))
			order := cafetest.Place(t, c, who, cafetest.Pence(300))
			cafetest.Deliver(t, c)
			cafetest.Amend(t, c, order.ID, cafetest.Lines("brownie"))
			cafetest.Remove(t, c, cafetest.Place(t, c, who, cafetest.Lines("tea")).ID)
			c.Recorder.Forget() // the records are lost
		}
		c.Ledger.Settle = 10 * time.Millisecond
		want := []ledger.Drift{
			{CustomerID: "alice", Total: ledger.TotalEntries, Stored: 1, Actual: 3},
			{CustomerID: model.WalkIn, Day: "2017-03-18", Total: ledger.TotalEntries, Stored: 1, Actual: 3},
		}
		before := books(t, c)
		found, err := c.Ledger.Reconcile(ctx, true)
		if err != nil || found.Repaired != 0 || !slices.Equal(found.Drifted, want) {
			t.Errorf("dry run: %+v, %v", found, err)
		}
		if !maps.EqualFunc(before, books(t, c), table.Item.Equal) {
			t.Error("a dry run changed something")
		}
		found, err = c.Ledger.Reconcile(ctx, false)
		if err != nil || found.Repaired != 2 || !slices.Equal(found.Drifted, want) {
			t.Errorf("%+v, %v", found, err)
		}
		r := cafetest.ReadReport(t, c, cafetest.Saturday)
		if len(r.Items) != 2 || r.Items[0].SKU != "brownie" || r.Items[0].Quantity != 2 {
			t.Errorf("sold: %+v", r.Items)
		}
		c.WantTrue(t)
	})
}

// No customer's total has a tax in it, so the entries themselves must be compared.
func TestReconcileRepairsDamagedPartsOfTheMoney(t *testing.T) {
	damages := map[string]table.Item{
		"the amount of a tax": {"taxes": table.String("city 500 8 vat 500 1")},
		"a tax too few":       {"taxes": table.String("vat 500 100")},
		"another document":    {"pricing": table.Int(9)},
		"a tender":            {"tenders": table.String("cash 400 1")},
		"a refund":            {"refunds": table.List(table.Map(table.Item{"amount": table.Int(1)}))},
		"a discount":          {"discount": table.Int(1)},
		"a charge":            {"charge": table.Int(1)},
		"a tip":               {"tip": table.Int(1)},
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
				cafetest.SetPricing(t, c, cafetest.Full())
				for _, who := range []string{"alice", model.WalkIn} {
					draft := model.Draft{CustomerID: who, Lines: cafetest.Lines("latte", "brownie"), Dining: model.DiningEatIn, Tip: 75}
					if _, _, err := c.Place(ctx, cafetest.Staff, draft, ""); err != nil {
						t.Fatal(err)
					}
				}
				c.Post(t, c.Snapshot(t)...)
				c.WantTrue(t)
				before := books(t, c)
				for key := range cafetest.Stored(t, c, "L#") {
					cafetest.Spoil(t, c, key, damage)
				}
				c.Ledger.Settle = 10 * time.Millisecond
				found, err := c.Ledger.Reconcile(ctx, false)
				want := []ledger.Drift{
					{CustomerID: "alice", Total: ledger.TotalEntries, Stored: 0, Actual: 1},
					{CustomerID: model.WalkIn, Day: cafetest.Saturday, Total: ledger.TotalEntries, Stored: 0, Actual: 1},
				}
				if err != nil || found.Repaired != 2 || !slices.Equal(found.Drifted, want) {
					t.Errorf("%+v, %v", found, err)
				}
				if !maps.EqualFunc(before, books(t, c), table.Item.Equal) {
					t.Error("it is not as it was before the damage")
				}
				c.WantTrue(t)
			})
		})
	}
}

// Of two entries each has what the other should have.
func TestReconcileFindsEntriesThatChangedPlaces(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Place(t, c, "alice", cafetest.Lines("brownie"))
		cafetest.Place(t, c, "alice", cafetest.Pence(300))
		cafetest.Deliver(t, c)
		entries := cafetest.Stored(t, c, "L#")
		keys := slices.Collect(maps.Keys(entries))
		for i, key := range keys {
			cafetest.Spoil(t, c, key, table.Item{"items": entries[keys[1-i]]["items"]})
		}
		c.Ledger.Settle = 10 * time.Millisecond
		found, err := c.Ledger.Reconcile(ctx, false)
		want := []ledger.Drift{{CustomerID: "alice", Total: ledger.TotalEntries, Stored: 0, Actual: 2}}
		if err != nil || found.Repaired != 1 || !slices.Equal(found.Drifted, want) {
			t.Errorf("%+v, %v", found, err)
		}
		c.WantTrue(t)
	})
}

func TestReconcileGoesOnAfterWhatItCannotRead(t *testing.T) {
	nonsense := table.Bool(true)
	for name, spoilt := range map[string]func(order model.Order) (table.Key, table.Item){
		"an order": func(o model.Order) (table.Key, table.Item) {
			return table.Key{PK: "O#" + o.ID, SK: "O"}, table.Item{"total": nonsense}
		},
		"an order of nobody knows whom": func(o model.Order) (table.Key, table.Item) {
			return table.Key{PK: "O#" + o.ID, SK: "O"}, table.Item{"customer_id": nonsense, table.AttrIndex1: table.String("C#nobody")}
		},
		"an order that says it is a walk-in's": func(o model.Order) (table.Key, table.Item) {
			return table.Key{PK: "O#" + o.ID, SK: "O"}, table.Item{"lines": nonsense, "customer_id": table.String(model.WalkIn)}
		},
		"a ledger entry": func(o model.Order) (table.Key, table.Item) {
			return table.Key{PK: "L#2017-03-18#0", SK: "O#" + o.ID}, table.Item{"revenue": nonsense}
		},
		"a customer": func(model.Order) (table.Key, table.Item) {
			return table.Key{PK: "C#alice", SK: "C"}, table.Item{"orders": nonsense}
		},
	} {
		t.Run(name, func(t *testing.T) {
			cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
				cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
				order := cafetest.Place(t, c, "alice", cafetest.Lines("latte"))
				cafetest.Place(t, c, "bob", cafetest.Lines("tea"))
				c.Post(t, c.Recorder.Changes(ledger.Wants)...)
				cafetest.Spoil(t, c, table.Key{PK: "C#bob", SK: "C"}, table.Item{"balance": table.Int(7)})
				cafetest.Place(t, c, "carol", cafetest.Lines("tea")) // its record is lost
				key, item := spoilt(order)
				cafetest.Spoil(t, c, key, item)
				before := cafetest.Stored(t, c, "C#alice")
				c.Ledger.Settle = 0

				for _, dry := range []bool{true, false} {
					found, err := c.Ledger.Reconcile(ctx, dry)
					if err != nil || found.Unreadable != 1 {
						t.Errorf("%+v, %v", found, err)
					}
					repaired := 2
					if dry {
						repaired = 0
					}
					// Bob's balance, and all of carol's.
					if len(found.Drifted) != 4 || found.Drifted[0].CustomerID != "bob" || found.Drifted[1].CustomerID != "carol" || found.Repaired != repaired || found.Customers != 3 {
						t.Errorf("dry run %v: %+v", dry, found)
					}
				}
				cafetest.WantTotals(t, c, "bob", 220, 220, 1)
				cafetest.WantTotals(t, c, "carol", 220, 220, 1)
				if !maps.EqualFunc(before, cafetest.Stored(t, c, "C#alice"), table.Item.Equal) {
					t.Errorf("alice was %v\nand is %v", before, cafetest.Stored(t, c, "C#alice"))
				}
				if audit := cafetest.Stored(t, c, "D")[table.Key{PK: "D", SK: "audit"}]; audit.Int("unreadable") != 1 || audit.Int("drifted") != 0 {
					t.Errorf("noted for the report: %v", audit)
				}
			})
		})
	}
}

// lagging is a table whose index still has an order as it was.
type lagging struct {
	table.Table
	row table.Row
}

func (l lagging) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := l.Table.Query(ctx, q)
	if q.Index == table.Index1 && q.Partition == l.row.Item.Str(table.AttrIndex1) {
		page.Rows = append(page.Rows, l.row)
	}
	return page, err
}

func TestReconcileIsNotMisledByAnIndexThatLags(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Place(t, c, "alice", cafetest.Lines("latte"))
		deleted := cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		old := c.Snapshot(t)
		cafetest.Remove(t, c, deleted.ID)
		c.Post(t, c.Snapshot(t)...)
		cafetest.Spoil(t, c, table.Key{PK: "C#alice", SK: "C"}, table.Item{"balance": table.Int(0)})
		for _, change := range old {
			if change.Key.PK == "O#"+deleted.ID {
				lags := ledger.New(c.Settings, lagging{c.Table, table.Row{Key: change.Key, Item: change.New}}, c.Clock.Now)
				lags.Settle = time.Millisecond
				found, err := lags.Reconcile(ctx, false)
				want := []ledger.Drift{{CustomerID: "alice", Total: ledger.TotalBalance, Stored: 0, Actual: 350}}
				if err != nil || !slices.Equal(found.Drifted, want) {
					t.Errorf("%+v, %v", found, err)
				}
			}
		}
		c.WantTrue(t)
	})
}

func TestReconcileOfABusyCafeFindsNothing(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		// A consumer that is always a moment behind, and a café that goes on selling.
		began, busy, quit := make(chan struct{}), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(busy)
			for n := 0; ; n++ {
				_, _, err := c.Place(ctx, cafetest.Staff, model.Draft{CustomerID: "alice", Lines: cafetest.Lines("tea")}, "")
				if err == nil {
					_, _, err = c.Place(ctx, cafetest.Staff, model.Draft{Lines: cafetest.Lines("latte")}, "")
				}
				if n == 3 {
					close(began)
				}
				time.Sleep(5 * time.Millisecond)
				batch := c.Recorder.Changes(ledger.Wants)
				c.Recorder.Forget()
				if err == nil {
					err = errors.Join(c.Ledger.Post(ctx, batch)...)
				}
				if err != nil {
					t.Error(err)
				}
				select {
				case <-quit:
					return
				default:
				}
			}
		}()
		<-began
		for range 2 {
			if found, err := c.Ledger.Reconcile(ctx, false); err != nil || len(found.Drifted) != 0 {
				t.Errorf("%+v, %v", found, err)
			}
		}
		close(quit)
		<-busy
		c.WantTrue(t)
	})
}

func TestReconcileOfABusyCafeFindsWhatIsWrong(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		cafetest.Place(t, c, model.WalkIn, cafetest.Lines("tea"))
		c.Recorder.Forget() // both records are lost
		c.Ledger.Settle = 10 * time.Millisecond
		sold := false
		c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
			if call.Method != "Query" || sold {
				return tabletest.Fault{}
			}
			sold = true // the table was scanned, and the suspects are looked into
			return tabletest.Fault{Then: func() {
				for _, who := range []string{"alice", model.WalkIn} { // not posted yet
					if _, _, err := c.Place(ctx, cafetest.Staff, model.Draft{CustomerID: who, Lines: cafetest.Lines("latte")}, ""); err != nil {
						t.Error(err)
					}
				}
			}}
		})
		found, err := c.Ledger.Reconcile(ctx, false)
		want := []ledger.Drift{
			{CustomerID: "alice", Total: ledger.TotalBalance, Stored: 0, Actual: 220},
			{CustomerID: "alice", Total: ledger.TotalOrders, Stored: 0, Actual: 1},
			{CustomerID: "alice", Total: ledger.TotalSpent, Stored: 0, Actual: 220},
			{CustomerID: model.WalkIn, Day: "2017-03-18", Total: ledger.TotalTakings, Stored: 0, Actual: 220},
		}
		if err != nil || !slices.Equal(found.Drifted, want) {
			t.Fatalf("%+v, %v", found, err)
		}
		cafetest.WantTotals(t, c, "alice", 220, 220, 1)
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		c.WantTrue(t)
	})
}
