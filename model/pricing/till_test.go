package pricing

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"cafe/model"
)

func TestImportedOrderIsAsTheTillHasIt(t *testing.T) {
	lines := func() []model.Line {
		return []model.Line{{SKU: "latte", Quantity: 2, UnitPrice: 350, Total: 700}, {SKU: "cake", Quantity: 1, UnitPrice: 400, Total: 400}, {SKU: "tea", Quantity: -1, UnitPrice: 200, Total: -200}}
	}
	said := []TillLine{{Tax: 105, Discount: 70}, {}, {Tax: -33}}
	for _, c := range []struct {
		name                string
		inclusive           bool
		total, net, revenue model.Money
		taxNet              model.Money
	}{
		{"taxes in the amounts", true, 880, 758, 630, 358},
		{"taxes on top", false, 952, 830, 735, 430},
	} {
		bill, err := Imported(lines(), said, 50, c.inclusive)
		if err != nil {
			t.Fatal(err)
		}
		r := bill.Reckoning
		if bill.Total != c.total || r.Total() != c.total || r.Net() != c.net || r.Revenue(bill.Lines[0]) != c.revenue ||
			r.Discount() != 70 || !slices.Equal(r.Discounts[0].Lines, []int{0}) || r.Taxes[0].Amount != 72 || r.Taxes[0].Net != c.taxNet {
			t.Errorf("%s: %+v, net %d, revenue %d", c.name, bill, r.Net(), r.Revenue(bill.Lines[0]))
		}
		var order model.Order
		bill.Onto(&order)
		text := NewRecord(order).Text()
		record, err := ParseRecord(text)
		if err != nil {
			t.Fatal(err)
		}
		restored := model.Order{Lines: lines(), Total: order.Total}
		if err := record.Restore(&restored); err != nil || !reflect.DeepEqual(restored, order) {
			t.Errorf("%s: %v\nrestored %+v\nimported %+v", text, err, restored, order)
		}
	}
}

func TestImportedOrderOfNothingElseIsItsLines(t *testing.T) {
	lines := []model.Line{{Total: 5}, {Total: 7}}
	bill, err := Imported(lines, make([]TillLine, 2), 0, true)
	if err != nil || bill.Total != 12 || !reflect.DeepEqual(bill.Reckoning, model.Reckoning{Subtotal: 12}) {
		t.Errorf("%+v, %v", bill, err)
	}
	_, err = Imported([]model.Line{{Total: math.MaxInt64}, {Total: 1}}, make([]TillLine, 2), 0, true)
	if faults, _ := err.(model.Invalid); len(faults) != 1 || faults[0].Field != "/lines/1" {
		t.Error(err)
	}
}

func TestAmendedImportedOrderHasNoTaxOfTheTill(t *testing.T) {
	bill, err := Imported([]model.Line{{SKU: "tea", Quantity: 2, UnitPrice: 240, Total: 480}}, []TillLine{{Discount: 80, Tax: 67}}, 50, true)
	if err != nil {
		t.Fatal(err)
	}
	var order model.Order
	bill.Onto(&order)
	amended, err := (*Tariff)(nil).Reprice(order, []model.DraftLine{{SKU: "tea", Quantity: 1}}, model.Menu{}, Visit{})
	if r := amended.Reckoning; err != nil || amended.Total != 210 || r.Taxes != nil || r.Discount() != 80 || r.Tip != 50 {
		t.Errorf("%+v, %v", amended, err)
	}
}
