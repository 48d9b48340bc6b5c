package report

import (
	"fmt"
	"testing"
	"time"

	"cafe/model"
)

// busyCafe is a café of thirty items that has been open for half a year, and a day of a
// thousand orders of three items each.
func busyCafe(b *testing.B) Input {
	b.Helper()
	const day = model.Day("2026-03-20")
	in := Input{Day: day, Calendar: model.Calendar{Zone: time.UTC, Cutoff: 4 * time.Hour}, Currency: "GBP", Menu: model.Menu{}}
	for i := range 30 {
		sku := fmt.Sprintf("item-%02d", i)
		in.Menu[sku] = model.Item{SKU: sku, Name: "Item " + sku, Category: "all", Price: model.Money(200 + 10*i), Counted: i%2 == 0, Active: true}
	}
	sales := func(day model.Day, orders int) (entries []model.Entry) {
		start, err := time.Parse(time.DateOnly, string(day))
		if err != nil {
			b.Fatal(err)
		}
		for n := range orders {
			o := model.Order{
				ID: fmt.Sprint(n), Status: model.StatusCollected, BusinessDay: day, Posting: 1,
				PlacedAt: start.Add(8*time.Hour + time.Duration(n)*10*time.Hour/time.Duration(orders)),
			}
			for line := range 3 {
				item := in.Menu[fmt.Sprintf("item-%02d", (n*n+n*line+7*line)%30)]
				o.Lines = append(o.Lines, model.Line{SKU: item.SKU, Quantity: 1, UnitPrice: item.Price, Total: item.Price})
				o.Total += item.Price
			}
			entries = append(entries, o.Entries()[0])
		}
		return entries
	}
	for ago := range HistoryDays {
		earlier := day.AddDays(-1 - ago)
		s, err := Summarise(earlier, in.Menu, sales(earlier, 100+ago%7*10), nil)
		if err != nil {
			b.Fatal(err)
		}
		in.History = append(in.History, s)
	}
	in.Entries = sales(day, 1000)
	return in
}

// BenchmarkBuildBusyDay makes the report of a day of a thousand orders.
func BenchmarkBuildBusyDay(b *testing.B) {
	in := busyCafe(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Build(in); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkForecast learns half a year and makes the next day's bake list.
func BenchmarkForecast(b *testing.B) {
	in := busyCafe(b)
	b.ReportAllocs()
	for b.Loop() {
		if baked := bakeList(&in, learnt(newPast(in.History, in.Day, nil).rows, &in), nil, in.Day); len(baked) == 0 {
			b.Fatal("nothing to bake")
		}
	}
}
