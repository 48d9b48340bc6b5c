package render

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/model"
)

// sold is an order with one of everything that a receipt shows. The name is of all that has one.
func sold(name string) model.Order {
	at := time.Date(2026, 11, 28, 9, 58, 11, 0, time.UTC)
	return model.Order{
		ID: "0D4H5K7M9N1P3Q5R7S9T1U3V5A", Number: 42, CustomerID: model.WalkIn, Payment: model.TermsOpen, Status: model.StatusCollected, Dining: model.DiningEatIn,
		Currency: "CHF", Total: 2128, PlacedAt: at, UpdatedAt: at, BusinessDay: "2026-11-28", Version: 5,
		Lines: []model.Line{
			{SKU: "latte", Name: name, Quantity: 2, UnitPrice: 550, Options: []model.Option{{ID: "oat", Name: name, Price: 60}}, Total: 1220},
			{SKU: "cake", Name: name + " with a name that is far too long for one line of a receipt", Quantity: 1, UnitPrice: 780, Total: 780},
		},
		Reckoning: model.Reckoning{
			Pricing: 1, Subtotal: 2000, Tip: 50,
			Discounts: []model.Discount{{Name: name, Amount: 100}},
			Charges:   []model.Charge{{ID: "service", Name: name, Amount: 150}},
			Taxes: []model.Tax{
				{ID: "vat", Name: name, Rate: 81_000, Inclusive: true, Net: 1896, Amount: 154},
				{ID: "city", Name: name, Rate: 15_000, Net: 1896, Amount: 28},
			},
		},
		Payments: []model.OrderPayment{
			{Method: model.MethodVoucher, Amount: 1000, Reference: name},
			{Method: model.MethodCash, Amount: 1128, Rounding: 2, Given: 2000, Tip: 20},
		},
		Refunds: []model.Refund{
			{Lines: []model.RefundLine{{Line: 0, Quantity: 1}}, Amount: 598, Taxes: []model.EntryTax{{ID: "vat", Net: 545, Amount: 44}, {ID: "city", Net: 545, Amount: 9}},
				Method: model.MethodCash, Rounding: 2, Reason: name, At: at.Add(40 * time.Minute)},
			{Amount: 100, Tip: 10, Method: model.MethodCard, Reason: name, At: at.Add(24 * time.Hour)},
		},
	}
}

func seller(name string) Seller {
	zone, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		panic(err)
	}
	return Seller{Cafe{name, zone}, "CHE-123.456.789 MWST"}
}

// TestReceiptsAreAsExpected compares both forms with files. UPDATE=1 writes them anew.
func TestReceiptsAreAsExpected(t *testing.T) {
	for name, got := range map[string][]byte{
		"receipt.txt": []byte(ReceiptText(sold("Kaffee"), seller("Café zum Brunnen"))), "receipt.html": ReceiptHTML(sold("Kaffee"), seller("Café zum Brunnen")),
	} {
		path := filepath.Join("testdata", name)
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s (%v):\n%s", name, err, got)
		}
	}
}

// TestNamesChangeNeitherFormOfAReceipt: whatever names there are, the page has the elements and
// attributes that it has with harmless ones, and no line of the text has more than 42 columns.
func TestNamesChangeNeitherFormOfAReceipt(t *testing.T) {
	want := skeleton(t, ReceiptHTML(sold("Scone"), seller("Café")))
	check := func(t interface {
		Helper()
		Errorf(string, ...any)
		Fatalf(string, ...any)
	}, page []byte, text, name string) {
		for line := range strings.SplitSeq(text, "\n") {
			if columns(line) > receiptWidth || strings.ContainsAny(line, "\r\t\x00") {
				t.Errorf("%q makes a line of %d columns: %q", name, columns(line), line)
			}
		}
	}
	for _, name := range hostile {
		page := ReceiptHTML(sold(name), seller(name))
		inspect(t, page)
		if got := skeleton(t, page); !slices.Equal(got, want) {
			t.Errorf("%q changes the page", name)
		}
		check(t, page, ReceiptText(sold(name), seller(name)), name)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.SampledFrom(hostile), rapid.String()).Draw(t, "name")
		check(t, nil, ReceiptText(sold(name), seller(name)), name)
	})
}

// TestAReceiptSaysHowAnOrderIsPaid goes through terms and states.
func TestAReceiptSaysHowAnOrderIsPaid(t *testing.T) {
	order := func(change func(o *model.Order)) string {
		o := sold("Kaffee")
		o.Refunds, o.Payments = nil, nil
		change(&o)
		return ReceiptText(o, seller("Café"))
	}
	for name, tt := range map[string]struct {
		text string
		want []string
		no   []string
	}{
		"open":      {order(func(o *model.Order) {}), []string{"To be paid                           21.28"}, []string{"At the counter"}},
		"counter":   {order(func(o *model.Order) { o.Payment = model.TermsCounter }), []string{"At the counter                       21.28"}, []string{"To be paid"}},
		"on a tab":  {order(func(o *model.Order) { o.Payment = model.TermsAccount }), []string{"On the tab                           21.28"}, []string{"To be paid"}},
		"cancelled": {order(func(o *model.Order) { o.Status = model.StatusCancelled }), []string{"*** CANCELLED ***"}, []string{"To be paid", "Paid"}},
		"of before": {order(func(o *model.Order) {
			o.Reckoning, o.Number, o.Dining = model.Reckoning{Subtotal: 2000}, 0, ""
			o.Total = 2000
		}), []string{"Total CHF                            20.00"}, []string{"Subtotal", "Taxes", "Number"}},
	} {
		for _, want := range tt.want {
			if !strings.Contains(tt.text, want) {
				t.Errorf("%s lacks %q:\n%s", name, want, tt.text)
			}
		}
		for _, no := range tt.no {
			if strings.Contains(tt.text, no) {
				t.Errorf("%s has %q:\n%s", name, no, tt.text)
			}
		}
	}
}
