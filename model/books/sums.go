// Package books is the café's bookkeeping: what a day's ledger adds up to, the chained record
// of a closed day, the journal for the bookkeeper, and a customer's statement. It is pure.
//
// A newcomer reads it in this order: sums.go (what a day adds up to), close.go (the record of
// a closed day), journal.go, statement.go.
package books

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"cafe/model"
)

// Sums is what the ledger entries of one day add up to, or by how much two such sums differ.
// These always hold:
//
//	Revenue = Gross - Refunds = Net + Σ Taxes
//	Revenue + Tips = Σ Tenders
//
// A payment onto a tab adds to the tender it was paid by, and takes the same off the tender
// account. Amounts are in minor units.
type Sums struct {
	Orders    int64       `json:"orders"` // sales; those refunded later are among them
	Gross     model.Money `json:"gross"`  // what sales brought: with taxes, without tips, before refunds
	Net       model.Money `json:"net"`    // revenue without taxes
	Taxes     []Tax       `json:"taxes"`  // the highest rate first
	Discounts model.Money `json:"discounts"`
	Charges   model.Money `json:"charges"`
	Tips      model.Money `json:"tips"`    // less those given back
	Refunds   model.Money `json:"refunds"` // given back on this day, with taxes, without tips

	RefundTaxes model.Money `json:"refund_taxes"` // the taxes contained in Refunds; Taxes are without them already
	PaidOnTabs  model.Money `json:"paid_on_tabs"` // by customers who owed it

	Cancelled       model.Money `json:"cancelled"` // what cancelled orders would have brought, without tips
	CancelledOrders int64       `json:"cancelled_orders"`

	Tenders []Tender `json:"tenders"` // by method, money in hand first

	// By reason and by whom. They are of one day, and no part of a difference.
	Returns       []Reason `json:"-"`
	Cancellations []Reason `json:"-"`
}

// Tax is what one tax brought on a day. A tax whose rate changed during the day is there once
// for each rate.
type Tax struct {
	ID     string      `json:"id"`
	Name   string      `json:"name"`           // the id, when the name is not known
	Rate   string      `json:"rate,omitempty"` // in percent, "8.875"; absent when it is not known, as for an imported order
	Net    model.Money `json:"net"`            // what the tax was reckoned on
	Amount model.Money `json:"amount"`
}

// Label returns the tax's name and rate: "VAT 20%". A name that has a percentage in it is
// left as it is.
func (t Tax) Label() string {
	if t.Rate == "" || strings.Contains(t.Name, "%") {
		return t.Name
	}
	return t.Name + " " + t.Rate + "%"
}

// TaxKey names a tax: ids are those of a version of the pricing document. Version 0 is no
// document; the taxes of orders from tills have it.
type TaxKey struct {
	Pricing int64
	ID      string
}

// Tender is what came in by one method, less what was given back by it.
type Tender struct {
	Method model.Method `json:"method"`
	Amount model.Money  `json:"amount"`
	Count  int64        `json:"count"` // of payments; an order on a tab, unpaid or of which nobody said counts as one

	// Of a record: what should be in the drawer or on the slips, what was counted, and
	// Counted - Expected. Expected is of methods of payment only, the others where it was
	// counted.
	Expected   *model.Money `json:"expected,omitempty"`
	Counted    *model.Money `json:"counted,omitempty"`
	Difference *model.Money `json:"difference,omitempty"`
}

// Reason is money given back, or not earned, for one reason by one person.
type Reason struct {
	Reason string // may be empty
	By     string // may be empty
	Count  int64
	Amount model.Money // without tips
}

// tenders is the order in which people read tenders.
var tenders = append(slices.Clone(model.Methods), model.TenderAccount, model.TenderUnsaid, model.TenderUnpaid, model.TenderRounding)

// Most is the largest sum that a record may hold: larger integers are not exact in every
// reader of JSON (RFC 8259, section 6; RFC 8785, section 3.2.2.3).
const Most = model.Money(1)<<53 - 1

// adder adds money and remembers whether a sum was too large.
type adder struct{ err error }

func (a *adder) add(sum *model.Money, part model.Money) {
	all, err := sum.Add(part)
	if err == nil && (all > Most || all < -Most) {
		err = model.ErrOverflow
	}
	if *sum = all; err != nil {
		a.err = err
	}
}

// Sum adds up a day's entries, in any order. taxes has the names and rates of their taxes; one
// that is absent goes by its id. Its only error is model.ErrOverflow.
func Sum(entries []model.Entry, taxes map[TaxKey]model.Tax) (s Sums, err error) {
	var a adder
	for _, e := range entries {
		if e.Deleted {
			continue
		}
		for _, t := range e.Tenders {
			s.tender(&a, Tender{Method: t.Method, Amount: t.Amount, Count: t.Count})
		}
		if e.Kind == model.EntryPayment {
			a.add(&s.PaidOnTabs, -e.Tab)
			continue
		}
		a.add(&s.Net, e.Net)
		a.add(&s.Tips, e.Tip)
		a.add(&s.Discounts, e.Discount)
		a.add(&s.Charges, e.Charge)
		for _, t := range e.Taxes {
			row := Tax{ID: t.ID, Name: t.ID, Net: t.Net, Amount: t.Amount}
			if found, known := taxes[TaxKey{e.Pricing, t.ID}]; known {
				row.Name = cmp.Or(found.Name, t.ID)
				if e.Pricing > 0 {
					row.Rate = found.Rate.String()
				}
			}
			s.tax(&a, row)
		}
		if e.IsReturn() {
			s.giveBack(&a, model.Reversal{Amount: -e.Revenue, Tax: e.Net - e.Revenue})
		} else {
			a.add(&s.Gross, e.Gross())
		}
		if e.IsSale() {
			s.Orders++
		}
		for _, r := range e.Refunds {
			s.giveBack(&a, r)
		}
		if e.Status == model.StatusCancelled && !e.NoSale {
			why := model.Reversal{}
			if e.Cancelled != nil {
				why = *e.Cancelled
			}
			s.CancelledOrders++
			a.add(&s.Cancelled, why.Amount)
			s.Cancellations = because(s.Cancellations, why)
		}
	}
	s.sort()
	if a.err != nil {
		return s, fmt.Errorf("add up a day: %w", a.err)
	}
	return s, nil
}

func (s *Sums) giveBack(a *adder, r model.Reversal) {
	a.add(&s.Refunds, r.Amount)
	a.add(&s.RefundTaxes, r.Tax)
	s.Returns = because(s.Returns, r)
}

// because counts a reversal under its reason and who did it.
func because(list []Reason, r model.Reversal) []Reason {
	for i := range list {
		if l := &list[i]; l.Reason == r.Reason && l.By == r.By {
			l.Count++
			l.Amount += r.Amount
			return list
		}
	}
	return append(list, Reason{r.Reason, r.By, 1, r.Amount})
}

func (s *Sums) tender(a *adder, t Tender) {
	for i := range s.Tenders {
		if own := &s.Tenders[i]; own.Method == t.Method {
			a.add(&own.Amount, t.Amount)
			own.Count += t.Count
			return
		}
	}
	s.Tenders = append(s.Tenders, Tender{Method: t.Method, Amount: t.Amount, Count: t.Count})
}

func (s *Sums) tax(a *adder, t Tax) {
	for i := range s.Taxes {
		if own := &s.Taxes[i]; own.ID == t.ID && own.Name == t.Name && own.Rate == t.Rate {
			a.add(&own.Net, t.Net)
			a.add(&own.Amount, t.Amount)
			return
		}
	}
	s.Taxes = append(s.Taxes, t)
}

// sort puts the lists in their order.
func (s *Sums) sort() {
	place := func(m model.Method) int { return slices.Index(tenders, m) }
	sort.Slice(s.Tenders, func(i, j int) bool {
		a, b := s.Tenders[i].Method, s.Tenders[j].Method
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b)) < 0
	})
	sort.Slice(s.Taxes, func(i, j int) bool {
		a, b := s.Taxes[i], s.Taxes[j]
		return cmp.Or(cmp.Compare(b.rate(), a.rate()), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) < 0
	})
	for _, list := range [][]Reason{s.Returns, s.Cancellations} {
		sort.Slice(list, func(i, j int) bool {
			a, b := list[i], list[j]
			return cmp.Or(cmp.Compare(b.Amount, a.Amount), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.By, b.By)) < 0
		})
	}
	if s.Taxes == nil {
		s.Taxes = []Tax{}
	}
	if s.Tenders == nil {
		s.Tenders = []Tender{}
	}
}

// rate returns the rate as a number, below all others when it is not known.
func (t Tax) rate() model.Rate {
	rate, err := model.ParseRate(t.Rate)
	if err != nil {
		return -1
	}
	return rate
}

// Revenue returns what customers were charged without tips, less refunds.
func (s Sums) Revenue() model.Money { return s.Gross - s.Refunds }

// Amount returns what the day brought, with tips. It is the sum of the tenders.
func (s Sums) Amount() model.Money { return s.Revenue() + s.Tips }

// Of returns the amount of a tender, 0 when there is none of the method.
func (s Sums) Of(m model.Method) model.Money {
	for _, t := range s.Tenders {
		if t.Method == m {
			return t.Amount
		}
	}
	return 0
}

// amounts are the sums that stand for themselves.
func (s *Sums) amounts() []*model.Money {
	return []*model.Money{&s.Gross, &s.Net, &s.Discounts, &s.Charges, &s.Tips, &s.Refunds, &s.RefundTaxes, &s.PaidOnTabs, &s.Cancelled}
}

// Plus returns s + times × other, without reasons, without what was counted, and without rows
// of zeros. Sums that a
// record may hold do not overflow; a result that is too large for one is model.ErrOverflow.
func (s Sums) Plus(times model.Money, other Sums) (Sums, error) {
	var a adder
	sum := s
	sum.Returns, sum.Cancellations = nil, nil
	sum.Taxes, sum.Tenders = slices.Clone(s.Taxes), nil
	sum.Orders += int64(times) * other.Orders
	sum.CancelledOrders += int64(times) * other.CancelledOrders
	for i, part := range other.amounts() {
		a.add(sum.amounts()[i], times**part)
	}
	for _, t := range other.Taxes {
		t.Net, t.Amount = times*t.Net, times*t.Amount
		sum.tax(&a, t)
	}
	for _, t := range s.Tenders {
		sum.tender(&a, t)
	}
	for _, t := range other.Tenders {
		t.Amount, t.Count = times*t.Amount, int64(times)*t.Count
		sum.tender(&a, t)
	}
	sum.Tenders = slices.DeleteFunc(sum.Tenders, func(t Tender) bool { return t.Amount == 0 && t.Count == 0 })
	sum.Taxes = slices.DeleteFunc(sum.Taxes, func(t Tax) bool { return t.Net == 0 && t.Amount == 0 })
	sum.sort()
	return sum, a.err
}

// IsZero reports whether nothing is left of a difference.
func (s Sums) IsZero() bool {
	for _, m := range s.amounts() {
		if *m != 0 {
			return false
		}
	}
	return s.Orders == 0 && s.CancelledOrders == 0 && len(s.Taxes) == 0 && len(s.Tenders) == 0
}

// Fault says which promise of Sums does not hold, or is empty.
func (s Sums) Fault() string {
	taxes, tendered := model.Money(0), model.Money(0)
	for _, t := range s.Taxes {
		taxes += t.Amount
	}
	for _, t := range s.Tenders {
		tendered += t.Amount
	}
	switch {
	case s.Revenue() != s.Net+taxes:
		return "net and taxes are not the revenue"
	case s.Amount() != tendered:
		return "tenders are not the revenue with tips"
	}
	return ""
}
