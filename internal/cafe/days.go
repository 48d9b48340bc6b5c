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
	"cafe/model/report"
)

// postingTime is more than it takes from the moment when an order is known to be late to
// its entry in the ledger: the ledger's function is stopped after a minute.
const postingTime = 5 * time.Minute

// dayRecord is what is kept of a business day beside its ledger: its summary for later
// reports, how often orders came late, and what its own report covers.
type dayRecord struct {
	day model.Day

	late   int64     // late orders, counted before they are posted, and marks; an order may count twice
	lateAt time.Time // when the last was counted

	summary report.Summary // without Sold, until it is unpacked
	asOf    coverage
	counted string  // the print of the items that were counted then
	sold    []int64 // what they sold, by SKU
	// gapless tells that every earlier day with orders has a record.
	gapless bool

	revision   int // of the newest report that is kept; 0: none
	partial    bool
	unsent     bool // it may not be in the outbox yet
	reportedOf coverage
}

// coverage says what something made of a day's ledger covers.
type coverage struct {
	at   time.Time // just before the ledger was read; zero: nothing was made
	late int64     // late orders known then
}

// covers tells whether the ledger has not changed since. Before the report is due, orders
// come without being counted as late. A late one is posted some time after it was
// counted, so what was made in between may or may not cover it.
func (d dayRecord) covers(made coverage, due time.Time) bool {
	return !made.at.IsZero() && made.late == d.late && !made.at.Before(due) && made.at.Sub(d.lateAt) >= postingTime
}

// reported tells whether the day has a report that says all there is to say, and is sent.
func (d dayRecord) reported(due time.Time) bool {
	return d.revision > 0 && !d.partial && !d.unsent && d.covers(d.reportedOf, due)
}

// counted are the counted items of a menu. Days are recorded without their names, which
// would be most of what a report has to read.
type counted struct {
	skus  []string
	print string
}

func countedOf(menu model.Menu) (c counted) {
	for _, item := range sorted(menu, func(i model.Item) bool { return i.Counted }) {
		c.skus = append(c.skus, item.SKU)
	}
	c.print = model.DeriveID(append([]string{"counted"}, c.skus...)...)[:10]
	return c
}

// unpacked returns the summary of a record that was made with these items.
func (c counted) unpacked(d dayRecord) report.Summary {
	s := d.summary
	s.Sold = make(map[string]int64, len(c.skus))
	for i, n := range d.sold {
		if i < len(c.skus) && n != 0 {
			s.Sold[c.skus[i]] = n
		}
	}
	return s
}

// summarised returns the record with the summary of what was in the ledger then.
func (c counted) summarised(d dayRecord, s report.Summary, at time.Time) dayRecord {
	d.day, d.summary, d.asOf, d.counted = s.Day, s, coverage{at, d.late}, c.print
	d.sold = make([]int64, len(c.skus))
	for i, sku := range c.skus {
		d.sold[i] = s.Sold[sku]
	}
	return d
}

// put stores the summary. It leaves the rest alone, which others may be writing.
func (d dayRecord) put() table.Op {
	sold := make([]table.Value, len(d.sold))
	for i, n := range d.sold {
		sold[i] = table.Int(n)
	}
	soldOut := make(table.Item, len(d.summary.SoldOut))
	for sku, perMille := range d.summary.SoldOut {
		soldOut[sku] = table.Int(perMille)
	}
	op := table.Update(dayKey(d.day))
	op.Set = table.Item{
		"orders": table.Int(d.summary.Orders), "revenue": table.Int(int64(d.summary.Revenue)), "cancelled": table.Int(d.summary.Cancelled),
		"sold": table.List(sold...), "sold_out": table.Map(soldOut),
		"built_at": moment(d.asOf.at), "built_late": table.Int(d.asOf.late), "counted": table.String(d.counted),
	}
	return op
}

// putReported stores the summary, and what report the day has. Whoever makes a report has
// seen to it that earlier days have their records.
func (d dayRecord) putReported(conditions ...table.Condition) table.Op {
	op := d.put()
	op.If = conditions
	op.Set["gapless"] = table.Bool(true)
	op.Set["revision"] = table.Int(int64(d.revision))
	op.Set["partial"] = table.Bool(d.partial)
	op.Set["unsent"] = table.Bool(d.unsent)
	op.Set["reported_at"] = moment(d.reportedOf.at)
	op.Set["reported_late"] = table.Int(d.reportedOf.late)
	return op
}

func dayRecordOf(key table.Key, item table.Item) (dayRecord, error) {
	r := reader{item: item}
	d := dayRecord{day: model.Day(key.SK)}
	if r.has("late") {
		d.late = r.number("late")
	}
	if r.has("late_at") {
		d.lateAt = r.moment("late_at")
	}
	if r.has("built_at") {
		d.asOf = coverage{r.moment("built_at"), r.number("built_late")}
		d.counted, d.gapless = r.text("counted"), r.flag("gapless")
		d.summary = report.Summary{
			Day: d.day, Orders: r.number("orders"), Revenue: model.Money(r.number("revenue")), Cancelled: r.number("cancelled"),
			SoldOut: map[string]int64{},
		}
		for _, v := range r.list("sold") {
			d.sold = append(d.sold, r.numberOf(v, "sold"))
		}
		soldOut, ok := item["sold_out"].Map()
		if !ok {
			r.fail("sold_out")
		}
		for sku, v := range soldOut {
			d.summary.SoldOut[sku] = r.numberOf(v, "sold_out")
		}
	}
	if r.has("revision") {
		d.revision, d.partial, d.unsent = int(r.number("revision")), r.flag("partial"), r.flag("unsent")
		d.reportedOf = coverage{r.moment("reported_at"), r.number("reported_late")}
	}
	return d, r.wrap(key)
}

func (r *reader) numberOf(v table.Value, name string) int64 {
	n, ok := v.Int()
	if !ok {
		r.fail(name)
	}
	return n
}

// dayRecords returns the records of the days from one to another, both included.
func (c *Cafe) dayRecords(ctx context.Context, from, to model.Day) (map[model.Day]dayRecord, error) {
	records := map[model.Day]dayRecord{}
	query := table.Query{Partition: partitionDays, From: string(from), To: table.After(string(to))}
	for {
		page, err := c.table.Query(ctx, query)
		if err != nil {
			return nil, fmt.Errorf("records of days: %w", err)
		}
		for _, row := range page.Rows {
			record, err := dayRecordOf(row.Key, row.Item)
			if err != nil {
				return nil, err
			}
			records[record.day] = record
		}
		if page.Next == "" {
			return records, nil
		}
		query.From = table.After(page.Next)
	}
}

// daySales is what a day's ledger has for the report.
type daySales struct {
	entries []model.Entry
	soldOut map[string]time.Time // by SKU: when the shelf became empty, if it stayed so
}

// salesOf reads a day's ledger: its partitions and nothing else.
func (c *Cafe) salesOf(ctx context.Context, day model.Day) (daySales, error) {
	parts := make([]daySales, max(1, c.Shards))
	err := each(ctx, len(parts), func(ctx context.Context, i int) (err error) {
		parts[i], err = c.partOf(ctx, ledgerPartition(day, int64(i)))
		return err
	})
	all := daySales{soldOut: map[string]time.Time{}}
	for _, part := range parts {
		all.entries = append(all.entries, part.entries...)
		maps.Copy(all.soldOut, part.soldOut)
	}
	if err != nil {
		return daySales{}, fmt.Errorf("ledger of %s: %w", day, err)
	}
	return all, nil
}

func (c *Cafe) partOf(ctx context.Context, partition string) (daySales, error) {
	part := daySales{soldOut: map[string]time.Time{}}
	query := table.Query{Partition: partition}
	for {
		page, err := c.table.Query(ctx, query)
		if err != nil {
			return part, err
		}
		for _, row := range page.Rows {
			if sku, marks := strings.CutPrefix(row.Key.SK, prefixStock); marks {
				r := reader{item: row.Item}
				if r.has("at") {
					part.soldOut[sku] = r.moment("at")
				}
				if err := r.wrap(row.Key); err != nil {
					return part, err
				}
				continue
			}
			entry, err := entryOf(row.Key, row.Item)
			if err != nil {
				return part, err
			}
			part.entries = append(part.entries, entry)
		}
		if page.Next == "" {
			return part, nil
		}
		query.From = table.After(page.Next)
	}
}

// past returns the summaries of the days before the given one that a report goes by, of
// their records. It makes those that are missing or out of date from the ledger, and
// stores them.
//
// Orders that come late leave a record of their day. A day whose report was never made,
// for the café's process was off, and whose orders all came in time has none. So days
// without a record after the last gapless one are looked for in the ledger; and when
// there is none such, weeks, until one has nothing at all.
func (c *Cafe) past(ctx context.Context, day model.Day, menu model.Menu, records map[model.Day]dayRecord) ([]report.Summary, error) {
	first := day.AddDays(-report.HistoryDays)
	known, counted := maps.Clone(records), countedOf(menu)
	refresh := func(days []model.Day) error {
		for some := range slices.Chunk(days, max(1, width/int(max(1, c.Shards)))) { // each day is read by shards
			made := make([]dayRecord, len(some))
			err := each(ctx, len(some), func(ctx context.Context, i int) (err error) {
				made[i], err = c.summarise(ctx, some[i], menu, counted, known[some[i]])
				return err
			})
			if err != nil {
				return err
			}
			for _, record := range made {
				if record.day != "" {
					known[record.day] = record
				}
			}
		}
		return nil
	}

	last := day // the last day before which nothing is missing, if below day
	for d := day.AddDays(-1); d >= first; d = d.AddDays(-1) {
		if known[d].gapless {
			last = d
			break
		}
	}
	var stale []model.Day
	for d := first; d < day; d = d.AddDays(1) {
		record, recorded := known[d]
		if recorded && (record.counted != counted.print || !record.covers(record.asOf, c.ReportDue(d))) || !recorded && d > last {
			stale = append(stale, d)
		}
	}
	if err := refresh(stale); err != nil {
		return nil, err
	}
	for end := day; last == day && end > first; end = end.AddDays(-7) {
		stale = stale[:0]
		empty := true
		for d := max(end.AddDays(-7), first); d < end; d = d.AddDays(1) {
			if _, recorded := known[d]; recorded {
				empty = false
			} else {
				stale = append(stale, d)
			}
		}
		before := len(known)
		if err := refresh(stale); err != nil {
			return nil, err
		}
		if empty && len(known) == before {
			break
		}
	}

	var history []report.Summary
	for d, record := range known {
		if first <= d && d < day {
			history = append(history, counted.unpacked(record))
		}
	}
	slices.SortFunc(history, func(a, b report.Summary) int { return strings.Compare(string(a.Day), string(b.Day)) })
	return history, nil
}

// summarise makes the day's summary anew, and stores it if the day had orders or has a
// record already.
func (c *Cafe) summarise(ctx context.Context, day model.Day, menu model.Menu, items counted, record dayRecord) (dayRecord, error) {
	now := c.clock()
	sales, err := c.salesOf(ctx, day)
	if err != nil {
		return record, err
	}
	summary, err := report.Summarise(day, menu, sales.entries, sales.soldOut)
	if err != nil || record.day == "" && !summary.Open() {
		return record, err
	}
	record = items.summarised(record, summary, now)
	return record, c.write(ctx, record.put())
}

// auditKey is where it stands what the last Reconcile found and left as it was.
var auditKey = table.Key{PK: partitionDays, SK: "audit"} // after all days

// audited is what the last Reconcile found and could not or was not to put right.
type audited struct {
	drifted int64 // customers, and days of walk-ins, whose totals are wrong
	unread  int64 // items that cannot be read
}

// noteAudit remembers it for the daily report.
func (c *Cafe) noteAudit(ctx context.Context, drifted, unread int) error {
	if drifted > 0 || unread > 0 {
		return c.write(ctx, table.Put(auditKey, table.Item{"drifted": table.Int(int64(drifted)), "unreadable": table.Int(int64(unread))}))
	}
	_, err := c.table.Get(ctx, auditKey, true)
	if errors.Is(err, table.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.write(ctx, table.Delete(auditKey))
}

func (c *Cafe) notedAudit(ctx context.Context) (audited, error) {
	item, err := c.table.Get(ctx, auditKey, false)
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return audited{}, err
	}
	return audited{item.Int("drifted"), item.Int("unreadable")}, nil
}
