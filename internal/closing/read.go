package closing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/go-json-experiment/json"

	"cafe/internal/parallel"
	"cafe/internal/records"
	"cafe/internal/render"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/books"
)

// Day is a business day in the books: its record when it is closed, and what that would be
// when it is open.
type Day struct {
	books.Close
	Open bool
	Text []byte // the record's canonical JSON; nil when it is open

	// OnTheWay is how many of the newest orders and payments of an open day have not reached
	// the books yet.
	OnTheWay int64
}

// Day returns the day's record, or what it would be with nothing counted if the day was closed
// now. A day that lies ahead, or is before 1970, is model.ErrNotFound.
func (b *Books) Day(ctx context.Context, day model.Day) (Day, error) {
	if day > b.Today() || day < "1970-01-01" {
		return Day{}, model.ErrNotFound
	}
	stored, err := b.record(ctx, day)
	if err == nil {
		return Day{Close: stored.Close, Text: stored.Text}, nil
	}
	if !errors.Is(err, model.ErrNotFound) {
		return Day{}, err
	}
	open, err := b.open(ctx, day, noWait)
	if err != nil {
		return Day{}, err
	}
	if open.Carried, _, err = b.carry(ctx, day); open.Carried == nil {
		open.Carried = []books.Carried{}
	}
	return open, err
}

// open returns an open day as its ledger is. With patience 0 it does not look for what is on
// its way.
func (b *Books) open(ctx context.Context, day model.Day, patience time.Duration) (Day, error) {
	ledger, err := b.reports.Ledger(ctx, day, patience)
	if err != nil {
		return Day{}, err
	}
	d := Day{Open: true, OnTheWay: ledger.OnTheWay}
	d.Close.Day, d.Currency, d.Carried = day, b.settings.Currency, []books.Carried{}
	if d.Sums, err = ledger.Sums(); err != nil {
		return Day{}, err
	}
	d.Weigh(books.Count{})
	return d, nil
}

// Today returns the business day that it is now.
func (b *Books) Today() model.Day { return b.settings.Calendar.DayOf(b.now()) }

// JSON returns the day in the contract's form: the record with its hash and its status.
func (d Day) JSON() ([]byte, error) {
	if !d.Open {
		return append([]byte(`{"status":"closed",`), books.WithHash(d.Text)[1:]...), nil
	}
	text, err := json.Marshal(d.Close)
	if err != nil {
		return nil, err
	}
	return append([]byte(`{"status":"open",`), text[1:]...), nil
}

// mostDays is how many days one page of days looks at.
const mostDays = 400

// Days returns days with orders, or that are closed, newest first: up to limit of those from
// one day to another, both included, and the day with which the next page begins, if there is
// more. Of an open day only Day and Open are set. A page may be short, even empty, and there
// may be more.
func (b *Books) Days(ctx context.Context, from, to model.Day, limit int) (list []Day, next model.Day, err error) {
	from, to = max(from, "1970-01-01"), min(to, b.Today())
	for looked := 0; from <= to; {
		if looked >= mostDays {
			return list, to, nil
		}
		some := max(from, to.AddDays(1-min(100, mostDays)))
		closed, err := b.records(ctx, some, to)
		if err != nil {
			return nil, "", err
		}
		sold, err := b.sold(ctx, some, to, closed)
		if err != nil {
			return nil, "", err
		}
		for d := to; d >= some; d = d.AddDays(-1) {
			stored, isClosed := closed[d]
			if !isClosed && !sold[d] {
				continue
			}
			if len(list) == limit {
				return list, d, nil
			}
			day := Day{Close: stored.Close, Text: stored.Text, Open: !isClosed}
			day.Close.Day = d
			list = append(list, day)
		}
		looked += to.Since(some) + 1
		to = some.AddDays(-1)
	}
	return list, "", nil
}

// records returns the records of the closed days from one to another, both included.
func (b *Books) records(ctx context.Context, from, to model.Day) (map[model.Day]records.StoredClose, error) {
	closed := map[model.Day]records.StoredClose{}
	query := table.Query{Partition: records.PartitionCloses, From: string(from), To: table.After(string(to)), Consistent: true}
	for row, err := range records.Query(ctx, b.table, query) {
		if err != nil {
			return nil, fmt.Errorf("closes: %w", err)
		}
		stored, err := records.DecodeClose(row.Key, row.Item)
		if err != nil {
			return nil, err
		}
		closed[stored.Day] = stored
	}
	return closed, nil
}

// sold returns which of the open days have anything in their ledger.
func (b *Books) sold(ctx context.Context, from, to model.Day, closed map[model.Day]records.StoredClose) (map[model.Day]bool, error) {
	var open []model.Day
	for d := from; d <= to; d = d.AddDays(1) {
		if _, isClosed := closed[d]; !isClosed {
			open = append(open, d)
		}
	}
	found := make([]bool, len(open))
	err := parallel.Each(ctx, len(open), func(ctx context.Context, i int) error {
		for shard := range max(1, b.settings.Shards) {
			// Orders and payments come before marks of stock and waste.
			page, err := b.table.Query(ctx, table.Query{Partition: records.LedgerPartition(open[i], shard), To: records.PrefixStock, Limit: 1})
			if err != nil || len(page.Rows) > 0 {
				found[i] = err == nil
				return err
			}
		}
		return nil
	})
	sold := map[model.Day]bool{}
	for i, d := range open {
		sold[d] = found[i]
	}
	return sold, err
}

// MostJournal is how many days one journal may have: a quarter of a year.
const MostJournal = 92

// Journal returns the rows of the days from one to another, both included, oldest first, at
// most MostJournal of them. Closed days are as their records have them, and never change. Open
// days are as their ledgers are now.
func (b *Books) Journal(ctx context.Context, from, to model.Day) ([]books.Row, error) {
	from, to = max(from, "1970-01-01", to.AddDays(1-MostJournal)), min(to, b.Today())
	closed, err := b.records(ctx, from, to)
	if err != nil {
		return nil, err
	}
	sold, err := b.sold(ctx, from, to, closed)
	if err != nil {
		return nil, err
	}
	var days []Day
	for d := from; d <= to; d = d.AddDays(1) {
		if stored, isClosed := closed[d]; isClosed {
			days = append(days, Day{Close: stored.Close})
		} else if sold[d] {
			day := Day{Open: true}
			day.Close.Day = d
			days = append(days, day)
		}
	}
	// Each ledger takes some memory, and is read by shards.
	for some := range slices.Chunk(days, max(1, 8/int(max(1, b.settings.Shards)))) {
		err := parallel.Each(ctx, len(some), func(ctx context.Context, i int) (err error) {
			if some[i].Open {
				some[i], err = b.open(ctx, some[i].Close.Day, 0)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	rows := []books.Row{}
	for _, d := range days {
		rows = append(rows, books.Journal(d.Close)...)
	}
	return rows, nil
}

// Statement returns what happened on a customer's tab from one day to another, both included.
// It reads all orders and payments of the customer, and so has also what has not reached the
// totals yet. The caller has made sure that the customer may be seen.
func (b *Books) Statement(ctx context.Context, customer model.Customer, from, to model.Day) (books.Statement, error) {
	var entries []model.Entry
	for _, prefix := range []string{records.PrefixCustomer, records.PrefixPayment} {
		for row, err := range records.Query(ctx, b.table, table.Query{Index: table.Index1, Partition: prefix + customer.ID}) {
			if err != nil {
				return books.Statement{}, fmt.Errorf("orders and payments of a customer: %w", err)
			}
			if prefix == records.PrefixPayment {
				p, err := records.DecodePayment(row.Key, row.Item)
				if err != nil {
					return books.Statement{}, err
				}
				entries = append(entries, p.Entry())
				continue
			}
			o, err := records.DecodeOrder(row.Key, row.Item)
			if err != nil {
				return books.Statement{}, err
			}
			entries = append(entries, o.Entries()...)
		}
	}
	return books.NewStatement(customer, from, to, b.settings.Currency, entries), nil
}

// StatementText returns a statement in lines of 42 columns, as a receipt printer has them.
func (b *Books) StatementText(s books.Statement) string { return render.StatementText(s, b.cafe()) }

// StatementPage returns a statement as a page of HTML that needs nothing else.
func (b *Books) StatementPage(s books.Statement) []byte { return render.StatementPage(s, b.cafe()) }

func (b *Books) cafe() render.Cafe {
	return render.Cafe{Name: b.settings.Name, Zone: b.settings.Calendar.Zone}
}

// Fault is what Check found wrong.
type Fault struct {
	Day    model.Day // empty: of the chain as a whole
	What   string
	Stored model.Money
	Actual model.Money
}

// Check proves the closes: that their numbers have no gap, that each has the hash of the one
// before, that each record adds up, and that what they have of each closed day, with what they
// carry of it, is what the day's ledger has now. Days whose changes wait for the next close are
// passed over. It never changes a record.
func (b *Books) Check(ctx context.Context) (faults []Fault, err error) {
	all := map[model.Day]records.StoredClose{}
	query := table.Query{Partition: records.PartitionCloses, To: "head", Consistent: true}
	for row, err := range records.Query(ctx, b.table, query) {
		if err != nil {
			return nil, fmt.Errorf("closes: %w", err)
		}
		stored, err := records.DecodeClose(row.Key, row.Item)
		if records.IsUnreadable(err) {
			faults = append(faults, Fault{Day: model.Day(row.Key.SK), What: "the close cannot be read"})
			continue
		}
		if err != nil {
			return nil, err
		}
		all[stored.Day] = stored
	}
	head, err := records.LastClose(ctx, b.table)
	if err != nil {
		return nil, err
	}
	list := make([]records.StoredClose, 0, len(all))
	for _, c := range all {
		list = append(list, c)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Number < list[j].Number })
	faults = append(faults, chain(list, head)...)
	booked := map[model.Day]books.Sums{}
	add := func(day model.Day, s books.Sums) {
		sum, err := booked[day].Plus(1, s)
		if booked[day] = sum; err != nil {
			faults = append(faults, Fault{Day: day, What: "the sums of the close are too large"})
		}
	}
	for _, c := range list {
		add(c.Day, c.Sums)
		for _, carried := range c.Carried {
			add(carried.Day, carried.Sums)
		}
	}
	found := make([][]Fault, len(list))
	for at := 0; at < len(list); at += 8 { // each ledger takes some memory
		some := list[at:min(at+8, len(list))]
		err := parallel.Each(ctx, len(some), func(ctx context.Context, i int) error {
			fault, err := b.checkDay(ctx, some[i].Day, booked[some[i].Day])
			found[at+i] = fault
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for _, f := range found {
		faults = append(faults, f...)
	}
	return faults, nil
}

// chain checks the records among themselves. They are in the order of their numbers.
func chain(list []records.StoredClose, head records.CloseHead) (faults []Fault) {
	previous := ""
	for i, c := range list {
		if c.Number != int64(i+1) {
			faults = append(faults, Fault{c.Day, "the number of the close is not the next", model.Money(c.Number), model.Money(i + 1)})
			return faults
		}
		if c.Previous != previous {
			faults = append(faults, Fault{Day: c.Day, What: "the close does not have the hash of the one before"})
		}
		if fault := c.Fault(); fault != "" {
			faults = append(faults, Fault{Day: c.Day, What: fault})
		}
		previous = c.Hash
	}
	if head.Number != int64(len(list)) || head.Hash != previous {
		faults = append(faults, Fault{What: "the last close is not the one that the chain ends with", Stored: model.Money(head.Number), Actual: model.Money(len(list))})
	}
	return faults
}

// checkDay compares what the closes have of a day with its ledger.
func (b *Books) checkDay(ctx context.Context, day model.Day, booked books.Sums) ([]Fault, error) {
	item, err := b.table.Get(ctx, records.DayKey(day), true)
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return nil, err
	}
	if item.Str(table.AttrIndex2) != "" || item.Int(records.AttrClosed) == 0 {
		return nil, nil // the next close looks at it
	}
	ledger, err := b.reports.Ledger(ctx, day, 0)
	if records.IsUnreadable(err) {
		return nil, nil // reconcile says so itself
	}
	if err != nil {
		return nil, err
	}
	now, err := ledger.Sums()
	if err != nil {
		return nil, err
	}
	left, err := now.Plus(-1, booked)
	if err != nil || left.IsZero() {
		return nil, err
	}
	return []Fault{{day, "closes do not have what the ledger has", booked.Amount(), now.Amount()}}, nil
}
