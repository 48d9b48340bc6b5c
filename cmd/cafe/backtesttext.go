package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"

	"cafe/model/forecast/backtest"
)

// backtestText is a result as tables for a terminal, at most 79 columns wide unless the
// figures are huge.
func backtestText(r backtest.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "One day ahead, %s to %s, %d days scored.\n\n", r.From, r.To, r.Days)
	if r.Days == 0 {
		b.WriteString("No day between them was open and has sales a week before to be compared with.\n")
		return b.String()
	}
	b.WriteString(`err is the mean of |expected - sold| per item and day, in units. week, median
and former are err over that of three others: the sales of the same weekday last
week, the middle of the last eight same weekdays, and the forecast of November
2026. cost is that of the number to bake over the former's. held is the share of
days whose sales lay in the range, width the range from end to end.

`)
	b.WriteString(scoreTable("item", append(r.Items[:len(r.Items):len(r.Items)], r.Busy, r.Slow, r.All)))
	b.WriteString("\n")
	b.WriteString(scoreTable("week of", weekRows(r.Weeks)))
	if sure := r.Sure; sure.Known {
		between := func(i backtest.Interval, unit float64, format string) string {
			return fmt.Sprintf(format+" to "+format, unit*i.Low, unit*i.High)
		}
		fmt.Fprintf(&b, "\nIn 90 of 100 redrawn samples of weeks: week %s, median %s,\nformer %s, cost %s, held %s of 100.\n",
			between(sure.ErrorOver[backtest.LastWeek], 1, "%.2f"), between(sure.ErrorOver[backtest.Median], 1, "%.2f"),
			between(sure.ErrorOver[backtest.Former], 1, "%.2f"), between(sure.CostOver[backtest.Former], 1, "%.2f"), between(sure.Held, 100, "%.0f"))
	}
	a := r.All
	fmt.Fprintf(&b, "\nMoney lost at the menu's prices: %.0f%% of what last week's numbers lost, %.0f%% of the\nformer forecast's.\n",
		100*a.MoneyOver(backtest.LastWeek), 100*a.MoneyOver(backtest.Former))
	return b.String()
}

func weekRows(weeks []backtest.Score) []backtest.Score {
	list := make([]backtest.Score, 0, len(weeks))
	for _, w := range weeks {
		w.Name = w.SKU
		list = append(list, w)
	}
	return list
}

func scoreTable(first string, scores []backtest.Score) string {
	rows := [][]string{{first, "days", "sold", "err", "week", "median", "former", "cost", "held", "width"}}
	decimals := func(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) }
	for _, s := range scores {
		if s.Days == 0 {
			continue
		}
		rows = append(rows, []string{
			runewidth.Truncate(oneLine(s.Name), 22, "…"), strconv.Itoa(s.Days), strconv.FormatInt(s.Sold, 10),
			decimals(s.Error[backtest.Ours]), decimals(s.ErrorOver(backtest.LastWeek)), decimals(s.ErrorOver(backtest.Median)),
			decimals(s.ErrorOver(backtest.Former)), decimals(s.CostOver(backtest.Former)),
			strconv.FormatFloat(100*s.Held[backtest.Ours], 'f', 0, 64) + "%", strconv.FormatFloat(s.Width[backtest.Ours], 'f', 1, 64),
		})
	}
	return columns(rows)
}

// columns lines up rows of equal length: the first column to the left, the others to the
// right, each as wide as its widest cell, with a space or more between them.
func columns(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], runewidth.StringWidth(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			fill := strings.Repeat(" ", widths[i]-runewidth.StringWidth(cell))
			switch i {
			case 0:
				b.WriteString(cell + fill)
			default:
				b.WriteString("  " + fill + cell)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// oneLine makes a name safe for a row of its own.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
