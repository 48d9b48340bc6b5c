package cafe

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"strings"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/pricing"
)

// Sample is what a new café begins with, for people to try it out.
type Sample struct {
	Items   []model.Item // at most 48 of them fit into the one write
	OnHand  int64        // of each counted item
	Pricing pricing.Document
}

// Begin makes a new café ready, once: it puts the sample up, and records that the café has
// begun, in one write. So a first start that is cut short has done all of it or nothing, and
// the next one does it. With bare it records only that. A café that has begun, or has
// anything of its own, is left as it is.
//
// Items of the sample are marked (records.SetBySample) until somebody sets them.
func (c *Cafe) Begin(ctx context.Context, sample Sample, bare bool) error {
	switch _, err := c.table.Get(ctx, records.BegunKey, true); {
	case err == nil:
		return nil
	case !errors.Is(err, table.ErrNotFound):
		return err
	}
	isNew, err := c.isNew(ctx, sample)
	if err != nil {
		return err
	}
	at := records.Time(c.now.Stamp())
	ops := []table.Op{table.Put(records.BegunKey, table.Item{"at": at}, table.Absent())}
	if isNew && !bare {
		put, err := putSample(sample, at)
		if err != nil {
			return err
		}
		ops = append(ops, put...)
		defer c.ForgetMenu()
	}
	err = records.Write(ctx, c.table, ops...)
	if _, begun := table.Failed(err, 0); begun {
		return nil // by another process, at the same time
	}
	return err
}

// putSample returns the operations that put the sample up. A part of it that is there is as
// it is here (isNew).
func putSample(sample Sample, at table.Value) (ops []table.Op, err error) {
	mark := func(item table.Item) table.Item {
		item[records.AttrSetAt], item[records.AttrSetBy] = at, table.String(records.SetBySample)
		return item
	}
	for _, item := range sample.Items {
		ops = append(ops, table.Put(records.MenuKey(item.SKU), mark(records.EncodeMenuItem(item))))
		if item.Counted {
			ops = append(ops, table.Put(records.StockKey(item.SKU), mark(table.Item{"on_hand": table.Int(sample.OnHand), "restock": table.Int(1)})))
		}
	}
	if _, err := pricing.New(1, sample.Pricing); err != nil {
		return nil, err
	}
	version, err := records.EncodePricing(1, sample.Pricing)
	if err != nil {
		return nil, err
	}
	current := mark(maps.Clone(version))
	return append(ops, table.Put(records.PricingKey, current), table.Put(records.PricingVersionKey(1), version)), nil
}

// isNew reports whether the table holds nothing, or nothing but a part of the sample as it
// is loaded. An earlier version of the café loaded it item by item, and could be cut short.
func (c *Cafe) isNew(ctx context.Context, sample Sample) (bool, error) {
	items := map[table.Key]model.Item{}
	for _, item := range sample.Items {
		items[records.MenuKey(item.SKU)] = item
		if item.Counted {
			items[records.StockKey(item.SKU)] = item
		}
	}
	for row, err := range records.Scan(ctx, c.table, "") {
		if err != nil {
			return false, err
		}
		item, ofSample := items[row.Key]
		switch {
		case row.Key == records.PricingKey || row.Key == records.PricingVersionKey(1):
			if t, err := records.DecodePricing(row.Key, row.Item); err != nil || !reflect.DeepEqual(t.Document(), sample.Pricing) {
				return false, nil
			}
		case !ofSample:
			return false, nil
		case strings.HasPrefix(row.Key.PK, records.PrefixStock):
			if row.Item.Int("on_hand") != sample.OnHand {
				return false, nil
			}
		default:
			was, err := records.DecodeMenuItem(row.Key, row.Item)
			if err != nil || !records.EncodeMenuItem(was).Equal(records.EncodeMenuItem(item)) {
				return false, nil
			}
		}
	}
	return true, nil
}
