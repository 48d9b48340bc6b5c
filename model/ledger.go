package model

import (
	"sort"
	"time"
)

// Entry is what one order or payment contributes to the totals now: not what
// changed, but all of it. An entry replaces the one of a lower Posting, and totals
// move by the difference. So deliveries may be repeated, reordered or lost, and the
// totals still end as the sum of what is.
type Entry struct {
	Kind       EntryKind
	ID         string // of the order or payment
	CustomerID string // WalkIn when nobody's
	Day        Day
	Shard      int64
	Posting    int64
	At         time.Time // when placed or paid

	Status  Status // of the order when posted; empty for a payment
	Deleted bool
	Tab     Money // to the customer's balance; negative for a payment
	Revenue Money // to spent and to the day's revenue
	Items   []EntryItem
}

// EntryKind tells orders and payments apart.
type EntryKind string

// The kinds of entries.
const (
	EntryOrder   EntryKind = "order"
	EntryPayment EntryKind = "payment"
)

// EntryItem is what an order sold of one item.
type EntryItem struct {
	SKU      string
	Quantity int64
	Revenue  Money
}

// Counts reports whether the entry is an order that counts.
func (e Entry) Counts() bool { return e.Kind == EntryOrder && e.Status.Counts() && !e.Deleted }

// Entry returns what the order contributes now.
func (o Order) Entry() Entry {
	e := Entry{
		Kind: EntryOrder, ID: o.ID, CustomerID: o.CustomerID, Day: o.BusinessDay, Shard: o.Shard,
		Posting: o.Posting, At: o.PlacedAt, Status: o.Status, Deleted: o.Deleted,
	}
	if !e.Counts() {
		return e
	}
	e.Revenue = o.Total
	if o.Payment == TermsAccount {
		e.Tab = o.Total
	}
	for _, l := range o.Lines {
		at := sort.Search(len(e.Items), func(i int) bool { return e.Items[i].SKU >= l.SKU })
		if at == len(e.Items) || e.Items[at].SKU != l.SKU {
			e.Items = append(e.Items, EntryItem{})
			copy(e.Items[at+1:], e.Items[at:])
			e.Items[at] = EntryItem{SKU: l.SKU}
		}
		e.Items[at].Quantity += l.Quantity
		e.Items[at].Revenue += l.Total
	}
	return e
}

// Post moves the customer's totals from what the entry contributed before to what it
// does now. The zero Entry contributes nothing. ErrOverflow leaves the customer as
// they were.
func (c *Customer) Post(before, now Entry) error {
	balance, err := c.Balance.Add(now.Tab - before.Tab)
	if err != nil {
		return err
	}
	spent, err := c.Spent.Add(now.Revenue - before.Revenue)
	if err != nil {
		return err
	}
	c.Balance, c.Spent = balance, spent
	if before.Counts() {
		c.Orders--
	}
	if now.Counts() {
		c.Orders++
	}
	if now.Kind == EntryOrder && now.At.After(c.LastOrderAt) {
		c.LastOrderAt = now.At
	}
	if now.At.After(c.ErasedAt) {
		c.ErasedAt = time.Time{}
	}
	return nil
}
