package cafe

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"time"

	"cafe/internal/parallel"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/pricing"
)

// Order returns an order that the caller may see, or model.ErrNotFound. The answer may be a
// moment old, but an order that was just placed is always found.
func (c *Cafe) Order(ctx context.Context, by Caller, id string) (model.Order, error) {
	order, err := c.order(ctx, by, id, false)
	if errors.Is(err, model.ErrNotFound) {
		return c.order(ctx, by, id, true)
	}
	return order, err
}

func (c *Cafe) order(ctx context.Context, by Caller, id string, consistent bool) (model.Order, error) {
	order, err := records.Get(ctx, c.table, records.OrderKey(id), consistent, records.DecodeOrder)
	if err != nil {
		return model.Order{}, err
	}
	if order.Deleted || !by.worksHere() && order.CustomerID != by.ID {
		return model.Order{}, model.ErrNotFound
	}
	err = c.named(ctx, &order)
	return order, err
}

// Amendment says what to change in an order. Nil leaves a part as it is.
type Amendment struct {
	Lines    []model.DraftLine // all lines anew, at the prices that pricing.Tariff.Reprice gives
	Note     *string
	PickupAt *time.Time // the zero time removes it
}

// Check checks all of an amendment that can be checked without the menu and the order. A
// model.Invalid names every field at fault.
func (a Amendment) Check() error {
	var faults model.Invalid
	if a.Lines != nil {
		errors.As(model.ValidateLines(a.Lines), &faults)
	}
	if a.Note != nil {
		return faults.With(model.ValidateNote(*a.Note))
	}
	return faults.Err()
}

// Amend changes an order that is still placed. match says which version the caller means: it
// is model.ErrPreconditionRequired without one, and model.ErrStale when it does not hold.
// Other errors are model.ErrNotAmendable, model.ErrNotFound, a model.Invalid and a
// model.Shortages.
func (c *Cafe) Amend(ctx context.Context, by Caller, id string, a Amendment, match records.Match) (model.Order, error) {
	return c.change(ctx, by, id, match, func(o model.Order) (model.Order, error) {
		if match == nil {
			return o, model.ErrPreconditionRequired
		}
		if o.Status != model.StatusPlaced || len(o.Refunds) > 0 {
			return o, model.ErrNotAmendable
		}
		if err := a.Check(); err != nil {
			return o, err
		}
		was := o
		if a.Note != nil {
			o.Note = *a.Note
		}
		if a.PickupAt != nil && !a.PickupAt.Equal(o.PickupAt) {
			if err := ahead(*a.PickupAt, c.now()); err != nil {
				return o, err
			}
			o.PickupAt = *a.PickupAt
		}
		if a.Lines != nil {
			bill, err := c.reprice(ctx, by, o, a.Lines)
			if err != nil {
				return o, err
			}
			bill.Onto(&o)
			if said := paidOf(o); o.Total < said {
				return o, model.Refuse(model.RefusedRefundFirst, said.Format(o.Currency)+" was paid for the order, which would cost "+o.Total.Format(o.Currency)+
					" then. Give back what was paid for what it should lose: POST /orders/"+o.ID+"/refunds.")
			}
			o.TookStock = len(model.Units(o.Lines)) > 0
			if len(takeStock(taken(was, o))) > table.MaxOps-1 { // the order is one more
				return o, model.Invalid{{Field: "/lines", Message: fmt.Sprintf("would change more than %d counted items at once: change fewer at a time", table.MaxOps-1)}}
			}
		}
		return o, nil
	})
}

// reprice returns what an order costs with other lines, by the document of its placing.
func (c *Cafe) reprice(ctx context.Context, by Caller, o model.Order, asked []model.DraftLine) (pricing.Bill, error) {
	t, err := c.tariff(ctx, o.Reckoning.Pricing)
	if err != nil {
		return pricing.Bill{}, err
	}
	visit := c.visit(by, c.now())
	return c.byPrices(ctx, func(p prices) (pricing.Bill, error) { return t.Reprice(o, asked, p.menu, visit) })
}

// paidOf returns what payments on record took off what is due.
func paidOf(o model.Order) (sum model.Money) {
	for _, p := range o.Payments {
		sum += p.Amount
	}
	return sum
}

// Move says where an order is to go.
type Move struct {
	To     model.Status
	Reason string // why it is cancelled or refunded; may be empty
	Unpaid bool   // it may be collected though something is due
}

// Check checks all of a move that can be checked without the order. A model.Invalid names
// every field at fault.
func (m Move) Check() error {
	var faults model.Invalid
	if !m.To.Valid() {
		faults.Add("/status", "must be placed, preparing, ready, collected, cancelled or refunded")
	}
	faults.CheckText("/reason", m.Reason, 0, model.MaxReason, false)
	if m.Reason != "" && m.To != model.StatusCancelled && m.To != model.StatusRefunded {
		faults.Add("/reason", "goes with cancelled and refunded only")
	}
	if m.Unpaid && m.To != model.StatusCollected {
		faults.Add("/unpaid", "goes with collected only")
	}
	return faults.Err()
}

// Advance moves an order to another status. The same status again changes nothing.
//
// It is model.ErrForbidden when the caller's role may never set that status, a
// *model.IllegalMove when the order cannot go there from where it is, or not by this caller,
// and model.ErrStale when match is given and does not hold. It is model.Refused when the order
// is to be collected and something is due, unless move.Unpaid, and when it is to be cancelled
// and what was paid was not given back. To make it refunded gives back all that is left.
func (c *Cafe) Advance(ctx context.Context, by Caller, id string, move Move, match records.Match) (model.Order, error) {
	if err := move.Check(); err != nil {
		return model.Order{}, err
	}
	to := move.To
	return c.change(ctx, by, id, match, func(o model.Order) (model.Order, error) {
		switch {
		case !by.Role.MayEver(to):
			return o, model.ErrForbidden
		case o.Status == to:
			return o, nil
		case !o.Status.MayBecome(to) || !by.Role.MayMove(o.Status, to):
			return o, &model.IllegalMove{From: o.Status, To: to}
		case to == model.StatusRefunded:
			return c.refundAll(o, by, move.Reason)
		case to == model.StatusCollected && o.Due() > 0 && !move.Unpaid:
			return o, model.Refuse(model.RefusedUnpaid, o.Due().Format(o.Currency)+" is still to be paid. Take it with POST /orders/"+o.ID+
				"/payments, or send \"unpaid\":true to let the order go and have it owed.")
		case to == model.StatusCancelled && o.Said() > 0:
			return o, model.Refuse(model.RefusedRefundFirst, o.Said().Format(o.Currency)+" was paid for the order. Give it back first: POST /orders/"+o.ID+"/refunds.")
		}
		if o.Status.PutsStockBack(to) {
			o.TookStock = false
		}
		if to == model.StatusCancelled {
			o.CancelReason, o.CancelledBy = move.Reason, by.ID
			if !by.worksHere() {
				o.CancelledBy = string(by.Role) // their id must not be in the books
			}
		}
		o.Status = to
		return o, nil
	})
}

// Remove deletes an order as if it had never been placed. Stock that it still holds goes back
// on the shelf, totals drop it, and its notes are removed.
func (c *Cafe) Remove(ctx context.Context, by Caller, id string, match records.Match) error {
	_, err := c.change(ctx, by, id, match, func(o model.Order) (model.Order, error) {
		o = o.WithoutNotes()
		o.Deleted, o.TookStock = true, false
		return o, nil
	})
	return err
}

// change reads an order, has edit change it, and stores the result under the condition that
// the order is still as it was read. If it is not, change starts again, unless match names
// one version. Stock moves in the same write. Version and posting number are its business.
func (c *Cafe) change(ctx context.Context, by Caller, id string, match records.Match, edit func(model.Order) (model.Order, error)) (changed model.Order, err error) {
	err = records.Retry(ctx, func() error {
		changed, err = c.attemptChange(ctx, by, id, match, edit)
		return err
	})
	if err != nil {
		return model.Order{}, err
	}
	return changed, nil
}

func (c *Cafe) attemptChange(ctx context.Context, by Caller, id string, match records.Match, edit func(model.Order) (model.Order, error)) (model.Order, error) {
	was, err := c.order(ctx, by, id, true)
	if err != nil {
		return was, err
	}
	if match != nil && !match(was.Version) {
		return was, model.ErrStale
	}
	next, err := edit(was)
	if err != nil || same(was, next) {
		return was, err
	}
	next.Version++
	next.UpdatedAt = c.now.Stamp()
	next.History = model.Recorded(was.History, step(by, was, next))
	if !model.SameContributions(was.Entries(), next.Entries()) || was.CancelReason != next.CancelReason {
		next.Posting++
	}
	ops := append([]table.Op{
		table.Put(records.OrderKey(id), records.EncodeOrder(next), table.Equal("version", table.Int(was.Version))),
	}, takeStock(taken(was, next))...)
	err = records.Write(ctx, c.table, ops...)
	var refused *table.ConditionError
	if !errors.As(err, &refused) {
		return next, err
	}
	if _, changed := table.Failed(err, 0); !changed {
		short, err := c.shortages(ctx, next.Lines)
		if err != nil {
			return was, err
		}
		if short = lacking(short, taken(was, next)); len(short) > 0 {
			return was, short
		}
	}
	return was, records.ErrOvertaken
}

// step returns what made the next version of an order. A caller without an id is the café
// itself, which removes notes of customers who were erased.
func step(by Caller, was, next model.Order) model.Step {
	s := model.Step{Version: next.Version, What: model.WasAmended, At: next.UpdatedAt.Truncate(time.Millisecond), By: by.ID, Role: by.Role}
	switch {
	case by.ID == "":
		s.What, s.Role = model.WasErased, ""
	case next.Status != was.Status:
		s.What = model.Happening(next.Status) // both go by the same names
		if next.Status == model.StatusCollected && next.Due() > 0 {
			s.What = model.WasCollectedUnpaid
		}
	case len(next.Refunds) > len(was.Refunds):
		s.What = model.WasPartlyRefunded
	case len(next.Payments) > len(was.Payments):
		s.What = model.WasPaid
	}
	if !by.worksHere() {
		s.By = "" // it was the order's customer
	}
	return s
}

// taken returns the units that come off the shelf when an order changes, by SKU. Negative
// units go back.
func taken(was, next model.Order) map[string]int64 {
	units := map[string]int64{}
	for sku, n := range next.Held() {
		units[sku] += n
	}
	for sku, n := range was.Held() {
		units[sku] -= n
	}
	return units
}

// lacking keeps the shortages of items of which the order takes more than is on the shelf,
// beyond what it holds already.
func lacking(short model.Shortages, units map[string]int64) model.Shortages {
	return slices.DeleteFunc(short, func(s model.Shortage) bool { return units[s.SKU] <= s.OnHand })
}

func same(a, b model.Order) bool {
	return a.Status == b.Status && a.CancelReason == b.CancelReason && slices.Equal(a.Payments, b.Payments) && sameRefunds(a.Refunds, b.Refunds) && a.Note == b.Note && a.PickupAt.Equal(b.PickupAt) && a.Deleted == b.Deleted &&
		a.Total == b.Total && reflect.DeepEqual(a.Reckoning, b.Reckoning) && slices.EqualFunc(a.Lines, b.Lines, func(x, y model.Line) bool {
		options := slices.Equal(x.Options, y.Options)
		x.Options, y.Options = nil, nil
		return options && x.SKU == y.SKU && x.Name == y.Name && x.Quantity == y.Quantity && x.UnitPrice == y.UnitPrice &&
			x.Note == y.Note && x.Total == y.Total && x.Counted == y.Counted && x.Discount == y.Discount && slices.Equal(x.Taxes, y.Taxes)
	})
}

// sameRefunds reports whether the refunds are as many, with the same reasons. Nothing else of
// them ever changes.
func sameRefunds(a, b []model.Refund) bool {
	return slices.EqualFunc(a, b, func(x, y model.Refund) bool { return x.Reason == y.Reason })
}

// Filter says which orders to list, and in which order. Empty fields let all through.
type Filter struct {
	CustomerID  string
	Statuses    []model.Status // any of them
	Day         model.Day
	Due         bool // only those of which something is still to be paid
	OldestFirst bool // by business day and time; else the newest comes first
}

// lets reports whether the filter lets an order through. The day is the query's business.
func (f Filter) lets(o model.Order) bool {
	return (len(f.Statuses) == 0 || slices.Contains(f.Statuses, o.Status)) && (f.CustomerID == "" || o.CustomerID == f.CustomerID) &&
		(!f.Due || o.Due() > 0)
}

// readAtMost is how many rows a page of a list reads, at most. When a filter lets few of them
// through, the page is short, and the next one goes on from there.
const readAtMost = 1000

// Orders lists orders that the caller may see, newest first unless the filter says
// otherwise: up to limit of them, from where the page before ended (next, or empty for the
// first). next is empty on the last page. A customer who asks for somebody else's is
// model.ErrForbidden.
func (c *Cafe) Orders(ctx context.Context, by Caller, f Filter, from string, limit int) (orders []model.Order, next string, err error) {
	if !by.worksHere() {
		if f.CustomerID != "" && f.CustomerID != by.ID {
			return nil, "", model.ErrForbidden
		}
		f.CustomerID = by.ID
	}
	query := table.Query{Descending: !f.OldestFirst, Limit: limit + 1}
	if f.Day != "" {
		query.From = string(f.Day) + "#"
		query.To = table.PrefixEnd(query.From)
	}
	goOn := func(after string) { // lets the query go on behind a row
		switch {
		case after == "":
		case f.OldestFirst:
			query.From = max(query.From, table.After(after))
		case query.To == "" || after < query.To:
			query.To = after
		}
	}
	goOn(from)
	var partitions []string
	if f.CustomerID != "" && f.CustomerID != model.WalkIn {
		query.Index = table.Index1
		partitions = []string{records.PrefixCustomer + f.CustomerID}
	} else {
		query.Index = table.Index2
		for shard := range c.Shards {
			partitions = append(partitions, records.ShardPartition(records.PrefixOrder, shard))
		}
	}
	for read := 0; ; {
		rows, rest, err := c.first(ctx, query, partitions)
		if err != nil {
			return nil, "", err
		}
		for _, row := range rows {
			order, err := records.DecodeOrder(row.Key, row.Item)
			if err != nil {
				return nil, "", err
			}
			if f.lets(order) {
				if len(orders) == limit {
					return orders, from, nil
				}
				if err := c.named(ctx, &order); err != nil {
					return nil, "", err
				}
				orders = append(orders, order)
			}
			from = row.Item.Str(table.AttrSort)
		}
		goOn(from)
		if !rest {
			return orders, "", nil
		}
		if read += len(rows); read >= readAtMost {
			return orders, from, nil
		}
		query.Limit = max(query.Limit, min(100, readAtMost-read))
	}
}

// first returns the first rows of several partitions in the query's direction, up to its
// limit, and whether there are more.
func (c *Cafe) first(ctx context.Context, query table.Query, partitions []string) (rows []table.Row, rest bool, err error) {
	pages := make([]table.Page, len(partitions))
	err = parallel.Each(ctx, len(partitions), func(ctx context.Context, i int) error {
		q := query
		q.Partition = partitions[i]
		var err error
		pages[i], err = c.table.Query(ctx, q)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	before := func(a, b string) bool { return a != b && (a < b) != query.Descending }
	// What lies beyond the end of a page that has more is not known yet: rows of the
	// other partitions that come after it have to wait.
	horizon := ""
	for _, p := range pages {
		if p.Next != "" && (!rest || before(p.Next, horizon)) {
			rest, horizon = true, p.Next
		}
		rows = append(rows, p.Rows...)
	}
	if len(pages) > 1 {
		sort.Slice(rows, func(i, j int) bool {
			return before(rows[i].Item.Str(table.AttrSort), rows[j].Item.Str(table.AttrSort))
		})
		known := len(rows)
		for known > 0 && rest && before(horizon, rows[known-1].Item.Str(table.AttrSort)) {
			known--
		}
		rows = rows[:known]
	}
	return rows, rest && len(rows) > 0, nil
}
