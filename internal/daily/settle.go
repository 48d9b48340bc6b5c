package daily

import (
	"context"
	"time"

	"cafe/internal/parallel"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/books"
)

// An order reaches the ledger by the stream, a moment after it is written. A report asks the
// day index whether the ledger has what was written. It waits for what is missing, and says
// what has not come.
//
// To compare all orders of a day costs more than the report itself: 87 read units for 1,000
// orders. So only the newest of a day are compared, which are the last that the stream
// brings. All are compared when one of these is missing, and after an import: its orders
// come in no order of time.
//
// Changes of older orders, deletions and what the index does not show yet are not seen. Such
// a change counts as late when it is posted, and Extract makes a new revision of it.
const (
	// newest is how many of a day's orders are compared. They cost 2.5 read units.
	newest = 25
	// importedLately is how long all orders of a day are compared after an import. A stream
	// that is further behind than that lacks some of the newest orders, too.
	importedLately = 15 * time.Minute
	// liveGrace is how old an order is before the live report of today waits for it.
	liveGrace = 10 * time.Second

	firstPause, longestPause = 50 * time.Millisecond, 2 * time.Second
)

// waiting is how long one call waits for orders that are on their way, all in all.
type waiting struct {
	until time.Time // orders written later are not waited for
	ctx   context.Context
	end   context.CancelFunc

	payments bool // payments onto tabs are waited for, too
}

// wait returns a waiting that begins now. The caller calls its end.
func (r *Reporter) wait(ctx context.Context, patience time.Duration) *waiting {
	w := &waiting{until: r.now.Stamp()}
	w.ctx, w.end = context.WithTimeout(ctx, patience)
	return w
}

// settledSales reads a day's ledger, again and again while orders of the day are on their way
// to it, until the waiting is over.
func (r *Reporter) settledSales(ctx context.Context, day model.Day, record dayRecord, wait *waiting) (daySales, error) {
	for pause := firstPause; ; {
		sales, err := r.salesOf(ctx, day)
		if err != nil {
			return sales, err
		}
		missing, err := r.missing(ctx, records.PrefixOrder, day, wait.until, sales.entries, record.importedLately(wait.until))
		if err == nil && len(missing) == 0 && wait.payments {
			missing, err = r.missing(ctx, records.PrefixPayment, day, wait.until, sales.entries, false)
		}
		if err != nil || len(missing) == 0 {
			return sales, err
		}
		sales.onTheWay = int64(len(missing))
		come, err := r.comes(ctx, missing[len(missing)-1], &pause, wait)
		if err != nil || !come {
			return sales, err
		}
	}
}

// importedSales is settledSales of a day that was imported lately, and salesOf of others.
func (r *Reporter) importedSales(ctx context.Context, day model.Day, record dayRecord, wait *waiting) (daySales, error) {
	if record.importedLately(wait.until) {
		return r.settledSales(ctx, day, record, wait)
	}
	return r.salesOf(ctx, day)
}

func (d dayRecord) importedLately(now time.Time) bool {
	return now.Sub(d.importedAt) < importedLately
}

// missing returns the orders, or payments, written until then that the entries lack, or have
// as they were before: as the ledger's entries will be, without what they contribute.
func (r *Reporter) missing(ctx context.Context, prefix string, day model.Day, until time.Time, entries []model.Entry, all bool) ([]model.Entry, error) {
	posted := make(map[string]int64, len(entries))
	kind := model.EntryOrder
	if prefix == records.PrefixPayment {
		kind = model.EntryPayment
	}
	for _, e := range entries {
		if e.Kind == kind && !e.NoSale {
			posted[e.ID] = e.Posting
		}
	}
	lacks := func(rows []table.Row, shard int64) (missing []model.Entry) {
		for _, row := range rows {
			id, posting, at := records.IDIn(row.Key, prefix), row.Item.Int("posting"), row.Item.Int("updated_at")
			if kind == model.EntryPayment {
				posting, at = 1, row.Item.Int("at") // a payment never changes
			}
			if posted[id] < posting && at <= until.UnixMicro() {
				missing = append(missing, model.Entry{Kind: kind, ID: id, Day: day, Shard: shard, Posting: posting})
			}
		}
		return missing
	}
	byShard := make([][]model.Entry, max(1, r.settings.Shards))
	each := func(some func(ctx context.Context, q table.Query) ([]table.Row, error)) (missing []model.Entry, err error) {
		err = parallel.Each(ctx, len(byShard), func(ctx context.Context, i int) error {
			from := string(day) + "#"
			rows, err := some(ctx, table.Query{
				Index: table.Index2, Partition: records.ShardPartition(prefix, int64(i)), From: from, To: table.PrefixEnd(from),
			})
			byShard[i] = lacks(rows, int64(i))
			return err
		})
		for _, m := range byShard {
			missing = append(missing, m...)
		}
		return missing, err
	}
	if !all {
		missing, err := each(func(ctx context.Context, q table.Query) ([]table.Row, error) {
			q.Descending, q.Limit = true, max(1, newest/len(byShard))
			page, err := r.table.Query(ctx, q)
			return page.Rows, err
		})
		if err != nil || len(missing) == 0 {
			return nil, err
		}
	}
	return each(func(ctx context.Context, q table.Query) (rows []table.Row, err error) {
		for row, err := range records.Query(ctx, r.table, q) {
			if err != nil {
				return nil, err
			}
			row.Item = table.Item{"posting": row.Item["posting"], "updated_at": row.Item["updated_at"], "at": row.Item["at"]}
			rows = append(rows, row)
		}
		return rows, nil
	})
}

// comes waits until the ledger has the entry, and reports whether it has. Pauses grow.
func (r *Reporter) comes(ctx context.Context, e model.Entry, pause *time.Duration, wait *waiting) (bool, error) {
	for {
		if wait.ctx.Err() != nil {
			return false, ctx.Err()
		}
		select {
		case <-wait.ctx.Done():
			continue
		case <-time.After(*pause):
		}
		*pause = min(2**pause, longestPause)
		stored, err := records.Entry(ctx, r.table, e)
		if err != nil || stored.Posting >= e.Posting {
			return err == nil, err
		}
	}
}

// Ledger is what the books of a day are made of.
type Ledger struct {
	Entries  []model.Entry
	Taxes    map[books.TaxKey]model.Tax // names and rates of the entries' taxes
	At       time.Time                  // just before it was read
	OnTheWay int64                      // orders and payments that were written and that the ledger does not have yet
}

// Sums returns what the day's entries add up to.
func (l Ledger) Sums() (books.Sums, error) { return books.Sum(l.Entries, l.Taxes) }

// Ledger reads a day's ledger. It waits for orders and payments of the day that are on their
// way to it, for so long at most; with no patience it does not look for them. It sees the
// newest of a day, as reports do.
func (r *Reporter) Ledger(ctx context.Context, day model.Day, patience time.Duration) (l Ledger, err error) {
	l.At = r.now.Stamp()
	var sales daySales
	if patience > 0 {
		byDay, err := r.dayRecords(ctx, day, day)
		if err != nil {
			return l, err
		}
		wait := r.wait(ctx, patience)
		defer wait.end()
		wait.payments = true
		l.At = r.now.Stamp()
		sales, err = r.settledSales(ctx, day, byDay[day], wait)
		if err != nil {
			return l, err
		}
	} else if sales, err = r.salesOf(ctx, day); err != nil {
		return l, err
	}
	l.Entries, l.OnTheWay = sales.entries, sales.onTheWay
	l.Taxes, err = r.taxesOf(ctx, l.Entries)
	return l, err
}
