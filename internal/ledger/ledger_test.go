package ledger_test

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
	"cafe/internal/cafetest"
	"cafe/internal/ledger"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

// forgetPosted empties the ledger, the totals and the outbox, so that a history can be
// posted from the beginning. What customers said about themselves stays.
func forgetPosted(t rapid.TB, c *cafetest.Cafe) {
	t.Helper()
	for key := range cafetest.Stored(t, c, "") {
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
		batch := cafetest.History(t, c, 15)
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
		batch := cafetest.History(t, c, 15)
		direct := ledger.New(c.Settings, c.Recorder.Table, c.Clock.Now)
		old := batch[:rapid.IntRange(0, len(batch)).Draw(t, "again")]
		for _, batch := range [][]records.Change{batch, old, batch} {
			for i, err := range direct.Post(ctx, batch) {
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
		batch := cafetest.History(t, c, 8)
		for i := range batch {
			c.Post(t, batch[:i]...)
			c.Post(t, batch[i:]...)
		}
		c.Post(t, batch...)
		c.WantTrue(t)
	})
}

func TestCase18EveryBisectionEndsTheSame(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		batch := cafetest.History(t, c, 8)
		for cut := range len(batch) + 1 {
			forgetPosted(t, c)
			c.Post(t, batch[:cut]...)
			c.Post(t, batch[cut:]...)
			c.WantTrue(t)
		}
		forgetPosted(t, c)
		// Halves of halves, each delivered again as part of the whole it was cut from.
		var bisect func(batch []records.Change)
		bisect = func(batch []records.Change) {
			if len(batch) > 1 {
				bisect(batch[:len(batch)/2])
				bisect(batch[len(batch)/2:])
			}
			c.Post(t, batch...)
		}
		bisect(batch)
		c.WantTrue(t)
	})
}

func TestCase19CustomersInterleavedAndShuffledAddUp(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		batch := cafetest.Shuffled(t, cafetest.History(t, c, 20))
		for _, batch := range cafetest.Batches(t, batch) {
			c.Post(t, batch...)
		}
		c.WantTrue(t)
	})
}

func TestCase20AnOldRecordAfterANewerOneChangesNothing(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		batch := cafetest.History(t, c, 12)
		slices.Reverse(batch)
		if rapid.Bool().Draw(t, "one by one") {
			for _, r := range batch {
				c.Post(t, r)
			}
		} else {
			c.Post(t, batch...)
		}
		c.WantTrue(t)
	})
}

func TestCase21TwoConsumersOfOneBatchAtOncePostItOnce(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		batch := cafetest.History(t, c, 12)
		c.Recorder.Pause()
		var deliveries [][][]records.Change
		for range 3 {
			deliveries = append(deliveries, cafetest.Batches(t, cafetest.Shuffled(t, batch)))
		}
		c.Slow()
		var failure atomic.Pointer[error]
		cafetest.Together(len(deliveries), func(i int) {
			for _, batch := range deliveries[i] {
				err := cafetest.Patiently(func() error { return errors.Join(c.Ledger.Post(ctx, batch)...) })
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
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		post := func() {
			t.Helper()
			c.Post(t, c.Recorder.Changes(ledger.Wants)...)
			c.Recorder.Forget()
			c.WantTrue(t)
		}
		amended, cancelled := cafetest.Place(t, c, "alice", cafetest.Lines("latte", "tea")), cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		refunded, deleted := cafetest.Place(t, c, "alice", cafetest.Lines("muffin")), cafetest.Place(t, c, "alice", cafetest.Lines("brownie"))
		counter, _, err := c.Place(ctx, cafetest.Staff, model.Draft{CustomerID: "alice", Payment: model.TermsCounter, Lines: cafetest.Lines("latte")}, "")
		if err != nil {
			t.Fatal(err)
		}
		post()
		cafetest.WantTotals(t, c, "alice", 570+220+280+300, 570+220+280+300+350, 5)

		cafetest.Amend(t, c, amended.ID, cafetest.Lines("tea"))
		post()
		cafetest.WantTotals(t, c, "alice", 220+220+280+300, 220+220+280+300+350, 5)

		cafetest.Advance(t, c, cancelled.ID, model.StatusPreparing, model.StatusReady, model.StatusCancelled)
		post()
		cafetest.WantTotals(t, c, "alice", 220+280+300, 220+280+300+350, 4)

		cafetest.Advance(t, c, refunded.ID, model.StatusPreparing, model.StatusReady, model.StatusCollected)
		post()
		cafetest.WantTotals(t, c, "alice", 220+280+300, 220+280+300+350, 4)
		cafetest.Advance(t, c, refunded.ID, model.StatusRefunded)
		post()
		cafetest.WantTotals(t, c, "alice", 220+300, 220+300+350, 4) // the sale stands, and was given back

		cafetest.Remove(t, c, deleted.ID)
		post()
		cafetest.WantTotals(t, c, "alice", 220, 220+350, 3)
		cafetest.Remove(t, c, cancelled.ID) // which did not count any more
		post()
		cafetest.WantTotals(t, c, "alice", 220, 220+350, 3)

		cafetest.Pay(t, c, "alice", 1000)
		post()
		cafetest.WantTotals(t, c, "alice", 220-1000, 220+350, 3)

		cafetest.Remove(t, c, amended.ID)
		cafetest.Remove(t, c, counter.ID)
		cafetest.Remove(t, c, refunded.ID)
		post()
		cafetest.WantTotals(t, c, "alice", -1000, 0, 0)
	})
}

func TestCase23ALateInsertAfterADeleteDoesNotResurrect(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		for _, customer := range []string{"alice", model.WalkIn} {
			cafetest.Remove(t, c, cafetest.Place(t, c, customer, cafetest.Lines("latte", "brownie")).ID)
		}
		cafetest.Pay(t, c, "alice", 1) // so that there is an alice
		var inserts, deletes []records.Change
		for _, r := range c.Recorder.Changes(ledger.Wants) {
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
		cafetest.WantTotals(t, c, "alice", -1, 0, 0)
		c.WantTrue(t)
	})
}

func TestCase24ARecordRemovedByTTLChangesNoTotal(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		deleted := cafetest.Place(t, c, "alice", cafetest.Lines("latte"))
		cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		cafetest.Remove(t, c, deleted.ID)
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		cafetest.WantTotals(t, c, "alice", 220, 220, 1)

		expire := func(prefix string) {
			c.Recorder.Forget()
			for key := range cafetest.Stored(t, c, prefix) {
				if err := c.Recorder.Write(ctx, table.Delete(key)); err != nil {
					t.Fatal(err)
				}
			}
			removed := c.Recorder.Changes(ledger.Wants)
			if len(removed) == 0 || removed[0].New != nil {
				t.Fatalf("%d records", len(removed))
			}
			c.Post(t, removed...)
			cafetest.WantTotals(t, c, "alice", 220, 220, 1)
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
				moved := cafetest.Place(t, c, "alice", cafetest.Lines("latte", "brownie"))
				c.Post(t, c.Recorder.Changes(ledger.Wants)...)
				cafetest.Amend(t, c, moved.ID, cafetest.Lines("latte", "latte", "latte")) // crosses the limit
				cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
				cafetest.Place(t, c, model.WalkIn, cafetest.Lines("muffin"))
				cafetest.Pay(t, c, "bob", 5)
				c.Clock.Pass(14 * time.Hour) // the day's report was due
				batch := c.Recorder.Changes(ledger.Wants)

				c.Fail(faults)
				for i, err := range c.Ledger.Post(ctx, batch) {
					if err != nil && !errors.Is(err, table.ErrUnavailable) && !errors.Is(err, table.ErrThrottled) && !errors.Is(err, table.ErrConflict) {
						t.Errorf("change %d: %v", i, err)
					}
				}
				// The checkpoint did not move: the batch comes again, to a new process.
				c.Restart()
				c.Post(t, batch...)
				c.WantTrue(t)
			}, cafetest.EveryWay(e)...)
		})
	}
}

func TestCase27AConflictStormIsBoundedAndThenAPartialFailure(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Place(t, c, model.WalkIn, cafetest.Lines("tea"))
		cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		batch := c.Recorder.Changes(ledger.Wants)
		before, began := c.Faults.Calls(), time.Now()
		c.Faults.Set(tabletest.Always(tabletest.Fault{Before: table.ErrConflict}, "Write"))
		for i, err := range c.Ledger.Post(ctx, batch) {
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
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Recorder.Pause()
		const n = 16
		for range n {
			cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		}
		batch := c.Snapshot(t)
		c.Slow()
		cafetest.Together(len(batch), func(i int) {
			err := cafetest.Patiently(func() error { return errors.Join(c.Ledger.Post(ctx, batch[i:i+1])...) })
			if err != nil {
				t.Error(err)
			}
		})
		cafetest.WantTotals(t, c, "alice", n*220, n*220, n)
		c.WantTrue(t)
	})
}

func TestCase28WhenThrottledTheRestOfABatchIsDone(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		throttled := tabletest.Fault{Before: table.ErrThrottled}
		c.Faults.Set(tabletest.Always(throttled, "Write"))
		if _, _, err := c.Place(ctx, cafetest.Staff, model.Draft{Lines: cafetest.Lines("tea")}, "k"); !errors.Is(err, table.ErrThrottled) {
			t.Errorf("place: %v", err)
		}
		c.Faults.Set(nil)
		if orders, _, err := c.Orders(ctx, cafetest.Staff, cafe.Filter{}, "", 10); err != nil || len(orders) != 0 {
			t.Fatalf("%d orders, %v", len(orders), err)
		}
		for _, who := range []string{"alice", "bob", "carol"} {
			cafetest.Place(t, c, who, cafetest.Lines("tea"))
		}
		batch := c.Recorder.Changes(ledger.Wants)
		c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
			if call.Method == "Write" && call.Ops[0].Key.PK == "C#bob" {
				return throttled
			}
			return tabletest.Fault{}
		})
		for i, err := range c.Ledger.Post(ctx, batch) {
			if (err != nil) != (i == 1) || err != nil && !errors.Is(err, table.ErrThrottled) {
				t.Errorf("change %d: %v", i, err)
			}
		}
		cafetest.WantTotals(t, c, "alice", 220, 220, 1)
		cafetest.WantTotals(t, c, "carol", 220, 220, 1)
		c.Faults.Set(nil)
		c.Post(t, batch...)
		c.WantTrue(t)
	})
}

// After its report is due, a day is marked before its orders are posted, once a batch.
func TestCase28ADayThatCannotBeMarkedFailsItsOrdersAlone(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		const orders = 12 // on each of two days
		for _, evening := range []string{"2017-03-17 20:01", "2017-03-18 20:01"} {
			cafetest.ClockAt(t, c, evening)
			for range orders {
				cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
			}
		}
		batch := c.Recorder.Changes(ledger.Wants)
		c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
			if call.Method == "Write" && call.Ops[0].Key == records.DayKey("2017-03-17") {
				return tabletest.Fault{Before: table.ErrUnavailable}
			}
			return tabletest.Fault{}
		})
		for i, err := range c.Ledger.Post(ctx, batch) {
			if (err != nil) != (i < orders) || err != nil && !errors.Is(err, table.ErrUnavailable) {
				t.Errorf("change %d: %v", i, err)
			}
		}
		cafetest.WantTotals(t, c, "alice", 220*orders, 220*orders, orders)
		c.Faults.Set(nil)
		c.Post(t, batch...)
		c.WantTrue(t)
		for day, want := range map[model.Day]int64{"2017-03-17": 1, "2017-03-18": 2} {
			if item, err := c.Table.Get(ctx, records.DayKey(day), true); err != nil || item.Int("late") != want {
				t.Errorf("%s is marked %d times, %v; want %d", day, item.Int("late"), err, want)
			}
		}
	})
}

func TestALateBatchOfAClosedDayIsFoundByTheNextClose(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.ClockAt(t, c, "2017-03-18 20:01")
		closed := table.Update(records.DayKey("2017-03-18"))
		closed.Set = table.Item{records.AttrClosed: table.Int(1)}
		if err := c.Table.Write(ctx, closed); err != nil {
			t.Fatal(err)
		}
		marked := func() (days []string) {
			for row, err := range records.Query(ctx, c.Table, table.Query{Index: table.Index2, Partition: records.PartitionDays}) {
				if err != nil {
					t.Fatal(err)
				}
				days = append(days, row.Key.SK)
			}
			return days
		}
		cafetest.Pay(t, c, "alice", 100)
		cafetest.ClockAt(t, c, "2017-03-19 20:01")
		cafetest.Place(t, c, "", cafetest.Lines("tea"))
		cafetest.Deliver(t, c)
		if days := marked(); !slices.Equal(days, []string{"2017-03-18"}) {
			t.Errorf("the next close looks at %v", days)
		}
	})
}

// A mere move, as from placed to preparing, contributes nothing new. It costs the ledger
// nothing, and so it heals nothing.
func TestCase29ALostRecordIsHealedByTheNextChangeOfATotalOrByReconcile(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		next := cafetest.Place(t, c, "alice", cafetest.Lines("latte"))
		cafetest.Place(t, c, "bob", cafetest.Lines("tea"))
		cafetest.Pay(t, c, "bob", 50)
		cafetest.Place(t, c, model.WalkIn, cafetest.Lines("muffin"))
		c.Recorder.Forget() // all four are lost
		moved := cafetest.Place(t, c, "carol", cafetest.Lines("tea"))
		c.Recorder.Forget()
		cafetest.Advance(t, c, moved.ID, model.StatusPreparing, model.StatusReady)
		cafetest.Deliver(t, c)
		cafetest.WantTotals(t, c, "carol", 0, 0, 0)
		cafetest.Advance(t, c, moved.ID, model.StatusCollected, model.StatusRefunded)
		cafetest.Deliver(t, c)
		cafetest.WantTotals(t, c, "carol", 0, 0, 1)
		if entries := cafetest.Stored(t, c, "L#"); len(entries) != 1 {
			t.Errorf("%d entries; the refund should have made carol's", len(entries))
		}
		cafetest.Advance(t, c, next.ID, model.StatusCancelled)
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		cafetest.WantTotals(t, c, "alice", 0, 0, 0)

		want := []ledger.Drift{
			{CustomerID: "bob", Total: ledger.TotalBalance, Stored: 0, Actual: 170},
			{CustomerID: "bob", Total: ledger.TotalOrders, Stored: 0, Actual: 1},
			{CustomerID: "bob", Total: ledger.TotalSpent, Stored: 0, Actual: 220},
			{CustomerID: model.WalkIn, Day: "2017-03-18", Total: ledger.TotalTakings, Stored: 0, Actual: 280},
		}
		c.Ledger.Settle = 10 * time.Millisecond
		before := books(t, c)
		found, err := c.Ledger.Reconcile(ctx, true)
		if err != nil || found.Customers != 3 || found.Repaired != 0 || !slices.Equal(found.Drifted, want) {
			t.Fatalf("dry run found %+v, %v", found, err)
		}
		if !maps.EqualFunc(before, books(t, c), table.Item.Equal) {
			t.Error("a dry run changed something")
		}
		found, err = c.Ledger.Reconcile(ctx, false)
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
		batch := cafetest.History(t, c, 10)
		c.Post(t, batch...)
		before := cafetest.Stored(t, c, "")
		c.Clock.Pass(5 * 24 * time.Hour)
		for _, batch := range cafetest.Batches(t, cafetest.Shuffled(t, batch)) {
			c.Post(t, batch...)
		}
		for key, item := range cafetest.Stored(t, c, "") {
			if !item.Equal(before[key]) && key.PK != records.PartitionDays { // days are marked again, in vain
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
			batch := c.Recorder.Changes(ledger.Wants)
			some := []records.Change(nil)
			if len(batch) > 0 {
				some = rapid.SliceOfN(rapid.SampledFrom(batch), 0, 15).Draw(t, "some")
			}
			for _, batch := range cafetest.Batches(t, some) {
				c.Post(t, batch...)
			}
		}
		for _, batch := range cafetest.Batches(t, cafetest.Shuffled(t, c.Recorder.Changes(ledger.Wants))) {
			c.Post(t, batch...)
		}
		c.WantTrue(t)
	})
}

func TestACustomerWhoseItemWasLostIsPostedToAgain(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Place(t, c, "alice", cafetest.Pence(1200))
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		if err := c.Table.Write(ctx, table.Delete(table.Key{PK: "C#alice", SK: "C"})); err != nil {
			t.Fatal(err)
		}
		cafetest.Place(t, c, "alice", cafetest.Pence(1100)) // the alert of a first crossing is there already
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		cafetest.WantTotals(t, c, "alice", 1100, 1100, 1) // until they are reconciled
		if n := len(cafetest.Stored(t, c, "A#")); n != 2 {
			t.Errorf("%d alerts", n)
		}
		c.Ledger.Settle = 10 * time.Millisecond
		if _, err := c.Ledger.Reconcile(ctx, false); err != nil {
			t.Fatal(err)
		}
		cafetest.WantTotals(t, c, "alice", 2300, 2300, 2)
		c.WantTrue(t)
	})
}

func TestABatchOfManyOrdersOfOneCustomer(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Recorder.Pause()
		const n = 120 // more than fit into one write
		for i := range n {
			if i%3 == 2 {
				cafetest.Pay(t, c, "alice", 700)
			} else {
				cafetest.Place(t, c, "alice", cafetest.Lines("latte"))
			}
		}
		c.Post(t, c.Snapshot(t)...)
		cafetest.WantTotals(t, c, "alice", 80*350-40*700, 80*350, 80)
		c.WantTrue(t)
	})
}
