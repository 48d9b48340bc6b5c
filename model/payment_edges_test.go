package model

import (
	"errors"
	"maps"
	"slices"
	"testing"
)

func TestPaymentsAndRefundsHaveTheirLimits(t *testing.T) {
	pay := func(change func(*DraftPayment)) error {
		d := DraftPayment{Method: MethodCard, Amount: 1}
		change(&d)
		return d.Validate()
	}
	give := func(change func(*DraftRefund)) error {
		d := DraftRefund{Reason: "cold"}
		change(&d)
		return d.Validate()
	}
	ordered := func(n int, p DraftPayment) error {
		return Draft{Lines: []DraftLine{{SKU: "tea", Quantity: 1}}, Payments: slices.Repeat([]DraftPayment{p}, n)}.Validate()
	}
	const most = "1000000000000 minor units"
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"a payment":           {pay(func(d *DraftPayment) {}), ""},
		"the highest":         {pay(func(d *DraftPayment) { d.Amount, d.Tip = 1_000_000_000_000, 1_000_000_000_000 }), ""},
		"a higher one":        {pay(func(d *DraftPayment) { d.Amount = 1_000_000_000_001 }), "/amount: must be from 0 to " + most},
		"a higher tip":        {pay(func(d *DraftPayment) { d.Tip = 1_000_000_000_001 }), "/tip: must be from 0 to " + most},
		"a payment below 0":   {pay(func(d *DraftPayment) { d.Amount = -1 }), "/amount: must be from 0 to " + most},
		"a tip below 0":       {pay(func(d *DraftPayment) { d.Tip = -1 }), "/tip: must be from 0 to " + most},
		"a tip alone":         {pay(func(d *DraftPayment) { d.Amount, d.Tip = 0, 1 }), ""},
		"neither":             {pay(func(d *DraftPayment) { d.Amount = 0 }), "/amount: must be above 0, or there must be a tip"},
		"by cheque":           {pay(func(d *DraftPayment) { d.Method = "cheque" }), "/method: must be cash, card, voucher or other"},
		"a reference":         {pay(func(d *DraftPayment) { d.Reference = chars(100) }), ""},
		"a longer reference":  {pay(func(d *DraftPayment) { d.Reference = chars(101) }), "/reference: must have at most 100 characters"},
		"one of two lines":    {pay(func(d *DraftPayment) { d.Reference = "a\nb" }), "/reference: must not contain control characters"},
		"50 payments":         {ordered(50, DraftPayment{Method: MethodCash, Amount: 1}), ""},
		"a payment of a kind": {ordered(1, DraftPayment{Method: "x", Amount: 1}), "/payments/0/method: must be cash, card, voucher or other"},

		"a refund":              {give(func(d *DraftRefund) {}), ""},
		"without a reason":      {give(func(d *DraftRefund) { d.Reason = "" }), "/reason: must not be empty"},
		"a long reason":         {give(func(d *DraftRefund) { d.Reason = chars(200) }), ""},
		"a longer one":          {give(func(d *DraftRefund) { d.Reason = chars(201) }), "/reason: must have at most 200 characters"},
		"of two lines":          {give(func(d *DraftRefund) { d.Reason = "a\nb" }), "/reason: must not contain control characters"},
		"the highest refund":    {give(func(d *DraftRefund) { d.Amount = 1_000_000_000_000 }), ""},
		"a higher refund":       {give(func(d *DraftRefund) { d.Amount = 1_000_000_000_001 }), "/amount: must be from 1 to " + most},
		"a refund below 0":      {give(func(d *DraftRefund) { d.Amount = -1 }), "/amount: must be from 1 to " + most},
		"lines and an amount":   {give(func(d *DraftRefund) { d.Amount, d.Lines = 1, []RefundLine{{0, 1}} }), "/lines: must not be there beside amount"},
		"no lines":              {give(func(d *DraftRefund) { d.Lines = []RefundLine{} }), "/lines: must name 1 to 50 lines, or be left out for all that is left"},
		"50 lines":              {give(func(d *DraftRefund) { d.Lines = make([]RefundLine, 50) }), ""},
		"51 lines":              {give(func(d *DraftRefund) { d.Lines = make([]RefundLine, 51) }), "/lines: must name 1 to 50 lines, or be left out for all that is left"},
		"on the shelf again":    {give(func(d *DraftRefund) { d.Restock = true }), ""},
		"an amount on a shelf":  {give(func(d *DraftRefund) { d.Amount, d.Restock = 1, true }), "/restock: must not be true beside amount: an amount is of no unit"},
		"on the tab":            {give(func(d *DraftRefund) { d.Method = TenderAccount }), ""},
		"by voucher":            {give(func(d *DraftRefund) { d.Method = MethodVoucher }), ""},
		"as nobody said":        {give(func(d *DraftRefund) { d.Method = TenderUnsaid }), "/method: must be cash, card, voucher, other or account"},
		"a method that is none": {give(func(d *DraftRefund) { d.Method = "x" }), "/method: must be cash, card, voucher, other or account"},
	} {
		if got := errorText(c.err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if err := ordered(51, DraftPayment{Method: MethodCash, Amount: 1}); err == nil {
		t.Error("51 payments in an order")
	}
	for method, want := range map[Method]bool{"cash": true, "card": true, "voucher": true, "other": true, "": false, "account": false, "unsaid": false} {
		if method.Valid() != want {
			t.Errorf("method %q: %t", method, !want)
		}
	}
	if OwnPaymentID("a", 0) == OwnPaymentID("a", 1) || OwnPaymentID("a", 10) != DeriveID("order payment", "a", "10") {
		t.Error("ids of an order's own payments")
	}
}

func TestWhatAPaymentTakes(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Order)
		draft  DraftPayment
		want   OrderPayment
		why    string
	}{
		"by card":                     {nil, DraftPayment{Method: MethodCard, Amount: 400, Tip: 7, Reference: "r"}, OrderPayment{Method: MethodCard, Amount: 400, Tip: 7, Reference: "r"}, ""},
		"all by card":                 {nil, DraftPayment{Method: MethodCard, Amount: 1000}, OrderPayment{Method: MethodCard, Amount: 1000}, ""},
		"more than is due":            {nil, DraftPayment{Method: MethodCard, Amount: 1001}, OrderPayment{}, "at/amount: must be at most 1000, which is still to be paid"},
		"the rest":                    {func(o *Order) { o.pay(MethodCard, 400) }, DraftPayment{Method: MethodOther, Amount: 600}, OrderPayment{Method: MethodOther, Amount: 600}, ""},
		"more than the rest":          {func(o *Order) { o.pay(MethodCard, 400) }, DraftPayment{Method: MethodCard, Amount: 601}, OrderPayment{}, "at/amount: must be at most 600, which is still to be paid"},
		"a tip when all is paid":      {func(o *Order) { o.pay(MethodCard, 1000) }, DraftPayment{Method: MethodCash, Tip: 3}, OrderPayment{Method: MethodCash, Tip: 3}, ""},
		"cash when all is paid":       {func(o *Order) { o.pay(MethodCard, 1000) }, DraftPayment{Method: MethodCash, Amount: 3}, OrderPayment{}, "at/amount: must be 0: nothing is still to be paid"},
		"cash with change":            {nil, DraftPayment{Method: MethodCash, Amount: 2000}, OrderPayment{Method: MethodCash, Amount: 1000, Given: 2000}, ""},
		"cash to the penny":           {nil, DraftPayment{Method: MethodCash, Amount: 1000}, OrderPayment{Method: MethodCash, Amount: 1000}, ""},
		"some cash":                   {nil, DraftPayment{Method: MethodCash, Amount: 300}, OrderPayment{Method: MethodCash, Amount: 300}, ""},
		"cash rounded down":           {francs(1002), DraftPayment{Method: MethodCash, Amount: 1000}, OrderPayment{Method: MethodCash, Amount: 1002, Rounding: -2}, ""},
		"cash rounded up":             {francs(1003), DraftPayment{Method: MethodCash, Amount: 2000}, OrderPayment{Method: MethodCash, Amount: 1003, Rounding: 2, Given: 2000}, ""},
		"some francs":                 {francs(1003), DraftPayment{Method: MethodCash, Amount: 503}, OrderPayment{Method: MethodCash, Amount: 503, Rounding: 2}, ""},
		"less than a coin":            {francs(1003), DraftPayment{Method: MethodCash, Amount: 2}, OrderPayment{}, "at/amount: is less than the smallest coin"},
		"all less than a coin":        {francs(2), DraftPayment{Method: MethodCash, Amount: 2}, OrderPayment{Method: MethodCash, Amount: 2, Rounding: -2}, ""},
		"a tip that no coin makes":    {francs(1000), DraftPayment{Method: MethodCash, Amount: 1000, Tip: 3}, OrderPayment{}, "at/tip: must be a multiple of 5, the smallest coin"},
		"a tip of coins":              {francs(1000), DraftPayment{Method: MethodCash, Amount: 1000, Tip: 10}, OrderPayment{Method: MethodCash, Amount: 1000, Tip: 10}, ""},
		"a tip by card of 3":          {francs(1000), DraftPayment{Method: MethodCard, Amount: 1000, Tip: 3}, OrderPayment{Method: MethodCard, Amount: 1000, Tip: 3}, ""},
		"on a tab":                    {func(o *Order) { o.Payment = TermsAccount }, DraftPayment{Method: MethodCash, Amount: 1}, OrderPayment{}, "The order is on the customer's tab. Pay the tab: POST /customers/alice/payments."},
		"of a cancelled order":        {func(o *Order) { o.Status = StatusCancelled }, DraftPayment{Method: MethodCash, Amount: 1}, OrderPayment{}, "The order is cancelled and takes no payment."},
		"of a deleted order":          {func(o *Order) { o.Deleted = true }, DraftPayment{Method: MethodCash, Amount: 1}, OrderPayment{}, "The order is collected and takes no payment."},
		"the 50th":                    {func(o *Order) { o.Payments = slices.Repeat([]OrderPayment{{Amount: 1}}, 49) }, DraftPayment{Method: MethodCard, Amount: 951}, OrderPayment{Method: MethodCard, Amount: 951}, ""},
		"the 51st":                    {func(o *Order) { o.Payments = make([]OrderPayment, 50) }, DraftPayment{Method: MethodCard, Amount: 1}, OrderPayment{}, "The order has 50 payments, and takes no more."},
		"at the counter, as said now": {func(o *Order) { o.Payment = TermsCounter }, DraftPayment{Method: MethodCard, Amount: 1000}, OrderPayment{Method: MethodCard, Amount: 1000}, ""},
	} {
		o := sold(TermsOpen)
		o.Currency = "GBP"
		if c.change != nil {
			c.change(&o)
		}
		got, err := o.Take(c.draft, "at")
		if errorText(err) != c.why || err == nil && got != c.want {
			t.Errorf("%s: %+v, %v; want %+v, %s", name, got, err, c.want, c.why)
		}
		var refused *Refused
		if errors.As(err, &refused) && refused.Why != RefusedNotPayable {
			t.Errorf("%s: refused as %s", name, refused.Why)
		}
	}
}

// francs makes an order one of so much in Swiss francs, whose smallest coin is 5.
func francs(total Money) func(*Order) { return func(o *Order) { o.Currency, o.Total = "CHF", total } }

func TestWhatIsPayableSaidAndLeft(t *testing.T) {
	type sums struct {
		payable, said Money
		left          Left
	}
	for name, c := range map[string]struct {
		terms  PaymentTerms
		change func(*Order)
		want   sums
	}{
		"open, not paid":          {TermsOpen, func(o *Order) {}, sums{1000, 0, Left{0, 0}}},
		"open, paid in part":      {TermsOpen, func(o *Order) { o.pay(MethodCard, 400) }, sums{600, 400, Left{400, 0}}},
		"open, paid with a tip":   {TermsOpen, func(o *Order) { o.Payments = []OrderPayment{{Amount: 1000, Tip: 50}} }, sums{0, 1050, Left{1000, 50}}},
		"open, with a tip in it":  {TermsOpen, func(o *Order) { o.Reckoning.Tip = 100; o.pay(MethodCard, 950) }, sums{50, 950, Left{900, 50}}},
		"paid more than it costs": {TermsOpen, func(o *Order) { o.pay(MethodCard, 1200) }, sums{0, 1200, Left{1000, 200}}},
		"at the counter":          {TermsCounter, func(o *Order) {}, sums{1000, 0, Left{1000, 0}}},
		"on a tab":                {TermsAccount, func(o *Order) { o.Reckoning.Tip = 100 }, sums{0, 0, Left{900, 100}}},
		"given back in part": {TermsCounter, func(o *Order) {
			o.pay(MethodCard, 1000)
			o.Refunds = []Refund{{Amount: 300, Tip: 20}}
		}, sums{0, 680, Left{700, 0}}},
		"given back with tips": {TermsCounter, func(o *Order) {
			o.Payments = []OrderPayment{{Amount: 1000, Tip: 50}}
			o.Refunds = []Refund{{Amount: 300, Tip: 20}}
		}, sums{0, 730, Left{700, 30}}},
		"given back twice over": {TermsCounter, func(o *Order) { o.give(MethodCard, 1300) }, sums{1000, 0, Left{0, 0}}},
		"cancelled":             {TermsOpen, func(o *Order) { o.Status = StatusCancelled; o.pay(MethodCard, 400) }, sums{0, 400, Left{0, 0}}},
		"deleted":               {TermsCounter, func(o *Order) { o.Deleted = true }, sums{0, 0, Left{0, 0}}},
	} {
		o := sold(c.terms)
		c.change(&o)
		if got := (sums{o.Payable(), o.Said(), o.Left()}); got != c.want || got.left.Total() != c.want.left.Amount+c.want.left.Tip {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestByWhatARefundGivesMoneyBack(t *testing.T) {
	paid := func(o *Order) { o.pay(MethodCash, 400); o.pay(MethodVoucher, 600) }
	for name, c := range map[string]struct {
		terms  PaymentTerms
		change func(*Order)
		asked  Method
		want   Method
		why    string
	}{
		"on a tab":              {TermsAccount, paid, "", TenderAccount, ""},
		"on a tab, as asked":    {TermsAccount, paid, TenderAccount, TenderAccount, ""},
		"on a tab, in cash":     {TermsAccount, paid, MethodCash, "", "/method: must be account: the order is on the customer's tab"},
		"on no tab":             {TermsOpen, paid, TenderAccount, "", "/method: must be cash, card, voucher or other: the order is on no tab"},
		"as asked":              {TermsOpen, paid, MethodCard, MethodCard, ""},
		"as it was paid last":   {TermsOpen, paid, "", MethodVoucher, ""},
		"as nobody said at all": {TermsCounter, func(*Order) {}, "", TenderUnsaid, ""},
	} {
		o := sold(c.terms)
		c.change(&o)
		if got, err := o.RefundMethod(c.asked); got != c.want || errorText(err) != c.why {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestWhatWentBackAndWhatTheOrderStillHolds(t *testing.T) {
	o := Order{
		TookStock: true,
		Lines:     []Line{{SKU: "cake", Quantity: 5, Counted: true}, {SKU: "tea", Quantity: 5}, {SKU: "cake", Quantity: 1, Counted: true}},
		Refunds: []Refund{
			{Restock: true, Lines: []RefundLine{{0, 2}, {1, 3}, {2, 1}, {3, 9}, {-1, 9}}},
			{Restock: false, Lines: []RefundLine{{0, 1}}},
			{Restock: true, Amount: 5},
		},
	}
	if got := o.Returned(); !slices.Equal(got, []int64{3, 3, 1}) {
		t.Errorf("went back: %d", got)
	}
	if got := o.Held(); !maps.Equal(got, map[string]int64{"cake": 3}) {
		t.Errorf("holds %v", got)
	}
	o.TookStock = false
	if got := o.Held(); got != nil {
		t.Errorf("an imported order holds %v", got)
	}
}

func TestNothingThatPeopleWroteIsLeftOfPaymentsAndRefunds(t *testing.T) {
	o := Order{CancelReason: "Ann is ill", Payments: []OrderPayment{{Amount: 5, Reference: "Ann's card"}}, Refunds: []Refund{{Amount: 5, Reason: "Ann was cross"}}}
	got := o.WithoutNotes()
	if got.CancelReason != "" || got.Payments[0].Reference != "" || got.Refunds[0].Reason != "" || got.Payments[0].Amount != 5 || got.Refunds[0].Amount != 5 {
		t.Errorf("%+v", got)
	}
	if o.Payments[0].Reference == "" || o.Refunds[0].Reason == "" {
		t.Errorf("the order itself has become %+v", o)
	}
}
