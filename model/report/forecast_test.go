package report

import (
	"math"
	"math/rand/v2"
	"testing"

	"cafe/model"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

func TestDemandIsANegativeBinomial(t *testing.T) {
	// By simulation: a gamma mixture of Poissons, absent every tenth day.
	d := demand{offered: 0.9, mean: 12, spread: 0.2}
	src := rand.NewPCG(1, 2)
	rate := distuv.Gamma{Alpha: 1 / d.spread, Beta: 1 / d.spread / d.mean, Src: src}
	random := rand.New(src)
	const days = 200_000
	var atMost [30]float64
	for range days {
		sold := 0
		if random.Float64() < d.offered {
			sold = int(distuv.Poisson{Lambda: rate.Rand(), Src: src}.Rand())
		}
		for n := sold; n < len(atMost); n++ {
			atMost[n] += 1.0 / days
		}
	}
	for n, want := range atMost {
		if got := d.atMost(int64(n)); math.Abs(got-want) > 0.005 {
			t.Errorf("P(≤ %d) = %.4f; simulated %.4f", n, got, want)
		}
	}
}

func TestRangeIsTheNarrowestThatHoldsEightOfTen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := demand{
			offered: rapid.Float64Range(0.01, 1).Draw(t, "offered"),
			mean:    rapid.Float64Range(0.01, 60).Draw(t, "mean"),
			spread:  rapid.Float64Range(0.02, 2.5).Draw(t, "spread"),
		}
		low, high := d.interval(0.8)
		if held := d.atMost(high) - d.atMost(low-1); held < 0.8-1e-9 {
			t.Fatalf("%d–%d holds %.3f", low, high, held)
		}
		if middle := math.Round(d.expected()); float64(low) > middle || float64(high) < middle {
			t.Fatalf("%d–%d leaves out %.2f", low, high, d.expected())
		}
		half := d.quantile(0.5)
		if half < low || half > high {
			t.Fatalf("%d–%d leaves out the median %d", low, high, half)
		}
		if d.atMost(half) < 0.5 || d.atMost(half-1) >= 0.5 {
			t.Fatalf("median %d: %.3f below it, %.3f with it", half, d.atMost(half-1), d.atMost(half))
		}
	})
}

func TestHugeDemandIsStillForecast(t *testing.T) {
	d := demand{offered: 1, mean: 1e8, spread: 0.1}
	if low, high := d.interval(0.8); low < 4e7 || low > 1e8 || high < 1e8 || high > 2e8 {
		t.Errorf("%d–%d", low, high)
	}
}

// sold returns days of bread up to Friday 17 March 2017, the newest last.
func sold(bread ...int64) []Summary {
	var list []Summary
	for i, n := range bread {
		list = append(list, day(saturday.AddDays(i-len(bread)), 30, 30000, map[string]int64{"bread": n, "cake": 5}))
	}
	return list
}

func repeat(n int64, times int) []int64 {
	list := make([]int64, times)
	for i := range list {
		list[i] = n
	}
	return list
}

func TestASteadyItemIsExpectedToStaySteady(t *testing.T) {
	b := build(t, Input{History: sold(repeat(20, 60)...), Partial: true}).Bake[0]
	if b.Expected < 19 || b.Expected > 20 || b.Bake < 18 || b.Bake > 20 || b.High-b.Low > 16 {
		t.Errorf("sixty days of twenty: %+v", b)
	}
}

func TestWeekdaysAreLearntAndClosedDaysAreNoDemand(t *testing.T) {
	var history []Summary
	for d := saturday.AddDays(-HistoryDays); d < saturday; d = d.AddDays(1) {
		n := int64(10)
		switch d.Weekday() {
		case 0:
			continue // closed
		case 6:
			n = 30
		}
		history = append(history, day(d, n, 100, map[string]int64{"bread": n}))
	}
	f := learnt(newPast(history, saturday).rows)
	weekday, sat := f.demand("bread", 1).expected(), f.demand("bread", 6).expected()
	if weekday < 9 || weekday > 12 || sat < 24 || sat > 31 {
		t.Errorf("expects %.1f on a Monday and %.1f on a Saturday; ten and thirty were sold", weekday, sat)
	}
	if f.days != len(history) {
		t.Errorf("learnt %d days of %d", f.days, len(history))
	}
}

func TestOneDayOffTheCounterIsNoLossOfDemand(t *testing.T) {
	steady := build(t, Input{History: sold(repeat(20, 40)...), Partial: true}).Bake[0]
	gap := build(t, Input{History: sold(append(repeat(20, 39), 0)...), Partial: true}).Bake
	if b := gap[len(gap)-1]; b.SKU != "bread" || b.Expected > 4 || b.WhenOn < steady.Expected-1 {
		t.Errorf("gone, it likely stays away; if not, it sells as before: %+v", b)
	}
	back := build(t, Input{History: sold(append(repeat(20, 39), 0, 20)...), Partial: true}).Bake[0]
	if back.Expected < steady.Expected-2 {
		t.Errorf("back on the counter, it sells as before: %+v", back)
	}
}

func TestAnItemGoneForWeeksIsNotBaked(t *testing.T) {
	list := build(t, Input{History: sold(append(repeat(20, 30), repeat(0, 30)...)...), Partial: true}).Bake
	if b := list[1]; b.SKU != "bread" || b.Bake != 0 || b.Expected > 1 || b.LastSold != "2017-02-15" {
		t.Errorf("%+v", b)
	}
}

func TestCostsMoveTheNumberToBake(t *testing.T) {
	bake := func(lost, leftover float64) int64 {
		return build(t, Input{History: sold(repeat(20, 40)...), Partial: true, LostSale: lost, Leftover: leftover}).Bake[0].Bake
	}
	even, dear, cheap := bake(0, 0), bake(4, 1), bake(1, 4)
	if even != bake(1, 1) || dear <= even || cheap >= even {
		t.Errorf("equal %d, a dear lost sale %d, a dear leftover %d", even, dear, cheap)
	}
	if always, never := bake(1, 0), bake(0, 1); always <= dear || always > 60 || never >= cheap {
		t.Errorf("only lost sales cost: %d; only leftovers: %d", always, never)
	}
}

// A shelf of eighteen hides a demand of thirty. Told when it was empty, the forecast
// sees it.
func TestSoldOutDaysAreDemandNotFullySeen(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	demanded := distuv.Poisson{Lambda: 30, Src: random}
	var blind, told []Summary
	var demands []float64
	for d := saturday.AddDays(-40); d < saturday; d = d.AddDays(1) {
		want := demanded.Rand()
		demands = append(demands, want)
		n := min(int64(want), 18)
		s := day(d, 100, 30000, map[string]int64{"bread": n})
		blind = append(blind, s)
		if int64(want) > n {
			s.SoldOut = map[string]int64{"bread": int64(1000 * float64(n) / want)}
		}
		told = append(told, s)
	}
	expects := func(days []Summary) float64 { return learnt(days).demand("bread", 6).expected() }
	truth := stat.Mean(demands, nil)
	if got := expects(blind); got > 19 {
		t.Errorf("blind, it expects %.1f", got)
	}
	if got := expects(told); math.Abs(got-truth) > 3 {
		t.Errorf("told, it expects %.1f of %.1f", got, truth)
	}
}

func TestGoodsTakenBackAreNoDemand(t *testing.T) {
	days := sold(append(repeat(20, 30), -5, 20)...)
	none := sold(append(repeat(20, 30), 0, 20)...)
	if got, want := learnt(days).demand("bread", 6), learnt(none).demand("bread", 6); got != want {
		t.Errorf("%+v; for a day without sales %+v", got, want)
	}
}

func TestAnEmptyShelfAllDaySaysNothing(t *testing.T) {
	days := sold(repeat(20, 30)...)
	before := learnt(days).demand("bread", 6)
	days = append(days, Summary{Day: saturday, Orders: 30, Sold: map[string]int64{"cake": 5}, SoldOut: map[string]int64{"bread": 0}})
	if after := learnt(days).demand("bread", 6); math.Abs(after.expected()-before.expected()) > 0.5 {
		t.Errorf("expected %.1f, now %.1f", before.expected(), after.expected())
	}
}

func TestBacktestScoresEveryItemDay(t *testing.T) {
	history := sold(repeat(20, 28)...)
	s := Backtest(history, menu, saturday.AddDays(-7), saturday.AddDays(-1), 1, 1)
	if s.All.Days != 14 || s.All.Sold != 7*25 || s.All.LastWeek != 0 || s.All.Ratio() != 0 {
		t.Errorf("two items on seven days: %+v", s.All)
	}
	if s.Items[0].Name != "Bread" || s.Items[0].Error > 1 || s.Items[0].Held != 1 {
		t.Errorf("%+v", s.Items[0])
	}
	if none := Backtest(nil, menu, saturday, saturday, 1, 1); none.All.Days != 0 || len(none.Items) != 0 {
		t.Errorf("of nothing: %+v", none)
	}
}

func TestBacktestDoesNotPeek(t *testing.T) {
	history := sold(repeat(20, 28)...)
	last := model.Day("2017-03-17")
	want := Backtest(history, menu, last, last, 1, 1).Items[0]
	history[27].Sold = map[string]int64{"bread": 90, "cake": 5}
	got := Backtest(history, menu, last, last, 1, 1).Items[0]
	if diff := got.Error - want.Error; math.Abs(diff) < 60 {
		t.Errorf("ninety sold and the error moved by %.1f only", diff)
	}
}
