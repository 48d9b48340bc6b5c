package model

import (
	"slices"
	"sort"
	"time"
)

// Entry is what one order or one payment contributes to the totals. It has the whole
// contribution and not a change of it. An entry replaces the one with a lower Posting, and
// the totals change by the difference. So entries may be delivered twice, out of order or
// not at all. Once the newest entry of each order and payment is delivered, the totals are
// right.
type Entry struct {
	Kind       EntryKind
	ID         string // the id of the order or the payment
	CustomerID string // WalkIn if there is no customer
	Day        Day
	Shard      int64
	Posting    int64
	At         time.Time // when the order was placed or the payment was made

	Status  Status // the status of the order; empty for a payment
	Deleted bool
	Tab     Money // added to the customer's balance, with the tip; negative for a payment
	Revenue Money // added to the customer's spent and to the day's revenue; without the tip
	Items   []EntryItem

	// The parts of the order's money. Net, the amounts of Taxes and Tip add up to the order's
	// total. An order that was reckoned without a pricing document has Net only.
	Net      Money      // Revenue without taxes
	Pricing  int64      // version of the pricing document that says what Taxes are called; 0 without Taxes
	Taxes    []EntryTax // by id
	Discount Money      // what the order's discounts took
	Charge   Money      // what the order's charges added, without additive taxes
	Tip      Money
}

// EntryKind is the kind of an entry: an order or a payment.
type EntryKind string

// The kinds of entries.
const (
	EntryOrder   EntryKind = "order"
	EntryPayment EntryKind = "payment"
)

// EntryItem is the quantity and the revenue of one item in an order. The revenue is after
// discounts and with taxes.
type EntryItem struct {
	SKU      string
	Quantity int64
	Revenue  Money
}

// EntryTax is one tax of an order.
type EntryTax struct {
	ID     string
	Net    Money // what the tax was reckoned on
	Amount Money
}

// Counts reports whether the entry is an order that counts in totals.
func (e Entry) Counts() bool { return e.Kind == EntryOrder && e.Status.Counts() && !e.Deleted }

// Entry returns what the order contributes to the totals.
func (o Order) Entry() Entry {
	e := Entry{
		Kind: EntryOrder, ID: o.ID, CustomerID: o.CustomerID, Day: o.BusinessDay, Shard: o.Shard,
		Posting: o.Posting, At: o.PlacedAt, Status: o.Status, Deleted: o.Deleted,
	}
	if !e.Counts() {
		return e
	}
	r := o.Reckoning
	e.Discount, e.Charge, e.Tip = r.Discount(), r.Charge(), r.Tip
	e.Revenue = o.Total - e.Tip
	if o.Payment == TermsAccount {
		e.Tab = o.Total
	}
	e.Net = e.Revenue
	for _, t := range r.Taxes {
		e.Net -= t.Amount
		e.Taxes = append(e.Taxes, EntryTax{t.ID, t.Net, t.Amount})
		e.Pricing = r.Pricing
	}
	sort.Slice(e.Taxes, func(i, j int) bool { return e.Taxes[i].ID < e.Taxes[j].ID })
	for _, l := range o.Lines {
		at := sort.Search(len(e.Items), func(i int) bool { return e.Items[i].SKU >= l.SKU })
		if at == len(e.Items) || e.Items[at].SKU != l.SKU {
			e.Items = append(e.Items, EntryItem{})
			copy(e.Items[at+1:], e.Items[at:])
			e.Items[at] = EntryItem{SKU: l.SKU}
		}
		e.Items[at].Quantity += l.Quantity
		e.Items[at].Revenue += r.Revenue(l)
	}
	return e
}

// Post replaces the contribution of the entry before by that of the entry now, in the
// customer's totals. The zero Entry contributes nothing. If Post returns ErrOverflow, the
// customer is unchanged.
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

// SameContribution reports whether both entries add the same to every total.
func (e Entry) SameContribution(f Entry) bool {
	return e.Status.Counts() == f.Status.Counts() && e.Deleted == f.Deleted && e.Tab == f.Tab &&
		e.Revenue == f.Revenue && slices.Equal(e.Items, f.Items) &&
		e.Net == f.Net && e.Pricing == f.Pricing && slices.Equal(e.Taxes, f.Taxes) &&
		e.Discount == f.Discount && e.Charge == f.Charge && e.Tip == f.Tip
}
