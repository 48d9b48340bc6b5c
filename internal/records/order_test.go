package records

import (
	"reflect"
	"testing"
	"time"

	"cafe/internal/table"
	"cafe/model"
	"cafe/model/pricing"
)

// sold is an order of three lines under a document with a charge, an offer and two taxes,
// with a discount by hand and a tip; and the document.
func sold(t *testing.T) (model.Order, *pricing.Tariff) {
	t.Helper()
	tariff, err := pricing.New(3, pricing.Document{
		Taxes: []pricing.Tax{
			{ID: "vat", Name: "VAT", Rate: "20", Inclusive: true, Applies: []pricing.Applies{{Class: "standard"}}},
			{ID: "city", Name: "City tax", Rate: "1.5", Applies: []pricing.Applies{{Class: "standard"}, {Class: "cold-food"}}},
		},
		Charges: []pricing.Charge{{ID: "service", Name: "Service", Percent: "12.5"}},
		Offers:  []pricing.Offer{{ID: "happy", Name: "Happy hour", Percent: "20", SKUs: []string{"brownie"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	menu := model.Menu{
		"latte":    {SKU: "latte", Name: "Latte", Price: 350, Active: true, Options: []model.Option{{ID: "oat", Name: "Oat milk", Price: 40}}},
		"brownie":  {SKU: "brownie", Name: "Brownie", Price: 290, Active: true, Counted: true},
		"sandwich": {SKU: "sandwich", Name: "Sandwich", Price: 520, Active: true, TaxClass: "cold-food"},
	}
	at := time.Date(2017, 3, 18, 9, 30, 0, 0, time.UTC)
	bill, err := tariff.Price(model.Draft{
		Lines: []model.DraftLine{{SKU: "latte", Quantity: 1, Options: []string{"oat"}}, {SKU: "brownie", Quantity: 2}, {SKU: "sandwich", Quantity: 1}},
		Tip:   50, Discounts: []model.DraftDiscount{{Name: "Broken cup", Amount: 100, Lines: []int{0}}}, Dining: model.DiningEatIn,
	}, menu, pricing.Visit{Role: model.RoleStaff, At: at})
	if err != nil {
		t.Fatal(err)
	}
	o := model.Order{
		ID: model.DeriveID("order"), CustomerID: "alice", Payment: model.TermsAccount, Status: model.StatusPlaced, Currency: "GBP",
		PlacedAt: at, UpdatedAt: at, BusinessDay: "2017-03-18", Version: 1, Posting: 1, TookStock: true,
	}
	bill.Onto(&o)
	return o, tariff
}

func TestAnOrderReadsAsItWasStored(t *testing.T) {
	placed, tariff := sold(t)
	read, err := DecodeOrder(OrderKey(placed.ID), EncodeOrder(placed))
	if err != nil {
		t.Fatal(err)
	}
	if r := read.Reckoning; r.Net() != placed.Reckoning.Net() || r.Total() != placed.Total || r.Taxes[1].Inclusive {
		t.Errorf("without the document it is %+v, was %+v", r, placed.Reckoning)
	}
	if err := tariff.Name(&read); err != nil || !reflect.DeepEqual(read, placed) {
		t.Errorf("%v\nread   %+v\nplaced %+v", err, read, placed)
	}
}

func TestAnOrderOfBeforeHasItsTotalAsSubtotal(t *testing.T) {
	placed, _ := sold(t)
	item := EncodeOrder(placed)
	delete(item, "pricing")
	item["total"] = table.Int(1490)
	read, err := DecodeOrder(OrderKey(placed.ID), item)
	if err != nil || !reflect.DeepEqual(read.Reckoning, model.Reckoning{Subtotal: 1490}) || read.Dining != "" {
		t.Errorf("%+v, %v", read, err)
	}
}

func TestADamagedRecordIsUnreadable(t *testing.T) {
	placed, _ := sold(t)
	for _, damaged := range []table.Value{table.String("{"), table.String(`{"v":3,"s":[1]}`), table.Int(3)} {
		item := EncodeOrder(placed)
		item["pricing"] = damaged
		if _, err := DecodeOrder(OrderKey(placed.ID), item); !IsUnreadable(err) {
			t.Errorf("%v: %v", damaged, err)
		}
	}
}
