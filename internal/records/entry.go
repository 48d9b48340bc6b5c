package records

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cafe/internal/table"
	"cafe/model"
)

// EntryKey returns the key of a ledger entry. It is filed by business day.
func EntryKey(e model.Entry) table.Key {
	prefix := PrefixOrder
	if e.Kind == model.EntryPayment {
		prefix = PrefixPayment
	}
	return table.Key{PK: LedgerPartition(e.Day, e.Shard), SK: prefix + e.ID}
}

// EncodeEntry returns a ledger entry as it is stored. Its items are a map from SKU to
// quantity and revenue.
func EncodeEntry(e model.Entry) table.Item {
	item := table.Item{
		"customer_id": table.String(e.CustomerID),
		"posting":     table.Int(e.Posting),
		"at":          Time(e.At),
	}
	PutText(item, "status", string(e.Status))
	PutFlag(item, "deleted", e.Deleted)
	if e.Tab != 0 {
		item["tab"] = table.Int(int64(e.Tab))
	}
	if e.Revenue != 0 {
		item["revenue"] = table.Int(int64(e.Revenue))
	}
	if len(e.Items) > 0 {
		items := make(table.Item, len(e.Items))
		for _, i := range e.Items {
			items[i.SKU] = table.List(table.Int(i.Quantity), table.Int(int64(i.Revenue)))
		}
		item["items"] = table.Map(items)
	}
	return item
}

// DecodeEntry returns a stored ledger entry, or an error that IsUnreadable.
func DecodeEntry(key table.Key, item table.Item) (model.Entry, error) {
	r := NewReader(key, item)
	e := model.Entry{
		Kind: model.EntryOrder, CustomerID: r.Text("customer_id"), Posting: r.Number("posting"), At: r.Time("at"),
		Status: model.Status(r.Optional("status")), Deleted: r.Flag("deleted"),
		Tab: model.Money(r.OptionalNumber("tab")), Revenue: model.Money(r.OptionalNumber("revenue")),
	}
	kind, id, _ := strings.Cut(key.SK, "#")
	if e.ID = id; kind+"#" == PrefixPayment {
		e.Kind = model.EntryPayment
	}
	day, shard, _ := strings.Cut(strings.TrimPrefix(key.PK, PrefixLedger), "#")
	e.Day = model.Day(day)
	if _, err := fmt.Sscan(shard, &e.Shard); err != nil {
		r.Fail("pk")
	}
	if r.Has("items") {
		items := r.Map("items")
		for _, sku := range slices.Sorted(maps.Keys(items)) {
			pair, _ := items[sku].List()
			if len(pair) != 2 {
				r.Fail("items")
				break
			}
			quantity, _ := pair[0].Int()
			revenue, _ := pair[1].Int()
			e.Items = append(e.Items, model.EntryItem{SKU: sku, Quantity: quantity, Revenue: model.Money(revenue)})
		}
	}
	return e, r.Err()
}

// Entry returns the stored ledger entry of the same order or payment, or the zero Entry
// when there is none.
func Entry(ctx context.Context, t table.Table, e model.Entry) (model.Entry, error) {
	stored, err := Get(ctx, t, EntryKey(e), true, DecodeEntry)
	if errors.Is(err, model.ErrNotFound) {
		return model.Entry{}, nil
	}
	return stored, err
}
