package backtest

import (
	"math/rand/v2"
	"slices"
)

// Interval is where a figure lies in 90 of 100 redrawn samples.
type Interval struct{ Low, High float64 }

// Sure says how sure the figures of all items are. It draws weeks again, with repeats,
// a thousand times: days of one week are alike, so days are not drawn by themselves. The
// draws are the same every time. Of fewer than two weeks nothing is known.
type Sure struct {
	Known     bool
	ErrorOver [rivals]Interval // our error over each one's
	CostOver  [rivals]Interval
	Held      Interval
}

func sure(weeks []Score) (s Sure) {
	const draws = 1000
	if len(weeks) < 2 {
		return s
	}
	s.Known = true
	random := rand.New(rand.NewPCG(20, 26))
	var held []float64
	var errors, costs [rivals][]float64
	for range draws {
		var sum Score
		for range weeks {
			sum.add(weeks[random.IntN(len(weeks))])
		}
		sum = sum.mean()
		held = append(held, sum.Held[Ours])
		for k := range rivals {
			errors[k], costs[k] = append(errors[k], sum.ErrorOver(k)), append(costs[k], sum.CostOver(k))
		}
	}
	middle := func(list []float64) Interval {
		slices.Sort(list)
		return Interval{list[draws/20], list[draws-1-draws/20]}
	}
	s.Held = middle(held)
	for k := range rivals {
		s.ErrorOver[k], s.CostOver[k] = middle(errors[k]), middle(costs[k])
	}
	return s
}
