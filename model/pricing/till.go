package pricing

import "cafe/model"

// TillTax is the id of the tax of an imported order: a till's file says how much it was
// and not which. No document may use it.
const TillTax = "till"

// names of what a till says no name of.
const (
	tillTaxName      = "Tax"
	tillDiscountName = "Discount"
)

// TillLine is what a till's file says of a line beside its amount.
type TillLine struct {
	Discount model.Money // taken off the line's total
	Tax      model.Money // on or in what is left
}

// Imported returns the bill of an order as a till had it: nothing is reckoned anew, only
// summed up. Each line's Total is what it was before its discount. inclusive says that
// the taxes are contained in the amounts; else they came on top. said has as many
// members as there are lines; amounts may be negative, as those of returns are.
//
// A sum that does not fit is a model.Invalid that names the line.
func Imported(lines []model.Line, said []TillLine, tip model.Money, inclusive bool) (Bill, error) {
	r := model.Reckoning{Tip: tip}
	tax := model.Tax{ID: TillTax, Name: tillTaxName, Inclusive: inclusive}
	discount := model.Discount{Name: tillDiscountName, Lines: []int{}}
	var total model.Money
	taxed := false
	for i := range lines {
		l := &lines[i]
		l.Discount = said[i].Discount
		if l.Discount != 0 {
			discount.Lines = append(discount.Lines, i)
		}
		if said[i].Tax != 0 {
			l.Taxes, taxed = []model.TaxShare{{ID: TillTax, Amount: said[i].Tax}}, true
			tax.Net += l.Total - l.Discount
			if inclusive {
				tax.Net -= said[i].Tax
			}
		}
		more := [...]model.Money{l.Total, -l.Discount, 0}
		if !inclusive {
			more[2] = said[i].Tax
		}
		for _, m := range more {
			var err error
			if total, err = total.Add(m); err != nil {
				return Bill{}, overflow(i)
			}
		}
		r.Subtotal += l.Total
		discount.Amount += l.Discount
		tax.Amount += said[i].Tax
	}
	discount.Fixed = discount.Amount
	if len(discount.Lines) > 0 {
		r.Discounts = []model.Discount{discount}
	}
	if taxed {
		r.Taxes = []model.Tax{tax}
	}
	total, err := total.Add(tip)
	if err != nil {
		return Bill{}, overflow(len(lines) - 1)
	}
	return Bill{Lines: lines, Reckoning: r, Total: total}, nil
}
