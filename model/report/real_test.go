package report

import (
	"encoding/csv"
	"os"
	"testing"
	"time"

	"cafe/model"
)

// bakery is the sales of a real café, a public data set that is not part of the
// project.
type bakery struct {
	menu     model.Menu
	entries  map[model.Day][]model.Entry
	history  []Summary
	calendar model.Calendar
	rows     [][]string        // of the till's file: date, time, transaction, item
	sku      map[string]string // of the menu, by name
}

func openBakery(t testing.TB) bakery {
	t.Helper()
	read := func(name string) [][]string {
		f, err := os.Open("../../../shared/data/" + name)
		if err != nil {
			t.Skip("SKIPPED: the real sales are not here: ", err)
		}
		defer f.Close()
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows[1:]
	}
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	b := bakery{menu: model.Menu{}, entries: map[model.Day][]model.Entry{}, calendar: model.Calendar{Zone: zone, Cutoff: 4 * time.Hour}, sku: map[string]string{}}
	for _, r := range read("menu.csv") {
		price, err := model.ParseMajor(r[3], "GBP")
		if err != nil {
			t.Fatal(err)
		}
		b.menu[r[0]] = model.Item{SKU: r[0], Name: r[1], Category: r[2], Price: price, Counted: r[4] == "true", Active: r[5] == "true"}
		b.sku[r[1]] = r[0]
	}
	orders := map[string]*model.Order{}
	b.rows = read("BreadBasket_DMS.csv")
	var ids []string
	for _, r := range b.rows {
		item, sold := b.menu[b.sku[r[3]]]
		if !sold {
			continue
		}
		o := orders[r[2]]
		if o == nil {
			at, err := time.ParseInLocation("2006-01-02 15:04:05", r[0]+" "+r[1], zone)
			if err != nil {
				t.Fatal(err)
			}
			o = &model.Order{ID: r[2], Status: model.StatusCollected, PlacedAt: at, BusinessDay: b.calendar.DayOf(at)}
			orders[r[2]], ids = o, append(ids, r[2])
		}
		o.Lines = append(o.Lines, model.Line{SKU: item.SKU, Quantity: 1, UnitPrice: item.Price, Total: item.Price})
		o.Total += item.Price
	}
	for _, id := range ids {
		e := orders[id].Entries()[0]
		b.entries[e.Day] = append(b.entries[e.Day], e)
	}
	for day, entries := range b.entries {
		s, err := Summarise(day, b.menu, entries, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.history = append(b.history, s)
	}
	return b
}

// The file's rows at the menu's prices, added up with awk.
func TestTheReportOfARealDayIsTheFilesToThePenny(t *testing.T) {
	b := openBakery(t)
	for day, want := range map[model.Day]struct {
		orders, units int64
		revenue       model.Money
	}{
		"2016-11-05": {119, 275, 88370},
		"2016-12-31": {57, 106, 35080},
		"2017-02-04": {139, 292, 93540},
		"2017-03-18": {81, 177, 60980},
		"2017-03-26": {63, 161, 54810},
		"2017-04-09": {32, 69, 24490},
	} {
		r, err := Build(Input{Day: day, Calendar: b.calendar, Currency: "GBP", Menu: b.menu, Entries: b.entries[day], History: b.history})
		if err != nil {
			t.Fatal(err)
		}
		var units, orders int64
		var revenue, hourly model.Money
		for _, i := range r.Items {
			units, revenue = units+i.Quantity, revenue+i.Revenue
		}
		for _, h := range r.Hours {
			orders, hourly = orders+h.Orders, hourly+h.Revenue
		}
		if r.Orders != want.orders || units != want.units || r.Revenue != want.revenue {
			t.Errorf("%s: %d orders, %d units, %d pence; the file has %+v", day, r.Orders, units, r.Revenue, want)
		}
		if revenue != r.Revenue || hourly != r.Revenue || orders != r.Orders {
			t.Errorf("%s: items %d and hours %d do not add up to %d", day, revenue, hourly, r.Revenue)
		}
	}
}

// The same for every day, the expectation counted row by row from the file.
func TestTheReportOfEveryRealDayIsTheFiles(t *testing.T) {
	b := openBakery(t)
	type sold struct {
		orders map[string]bool
		items  map[string]int64
	}
	days := map[string]sold{}
	for _, row := range b.rows {
		date, clock, transaction, sku := row[0], row[1], row[2], b.sku[row[3]]
		if sku == "" {
			continue // NONE and Adjustment
		}
		if date == "2017-01-01" && clock == "1:21:05" {
			date = "2016-12-31" // the one sale after midnight
		}
		d, seen := days[date]
		if !seen {
			d = sold{map[string]bool{}, map[string]int64{}}
			days[date] = d
		}
		d.orders[transaction] = true
		d.items[sku]++
	}
	if len(days) != 158 || len(b.entries) != 158 {
		t.Fatalf("%d days in the file, %d in the ledger; want 158", len(days), len(b.entries))
	}
	for date, want := range days {
		r, err := Build(Input{Day: model.Day(date), Calendar: b.calendar, Menu: b.menu, Entries: b.entries[model.Day(date)]})
		if err != nil {
			t.Fatal(err)
		}
		if r.Orders != int64(len(want.orders)) || len(r.Items) != len(want.items) {
			t.Errorf("%s: %d orders of %d items; the file has %d of %d", date, r.Orders, len(r.Items), len(want.orders), len(want.items))
		}
		var revenue model.Money
		for _, i := range r.Items {
			if i.Quantity != want.items[i.SKU] {
				t.Errorf("%s: %d of %s; the file has %d", date, i.Quantity, i.SKU, want.items[i.SKU])
			}
			revenue += b.menu[i.SKU].Price * model.Money(i.Quantity)
		}
		if r.Revenue != revenue {
			t.Errorf("%s: revenue %d; at the menu's prices %d", date, r.Revenue, revenue)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	c := openBakery(b)
	for b.Loop() {
		if _, err := Build(Input{Day: "2017-03-18", Calendar: c.calendar, Menu: c.menu, Entries: c.entries["2017-03-18"], History: c.history}); err != nil {
			b.Fatal(err)
		}
	}
}
