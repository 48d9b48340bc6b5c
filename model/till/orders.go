package till

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"cafe/model"
	"cafe/model/till/parse"
)

// Identity tells imported orders apart, whatever file they came in.
type Identity struct {
	Source string
	Outlet string // as the file has it, often empty
	Date   string // of the calendar, as the file has it, written 2016-10-30
	ID     string // the till's
	// Time is empty but for a later sale under the same id on the same day: it is when that
	// sale was, by the file's clock, written 16:40:00.
	Time string
	// Again counts the imports that had brought the order and were taken back since.
	Again int
}

// OrderID returns the café's own id for the order: always the same.
func (i Identity) OrderID() string {
	parts := []string{"imported order", i.Source, i.Outlet, i.Date, i.ID}
	if i.Time != "" {
		parts = append(parts, i.Time)
	}
	if i.Again > 0 {
		parts = append(parts, "again", strconv.Itoa(i.Again))
	}
	return model.DeriveID(parts...)
}

// Order is what the till says of one order. All of it is good when there are no
// Problems. Otherwise only Rows and Problems are.
type Order struct {
	Entry
	Identity
	CustomerID string // model.WalkIn when nobody's
	Payment    model.PaymentTerms
	Status     model.Status
	PlacedAt   time.Time // in UTC, to the microsecond: the earliest of the rows
	// Lines sum up rows of the same item at the same price, in order of their first
	// row. A line's total is what was charged, which need not be quantity × unit price.
	// Lines of what was given back have a negative quantity and total.
	Lines  []model.Line
	Extras []Extra // of Lines, one each; nil when the file says nothing of the kind
	Total  model.Money
	// Refund says that the order gives back and sells nothing: its total is negative.
	Refund bool
	// The sums of Extras.
	Discount, Tax, Tip model.Money

	// Fingerprint is of what the file says of the order (26 characters). It tells an
	// order that comes again from one that has changed. It is there, and so is the
	// Identity, even when the only problem is with the menu: an order imported before its
	// item was deleted is unchanged all the same. With other problems it is empty.
	Fingerprint string
	// Whole is not empty if the order is one of several sales under one id. It is the
	// fingerprint of all of them as one order, as which they were imported once. If the order
	// of the same Identity without Time is stored with it, this sale is in that order.
	Whole string
}

// Extra is what the till says of a line beside its total, all in minor units and negative
// for what was given back. Discount is what the line was lowered by, whether its total
// shows that or a column says so. Tax and Tip are what the columns of that name say.
type Extra struct{ Discount, Tax, Tip model.Money }

// orderFile reads orders. The names in its keys are outlet, order id and date; the
// date is empty when it cannot be read.
type orderFile struct {
	*upload
	finder  *finder
	ignored map[string]bool

	// last is the row before; waiting are the rows up to it, all of the same outlet
	// and order id, whose date could not be read.
	last    rowIdentity
	waiting []row
	key     []byte

	builder builder // of the order at hand

	// bare is a row of figures only. It is the file's own total if no row follows.
	bare *row
	// above are the cells of the last row that had an order id, for rows that are to be
	// filled down.
	above []string
}

// maxWaiting is how many rows wait for a date. Further rows have none for good.
const maxWaiting = 100

type rowIdentity struct{ outlet, id, date string }

func (i rowIdentity) sameOrder(other rowIdentity) bool {
	return i.outlet == other.outlet && i.id == other.id
}

// ReadOrders reads a till's sales. A FileError says that the file is no good; any
// other error is the source's, the scratch file's or the context's. The File must be
// closed.
func ReadOrders(ctx context.Context, src io.Reader, rules Rules) (*File[Order], error) {
	u, in, err := open(src, rules, orderLayout)
	if err != nil {
		return nil, err
	}
	u.dates = make(map[model.Day]bool)
	f := &orderFile{upload: u, finder: newFinder(rules.Menu), ignored: make(map[string]bool)}
	for _, item := range rules.Ignore {
		f.ignored[parse.FoldItem(strings.TrimSpace(item))] = true
	}
	if err = u.read(ctx, in, f.place); err == nil {
		err = f.release(f.last, "")
	}
	if err != nil {
		u.Close()
		return nil, err
	}
	if f.bare != nil {
		f.passOverTotal(*f.bare)
	}
	return &File[Order]{u, f.orders}, nil
}

// place keeps a row with the others of its order, unless it is passed over.
func (f *orderFile) place(r row) error {
	if f.bare != nil {
		bare := *f.bare
		f.bare = nil
		if err := f.keepRow(bare); err != nil {
			return err
		}
	}
	if r.fault != "" {
		return f.keepRow(r)
	}
	switch f.kindOf(r.cells) {
	case rowIgnored:
		f.skipped++
		return nil
	case rowVoid:
		f.skipped++
		f.seen.voids++
		f.seen.voided += f.amountOf(r.cells)
		return nil
	case rowOtherLine:
		f.skipped++
		f.seen.otherLines++
		return nil
	case rowTotal:
		f.passOverTotal(r)
		return nil
	case rowBare:
		r.cells = slices.Clone(r.cells)
		f.bare = &r
		return nil
	}
	if f.cols.fillDown {
		f.fill(r.cells)
	}
	return f.keepRow(r)
}

// rowKind says what a row is for.
type rowKind int

const (
	rowSale rowKind = iota
	rowIgnored
	rowVoid
	rowOtherLine
	rowTotal
	rowBare
)

func (f *orderFile) kindOf(cells []string) rowKind {
	if len(f.ignored) > 0 {
		for _, i := range f.cols.at[fieldItem] {
			if i < len(cells) && f.ignored[parse.FoldItem(strings.TrimSpace(cells[i]))] {
				return rowIgnored
			}
		}
	}
	if f.cols.has(fieldVoid) {
		if yes, _ := parse.YesOrNo(f.cols.cell(cells, fieldVoid)); yes {
			return rowVoid
		}
	}
	if f.cols.has(fieldEvent) && parse.VoidEvents[parse.FoldWord(f.cols.cell(cells, fieldEvent))] {
		return rowVoid
	}
	if f.cols.has(fieldLineType) && parse.FoldWord(f.cols.cell(cells, fieldLineType)) != "saleline" {
		return rowOtherLine
	}
	return f.totalKind(cells)
}

// totalKind reports whether the row is the file's own total: it has no date, no time, no
// id and no item, but the word.
func (f *orderFile) totalKind(cells []string) rowKind {
	named := false
	for _, field := range [...]field{fieldOrder, fieldOrderedAt, fieldDate, fieldTime, fieldItem} {
		switch cell := f.cols.cell(cells, field); {
		case cell == "":
		case parse.IsTotal(cell):
			named = true
		default:
			return rowSale
		}
	}
	if named {
		return rowTotal
	}
	for _, cell := range cells {
		if strings.ContainsAny(cell, "0123456789") {
			return rowBare
		}
	}
	return rowSale
}

func (f *orderFile) passOverTotal(r row) {
	f.skipped++
	if len(f.seen.totals) == 3 {
		f.seen.moreTotals++
		return
	}
	var cells []string
	for _, cell := range r.cells {
		if cell = strings.TrimSpace(cell); cell != "" {
			cells = append(cells, parse.Shortened(cell, 40))
		}
	}
	f.seen.totals = append(f.seen.totals, fmt.Sprintf("line %d is the file's own total (%s), and was passed over", r.line, parse.Shortened(strings.Join(cells, ", "), 100)))
}

// amountOf returns what a row that is passed over says it was charged, as far as it can be
// read.
func (f *orderFile) amountOf(cells []string) model.Money {
	for _, field := range [...]field{fieldAmount, fieldGross, fieldUnitPrice} {
		if cell := f.cols.cell(cells, field); cell != "" {
			if m, _, reason := parse.ParseMoney(cell, maxAmount, f.rules.Currency); reason == "" {
				return m
			}
		}
	}
	return 0
}

// fill fills a row without an order id from the one above: exports of orders with their
// lines have what is of the order in its first row only.
func (f *orderFile) fill(cells []string) {
	if f.cols.cell(cells, fieldOrder) != "" {
		f.above = slices.Clone(cells)
		return
	}
	for _, field := range [...]field{fieldOrder, fieldOrderedAt, fieldDate, fieldTime, fieldOutlet} {
		for _, i := range f.cols.at[field] {
			if i < len(cells) && i < len(f.above) && strings.TrimSpace(cells[i]) == "" {
				cells[i] = f.above[i]
			}
		}
	}
}

// keepRow keeps a row with the others of its order.
func (f *orderFile) keepRow(r row) error {
	at := rowIdentity{outlet: parse.NFC(f.cols.cell(r.cells, fieldOutlet)), id: parse.NFC(f.cols.cell(r.cells, fieldOrder))}
	day, _ := f.when(r.cells)
	if day, err := parse.ParseDate(day, f.rules.Dates); err == nil {
		at.date = day.String()
	}
	if at.id == "" {
		if err := f.release(f.last, ""); err != nil {
			return err
		}
		f.last = rowIdentity{}
		f.key = r.alone(f.key[:0])
		return f.keep(f.key, r)
	}
	last := f.last
	f.last = at
	switch {
	case !at.sameOrder(last):
		if err := f.release(last, ""); err != nil {
			return err
		}
	case at.date == "":
		at.date = last.date
		f.last.date = last.date
	default:
		if err := f.release(last, at.date); err != nil {
			return err
		}
	}
	if at.date == "" && len(f.waiting) < maxWaiting {
		r.cells = slices.Clone(r.cells)
		f.waiting = append(f.waiting, r)
		return nil
	}
	return f.keepAs(at, r)
}

// release keeps the waiting rows, which are like at, with the date.
func (f *orderFile) release(at rowIdentity, date string) error {
	at.date = date
	for _, r := range f.waiting {
		if err := f.keepAs(at, r); err != nil {
			return err
		}
	}
	f.waiting = f.waiting[:0]
	return nil
}

func (f *orderFile) keepAs(at rowIdentity, r row) error {
	if at.date != "" {
		f.dates[model.Day(at.date)] = true
	}
	f.key = r.named(f.key[:0], at.outlet, at.id, at.date)
	return f.keep(f.key, r)
}

// orders yields the orders. The rows without a date come before the others of their
// outlet and order id. They join the order that follows, if it is the only one.
func (f *orderFile) orders(yield func(Order, error) bool) {
	next, stop := iter.Pull2(f.groups())
	defer stop()
	g, err, more := next()
	for more {
		if err != nil {
			yield(Order{}, err)
			return
		}
		this := g
		g, err, more = next()
		if likewise := this.undated(); likewise != "" && more && err == nil && strings.HasPrefix(g.key, likewise) {
			dated := g
			g, err, more = next()
			if more && (err != nil || strings.HasPrefix(g.key, likewise)) {
				if !f.yieldAll(this, yield) {
					return
				}
			} else {
				dated.join(this)
			}
			this = dated
		}
		if !f.yieldAll(this, yield) {
			return
		}
	}
}

// yieldAll yields the order, or the sales, of a group.
func (f *orderFile) yieldAll(g *group, yield func(Order, error) bool) bool {
	before := f.seen
	whole := f.order(g)
	var sales []*group
	if f.builder.latest.Sub(whole.PlacedAt) > farApart {
		sales = f.split(g)
	}
	if sales == nil {
		return f.yieldOne(whole, yield)
	}
	f.seen = before // the whole is not one of the file's orders
	if f.seen.splits++; f.seen.splits == 1 {
		f.seen.firstSplit = parse.Excerpt(whole.ID) + " on " + whole.Date
	}
	for _, sale := range sales {
		o := f.order(sale)
		o.Whole = whole.Fingerprint
		if !f.yieldOne(o, yield) {
			return false
		}
	}
	return true
}

func (f *orderFile) yieldOne(o Order, yield func(Order, error) bool) bool {
	if len(o.Problems) == 0 {
		f.count(&o)
	}
	return yield(o, nil)
}

// undated returns, for a group of rows without a date, how the keys begin of all that
// have its outlet and order id, and nothing for others.
func (g *group) undated() string {
	if stem, ok := strings.CutSuffix(g.key, "\x00\x00"); ok && g.key[0] == keyNamed {
		return stem + "\x00"
	}
	return ""
}

// join adds the rows of another group. Both are by line, and so is what comes of it.
func (g *group) join(other *group) {
	rows := make([]row, 0, len(g.rows)+len(other.rows))
	mine := g.rows
	for _, r := range other.rows {
		for len(mine) > 0 && mine[0].line < r.line {
			rows = append(rows, mine[0])
			mine = mine[1:]
		}
		rows = append(rows, r)
	}
	g.rows = append(rows, mine...)
	g.tooMany = g.tooMany || other.tooMany
}

// farApart is how long after another a row of the same id is of another sale.
const farApart = time.Hour

// split takes the sales under one id apart, and returns nil when there is one. A row whose
// time cannot be read goes with the one above it, else with the one below.
func (f *orderFile) split(g *group) []*group {
	if g.key[0] == keyAlone || g.tooMany {
		return nil
	}
	clocks, micros := make([]parse.Clock, len(g.rows)), make([]int64, len(g.rows))
	var known []int64 // the times, in microseconds
	for i, r := range g.rows {
		micros[i] = noTime
		if c, at, _, reason := f.moment(r.cells); reason == "" {
			clocks[i], micros[i] = c, at.UnixMicro()
			known = append(known, micros[i])
		}
	}
	slices.Sort(known)
	var starts []int64
	for i, at := range known {
		if i == 0 || at-known[i-1] > farApart.Microseconds() {
			starts = append(starts, at)
		}
	}
	if len(starts) < 2 {
		return nil
	}
	sales := make([]*group, len(starts))
	for i := range starts {
		sales[i] = &group{key: g.key}
		if i > 0 {
			sales[i].time = clocks[slices.Index(micros, starts[i])].String()
		}
	}
	above := slices.IndexFunc(micros, func(at int64) bool { return at != noTime })
	for i, at := range micros {
		if at != noTime {
			above = i
		}
		sale := len(starts) - 1
		for starts[sale] > micros[above] {
			sale--
		}
		sales[sale].rows = append(sales[sale].rows, g.rows[i])
	}
	return sales
}

// noTime stands for a time that cannot be read.
const noTime = math.MinInt64
