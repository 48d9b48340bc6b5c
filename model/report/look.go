package report

import (
	"fmt"
	"strconv"

	"cafe/model"
)

// needsALook says in sentences what the owner should look at, the gravest first.
func needsALook(in Input, r Report) []string {
	list := []string{}
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if r.Orders == 0 {
		add("No sales: closed, or is the till down?")
	}
	for _, i := range in.Facts.RejectedImports {
		add("Import %s left out %s; its rejects file says why. Mend that and upload it again.", i.Name, count(i.Rejected, "row or order", "rows or orders"))
	}
	if n := in.Facts.DeadLetters; n > 0 {
		add("%s could not be taken in, so totals may be wrong until the dead letters are sent again.", count(n, "change", "changes"))
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

// changes says what is new since the revision before. Of a partial one all is, and
// none of it news.
func changes(before *Report, r Report) []string {
	list := []string{}
	if before == nil || before.Partial {
		return list
	}
	add := func(what, was, is string) {
		if was != is {
			list = append(list, what+" "+was+" → "+is)
		}
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	money := func(m model.Money) string { return m.Format(r.Currency) }
	add("Revenue", money(before.Revenue), money(r.Revenue))
	add("Orders", number(before.Orders), number(r.Orders))
	add("Cancelled or refunded", number(before.Cancelled), number(r.Cancelled))

	was := map[string]int64{}
	for _, i := range before.Items {
		was[i.SKU] = i.Quantity
	}
	for _, i := range r.Items {
		add(i.Name+" sold", number(was[i.SKU]), number(i.Quantity))
		delete(was, i.SKU)
	}
	for _, i := range before.Items { // in their order, those now gone
		add(i.Name+" sold", number(was[i.SKU]), "0")
	}

	baked := map[string]int64{}
	for _, b := range before.Bake {
		baked[b.SKU] = b.Bake
	}
	for _, b := range r.Bake {
		add("Bake "+b.Name, number(baked[b.SKU]), number(b.Bake))
	}
	return list
}

func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(n, 10) + " " + many
}
