// Package ledger keeps every total right. It follows the table's stream of orders, payments
// and stock, and files what each order contributes now. A contribution replaces the older
// one in the same write that moves its customer's totals by the difference. So repeated,
// reordered and lost records do no harm, and Reconcile can prove every total.
package ledger

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"cafe/internal/records"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/model"
)

// Ledger posts changes and reconciles totals. Make it with New; it is safe for concurrent
// use.
type Ledger struct {
	// Settle is how long Reconcile waits for the stream to catch up before a difference is
	// drift: two seconds, unless set before use.
	Settle time.Duration

	settings settings.Settings
	table    table.Table
	now      records.Clock
}

// New returns the ledger of a café's table. now is time.Now outside tests.
func New(s settings.Settings, t table.Table, now records.Clock) *Ledger {
	return &Ledger{settings: s, table: t, now: now, Settle: settleTime}
}

// Wants reports whether Post has anything to do with changes in that partition of the
// table: the filter of the ledger's consumer.
func Wants(pk string) bool {
	return strings.HasPrefix(pk, records.PrefixOrder) || strings.HasPrefix(pk, records.PrefixPayment) || strings.HasPrefix(pk, records.PrefixStock)
}

// Post brings the ledger, the customers' totals and the sold-out marks up to date with the
// changes. It may get any change any number of times, in any order, and at the same time as
// another Post. A newer entry of an order replaces an older one, never the reverse. The same
// write moves the customer's totals, and puts an alert into the outbox when the balance
// crosses the limit.
//
// The errors are by change, nil where it is done. A change that cannot be decoded keeps no
// other from being posted.
//
// An item that vanished (it expired, or was removed by hand) changes no total: the café
// itself never removes an order, it marks it as deleted.
func (l *Ledger) Post(ctx context.Context, changes []records.Change) []error {
	errs := make([]error, len(changes))
	var work []posting
	var entries []model.Entry
	for i, change := range changes {
		postings, err := l.postingsOf(change)
		if err != nil {
			errs[i] = err
		}
		for _, p := range postings {
			p.changes = []int{i}
			work = append(work, p)
			entries = append(entries, p.entry)
		}
	}
	if unmarked := l.markLate(ctx, entries); len(unmarked) > 0 {
		work = slices.DeleteFunc(work, func(p posting) bool {
			err := unmarked[p.entry.Day]
			if err != nil {
				errs[p.changes[0]] = err
			}
			return err != nil
		})
	}
	var failing sync.Mutex // two postings may be of one change
	l.postAll(ctx, work, func(p posting, err error) {
		failing.Lock()
		defer failing.Unlock()
		for _, i := range p.changes {
			errs[i] = err
		}
	})
	return errs
}

// posting is what a change asks of the ledger: a new entry, or a mark that an item ran out
// or is back on the shelf.
type posting struct {
	entry   model.Entry
	shelf   *shelf
	changes []int
}

// shelf is the stock of an item that ran out, or came back, at that time.
type shelf struct {
	model.Stock
	at time.Time
}

// postingsOf returns what a change asks for: of an order, an entry for each day that it
// contributes to.
func (l *Ledger) postingsOf(change records.Change) ([]posting, error) {
	if change.New == nil {
		return nil, nil
	}
	switch key := change.Key; {
	case strings.HasPrefix(key.PK, records.PrefixOrder) && key == records.OrderKey(records.IDIn(key, records.PrefixOrder)):
		order, err := records.DecodeOrder(change.Key, change.New)
		if err != nil {
			return nil, err
		}
		if change.Old != nil && change.Old.Int("posting") == order.Posting {
			return nil, nil
		}
		entries := order.Entries()
		postings := make([]posting, len(entries))
		for i, e := range entries {
			postings[i].entry = e
		}
		return postings, nil
	case strings.HasPrefix(key.PK, records.PrefixPayment) && key == records.PaymentKey(records.IDIn(key, records.PrefixPayment)):
		payment, err := records.DecodePayment(change.Key, change.New)
		if err != nil {
			return nil, err
		}
		return []posting{{entry: payment.Entry()}}, nil
	case strings.HasPrefix(key.PK, records.PrefixStock) && key == records.StockKey(records.IDIn(key, records.PrefixStock)):
		stock, err := records.DecodeStock(change.Key, change.New)
		ranOut := stock.OnHand <= 0 && change.Old.Int("on_hand") > 0
		restocked := stock.OnHand > 0 && change.Old != nil && change.Old.Int("on_hand") <= 0 && change.Old.Int("restock") < stock.Restock
		if err != nil || !ranOut && !restocked {
			return nil, err
		}
		at := change.Time.UTC().Truncate(time.Microsecond)
		if change.Time.IsZero() {
			at = l.now.Stamp()
		}
		return []posting{{shelf: &shelf{stock, at}}}, nil
	}
	return nil, nil
}

// byParty puts the postings of one customer together, those of one shelf too, in their
// order, and each other posting by itself. Of several postings for one order only the newest
// counts: it says everything, and answers for the changes of the others.
func byParty(work []posting) [][]posting {
	var groups [][]posting
	group := map[string]int{}    // customer or shelf → index in groups
	at := map[table.Key][2]int{} // entry → group, index in group
	for _, p := range work {
		whose := p.entry.CustomerID
		if p.shelf != nil {
			whose = records.PrefixStock + p.shelf.SKU
		}
		id := records.EntryKey(p.entry)
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
