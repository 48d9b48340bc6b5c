package pricing

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cafe/model"
)

// amendable is an order of a Monday at 16:55: two lattes, a cake at happy hour and half
// of another cake's price off by hand, and a tip, eaten in.
func amendable(t *testing.T) (*Tariff, model.Menu, model.Order, Visit) {
	t.Helper()
	tariff, err := New(1, Document{
		Taxes: []Tax{
			{ID: "vat", Name: "VAT", Rate: "20", Inclusive: true, Applies: []Applies{{Class: "standard"}}},
			{ID: "zero", Name: "VAT 0%", Rate: "0", Inclusive: true, Applies: []Applies{{Class: "food"}}},
		},
		Charges: []Charge{{ID: "service", Name: "Service", Percent: "10", Dining: []model.Dining{model.DiningEatIn}}},
		Offers: []Offer{
			{ID: "happy", Name: "Happy hour", Percent: "20", Categories: []string{"cake"}, From: "15:00", To: "17:00"},
			{ID: "evening", Name: "Evening", Percent: "50", SKUs: []string{"tea"}, From: "17:00", To: "22:00"},
			{ID: "welcome", Name: "Welcome", Amount: 100, Code: "WELCOME"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	menu := model.Menu{
		"latte": {SKU: "latte", Category: "coffee", Price: 350, Active: true, Options: []model.Option{{ID: "oat", Price: 40}, {ID: "shot", Price: 60}}},
		"cake":  {SKU: "cake", Category: "cake", Price: 400, TaxClass: "food", Active: true},
		"tea":   {SKU: "tea", Category: "tea", Price: 200, Active: true},
	}
	visit := Visit{Role: model.RoleStaff, At: time.Date(2026, 11, 23, 16, 55, 0, 0, time.UTC)}
	bill, err := tariff.Price(model.Draft{
		Dining: model.DiningEatIn, Tip: 50, Codes: []string{"welcome"},
		Lines:     []model.DraftLine{{SKU: "latte", Quantity: 2, Options: []string{"oat", "shot"}}, {SKU: "cake", Quantity: 1}, {SKU: "cake", Quantity: 1, Note: "broken"}},
		Discounts: []model.DraftDiscount{percentOff("50", 2)},
	}, menu, visit)
	if err != nil {
		t.Fatal(err)
	}
	var order model.Order
	bill.Onto(&order)
	visit.At = visit.At.Add(10 * time.Minute)
	for sku, item := range menu { // all has become dearer meanwhile
		item.Price += 100
		menu[sku] = item
	}
	return tariff, menu, order, visit
}

// said writes a bill: lines with total, discount and taxes; discounts; charges; total.
func said(b Bill) string {
	var s strings.Builder
	for _, l := range b.Lines {
		fmt.Fprintf(&s, "%d×%s %d-%d", l.Quantity, l.SKU, l.Total, l.Discount)
		for _, x := range l.Taxes {
			fmt.Fprintf(&s, " %s %d", x.ID, x.Amount)
		}
		s.WriteString("; ")
	}
	for _, d := range b.Reckoning.Discounts {
		fmt.Fprintf(&s, "%s%v %d; ", d.ID, d.Lines, d.Amount)
	}
	for _, c := range b.Reckoning.Charges {
		fmt.Fprintf(&s, "%s %d; ", c.ID, c.Amount)
	}
	fmt.Fprintf(&s, "tip %d; total %d", b.Reckoning.Tip, b.Total)
	return s.String()
}

func TestAmendedOrderKeepsWhatStays(t *testing.T) {
	tariff, menu, order, visit := amendable(t)
	for _, c := range []struct {
		name  string
		lines []model.DraftLine
		want  string
	}{
		{
			"nothing else, options in another order",
			[]model.DraftLine{{SKU: "latte", Quantity: 2, Options: []string{"shot", "oat"}}, {SKU: "cake", Quantity: 1}, {SKU: "cake", Quantity: 1}},
			"2×latte 900-65 vat 139; 1×cake 400-103 zero 0; 1×cake 400-252 zero 0; happy[1 2] 160; [2] 160; welcome[] 100; service 128; tip 50; total 1458",
		},
		{
			"more of a line that stays is at its price",
			[]model.DraftLine{{SKU: "cake", Quantity: 3}},
			"3×cake 1200-340 zero 0; happy[0] 240; welcome[] 100; service 86; tip 50; total 996",
		},
		{
			"the broken cake goes, and its discount",
			[]model.DraftLine{{SKU: "latte", Quantity: 2, Options: []string{"oat", "shot"}}, {SKU: "cake", Quantity: 1}},
			"2×latte 900-74 vat 138; 1×cake 400-106 zero 0; happy[1] 80; welcome[] 100; service 112; tip 50; total 1282",
		},
		{
			"new ones are at today's price, after happy hour",
			[]model.DraftLine{{SKU: "cake", Quantity: 1}, {SKU: "cake", Quantity: 1}, {SKU: "cake", Quantity: 1}, {SKU: "tea", Quantity: 1}},
			"1×cake 400-109 zero 0; 1×cake 400-254 zero 0; 1×cake 500-44 zero 0; 1×tea 300-163 vat 23; happy[0 1] 160; evening[3] 150; [1] 160; welcome[] 100; service 103; tip 50; total 1183",
		},
	} {
		bill, err := tariff.Reprice(order, c.lines, menu, visit)
		if err != nil {
			t.Fatal(c.name, err)
		}
		if got := said(bill); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func TestAmendingNamesFaults(t *testing.T) {
	tariff, menu, order, visit := amendable(t)
	_, err := tariff.Reprice(order, []model.DraftLine{{SKU: "cake", Quantity: 1}, {SKU: "pie", Quantity: 1}, {SKU: "latte", Quantity: 1, Options: []string{"soy"}}}, menu, visit)
	faults, _ := err.(model.Invalid)
	if len(faults) != 2 || faults[0].Field != "/lines/1/sku" || faults[1].Field != "/lines/2/options/0" {
		t.Error(err)
	}
	other, err := New(2, tariff.Document())
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []*Tariff{nil, other} {
		if _, err := wrong.Reprice(order, []model.DraftLine{{SKU: "cake", Quantity: 1}}, menu, visit); !errors.Is(err, ErrTariff) {
			t.Error(err)
		}
	}
}

func TestOrderWithoutADocumentIsAmended(t *testing.T) {
	order := model.Order{Lines: []model.Line{{SKU: "tea", Quantity: 1, UnitPrice: 150, Total: 150}}, Total: 150, Reckoning: model.Reckoning{Subtotal: 150}}
	var none *Tariff
	bill, err := none.Reprice(order, []model.DraftLine{{SKU: "tea", Quantity: 2}}, nil, Visit{})
	if err != nil || bill.Total != 300 {
		t.Error(bill, err)
	}
}

// gives lists units of lines: a line's place and a quantity, and so on.
func gives(pairs ...int64) (lines []model.RefundLine) {
	for ; len(pairs) > 0; pairs = pairs[2:] {
		lines = append(lines, model.RefundLine{Line: int(pairs[0]), Quantity: pairs[1]})
	}
	return lines
}

// TestReturnOfOthers gives back what others give back.
func TestReturnOfOthers(t *testing.T) {
	for _, c := range []struct {
		source          string
		give            []model.RefundLine
		total, discount model.Money
		tax             model.Money
	}{
		{"ACP, orders/refunded-order.json", gives(0, 1), 32516, 0, 2616}, // 325.16, of which 26.16 tax
		{"medusa 15885", gives(0, 1), 9900, 1000, 900},                   // 99, where it gave back 97.9
	} {
		for _, e := range examples {
			if !strings.HasPrefix(e.source, c.source) {
				continue
			}
			var order model.Order
			e.price(t).Onto(&order)
			back, err := Return(order, nil, c.give)
			if err != nil || back.Total != c.total || back.Lines[0].Discount != c.discount || back.Taxes[0].Amount != c.tax {
				t.Errorf("%s: %+v, %v; want %d", c.source, back, err, c.total)
			}
		}
	}
}

func TestReturnOfTooMuchIsNamed(t *testing.T) {
	order := model.Order{Lines: []model.Line{{Quantity: 2, UnitPrice: 5, Total: 10}, {Quantity: 1, Total: -3}}}
	for _, c := range []struct {
		gone []int64
		give []model.RefundLine
		want string
	}{
		{nil, gives(2, 1), "/lines/0/line"}, {nil, gives(-1, 1), "/lines/0/line"}, {nil, gives(1, 1), "/lines/0/line"},
		{nil, gives(0, 3), "/lines/0/quantity"}, {nil, gives(0, 0), "/lines/0/quantity"}, {[]int64{2}, gives(0, 1), "/lines/0/quantity"},
		{[]int64{1}, gives(0, 1, 0, 1), "/lines/1/quantity"},
	} {
		_, err := Return(order, c.gone, c.give)
		if faults, _ := err.(model.Invalid); len(faults) != 1 || faults[0].Field != c.want {
			t.Errorf("%v after %v: %v, want %s", c.give, c.gone, err, c.want)
		}
	}
}
