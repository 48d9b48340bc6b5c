package records

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
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

// EncodeEntry returns a ledger entry as it is stored. Zeros are left out, and
// so is what follows from the rest: the net, and plain tenders. An entry without a customer is
// a walk-in's.
func EncodeEntry(e model.Entry) table.Item {
	item := table.Item{
		"posting": table.Int(e.Posting),
		"at":      Time(e.At),
	}
	if e.CustomerID != model.WalkIn {
		item["customer_id"] = table.String(e.CustomerID)
	}
	PutText(item, "status", string(e.Status))
	PutFlag(item, "deleted", e.Deleted)
	PutFlag(item, "no_sale", e.NoSale)
	PutNumber(item, "tab", int64(e.Tab))
	PutNumber(item, "revenue", int64(e.Revenue))
	PutNumber(item, "pricing", e.Pricing)
	PutNumber(item, "discount", int64(e.Discount))
	PutNumber(item, "charge", int64(e.Charge))
	PutNumber(item, "tip", int64(e.Tip))
	PutText(item, "taxes", taxesText(e.Taxes))
	if !slices.Equal(e.Tenders, e.PlainTenders()) {
		item["tenders"] = table.String(tendersText(e.Tenders))
	}
	putReversals(item, "refunds", e.Refunds)
	if e.Cancelled != nil {
		putReversals(item, "cancelled", []model.Reversal{*e.Cancelled})
	}
	PutText(item, "items", itemsText(e.Items))
	return item
}

// DecodeEntry returns a stored ledger entry, or an error that IsUnreadable. Entries of before
// v0.2.0 have their items and taxes as maps, their net as a number, and walk-ins named.
func DecodeEntry(key table.Key, item table.Item) (model.Entry, error) {
	r := NewReader(key, item)
	e := model.Entry{
		Kind: model.EntryOrder, CustomerID: model.WalkIn, Posting: r.Number("posting"), At: r.Time("at"),
		Status: model.Status(r.Optional("status")), Deleted: r.Flag("deleted"), NoSale: r.Flag("no_sale"),
		Tab: model.Money(r.OptionalNumber("tab")), Revenue: model.Money(r.OptionalNumber("revenue")), Pricing: r.OptionalNumber("pricing"),
		Discount: model.Money(r.OptionalNumber("discount")), Charge: model.Money(r.OptionalNumber("charge")), Tip: model.Money(r.OptionalNumber("tip")),
		Refunds: r.reversals("refunds"),
	}
	if cancelled := r.reversals("cancelled"); len(cancelled) > 0 {
		e.Cancelled = &cancelled[0]
	}
	if r.Has("customer_id") {
		e.CustomerID = r.Text("customer_id")
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
	addItem := func(sku string, quantity, revenue int64) {
		e.Items = append(e.Items, model.EntryItem{SKU: sku, Quantity: quantity, Revenue: model.Money(revenue)})
	}
	if _, isMap := item["items"].Map(); isMap {
		r.pairs("items", addItem)
	} else {
		r.triples("items", addItem)
	}
	if _, isMap := item["taxes"].Map(); isMap {
		r.pairs("taxes", func(id string, net, amount int64) {
			e.Taxes = append(e.Taxes, model.EntryTax{ID: id, Net: model.Money(net), Amount: model.Money(amount)})
		})
	} else {
		e.Taxes = r.taxes("taxes")
	}
	e.Net = e.Revenue
	for _, t := range e.Taxes {
		e.Net -= t.Amount
	}
	if e.Tenders = e.PlainTenders(); r.Has("tenders") {
		e.Tenders = r.tenders("tenders")
	}
	return e, r.Err()
}

// itemsText packs items as taxesText does taxes: the SKU, the quantity and the revenue.
func itemsText(items []model.EntryItem) string {
	var b []byte
	for _, i := range items {
		b = appendTriple(b, i.SKU, i.Quantity, int64(i.Revenue))
	}
	return string(b)
}

// taxesText packs taxes, each as its id, net and amount, with spaces between. No id has a
// space. It takes half the bytes of a map, and the daily report reads them of every order.
func taxesText(taxes []model.EntryTax) string {
	var b []byte
	for _, t := range taxes {
		b = appendTriple(b, t.ID, int64(t.Net), int64(t.Amount))
	}
	return string(b)
}

func (r *Reader) taxes(name string) (taxes []model.EntryTax) {
	r.triples(name, func(id string, net, amount int64) {
		taxes = append(taxes, model.EntryTax{ID: id, Net: model.Money(net), Amount: model.Money(amount)})
	})
	return taxes
}

// tendersText packs tenders as taxesText does taxes: the method, the amount and the count.
func tendersText(tenders []model.EntryTender) string {
	var b []byte
	for _, t := range tenders {
		b = appendTriple(b, string(t.Method), int64(t.Amount), t.Count)
	}
	return string(b)
}

func (r *Reader) tenders(name string) (tenders []model.EntryTender) {
	r.triples(name, func(method string, amount, count int64) {
		tenders = append(tenders, model.EntryTender{Method: model.Method(method), Amount: model.Money(amount), Count: count})
	})
	return tenders
}

func appendTriple(b []byte, name string, first, second int64) []byte {
	if len(b) > 0 {
		b = append(b, ' ')
	}
	b = append(append(b, name...), ' ')
	b = append(strconv.AppendInt(b, first, 10), ' ')
	return strconv.AppendInt(b, second, 10)
}

// triples calls add for each name and its two numbers in a packed text. A text that is not
// there has none.
func (r *Reader) triples(name string, add func(name string, first, second int64)) {
	words := strings.Fields(r.Optional(name))
	if len(words)%3 != 0 {
		r.Fail(name)
		return
	}
	for ; len(words) > 0; words = words[3:] {
		first, err1 := strconv.ParseInt(words[1], 10, 64)
		second, err2 := strconv.ParseInt(words[2], 10, 64)
		if err1 != nil || err2 != nil {
			r.Fail(name)
			return
		}
		add(words[0], first, second)
	}
}

// putReversals puts reversals into an item as a list of maps.
func putReversals(item table.Item, name string, reversals []model.Reversal) {
	if len(reversals) == 0 {
		return
	}
	list := make([]table.Value, len(reversals))
	for i, v := range reversals {
		m := table.Item{}
		PutText(m, "reason", v.Reason)
		PutText(m, "by", v.By)
		PutNumber(m, "amount", int64(v.Amount))
		PutNumber(m, "tip", int64(v.Tip))
		PutNumber(m, "tax", int64(v.Tax))
		list[i] = table.Map(m)
	}
	item[name] = table.List(list...)
}

func (r *Reader) reversals(name string) (reversals []model.Reversal) {
	if !r.Has(name) {
		return nil
	}
	for v := range r.Maps(name) {
		reversals = append(reversals, model.Reversal{
			Reason: v.Optional("reason"), By: v.Optional("by"),
			Amount: model.Money(v.OptionalNumber("amount")), Tip: model.Money(v.OptionalNumber("tip")), Tax: model.Money(v.OptionalNumber("tax")),
		})
	}
	return reversals
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
