// Package forecasttest reads the sales of real cafés for tests of forecasts. They are
// public data sets that are not part of the project: a test without them is skipped.
package forecasttest

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"cafe/model"
	"cafe/model/forecast"
	"cafe/model/till"
)

// Cafe is a café's days, in order, and its counted items, most sold first.
type Cafe struct {
	Days []forecast.Day
	SKUs []string
}

// Bakery is a French bakery whose season is strong: January 2021 to September 2022.
func Bakery(t testing.TB) Cafe {
	return load(t, "boulangerie.csv", "boulangerie-menu.csv", "Europe/Paris")
}

// BreadBasket is a café in Edinburgh: October 2016 to April 2017.
func BreadBasket(t testing.TB) Cafe {
	return load(t, "BreadBasket_DMS.csv", "menu.csv", "Europe/London")
}

// Path returns the path of a file of the real sales, or skips the test.
func Path(t testing.TB, name string) string {
	t.Helper()
	root := "."
	for range 5 {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		root = filepath.Join("..", root)
	}
	path := filepath.Join(root, "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("SKIPPED: the real sales are not here: ", err)
	}
	return path
}

func load(t testing.TB, sales, menuName, zone string) (c Cafe) {
	t.Helper()
	open := func(name string) *os.File {
		f, err := os.Open(Path(t, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	menu := model.Menu{}
	file, err := till.ReadMenu(t.Context(), open(menuName), till.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	for row, err := range file.All() {
		if err != nil {
			t.Fatal(err)
		}
		menu[row.Item.SKU] = row.Item
	}
	orders, err := till.ReadOrders(t.Context(), open(sales), till.Rules{Calendar: model.Calendar{Zone: location}, Menu: menu, Ignore: []string{"NONE", "Adjustment"}})
	if err != nil {
		t.Fatal(err)
	}
	calendar := model.Calendar{Zone: location, Cutoff: 4 * time.Hour}
	days, sold := map[model.Day]forecast.Day{}, map[string]int64{}
	for o, err := range orders.All() {
		if err != nil {
			t.Fatal(err)
		}
		at := calendar.DayOf(o.PlacedAt)
		if len(o.Problems) > 0 || at == "" {
			continue
		}
		d, known := days[at]
		if !known {
			d = forecast.Day{Day: at, Sold: map[string]int64{}}
		}
		d.Revenue += int64(o.Total)
		for _, l := range o.Lines {
			if menu[l.SKU].Counted {
				d.Sold[l.SKU] += l.Quantity
				sold[l.SKU] += l.Quantity
			}
		}
		days[at] = d
	}
	for _, day := range slices.Sorted(maps.Keys(days)) {
		c.Days = append(c.Days, days[day])
	}
	c.SKUs = slices.SortedFunc(maps.Keys(sold), func(a, b string) int { return cmp.Or(cmp.Compare(sold[b], sold[a]), cmp.Compare(a, b)) })
	return c
}
