package pricing

import (
	"math/bits"

	"cafe/model"
)

// Refund returns what a valid draft gives back of an order: its lines, amount, tip and taxes,
// with what was given back before taken into account. The rest of the refund is the caller's.
//
// Units of lines are worth what Return says. An amount takes the order's taxes in proportion;
// consecutive amounts together take what one of their sum would. The revenue is given back
// before the tip. Whatever the sequence: what takes all that is left takes it tax by tax, so
// that all refunds add up to the order.
//
// With Restock and without lines, the units of all lines that are left go back.
//
// Lines that are not there, or of which fewer are left, are a model.Invalid. More than is left
// of what was paid is model.Refused, and so is a refund where nothing is left.
func Refund(o model.Order, asked model.DraftRefund) (model.Refund, error) {
	left := o.Left()
	if left.Total() == 0 {
		if len(o.Refunds) > 0 {
			return model.Refund{}, model.Refuse(model.RefusedOverRefund, "All that was paid was given back already.")
		}
		return model.Refund{}, model.Refuse(model.RefusedNothingPaid, "Nothing was paid for the order, so that there is nothing to give back.")
	}
	rest := restOf(o)
	r := model.Refund{Restock: asked.Restock, Amount: left.Amount, Tip: left.Tip}
	switch {
	case asked.Lines != nil:
		back, err := Return(o, o.Returned(), asked.Lines)
		if err != nil {
			return r, err
		}
		r.Lines, r.Amount, r.Tip = asked.Lines, back.Total, 0
		if r.Amount <= left.Amount {
			r.Taxes = rest.take(r.Amount, back.Taxes)
		}
	case asked.Amount != 0:
		r.Amount = min(asked.Amount, left.Amount)
		r.Tip = asked.Amount - r.Amount
		r.Taxes = rest.share(r.Amount)
	default:
		r.Taxes = rest.share(r.Amount)
		if asked.Restock {
			r.Lines = unreturned(o)
		}
	}
	if r.Amount > left.Amount || r.Tip > left.Tip {
		return r, model.Refuse(model.RefusedOverRefund, "It is "+r.Total().Format(o.Currency)+", and "+left.Total().Format(o.Currency)+
			" is left of what was paid"+when(left.Tip > 0, ", tips among it")+".")
	}
	return r, nil
}

func when(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

// unreturned lists the units of an order that did not go back.
func unreturned(o model.Order) (lines []model.RefundLine) {
	gone := o.Returned()
	for i, l := range o.Lines {
		if n := l.Quantity - gone[i]; n > 0 {
			lines = append(lines, model.RefundLine{Line: i, Quantity: n})
		}
	}
	return lines
}

// rest is what refunds left of an order's revenue and taxes, paid or not.
type rest struct {
	amount model.Money
	taxes  []model.EntryTax

	// What was left when units of lines were last given back, and what amounts took since.
	base      model.Money
	baseTaxes []model.EntryTax
	taken     model.Money
}

func restOf(o model.Order) rest {
	r := rest{amount: o.Total - o.Reckoning.Tip}
	for _, x := range o.Reckoning.Taxes {
		r.taxes = append(r.taxes, model.EntryTax{ID: x.ID, Net: x.Net, Amount: x.Amount})
	}
	r.rebase()
	for _, f := range o.Refunds {
		r.amount -= f.Amount
		r.taken += f.Amount
		for _, t := range f.Taxes {
			for i := range r.taxes {
				if r.taxes[i].ID == t.ID {
					r.taxes[i].Net -= t.Net
					r.taxes[i].Amount -= t.Amount
				}
			}
		}
		if f.Lines != nil {
			r.rebase()
		}
	}
	return r
}

func (r *rest) rebase() {
	r.base, r.taken = r.amount, 0
	r.baseTaxes = append([]model.EntryTax(nil), r.taxes...)
}

// share returns the taxes in an amount, in proportion.
func (r rest) share(amount model.Money) []model.EntryTax {
	if amount >= r.amount {
		return some(r.taxes)
	}
	taxes := make([]model.EntryTax, len(r.taxes))
	part := portion{int64(r.taken), int64(r.taken + amount), int64(r.base)}.share
	for i, t := range r.baseTaxes {
		taxes[i] = model.EntryTax{ID: t.ID, Net: part(t.Net), Amount: part(t.Amount)}
	}
	return some(taxes)
}

// take returns the taxes in units that are worth the amount: theirs, as far as they are left.
// When the amount is more than those and what is left without taxes, the rest is of the taxes
// that are left.
func (r rest) take(amount model.Money, theirs []model.EntryTax) []model.EntryTax {
	if amount >= r.amount {
		return some(r.taxes)
	}
	taxes := make([]model.EntryTax, len(r.taxes))
	lacking, bare := amount, r.amount // beside the taxes
	for i, t := range r.taxes {
		taxes[i] = model.EntryTax{ID: t.ID, Net: min(theirs[i].Net, t.Net), Amount: min(theirs[i].Amount, t.Amount)}
		lacking -= taxes[i].Amount
		bare -= t.Amount
	}
	lacking -= bare
	for i, t := range r.taxes {
		more := min(max(0, lacking), t.Amount-taxes[i].Amount)
		taxes[i].Amount += more
		lacking -= more
	}
	return some(taxes)
}

// some leaves out taxes that are nothing.
func some(taxes []model.EntryTax) (list []model.EntryTax) {
	for _, t := range taxes {
		if t.Net != 0 || t.Amount != 0 {
			list = append(list, t)
		}
	}
	return list
}

// times returns amount × n ÷ of, rounded towards nothing. n is from 0 to of.
func times(amount model.Money, n, of int64) model.Money {
	if amount < 0 {
		return -times(-amount, n, of)
	}
	hi, lo := bits.Mul64(uint64(amount), uint64(n))
	q, _ := bits.Div64(hi, lo, uint64(of))
	return model.Money(q)
}
