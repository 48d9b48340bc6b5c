// Package render shows a report to people and programs: the plain text that is mailed,
// a page to look at and to print, and JSON. It adds no figures of its own, so all
// three say the same.
//
// The mail is what SNS carries: text only. It is written for a phone, whose letters
// are not all as wide as each other: nothing depends on columns lining up but what
// stands at the start of a line. The page is one file without script or anything from
// elsewhere, so it can be kept, and a Content-Security-Policy of default-src 'none';
// style-src 'unsafe-inline' lets all of it through.
package render

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"

	"cafe/model"
	"cafe/model/report"
)

// Cafe is whose report it is.
type Cafe struct {
	Name string
	Zone *time.Location // in which times are told
}

// JSON returns the report as the contract has it, indented, with a line break at the
// end.
func JSON(r report.Report) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// words puts a report's figures in words that the mail and the page share.
type words struct {
	report.Report
	cafe Cafe
}

func (w words) money(m model.Money) string { return m.Format(w.Currency) }

func (w words) clock(m report.Moment) string { return m.In(w.cafe.Zone).Format("15:04") }

// built says which revision it is and when it was made.
func (w words) built() string {
	at := w.BuiltAt.In(w.cafe.Zone).Format("Mon 2 Jan 2006 at 15:04")
	switch {
	case w.Partial:
		return "So far, " + at
	case w.Revision == 0:
		return "Made on request, " + at
	case w.Revision == 1:
		return "Built " + at
	}
	return "Revision " + strconv.Itoa(w.Revision) + ", built " + at
}

// takings is the day in a sentence.
func (w words) takings() string {
	if w.Orders == 0 {
		return "No sales."
	}
	return w.money(w.Revenue) + " from " + count(w.Orders, "order") + ", " + w.money(w.Average) + " each."
}

// part is a part of the day's money, such as a tax. Beside says what it is of; it may be empty.
type part struct{ Name, Amount, Beside string }

// parts are the parts of the day's money, if it has any besides the revenue.
func (w words) parts() (list []part) {
	if !w.Parts() && w.Refunds == 0 {
		return nil
	}
	if len(w.Taxes) > 0 {
		list = append(list, part{"Without taxes", w.money(w.Net), ""})
	}
	for _, t := range w.Taxes {
		list = append(list, part{t.Label(), w.money(t.Amount), "on " + w.money(t.Net)})
	}
	for _, p := range []struct {
		name   string
		amount model.Money
		beside string
	}{
		{"Charges", w.Charges, "in the revenue"},
		{"Discounts", w.Discounts, "taken off already"},
		{"Tips", w.Tips, "on top of the revenue"},
		{"Refunds", w.Refunds, "taken off already"},
	} {
		if p.amount != 0 {
			list = append(list, part{p.name, w.money(p.amount), p.beside})
		}
	}
	return list
}

// tenderNames are the tenders in words.
var tenderNames = map[model.Method]string{
	model.MethodCash: "Cash", model.MethodCard: "Card", model.MethodVoucher: "Vouchers", model.MethodOther: "Other",
	model.TenderAccount: "On tabs", model.TenderUnsaid: "At the counter", model.TenderUnpaid: "Not paid yet", model.TenderRounding: "Rounding of cash",
}

// tenders are how the money came in, if anybody said, and what is owed on tabs.
func (w words) tenders() (list []part) {
	said := false
	for _, t := range w.Tenders {
		beside := ""
		switch {
		case t.Method == model.TenderUnsaid:
			beside = "nobody said how"
		case t.Method == model.TenderAccount:
			beside = "ordered, less what was paid"
		case t.Count > 0:
			beside = count(t.Count, "payment")
		}
		name := tenderNames[t.Method]
		if name == "" {
			name = string(t.Method)
		}
		said = said || t.Method != model.TenderUnsaid
		list = append(list, part{name, w.money(t.Amount), beside})
	}
	if !said {
		list = nil
	}
	if said && w.PaidOnTabs != 0 {
		list = append(list, part{"Paid on tabs", w.money(w.PaidOnTabs), "in the payments above"})
	}
	if w.Tabs != nil {
		list = append(list, part{"Owed on tabs", w.money(w.Tabs.Owed), "by " + count(w.Tabs.Customers, "customer") + " by now"})
	}
	return list
}

// reversals tells what was given back and what was cancelled, a reason a sentence.
func (w words) reversals() (list []string) {
	because := func(reason, by string) (text string) {
		if reason != "" {
			text += ": " + reason
		}
		if by != "" {
			text += " (" + by + ")"
		}
		return text + "."
	}
	for _, r := range w.RefundsByReason {
		list = append(list, w.money(r.Amount)+" given back, "+count(r.Refunds, "refund")+because(r.Reason, r.By))
	}
	for _, c := range w.CancelledOrders {
		if c.Amount != 0 || c.Reason != "" {
			list = append(list, count(c.Orders, "order")+" of "+w.money(c.Amount)+" cancelled"+because(c.Reason, c.By))
		}
	}
	return list
}

// closed tells how days were closed, a day a sentence.
func (w words) closed() (list []string) {
	for _, c := range []*report.Closed{w.Close, w.EarlierClose} {
		if c == nil {
			continue
		}
		text := c.Day.Format("Mon 2 Jan") + " was closed, no. " + number(c.Number) + "; "
		switch {
		case c.Drawer == nil:
			text += "the drawer was not counted."
		case *c.Drawer == 0:
			text += "the drawer was right."
		case *c.Drawer > 0:
			text += "the drawer had " + w.money(*c.Drawer) + " too much."
		default:
			text += "the drawer had " + w.money(-*c.Drawer) + " too little."
		}
		list = append(list, text)
	}
	return list
}

// comparison is the day beside others. Mark is ▲, ▼ or =, or empty when there is
// nothing to measure by yet.
type comparison struct{ Mark, Text string }

func (w words) comparisons() []comparison {
	weekday := w.Day.Weekday().String()
	var list []comparison
	add := func(l *report.Level, than string) {
		if l == nil {
			return
		}
		level := w.money(l.Revenue) + ", " + count(l.Orders, "order")
		if w.Partial || w.Orders == 0 || l.Revenue <= 0 {
			list = append(list, comparison{"", upper(than) + " brought " + level + "."})
			return
		}
		mark, text := change(w.Revenue, l.Revenue)
		list = append(list, comparison{mark, text + " " + than + " (" + level + ")."})
	}
	add(w.Compared.LastWeek, "last "+weekday)
	if l := w.Compared.FourWeeks; l != nil && l.Days > 1 {
		open := ""
		if l.Days < 4 {
			open = "open " // of the last four, or not that many are known
		}
		add(l, "the average of the last "+strconv.Itoa(l.Days)+" "+open+weekday+"s")
	}
	return list
}

// change says how a differs from b, which is above 0.
func change(a, b model.Money) (mark, text string) {
	percent := (float64(a) - float64(b)) / float64(b) * 100
	switch rounded := strconv.FormatFloat(max(percent, -percent), 'f', 0, 64); {
	case rounded == "0":
		return "=", "As good as"
	case percent > 0:
		return "▲", rounded + "% more than"
	default:
		return "▼", rounded + "% less than"
	}
}

// ranOut tells what sold out, an item a sentence.
func (w words) ranOut() []string {
	var list []string
	for _, s := range w.SoldOut {
		text := s.Name + " at " + w.clock(s.At)
		if s.Missed > 0 {
			text += "; about " + number(s.Missed) + " more would have sold"
		}
		list = append(list, text+".")
	}
	return list
}

// together tells what was bought together, a pair a sentence.
func (w words) together() []string {
	names := map[string]string{}
	for _, i := range w.Items {
		names[i.SKU] = i.Name
	}
	var list []string
	for _, p := range w.Pairs {
		orders := number(p.Orders) + " of " + count(w.PairOrders, "order") + " in four weeks"
		if w.PairOrders == 0 { // stored before pairs were of four weeks: they are of the day
			orders, p.NameA, p.NameB = count(p.Orders, "order"), names[p.A], names[p.B]
		}
		if p.AtLeast {
			orders = "at least " + orders
		}
		list = append(list, p.NameA+" and "+p.NameB+": "+orders+", "+strconv.FormatFloat(p.Lift, 'f', 1, 64)+" times as many as by chance.")
	}
	return list
}

// onCounter is the bake list without the items that nobody is expected to buy.
func (w words) onCounter() (list []report.Bake) {
	for _, b := range w.Bake {
		if b.High > 0 {
			list = append(list, b)
		}
	}
	return list
}

// offCounter says in sentences what the bake list is silent on.
func (w words) offCounter() (list []string) {
	var gone, never []string
	for _, b := range w.Bake {
		switch {
		case b.High > 0 || b.LastSold >= w.Day:
		case b.LastSold == "":
			never = append(never, b.Name)
		default:
			gone = append(gone, b.Name+", last sold "+b.LastSold.Format("2 Jan")+", about "+number(max(b.WhenOn, 1))+" a day then")
		}
	}
	if len(gone) > 0 {
		list = append(list, "Off the counter: "+strings.Join(gone, "; ")+".")
	}
	if len(never) > 0 && w.KnownDays > 0 {
		list = append(list, "No sale in "+count(int64(w.KnownDays), "known open day")+": "+strings.Join(never, ", ")+".")
	}
	return list
}

// aside is what to know of a line of the bake list besides its numbers; mostly empty.
func (w words) aside(b report.Bake) string {
	var text string
	switch {
	case b.SoldOut:
		text = "; ran out"
	case b.LastSold < w.Day && 2*b.Expected < b.WhenOn:
		text = "; last sold " + b.LastSold.Format("2 Jan") + "; about " + number(b.WhenOn) + " when it is there"
	}
	if b.Waste > 0 {
		text += "; " + number(b.Waste) + " left over"
	}
	if b.Doubt != "" {
		text += "; a guess: " + b.Doubt
	}
	if len(b.By) > 1 {
		text += "; " + byWhen(b.By)
	}
	return strings.TrimPrefix(text, "; ")
}

// byWhen says what must be ready by when.
func byWhen(bakes []report.Ready) string {
	text := "at"
	for i, r := range bakes {
		if i > 0 {
			text += ","
		}
		text += " " + r.At + " " + number(r.Bake)
	}
	return text
}

// lastWeeks says in sentences how the forecast of the items did lately; empty while
// nothing is known.
func (w words) lastWeeks() string {
	var days, held int
	var wasted, lost int64
	for _, b := range w.Bake {
		if r := b.Recent; r != nil {
			days, held, wasted, lost = days+r.Days, held+r.Held, wasted+r.Wasted, lost+r.Lost
		}
	}
	if days == 0 {
		return ""
	}
	text := "In the last four weeks ranges held " + strconv.Itoa((100*held+days/2)/days) + " of 100 times"
	if wasted > 0 {
		text += "; " + number(wasted) + " left over"
	}
	if lost > 0 {
		text += "; about " + number(lost) + " sales lost to empty shelves"
	}
	return text + "."
}

// basis says what the bake list rests on.
func (w words) basis() string {
	var text string
	switch n := w.KnownDays; {
	case n == 0:
		return "No full day of sales is known yet, so there is nothing to go by."
	case n < 14:
		text = "From " + count(int64(n), "open day") + " only: take it with a pinch of salt."
	default:
		text = "From the last " + count(int64(n), "open day") + "."
	}
	if w.Holiday != "" {
		text += " That day is " + w.Holiday + "."
	}
	if lately := w.lastWeeks(); lately != "" {
		text += " " + lately
	}
	return text
}

// forecasts are those worth a line: not what nobody expected and nobody bought.
func (w words) forecasts() (list []report.Forecast) {
	for _, f := range w.YesterdaysForecast {
		if f.Sold > 0 || f.High > 0 {
			list = append(list, f)
		}
	}
	return list
}

// mark is ✓ for a range that held and ✗ for one that did not; a dot while the day may
// yet fill it.
func (w words) mark(f report.Forecast) string {
	switch {
	case f.Sold > f.High:
		return "✗"
	case w.Partial:
		return "•"
	case f.Held():
		return "✓"
	}
	return "✗"
}

// verdict says how many ranges of the last forecast held.
func (w words) verdict() string {
	if w.Partial {
		return "The day is not over; this is so far."
	}
	list, held := w.forecasts(), 0
	for _, f := range list {
		if f.Held() {
			held++
		}
	}
	return number(int64(held)) + " of " + count(int64(len(list)), "item") + " sold within their range."
}

func ranged(low, high int64) string {
	if low == high {
		return number(low)
	}
	return number(low) + "–" + number(high)
}

func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

func count(n int64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return number(n) + " " + thing
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// oneLine makes a name safe for a line of its own.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}
