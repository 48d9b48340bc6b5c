package ledger

import (
	"fmt"
	"hash/maphash"
	"time"

	"cafe/model"
)

// Drift is a stored total that differs from the sum of the orders and payments behind it.
type Drift struct {
	CustomerID string    // model.WalkIn for a day's takings
	Day        model.Day // of walk-ins; empty for a customer
	Total      Total
	Stored     int64 // minor units, or a number of orders or entries
	Actual     int64
}

// Total names a total that can drift.
type Total string

// The totals of a customer, the takings of a day's walk-ins, and the entries of either.
// Entries drift where every sum is right and the ledger is wrong all the same: Actual is how
// many orders and payments there are, Stored how many of them the ledger has as they are.
const (
	TotalBalance Total = "balance"
	TotalOrders  Total = "orders"
	TotalSpent   Total = "spent"
	TotalTakings Total = "takings"
	TotalEntries Total = "entries"
)

// Field names the total in the words of the contract: "balance", "orders", "spent" or
// "entries" for a customer; for walk-ins the day, "2017-03-18", or "2017-03-18 entries".
func (d Drift) Field() string {
	switch {
	case d.Day == "":
		return string(d.Total)
	case d.Total == TotalTakings:
		return string(d.Day)
	}
	return string(d.Day) + " " + string(d.Total)
}

// tally is the sum of entries.
type tally struct {
	balance, spent model.Money
	orders         int64
	lastOrderAt    time.Time
	lastAt         time.Time // of orders and payments
	contents       uint64    // sum of the entries' hashes: the same in any order
}

func (t *tally) add(e model.Entry) {
	t.contents += hashOf(e)
	t.balance += e.Tab
	t.spent += e.Revenue
	if e.Counts() {
		t.orders++
	}
	if e.Kind == model.EntryOrder && !e.NoSale && e.At.After(t.lastOrderAt) {
		t.lastOrderAt = e.At
	}
	if e.At.After(t.lastAt) {
		t.lastAt = e.At
	}
}

var hashSeed = maphash.MakeSeed()

// hashOf returns a hash of what the entry contributes. It holds within this process.
func hashOf(e model.Entry) uint64 {
	return maphash.String(hashSeed, fmt.Sprintf("%s %s %d %t %t %d %d %v %d %d %v %d %d %d %t %v %v",
		e.Kind, e.ID, e.Posting, e.Status.Counts(), e.Deleted, e.Tab, e.Revenue, e.Items,
		e.Net, e.Pricing, e.Taxes, e.Discount, e.Charge, e.Tip, e.NoSale, e.Tenders, e.Refunds))
}

// drift returns the sums that differ from the actual ones.
func (t tally) drift(customerID string, actual tally) []Drift {
	var drifted []Drift
	for _, f := range []Drift{
		{customerID, "", TotalBalance, int64(t.balance), int64(actual.balance)},
		{customerID, "", TotalOrders, t.orders, actual.orders},
		{customerID, "", TotalSpent, int64(t.spent), int64(actual.spent)},
	} {
		if f.Stored != f.Actual {
			drifted = append(drifted, f)
		}
	}
	return drifted
}

// books are the sums of one party: of its orders and payments, of the ledger's entries, and
// the customer's own totals.
type books struct {
	source, ledger, stored tally
	extra                  []source // what an index does not find by the customer or the day
	unlisted               bool     // the customer is not in the list of customers
	unknown                bool     // the ledger has an entry whose order or payment cannot be decoded
}

// agree reports whether the ledger has every order and payment as it is.
func (b books) agree() bool {
	return b.ledger.drift("", b.source) == nil && b.ledger.contents == b.source.contents
}

// party is a customer, or the walk-ins of one day, whose books are examined.
type party struct {
	customer string
	day      model.Day
	began    time.Time // a later change may still be on its way to the ledger
	extra    []source  // of deleted orders, which no index has, and of orders of other days

	drifted []Drift
}

// source is an order or payment: what it contributes, and since when.
type source struct {
	model.Entry
	since time.Time
}

func booksOf[K comparable](all map[K]*books, key K) *books {
	b := all[key]
	if b == nil {
		b = &books{}
		all[key] = b
	}
	return b
}

func tallyOf(c model.Customer) tally {
	return tally{balance: c.Balance, spent: c.Spent, orders: c.Orders, lastOrderAt: c.LastOrderAt}
}
