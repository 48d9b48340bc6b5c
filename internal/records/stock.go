package records

import (
	"cafe/internal/table"
	"cafe/model"
)

// DecodeStock returns a counted item's stock, or an error that IsUnreadable.
func DecodeStock(key table.Key, item table.Item) (model.Stock, error) {
	r := NewReader(key, item)
	s := model.Stock{SKU: IDIn(key, PrefixStock), OnHand: r.Number("on_hand"), Restock: r.OptionalNumber("restock")}
	return s, r.Err()
}
