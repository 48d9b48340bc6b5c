package model

import (
	"slices"
	"strings"
	"testing"
)

func TestDraftExtrasNameEveryFault(t *testing.T) {
	lines := []DraftLine{{SKU: "tea", Quantity: 1}, {SKU: "cake", Quantity: 1}}
	given := func(d DraftDiscount) Draft { return Draft{Discounts: []DraftDiscount{d}} }
	for _, c := range []struct {
		draft Draft
		want  string
	}{
		{Draft{}, ""},
		{Draft{Dining: DiningEatIn, Tip: MaxAmount, Codes: []string{"A"}, Quote: "x"}, ""},
		{Draft{Dining: "car"}, "/dining"},
		{Draft{Tip: -1}, "/tip"},
		{Draft{Tip: MaxAmount + 1}, "/tip"},
		{Draft{Codes: make([]string, MaxCodes+1)}, "/codes"},
		{Draft{Quote: strings.Repeat("q", MaxQuoteText+1)}, "/quote"},
		{Draft{Discounts: make([]DraftDiscount, MaxDiscounts+1)}, "/discounts"},
		{given(DraftDiscount{Name: "all", Percent: Whole, Lines: []int{1, 0}}), ""},
		{given(DraftDiscount{Name: "1", Amount: 1}), ""},
		{given(DraftDiscount{Amount: 1}), "/discounts/0/name"},
		{given(DraftDiscount{Name: "x"}), "/discounts/0"},
		{given(DraftDiscount{Name: "x", Percent: 1, Amount: 1}), "/discounts/0"},
		{given(DraftDiscount{Name: "x", Percent: Whole + 1}), "/discounts/0/percent"},
		{given(DraftDiscount{Name: "x", Percent: -1}), "/discounts/0/percent"},
		{given(DraftDiscount{Name: "x", Amount: -1}), "/discounts/0/amount"},
		{given(DraftDiscount{Name: "x", Amount: 1, Lines: []int{}}), "/discounts/0/lines"},
		{given(DraftDiscount{Name: "x", Amount: 1, Lines: []int{0, 2}}), "/discounts/0/lines/1"},
		{given(DraftDiscount{Name: "x", Amount: 1, Lines: []int{-1}}), "/discounts/0/lines/0"},
		{given(DraftDiscount{Name: "x", Amount: 1, Lines: []int{1, 1}}), "/discounts/0/lines/1"},
	} {
		c.draft.Lines = lines
		faults, _ := c.draft.Validate().(Invalid)
		if c.want == "" && len(faults) > 0 || c.want != "" && !slices.ContainsFunc(faults, func(f FieldError) bool { return f.Field == c.want && len(faults) == 1 }) {
			t.Errorf("%v, want one at %q", faults, c.want)
		}
	}
}

func TestReckoningAddsUp(t *testing.T) {
	r := Reckoning{
		Subtotal: 1000, Discounts: []Discount{{Amount: 100}, {Amount: 50}}, Charges: []Charge{{Amount: 85}},
		Taxes: []Tax{{Inclusive: true, Amount: 156}, {Amount: 40}}, Tip: 20,
	}
	if r.Discount() != 150 || r.Charge() != 85 || r.Net() != 779 || r.Total() != 995 {
		t.Errorf("discount %d, charge %d, net %d, total %d", r.Discount(), r.Charge(), r.Net(), r.Total())
	}
}

func TestTaxClassOfAnItemIsAnID(t *testing.T) {
	for class, ok := range map[string]bool{"": true, "cold-food": true, "cold food": false, strings.Repeat("c", 65): false} {
		err := Item{SKU: "tea", Name: "Tea", TaxClass: class}.Validate()
		if faults, _ := err.(Invalid); ok && err != nil || !ok && (len(faults) != 1 || faults[0].Field != "/tax_class") {
			t.Errorf("%q: %v", class, err)
		}
	}
}
