package model

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// settled is an order at the counter, of which 500 was said to be paid by card, and 200 with
// a tip of 20 given back two days later.
func settled() Order {
	o := priced()
	o.Payment, o.Status, o.BusinessDay = TermsCounter, StatusCollected, "2026-11-23"
	o.Payments = []OrderPayment{{ID: "p", Method: MethodCard, Amount: 500, Tip: 60, Day: "2026-11-23"}}
	o.Refunds = []Refund{{ID: "r", Amount: 200, Tip: 20, Taxes: []EntryTax{{"city", 180, 2}, {"vat", 90, 18}}, Reason: "cold", By: "bo", Method: MethodCash, Rounding: 2, Day: "2026-11-25"}}
	return o
}

func TestARefundOfALaterDayIsOnThatDay(t *testing.T) {
	entries := settled().Entries()
	if len(entries) != 2 {
		t.Fatalf("%d entries", len(entries))
	}
	own, later := entries[0], entries[1]
	if !own.Counts() || own.Revenue != 1110 || own.Tip != 140 || own.Net != 1000 || own.Refunds != nil ||
		!slices.Equal(own.Tenders, []EntryTender{{MethodCard, 560, 1}, {TenderUnsaid, 690, 1}}) {
		t.Errorf("its own day has %+v", own)
	}
	if later.Counts() || !later.NoSale || later.Day != "2026-11-25" || later.Revenue != -200 || later.Tip != -20 || later.Net != -180 || later.Gross() != 0 ||
		!slices.Equal(later.Taxes, []EntryTax{{"city", -180, -2}, {"vat", -90, -18}}) ||
		!slices.Equal(later.Tenders, []EntryTender{{MethodCash, -222, 0}, {TenderRounding, 2, 0}}) ||
		!slices.Equal(later.Refunds, []Reversal{{Reason: "cold", By: "bo", Amount: 200, Tip: 20, Tax: 20}}) {
		t.Errorf("the later day has %+v", later)
	}
	c := NewCustomer("alice")
	for _, e := range entries {
		if err := c.Post(Entry{}, e); err != nil {
			t.Fatal(err)
		}
	}
	if c.Orders != 1 || c.Spent != 910 || c.Balance != 0 {
		t.Errorf("%+v", c)
	}
}

func TestARefundOfTheSameDayIsInTheOrdersEntry(t *testing.T) {
	o := settled()
	o.Refunds[0].Day = o.BusinessDay
	entries := o.Entries()
	if len(entries) != 1 || entries[0].Revenue != 910 || entries[0].Gross() != 1110 || !entries[0].Counts() || entries[0].Net != 820 {
		t.Errorf("%+v", entries)
	}
}

func TestARefundedOrderStandsIfItsRefundIsOnRecord(t *testing.T) {
	o := settled()
	o.Status = StatusRefunded
	if e := o.Entries()[0]; !e.Counts() || e.Revenue != 1110 {
		t.Errorf("with a refund on record it is %+v", e)
	}
	o.Refunds = nil
	if e := o.Entries()[0]; e.Counts() || e.Revenue != 0 || o.Stands() {
		t.Errorf("without one, as before v0.2.0 and from tills, it is %+v", e)
	}
}

func TestACancelledOrderKeepsWhatMovedInTheDrawer(t *testing.T) {
	o := settled()
	o.Payment, o.Status, o.CancelReason, o.CancelledBy = TermsOpen, StatusCancelled, "no show", "bo"
	entries := o.Entries()
	own, later := entries[0], entries[1]
	if own.Counts() || own.Revenue != 0 || own.Tip != 0 || *own.Cancelled != (Reversal{Reason: "no show", By: "bo", Amount: 1110, Tip: 80}) ||
		!slices.Equal(own.Tenders, []EntryTender{{MethodCard, 560, 1}, {TenderUnpaid, -560, 0}}) {
		t.Errorf("its own day has %+v, %+v", own, own.Cancelled)
	}
	if later.Revenue != 0 || !slices.Equal(later.Tenders, []EntryTender{{MethodCash, -222, 0}, {TenderRounding, 2, 0}, {TenderUnpaid, 220, 0}}) {
		t.Errorf("the later day has %+v", later)
	}
}

func TestADeletedOrderHasEmptyEntriesOnAllItsDays(t *testing.T) {
	o := settled()
	o.Deleted = true
	for _, e := range o.Entries() {
		if !e.Deleted || e.Counts() || e.Revenue != 0 || e.Tip != 0 || e.Tenders != nil || e.Refunds != nil {
			t.Errorf("%+v", e)
		}
	}
	if days := len(o.Entries()); days != 2 {
		t.Errorf("%d days", days)
	}
}

func TestAPaymentOntoATabIsByItsMethod(t *testing.T) {
	for method, want := range map[Method]Method{"": MethodCash, MethodCard: MethodCard} {
		e := Payment{ID: "p", CustomerID: "alice", Amount: 500, Method: method}.Entry()
		if !slices.Equal(e.Tenders, []EntryTender{{TenderAccount, -500, 0}, {want, 500, 1}}) {
			t.Errorf("%q: %+v", method, e.Tenders)
		}
	}
}

func TestDueIsWhatAnOpenOrderLacks(t *testing.T) {
	o := settled()
	if o.Due() != 0 || o.Paid() != o.Total {
		t.Errorf("at the counter: due %d, paid %d", o.Due(), o.Paid())
	}
	o.Payment = TermsOpen
	if o.Due() != 690 || o.Paid() != 500 {
		t.Errorf("open: due %d, paid %d", o.Due(), o.Paid())
	}
	o.Payment = TermsAccount
	if o.Due() != 0 {
		t.Errorf("on a tab: due %d", o.Due())
	}
	o.Payment, o.Status = TermsOpen, StatusCancelled
	if o.Due() != 0 {
		t.Errorf("cancelled: due %d", o.Due())
	}
	if (OrderPayment{Amount: 348, Rounding: 2, Given: 1000}).Change() != 650 {
		t.Error("change of 10.00 for 3.48, rounded to 3.50")
	}
}

func TestTendersAddUpToWhatAnEntryBrought(t *testing.T) {
	days := []Day{"2026-11-23", "2026-11-24", "2026-11-25"}
	rapid.Check(t, func(t *rapid.T) {
		o := priced()
		o.Payment = rapid.SampledFrom([]PaymentTerms{TermsAccount, TermsCounter, TermsOpen}).Draw(t, "terms")
		o.Status, o.BusinessDay = rapid.SampledFrom(Statuses).Draw(t, "status"), days[0]
		o.Deleted = rapid.IntRange(0, 5).Draw(t, "deleted") == 0
		money := func(name string) Money { return Money(rapid.IntRange(0, 300).Draw(t, name)) }
		for range rapid.IntRange(0, 3).Draw(t, "payments") {
			o.Payments = append(o.Payments, OrderPayment{Method: rapid.SampledFrom(Methods).Draw(t, "method"), Amount: money("amount"), Tip: money("tip"),
				Rounding: money("rounding") - 150, Day: rapid.SampledFrom(days).Draw(t, "day")})
		}
		for range rapid.IntRange(0, 3).Draw(t, "refunds") {
			tax := money("tax")
			o.Refunds = append(o.Refunds, Refund{Method: rapid.SampledFrom([]Method{MethodCash, TenderAccount, TenderUnsaid}).Draw(t, "method"), Amount: tax + money("amount"),
				Tip: money("tip"), Taxes: []EntryTax{{"vat", 2 * tax, tax}}, Rounding: money("rounding") - 150, Day: rapid.SampledFrom(days).Draw(t, "day")})
		}
		var tips, refunded Money
		for _, e := range o.Entries() {
			var tenders, taxes Money
			for _, x := range e.Tenders {
				tenders += x.Amount
			}
			for _, x := range e.Taxes {
				taxes += x.Amount
			}
			if tenders != e.Revenue+e.Tip || e.Net+taxes != e.Revenue {
				t.Fatalf("revenue %d, tip %d, net %d: tenders %v, taxes %v", e.Revenue, e.Tip, e.Net, e.Tenders, e.Taxes)
			}
			tips, refunded = tips+e.Tip, refunded+e.Gross()-e.Revenue
		}
		if want := o.Refunded(); o.Stands() {
			for _, r := range o.Refunds {
				want -= r.Tip
			}
			if refunded != want {
				t.Fatalf("%d refunded, want %d", refunded, want)
			}
		}
	})
}
