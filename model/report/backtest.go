package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"cafe/model"
)

// Score is how well the bake list did over a number of item-days. Errors are means of
// |number − sold|, in units.
type Score struct {
	SKU      string
	Name     string
	Days     int
	Sold     int64
	Error    float64 // of Bake.Expected
	Baking   float64 // of Bake.Bake
	LastWeek float64 // of what the same weekday of the week before sold
	Held     float64 // the share of days whose sales lay in the range
	Width    float64 // of the range, from Low to High, on average
}

// Scores is what a backtest found.
type Scores struct {
	From, To model.Day
	Items    []Score // most sold first
	All      Score
}

// Backtest makes, for each day from from to to that had orders, the forecast that the
// report of the open day before would have made, from the HistoryDays before it only,
// and compares it with what the day sold. It scores every active counted item of the
// menu on every such day, those that sold nothing too. It leaves out the days whose
// weekday last week had no orders, because "the same as last week" is none then. A
// day when an item ran out is scored by what it sold. The costs are as in Input.
func Backtest(history []Summary, menu model.Menu, from, to model.Day, lostSale, leftover float64) Scores {
	return tuned.backtest(history, Input{Menu: menu, LostSale: lostSale, Leftover: leftover}, from, to)
}

func (t tuning) backtest(history []Summary, in Input, from, to model.Day) Scores {
	sums, all := map[string]Score{}, Score{Name: "All"}
	for day := from; day <= to; day = day.AddDays(1) {
		known := newPast(history, day.AddDays(1))
		today, week := known.on(day), known.on(day.AddDays(-7))
		if today.Orders == 0 || week.Orders == 0 {
			continue
		}
		for _, b := range t.learnt(newPast(history, day).rows).bakeList(in, day) {
			s := sums[b.SKU]
			s.SKU, s.Name = b.SKU, b.Name
			sums[b.SKU] = s.plus(b.scored(today.Sold[b.SKU], week.Sold[b.SKU]))
		}
	}
	scores := Scores{From: from, To: to}
	for _, s := range sums {
		all = all.plus(s)
		scores.Items = append(scores.Items, s.mean())
	}
	slices.SortFunc(scores.Items, func(a, b Score) int {
		return cmp.Or(cmp.Compare(b.Sold, a.Sold), cmp.Compare(a.SKU, b.SKU))
	})
	scores.All = all.mean()
	return scores
}

// scored is the score of one item-day.
func (b Bake) scored(sold, lastWeek int64) Score {
	off := func(n int64) float64 { return math.Abs(float64(n - sold)) }
	s := Score{
		Days: 1, Sold: sold, Error: off(b.Expected), Baking: off(b.Bake), LastWeek: off(lastWeek),
		Width: float64(b.High - b.Low),
	}
	if b.Low <= sold && sold <= b.High {
		s.Held = 1
	}
	return s
}

// plus adds sums; mean makes means of them.
func (s Score) plus(t Score) Score {
	s.Days, s.Sold = s.Days+t.Days, s.Sold+t.Sold
	s.Error, s.Baking, s.LastWeek = s.Error+t.Error, s.Baking+t.Baking, s.LastWeek+t.LastWeek
	s.Held, s.Width = s.Held+t.Held, s.Width+t.Width
	return s
}

func (s Score) mean() Score {
	if n := float64(s.Days); n > 0 {
		s.Error, s.Baking, s.LastWeek, s.Held, s.Width = s.Error/n, s.Baking/n, s.LastWeek/n, s.Held/n, s.Width/n
	}
	return s
}

// Ratio is the error over that of "the same as this weekday last week"; 0 when that
// one never erred.
func (s Score) Ratio() float64 { return over(s.Error, s.LastWeek) }

// BakingRatio is the same of the number to bake.
func (s Score) BakingRatio() float64 { return over(s.Baking, s.LastWeek) }

func over(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// String is the scores as a table for a terminal, 79 columns wide.
func (s Scores) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "One day ahead, %s to %s. Errors are means of |number - sold| per item and day;\n", s.From, s.To)
	b.WriteString("ratios are to the error of \"the same as this weekday last week\".\n\n")
	fmt.Fprintf(&b, "%-24s%5s%6s %9s%8s%7s%6s%7s%7s\n", "", "days", "sold", "last week", "expect", "ratio", "bake", "ratio", "held")
	for _, r := range append(slices.Clip(s.Items), s.All) {
		fmt.Fprintf(&b, "%-24.23s%5d%6d %9.2f%8.2f%7.2f%6.2f%7.2f%5.0f %%\n",
			r.Name, r.Days, r.Sold, r.LastWeek, r.Error, r.Ratio(), r.Baking, r.BakingRatio(), 100*r.Held)
	}
	return b.String()
}
