package report

import (
	"cmp"
	"math"
	"time"

	"cafe/model"
	"cafe/model/forecast"
)

// learnt returns a forecaster that has seen the days, which are in order.
func learnt(days []Summary, in *Input) *forecast.Forecaster {
	f := forecast.New(in.costs(), in.Holidays)
	for _, s := range days {
		f.Learn(s.ForecastDay())
	}
	return f
}

// bakeList returns a row for each active counted item of the menu.
func bakeList(in *Input, f *forecast.Forecaster, hours forecast.Hours, day model.Day) []Bake {
	list := []Bake{}
	for sku, item := range in.Menu {
		if !item.Counted || !item.Active {
			continue
		}
		d := f.Demand(sku, day)
		b := Bake{
			SKU: sku, Name: name(in.Menu, sku), LastSold: d.LastSold, Doubt: d.Doubt,
			Expected: d.Expected, Low: d.Low, High: d.High, Bake: d.Bake, WhenOn: d.WhenOn,
			By: ready(hours.Split(sku, d.Bake, in.ovens())), Waste: max(in.Waste[sku], 0),
		}
		_, b.SoldOut = in.ranOut(sku)
		if r := d.Recent; r.Days > 0 {
			b.Recent = &Recent{Days: r.Days, Error: math.Round(r.Error*10) / 10, Held: r.Held, Wasted: r.Wasted, Lost: r.Lost}
		}
		list = append(list, b)
	}
	sortBy(list, func(a, b Bake) int {
		return cmp.Or(cmp.Compare(b.Bake, a.Bake), cmp.Compare(b.Expected, a.Expected), cmp.Compare(b.High, a.High), cmp.Compare(a.SKU, b.SKU))
	})
	return list
}

// ranOut returns when the item ran out for the day. One with a leftover did not: writing
// the leftover off has emptied its shelf.
func (in *Input) ranOut(sku string) (time.Time, bool) {
	at, out := in.SoldOut[sku]
	return at, out && in.Waste[sku] <= 0
}

func (in *Input) ovens() forecast.Ovens {
	return forecast.Ovens{Bakes: in.Bakes, Cutoff: in.Calendar.Cutoff}
}

// ready writes times of the clock.
func ready(bakes []forecast.Ready) []Ready {
	clock := func(d time.Duration) string { return time.Time{}.Add(d).Format("15:04") }
	var list []Ready
	for _, b := range bakes {
		list = append(list, Ready{At: clock(b.At), Until: clock(b.Until), Bake: b.Bake})
	}
	return list
}

// SoldByHour returns, by SKU, what counted items sold while clocks in the café's zone
// showed each hour.
func SoldByHour(entries []model.Entry, menu model.Menu, calendar model.Calendar) map[string][24]int64 {
	sold := map[string][24]int64{}
	for _, e := range entries {
		if !e.IsSale() {
			continue
		}
		hour := e.At.In(calendar.Zone).Hour()
		for _, item := range e.Items {
			if menu[item.SKU].Counted {
				of := sold[item.SKU]
				of[hour] += item.Quantity
				sold[item.SKU] = of
			}
		}
	}
	return sold
}

// judged returns what the earlier report expected of this day beside what came. If no
// report is kept that spoke of this day, it is what one would have said, from the same
// history. A day without sales judges no forecast.
func judged(in *Input, today Summary, f *forecast.Forecaster) []Forecast {
	list := []Forecast{}
	if !today.Open() {
		return list
	}
	var promised []Bake
	switch {
	case in.Earlier != nil && in.Earlier.NextOpenDay == in.Day && in.Earlier.KnownDays > 0:
		promised = in.Earlier.Bake
	case f.Days() > 0:
		promised = bakeList(in, f, in.Hours, in.Day)
	}
	for _, b := range promised {
		row := Forecast{
			SKU: b.SKU, Name: b.Name, Expected: b.Expected, Sold: today.Sold[b.SKU],
			Low: b.Low, High: b.High, Bake: b.Bake,
		}
		_, row.SoldOut = in.ranOut(b.SKU)
		if in.Partial {
			row.By = in.revised(row)
		}
		list = append(list, row)
	}
	return list
}

// revised returns the bakes of a day that is not over: those to come go by what has sold.
func (in *Input) revised(f Forecast) []Ready {
	at := in.BuiltAt
	if out, ran := in.ranOut(f.SKU); ran {
		at = out // what sold, sold until then
	}
	local := at.In(in.Calendar.Zone)
	plan := in.Hours.Split(f.SKU, f.Bake, in.ovens())
	return ready(in.Hours.Revise(f.SKU, plan, in.ovens(), forecast.Morning{
		Now:  time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute,
		Sold: f.Sold, Expected: f.Expected, Low: f.Low, High: f.High,
	}))
}

// soldOut returns what ran out, and about how many more would have sold in what was left
// of the day: by what the item sells on such a day, or else by what it sold until then.
func soldOut(in *Input, today Summary, f *forecast.Forecaster) []SoldOut {
	list := []SoldOut{}
	for sku := range in.SoldOut {
		at, out := in.ranOut(sku)
		if !out {
			continue
		}
		s := SoldOut{SKU: sku, Name: name(in.Menu, sku), At: Moment{at.UTC()}}
		if perMille, known := today.SoldOut[sku]; known && !in.Partial && today.Sold[sku] > 0 {
			seen := float64(perMille) / 1000
			usual := float64(f.Demand(sku, in.Day).WhenOn)
			if usual == 0 {
				usual = float64(today.Sold[sku]) / max(seen, 0.1)
			}
			s.Missed = int64(math.Round((1 - seen) * usual))
		}
		list = append(list, s)
	}
	sortBy(list, func(a, b SoldOut) int { return cmp.Or(a.At.Compare(b.At.Time), cmp.Compare(a.SKU, b.SKU)) })
	return list
}
