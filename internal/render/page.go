package render

import (
	_ "embed"
	"strconv"
	"strings"

	"cafe/model/report"
)

//go:embed page.css
var style markup

// HTML returns the report as one page that needs nothing else. On paper its first
// sheet is the bake list with boxes to fill in. No report is refused: the error is nil.
func HTML(r report.Report, cafe Cafe) ([]byte, error) {
	return []byte(words{r, cafe}.page()), nil
}

// page is the page, and what follows its parts from top to bottom. A part begins with
// the line break before it, so that one that is not shown leaves no gap.
func (w words) page() markup {
	return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>` + text(w.subject()) + `</title>
<style>
` + style + `</style>
</head>
<body>` + w.header() + `
<main>` + w.bakeSection() + `
<p class="second">` + text(w.fullDay()) + w.soFar() + `: ` + text(w.takings()) + `</p>
<div class="side">` +
		points(`<section class="look" aria-labelledby="look">
<h2 id="look">Needs a look</h2>`, w.NeedsALook) +
		points(`<section aria-labelledby="changes">
<h2 id="changes">Changed since revision `+text(strconv.Itoa(w.Revision-1))+`</h2>`, w.Changes) +
		points(`<section aria-labelledby="out">
<h2 id="out">Sold out</h2>`, w.ranOut()) +
		partSection("parts", "The money in parts", w.parts()) +
		partSection("paid", "How it was paid", w.tenders()) +
		points(`<section aria-labelledby="back">
<h2 id="back">Given back and cancelled</h2>`, w.reversals()) +
		points(`<section aria-labelledby="books">
<h2 id="books">The books</h2>`, w.closed()) +
		w.hourChart().section() +
		w.weekChart().section() +
		points(`<section aria-labelledby="pairs">
<h2 id="pairs">Bought together</h2>`, w.together()) +
		w.itemSection() + `
</div>` + w.forecastSection() + `
</main>
</body>
</html>
`
}

func (w words) fullDay() string { return w.Day.Format("Monday 2 January 2006") }

func (w words) soFar() markup { return when(w.Partial, `, so far`) }

func (w words) header() markup {
	var money markup = `<strong>No sales</strong>`
	if w.Orders > 0 {
		money = `<strong>` + text(w.money(w.Revenue)) + `</strong> ` +
			`<span>` + text(count(w.Orders, "order")) + `</span> <span>` + text(w.money(w.Average)) + ` each</span>`
	}
	var cancelled markup
	if w.Cancelled > 0 {
		cancelled = text(number(w.Cancelled)) + ` cancelled or refunded · `
	}
	return `
<header>
<p class="cafe">` + text(oneLine(w.cafe.Name)) + `</p>
<h1><time` + attr("datetime", string(w.Day)) + `>` + text(w.fullDay()) + `</time>` + w.soFar() + `</h1>
<p class="money">` + money + `</p>` + w.than() + `
<p class="stamp soft">` + cancelled + text(w.built()) + `</p>
</header>`
}

// than is the day beside others.
func (w words) than() markup {
	list := w.comparisons()
	if len(list) == 0 {
		return ""
	}
	return `
<ul class="than">` + each(list, func(c comparison) markup {
		return `
<li>` + when(c.Mark != "", `<b>`+text(c.Mark)+`</b> `) + text(c.Text) + `</li>`
	}) + `
</ul>`
}

func (w words) bakeSection() markup {
	list := w.onCounter()
	var most int64
	for _, b := range list {
		most = max(most, b.High)
	}
	what := `
<p>` + text(w.basis()) + `</p>`
	if len(list) > 0 {
		what = `
<table>
<caption>The range should hold 8 days of 10; its line is what to expect. How many to make weighs a lost sale against one left over. ` + text(w.basis()) + `</caption>
<thead><tr><th scope="col">Item</th><th scope="col" class="n">Make</th><th scope="col">Range</th><th scope="col" class="box">Baked</th><th scope="col" class="box">Left over</th></tr></thead>
<tbody>` + each(list, func(b report.Bake) markup { return w.bakeRow(b, most) }) + `
</tbody>
</table>` + w.recentTable()
	}
	return `
<section class="bake" aria-labelledby="bake">
<h2 id="bake">Bake for ` + text(w.NextOpenDay.Format("Monday 2 January")) + `</h2>` + what + each(w.offCounter(), note) + `
</section>`
}

// recentTable is how each item's forecast did in the last four weeks, if that is known.
func (w words) recentTable() markup {
	rows := each(w.Bake, func(b report.Bake) markup {
		r := b.Recent
		if r == nil || b.High == 0 {
			return ""
		}
		cell := func(s string) markup { return `<td class="n">` + text(s) + `</td>` }
		return `
<tr><th scope="row">` + text(b.Name) + `</th>` + cell(strconv.FormatFloat(r.Error, 'f', 1, 64)) + cell(strconv.Itoa(r.Held)+" of "+strconv.Itoa(r.Days)) +
			cell(number(r.Wasted)) + cell(number(r.Lost)) + `</tr>`
	})
	if rows == "" {
		return ""
	}
	return `
<details>
<summary>The last four weeks, item by item</summary>
<table>
<thead><tr><th scope="col">Item</th><th scope="col" class="n">Off by</th><th scope="col" class="n">Held</th><th scope="col" class="n">Left over</th><th scope="col" class="n">Lost</th></tr></thead>
<tbody>` + rows + `
</tbody>
</table>
</details>`
}

func (w words) bakeRow(b report.Bake, most int64) markup {
	span, expected := ranged(b.Low, b.High), number(b.Expected)
	drawn := bar(b.Low, b.High, b.Expected, 0, most).svg(b.Name+": "+span+", "+expected+" expected", false)
	return `
<tr` + when(b.Bake == 0, ` class="none"`) + `>` +
		`<th scope="row">` + text(b.Name) + small(w.aside(b)) + `</th>` +
		`<td class="make">` + text(number(b.Bake)) + `</td>` +
		`<td class="range">` + drawn + `<span>` + text(span) + `<span class="expect">, ` + text(expected+"\u00a0expected") + `</span></span></td>` +
		`<td class="box"></td><td class="box"></td></tr>`
}

// svg draws the range as a bar, with what was expected as a tick in it and, if asked to,
// what was sold as a diamond. A pointer that rests on it shows the title; screen readers
// pass it over, since the figures are beside it.
func (b rangeBar) svg(title string, withSold bool) markup {
	return `<svg` + viewBox(b.Width, 16) + ` aria-hidden="true"><title>` + text(title) + `</title>` +
		`<line class="grid" x1="0" y1="8"` + num("x2", b.Width) + ` y2="8"/>` +
		`<rect class="held"` + num("x", b.X) + ` y="3"` + num("width", b.W) + ` height="10" rx="5"/>` +
		`<rect class="tick"` + num("x", b.Expected) + ` y="0" width="3" height="16" rx="1.5" transform="translate(-1.5)"/>` +
		when(withSold, `<path class="sold" d="M0-7 7 0 0 7-7 0z"`+attr("transform", "translate("+b.Sold.String()+" 8)")+`/>`) +
		`</svg>`
}

// points is a section with a list, if there is anything in it.
func points(opening markup, list []string) markup {
	if len(list) == 0 {
		return ""
	}
	return `
` + opening + `
<ul>` + each(list, func(s string) markup {
		return `
<li>` + text(s) + `</li>`
	}) + `
</ul>
</section>`
}

// partSection has parts of the day's money as a table.
func partSection(id, title markup, list []part) markup {
	if len(list) == 0 {
		return ""
	}
	return `
<section aria-labelledby="` + id + `">
<h2 id="` + id + `">` + title + `</h2>
<table>
<thead><tr><th scope="col">Part</th><th scope="col" class="n">Amount</th></tr></thead>
<tbody>` + each(list, func(p part) markup {
		return `
<tr><th scope="row">` + text(p.Name) + small(p.Beside) + `</th><td class="n">` + text(p.Amount) + `</td></tr>`
	}) + `
</tbody>
</table>
</section>`
}

func (c *columnChart) section() markup {
	if c == nil {
		return ""
	}
	return `
<section` + attr("aria-labelledby", c.ID) + `>
<h2` + attr("id", c.ID) + `>` + text(c.Title) + `</h2>
<svg class="chart" role="img"` + viewBox(c.Width, c.Height) + attr("aria-labelledby", c.ID+"-title "+c.ID+"-desc") + `>
<title` + attr("id", c.ID+"-title") + `>` + text(c.Title) + `</title>
<desc` + attr("id", c.ID+"-desc") + `>` + text(c.Desc) + `</desc>` +
		each(c.Scale, c.scaleLine) + each(c.Columns, c.column) + c.averageLine() + each(c.Columns, column.number) + `
</svg>` + note(c.Note) + `
<details>
<summary>` + text(c.Title) + ` in figures</summary>
<table>
<thead><tr><th scope="col">` + text(c.When) + `</th><th scope="col" class="n">Orders</th><th scope="col" class="n">Revenue</th></tr></thead>
<tbody>` + each(c.Columns, func(col column) markup {
		return `
<tr><th scope="row">` + text(col.Name) + `</th><td class="n">` + text(col.Orders) + `</td><td class="n">` + text(col.Revenue) + `</td></tr>`
	}) + `
</tbody>
</table>
</details>
</section>`
}

func (c *columnChart) scaleLine(l line) markup {
	return `
<line class="grid"` + num("x1", c.Left) + num("y1", l.Y) + num("x2", c.Width) + num("y2", l.Y) + `/>` +
		`<text class="soft"` + num("x", c.ScaleX) + num("y", l.LabelY) + ` text-anchor="end">` + text(l.Label) + `</text>`
}

func (c *columnChart) averageLine() markup {
	if c.Average == nil {
		return ""
	}
	return `
<line class="average"` + num("x1", c.Left) + num("y1", c.Average.Y) + num("x2", c.Width) + num("y2", c.Average.Y) + `/>`
}

func (c *columnChart) column(col column) markup {
	drawn := `<rect class="bar` + when(col.Main, ` main`) + `"` + num("x", col.X) + num("y", col.Y) + num("width", col.W) + num("height", col.H) + ` rx="2"/>`
	if col.Closed {
		drawn = `<path class="cross" d="M-3-9 3-3M3-9-3-3"` + attr("transform", "translate("+col.Middle.String()+" "+c.Floor.String()+")") + `/>`
	}
	return `
` + drawn + when(col.Label != "", `<text class="soft"`+num("x", col.LabelX)+num("y", c.LabelY)+attr("text-anchor", col.Anchor)+`>`+text(col.Label)+`</text>`)
}

func (c column) number() markup {
	return when(c.Number != "", `
<text`+num("x", c.LabelX)+num("y", c.NumberY)+attr("text-anchor", c.Anchor)+`>`+text(c.Number)+`</text>`)
}

func (w words) itemSection() markup {
	c := w.itemChart()
	if c == nil {
		return ""
	}
	var described []string
	for _, r := range c.Rows {
		described = append(described, r.Name+" "+r.Number)
	}
	return `
<section aria-labelledby="items">
<h2 id="items">Best sellers</h2>
<svg class="chart" role="img"` + viewBox(c.Width, c.Height) + ` aria-labelledby="items-title items-desc">
<title id="items-title">Best sellers by units</title>
<desc id="items-desc">A bar an item, longest first: ` + text(strings.Join(described, "; ")) + `.</desc>` + each(c.Rows, func(r itemRow) markup {
		return `
<text x="0"` + num("y", r.TextY) + `>` + text(r.Name) + `</text>` +
			`<rect class="bar"` + num("x", c.Left) + num("y", r.Y) + num("width", r.W) + ` height="16" rx="3"/>` +
			`<text class="soft"` + num("x", r.NumberX) + num("y", r.TextY) + `>` + text(r.Number) + `</text>`
	}) + `
</svg>` + note(c.More) + `
<details>
<summary>All items in figures</summary>
<table>
<thead><tr><th scope="col">Item</th><th scope="col">Category</th><th scope="col" class="n">Sold</th><th scope="col" class="n">Revenue</th></tr></thead>
<tbody>` + each(w.Items, func(i report.Item) markup {
		return `
<tr><th scope="row">` + text(i.Name) + `</th><td>` + text(i.Category) + `</td><td class="n">` + text(number(i.Quantity)) + `</td><td class="n">` + text(w.money(i.Revenue)) + `</td></tr>`
	}) + `
</tbody>
</table>
</details>
</section>`
}

func (w words) forecastSection() markup {
	list := w.forecasts()
	if len(list) == 0 {
		return ""
	}
	var most int64
	for _, f := range list {
		most = max(most, f.High, f.Sold)
	}
	return `
<section class="did" aria-labelledby="did">
<h2 id="did">How the forecast did</h2>
<table>
<caption>` + text(w.verdict()) + ` The bar is the range, the line in it what was expected, the diamond what sold.</caption>
<thead><tr><th scope="col">Item</th><th scope="col" class="n">Sold</th><th scope="col">Forecast</th></tr></thead>
<tbody>` + each(list, func(f report.Forecast) markup { return w.forecastRow(f, most) }) + `
</tbody>
</table>
</section>`
}

func (w words) forecastRow(f report.Forecast, most int64) markup {
	forecast := ranged(f.Low, f.High) + ", " + number(f.Expected) + " expected"
	drawn := bar(f.Low, f.High, f.Expected, f.Sold, most).svg(f.Name+": "+number(f.Sold)+" sold; "+forecast, true)
	var missed string
	switch {
	case f.SoldOut:
		missed = "ran out"
	case f.Sold > f.High:
		missed = "more than forecast"
	case f.Sold < f.Low && !w.Partial:
		missed = "less than forecast"
	}
	if len(f.By) > 1 {
		missed = strings.TrimPrefix(missed+"; bake "+byWhen(f.By), "; ")
	}
	return `
<tr><th scope="row">` + text(w.mark(f)+"\u00a0"+f.Name) + small(missed) + `</th>` +
		`<td class="n">` + text(number(f.Sold)) + `</td>` +
		`<td class="range">` + drawn + `<span>` + text(forecast) + `</span></td></tr>`
}

func small(s string) markup { return when(s != "", ` <small>`+text(s)+`</small>`) }

func note(s string) markup {
	return when(s != "", `
<p class="soft">`+text(s)+`</p>`)
}

func viewBox(width, height unit) markup {
	return attr("viewBox", "0 0 "+width.String()+" "+height.String())
}
