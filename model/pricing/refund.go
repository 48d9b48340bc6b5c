package pricing

import (
	"strconv"

	"cafe/model"
)

// Returned is what units that go back were worth.
type Returned struct {
	Lines   []ReturnedLine   // in the order in which they were asked for
	Charges []model.TaxShare // charges by id, inclusive taxes among them
	Taxes   []model.EntryTax // in the order's order, of lines and of charges
	Total   model.Money      // what is to be given back
}

// ReturnedLine is what units of one line were worth.
type ReturnedLine struct {
	model.RefundLine
	Price    model.Money // before discounts
	Discount model.Money
	Total    model.Money // price − discount, with the line's share of charges and additive taxes
}

// Return reckons what units of a placed order are worth that go back. gone is how many
// units of each line went back before (nil: none).
//
// Unit k of n is worth the k-th of n parts of the line's price, discount, taxes and
// share of the charges, each rounded down together with those before it; so the last
// one takes the remainder, and whatever the steps in which everything goes back, they
// add up to the order without its tip, charge by charge and tax by tax. A tip is not of
// any line.
//
// A line that is not there, more units than are left of it, and a till's line of less
// than nothing are a model.Invalid.
func Return(o model.Order, gone []int64, give []model.RefundLine) (Returned, error) {
	var faults model.Invalid
	back := make([]int64, len(o.Lines))
	copy(back, gone)
	out := Returned{Charges: make([]model.TaxShare, len(o.Reckoning.Charges)), Taxes: make([]model.EntryTax, len(o.Reckoning.Taxes))}
	for i, c := range o.Reckoning.Charges {
		out.Charges[i].ID = c.ID
	}
	for i, x := range o.Reckoning.Taxes {
		out.Taxes[i].ID = x.ID
	}
	spread := spreadCharges(o)
	for i, g := range give {
		at := "/lines/" + strconv.Itoa(i)
		if g.Line < 0 || g.Line >= len(o.Lines) {
			faults.Add(at+"/line", "is not a line of the order")
			continue
		}
		line := o.Lines[g.Line]
		if line.Total < 0 || line.Discount < 0 || line.Discount > line.Total {
			faults.Add(at+"/line", "is itself a return or a discount of the till's")
			continue
		}
		if g.Quantity < 1 || g.Quantity > line.Quantity-back[g.Line] {
			faults.Add(at+"/quantity", "must be from 1 to "+strconv.FormatInt(line.Quantity-back[g.Line], 10)+", which is left of the line")
			continue
		}
		p := portion{back[g.Line], back[g.Line] + g.Quantity, line.Quantity}
		back[g.Line] += g.Quantity
		out.add(g, p, o.Reckoning, line, spread[g.Line])
	}
	return out, faults.Err()
}

// portion is the units of a line from one count of units to another, of all.
type portion struct{ from, to, of int64 }

// share returns the portion of an amount.
func (p portion) share(amount model.Money) model.Money {
	return times(amount, p.to, p.of) - times(amount, p.from, p.of)
}

// burden is a line's share of a charge and of the charge's taxes.
type burden struct {
	amount model.Money
	taxes  []model.TaxShare
}

// add adds a portion of a line.
func (r *Returned) add(g model.RefundLine, p portion, k model.Reckoning, line model.Line, burdens []burden) {
	price, paid := p.share(line.Total), p.share(line.Total-line.Discount)
	back := ReturnedLine{RefundLine: g, Price: price, Discount: price - paid, Total: paid}
	back.Total += r.tax(p, k, line.Taxes, paid)
	for i, b := range burdens {
		amount := p.share(b.amount)
		r.Charges[i].Amount += amount
		back.Total += amount + r.tax(p, k, b.taxes, amount)
	}
	r.Lines = append(r.Lines, back)
	r.Total += back.Total
}

// tax adds the portion of taxes on an amount, and returns those that come on top of it.
func (r *Returned) tax(p portion, k model.Reckoning, shares []model.TaxShare, amount model.Money) (added model.Money) {
	net := amount
	each := func(do func(i int, amount model.Money)) {
		for _, s := range shares {
			for i, x := range k.Taxes {
				if x.ID == s.ID {
					do(i, p.share(s.Amount))
				}
			}
		}
	}
	each(func(i int, amount model.Money) {
		r.Taxes[i].Amount += amount
		if k.Taxes[i].Inclusive {
			net -= amount
		} else {
			added += amount
		}
	})
	each(func(i int, _ model.Money) { r.Taxes[i].Net += net })
	return added
}

// spreadCharges spreads the charges and their taxes over the lines, in proportion to
// what was left of them after discounts: by line, then by charge.
func spreadCharges(o model.Order) [][]burden {
	all := make([][]burden, len(o.Lines))
	if len(o.Reckoning.Charges) == 0 {
		return all
	}
	weights := make([]model.Money, len(o.Lines))
	for i, l := range o.Lines {
		weights[i] = l.Total - l.Discount
	}
	for _, c := range o.Reckoning.Charges {
		amounts := inProportion(c.Amount, weights)
		for i := range all {
			all[i] = append(all[i], burden{amount: amounts[i]})
		}
		for _, s := range c.Taxes {
			shares := inProportion(s.Amount, weights)
			for i := range all {
				b := &all[i][len(all[i])-1]
				b.taxes = append(b.taxes, model.TaxShare{ID: s.ID, Amount: shares[i]})
			}
		}
	}
	return all
}

// inProportion spreads an amount by weights that are not all 0, unless it is 0.
func inProportion(amount model.Money, weights []model.Money) []model.Money {
	out := make([]model.Money, len(weights))
	if amount == 0 {
		return out
	}
	var sum model.Money
	for _, w := range weights {
		sum += w
	}
	shares := make([]fraction, len(weights))
	for i, w := range weights {
		shares[i] = of(uint64(amount), uint64(w), uint64(sum))
	}
	settle(shares, uint64(amount))
	for i, s := range shares {
		out[i] = model.Money(s.floor)
	}
	return out
}
