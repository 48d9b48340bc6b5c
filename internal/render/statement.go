package render

import (
	"strings"

	"cafe/model"
	"cafe/model/books"
)

// lineNames are the kinds of lines in words.
var lineNames = map[books.LineKind]string{books.LineOrder: "Order", books.LinePayment: "Payment, thank you", books.LineRefund: "Refund"}

// StatementText returns a customer's statement in lines of at most 42 columns that end in \n.
func StatementText(s books.Statement, cafe Cafe) string {
	var b strings.Builder
	beside := func(left string, amount model.Money) {
		right := amount.Format(s.Currency)
		left = cut(oneLine(left), receiptWidth-columns(right)-1, "…")
		b.WriteString(left + strings.Repeat(" ", max(1, receiptWidth-columns(left)-columns(right))) + right + "\n")
	}
	line := func(text string) { b.WriteString(cut(oneLine(text), receiptWidth, "…") + "\n") }
	line(cafe.Name)
	line("Statement for " + who(s))
	line(span(s))
	b.WriteString("\n")
	beside("Balance before", s.Opening)
	var day model.Day
	for _, l := range s.Lines {
		if l.Day != day {
			day = l.Day
			line(day.Format("Mon 2 Jan 2006"))
		}
		beside("  "+lineNames[l.Kind], l.Amount)
	}
	b.WriteString(strings.Repeat("-", receiptWidth) + "\n")
	beside(closing(s), s.Closing)
	return b.String()
}

// StatementPage returns a customer's statement as one page that needs nothing else.
func StatementPage(s books.Statement, cafe Cafe) []byte {
	money := func(m model.Money) markup { return `<td class="n">` + text(m.Format(s.Currency)) + `</td>` }
	row := func(when, what string, amount, balance markup) markup {
		return `
<tr><th scope="row">` + text(when) + `</th><td>` + text(what) + `</td>` + amount + balance + `</tr>`
	}
	return []byte(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>` + text("Statement for "+who(s)+", "+span(s)) + `</title>
<style>
` + style + `</style>
</head>
<body>
<header>
<p class="cafe">` + text(oneLine(cafe.Name)) + `</p>
<h1>` + text("Statement for "+who(s)) + `</h1>
<p class="money"><strong>` + text(s.Closing.Format(s.Currency)) + `</strong> <span>` + text(closing(s)) + `</span></p>
<p class="stamp soft">` + text(span(s)) + `</p>
</header>
<main>
<section aria-labelledby="lines">
<h2 id="lines">What happened</h2>
<table>
<thead><tr><th scope="col">Day</th><th scope="col">What</th><th scope="col" class="n">Amount</th><th scope="col" class="n">Balance</th></tr></thead>
<tbody>` + row(s.From.Format("2 Jan 2006"), "Balance before", `<td></td>`, money(s.Opening)) + each(s.Lines, func(l books.Line) markup {
		return row(l.Day.Format("2 Jan 2006"), lineNames[l.Kind], money(l.Amount), money(l.Balance))
	}) + row(s.To.Format("2 Jan 2006"), closing(s), `<td></td>`, money(s.Closing)) + `
</tbody>
</table>
</section>
</main>
</body>
</html>
`)
}

func who(s books.Statement) string {
	if s.Name != "" {
		return oneLine(s.Name)
	}
	return s.CustomerID
}

func span(s books.Statement) string {
	return s.From.Format("2 January 2006") + " to " + s.To.Format("2 January 2006")
}

func closing(s books.Statement) string {
	if s.Closing < 0 {
		return "Paid ahead"
	}
	return "To pay"
}
