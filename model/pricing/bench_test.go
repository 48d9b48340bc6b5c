package pricing

import (
	"testing"
	"time"

	"cafe/model"
)

// benchMenu and benchDraft are those of BenchmarkPrice in package model.
var (
	benchMenu = model.Menu{
		"latte": {SKU: "latte", Name: "Latte", Category: "coffee", Price: 350, Active: true, Options: []model.Option{{ID: "oat", Name: "Oat milk", Price: 40}}},
		"tea":   {SKU: "tea", Name: "Tea", Category: "tea", Price: 220, Active: true},
		"toast": {SKU: "toast", Name: "Toast", Category: "food", TaxClass: "cold-food", Price: 300, Active: true},
	}
	benchDraft = model.Draft{Dining: model.DiningTakeaway, Lines: []model.DraftLine{
		{SKU: "latte", Quantity: 2, Options: []string{"oat"}}, {SKU: "tea", Quantity: 1}, {SKU: "toast", Quantity: 1, Note: "well done"},
	}}
	benchVisit = Visit{Role: model.RoleCustomer, At: time.Date(2026, 11, 27, 15, 30, 0, 0, time.UTC), Calendar: model.Calendar{Zone: time.UTC, Cutoff: 4 * time.Hour}}
)

// benchDocument has two taxes and a happy hour on coffee.
func benchDocument(inclusive bool) Document {
	return Document{
		Taxes: []Tax{
			{ID: "gst", Name: "GST", Rate: "5", Inclusive: inclusive, Applies: []Applies{{Class: "standard"}, {Class: "cold-food"}}},
			{ID: "pst", Name: "PST", Rate: "6", Inclusive: inclusive, Applies: []Applies{{Class: "standard"}}},
		},
		Offers: []Offer{{ID: "happy", Name: "Happy hour", Percent: "20", Categories: []string{"coffee"}, Days: []string{"thu", "fri"}, From: "15:00", To: "17:00"}},
	}
}

// BenchmarkPrice prices three lines: by the menu alone, by two taxes and an offer, and
// by inclusive taxes of which the lines bear different ones.
func BenchmarkPrice(b *testing.B) {
	run := func(name string, t *Tariff) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := t.Price(benchDraft, benchMenu, benchVisit); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	tariff := func(d Document) *Tariff {
		t, err := New(1, d)
		if err != nil {
			b.Fatal(err)
		}
		return t
	}
	b.Run("menu", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := benchMenu.Price(benchDraft.Lines); err != nil {
				b.Fatal(err)
			}
		}
	})
	run("no document", nil)
	run("two taxes and an offer", tariff(benchDocument(false)))
	run("two inclusive taxes on different lines and an offer", tariff(benchDocument(true)))
}

// BenchmarkSum shows why sum has a way of its own for fractions of one denominator.
func BenchmarkSum(b *testing.B) {
	parts := []fraction{of(780, 88_750, 1_000_000), of(220, 88_750, 1_000_000), of(300, 88_750, 1_000_000)}
	for name, add := range map[string]func([]fraction) fraction{"integers": sum, "big.Rat": sumOfMany} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				add(parts)
			}
		})
	}
}

// BenchmarkRecord writes and reads what an order keeps of its bill.
func BenchmarkRecord(b *testing.B) {
	t, err := New(1, benchDocument(true))
	if err != nil {
		b.Fatal(err)
	}
	bill, err := t.Price(benchDraft, benchMenu, benchVisit)
	if err != nil {
		b.Fatal(err)
	}
	var o model.Order
	bill.Onto(&o)
	text := NewRecord(o).Text()
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = NewRecord(o).Text()
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r, err := ParseRecord(text)
			if err != nil {
				b.Fatal(err)
			}
			if err := r.Restore(&o); err != nil {
				b.Fatal(err)
			}
			if err := t.Name(&o); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkQuote signs and honours a quote of three lines.
func BenchmarkQuote(b *testing.B) {
	t, err := New(1, benchDocument(true))
	if err != nil {
		b.Fatal(err)
	}
	key := []byte("0123456789abcdef0123456789abcdef")
	b.ReportAllocs()
	for b.Loop() {
		bill, err := t.Price(benchDraft, benchMenu, benchVisit)
		if err != nil {
			b.Fatal(err)
		}
		text, err := NewQuote(benchDraft, bill, "customer/alice", benchVisit.At).Sign(key)
		if err != nil {
			b.Fatal(err)
		}
		q, err := ReadQuote(key, text)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := q.Bill(t, benchDraft, "customer/alice", benchVisit); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(text)), "bytes")
	}
}
