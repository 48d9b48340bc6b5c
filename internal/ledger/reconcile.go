package ledger

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"cafe/internal/outbox"
	"cafe/internal/parallel"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// Reconciliation is what Reconcile found and did.
type Reconciliation struct {
	Customers int // that were looked at
	Drifted   []Drift
	Repaired  int // customers, and days of walk-ins

	// Unreadable is how many stored items cannot be decoded. The log names them. Totals
	// that depend on them are left alone.
	Unreadable int
}

// settleTime is how long Reconcile waits for the stream, unless Settle says otherwise.
const settleTime = 2 * time.Second

// Reconcile adds up every customer's totals, and every day's ledger, from the orders and
// payments themselves, and returns where they differ from what is stored. Unless dryRun, it
// repairs the ledger and then the totals. The next daily report mentions drift that a dry
// run found.
//
// It reads the whole table once, and keeps sums by customer and by day in memory. Sales go
// on meanwhile: changes made after it began are left to the stream. An item that cannot be
// decoded keeps only its own customer or day from being reconciled.
func (l *Ledger) Reconcile(ctx context.Context, dryRun bool) (Reconciliation, error) {
	began := l.now.Stamp()
	customers, days := map[string]*books{}, map[model.Day]*books{}
	unread, err := l.audit(ctx, customers, days)
	if err != nil {
		return Reconciliation{}, err
	}
	result := Reconciliation{Customers: len(customers), Unreadable: unread}
	var suspects []*party
	for _, id := range slices.Sorted(maps.Keys(customers)) {
		if b := customers[id]; !b.unknown && (!b.agree() || b.stored.drift(id, b.source) != nil) {
			suspects = append(suspects, &party{customer: id, began: began, extra: b.extra})
		}
	}
	for _, day := range slices.Sorted(maps.Keys(days)) {
		if b := days[day]; !b.unknown && !b.agree() {
			suspects = append(suspects, &party{customer: model.WalkIn, day: day, began: began, extra: b.extra})
		}
	}
	drifted, err := l.confirm(ctx, suspects)
	if err != nil {
		return result, err
	}
	for _, p := range drifted {
		result.Drifted = append(result.Drifted, p.drifted...)
	}
	if !dryRun {
		if err := l.list(ctx, customers); err != nil {
			return result, err
		}
	}
	left := len(drifted)
	for _, p := range drifted {
		if dryRun {
			break
		}
		err := l.repair(ctx, *p)
		if records.IsUnreadable(err) {
			continue
		}
		if err != nil {
			return result, err
		}
		result.Repaired++
		left--
	}
	return result, records.SetAudit(ctx, l.table, records.Audit{Drifted: int64(left), Unreadable: int64(unread)})
}

// list puts customers into the list of customers who were stored before there was one.
func (l *Ledger) list(ctx context.Context, customers map[string]*books) error {
	var ids []string
	for id, b := range customers {
		if b.unlisted {
			ids = append(ids, id)
		}
	}
	return parallel.Each(ctx, len(ids), func(ctx context.Context, i int) error {
		return records.List(ctx, l.table, &model.Customer{ID: ids[i]})
	})
}

// confirm returns the parties whose books still do not agree after the stream had time to
// catch up. Parties whose books cannot be decoded are left out.
func (l *Ledger) confirm(ctx context.Context, suspects []*party) ([]*party, error) {
	for waited := time.Duration(0); ; waited += l.Settle / 4 {
		agree := make([]bool, len(suspects))
		err := parallel.Each(ctx, len(suspects), func(ctx context.Context, i int) error {
			found, err := l.examine(ctx, *suspects[i])
			suspects[i].drifted = found.drifted
			agree[i] = len(found.drifted) == 0 && !found.moved
			if records.IsUnreadable(err) {
				return nil
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		var left []*party
		for i, p := range suspects {
			if !agree[i] {
				left = append(left, p)
			}
		}
		suspects = left
		if len(suspects) == 0 || waited >= l.Settle {
			return slices.DeleteFunc(suspects, func(p *party) bool { return len(p.drifted) == 0 }), nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(l.Settle / 4):
		}
	}
}

// audit reads the whole table and sums it up by customer, and by day for walk-ins. It
// returns how many items cannot be decoded, and marks the books that such an item is part of.
func (l *Ledger) audit(ctx context.Context, customers map[string]*books, days map[model.Day]*books) (unread int, err error) {
	of := func(e model.Entry) *books {
		if e.CustomerID == model.WalkIn {
			return booksOf(days, e.Day)
		}
		return booksOf(customers, e.CustomerID)
	}
	lost := map[string]bool{} // orders and payments that cannot be decoded, by partition
	for row, err := range records.Scan(ctx, l.table, "") {
		if err != nil {
			return unread, err
		}
		found, kind, err := auditRow(row)
		var customer model.Customer
		if err == nil && kind == records.PrefixCustomer {
			customer, err = records.DecodeCustomer(row.Key, row.Item)
		}
		switch {
		case records.IsUnreadable(err):
			slog.ErrorContext(ctx, "stored item cannot be read", "error", err.Error())
			unread++
			switch kind {
			case records.PrefixOrder, records.PrefixPayment:
				lost[row.Key.PK] = true
			case records.PrefixCustomer: // examine will not be able to decode it either
				booksOf(customers, records.IDIn(row.Key, records.PrefixCustomer))
			}
		case err != nil:
			return unread, err
		case kind == records.PrefixOrder || kind == records.PrefixPayment:
			for _, e := range found {
				b := of(e.Entry)
				b.source.add(e.Entry)
				if e.Deleted || e.NoSale {
					b.extra = append(b.extra, e)
				}
			}
		case kind == records.PrefixLedger:
			of(found[0].Entry).ledger.add(found[0].Entry)
		case kind == records.PrefixCustomer:
			b := booksOf(customers, customer.ID)
			b.stored, b.unlisted = tallyOf(customer), !customer.Listed
		}
	}
	if len(lost) == 0 {
		return unread, nil
	}
	// No index may find them any more. The ledger knows whose they are.
	for row, err := range records.Scan(ctx, l.table, records.PrefixLedger) {
		if err != nil {
			return unread, err
		}
		if found, _, err := auditRow(row); err == nil && lost[row.Key.SK] {
			of(found[0].Entry).unknown = true
		}
	}
	return unread, nil
}

// auditRow returns the entries of an order, or the one of a payment or of the ledger, and the
// kind of the row: the prefix of its key, or empty for what is not audited.
func auditRow(row table.Row) (found []source, kind string, err error) {
	switch {
	case strings.HasPrefix(row.Key.PK, records.PrefixOrder):
		o, err := records.DecodeOrder(row.Key, row.Item)
		for _, e := range o.Entries() {
			found = append(found, source{e, o.UpdatedAt})
		}
		return found, records.PrefixOrder, err
	case strings.HasPrefix(row.Key.PK, records.PrefixPayment):
		p, err := records.DecodePayment(row.Key, row.Item)
		return []source{{p.Entry(), p.At}}, records.PrefixPayment, err
	case records.IsEntry(row.Key):
		e, err := records.DecodeEntry(row.Key, row.Item)
		return []source{{Entry: e}}, records.PrefixLedger, err
	case row.Key.PK != "" && row.Key == records.CustomerKey(records.IDIn(row.Key, records.PrefixCustomer)):
		return nil, records.PrefixCustomer, nil
	}
	return nil, "", nil
}

// findings are what the books of a party look like at one records.Time.
type findings struct {
	customer model.Customer // as stored
	moved    bool           // the customer's totals changed while the rest was read
	actual   tally
	mend     []model.Entry // what the ledger lacks, or has in an older or wrong form
	drifted  []Drift
}

// examine compares what is stored of a party with its orders and payments.
func (l *Ledger) examine(ctx context.Context, p party) (f findings, err error) {
	var sources []source
	if p.customer == model.WalkIn {
		sources, err = l.walkInsOf(ctx, p.day)
	} else {
		if f.customer, err = records.Customer(ctx, l.table, p.customer, true); err != nil {
			return f, err
		}
		sources, err = l.sourcesOf(ctx, p.customer)
	}
	if err != nil {
		return f, err
	}
	sources = newest(append(sources, p.extra...))
	posted := make([]model.Entry, len(sources))
	err = parallel.Each(ctx, len(sources), func(ctx context.Context, i int) (err error) {
		posted[i], err = records.Entry(ctx, l.table, sources[i].Entry)
		return err
	})
	if err != nil {
		return f, err
	}
	var ledger tally
	for i, s := range sources {
		ledger.add(posted[i])
		switch {
		case s.since.After(p.began):
			f.actual.add(posted[i])
			continue
		case posted[i].Posting < s.Posting, posted[i].Posting == s.Posting && !posted[i].SameContribution(s.Entry):
			f.mend = append(f.mend, s.Entry)
		}
		f.actual.add(s.Entry)
	}
	right, all := int64(len(sources)-len(f.mend)), int64(len(sources))
	if p.customer == model.WalkIn {
		switch {
		case len(f.mend) == 0:
		case ledger.spent != f.actual.spent:
			f.drifted = []Drift{{model.WalkIn, p.day, TotalTakings, int64(ledger.spent), int64(f.actual.spent)}}
		default:
			f.drifted = []Drift{{model.WalkIn, p.day, TotalEntries, right, all}}
		}
		return f, nil
	}
	after, err := records.Customer(ctx, l.table, p.customer, true)
	if err != nil {
		return f, err
	}
	if f.moved = after.Version != f.customer.Version; f.moved {
		return f, nil
	}
	if f.drifted = tallyOf(f.customer).drift(p.customer, f.actual); f.drifted == nil {
		f.drifted = ledger.drift(p.customer, f.actual)
	}
	if f.drifted == nil && len(f.mend) > 0 {
		f.drifted = []Drift{{p.customer, "", TotalEntries, right, all}}
	}
	return f, nil
}

// newest keeps one of each order: an index may still have one that was deleted.
func newest(sources []source) []source {
	at := make(map[table.Key]int, len(sources))
	kept := sources[:0]
	for _, s := range sources {
		i, twice := at[records.EntryKey(s.Entry)]
		switch {
		case !twice:
			at[records.EntryKey(s.Entry)] = len(kept)
			kept = append(kept, s)
		case s.Posting > kept[i].Posting:
			kept[i] = s
		}
	}
	return kept
}

// sourcesOf returns a customer's orders and payments, without deleted ones.
func (l *Ledger) sourcesOf(ctx context.Context, id string) (sources []source, err error) {
	for _, partition := range []string{records.PrefixCustomer + id, records.PrefixPayment + id} {
		found, err := l.sourcesIn(ctx, id, table.Query{Index: table.Index1, Partition: partition})
		if err != nil {
			return nil, err
		}
		sources = append(sources, found...)
	}
	return sources, nil
}

// walkInsOf returns what the walk-ins' orders of a day contribute to it, without deleted ones.
func (l *Ledger) walkInsOf(ctx context.Context, day model.Day) (sources []source, err error) {
	from := string(day) + "#"
	for shard := range l.settings.Shards {
		found, err := l.sourcesIn(ctx, model.WalkIn, table.Query{
			Index: table.Index2, Partition: records.ShardPartition(records.PrefixOrder, shard), From: from, To: table.PrefixEnd(from),
		})
		if err != nil {
			return nil, err
		}
		for _, s := range found {
			if s.Day == day {
				sources = append(sources, s)
			}
		}
	}
	return sources, nil
}

// sourcesIn returns what a query finds of one customer.
func (l *Ledger) sourcesIn(ctx context.Context, customerID string, query table.Query) (sources []source, err error) {
	for row, err := range records.Query(ctx, l.table, query) {
		if err != nil {
			return nil, err
		}
		if id := row.Item.Str("customer_id"); model.ValidID(id) && id != customerID {
			continue
		}
		found, _, err := auditRow(row)
		if err != nil {
			return nil, err
		}
		sources = append(sources, found...)
	}
	return sources, nil
}

// repair mends the party's ledger first. Only then, if a customer's totals still differ from
// the orders and payments, it sets them: in one step, so that no sum on the way raises an
// alert.
func (l *Ledger) repair(ctx context.Context, p party) error {
	return records.Retry(ctx, func() error {
		f, err := l.examine(ctx, p)
		if err != nil {
			return err
		}
		if err := l.mend(ctx, f.mend); err != nil {
			return err
		}
		switch {
		case len(f.mend) > 0:
			return records.ErrOvertaken // look again
		case p.customer == model.WalkIn:
			return nil
		}
		moved := false // something was posted since the entries were read
		_, err = records.ChangeCustomer(ctx, l.table, p.customer, nil, func(was model.Customer) (model.Customer, []table.Op) {
			if moved = was.Version != f.customer.Version; moved {
				return was, nil
			}
			return l.corrected(was, f.actual)
		})
		if err == nil && moved {
			return records.ErrOvertaken
		}
		return err
	})
}

// mend stores entries in the ledger, except where it has newer ones. Totals stay as they are.
func (l *Ledger) mend(ctx context.Context, entries []model.Entry) error {
	for _, err := range l.markLate(ctx, entries) {
		return err
	}
	return parallel.Each(ctx, len(entries), func(ctx context.Context, i int) error {
		e := entries[i]
		err := records.Write(ctx, l.table, table.Put(records.EntryKey(e), records.EncodeEntry(e), table.Below("posting", e.Posting+1)))
		if _, newer := table.Failed(err, 0); newer {
			return nil
		}
		return err
	})
}

// corrected returns the customer with the actual totals, and the alert that is due if that
// crosses the limit.
func (l *Ledger) corrected(was model.Customer, actual tally) (model.Customer, []table.Op) {
	if tallyOf(was).drift(was.ID, actual) == nil {
		return was, nil
	}
	next := was
	next.Balance, next.Spent, next.Orders = actual.balance, actual.spent, actual.orders
	if actual.lastOrderAt.After(next.LastOrderAt) {
		next.LastOrderAt = actual.lastOrderAt
	}
	if actual.lastAt.After(next.ErasedAt) {
		next.ErasedAt = time.Time{}
	}
	if next.Settle(next.Limit(l.settings.CreditLimit)) {
		return next, []table.Op{outbox.HighBalance(l.settings, next, l.now.Stamp())}
	}
	return next, nil
}
