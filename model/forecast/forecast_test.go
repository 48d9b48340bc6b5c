package forecast_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"cafe/model"
	"cafe/model/forecast"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

// first is a Monday.
const first = model.Day("2025-01-06")

// bread makes days of bread, beside a cake that sells five a day.
func bread(sold ...int64) (days []forecast.Day) {
	for i, n := range sold {
		days = append(days, forecast.Day{Day: first.AddDays(i), Revenue: 30000, Sold: map[string]int64{"bread": n, "cake": 5}})
	}
	return days
}

func repeat(n int64, times int) []int64 {
	list := make([]int64, times)
	for i := range list {
		list[i] = n
	}
	return list
}

func learnt(days []forecast.Day) *forecast.Forecaster {
	return learntWith(days, forecast.Costs{}, nil)
}

func learntWith(days []forecast.Day, costs forecast.Costs, holidays forecast.Holidays) *forecast.Forecaster {
	f := forecast.New(costs, holidays)
	for _, d := range days {
		f.Learn(d)
	}
	return f
}

// next is the demand for bread on the day after the last.
func next(days []forecast.Day) forecast.Demand {
	return learnt(days).Demand("bread", days[len(days)-1].Day.AddDays(1))
}

func TestASteadyItemIsExpectedToStaySteady(t *testing.T) {
	if d := next(bread(repeat(20, 60)...)); d.Expected < 19 || d.Expected > 20 || d.Bake != d.Expected || d.High-d.Low > 8 || d.Doubt != "" {
		t.Errorf("sixty days of twenty: %+v", d)
	}
}

func TestWeekdaysAreLearntAndClosedDaysAreNoDemand(t *testing.T) {
	var days []forecast.Day
	for i := range 84 {
		d := forecast.Day{Day: first.AddDays(i), Revenue: 1000, Sold: map[string]int64{"bread": 10}}
		switch d.Day.Weekday() {
		case 0:
			d.Closed, d.Sold = true, nil
		case 6:
			d.Sold, d.Revenue = map[string]int64{"bread": 30}, 3000
		}
		days = append(days, d)
	}
	f := learnt(days)
	monday, saturday := f.Demand("bread", first.AddDays(84)), f.Demand("bread", first.AddDays(89))
	if monday.Expected < 9 || monday.Expected > 11 || saturday.Expected < 26 || saturday.Expected > 31 {
		t.Errorf("expects %d on a Monday and %d on a Saturday; ten and thirty were sold", monday.Expected, saturday.Expected)
	}
	if f.Days() != 72 {
		t.Errorf("learnt %d days of 72 open ones", f.Days())
	}
}

func TestTheLevelFollowsASeasonsEndWithinDays(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var sold []int64
	for i := range 70 {
		mean := 60.0
		if i >= 60 {
			mean = 20
		}
		sold = append(sold, int64(distuv.Poisson{Lambda: mean, Src: random}.Rand()))
	}
	if d := next(bread(sold[:64]...)); d.Mean > 38 {
		t.Errorf("four days after sixty became twenty, it expects %.1f", d.Mean)
	}
	if d := next(bread(sold...)); d.Mean > 25 || d.Mean < 16 {
		t.Errorf("ten days after, it expects %.1f", d.Mean)
	}
}

func TestTheWholeCafeMovesAnItemBeforeItsOwnSalesDo(t *testing.T) {
	sales := func(busy bool) forecast.Demand {
		random := rand.New(rand.NewPCG(5, 5))
		f := forecast.New(forecast.Costs{}, nil)
		for i := range 120 {
			level := 1.0
			if i/10%2 == 1 {
				level = 0.4 // every ten days all of the café turns
			}
			if i >= 119 {
				level = 1
				if busy {
					level = 2.5
				}
			}
			d := forecast.Day{Day: first.AddDays(i), Sold: map[string]int64{}}
			for n := range 20 {
				sku := fmt.Sprint("item", n)
				d.Sold[sku] = int64(distuv.Poisson{Lambda: 12 * level, Src: random}.Rand())
				d.Revenue += 100 * d.Sold[sku]
			}
			d.Sold["bread"] = 12 // on the last day, too
			if i < 119 {
				d.Sold["bread"] = int64(distuv.Poisson{Lambda: 12 * level, Src: random}.Rand())
			}
			f.Learn(d)
		}
		return f.Demand("bread", first.AddDays(120))
	}
	if busy, quiet := sales(true), sales(false); busy.Mean < 1.05*quiet.Mean {
		t.Errorf("expects %.1f after a day on which the rest of the café sold much more, and %.1f after an ordinary one", busy.Mean, quiet.Mean)
	}
}

func TestOneDayOffTheCounterIsNoLossOfDemand(t *testing.T) {
	steady := next(bread(repeat(20, 40)...))
	if d := next(bread(append(repeat(20, 39), 0)...)); d.Expected > 7 || d.Low > 0 || d.High < 15 || d.WhenOn < steady.Expected-1 {
		t.Errorf("gone, it likely stays away; if not, it sells as before: %+v", d)
	}
	if d := next(bread(append(repeat(20, 39), 0, 20)...)); d.Expected < steady.Expected-2 {
		t.Errorf("back on the counter, it sells as before: %+v", d)
	}
}

func TestAnItemThatComesBackAfterWeeksSellsAsBeforeAndIsDoubted(t *testing.T) {
	sold := append(repeat(20, 30), repeat(0, 30)...)
	if d := next(bread(sold...)); d.Bake != 0 || d.Expected > 1 || d.WhenOn < 17 || d.LastSold != first.AddDays(29) {
		t.Errorf("gone for thirty days: %+v", d)
	}
	if d := next(bread(append(sold, 19)...)); d.Expected < 14 || !strings.Contains(d.Doubt, "come back") {
		t.Errorf("back: %+v", d)
	}
	if d := next(bread(append(sold, repeat(19, 9)...)...)); d.Expected < 17 || d.Doubt != "" {
		t.Errorf("back for nine days: %+v", d)
	}
}

func TestCostsMoveTheNumberToBake(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	var sold []int64
	for range 60 {
		sold = append(sold, int64(distuv.Poisson{Lambda: 20, Src: random}.Rand()))
	}
	days := bread(sold...)
	bake := func(lost, leftover float64) int64 {
		return learntWith(days, forecast.Costs{LostSale: lost, Leftover: leftover}, nil).Demand("bread", first.AddDays(60)).Bake
	}
	even, dear, cheap := bake(0, 0), bake(4, 1), bake(1, 4)
	if even != bake(1, 1) || even != bake(math.NaN(), 1) || even != bake(-1, 3) || dear <= even || cheap >= even {
		t.Errorf("equal %d, a dear lost sale %d, a dear leftover %d", even, dear, cheap)
	}
	if always, never := bake(1, 0), bake(0, 1); always <= dear || always > 60 || never >= cheap || never < 0 {
		t.Errorf("only lost sales cost: %d; only leftovers: %d", always, never)
	}
}

// A shelf of eighteen hides a demand of thirty. Told when it was empty, the forecast
// sees it.
func TestSoldOutDaysAreDemandNotFullySeen(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	demanded := distuv.Poisson{Lambda: 30, Src: random}
	var blind, told []forecast.Day
	for i := range 40 {
		want := demanded.Rand()
		n := min(int64(want), 18)
		d := forecast.Day{Day: first.AddDays(i), Revenue: 1000, Sold: map[string]int64{"bread": n}}
		blind = append(blind, d)
		if int64(want) > n {
			d.SoldOut = map[string]int64{"bread": int64(1000 * float64(n) / want)}
		}
		told = append(told, d)
	}
	if d := next(blind); d.Mean > 19 {
		t.Errorf("blind, it expects %.1f", d.Mean)
	}
	d := next(told)
	if math.Abs(d.Mean-30) > 4 || !strings.Contains(d.Doubt, "ran out") {
		t.Errorf("told, it expects %.1f of 30, with the doubt %q", d.Mean, d.Doubt)
	}
	if d.Recent.Lost < 250 || d.Recent.Lost > 420 {
		t.Errorf("of 28 days with about twelve lost each it says %d", d.Recent.Lost)
	}
}

func TestALeftoverThatIsWrittenOffIsNoSoldOut(t *testing.T) {
	plain, wasted := bread(repeat(20, 40)...), bread(repeat(20, 40)...)
	for i := range wasted {
		wasted[i].SoldOut, wasted[i].Waste = map[string]int64{"bread": 500}, map[string]int64{"bread": 3}
	}
	a, b := next(plain), next(wasted)
	if a.Expected != b.Expected || a.Low != b.Low || a.High != b.High || b.Recent.Lost != 0 || b.Recent.Wasted != 28*3 {
		t.Errorf("%+v; without waste %+v", b, a)
	}
}

func TestGoodsTakenBackAndEmptyShelvesAreNoDemand(t *testing.T) {
	if got, want := next(bread(append(repeat(20, 30), -5, 20)...)), next(bread(append(repeat(20, 30), 0, 20)...)); got != want {
		t.Errorf("%+v; for a day without sales %+v", got, want)
	}
	days := bread(append(repeat(20, 30), 0)...)
	days[30].SoldOut = map[string]int64{"bread": 0}
	if got, want := next(days), next(days[:30]); math.Abs(got.Mean-want.Mean) > 0.5 {
		t.Errorf("expected %.1f, after a day with none to sell %.1f", want.Mean, got.Mean)
	}
}

func TestADayOfAnOutageAndAClosedDayTeachNothing(t *testing.T) {
	days := bread(append(repeat(20, 30), 2)...)
	want := learnt(days[:30]).Demand("bread", first.AddDays(31))
	for name, d := range map[string]forecast.Day{
		"outage": {Day: days[30].Day, Outage: true, Sold: days[30].Sold, Revenue: 10},
		"closed": {Day: days[30].Day, Closed: true, Sold: days[30].Sold, Revenue: 10},
	} {
		f := learnt(days[:30])
		f.Learn(d)
		if got := f.Demand("bread", first.AddDays(31)); got != want {
			t.Errorf("%s: %+v; want %+v", name, got, want)
		}
	}
}

func TestHolidaysAreLearntAcrossHolidaysAndLeaveOrdinaryDaysAlone(t *testing.T) {
	holidays := forecast.Holidays{}
	var days []forecast.Day
	for i := range 120 {
		d := forecast.Day{Day: first.AddDays(i), Revenue: 1000, Sold: map[string]int64{"bread": 20, "cake": 8}}
		if i%30 == 20 {
			holidays[d.Day] = "Fair " + fmt.Sprint(i/60)
			d.Sold, d.Revenue = map[string]int64{"bread": 60, "cake": 8}, 3000
		}
		days = append(days, d)
	}
	known, unknown, ordinary := first.AddDays(122), first.AddDays(123), first.AddDays(124)
	holidays[known], holidays[unknown] = "Fair 1", "Jubilee"
	f := learntWith(days, forecast.Costs{}, holidays)
	if d := f.Demand("bread", ordinary); d.Expected < 19 || d.Expected > 21 || d.Doubt != "" {
		t.Errorf("on an ordinary day: %+v", d)
	}
	if d := f.Demand("bread", known); d.Expected < 40 || d.Expected > 60 || d.Doubt != "" {
		t.Errorf("on a holiday as before: %+v", d)
	}
	if d := f.Demand("bread", unknown); d.Expected < 35 || !strings.Contains(d.Doubt, "Jubilee") {
		t.Errorf("on a new holiday: %+v", d)
	}
	if d := f.Demand("cake", known); d.Expected > 13 {
		t.Errorf("cake sells on holidays as ever: %+v", d)
	}
	if d := learntWith(days[:15], forecast.Costs{}, forecast.Holidays{first.AddDays(15): "Fair"}).Demand("bread", first.AddDays(15)); d.Expected < 18 || d.Expected > 21 || !strings.Contains(d.Doubt, "Fair") {
		t.Errorf("no holiday is known to go by: %+v", d)
	}
}

func TestTheForecastSaysWhenItDoesNotKnow(t *testing.T) {
	for name, c := range map[string]struct {
		days []forecast.Day
		on   model.Day
		says string
	}{
		"one day":             {bread(20), first.AddDays(1), "one day only"},
		"a week":              {bread(repeat(20, 7)...), first.AddDays(7), "7 open days only"},
		"sixty days":          {bread(repeat(20, 60)...), first.AddDays(60), ""},
		"a gap of two months": {bread(repeat(20, 60)...), first.AddDays(120), "last 60 days"},
	} {
		if d := learnt(c.days).Demand("bread", c.on); d.Doubt == "" != (c.says == "") || !strings.Contains(d.Doubt, c.says) || d.Expected < 15 {
			t.Errorf("%s: %+v", name, d)
		}
	}
	days := bread(repeat(20, 60)...)
	days = append(days, forecast.Day{Day: first.AddDays(150), Revenue: 1000, Sold: map[string]int64{"bread": 8, "cake": 2}})
	if d := next(days); !strings.Contains(d.Doubt, "opened again") || d.Expected > 16 {
		t.Errorf("after three months what is new counts more: %+v", d)
	}
}

func TestBadInputGivesSensibleAnswers(t *testing.T) {
	if d := learnt(nil).Demand("bread", first); d != (forecast.Demand{}) {
		t.Errorf("of nothing: %+v", d)
	}
	once := bread(append([]int64{1}, repeat(0, 60)...)...)
	if d := next(once); d.Expected != 0 || d.Bake != 0 || d.High > 1 || d.LastSold != first {
		t.Errorf("sold once: %+v", d)
	}
	freak := repeat(20, 60)
	freak[50] = 1_000_000
	days := bread(freak...)
	days[50].Revenue = 1 << 50
	if d := next(days); d.Expected < 17 || d.Expected > 30 || d.High > 100 {
		t.Errorf("ten days after a day of a million: %+v", d)
	}
	if d := next(bread(repeat(1_000_000, 40)...)); d.Expected < 900_000 || d.Expected > 1_100_000 || d.Low < 500_000 {
		t.Errorf("a million every day: %+v", d)
	}
	if d := next(bread(repeat(math.MaxInt64, 20)...)); d.Low < 0 || d.High < d.Low || d.Expected > d.High {
		t.Errorf("more than any till counts: %+v", d)
	}
	doubled := bread(repeat(20, 40)...)
	f := learnt(doubled)
	want := f.Demand("bread", first.AddDays(40))
	f.Learn(forecast.Day{Day: doubled[39].Day, Revenue: 1, Sold: map[string]int64{"bread": 900}})
	f.Learn(forecast.Day{Day: first.AddDays(-400), Revenue: 1, Sold: map[string]int64{"bread": 900}})
	if got := f.Demand("bread", first.AddDays(40)); got != want || f.Days() != 40 {
		t.Errorf("a day told twice and one from before: %+v; want %+v", got, want)
	}
	if d := f.Demand("bread", first.AddDays(-30)); d.Low > d.Expected || d.Expected > d.High {
		t.Errorf("asked about a day before the data: %+v", d)
	}
	many := forecast.New(forecast.Costs{}, nil)
	for i := range 30 {
		d := forecast.Day{Day: first.AddDays(i), Revenue: 5, Sold: map[string]int64{}}
		for n := range 1000 {
			d.Sold[fmt.Sprint("item", n)] = int64(n % 17)
		}
		many.Learn(d)
	}
	if d := many.Demand("item15", first.AddDays(30)); d.Expected != 15 {
		t.Errorf("one of a thousand items: %+v", d)
	}
}

// Whatever the days hold, numbers are numbers, in order, and the same every time.
func TestDemandIsSoundWhateverTheDays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var days []forecast.Day
		day := first
		holidays := forecast.Holidays{}
		for range rapid.IntRange(1, 60).Draw(t, "days") {
			day = day.AddDays(rapid.SampledFrom([]int{0, 1, 1, 1, 1, 2, 7, 40}).Draw(t, "gap"))
			d := forecast.Day{
				Day: day, Revenue: rapid.Int64Range(-100, 1e6).Draw(t, "revenue"), Sold: map[string]int64{}, SoldOut: map[string]int64{}, Waste: map[string]int64{},
				Closed: rapid.IntRange(0, 20).Draw(t, "closed") == 0,
			}
			for _, sku := range []string{"a", "b", "c"} {
				d.Sold[sku] = rapid.SampledFrom([]int64{-3, 0, 0, 1, 2, 5, 20, 900, math.MaxInt64}).Draw(t, "sold")
				if rapid.IntRange(0, 9).Draw(t, "out") == 0 {
					d.SoldOut[sku] = rapid.Int64Range(-5, 1100).Draw(t, "per mille")
				}
				d.Waste[sku] = max(0, rapid.Int64Range(-40, 5).Draw(t, "waste"))
			}
			if rapid.IntRange(0, 15).Draw(t, "holiday") == 0 {
				holidays[day] = rapid.SampledFrom([]string{"", "Easter"}).Draw(t, "name")
			}
			days = append(days, d)
		}
		costs := forecast.Costs{LostSale: rapid.Float64Range(0, 9).Draw(t, "lost"), Leftover: rapid.Float64Range(0, 9).Draw(t, "leftover")}
		f, again := learntWith(days, costs, holidays), learntWith(days, costs, holidays)
		for _, sku := range []string{"a", "b", "c", "d"} {
			for n := range 8 {
				d := f.Demand(sku, day.AddDays(n))
				if math.IsNaN(d.Mean) || math.IsInf(d.Mean, 0) || d.Mean < 0 || d.Low < 0 || d.Low > d.Expected || d.Expected > d.High || d.Bake < 0 || d.WhenOn < 0 || math.IsNaN(d.Variance) {
					t.Fatalf("%s: %+v", sku, d)
				}
				if other := again.Demand(sku, day.AddDays(n)); other != d {
					t.Fatalf("%s: %+v, and again %+v", sku, d, other)
				}
			}
		}
	})
}

// Ranges hold 80 of 100 days for busy and for slow items, in steady times and when levels
// wander, for counts that spread as by chance and for wilder ones.
func TestRangesHoldEightDaysOfTen(t *testing.T) {
	for name, c := range map[string]struct {
		mean, spread, wander float64
	}{
		"busy, steady":            {200, 0, 0},
		"busy, wild":              {200, 0.1, 0},
		"busy, wandering":         {80, 0.02, 0.1},
		"middling":                {12, 0.1, 0.05},
		"slow":                    {2, 0.2, 0},
		"slow, wandering":         {3, 0.1, 0.08},
		"slower, one of two days": {0.7, 0, 0},
	} {
		random := rand.New(rand.NewPCG(7, 7))
		f := forecast.New(forecast.Costs{}, nil)
		var held, days float64
		for i := range 400 {
			d := forecast.Day{Day: first.AddDays(i), Sold: map[string]int64{}}
			for n := range 10 {
				sku := fmt.Sprint("item", n)
				mean := c.mean * math.Exp(c.wander*8*math.Sin(float64(i)/40+float64(n)))
				if c.spread > 0 {
					mean = distuv.Gamma{Alpha: 1 / c.spread, Beta: 1 / c.spread / mean, Src: random}.Rand()
				}
				d.Sold[sku] = int64(distuv.Poisson{Lambda: mean, Src: random}.Rand())
				d.Revenue += d.Sold[sku]
				if i < 40 {
					continue
				}
				said := f.Demand(sku, d.Day)
				days++
				if said.Low <= d.Sold[sku] && d.Sold[sku] <= said.High {
					held++
				}
			}
			f.Learn(d)
		}
		if share := held / days; share < 0.75 || share > 0.85 {
			t.Errorf("%s: held %.1f of 100 days", name, 100*share)
		}
	}
}

func TestTheNumberToBakeFallsShortAsOftenAsTheCostsAllow(t *testing.T) {
	for _, costs := range []forecast.Costs{{LostSale: 1, Leftover: 1}, {LostSale: 3, Leftover: 1}, {LostSale: 9, Leftover: 1}, {LostSale: 1, Leftover: 3}} {
		random := rand.New(rand.NewPCG(8, 8))
		f := forecast.New(costs, nil)
		var short, days float64
		for i := range 300 {
			d := forecast.Day{Day: first.AddDays(i), Sold: map[string]int64{}}
			for n := range 10 {
				sku := fmt.Sprint("item", n)
				mean := distuv.Gamma{Alpha: 12, Beta: 12.0 / 40, Src: random}.Rand()
				sold := int64(distuv.Poisson{Lambda: mean, Src: random}.Rand())
				d.Sold[sku], d.Revenue = sold, d.Revenue+sold
				if i >= 40 {
					bake := f.Demand(sku, d.Day).Bake
					days++
					if sold > bake {
						short++
					}
				}
			}
			f.Learn(d)
		}
		want := costs.Leftover / (costs.LostSale + costs.Leftover)
		if share := short / days; math.Abs(share-want) > 0.05 {
			t.Errorf("%+v: short on %.0f of 100 days; want %.0f", costs, 100*share, 100*want)
		}
	}
}
