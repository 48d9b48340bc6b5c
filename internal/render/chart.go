package render

import (
	"math"
	"strconv"
	"strings"

	"cafe/model"
	"cafe/model/report"
)

// unit is a length in an SVG viewBox, of which a phone shows one as about a pixel. It
// prints to a hundredth, so that pages do not differ by how a processor rounds.
type unit float64

func (u unit) String() string {
	return strconv.FormatFloat(math.Round(float64(u)*100)/100, 'f', -1, 64)
}

// The charts' geometry. The page draws; nothing is decided there.
const (
	chartWidth unit = 380
	plotLeft   unit = 50 // room for the scale
	plotTop    unit = 18 // room for a number above the highest column
	plotHeight unit = 150
	plotBottom      = plotTop + plotHeight
)

// columnChart is amounts in time.
type columnChart struct {
	ID, Title, Desc string
	Note            string // below; what the drawing does not say of itself
	When            string // the heading of the table's first column
	Width, Height   unit
	Left, ScaleX    unit // where the plot begins, and where the scale's words end
	Floor, LabelY   unit
	Scale           []line // with the amounts they stand for
	Columns         []column
	Average         *line
}

type line struct {
	Y, LabelY unit
	Label     string
}

type column struct {
	X, Y, W, H, Middle unit
	Label              string // below; empty for some
	Number             string // above; empty for most
	NumberY            unit
	LabelX             unit // of both; the last narrow column's end with the chart
	Anchor             string
	Main               bool // one that the report is about
	Closed             bool

	Name, Orders, Revenue string // its row in the table
}

// draw makes a column of each amount, and returns how high an amount reaches.
func (c *columnChart) draw(w words, amounts []model.Money) (at func(model.Money) unit) {
	var most model.Money
	for _, a := range amounts {
		most = max(most, a)
	}
	step := niceStep(most)
	steps := max(int(math.Ceil(float64(most)/float64(step))), 1)
	top := unit(step) * unit(steps)
	at = func(a model.Money) unit { return plotBottom - unit(max(a, 0))/top*plotHeight }
	for i := range steps + 1 {
		a := step * model.Money(i)
		c.Scale = append(c.Scale, line{Y: at(a), LabelY: at(a) + 4, Label: w.short(a, top >= 10_000_00)})
	}
	slot := (chartWidth - plotLeft) / unit(len(amounts))
	wide := min(slot*0.72, 40)
	for i, a := range amounts {
		x := plotLeft + slot*(unit(i)+0.5)
		c.Columns = append(c.Columns, column{
			X: x - wide/2, W: wide, Y: at(a), H: plotBottom - at(a), Middle: x,
			NumberY: at(a) - 5, LabelX: x, Anchor: "middle", Revenue: w.money(a),
		})
	}
	if last := &c.Columns[len(amounts)-1]; slot < 30 {
		last.LabelX, last.Anchor = chartWidth, "end"
	}
	c.Left, c.ScaleX, c.Floor, c.LabelY = plotLeft, plotLeft-6, plotBottom, plotBottom+16
	c.Width, c.Height = chartWidth, plotBottom+20
	return at
}

// short writes a round amount without its zeros, and in thousands if asked to.
func (w words) short(m model.Money, thousands bool) string {
	if thousands && m > 0 {
		return strings.TrimSuffix(w.money(m/1000), ".00") + "k"
	}
	return strings.TrimSuffix(w.money(m), ".00")
}

// niceStep returns a round amount of which at most six make most.
func niceStep(most model.Money) model.Money {
	for step := model.Money(1); ; step *= 10 {
		for _, s := range []model.Money{step, 2 * step, 5 * step} {
			if s >= most/6+1 || s > math.MaxInt64/100 {
				return s
			}
		}
	}
}

func (w words) hourChart() *columnChart {
	hours := w.everyHour()
	if len(hours) == 0 {
		return nil
	}
	amounts, best := make([]model.Money, len(hours)), 0
	for i, h := range hours {
		if amounts[i] = h.Revenue; h.Revenue > hours[best].Revenue {
			best = i
		}
	}
	first, last := hours[0].Hour, hours[len(hours)-1].Hour
	c := &columnChart{
		ID: "hours", Title: "Revenue by hour", When: "Hour",
		Desc: "Columns from " + clockHour(first) + " to " + clockHour(last+1) + ". The best hour began at " +
			clockHour(hours[best].Hour) + " and brought " + w.money(hours[best].Revenue) + ".",
	}
	c.draw(w, amounts)
	for i, h := range hours {
		col := &c.Columns[i]
		col.Name, col.Orders = clockHour(h.Hour)+"–"+clockHour(h.Hour+1), number(h.Orders)
		if len(hours) <= 14 || i%2 == 0 {
			col.Label = clockHour(h.Hour)[:2]
		}
	}
	c.Columns[best].Main, c.Columns[best].Number = true, w.money(hours[best].Revenue)
	return c
}

// everyHour has the hours between the first and the last order, those without orders
// too: a chart must show the gap.
func (w words) everyHour() (hours []report.Hour) {
	for _, h := range w.Hours {
		for n := len(hours); n > 0 && n < 24 && (hours[n-1].Hour+1)%24 != h.Hour; n++ {
			hours = append(hours, report.Hour{Hour: (hours[n-1].Hour + 1) % 24})
		}
		hours = append(hours, h)
	}
	return hours
}

func clockHour(h int) string {
	h %= 24
	return string([]byte{byte('0' + h/10), byte('0' + h%10)}) + ":00"
}

func (w words) weekChart() *columnChart {
	if len(w.Trend) < 2 {
		return nil
	}
	amounts := make([]model.Money, len(w.Trend))
	for i, t := range w.Trend {
		amounts[i] = t.Revenue
	}
	weekday := w.Day.Weekday()
	c := &columnChart{
		ID: "weeks", Title: "The last four weeks", When: "Day",
		Desc: "A column a day of revenue, this " + weekday.String() + " last.",
		Note: weekday.String() + "s are filled and dated; a cross is a closed day.",
	}
	at := c.draw(w, amounts)
	for i, t := range w.Trend {
		col := &c.Columns[i]
		col.Name, col.Orders, col.Closed = t.Day.Format("Mon 2 Jan"), number(t.Orders), t.Orders == 0
		if t.Day.Weekday() == weekday {
			col.Main, col.Label = true, t.Day.Format("2 Jan")
		}
	}
	if last := &c.Columns[len(c.Columns)-1]; !last.Closed {
		last.Number = w.money(w.Revenue)
		for _, col := range c.Columns[max(len(c.Columns)-6, 0):] {
			last.NumberY = min(last.NumberY, col.Y-5) // clear of those it reaches over
		}
	}
	if l := w.Compared.FourWeeks; l != nil && l.Days > 1 {
		c.Average = &line{Y: at(l.Revenue)}
		c.Note += " The dashed line is the average of the last " + count(int64(l.Days), weekday.String()) + " before this, " + w.money(l.Revenue) + "."
	}
	return c
}

// itemChart is what sold best.
type itemChart struct {
	Width, Height, Left unit
	Rows                []itemRow
	More                string
}

type itemRow struct {
	Y, TextY, W, NumberX unit
	Name, Number         string
}

const (
	itemPitch unit = 24
	itemLeft  unit = 142 // room for names
	itemWidth unit = 130
)

func (w words) itemChart() *itemChart {
	if len(w.Items) == 0 {
		return nil
	}
	c := &itemChart{Width: chartWidth, Left: itemLeft}
	most := unit(max(w.Items[0].Quantity, 1))
	for n, i := range w.Items[:min(len(w.Items), shown)] {
		y := unit(n) * itemPitch
		wide := max(unit(i.Quantity)/most*itemWidth, 1)
		c.Rows = append(c.Rows, itemRow{
			Y: y + 4, TextY: y + 16, W: wide, NumberX: itemLeft + wide + 6,
			Name: cut(oneLine(i.Name), 19, "…"), Number: number(i.Quantity) + " · " + w.money(i.Revenue),
		})
	}
	c.Height = unit(len(c.Rows)) * itemPitch
	if rest := len(w.Items) - shown; rest > 0 {
		c.More = "and " + count(int64(rest), "other item")
	}
	return c
}

// rangeBar is a range on a scale that all rows of a table share.
type rangeBar struct{ Width, X, W, Expected, Sold unit }

const rangeWidth unit = 180

func bar(low, high, expected, sold, most int64) rangeBar {
	at := func(n int64) unit { return 6 + unit(n)/unit(max(most, 1))*(rangeWidth-12) }
	return rangeBar{Width: rangeWidth, X: at(low) - 3, W: at(high) - at(low) + 6, Expected: at(expected), Sold: at(sold)}
}
