package model

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestOnlyOrdersThatCountContribute(t *testing.T) {
	o := Order{ID: "1", CustomerID: "alice", Payment: TermsAccount, Status: StatusPlaced, Total: 700, Posting: 1,
		Lines: []Line{{SKU: "tea", Quantity: 1, Total: 200}, {SKU: "cake", Quantity: 2, Total: 400}, {SKU: "tea", Quantity: 1, Total: 100}}}
	e := o.Entries()[0]
	if e.Tab != 700 || e.Revenue != 700 || !e.Counts() || len(e.Items) != 2 || e.Items[0] != (EntryItem{"cake", 2, 400}) || e.Items[1] != (EntryItem{"tea", 2, 300}) {
		t.Errorf("entry %+v", e)
	}
	counter := o
	counter.Payment = TermsCounter
	if e := counter.Entries()[0]; e.Tab != 0 || e.Revenue != 700 {
		t.Errorf("paid at the counter: %+v", e)
	}
	for _, gone := range []Order{{Status: StatusCancelled}, {Status: StatusRefunded}, {Status: StatusPlaced, Deleted: true}} {
		gone.Total, gone.Lines, gone.Payment = o.Total, o.Lines, o.Payment
		if e := gone.Entries()[0]; e.Tab != 0 || e.Revenue != 0 || e.Items != nil || e.Counts() {
			t.Errorf("does not count, but contributes: %+v", e)
		}
	}
}

// priced is an order of two lines with a discount, a charge, two taxes (one on top) and a tip.
func priced() Order {
	return Order{ID: "1", CustomerID: "alice", Payment: TermsAccount, Status: StatusPlaced, Posting: 1, Total: 1190,
		Lines: []Line{
			{SKU: "cake", Quantity: 2, Total: 800, Discount: 200, Taxes: []TaxShare{{"vat", 100}, {"city", 5}}},
			{SKU: "tea", Quantity: 1, Total: 400, Taxes: []TaxShare{{"city", 4}}},
		},
		Reckoning: Reckoning{Pricing: 7, Subtotal: 1200, Tip: 80,
			Discounts: []Discount{{ID: "happy", Amount: 200}},
			Charges:   []Charge{{ID: "service", Amount: 100, Taxes: []TaxShare{{"city", 1}}}},
			Taxes:     []Tax{{ID: "vat", Inclusive: true, Net: 500, Amount: 100}, {ID: "city", Net: 1000, Amount: 10}},
		}}
}

func TestAnEntryHasThePartsOfAnOrdersMoney(t *testing.T) {
	o := priced()
	e := o.Entries()[0]
	want := Entry{Kind: EntryOrder, ID: "1", CustomerID: "alice", Status: StatusPlaced, Posting: 1,
		Tab: 1190, Revenue: 1110, Net: 1000, Pricing: 7, Taxes: []EntryTax{{"city", 1000, 10}, {"vat", 500, 100}}, Discount: 200, Charge: 100, Tip: 80,
		Items:   []EntryItem{{"cake", 2, 605}, {"tea", 1, 404}},
		Tenders: []EntryTender{{TenderAccount, 1190, 1}}}
	if !reflect.DeepEqual(e, want) {
		t.Errorf("entry %+v\nwant  %+v", e, want)
	}
	r := o.Reckoning
	if r.Total() != o.Total || e.Net != r.Net() || e.Items[0].Revenue+e.Items[1].Revenue+r.ChargeRevenue()+e.Tip != o.Total {
		t.Errorf("the parts of %+v are not its total", e)
	}
	c := NewCustomer("alice")
	if err := c.Post(Entry{}, e); err != nil || c.Balance != 1190 || c.Spent != 1110 {
		t.Errorf("owes %d, spent %d, %v", c.Balance, c.Spent, err)
	}
	o.Status = StatusCancelled
	if e := o.Entries()[0]; !e.SameContribution(Order{Status: StatusCancelled}.Entries()[0]) || e.Tip != 0 || e.Net != 0 || e.Taxes != nil {
		t.Errorf("cancelled, it contributes %+v", e)
	}
}

func TestEachPartOfAnOrdersMoneyIsAContribution(t *testing.T) {
	whole := priced().Entries()[0]
	for i, change := range []func(*Entry){
		func(e *Entry) { e.Net++ }, func(e *Entry) { e.Pricing++ }, func(e *Entry) { e.Discount++ }, func(e *Entry) { e.Charge++ }, func(e *Entry) { e.Tip++ },
		func(e *Entry) { e.Taxes[0].ID = "state" }, func(e *Entry) { e.Taxes[1].Net++ }, func(e *Entry) { e.Taxes[1].Amount++ }, func(e *Entry) { e.Taxes = e.Taxes[:1] },
	} {
		other := priced().Entries()[0]
		change(&other)
		if other.SameContribution(whole) {
			t.Errorf("change %d is none: %+v", i, other)
		}
	}
}

// Cases 31 to 33 and 36 in docs/reliability.md, without a store.
func TestEachCrossingMakesOneAlert(t *testing.T) {
	c := NewCustomer("alice")
	for i, step := range []struct {
		balance, limit Money
		crossed        bool
	}{
		{1000, 1000, false}, // exactly at the limit
		{1001, 1000, true},  // one minor unit above
		{5000, 1000, false}, // still above
		{1000, 1000, false}, // back at the limit: armed again
		{1001, 1000, true},
		{900, 1000, false},
		{900, 800, true}, // the limit was lowered below the balance
		{900, 700, false},
	} {
		c.Balance = step.balance
		if got := c.Settle(step.limit); got != step.crossed {
			t.Errorf("step %d: crossed %v, want %v", i, got, step.crossed)
		}
	}
	if c.Crossings != 3 || c.Armed {
		t.Errorf("after all: %+v", c)
	}
}

func TestSeverityIsCriticalAboveTwiceTheLimit(t *testing.T) {
	for balance, want := range map[Money]Severity{1001: SeverityWarning, 2000: SeverityWarning, 2001: SeverityCritical} {
		if got := (HighBalance{Balance: balance, CreditLimit: 1000}).Severity(); got != want {
			t.Errorf("%d of 1000 is %s, want %s", balance, got, want)
		}
	}
	if got := (HighBalance{Balance: 1, CreditLimit: 0}).Severity(); got != SeverityCritical {
		t.Errorf("above a limit of nothing is %s", got)
	}
}

// However entries replace each other, the totals are the sum of the last ones.
func TestTotalsEqualTheSumOfAllEntries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, last := NewCustomer("alice"), map[string]Entry{}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "order")
			next := Order{ID: id, CustomerID: "alice", Total: Money(rapid.IntRange(0, 1000).Draw(t, "total")),
				Status:  rapid.SampledFrom(Statuses).Draw(t, "status"),
				Payment: rapid.SampledFrom([]PaymentTerms{TermsAccount, TermsCounter}).Draw(t, "payment"),
				Deleted: rapid.Bool().Draw(t, "deleted"), PlacedAt: time.Unix(rapid.Int64Range(1, 1000).Draw(t, "at"), 0)}.Entries()[0]
			if err := c.Post(last[id], next); err != nil {
				t.Fatal(err)
			}
			last[id] = next
			var balance, spent Money
			var orders int64
			for _, e := range last {
				balance, spent = balance+e.Tab, spent+e.Revenue
				if e.Counts() {
					orders++
				}
			}
			if c.Balance != balance || c.Spent != spent || c.Orders != orders {
				t.Fatalf("customer %+v; sum %d, %d, %d", c, balance, spent, orders)
			}
		}
	})
}

func TestOnlyANewEntryEndsAnErasure(t *testing.T) {
	erased := time.Unix(100, 0)
	c := Customer{ID: "alice", ErasedAt: erased}
	before := Order{ID: "1", CustomerID: "alice", Status: StatusPlaced, Total: 100, PlacedAt: time.Unix(50, 0)}
	cancelled := before
	cancelled.Status = StatusCancelled
	if err := c.Post(before.Entries()[0], cancelled.Entries()[0]); err != nil || !c.ErasedAt.Equal(erased) {
		t.Errorf("an old order brought the customer back: %+v, %v", c, err)
	}
	news := before
	news.PlacedAt = time.Unix(101, 0)
	if err := c.Post(Entry{}, news.Entries()[0]); err != nil || !c.ErasedAt.IsZero() {
		t.Errorf("a new order did not bring the customer back: %+v, %v", c, err)
	}
}
