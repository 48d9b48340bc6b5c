package forecast

import (
	"math"

	"cafe/model"
)

// item is what is known of one item, from its first sale on.
type item struct {
	sku      string
	last     model.Day // with a sale
	lastTurn int       // its turn in Forecaster.turn
	returned model.Day // the first sale after a long pause; empty: none
	days     int       // open days since the first sale, that one included

	level   [levels]level
	weekly  [weeklies][7]weekly
	shared  [shareds]level
	weekday [7]ratio
	loss    [experts]float64
	units   float64 // sold lately: a discounted sum

	onCounter    float64 // the chance that it was on the counter on the last open day
	stopped      ratio   // days on the counter that a day off followed, of all days on
	cameBack     ratio   // days off that a day on followed, of all days off
	varied       ratio   // evidence of demand's relative variance
	width, shift float64 // the item's own part of Forecaster.width and .shifted
	holiday      ratio   // sold on holidays, over what average days would have sold

	recent history
}

// learn takes in what a day told of the item, and adds to what it tells of all items.
func (it *item) learn(f *Forecaster, today conditions, o observation, seen *sums) {
	if it.days == 0 {
		it.days = 1
		it.begin(f, today, o)
		return
	}
	m := it.mix(f, today)
	it.judge(f, today, m, o, seen) // by the ranges that Demand gave, before this day was known
	it.days++
	if !today.isHoliday {
		it.learnOrdinary(f, today, m, o, seen)
	}
	if o.sold > 0 {
		if today.turn-it.lastTurn >= pause {
			it.returned = today.day
		}
		it.last, it.lastTurn = today.day, today.turn
	}
}

// begin is the first day with a sale.
func (it *item) begin(f *Forecaster, today conditions, o observation) {
	it.last, it.lastTurn, it.onCounter, it.units = today.day, today.turn, 1, o.sold
	days := today.factor * o.part
	if today.isHoliday {
		days = today.holiday * o.part
	}
	for k := range it.level {
		it.level[k].add(o.sold, days)
	}
	for k := range it.shared {
		it.shared[k].add(o.sold, days)
	}
	if !today.isHoliday {
		for k := range it.weekly {
			it.weekly[k][today.weekday].learn(0, o.sold, o.sold/days, o.part)
		}
	}
}

// learnOrdinary moves the levels, the weekday's factor and the say of each forecast.
func (it *item) learnOrdinary(f *Forecaster, today conditions, m mix, o observation, seen *sums) {
	was := m.mean * o.part
	on := it.look(&f.tuning, was, o.sold)

	spread := math.Sqrt(was + 0.05*was*was)
	sold := min(max(o.sold, was-f.clip*spread), was+f.clip*spread+2)

	keep, weight := 1-(1-f.lossKeep)*on*o.part, on*o.part
	for k, part := range m.part {
		off := weight * math.Abs(sold-part*o.part)
		it.loss[k] = it.loss[k]*keep + off
		seen.loss[k] += off
	}
	it.units = it.units*f.lossKeep + sold

	// The weekday: what sold, over what the item would have sold on an average day.
	usual := it.level[4].mean() * o.part
	weight = on / (1 + 0.05*m.mean)
	w := &it.weekday[today.weekday]
	w.keep(f.factorKeep)
	w.add(weight*sold, weight*usual)
	seen.weekday.add(weight*sold, weight*usual)

	days := m.factor * o.part
	for k := range it.level {
		it.level[k].learn(f.level[k], sold, days, on)
	}
	for k := range it.shared {
		it.shared[k].learn(f.tuning.shared[k].item, sold, days, on)
	}
	now := it.level[2].mean()
	for k := range it.weekly {
		it.weekly[k][today.weekday].learn(f.weekly[k], sold/o.part, now, on*o.part)
	}
}

// offered is the chance that the item is on the counter on the next open day.
func (it *item) offered(c *tuning) float64 {
	return it.onCounter*(1-it.stopped.drawn(c.stops, c.habit)) + (1-it.onCounter)*it.cameBack.drawn(c.returns, c.habit)
}

// look returns the chance that the item was on the counter, given what sold and what was
// to be expected if it was, and counts how it came there from the day before. A day
// without a sale of an item that sells twenty is no sign that nobody wants it any more.
func (it *item) look(c *tuning, expected, sold float64) float64 {
	ifOn, ifOff := 1.0, 0.0 // how likely such sales were
	if sold == 0 {
		size := 1 / (c.doubt + 0.5/max(it.units, 0.5)) // the negative binomial's chance of none
		ifOn, ifOff = math.Pow(size/(size+expected), size), 1
	}
	stopping, returning := it.stopped.drawn(c.stops, c.habit), it.cameBack.drawn(c.returns, c.habit)
	stayed, stopped := it.onCounter*(1-stopping)*ifOn, it.onCounter*stopping*ifOff
	cameBack, stayedOff := (1-it.onCounter)*returning*ifOn, (1-it.onCounter)*(1-returning)*ifOff
	sum := stayed + stopped + cameBack + stayedOff

	it.stopped.add(stopped/sum, (stayed+stopped)/sum)
	it.cameBack.add(cameBack/sum, (cameBack+stayedOff)/sum)
	it.onCounter = (stayed + cameBack) / sum
	return it.onCounter
}

func leastOf(losses *[experts]float64) float64 {
	least := losses[0]
	for _, l := range losses[1:] {
		least = min(least, l)
	}
	return least
}

func (it *item) forget(part float64) {
	for k := range it.level {
		it.level[k].keep(part)
	}
	for k := range it.shared {
		it.shared[k].keep(part)
	}
	for k := range it.weekly {
		for d := range it.weekly[k] {
			w := &it.weekly[k][d]
			w.ratio.keep(part)
			w.then *= part
		}
	}
}
