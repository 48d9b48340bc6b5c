package pricing

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cafe/model"
)

// Record is what an order keeps of its reckoning beside its lines, compactly: ids and
// amounts, and the version of the document that knows the names and rates. Sums are left
// out that follow from the rest. Every amount can be told without the document, so that
// the ledger needs no other read. As JSON it has about 120 bytes for three lines with two
// taxes and an offer (TestRecordIsSmall).
type Record struct {
	Pricing   int64            `json:"v,omitzero"`
	Dining    string           `json:"d,omitempty"` // e: eaten in, t: taken away
	Codes     []string         `json:"c,omitempty"`
	Shares    []model.Money    `json:"s,omitempty"` // what each line cost less; none: no line did
	Discounts []RecordDiscount `json:"o,omitempty"`
	Charges   []RecordCharge   `json:"h,omitempty"`
	Taxes     []RecordTax      `json:"t,omitempty"`
	Tip       model.Money      `json:"p,omitzero"`
}

// RecordDiscount is an offer's discount by the offer's id, or one by hand, with all
// that staff said.
type RecordDiscount struct {
	ID      string      `json:"i,omitempty"`
	Amount  model.Money `json:"a,omitzero"`
	Lines   []int       `json:"l,omitempty"`
	Name    string      `json:"n,omitempty"`
	Percent model.Rate  `json:"r,omitzero"`
	Fixed   model.Money `json:"f,omitzero"`
}

// RecordCharge is a charge by its id.
type RecordCharge struct {
	ID     string      `json:"i"`
	Amount model.Money `json:"a,omitzero"`
}

// RecordTax is a tax by its id, with the shares of those lines and charges (which come
// after the lines) that it is on.
type RecordTax struct {
	ID     string        `json:"i"`
	On     []int         `json:"l,omitempty"` // none: on all
	Shares []model.Money `json:"a"`
	Added  bool          `json:"x,omitzero"` // not inclusive
}

// letters are what a Record calls dining.
var letters = map[model.Dining]string{model.DiningEatIn: "e", model.DiningTakeaway: "t"}

// NewRecord returns what an order keeps.
func NewRecord(o model.Order) Record {
	r := Record{Pricing: o.Reckoning.Pricing, Dining: letters[o.Dining], Codes: o.Codes, Tip: o.Reckoning.Tip}
	for i, l := range o.Lines {
		if l.Discount != 0 && r.Shares == nil {
			r.Shares = make([]model.Money, len(o.Lines))
		}
		if r.Shares != nil {
			r.Shares[i] = l.Discount
		}
	}
	for _, d := range o.Reckoning.Discounts {
		kept := RecordDiscount{ID: d.ID, Amount: d.Amount, Lines: d.Lines}
		if d.ID == "" {
			kept.Name, kept.Percent, kept.Fixed = d.Name, d.Percent, d.Fixed
		}
		r.Discounts = append(r.Discounts, kept)
	}
	for _, c := range o.Reckoning.Charges {
		r.Charges = append(r.Charges, RecordCharge{c.ID, c.Amount})
	}
	for _, x := range o.Reckoning.Taxes {
		kept, part := RecordTax{ID: x.ID, Added: !x.Inclusive}, 0
		add := func(shares []model.TaxShare) {
			for _, s := range shares {
				if s.ID == x.ID {
					kept.On, kept.Shares = append(kept.On, part), append(kept.Shares, s.Amount)
				}
			}
			part++
		}
		for _, l := range o.Lines {
			add(l.Taxes)
		}
		for _, c := range o.Reckoning.Charges {
			add(c.Taxes)
		}
		if len(kept.On) == part {
			kept.On = nil
		}
		r.Taxes = append(r.Taxes, kept)
	}
	return r
}

// IsZero reports whether there is nothing to keep: the order is one of before it had a
// reckoning.
func (r Record) IsZero() bool {
	return r.Pricing == 0 && r.Dining == "" && r.Codes == nil && r.Shares == nil && r.Discounts == nil && r.Charges == nil && r.Taxes == nil && r.Tip == 0
}

// Text writes the record as JSON, to be stored.
func (r Record) Text() string {
	b, _ := json.Marshal(r, jsontext.AllowInvalidUTF8(true)) // text and numbers: nothing else can fail
	return string(b)
}

// ParseRecord reads what Text wrote. The empty text is the zero Record.
func ParseRecord(text string) (r Record, err error) {
	if text == "" {
		return Record{}, nil
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return Record{}, fmt.Errorf("record of a reckoning: %w", err)
	}
	return r, nil
}

// Restore puts the reckoning back onto an order that has its lines and total: all ids and
// amounts. Names and rates that only the document knows stay empty until Tariff.Name fills
// them in. A record that does not fit the order is an error that says how. The zero Record
// gives an order of before: its subtotal is its total.
func (r Record) Restore(o *model.Order) error {
	k := model.Reckoning{Pricing: r.Pricing, Tip: r.Tip}
	o.Dining, o.Codes = "", r.Codes
	for dining, letter := range letters {
		if r.Dining == letter {
			o.Dining = dining
		}
	}
	if r.Shares != nil && len(r.Shares) != len(o.Lines) {
		return fmt.Errorf("record of a reckoning: discounts of %d lines, of %d", len(r.Shares), len(o.Lines))
	}
	for i := range o.Lines {
		k.Subtotal += o.Lines[i].Total
		if r.Shares != nil {
			o.Lines[i].Discount = r.Shares[i]
		}
	}
	for _, kept := range r.Discounts {
		for _, line := range kept.Lines {
			if line < 0 || line >= len(o.Lines) {
				return fmt.Errorf("record of a reckoning: a discount of line %d, of %d", line, len(o.Lines))
			}
		}
		k.Discounts = append(k.Discounts, model.Discount{
			ID: kept.ID, Name: kept.Name, Percent: kept.Percent, Fixed: kept.Fixed, Lines: kept.Lines, Amount: kept.Amount,
		})
	}
	for _, kept := range r.Charges {
		k.Charges = append(k.Charges, model.Charge{ID: kept.ID, Amount: kept.Amount})
	}
	if err := r.restoreTaxes(&k, o.Lines); err != nil {
		return err
	}
	o.Reckoning = k
	return nil
}

func (r Record) restoreTaxes(k *model.Reckoning, lines []model.Line) error {
	if len(r.Taxes) > maxTaxes {
		return fmt.Errorf("record of a reckoning: %d taxes", len(r.Taxes))
	}
	parts := make([]model.Money, 0, len(lines)+len(k.Charges))
	for _, l := range lines {
		parts = append(parts, l.Total-l.Discount)
	}
	for _, c := range k.Charges {
		parts = append(parts, c.Amount)
	}
	sets, shares := make([]taxSet, len(parts)), make([][]model.TaxShare, len(parts))
	var inclusive taxSet // taxes are numbered as the record has them
	for i, kept := range r.Taxes {
		if slices.ContainsFunc(k.Taxes, func(t model.Tax) bool { return t.ID == kept.ID }) {
			return fmt.Errorf("record of a reckoning: tax %s twice", kept.ID)
		}
		of := func(n int) int { return n }
		if kept.On != nil {
			of = func(n int) int { return kept.On[n] }
		}
		if kept.On != nil && len(kept.On) != len(kept.Shares) || kept.On == nil && len(kept.Shares) != len(parts) {
			return fmt.Errorf("record of a reckoning: tax %s has %d shares", kept.ID, len(kept.Shares))
		}
		restored := model.Tax{ID: kept.ID, Inclusive: !kept.Added}
		if kept.ID == TillTax {
			restored.Name = tillTaxName
		}
		if restored.Inclusive {
			inclusive |= 1 << i
		}
		for n, share := range kept.Shares {
			p := of(n)
			if p < 0 || p >= len(parts) || sets[p].has(i) {
				return fmt.Errorf("record of a reckoning: tax %s of part %d, of %d", kept.ID, p, len(parts))
			}
			sets[p] |= 1 << i
			shares[p] = append(shares[p], model.TaxShare{ID: kept.ID, Amount: share})
			restored.Amount += share
		}
		k.Taxes = append(k.Taxes, restored)
	}
	all := taxSet(1)<<len(r.Taxes) - 1
	for p := range parts {
		if sets[p] != 0 {
			addNet(k.Taxes, all, sets[p], inclusive, parts[p], shares[p])
		}
		if p < len(lines) {
			lines[p].Taxes = shares[p]
		} else {
			k.Charges[p-len(lines)].Taxes = shares[p]
		}
	}
	return nil
}

// Name fills in the names and rates of a restored order, which the document has. The
// tariff must be that of the order's placing (nil for version 0), or there is an
// ErrTariff. An id that the document does not have is an error.
func (t *Tariff) Name(o *model.Order) error {
	k := &o.Reckoning
	if t.Version() != k.Pricing {
		return ErrTariff
	}
	for i, d := range k.Discounts {
		if d.ID == "" {
			continue
		}
		offer, known := t.offerOf(d.ID)
		if !known {
			return fmt.Errorf("pricing document %d has no offer %s", k.Pricing, d.ID)
		}
		k.Discounts[i] = offer.discount(d.Lines)
		k.Discounts[i].Amount = d.Amount
	}
	for i := range k.Charges {
		c, known := t.chargeOf(k.Charges[i].ID)
		if !known {
			return fmt.Errorf("pricing document %d has no charge %s", k.Pricing, k.Charges[i].ID)
		}
		k.Charges[i].Name, k.Charges[i].Percent = c.name, c.percent
	}
	for i := range k.Taxes {
		x := &k.Taxes[i]
		if x.ID == TillTax {
			continue
		}
		at, known := t.taxOf(x.ID)
		if !known || t.taxes[at].inclusive != x.Inclusive {
			return fmt.Errorf("pricing document %d has no such tax %s", k.Pricing, x.ID)
		}
		x.Name, x.Rate = t.taxes[at].name, t.taxes[at].rate
	}
	return nil
}

func (t *Tariff) chargeOf(id string) (charge, bool) {
	if t != nil {
		for _, c := range t.charges {
			if c.id == id {
				return c, true
			}
		}
	}
	return charge{}, false
}

func (t *Tariff) offerOf(id string) (*offer, bool) {
	if t != nil {
		for i := range t.offers {
			if t.offers[i].id == id {
				return &t.offers[i], true
			}
		}
	}
	return nil, false
}

func (t *Tariff) taxOf(id string) (int, bool) {
	if t != nil {
		for i := range t.taxes {
			if t.taxes[i].id == id {
				return i, true
			}
		}
	}
	return 0, false
}
