package cafetest

import (
	"context"

	"pgregory.net/rapid"

	"cafe/model"
	"cafe/model/pricing"
)

// VAT returns a pricing document with an inclusive tax of that percentage on all items, and
// no offers or charges. Totals stay what they are without it.
func VAT(rate string) pricing.Document {
	return pricing.Document{Taxes: []pricing.Tax{
		{ID: "vat", Name: "VAT", Rate: rate, Inclusive: true, Applies: []pricing.Applies{{Class: model.StandardClass}}},
	}}
}

// Full returns a pricing document with one of everything: two taxes, of which one depends on
// where the order is eaten, a service charge for eating in, an offer on cakes (Menu's
// desserts) and one for the code STUDENT.
func Full() pricing.Document {
	return pricing.Document{
		Rounding: pricing.HalfUp,
		Taxes: []pricing.Tax{
			{ID: "vat", Name: "VAT", Rate: "20", Inclusive: true, Applies: []pricing.Applies{{Class: model.StandardClass}}},
			{ID: "city", Name: "City tax", Rate: "1.5", Applies: []pricing.Applies{{Class: model.StandardClass, Dining: model.DiningEatIn}}},
		},
		Charges: []pricing.Charge{{ID: "service", Name: "Service", Percent: "12.5", Dining: []model.Dining{model.DiningEatIn}}},
		Offers: []pricing.Offer{
			{ID: "cakes", Name: "Cakes", Percent: "20", Categories: []string{"dessert"}},
			{ID: "student", Name: "Student", Amount: 100, Code: "STUDENT"},
		},
	}
}

// SetPricing makes the document the café's.
func SetPricing(t rapid.TB, c *Cafe, d pricing.Document) *pricing.Tariff {
	t.Helper()
	tariff, _, err := c.SetPricing(context.Background(), d, nil)
	if err != nil {
		t.Fatal("SetPricing:", err)
	}
	return tariff
}

// QuoteKey is what the cafés of tests sign quotes with.
var QuoteKey = []byte("0123456789abcdef")
