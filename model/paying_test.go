package model

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSmallestCoins(t *testing.T) {
	for _, tt := range []struct {
		currency     string
		amount, want Money
	}{
		{"GBP", 348, 348}, {"EUR", 348, 348}, {"JPY", 1, 1},
		{"CHF", 347, 345}, {"CHF", 348, 350}, {"CHF", 2, 0}, {"CHF", 3, 5}, {"AUD", 343, 345}, {"CAD", 342, 340},
		{"SEK", 149, 100}, {"SEK", 150, 200}, {"NOK", 250, 300}, {"DKK", 324, 300}, {"DKK", 325, 350}, {"NZD", 345, 350}, {"NZD", 344, 340}, {"HUF", 74999, 75000},
	} {
		if got := tt.amount.InCoins(tt.currency); got != tt.want {
			t.Errorf("%d %s is %d in coins, want %d", tt.amount, tt.currency, got, tt.want)
		}
	}
	for currency := range coins {
		if _, err := Exponent(currency); err != nil {
			t.Error(err)
		}
	}
}

// TestPaymentsSettleAnOrder pays an order in any parts: what is taken never is more than is
// due, change and rounding are what coins allow, and the end is due 0.
func TestPaymentsSettleAnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Order{ID: "o", CustomerID: WalkIn, Payment: rapid.SampledFrom([]PaymentTerms{TermsCounter, TermsOpen}).Draw(t, "terms"), Status: StatusPlaced,
			Currency: rapid.SampledFrom([]string{"GBP", "CHF", "DKK"}).Draw(t, "currency"), Total: Money(rapid.IntRange(0, 2000).Draw(t, "total"))}
		coin := SmallestCoin(o.Currency)
		for range rapid.IntRange(0, 6).Draw(t, "payments") {
			d := DraftPayment{Method: rapid.SampledFrom(Methods).Draw(t, "method"), Amount: Money(rapid.IntRange(0, 1500).Draw(t, "amount")), Tip: coin * Money(rapid.IntRange(0, 2).Draw(t, "tip"))}
			if d.Validate() != nil {
				continue
			}
			due := o.Payable()
			p, err := o.Take(d, "")
			if err != nil {
				if d.Method == MethodCash && due.InCoins(o.Currency) > 0 && d.Amount.InCoins(o.Currency) > 0 {
					t.Fatalf("cash for %d that is due is refused: %v", due, err)
				}
				continue
			}
			if p.Amount < 0 || p.Amount > due || p.Tip != d.Tip || d.Method != MethodCash && (p.Amount != d.Amount || p.Rounding != 0 || p.Given != 0) {
				t.Fatalf("%d due, %+v makes %+v", due, d, p)
			}
			if d.Method == MethodCash && (p.Received()%coin != 0 || p.Change()%coin != 0 || d.Amount > 0 && p.Amount+p.Rounding+p.Change() != d.Amount.InCoins(o.Currency)) {
				t.Fatalf("%+v makes %+v: received %d, change %d", d, p, p.Received(), p.Change())
			}
			o.Payments = append(o.Payments, p)
		}
		if due := o.Payable(); due > 0 {
			p, err := o.Take(DraftPayment{Method: MethodCash, Amount: 10_000}, "")
			if err != nil || p.Amount != due {
				t.Fatalf("%d due: %+v %v", due, p, err)
			}
			o.Payments = append(o.Payments, p)
		}
		if o.Due() != 0 || o.Paid() != o.Total {
			t.Fatalf("%d due, %d paid of %d", o.Due(), o.Paid(), o.Total)
		}
	})
}

func TestSomeOrdersTakeNoPayments(t *testing.T) {
	for name, o := range map[string]Order{
		"on a tab":      {Payment: TermsAccount, CustomerID: "alice", Status: StatusPlaced, Total: 5},
		"cancelled":     {Payment: TermsOpen, Status: StatusCancelled, Total: 5},
		"refunded":      {Payment: TermsOpen, Status: StatusRefunded, Total: 5},
		"with too many": {Payment: TermsOpen, Status: StatusPlaced, Total: 5, Payments: make([]OrderPayment, MaxPayments)},
	} {
		if _, err := o.Take(DraftPayment{Method: MethodCard, Amount: 1}, ""); err == nil || o.Payable() != 0 && name != "with too many" {
			t.Errorf("an order %s: %v", name, err)
		}
	}
}

// TestAHistoryFoldsItsOlderSteps keeps the first step and the last ones, and loses no version.
func TestAHistoryFoldsItsOlderSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		began := rapid.Int64Range(0, 3).Draw(t, "versions before there were histories")
		n := rapid.Int64Range(0, 60).Draw(t, "changes")
		o := Order{PlacedAt: time.Unix(0, 0), UpdatedAt: time.Unix(100, 0), Version: max(1, began)}
		if began == 0 {
			o.History = []Step{{Version: 1, What: WasPlaced}}
		}
		for range n {
			o.Version++
			o.History = Recorded(o.History, Step{Version: o.Version, What: WasAmended, At: time.Unix(o.Version, 0)})
		}
		steps, version := o.Steps(), int64(0)
		for _, s := range steps {
			version += s.versions()
			if s.Version != version {
				t.Fatalf("%+v is not version %d: %+v", s, version, steps)
			}
		}
		if version != o.Version || steps[0].What != WasPlaced || len(o.History) > recentSteps+2 || len(steps) > recentSteps+3 {
			t.Fatalf("%d versions of %d: %+v", version, o.Version, steps)
		}
		for i := range min(n, recentSteps) {
			if s := steps[int64(len(steps))-1-i]; s.What != WasAmended || s.Version != o.Version-i {
				t.Fatalf("%+v", steps)
			}
		}
	})
}
