// Package former is the café's forecast as it was in November 2026: one exponential
// smoothing with a fixed gain for every item. It is kept to be measured against, and
// makes no bake list any more. Only the backtest may use it.
//
// An item has a level, a gamma distribution learnt from Poisson sales whose past is
// discounted day by day. It has a factor for each weekday, a spread, and a hidden state:
// on the counter or off it.
package former

import (
	"cmp"
	"math"
	"slices"

	"cafe/model"
	"cafe/model/forecast"
)

// Days is how far back the former forecast looked.
const Days = 84

const (
	keep                        = 0.9 // of a level, a day
	shrinkToAll, shrinkToOne    = 20, 20
	stops, returns, habitWeight = 0.03, 0.05, 20
	spread, spreadWeight        = 0.1, 30
	leastSpread, leastSeen      = 0.02, 0.1
)

// Forecaster learns days one after the other. Make one with New.
type Forecaster struct {
	enough float64
	all    week
	items  []*habit // by SKU
	bySKU  map[string]*habit
}

// New returns a forecaster that has seen nothing.
func New(costs forecast.Costs) *Forecaster {
	enough := 0.5
	if sum := costs.LostSale + costs.Leftover; sum > 0 {
		enough = min(max(costs.LostSale/sum, 0.01), 0.99)
	}
	return &Forecaster{enough: enough, bySKU: map[string]*habit{}}
}

type habit struct {
	sku                         string
	sold, seen                  float64 // the level: units, and in how many average days
	week                        week
	varied                      ratio
	onCounter                   float64
	stoppedRatio, returnedRatio ratio
}

type week [7]ratio

type ratio struct{ over, under float64 }

func (r *ratio) add(over, under float64) { r.over, r.under = r.over+over, r.under+under }

func (r ratio) shrunk(to, by float64) float64 { return (r.over + by*to) / (r.under + by) }

// Learn takes in one more day.
func (f *Forecaster) Learn(d forecast.Day) {
	if d.Closed {
		return
	}
	weekday := int(d.Day.Weekday())
	for sku, sold := range d.Sold {
		if f.bySKU[sku] == nil && sold > 0 {
			h := &habit{sku: sku}
			f.bySKU[sku], f.items = h, append(f.items, h)
		}
	}
	slices.SortFunc(f.items, func(a, b *habit) int { return cmp.Compare(a.sku, b.sku) })
	var all ratio
	for _, h := range f.items {
		sold, part := max(d.Sold[h.sku], 0), 1.0
		if perMille, gone := d.SoldOut[h.sku]; gone {
			if sold == 0 {
				continue
			}
			part = min(max(float64(perMille)/1000, leastSeen), 1)
		}
		told := h.learn(float64(sold), part, f.factor(h, weekday), weekday)
		all.add(told.over, told.under)
	}
	f.all[weekday].add(all.over, all.under)
}

func (f *Forecaster) factor(h *habit, weekday int) float64 {
	return h.week[weekday].shrunk(f.all[weekday].shrunk(1, shrinkToOne), shrinkToAll)
}

// Demand returns what the item may sell on the day: Expected, Low, High and Bake.
func (f *Forecaster) Demand(sku string, day model.Day) forecast.Demand {
	h := f.bySKU[sku]
	if h == nil {
		return forecast.Demand{}
	}
	d := h.demand(f.factor(h, int(day.Weekday())))
	r := forecast.Demand{Mean: d.expected(), Expected: int64(math.Round(d.expected())), Bake: d.quantile(f.enough)}
	r.Low, r.High = d.interval(0.8)
	return r
}

func (h *habit) demand(days float64) demand {
	return demand{
		offered: h.onCounter*(1-h.stopping()) + (1-h.onCounter)*h.returning(),
		mean:    h.sold / h.seen * days,
		spread:  h.overdispersion() + 1/max(h.sold, 0.5),
	}
}

func (h *habit) stopping() float64  { return h.stoppedRatio.shrunk(stops, habitWeight) }
func (h *habit) returning() float64 { return h.returnedRatio.shrunk(returns, habitWeight) }

func (h *habit) overdispersion() float64 {
	return max(h.varied.shrunk(spread, spreadWeight), leastSpread)
}

func (h *habit) learn(sold, part, factor float64, weekday int) ratio {
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
	h.varied.add(on*((sold-mean)*(sold-mean)-mean)/((1+mean)*(1+mean)), on*mean*mean/((1+mean)*(1+mean)))

	forget := 1 - (1-keep)*on
	h.sold, h.seen = h.sold*forget+on*sold, h.seen*forget+on*days
	return told
}

func (h *habit) look(sold float64, d demand) float64 {
	ifOn, ifOff := 0.0, 1.0
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

	h.stoppedRatio.add(stopped/sum, (stayed+stopped)/sum)
	h.returnedRatio.add(returned/sum, (returned+stayedOff)/sum)
	h.onCounter = (stayed + returned) / sum
	return h.onCounter
}
