package former

import (
	"math"
	"math/rand/v2"
	"testing"

	"cafe/model"
	"cafe/model/forecast"

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

// Figures of the release that this was, on sixty days of twenty.
func TestASteadyItemIsExpectedToStaySteady(t *testing.T) {
	f := New(forecast.Costs{})
	day := model.Day("2017-01-17")
	for ; day < "2017-03-18"; day = day.AddDays(1) {
		f.Learn(forecast.Day{Day: day, Sold: map[string]int64{"bread": 20, "cake": 5}})
	}
	if d := f.Demand("bread", day); d.Expected < 19 || d.Expected > 20 || d.Bake < 18 || d.Bake > 20 || d.High-d.Low > 16 {
		t.Errorf("sixty days of twenty: %+v", d)
	}
	if d := f.Demand("unknown", day); d != (forecast.Demand{}) {
		t.Errorf("of what was never sold: %+v", d)
	}
}
