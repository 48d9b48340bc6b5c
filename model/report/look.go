package report

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"cafe/model"
	"cafe/model/books"
)

// needsALook says in sentences what the owner should look at, the gravest first.
func needsALook(in *Input, r Report) []string {
	list := []string{}
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if r.Orders == 0 && r.OnTheWay == 0 {
		add("No sales: closed, or is the till down?")
	}
	onTheWay(in, add)
	notClosed(in, add)
	for _, i := range in.Facts.RejectedImports {
		add("Import %s left out %s. For 30 days “%s” fetches them, with reasons; mend that file and import it.",
			i.Name, count(i.Rejected, "row or order", "rows or orders"), i.Fetch)
	}
	if n := in.Facts.DeadLetters; n > 0 {
		add("%s could not be taken in, so totals may be wrong until they are sent again; “cafe redrive -list” says why.", count(n, "change", "changes"))
	}
	if n := in.Facts.DeadUploads; n > 0 {
		add("%s not be imported; “cafe redrive -list” says why.", count(n, "uploaded file could", "uploaded files could"))
	}
	if n := in.Facts.DeadMessages; n > 0 {
		add("%s not be sent; “cafe redrive -list” says why.", count(n, "message could", "messages could"))
	}
	if n := in.Facts.DeadWebhooks; n > 0 {
		add("%s no events any more, since they were refused for days; “cafe redrive -list” says which.", count(n, "webhook endpoint gets", "webhook endpoints get"))
	}
	if n := in.Facts.Drifted; n > 0 {
		add("The totals of %s do not match their orders and payments; reconcile puts them right.", count(n, "customer", "customers"))
	}
	if n := in.Facts.UndeliveredAlerts; n > 0 {
		add("%s not been delivered yet.", count(n, "alert has", "alerts have"))
	}
	for _, address := range in.Facts.Unconfirmed {
		add("%s has not confirmed the e-mail subscription, so nothing reaches it.", address)
	}
	list = append(list, in.Facts.More...)
	if b := in.Before; b != nil && !b.Partial {
		if late := r.Orders + r.Cancelled - b.Orders - b.Cancelled; late > 0 {
			add("%s came in after revision %d was built.", count(late, "order", "orders"), b.Revision)
		}
	}
	return list
}

// onTheWay says what the books do not have yet, and how it will get into a report.
func onTheWay(in *Input, add func(format string, args ...any)) {
	then := "ask for the report again in a few minutes"
	if in.Follows {
		then = "a new revision follows"
	}
	if n := in.OnTheWay; n > 0 {
		add("%s still on the way into the books; %s.", count(n, "order of this day is", "orders of this day are"), then)
	}
	if n := in.DaysOnTheWay; n > 0 {
		add("Orders of %s are still on the way into the books, so comparisons and the bake list may change; %s.", count(n, "earlier day", "earlier days"), then)
	}
}

// notClosed says which days nobody closed, and by how much the drawer was off.
func notClosed(in *Input, add func(format string, args ...any)) {
	const most = 5
	var days []string
	for _, d := range in.NotClosed[:min(len(in.NotClosed), most)] {
		days = append(days, d.Format("Mon 2 Jan"))
	}
	if more := len(in.NotClosed) - most; more > 0 {
		days = append(days, fmt.Sprintf("%d more", more))
	}
	switch len(in.NotClosed) {
	case 0:
	case 1:
		add("%s was not closed.", days[0])
	default:
		add("These days were not closed: %s.", strings.Join(days, ", "))
	}
	for _, c := range []*Closed{in.EarlierClose, in.Close} {
		if c == nil || c.Drawer == nil || *c.Drawer == 0 {
			continue
		}
		off, how := *c.Drawer, "more"
		if off < 0 {
			off, how = -off, "less"
		}
		add("The drawer of %s had %s %s than expected when the day was closed.", c.Day.Format("Mon 2 Jan"), off.Format(in.Currency), how)
	}
}

// changes says what is new since the revision before. Of a partial revision all is new,
// and none of it is news.
func changes(before *Report, r Report) []string {
	list := differences{}
	if before == nil || before.Partial {
		return list
	}
	list.add("Revenue", before.Revenue.Format(r.Currency), r.Revenue.Format(r.Currency))
	list.parts(*before, r)
	list.count("Orders", before.Orders, r.Orders)
	list.count("Cancelled or refunded", before.Cancelled, r.Cancelled)
	list.count("Orders on the way", before.OnTheWay, r.OnTheWay)
	list.count("Earlier days with orders on the way", before.DaysOnTheWay, r.DaysOnTheWay)

	was := map[string]int64{}
	for _, i := range before.Items {
		was[i.SKU] = i.Quantity
	}
	for _, i := range r.Items {
		list.count(i.Name+" sold", was[i.SKU], i.Quantity)
		delete(was, i.SKU)
	}
	for _, i := range before.Items { // in their order, those now gone
		list.count(i.Name+" sold", was[i.SKU], 0)
	}

	baked := map[string]int64{}
	for _, b := range before.Bake {
		baked[b.SKU] = b.Bake
	}
	for _, b := range r.Bake {
		list.count("Bake "+b.Name, baked[b.SKU], b.Bake)
	}
	return list
}

// differences are what changed, in words.
type differences []string

func (d *differences) add(what, was, is string) {
	if was != is {
		*d = append(*d, what+" "+was+" → "+is)
	}
}

func (d *differences) count(what string, was, is int64) {
	d.add(what, strconv.FormatInt(was, 10), strconv.FormatInt(is, 10))
}

// parts says what changed of what the revenue is made of.
func (d *differences) parts(before, r Report) {
	money := func(m model.Money) string { return m.Format(r.Currency) }
	key := func(t books.Tax) [2]string { return [2]string{t.ID, t.Rate} }
	was, is := map[[2]string]string{}, map[[2]string]string{}
	for _, t := range before.Taxes {
		was[key(t)] = money(t.Amount) + " on " + money(t.Net)
	}
	for _, t := range r.Taxes {
		is[key(t)] = money(t.Amount) + " on " + money(t.Net)
		d.add(t.Label(), cmp.Or(was[key(t)], "none"), is[key(t)])
	}
	for _, t := range before.Taxes {
		if is[key(t)] == "" {
			d.add(t.Label(), was[key(t)], "none")
		}
	}
	d.add("Discounts", money(before.Discounts), money(r.Discounts))
	d.add("Charges", money(before.Charges), money(r.Charges))
	d.add("Tips", money(before.Tips), money(r.Tips))
	d.add("Refunds", money(before.Refunds), money(r.Refunds))
	d.add("Payments on tabs", money(before.PaidOnTabs), money(r.PaidOnTabs))
	if len(before.Tenders) == 0 {
		return // made before reports had them
	}
	by := func(tenders []Tender, m model.Method) string {
		for _, t := range tenders {
			if t.Method == m {
				return money(t.Amount)
			}
		}
		return money(0)
	}
	for _, m := range model.Methods {
		d.add("Paid by "+string(m), by(before.Tenders, m), by(r.Tenders, m))
	}
}

func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(n, 10) + " " + many
}
