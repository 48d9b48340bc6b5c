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
// quantity and revenue, its taxes a map from id to net and amount. Zeros are left out, and so
// is a net that is the revenue.
func EncodeEntry(e model.Entry) table.Item {
	item := table.Item{
		"customer_id": table.String(e.CustomerID),
		"posting":     table.Int(e.Posting),
		"at":          Time(e.At),
	}
	PutText(item, "status", string(e.Status))
	PutFlag(item, "deleted", e.Deleted)
	PutNumber(item, "tab", int64(e.Tab))
	PutNumber(item, "revenue", int64(e.Revenue))
	PutNumber(item, "pricing", e.Pricing)
	PutNumber(item, "discount", int64(e.Discount))
	PutNumber(item, "charge", int64(e.Charge))
	PutNumber(item, "tip", int64(e.Tip))
	if e.Net != e.Revenue {
		item["net"] = table.Int(int64(e.Net))
	}
	if len(e.Taxes) > 0 {
		taxes := make(table.Item, len(e.Taxes))
		for _, t := range e.Taxes {
			taxes[t.ID] = table.List(table.Int(int64(t.Net)), table.Int(int64(t.Amount)))
		}
		item["taxes"] = table.Map(taxes)
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
		Tab: model.Money(r.OptionalNumber("tab")), Revenue: model.Money(r.OptionalNumber("revenue")), Pricing: r.OptionalNumber("pricing"),
		Discount: model.Money(r.OptionalNumber("discount")), Charge: model.Money(r.OptionalNumber("charge")), Tip: model.Money(r.OptionalNumber("tip")),
	}
	e.Net = e.Revenue
	if r.Has("net") {
		e.Net = model.Money(r.Number("net"))
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
	r.pairs("items", func(sku string, quantity, revenue int64) {
		e.Items = append(e.Items, model.EntryItem{SKU: sku, Quantity: quantity, Revenue: model.Money(revenue)})
	})
	r.pairs("taxes", func(id string, net, amount int64) {
		e.Taxes = append(e.Taxes, model.EntryTax{ID: id, Net: model.Money(net), Amount: model.Money(amount)})
	})
	return e, r.Err()
}

// pairs calls add for each member of a map of pairs of numbers, by name. A map that is not
// there has none.
func (r *Reader) pairs(name string, add func(key string, first, second int64)) {
	if !r.Has(name) {
		return
	}
	members := r.Map(name)
	for _, key := range slices.Sorted(maps.Keys(members)) {
		pair, _ := members[key].List()
		if len(pair) != 2 {
			r.Fail(name)
			return
		}
		add(key, r.NumberIn(pair[0], name), r.NumberIn(pair[1], name))
	}
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
