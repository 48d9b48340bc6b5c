package daily

import (
	"time"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/report"
)

// dayRecord is what is stored of a business day beside its ledger: a summary for later
// reports, how many orders came late, and what the day's own report covers.
type dayRecord struct {
	day model.Day

	late   int64     // late orders and marks, counted before they are posted; one may count twice
	lateAt time.Time // when the last one was counted

	importedAt time.Time // when an import last brought orders of the day
	onTheWay   int64     // orders that the ledger lacked when the summary was made; not stored

	summary   report.Summary // without Sold and Waste, until it is unpacked
	asOf      coverage
	itemsHash string  // of the items that were counted then
	sold      []int64 // how many of each of them were sold, by SKU
	wasted    []int64 // how many were left over or spoiled; nil: none
	// gapless: every earlier day with orders has a record.
	gapless bool

	closed int64        // the number of the day's close; 0: it is not closed
	drawer *model.Money // counted cash less what was expected; nil: it was not counted

	revision   int // of the newest report; 0: none
	partial    bool
	unsent     bool // the report may not be in the outbox yet
	waits      bool // orders were on their way to the ledger when the report was made
	reportedOf coverage
	said       []int64 // the report's orders, revenue and cancelled; none of an older record
}

// coverage says what part of a day's ledger a summary or report covers.
type coverage struct {
	at   time.Time // just before the ledger was read; zero: there is none
	late int64     // late orders counted by then
}

// covers reports whether the ledger has not changed since. Before the report is due, orders
// are not counted as late. A late order is posted some time after it was counted, and an
// imported one some time after the import. So what was made in between may or may not cover
// it.
func (d dayRecord) covers(c coverage, due time.Time) bool {
	return !c.at.IsZero() && c.late == d.late && !c.at.Before(due) &&
		c.at.Sub(d.lateAt) >= records.PostingTime && c.at.Sub(d.importedAt) >= records.PostingTime
}

// reported reports whether the day has a complete report, and that report was sent.
func (d dayRecord) reported(due time.Time) bool {
	return d.revision > 0 && !d.partial && !d.unsent && !d.waits && d.covers(d.reportedOf, due)
}

// countedItems are the counted items of a menu. A day's record holds their numbers without
// their names: names would be most of what a report has to read.
type countedItems struct {
	skus []string
	hash string
}

func countedOf(menu model.Menu) (c countedItems) {
	for _, item := range menu.Sorted(func(i model.Item) bool { return i.Counted }) {
		c.skus = append(c.skus, item.SKU)
	}
	c.hash = model.DeriveID(append([]string{"counted"}, c.skus...)...)[:10]
	return c
}

// unpacked returns the summary in a record that was made with these items.
func (c countedItems) unpacked(d dayRecord) report.Summary {
	s := d.summary
	s.Sold, s.Waste = c.byName(d.sold), nil
	if d.wasted != nil {
		s.Waste = c.byName(d.wasted)
	}
	return s
}

// summarised returns the record with the summary of the ledger as it was then.
func (c countedItems) summarised(d dayRecord, s report.Summary, at time.Time) dayRecord {
	d.day, d.summary, d.asOf, d.itemsHash = s.Day, s, coverage{at, d.late}, c.hash
	d.sold, d.wasted = c.packed(s.Sold), nil
	if len(s.Waste) > 0 {
		d.wasted = c.packed(s.Waste)
	}
	return d
}

// packed returns the number of each item, in the order of their SKUs.
func (c countedItems) packed(bySKU map[string]int64) []int64 {
	list := make([]int64, len(c.skus))
	for i, sku := range c.skus {
		list[i] = bySKU[sku]
	}
	return list
}

// byName undoes packed.
func (c countedItems) byName(packed []int64) map[string]int64 {
	bySKU := make(map[string]int64, len(c.skus))
	for i, n := range packed {
		if i < len(c.skus) && n != 0 {
			bySKU[c.skus[i]] = n
		}
	}
	return bySKU
}

// closes returns the close of the day, that of the last day before that had orders, and the
// days with orders that were not closed, from the first close on, up to two weeks back. A
// café that never closes a day has none of these.
func closes(day model.Day, byDay map[model.Day]dayRecord, history []report.Summary) (own, earlier *report.Closed, not []model.Day) {
	of := func(d model.Day) *report.Closed {
		if record := byDay[d]; record.closed > 0 {
			return &report.Closed{Day: d, Number: record.closed, Drawer: record.drawer}
		}
		return nil
	}
	var last model.Day
	open := map[model.Day]bool{}
	for _, s := range history {
		if open[s.Day] = s.Orders+s.Cancelled > 0; open[s.Day] && s.Day < day {
			last = max(last, s.Day)
		}
	}
	began := false
	for d := day.AddDays(-report.HistoryDays); d < day; d = d.AddDays(1) {
		closed := of(d) != nil
		if began = began || closed; began && open[d] && !closed && d >= day.AddDays(-revisedDays) {
			not = append(not, d)
		}
	}
	return of(day), of(last), not
}

func numbers(list []int64) table.Value {
	values := make([]table.Value, len(list))
	for i, n := range list {
		values[i] = table.Int(n)
	}
	return table.List(values...)
}

// put returns the operation that stores the summary. It leaves the rest alone: others may
// be writing it.
func (d dayRecord) put() table.Op {
	soldOut := make(table.Item, len(d.summary.SoldOut))
	for sku, perMille := range d.summary.SoldOut {
		soldOut[sku] = table.Int(perMille)
	}
	op := table.Update(records.DayKey(d.day))
	op.Set = table.Item{
		"orders": table.Int(d.summary.Orders), "revenue": table.Int(int64(d.summary.Revenue)), "cancelled": table.Int(d.summary.Cancelled),
		"sold": numbers(d.sold), "sold_out": table.Map(soldOut),
		"built_at": records.Time(d.asOf.at), "built_late": table.Int(d.asOf.late), "counted": table.String(d.itemsHash),
	}
	if d.wasted != nil { // waste is never taken back
		op.Set["waste"] = numbers(d.wasted)
	}
	return op
}

// putReported returns the operation that stores the summary and which report the day has.
// Who makes a report has made sure that earlier days have their records.
func (d dayRecord) putReported(conditions ...table.Condition) table.Op {
	op := d.put()
	op.If = conditions
	op.Set["gapless"] = table.Bool(true)
	op.Set["revision"] = table.Int(int64(d.revision))
	op.Set["partial"] = table.Bool(d.partial)
	op.Set["unsent"] = table.Bool(d.unsent)
	op.Set["waits"] = table.Bool(d.waits)
	op.Set["reported_at"] = records.Time(d.reportedOf.at)
	op.Set["reported_late"] = table.Int(d.reportedOf.late)
	op.Set["said"] = table.List(table.Int(d.summary.Orders), table.Int(int64(d.summary.Revenue)), table.Int(d.summary.Cancelled))
	return op
}

// decodeDay returns a stored record of a day, or an error that records.IsUnreadable.
func decodeDay(key table.Key, item table.Item) (dayRecord, error) {
	r := records.NewReader(key, item)
	d := dayRecord{
		day: model.Day(key.SK), late: r.OptionalNumber("late"), lateAt: r.OptionalTime("late_at"), importedAt: r.OptionalTime("imported_at"),
		closed: r.OptionalNumber(records.AttrClosed),
	}
	if r.Has("drawer") {
		drawer := model.Money(r.Number("drawer"))
		d.drawer = &drawer
	}
	if r.Has("built_at") {
		d.asOf = coverage{r.Time("built_at"), r.Number("built_late")}
		d.itemsHash, d.gapless = r.Text("counted"), r.Flag("gapless")
		d.summary = report.Summary{
			Day: d.day, Orders: r.Number("orders"), Revenue: model.Money(r.Number("revenue")), Cancelled: r.Number("cancelled"),
			SoldOut: map[string]int64{},
		}
		for _, v := range r.List("sold") {
			d.sold = append(d.sold, r.NumberIn(v, "sold"))
		}
		for sku, v := range r.Map("sold_out") {
			d.summary.SoldOut[sku] = r.NumberIn(v, "sold_out")
		}
		if r.Has("waste") {
			for _, v := range r.List("waste") {
				d.wasted = append(d.wasted, r.NumberIn(v, "waste"))
			}
		}
	}
	if r.Has("revision") {
		d.revision, d.partial, d.unsent = int(r.Number("revision")), r.Flag("partial"), r.Flag("unsent")
		d.waits = r.Flag("waits")
		if r.Has("said") {
			for _, v := range r.List("said") {
				d.said = append(d.said, r.NumberIn(v, "said"))
			}
		}
		d.reportedOf = coverage{r.Time("reported_at"), r.Number("reported_late")}
	}
	return d, r.Err()
}
