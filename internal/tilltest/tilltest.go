// Package tilltest makes files as a café's till exports them, for tests and measurements.
// Everything in them is made up, so a file may be passed on, and whoever has this repository
// can repeat a measurement without anybody's real sales.
//
// The sales have the shape of a small bakery café's: weekdays differ, mornings are busy,
// trade grows a little and varies from day to day. The file has the quirks of a real
// export: one row per unit sold, so that two of the same thing are two equal rows; times
// without a leading zero ("9:58:11"); rows that are no sale ("NONE", "Adjustment"); gaps in
// the transaction numbers; days on which the café was closed.
package tilltest

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// NoSale lists the items whose rows are no sale. Give it to an import as its ignore_items.
var NoSale = []string{"NONE", "Adjustment"}

// Options say what file to make. The same options always make the same file, to the byte.
type Options struct {
	Seed uint64    // another seed gives another café's sales
	From time.Time // the first day; only its date counts. Zero: 2025-09-01
	Days int       // how many days the file covers, closed ones included
}

// item is something the made-up café sells: an item of the sample menu (cmd/cafe), by name.
type item struct {
	name    string
	weight  float64 // how often it is bought
	weekend float64 // the factor on Saturday and Sunday
	morning float64 // the factor before eleven
}

var items = []item{
	{"Latte", 24, 1, 1.3}, {"Flat white", 18, 0.9, 1.4}, {"Espresso", 9, 0.8, 1.3}, {"Tea", 13, 1, 0.9},
	{"Hot chocolate", 5, 1.7, 0.8}, {"Orange juice", 4, 1.3, 1.2}, {"Toast", 8, 1.1, 1.8}, {"Sandwich", 9, 0.7, 0.2},
	{"Croissant", 11, 1.4, 1.9}, {"Brownie", 7, 1.2, 0.6}, {"Scone", 5, 1.5, 0.7}, {"Carrot cake", 5, 1.4, 0.4},
}

// weekdays are the mean number of transactions by day of the week, Sunday first.
var weekdays = [7]float64{58, 46, 50, 52, 55, 66, 88}

// hours are the weights of the hours of the day from eight o'clock.
var hours = []float64{5, 9, 14, 15, 12, 11, 10, 9, 7, 3}

// Write makes the file. An error is w's.
func Write(w io.Writer, o Options) error {
	if o.From.IsZero() {
		o.From = time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC)
	}
	year, month, date := o.From.Date()
	first := time.Date(year, month, date, 0, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(o.Seed, 0x6361666520))
	out := bufio.NewWriterSize(w, 64<<10)
	fmt.Fprintln(out, "Date,Time,Transaction,Item")
	transaction := 0
	for n := range o.Days {
		day := first.AddDate(0, 0, n)
		if closed(day) {
			continue
		}
		trade := weekdays[day.Weekday()] * (1 + 0.1*float64(n)/365) * (1 + 0.12*random.NormFloat64())
		for _, second := range moments(random, max(5, int(trade))) {
			transaction++
			if random.IntN(200) == 0 {
				transaction++ // a receipt that was voided before it was printed
			}
			for _, name := range basket(random, day.Weekday(), second) {
				fmt.Fprintf(out, "%s,%d:%02d:%02d,%d,%s\n", day.Format(time.DateOnly), second/3600, second/60%60, second%60, transaction, name)
			}
		}
	}
	return out.Flush()
}

// closed reports whether the café has no sales on the day: at Christmas and New Year.
func closed(day time.Time) bool {
	_, month, date := day.Date()
	return month == time.December && (date == 25 || date == 26) || month == time.January && date == 1
}

// moments returns n seconds since midnight within the opening hours, ascending.
func moments(random *rand.Rand, n int) []int {
	var perHour [24]int
	for range n {
		perHour[8+pick(random, hours)]++
	}
	var seconds []int
	for hour, count := range perHour {
		for i := range count { // one in each part of the hour, so that they ascend
			seconds = append(seconds, hour*3600+(i*3600+random.IntN(3600))/max(1, count))
		}
	}
	return seconds
}

// basket returns the items of one transaction, a unit each.
func basket(random *rand.Rand, day time.Weekday, second int) []string {
	weights := make([]float64, len(items))
	for i, it := range items {
		weights[i] = it.weight
		if day == time.Saturday || day == time.Sunday {
			weights[i] *= it.weekend
		}
		if second < 11*3600 {
			weights[i] *= it.morning
		}
	}
	var names []string
	for range 1 + pick(random, []float64{40, 34, 17, 7, 2}) {
		names = append(names, items[pick(random, weights)].name)
		if random.IntN(12) == 0 {
			names = append(names, names[len(names)-1]) // two of the same
		}
	}
	switch random.IntN(60) {
	case 0, 1:
		names = append(names, "NONE")
	case 2:
		names = append(names, "Adjustment")
	}
	return names
}

// pick returns an index, each with the probability of its weight.
func pick(random *rand.Rand, weights []float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	at := random.Float64() * sum
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}
