package records

import (
	"strings"

	"cafe/internal/table"
	"cafe/model"
)

// WasteKey returns the key of an item's waste. All waste of a day is in the first partition
// of its ledger, where the day's report finds it.
func WasteKey(day model.Day, id string) table.Key {
	return table.Key{PK: LedgerPartition(day, 0), SK: PrefixWaste + id}
}

// EncodeWaste returns waste as it is stored.
func EncodeWaste(w model.Waste) table.Item {
	item := table.Item{
		"sku":      table.String(w.SKU),
		"name":     table.String(w.Name),
		"quantity": table.Int(w.Quantity),
		"at":       Time(w.At),
	}
	PutNumber(item, "from_stock", w.FromStock)
	PutText(item, "reason", w.Reason)
	PutText(item, "fingerprint", w.Fingerprint)
	return item
}

// DecodeWaste returns stored waste, or an error that IsUnreadable.
func DecodeWaste(key table.Key, item table.Item) (model.Waste, error) {
	r := NewReader(key, item)
	day, _, _ := strings.Cut(strings.TrimPrefix(key.PK, PrefixLedger), "#")
	w := model.Waste{
		ID: strings.TrimPrefix(key.SK, PrefixWaste), SKU: r.ID("sku"), Name: r.Text("name"),
		Quantity: r.AtLeast("quantity", 1), FromStock: r.OptionalNumber("from_stock"), Reason: r.Optional("reason"),
		At: r.Time("at"), BusinessDay: model.Day(day), Fingerprint: r.Optional("fingerprint"),
	}
	return w, r.Err()
}

// IsEntry reports whether the key is that of an order's or payment's entry in a ledger, and
// not of a sold-out mark or of waste, which move no total.
func IsEntry(key table.Key) bool {
	return strings.HasPrefix(key.PK, PrefixLedger) && !strings.HasPrefix(key.SK, PrefixStock) && !strings.HasPrefix(key.SK, PrefixWaste)
}
