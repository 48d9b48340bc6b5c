package model_test

import (
	"testing"

	"cafe/model"
)

// BenchmarkPrice prices an order of three lines, and makes its ledger entry.
func BenchmarkPrice(b *testing.B) {
	menu := model.Menu{
		"latte": {SKU: "latte", Name: "Latte", Price: 350, Active: true, Options: []model.Option{{ID: "oat", Name: "Oat milk", Price: 40}}},
		"tea":   {SKU: "tea", Name: "Tea", Price: 220, Active: true},
		"toast": {SKU: "toast", Name: "Toast", Price: 300, Active: true},
	}
	asked := []model.DraftLine{{SKU: "latte", Quantity: 2, Options: []string{"oat"}}, {SKU: "tea", Quantity: 1}, {SKU: "toast", Quantity: 1, Note: "well done"}}
	b.Run("menu", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := menu.Price(asked); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("entry", func(b *testing.B) {
		lines, total, err := menu.Price(asked)
		if err != nil {
			b.Fatal(err)
		}
		order := model.Order{ID: "1", CustomerID: "alice", Payment: model.TermsAccount, Status: model.StatusPlaced, Lines: lines, Total: total}
		b.ReportAllocs()
		for b.Loop() {
			order.Entries()
		}
	})
}
