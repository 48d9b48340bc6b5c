// Package backtest measures how good a forecast would have been on days that are known.
// For each day it lets the forecast learn the days before, and none after, and compares
// what it says with what was sold.
package backtest

import (
	"cmp"
	"math"
	"slices"

	"cafe/model"
	"cafe/model/forecast"
	"cafe/model/forecast/former"
)

// Item is one that is scored.
type Item struct {
	SKU   string
	Name  string
	Price model.Money
}

// Test says what to measure.
type Test struct {
	History  []forecast.Day // by day, each once; closed days may be absent
	Items    []Item
	From, To model.Day
	Costs    forecast.Costs
	Holidays forecast.Holidays
	// Window is how many days before a day its forecast may go by; 0: forecast.MostDays.
	Window int
}

// The forecasts that are measured beside each other.
const (
	Ours     = iota
	LastWeek // what the same weekday of the week before sold
	Median   // the middle of what the last eight same weekdays sold
	Former   // the café's forecast of November 2026
	rivals
)

// Score sums up a number of item-days. Errors and costs are means a day, in units:
// |expected - sold|, and what is short and left over of the number to bake, weighed by
// the costs of either so that equal costs count one a unit.
type Score struct {
	SKU   string
	Name  string
	Days  int
	Sold  int64
	Error [rivals]float64
	Cost  [rivals]float64
	Money [rivals]float64 // the costs at the items' prices, in all, in minor units
	Held  [rivals]float64 // the share of days whose sales lay in the range; 0 where there is none
	Width [rivals]float64 // of the range, from low to high
}

// ErrorOver is our error over a rival's; 0 when that one never erred.
func (s Score) ErrorOver(rival int) float64 { return over(s.Error[Ours], s.Error[rival]) }

// CostOver is our cost over a rival's; 0 when that one never cost anything.
func (s Score) CostOver(rival int) float64 { return over(s.Cost[Ours], s.Cost[rival]) }

// MoneyOver is the same of money.
func (s Score) MoneyOver(rival int) float64 { return over(s.Money[Ours], s.Money[rival]) }

func over(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// Result is what a test found.
type Result struct {
	From, To model.Day
	Days     int     // that were scored
	Items    []Score // most sold first
	Weeks    []Score // by their first day, in SKU and Name; the last may be short
	Busy     Score   // of items that sell five a day and more
	Slow     Score   // of the others
	All      Score
	Sure     Sure
}

// busy is what an item sells on an average day, in units, to count as a busy one.
const busy = 5

// Run scores every item on every day from From to To that was open, those too on which
// the item sold nothing. It leaves out the days whose weekday last week was closed,
// because "the same as last week" is none then. A day on which an item ran out is scored
// by what it sold.
func Run(t Test) Result {
	if t.Window <= 0 {
		t.Window = forecast.MostDays
	}
	days := t.History
	index := make(map[model.Day]int, len(days))
	for i, d := range days {
		index[d.Day] = i
	}
	open := func(d model.Day) (forecast.Day, bool) {
		i, known := index[d]
		return days[max(i, 0)], known && !days[i].Closed && !days[i].Outage
	}
	r := Result{From: t.From, To: t.To, All: Score{Name: "All"}, Busy: Score{Name: "Busy items"}, Slow: Score{Name: "Slow items"}}
	items := make([]Score, len(t.Items))
	var byDay []Score
	var scored []model.Day
	for day := t.From; day <= t.To; day = day.AddDays(1) {
		if len(days) == 0 {
			break
		}
		today, isOpen := open(day)
		week, wasOpen := open(day.AddDays(-7))
		if !isOpen || !wasOpen {
			continue
		}
		known := before(days, day, t.Window)
		f, old := forecast.New(t.Costs, t.Holidays), former.New(t.Costs)
		for _, d := range known {
			f.Learn(d)
		}
		for _, d := range before(days, day, former.Days) {
			old.Learn(d)
		}
		of := Score{}
		for i, item := range t.Items {
			sold := max(today.Sold[item.SKU], 0)
			ours, theirs := f.Demand(item.SKU, day), old.Demand(item.SKU, day)
			last := max(week.Sold[item.SKU], 0)
			middle := medianOf(known, day, item.SKU)
			s := Score{Days: 1, Sold: sold}
			s.score(t.Costs, Ours, ours.Expected, ours.Bake, sold, item.Price)
			s.score(t.Costs, LastWeek, last, last, sold, item.Price)
			s.score(t.Costs, Median, middle, middle, sold, item.Price)
			s.score(t.Costs, Former, theirs.Expected, theirs.Bake, sold, item.Price)
			s.hold(Ours, ours.Low, ours.High, sold)
			s.hold(Former, theirs.Low, theirs.High, sold)
			items[i].add(s)
			of.add(s)
		}
		byDay, scored = append(byDay, of), append(scored, day)
	}
	r.Days = len(byDay)
	for i, s := range items {
		s.SKU, s.Name = t.Items[i].SKU, t.Items[i].Name
		r.All.add(s)
		if s.Days > 0 && float64(s.Sold) >= busy*float64(s.Days) {
			r.Busy.add(s)
		} else {
			r.Slow.add(s)
		}
		r.Items = append(r.Items, s.mean())
	}
	slices.SortFunc(r.Items, func(a, b Score) int { return cmp.Or(cmp.Compare(b.Sold, a.Sold), cmp.Compare(a.SKU, b.SKU)) })
	r.Weeks = weeks(t.From, scored, byDay)
	r.All, r.Busy, r.Slow = r.All.mean(), r.Busy.mean(), r.Slow.mean()
	r.Sure = sure(weekly(t.From, scored, byDay))
	return r
}

// before returns the days of the window before a day.
func before(days []forecast.Day, day model.Day, window int) []forecast.Day {
	at := func(d model.Day) int {
		i, _ := slices.BinarySearchFunc(days, d, func(a forecast.Day, d model.Day) int { return cmp.Compare(a.Day, d) })
		return i
	}
	return days[at(day.AddDays(-window)):at(day)]
}

func medianOf(known []forecast.Day, day model.Day, sku string) int64 {
	var sold []int64
	for i := len(known) - 1; i >= 0 && len(sold) < 8; i-- {
		if d := known[i]; !d.Closed && !d.Outage && d.Day.Weekday() == day.Weekday() {
			sold = append(sold, max(d.Sold[sku], 0))
		}
	}
	if len(sold) == 0 {
		return 0
	}
	slices.Sort(sold)
	return (sold[(len(sold)-1)/2] + sold[len(sold)/2] + 1) / 2
}

func (s *Score) score(c forecast.Costs, who int, expected, bake, sold int64, price model.Money) {
	s.Error[who] = math.Abs(float64(expected - sold))
	lost, left := c.LostSale, c.Leftover
	if !(lost >= 0 && left >= 0 && lost+left > 0) {
		lost, left = 1, 1
	}
	lost, left = 2*lost/(lost+left), 2*left/(lost+left)
	s.Cost[who] = lost*float64(max(sold-bake, 0)) + left*float64(max(bake-sold, 0))
	s.Money[who] = s.Cost[who] * float64(price)
}

func (s *Score) hold(who int, low, high, sold int64) {
	s.Width[who] = float64(high - low)
	if low <= sold && sold <= high {
		s.Held[who] = 1
	}
}

// add adds the sums of t; mean makes means of sums.
func (s *Score) add(t Score) {
	s.Days, s.Sold = s.Days+t.Days, s.Sold+t.Sold
	for k := range rivals {
		s.Error[k] += t.Error[k]
		s.Cost[k] += t.Cost[k]
		s.Money[k] += t.Money[k]
		s.Held[k] += t.Held[k]
		s.Width[k] += t.Width[k]
	}
}

func (s Score) mean() Score {
	n := float64(max(s.Days, 1))
	for k := range rivals {
		s.Error[k] /= n
		s.Cost[k] /= n
		s.Held[k] /= n
		s.Width[k] /= n
	}
	return s
}

// weekly returns sums of days, a week each from the first day on; weeks without a scored
// day are left out.
func weekly(from model.Day, days []model.Day, byDay []Score) (list []Score) {
	last := -1
	for i, d := range days {
		week := d.Since(from) / 7
		if week != last {
			first := from.AddDays(7 * week)
			list, last = append(list, Score{SKU: string(first), Name: "Week of " + string(first)}), week
		}
		list[len(list)-1].add(byDay[i])
	}
	return list
}

func weeks(from model.Day, days []model.Day, byDay []Score) []Score {
	list := weekly(from, days, byDay)
	for i := range list {
		list[i] = list[i].mean()
	}
	return list
}
