package forecast_test

import (
	"testing"
	"time"

	"cafe/model/forecast"

	"pgregory.net/rapid"
)

const cutoff = 4 * time.Hour

// morning is a café whose bread sells from seven to eleven and from fifteen to seventeen
// o'clock, ten units an hour.
func morning() forecast.Hours {
	var bread [24]int64
	for _, hour := range []int{7, 8, 9, 10, 15, 16} {
		bread[hour] = 100
	}
	return forecast.Hours{}.With(map[string][24]int64{"bread": bread})
}

func ovens(hours ...int) (o forecast.Ovens) {
	o.Cutoff = cutoff
	for _, h := range hours {
		o.Bakes = append(o.Bakes, time.Duration(h)*time.Hour)
	}
	return o
}

func TestADaysNumberIsSharedOutByTheHoursInWhichItSells(t *testing.T) {
	got := morning().Split("bread", 60, ovens(11, 7, 14))
	want := []forecast.Ready{
		{At: 7 * time.Hour, Until: 11 * time.Hour, Bake: 40}, {At: 11 * time.Hour, Until: 14 * time.Hour, Bake: 0}, {At: 14 * time.Hour, Until: 17 * time.Hour, Bake: 20},
	}
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%v; want %v", got, want)
	}
	if got := morning().Split("new", 7, ovens(7, 14)); got[0].Bake != 5 || got[1].Bake != 2 {
		t.Errorf("an item without hours of its own goes by the café's: %v", got)
	}
	if got := (forecast.Hours)(nil).Split("bread", 7, ovens(7, 14)); got[0].Bake != 7 || got[1].Bake != 0 || got[1].Until != cutoff {
		t.Errorf("without any hours all is ready first: %v", got)
	}
	if got := morning().Split("bread", 7, ovens()); got != nil {
		t.Errorf("without bakes: %v", got)
	}
}

func TestTheBakesOfADayAreItsNumberInAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := forecast.Hours{}
		for range rapid.IntRange(0, 3).Draw(t, "days") {
			var sold [24]int64
			for i := range sold {
				sold[i] = rapid.Int64Range(-2, 9).Draw(t, "sold")
			}
			h = h.With(map[string][24]int64{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "sku"): sold})
		}
		o := forecast.Ovens{Cutoff: time.Duration(rapid.IntRange(0, 23*60).Draw(t, "cutoff")) * time.Minute}
		for range rapid.IntRange(1, 5).Draw(t, "bakes") {
			o.Bakes = append(o.Bakes, time.Duration(rapid.IntRange(0, 24*60-1).Draw(t, "bake"))*time.Minute)
		}
		number := rapid.Int64Range(0, 500).Draw(t, "number")
		plan := h.Split("a", number, o)
		var sum int64
		for i, r := range plan {
			if sum += r.Bake; r.Bake < 0 || i > 0 && r.At == plan[i-1].At {
				t.Fatalf("%v", plan)
			}
		}
		if sum != number {
			t.Fatalf("%v is %d in all; want %d", plan, sum, number)
		}
		m := forecast.Morning{Now: o.Bakes[0], Sold: rapid.Int64Range(0, 600).Draw(t, "sold"), Expected: number, Low: number / 2, High: number * 2}
		for i, r := range h.Revise("a", plan, o, m) {
			if r.Bake < 0 || r.At == m.Now && r != plan[i] {
				t.Fatalf("%v revised to %v", plan[i], r)
			}
		}
	})
}

func TestTheMorningRevisesTheBakesToCome(t *testing.T) {
	h, o := morning(), ovens(7, 11, 14)
	plan := h.Split("bread", 60, o)
	later := func(sold int64) int64 {
		got := h.Revise("bread", plan, o, forecast.Morning{Now: 11*time.Hour - time.Minute, Sold: sold, Expected: 60, Low: 40, High: 80})
		if got[0] != plan[0] {
			t.Errorf("%d sold changes what is baked already: %v", sold, got)
		}
		return got[1].Bake + got[2].Bake
	}
	as, busy, quiet := later(40), later(60), later(20)
	if as < 19 || as > 21 {
		t.Errorf("after a morning as expected it bakes %d more; want 20", as)
	}
	// Twenty more than expected were sold: they have to be made up for, and the afternoon is busier.
	if busy < 42 || busy > 52 || quiet > 5 {
		t.Errorf("after a busy morning %d, after a quiet one %d", busy, quiet)
	}
	if got := h.Revise("bread", plan, o, forecast.Morning{Now: 6 * time.Hour, Expected: 60, Low: 40, High: 80}); got[0] != plan[0] || got[2] != plan[2] {
		t.Errorf("before the first sale nothing is revised: %v", got)
	}
}
