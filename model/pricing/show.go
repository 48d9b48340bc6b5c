package pricing

import "cafe/model"

// Shown is what a menu shows of an item's price.
type Shown struct {
	Price     model.Money // on the menu: inclusive taxes are in it, additive ones are not
	WithTaxes model.Money // what one unit by itself costs, additive taxes in it
	Taxes     []model.Tax // contained in WithTaxes
}

// Show returns an item's price as it is where it is eaten: without options, offers and
// charges.
//
// Price is the same wherever it is eaten. Inclusive taxes are part of it, as the law of
// the EU wants a price to be shown to consumers (Directive 98/6/EC, article 2: the
// final price, VAT and all other taxes included). Where additive taxes are usual, menus
// show prices without them, so Price stays net. WithTaxes is for menus that show both.
// The tax of several lines is rounded once, so that an order may cost less or more than
// the sum of its WithTaxes by minor units.
func (t *Tariff) Show(item model.Item, dining model.Dining) Shown {
	bill, err := t.reckon(basket{
		lines:  []model.Line{{SKU: item.SKU, Quantity: 1, UnitPrice: item.Price, Total: item.Price}},
		taxes:  []taxSet{t.taxesOn(item.TaxClass, dining)},
		dining: dining, plain: true,
	})
	if err != nil { // a price that only its taxes make too large
		return Shown{Price: item.Price, WithTaxes: item.Price}
	}
	return Shown{Price: item.Price, WithTaxes: bill.Total, Taxes: bill.Reckoning.Taxes}
}
