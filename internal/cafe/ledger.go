package cafe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cafe/internal/table"
	"cafe/model"
)

// Change is one record of the table's stream: an item before and after; nil is absent.
type Change struct {
	Key      table.Key
	Old, New table.Item
	Time     time.Time // when it was made; zero: not known. DynamoDB rounds it down to the second
}

// Post brings the ledger, the customers' totals and the sold-out marks up to date with
// the changes. It may be given any change any number of times, in any order, and at the
// same time as another Post: each order's entry is replaced only by a newer one, in the
// same write that moves its customer's totals, and puts an alert into the outbox when
// they cross the limit.
//
// The errors are by change, nil where it is done. A change that cannot be understood
// keeps no other from being posted.
//
// An item that vanished (expired, or removed by hand) changes no total: what the café
// deletes it keeps as a deleted order.
func (c *Cafe) Post(ctx context.Context, changes []Change) []error {
	errs := make([]error, len(changes))
	var work []posting
	var late []model.Entry
	now := c.now()
	for i, change := range changes {
		p, err := c.postingOf(change)
		if err != nil {
			errs[i] = err
		} else if p != nil {
			p.changes = []int{i}
			work = append(work, *p)
			if c.isLate(p.entry, now) {
				late = append(late, p.entry)
			}
		}
	}
	if unmarked := c.markEachLate(ctx, late); len(unmarked) > 0 {
		work = slices.DeleteFunc(work, func(p posting) bool {
			if !c.isLate(p.entry, now) {
				return false
			}
			err := unmarked[entryKey(p.entry)]
			errs[p.changes[0]] = err
			return err != nil
		})
	}
	c.postAll(ctx, work, func(p posting, err error) {
		for _, i := range p.changes {
			errs[i] = err // no two postings have a change in common
		}
	})
	return errs
}

// Posts tells whether Post has anything to do with changes of items in that partition:
// the filter of the ledger's consumer.
func Posts(pk string) bool {
	return strings.HasPrefix(pk, prefixOrder) || strings.HasPrefix(pk, prefixPayment) || strings.HasPrefix(pk, prefixStock)
}

// posting is what a change asks of the ledger: a new entry, or a note that an item ran
// out or is back on the shelf.
type posting struct {
	entry   model.Entry
	shelf   *shelf
	changes []int
}

// shelf is stock that ran out or came back then.
type shelf struct {
	model.Stock
	at time.Time
}

func (c *Cafe) postingOf(change Change) (*posting, error) {
	if change.New == nil {
		return nil, nil
	}
	switch key := change.Key; {
	case strings.HasPrefix(key.PK, prefixOrder) && key == orderKey(idOf(key, prefixOrder)):
		order, err := orderOf(change.Key, change.New)
		if err != nil {
			return nil, err
		}
		if change.Old != nil && change.Old.Int("posting") == order.Posting {
			return nil, nil
		}
		return &posting{entry: order.Entry()}, nil
	case strings.HasPrefix(key.PK, prefixPayment) && key == paymentKey(idOf(key, prefixPayment)):
		paid, err := paymentOf(change.Key, change.New)
		if err != nil {
			return nil, err
		}
		return &posting{entry: paid.Entry()}, nil
	case strings.HasPrefix(key.PK, prefixStock) && key == stockKey(idOf(key, prefixStock)):
		stock, err := stockOf(change.Key, change.New)
		ranOut := stock.OnHand <= 0 && change.Old.Int("on_hand") > 0
		restocked := stock.OnHand > 0 && change.Old != nil && change.Old.Int("on_hand") <= 0 && change.Old.Int("restock") < stock.Restock
		if err != nil || !ranOut && !restocked {
			return nil, err
		}
		at := change.Time.UTC().Truncate(time.Microsecond)
		if change.Time.IsZero() {
			at = c.clock()
		}
		return &posting{shelf: &shelf{stock, at}}, nil
	}
	return nil, nil
}

// grouped puts the postings of one customer together, and those of one shelf, in their
// order, and the others each by itself. Of several postings for one order only the newest
// is kept, for it says all; it answers for the others' changes.
func grouped(work []posting) [][]posting {
	var groups [][]posting
	group := map[string]int{} // customer or shelf → index in groups
	at := map[string][2]int{} // order → group, index in group
	for _, p := range work {
		whose := p.entry.CustomerID
		if p.shelf != nil {
			whose = prefixStock + p.shelf.SKU
		}
		id := string(p.entry.Kind) + p.entry.ID
		if seen, again := at[id]; again && p.shelf == nil {
			earlier := &groups[seen[0]][seen[1]]
			p.changes = append(p.changes, earlier.changes...)
			if p.entry.Posting < earlier.entry.Posting {
				p.entry = earlier.entry
			}
			*earlier = p
			continue
		}
		g, known := group[whose]
		if !known || whose == model.WalkIn {
			g = len(groups)
			groups = append(groups, nil)
			group[whose] = g
		}
		at[id] = [2]int{g, len(groups[g])}
		groups[g] = append(groups[g], p)
	}
	return groups
}

// maxPosted is how many entries of one customer go into one write: each may bring an
// alert, and the customer is one operation too.
const maxPosted = (table.MaxOps - 1) / 2

// postAll does all the work, customers and shelves side by side. It calls failed for what could not be
// done, from several goroutines, each posting once at most.
func (c *Cafe) postAll(ctx context.Context, work []posting, failed func(posting, error)) {
	groups := grouped(work)
	if together, ok := c.table.(table.EachWriter); ok {
		var walkIns []posting
		groups = slices.DeleteFunc(groups, func(g []posting) bool {
			alone := g[0].shelf == nil && g[0].entry.CustomerID == model.WalkIn
			if alone {
				walkIns = append(walkIns, g...)
			}
			return alone
		})
		c.postWalkIns(ctx, together, walkIns, failed)
	}
	_ = each(ctx, len(groups), func(ctx context.Context, i int) error {
		if groups[i][0].shelf != nil {
			c.postShelf(ctx, groups[i], failed)
			return nil
		}
		for rest := groups[i]; len(rest) > 0; {
			n := min(len(rest), maxPosted)
			c.postSome(ctx, rest[:n], failed)
			rest = rest[n:]
		}
		return nil
	})
}

// postWalkIns posts entries of walk-ins, which have nothing to do with each other.
func (c *Cafe) postWalkIns(ctx context.Context, t table.EachWriter, work []posting, failed func(posting, error)) {
	if len(work) == 0 {
		return
	}
	ops := make([]table.Op, len(work))
	for i, p := range work {
		ops[i] = postWalkIn(p.entry)
	}
	for i, err := range t.WriteEach(ctx, ops) {
		if _, posted := table.Failed(err, 0); err != nil && !posted {
			failed(work[i], fmt.Errorf("post %s %s: %w", work[i].entry.Kind, work[i].entry.ID, err))
		}
	}
}

// postWalkIn replaces an older entry.
func postWalkIn(e model.Entry) table.Op {
	return table.Put(entryKey(e), entryItem(e), table.Below("posting", e.Posting))
}

// postShelf does the work of one shelf, one change after the other: a mark that came
// after the restock that ends it would stay.
func (c *Cafe) postShelf(ctx context.Context, group []posting, failed func(posting, error)) {
	for _, p := range group {
		mark := c.markSoldOut
		if p.shelf.OnHand > 0 {
			mark = c.markRestocked
		}
		if err := mark(ctx, *p.shelf); err != nil {
			failed(p, err)
		}
	}
}

// postSome posts entries of one group in one write. When that is refused for what is in
// it, each entry is posted by itself, so that one that cannot be fails alone.
func (c *Cafe) postSome(ctx context.Context, group []posting, failed func(posting, error)) {
	entries := make([]model.Entry, len(group))
	for i, p := range group {
		entries[i] = p.entry
	}
	switch err := c.postEntries(ctx, entries); {
	case err == nil:
	case len(group) > 1 && !isFault(err):
		for i := range group {
			c.postSome(ctx, group[i:i+1], failed)
		}
	default:
		for _, p := range group {
			failed(p, err)
		}
	}
}

// postEntries posts entries of one customer, or one entry of a walk-in.
func (c *Cafe) postEntries(ctx context.Context, entries []model.Entry) error {
	if entries[0].CustomerID == model.WalkIn {
		e := entries[0]
		err := c.write(ctx, postWalkIn(e))
		if _, posted := table.Failed(err, 0); err != nil && !posted {
			return fmt.Errorf("post %s %s: %w", e.Kind, e.ID, err)
		}
		return nil
	}
	if err := c.postToTab(ctx, entries); err != nil {
		return fmt.Errorf("post %d entries of a customer: %w", len(entries), err)
	}
	return nil
}

// postToTab replaces the entries of one customer and moves the totals by the
// difference, in one write. What an entry replaces is guessed (nothing, for the first
// posting) or read, and the write is conditional on it. An alert that is there already
// (the customer's item was lost and is made anew) stays, and the crossing gets the next
// number.
func (c *Cafe) postToTab(ctx context.Context, entries []model.Entry) error {
	replaced := make([]model.Entry, len(entries)) // Posting 0: none
	for i, e := range entries {
		if e.Posting == 1 {
			continue
		}
		item, err := c.table.Get(ctx, entryKey(e), true)
		if errors.Is(err, table.ErrNotFound) {
			continue
		}
		if err == nil {
			replaced[i], err = entryOf(entryKey(e), item)
		}
		if err != nil {
			return err
		}
	}
	announced := int64(0) // crossings of numbers that have their alert
	for attempt := 0; ; attempt++ {
		var news []int
		for i, e := range entries {
			if e.Posting > replaced[i].Posting {
				news = append(news, i)
			}
		}
		if len(news) == 0 {
			return nil
		}
		customer, err := c.customer(ctx, entries[0].CustomerID, true)
		if err != nil {
			return err
		}
		customer.Crossings += announced
		ops, alerts := make([]table.Op, 1, len(news)+2), []table.Op(nil)
		for _, i := range news {
			if err := customer.Post(replaced[i], entries[i]); err != nil {
				return err
			}
			// Settled one by one, so that a tab that sank and rose again within one batch
			// has crossed twice.
			if customer.Settle(customer.Limit(c.CreditLimit)) {
				alerts = append(alerts, c.highBalance(customer))
			}
			condition := table.Absent()
			if replaced[i].Posting > 0 {
				condition = table.Equal("posting", table.Int(replaced[i].Posting))
			}
			ops = append(ops, table.Put(entryKey(entries[i]), entryItem(entries[i]), condition))
		}
		ops[0] = putCustomer(customer)
		ops = append(ops, alerts...)
		err = c.write(ctx, ops...)
		var refused *table.ConditionError
		if !errors.As(err, &refused) {
			return err
		}
		for _, f := range refused.Failures {
			if f.Op > len(news) && refused.Failures[0].Op > 0 { // the customer is as read
				announced++
			}
			if f.Op == 0 || f.Op > len(news) || f.Item == nil {
				continue
			}
			i := news[f.Op-1]
			if replaced[i], err = entryOf(entryKey(entries[i]), f.Item); err != nil {
				return err
			}
		}
		if attempt == attempts {
			return table.ErrConflict
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// markSoldOut announces that a shelf ran empty and files the moment in that day's
// ledger, once per restock.
func (c *Cafe) markSoldOut(ctx context.Context, s shelf) error {
	name := s.SKU
	if item, err := c.MenuItem(ctx, s.SKU); err == nil {
		name = item.Name
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	mark := table.Put(c.shelfKey(s), table.Item{"at": moment(s.at), "restock": table.Int(s.Restock)})
	err := c.write(ctx, append([]table.Op{c.outOfStock(s.Stock, name, s.at), mark}, c.lateMark(s.at)...)...)
	if _, announced := table.Failed(err, 0); announced {
		return nil
	}
	return err
}

// markRestocked notes that an item which ran out that day is back, unless the day's report
// was due by then: that is for the day to come. What a cancelled order gives back is no
// restock.
func (c *Cafe) markRestocked(ctx context.Context, s shelf) error {
	if s.at.After(c.ReportDue(c.Calendar.DayOf(s.at))) {
		return nil
	}
	op := table.Update(c.shelfKey(s), table.Present(), table.Below("restock", s.Restock))
	op.Set = table.Item{"restock": table.Int(s.Restock)}
	op.Remove = []string{"at"}
	err := c.write(ctx, append([]table.Op{op}, c.lateMark(s.at)...)...)
	if _, other := table.Failed(err, 0); other {
		return nil // it did not run out that day, or has run out again
	}
	return err
}

func (c *Cafe) shelfKey(s shelf) table.Key {
	return table.Key{PK: ledgerPartition(c.Calendar.DayOf(s.at), 0), SK: prefixStock + s.SKU}
}

// lateMark counts a change of the day's marks like a late order, when the day's report may
// be made already and should have had it. It goes into the same write, and so is counted
// once.
func (c *Cafe) lateMark(at time.Time) []table.Op {
	day := c.Calendar.DayOf(at)
	if at.After(c.ReportDue(day)) || !c.maybeReported(day, c.now()) {
		return nil
	}
	return []table.Op{c.countLate(day, 1)}
}

// isLate tells whether the report of the entry's day may be made before the entry is
// posted.
func (c *Cafe) isLate(e model.Entry, now time.Time) bool {
	return e.Kind == model.EntryOrder && c.maybeReported(e.Day, now)
}

// maybeReported tells whether the day's report may be made before what is posted now is in
// the ledger.
func (c *Cafe) maybeReported(day model.Day, now time.Time) bool {
	return now.After(c.ReportDue(day).Add(-postingTime))
}

// countLate counts so many late changes on the record of the day.
func (c *Cafe) countLate(day model.Day, n int) table.Op {
	op := table.Update(dayKey(day))
	op.Add = map[string]int64{"late": int64(n)}
	op.Set = table.Item{"late_at": moment(c.clock())}
	return op
}

// markLate counts, on the record of each day, the late orders that are news to its
// ledger: the day's report is not the last word any more. It has to come before they are
// posted: a crash in between then counts them twice, and never misses them.
func (c *Cafe) markLate(ctx context.Context, late []model.Entry) error {
	return errors.Join(slices.Collect(maps.Values(c.markEachLate(ctx, late)))...)
}

// markEachLate is markLate that returns, by the key of the entry, why those that could not
// be counted were not. The others are.
func (c *Cafe) markEachLate(ctx context.Context, late []model.Entry) map[table.Key]error {
	newest := map[table.Key]model.Entry{}
	for _, e := range late {
		if key := entryKey(e); e.Posting > newest[key].Posting {
			newest[key] = e
		}
	}
	keys := slices.Collect(maps.Keys(newest))
	news, errs := make([]bool, len(keys)), make([]error, len(keys))
	_ = each(ctx, len(keys), func(ctx context.Context, i int) error {
		posted, err := c.posted(ctx, newest[keys[i]])
		news[i], errs[i] = posted.Posting < newest[keys[i]].Posting, err
		return nil
	})
	unmarked, counted := map[table.Key]error{}, map[model.Day][]table.Key{}
	for i, key := range keys {
		if errs[i] != nil {
			unmarked[key] = fmt.Errorf("look whether a late order is news: %w", errs[i])
		} else if news[i] {
			day := newest[key].Day
			counted[day] = append(counted[day], key)
		}
	}
	days := slices.Collect(maps.Keys(counted))
	failed := make([]error, len(days))
	_ = each(ctx, len(days), func(ctx context.Context, i int) error {
		failed[i] = c.write(ctx, c.countLate(days[i], len(counted[days[i]])))
		return nil
	})
	for i, day := range days {
		if failed[i] == nil {
			continue
		}
		for _, key := range counted[day] {
			unmarked[key] = fmt.Errorf("count late orders of %s: %w", day, failed[i])
		}
	}
	return unmarked
}

func entryKey(e model.Entry) table.Key {
	prefix := prefixOrder
	if e.Kind == model.EntryPayment {
		prefix = prefixPayment
	}
	return table.Key{PK: ledgerPartition(e.Day, e.Shard), SK: prefix + e.ID}
}

// entryItem maps an entry. Items are a map of SKU to quantity and revenue.
func entryItem(e model.Entry) table.Item {
	item := table.Item{
		"customer_id": table.String(e.CustomerID),
		"posting":     table.Int(e.Posting),
		"at":          moment(e.At),
	}
	putText(item, "status", string(e.Status))
	putFlag(item, "deleted", e.Deleted)
	if e.Tab != 0 {
		item["tab"] = table.Int(int64(e.Tab))
	}
	if e.Revenue != 0 {
		item["revenue"] = table.Int(int64(e.Revenue))
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

func entryOf(key table.Key, item table.Item) (model.Entry, error) {
	r := reader{item: item}
	e := model.Entry{
		Kind: model.EntryOrder, CustomerID: r.text("customer_id"), Posting: r.number("posting"), At: r.moment("at"),
		Status: model.Status(r.optional("status")), Deleted: r.flag("deleted"),
	}
	if r.has("tab") {
		e.Tab = model.Money(r.number("tab"))
	}
	if r.has("revenue") {
		e.Revenue = model.Money(r.number("revenue"))
	}
	kind, id, _ := strings.Cut(key.SK, "#")
	if e.ID = id; kind+"#" == prefixPayment {
		e.Kind = model.EntryPayment
	}
	day, shard, _ := strings.Cut(strings.TrimPrefix(key.PK, prefixLedger), "#")
	e.Day = model.Day(day)
	if _, err := fmt.Sscan(shard, &e.Shard); err != nil {
		r.fail("pk")
	}
	if r.has("items") {
		items, ok := item["items"].Map()
		if !ok {
			r.fail("items")
		}
		for _, sku := range slices.Sorted(maps.Keys(items)) {
			pair, _ := items[sku].List()
			if len(pair) != 2 {
				r.fail("items")
				break
			}
			quantity, _ := pair[0].Int()
			revenue, _ := pair[1].Int()
			e.Items = append(e.Items, model.EntryItem{SKU: sku, Quantity: quantity, Revenue: model.Money(revenue)})
		}
	}
	return e, r.wrap(key)
}
