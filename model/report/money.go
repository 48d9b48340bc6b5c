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

// addMoney adds up the parts of the orders' money. It is model.ErrOverflow when a sum does not
// fit.
func (r *Report) addMoney(sales []model.Entry, taxes map[TaxKey]model.Tax) error {
	type sort struct {
		id, name string
		rate     model.Rate // -1: not known
	}
	sums := map[sort]*Tax{}
	net := model.Money(0)
	for _, e := range sales {
		for _, sum := range []struct {
			of   *model.Money
			part model.Money
		}{{&net, e.Net}, {&r.Discounts, e.Discount}, {&r.Charges, e.Charge}, {&r.Tips, e.Tip}} {
			if err := addTo(sum.of, sum.part); err != nil {
				return err
			}
		}
		for _, part := range e.Taxes {
			tax, known := taxes[TaxKey{e.Pricing, part.ID}]
			s := sort{part.ID, cmp.Or(tax.Name, part.ID), tax.Rate}
			row := Tax{ID: s.id, Name: s.name, Rate: s.rate.String()}
			if !known || e.Pricing == 0 {
				s.rate, row.Rate = -1, ""
			}
			if sums[s] == nil {
				sums[s] = &row
			}
			if err := addTo(&sums[s].Net, part.Net); err != nil {
				return err
			}
			if err := addTo(&sums[s].Amount, part.Amount); err != nil {
				return err
			}
		}
	}
	order := make([]sort, 0, len(sums))
	for s := range sums {
		order = append(order, s)
	}
	sortBy(order, func(a, b sort) int {
		return cmp.Or(cmp.Compare(b.rate, a.rate), cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id))
	})
	for _, s := range order {
		r.Taxes = append(r.Taxes, *sums[s])
	}
	if r.Parts() {
		r.Net = net
	}
	return nil
}

func addTo(sum *model.Money, part model.Money) (err error) {
	if *sum, err = sum.Add(part); err != nil {
		err = fmt.Errorf("money of the day: %w", err)
	}
	return err
}
