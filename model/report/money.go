package report

import (
	"cafe/model"
	"cafe/model/books"
)

// Tender is what came in by one method, less what was given back by it: cash, card, voucher
// or other; account (on tabs), unsaid (at the counter, nobody said how), unpaid, or rounding
// (of cash to the smallest coin).
type Tender struct {
	Method model.Method `json:"method"`
	Amount model.Money  `json:"amount"`
	Count  int64        `json:"count"`
}

// Refunds are what was given back for one reason by one person.
type Refunds struct {
	Reason  string      `json:"reason"` // may be empty, as for a refund in a till's file
	By      string      `json:"by"`
	Refunds int64       `json:"refunds"`
	Amount  model.Money `json:"amount"` // without tips
}

// Cancelled are orders that were cancelled for one reason by one person.
type Cancelled struct {
	Reason string      `json:"reason"` // may be empty
	By     string      `json:"by"`
	Orders int64       `json:"orders"`
	Amount model.Money `json:"amount"` // what they would have brought, without tips
}

// Closed is the close of a day.
type Closed struct {
	Day    model.Day    `json:"day"`
	Number int64        `json:"number"`
	Drawer *model.Money `json:"drawer"` // counted cash less what was expected; null when it was not counted
}

// Parts reports whether the day's money has parts to speak of: a tax, a discount, a charge
// or a tip.
func (r Report) Parts() bool {
	return len(r.Taxes) > 0 || r.Discounts != 0 || r.Charges != 0 || r.Tips != 0
}

// WithoutTaxes returns the revenue without taxes, also of a day that has none.
func (r Report) WithoutTaxes() model.Money {
	if r.Parts() {
		return r.Net
	}
	return r.Revenue
}

// addMoney takes over what the day's entries add up to.
func (r *Report) addMoney(s books.Sums) {
	r.Discounts, r.Charges, r.Tips, r.Refunds = s.Discounts, s.Charges, s.Tips, s.Refunds
	r.PaidOnTabs = s.PaidOnTabs
	r.Taxes = s.Taxes
	if len(r.Taxes) == 0 {
		r.Taxes = nil
	}
	if r.Parts() {
		r.Net = s.Net
	}
	for _, t := range s.Tenders {
		r.Tenders = append(r.Tenders, Tender{t.Method, t.Amount, t.Count})
	}
	for _, why := range s.Returns {
		r.RefundsByReason = append(r.RefundsByReason, Refunds{why.Reason, why.By, why.Count, why.Amount})
	}
	for _, why := range s.Cancellations {
		r.CancelledOrders = append(r.CancelledOrders, Cancelled{why.Reason, why.By, why.Count, why.Amount})
	}
}
