package pricing

import (
	"math"
	"math/big"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/model"
)

// priced draws a sale whose codes are good, and its bill.
func priced(t *rapid.T) (sale, *Tariff, Bill) {
	s := anySale.Draw(t, "sale")
	tariff := s.tariff(t)
	bill, err := tariff.Price(s.draft, s.menu, s.visit)
	if err != nil {
		s.draft.Codes = nil
		if bill, err = tariff.Price(s.draft, s.menu, s.visit); err != nil {
			t.Fatal(err)
		}
	}
	return s, tariff, bill
}

func TestPartsSumToWholesAndNoneIsNegative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, _, bill := priced(t)
		r := bill.Reckoning
		positive := func(what string, m model.Money) {
			if m < 0 {
				t.Fatalf("%s is %d", what, m)
			}
		}
		var subtotal, discount model.Money
		tax := map[string]model.Money{}
		add := func(shares []model.TaxShare) {
			for _, s := range shares {
				positive("a share of "+s.ID, s.Amount)
				tax[s.ID] += s.Amount
			}
		}
		for _, l := range bill.Lines {
			subtotal += l.Total
			discount += l.Discount
			positive("a line's discount", l.Discount)
			positive("what is left of a line", l.Total-l.Discount)
			add(l.Taxes)
		}
		for _, c := range r.Charges {
			positive("a charge", c.Amount)
			add(c.Taxes)
		}
		if subtotal != r.Subtotal || discount != r.Discount() {
			t.Fatalf("lines have %d and %d off, the order %d and %d", subtotal, discount, r.Subtotal, r.Discount())
		}
		for _, d := range r.Discounts {
			positive("a discount", d.Amount)
		}
		for _, x := range r.Taxes {
			if tax[x.ID] != x.Amount {
				t.Fatalf("shares of %s are %d of %d", x.ID, tax[x.ID], x.Amount)
			}
		}
		revenue := r.ChargeRevenue() + r.Tip
		for _, l := range bill.Lines {
			revenue += r.Revenue(l)
		}
		if revenue != bill.Total {
			t.Fatalf("lines, charges and tip are %d, the total %d", revenue, bill.Total)
		}
		if r.Total() != bill.Total || bill.Total < r.Tip {
			t.Fatalf("the total is %d, its parts %d", bill.Total, r.Total())
		}
	})
}

// TestTaxIsTheRateOfNetRounded looks at additive taxes, whose net amount is whole where
// no tax is inclusive. TestPythonAgrees looks at all of them.
func TestTaxIsTheRateOfNetRounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySale.Draw(t, "sale")
		s.draft.Codes = nil
		for i := range s.document.Taxes {
			s.document.Taxes[i].Inclusive = false
		}
		bill, err := s.tariff(t).Price(s.draft, s.menu, s.visit)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range bill.Reckoning.Taxes {
			exact := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(int64(x.Net)), big.NewInt(int64(x.Rate))), big.NewInt(int64(model.Whole)))
			off := new(big.Rat).Sub(exact, new(big.Rat).SetInt64(int64(x.Amount)))
			half, one := big.NewRat(1, 2), big.NewRat(1, 1)
			down := s.document.Rounding == Down
			if down && (off.Sign() < 0 || off.Cmp(one) >= 0) || !down && new(big.Rat).Abs(off).Cmp(half) > 0 {
				t.Fatalf("%s is %d of %d, off by %s (%s)", x.ID, x.Amount, x.Net, off.FloatString(3), s.document.Rounding)
			}
		}
	})
}

// TestOrderOfLinesMattersOnlyForTies shuffles lines of one class, with discounts of the
// whole order: all sums stay, and a line's share of a single discount moves by the unit
// that a tie gives to the earlier line.
func TestOrderOfLinesMattersOnlyForTies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySale.Draw(t, "sale")
		s.draft.Codes = nil
		for sku, item := range s.menu {
			item.TaxClass = "food"
			s.menu[sku] = item
		}
		for i := range s.document.Offers {
			s.document.Offers[i].SKUs, s.document.Offers[i].Categories = nil, nil
		}
		for i := range s.draft.Discounts {
			s.draft.Discounts[i].Lines = nil
		}
		tariff := s.tariff(t)
		first, err := tariff.Price(s.draft, s.menu, s.visit)
		if err != nil {
			t.Fatal(err)
		}
		places := make([]int, len(s.draft.Lines))
		for i := range places {
			places[i] = i
		}
		places = rapid.Permutation(places).Draw(t, "shuffled")
		shuffled := make([]model.DraftLine, len(places))
		for to, from := range places {
			shuffled[to] = s.draft.Lines[from]
		}
		s.draft.Lines = shuffled
		second, err := tariff.Price(s.draft, s.menu, s.visit)
		if err != nil {
			t.Fatal(err)
		}
		sums := func(b Bill) any {
			r := b.Reckoning
			for i := range r.Charges {
				r.Charges[i].Taxes = nil
			}
			return []any{r, b.Total}
		}
		for to, from := range places {
			moved := first.Lines[from].Discount - second.Lines[to].Discount
			if len(first.Reckoning.Discounts) < 2 && (moved < -1 || moved > 1) {
				t.Fatalf("line %d has %d off, shuffled %d", from, first.Lines[from].Discount, second.Lines[to].Discount)
			}
		}
		if !reflect.DeepEqual(sums(first), sums(second)) {
			t.Fatalf("%+v\nshuffled: %+v", sums(first), sums(second))
		}
	})
}

func TestWithoutADocumentTheMenuIsThePrice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySale.Draw(t, "sale")
		lines, total, err := s.menu.Price(s.draft.Lines)
		if err != nil {
			t.Fatal(err)
		}
		empty, err := New(1, Document{})
		if err != nil {
			t.Fatal(err)
		}
		for _, tariff := range []*Tariff{nil, empty} {
			bill, err := tariff.Price(model.Draft{Lines: s.draft.Lines}, s.menu, s.visit)
			if err != nil || bill.Total != total || !reflect.DeepEqual(bill.Lines, lines) || bill.Reckoning.Subtotal != total {
				t.Fatalf("%+v, %v; want %d", bill, err, total)
			}
		}
	})
}

func TestAQuoteIsTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, tariff, bill := priced(t)
		text, err := NewQuote(s.draft, bill, "customer/alice", s.visit.At).Sign(quoteKey)
		if err != nil {
			t.Fatal(err)
		}
		q, err := ReadQuote(quoteKey, text)
		if err != nil || q.Pricing != tariff.Version() {
			t.Fatal(q.Pricing, err)
		}
		s.visit.At = s.visit.At.Add(QuoteLife - 2*time.Second)
		again, err := q.Bill(tariff, s.draft, "customer/alice", s.visit)
		if err != nil || !reflect.DeepEqual(again, bill) {
			t.Fatalf("%v\nquoted  %+v\nordered %+v", err, bill, again)
		}
	})
}

func TestARecordIsAllThatAnOrderNeeds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, tariff, bill := priced(t)
		var order model.Order
		bill.Onto(&order)
		text := NewRecord(order).Text()
		record, err := ParseRecord(text)
		if err != nil {
			t.Fatal(err)
		}
		restored := model.Order{Lines: slices.Clone(order.Lines), Total: order.Total}
		for i := range restored.Lines {
			restored.Lines[i].Discount, restored.Lines[i].Taxes = 0, nil
		}
		if err := record.Restore(&restored); err != nil {
			t.Fatal(err)
		}
		// The ledger has no tariff: amounts are right without one.
		if r, want := restored.Reckoning, order.Reckoning; r.Net() != want.Net() || r.Total() != want.Total() || r.Discount() != want.Discount() ||
			r.Charge() != want.Charge() || r.ChargeRevenue() != want.ChargeRevenue() {
			t.Fatalf("%s\nrestored %+v\nplaced   %+v", text, r, want)
		}
		if err := tariff.Name(&restored); err != nil || !reflect.DeepEqual(restored, order) {
			t.Fatalf("%v\n%s\nrestored %+v\nplaced   %+v", err, text, restored, order)
		}
	})
}

// TestAmendingWithTheSameLinesChangesNothing amends at another time, with other prices.
func TestAmendingWithTheSameLinesChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, tariff, bill := priced(t)
		var order model.Order
		bill.Onto(&order)
		s.visit.At = s.visit.At.Add(5 * time.Hour)
		for sku, item := range s.menu {
			item.Price, item.Active, item.Category, item.TaxClass = 77, false, "new", "luxury"
			s.menu[sku] = item
		}
		again, err := tariff.Reprice(order, s.draft.Lines, s.menu, s.visit)
		if err != nil || !reflect.DeepEqual(again, bill) {
			t.Fatalf("%v\nplaced  %+v\namended %+v", err, bill, again)
		}
	})
}

// TestReturnsAddUpToTheOrder gives everything back in any steps.
func TestReturnsAddUpToTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, _, bill := priced(t)
		var order model.Order
		bill.Onto(&order)
		gone := make([]int64, len(order.Lines))
		left := func() (lines []int) {
			for i, l := range order.Lines {
				if gone[i] < l.Quantity {
					lines = append(lines, i)
				}
			}
			return lines
		}
		var total, discount model.Money
		taxes, nets, charges := map[string]model.Money{}, map[string]model.Money{}, map[string]model.Money{}
		for lines := left(); len(lines) > 0; lines = left() {
			var give []model.RefundLine
			for _, i := range lines {
				if rapid.Bool().Draw(t, "this line") {
					give = append(give, model.RefundLine{Line: i, Quantity: rapid.Int64Range(1, order.Lines[i].Quantity-gone[i]).Draw(t, "units")})
				}
			}
			back, err := Return(order, gone, give)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range back.Lines {
				gone[l.Line] += l.Quantity
				discount += l.Discount
				if l.Price < 0 || l.Discount < 0 || l.Total < 0 {
					t.Fatalf("%+v", l)
				}
			}
			total += back.Total
			for _, x := range back.Taxes {
				taxes[x.ID] += x.Amount
				nets[x.ID] += x.Net
			}
			for _, x := range back.Charges {
				charges[x.ID] += x.Amount
			}
		}
		r := order.Reckoning
		if total != order.Total-r.Tip || discount != r.Discount() {
			t.Fatalf("gave back %d and took %d off, of %d and %d", total, discount, order.Total-r.Tip, r.Discount())
		}
		for _, x := range r.Taxes {
			if taxes[x.ID] != x.Amount || nets[x.ID] != x.Net {
				t.Fatalf("gave back %d of %s, of %d; net %d of %d", taxes[x.ID], x.ID, x.Amount, nets[x.ID], x.Net)
			}
		}
		for _, c := range r.Charges {
			if charges[c.ID] != c.Amount {
				t.Fatalf("gave back %d of %s, of %d", charges[c.ID], c.ID, c.Amount)
			}
		}
	})
}

// TestBothWaysToSumAgree compares integers with big.Rat, where both may be used.
func TestBothWaysToSumAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		den := uint64(rapid.Int64Range(1, 2*int64(model.Whole)).Draw(t, "denominator"))
		parts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fraction {
			return of(rapid.Uint64Range(0, 1<<40).Draw(t, "amount"), rapid.Uint64Range(0, den).Draw(t, "times"), den)
		}), 0, 60).Draw(t, "parts")
		a, b := sum(parts), sumOfMany(parts)
		for _, how := range []Rounding{HalfUp, HalfEven, Down} {
			if how.round(a) != how.round(b) {
				t.Fatalf("%s: %d by integers, %d by big.Rat", how, how.round(a), how.round(b))
			}
		}
	})
}

func TestTooMuchNamesTheLine(t *testing.T) {
	menu := model.Menu{"a": {SKU: "a", Active: true, Price: math.MaxInt64 / 2}}
	tariff, err := New(1, Document{
		Taxes:   []Tax{newTax("t", "99", false, "a"), newTax("u", "99", false, "a"), newTax("v", "99", false, "a")},
		Charges: []Charge{{ID: "c", Name: "C", Percent: "100", TaxClass: "a"}, {ID: "d", Name: "D", Percent: "100", TaxClass: "a"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		tariff *Tariff
		lines  int
		class  string
		want   string
	}{
		"lines":              {nil, 3, "", "/lines/2"},
		"charges":            {tariff, 2, "", "/lines/1"},
		"taxes on one line":  {tariff, 1, "a", "/lines/0"},
		"two lines that fit": {nil, 2, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			item := menu["a"]
			item.TaxClass = c.class
			_, err := c.tariff.Price(model.Draft{Lines: slices.Repeat([]model.DraftLine{{SKU: "a", Quantity: 1}}, c.lines)}, model.Menu{"a": item}, Visit{Role: model.RoleCustomer})
			faults, _ := err.(model.Invalid)
			if c.want == "" && err != nil || c.want != "" && (len(faults) != 1 || faults[0].Field != c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
