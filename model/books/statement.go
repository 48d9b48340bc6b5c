package books

import (
	"sort"

	"cafe/model"
)

// Statement is what happened on a customer's tab over a span of business days, both included.
// Opening + Charged - Paid - Refunded = Closing.
type Statement struct {
	CustomerID string      `json:"customer_id"`
	Name       string      `json:"name"` // empty if it is not known
	From       model.Day   `json:"from"`
	To         model.Day   `json:"to"`
	Currency   string      `json:"currency"`
	Opening    model.Money `json:"opening"` // owed before From; below 0: the customer has paid ahead
	Charged    model.Money `json:"charged"`
	Paid       model.Money `json:"paid"`
	Refunded   model.Money `json:"refunded"`
	Closing    model.Money `json:"closing"`
	Lines      []Line      `json:"lines"` // by day, then time
}

// Line is one charge, payment or refund.
type Line struct {
	Day     model.Day   `json:"day"`
	At      string      `json:"at"` // RFC 3339 in UTC; of a refund, when its order was placed
	Kind    LineKind    `json:"kind"`
	ID      string      `json:"id"`      // of the order or the payment
	Amount  model.Money `json:"amount"`  // what it adds to the balance; below 0 for payments and refunds
	Balance model.Money `json:"balance"` // after it
}

// LineKind is the kind of a line.
type LineKind string

// The kinds of lines.
const (
	LineOrder   LineKind = "order"
	LinePayment LineKind = "payment"
	LineRefund  LineKind = "refund"
)

// NewStatement makes the statement of a customer from all entries of their orders and
// payments, from the first on, in any order.
func NewStatement(customer model.Customer, from, to model.Day, currency string, entries []model.Entry) Statement {
	s := Statement{CustomerID: customer.ID, Name: customer.Name, From: from, To: to, Currency: currency, Lines: []Line{}}
	add := func(e model.Entry, kind LineKind, amount model.Money) {
		switch {
		case amount == 0 || e.Day > to:
		case e.Day < from:
			s.Opening += amount
		default:
			s.Lines = append(s.Lines, Line{Day: e.Day, At: model.Timestamp(e.At), Kind: kind, ID: e.ID, Amount: amount})
		}
	}
	for _, e := range entries {
		if e.Kind == model.EntryPayment {
			add(e, LinePayment, e.Tab)
			continue
		}
		returned := model.Money(0)
		if onTab(e) {
			for _, r := range e.Refunds {
				returned += r.Amount + r.Tip
			}
		}
		if e.NoSale {
			add(e, LineRefund, e.Tab)
			continue
		}
		add(e, LineOrder, e.Tab+returned)
		add(e, LineRefund, -returned)
	}
	sort.SliceStable(s.Lines, func(i, j int) bool {
		a, b := s.Lines[i], s.Lines[j]
		if a.Day != b.Day {
			return a.Day < b.Day
		}
		return a.At < b.At
	})
	s.Closing = s.Opening
	for i := range s.Lines {
		l := &s.Lines[i]
		s.Closing += l.Amount
		l.Balance = s.Closing
		switch l.Kind {
		case LineOrder:
			s.Charged += l.Amount
		case LinePayment:
			s.Paid -= l.Amount
		case LineRefund:
			s.Refunded -= l.Amount
		}
	}
	return s
}

// onTab reports whether an order is on the tab: what it brought is, less what was given back.
func onTab(e model.Entry) bool {
	for _, t := range e.Tenders {
		if t.Method == model.TenderAccount {
			return true
		}
	}
	return e.Tab != 0
}

// StatementCSV returns the statement as CSV: a row a line, between its opening and its closing
// balance.
func StatementCSV(s Statement) []byte {
	var t Table
	t.Row("day", "kind", "id", "amount", "balance", "currency")
	t.Row(string(s.From), "opening", "", "", Decimal(s.Opening, s.Currency), s.Currency)
	for _, l := range s.Lines {
		t.Cell(string(l.Day)).Cell(string(l.Kind)).Text(l.ID).Money(l.Amount, s.Currency).Money(l.Balance, s.Currency).Row(s.Currency)
	}
	t.Row(string(s.To), "closing", "", "", Decimal(s.Closing, s.Currency), s.Currency)
	return t.Bytes()
}
