package model

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// sold is an order of 1,000 without taxes, on the tab of nobody yet.
func sold(terms PaymentTerms) Order {
	return Order{
		ID: "o", CustomerID: "alice", Payment: terms, Status: StatusCollected, BusinessDay: "2026-11-23", Posting: 3, Total: 1000,
		Lines: []Line{{SKU: "tea", Quantity: 2, Total: 1000}},
	}
}

func tendersOf(e Entry) (text string) {
	for _, t := range e.Tenders {
		text += fmt.Sprintf("%s %d of %d, ", t.Method, t.Amount, t.Count)
	}
	return text
}

func TestEntriesOfAnOrderAreByDay(t *testing.T) {
	o := sold(TermsOpen)
	o.Payments = []OrderPayment{{Method: MethodCard, Amount: 500, Day: "2026-11-26"}, {Method: MethodCard, Amount: 500, Day: "2026-11-26"}}
	for _, day := range []Day{"2026-11-28", "2026-11-25", "2026-11-27"} {
		o.Refunds = append(o.Refunds, Refund{Amount: 10, Method: MethodCard, Day: day})
	}
	var days []Day
	for _, e := range o.Entries() {
		days = append(days, e.Day)
		if e.ID != "o" || e.CustomerID != "alice" || e.Posting != 3 || e.NoSale != (e.Day != "2026-11-23") {
			t.Errorf("%+v", e)
		}
	}
	if want := []Day{"2026-11-23", "2026-11-25", "2026-11-26", "2026-11-27", "2026-11-28"}; !slices.Equal(days, want) {
		t.Errorf("%s, want %s", days, want)
	}
	if got, want := tendersOf(o.Entries()[2]), "card 1000 of 2, unpaid -1000 of 0, "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTendersOfADay(t *testing.T) {
	day := Day("2026-11-23")
	for name, c := range map[string]struct {
		order func(*Order)
		want  string
	}{
		"nobody says":              {func(o *Order) {}, "unsaid 1000 of 1, "},
		"on a tab":                 {func(o *Order) { o.Payment = TermsAccount }, "account 1000 of 1, "},
		"not paid":                 {func(o *Order) { o.Payment = TermsOpen }, "unpaid 1000 of 1, "},
		"of nothing":               {func(o *Order) { o.Total = 0 }, ""},
		"in coins":                 {func(o *Order) { o.Payments = []OrderPayment{{Method: MethodCash, Amount: 998, Rounding: 2, Day: day}} }, "cash 1000 of 1, rounding -2 of 0, unsaid 2 of 1, "},
		"given back as it came":    {func(o *Order) { o.pay(MethodCash, 1000); o.give(MethodCash, 1000) }, "cash 0 of 1, "},
		"given back, nobody says":  {func(o *Order) { o.give(TenderUnsaid, 1000) }, "unsaid 0 of 1, "},
		"by two cards and in cash": {func(o *Order) { o.pay(MethodCard, 300); o.pay(MethodCash, 300); o.pay(MethodCard, 400) }, "card 700 of 2, cash 300 of 1, "},
		"roundings that make up": {func(o *Order) {
			o.Payments = []OrderPayment{{Method: MethodCash, Amount: 1000, Rounding: 2, Day: day}, {Method: MethodCash, Rounding: -2, Day: day}}
		}, "cash 1000 of 2, "},
		"cancelled, nothing paid": {func(o *Order) { o.Status = StatusCancelled }, ""},
		"refunded before v0.2.0":  {func(o *Order) { o.Status = StatusRefunded }, ""},
		"cancelled, and was paid": {func(o *Order) { o.Status, o.Payment = StatusCancelled, TermsOpen; o.pay(MethodCard, 1000) }, "card 1000 of 1, unpaid -1000 of 0, "},
		"deleted, and was paid":   {func(o *Order) { o.Deleted = true; o.pay(MethodCard, 1000) }, ""},
		"refunded, nobody says":   {func(o *Order) { o.Status = StatusCancelled; o.give(TenderUnsaid, 1000) }, ""},
		"a coin too few": {func(o *Order) {
			o.Payments = []OrderPayment{{Method: MethodCash, Amount: 1000, Rounding: -1, Day: day}}
		}, "cash 999 of 1, rounding 1 of 0, "},
		"paid with a tip":            {func(o *Order) { o.Payments = []OrderPayment{{Method: MethodCard, Amount: 1000, Tip: 50, Day: day}} }, "card 1050 of 1, "},
		"a payment of nothing":       {func(o *Order) { o.pay(MethodVoucher, 0) }, "unsaid 1000 of 1, voucher 0 of 1, "},
		"a refund of nothing at all": {func(o *Order) { o.give(MethodOther, 0) }, "unsaid 1000 of 1, "},
	} {
		o := sold(TermsCounter)
		c.order(&o)
		e := o.Entries()[0]
		if got := tendersOf(e); got != c.want || len(e.Tenders) == 0 && e.Tenders != nil {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func (o *Order) pay(m Method, amount Money) {
	o.Payments = append(o.Payments, OrderPayment{Method: m, Amount: amount, Day: o.BusinessDay})
}

func (o *Order) give(m Method, amount Money) {
	o.Refunds = append(o.Refunds, Refund{Method: m, Amount: amount, Day: o.BusinessDay})
}

func TestARefundOnATabTakesItOffTheTab(t *testing.T) {
	o := sold(TermsAccount)
	o.Refunds = []Refund{{Amount: 300, Tip: 20, Method: TenderAccount, Day: "2026-11-25"}}
	if e := o.Entries(); e[0].Tab != 1000 || e[1].Tab != -320 || e[1].Revenue != -300 {
		t.Errorf("%+v", e)
	}
	o.Payment = TermsCounter
	if e := o.Entries(); e[0].Tab != 0 || e[1].Tab != 0 {
		t.Errorf("at the counter: %+v", e)
	}
}

func TestOnlyACancelledOrderSaysThatItWas(t *testing.T) {
	for _, status := range Statuses {
		for _, deleted := range []bool{false, true} {
			o := sold(TermsCounter)
			o.Status, o.Deleted = status, deleted
			if e := o.Entries()[0]; (e.Cancelled != nil) != (status == StatusCancelled && !deleted) {
				t.Errorf("%s, deleted %t: %+v", status, deleted, e.Cancelled)
			}
		}
	}
}

func TestWhatIsPaidAndDueOfOrdersThatDoNotCount(t *testing.T) {
	o := sold(TermsCounter)
	o.Status = StatusCancelled
	o.pay(MethodCard, 400)
	if o.Paid() != 400 || o.Due() != 0 {
		t.Errorf("cancelled at the counter: paid %d, due %d", o.Paid(), o.Due())
	}
	o = sold(TermsOpen)
	o.pay(MethodCard, 400)
	if o.Due() != 600 {
		t.Errorf("due %d", o.Due())
	}
	o.Deleted = true
	if o.Due() != 0 {
		t.Errorf("deleted: due %d", o.Due())
	}
	p := OrderPayment{Amount: 348, Tip: 10, Rounding: 2}
	if p.Received() != 360 || p.Change() != 0 {
		t.Errorf("received %d, change %d", p.Received(), p.Change())
	}
}

func TestPlainTenders(t *testing.T) {
	for _, c := range []struct {
		entry Entry
		want  string
	}{
		{Entry{Kind: EntryOrder, Status: StatusPlaced, Revenue: 10, Tip: 2}, "unsaid 12 of 1, "},
		{Entry{Kind: EntryOrder, Status: StatusPlaced, Revenue: 10, Tip: 2, Tab: 12}, "account 12 of 1, "},
		{Entry{Kind: EntryOrder, Status: StatusCancelled, Revenue: 10}, "unsaid 10 of 0, "},
		{Entry{Kind: EntryOrder, Status: StatusPlaced}, ""},
		{Entry{Kind: EntryPayment, Tab: -5}, "account -5 of 0, cash 5 of 1, "},
	} {
		if got := tendersOf(Entry{Tenders: c.entry.PlainTenders()}); got != c.want {
			t.Errorf("%+v: %s, want %s", c.entry, got, c.want)
		}
	}
}

func TestTaxesOfAnEntryAreByIDAndAddUp(t *testing.T) {
	e := Entry{Net: 100}
	for _, tax := range []EntryTax{{"vat", 40, 8}, {"city", 50, 1}, {"vat", 10, 2}, {"zoo", 1, 1}} {
		e.addTax(7, tax)
	}
	if !slices.Equal(e.Taxes, []EntryTax{{"city", 50, 1}, {"vat", 50, 10}, {"zoo", 1, 1}}) || e.Net != 88 || e.Pricing != 7 {
		t.Errorf("%+v", e)
	}
}

func TestCashIsRoundedToTheNearestCoin(t *testing.T) {
	for currency, coin := range map[string]Money{"AUD": 5, "CAD": 5, "CHF": 5, "CZK": 100, "DKK": 50, "HUF": 500, "NOK": 100, "NZD": 10, "SEK": 100, "TWD": 100, "GBP": 1, "EUR": 1, "JPY": 1} {
		if got := SmallestCoin(currency); got != coin {
			t.Errorf("%s: %d, want %d", currency, got, coin)
		}
	}
	for _, c := range []struct {
		m        Money
		currency string
		want     Money
	}{
		{0, "CHF", 0}, {2, "CHF", 0}, {3, "CHF", 5}, {7, "CHF", 5}, {8, "CHF", 10}, {1000, "CHF", 1000}, {1012, "CHF", 1010}, {1013, "CHF", 1015},
		{4, "NZD", 0}, {5, "NZD", 10}, {14, "NZD", 10}, {49, "SEK", 0}, {50, "SEK", 100}, {149, "SEK", 100}, {249, "HUF", 0}, {250, "HUF", 500},
		{0, "GBP", 0}, {1, "GBP", 1}, {333, "GBP", 333},
	} {
		if got := c.m.InCoins(c.currency); got != c.want {
			t.Errorf("%d %s: %d, want %d", c.m, c.currency, got, c.want)
		}
	}
}

func TestARefusalSaysWhy(t *testing.T) {
	var refused *Refused
	if err := Refuse(RefusedUnpaid, "Nothing was paid."); !errors.As(err, &refused) || refused.Why != RefusedUnpaid || err.Error() != "Nothing was paid." {
		t.Error(err)
	}
}

func TestContributionsAreComparedDayByDay(t *testing.T) {
	one, other := Entry{Day: "2026-11-23", Revenue: 5}, Entry{Day: "2026-11-24", Revenue: 5}
	changed := one
	changed.Revenue++
	for _, c := range []struct {
		a, b []Entry
		want bool
	}{
		{nil, nil, true}, {[]Entry{one, other}, []Entry{one, other}, true}, {[]Entry{one}, []Entry{other}, false},
		{[]Entry{one}, []Entry{changed}, false}, {[]Entry{one}, []Entry{one, other}, false}, {[]Entry{one, other}, []Entry{other, one}, false},
	} {
		if got := SameContributions(c.a, c.b); got != c.want {
			t.Errorf("%+v and %+v: %t", c.a, c.b, got)
		}
	}
}
