package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"cafe/internal/cafetest"
	"cafe/internal/ledger"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

// Reconcile sets a customer's totals to what it has added up. When something is posted
// meanwhile, at whichever of its calls, it must add up again, or leave the totals to the next
// run: a sum without what was posted would take it out of the totals.
func TestReconcileThatIsOvertakenAtAnyOfItsCallsEndsRight(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Ledger.Settle = time.Millisecond
		for n := 1; ; n++ {
			who := fmt.Sprintf("customer-%d", n)
			cafetest.Place(t, c, who, cafetest.Lines("latte"))
			c.Post(t, c.Recorder.Changes(ledger.Wants)...)
			cafetest.Spoil(t, c, table.Key{PK: "C#" + who, SK: "C"}, table.Item{"balance": table.Int(7)})

			before, posted := c.Faults.Calls(), false
			c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
				if call.N != before+n || posted {
					return tabletest.Fault{}
				}
				posted = true
				return tabletest.Fault{Then: func() {
					cafetest.Place(t, c, who, cafetest.Lines("tea"))
					c.Post(t, c.Recorder.Changes(ledger.Wants)...)
				}}
			})
			if _, err := c.Ledger.Reconcile(ctx, false); err != nil {
				t.Fatalf("overtaken at call %d: %v", n, err)
			}
			c.Faults.Set(nil)
			want := model.Money(350)
			if posted {
				want += 220
			}
			if got := c.Customer(t, who); got.Spent != want || got.Balance != want && got.Balance != 7+220 {
				t.Errorf("spent %d, balance %d", got.Spent, got.Balance)
			}
			if _, err := c.Ledger.Reconcile(ctx, false); err != nil {
				t.Fatal(err)
			}
			if got := c.Customer(t, who); got.Spent != want || got.Balance != want {
				t.Errorf("spent %d, balance %d after the next run", got.Spent, got.Balance)
			}
			if t.Failed() {
				t.Fatalf("overtaken at call %d", n)
			}
			if !posted {
				if n < 10 {
					t.Errorf("reconcile made %d calls", n-1)
				}
				c.WantTrue(t)
				return
			}
		}
	})
}
