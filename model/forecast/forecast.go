package forecast

import (
	"math"
	"sort"

	"cafe/model"
)

// MostDays is how far back a forecast needs to look: a year and five weeks. Days before
// that have been forgotten, and holidays of last year have not.
const MostDays = 400

// Day is what one past day told. The maps are by SKU, and may be nil.
type Day struct {
	Day     model.Day
	Closed  bool             // the café was not open: the day teaches nothing
	Outage  bool             // the till was down for much of the day: it teaches nothing either
	Revenue int64            // in any one unit; 0: not known
	Sold    map[string]int64 // units; absent: none. Below 0, for goods taken back, counts as none
	// SoldOut holds how many of 1,000 of the day's customers had come when the item ran
	// out for the day. So much of the day's demand was seen.
	SoldOut map[string]int64
	// Waste is what was left over or spoiled. An item with a leftover met its demand: it
	// is not sold out, though writing the leftover off may have emptied the shelf.
	Waste map[string]int64
}

// Costs are what a sale lost costs, and one left over, in any one unit: only their ratio
// counts. Both zero, or a cost that is no number or below zero, means equal.
type Costs struct{ LostSale, Leftover float64 }

// enough returns the share of days that should not run out: the newsvendor's. It stays
// away from the ends, where the forecast knows nothing.
func (c Costs) enough() float64 {
	share := c.LostSale / (c.LostSale + c.Leftover)
	if !(c.LostSale >= 0 && c.Leftover >= 0) || math.IsNaN(share) {
		return 0.5
	}
	return min(max(share, 0.01), 0.99)
}

// Forecaster learns days one after the other. Make one with New.
type Forecaster struct {
	tuning
	holidays Holidays
	short    float64 // the share of days on which the number to bake should fall short
	z        float64 // the normal quantile of the others

	days     int // open ones that were learnt
	turn     int // of the last day: how many days it is after the first
	last     model.Day
	reopened model.Day // the first open day after a long gap; empty: none

	items    []*item // by SKU, so that sums do not depend on a map's order
	bySKU    map[string]*item
	weekday  [7]ratio // of all items
	takings  takings
	loss     [experts]float64 // of all items
	width    float64          // of all items' ranges: a logarithm, 0 for the normal distribution's
	shifted  float64          // of all items' numbers to bake, in standard deviations
	holiday  effects
	standing [experts]float64 // all items' part in the say of each forecast, as of the last day
}

// New returns a forecaster that has seen nothing. Holidays may be nil.
func New(costs Costs, holidays Holidays) *Forecaster { return tuned.new(costs, holidays) }

func (t tuning) new(costs Costs, holidays Holidays) *Forecaster {
	return &Forecaster{
		tuning: t, holidays: holidays, short: 1 - costs.enough(), z: math.Sqrt2 * math.Erfinv(2*costs.enough()-1),
		bySKU: map[string]*item{}, holiday: effects{byName: map[string]ratio{}},
	}
}

// Days returns how many open days have been learnt.
func (f *Forecaster) Days() int { return f.days }

// Model says in a few words what makes the numbers.
func Model() string {
	return "11 forecasts, each item's own mix by who came closest lately"
}

// Learn takes in one more day. Days come in order: one that is not after the last is
// passed over, and so is one that teaches nothing.
func (f *Forecaster) Learn(d Day) {
	if d.Day <= f.last || d.Closed || d.Outage {
		return
	}
	if f.last != "" {
		gap := d.Day.Since(f.last)
		if f.turn += gap; gap > f.longGap {
			f.forget(d.Day)
		}
	}
	f.last = d.Day
	f.days++
	f.meet(d)

	today := f.conditions(d.Day)
	var seen sums
	for _, it := range f.items {
		if o, told := d.of(it.sku, f.leastSeen); told {
			it.learn(f, today, o, &seen)
		}
	}
	f.settle(today, seen)
	if !today.isHoliday {
		f.takings.learn(&f.tuning, today.weekday, float64(d.Revenue))
	}
}

// meet makes the day's new items known.
func (f *Forecaster) meet(d Day) {
	known := len(f.items)
	for sku, sold := range d.Sold {
		if sold > 0 && f.bySKU[sku] == nil {
			it := &item{sku: sku}
			f.bySKU[sku], f.items = it, append(f.items, it)
		}
	}
	if len(f.items) > known {
		sort.Slice(f.items, func(i, j int) bool { return f.items[i].sku < f.items[j].sku })
	}
}

// forget makes what was known count for less: the café was away for long.
func (f *Forecaster) forget(today model.Day) {
	f.reopened = today
	for _, it := range f.items {
		it.forget(f.afterGap)
	}
	f.takings.forget(f.afterGap)
}

// conditions are what makes one day's demand differ from another's.
type conditions struct {
	day       model.Day
	turn      int // how many days it is after the first that was learnt
	weekday   int
	factor    float64          // of the weekday, for all items
	cafe      [shareds]float64 // the café's takings over its slower level
	holiday   float64          // what all items sell on it against an average day
	name      string           // the holiday's
	isHoliday bool
}

func (f *Forecaster) conditions(day model.Day) conditions {
	weekday := int(day.Weekday())
	c := conditions{
		day: day, turn: f.turn, weekday: weekday, factor: f.weekday[weekday].drawn(1, f.factorPrior),
		cafe: f.takings.indexes(),
	}
	if c.name, c.isHoliday = f.holidays[day]; c.isHoliday {
		c.holiday = f.holiday.of(c.name, c.factor, f.holidayDays)
	}
	return c
}

// sums are what a day tells of all items together.
type sums struct {
	weekday, holiday ratio
	loss             [experts]float64
	missed, ranges   float64 // of the ranges
	short, numbers   float64 // of the numbers to bake
}

// settle takes in what the day told of all items together.
func (f *Forecaster) settle(today conditions, seen sums) {
	if seen.ranges > 0 {
		f.width = bounded(f.width+f.widenAll*(seen.missed/seen.ranges-outside), 1.2)
	}
	if seen.numbers > 0 {
		f.shifted = bounded(f.shifted+f.shiftStep()*seen.short/seen.numbers, 1)
	}
	if today.isHoliday {
		f.holiday.learn(today.name, seen.holiday)
		return
	}
	w := &f.weekday[today.weekday]
	w.keep(f.factorKeep)
	w.add(seen.weekday.over, seen.weekday.under)
	for k := range f.loss {
		f.loss[k] = f.loss[k]*f.lossKeep + seen.loss[k]
	}
	least := leastOf(&f.loss)
	for k := range f.standing {
		f.standing[k] = (1 - f.own) * ((f.loss[k]+someLoss)/(least+someLoss) - 1)
	}
}

// shiftStep is how fast numbers to bake move. Where lost sales and leftovers cost the
// same, the number is the middle of demand, and the mix has learnt that already.
func (f *Forecaster) shiftStep() float64 { return f.shift * min(math.Abs(f.z), 1) }

// observation is what a day told of one item.
type observation struct {
	sold  float64
	part  float64 // of the day's demand that was seen
	waste int64
}

// of returns what the day told of an item; false: nothing, for there was none to sell.
func (d Day) of(sku string, leastSeen float64) (observation, bool) {
	o := observation{sold: float64(max(d.Sold[sku], 0)), part: 1, waste: max(d.Waste[sku], 0)}
	if perMille, out := d.SoldOut[sku]; out && o.waste == 0 {
		if o.sold == 0 {
			return o, false
		}
		o.part = min(max(float64(perMille)/1000, leastSeen), 1)
	}
	return o, true
}

// ratio is a sum over another.
type ratio struct{ over, under float64 }

func (r *ratio) add(over, under float64) { r.over, r.under = r.over+over, r.under+under }

func (r *ratio) keep(part float64) { r.over, r.under = r.over*part, r.under*part }

// drawn is the ratio, drawn to a prior value by a prior weight above 0.
func (r ratio) drawn(to, by float64) float64 { return (r.over + by*to) / (r.under + by) }

func bounded(x, most float64) float64 { return min(max(x, -most), most) }
