package model

import "strconv"

// Dining says where an order is eaten. Taxes and charges may depend on it.
type Dining string

// An order is eaten in the café or taken away.
const (
	DiningEatIn    Dining = "eat_in"
	DiningTakeaway Dining = "takeaway"
)

// Valid reports whether it is one of the two.
func (d Dining) Valid() bool { return d == DiningEatIn || d == DiningTakeaway }

// StandardClass is the tax class of items and charges that name none.
const StandardClass = "standard"

// Limits of what a draft may ask for beside its lines.
const (
	MaxCodes     = 10
	MaxDiscounts = 20
	MaxQuoteText = 32 << 10 // bytes
)

// DraftDiscount is a discount that staff give by hand.
type DraftDiscount struct {
	Name    string
	Percent Rate  // of what is left; 0 when Amount is given
	Amount  Money // 0 when Percent is given
	Lines   []int // places of lines, from 0; nil: the whole order
}

// Reckoning is how an order's total came about:
//
//	total = Subtotal − discounts + charges + additive taxes + Tip
//
// Shares of lines lie on the lines (Line.Discount, Line.Taxes), those of charges on
// the charges. They add up to the amounts here, to the minor unit.
type Reckoning struct {
	Pricing   int64 // version of the pricing document it went by; 0: none
	Subtotal  Money // the lines before discounts
	Discounts []Discount
	Charges   []Charge
	Taxes     []Tax
	Tip       Money // never taxed, never revenue
}

// Discount is what an order cost less, and why.
type Discount struct {
	ID      string // of the offer; empty: staff gave it
	Name    string
	Percent Rate  // of what was left; 0: a fixed amount
	Fixed   Money // what was to be taken, when fixed; Amount is less when less was left
	Lines   []int // places of the lines it was taken from; nil: the whole order
	Amount  Money // taken
}

// Charge is what an order cost more, and why.
type Charge struct {
	ID      string
	Name    string
	Percent Rate // of the discounted lines
	Amount  Money
	Taxes   []TaxShare // contained in Amount when inclusive, else added to it
}

// Tax is one tax of an order.
type Tax struct {
	ID        string
	Name      string
	Rate      Rate
	Inclusive bool  // contained in prices; else added to them
	Net       Money // what it was reckoned on: lines and charges without any tax
	Amount    Money
}

// TaxShare is a line's or a charge's share of a tax of its order.
type TaxShare struct {
	ID     string // of the Tax
	Amount Money
}

// Discount returns what all discounts took.
func (r Reckoning) Discount() (sum Money) {
	for _, d := range r.Discounts {
		sum += d.Amount
	}
	return sum
}

// Charge returns what all charges added, inclusive taxes among it.
func (r Reckoning) Charge() (sum Money) {
	for _, c := range r.Charges {
		sum += c.Amount
	}
	return sum
}

// Net returns what the café keeps: without taxes and tip.
func (r Reckoning) Net() Money {
	net := r.Subtotal - r.Discount() + r.Charge()
	for _, t := range r.Taxes {
		if t.Inclusive {
			net -= t.Amount
		}
	}
	return net
}

// Revenue returns what customers paid for a line of the order: discounted, with its
// taxes. Those of all lines, the charges with their additive taxes, and the tip are the
// total.
func (r Reckoning) Revenue(l Line) Money { return l.Total - l.Discount + r.added(l.Taxes) }

// ChargeRevenue returns what customers paid for charges, with their taxes.
func (r Reckoning) ChargeRevenue() (sum Money) {
	for _, c := range r.Charges {
		sum += c.Amount + r.added(c.Taxes)
	}
	return sum
}

// added returns the sum of the shares of additive taxes.
func (r Reckoning) added(shares []TaxShare) (sum Money) {
	for _, s := range shares {
		for _, t := range r.Taxes {
			if t.ID == s.ID && !t.Inclusive {
				sum += s.Amount
			}
		}
	}
	return sum
}

// Total returns what is paid, with taxes and tip.
func (r Reckoning) Total() Money {
	total := r.Net() + r.Tip
	for _, t := range r.Taxes {
		total += t.Amount
	}
	return total
}

// checkExtras checks what a draft asks for beside its lines.
func (v *Invalid) checkExtras(d Draft) {
	if d.Dining != "" && !d.Dining.Valid() {
		v.Add("/dining", "must be eat_in or takeaway")
	}
	if d.Tip < 0 || d.Tip > MaxAmount {
		v.Add("/tip", "must be from 0 to "+strconv.FormatInt(int64(MaxAmount), 10)+" minor units")
	}
	if len(d.Quote) > MaxQuoteText {
		v.Add("/quote", "is not a quote of this café")
	}
	if len(d.Codes) > MaxCodes {
		v.Add("/codes", "must have at most "+strconv.Itoa(MaxCodes)+" codes")
	}
	if len(d.Discounts) > MaxDiscounts {
		v.Add("/discounts", "must have at most "+strconv.Itoa(MaxDiscounts)+" discounts")
	} else {
		for i, given := range d.Discounts {
			v.checkDiscount("/discounts/"+strconv.Itoa(i), given, len(d.Lines))
		}
	}
	if len(d.Payments) > MaxPayments {
		v.Add("/payments", "must have at most "+strconv.Itoa(MaxPayments)+" payments")
		return
	}
	for i, p := range d.Payments {
		v.checkPayment("/payments/"+strconv.Itoa(i), p)
	}
}

func (v *Invalid) checkDiscount(at string, d DraftDiscount, lines int) {
	v.CheckText(at+"/name", d.Name, 1, MaxName, false)
	switch {
	case d.Percent < 0 || d.Percent > Whole:
		v.Add(at+"/percent", "must be above 0 and at most 100")
	case d.Amount < 0 || d.Amount > MaxAmount:
		v.Add(at+"/amount", "must be from 1 to "+strconv.FormatInt(int64(MaxAmount), 10)+" minor units")
	case d.Percent == 0 && d.Amount == 0:
		v.Add(at, "must have a percent or an amount, above 0")
	case d.Percent > 0 && d.Amount > 0:
		v.Add(at, "must have a percent or an amount, not both")
	}
	if d.Lines != nil && len(d.Lines) == 0 {
		v.Add(at+"/lines", "must name a line, or be left out for the whole order")
	}
	if len(d.Lines) > lines {
		v.Add(at+"/lines", "names more lines than the order has")
		return
	}
	seen := make(map[int]bool, len(d.Lines))
	for i, line := range d.Lines {
		field := at + "/lines/" + strconv.Itoa(i)
		switch {
		case line < 0 || line >= lines:
			v.Add(field, "is not a line of the order")
		case seen[line]:
			v.Add(field, "appears twice")
		}
		seen[line] = true
	}
}
