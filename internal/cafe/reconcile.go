package cafe

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"cafe/internal/table"
	"cafe/model"
)

// Drift is a total that is not the sum of what it is of.
type Drift struct {
	CustomerID     string // WalkIn for a day's takings
	Field          string // balance, orders or spent; for walk-ins the business day
	Stored, Actual int64  // minor units, or orders
}

// Reconciliation is what Reconcile found and did.
type Reconciliation struct {
	Customers int
	Drifted   []Drift
	Repaired  int // customers, and days of walk-ins
}

// tally sums what entries contribute.
type tally struct {
	balance, spent model.Money
	orders         int64
	lastOrderAt    time.Time
}

func (t *tally) add(e model.Entry) {
	t.balance += e.Tab
	t.spent += e.Revenue
	if e.Counts() {
		t.orders++
	}
	if e.Kind == model.EntryOrder && e.At.After(t.lastOrderAt) {
		t.lastOrderAt = e.At
	}
}

func (t tally) drift(customerID string, actual tally) []Drift {
	var drifted []Drift
	for _, f := range []Drift{
		{customerID, "balance", int64(t.balance), int64(actual.balance)},
		{customerID, "orders", t.orders, actual.orders},
		{customerID, "spent", int64(t.spent), int64(actual.spent)},
	} {
		if f.Stored != f.Actual {
			drifted = append(drifted, f)
		}
	}
	return drifted
}

// books are the sums of one party: a customer, or the walk-ins of one day.
type books struct {
	source, ledger, stored tally
	deleted                []model.Entry // of the party's deleted orders, which no index finds
}

// settleTime is how long Reconcile gives the stream to catch up before it calls a
// difference drift.
const settleTime = 2 * time.Second

// Reconcile recomputes every customer's totals from the orders and payments themselves,
// and the ledger of every day, and reports where they differ. Unless dryRun, it posts
// again what the ledger lacks and sets totals right. It reads the whole table once, and
// keeps sums per customer and per day in memory.
func (c *Cafe) Reconcile(ctx context.Context, dryRun bool) (Reconciliation, error) {
	customers, days := map[string]*books{}, map[model.Day]*books{}
	if err := c.audit(ctx, customers, days); err != nil {
		return Reconciliation{}, err
	}
	result := Reconciliation{Customers: len(customers)}
	for _, id := range slices.Sorted(maps.Keys(customers)) {
		b := customers[id]
		if b.ledger.drift(id, b.source) == nil && b.stored.drift(id, b.source) == nil {
			continue
		}
		drifted, err := c.verifyCustomer(ctx, id, b.deleted)
		if err != nil {
			return result, err
		}
		result.Drifted = append(result.Drifted, drifted...)
		if len(drifted) == 0 || dryRun {
			continue
		}
		if err := c.repairCustomer(ctx, id, b.deleted); err != nil {
			return result, err
		}
		result.Repaired++
	}
	for _, day := range slices.Sorted(maps.Keys(days)) {
		b := days[day]
		if b.ledger.drift("", b.source) == nil {
			continue
		}
		stored, actual, entries, err := c.verifyDay(ctx, day, b.deleted)
		if err != nil {
			return result, err
		}
		if stored == actual && len(entries) == 0 {
			continue
		}
		result.Drifted = append(result.Drifted, Drift{model.WalkIn, string(day), int64(stored), int64(actual)})
		if dryRun {
			continue
		}
		err = each(ctx, len(entries), func(ctx context.Context, i int) error {
			return c.postEntries(ctx, entries[i:i+1])
		})
		if err != nil {
			return result, err
		}
		result.Repaired++
	}
	return result, nil
}

// audit reads the whole table and sums it up by customer, and by day for walk-ins.
func (c *Cafe) audit(ctx context.Context, customers map[string]*books, days map[model.Day]*books) error {
	of := func(e model.Entry) *books {
		if e.CustomerID == model.WalkIn {
			return booksOf(days, e.Day)
		}
		return booksOf(customers, e.CustomerID)
	}
	scan := table.Scan{}
	for {
		page, err := c.table.Scan(ctx, scan)
		if err != nil {
			return err
		}
		for _, row := range page.Rows {
			e, kind, err := auditRow(row)
			if err != nil {
				return err
			}
			switch kind {
			case prefixOrder, prefixPayment:
				b := of(e)
				b.source.add(e)
				if e.Deleted {
					b.deleted = append(b.deleted, e)
				}
			case prefixLedger:
				of(e).ledger.add(e)
			case prefixCustomer:
				customer, err := customerOf(row.Key, row.Item)
				if err != nil {
					return err
				}
				booksOf(customers, customer.ID).stored = tallyOf(customer)
			}
		}
		if page.Next == "" {
			return nil
		}
		scan.After = page.Next
	}
}

func auditRow(row table.Row) (e model.Entry, kind string, err error) {
	switch {
	case strings.HasPrefix(row.Key.PK, prefixOrder):
		var o model.Order
		o, err = orderOf(row.Key, row.Item)
		return o.Entry(), prefixOrder, err
	case strings.HasPrefix(row.Key.PK, prefixPayment):
		var p model.Paid
		p, err = paymentOf(row.Key, row.Item)
		return p.Entry(), prefixPayment, err
	case strings.HasPrefix(row.Key.PK, prefixLedger) && !strings.HasPrefix(row.Key.SK, prefixStock):
		e, err = entryOf(row.Key, row.Item)
		return e, prefixLedger, err
	case row.Key.PK != "" && row.Key == customerKey(idOf(row.Key, prefixCustomer)):
		return e, prefixCustomer, nil
	}
	return e, "", nil
}

func booksOf[K comparable](all map[K]*books, key K) *books {
	b := all[key]
	if b == nil {
		b = &books{}
		all[key] = b
	}
	return b
}

func tallyOf(c model.Customer) tally {
	return tally{balance: c.Balance, spent: c.Spent, orders: c.Orders, lastOrderAt: c.LastOrderAt}
}

// verifyCustomer compares what is stored with what is, and gives the stream time to
// catch up before it calls a difference drift.
func (c *Cafe) verifyCustomer(ctx context.Context, id string, deleted []model.Entry) (drifted []Drift, err error) {
	err = c.patiently(ctx, func() (bool, error) {
		entries, err := c.entriesOf(ctx, id, deleted)
		if err != nil {
			return false, err
		}
		customer, err := c.customer(ctx, id, true)
		if err != nil {
			return false, err
		}
		var actual, ledger tally
		for _, e := range entries {
			actual.add(e)
			posted, err := c.posted(ctx, e)
			if err != nil {
				return false, err
			}
			ledger.add(posted)
		}
		drifted = tallyOf(customer).drift(id, actual)
		if drifted == nil {
			drifted = ledger.drift(id, actual)
		}
		return drifted == nil, nil
	})
	return drifted, err
}

// patiently calls until it is satisfied, for settleTime at most.
func (c *Cafe) patiently(ctx context.Context, satisfied func() (bool, error)) error {
	for waited := time.Duration(0); ; waited += settleTime / 4 {
		ok, err := satisfied()
		if ok || err != nil || waited >= settleTime {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(settleTime / 4):
		}
	}
}

// posted returns the ledger's entry for an order or payment, or the zero Entry.
func (c *Cafe) posted(ctx context.Context, e model.Entry) (model.Entry, error) {
	item, err := c.table.Get(ctx, entryKey(e), true)
	if errors.Is(err, table.ErrNotFound) {
		return model.Entry{}, nil
	}
	if err != nil {
		return model.Entry{}, err
	}
	return entryOf(entryKey(e), item)
}

// entriesOf returns what each of a customer's orders and payments contributes now,
// given the deleted ones, which are in no index.
func (c *Cafe) entriesOf(ctx context.Context, id string, deleted []model.Entry) ([]model.Entry, error) {
	entries := slices.Clone(deleted)
	for _, partition := range []string{prefixCustomer + id, prefixPayment + id} {
		found, err := c.entriesIn(ctx, table.Query{Index: table.Index1, Partition: partition})
		if err != nil {
			return nil, err
		}
		entries = append(entries, found...)
	}
	return entries, nil
}

func (c *Cafe) entriesIn(ctx context.Context, query table.Query) (entries []model.Entry, err error) {
	for {
		page, err := c.table.Query(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, row := range page.Rows {
			e, _, err := auditRow(row)
			if err != nil {
				return nil, err
			}
			entries = append(entries, e)
		}
		if page.Next == "" {
			return entries, nil
		}
		query.From = table.After(page.Next)
	}
}

// repairCustomer posts all that the customer's ledger lacks, and then, should the totals
// themselves be wrong, sets them to what the ledger adds up to.
func (c *Cafe) repairCustomer(ctx context.Context, id string, deleted []model.Entry) error {
	for attempt := 0; ; attempt++ {
		before, err := c.customer(ctx, id, true)
		if err != nil {
			return err
		}
		entries, err := c.entriesOf(ctx, id, deleted)
		if err != nil {
			return err
		}
		var actual tally
		var lacking []model.Entry
		for _, e := range entries {
			actual.add(e)
			posted, err := c.posted(ctx, e)
			if err != nil {
				return err
			}
			if posted.Posting < e.Posting {
				lacking = append(lacking, e)
			}
		}
		if len(lacking) == 0 {
			// Only if nothing was posted since the entries were read.
			err = c.changeCustomer(ctx, id, func(version int64) bool { return version == before.Version },
				func(was model.Customer) (model.Customer, []table.Op) { return c.corrected(was, actual) })
			if !errors.Is(err, ErrStale) || attempt == attempts {
				return err
			}
		}
		for _, e := range lacking {
			if err := c.postEntries(ctx, []model.Entry{e}); err != nil {
				return err
			}
		}
		if attempt == attempts {
			return table.ErrConflict
		}
	}
}

// corrected returns the customer with the totals that are true, and the alert that is
// due if that is a crossing.
func (c *Cafe) corrected(was model.Customer, actual tally) (model.Customer, []table.Op) {
	if tallyOf(was).drift(was.ID, actual) == nil {
		return was, nil
	}
	next := was
	next.Balance, next.Spent, next.Orders = actual.balance, actual.spent, actual.orders
	if actual.lastOrderAt.After(next.LastOrderAt) {
		next.LastOrderAt = actual.lastOrderAt
	}
	if next.Settle(next.Limit(c.CreditLimit)) {
		return next, []table.Op{c.highBalance(next)}
	}
	return next, nil
}

// verifyDay compares a day's takings from walk-ins with its ledger, and returns what
// the ledger lacks.
func (c *Cafe) verifyDay(ctx context.Context, day model.Day, deleted []model.Entry) (stored, actual model.Money, lacking []model.Entry, err error) {
	err = c.patiently(ctx, func() (bool, error) {
		stored, actual, lacking = 0, 0, nil
		entries := slices.Clone(deleted)
		for shard := range c.Shards {
			from := string(day) + "#"
			found, err := c.entriesIn(ctx, table.Query{
				Index: table.Index2, Partition: shardPartition(prefixOrder, shard), From: from, To: table.PrefixEnd(from),
			})
			if err != nil {
				return false, err
			}
			entries = append(entries, found...)
		}
		for _, e := range entries {
			if e.CustomerID != model.WalkIn {
				continue
			}
			posted, err := c.posted(ctx, e)
			if err != nil {
				return false, err
			}
			stored, actual = stored+posted.Revenue, actual+e.Revenue
			if posted.Posting < e.Posting {
				lacking = append(lacking, e)
			}
		}
		return len(lacking) == 0, nil
	})
	return stored, actual, lacking, err
}
