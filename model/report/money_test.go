package report

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"cafe/model"
	"cafe/model/books"
)

// taxed is an entry of so much net, and the taxes on it.
func taxed(id string, pricing int64, net model.Money, taxes ...model.EntryTax) model.Entry {
	e := sale(id, "2017-03-18 09:30", "coffee")
	e.Pricing, e.Net, e.Revenue, e.Taxes = pricing, net, net, taxes
	for _, t := range taxes {
		e.Revenue += t.Amount
	}
	return e
}

func TestTheMoneyOfADayInParts(t *testing.T) {
	charged := taxed("3", 2, 500, model.EntryTax{ID: "vat", Net: 500, Amount: 100})
	charged.Discount, charged.Charge, charged.Tip = 30, 20, 10
	gone := taxed("4", 2, 900, model.EntryTax{ID: "vat", Net: 900, Amount: 180})
	gone.Deleted = true
	r := build(t, Input{
		Entries: []model.Entry{
			taxed("1", 1, 1000, model.EntryTax{ID: "vat", Net: 1000, Amount: 175}),
			taxed("2", 2, 1000, model.EntryTax{ID: "vat", Net: 600, Amount: 120}, model.EntryTax{ID: "zero", Net: 400}),
			charged, gone,
			taxed("5", 0, 200, model.EntryTax{ID: "till", Net: 200, Amount: 40}),
			taxed("6", 9, 300, model.EntryTax{ID: "lost", Net: 300, Amount: 15}),
			sale("7", "2017-03-18 10:30", "coffee"),
		},
		Taxes: map[books.TaxKey]model.Tax{
			{Pricing: 1, ID: "vat"}: {ID: "vat", Name: "VAT", Rate: 175_000}, {Pricing: 2, ID: "vat"}: {ID: "vat", Name: "VAT", Rate: 200_000},
			{Pricing: 2, ID: "zero"}: {ID: "zero", Name: "VAT 0%"}, {Pricing: 0, ID: "till"}: {ID: "till", Name: "Tax"},
		},
	})
	want := []books.Tax{
		{ID: "vat", Name: "VAT", Rate: "20", Net: 1100, Amount: 220}, {ID: "vat", Name: "VAT", Rate: "17.5", Net: 1000, Amount: 175}, {ID: "zero", Name: "VAT 0%", Rate: "0", Net: 400, Amount: 0}, {ID: "till", Name: "Tax", Rate: "", Net: 200, Amount: 40}, {ID: "lost", Name: "lost", Rate: "", Net: 300, Amount: 15},
	}
	if !reflect.DeepEqual(r.Taxes, want) {
		t.Errorf("taxes %+v\nwant  %+v", r.Taxes, want)
	}
	if r.Net != 3280 || r.Revenue != 3730 || r.Discounts != 30 || r.Charges != 20 || r.Tips != 10 {
		t.Errorf("net %d of %d, discounts %d, charges %d, tips %d", r.Net, r.Revenue, r.Discounts, r.Charges, r.Tips)
	}
	var labels []string
	for _, x := range r.Taxes {
		labels = append(labels, x.Label())
	}
	if want := []string{"VAT 20%", "VAT 17.5%", "VAT 0%", "Tax", "lost"}; !reflect.DeepEqual(labels, want) {
		t.Errorf("called %q, want %q", labels, want)
	}
}

func TestPartsOfADayThatDoNotFitAreAnOverflow(t *testing.T) {
	for name, part := range map[string]func(e *model.Entry){
		"tips":       func(e *model.Entry) { e.Tip = math.MaxInt64 },
		"net":        func(e *model.Entry) { e.Net = math.MaxInt64 },
		"net of tax": func(e *model.Entry) { e.Taxes = []model.EntryTax{{ID: "vat", Net: math.MaxInt64}} },
		"tax":        func(e *model.Entry) { e.Taxes = []model.EntryTax{{ID: "vat", Amount: math.MaxInt64}} },
	} {
		one, other := sale("1", "2017-03-18 09:30", "coffee"), sale("2", "2017-03-18 09:31", "coffee")
		part(&one)
		part(&other)
		_, err := Build(Input{Day: saturday, Calendar: calendar, Currency: "GBP", Menu: menu, Entries: []model.Entry{one, other}})
		if !errors.Is(err, model.ErrOverflow) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
