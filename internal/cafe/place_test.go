package cafe_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/ledger"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

func allOrders(t *testing.T, c *cafetest.Cafe) []model.Order {
	t.Helper()
	orders, next, err := c.Orders(ctx, cafetest.Owner, cafe.Filter{}, "", 100)
	if err != nil || next != "" {
		t.Fatalf("orders: next %q, %v", next, err)
	}
	return orders
}

func TestCase01SixtyFourAtOnceWithOneKeyMakeOneOrder(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Recorder.Pause()
		var mu sync.Mutex
		c.Slow()
		ids, first := map[string]int{}, 0
		cafetest.Together(64, func(int) {
			var order model.Order
			var replayed bool
			err := cafetest.Patiently(func() (err error) {
				order, replayed, err = c.Place(ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("latte", "brownie")}, "key")
				return err
			})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			ids[order.ID]++
			if !replayed {
				first++
			}
		})
		if len(ids) != 1 || first != 1 {
			t.Errorf("%d ids, %d were told theirs was the first", len(ids), first)
		}
		if orders := allOrders(t, c); len(orders) != 1 || ids[orders[0].ID] != 64 {
			t.Errorf("stored %+v", orders)
		}
		if n := c.OnHand(t, "brownie"); n != cafetest.Stock-1 {
			t.Errorf("%d on hand", n)
		}
	})
}

func TestCase01PaymentsAtOnceWithOneKeyAreOne(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Recorder.Pause()
		c.Slow()
		cafetest.Together(16, func(int) {
			if _, _, err := c.Pay(ctx, cafetest.Staff, "alice", 700, "", "cash", "key"); err != nil {
				t.Error(err)
			}
		})
		c.Post(t, c.Snapshot(t)...)
		cafetest.WantTotals(t, c, "alice", -700, 0, 0)
		paid, replayed, err := c.Pay(ctx, cafetest.Staff, "alice", 700, "", "cash", "key")
		if err != nil || !replayed || paid.Amount != 700 || paid.Note != "cash" || paid.CustomerID != "alice" {
			t.Errorf("replay is %+v, %v, %v", paid, replayed, err)
		}
	})
}

func TestCase02TheSameKeyWithAnotherBodyIsRefused(t *testing.T) {
	pickup := time.Date(2017, 3, 18, 12, 0, 0, 0, time.UTC)
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		draft := model.Draft{CustomerID: "alice", Lines: []model.DraftLine{{SKU: "latte", Quantity: 2, Options: []string{"oat"}, Note: "hot"}}, Note: "n"}
		if _, _, err := c.Place(ctx, cafetest.Staff, draft, "key"); err != nil {
			t.Fatal(err)
		}
		line := func(change func(*model.DraftLine)) func(*model.Draft) {
			return func(d *model.Draft) {
				d.Lines = slices.Clone(d.Lines)
				change(&d.Lines[0])
			}
		}
		for name, change := range map[string]func(*model.Draft){
			"customer": func(d *model.Draft) { d.CustomerID = "bob" },
			"walk-in":  func(d *model.Draft) { d.CustomerID = "" },
			"payment":  func(d *model.Draft) { d.Payment = model.TermsCounter },
			"note":     func(d *model.Draft) { d.Note = "m" },
			"pickup":   func(d *model.Draft) { d.PickupAt = pickup },
			"another line": func(d *model.Draft) {
				d.Lines = append(slices.Clone(d.Lines), model.DraftLine{SKU: "tea", Quantity: 1})
			},
			"sku":            line(func(l *model.DraftLine) { l.SKU = "tea"; l.Options = nil }),
			"unknown sku":    line(func(l *model.DraftLine) { l.SKU = "gone" }),
			"quantity":       line(func(l *model.DraftLine) { l.Quantity = 3 }),
			"no option":      line(func(l *model.DraftLine) { l.Options = nil }),
			"another option": line(func(l *model.DraftLine) { l.Options = []string{"large"} }),
			"line's note":    line(func(l *model.DraftLine) { l.Note = "" }),
			"out of stock":   line(func(l *model.DraftLine) { l.SKU = "brownie"; l.Quantity = 100; l.Options = nil }),
		} {
			other := draft
			change(&other)
			if _, _, err := c.Place(ctx, cafetest.Staff, other, "key"); !errors.Is(err, model.ErrKeyReused) {
				t.Errorf("another %s: %v", name, err)
			}
		}
		if len(allOrders(t, c)) != 1 {
			t.Error("something was stored")
		}

		if _, _, err := c.Pay(ctx, cafetest.Staff, "alice", 5, "", "", "key"); err != nil { // a payment's key is not an order's
			t.Fatal(err)
		}
		for _, other := range []struct {
			id     string
			amount model.Money
			note   string
		}{{"bob", 5, ""}, {"alice", 6, ""}, {"alice", 5, "x"}} {
			if _, _, err := c.Pay(ctx, cafetest.Staff, other.id, other.amount, "", other.note, "key"); !errors.Is(err, model.ErrKeyReused) {
				t.Errorf("payment %+v: %v", other, err)
			}
		}
	})
}

func TestCase03WhatMeansTheSameIsTheSameBody(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		first, _, err := c.Place(ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("latte")}, "key")
		if err != nil {
			t.Fatal(err)
		}
		for _, same := range []model.Draft{
			{CustomerID: "alice", Lines: cafetest.Lines("latte")},
			{Payment: model.TermsAccount, Lines: cafetest.Lines("latte")},
			{CustomerID: "alice", Payment: model.TermsAccount, Lines: cafetest.Lines("latte")},
		} {
			again, replayed, err := c.Place(ctx, cafetest.Alice, same, "key")
			if err != nil || !replayed || !reflect.DeepEqual(again, first) {
				t.Errorf("%+v: %+v, %v, %v", same, again, replayed, err)
			}
		}
	})
}

func TestCase04TwoCallersWithOneKeyMakeTwoOrders(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		callers := []cafe.Caller{
			cafetest.Alice, cafetest.Bob, cafetest.Staff, cafetest.Owner,
			{ID: cafetest.Alice.ID, Role: model.RoleStaff}, // another person, for all we know
		}
		ids := map[string]bool{}
		for range 2 {
			for _, by := range callers {
				order, _, err := c.Place(ctx, by, model.Draft{Lines: cafetest.Lines("tea")}, "key")
				if err != nil {
					t.Fatal(err)
				}
				ids[order.ID] = true
			}
		}
		if len(ids) != len(callers) || len(allOrders(t, c)) != len(callers) {
			t.Errorf("%d orders of %d callers", len(ids), len(callers))
		}
	})
}

func TestCase05StoredButTheAnswerLostIsTheSameOrderAgain(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		draft := model.Draft{Lines: cafetest.Lines("brownie", "brownie", "tea")}
		if _, _, err := c.Place(ctx, cafetest.Staff, model.Draft{Lines: cafetest.Lines("tea")}, ""); err != nil { // takes a block of numbers
			t.Fatal(err)
		}
		c.Faults.Set(tabletest.Always(tabletest.Fault{After: table.ErrUnavailable}, "Write"))
		if _, _, err := c.Place(ctx, cafetest.Alice, draft, "key"); !errors.Is(err, table.ErrUnavailable) {
			t.Fatal(err)
		}
		c.Restart()
		// Today it would be refused: the shelf is empty, and the tea is off the menu.
		if _, err := c.SetStock(ctx, "brownie", 0); err != nil {
			t.Fatal(err)
		}
		if err := c.RemoveMenuItem(ctx, "tea", nil); err != nil {
			t.Fatal(err)
		}
		first, replayed, err := c.Place(ctx, cafetest.Alice, draft, "key")
		if err != nil || !replayed || first.Total != 820 {
			t.Fatalf("%+v, %v, %v", first, replayed, err)
		}
		cafetest.Advance(t, c, first.ID, model.StatusPreparing)
		again, replayed, err := c.Place(ctx, cafetest.Alice, draft, "key")
		if err != nil || !replayed || again.ID != first.ID || again.Status != model.StatusPreparing || again.Version != 2 {
			t.Errorf("%+v, %v, %v", again, replayed, err)
		}
		if n := c.OnHand(t, "brownie"); n != 0 {
			t.Errorf("%d on hand", n)
		}
	})
}

// insist does what a client does that was told 503, or nothing: again, and in a new
// process when the old one is gone.
func insist(t *testing.T, c *cafetest.Cafe, call func() error) error {
	t.Helper()
	for range 12 {
		err := call()
		switch {
		case errors.Is(err, table.ErrUnavailable):
			if isDown(c) {
				c.Restart()
			}
		case errors.Is(err, table.ErrThrottled), errors.Is(err, table.ErrConflict):
		default:
			return err
		}
	}
	t.Fatal("it never got through")
	return nil
}

// isDown tells whether the process's calls do not get through any more.
func isDown(c *cafetest.Cafe) bool {
	for range 3 {
		if _, err := c.Faults.Get(ctx, table.Key{PK: "X", SK: "X"}, true); !errors.Is(err, table.ErrUnavailable) {
			return false
		}
	}
	return true
}

func TestCase06KilledAtEveryStorageCallThenSentAgainIsOneOrder(t *testing.T) {
	for _, e := range cafetest.Engines {
		t.Run(e.Name, func(t *testing.T) {
			engine := e.Open(t)
			tabletest.Sweep(t, func(t *testing.T, faults tabletest.Faults) {
				cafetest.Empty(t, engine)
				c := cafetest.Open(t, engine)
				c.Fail(faults)
				var order model.Order
				err := insist(t, c, func() (err error) {
					order, _, err = c.Place(ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("brownie", "brownie", "muffin", "tea")}, "key")
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				c.Restart()
				if orders := allOrders(t, c); len(orders) != 1 || orders[0].ID != order.ID {
					t.Errorf("stored %+v", orders)
				}
				wantStock(t, c, -2, -1)
			}, cafetest.EveryWay(e)...)
		})
	}
}

func wantStock(t *testing.T, c *cafetest.Cafe, brownies, muffins int64) {
	t.Helper()
	b, m := c.OnHand(t, "brownie")-cafetest.Stock, c.OnHand(t, "muffin")-cafetest.Stock
	if b != brownies || m != muffins {
		t.Errorf("stock moved by %d brownies and %d muffins, want %d and %d", b, m, brownies, muffins)
	}
}

func TestCase06AWholeLifeThatFailsAnywhereMovesStockOnce(t *testing.T) {
	for _, e := range cafetest.Engines {
		t.Run(e.Name, func(t *testing.T) {
			engine := e.Open(t)
			for name, end := range map[string]func(c *cafetest.Cafe, id string) error{
				"cancelled": func(c *cafetest.Cafe, id string) error {
					_, err := c.Advance(ctx, cafetest.Staff, id, cafe.Move{To: model.StatusCancelled}, nil)
					return err
				},
				"deleted": func(c *cafetest.Cafe, id string) error {
					if err := c.Remove(ctx, cafetest.Staff, id, nil); !errors.Is(err, model.ErrNotFound) { // deleted, and the answer lost
						return err
					}
					return nil
				},
			} {
				t.Run(name, func(t *testing.T) {
					tabletest.Sweep(t, func(t *testing.T, faults tabletest.Faults) {
						cafetest.Empty(t, engine)
						c := cafetest.Open(t, engine)
						order := cafetest.Place(t, c, "alice", cafetest.Lines("brownie", "brownie"))
						c.Fail(faults)
						err := insist(t, c, func() error {
							// A client whose amendment came through, and does not know, is told that it is stale.
							_, err := c.Amend(ctx, cafetest.Alice, order.ID, cafe.Amendment{Lines: cafetest.Lines("brownie", "muffin")}, cafetest.Version(order.Version))
							if errors.Is(err, model.ErrStale) {
								return nil
							}
							return err
						})
						if err != nil {
							t.Fatal(err)
						}
						if err := insist(t, c, func() error { return end(c, order.ID) }); err != nil {
							t.Fatal(err)
						}
						c.Restart()
						wantStock(t, c, 0, 0)
						c.Post(t, c.Recorder.Changes(ledger.Wants)...)
						cafetest.WantTotals(t, c, "alice", 0, 0, 0)
						c.WantTrue(t)
					}, cafetest.EveryWay(e)...)
				})
			}
		})
	}
}

func TestCase07ARefusedRequestDoesNotUseUpItsKey(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		refused := func(why string, draft model.Draft, by cafe.Caller, is func(error) bool) {
			t.Helper()
			if _, _, err := c.Place(ctx, by, draft, "key"); !is(err) {
				t.Errorf("%s: %v", why, err)
			}
		}
		outOfStock := func(err error) bool {
			var short model.Shortages
			return errors.As(err, &short)
		}
		draft := model.Draft{Lines: []model.DraftLine{{SKU: "brownie", Quantity: 30}}}
		refused("short", draft, cafetest.Alice, outOfStock)
		refused("short again", draft, cafetest.Alice, outOfStock)
		refused("unknown", model.Draft{Lines: cafetest.Lines("cake")}, cafetest.Alice, func(err error) bool { return cafetest.IsInvalid(err, "/lines/0/sku") })
		refused("no lines", model.Draft{}, cafetest.Alice, func(err error) bool { return cafetest.IsInvalid(err, "/lines") })
		refused("for bob", model.Draft{CustomerID: "bob", Lines: cafetest.Lines("tea")}, cafetest.Alice, func(err error) bool { return errors.Is(err, model.ErrForbidden) })
		if len(allOrders(t, c)) != 0 || c.OnHand(t, "brownie") != cafetest.Stock {
			t.Fatal("something was stored or taken")
		}
		if _, err := c.SetStock(ctx, "brownie", 30); err != nil {
			t.Fatal(err)
		}
		order, replayed, err := c.Place(ctx, cafetest.Alice, draft, "key")
		if err != nil || replayed || order.Total != 9000 {
			t.Errorf("%+v, %v, %v", order, replayed, err)
		}
		refused("another now", model.Draft{Lines: cafetest.Lines("tea")}, cafetest.Alice, func(err error) bool { return errors.Is(err, model.ErrKeyReused) })
	})
}

func TestCase07AThrottledRequestDoesNotUseUpItsKey(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Faults.Set(tabletest.Always(tabletest.Fault{Before: table.ErrThrottled}))
		if _, _, err := c.Place(ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("tea")}, "key"); !errors.Is(err, table.ErrThrottled) {
			t.Fatal(err)
		}
		c.Faults.Set(nil)
		if _, replayed, err := c.Place(ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("tea")}, "key"); err != nil || replayed {
			t.Error(replayed, err)
		}
	})
}

func TestCase13OneOfFiftyBuyersGetsTheLastItem(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Recorder.Pause()
		if _, err := c.SetStock(ctx, "brownie", 1); err != nil {
			t.Fatal(err)
		}
		c.Slow()
		var mu sync.Mutex
		sold := 0
		cafetest.Together(50, func(int) {
			err := cafetest.Patiently(func() error {
				_, _, err := c.Place(ctx, cafetest.Staff, model.Draft{Lines: cafetest.Lines("tea", "brownie")}, "")
				return err
			})
			var short model.Shortages
			switch {
			case err == nil:
				mu.Lock()
				defer mu.Unlock()
				sold++
			case !errors.As(err, &short):
				t.Error(err)
			case !reflect.DeepEqual(short, model.Shortages{{SKU: "brownie", Lines: []int{1}, Wanted: 1, OnHand: 0}}):
				t.Errorf("short of %+v", short)
			}
		})
		if sold != 1 || len(allOrders(t, c)) != 1 || c.OnHand(t, "brownie") != 0 {
			t.Errorf("%d sold, %d stored, %d on hand", sold, len(allOrders(t, c)), c.OnHand(t, "brownie"))
		}
	})
}

func TestCase14EachOrderKeepsThePriceOfItsMoment(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		old := cafetest.Place(t, c, "alice", []model.DraftLine{{SKU: "latte", Quantity: 2, Options: []string{"oat"}}})
		latte := cafetest.Menu[0]
		latte.Price, latte.Name, latte.Options = 400, "Caffè latte", nil
		if created, err := c.SetMenuItem(ctx, latte, nil); created || err != nil {
			t.Fatal(created, err)
		}
		dear := cafetest.Place(t, c, "alice", []model.DraftLine{{SKU: "latte", Quantity: 2}})
		if old.Total != 780 || dear.Total != 800 {
			t.Errorf("totals %d and %d", old.Total, dear.Total)
		}
		for _, want := range []model.Order{old, dear} {
			if got, err := c.Order(ctx, cafetest.Alice, want.ID); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("reads %+v, %v\nwas %+v", got, err, want)
			}
		}
		// Another process has the old menu in its memory for a moment.
		other := cafe.New(c.Settings, c.Table, c.Clock.Now)
		if _, err := other.Menu(ctx); err != nil {
			t.Fatal(err)
		}
		latte.Price = 450
		if _, err := c.SetMenuItem(ctx, latte, nil); err != nil {
			t.Fatal(err)
		}
		c.Clock.Pass(3 * time.Second)
		if order, _, err := other.Place(ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("latte")}, ""); err != nil || order.Total != 450 {
			t.Errorf("three seconds later: %d, %v", order.Total, err)
		}
	})
}

func TestCase15ARetiredItemStillReadsInOldOrders(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		order := cafetest.Place(t, c, "alice", cafetest.Lines("tea", "latte"))
		tea := cafetest.Menu[1]
		tea.Active = false
		if _, err := c.SetMenuItem(ctx, tea, nil); err != nil {
			t.Fatal(err)
		}
		if err := c.RemoveMenuItem(ctx, "latte", nil); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Order(ctx, cafetest.Alice, order.ID); err != nil || !reflect.DeepEqual(got, order) {
			t.Errorf("reads %+v, %v", got, err)
		}
		for _, sku := range []string{"tea", "latte"} {
			if _, _, err := c.Place(ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("scone", sku)}, ""); !cafetest.IsInvalid(err, "/lines/1/sku") {
				t.Errorf("%s: %v", sku, err)
			}
		}
		if err := c.RemoveMenuItem(ctx, "latte", nil); !errors.Is(err, model.ErrNotFound) {
			t.Error(err)
		}
		// Its life goes on.
		cafetest.Advance(t, c, order.ID, model.StatusPreparing, model.StatusReady, model.StatusCollected)
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		c.WantTrue(t)
	})
}

// An item is changed by one only of those who read the same, however its options differ, and
// at whatever time.
func TestConcurrentChangesOfOneItem(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Slow()
		latte := cafetest.Menu[0]
		asRead := func(was model.Item, known bool) bool { return known && reflect.DeepEqual(was, latte) }
		isNew := func(_ model.Item, known bool) bool { return !known }
		results := make([]error, 16)
		count := func(what string, change func(c *cafe.Cafe, i int) error) {
			t.Helper()
			cafetest.Together(len(results), func(i int) { results[i] = change(cafe.New(c.Settings, c.Faults, c.Clock.Now), i) })
			through := 0
			for _, err := range results {
				if err == nil {
					through++
				} else if !errors.Is(err, model.ErrStale) && !errors.Is(err, model.ErrNotFound) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if through != 1 {
				t.Errorf("%d of %d %s", through, len(results), what)
			}
		}
		count("changed it", func(c *cafe.Cafe, i int) error {
			mine := latte
			mine.Options = []model.Option{{ID: "oat", Name: "Oat milk", Price: model.Money(i)}}
			_, err := c.SetMenuItem(ctx, mine, asRead)
			return err
		})
		count("made one", func(c *cafe.Cafe, i int) error {
			_, err := c.SetMenuItem(ctx, model.Item{SKU: "cake", Name: "Cake", Price: model.Money(i), Active: true}, isNew)
			return err
		})
		count("removed it", func(c *cafe.Cafe, _ int) error {
			return c.RemoveMenuItem(ctx, "cake", func(model.Item, bool) bool { return true })
		})
	})
}

func TestAnItemAddedElsewhereCanBeOrderedAtOnce(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		if _, err := c.Menu(ctx); err != nil {
			t.Fatal(err)
		}
		other := cafe.New(c.Settings, c.Table, c.Clock.Now)
		if created, err := other.SetMenuItem(ctx, model.Item{SKU: "cake", Name: "Cake", Price: 500, Active: true}, nil); !created || err != nil {
			t.Fatal(created, err)
		}
		if order := cafetest.Place(t, c, "alice", cafetest.Lines("cake")); order.Total != 500 {
			t.Errorf("total %d", order.Total)
		}
		if item, err := c.MenuItem(ctx, "cake"); err != nil || item.Name != "Cake" {
			t.Error(item, err)
		}
	})
}

func TestStockIsTakenAndPutBack(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		order := cafetest.Place(t, c, "alice", []model.DraftLine{{SKU: "brownie", Quantity: 3}, {SKU: "muffin", Quantity: 2}, {SKU: "brownie", Quantity: 1}})
		wantStock(t, c, -4, -2)
		cafetest.Amend(t, c, order.ID, []model.DraftLine{{SKU: "brownie", Quantity: 1}, {SKU: "muffin", Quantity: 5}})
		wantStock(t, c, -1, -5)
		cafetest.Amend(t, c, order.ID, cafetest.Lines("tea"))
		wantStock(t, c, 0, 0)
		cafetest.Amend(t, c, order.ID, cafetest.Lines("muffin"))
		wantStock(t, c, 0, -1)

		// An amendment takes no more than the difference, and all or nothing.
		tooMany := []model.DraftLine{{SKU: "muffin", Quantity: cafetest.Stock}, {SKU: "brownie", Quantity: cafetest.Stock + 1}}
		_, err := c.Amend(ctx, cafetest.Staff, order.ID, cafe.Amendment{Lines: tooMany}, cafetest.AnyVersion)
		var short model.Shortages
		if !errors.As(err, &short) || len(short) != 1 || short[0].SKU != "brownie" || !slices.Equal(short[0].Lines, []int{1}) {
			t.Errorf("too many: %v, %+v", err, short)
		}
		wantStock(t, c, 0, -1)
		cafetest.Amend(t, c, order.ID, []model.DraftLine{{SKU: "muffin", Quantity: cafetest.Stock}})
		wantStock(t, c, 0, -cafetest.Stock)
		cafetest.Amend(t, c, order.ID, []model.DraftLine{{SKU: "muffin", Quantity: 2}, {SKU: "brownie", Quantity: 2}})

		cafetest.Advance(t, c, order.ID, model.StatusPreparing, model.StatusCancelled)
		wantStock(t, c, 0, 0)
		cafetest.Remove(t, c, order.ID) // has nothing off the shelf any more
		wantStock(t, c, 0, 0)

		ready := cafetest.Place(t, c, "alice", cafetest.Lines("brownie"))
		cafetest.Advance(t, c, ready.ID, model.StatusPreparing, model.StatusReady, model.StatusCancelled)
		wantStock(t, c, -1, 0) // is in the bin
		cafetest.Remove(t, c, ready.ID)
		wantStock(t, c, 0, 0)

		refunded := cafetest.Place(t, c, "alice", cafetest.Lines("brownie"))
		cafetest.Advance(t, c, refunded.ID, model.StatusPreparing, model.StatusReady, model.StatusCollected, model.StatusRefunded)
		wantStock(t, c, -1, 0)
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		c.WantTrue(t)
	})
}

func TestAnItemThatIsNoLongerCountedIsPutBackAllTheSame(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		order := cafetest.Place(t, c, "alice", cafetest.Lines("brownie", "brownie"))
		brownie := cafetest.Menu[3]
		brownie.Counted = false
		if _, err := c.SetMenuItem(ctx, brownie, nil); err != nil {
			t.Fatal(err)
		}
		cafetest.Place(t, c, "alice", cafetest.Lines("brownie")) // takes none
		wantStock(t, c, -2, 0)
		cafetest.Advance(t, c, order.ID, model.StatusCancelled)
		wantStock(t, c, 0, 0)
	})
}

func TestShortagesNameEveryLineAndNothingIsTaken(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		if _, err := c.SetStock(ctx, "muffin", 0); err != nil {
			t.Fatal(err)
		}
		_, _, err := c.Place(ctx, cafetest.Staff, model.Draft{Lines: []model.DraftLine{
			{SKU: "brownie", Quantity: 15}, {SKU: "tea", Quantity: 1}, {SKU: "muffin", Quantity: 1}, {SKU: "brownie", Quantity: 6},
		}}, "")
		var short model.Shortages
		if !errors.As(err, &short) {
			t.Fatal(err)
		}
		want := model.Shortages{
			{SKU: "brownie", Lines: []int{0, 3}, Wanted: 21, OnHand: 20},
			{SKU: "muffin", Lines: []int{2}, Wanted: 1, OnHand: 0},
		}
		if !reflect.DeepEqual(short, want) {
			t.Errorf("short of %+v", short)
		}
		wantStock(t, c, 0, -cafetest.Stock)
		// A counted item that was never counted has none.
		if _, err := c.SetMenuItem(ctx, model.Item{SKU: "cake", Name: "Cake", Price: 500, Counted: true, Active: true}, nil); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Place(ctx, cafetest.Staff, model.Draft{Lines: cafetest.Lines("cake")}, ""); !errors.As(err, &short) || short[0].OnHand != 0 {
			t.Errorf("cake: %v", err)
		}
	})
}

func TestStockIsCountedForCountedItemsOnly(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		if _, err := c.SetStock(ctx, "latte", 3); !cafetest.IsInvalid(err, "sku") {
			t.Errorf("latte: %v", err)
		}
		if _, err := c.SetStock(ctx, "cake", 3); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("cake: %v", err)
		}
		for _, n := range []int64{-1, model.MaxStock + 1} {
			if _, err := c.SetStock(ctx, "brownie", n); !cafetest.IsInvalid(err, "/on_hand") {
				t.Errorf("%d: %v", n, err)
			}
		}
		level, err := c.SetStock(ctx, "brownie", 7)
		if want := (cafe.StockLevel{SKU: "brownie", Name: "Brownie", OnHand: 7}); err != nil || level != want {
			t.Errorf("%+v, %v", level, err)
		}
		var levels []cafe.StockLevel
		for after, more := "", true; more; after = levels[len(levels)-1].SKU {
			var page []cafe.StockLevel
			if page, more, err = c.StockPage(ctx, after, 1); err != nil || len(page) != 1 {
				t.Fatal(page, err)
			}
			levels = append(levels, page...)
		}
		if want := []cafe.StockLevel{{SKU: "brownie", Name: "Brownie", OnHand: 7}, {SKU: "muffin", Name: "Muffin", OnHand: cafetest.Stock}}; !slices.Equal(levels, want) {
			t.Errorf("stock %+v", levels)
		}
		var skus []string
		for after, more := "", true; more; after = skus[len(skus)-1] {
			var page []model.Item
			if page, more, err = c.MenuPage(ctx, after, 2); err != nil || len(page) == 0 {
				t.Fatal(page, err)
			}
			for _, i := range page {
				skus = append(skus, i.SKU)
			}
		}
		if got := strings.Join(skus, " "); got != "brownie latte muffin scone tea" {
			t.Errorf("menu %s", got)
		}
	})
}

func TestWhoMayOrderForWhom(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		for _, tt := range []struct {
			by         cafe.Caller
			draft      model.Draft
			customer   string
			payment    model.PaymentTerms
			isRefusal  error
			faultField string
		}{
			{by: cafetest.Alice, customer: "alice", payment: model.TermsAccount},
			{by: cafetest.Alice, draft: model.Draft{CustomerID: "alice", Payment: model.TermsCounter}, customer: "alice", payment: model.TermsCounter},
			{by: cafetest.Alice, draft: model.Draft{CustomerID: "bob"}, isRefusal: model.ErrForbidden},
			{by: cafetest.Alice, draft: model.Draft{CustomerID: model.WalkIn}, isRefusal: model.ErrForbidden},
			{by: cafe.Caller{ID: model.WalkIn, Role: model.RoleCustomer}, isRefusal: model.ErrForbidden},
			{by: cafetest.Staff, customer: model.WalkIn, payment: model.TermsCounter},
			{by: cafetest.Staff, draft: model.Draft{CustomerID: model.WalkIn}, customer: model.WalkIn, payment: model.TermsCounter},
			{by: cafetest.Staff, draft: model.Draft{CustomerID: "bob"}, customer: "bob", payment: model.TermsAccount},
			{by: cafetest.Owner, draft: model.Draft{CustomerID: "bob", Payment: model.TermsCounter}, customer: "bob", payment: model.TermsCounter},
			{by: cafetest.Staff, draft: model.Draft{Payment: model.TermsAccount}, faultField: "/payment"},
			{by: cafetest.Owner, draft: model.Draft{CustomerID: "b b"}, faultField: "/customer_id"},
		} {
			tt.draft.Lines = cafetest.Lines("tea")
			order, _, err := c.Place(ctx, tt.by, tt.draft, "")
			switch {
			case tt.faultField != "":
				if !cafetest.IsInvalid(err, tt.faultField) {
					t.Errorf("%+v: %v", tt, err)
				}
			case tt.isRefusal != nil:
				if !errors.Is(err, tt.isRefusal) {
					t.Errorf("%+v: %v", tt, err)
				}
			case err != nil || order.CustomerID != tt.customer || order.Payment != tt.payment:
				t.Errorf("%+v: %+v, %v", tt, order, err)
			}
		}
	})
}
