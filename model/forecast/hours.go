package forecast

import (
	"math"
	"sort"
	"time"
)

// Hours is, by SKU, how many units were sold while clocks showed each hour of the day.
// Older days count for less.
type Hours map[string][24]float64

// hoursKeep is the part of Hours that outlives a day: after two weeks half is left.
const hoursKeep = 0.95

// With returns the hours with one more day.
func (h Hours) With(sold map[string][24]int64) Hours {
	list := make(Hours, len(h))
	for sku, was := range h {
		for hour := range was {
			was[hour] *= hoursKeep
		}
		list[sku] = was
	}
	for sku, today := range sold {
		of := list[sku]
		for hour, n := range today {
			of[hour] += float64(max(n, 0))
		}
		list[sku] = of
	}
	return list
}

// Ready is one bake of the day: so much is to be ready at a time of the clock, and has to
// last until another.
type Ready struct {
	At, Until time.Duration // since midnight, below 24 hours
	Bake      int64
}

// Ovens is a café's day of baking.
type Ovens struct {
	Bakes  []time.Duration // when, since midnight; in any order
	Cutoff time.Duration   // when the business day turns, since midnight
}

// Split shares a day's number out over the bakes of the day, by the hours in which the
// item sells. In all it is the day's number; what has to be rounded comes earlier. Where
// no hours are known, all of it is ready first. Without bakes the list is nil.
func (h Hours) Split(sku string, number int64, o Ovens) []Ready {
	p := h.profile(sku, o.Cutoff)
	list := o.bakes(p)
	var ready int64
	for i := range list {
		due := number
		if i < len(list)-1 {
			due = min(number, int64(math.Ceil(float64(number)*p.before(o.since(list[i].Until))-1e-9)))
		}
		list[i].Bake = max(due-ready, 0)
		ready += list[i].Bake
	}
	return list
}

// Morning is what is known of a day that is under way.
type Morning struct {
	Now                 time.Duration // of the clock, since midnight; or when the item ran out
	Sold                int64         // of the item until then
	Expected, Low, High int64         // what was forecast of the day
}

// Revise changes the bakes that are still to come by what the morning sold: the more the
// forecast left open, the more the morning counts. What is baked already stays.
func (h Hours) Revise(sku string, plan []Ready, o Ovens, m Morning) []Ready {
	p := h.profile(sku, o.Cutoff)
	now := o.since(m.Now)
	gone := p.before(now)
	if gone <= 0 || p.sum == 0 {
		return plan
	}
	var number, ready int64
	for _, r := range plan {
		number += r.Bake
		if o.since(r.At) <= now {
			ready += r.Bake
		}
	}
	// A gamma distribution for the day's level, learnt from a Poisson morning: Gelman et
	// al., "Bayesian Data Analysis", 3rd edition, section 2.6.
	mean := max(float64(m.Expected), 0.5)
	deviation := float64(m.High-m.Low) / (2 * halfWidth)
	open := max(deviation*deviation-mean, 0.02*mean*mean) / (mean * mean)
	busier := (1/open + float64(max(m.Sold, 0))) / (1/open + mean*gone)

	list := append([]Ready(nil), plan...)
	for i, r := range list {
		if o.since(r.At) <= now {
			continue
		}
		until := 1.0
		if i < len(list)-1 {
			until = p.before(o.since(r.Until))
		}
		due := float64(max(m.Sold, 0)) + busier*float64(number)*(until-gone)
		list[i].Bake = max(units(math.Ceil(due-1e-9))-ready, 0)
		ready += list[i].Bake
	}
	return list
}

// since is how long after the business day's turn a clock shows the time.
func (o Ovens) since(at time.Duration) time.Duration {
	const day = 24 * time.Hour
	return ((at-o.Cutoff)%day + day) % day
}

// bakes are the day's bakes in order, each until the next, and the last until the café
// stops selling.
func (o Ovens) bakes(p *profile) []Ready {
	var list []Ready
	for _, at := range o.Bakes {
		list = append(list, Ready{At: at})
	}
	sort.Slice(list, func(i, j int) bool { return o.since(list[i].At) < o.since(list[j].At) })
	n := 0
	for i, r := range list {
		if i == 0 || o.since(r.At) != o.since(list[n-1].At) {
			list[n] = r
			n++
		}
	}
	list = list[:n]
	for i := range list {
		if i < n-1 {
			list[i].Until = list[i+1].At
			continue
		}
		list[i].Until = (p.closing(o.since(list[i].At)) + o.Cutoff) % (24 * time.Hour)
	}
	return list
}

// profile is how an item's sales spread over the business day, by hours of the clock from
// its turn on.
type profile struct {
	hours [24]float64 // the first is the one in which the day turns
	sum   float64
	late  time.Duration // by how much the turn is after the full hour
}

// profileUnits is for how many units the whole café's hours stand in for an item's own.
const profileUnits = 20

func (h Hours) profile(sku string, cutoff time.Duration) *profile {
	var all [24]float64
	var sum float64
	skus := make([]string, 0, len(h))
	for other := range h {
		skus = append(skus, other)
	}
	sort.Strings(skus) // sums must not depend on a map's order
	for _, other := range skus {
		for hour, n := range h[other] {
			all[hour] += n
			sum += n
		}
	}
	p := &profile{late: cutoff % time.Hour}
	if sum == 0 {
		return p
	}
	first := int(cutoff / time.Hour)
	for i := range p.hours {
		hour := (first + i) % 24
		p.hours[i] = h[sku][hour] + all[hour]*profileUnits/sum
		p.sum += p.hours[i]
	}
	return p
}

// before returns which share of the day's sales come before so long after its turn.
// Within an hour sales are even. Where nothing is known, all come before.
func (p *profile) before(since time.Duration) float64 {
	if p.sum == 0 {
		return 1
	}
	at := (since + p.late).Hours()
	var n float64
	for i, of := range p.hours {
		n += of * min(max(at-float64(i), 0), 1)
	}
	return min(n/p.sum, 1)
}

// closing returns when the café has sold all but a hundredth of what it sells, to the
// full hour, and after the given time; the day's end where nothing is known.
func (p *profile) closing(after time.Duration) time.Duration {
	for i := 1; i <= 24 && p.sum > 0; i++ {
		if at := time.Duration(i)*time.Hour - p.late; at > after && p.before(at) >= 0.99 {
			return at
		}
	}
	return 24 * time.Hour
}
