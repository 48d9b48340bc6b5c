package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cafe/internal/outbox"
	"cafe/internal/parallel"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// maxPosted is how many entries of one customer go into one write: each may bring an
// alert, and the customer is one operation too.
const maxPosted = (table.MaxOps - 1) / 2

// postAll does all the work, customers and shelves side by side. It calls failed for each
// posting that could not be done, once, from several goroutines.
func (l *Ledger) postAll(ctx context.Context, work []posting, failed func(posting, error)) {
	groups := byParty(work)
	if each, ok := l.table.(table.EachWriter); ok {
		var walkIns []posting
		groups = slices.DeleteFunc(groups, func(g []posting) bool {
			alone := g[0].shelf == nil && g[0].entry.CustomerID == model.WalkIn
			if alone {
				walkIns = append(walkIns, g...)
			}
			return alone
		})
		l.postWalkIns(ctx, each, walkIns, failed)
	}
	_ = parallel.Each(ctx, len(groups), func(ctx context.Context, i int) error {
		if groups[i][0].shelf != nil {
			l.postShelf(ctx, groups[i], failed)
			return nil
		}
		for rest := groups[i]; len(rest) > 0; {
			n := min(len(rest), maxPosted)
			l.postSome(ctx, rest[:n], failed)
			rest = rest[n:]
		}
		return nil
	})
}

// postWalkIns posts entries of walk-ins. They have no totals in common.
func (l *Ledger) postWalkIns(ctx context.Context, t table.EachWriter, work []posting, failed func(posting, error)) {
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

// postWalkIn returns the operation that replaces an older entry.
func postWalkIn(e model.Entry) table.Op {
	return table.Put(records.EntryKey(e), records.EncodeEntry(e), table.Below("posting", e.Posting))
}

// postShelf does the work of one shelf, one change after the other: a mark that is made
// after the restock that ends it would stay.
func (l *Ledger) postShelf(ctx context.Context, group []posting, failed func(posting, error)) {
	for _, p := range group {
		mark := l.markSoldOut
		if p.shelf.OnHand > 0 {
			mark = l.markRestocked
		}
		if err := mark(ctx, *p.shelf); err != nil {
			failed(p, err)
		}
	}
}

// postSome posts entries of one customer in one write. When one of them makes the write
// fail, each is posted by itself, so that only that one fails.
func (l *Ledger) postSome(ctx context.Context, group []posting, failed func(posting, error)) {
	entries := make([]model.Entry, len(group))
	for i, p := range group {
		entries[i] = p.entry
	}
	switch err := l.postEntries(ctx, entries); {
	case err == nil:
	case len(group) > 1 && !records.IsUnreachable(err):
		for i := range group {
			l.postSome(ctx, group[i:i+1], failed)
		}
	default:
		for _, p := range group {
			failed(p, err)
		}
	}
}

// postEntries posts entries of one customer, or one entry of a walk-in.
func (l *Ledger) postEntries(ctx context.Context, entries []model.Entry) error {
	if entries[0].CustomerID == model.WalkIn {
		e := entries[0]
		err := records.Write(ctx, l.table, postWalkIn(e))
		if _, posted := table.Failed(err, 0); err != nil && !posted {
			return fmt.Errorf("post %s %s: %w", e.Kind, e.ID, err)
		}
		return nil
	}
	if err := l.postToTab(ctx, entries); err != nil {
		return fmt.Errorf("post %d entries of a customer: %w", len(entries), err)
	}
	return nil
}

// postToTab replaces the entries of one customer and moves the totals by the difference, in
// one write. The write is conditional on the entry that it replaces: the first posting
// expects none, later ones read it. When an alert of the same id exists already (the
// customer's item was lost and made anew), it stays, and the crossing gets the next number.
func (l *Ledger) postToTab(ctx context.Context, entries []model.Entry) error {
	t := tab{entries: entries, replaced: make([]model.Entry, len(entries))}
	for i, e := range entries {
		if e.Posting == 1 {
			continue
		}
		var err error
		if t.replaced[i], err = records.Entry(ctx, l.table, e); err != nil {
			return err
		}
	}
	return records.Retry(ctx, func() error { return l.attemptTab(ctx, &t) })
}

// tab is what an attempt to post to a customer's tab knows from the attempts before it.
type tab struct {
	entries   []model.Entry
	replaced  []model.Entry // what each of them replaces; Posting 0: nothing
	announced int64         // crossings whose alert exists already
}

// attemptTab makes one attempt. It is records.ErrOvertaken when an entry, the customer or an
// alert is not as expected; t knows better then.
func (l *Ledger) attemptTab(ctx context.Context, t *tab) error {
	var news []int
	for i, e := range t.entries {
		if e.Posting > t.replaced[i].Posting {
			news = append(news, i)
		}
	}
	if len(news) == 0 {
		return nil
	}
	customer, err := records.Customer(ctx, l.table, t.entries[0].CustomerID, true)
	if err != nil {
		return err
	}
	customer.Crossings += t.announced
	ops, alerts := make([]table.Op, 1, len(news)+2), []table.Op(nil)
	for _, i := range news {
		if err := customer.Post(t.replaced[i], t.entries[i]); err != nil {
			return err
		}
		// Settled one by one: a tab that sank and rose again within one batch has crossed
		// the limit twice.
		if customer.Settle(customer.Limit(l.settings.CreditLimit)) {
			alerts = append(alerts, outbox.HighBalance(l.settings, customer, l.now.Stamp()))
		}
		condition := table.Absent()
		if t.replaced[i].Posting > 0 {
			condition = table.Equal("posting", table.Int(t.replaced[i].Posting))
		}
		ops = append(ops, table.Put(records.EntryKey(t.entries[i]), records.EncodeEntry(t.entries[i]), condition))
	}
	if err := records.List(ctx, l.table, &customer); err != nil {
		return err
	}
	ops[0] = records.PutCustomer(customer)
	ops = append(ops, alerts...)
	err = records.Write(ctx, l.table, ops...)
	var refused *table.ConditionError
	if !errors.As(err, &refused) {
		return err
	}
	for _, f := range refused.Failures {
		if f.Op > len(news) && refused.Failures[0].Op > 0 { // the customer is as read
			t.announced++
		}
		if f.Op == 0 || f.Op > len(news) || f.Item == nil {
			continue
		}
		i := news[f.Op-1]
		if t.replaced[i], err = records.DecodeEntry(records.EntryKey(t.entries[i]), f.Item); err != nil {
			return err
		}
	}
	return records.ErrOvertaken
}
