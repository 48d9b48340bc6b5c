package forecast

import "math"

// noSay is how far behind a forecast has a say of less than one in 100,000.
const noSay = 12

// someLoss keeps a forecast that has not erred yet from having all the say.
const someLoss = 0.5

// mix is one item's next number, and what each of the eleven says.
type mix struct {
	part    [experts]float64 // for an item that is on the counter
	mean    float64          // of them, by their say
	offered float64          // the chance that the item is on the counter
	factor  float64          // the item's weekday and holiday against an average day
}

func (m mix) expected() float64 { return m.mean * m.offered }

// mix makes the item's next number. The item has sold before.
func (it *item) mix(f *Forecaster, today conditions) mix {
	m := mix{offered: it.offered(&f.tuning)}
	weekday := it.weekday[today.weekday].drawn(today.factor, f.factorPrior)
	effect := it.effect(f, &today, weekday)
	m.factor = weekday * effect
	for k := range it.level {
		m.part[k] = it.level[k].mean() * m.factor
	}
	usual, now := it.level[3].mean()*weekday, it.level[2].mean()
	for k := range it.weekly {
		w := &it.weekly[k][today.weekday]
		m.part[levels+k] = w.drawn(usual, weeklyPrior) * w.moved(now) * effect
	}
	for k := range it.shared {
		m.part[levels+weeklies+k] = it.shared[k].mean() * m.factor * today.cafe[k]
	}

	var behind [experts]float64
	least, first := leastOf(&it.loss)+someLoss, math.Inf(1)
	for k := range behind {
		behind[k] = f.standing[k] + f.own*((it.loss[k]+someLoss)/least-1)
		first = min(first, behind[k])
	}
	var say float64
	for k, part := range m.part {
		if by := f.sharp * (behind[k] - first); by < noSay {
			w := math.Exp(-by)
			say += w
			m.mean += w * part
		}
	}
	m.mean /= say
	return m
}

// weeklyPrior is for how many weeks the item's level stands in for a weekday that has
// hardly been seen.
const weeklyPrior = 0.3

// level is a discounted sum of sales over a discounted number of average days.
type level struct{ ratio }

func (l level) mean() float64 { return l.over / l.under }

func (l *level) learn(keep, sold, days, weight float64) {
	l.keep(1 - (1-keep)*weight)
	l.add(weight*sold, weight*days)
}

// weekly is what an item sells on one weekday, and where its level stood at the time.
type weekly struct {
	ratio
	then float64 // the sum of the levels of those days
}

// moved returns how much more the item sells now than when it was learnt: the root of
// it, for a part of that is in the weekday's own sales already.
func (w *weekly) moved(now float64) float64 {
	if w.under == 0 {
		return 1
	}
	const some = 0.3
	return math.Sqrt(min(max((now+some)/(w.then/w.under+some), 0.5), 2))
}

func (w *weekly) learn(keep, sold, now, seen float64) {
	keep = 1 - (1-keep)*seen
	w.ratio.keep(keep)
	w.then *= keep
	w.add(seen*sold, seen)
	w.then += seen * now
}

// mostIndex is how busy a day counts at most, against an ordinary one: a wedding's order is
// no sign of a busy week.
const mostIndex = 2

// takings is how the café's revenue moves, against slower levels of its own.
type takings struct {
	level   [shareds]level
	index   [shareds]ratio
	weekday [7]ratio
}

// indexes returns by how much the café is above each slower level; 1 when it is not known.
func (t *takings) indexes() (by [shareds]float64) {
	for k, r := range t.index {
		by[k] = r.drawn(1, 0.1)
	}
	return by
}

func (t *takings) learn(c *tuning, weekday int, revenue float64) {
	if revenue <= 0 {
		return
	}
	const days = 2 // by which a weekday's factor is drawn to 1
	factor := 1.0
	if last := t.level[shareds-1]; last.under > 0 {
		w := &t.weekday[weekday]
		factor = w.drawn(1, days)
		w.keep(c.factorKeep)
		w.add(min(revenue/last.mean(), 5), 1)
	}
	for k, keep := range c.shared {
		counts := revenue
		if l := &t.level[k]; l.under > 0 {
			usual := l.mean() * factor
			counts = min(revenue, mostIndex*usual)
			t.index[k].keep(keep.cafe)
			t.index[k].add(counts/usual, 1)
		}
		t.level[k].learn(keep.item, counts, factor, 1)
	}
}

func (t *takings) forget(part float64) {
	for k := range t.level {
		t.level[k].keep(part)
		t.index[k] = ratio{}
	}
}
