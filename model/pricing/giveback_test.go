package pricing

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"cafe/model"
)

func refusedFor(err error, why model.Refusal) bool {
	var refused *model.Refused
	return errors.As(err, &refused) && refused.Why == why
}

// TestAnySequenceOfRefundsThatEndsInAllAddsUpToTheOrder gives back units of lines, amounts and
// at last all that is left, in any order.
func TestAnySequenceOfRefundsThatEndsInAllAddsUpToTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, _, bill := priced(t)
		o := model.Order{Status: model.StatusCollected, Currency: "GBP"}
		bill.Onto(&o)
		o.Payment = rapid.SampledFrom([]model.PaymentTerms{model.TermsAccount, model.TermsCounter, model.TermsOpen}).Draw(t, "terms")
		var tips model.Money
		if o.Payment != model.TermsAccount {
			tips = model.Money(rapid.IntRange(0, 100).Draw(t, "tips"))
			amount := o.Total
			if o.Payment == model.TermsCounter {
				amount = model.Money(rapid.Int64Range(0, int64(o.Total)).Draw(t, "said"))
			}
			o.Payments = []model.OrderPayment{{Method: model.MethodCard, Amount: amount, Tip: tips}}
		}
		paid := o.Total + tips
		for range rapid.IntRange(0, 8).Draw(t, "steps") {
			asked := model.DraftRefund{Reason: "cold"}
			if rapid.Bool().Draw(t, "by lines") {
				for i, l := range o.Lines {
					if rapid.Bool().Draw(t, "this line") {
						asked.Lines = append(asked.Lines, model.RefundLine{Line: i, Quantity: rapid.Int64Range(1, l.Quantity).Draw(t, "units")})
					}
				}
			}
			if asked.Lines == nil {
				asked.Amount = model.Money(rapid.Int64Range(1, max(1, int64(paid)/3+1)).Draw(t, "amount"))
			}
			refund, err := Refund(o, asked)
			var invalid model.Invalid
			switch {
			case errors.As(err, &invalid) && asked.Lines != nil:
			case refusedFor(err, model.RefusedOverRefund), paid == 0 && refusedFor(err, model.RefusedNothingPaid):
			case err != nil:
				t.Fatal(err)
			default:
				wantSound(t, refund, asked)
				o.Refunds = append(o.Refunds, refund)
			}
			if o.Left().Total() != paid-o.Refunded() {
				t.Fatalf("%d left after %d of %d", o.Left().Total(), o.Refunded(), paid)
			}
		}
		if o.Left().Total() > 0 {
			refund, err := Refund(o, model.DraftRefund{Reason: "all", Restock: rapid.Bool().Draw(t, "restock")})
			if err != nil {
				t.Fatal(err)
			}
			wantSound(t, refund, model.DraftRefund{})
			o.Refunds = append(o.Refunds, refund)
		}
		var amount, tip model.Money
		taxes, nets := map[string]model.Money{}, map[string]model.Money{}
		for _, r := range o.Refunds {
			amount, tip = amount+r.Amount, tip+r.Tip
			for _, x := range r.Taxes {
				taxes[x.ID] += x.Amount
				nets[x.ID] += x.Net
			}
		}
		if amount != o.Total-o.Reckoning.Tip || tip != o.Reckoning.Tip+tips {
			t.Fatalf("gave back %d and tips of %d, of %d and %d", amount, tip, o.Total-o.Reckoning.Tip, o.Reckoning.Tip+tips)
		}
		for _, x := range o.Reckoning.Taxes {
			if taxes[x.ID] != x.Amount || nets[x.ID] != x.Net {
				t.Fatalf("%s: gave back %d on %d, of %d on %d: %+v", x.ID, taxes[x.ID], nets[x.ID], x.Amount, x.Net, o.Refunds)
			}
		}
		if _, err := Refund(o, model.DraftRefund{Amount: 1, Reason: "more"}); !refusedFor(err, model.RefusedOverRefund) && !refusedFor(err, model.RefusedNothingPaid) {
			t.Fatal(err)
		}
	})
}

// wantSound wants the parts of a refund to be sound by themselves. Each tax is rounded for
// itself, so that what is left for the net may be below 0 by a minor unit a tax.
func wantSound(t *rapid.T, r model.Refund, asked model.DraftRefund) {
	t.Helper()
	var taxes model.Money
	for _, x := range r.Taxes {
		if taxes += x.Amount; x.Amount < 0 {
			t.Fatalf("%+v", r)
		}
	}
	if r.Amount < 0 || r.Tip < 0 || taxes > r.Amount+model.Money(len(r.Taxes)) || asked.Amount != 0 && r.Total() != asked.Amount || asked.Lines != nil && r.Tip != 0 {
		t.Fatalf("asked for %+v: %+v", asked, r)
	}
}

// TestSmallAmountsTakeTheTaxesAsOneOfTheirSumWould gives 1 back a hundred times.
func TestSmallAmountsTakeTheTaxesAsOneOfTheirSumWould(t *testing.T) {
	o := model.Order{Status: model.StatusCollected, Payment: model.TermsCounter, Total: 120, Reckoning: model.Reckoning{
		Subtotal: 120, Taxes: []model.Tax{{ID: "vat", Inclusive: true, Net: 100, Amount: 20}},
	}, Lines: []model.Line{{SKU: "tea", Quantity: 1, Total: 120, Taxes: []model.TaxShare{{ID: "vat", Amount: 20}}}}}
	var tax model.Money
	for n := range 120 {
		r, err := Refund(o, model.DraftRefund{Amount: 1, Reason: "cold"})
		if err != nil {
			t.Fatal(err)
		}
		o.Refunds = append(o.Refunds, r)
		for _, x := range r.Taxes {
			tax += x.Amount
		}
		if want := model.Money(n+1) * 20 / 120; tax != want {
			t.Fatalf("after %d: tax of %d, want %d", n+1, tax, want)
		}
	}
}

func TestWhatARefundTakes(t *testing.T) {
	order := func() model.Order {
		return model.Order{Status: model.StatusCollected, Payment: model.TermsOpen, Total: 1050, Currency: "GBP",
			Reckoning: model.Reckoning{Subtotal: 1000, Tip: 50}, Payments: []model.OrderPayment{{Amount: 1050, Tip: 20}},
			Lines: []model.Line{{SKU: "tea", Quantity: 2, Total: 400, Counted: true}, {SKU: "cake", Quantity: 3, Total: 600, Counted: true}}}
	}
	o := order()
	r, err := Refund(o, model.DraftRefund{Amount: 1010, Reason: "cold"})
	if err != nil || r.Amount != 1000 || r.Tip != 10 {
		t.Errorf("an amount above the revenue takes of the tip: %+v, %v", r, err)
	}
	o.Refunds = []model.Refund{{Lines: gives(0, 1, 1, 3), Amount: 800}}
	r, err = Refund(o, model.DraftRefund{Reason: "cold", Restock: true})
	if err != nil || r.Amount != 200 || r.Tip != 70 || len(r.Lines) != 1 || r.Lines[0] != (model.RefundLine{Line: 0, Quantity: 1}) {
		t.Errorf("all that is left, back on the shelf: %+v, %v", r, err)
	}
	if _, err = Refund(o, model.DraftRefund{Lines: gives(1, 1), Reason: "cold"}); err == nil || refusedFor(err, model.RefusedOverRefund) {
		t.Errorf("a unit that is gone already: %v", err)
	}
	if _, err = Refund(o, model.DraftRefund{Amount: 271, Reason: "cold"}); !refusedFor(err, model.RefusedOverRefund) {
		t.Errorf("more than is left: %v", err)
	}
	o = order()
	o.Payments = []model.OrderPayment{{Amount: 150}}
	if _, err = Refund(o, model.DraftRefund{Lines: gives(0, 1), Reason: "cold"}); !refusedFor(err, model.RefusedOverRefund) {
		t.Errorf("a unit worth more than was paid: %v", err)
	}
	o.Payments = nil
	if _, err = Refund(o, model.DraftRefund{Reason: "cold"}); !refusedFor(err, model.RefusedNothingPaid) {
		t.Errorf("what was never paid: %v", err)
	}
	o = order()
	o.Status = model.StatusRefunded // of before v0.2.0: no refund is on record
	if _, err = Refund(o, model.DraftRefund{Reason: "cold"}); !refusedFor(err, model.RefusedNothingPaid) {
		t.Errorf("an order that was refunded before refunds were on record: %v", err)
	}
}

// TestARefundOfATillsOrder has amounts below 0, which tills have.
func TestARefundOfATillsOrder(t *testing.T) {
	o := model.Order{Status: model.StatusCollected, Payment: model.TermsCounter, Total: 900, Currency: "GBP",
		Reckoning: model.Reckoning{Subtotal: 900, Taxes: []model.Tax{{ID: TillTax, Inclusive: true, Net: 910, Amount: -10}}},
		Lines:     []model.Line{{SKU: "tea", Quantity: 2, Total: 1000, Taxes: []model.TaxShare{{ID: TillTax, Amount: -10}}}, {SKU: "off", Quantity: 1, Total: -100}}}
	for _, asked := range []model.DraftRefund{{Lines: gives(0, 1)}, {Amount: 100}, {}} {
		r, err := Refund(o, asked)
		if err != nil {
			t.Fatal(err)
		}
		o.Refunds = append(o.Refunds, r)
	}
	var tax, net model.Money
	for _, r := range o.Refunds {
		for _, x := range r.Taxes {
			tax, net = tax+x.Amount, net+x.Net
		}
	}
	if o.Refunded() != 900 || tax != -10 || net != 910 {
		t.Errorf("%d back, tax %d, net %d: %+v", o.Refunded(), tax, net, o.Refunds)
	}
}
