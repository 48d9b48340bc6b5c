package forecast

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"cafe/model"
)

// largeCafe is 400 days of 200 items, some of which sell hundreds a day and some hardly
// one a week.
func largeCafe() (days []Day) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range MostDays {
		d := Day{Day: model.Day("2025-01-01").AddDays(i), Sold: map[string]int64{}}
		for n := range 200 {
			mean := 300 / float64(1+n*n/8)
			if sold := int64(mean*(0.7+0.6*random.Float64()) + random.Float64()); sold > 0 {
				d.Sold[fmt.Sprintf("item-%03d", n)] = sold
				d.Revenue += 250 * sold
			}
		}
		days = append(days, d)
	}
	return days
}

// BenchmarkLargeCafe learns 400 days of 200 items, and says what the next day may sell.
func BenchmarkLargeCafe(b *testing.B) {
	days := largeCafe()
	b.ReportAllocs()
	for b.Loop() {
		f := New(Costs{}, nil)
		for _, d := range days {
			f.Learn(d)
		}
		next := days[len(days)-1].Day.AddDays(1)
		for n := range 200 {
			f.Demand(fmt.Sprintf("item-%03d", n), next)
		}
	}
}
