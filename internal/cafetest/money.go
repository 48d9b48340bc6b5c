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

// money is what an order's stored attributes say its total is made of. It is reckoned here
// by the form of the attributes alone, without package pricing.
type money struct {
	tip, discount, charge, net int64
	pricing                    int64    // version, if there are taxes
	taxes                      []string // id, net and amount, by id
	items                      []string // SKU, quantity and revenue, by SKU
}

// moneyOf returns the parts of a stored order. It wants every sum to be right: lines and
// charges without taxes are the net, and net, taxes and tip are the total.
func moneyOf(t rapid.TB, order table.Item) money {
	t.Helper()
	var kept struct {
		V    int64
		S    []int64
		O, H []struct{ A int64 }
		T    []struct {
			I string
			L []int
			A []int64
			X bool
		}
		P int64
	}
	if text := order.Str("pricing"); text != "" {
		if err := json.Unmarshal([]byte(text), &kept); err != nil {
			t.Fatalf("pricing %s: %v", text, err)
		}
	}
	m := money{tip: kept.P}
	for _, o := range kept.O {
		m.discount += o.A
	}
	lines, _ := order["lines"].List()
	var parts, paid []int64 // of lines and charges: without and with what comes on top
	var subtotal, shares int64
	quantity, revenue := map[string]int64{}, map[string]int64{}
	for i, v := range lines {
		line, _ := v.Map()
		part := line.Int("total")
		subtotal += part
		if kept.S != nil {
			part -= kept.S[i]
			shares += kept.S[i]
		}
		parts = append(parts, part)
	}
	for _, c := range kept.H {
		m.charge += c.A
		parts = append(parts, c.A)
	}
	paid = slices.Clone(parts)
	bare := slices.Clone(parts) // without any tax
	on := func(i int) []int {
		if kept.T[i].L != nil {
			return kept.T[i].L
		}
		all := make([]int, len(parts))
		for p := range all {
			all[p] = p
		}
		return all
	}
	taxes := map[string]int64{}
	for i, tax := range kept.T {
		for n, p := range on(i) {
			if tax.X {
				paid[p] += tax.A[n]
			} else {
				bare[p] -= tax.A[n]
			}
			taxes[tax.I] += tax.A[n]
		}
	}
	total, all := m.tip, m.tip
	for p := range parts {
		total += paid[p]
		m.net += bare[p]
	}
	all += m.net
	for i, tax := range kept.T {
		var net int64
		for _, p := range on(i) {
			net += bare[p]
		}
		m.taxes = append(m.taxes, fmt.Sprintf("%s %d %d", tax.I, net, taxes[tax.I]))
		m.pricing = kept.V
		all += taxes[tax.I]
	}
	slices.Sort(m.taxes)
	if want := order.Int("total"); total != want || all != want || shares != m.discount {
		t.Errorf("an order of %d is %d by its lines, charges and tip, and %d by net, taxes and tip; discounts of %d took %d: %s",
			want, total, all, m.discount, shares, order.Str("pricing"))
	}
	if subtotal-m.discount+m.charge != sum(parts) {
		t.Errorf("subtotal %d, discounts %d, charges %d: parts are %v", subtotal, m.discount, m.charge, parts)
	}
	for i, v := range lines {
		line, _ := v.Map()
		quantity[line.Str("sku")] += line.Int("quantity")
		revenue[line.Str("sku")] += paid[i]
	}
	for sku := range quantity {
		m.items = append(m.items, fmt.Sprintf("%s %d %d", sku, quantity[sku], revenue[sku]))
	}
	slices.Sort(m.items)
	return m
}

func sum(list []int64) (all int64) {
	for _, n := range list {
		all += n
	}
	return all
}

// String says what the ledger should have of it beside revenue and items.
func (m money) String() string {
	return fmt.Sprintf("net %d, pricing %d, taxes %s, discount %d, charge %d, tip %d", m.net, m.pricing, strings.Join(m.taxes, "; "), m.discount, m.charge, m.tip)
}

// postedMoney returns what a stored ledger entry says of the parts.
func postedMoney(i table.Item) money {
	m := money{tip: i.Int("tip"), discount: i.Int("discount"), charge: i.Int("charge"), net: i.Int("revenue"), pricing: i.Int("pricing")}
	for words := strings.Fields(i.Str("taxes")); len(words) >= 3; words = words[3:] {
		m.taxes = append(m.taxes, strings.Join(words[:3], " "))
		tax, _ := strconv.ParseInt(words[2], 10, 64)
		m.net -= tax
	}
	for words := strings.Fields(i.Str("items")); len(words) >= 3; words = words[3:] {
		m.items = append(m.items, strings.Join(words[:3], " "))
	}
	return m
}
