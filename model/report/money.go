package report

import (
	"cmp"
	"fmt"
	"strings"

	"cafe/model"
)

// Tax is what one tax brought on the day. A tax whose rate changed during the day is there
// once for each rate.
type Tax struct {
	ID     string      `json:"id"`
	Name   string      `json:"name"`           // the id, when the name is not known
	Rate   string      `json:"rate,omitempty"` // in percent, "8.875"; absent when it is not known, as for an imported order
	Net    model.Money `json:"net"`            // what it was reckoned on
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

// addMoney adds up the parts of the money of orders, and of what was given back that day. It is model.ErrOverflow when a sum does not
// fit.
func (r *Report) addMoney(entries []model.Entry, taxes map[TaxKey]model.Tax) (err error) {
	add := func(sum *model.Money, part model.Money) {
		all, overflow := sum.Add(part)
		if *sum = all; overflow != nil {
			err = fmt.Errorf("money of %s: %w", r.Day, overflow)
		}
	}
	var net model.Money
	for _, e := range entries {
		if !e.Counts() && !(e.NoSale && !e.Deleted) {
			continue
		}
		add(&net, e.Net)
		add(&r.Discounts, e.Discount)
		add(&r.Charges, e.Charge)
		add(&r.Tips, e.Tip)
		for _, part := range e.Taxes {
			row := r.tax(e.Pricing, part.ID, taxes)
			add(&row.Net, part.Net)
			add(&row.Amount, part.Amount)
		}
	}
	if r.Parts() {
		r.Net = net
	}
	sortBy(r.Taxes, func(a, b Tax) int {
		return cmp.Or(cmp.Compare(b.rate(), a.rate()), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return err
}

// tax returns the row of a tax of that version of the pricing document: a new one if there is
// none yet of its id, name and rate.
func (r *Report) tax(version int64, id string, taxes map[TaxKey]model.Tax) *Tax {
	found, known := taxes[TaxKey{version, id}]
	row := Tax{ID: id, Name: cmp.Or(found.Name, id)}
	if known && version > 0 {
		row.Rate = found.Rate.String()
	}
	for i := range r.Taxes {
		if t := &r.Taxes[i]; t.ID == row.ID && t.Name == row.Name && t.Rate == row.Rate {
			return t
		}
	}
	r.Taxes = append(r.Taxes, row)
	return &r.Taxes[len(r.Taxes)-1]
}

// rate returns the rate as a number, below all others when it is not known.
func (t Tax) rate() model.Rate {
	rate, err := model.ParseRate(t.Rate)
	if err != nil {
		return -1
	}
	return rate
}
