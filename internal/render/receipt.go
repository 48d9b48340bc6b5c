package render

import (
	_ "embed"
	"strings"
	"time"

	"cafe/model"
)

// Seller is whose receipt it is.
type Seller struct {
	Cafe
	TaxNumber string // empty: none
}

// receiptWidth is how many columns a receipt has: what a printer of 80 mm paper prints in its
// larger font (Epson's TM-T88 manual: 42 columns in font A).
const receiptWidth = 42

//go:embed receipt.css
var receiptStyle markup

// ReceiptText returns the receipt of an order in lines of at most 42 columns that end in \n.
func ReceiptText(o model.Order, s Seller) string {
	r := newReceipt(o, s)
	var b strings.Builder
	line := func(text string) { b.WriteString(strings.TrimRight(text, " ") + "\n") }
	centred := func(text string) {
		for _, part := range wrapped(text, receiptWidth) {
			line(strings.Repeat(" ", (receiptWidth-columns(part))/2) + part)
		}
	}
	centred(r.seller.Name)
	for _, h := range r.head {
		centred(h)
	}
	if r.state != "" {
		centred("*** " + strings.ToUpper(r.state) + " ***")
	}
	for _, part := range r.parts {
		line(strings.Repeat("-", receiptWidth))
		if part.title != "" {
			line(part.title)
		}
		for _, row := range part.rows {
			indent := ""
			if row.kind == aside {
				indent = "  "
			}
			left := wrapped(row.left, receiptWidth-len(indent)-1-columns(row.right))
			for i, text := range left {
				right := ""
				if i == len(left)-1 && row.right != "" {
					right = strings.Repeat(" ", receiptWidth-len(indent)-columns(text)-columns(row.right)) + row.right
				}
				line(indent + text + right)
			}
		}
	}
	return b.String()
}

// ReceiptHTML returns the receipt of an order as one page that needs nothing else.
func ReceiptHTML(o model.Order, s Seller) []byte {
	r := newReceipt(o, s)
	return []byte(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>` + text("Receipt · "+r.seller.Name) + `</title>
<style>
` + receiptStyle + `</style>
</head>
<body>
<header>
<h1>` + text(r.seller.Name) + `</h1>` + each(r.head, func(h string) markup {
		return `
<p>` + text(h) + `</p>`
	}) + when(r.state != "", `
<p class="state">`+text(r.state)+`</p>`) + `
</header>
<main>` + each(r.parts, func(p receiptPart) markup {
		return `
<table>` + when(p.title != "", `
<caption>`+text(p.title)+`</caption>`) + `
<tbody>` + each(p.rows, func(row receiptRow) markup {
			class := [...]markup{plain: ``, aside: ` class="aside"`, sum: ` class="sum"`}[row.kind]
			return `
<tr` + class + `><th scope="row">` + text(row.left) + `</th><td>` + text(row.right) + `</td></tr>`
		}) + `
</tbody>
</table>`
	}) + `
</main>
</body>
</html>
`)
}

// receipt is what a receipt says, for both forms.
type receipt struct {
	order  model.Order
	seller Seller
	head   []string
	state  string // what became of the order, if it no longer counts
	parts  []receiptPart
}

type receiptPart struct {
	title string
	rows  []receiptRow
}

type receiptRow struct {
	left, right string
	kind        int
}

// Kinds of rows.
const (
	plain = iota
	aside // belongs to the row before
	sum
)

func newReceipt(o model.Order, s Seller) *receipt {
	r := &receipt{order: o, seller: s}
	if r.seller.Name = oneLine(s.Name); s.TaxNumber != "" {
		r.head = append(r.head, "Tax number "+oneLine(s.TaxNumber))
	}
	if o.Number > 0 {
		r.head = append(r.head, "Number "+number(o.Number))
	}
	r.head = append(r.head, "Receipt "+o.ID, r.date(o.PlacedAt))
	switch o.Dining {
	case model.DiningEatIn:
		r.head = append(r.head, "Eaten in")
	case model.DiningTakeaway:
		r.head = append(r.head, "Taken away")
	}
	if !o.Status.Counts() {
		r.state = string(o.Status)
	}
	r.lines()
	r.sums()
	r.taxes()
	r.payments()
	r.refunds()
	return r
}

func (r *receipt) part(title string) {
	r.parts = append(r.parts, receiptPart{title: title})
}

func (r *receipt) row(kind int, left, right string) {
	p := &r.parts[len(r.parts)-1]
	p.rows = append(p.rows, receiptRow{oneLine(left), right, kind})
}

func (r *receipt) amount(m model.Money) string { return m.Major(r.order.Currency) }

func (r *receipt) date(at time.Time) string {
	return at.In(r.seller.Zone).Format("Mon 2 Jan 2006 15:04")
}

func (r *receipt) lines() {
	r.part("")
	for _, l := range r.order.Lines {
		r.row(plain, number(l.Quantity)+" × "+l.Name, r.amount(l.Total))
		if l.Quantity > 1 || len(l.Options) > 0 {
			each := r.amount(l.UnitPrice)
			for _, o := range l.Options {
				each += " + " + o.Name + " " + r.amount(o.Price)
			}
			r.row(aside, each, "")
		}
	}
}

func (r *receipt) sums() {
	k := r.order.Reckoning
	r.part("")
	tips := k.Tip
	for _, p := range r.order.Payments {
		tips += p.Tip
	}
	if len(k.Discounts)+len(k.Charges) > 0 || k.Total() != k.Subtotal && k.Subtotal != 0 {
		r.row(plain, "Subtotal", r.amount(k.Subtotal))
	}
	for _, d := range k.Discounts {
		r.row(plain, d.Name, r.amount(-d.Amount))
	}
	for _, c := range k.Charges {
		r.row(plain, c.Name, r.amount(c.Amount))
	}
	for _, t := range k.Taxes {
		if !t.Inclusive {
			r.row(plain, taxName(t), r.amount(t.Amount))
		}
	}
	if k.Tip != 0 {
		r.row(plain, "Tip", r.amount(k.Tip))
	}
	r.row(sum, "Total "+r.order.Currency, r.amount(r.order.Total))
	if tips != k.Tip {
		r.row(plain, "Tip, on top", r.amount(tips-k.Tip))
	}
}

// taxes lists the taxes with what they are on. The law wants them by rate (EU: Directive
// 2006/112/EC, article 226b: the amount payable, or what it is reckoned from).
func (r *receipt) taxes() {
	if len(r.order.Reckoning.Taxes) == 0 {
		return
	}
	r.part("Taxes in the total")
	for _, t := range r.order.Reckoning.Taxes {
		r.row(plain, taxName(t)+" on "+r.amount(t.Net), r.amount(t.Amount))
	}
}

func taxName(t model.Tax) string { return t.Name + " " + t.Rate.String() + "%" }

// How money changed hands, in words.
var methodNames = map[model.Method]string{
	model.MethodCash: "Cash", model.MethodCard: "Card", model.MethodVoucher: "Voucher", model.MethodOther: "Other",
	model.TenderAccount: "On the tab", model.TenderUnsaid: "At the counter",
}

func (r *receipt) payments() {
	o := r.order
	r.part("Paid")
	for _, p := range o.Payments {
		name := methodNames[p.Method]
		if p.Given > 0 {
			r.row(plain, name+", given", r.amount(p.Given))
			r.row(plain, "Change", r.amount(-p.Change()))
		} else {
			r.row(plain, name, r.amount(p.Amount+p.Rounding))
		}
		if p.Rounding != 0 {
			r.row(aside, "rounded to coins by "+r.amount(p.Rounding), "")
		}
		if p.Tip != 0 {
			r.row(plain, name+", tip", r.amount(p.Tip))
		}
		if p.Reference != "" {
			r.row(aside, p.Reference, "")
		}
	}
	switch rest := o.Payable(); {
	case o.Payment == model.TermsAccount && o.Stands():
		r.row(plain, methodNames[model.TenderAccount], r.amount(o.Total))
	case o.Payment == model.TermsOpen && rest > 0:
		r.row(sum, "To be paid", r.amount(rest))
	case o.Payment == model.TermsCounter && rest > 0:
		r.row(plain, methodNames[model.TenderUnsaid], r.amount(rest))
	}
	if len(r.parts[len(r.parts)-1].rows) == 0 {
		r.parts = r.parts[:len(r.parts)-1]
	}
}

func (r *receipt) refunds() {
	o := r.order
	for _, f := range o.Refunds {
		r.part("Given back " + r.date(f.At))
		for _, l := range f.Lines {
			if l.Line < len(o.Lines) {
				r.row(aside, number(l.Quantity)+" × "+o.Lines[l.Line].Name, "")
			}
		}
		r.row(plain, methodNames[f.Method], r.amount(-f.Total()-f.Rounding))
		if f.Rounding != 0 {
			r.row(aside, "rounded to coins by "+r.amount(f.Rounding), "")
		}
		if f.Tip != 0 {
			r.row(aside, "tip in it: "+r.amount(f.Tip), "")
		}
		for _, t := range f.Taxes {
			r.row(aside, r.taxOf(t.ID)+" in it: "+r.amount(t.Amount)+" on "+r.amount(t.Net), "")
		}
	}
	if len(o.Refunds) > 0 {
		r.part("")
		r.row(sum, "Given back "+o.Currency, r.amount(-o.Refunded()))
	}
}

func (r *receipt) taxOf(id string) string {
	for _, t := range r.order.Reckoning.Taxes {
		if t.ID == id {
			return taxName(t)
		}
	}
	return id
}

// wrapped breaks text into lines of at most so many columns, at spaces if it can. It is one
// line at least.
func wrapped(s string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && columns(line)+1+columns(word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for columns(word) > width {
			head := cut(word, width, "")
			if head == "" { // a character wider than the line
				break
			}
			lines, word = append(lines, head), word[len(head):]
		}
		line = word
	}
	return append(lines, line)
}
