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

	// The parts of the order's money. Net, the amounts of Taxes and Tip add up to what the
	// order brought. An order that was reckoned without a pricing document has Net only.
	Net      Money      // Revenue without taxes
	Pricing  int64      // version of the pricing document that says what Taxes are called; 0 without Taxes
	Taxes    []EntryTax // by id
	Discount Money      // what the order's discounts took
	Charge   Money      // what the order's charges added, without additive taxes
	Tip      Money

	// NoSale entries have what was paid or given back on a later day than the order's own, or
	// what a till gave back. The order is not counted with them.
	NoSale bool
	// Tenders say how the money came in, by method. They add up to Revenue + Tip; those of a
	// payment onto a tab, to 0. Zeros are left out.
	Tenders []EntryTender // by method
	// Refunds are what was given back that day, and are taken off Revenue and Tip already.
	Refunds []Reversal
	// Cancelled is what the order would have brought. It is nil unless the order was cancelled.
	Cancelled *Reversal
}

// EntryTender is what came in by one method, less what was given back by it.
type EntryTender struct {
	Method Method
	Amount Money
	Count  int64 // of payments; an order on a tab, unpaid or of which nobody said counts as one
}

// Reversal is money given back, or not earned, and why.
type Reversal struct {
	Reason string // may be empty
	By     string // who did it; may be empty
	Amount Money  // without Tip
	Tip    Money
	Tax    Money // the taxes contained in Amount; 0 of what was cancelled
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
func (e Entry) Counts() bool {
	return e.Kind == EntryOrder && e.Status.Counts() && !e.Deleted && !e.NoSale
}

// IsReturn reports whether the entry is of an order that a till has with a negative amount:
// money that was given back, though no order says for what. It counts as an order in its
// customer's totals, where it was counted when it was posted.
func (e Entry) IsReturn() bool { return e.Counts() && e.Gross() < 0 }

// IsSale reports whether the entry is of an order that sold something.
func (e Entry) IsSale() bool { return e.Counts() && !e.IsReturn() }

// Gross returns the revenue before refunds.
func (e Entry) Gross() Money {
	gross := e.Revenue
	for _, r := range e.Refunds {
		gross += r.Amount
	}
	return gross
}

// PlainTenders returns how the money came in when nobody says: onto the tab if the entry is of
// one, else at the counter; and onto a tab by cash.
func (e Entry) PlainTenders() []EntryTender {
	if e.Kind == EntryPayment {
		return []EntryTender{{TenderAccount, e.Tab, 0}, {MethodCash, -e.Tab, 1}}
	}
	sum, method, count := e.Revenue+e.Tip, TenderUnsaid, int64(0)
	if e.Tab != 0 {
		method = TenderAccount
	}
	if e.Counts() {
		count = 1
	}
	if sum == 0 {
		return nil
	}
	return []EntryTender{{method, sum, count}}
}

// Entries returns what the order contributes to the totals: first that of its own business
// day, then one for each later day on which something was paid or given back, in their order.
func (o Order) Entries() []Entry {
	entries := make([]Entry, 1, 1+len(o.Refunds))
	entries[0] = o.sale()
	on := func(day Day) *Entry {
		for i := range entries {
			if entries[i].Day == day {
				return &entries[i]
			}
		}
		later := Entry{
			Kind: EntryOrder, ID: o.ID, CustomerID: o.CustomerID, Day: day, Shard: o.Shard,
			Posting: o.Posting, At: o.PlacedAt, Status: entries[0].Status, Deleted: o.Deleted, NoSale: true,
		}
		entries = append(entries, later)
		return &entries[len(entries)-1]
	}
	stands := o.Stands()
	for _, p := range o.Payments {
		e := on(p.Day)
		if o.Deleted {
			continue
		}
		if stands {
			e.Tip += p.Tip
		}
		e.tender(p.Method, p.Received(), 1)
		e.tender(TenderRounding, -p.Rounding, 0)
	}
	for _, r := range o.Refunds {
		e := on(r.Day)
		if o.Deleted {
			continue
		}
		if stands {
			e.giveBack(o, r)
		}
		e.tender(r.Method, -r.Total()-r.Rounding, 0)
		e.tender(TenderRounding, r.Rounding, 0)
	}
	for i := range entries {
		entries[i].balance(o)
	}
	sort.SliceStable(entries[1:], func(i, j int) bool { return entries[i+1].Day < entries[j+1].Day })
	return entries
}

// sale returns what the order contributes to its own day, without payments and refunds.
func (o Order) sale() Entry {
	e := Entry{
		Kind: EntryOrder, ID: o.ID, CustomerID: o.CustomerID, Day: o.BusinessDay, Shard: o.Shard,
		Posting: o.Posting, At: o.PlacedAt, Status: o.Status, Deleted: o.Deleted,
	}
	if !o.Stands() {
		if o.Status == StatusCancelled && !o.Deleted {
			e.Cancelled = &Reversal{Reason: o.CancelReason, By: o.CancelledBy, Amount: o.Total - o.Reckoning.Tip, Tip: o.Reckoning.Tip}
		}
		return e
	}
	if o.Status == StatusRefunded {
		e.Status = StatusCollected
	}
	r := o.Reckoning
	e.Discount, e.Charge, e.Tip = r.Discount(), r.Charge(), r.Tip
	e.Revenue = o.Total - e.Tip
	if o.Payment == TermsAccount {
		e.Tab = o.Total
	}
	e.Net = e.Revenue
	for _, t := range r.Taxes {
		e.addTax(r.Pricing, EntryTax{t.ID, t.Net, t.Amount})
	}
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

// giveBack takes a refund off what the entry contributes.
func (e *Entry) giveBack(o Order, r Refund) {
	e.Revenue -= r.Amount
	e.Net -= r.Amount
	e.Tip -= r.Tip
	if o.Payment == TermsAccount {
		e.Tab -= r.Total()
	}
	for _, t := range r.Taxes {
		e.addTax(o.Reckoning.Pricing, EntryTax{t.ID, -t.Net, -t.Amount})
	}
	given := Reversal{Reason: r.Reason, By: r.By, Amount: r.Amount, Tip: r.Tip}
	for _, t := range r.Taxes {
		given.Tax += t.Amount
	}
	e.Refunds = append(e.Refunds, given)
}

// addTax adds to a tax of the entry, and takes it off Net.
func (e *Entry) addTax(pricing int64, t EntryTax) {
	e.Net -= t.Amount
	e.Pricing = pricing
	at := sort.Search(len(e.Taxes), func(i int) bool { return e.Taxes[i].ID >= t.ID })
	if at == len(e.Taxes) || e.Taxes[at].ID != t.ID {
		e.Taxes = append(e.Taxes, EntryTax{})
		copy(e.Taxes[at+1:], e.Taxes[at:])
		e.Taxes[at] = EntryTax{ID: t.ID}
	}
	e.Taxes[at].Net += t.Net
	e.Taxes[at].Amount += t.Amount
}

// tender adds money that came in by a method.
func (e *Entry) tender(m Method, amount Money, count int64) {
	for i := range e.Tenders {
		if t := &e.Tenders[i]; t.Method == m {
			t.Amount += amount
			t.Count += count
			return
		}
	}
	if amount != 0 || count != 0 {
		e.Tenders = append(e.Tenders, EntryTender{m, amount, count})
	}
}

// balance files what is not paid yet, or not said, under the tender that the order's terms
// give, and puts the tenders in the order of their names.
func (e *Entry) balance(o Order) {
	rest := e.Revenue + e.Tip
	for _, t := range e.Tenders {
		rest -= t.Amount
	}
	if rest != 0 {
		method, count := TenderUnpaid, int64(0)
		switch o.Payment {
		case TermsAccount:
			method = TenderAccount
		case TermsCounter:
			method = TenderUnsaid
		}
		if e.Counts() {
			count = 1
		}
		e.tender(method, rest, count)
	}
	e.Tenders = slices.DeleteFunc(e.Tenders, func(t EntryTender) bool { return t.Amount == 0 && t.Count == 0 })
	sort.Slice(e.Tenders, func(i, j int) bool { return e.Tenders[i].Method < e.Tenders[j].Method })
	if len(e.Tenders) == 0 {
		e.Tenders = nil
	}
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
	if now.Kind == EntryOrder && !now.NoSale && now.At.After(c.LastOrderAt) {
		c.LastOrderAt = now.At
	}
	if now.At.After(c.ErasedAt) {
		c.ErasedAt = time.Time{}
	}
	return nil
}

// SameContribution reports whether both entries add the same to every total. Cancelled orders
// add nothing.
func (e Entry) SameContribution(f Entry) bool {
	return e.Status.Counts() == f.Status.Counts() && e.Deleted == f.Deleted && e.Tab == f.Tab &&
		e.Revenue == f.Revenue && slices.Equal(e.Items, f.Items) &&
		e.Net == f.Net && e.Pricing == f.Pricing && slices.Equal(e.Taxes, f.Taxes) &&
		e.Discount == f.Discount && e.Charge == f.Charge && e.Tip == f.Tip &&
		e.NoSale == f.NoSale && slices.Equal(e.Tenders, f.Tenders) && slices.Equal(e.Refunds, f.Refunds)
}

// SameContributions reports whether both lists of entries add the same to every total.
func SameContributions(a, b []Entry) bool {
	return slices.EqualFunc(a, b, func(e, f Entry) bool { return e.Day == f.Day && e.SameContribution(f) })
}
