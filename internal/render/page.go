package render

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"

	"cafe/model/report"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// page is what the template shows: words and geometry, no figures to work on.
type page struct {
	Cafe, Title, Day, DayISO, Built, Takings string
	Partial                                  bool
	Revenue, Orders, Average, Cancelled      string // Revenue is empty on a day without sales
	Comparisons                              []comparison
	Look, Changes, SoldOut, Pairs, Off       []string
	ChangedSince                             int

	Next, Basis string
	Bake        []bakeLine

	Verdict  string
	Forecast []forecastLine

	Hours, Weeks *columnChart
	Items        *itemChart
	ItemTable    []itemLine
}

type bakeLine struct {
	Name, Aside, Make, Range, Expected string
	None                               bool // nothing to make
	Bar                                rangeBar
}

type forecastLine struct {
	Mark, Word, Name, Sold, Range, Expected string
	Bar                                     rangeBar
}

type itemLine struct{ Name, Category, Quantity, Revenue string }

// HTML returns the report as one page that needs nothing else. On paper its first
// sheet is the bake list with boxes to fill in.
func HTML(r report.Report, cafe Cafe) ([]byte, error) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, words{r, cafe}.page()); err != nil {
		return nil, fmt.Errorf("show the report of %s: %w", r.Day, err)
	}
	return b.Bytes(), nil
}

func (w words) page() page {
	p := page{
		Cafe: oneLine(w.cafe.Name), Title: w.subject(), Day: w.Day.Format("Monday 2 January 2006"), DayISO: string(w.Day),
		Built: w.built(), Partial: w.Partial, Takings: w.takings(),
		Comparisons: w.comparisons(), Look: w.NeedsALook, Changes: w.Changes, ChangedSince: w.Revision - 1,
		SoldOut: w.ranOut(), Pairs: w.together(), Off: w.offCounter(),
		Next: w.NextOpenDay.Format("Monday 2 January"), Basis: w.basis(), Verdict: w.verdict(),
		Hours: w.hourChart(), Weeks: w.weekChart(), Items: w.itemChart(),
	}
	if w.Orders > 0 {
		p.Revenue, p.Orders, p.Average = w.money(w.Revenue), count(w.Orders, "order"), w.money(w.Average)
	}
	if w.Cancelled > 0 {
		p.Cancelled = number(w.Cancelled) + " cancelled or refunded"
	}
	p.Bake, p.Forecast = w.bakeLines(), w.forecastLines()
	for _, i := range w.Items {
		p.ItemTable = append(p.ItemTable, itemLine{i.Name, i.Category, number(i.Quantity), w.money(i.Revenue)})
	}
	return p
}

func (w words) bakeLines() (lines []bakeLine) {
	var most int64
	for _, b := range w.onCounter() {
		most = max(most, b.High)
	}
	for _, b := range w.onCounter() {
		lines = append(lines, bakeLine{
			Name: b.Name, Aside: w.aside(b), Make: number(b.Bake), None: b.Bake == 0,
			Range: ranged(b.Low, b.High), Expected: number(b.Expected),
			Bar: bar(b.Low, b.High, b.Expected, 0, most),
		})
	}
	return lines
}

func (w words) forecastLines() (lines []forecastLine) {
	var most int64
	for _, f := range w.forecasts() {
		most = max(most, f.High, f.Sold)
	}
	for _, f := range w.forecasts() {
		line := forecastLine{
			Mark: w.mark(f), Name: f.Name, Sold: number(f.Sold), Range: ranged(f.Low, f.High), Expected: number(f.Expected),
			Bar: bar(f.Low, f.High, f.Expected, f.Sold, most),
		}
		switch {
		case f.SoldOut:
			line.Word = "ran out"
		case f.Sold > f.High:
			line.Word = "more than forecast"
		case f.Sold < f.Low && !w.Partial:
			line.Word = "less than forecast"
		}
		lines = append(lines, line)
	}
	return lines
}
