package ledger_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"cafe/internal/cafetest"
	"cafe/internal/ledger"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

func TestADriftIsNamedInTheContractsWords(t *testing.T) {
	for want, d := range map[string]ledger.Drift{
		"balance":            {CustomerID: "alice", Total: ledger.TotalBalance},
		"entries":            {CustomerID: "alice", Total: ledger.TotalEntries},
		"2017-03-18":         {CustomerID: model.WalkIn, Day: "2017-03-18", Total: ledger.TotalTakings},
		"2017-03-18 entries": {CustomerID: model.WalkIn, Day: "2017-03-18", Total: ledger.TotalEntries},
	} {
		if got := d.Field(); got != want {
			t.Errorf("%+v is %q, want %q", d, got, want)
		}
	}
}

// A record that cannot be read is an error of its own. What is no order, payment or shelf,
// although it lies beside one, is none of the ledger's.
func TestWhatTheLedgerCannotReadAndWhatIsNotItsOwn(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		empty := table.Item{"on_hand": table.Int(0)}
		full := table.Item{"on_hand": table.Int(1)}
		changes := []records.Change{
			{Key: records.OrderKey("a"), New: table.Item{"version": table.String("one")}},
			{Key: records.PaymentKey("a"), New: table.Item{"amount": table.String("one")}},
			{Key: records.StockKey("tea"), Old: full, New: table.Item{"on_hand": table.String("none")}},
			{Key: table.Key{PK: "O#a", SK: "X"}, New: empty},
			{Key: table.Key{PK: "P#a", SK: "X"}, New: empty},
			{Key: table.Key{PK: "S#tea", SK: "X"}, Old: full, New: empty},
			{Key: records.OrderKey("a")},
		}
		before := len(cafetest.Rows(t, c.Table))
		for i, err := range c.Ledger.Post(ctx, changes) {
			if (err != nil) != (i < 3) || err != nil && !records.IsUnreadable(err) {
				t.Errorf("change %d, %s: %v", i, changes[i].Key, err)
			}
		}
		if after := len(cafetest.Rows(t, c.Table)); after != before {
			t.Errorf("%d items more are stored", after-before)
		}
	})
}

// A change whose record has no time counts as of now.
func TestAnItemThatRunsOutAtATimeUnknownRanOutToday(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Post(t, records.Change{
			Key: records.StockKey("brownie"), Old: table.Item{"on_hand": table.Int(1), "restock": table.Int(1)},
			New: table.Item{"on_hand": table.Int(0), "restock": table.Int(1)},
		})
		now := c.Clock.Now().UTC().Truncate(time.Microsecond)
		mark, err := c.Table.Get(ctx, records.SoldOutKey(c.Settings.Calendar.DayOf(now), "brownie"), true)
		if err != nil || mark.Int("at") == 0 || mark.Int("at") > now.UnixMicro() {
			t.Errorf("%v, %v", mark, err)
		}
	})
}

// The orders of one customer go into one write: two reads and writes for each would have them
// wait for each other. When that write cannot be, each goes by itself.
func TestABatchOfACustomersOrdersIsOneWriteUnlessOneFails(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		for _, most := range []int{table.MaxOps, 2} { // operations that a write may have
			c.Recorder.Forget()
			for range 5 {
				cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
			}
			writes, refused := 0, 0
			c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
				if slices.ContainsFunc(call.Ops, func(op table.Op) bool { return op.Key == records.CustomerKey("alice") }) {
					writes++
					if len(call.Ops) > most {
						refused++
						return tabletest.Fault{Before: table.ErrTooLarge}
					}
				}
				return tabletest.Fault{}
			})
			c.Post(t, c.Recorder.Changes(ledger.Wants)...)
			c.Faults.Set(nil)
			if want := map[int]int{table.MaxOps: 1, 2: 6}[most]; writes != want || refused != want/6 {
				t.Errorf("writes of at most %d operations: %d, %d of them refused", most, writes, refused)
			}
		}
		cafetest.WantTotals(t, c, "alice", 2200, 2200, 10)
		c.WantTrue(t)
	})
}

// Without the entry that it replaces, a change moves no total.
func TestAChangeWhoseEntryCannotBeReadIsNotPosted(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		order := cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		c.Recorder.Forget()
		cafetest.Remove(t, c, order.ID)
		deleted := c.Recorder.Changes(ledger.Wants)
		gets := 0
		c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
			if call.Method != "Get" {
				return tabletest.Fault{}
			}
			if gets++; gets > 1 {
				return tabletest.Fault{}
			}
			return tabletest.Fault{Before: table.ErrUnavailable}
		})
		if err := c.Ledger.Post(ctx, deleted)[0]; !errors.Is(err, table.ErrUnavailable) {
			t.Errorf("the entry cannot be read: %v", err)
		}
		c.Faults.Set(nil)
		cafetest.WantTotals(t, c, "alice", 220, 220, 1)
		c.Post(t, deleted...)
		c.WantTrue(t)
	})
}
