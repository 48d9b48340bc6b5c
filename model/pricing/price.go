package pricing

import (
	"slices"
	"strconv"
	"strings"

	"cafe/model"
)

// Price returns what a draft costs. Without a tariff and without discounts or a tip it
// is what model.Menu.Price says.
//
// Errors are a model.Invalid that names every field at fault: what the menu does not
// have, a code that no offer has or that gives nothing now, and a discount or a tip
// from somebody who may not give one: staff and owners give discounts, all who may
// order give tips. The draft is one that Draft.Validate lets through.
func (t *Tariff) Price(draft model.Draft, menu model.Menu, visit Visit) (Bill, error) {
	var faults model.Invalid
	visit.check(&faults, draft)
	lines, _, err := menu.Price(draft.Lines)
	if err != nil {
		return Bill{}, joined(faults, err)
	}
	b := basket{lines: lines, dining: visit.dining(draft), tip: draft.Tip}
	b.taxes = t.classify(lines, menu, b.dining)
	b.discounts = t.offered(&faults, draft.Codes, lines, menu, visit)
	for _, d := range draft.Discounts {
		b.discounts = append(b.discounts, model.Discount{Name: d.Name, Percent: d.Percent, Fixed: d.Amount, Lines: slices.Clone(d.Lines)})
	}
	if err := faults.Err(); err != nil {
		return Bill{}, err
	}
	bill, err := t.reckon(b)
	bill.Codes = slices.Clone(draft.Codes)
	return bill, err
}

// joined returns faults and those of err in one error, if err is of faults.
func joined(faults model.Invalid, err error) error {
	if more, ok := err.(model.Invalid); ok {
		return append(faults, more...)
	}
	return err
}

func (v Visit) check(faults *model.Invalid, draft model.Draft) {
	if len(draft.Discounts) > 0 && v.Role != model.RoleStaff && v.Role != model.RoleOwner {
		faults.Add("/discounts", "may be given by staff and owners only")
	}
	if draft.Tip != 0 && !v.Role.Valid() {
		faults.Add("/tip", "may be given by those who may order only")
	}
	if draft.Tip < 0 {
		faults.Add("/tip", "must not be negative")
	}
}

// dining returns where a draft is eaten.
func (v Visit) dining(draft model.Draft) model.Dining {
	switch {
	case draft.Dining != "":
		return draft.Dining
	case v.Dining != "":
		return v.Dining
	}
	return model.DiningTakeaway
}

// classify returns the taxes on each line, by the class of its item.
func (t *Tariff) classify(lines []model.Line, menu model.Menu, dining model.Dining) []taxSet {
	sets := make([]taxSet, len(lines), len(lines)+maxCharges)
	if t == nil || len(t.taxes) == 0 {
		return sets
	}
	for i := range lines {
		sets[i] = t.taxesOn(menu[lines[i].SKU].TaxClass, dining)
	}
	return sets
}

// offered returns the discounts that the offers give, in the document's order.
func (t *Tariff) offered(faults *model.Invalid, codes []string, lines []model.Line, menu model.Menu, visit Visit) []model.Discount {
	var discounts []model.Discount
	now := moment{visit: visit}
	fate := make([]string, len(codes)) // what is wrong with each code; empty: nothing
	for i := range fate {
		fate[i] = "is not a code of this café"
	}
	if t != nil {
		for n := range t.offers {
			o := &t.offers[n]
			if o.needs(codes) {
				continue
			}
			lines, wrong := o.find(lines, menu, &now)
			if wrong == "" {
				discounts = append(discounts, o.discount(lines))
			}
			judge(fate, codes, o.code, wrong)
		}
	}
	for i, code := range codes {
		at := "/codes/" + strconv.Itoa(i)
		switch {
		case fate[i] != "":
			faults.Add(at, fate[i])
		case slices.ContainsFunc(codes[:i], func(c string) bool { return strings.EqualFold(c, code) }):
			faults.Add(at, isTwice)
		}
	}
	return discounts
}

// judge notes what became of the code that an offer wants. One offer that it opens is
// enough for the code to be good.
func judge(fate, codes []string, wanted, wrong string) {
	if wanted == "" {
		return
	}
	for i, code := range codes {
		if strings.EqualFold(code, wanted) && fate[i] != "" {
			fate[i] = wrong
		}
	}
}

// find returns the places of the lines that the offer is for, nil for the whole order;
// or why it gives nothing.
func (o *offer) find(lines []model.Line, menu model.Menu, now *moment) (of []int, wrong string) {
	if !o.open(now) {
		return nil, "is not good now, or not for you"
	}
	if !o.ofLines() {
		return nil, ""
	}
	for i := range lines {
		if o.covers(menu[lines[i].SKU]) {
			of = append(of, i)
		}
	}
	if of == nil {
		return nil, "is for nothing in this order"
	}
	return of, ""
}

// Reprice returns what a placed order costs with other lines. visit is the amendment's.
//
// A line stays when the order has one of the same item and options, whatever its
// quantity: it keeps its name, prices, taxes and discounts. Other lines are priced by
// the menu, with the offers of lines that apply now. Offers of the order, codes, dining,
// tip and discounts by hand are those of its placing; a discount goes when none of its
// lines stays. The tariff must be that of the order's
// placing, of version order.Reckoning.Pricing, or there is an ErrTariff.
//
// Faults of lines are a model.Invalid, as Price has them.
func (t *Tariff) Reprice(order model.Order, asked []model.DraftLine, menu model.Menu, visit Visit) (Bill, error) {
	if t.Version() != order.Reckoning.Pricing {
		return Bill{}, ErrTariff
	}
	a, err := t.amend(order, asked, menu)
	if err != nil {
		return Bill{}, err
	}
	now := moment{visit: visit}
	if t != nil {
		for n := range t.offers {
			o := &t.offers[n]
			if d, any := a.again(order, o, menu, &now); any {
				a.basket.discounts = append(a.basket.discounts, d)
			}
		}
	}
	for _, d := range order.Reckoning.Discounts {
		if d.ID != "" {
			continue
		}
		if d.Lines != nil {
			if d.Lines = a.follow(d.Lines); len(d.Lines) == 0 {
				continue
			}
		}
		a.basket.discounts = append(a.basket.discounts, d)
	}
	bill, err := t.reckon(a.basket)
	bill.Codes = order.Codes
	return bill, err
}

// amendment is a basket of lines that stayed and of new ones.
type amendment struct {
	basket basket
	was    []int // which line of the order each was; -1: a new one
}

// amend finds the lines that stay and prices the new ones.
func (t *Tariff) amend(order model.Order, asked []model.DraftLine, menu model.Menu) (amendment, error) {
	var faults model.Invalid
	a := amendment{was: make([]int, len(asked))}
	a.basket = basket{
		lines: make([]model.Line, len(asked)), taxes: make([]taxSet, len(asked), len(asked)+maxCharges),
		dining: order.Dining, tip: order.Reckoning.Tip,
	}
	stayed := make([]bool, len(order.Lines))
	for i, want := range asked {
		a.was[i] = slices.IndexFunc(order.Lines, func(l model.Line) bool { return sameGoods(l, want) })
		for a.was[i] >= 0 && stayed[a.was[i]] {
			next := slices.IndexFunc(order.Lines[a.was[i]+1:], func(l model.Line) bool { return sameGoods(l, want) })
			if next < 0 {
				a.was[i] = -1
				break
			}
			a.was[i] += 1 + next
		}
		line, err := model.Line{}, error(nil)
		if at := a.was[i]; at >= 0 {
			stayed[at] = true
			line = order.Lines[at]
			a.basket.taxes[i] = t.taxesOf(line)
			line.Quantity, line.Note, line.Discount, line.Taxes = want.Quantity, want.Note, 0, nil
			if line.Sum() != nil {
				err = overflow(i)
			}
		} else {
			line, err = menu.PriceLine(i, want)
			a.basket.taxes[i] = t.taxesOn(menu[want.SKU].TaxClass, order.Dining)
		}
		if err != nil {
			faults = append(faults, err.(model.Invalid)...)
		}
		a.basket.lines[i] = line
	}
	return a, faults.Err()
}

// sameGoods reports whether a line is of the item and options that are asked for.
func sameGoods(l model.Line, want model.DraftLine) bool {
	if l.SKU != want.SKU || len(l.Options) != len(want.Options) {
		return false
	}
	for _, o := range l.Options {
		if !slices.Contains(want.Options, o.ID) {
			return false
		}
	}
	return true
}

// taxesOf returns the taxes that a line bears. Without a document that is none: nobody knows
// the rate of a TillTax.
func (t *Tariff) taxesOf(l model.Line) (set taxSet) {
	if t == nil {
		return 0
	}
	for _, share := range l.Taxes {
		for i := range t.taxes {
			if t.taxes[i].id == share.ID {
				set |= 1 << i
			}
		}
	}
	return set
}

// follow returns where lines of the order are now, without those that are gone.
func (a amendment) follow(lines []int) (now []int) {
	for i, was := range a.was {
		if was >= 0 && slices.Contains(lines, was) {
			now = append(now, i)
		}
	}
	return now
}

// again returns what an offer gives the amended order, if anything.
func (a amendment) again(order model.Order, o *offer, menu model.Menu, now *moment) (model.Discount, bool) {
	at := slices.IndexFunc(order.Reckoning.Discounts, func(d model.Discount) bool { return d.ID == o.id })
	if !o.ofLines() {
		return o.discount(nil), at >= 0
	}
	var lines []int
	if at >= 0 {
		lines = a.follow(order.Reckoning.Discounts[at].Lines)
	}
	if !o.needs(order.Codes) && o.open(now) {
		for i, was := range a.was {
			if was < 0 && o.covers(menu[a.basket.lines[i].SKU]) {
				lines = append(lines, i)
			}
		}
		slices.Sort(lines)
	}
	return o.discount(lines), lines != nil
}
