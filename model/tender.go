package model

import (
	"slices"
	"time"
)

// Method says by what means money changes hands.
type Method string

// The methods of payments and refunds.
const (
	MethodCash    Method = "cash"
	MethodCard    Method = "card"
	MethodVoucher Method = "voucher"
	MethodOther   Method = "other"
)

// The books file all of an order's money under tenders. Some tenders are no money in hand.
const (
	TenderAccount  Method = "account"  // on the customer's tab
	TenderUnsaid   Method = "unsaid"   // paid at the counter; nobody said how
	TenderUnpaid   Method = "unpaid"   // not paid yet; below 0 when something was paid for no sale
	TenderRounding Method = "rounding" // what rounding cash to the smallest coin left: the café's loss, or below 0 its gain
)

// Methods lists the methods of payments, in the order in which people read them.
var Methods = []Method{MethodCash, MethodCard, MethodVoucher, MethodOther}

// Valid reports whether money can change hands by it.
func (m Method) Valid() bool { return slices.Contains(Methods, m) }

// OrderPayment is money paid for one order. It is never changed.
type OrderPayment struct {
	ID        string
	Method    Method
	Amount    Money // what it takes off what is due; above 0, unless it only tips
	Tip       Money // given on top of Amount; never revenue
	Rounding  Money // cash only: added to Amount, it makes an amount that coins can pay
	Given     Money // cash only: what was handed over for Amount; 0: just that
	Reference string
	Day       Day // the business day on which it counts
	At        time.Time
	By        string // who took it: the staff member's id
	Role      Role

	Fingerprint string // see Order.Fingerprint
}

// Received returns what came into the drawer, or onto the card machine.
func (p OrderPayment) Received() Money { return p.Amount + p.Tip + p.Rounding }

// Change returns what is given back of cash.
func (p OrderPayment) Change() Money { return max(0, p.Given-p.Amount-p.Rounding) }

// Refund is money given back for one order. It is never changed. Its parts are not below 0.
type Refund struct {
	ID       string
	Lines    []RefundLine // nil: of an amount, or of all that was left
	Amount   Money        // of the revenue: lines and charges, with taxes
	Tip      Money        // of tips
	Taxes    []EntryTax   // the taxes contained in Amount, by id
	Rounding Money        // cash only: added to what is given back, it makes an amount that coins can pay
	Reason   string
	Method   Method // TenderAccount: taken off the tab; TenderUnsaid: nobody said
	Restock  bool   // the units of Lines went back on the shelf
	Day      Day    // the business day on which it was made
	At       time.Time
	By       string // who made it
	Role     Role

	Fingerprint string // see Order.Fingerprint
}

// RefundLine is units of a line that were given back.
type RefundLine struct {
	Line     int // its place in the order, from 0
	Quantity int64
}

// Total returns what was given back, tip and all, before rounding.
func (r Refund) Total() Money { return r.Amount + r.Tip }

// Paid returns what payments took off what is due. An order at the counter of which nobody
// says how it was paid counts as paid by TenderUnsaid, for what payments leave.
func (o Order) Paid() (sum Money) {
	if o.Payment == TermsCounter && o.Stands() {
		return o.Total
	}
	for _, p := range o.Payments {
		sum += p.Amount
	}
	return sum
}

// Due returns what is still to be paid for the order by itself. It is 0 for an order on a
// tab, where the tab is due, and for one that no longer counts.
func (o Order) Due() Money {
	if o.Payment != TermsOpen || o.Deleted || !o.Status.Counts() {
		return 0
	}
	return o.Total - o.Paid()
}

// Refunded returns what was given back for the order so far, tips included.
func (o Order) Refunded() (sum Money) {
	for _, r := range o.Refunds {
		sum += r.Total()
	}
	return sum
}

// Stands reports whether the order's sale counts in totals. A refund that is on record takes
// back what it gives back, and the sale stands.
func (o Order) Stands() bool {
	return !o.Deleted && (o.Status.Counts() || o.Status == StatusRefunded && len(o.Refunds) > 0)
}
