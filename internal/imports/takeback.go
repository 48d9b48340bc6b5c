package imports

import (
	"context"
	"errors"
	"slices"
	"time"

	"cafe/internal/parallel"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// Why an order or item stays when its import is taken back.
const (
	whyChanged    = "it was changed since it was imported"
	whyUnreadable = "it cannot be read"
	whyUpdated    = "it was there before the import, which changed it; what it was is not kept"
	whyResold     = "its number may have changed since: it was counted, sold or thrown away"
	whySample     = "it was of the sample menu, and the import retired it; it does not come back"
)

// attrNewItems lists the SKUs of the items that a finished import created.
const attrNewItems = "new_items"

// mostNewItems is how many bytes of SKUs are kept, so that the import stays small.
const mostNewItems = 48 << 10

// listed returns SKUs, sorted, without repetitions, and not more than are kept.
func listed(skus []string) []string {
	slices.Sort(skus)
	skus = slices.Compact(skus)
	size := 0
	for i, sku := range skus {
		if size += len(sku) + 3; size > mostNewItems { // 3: of each in a list, on DynamoDB
			return skus[:i]
		}
	}
	return skus
}

// orders finds the next orders to take back, in the day index. They were imported lately or
// long ago: those of other imports lie between them.
func (u *undoing) orders(ctx context.Context, until time.Time) (p part, err error) {
	r := records.NewReader(records.ImportKey(u.im.ID), u.stored)
	spans := readSpans(&r)
	if err := r.Err(); err != nil {
		return p, err
	}
	for p.next = u.at; ; {
		if p.next.span >= int64(len(spans)) {
			p.end = true
			return p, nil
		}
		s := spans[p.next.span]
		query := table.Query{
			Index: table.Index2, Partition: records.ShardPartition(records.PrefixOrder, p.next.shard),
			From: string(s.from) + "#", To: table.PrefixEnd(string(s.to) + "#"), Limit: 3 * undoneAtOnce,
		}
		if p.next.after != "" {
			query.From = table.After(p.next.after)
		}
		page, err := u.table.Query(ctx, query)
		if err != nil {
			return p, err
		}
		for _, row := range page.Rows {
			if row.Item.Str("import_id") == u.im.ID && !u.takeOrderBack(&p, row) {
				return p, nil // full
			}
			p.next.after = row.Item.Str(table.AttrSort)
		}
		switch {
		case page.Next != "":
			p.next.after = page.Next
		case p.next.shard+1 < u.settings.Shards:
			p.next = position{span: p.next.span, shard: p.next.shard + 1}
		default:
			p.next = position{span: p.next.span + 1}
		}
		if len(p.ops) == undoneAtOnce || time.Now().After(until) {
			return p, nil
		}
	}
}

// takeOrderBack adds an order to the part, or what keeps it. It returns false when there is no
// room.
func (u *undoing) takeOrderBack(p *part, row table.Row) bool {
	id := records.IDIn(row.Key, records.PrefixOrder)
	order, err := records.DecodeOrder(row.Key, row.Item)
	if err != nil {
		p.keep(id, whyUnreadable)
		return true
	}
	if order.Version != 1 {
		p.keep(id, whyChanged)
		return true
	}
	gone := order.WithoutNotes()
	gone.Deleted, gone.TakenBack, gone.Version, gone.UpdatedAt = true, true, order.Version+1, u.now.Stamp()
	if !model.SameContributions(order.Entries(), gone.Entries()) {
		gone.Posting++
	}
	return p.add(id, table.Put(row.Key, records.EncodeOrder(gone), table.Equal("version", table.Int(order.Version))))
}

// items finds the next items to take back: those on the menu, and those that the import
// created.
func (u *undoing) items(ctx context.Context) (p part, err error) {
	r := records.NewReader(records.ImportKey(u.im.ID), u.stored)
	created, retired := r.Texts(attrNewItems), r.Texts(attrRetired)
	if err := r.Err(); err != nil {
		return p, err
	}
	menu := map[string]table.Item{}
	skus := slices.Clone(created)
	for row, err := range records.Query(ctx, u.table, table.Query{Partition: records.PartitionMenu, Consistent: true}) {
		if err != nil {
			return p, err
		}
		if row.Key != records.PricingKey {
			menu[row.Key.SK] = row.Item
			skus = append(skus, row.Key.SK)
		}
	}
	slices.Sort(skus)
	skus = slices.DeleteFunc(slices.Compact(skus), func(sku string) bool { return sku <= u.at.after })
	p.end = len(skus) <= undoneAtOnce
	skus = skus[:min(len(skus), undoneAtOnce)]

	found, key := make([]table.Item, len(skus)), records.MenuKey
	for n, sku := range skus {
		found[n] = menu[sku]
	}
	if u.im.Kind == model.ImportStock {
		key = records.StockKey
		err := parallel.Each(ctx, len(skus), func(ctx context.Context, n int) (err error) {
			if found[n], err = u.table.Get(ctx, key(skus[n]), true); errors.Is(err, table.ErrNotFound) {
				return nil
			}
			return err
		})
		if err != nil {
			return p, err
		}
	}
	if u.at == (position{}) {
		for _, sku := range retired {
			p.keep(sku, whySample)
		}
	}
	for n, sku := range skus {
		u.takeItemBack(&p, sku, key(sku), found[n], slices.Contains(created, sku))
		p.next.after = sku
	}
	return p, nil
}

// takeItemBack adds an item of the menu or the stock to the part, or what keeps it. now is the
// item as it is stored, nil when it is not there; created says that the import lists it as new.
func (u *undoing) takeItemBack(p *part, sku string, key table.Key, now table.Item, created bool) {
	made := outcome(now.Str(records.AttrSetOutcome))
	switch {
	case now == nil:
	case now.Str(records.AttrSetBy) != u.im.ID:
		if created {
			p.keep(sku, whyChanged)
		}
	case made == updated:
		p.keep(sku, whyUpdated)
	case made == unchanged:
	case !now[records.AttrSetAt].Equal(records.Time(u.im.CreatedAt)), u.im.Kind == model.ImportStock && !now["on_hand"].Equal(now[records.AttrSetCount]):
		p.keep(sku, whyResold)
	default:
		op := table.Delete(key, table.Equal(records.AttrSetBy, table.String(u.im.ID)), table.Equal(records.AttrSetAt, now[records.AttrSetAt]))
		if u.im.Kind == model.ImportStock {
			op.If = append(op.If, table.Equal("on_hand", now["on_hand"]))
		}
		p.add(sku, op)
	}
}
