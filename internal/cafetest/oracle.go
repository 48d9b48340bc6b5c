package cafetest

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"cafe/internal/cafe"
	"cafe/internal/table"
	"cafe/model"
)

// WantTrue is the oracle. It reads the whole table and wants that
//
//   - each customer's balance, spent and orders are the sums over that customer's orders
//     that count and payments;
//   - each order has a ledger entry for its own day and each on which something was paid or
//     given back, and each payment onto a tab has one, which say what they contribute now;
//   - the parts of each order's money add up to its total;
//   - the alert is armed just when the balance is at or under the limit, and there is one
//     alert in the outbox for each crossing that was counted;
//   - a dry run of Reconcile finds nothing.
//
// It goes by the stored attributes and shares no code with package cafe.
func (c *Cafe) WantTrue(t rapid.TB) {
	t.Helper()
	rows := Rows(t, c.Table)
	wanted, entries := map[string]*totals{}, map[string]string{}
	of := func(id string) *totals {
		if wanted[id] == nil {
			wanted[id] = &totals{}
		}
		return wanted[id]
	}
	for _, row := range rows {
		switch i := row.Item; {
		case strings.HasPrefix(row.Key.PK, "O#"):
			for day, e := range contributions(t, i) {
				if e.counts {
					of(e.customer).orders++
				}
				of(e.customer).add(*e)
				entries[entryKey(row, day)] = e.String()
			}
		case strings.HasPrefix(row.Key.PK, "P#"):
			e := entry{customer: i.Str("customer_id"), posting: 1, tab: -i.Int("amount"), tenders: tenders{}}
			e.tenders.add("account", e.tab, 0)
			e.tenders.add(cmp.Or(i.Str("method"), "cash"), -e.tab, 1)
			of(e.customer).add(e)
			entries[entryKey(row, i.Str("business_day"))] = e.String()
		}
	}
	delete(wanted, "walk-in")
	customers := map[string]table.Item{}
	alerts := map[string]int64{}
	for _, row := range rows {
		switch {
		case strings.HasPrefix(row.Key.PK, "C#") && row.Key.SK == "C":
			customers[row.Key.PK[2:]] = row.Item
		case strings.HasPrefix(row.Key.PK, "A#"):
			attributes, _ := row.Item["attributes"].Map()
			if attributes.Str("type") == "high_balance" {
				alerts[attributes.Str("customer_id")]++
			}
		case strings.HasPrefix(row.Key.PK, "L#") && !strings.HasPrefix(row.Key.SK, "S#") && !strings.HasPrefix(row.Key.SK, "W#"):
			want, known := entries[row.Key.String()]
			delete(entries, row.Key.String())
			if got := posted(row); !known {
				t.Errorf("ledger entry %s is of no order or payment: %s", row.Key, got)
			} else if got != want {
				t.Errorf("ledger entry %s is\n%s, want\n%s", row.Key, got, want)
			}
		}
	}
	for key, want := range entries {
		t.Errorf("ledger lacks %s: %s", key, want)
	}
	for id, want := range wanted {
		i := customers[id]
		if got := (totals{i.Int("balance"), i.Int("spent"), i.Int("orders")}); got != *want {
			t.Errorf("totals of %s (balance, spent, orders) are %v, want %v", id, got, *want)
		}
	}
	for id, i := range customers {
		limit := int64(c.CreditLimit)
		if i["credit_limit"].Kind() == table.KindInt {
			limit = i.Int("credit_limit")
		}
		if wanted[id] == nil && (i.Int("balance") != 0 || i.Int("spent") != 0 || i.Int("orders") != 0) {
			t.Errorf("%s has totals and no orders or payments", id)
		}
		if armed := i.Int("balance") <= limit; i.Bool("armed") != armed {
			t.Errorf("%s: balance %d, limit %d, armed %v", id, i.Int("balance"), limit, i.Bool("armed"))
		}
		if i.Int("crossings") != alerts[id] {
			t.Errorf("%s: %d crossings, %d alerts", id, i.Int("crossings"), alerts[id])
		}
	}
	found, err := c.Ledger.Reconcile(context.Background(), true)
	if err != nil {
		t.Fatal("reconcile:", err)
	}
	if len(found.Drifted) > 0 || found.Repaired != 0 || found.Unreadable != 0 || found.Customers != len(customers) {
		t.Errorf("reconcile of %d customers found %+v", len(customers), found)
	}
	if t.Failed() {
		t.FailNow()
	}
}

type totals struct{ balance, spent, orders int64 }

func (t *totals) add(e entry) {
	t.balance += e.tab
	t.spent += e.revenue
}

// entry is what the ledger has to say of an order or payment on a day.
type entry struct {
	customer              string
	posting, tab, revenue int64
	money
	counts, noSale bool
	tenders        tenders
	refunds        int // how many
}

func (e entry) String() string { return e.text(e.tenders.String()) }

func (e entry) text(tenders string) string {
	return fmt.Sprintf("%s, posting %d, tab %d, revenue %d, sold %s, %s, tenders %s, %d refunds, sale %v",
		e.customer, e.posting, e.tab, e.revenue, e.items, e.money, tenders, e.refunds, !e.noSale)
}

func entryKey(row table.Row, day string) string {
	return fmt.Sprintf("L#%s#%d/%s", day, row.Item.Int("shard"), row.Key.PK)
}

// posted says what a stored ledger entry is, as entry.String does.
func posted(row table.Row) string {
	i := row.Item
	refunds, _ := i["refunds"].List()
	e := entry{customer: cmp.Or(i.Str("customer_id"), model.WalkIn), posting: i.Int("posting"), tab: i.Int("tab"), revenue: i.Int("revenue"), money: postedMoney(i),
		noSale: i.Bool("no_sale"), refunds: len(refunds)}
	return e.text(postedTenders(row.Key.SK, i))
}

// Totals returns a customer's balance, spent and orders as they are stored.
func (c *Cafe) Totals(t rapid.TB, id string) (balance, spent model.Money, orders int64) {
	t.Helper()
	customer := c.Customer(t, id)
	return customer.Balance, customer.Spent, customer.Orders
}

// Customer returns a customer as an owner sees them.
func (c *Cafe) Customer(t rapid.TB, id string) model.Customer {
	t.Helper()
	customer, err := c.Cafe.Customer(context.Background(), Owner, id)
	if err != nil {
		t.Fatalf("customer %s: %v", id, err)
	}
	return customer
}

// OnHand returns how much of a counted item is on the shelf.
func (c *Cafe) OnHand(t rapid.TB, sku string) int64 {
	t.Helper()
	stock, err := c.Table.Get(context.Background(), table.Key{PK: "S#" + sku, SK: "S"}, true)
	if err != nil {
		t.Fatalf("stock of %s: %v", sku, err)
	}
	return stock.Int("on_hand")
}

// Callers of tests.
var (
	Owner = cafe.Caller{ID: "olive", Role: model.RoleOwner}
	Staff = cafe.Caller{ID: "sam", Role: model.RoleStaff}
	Alice = cafe.Caller{ID: "alice", Role: model.RoleCustomer}
	Bob   = cafe.Caller{ID: "bob", Role: model.RoleCustomer}
)
