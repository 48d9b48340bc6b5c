package records

import (
	"cafe/internal/table"
	"cafe/model"
)

// EncodePayment returns a payment as it is stored.
func EncodePayment(p model.Payment) table.Item {
	item := table.Item{
		"customer_id":    table.String(p.CustomerID),
		"amount":         table.Int(int64(p.Amount)),
		"currency":       table.String(p.Currency),
		"at":             Time(p.At),
		"business_day":   table.String(string(p.BusinessDay)),
		"shard":          table.Int(p.Shard),
		table.AttrIndex1: table.String(PrefixPayment + p.CustomerID),
		table.AttrIndex2: table.String(ShardPartition(PrefixPayment, p.Shard)),
		table.AttrSort:   table.String(DaySort(p.BusinessDay, p.At, p.ID)),
	}
	PutText(item, "method", string(p.Method))
	PutText(item, "note", p.Note)
	PutText(item, "fingerprint", p.Fingerprint)
	return item
}

// DecodePayment returns a stored payment, or an error that IsUnreadable.
func DecodePayment(key table.Key, item table.Item) (model.Payment, error) {
	r := NewReader(key, item)
	p := model.Payment{
		ID:          r.OwnID(PrefixPayment),
		CustomerID:  r.ID("customer_id"),
		Amount:      model.Money(r.AtLeast("amount", 1)),
		Currency:    r.Text("currency"),
		At:          r.Time("at"),
		BusinessDay: r.Day("business_day"),
		Shard:       r.AtLeast("shard", 0),
		Method:      model.Method(r.Optional("method")),
		Note:        r.Optional("note"),
		Fingerprint: r.Optional("fingerprint"),
	}
	return p, r.Err()
}
