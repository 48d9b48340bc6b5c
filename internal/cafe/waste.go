package cafe

import (
	"context"
	"errors"
	"sort"
	"strconv"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// WriteOff files what was left over of an item of the menu, or spoiled, under the business
// day that it is now. The stock of a counted item goes down with it, in the same write. When
// more was thrown away than the stock says there is, what was thrown away is right: the
// stock goes down to 0 and no further.
//
// Waste that is told after the day's report makes a new revision of it, as a late order
// does. The key works as for Place. Fields at fault are a model.Invalid.
func (c *Cafe) WriteOff(ctx context.Context, by Caller, draft model.WasteDraft, key string) (told model.Waste, replayed bool, err error) {
	if err := draft.Validate(); err != nil {
		return told, false, err
	}
	id, fingerprint := records.NewID(), ""
	if key != "" {
		id = model.DeriveID("waste", string(by.Role), by.ID, key)
		fingerprint = model.DeriveID("waste", draft.SKU, strconv.FormatInt(draft.Quantity, 10), draft.Reason)
	}
	err = records.Retry(ctx, func() error {
		told, replayed, err = c.writeOff(ctx, draft, id, fingerprint)
		return err
	})
	if err != nil {
		return model.Waste{}, false, err
	}
	return told, replayed, nil
}

// writeOff makes one attempt to file waste of that id. It is records.ErrOvertaken when the
// stock changed meanwhile, or the same was filed by somebody else.
func (c *Cafe) writeOff(ctx context.Context, draft model.WasteDraft, id, fingerprint string) (told model.Waste, replayed bool, err error) {
	now := c.now.Stamp()
	day := c.Calendar.DayOf(now)
	if fingerprint != "" {
		for _, d := range []model.Day{day, day.AddDays(-1)} {
			stored, err := records.Get(ctx, c.table, records.WasteKey(d, id), true, records.DecodeWaste)
			switch {
			case errors.Is(err, model.ErrNotFound):
				continue
			case err == nil && stored.Fingerprint != fingerprint:
				err = model.ErrKeyReused
			}
			return stored, true, err
		}
	}
	item, err := c.MenuItem(ctx, draft.SKU)
	if errors.Is(err, model.ErrNotFound) {
		return told, false, model.Invalid{{Field: "/sku", Message: "is not on the menu"}}
	}
	if err != nil {
		return told, false, err
	}
	told = model.Waste{
		ID: id, SKU: item.SKU, Name: item.Name, Quantity: draft.Quantity, Reason: draft.Reason,
		At: now, BusinessDay: day, Fingerprint: fingerprint,
	}
	var ops []table.Op
	if item.Counted {
		stock, err := c.stock(ctx, item.SKU, true)
		if err != nil {
			return told, false, err
		}
		if told.FromStock = min(max(stock.OnHand, 0), draft.Quantity); told.FromStock > 0 {
			op := table.Update(records.StockKey(item.SKU), table.AtLeast("on_hand", draft.Quantity))
			if told.FromStock < draft.Quantity {
				op.If = []table.Condition{table.Equal("on_hand", table.Int(stock.OnHand))}
			}
			op.Add = map[string]int64{"on_hand": -told.FromStock}
			ops = append(ops, op)
		}
	}
	if fingerprint != "" { // the same request may have been filed just before the day turned
		ops = append(ops, table.Check(records.WasteKey(day.AddDays(-1), id), table.Absent()))
	}
	if c.DueWithin(records.PostingTime, day, now) {
		ops = append(ops, records.CountLate(day, 1, now))
	}
	ops = append(ops, table.Put(records.WasteKey(day, id), records.EncodeWaste(told), table.Absent()))
	err = records.Write(ctx, c.table, ops...)
	if refused := (*table.ConditionError)(nil); errors.As(err, &refused) {
		err = records.ErrOvertaken
	}
	return told, false, err
}

// Waste lists what was left over or spoiled on a day, newest first; an empty day means
// today. Pages work as for Orders.
func (c *Cafe) Waste(ctx context.Context, day model.Day, from string, limit int) (list []model.Waste, next string, err error) {
	if day == "" {
		day = c.Calendar.DayOf(c.now())
	}
	place := func(w model.Waste) string { return records.TimeSort(w.At, w.ID) }
	query := table.Query{Partition: records.LedgerPartition(day, 0), From: records.PrefixWaste, To: table.PrefixEnd(records.PrefixWaste), Consistent: true}
	for row, err := range records.Query(ctx, c.table, query) {
		if err != nil {
			return nil, "", err
		}
		w, err := records.DecodeWaste(row.Key, row.Item)
		if err != nil {
			return nil, "", err
		}
		if from == "" || place(w) < from {
			list = append(list, w)
		}
	}
	sort.Slice(list, func(i, j int) bool { // slices.SortFunc would be 15 KB more
		a, b := list[i], list[j]
		return a.At.After(b.At) || a.At.Equal(b.At) && a.ID > b.ID
	})
	list, more := page(list, limit)
	if more {
		next = place(list[len(list)-1])
	}
	return list, next, nil
}
