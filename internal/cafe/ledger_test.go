package cafe_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/cafe"
	"cafe/internal/cafe/cafetest"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

// history lets things happen and returns the records that the ledger's consumer gets.
func history(t *rapid.T, c *cafetest.Cafe, most int) []cafe.Change {
	c.Happen(t, most)
	return c.Recorder.Changes(cafe.Posts)
}

// forgetPosted empties the ledger, the totals and the outbox, so that a history can be
// posted from the beginning. What customers said about themselves stays.
func forgetPosted(t rapid.TB, c *cafetest.Cafe) {
	t.Helper()
	for key := range stored(t, c, "") {
		var op table.Op
		switch {
		case strings.HasPrefix(key.PK, "L#"), strings.HasPrefix(key.PK, "A#"):
			op = table.Delete(key)
		case strings.HasPrefix(key.PK, "C#"):
			op = table.Update(key)
			op.Set = table.Item{"balance": table.Int(0), "spent": table.Int(0), "orders": table.Int(0), "crossings": table.Int(0), "armed": table.Bool(true)}
		default:
			continue
		}
		if err := c.Table.Write(ctx, op); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCase16AWholeBatchThreeTimesCountsOnce(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		batch := history(t, c, 15)
		for range 3 {
			c.Post(t, batch...)
		}
		c.WantTrue(t)
	})
}

// What the harness wraps a store in posts walk-ins one by one; a store that can writes
// them together, as it stands in the command.
func TestWalkInsPostedTogetherCountOnceAndTheNewestStands(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		batch := history(t, c, 15)
		direct := cafe.New(c.Settings, c.Recorder.Table, c.Clock.Now)
		old := batch[:rapid.IntRange(0, len(batch)).Draw(t, "again")]
		for _, records := range [][]cafe.Change{batch, old, batch} {
			for i, err := range direct.Post(ctx, records) {
				if err != nil {
					t.Fatalf("record %d: %v", i, err)
				}
			}
		}
		c.WantTrue(t)
	})
}

func TestCase17EveryPrefixAndSuffixAgainChangesNothing(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		records := history(t, c, 8)
		for i := range records {
			c.Post(t, records[:i]...)
			c.Post(t, records[i:]...)
		}
		c.Post(t, records...)
		c.WantTrue(t)
	})
}

func TestCase18EveryBisectionEndsTheSame(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		records := history(t, c, 8)
		for cut := range len(records) + 1 {
			forgetPosted(t, c)
			c.Post(t, records[:cut]...)
			c.Post(t, records[cut:]...)
			c.WantTrue(t)
		}
		forgetPosted(t, c)
		// Halves of halves, each delivered again as part of the whole it was cut from.
		var bisect func(records []cafe.Change)
		bisect = func(records []cafe.Change) {
			if len(records) > 1 {
				bisect(records[:len(records)/2])
				bisect(records[len(records)/2:])
			}
			c.Post(t, records...)
		}
		bisect(records)
		c.WantTrue(t)
	})
}

func TestCase19CustomersInterleavedAndShuffledAddUp(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		records := cafetest.Shuffled(t, history(t, c, 20))
		for _, batch := range cafetest.Batches(t, records) {
			c.Post(t, batch...)
		}
		c.WantTrue(t)
	})
}

func TestCase20AnOldRecordAfterANewerOneChangesNothing(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		records := history(t, c, 12)
		slices.Reverse(records)
		if rapid.Bool().Draw(t, "one by one") {
			for _, r := range records {
				c.Post(t, r)
			}
		} else {
			c.Post(t, records...)
		}
		c.WantTrue(t)
	})
}

func TestCase21TwoConsumersOfOneBatchAtOncePostItOnce(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		records := history(t, c, 12)
		c.Recorder.Pause()
		var deliveries [][][]cafe.Change
		for range 3 {
			deliveries = append(deliveries, cafetest.Batches(t, cafetest.Shuffled(t, records)))
		}
		c.Slow()
		var failure atomic.Pointer[error]
		together(len(deliveries), func(i int) {
			for _, batch := range deliveries[i] {
				err := patiently(func() error { return errors.Join(c.Cafe.Post(ctx, batch)...) })
				if err != nil {
					failure.Store(&err)
				}
			}
		})
		if err := failure.Load(); err != nil {
			t.Fatal(*err)
		}
		c.WantTrue(t)
	})
}

func TestCase22AmendCancelRefundAndDeleteMoveTotalsExactly(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		post := func() {
			t.Helper()
			c.Post(t, c.Recorder.Changes(cafe.Posts)...)
			c.Recorder.Forget()
			c.WantTrue(t)
		}
		amended, cancelled := place(t, c, "alice", lines("latte", "tea")), place(t, c, "alice", lines("tea"))
		refunded, deleted := place(t, c, "alice", lines("muffin")), place(t, c, "alice", lines("brownie"))
		counter, _, err := c.Place(ctx, staff, model.Draft{CustomerID: "alice", Payment: model.TermsCounter, Lines: lines("latte")}, "")
		if err != nil {
			t.Fatal(err)
		}
		post()
		wantTotals(t, c, "alice", 570+220+280+300, 570+220+280+300+350, 5)

		amend(t, c, amended.ID, lines("tea"))
		post()
		wantTotals(t, c, "alice", 220+220+280+300, 220+220+280+300+350, 5)

		advance(t, c, cancelled.ID, model.StatusPreparing, model.StatusReady, model.StatusCancelled)
		post()
		wantTotals(t, c, "alice", 220+280+300, 220+280+300+350, 4)

		advance(t, c, refunded.ID, model.StatusPreparing, model.StatusReady, model.StatusCollected)
		post()
		wantTotals(t, c, "alice", 220+280+300, 220+280+300+350, 4)
		advance(t, c, refunded.ID, model.StatusRefunded)
		post()
		wantTotals(t, c, "alice", 220+300, 220+300+350, 3)

		remove(t, c, deleted.ID)
		post()
		wantTotals(t, c, "alice", 220, 220+350, 2)
		remove(t, c, cancelled.ID) // which did not count any more
		post()
		wantTotals(t, c, "alice", 220, 220+350, 2)

		pay(t, c, "alice", 1000)
		post()
		wantTotals(t, c, "alice", 220-1000, 220+350, 2)

		remove(t, c, amended.ID)
		remove(t, c, counter.ID)
		remove(t, c, refunded.ID)
		post()
		wantTotals(t, c, "alice", -1000, 0, 0)
	})
}

func TestCase23ALateInsertAfterADeleteDoesNotResurrect(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		for _, customer := range []string{"alice", model.WalkIn} {
			remove(t, c, place(t, c, customer, lines("latte", "brownie")).ID)
		}
		pay(t, c, "alice", 1) // so that there is an alice
		var inserts, deletes []cafe.Change
		for _, r := range c.Recorder.Changes(cafe.Posts) {
			if r.New.Bool("deleted") {
				deletes = append(deletes, r)
			} else {
				inserts = append(inserts, r)
			}
		}
		if len(inserts) < 3 || len(deletes) != 2 {
			t.Fatalf("%d inserts and %d deletes", len(inserts), len(deletes))
		}
		c.Post(t, deletes...)
		c.Post(t, inserts...)
		wantTotals(t, c, "alice", -1, 0, 0)
		c.WantTrue(t)
	})
}

func TestCase24ARecordRemovedByTTLChangesNoTotal(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		deleted := place(t, c, "alice", lines("latte"))
		place(t, c, "alice", lines("tea"))
		remove(t, c, deleted.ID)
		c.Post(t, c.Recorder.Changes(cafe.Posts)...)
		wantTotals(t, c, "alice", 220, 220, 1)

		expire := func(prefix string) {
			c.Recorder.Forget()
			for key := range stored(t, c, prefix) {
				if err := c.Recorder.Write(ctx, table.Delete(key)); err != nil {
					t.Fatal(err)
				}
			}
			removed := c.Recorder.Changes(cafe.Posts)
			if len(removed) == 0 || removed[0].New != nil {
				t.Fatalf("%d records", len(removed))
			}
			c.Post(t, removed...)
			wantTotals(t, c, "alice", 220, 220, 1)
		}
		expire("O#" + deleted.ID)
		expire("O#") // the one that counts
	})
}

func TestCase26ACrashAnywhereIsMendedByTheNextDelivery(t *testing.T) {
	for _, e := range cafetest.Engines {
		t.Run(e.Name, func(t *testing.T) {
			engine := e.Open(t)
			tabletest.Sweep(t, func(t *testing.T, faults tabletest.Faults) {
				cafetest.Empty(t, engine)
				c := cafetest.Open(t, engine)
				moved := place(t, c, "alice", lines("latte", "brownie"))
				c.Post(t, c.Recorder.Changes(cafe.Posts)...)
				amend(t, c, moved.ID, lines("latte", "latte", "latte")) // crosses the limit
				place(t, c, "alice", lines("tea"))
				place(t, c, model.WalkIn, lines("muffin"))
				pay(t, c, "bob", 5)
				c.Clock.Pass(14 * time.Hour) // the day's report was due
				batch := c.Recorder.Changes(cafe.Posts)

				c.Fail(faults)
				for i, err := range c.Cafe.Post(ctx, batch) {
					if err != nil && !errors.Is(err, table.ErrUnavailable) && !errors.Is(err, table.ErrThrottled) && !errors.Is(err, table.ErrConflict) {
						t.Errorf("change %d: %v", i, err)
					}
				}
				// The checkpoint did not move: the batch comes again, to a new process.
				c.Restart()
				c.Post(t, batch...)
				c.WantTrue(t)
			}, everyWay(e)...)
		})
	}
}

func TestCase27AConflictStormIsBoundedAndThenAPartialFailure(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		place(t, c, model.WalkIn, lines("tea"))
		place(t, c, "alice", lines("tea"))
		batch := c.Recorder.Changes(cafe.Posts)
		before, began := c.Faults.Calls(), time.Now()
		c.Faults.Set(tabletest.Always(tabletest.Fault{Before: table.ErrConflict}, "Write"))
		for i, err := range c.Cafe.Post(ctx, batch) {
			if !errors.Is(err, table.ErrConflict) {
				t.Errorf("change %d: %v", i, err)
			}
		}
		if calls, took := c.Faults.Calls()-before, time.Since(began); calls > 40 || took > 5*time.Second {
			t.Errorf("%d calls in %v", calls, took)
		}
		c.Faults.Set(nil)
		c.Post(t, batch...)
		c.WantTrue(t)
	})
}

func TestCase27ManyAtOnceForOneCustomerAllGetThrough(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Recorder.Pause()
		const n = 16
		for range n {
			place(t, c, "alice", lines("tea"))
		}
		records := c.Snapshot(t)
		c.Slow()
		together(len(records), func(i int) {
			err := patiently(func() error { return errors.Join(c.Cafe.Post(ctx, records[i:i+1])...) })
			if err != nil {
				t.Error(err)
			}
		})
		wantTotals(t, c, "alice", n*220, n*220, n)
		c.WantTrue(t)
	})
}

func TestCase28WhenThrottledTheRestOfABatchIsDone(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		throttled := tabletest.Fault{Before: table.ErrThrottled}
		c.Faults.Set(tabletest.Always(throttled, "Write"))
		if _, _, err := c.Place(ctx, staff, model.Draft{Lines: lines("tea")}, "k"); !errors.Is(err, table.ErrThrottled) {
			t.Errorf("place: %v", err)
		}
		c.Faults.Set(nil)
		if orders, _, err := c.Orders(ctx, staff, cafe.Filter{}, "", 10); err != nil || len(orders) != 0 {
			t.Fatalf("%d orders, %v", len(orders), err)
		}
		for _, who := range []string{"alice", "bob", "carol"} {
			place(t, c, who, lines("tea"))
		}
		batch := c.Recorder.Changes(cafe.Posts)
		c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
			if call.Method == "Write" && call.Ops[0].Key.PK == "C#bob" {
				return throttled
			}
			return tabletest.Fault{}
		})
		for i, err := range c.Cafe.Post(ctx, batch) {
			if (err != nil) != (i == 1) || err != nil && !errors.Is(err, table.ErrThrottled) {
				t.Errorf("change %d: %v", i, err)
			}
		}
		wantTotals(t, c, "alice", 220, 220, 1)
		wantTotals(t, c, "carol", 220, 220, 1)
		c.Faults.Set(nil)
		c.Post(t, batch...)
		c.WantTrue(t)
	})
}

// After the report is due every order is looked up. In a batch of hundreds, on a store that
// fails now and then, one of them always fails.
func TestCase28ALateOrderThatCannotBeLookedUpFailsAlone(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		const orders = 12
		clockAt(t, c, "2017-03-18 20:01")
		for range orders {
			place(t, c, "alice", lines("tea"))
		}
		batch := c.Recorder.Changes(cafe.Posts)
		gets := 0
		c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
			if call.Method == "Get" {
				if gets++; gets == 3 {
					return tabletest.Fault{Before: table.ErrUnavailable}
				}
			}
			return tabletest.Fault{}
		})
		var failed []error
		for _, err := range c.Cafe.Post(ctx, batch) {
			if err != nil {
				failed = append(failed, err)
			}
		}
		if len(failed) != 1 || !errors.Is(failed[0], table.ErrUnavailable) {
			t.Errorf("one lookup failed, and with it %d changes: %v", len(failed), failed)
		}
		wantTotals(t, c, "alice", 220*(orders-1), 220*(orders-1), orders-1)
		c.Faults.Set(nil)
		c.Post(t, batch...)
		c.WantTrue(t)
		late := int64(0)
		for _, row := range cafetest.Rows(t, c.Table) {
			late += row.Item.Int("late")
		}
		if late != orders {
			t.Errorf("%d late orders are counted, want %d", late, orders)
		}
	})
}

func TestCase29ALostRecordIsHealedByTheNextWriteOrByReconcile(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		next := place(t, c, "alice", lines("latte"))
		place(t, c, "bob", lines("tea"))
		pay(t, c, "bob", 50)
		place(t, c, model.WalkIn, lines("muffin"))
		c.Recorder.Forget() // all four are lost
		advance(t, c, next.ID, model.StatusCancelled)
		c.Post(t, c.Recorder.Changes(cafe.Posts)...)
		wantTotals(t, c, "alice", 0, 0, 0)

		want := []cafe.Drift{
			{CustomerID: "bob", Field: "balance", Stored: 0, Actual: 170},
			{CustomerID: "bob", Field: "orders", Stored: 0, Actual: 1},
			{CustomerID: "bob", Field: "spent", Stored: 0, Actual: 220},
			{CustomerID: model.WalkIn, Field: "2017-03-18", Stored: 0, Actual: 280},
		}
		c.Settle(10 * time.Millisecond)
		before := books(t, c)
		found, err := c.Reconcile(ctx, true)
		if err != nil || found.Customers != 2 || found.Repaired != 0 || !slices.Equal(found.Drifted, want) {
			t.Fatalf("dry run found %+v, %v", found, err)
		}
		if !maps.EqualFunc(before, books(t, c), table.Item.Equal) {
			t.Error("a dry run changed something")
		}
		found, err = c.Reconcile(ctx, false)
		if err != nil || found.Repaired != 2 || !slices.Equal(found.Drifted, want) {
			t.Fatalf("reconcile found %+v, %v", found, err)
		}
		c.WantTrue(t)
		// The records turn up after all.
		c.Post(t, c.Snapshot(t)...)
		c.WantTrue(t)
	})
}

func TestCase30DeadLettersSentAgainAfterDaysChangeNothing(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		records := history(t, c, 10)
		c.Post(t, records...)
		before := stored(t, c, "")
		c.Clock.Pass(5 * 24 * time.Hour)
		for _, batch := range cafetest.Batches(t, cafetest.Shuffled(t, records)) {
			c.Post(t, batch...)
		}
		for key, item := range stored(t, c, "") {
			if !item.Equal(before[key]) {
				t.Errorf("%s was %v and is %v", key, before[key], item)
			}
		}
		c.WantTrue(t)
	})
}

func TestTotalsFollowAHistoryDeliveredAnyhow(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		for range rapid.IntRange(1, 4).Draw(t, "spells") {
			c.Happen(t, 6)
			// What was ever recorded may come now, whether it came before or not.
			records := c.Recorder.Changes(cafe.Posts)
			some := []cafe.Change(nil)
			if len(records) > 0 {
				some = rapid.SliceOfN(rapid.SampledFrom(records), 0, 15).Draw(t, "some")
			}
			for _, batch := range cafetest.Batches(t, some) {
				c.Post(t, batch...)
			}
		}
		for _, batch := range cafetest.Batches(t, cafetest.Shuffled(t, c.Recorder.Changes(cafe.Posts))) {
			c.Post(t, batch...)
		}
		c.WantTrue(t)
	})
}

func TestACustomerWhoseItemWasLostIsPostedToAgain(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		place(t, c, "alice", pence(1200))
		c.Post(t, c.Recorder.Changes(cafe.Posts)...)
		if err := c.Table.Write(ctx, table.Delete(table.Key{PK: "C#alice", SK: "C"})); err != nil {
			t.Fatal(err)
		}
		place(t, c, "alice", pence(1100)) // the alert of a first crossing is there already
		c.Post(t, c.Recorder.Changes(cafe.Posts)...)
		wantTotals(t, c, "alice", 1100, 1100, 1) // until they are reconciled
		if n := len(stored(t, c, "A#")); n != 2 {
			t.Errorf("%d alerts", n)
		}
		c.Settle(10 * time.Millisecond)
		if _, err := c.Reconcile(ctx, false); err != nil {
			t.Fatal(err)
		}
		wantTotals(t, c, "alice", 2300, 2300, 2)
		c.WantTrue(t)
	})
}

func TestABatchOfManyOrdersOfOneCustomer(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Recorder.Pause()
		const n = 120 // more than fit into one write
		for i := range n {
			if i%3 == 2 {
				pay(t, c, "alice", 700)
			} else {
				place(t, c, "alice", lines("latte"))
			}
		}
		c.Post(t, c.Snapshot(t)...)
		wantTotals(t, c, "alice", 80*350-40*700, 80*350, 80)
		c.WantTrue(t)
	})
}
