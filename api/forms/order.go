// Package forms has the forms in which answers show orders and what belongs to them: their
// members and names are those of the reference. Package api says who is answered what.
package forms

import (
	"time"

	"cafe/model"
	"cafe/model/pricing"
)

// Order is an order.
type Order struct {
	ID           string             `json:"id"`
	Number       *int64             `json:"number"` // null: imported, or placed before there were numbers
	CustomerID   string             `json:"customer_id"`
	Payment      model.PaymentTerms `json:"payment"`
	Status       model.Status       `json:"status"`
	Version      int64              `json:"version"`
	Dining       *model.Dining      `json:"dining"` // null: placed or imported without
	Codes        []string           `json:"codes"`
	Lines        []Line             `json:"lines"`
	Note         string             `json:"note"`
	PickupAt     *string            `json:"pickup_at"`
	Subtotal     model.Money        `json:"subtotal"`
	Discounts    []Discount         `json:"discounts"`
	Charges      []Charge           `json:"charges"`
	Taxes        []Tax              `json:"taxes"`
	Tip          model.Money        `json:"tip"`
	Total        model.Money        `json:"total"`
	Payments     []Payment          `json:"payments"`
	Paid         model.Money        `json:"paid"`
	Due          model.Money        `json:"due"`
	Refunds      []Refund           `json:"refunds"`
	Refunded     model.Money        `json:"refunded"`
	Currency     string             `json:"currency"`
	PlacedAt     string             `json:"placed_at"`
	UpdatedAt    string             `json:"updated_at"`
	BusinessDay  model.Day          `json:"business_day"`
	CancelReason string             `json:"cancel_reason"`
}

// Line is a line of an order.
type Line struct {
	SKU       string      `json:"sku"`
	Name      string      `json:"name"`
	Quantity  int64       `json:"quantity"`
	UnitPrice model.Money `json:"unit_price"`
	Options   []Option    `json:"options"`
	Note      string      `json:"note"`
	Total     model.Money `json:"total"` // before discounts
	Discount  model.Money `json:"discount"`
	Taxes     []TaxShare  `json:"taxes"`
}

// OfOrder returns the form of an order.
func OfOrder(o model.Order) Order {
	a := Order{
		ID: o.ID, CustomerID: o.CustomerID, Payment: o.Payment, Status: o.Status, Version: o.Version, Codes: o.Codes,
		Lines: OfLines(o.Lines), Note: o.Note, PickupAt: OfTime(o.PickupAt),
		Subtotal: o.Reckoning.Subtotal, Discounts: OfDiscounts(o.Reckoning.Discounts), Charges: OfCharges(o.Reckoning.Charges),
		Taxes: OfTaxes(o.Reckoning.Taxes), Tip: o.Reckoning.Tip, Total: o.Total, Currency: o.Currency,
		PlacedAt: model.Timestamp(o.PlacedAt), UpdatedAt: model.Timestamp(o.UpdatedAt), BusinessDay: o.BusinessDay,
	}
	if o.Dining != "" {
		a.Dining = &o.Dining
	}
	if o.Number > 0 {
		a.Number = &o.Number
	}
	a.settled(o)
	return a
}

// OfLines returns the forms of lines.
func OfLines(lines []model.Line) []Line {
	list := make([]Line, len(lines))
	for i, l := range lines {
		list[i] = Line{l.SKU, l.Name, l.Quantity, l.UnitPrice, OfOptions(l.Options), l.Note, l.Total, l.Discount, OfShares(l.Taxes)}
	}
	return list
}

// OfTime returns a time, or nil if it is zero.
func OfTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := model.Timestamp(t)
	return &s
}

// Option is an option of an item, or of a line.
type Option struct {
	ID    string      `json:"id"`
	Name  string      `json:"name"`
	Price model.Money `json:"price"`
}

// OfOptions returns the forms of options.
func OfOptions(options []model.Option) []Option {
	list := make([]Option, len(options))
	for i, o := range options {
		list[i] = Option(o)
	}
	return list
}

// Discount is what an order cost less.
type Discount struct {
	ID     *string     `json:"id"` // null: staff gave it
	Name   string      `json:"name"`
	Amount model.Money `json:"amount"`
}

// Charge is what an order cost more.
type Charge struct {
	ID     string      `json:"id"`
	Name   string      `json:"name"`
	Amount model.Money `json:"amount"`
	Taxes  []TaxShare  `json:"taxes"`
}

// Tax is a tax of an order, or of an item of the menu.
type Tax struct {
	ID        string      `json:"id"`
	Name      string      `json:"name"`
	Rate      string      `json:"rate"`
	Inclusive bool        `json:"inclusive"`
	Net       model.Money `json:"net"`
	Amount    model.Money `json:"amount"`
}

// TaxShare is the share that a line or a charge has of a tax.
type TaxShare struct {
	ID     string      `json:"id"`
	Amount model.Money `json:"amount"`
}

// OfDiscounts returns the forms of discounts.
func OfDiscounts(discounts []model.Discount) []Discount {
	list := make([]Discount, len(discounts))
	for i, d := range discounts {
		list[i] = Discount{nil, d.Name, d.Amount}
		if d.ID != "" {
			list[i].ID = &d.ID
		}
	}
	return list
}

// OfCharges returns the forms of charges.
func OfCharges(charges []model.Charge) []Charge {
	list := make([]Charge, len(charges))
	for i, c := range charges {
		list[i] = Charge{c.ID, c.Name, c.Amount, OfShares(c.Taxes)}
	}
	return list
}

// OfTaxes returns the forms of taxes.
func OfTaxes(taxes []model.Tax) []Tax {
	list := make([]Tax, len(taxes))
	for i, t := range taxes {
		list[i] = Tax{t.ID, t.Name, t.Rate.String(), t.Inclusive, t.Net, t.Amount}
	}
	return list
}

// OfShares returns the forms of shares of taxes.
func OfShares(shares []model.TaxShare) []TaxShare {
	list := make([]TaxShare, len(shares))
	for i, s := range shares {
		list[i] = TaxShare(s)
	}
	return list
}

// Quote is what an order would cost.
type Quote struct {
	CustomerID string             `json:"customer_id"`
	Payment    model.PaymentTerms `json:"payment"`
	Dining     model.Dining       `json:"dining"`
	Codes      []string           `json:"codes"`
	Lines      []Line             `json:"lines"`
	Note       string             `json:"note"`
	PickupAt   *string            `json:"pickup_at"`
	Subtotal   model.Money        `json:"subtotal"`
	Discounts  []Discount         `json:"discounts"`
	Charges    []Charge           `json:"charges"`
	Taxes      []Tax              `json:"taxes"`
	Tip        model.Money        `json:"tip"`
	Total      model.Money        `json:"total"`
	Currency   string             `json:"currency"`
	Quote      string             `json:"quote"`
	ExpiresAt  string             `json:"expires_at"`
}

// OfQuote returns the form of a quote: of a draft and its bill, in the café's currency. The text
// makes an order have these prices until it expires.
func OfQuote(d model.Draft, b pricing.Bill, currency, text string, expires time.Time) Quote {
	r := b.Reckoning
	return Quote{
		CustomerID: d.CustomerID, Payment: d.Payment, Dining: b.Dining, Codes: b.Codes,
		Lines: OfLines(b.Lines), Note: d.Note, PickupAt: OfTime(d.PickupAt),
		Subtotal: r.Subtotal, Discounts: OfDiscounts(r.Discounts), Charges: OfCharges(r.Charges), Taxes: OfTaxes(r.Taxes),
		Tip: r.Tip, Total: b.Total, Currency: currency, Quote: text, ExpiresAt: model.Timestamp(expires),
	}
}
