package report

import (
	"maps"
	"math"
	"slices"
	"time"

	"cafe/model"
)

// tuning is the forecaster's constants.
type tuning struct {
	// How much of what is known of an item's level outlives a day. With 0.9 yesterday
	// weighs 1, the open day before it 0.9, then 0.81.
	keep float64

	// A weekday's factor of an item is shrunk to that of all items, and that to 1,
	// each by as much as so many sales would say.
	shrinkToAll, shrinkToOne float64

	// The daily chance that an item goes off the counter, and that one returns to it,
	// until habitWeight days and more have told otherwise.
	stops, returns, habitWeight float64

	// How much more than by chance demand varies (relative variance), until
	// spreadWeight days and more have told otherwise, and at least.
	spread, spreadWeight, leastSpread float64

	// The least part of a day's demand that an item which ran out is said to have
	// seen: what sells in the first minutes is no measure of a whole day.
	leastSeen float64
}

// tuned was chosen on the sales of a real bakery café before the five weeks that the
// forecast is measured on. It matters little: TestOtherConstantsWouldHaveDoneNoBetter.
var tuned = tuning{
	keep:        0.9,
	shrinkToAll: 20, shrinkToOne: 20,
	stops: 0.03, returns: 0.05, habitWeight: 20,
	spread: 0.1, spreadWeight: 30, leastSpread: 0.02,
	leastSeen: 0.1,
}

// A forecaster learns open days one after the other and says what the next may sell.
//
// Each item has a level, a gamma distribution learnt from Poisson sales whose past is
// discounted day by day: exponential smoothing that knows how sure it is. It has a
// factor for each weekday, a spread, and a hidden state, on the counter or off it,
// for a day without a sale of an item that sells twenty is no sign that people no
// longer want it. An item that ran out was seen for part of the day only, and counts
// as that part.
type forecaster struct {
	tuning
	days  int
	all   week
	items map[string]*habit
}

// habit is what is known of one item, from its first sale on.
type habit struct {
	*tuning
	sold, seen float64 // the level: units, and in how many average days
	week       week
	varied     ratio
	onCounter  float64 // probability that it was on the last open day
	stopped    ratio   // days on the counter that a day off followed, of all days on
	returned   ratio   // days off that a day on followed, of all days off
	lastSold   model.Day
}

// week has a ratio for each weekday: what was sold, over what would have been without
// weekdays.
type week [7]ratio

// ratio is a sum over another, shrunk to a prior value by a prior weight.
type ratio struct{ over, under float64 }

func (r *ratio) add(over, under float64) { r.over, r.under = r.over+over, r.under+under }

func (r ratio) shrunk(to, by float64) float64 { return (r.over + by*to) / (r.under + by) }

// learnt is a forecaster that has seen the days, which are in order.
func learnt(days []Summary) *forecaster { return tuned.learnt(days) }

func (t tuning) learnt(days []Summary) *forecaster {
	f := &forecaster{tuning: t, items: map[string]*habit{}}
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
	weekday := s.Day.Weekday()
	for sku, sold := range s.Sold {
		if f.items[sku] == nil && sold > 0 {
			f.items[sku] = &habit{tuning: &f.tuning}
		}
	}
	var all ratio
	for _, sku := range slices.Sorted(maps.Keys(f.items)) { // sums of floats must not depend on order
		sold, part := max(s.Sold[sku], 0), 1.0 // goods taken back are no demand
		if perMille, gone := s.SoldOut[sku]; gone {
			if sold == 0 {
				continue // there was none to sell
			}
			part = min(max(float64(perMille)/1000, f.leastSeen), 1)
		}
		h := f.items[sku]
		told := h.learn(float64(sold), part, f.factor(h, weekday), weekday)
		all.add(told.over, told.under)
		if sold > 0 {
			h.lastSold = s.Day
		}
	}
	f.all[weekday].add(all.over, all.under)
}

// factor is how much more than on an average day the item sells on the weekday.
func (f *forecaster) factor(h *habit, weekday time.Weekday) float64 {
	return h.week[weekday].shrunk(f.all[weekday].shrunk(1, f.shrinkToOne), f.shrinkToAll)
}

// demand returns what the item may sell on the next open day, of that weekday.
func (f *forecaster) demand(sku string, weekday time.Weekday) demand {
	h := f.items[sku]
	if h == nil {
		return demand{}
	}
	return h.demand(f.factor(h, weekday))
}

// lastSold returns the last day that had a sale of the item; empty: none.
func (f *forecaster) lastSold(sku string) model.Day {
	if h := f.items[sku]; h != nil {
		return h.lastSold
	}
	return ""
}

// demand is for a day that is as good as so many average ones.
func (h *habit) demand(days float64) demand {
	return demand{
		offered: h.onCounter*(1-h.stopping()) + (1-h.onCounter)*h.returning(),
		mean:    h.sold / h.seen * days,
		spread:  h.overdispersion() + 1/max(h.sold, 0.5),
	}
}

func (h *habit) stopping() float64  { return h.stopped.shrunk(h.stops, h.habitWeight) }
func (h *habit) returning() float64 { return h.returned.shrunk(h.returns, h.habitWeight) }

func (h *habit) overdispersion() float64 {
	return max(h.varied.shrunk(h.spread, h.spreadWeight), h.leastSpread)
}

// learn takes in a day of which a part was seen, and returns what it tells of its
// weekday.
func (h *habit) learn(sold, part, factor float64, weekday time.Weekday) ratio {
	days := factor * part
	if h.sold == 0 {
		h.sold, h.seen, h.onCounter = sold, days, 1
		return ratio{}
	}
	level := h.sold / h.seen
	on := h.look(sold, h.demand(days))
	mean := level * days

	weight := on / (1 + h.overdispersion()*mean)
	told := ratio{weight * sold, weight * level * part}
	h.week[weekday].add(told.over, told.under)

	// By moments: the mean of (sold-mean)² - mean is spread·mean². Days that expect
	// little tell little.
	h.varied.add(on*((sold-mean)*(sold-mean)-mean)/((1+mean)*(1+mean)), on*mean*mean/((1+mean)*(1+mean)))

	forget := 1 - (1-h.keep)*on
	h.sold, h.seen = h.sold*forget+on*sold, h.seen*forget+on*days
	return told
}

// look returns the probability that the item was on the counter, given what sold and
// what was to be expected, and counts how it came there from the day before.
func (h *habit) look(sold float64, d demand) float64 {
	ifOn, ifOff := 0.0, 1.0 // how likely such sales were
	if sold > 0 {
		ifOn, ifOff = 1, 0
	} else {
		size := 1 / d.spread
		ifOn = math.Pow(size/(size+d.mean), size)
	}
	stopping, returning := h.stopping(), h.returning()
	stayed, stopped := h.onCounter*(1-stopping)*ifOn, h.onCounter*stopping*ifOff
	returned, stayedOff := (1-h.onCounter)*returning*ifOn, (1-h.onCounter)*(1-returning)*ifOff
	sum := stayed + stopped + returned + stayedOff

	h.stopped.add(stopped/sum, (stayed+stopped)/sum)
	h.returned.add(returned/sum, (returned+stayedOff)/sum)
	h.onCounter = (stayed + returned) / sum
	return h.onCounter
}
