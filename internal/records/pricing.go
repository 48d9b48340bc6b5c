package records

import (
	"fmt"

	"github.com/go-json-experiment/json"

	"cafe/internal/table"
	"cafe/model/pricing"
)

// EncodePricing returns a version of the pricing document as it is stored, under
// PricingKey and under PricingVersionKey alike.
//
// The current version lies in the partition of the menu, so that both are read together.
// It has the attributes of an inactive item: v0.1.0 of the café, which does not know it,
// still reads the menu.
func EncodePricing(version int64, d pricing.Document) (table.Item, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode the pricing document: %w", err)
	}
	return table.Item{
		"name": table.String("pricing"), "category": table.String(""), "price": table.Int(0),
		"version": table.Int(version), "document": table.String(string(text)),
	}, nil
}

// DecodePricing returns the tariff of a stored pricing document, or an error that
// IsUnreadable.
func DecodePricing(key table.Key, item table.Item) (*pricing.Tariff, error) {
	r := NewReader(key, item)
	version := r.AtLeast("version", 1)
	var d pricing.Document
	r.Note(json.Unmarshal([]byte(r.Text("document")), &d))
	tariff, err := pricing.New(version, d)
	r.Note(err)
	return tariff, r.Err()
}
