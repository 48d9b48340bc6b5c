package cafe

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"cafe/internal/table"
	"cafe/model"
)

// Place takes on an order. With a key, the same draft by the same caller is placed
// once: again answers the stored order, whatever became of it and of the menu since,
// with replayed true; another draft is ErrKeyReused. A draft that was refused does not
// use up its key.
//
// Other errors: model.Invalid names fields at fault, an *OutOfStock the lines that are
// short, ErrForbidden a customer who orders for somebody else. Nothing is stored then.
func (c *Cafe) Place(ctx context.Context, by Caller, draft model.Draft, key string) (placed model.Order, replayed bool, err error) {
	if draft, err = addressed(by, draft); err != nil {
		return model.Order{}, false, err
	}
	id, print := newID(), ""
	if key != "" {
		id = model.DeriveID("order", string(by.Role), by.ID, key)
		print = draftPrint(draft)
	}
	for attempt := 0; ; attempt++ {
		order, err := c.place(ctx, draft, id, print)
		if err == nil || isFault(err) {
			return order, false, err
		}
		stored, found, lookErr := c.placedBefore(ctx, id, err, key != "")
		switch {
		case lookErr != nil:
			return model.Order{}, false, lookErr
		case found && stored.Fingerprint != print:
			return model.Order{}, false, ErrKeyReused
		case found:
			return stored, key != "", nil
		}
		var refused *table.ConditionError
		if !errors.As(err, &refused) {
			return model.Order{}, false, err
		}
		short, err := c.shortages(ctx, order.Lines)
		if err != nil {
			return model.Order{}, false, err
		}
		if len(short) > 0 {
			return model.Order{}, false, &OutOfStock{Short: short}
		}
		// The shelf was filled again in between.
		if attempt == attempts {
			return model.Order{}, false, table.ErrConflict
		}
		if err := pause(ctx, attempt); err != nil {
			return model.Order{}, false, err
		}
	}
}

// isFault tells whether the error is about reaching the store, so that looking there
// for an earlier order would not help.
func isFault(err error) bool {
	return errors.Is(err, table.ErrThrottled) || errors.Is(err, table.ErrUnavailable) ||
		errors.Is(err, table.ErrConflict) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// addressed fills in whose the order is and how it is paid, and checks the draft.
func addressed(by Caller, draft model.Draft) (model.Draft, error) {
	if draft.CustomerID == "" {
		draft.CustomerID = by.ID
		if by.worksHere() {
			draft.CustomerID = model.WalkIn
		}
	}
	if err := draft.Validate(); err != nil {
		return draft, err
	}
	if !by.worksHere() && (draft.CustomerID != by.ID || by.ID == model.WalkIn) {
		return draft, ErrForbidden
	}
	if draft.Payment == "" {
		draft.Payment = model.TermsAccount
		if draft.CustomerID == model.WalkIn {
			draft.Payment = model.TermsCounter
		}
	}
	return draft, nil
}

// place prices the draft and stores it, with the stock it takes, in one write.
func (c *Cafe) place(ctx context.Context, draft model.Draft, id, print string) (model.Order, error) {
	lines, total, err := c.price(ctx, draft.Lines)
	if err != nil {
		return model.Order{}, err
	}
	now := c.clock()
	order := model.Order{
		ID: id, CustomerID: draft.CustomerID, Payment: draft.Payment, Status: model.StatusPlaced,
		Lines: lines, Note: draft.Note, PickupAt: draft.PickupAt, Total: total, Currency: c.Currency,
		PlacedAt: now, UpdatedAt: now, BusinessDay: c.Calendar.DayOf(now),
		Version: 1, Posting: 1, Shard: c.shardOf(id), Fingerprint: print,
	}
	units := model.Units(lines)
	order.TookStock = len(units) > 0
	ops := append([]table.Op{table.Put(orderKey(id), itemOf(order), table.Absent())}, takeStock(units)...)
	return order, c.write(ctx, ops...)
}

// price prices lines by the menu. Before it refuses, it makes sure that the menu is
// not one of a few seconds ago.
func (c *Cafe) price(ctx context.Context, asked []model.DraftLine) ([]model.Line, model.Money, error) {
	now := c.now()
	menu, err := c.Menu(ctx)
	if err != nil {
		return nil, 0, err
	}
	lines, total, err := menu.Price(asked)
	if err != nil {
		if menu, menuErr := c.menuSince(ctx, now); menuErr == nil {
			lines, total, err = menu.Price(asked)
		}
	}
	return lines, total, err
}

// takeStock takes units off the shelf, each under the condition that they are there.
// Negative units are put back, under none. The order of the operations is by SKU.
func takeStock(units map[string]int64) []table.Op {
	ops := make([]table.Op, 0, len(units))
	for _, sku := range slices.Sorted(maps.Keys(units)) {
		n := units[sku]
		if n == 0 {
			continue
		}
		op := table.Update(stockKey(sku))
		if n > 0 {
			op.If = []table.Condition{table.AtLeast("on_hand", n)}
		}
		op.Add = map[string]int64{"on_hand": -n}
		ops = append(ops, op)
	}
	return ops
}

// placedBefore returns the order that is stored under the id, if any: the refused
// write says so, or else the store is asked, if look is true.
func (c *Cafe) placedBefore(ctx context.Context, id string, refusal error, look bool) (stored model.Order, found bool, err error) {
	item, refused := table.Failed(refusal, 0)
	if !refused {
		if !look {
			return model.Order{}, false, nil
		}
		item, err = c.table.Get(ctx, orderKey(id), true)
		if errors.Is(err, table.ErrNotFound) {
			return model.Order{}, false, nil
		}
		if err != nil {
			return model.Order{}, false, err
		}
	}
	stored, err = orderOf(orderKey(id), item)
	return stored, err == nil, err
}

// shortages asks the store which counted items the lines want more of than there is.
func (c *Cafe) shortages(ctx context.Context, lines []model.Line) ([]Shortage, error) {
	units := model.Units(lines)
	var short []Shortage
	for _, sku := range slices.Sorted(maps.Keys(units)) {
		stock, err := c.stock(ctx, sku, true)
		if err != nil {
			return nil, err
		}
		if stock.OnHand >= units[sku] {
			continue
		}
		s := Shortage{SKU: sku, Wanted: units[sku], OnHand: stock.OnHand}
		for i, l := range lines {
			if l.SKU == sku {
				s.Lines = append(s.Lines, i)
			}
		}
		short = append(short, s)
	}
	return short, nil
}

func (c *Cafe) shardOf(id string) int64 {
	if c.Shards <= 1 {
		return 0
	}
	h := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(id) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return int64(h % uint64(c.Shards))
}

// draftPrint is a fingerprint of all that the draft asks for, after its defaults are
// filled in, so the order of fields and white space in a request do not matter.
func draftPrint(d model.Draft) string {
	parts := []string{"draft", d.CustomerID, string(d.Payment), d.Note, timeText(d.PickupAt)}
	for _, l := range d.Lines {
		parts = append(parts, l.SKU, strconv.FormatInt(l.Quantity, 10), l.Note, strconv.Itoa(len(l.Options)))
		parts = append(parts, l.Options...)
	}
	return model.DeriveID(parts...)
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return string(binary.BigEndian.AppendUint64(nil, uint64(t.UnixMicro())))
}
