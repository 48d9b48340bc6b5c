package forecast

import (
	"math"

	"cafe/model"
)

// Demand is what one item may sell on a day.
type Demand struct {
	Mean     float64 // units
	Expected int64   // the middle: demand is as likely below as above
	Low      int64   // with High, a range meant to hold 80 of 100 days
	High     int64
	Bake     int64 // the number to make, given what a lost sale and a leftover cost
	// WhenOn is what the item sells on a day on which it is on the counter. An item that
	// has been off it for long has a Mean near 0.
	WhenOn   int64
	Variance float64   // of demand, in units²
	LastSold model.Day // empty: no sale is known, and all else is 0
	Doubt    string    // why the numbers are a guess, in words; empty: they are not
	Recent   Recent
}

// outside is the part of the days that a range aims to miss. It is a hundredth less than
// the 20 of 100 that are meant, for a range that learns is always a step behind.
const outside = 0.19

// halfWidth is how many standard deviations of a normal distribution hold 80 of 100 days
// on each side of the middle together.
const halfWidth = 1.2816

// Demand returns what the item may sell on the day, which is after all days learnt.
func (f *Forecaster) Demand(sku string, day model.Day) Demand {
	it := f.bySKU[sku]
	if it == nil {
		return Demand{}
	}
	today := f.conditions(day)
	m := it.mix(f, today)
	d := it.demand(f, m)
	d.LastSold, d.Recent, d.Doubt = it.last, it.recentOf(f.turn+1), it.doubts(f, today)
	return d
}

// demand says it in whole numbers. Roots of counts spread evenly, so ranges are reckoned
// in roots: for few units they lean to the right, as counts do. They start from the
// spread of a count that comes by chance, and of the item's own past around it; what was
// learnt from misses makes them wider or narrower. If nobody knows whether a busy item
// will be on the counter, its range goes from nothing to what it sells when it is.
func (it *item) demand(f *Forecaster, m mix) Demand {
	spread := it.spread(&f.tuning)
	mean := m.expected()
	root := math.Sqrt(mean + offset)
	d := Demand{Mean: mean, WhenOn: units(math.Round(m.mean))}
	d.Variance = m.offered * (m.mean + (spread+1-m.offered)*m.mean*m.mean)

	lean := f.lean + f.leanBySpread*spread*mean
	d.Expected = units(math.Round(mean - lean))
	wide := 0.5 * math.Sqrt(max(1+spread*mean, d.Variance/max(mean, offset)))
	wide *= math.Sqrt(1 + 2/float64(it.days)) // the level of a new item is a guess
	width := halfWidth * math.Exp(f.width+it.width) * wide
	d.Low = min(units(math.Ceil(squared(root-width))), d.Expected)
	d.High = max(units(math.Floor(squared(root+width))), d.Expected)
	d.Bake = units(math.Round(it.number(f, mean) - lean))
	if m.mean >= many && m.offered > outside/2 && m.offered < 1-outside/2 {
		d.Low = 0
		on := math.Sqrt(m.mean+offset) + halfWidth*0.5*math.Sqrt(1+spread*m.mean)
		d.High = max(d.High, units(math.Floor(squared(on))))
	}
	return d
}

// many is what an item sells on an average day if a day without a sale means that it was
// off the counter, rather than that nobody wanted it.
const many = 5

// offset keeps the root of a rare item's mean away from where roots are steep.
const offset = 0.1

func squared(root float64) float64 {
	if root <= 0 {
		return -offset
	}
	return root*root - offset
}

// number is the number to bake before it is rounded.
func (it *item) number(f *Forecaster, mean float64) float64 {
	deviation := 0.5 * math.Sqrt(1+it.spread(&f.tuning)*mean)
	return squared(math.Sqrt(mean+offset) + (f.z+f.shifted+it.shift)*deviation)
}

// spread is demand's relative variance beyond that of a count by chance.
func (it *item) spread(c *tuning) float64 {
	return min(max(it.varied.drawn(c.spread, c.spreadPrior), c.leastSpread), c.mostSpread)
}

// units makes a whole number, from 0 to what a till can count.
func units(x float64) int64 {
	const most = 1e15
	return int64(min(max(x, 0), most))
}

// judge compares what was said of the day with what came: the range's width, the number
// to bake, the spread, and the last four weeks go by it.
func (it *item) judge(f *Forecaster, today conditions, m mix, o observation, seen *sums) {
	d := it.demand(f, m)
	sold := int64(o.sold)
	it.remember(today.turn, d, o)
	if today.isHoliday {
		average := m.expected() / m.factor * o.part
		weight := 1 / (1 + 0.05*average)
		it.holiday.add(o.sold, average)
		seen.holiday.add(weight*o.sold, weight*average)
		return
	}
	fell := outside
	if o.part == 1 || sold > d.High { // else nobody knows whether demand was in the range
		missed := 0.0
		if sold < d.Low || sold > d.High {
			missed = 1
		}
		fell = missed
		seen.missed, seen.ranges = seen.missed+missed, seen.ranges+1
	}
	it.width = bounded(it.width+f.widen*(fell-outside), 2)
	if o.part < 1 {
		return
	}
	mean := m.expected()
	variance := mean + it.spread(&f.tuning)*mean*mean
	off := min((o.sold-mean)*(o.sold-mean), 9*(variance+0.5))
	weight := 1 / ((1 + mean) * (1 + mean))
	it.varied.keep(f.spreadKeep)
	it.varied.add(weight*(off-mean), weight*mean*mean)

	// A count stands for the stretch of half a unit to either side of it.
	if mean > 0.02 && off < 25*variance {
		short := min(max(o.sold+0.5-it.number(f, mean), 0), 1) - f.short
		it.shift = bounded(it.shift+f.shiftStep()*short, 1)
		seen.short, seen.numbers = seen.short+short, seen.numbers+1
	}
}
