package report

import (
	"cmp"
	"fmt"
	"sort"

	"cafe/model"
	"cafe/model/books"
	"cafe/model/forecast"
)

// Build makes the day's report. Its only error is model.ErrOverflow, of a day whose
// revenue, or a part of it, does not fit in 64 bits.
func Build(in Input) (Report, error) {
	today, err := Summarise(in.Day, in.Menu, in.Entries, in.SoldOut)
	if err != nil {
		return Report{}, err
	}
	today.Waste, today.Outage = in.Waste, in.Outage
	_, today.Closed = in.Closures[in.Day]
	sales := counting(in.Entries)
	baskets := CountBaskets(in.Entries)
	baskets.Add(in.Baskets)
	before := newPast(in.History, in.Day, in.Closures)
	known := before.with(today)

	r := Report{
		Day: in.Day, Revision: in.Revision, BuiltAt: Moment{in.BuiltAt.UTC()}, Partial: in.Partial, Currency: in.Currency,
		Orders: today.Orders, Revenue: today.Revenue, Cancelled: today.Cancelled,
		Items:    items(sales, in.Menu),
		Hours:    hours(sales, in.Calendar),
		Compared: compare(before, in.Day),
		Pairs:    baskets.pairs(in.Menu), PairOrders: baskets.Orders,
		NextOpenDay: known.nextOpen(in.Day, &in),
		Tabs:        in.Tabs,
		OnTheWay:    in.OnTheWay, DaysOnTheWay: in.DaysOnTheWay,
		Revised: in.Before != nil && !in.Before.Partial,
		Trend:   trend(known, in.Day),
	}
	sums, err := books.Sum(in.Entries, in.Taxes)
	if err != nil {
		return Report{}, fmt.Errorf("money of %s: %w", in.Day, err)
	}
	r.addMoney(sums)
	r.Average = model.Money(mean(int64(sums.Gross), today.Orders))
	r.Close, r.EarlierClose = in.Close, in.EarlierClose
	f := learnt(before.rows, &in)
	r.YesterdaysForecast = judged(&in, today, f)
	r.SoldOut = soldOut(&in, today, f)
	hours := in.Hours
	if !in.Partial {
		f.Learn(today.ForecastDay())
		hours = hours.With(SoldByHour(in.Entries, in.Menu, in.Calendar))
	}
	if r.KnownDays = f.Days(); r.KnownDays > 0 {
		r.Model = forecast.Model()
	}
	r.Holiday = in.Holidays[r.NextOpenDay]
	r.Bake = bakeList(&in, f, hours, r.NextOpenDay)
	for i, b := range r.Bake {
		r.Bake[i].LastSold = known.lastSold(b.SKU)
	}
	r.Changes = changes(in.Before, r)
	r.NeedsALook = needsALook(&in, r)
	return r, nil
}

// counting returns the orders that sold something, by time.
func counting(entries []model.Entry) []model.Entry {
	var sales []model.Entry
	for _, e := range entries {
		if e.IsSale() {
			sales = append(sales, e)
		}
	}
	sortBy(sales, func(a, b model.Entry) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return sales
}

// mean returns sum/n rounded half up, and 0 for n = 0.
func mean(sum, n int64) int64 {
	if n == 0 {
		return 0
	}
	whole, rest := sum/n, sum%n
	if rest < 0 {
		whole, rest = whole-1, rest+n
	}
	if rest >= n-rest {
		whole++
	}
	return whole
}

func items(sales []model.Entry, menu model.Menu) []Item {
	bySKU := map[string]*Item{}
	for _, e := range sales {
		for _, sold := range e.Items {
			i := bySKU[sold.SKU]
			if i == nil {
				i = &Item{SKU: sold.SKU, Name: name(menu, sold.SKU), Category: menu[sold.SKU].Category}
				bySKU[sold.SKU] = i
			}
			i.Quantity += sold.Quantity
			i.Revenue += sold.Revenue
		}
	}
	list := make([]Item, 0, len(bySKU))
	for _, i := range bySKU {
		list = append(list, *i)
	}
	sortBy(list, func(a, b Item) int {
		return cmp.Or(cmp.Compare(b.Quantity, a.Quantity), cmp.Compare(b.Revenue, a.Revenue), cmp.Compare(a.SKU, b.SKU))
	})
	return list
}

func name(menu model.Menu, sku string) string { return cmp.Or(menu[sku].Name, sku) }

func hours(sales []model.Entry, calendar model.Calendar) []Hour {
	list := make([]Hour, 0, 24)
	row := map[int]int{} // of an hour, in list
	for _, e := range sales {
		hour := e.At.In(calendar.Zone).Hour()
		at, seen := row[hour]
		if !seen {
			at, row[hour] = len(list), len(list)
			list = append(list, Hour{Hour: hour})
		}
		list[at].Orders++
		list[at].Revenue += e.Gross()
	}
	return list
}

func compare(before past, day model.Day) Compared {
	level := func(weeks int) *Level {
		var l Level
		for week := 1; week <= weeks; week++ {
			if s := before.on(day.AddDays(-7 * week)); s.Orders > 0 {
				l = Level{l.Orders + s.Orders, l.Revenue + s.Revenue, l.Days + 1}
			}
		}
		if l.Days == 0 {
			return nil
		}
		n := int64(l.Days)
		return &Level{mean(l.Orders, n), model.Money(mean(int64(l.Revenue), n)), l.Days}
	}
	return Compared{LastWeek: level(1), FourWeeks: level(4)}
}

func trend(known past, day model.Day) []Takings {
	list := make([]Takings, 0, 28)
	for d := max(day.AddDays(-27), known.first); d <= day; d = d.AddDays(1) {
		s := known.on(d)
		list = append(list, Takings{d, s.Orders, s.Revenue})
	}
	return list
}

// sortBy is slices.SortFunc with one sort's machine code for all lists. With a sort of
// their own, each list adds 15 KB to every function that makes reports.
func sortBy[T any](list []T, compare func(a, b T) int) {
	sort.Slice(list, func(i, j int) bool { return compare(list[i], list[j]) < 0 })
}
