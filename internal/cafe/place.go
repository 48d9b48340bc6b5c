package cafe

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// Place places an order. With a key, the same draft by the same caller is placed once. The
// same key again answers the stored order, with replayed true, whatever became of it and of
// the menu since. With another draft it is model.ErrKeyReused. A refused draft does not use
// up its key.
//
// Other errors: a model.Invalid names the fields at fault, a model.Shortages the lines that
// are short, and model.ErrForbidden means that a customer orders for somebody else. Nothing
// is stored then.
func (c *Cafe) Place(ctx context.Context, by Caller, draft model.Draft, key string) (placed model.Order, replayed bool, err error) {
	asked := draft
	if draft, err = c.addressed(by, draft); err != nil {
		return model.Order{}, false, err
	}
	id, fingerprint := records.NewID(), ""
	if key != "" {
		id = model.DeriveID("order", string(by.Role), by.ID, key)
		fingerprint = draftFingerprint(draft, asked.Dining)
	}
	err = records.Retry(ctx, func() error {
		placed, replayed, err = c.attempt(ctx, by, draft, id, fingerprint, key != "")
		return err
	})
	return placed, replayed, err
}

// attempt makes one attempt to place an order of that id. It is records.ErrOvertaken when
// the shelf was filled again after it had been too empty.
func (c *Cafe) attempt(ctx context.Context, by Caller, draft model.Draft, id, fingerprint string, keyed bool) (placed model.Order, replayed bool, err error) {
	order, err := c.place(ctx, by, draft, id, fingerprint)
	if err == nil || records.IsUnreachable(err) {
		return order, false, err
	}
	stored, found, lookErr := c.placedBefore(ctx, id, err, keyed)
	switch {
	case lookErr != nil:
		return model.Order{}, false, lookErr
	case found && stored.Fingerprint != fingerprint:
		return model.Order{}, false, model.ErrKeyReused
	case found:
		err = c.named(ctx, &stored)
		return stored, keyed, err
	}
	var refused *table.ConditionError
	if !errors.As(err, &refused) {
		return model.Order{}, false, err
	}
	short, err := c.shortages(ctx, order.Lines)
	if err == nil && len(short) > 0 {
		err = short
	}
	if err != nil {
		return model.Order{}, false, err
	}
	return model.Order{}, false, records.ErrOvertaken
}

// CheckDraft checks all of a draft that can be checked without the menu. A model.Invalid
// names every field at fault; model.ErrForbidden means that a customer orders for somebody
// else.
func (c *Cafe) CheckDraft(by Caller, draft model.Draft) error {
	_, err := c.addressed(by, draft)
	return err
}

// addressed fills in the customer, the payment terms and the dining, and checks the draft.
func (c *Cafe) addressed(by Caller, draft model.Draft) (model.Draft, error) {
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
		return draft, model.ErrForbidden
	}
	if draft.Payment == "" {
		draft.Payment = model.TermsAccount
		if draft.CustomerID == model.WalkIn {
			draft.Payment = model.TermsCounter
		}
	}
	if draft.Dining == "" {
		draft.Dining = c.Dining
	}
	switch {
	case len(draft.Payments) == 0:
	case !by.worksHere():
		return draft, model.Invalid{{Field: "/payments", Message: "may be taken by staff and owners only"}}
	case draft.Payment == model.TermsAccount:
		return draft, model.Invalid{{Field: "/payments", Message: "must not be there: an account order is paid on the customer's tab; payment may be counter or open"}}
	}
	return draft, nil
}

// place prices the draft and stores it, with the stock it takes, in one write.
func (c *Cafe) place(ctx context.Context, by Caller, draft model.Draft, id, fingerprint string) (model.Order, error) {
	now := c.now.Stamp()
	bill, err := c.price(ctx, by, draft, now)
	if err != nil {
		return model.Order{}, err
	}
	if err := ahead(draft.PickupAt, now); err != nil {
		return model.Order{}, err
	}
	order := model.Order{
		ID: id, CustomerID: draft.CustomerID, Payment: draft.Payment, Status: model.StatusPlaced,
		Note: draft.Note, PickupAt: draft.PickupAt, Currency: c.Currency,
		PlacedAt: now, UpdatedAt: now, BusinessDay: c.Calendar.DayOf(now),
		Version: 1, Posting: 1, Shard: c.Shard(id), Fingerprint: fingerprint,
	}
	bill.Onto(&order)
	if err := c.settle(&order, by, draft.Payments); err != nil {
		return model.Order{}, err
	}
	first := model.Step{Version: 1, What: model.WasPlaced, At: now, By: by.ID, Role: by.Role}
	if !by.worksHere() {
		first.By = ""
	}
	order.History = []model.Step{first}
	units := model.Units(order.Lines)
	order.TookStock = len(units) > 0
	if order.Number, err = c.numbers.take(ctx, c.table, c.now, order.BusinessDay); err != nil {
		return order, err
	}
	ops := append([]table.Op{table.Put(records.OrderKey(id), records.EncodeOrder(order), table.Absent())}, takeStock(units)...)
	if err = records.Write(ctx, c.table, ops...); err != nil && !maybeStored(err) {
		if stored, _ := table.Failed(err, 0); stored.Int("number") != order.Number {
			c.numbers.giveBack(order.BusinessDay, order.Number)
		}
	}
	return order, err
}

// clockSlack is how far a client's clock may be behind the café's.
const clockSlack = 2 * time.Minute

// ahead refuses a pickup time that has passed. The zero time asks for none.
func ahead(pickup, now time.Time) error {
	if pickup.IsZero() || pickup.After(now.Add(-clockSlack)) {
		return nil
	}
	return model.Invalid{{Field: "/pickup_at", Message: "must not be in the past; it is " + model.Timestamp(now) + " now"}}
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
		op := table.Update(records.StockKey(sku))
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
		item, err = c.table.Get(ctx, records.OrderKey(id), true)
		if errors.Is(err, table.ErrNotFound) {
			return model.Order{}, false, nil
		}
		if err != nil {
			return model.Order{}, false, err
		}
	}
	stored, err = records.DecodeOrder(records.OrderKey(id), item)
	return stored, err == nil, err
}

// shortages asks the store which counted items the lines want more of than there is.
func (c *Cafe) shortages(ctx context.Context, lines []model.Line) (model.Shortages, error) {
	units := model.Units(lines)
	var short model.Shortages
	for _, sku := range slices.Sorted(maps.Keys(units)) {
		stock, err := c.stock(ctx, sku, true)
		if err != nil {
			return nil, err
		}
		if stock.OnHand >= units[sku] {
			continue
		}
		s := model.Shortage{SKU: sku, Wanted: units[sku], OnHand: stock.OnHand}
		for i, l := range lines {
			if l.SKU == sku {
				s.Lines = append(s.Lines, i)
			}
		}
		short = append(short, s)
	}
	return short, nil
}

// draftFingerprint returns a fingerprint of all that the draft asks for, its defaults filled
// in. The order of fields and white space in a request do not matter. dining is what the
// request itself said, since the café's default may change between two attempts.
//
// A draft that asks for nothing beside its lines has the fingerprint that it had in v0.1.0.
func draftFingerprint(d model.Draft, dining model.Dining) string {
	parts := []string{"draft", d.CustomerID, string(d.Payment), d.Note, timeText(d.PickupAt)}
	for _, l := range d.Lines {
		parts = append(parts, l.SKU, strconv.FormatInt(l.Quantity, 10), l.Note, strconv.Itoa(len(l.Options)))
		parts = append(parts, l.Options...)
	}
	if dining == "" && len(d.Codes) == 0 && d.Tip == 0 && d.Quote == "" && len(d.Discounts) == 0 && len(d.Payments) == 0 {
		return model.DeriveID(parts...)
	}
	parts = append(parts, "+", string(dining), amountText(d.Tip), d.Quote, strconv.Itoa(len(d.Codes))) // no SKU is a +
	parts = append(parts, d.Codes...)
	for _, g := range d.Discounts {
		parts = append(parts, g.Name, g.Percent.String(), amountText(g.Amount), strconv.Itoa(len(g.Lines)))
		for _, line := range g.Lines {
			parts = append(parts, strconv.Itoa(line))
		}
	}
	for _, p := range d.Payments {
		parts = append(append(parts, "$"), paymentParts(p)...)
	}
	return model.DeriveID(parts...)
}

func amountText(m model.Money) string { return strconv.FormatInt(int64(m), 10) }

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return string(binary.BigEndian.AppendUint64(nil, uint64(t.UnixMicro())))
}
