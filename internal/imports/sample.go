package imports

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// mostSold is how many orders are looked through for items of the sample. A café that has
// sold more uses the sample as its menu, and none of it is retired.
const mostSold = 10_000

// attrRetired lists the items of the sample that an import retires, from before the first
// is gone.
const attrRetired = "retired"

// retireSample takes the untouched sample off the menu, once a menu import has brought items
// of the café's own: what a new café was given to try out is not for its customers. An item is
// untouched if it and its stock are as they were loaded, and nobody ordered it. Notes say
// what went and what stays.
//
// An import that is to keep the sample makes it the café's own.
func (a *attempt) retireSample(ctx context.Context) error {
	if a.im.Created+a.im.Updated+a.im.Unchanged == 0 {
		return nil
	}
	sample, err := a.sample(ctx)
	if err != nil {
		return err
	}
	retired, err := a.retiredBefore(ctx)
	if err != nil || len(sample)+len(retired) == 0 {
		return err
	}
	if a.im.KeepSample {
		return a.keepSample(ctx, sample)
	}
	sold, err := a.soldOf(ctx, sample)
	if err != nil {
		return err
	}
	var kept []string
	sample = slices.DeleteFunc(sample, func(i sampleItem) bool {
		touched := sold[i.sku] || i.recounted
		if touched {
			kept = append(kept, i.sku)
		}
		return touched
	})
	for _, i := range sample {
		retired = append(retired, i.sku)
	}
	slices.Sort(retired)
	retired = slices.Compact(retired)
	if err := a.retire(ctx, sample, retired); err != nil {
		return err
	}
	if n := len(retired); n > 0 {
		goes := "is retired: nobody had ordered or changed"
		if a.im.DryRun {
			goes = "would be retired: nobody has ordered or changed"
		}
		a.remark(fmt.Sprintf("the sample menu %s %s; keep_sample keeps it", goes, strings.Join(retired, ", ")))
	}
	if pricing, err := a.look(ctx, records.PricingKey); err != nil {
		return err
	} else if pricing.Str(records.AttrSetBy) == records.SetBySample {
		a.remark("the pricing document is still the sample's, with the VAT of the United Kingdom: PUT /pricing sets the café's own")
	}
	if len(kept) > 0 {
		a.remark("of the sample menu stays what was ordered or counted: " + strings.Join(kept, ", "))
	}
	return nil
}

// remark adds a note to the import's.
func (a *attempt) remark(note string) { a.im.Summary.Notes = append(a.im.Summary.Notes, note) }

// sampleItem is an item of the sample that nobody has set since it was loaded.
type sampleItem struct {
	sku       string
	at        table.Value // when it was loaded
	stocked   bool        // it has stock, as loaded
	recounted bool        // somebody has set its stock since
}

// sample returns what is left of the sample, by SKU.
func (a *attempt) sample(ctx context.Context) (left []sampleItem, err error) {
	err = records.Patiently(ctx, func() error {
		left = nil
		for row, err := range records.Query(ctx, a.table, table.Query{Partition: records.PartitionMenu, Consistent: true}) {
			if err != nil {
				return err
			}
			if row.Key != records.PricingKey && row.Item.Str(records.AttrSetBy) == records.SetBySample {
				left = append(left, sampleItem{sku: row.Key.SK, at: row.Item[records.AttrSetAt]})
			}
		}
		return nil
	})
	for i := range left {
		stock, lookErr := a.look(ctx, records.StockKey(left[i].sku))
		if err = errors.Join(err, lookErr); err != nil {
			return nil, err
		}
		left[i].stocked = stock != nil && stock.Str(records.AttrSetBy) == records.SetBySample && stock[records.AttrSetAt].Equal(left[i].at)
		left[i].recounted = stock != nil && !left[i].stocked
	}
	return left, err
}

// retiredBefore returns what an earlier attempt of this import was to retire.
func (a *attempt) retiredBefore(ctx context.Context) ([]string, error) {
	item, err := a.look(ctx, records.ImportKey(a.im.ID))
	if err != nil || item == nil {
		return nil, err
	}
	r := records.NewReader(records.ImportKey(a.im.ID), item)
	return r.Texts(attrRetired), nil
}

// soldOf returns the items of the sample that orders have, all of them when there are more
// than mostSold orders.
func (a *attempt) soldOf(ctx context.Context, sample []sampleItem) (sold map[string]bool, err error) {
	err = records.Patiently(ctx, func() error {
		sold = map[string]bool{}
		seen := 0
		for shard := range a.settings.Shards {
			query := table.Query{Index: table.Index2, Partition: records.ShardPartition(records.PrefixOrder, shard), Limit: 1000}
			for row, err := range records.Query(ctx, a.table, query) {
				if err != nil {
					return err
				}
				if seen++; seen > mostSold {
					for _, i := range sample {
						sold[i.sku] = true
					}
					return nil
				}
				lines, _ := row.Item["lines"].List()
				for _, l := range lines {
					line, _ := l.Map()
					sold[line.Str("sku")] = true
				}
			}
		}
		return nil
	})
	return sold, err
}

// retire takes items off the menu, with their stock. One that somebody has set meanwhile
// stays.
func (a *attempt) retire(ctx context.Context, sample []sampleItem, all []string) error {
	if a.im.DryRun || len(sample) == 0 {
		return nil
	}
	note := table.Update(records.ImportKey(a.im.ID), table.Equal("status", table.String(string(model.ImportRunning))))
	note.Set = table.Item{attrRetired: texts(all)}
	if err := a.persist(ctx, note); err != nil {
		return err
	}
	for _, i := range sample {
		asLoaded := []table.Condition{table.Equal(records.AttrSetBy, table.String(records.SetBySample)), table.Equal(records.AttrSetAt, i.at)}
		ops := []table.Op{table.Delete(records.MenuKey(i.sku), asLoaded...)}
		if i.stocked {
			ops = append(ops, table.Delete(records.StockKey(i.sku), asLoaded...))
		}
		err := records.Patiently(ctx, func() error { return a.table.Write(ctx, ops...) })
		var changed *table.ConditionError
		if err != nil && !errors.As(err, &changed) {
			return err
		}
	}
	return nil
}

// keepSample takes the mark of the sample off its items.
func (a *attempt) keepSample(ctx context.Context, sample []sampleItem) error {
	if a.im.DryRun {
		return nil
	}
	for _, i := range sample {
		op := table.Update(records.MenuKey(i.sku), table.Equal(records.AttrSetBy, table.String(records.SetBySample)))
		op.Remove = []string{records.AttrSetBy}
		err := a.persist(ctx, op)
		if _, changed := table.Failed(err, 0); err != nil && !changed {
			return err
		}
	}
	return nil
}
