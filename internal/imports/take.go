package imports

import (
	"context"
	"errors"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/pricing"
	"cafe/model/till"
)

// takeOrder stores an order of the till as what it is: history. It takes no stock.
func (a *attempt) takeOrder(ctx context.Context, o till.Order) (became outcome, reason string, err error) {
	if o.Fingerprint == "" { // its rows cannot all be read
		return rejected, "", nil
	}
	if had, err := a.hadWhole(ctx, o); had || err != nil {
		return unchanged, "", err
	}
	for {
		became, reason, takenBack, err := a.takeAgain(ctx, o)
		if !takenBack {
			return became, reason, err
		}
		o.Again++ // the import that had brought it was undone
	}
}

// takeAgain stores an order under its id, as often as it was taken back so far. takenBack
// reports that the order of that id was taken back, too.
func (a *attempt) takeAgain(ctx context.Context, o till.Order) (became outcome, reason string, takenBack bool, err error) {
	id := o.OrderID()
	now := a.now.Stamp()
	order := model.Order{
		ID: id, CustomerID: o.CustomerID, Payment: o.Payment, Status: o.Status, Lines: o.Lines, Total: o.Total, Currency: a.settings.Currency,
		PlacedAt: o.PlacedAt, UpdatedAt: now, BusinessDay: a.settings.Calendar.DayOf(o.PlacedAt), Version: 1, Posting: 1, Shard: a.settings.Shard(id),
		Fingerprint: o.Fingerprint, Import: a.im.ID,
	}
	if err := a.reckon(&order, o); err != nil {
		return rejected, "the order's amounts, discounts, taxes and tips add up to more than the café can keep", false, nil
	}
	op := table.Put(records.OrderKey(id), records.EncodeOrder(order), table.Absent())
	var stored table.Item
	if a.im.DryRun || len(o.Problems) > 0 {
		if stored, err = a.look(ctx, records.OrderKey(id)); err == nil && stored == nil && len(o.Problems) == 0 {
			err = table.Validate([]table.Op{op})
		}
	} else {
		err = a.persist(ctx, op)
		if item, exists := table.Failed(err, 0); exists {
			stored, err = item, nil
		}
	}
	same, mine := stored.Str("fingerprint") == o.Fingerprint, stored.Str("import_id") == a.im.ID
	switch {
	case errors.Is(err, table.ErrTooLarge):
		return rejected, "the order has more in it than the café can keep of one order", false, nil
	case err != nil:
		return "", "", false, err
	case stored == nil && len(o.Problems) > 0:
		return rejected, "", false, nil
	case stored == nil && a.im.DryRun:
		return created, "", false, a.created(ctx, order)
	case stored == nil, same && mine && !stored.Bool("taken_back"): // mine: by an earlier attempt, or another at the same time
		a.brought(order.BusinessDay)
		return created, "", false, a.created(ctx, order)
	case same && mine:
		return unchanged, "", false, nil // this import was finished by another attempt, and undone
	case stored.Bool("taken_back"):
		return "", "", true, nil
	case same:
		return unchanged, "", false, nil
	case stored.Bool("deleted"):
		return rejected, "the order was imported before with other rows, and has been deleted since", false, nil
	}
	return rejected, "the order was imported before with other rows", false, nil
}

// reckon makes the order's money of what the till says of its discounts, taxes and tips. The
// till's amounts stay as they are: taxes are contained in them, unless all taxes of the café
// come on top. Of an order of which the till says nothing else, it changes nothing.
func (a *attempt) reckon(order *model.Order, o till.Order) error {
	if o.Extras == nil {
		return nil
	}
	said := make([]pricing.TillLine, len(order.Lines))
	for i, e := range o.Extras {
		l := &order.Lines[i]
		said[i].Tax = e.Tax
		if (e.Discount < 0) == (l.Quantity < 0) { // else the order was raised, and no discount
			said[i].Discount = e.Discount
			l.Total += e.Discount
		}
	}
	bill, err := pricing.Imported(order.Lines, said, o.Tip, !a.tariff.OnTop())
	if err != nil {
		return err
	}
	order.Lines, order.Reckoning, order.Total = bill.Lines, bill.Reckoning, bill.Total
	return nil
}

// hadWhole reports whether the sale is stored already, in an order of all sales under its id:
// an earlier version of the importer took them as one.
func (a *attempt) hadWhole(ctx context.Context, o till.Order) (bool, error) {
	if o.Whole == "" {
		return false, nil
	}
	whole := o.Identity
	whole.Time = ""
	for {
		stored, err := a.look(ctx, records.OrderKey(whole.OrderID()))
		if err != nil || stored == nil {
			return false, err
		}
		if !stored.Bool("taken_back") {
			return stored.Str("fingerprint") == o.Whole, nil
		}
		whole.Again++
	}
}

// look returns a stored item as it is, nil when there is none.
func (a *attempt) look(ctx context.Context, key table.Key) (item table.Item, err error) {
	err = records.Patiently(ctx, func() error {
		item, err = a.table.Get(ctx, key, true)
		if errors.Is(err, table.ErrNotFound) {
			item, err = nil, nil
		}
		return err
	})
	return item, err
}

// said returns what the item has from an earlier attempt at this import; settled is
// false when the import is still to have its say.
func (a *attempt) said(item table.Item) (became outcome, reason string, settled bool) {
	switch {
	case item == nil:
		return "", "", false
	case item.Str(records.AttrSetBy) == a.im.ID:
		return outcome(item.Str(records.AttrSetOutcome)), "", true
	case item.Int(records.AttrSetAt) >= a.im.CreatedAt.UnixMicro():
		return rejected, "the item was set again after this import was begun", true
	}
	return "", "", false
}

// say marks what is written of an item as this import's.
func (a *attempt) say(item table.Item, became outcome) {
	item[records.AttrSetAt] = records.Time(a.im.CreatedAt)
	item[records.AttrSetBy] = table.String(a.im.ID)
	item[records.AttrSetOutcome] = table.String(string(became))
}

// unsaid are the conditions that the item is there and nothing newer has been said.
func (a *attempt) unsaid() []table.Condition {
	return []table.Condition{table.Present(), table.Below(records.AttrSetAt, a.im.CreatedAt.UnixMicro())}
}

// takeCount sets how many of an item are on the shelf.
func (a *attempt) takeCount(ctx context.Context, n till.Count) (became outcome, reason string, err error) {
	if len(n.Problems) > 0 {
		return rejected, "", nil
	}
	return a.takeItem(ctx, n.SKU, records.StockKey(n.SKU), func(was table.Item) (outcome, *table.Op) {
		op := table.Update(records.StockKey(n.SKU), table.Absent())
		became := created
		if was != nil {
			op.If = append(a.unsaid(), table.Equal("on_hand", was["on_hand"]))
			became = updated
		}
		if was != nil && was.Int("on_hand") == n.OnHand {
			became = unchanged
		} else if n.OnHand > 0 {
			op.Add = map[string]int64{"restock": 1}
		}
		op.Set = table.Item{"on_hand": table.Int(n.OnHand)}
		if became == created {
			op.Set[records.AttrSetCount] = table.Int(n.OnHand)
		}
		a.say(op.Set, became)
		return became, &op
	})
}

// takeMenuItem puts an item on the menu.
func (a *attempt) takeMenuItem(ctx context.Context, m till.MenuItem) (became outcome, reason string, err error) {
	if len(m.Problems) > 0 {
		return rejected, "", nil
	}
	key := records.MenuKey(m.Item.SKU)
	return a.takeItem(ctx, m.Item.SKU, key, func(was table.Item) (outcome, *table.Op) {
		op := table.Put(key, records.EncodeMenuItem(m.Item), table.Absent())
		became := created
		if was != nil {
			op.If, became = a.unsaid(), updated
			if old, err := records.DecodeMenuItem(key, was); err == nil && records.EncodeMenuItem(old).Equal(op.Item) {
				if became = unchanged; was.Str(records.AttrSetBy) != records.SetBySample {
					return unchanged, nil
				}
			}
		}
		a.say(op.Item, became)
		return became, &op
	})
}

// takeItem reads an item, and writes what the file makes of it, if anything, unless it
// was settled before; anew when somebody else was quicker. It notes items that are new.
func (a *attempt) takeItem(ctx context.Context, sku string, key table.Key, decide func(was table.Item) (outcome, *table.Op)) (became outcome, reason string, err error) {
	err = records.Patiently(ctx, func() error {
		was, err := a.table.Get(ctx, key, true)
		if errors.Is(err, table.ErrNotFound) {
			was = nil
		} else if err != nil {
			return err
		}
		var settled bool
		if became, reason, settled = a.said(was); settled {
			return nil
		}
		var op *table.Op
		became, op = decide(was)
		if a.im.DryRun || op == nil {
			return nil
		}
		err = a.table.Write(ctx, *op)
		if _, changed := table.Failed(err, 0); changed {
			err = table.ErrConflict
		}
		return err
	})
	if err != nil {
		return "", reason, err
	}
	if became == created {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.newItems = append(a.newItems, sku)
	}
	return became, reason, nil
}
