package cafe

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"cafe/internal/table"
	"cafe/model"
)

// Drift is a total that is not the sum of what it is of. Where all of them are, and the
// ledger is wrong all the same, Field is "entries", for walk-ins "2017-03-18 entries":
// Actual is how many orders and payments there are, Stored how many of them the ledger has
// as they are.
type Drift struct {
	CustomerID string `json:"customer_id"` // WalkIn for a day's takings
	Field      string `json:"field"`       // balance, orders or spent; for walk-ins the business day
	Stored     int64  `json:"stored"`      // minor units, or orders
	Actual     int64  `json:"actual"`
}

// Reconciliation is what Reconcile found and did.
type Reconciliation struct {
	Customers int
	Drifted   []Drift
	Repaired  int // customers, and days of walk-ins

	// Unreadable is how many stored items are not what their keys promise. The log names
	// them. Totals that depend on them are left as they are.
	Unreadable int
}

// tally sums what entries contribute.
type tally struct {
	balance, spent model.Money
	orders         int64
	lastOrderAt    time.Time
	lastAt         time.Time // of orders and payments
	contents       uint64    // sum of the entries' prints: in any order the same
}

func (t *tally) add(e model.Entry) {
	t.contents += printOf(e)
	t.balance += e.Tab
	t.spent += e.Revenue
	if e.Counts() {
		t.orders++
	}
	if e.Kind == model.EntryOrder && e.At.After(t.lastOrderAt) {
		t.lastOrderAt = e.At
	}
	if e.At.After(t.lastAt) {
		t.lastAt = e.At
	}
}

var printSeed = maphash.MakeSeed()

// printOf returns a number that tells the entry from what it is not, in this process.
func printOf(e model.Entry) uint64 {
	return maphash.String(printSeed, fmt.Sprintf("%s %s %d %t %t %d %d %v",
		e.Kind, e.ID, e.Posting, e.Status.Counts(), e.Deleted, e.Tab, e.Revenue, e.Items))
}

// drift returns the sums that are not what they actually are.
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

// books are the sums of one party.
type books struct {
	source, ledger, stored tally
	deleted                []source
	unknown                bool // the ledger has something whose source cannot be read
}

// agree tells whether the ledger has what its sources say, entry by entry.
func (b books) agree() bool {
	return b.ledger.drift("", b.source) == nil && b.ledger.contents == b.source.contents
}

// settleTime is how long Reconcile gives the stream to catch up before it calls a
// difference drift.
const settleTime = 2 * time.Second

// Reconcile recomputes every customer's totals from the orders and payments themselves,
// and the ledger of every day, and reports where they differ. Unless dryRun, it posts
// again what the ledger lacks and sets totals right. It reads the whole table once, and
// keeps sums per customer and per day in memory. The next daily report tells of drift that
// a dry run found. Sales go on meanwhile: what changes after it began is left to the stream.
//
// Items that cannot be read keep only those from being reconciled whose they are: all the
// rest is done.
func (c *Cafe) Reconcile(ctx context.Context, dryRun bool) (Reconciliation, error) {
	began := c.clock()
	customers, days := map[string]*books{}, map[model.Day]*books{}
	unread, err := c.audit(ctx, customers, days)
	if err != nil {
		return Reconciliation{}, err
	}
	result := Reconciliation{Customers: len(customers), Unreadable: unread}
	var suspects []*party
	for _, id := range slices.Sorted(maps.Keys(customers)) {
		if b := customers[id]; !b.unknown && (!b.agree() || b.stored.drift(id, b.source) != nil) {
			suspects = append(suspects, &party{customer: id, began: began, deleted: b.deleted})
		}
	}
	for _, day := range slices.Sorted(maps.Keys(days)) {
		if b := days[day]; !b.unknown && !b.agree() {
			suspects = append(suspects, &party{customer: model.WalkIn, day: day, began: began, deleted: b.deleted})
		}
	}
	drifted, err := c.confirm(ctx, suspects)
	if err != nil {
		return result, err
	}
	for _, p := range drifted {
		result.Drifted = append(result.Drifted, p.drifted...)
	}
	left := len(drifted)
	for _, p := range drifted {
		if dryRun {
			break
		}
		err := c.repair(ctx, *p)
		if isUnreadable(err) {
			continue
		}
		if err != nil {
			return result, err
		}
		result.Repaired++
		left--
	}
	return result, c.noteAudit(ctx, left, unread)
}

// party is a customer, or the walk-ins of one day, whose books are looked into.
type party struct {
	customer string
	day      model.Day
	began    time.Time // what changed later may be on its way to the ledger
	deleted  []source  // their deleted orders, which no index finds

	drifted []Drift
}

// source is what an order or payment contributes, and since when.
type source struct {
	model.Entry
	since time.Time
}

// confirm keeps the parties whose books still do not agree when the stream had time to
// catch up, but for those whose books cannot be read.
func (c *Cafe) confirm(ctx context.Context, suspects []*party) ([]*party, error) {
	for waited := time.Duration(0); ; waited += c.settle / 4 {
		agree := make([]bool, len(suspects))
		err := each(ctx, len(suspects), func(ctx context.Context, i int) error {
			found, err := c.examine(ctx, *suspects[i])
			suspects[i].drifted = found.drifted
			agree[i] = len(found.drifted) == 0 && !found.moved
			if isUnreadable(err) {
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
		if len(suspects) == 0 || waited >= c.settle {
			return slices.DeleteFunc(suspects, func(p *party) bool { return len(p.drifted) == 0 }), nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(c.settle / 4):
		}
	}
}

// audit reads the whole table and sums it up by customer, and by day for walk-ins. It
// returns how many items cannot be read, and marks the books that have posted one of them.
func (c *Cafe) audit(ctx context.Context, customers map[string]*books, days map[model.Day]*books) (unread int, err error) {
	of := func(e model.Entry) *books {
		if e.CustomerID == model.WalkIn {
			return booksOf(days, e.Day)
		}
		return booksOf(customers, e.CustomerID)
	}
	lost := map[string]bool{} // orders and payments that cannot be read, by partition
	err = c.scan(ctx, "", func(row table.Row) error {
		e, kind, err := auditRow(row)
		var customer model.Customer
		if err == nil && kind == prefixCustomer {
			customer, err = customerOf(row.Key, row.Item)
		}
		switch {
		case isUnreadable(err):
			slog.ErrorContext(ctx, "stored item cannot be read", "error", err.Error())
			unread++
			switch kind {
			case prefixOrder, prefixPayment:
				lost[row.Key.PK] = true
			case prefixCustomer: // examine will not be able to read it either
				booksOf(customers, idOf(row.Key, prefixCustomer))
			}
		case err != nil:
			return err
		case kind == prefixOrder || kind == prefixPayment:
			b := of(e.Entry)
			b.source.add(e.Entry)
			if e.Deleted {
				b.deleted = append(b.deleted, e)
			}
		case kind == prefixLedger:
			of(e.Entry).ledger.add(e.Entry)
		case kind == prefixCustomer:
			booksOf(customers, customer.ID).stored = tallyOf(customer)
		}
		return nil
	})
	if err != nil || len(lost) == 0 {
		return unread, err
	}
	// No index may find them any more. The ledger knows whose they are.
	err = c.scan(ctx, prefixLedger, func(row table.Row) error {
		if e, _, err := auditRow(row); err == nil && lost[row.Key.SK] {
			of(e.Entry).unknown = true
		}
		return nil
	})
	return unread, err
}

// scan has each row seen whose partition begins with the prefix.
func (c *Cafe) scan(ctx context.Context, prefix string, see func(table.Row) error) error {
	scan := table.Scan{Prefix: prefix}
	for {
		page, err := c.table.Scan(ctx, scan)
		if err != nil {
			return err
		}
		for _, row := range page.Rows {
			if err := see(row); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		scan.After = page.Next
	}
}

func auditRow(row table.Row) (e source, kind string, err error) {
	switch {
	case strings.HasPrefix(row.Key.PK, prefixOrder):
		o, err := orderOf(row.Key, row.Item)
		return source{o.Entry(), o.UpdatedAt}, prefixOrder, err
	case strings.HasPrefix(row.Key.PK, prefixPayment):
		p, err := paymentOf(row.Key, row.Item)
		return source{p.Entry(), p.At}, prefixPayment, err
	case strings.HasPrefix(row.Key.PK, prefixLedger) && !strings.HasPrefix(row.Key.SK, prefixStock):
		e.Entry, err = entryOf(row.Key, row.Item)
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

// findings are what the books of a party look like at one moment.
type findings struct {
	customer model.Customer // as stored
	moved    bool           // the customer's totals changed while the rest was read
	actual   tally
	mend     []model.Entry // what the ledger should have, and has an older one, none, or another
	drifted  []Drift
}

// examine compares what is stored of a party with what is.
func (c *Cafe) examine(ctx context.Context, p party) (f findings, err error) {
	var sources []source
	if p.customer == model.WalkIn {
		sources, err = c.walkInsOf(ctx, p.day)
	} else {
		if f.customer, err = c.customer(ctx, p.customer, true); err != nil {
			return f, err
		}
		sources, err = c.sourcesOf(ctx, p.customer)
	}
	if err != nil {
		return f, err
	}
	sources = newest(append(sources, p.deleted...))
	posted := make([]model.Entry, len(sources))
	err = each(ctx, len(sources), func(ctx context.Context, i int) (err error) {
		posted[i], err = c.posted(ctx, sources[i].Entry)
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
		case posted[i].Posting < s.Posting, posted[i].Posting == s.Posting && !sameEntry(posted[i], s.Entry):
			f.mend = append(f.mend, s.Entry)
		}
		f.actual.add(s.Entry)
	}
	right, all := int64(len(sources)-len(f.mend)), int64(len(sources))
	if p.customer == model.WalkIn {
		switch {
		case len(f.mend) == 0:
		case ledger.spent != f.actual.spent:
			f.drifted = []Drift{{model.WalkIn, string(p.day), int64(ledger.spent), int64(f.actual.spent)}}
		default:
			f.drifted = []Drift{{model.WalkIn, string(p.day) + " entries", right, all}}
		}
		return f, nil
	}
	after, err := c.customer(ctx, p.customer, true)
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
		f.drifted = []Drift{{p.customer, "entries", right, all}}
	}
	return f, nil
}

// newest keeps one of what is there twice: an index may still have an order that is
// deleted.
func newest(sources []source) []source {
	at := make(map[table.Key]int, len(sources))
	kept := sources[:0]
	for _, s := range sources {
		i, twice := at[entryKey(s.Entry)]
		switch {
		case !twice:
			at[entryKey(s.Entry)] = len(kept)
			kept = append(kept, s)
		case s.Posting > kept[i].Posting:
			kept[i] = s
		}
	}
	return kept
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

// sourcesOf returns what each of a customer's orders and payments contributes now, but
// for the deleted ones.
func (c *Cafe) sourcesOf(ctx context.Context, id string) (sources []source, err error) {
	for _, partition := range []string{prefixCustomer + id, prefixPayment + id} {
		found, err := c.sourcesIn(ctx, id, table.Query{Index: table.Index1, Partition: partition})
		if err != nil {
			return nil, err
		}
		sources = append(sources, found...)
	}
	return sources, nil
}

// walkInsOf returns what each walk-in's order of the day contributes now, but for the
// deleted ones.
func (c *Cafe) walkInsOf(ctx context.Context, day model.Day) (sources []source, err error) {
	from := string(day) + "#"
	for shard := range c.Shards {
		found, err := c.sourcesIn(ctx, model.WalkIn, table.Query{
			Index: table.Index2, Partition: shardPartition(prefixOrder, shard), From: from, To: table.PrefixEnd(from),
		})
		if err != nil {
			return nil, err
		}
		sources = append(sources, found...)
	}
	return sources, nil
}

// sourcesIn returns what a query finds of one customer.
func (c *Cafe) sourcesIn(ctx context.Context, customerID string, query table.Query) (sources []source, err error) {
	for {
		page, err := c.table.Query(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, row := range page.Rows {
			if id := row.Item.Str("customer_id"); model.ValidID(id) && id != customerID {
				continue
			}
			s, _, err := auditRow(row)
			if err != nil {
				return nil, err
			}
			sources = append(sources, s)
		}
		if page.Next == "" {
			return sources, nil
		}
		query.From = table.After(page.Next)
	}
}

// repair puts right what the party's ledger says, and then, should a customer's totals
// not be what the orders and payments add up to, those: in one step, so that no alert
// comes of a sum on the way.
func (c *Cafe) repair(ctx context.Context, p party) error {
	for attempt := 0; ; attempt++ {
		f, err := c.examine(ctx, p)
		if err != nil {
			return err
		}
		if err := c.mend(ctx, f.mend); err != nil {
			return err
		}
		if len(f.mend) == 0 {
			if p.customer == model.WalkIn {
				return nil
			}
			// Only if nothing was posted since the entries were read.
			_, err = c.changeCustomer(ctx, p.customer, func(version int64) bool { return version == f.customer.Version },
				func(was model.Customer) (model.Customer, []table.Op) { return c.corrected(was, f.actual) })
			if !errors.Is(err, ErrStale) {
				return err
			}
		}
		if attempt == attempts {
			return table.ErrConflict
		}
	}
}

// mend stores entries in the ledger, but where it has newer ones. Totals stay.
func (c *Cafe) mend(ctx context.Context, entries []model.Entry) error {
	now := c.now()
	var late []model.Entry
	for _, e := range entries {
		if c.isLate(e, now) {
			late = append(late, e)
		}
	}
	if err := c.markLate(ctx, late); err != nil {
		return err
	}
	return each(ctx, len(entries), func(ctx context.Context, i int) error {
		e := entries[i]
		err := c.write(ctx, table.Put(entryKey(e), entryItem(e), table.Below("posting", e.Posting+1)))
		if _, newer := table.Failed(err, 0); newer {
			return nil
		}
		return err
	})
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
	if actual.lastAt.After(next.ErasedAt) {
		next.ErasedAt = time.Time{}
	}
	if next.Settle(next.Limit(c.CreditLimit)) {
		return next, []table.Op{c.highBalance(next)}
	}
	return next, nil
}
