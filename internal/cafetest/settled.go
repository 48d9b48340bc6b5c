package cafetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pgregory.net/rapid"

	"cafe/internal/table"
)

// contributions returns what a stored order should have in the ledger, by business day: that
// of its own day, and one for each other day on which something was paid or given back. It
// goes by the stored attributes alone.
func contributions(t rapid.TB, o table.Item) map[string]*entry {
	own, status, deleted := o.Str("business_day"), o.Str("status"), o.Bool("deleted")
	payments, refunds := members(o, "payments"), members(o, "refunds")
	stands := !deleted && (status != "cancelled" && status != "refunded" || status == "refunded" && len(refunds) > 0)
	days := map[string]*entry{}
	of := func(day string) *entry {
		if day == "" {
			day = own
		}
		if days[day] == nil {
			days[day] = &entry{customer: o.Str("customer_id"), posting: o.Int("posting"), noSale: day != own, tenders: tenders{}}
		}
		return days[day]
	}
	e := of(own)
	if stands {
		e.money, e.counts = moneyOf(t, o), true
		e.revenue = o.Int("total") - e.tip
		if o.Str("payment") == "account" {
			e.tab = o.Int("total")
		}
	}
	for _, p := range payments {
		e := of(p.Str("day"))
		if deleted {
			continue
		}
		if stands {
			e.tip += p.Int("tip")
		}
		e.tenders.add(p.Str("method"), p.Int("amount")+p.Int("tip")+p.Int("rounding"), 1)
		e.tenders.add("rounding", -p.Int("rounding"), 0)
	}
	for _, r := range refunds {
		e := of(r.Str("day"))
		if deleted {
			continue
		}
		if stands {
			e.revenue -= r.Int("amount")
			e.tip -= r.Int("tip")
			if o.Str("payment") == "account" {
				e.tab -= r.Int("amount") + r.Int("tip")
			}
			e.takeOff(r, o)
			e.refunds++
		}
		e.tenders.add(r.Str("method"), -r.Int("amount")-r.Int("tip")-r.Int("rounding"), 0)
		e.tenders.add("rounding", r.Int("rounding"), 0)
	}
	rest := map[string]string{"account": "account", "counter": "unsaid", "open": "unpaid"}[o.Str("payment")]
	for _, e := range days {
		lacking := e.revenue + e.tip - e.tenders.sum()
		count := int64(0)
		if e.counts {
			count = 1
		}
		if lacking != 0 {
			e.tenders.add(rest, lacking, count)
		}
	}
	return days
}

// takeOff takes the net and the taxes of a refund off the entry.
func (e *entry) takeOff(refund, order table.Item) {
	e.net -= refund.Int("amount")
	for words := strings.Fields(refund.Str("taxes")); len(words) >= 3; words = words[3:] {
		net, amount := parse(words[1]), parse(words[2])
		e.net += amount
		found := false
		for i, line := range e.taxes {
			if has := strings.Fields(line); has[0] == words[0] {
				e.taxes[i] = fmt.Sprintf("%s %d %d", words[0], parse(has[1])-net, parse(has[2])-amount)
				found = true
			}
		}
		if !found {
			e.taxes = append(e.taxes, fmt.Sprintf("%s %d %d", words[0], -net, -amount))
			slices.Sort(e.taxes)
			e.pricing = pricingVersion(order)
		}
	}
}

func pricingVersion(order table.Item) int64 {
	var kept struct{ V int64 }
	_ = json.Unmarshal([]byte(order.Str("pricing")), &kept)
	return kept.V
}

func parse(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// members returns a list of maps of an item.
func members(i table.Item, name string) (list []table.Item) {
	values, _ := i[name].List()
	for _, v := range values {
		m, _ := v.Map()
		list = append(list, m)
	}
	return list
}

// tenders are amounts and counts by method.
type tenders map[string][2]int64

func (t tenders) add(method string, amount, count int64) {
	t[method] = [2]int64{t[method][0] + amount, t[method][1] + count}
}

func (t tenders) sum() (sum int64) {
	for _, x := range t {
		sum += x[0]
	}
	return sum
}

func (t tenders) String() string {
	var list []string
	for method, x := range t {
		if x != [2]int64{} {
			list = append(list, fmt.Sprintf("%s %d %d", method, x[0], x[1]))
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// postedTenders returns what a stored ledger entry says of tenders. It says nothing of plain
// ones: all on the tab, or at the counter; or paid onto a tab by cash.
func postedTenders(key string, i table.Item) string {
	if text := i.Str("tenders"); text != "" {
		return text
	}
	t := tenders{}
	switch status := i.Str("status"); {
	case strings.HasPrefix(key, "P#"):
		t.add("account", i.Int("tab"), 0)
		t.add("cash", -i.Int("tab"), 1)
	default:
		method, count := "unsaid", int64(1)
		if i.Int("tab") != 0 {
			method = "account"
		}
		if i.Bool("no_sale") || i.Bool("deleted") || status == "cancelled" || status == "refunded" {
			count = 0
		}
		if sum := i.Int("revenue") + i.Int("tip"); sum != 0 {
			t.add(method, sum, count)
		}
	}
	return t.String()
}
