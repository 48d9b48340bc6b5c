package cafe_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/cafe"
	"cafe/internal/cafe/cafetest"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

// spoil makes a stored item wrong behind the café's back.
func spoil(t rapid.TB, c *cafetest.Cafe, key table.Key, set table.Item) {
	t.Helper()
	op := table.Update(key, table.Present())
	op.Set = set
	if err := c.Table.Write(ctx, op); err != nil {
		t.Fatalf("spoil %s: %v", key, err)
	}
}

// books returns all that is stored but the note that something is amiss, which is for the
// daily report.
func books(t *testing.T, c *cafetest.Cafe) map[table.Key]table.Item {
	t.Helper()
	items := stored(t, c, "")
	maps.DeleteFunc(items, func(key table.Key, item table.Item) bool {
		_, noted := item["drifted"]
		return noted
	})
	return items
}

func TestReconcileSetsRightWhatWasSpoilt(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil    func(t *testing.T, c *cafetest.Cafe)
		drift    []cafe.Drift
		repaired int
		alerts   int // in the outbox in the end
	}{
		"nothing": {func(*testing.T, *cafetest.Cafe) {}, nil, 0, 1},
		"a balance and a count": {func(t *testing.T, c *cafetest.Cafe) {
			spoil(t, c, table.Key{PK: "C#alice", SK: "C"}, table.Item{"balance": table.Int(5), "orders": table.Int(7)})
		}, []cafe.Drift{{CustomerID: "alice", Field: "balance", Stored: 5, Actual: 520}, {CustomerID: "alice", Field: "orders", Stored: 7, Actual: 3}}, 1, 1},
		"a balance above the limit": {func(t *testing.T, c *cafetest.Cafe) {
			spoil(t, c, table.Key{PK: "C#alice", SK: "C"}, table.Item{"balance": table.Int(1200), "armed": table.Bool(false), "crossings": table.Int(0)})
		}, []cafe.Drift{{CustomerID: "alice", Field: "balance", Stored: 1200, Actual: 520}}, 1, 1},
		"a balance that never rose": {func(t *testing.T, c *cafetest.Cafe) {
			spoil(t, c, table.Key{PK: "C#bob", SK: "C"}, table.Item{"balance": table.Int(0), "armed": table.Bool(true)})
		}, []cafe.Drift{{CustomerID: "bob", Field: "balance", Stored: 0, Actual: 1500}}, 1, 2},
		"a customer lost whole": {func(t *testing.T, c *cafetest.Cafe) {
			if err := c.Table.Write(ctx, table.Delete(table.Key{PK: "C#bob", SK: "C"})); err != nil {
				t.Fatal(err)
			}
		}, []cafe.Drift{{CustomerID: "bob", Field: "balance", Stored: 0, Actual: 1500}, {CustomerID: "bob", Field: "orders", Stored: 0, Actual: 1}, {CustomerID: "bob", Field: "spent", Stored: 0, Actual: 1500}}, 1, 2},
		"ledger entries of another content": {func(t *testing.T, c *cafetest.Cafe) {
			for key, entry := range stored(t, c, "L#") {
				if entry.Int("revenue") > 0 {
					spoil(t, c, key, table.Item{"revenue": table.Int(1)})
				}
			}
		}, []cafe.Drift{{CustomerID: "alice", Field: "spent", Stored: 3, Actual: 1140}, {CustomerID: "bob", Field: "spent", Stored: 1, Actual: 1500},
			{CustomerID: model.WalkIn, Field: "2017-03-18", Stored: 1, Actual: 300}}, 3, 1},
		"the ledger lost whole": {func(t *testing.T, c *cafetest.Cafe) {
			for key := range stored(t, c, "L#") {
				if err := c.Table.Write(ctx, table.Delete(key)); err != nil {
					t.Fatal(err)
				}
			}
		}, []cafe.Drift{
			{CustomerID: "alice", Field: "balance", Stored: 0, Actual: 520}, {CustomerID: "alice", Field: "orders", Stored: 0, Actual: 3}, {CustomerID: "alice", Field: "spent", Stored: 0, Actual: 1140},
			{CustomerID: "bob", Field: "balance", Stored: 0, Actual: 1500}, {CustomerID: "bob", Field: "orders", Stored: 0, Actual: 1}, {CustomerID: "bob", Field: "spent", Stored: 0, Actual: 1500},
			{CustomerID: model.WalkIn, Field: "2017-03-18", Stored: 0, Actual: 300},
		}, 3, 1},
	} {
		t.Run(name, func(t *testing.T) {
			onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
				place(t, c, "alice", lines("latte"))
				place(t, c, "alice", lines("latte", "tea"))
				if _, _, err := c.Place(ctx, staff, model.Draft{CustomerID: "alice", Payment: model.TermsCounter, Lines: lines("tea")}, ""); err != nil {
					t.Fatal(err)
				}
				remove(t, c, place(t, c, "alice", lines("tea")).ID)
				pay(t, c, "alice", 400)
				place(t, c, "bob", pence(1500)) // above the limit
				place(t, c, model.WalkIn, lines("brownie"))
				remove(t, c, place(t, c, model.WalkIn, lines("tea")).ID)
				c.Post(t, c.Snapshot(t)...)
				wantTotals(t, c, "alice", 520, 1140, 3)
				wantTotals(t, c, "bob", 1500, 1500, 1)

				tt.spoil(t, c)
				c.Settle(10 * time.Millisecond)
				before := books(t, c)
				found, err := c.Reconcile(ctx, true)
				if err != nil || !slices.Equal(found.Drifted, tt.drift) || found.Repaired != 0 {
					t.Fatalf("dry run: %+v, %v\nwant %+v", found, err, tt.drift)
				}
				if !maps.EqualFunc(before, books(t, c), table.Item.Equal) {
					t.Error("a dry run changed something")
				}
				found, err = c.Reconcile(ctx, false)
				if err != nil || !slices.Equal(found.Drifted, tt.drift) || found.Repaired != tt.repaired {
					t.Errorf("%+v, %v\nwant %+v, %d repaired", found, err, tt.drift, tt.repaired)
				}
				wantTotals(t, c, "alice", 520, 1140, 3)
				wantTotals(t, c, "bob", 1500, 1500, 1)
				if n := len(stored(t, c, "A#")); n != tt.alerts {
					t.Errorf("%d alerts, want %d", n, tt.alerts)
				}
				c.WantTrue(t)
			})
		})
	}
}

// What was sold is in the report and on the bake list, and in no sum of money.
func TestReconcileFindsEntriesThatAreWrongThoughTheSumsAgree(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		for _, who := range []string{"alice", model.WalkIn} {
			place(t, c, who, lines("tea"))
			order := place(t, c, who, pence(300))
			stream(t, c)
			amend(t, c, order.ID, lines("brownie"))
			remove(t, c, place(t, c, who, lines("tea")).ID)
			c.Recorder.Forget() // the records are lost
		}
		c.Settle(10 * time.Millisecond)
		want := []cafe.Drift{
			{CustomerID: "alice", Field: "entries", Stored: 1, Actual: 3},
			{CustomerID: model.WalkIn, Field: "2017-03-18 entries", Stored: 1, Actual: 3},
		}
		before := books(t, c)
		found, err := c.Reconcile(ctx, true)
		if err != nil || found.Repaired != 0 || !slices.Equal(found.Drifted, want) {
			t.Errorf("dry run: %+v, %v", found, err)
		}
		if !maps.EqualFunc(before, books(t, c), table.Item.Equal) {
			t.Error("a dry run changed something")
		}
		found, err = c.Reconcile(ctx, false)
		if err != nil || found.Repaired != 2 || !slices.Equal(found.Drifted, want) {
			t.Errorf("%+v, %v", found, err)
		}
		r := read(t, c, saturday)
		if len(r.Items) != 2 || r.Items[0].SKU != "brownie" || r.Items[0].Quantity != 2 {
			t.Errorf("sold: %+v", r.Items)
		}
		c.WantTrue(t)
	})
}

// Of two entries each has what the other should have.
func TestReconcileFindsEntriesThatChangedPlaces(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		place(t, c, "alice", lines("brownie"))
		place(t, c, "alice", pence(300))
		stream(t, c)
		entries := stored(t, c, "L#")
		keys := slices.Collect(maps.Keys(entries))
		for i, key := range keys {
			spoil(t, c, key, table.Item{"items": entries[keys[1-i]]["items"]})
		}
		c.Settle(10 * time.Millisecond)
		found, err := c.Reconcile(ctx, false)
		want := []cafe.Drift{{CustomerID: "alice", Field: "entries", Stored: 0, Actual: 2}}
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
			onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
				place(t, c, "alice", lines("tea"))
				order := place(t, c, "alice", lines("latte"))
				place(t, c, "bob", lines("tea"))
				c.Post(t, c.Recorder.Changes(cafe.Posts)...)
				spoil(t, c, table.Key{PK: "C#bob", SK: "C"}, table.Item{"balance": table.Int(7)})
				place(t, c, "carol", lines("tea")) // its record is lost
				key, item := spoilt(order)
				spoil(t, c, key, item)
				before := stored(t, c, "C#alice")
				c.Settle(0)

				for _, dry := range []bool{true, false} {
					found, err := c.Reconcile(ctx, dry)
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
				wantTotals(t, c, "bob", 220, 220, 1)
				wantTotals(t, c, "carol", 220, 220, 1)
				if !maps.EqualFunc(before, stored(t, c, "C#alice"), table.Item.Equal) {
					t.Errorf("alice was %v\nand is %v", before, stored(t, c, "C#alice"))
				}
				if audit := stored(t, c, "D")[table.Key{PK: "D", SK: "audit"}]; audit.Int("unreadable") != 1 || audit.Int("drifted") != 0 {
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
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		place(t, c, "alice", lines("latte"))
		deleted := place(t, c, "alice", lines("tea"))
		old := c.Snapshot(t)
		remove(t, c, deleted.ID)
		c.Post(t, c.Snapshot(t)...)
		spoil(t, c, table.Key{PK: "C#alice", SK: "C"}, table.Item{"balance": table.Int(0)})
		for _, change := range old {
			if change.Key.PK == "O#"+deleted.ID {
				lags := cafe.New(c.Settings, lagging{c.Table, table.Row{Key: change.Key, Item: change.New}}, c.Clock.Now)
				lags.Settle(time.Millisecond)
				found, err := lags.Reconcile(ctx, false)
				want := []cafe.Drift{{CustomerID: "alice", Field: "balance", Stored: 0, Actual: 350}}
				if err != nil || !slices.Equal(found.Drifted, want) {
					t.Errorf("%+v, %v", found, err)
				}
			}
		}
		c.WantTrue(t)
	})
}

func TestReconcileOfABusyCafeFindsNothing(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		// A consumer that is always a moment behind, and a café that goes on selling.
		began, busy, quit := make(chan struct{}), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(busy)
			for n := 0; ; n++ {
				_, _, err := c.Place(ctx, staff, model.Draft{CustomerID: "alice", Lines: lines("tea")}, "")
				if err == nil {
					_, _, err = c.Place(ctx, staff, model.Draft{Lines: lines("latte")}, "")
				}
				if n == 3 {
					close(began)
				}
				time.Sleep(5 * time.Millisecond)
				records := c.Recorder.Changes(cafe.Posts)
				c.Recorder.Forget()
				if err == nil {
					err = errors.Join(c.Cafe.Post(ctx, records)...)
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
			if found, err := c.Reconcile(ctx, false); err != nil || len(found.Drifted) != 0 {
				t.Errorf("%+v, %v", found, err)
			}
		}
		close(quit)
		<-busy
		c.WantTrue(t)
	})
}

func TestReconcileOfABusyCafeFindsWhatIsWrong(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		place(t, c, "alice", lines("tea"))
		place(t, c, model.WalkIn, lines("tea"))
		c.Recorder.Forget() // both records are lost
		c.Settle(10 * time.Millisecond)
		sold := false
		c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
			if call.Method != "Query" || sold {
				return tabletest.Fault{}
			}
			sold = true // the table was scanned, and the suspects are looked into
			return tabletest.Fault{Then: func() {
				for _, who := range []string{"alice", model.WalkIn} { // not posted yet
					if _, _, err := c.Place(ctx, staff, model.Draft{CustomerID: who, Lines: lines("latte")}, ""); err != nil {
						t.Error(err)
					}
				}
			}}
		})
		found, err := c.Reconcile(ctx, false)
		want := []cafe.Drift{
			{CustomerID: "alice", Field: "balance", Stored: 0, Actual: 220},
			{CustomerID: "alice", Field: "orders", Stored: 0, Actual: 1},
			{CustomerID: "alice", Field: "spent", Stored: 0, Actual: 220},
			{CustomerID: model.WalkIn, Field: "2017-03-18", Stored: 0, Actual: 220},
		}
		if err != nil || !slices.Equal(found.Drifted, want) {
			t.Fatalf("%+v, %v", found, err)
		}
		wantTotals(t, c, "alice", 220, 220, 1)
		c.Post(t, c.Recorder.Changes(cafe.Posts)...)
		c.WantTrue(t)
	})
}
