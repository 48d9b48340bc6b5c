package pricing

import (
	"math/bits"
	"strconv"

	"cafe/model"
)

// inStack is how many lines and charges are reckoned with without a slice of their own.
const inStack = model.MaxLines + maxCharges

// basket is what is reckoned: lines with their totals, the taxes on each, and the
// discounts in the order in which those of one kind apply.
type basket struct {
	lines     []model.Line
	taxes     []taxSet
	discounts []model.Discount
	dining    model.Dining
	tip       model.Money
	plain     bool // without charges
}

// Bill is what an order costs and why.
type Bill struct {
	Dining    model.Dining
	Codes     []string // as the request gave them
	Lines     []model.Line
	Reckoning model.Reckoning
	Total     model.Money
}

// Onto puts the bill onto an order.
func (b Bill) Onto(o *model.Order) {
	o.Dining, o.Codes, o.Lines, o.Reckoning, o.Total = b.Dining, b.Codes, b.Lines, b.Reckoning, b.Total
}

// reckon does steps 2 to 5. It changes the basket's lines and discounts, which become
// the bill's. A sum that does not fit is a model.Invalid that names the line at which
// it no longer did.
func (t *Tariff) reckon(b basket) (Bill, error) {
	var buffer [inStack]model.Money
	left := buffer[:0]
	r := model.Reckoning{Pricing: t.Version(), Tip: b.tip}
	for i := range b.lines {
		left = append(left, b.lines[i].Total)
		var err error
		if r.Subtotal, err = r.Subtotal.Add(b.lines[i].Total); err != nil {
			return Bill{}, overflow(i)
		}
	}
	r.Discounts = t.discount(b.discounts, left)
	for i := range b.lines {
		b.lines[i].Discount = b.lines[i].Total - left[i]
	}
	parts, sets, err := t.charge(&r, b, left)
	if err != nil {
		return Bill{}, err
	}
	if err := t.tax(&r, b, parts, sets); err != nil {
		return Bill{}, err
	}
	total, err := r.Subtotal-r.Discount(), error(nil)
	for _, more := range [...]model.Money{r.Charge(), r.Tip, additive(r.Taxes)} {
		if total, err = total.Add(more); err != nil {
			return Bill{}, overflow(len(b.lines) - 1)
		}
	}
	return Bill{Dining: b.dining, Lines: b.lines, Reckoning: r, Total: total}, nil
}

func overflow(line int) error {
	return model.Invalid{{Field: "/lines/" + strconv.Itoa(line), Message: model.ErrOverflow.Error()}}
}

func additive(taxes []model.Tax) (sum model.Money) {
	for _, x := range taxes {
		if !x.Inclusive {
			sum += x.Amount
		}
	}
	return sum
}

func (t *Tariff) how() Rounding {
	if t == nil {
		return HalfUp
	}
	return t.rounding
}

// discount takes the discounts off what is left of the lines, and returns them in the
// order in which they were taken.
func (t *Tariff) discount(asked []model.Discount, left []model.Money) []model.Discount {
	if len(asked) == 0 {
		return nil
	}
	taken := make([]model.Discount, 0, len(asked))
	for _, kind := range [...]struct{ percent, lines bool }{{true, true}, {true, false}, {false, true}, {false, false}} {
		for _, d := range asked {
			if (d.Percent > 0) == kind.percent && (d.Lines != nil) == kind.lines {
				d.Amount = t.take(d, left)
				taken = append(taken, d)
			}
		}
	}
	return taken
}

// take takes one discount off what is left of its lines, and returns how much it was.
func (t *Tariff) take(d model.Discount, left []model.Money) model.Money {
	n, line := len(left), func(i int) int { return i }
	if d.Lines != nil {
		n, line = len(d.Lines), func(i int) int { return d.Lines[i] }
	}
	var base, amount model.Money // no more than the subtotal, which fits
	for i := range n {
		base += left[line(i)]
	}
	amount = min(d.Fixed, base)
	if d.Percent > 0 {
		amount = t.how().percentOf(base, d.Percent)
	}
	if amount == 0 {
		return 0
	}
	var buffer [inStack]fraction
	shares := buffer[:0]
	for i := range n {
		shares = append(shares, of(uint64(left[line(i)]), uint64(amount), uint64(base)))
	}
	settle(shares, uint64(amount))
	for i := range n {
		left[line(i)] -= model.Money(shares[i].floor)
	}
	return amount
}

// charge adds the charges of the order's dining. It returns what taxes are on: what is
// left of the lines, then the charges, and the taxes on each.
func (t *Tariff) charge(r *model.Reckoning, b basket, left []model.Money) ([]model.Money, []taxSet, error) {
	if t == nil || len(t.charges) == 0 || b.plain {
		return left, b.taxes, nil
	}
	base := r.Subtotal - r.Discount()
	parts, sets, sum := left, b.taxes, base
	for _, c := range t.charges {
		if !c.dining[place(b.dining)] {
			continue
		}
		amount := t.how().percentOf(base, c.percent)
		var err error
		if sum, err = sum.Add(amount); err != nil {
			return nil, nil, overflow(len(left) - 1)
		}
		r.Charges = append(r.Charges, model.Charge{ID: c.id, Name: c.name, Percent: c.percent, Amount: amount})
		parts, sets = append(parts, amount), append(sets, t.taxesOn(c.class, b.dining))
	}
	return parts, sets, nil
}

// tax reckons every tax that is on some part, a line or a charge, and gives each part
// its share.
func (t *Tariff) tax(r *model.Reckoning, b basket, parts []model.Money, sets []taxSet) error {
	on := layShares(b.lines, r.Charges, sets)
	if on == 0 {
		return nil
	}
	sharesOf := func(part int) []model.TaxShare {
		if part < len(b.lines) {
			return b.lines[part].Taxes
		}
		return r.Charges[part-len(b.lines)].Taxes
	}
	r.Taxes = make([]model.Tax, 0, bits.OnesCount32(uint32(on)))
	var all model.Money
	var inclusive taxSet
	for i, x := range t.taxes {
		if !on.has(i) {
			continue
		}
		if x.inclusive {
			inclusive |= 1 << i
		}
		var buffer [inStack]fraction
		shares := buffer[:0]
		for p, set := range sets {
			if set.has(i) {
				shares = append(shares, of(uint64(parts[p]), uint64(x.rate), uint64(model.Whole+t.inclusive(set))))
			}
		}
		amount := t.rounding.round(sum(shares))
		settle(shares, amount)
		next := 0
		for p, set := range sets {
			if set.has(i) {
				sharesOf(p)[set.before(i)] = model.TaxShare{ID: x.id, Amount: model.Money(shares[next].floor)}
				next++
			}
		}
		var err error
		if all, err = all.Add(model.Money(amount)); err != nil {
			return overflow(len(b.lines) - 1)
		}
		r.Taxes = append(r.Taxes, model.Tax{ID: x.id, Name: x.name, Rate: x.rate, Inclusive: x.inclusive, Amount: model.Money(amount)})
	}
	for p, set := range sets {
		addNet(r.Taxes, on, set, inclusive, parts[p], sharesOf(p))
	}
	return nil
}

// layShares makes room for the shares of every line and charge, and returns the taxes
// that are on any.
func layShares(lines []model.Line, charges []model.Charge, sets []taxSet) (on taxSet) {
	n := 0
	for _, set := range sets {
		on |= set
		n += set.len()
	}
	if n == 0 {
		return 0
	}
	room := make([]model.TaxShare, n)
	for p, set := range sets {
		n := set.len()
		if n == 0 {
			continue
		}
		if p < len(lines) {
			lines[p].Taxes = room[:n:n]
		} else {
			charges[p-len(lines)].Taxes = room[:n:n]
		}
		room = room[n:]
	}
	return on
}

// inclusive returns the sum of the inclusive rates of a set: below 100 %.
func (t *Tariff) inclusive(set taxSet) (sum model.Rate) {
	for ; set != 0; set &= set - 1 {
		if x := t.taxes[bits.TrailingZeros32(uint32(set))]; x.inclusive {
			sum += x.rate
		}
	}
	return sum
}

// addNet adds what is left of a part without its inclusive taxes to the net amount of
// each of its taxes. on is what taxes has, inclusive which of them are.
func addNet(taxes []model.Tax, on, set, inclusive taxSet, part model.Money, shares []model.TaxShare) {
	for rest := set & inclusive; rest != 0; rest &= rest - 1 {
		part -= shares[set.before(bits.TrailingZeros32(uint32(rest)))].Amount
	}
	for rest := set; rest != 0; rest &= rest - 1 {
		taxes[on.before(bits.TrailingZeros32(uint32(rest)))].Net += part
	}
}
