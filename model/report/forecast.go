package report

import (
	"maps"
	"math"
	"slices"

	"cafe/model"
)

// The forecaster's constants. They were chosen on the sales of a real bakery café
// before the five weeks on which the forecast is measured, and matter little: see
// TestNoOtherConstantsWouldHaveDoneMuchBetterBefore.
const (
	// keep is how much of what is known of an item's level outlives a day: yesterday
	// weighs 1, the day before 0.9, and so on.
	keep = 0.9

	// A weekday's factor is shrunk to that of all items, and that to 1, each by as
	// much as this many sales of an item that sells without overdispersion would say.
	shrinkToAll, shrinkToOne = 20.0, 20.0

	// An item goes off the counter with usuallyStops a day and returns with
	// usuallyReturns, until habitWeight days and more have told otherwise.
	usuallyStops, usuallyReturns, habitWeight = 0.03, 0.1, 10.0

	// Demand varies more than chance alone by usualSpread (relative variance), until
	// spreadWeight days and more have told otherwise; never less than leastSpread.
	usualSpread, spreadWeight, leastSpread = 0.1, 30.0, 0.02

	// leastSeen is the least part of a day's demand that a sold-out item is said to
	// have met: what sold in the first minutes is no measure for a whole day.
	leastSeen = 0.1
)

// A forecaster learns open days one after the other and says what the next may sell.
//
// Each item has a level, a gamma distribution learnt from Poisson sales whose past is
// discounted day by day, which is exponential smoothing that knows how sure it is;
// a factor for each weekday, shrunk to that of all items together; a spread; and a
// hidden state, on the counter or off it, because a day without a sale of an item that
// sells twenty is no sign that people no longer want it. An item that ran out was
// seen for a part of the day only, and counts as that part.
type forecaster struct {
	days  int
	all   week
	items map[string]*habit
}

// habit is what is known of one item.
type habit struct {
	sold, seen float64 // the level's gamma distribution: shape, and rate in average days
	week       week
	spread     ratio
	onCounter  float64 // probability that it was on the last open day
	stops      ratio   // of days on the counter, those followed by a day off
	returns    ratio   // of days off, those followed by a day on
	lastSold   model.Day
}

// ratio is a sum over another, shrunk to a prior value by a prior weight.
type ratio struct{ over, under float64 }

func (r *ratio) add(over, under float64) { r.over, r.under = r.over+over, r.under+under }

func (r ratio) shrunk(to, by float64) float64 { return (r.over + by*to) / (r.under + by) }

// week has a ratio for each weekday: what sold over what a day without weekdays
// would have.
type week [7]ratio

// learnt is a forecaster that has seen the days, which are in order.
func learnt(days []Summary) *forecaster {
	f := &forecaster{items: map[string]*habit{}}
	for _, s := range days {
		f.learn(s)
	}
	return f
}

// learn takes in one more day. A closed one is no day without demand.
func (f *forecaster) learn(s Summary) {
	if !s.Open() {
		return
	}
	f.days++
	for sku := range s.Sold {
		if f.items[sku] == nil {
			f.items[sku] = &habit{}
		}
	}
	var all ratio
	for _, sku := range slices.Sorted(maps.Keys(f.items)) {
		seen := 1.0
		if part, gone := s.SoldOut[sku]; gone {
			if s.Sold[sku] == 0 {
				continue // there was none to sell
			}
			seen = min(max(float64(part)/1000, leastSeen), 1)
		}
		h := f.items[sku]
		told := h.learn(float64(s.Sold[sku]), seen, f.factor(h, s), int(s.Day.Weekday()))
		all.add(told.over, told.under)
		if s.Sold[sku] > 0 {
			h.lastSold = s.Day
		}
	}
	f.all[s.Day.Weekday()].add(all.over, all.under)
}

func (f *forecaster) factor(h *habit, s Summary) float64 { return f.factorOn(h, int(s.Day.Weekday())) }

// factorOn is how much more than on an average day the item sells on the weekday.
func (f *forecaster) factorOn(h *habit, weekday int) float64 {
	return h.week[weekday].shrunk(f.all[weekday].shrunk(1, shrinkToOne), shrinkToAll)
}

// on returns the demand for the item on an open day of the weekday.
func (f *forecaster) on(sku string, day model.Day) demand {
	h := f.items[sku]
	if h == nil {
		return none
	}
	return h.demand(f.factorOn(h, int(day.Weekday())))
}
