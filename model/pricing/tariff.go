package pricing

import (
	"errors"
	"math/bits"
	"slices"
	"strings"
	"time"

	"cafe/model"
)

// ErrTariff says that a bill was made by another version of the document.
var ErrTariff = errors.New("the bill is of another pricing document")

var errClock = errors.New(badClock)

// Tariff is a document that is ready to reckon by. It is never changed, so that many
// may use it at once. A nil Tariff is a café without a document: no taxes, charges or
// offers, and halves go up.
type Tariff struct {
	version  int64
	document Document
	rounding Rounding
	taxes    []tax
	classes  map[string][2]taxSet // by dining, in the order of dinings
	charges  []charge
	offers   []offer
}

// taxSet is a set of taxes, by their place in the document.
type taxSet uint32

func (s taxSet) has(i int) bool { return s&(1<<i) != 0 }

func (s taxSet) len() int { return bits.OnesCount32(uint32(s)) }

// before returns how many of the set's taxes come before tax i.
func (s taxSet) before(i int) int { return (s & (1<<i - 1)).len() }

type tax struct {
	id, name  string
	rate      model.Rate
	inclusive bool
}

type charge struct {
	id, name string
	percent  model.Rate
	class    string
	dining   [2]bool
}

type offer struct {
	id, name         string
	percent          model.Rate
	amount           model.Money
	skus, categories []string
	code             string
	roles            []model.Role
	days             [7]bool
	always           bool // needs no clock
	hasFrom, hasTo   bool
	from, to         int // minutes since midnight
	starts, ends     model.Day
}

// New makes a tariff of a document, under its version, from 1. A document that
// Validate refuses is refused.
func New(version int64, d Document) (*Tariff, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	t := &Tariff{version: version, document: d, rounding: d.Rounding, classes: map[string][2]taxSet{}}
	for i, x := range d.Taxes {
		rate, _ := model.ParseRate(x.Rate)
		t.taxes = append(t.taxes, tax{x.ID, x.Name, rate, x.Inclusive})
		for _, a := range x.Applies {
			sets := t.classes[a.Class]
			for n, dining := range dinings {
				if a.Dining == "" || a.Dining == dining {
					sets[n] |= 1 << i
				}
			}
			t.classes[a.Class] = sets
		}
	}
	for _, c := range d.Charges {
		percent, _ := model.ParseRate(c.Percent)
		made := charge{id: c.ID, name: c.Name, percent: percent, class: c.TaxClass}
		for n, dining := range dinings {
			made.dining[n] = len(c.Dining) == 0 || slices.Contains(c.Dining, dining)
		}
		t.charges = append(t.charges, made)
	}
	for _, o := range d.Offers {
		t.offers = append(t.offers, newOffer(o))
	}
	return t, nil
}

func newOffer(o Offer) offer {
	percent := model.Rate(0)
	if o.Percent != "" {
		percent, _ = model.ParseRate(o.Percent)
	}
	from, _ := parseClock(o.From)
	to, _ := parseClock(o.To)
	made := offer{
		id: o.ID, name: o.Name, percent: percent, amount: o.Amount, skus: o.SKUs, categories: o.Categories, code: o.Code,
		roles: o.Roles, hasFrom: o.From != "", hasTo: o.To != "", from: from, to: to, starts: o.StartsOn, ends: o.EndsOn,
		always: len(o.Days) == 0 && o.From == "" && o.To == "" && o.StartsOn == "" && o.EndsOn == "",
	}
	for n, name := range weekdays {
		made.days[n] = len(o.Days) == 0 || slices.Contains(o.Days, name)
	}
	return made
}

// Version returns the document's version, and 0 without one.
func (t *Tariff) Version() int64 {
	if t == nil {
		return 0
	}
	return t.version
}

// Document returns what the tariff was made of. It must not be changed.
func (t *Tariff) Document() Document {
	if t == nil {
		return Document{}
	}
	return t.document
}

// OnTop reports whether the document has taxes and all of them come on top of prices.
func (t *Tariff) OnTop() bool {
	return t != nil && len(t.taxes) > 0 && !slices.ContainsFunc(t.taxes, func(x tax) bool { return x.inclusive })
}

// Tax returns the tax of that id with its name and rate. Of TillTax, which no document has,
// it has the name only.
func (t *Tariff) Tax(id string) (tax model.Tax, known bool) {
	if id == TillTax {
		return model.Tax{ID: TillTax, Name: tillTaxName}, true
	}
	i, known := t.taxOf(id)
	if !known {
		return model.Tax{}, false
	}
	x := t.taxes[i]
	return model.Tax{ID: x.id, Name: x.name, Rate: x.rate, Inclusive: x.inclusive}, true
}

// taxesOn returns the taxes on a class of items.
func (t *Tariff) taxesOn(class string, dining model.Dining) taxSet {
	if t == nil {
		return 0
	}
	if class == "" {
		class = model.StandardClass
	}
	return t.classes[class][place(dining)]
}

// place returns where a dining stands in dinings.
func place(d model.Dining) int {
	if d == model.DiningEatIn {
		return 0
	}
	return 1
}

// Visit is the circumstances of an order.
type Visit struct {
	Role     model.Role     // of who orders
	At       time.Time      // when
	Calendar model.Calendar // whose zone the café's clock is in; a nil zone is UTC
	Dining   model.Dining   // where the request does not say; empty is takeaway
}

// moment is the time of a visit in the café's words, found out when first asked for.
type moment struct {
	visit   Visit
	known   bool
	day     model.Day
	weekday time.Weekday
	minute  int // since midnight, on the wall
	cutoff  int // the minute at which a business day begins
}

func (m *moment) find() {
	if m.known {
		return
	}
	calendar := m.visit.Calendar
	if calendar.Zone == nil {
		calendar.Zone = time.UTC
	}
	local := m.visit.At.In(calendar.Zone)
	m.known, m.day = true, calendar.DayOf(m.visit.At)
	m.weekday, m.minute = m.day.Weekday(), local.Hour()*60+local.Minute()
	m.cutoff = int(calendar.Cutoff / time.Minute)
}

// open reports whether the offer applies to this caller at this time.
func (o *offer) open(m *moment) bool {
	if len(o.roles) > 0 && !slices.Contains(o.roles, m.visit.Role) {
		return false
	}
	if o.always {
		return true
	}
	m.find()
	if !o.days[m.weekday] || o.starts != "" && m.day < o.starts || o.ends != "" && m.day > o.ends {
		return false
	}
	if !o.hasFrom && !o.hasTo {
		return true
	}
	from, to := o.from, o.to
	if !o.hasFrom {
		from = m.cutoff
	}
	if !o.hasTo {
		to = m.cutoff
	}
	switch {
	case from < to:
		return from <= m.minute && m.minute < to
	case from > to:
		return from <= m.minute || m.minute < to
	}
	return true // one end is the cutoff, and so is the other: the whole business day
}

// ofLines reports whether the offer is a discount of lines and not of the order.
func (o *offer) ofLines() bool { return len(o.skus)+len(o.categories) > 0 }

// covers reports whether the offer is for an item.
func (o *offer) covers(item model.Item) bool {
	if slices.Contains(o.skus, item.SKU) {
		return true
	}
	for _, c := range o.categories {
		if strings.EqualFold(c, item.Category) {
			return true
		}
	}
	return false
}

// needs reports whether the offer wants a code that is not among those given.
func (o *offer) needs(codes []string) bool {
	return o.code != "" && !slices.ContainsFunc(codes, func(c string) bool { return strings.EqualFold(c, o.code) })
}

func (o *offer) discount(lines []int) model.Discount {
	return model.Discount{ID: o.id, Name: o.name, Percent: o.percent, Fixed: o.amount, Lines: lines}
}
