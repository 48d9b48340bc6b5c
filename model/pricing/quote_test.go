package pricing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cafe/model"
)

var quoteKey = []byte("0123456789abcdef0123456789abcdef")

// quotation is a quote of benchDraft for alice, and its tariff.
func quotation(t *testing.T) (*Tariff, Bill, string) {
	t.Helper()
	tariff, err := New(7, benchDocument(true))
	if err != nil {
		t.Fatal(err)
	}
	bill, err := tariff.Price(benchDraft, benchMenu, benchVisit)
	if err != nil {
		t.Fatal(err)
	}
	text, err := NewQuote(benchDraft, bill, "customer/alice", benchVisit.At).Sign(quoteKey)
	if err != nil {
		t.Fatal(err)
	}
	return tariff, bill, text
}

func TestQuoteIsHonoured(t *testing.T) {
	tariff, bill, text := quotation(t)
	q, err := ReadQuote(quoteKey, text)
	if err != nil {
		t.Fatal(err)
	}
	if want := benchVisit.At.Add(15 * time.Minute); !q.Expires.Equal(want) {
		t.Errorf("expires %v, want %v", q.Expires, want)
	}
	draft, visit := benchDraft, benchVisit
	draft.Lines = slices.Clone(draft.Lines)
	draft.Lines[1].Note, draft.Note, draft.Tip, draft.Quote, draft.Payment = "no lid", "for Bob", 200, text, model.TermsCounter
	visit.At = visit.At.Add(15*time.Minute - time.Second)
	got, err := q.Bill(tariff, draft, "customer/alice", visit)
	if err != nil || got.Total != bill.Total+200 || got.Reckoning.Tip != 200 || got.Lines[1].Note != "no lid" {
		t.Errorf("%+v, %v; want %d and a tip of 200", got, err, bill.Total)
	}
}

func TestQuoteIsRefused(t *testing.T) {
	tariff, _, text := quotation(t)
	q, err := ReadQuote(quoteKey, text)
	if err != nil {
		t.Fatal(err)
	}
	other := func(change func(*model.Draft)) model.Draft {
		d := benchDraft
		d.Lines = slices.Clone(d.Lines)
		change(&d)
		return d
	}
	for _, c := range []struct {
		name   string
		draft  model.Draft
		caller string
		after  time.Duration
		want   error
	}{
		{"another's", benchDraft, "customer/bob", 0, ErrQuoteAnothers},
		{"one's own in another role", benchDraft, "staff/alice", 0, ErrQuoteAnothers},
		{"expired", benchDraft, "customer/alice", QuoteLife, ErrQuoteExpired},
		{"another quantity", other(func(d *model.Draft) { d.Lines[0].Quantity = 1 }), "customer/alice", 0, ErrQuoteMismatch},
		{"another option", other(func(d *model.Draft) { d.Lines[0].Options = nil }), "customer/alice", 0, ErrQuoteMismatch},
		{"another item", other(func(d *model.Draft) { d.Lines[1].SKU = "toast" }), "customer/alice", 0, ErrQuoteMismatch},
		{"one more line", other(func(d *model.Draft) { d.Lines = append(d.Lines, d.Lines[0]) }), "customer/alice", 0, ErrQuoteMismatch},
		{"lines in another order", other(func(d *model.Draft) { d.Lines[0], d.Lines[1] = d.Lines[1], d.Lines[0] }), "customer/alice", 0, ErrQuoteMismatch},
		{"eaten elsewhere", other(func(d *model.Draft) { d.Dining = model.DiningEatIn }), "customer/alice", 0, ErrQuoteMismatch},
		{"a code", other(func(d *model.Draft) { d.Codes = []string{"STUDENT"} }), "customer/alice", 0, ErrQuoteMismatch},
		{"a discount", other(func(d *model.Draft) { d.Discounts = []model.DraftDiscount{{Name: "x", Amount: 1}} }), "customer/alice", 0, ErrQuoteMismatch},
		{"for somebody else", other(func(d *model.Draft) { d.CustomerID = "bob" }), "customer/alice", 0, ErrQuoteMismatch},
	} {
		visit := benchVisit
		visit.At = visit.At.Add(c.after)
		if _, err := q.Bill(tariff, c.draft, c.caller, visit); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := q.Bill(nil, benchDraft, "customer/alice", benchVisit); !errors.Is(err, ErrTariff) {
		t.Errorf("under another document: %v", err)
	}
}

func TestQuoteThatWasAlteredIsRefused(t *testing.T) {
	_, _, text := quotation(t)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	bad := []string{"", "x", "=", text + "A", text + "=", text[:len(text)-1], text[1:], strings.ToUpper(text), text + "\n"}
	for i := range text {
		at := strings.IndexByte(alphabet, text[i])
		bad = append(bad, text[:i]+alphabet[(at+1)%64:][:1]+text[i+1:])
	}
	for _, b := range bad {
		if q, err := ReadQuote(quoteKey, b); !errors.Is(err, ErrQuoteAltered) {
			t.Fatalf("%q is read as %+v, %v", b, q, err)
		}
	}
	if _, err := ReadQuote([]byte("another key of at least 32 bytes"), text); !errors.Is(err, ErrQuoteAltered) {
		t.Errorf("under another key: %v", err)
	}
}

// TestRecordIsSmall holds what three lines with two taxes and an offer need to the bar
// that an order of three lines stays under 1 KiB, of which its lines take about 500.
func TestRecordIsSmall(t *testing.T) {
	_, bill, quote := quotation(t)
	var order model.Order
	bill.Onto(&order)
	text := NewRecord(order).Text()
	const want = `{"v":7,"d":"t","s":[156,0,0],"o":[{"i":"happy","a":156,"l":[0]}],"t":[{"i":"gst","a":[28,10,14]},{"i":"pst","l":[0,1],"a":[34,12]}]}`
	if text != want {
		t.Errorf("%s\nwant %s", text, want)
	}
	if len(text) > 160 || len(quote) > 500 {
		t.Errorf("a record of %d bytes, a quote of %d", len(text), len(quote))
	}
	if none := NewRecord(model.Order{Lines: order.Lines[2:]}).Text(); none != "{}" {
		t.Errorf("an order of before keeps %s", none)
	}
}

func TestRecordThatDoesNotFitIsAnError(t *testing.T) {
	tariff, bill, _ := quotation(t)
	for _, text := range []string{
		`{"v":7,"s":[1]}`, `{"v":7,"o":[{"i":"gone","a":1}]}`, `{"v":7,"o":[{"i":"happy","l":[3]}]}`, `{"v":7,"h":[{"i":"gone"}]}`,
		`{"v":7,"t":[{"i":"gone","a":[1,1,1]}]}`, `{"v":7,"t":[{"i":"gst","a":[1]}]}`, `{"v":7,"t":[{"i":"gst","l":[5],"a":[1]}]}`,
		`{"v":7,"t":[{"i":"gst","a":[1,1,1],"x":true}]}`, `{"v":7,"t":[{"i":"gst","l":[0,0],"a":[1,1]}]}`, `{"v":7,"t":[{"i":"gst","a":[1,1,1]},{"i":"gst","a":[1,1,1]}]}`, `{"v":7,"t":[{"i":"gst","l":[-1],"a":[1]}]}`,
	} {
		r, err := ParseRecord(text)
		if err != nil {
			t.Fatal(err)
		}
		order := model.Order{Lines: slices.Clone(bill.Lines)}
		if r.Restore(&order) == nil && tariff.Name(&order) == nil {
			t.Errorf("%s is restored", text)
		}
	}
	if _, err := ParseRecord("{"); err == nil {
		t.Error("half a record is read")
	}
	if err := tariff.Name(&model.Order{}); !errors.Is(err, ErrTariff) {
		t.Errorf("under another document: %v", err)
	}
}

func TestOrderOfBeforeReadsAsBefore(t *testing.T) {
	r, err := ParseRecord("")
	if err != nil || !r.IsZero() {
		t.Fatal(r, err)
	}
	order := model.Order{Lines: []model.Line{{SKU: "tea", Quantity: 2, UnitPrice: 220, Total: 440}}, Total: 440}
	if err := r.Restore(&order); err != nil || order.Reckoning.Subtotal != 440 || order.Reckoning.Total() != order.Total || order.Dining != "" {
		t.Errorf("%+v, %v", order, err)
	}
}

func ExampleTariff_Show() {
	standard := []Applies{{Class: "standard"}}
	newYork, _ := New(1, Document{Taxes: []Tax{{ID: "sales", Name: "Sales tax", Rate: "8.875", Applies: standard}}})
	london, _ := New(1, Document{Taxes: []Tax{{ID: "vat", Name: "VAT", Rate: "20", Inclusive: true, Applies: standard}}})
	bagel := model.Item{SKU: "bagel", Price: 400}
	for _, t := range []*Tariff{newYork, london, nil} {
		shown := t.Show(bagel, model.DiningEatIn)
		fmt.Println(shown.Price, shown.WithTaxes, shown.Taxes)
	}
	// Output:
	// 400 436 [{sales Sales tax 8.875 false 400 36}]
	// 400 400 [{vat VAT 20 true 333 67}]
	// 400 400 []
}
