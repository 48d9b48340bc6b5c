package forms

import "cafe/model"

// Payment is a payment for an order.
type Payment struct {
	ID          string       `json:"id"`
	Method      model.Method `json:"method"`
	Amount      model.Money  `json:"amount"` // what it takes off what is due
	Tip         model.Money  `json:"tip"`
	Rounding    model.Money  `json:"rounding"`
	Given       model.Money  `json:"given"` // cash: what was handed over for amount
	Change      model.Money  `json:"change"`
	Reference   string       `json:"reference"`
	PaidAt      string       `json:"paid_at"`
	BusinessDay model.Day    `json:"business_day"`
}

// OfPayment returns the form of a payment for an order.
func OfPayment(p model.OrderPayment) Payment {
	a := Payment{
		ID: p.ID, Method: p.Method, Amount: p.Amount, Tip: p.Tip, Rounding: p.Rounding, Given: p.Given, Change: p.Change(),
		Reference: p.Reference, PaidAt: model.Timestamp(p.At), BusinessDay: p.Day,
	}
	if a.Given == 0 {
		a.Given = p.Amount + p.Rounding
	}
	return a
}

// RefundLine is units of a line that went back.
type RefundLine struct {
	Line     int   `json:"line"`
	Quantity int64 `json:"quantity"`
}

// Refund is money given back for an order.
type Refund struct {
	ID          string       `json:"id"`
	Lines       []RefundLine `json:"lines"`
	Amount      model.Money  `json:"amount"` // with tip
	Tip         model.Money  `json:"tip"`
	Taxes       []RefundTax  `json:"taxes"`
	Rounding    model.Money  `json:"rounding"`
	Method      model.Method `json:"method"`
	Reason      string       `json:"reason"`
	Restock     bool         `json:"restock"`
	RefundedAt  string       `json:"refunded_at"`
	BusinessDay model.Day    `json:"business_day"`
}

// RefundTax is a tax in what was given back.
type RefundTax struct {
	ID     string      `json:"id"`
	Net    model.Money `json:"net"`
	Amount model.Money `json:"amount"`
}

// OfRefund returns the form of a refund.
func OfRefund(r model.Refund) Refund {
	a := Refund{
		ID: r.ID, Lines: make([]RefundLine, len(r.Lines)), Amount: r.Total(), Tip: r.Tip, Taxes: make([]RefundTax, len(r.Taxes)), Rounding: r.Rounding,
		Method: r.Method, Reason: r.Reason, Restock: r.Restock, RefundedAt: model.Timestamp(r.At), BusinessDay: r.Day,
	}
	for i, l := range r.Lines {
		a.Lines[i] = RefundLine(l)
	}
	for i, t := range r.Taxes {
		a.Taxes[i] = RefundTax(t)
	}
	return a
}

// settled adds what was paid and given back to the answer of an order.
func (a *Order) settled(o model.Order) {
	a.Payments, a.Refunds = make([]Payment, len(o.Payments)), make([]Refund, len(o.Refunds))
	for i, p := range o.Payments {
		a.Payments[i] = OfPayment(p)
	}
	for i, r := range o.Refunds {
		a.Refunds[i] = OfRefund(r)
	}
	a.Paid, a.Due, a.Refunded, a.CancelReason = o.Paid(), o.Due(), o.Refunded(), o.CancelReason
	if o.Payment == model.TermsAccount { // its tab is paid, not the order
		a.Paid = 0
	}
}

// Step is a version of an order in its history.
type Step struct {
	Version int64           `json:"version"`
	What    model.Happening `json:"what"`
	At      *string         `json:"at"`   // null: not known
	By      *string         `json:"by"`   // null: not known, or not for the caller to know
	Role    *model.Role     `json:"role"` // null: not known
	Folded  int64           `json:"versions,omitzero"`
}

// OfHistory returns the forms of the steps of an order, for a reader of that role. Customers are told the role of who made them, and
// not the id, unless they did it themselves.
func OfHistory(o model.Order, to model.Role) []Step {
	steps := o.Steps()
	list := make([]Step, len(steps))
	for i, s := range steps {
		a := Step{Version: s.Version, What: s.What, At: OfTime(s.At), Folded: s.Folded}
		if s.Role != "" {
			a.Role = &s.Role
		}
		if s.Role == model.RoleCustomer {
			s.By = o.CustomerID
		}
		if s.By != "" && (to != model.RoleCustomer || s.Role == model.RoleCustomer) {
			a.By = &s.By
		}
		list[i] = a
	}
	return list
}

// Receipt is an order as its receipt shows it.
type Receipt struct {
	Seller    string `json:"seller"`
	TaxNumber string `json:"tax_number"`
	SoldAt    string `json:"sold_at"` // by the café's clock
	Order     Order  `json:"order"`
}
