package till

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cafe/model"
)

var orderLayout = layout{
	kind: "An orders file",
	names: map[field][]string{
		fieldOrder:     {"order_id", "transaction_id", "transaction", "receipt", "ticket_number", "order"},
		fieldOrderedAt: {"ordered_at"},
		fieldDate:      {"date", "transaction_date"},
		fieldTime:      {"time", "transaction_time"},
		fieldItem:      {"sku", "item", "product_id", "article"},
		fieldQuantity:  {"quantity", "qty", "transaction_qty"},
		fieldUnitPrice: {"unit_price"},
		fieldAmount:    {"amount", "line_item_amount", "line_total"},
		fieldCustomer:  {"customer_id"},
		fieldPayment:   {"payment"},
		fieldStatus:    {"status"},
		fieldOutlet:    {"outlet", "sales_outlet_id", "store_id"},
	},
	needs: []need{
		{"the order id", [][]field{{fieldOrder}}, "order_id, transaction_id, transaction, receipt, ticket_number or order"},
		{"the time", [][]field{{fieldOrderedAt}, {fieldDate, fieldTime}}, "ordered_at, or date with time"},
		{"the item", [][]field{{fieldItem}}, "sku, item, product_id or article"},
	},
}

// Identity tells imported orders apart, whatever file they came in.
type Identity struct {
	Source string
	Outlet string // as the file has it, often empty
	Date   string // of the calendar, as the file has it, written 2016-10-30
	ID     string // the till's
}

// OrderID returns the café's own id for the order: always the same.
func (i Identity) OrderID() string {
	return model.DeriveID("imported order", i.Source, i.Outlet, i.Date, i.ID)
}

// Order is what the till says of one order. All of it is good when there are no
// Problems; otherwise Rows and Problems are.
type Order struct {
	Entry
	Identity
	CustomerID string // model.WalkIn when nobody's
	Payment    model.PaymentTerms
	Status     model.Status
	PlacedAt   time.Time // in UTC, to the microsecond: the earliest of the rows
	// Lines sum up rows of the same item at the same price, in order of their first
	// row. A line's total is what was charged, which need not be quantity × unit
	// price.
	Lines []model.Line
	Total model.Money

	// Fingerprint is of what the file says of the order (26 characters). It tells an
	// order that comes again from one that has changed. It is there, and so is the
	// Identity, even when the only problem is an item that is not on the menu: an
	// order imported before its item was deleted is unchanged all the same. With
	// other problems it is empty.
	Fingerprint string
}

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
}

// maxWaiting is how many rows wait for a date; more have none for good.
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
	f := &orderFile{upload: u, finder: newFinder(rules.Menu), ignored: make(map[string]bool)}
	for _, item := range rules.Ignore {
		f.ignored[foldItem(strings.TrimSpace(item))] = true
	}
	if err = u.read(ctx, in, f.place); err == nil {
		err = f.release(f.last, "")
	}
	if err != nil {
		u.Close()
		return nil, err
	}
	return &File[Order]{u, f.orders}, nil
}

// place keeps a row with the others of its order.
func (f *orderFile) place(r row) error {
	if r.fault == "" && f.ignored[foldItem(f.cols.cell(r.cells, fieldItem))] {
		f.skipped++
		return nil
	}
	at := rowIdentity{outlet: f.cols.cell(r.cells, fieldOutlet), id: f.cols.cell(r.cells, fieldOrder)}
	if day, err := f.date(r.cells); err == nil {
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
	f.key = r.named(f.key[:0], at.outlet, at.id, at.date)
	return f.keep(f.key, r)
}

// orders yields the orders. The rows without a date come before the others of their
// outlet and order id; they join the order that follows, if it is the only one.
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
				if !yield(f.order(this), nil) {
					return
				}
			} else {
				dated.join(this)
			}
			this = dated
		}
		if !yield(f.order(this), nil) {
			return
		}
	}
}

// undated returns, for a group of rows without a date, how the keys begin of all that
// have its outlet and order id, and nothing for others.
func (g *group) undated() string {
	if stem, ok := strings.CutSuffix(g.key, "\x00\x00"); ok && g.key[0] == keyNamed {
		return stem + "\x00"
	}
	return ""
}

// join adds the rows of another group.
func (g *group) join(other *group) {
	g.rows = append(g.rows, other.rows...)
	slices.SortFunc(g.rows, func(a, b row) int { return a.line - b.line })
	g.tooMany = g.tooMany || other.tooMany
}

// order makes an order of its rows.
func (f *orderFile) order(g *group) Order {
	o := Order{Entry: f.entry(g), Identity: f.identity(g)}
	readable := !g.tooMany
	var customer, payment, status agreed
	prints := make([]string, 0, len(g.rows))
	var unknown []Problem
	for i, row := range g.rows {
		if !f.sound(&o.Entry, row) {
			readable = false
			continue
		}
		r := o.Rows[i]
		before := len(o.Problems)
		s := f.sale(&o.Entry, r)
		f.agree(&o.Entry, r, fieldCustomer, &customer, f.customer)
		f.agree(&o.Entry, r, fieldPayment, &payment, paymentOf)
		f.agree(&o.Entry, r, fieldStatus, &status, statusOf)
		if len(o.Problems) > before {
			readable = false
			continue
		}
		prints = append(prints, s.print())
		item, reason := f.finder.find(s.item, s.folded)
		if reason != "" {
			unknown = append(unknown, Problem{r.Line, f.cols.name(fieldItem), excerpt(s.item) + " " + reason})
			continue
		}
		if o.PlacedAt.IsZero() || s.at.Before(o.PlacedAt) {
			o.PlacedAt = s.at
		}
		o.charge(item, s)
	}
	o.CustomerID, o.Payment, o.Status = model.WalkIn, model.TermsCounter, model.StatusCollected
	if customer.value != "" {
		o.CustomerID, o.Payment = customer.value, model.TermsAccount
	}
	if payment.value != "" {
		o.Payment = model.PaymentTerms(payment.value)
	}
	if status.value != "" {
		o.Status = model.Status(status.value)
	}
	if readable && o.CustomerID == model.WalkIn && o.Payment == model.TermsAccount {
		o.add(payment.line, f.cols.name(fieldPayment), "is account, but the order names no customer")
		readable = false
	}
	if readable {
		slices.Sort(prints)
		o.Fingerprint = fingerprint(append(prints, o.CustomerID, string(o.Payment), string(o.Status)))
	}
	o.Problems = append(o.Problems, unknown...)
	slices.SortStableFunc(o.Problems, func(a, b Problem) int { return a.Line - b.Line })
	return o
}

// identity tells who the group's order is, as far as its rows say.
func (f *orderFile) identity(g *group) Identity {
	id := Identity{Source: f.rules.Source}
	if g.key[0] == keyAlone {
		return id
	}
	parts := strings.Split(g.key[1:], "\x00")
	id.Outlet, id.ID, id.Date = parts[0], parts[1], parts[2]
	return id
}

// date reads the calendar date of a row, as the file has it.
func (f *orderFile) date(cells []string) (date, error) {
	if f.cols.at[fieldOrderedAt] >= 0 {
		day, _ := cutMoment(f.cols.cell(cells, fieldOrderedAt))
		return parseDate(day, f.rules.Dates)
	}
	return parseDate(f.cols.cell(cells, fieldDate), f.rules.Dates)
}

// sale is what one row says was sold.
type sale struct {
	item, folded  string
	quantity      int64
	price, amount model.Money // unset when the file does not say
	clock         clock
	at            time.Time
}

const unset model.Money = -1

// sale reads the cells of a row that need not agree with its order's other rows.
func (f *orderFile) sale(e *Entry, r Row) sale {
	s := sale{quantity: 1, price: unset, amount: unset}
	if id, ok := f.text(e, r, fieldOrder); ok && !model.ValidID(id) {
		f.bad(e, r, fieldOrder, notID(id))
	}
	if outlet, ok := f.text(e, r, fieldOutlet); ok && (utf8.RuneCountInString(outlet) > 64 || strings.ContainsFunc(outlet, unicode.IsControl)) {
		f.bad(e, r, fieldOutlet, "is longer than 64 characters or has control characters in it")
	}
	s.clock, s.at = f.moment(e, r)
	if item, ok := f.text(e, r, fieldItem); ok {
		if item == "" {
			f.bad(e, r, fieldItem, "is empty")
		}
		s.item, s.folded = item, foldItem(item)
	}
	if cell, ok := f.text(e, r, fieldQuantity); ok && cell != "" {
		n, err := wholeNumber(cell)
		if err != nil || n < 1 || n > model.MaxQuantity || cell[0] == '+' {
			f.bad(e, r, fieldQuantity, "is not a whole number from 1 to "+strconv.Itoa(model.MaxQuantity))
		}
		s.quantity = n
	}
	if cell, ok := f.text(e, r, fieldUnitPrice); ok && cell != "" {
		if price, ok := f.money(e, r, fieldUnitPrice, cell, model.MaxPrice); ok {
			s.price = price
		}
	}
	if cell, ok := f.text(e, r, fieldAmount); ok && cell != "" {
		if amount, ok := f.money(e, r, fieldAmount, cell, model.MaxPrice*model.MaxQuantity); ok {
			s.amount = amount
		}
	}
	return s
}

// moment reads when the row was sold.
func (f *orderFile) moment(e *Entry, r Row) (clock, time.Time) {
	dateField, timeField := fieldDate, fieldTime
	var day, hour string
	if f.cols.at[fieldOrderedAt] >= 0 {
		dateField, timeField = fieldOrderedAt, fieldOrderedAt
		both, ok := f.text(e, r, fieldOrderedAt)
		if !ok {
			return clock{}, time.Time{}
		}
		day, hour = cutMoment(both)
		if day != "" && hour == "" {
			f.bad(e, r, fieldOrderedAt, "is not a date and time such as 2016-10-30 09:58:11")
			return clock{}, time.Time{}
		}
	} else {
		var ok1, ok2 bool
		day, ok1 = f.text(e, r, fieldDate)
		hour, ok2 = f.text(e, r, fieldTime)
		if !ok1 || !ok2 {
			return clock{}, time.Time{}
		}
	}
	if day == "" {
		f.bad(e, r, dateField, "is empty")
		return clock{}, time.Time{}
	}
	d, err := parseDate(day, f.rules.Dates)
	if err != nil {
		f.bad(e, r, dateField, err.Error())
		return clock{}, time.Time{}
	}
	c, err := parseClock(hour)
	if hour == "" {
		f.bad(e, r, timeField, "is empty")
	} else if err != nil {
		f.bad(e, r, timeField, err.Error())
	}
	return c, moment(d, c, f.rules.Zone)
}

// agreed is a value that all rows of an order must agree on. An empty cell agrees
// with anything.
type agreed struct {
	value string
	line  int // that said so first
}

// agree reads a cell that must not differ from the other rows'. read returns the
// value or what is wrong with it.
func (f *orderFile) agree(e *Entry, r Row, at field, with *agreed, read func(cell string) (value, reason string)) {
	cell, ok := f.text(e, r, at)
	if !ok || cell == "" {
		return
	}
	value, reason := read(cell)
	switch {
	case reason != "":
		f.bad(e, r, at, reason)
	case value == "":
	case with.value == "":
		*with = agreed{value, r.Line}
	case with.value != value:
		f.bad(e, r, at, "is not what line "+strconv.Itoa(with.line)+" of the same order says")
	}
}

// customer reads a customer id. Tills write 0 for nobody.
func (f *orderFile) customer(cell string) (value, reason string) {
	switch {
	case cell == "0", cell == model.WalkIn:
		return "", ""
	case !model.ValidID(cell):
		return "", notID(cell)
	}
	return cell, ""
}

func paymentOf(cell string) (value, reason string) {
	switch p := model.PaymentTerms(strings.ToLower(cell)); p {
	case model.TermsAccount, model.TermsCounter:
		return string(p), ""
	}
	return "", "is not account or counter"
}

func statusOf(cell string) (value, reason string) {
	if s := model.Status(strings.ToLower(cell)); s.Valid() {
		return string(s), ""
	}
	names := make([]string, len(model.Statuses))
	for i, s := range model.Statuses {
		names[i] = string(s)
	}
	return "", "is not one of " + strings.Join(names, ", ")
}

func notID(id string) string {
	if id == "" {
		return "is empty"
	}
	return "is not 1 to 64 characters of A–Z, a–z, 0–9, _ and -"
}

// charge adds a row's sale to the order's lines. No sum can overflow: an order has at
// most 2×maxEntryRows rows of at most MaxPrice × MaxQuantity, which is below 2^53.
func (o *Order) charge(item model.Item, s sale) {
	price, total := s.price, s.amount
	if price == unset {
		price = item.Price
	}
	if total == unset {
		total = price * model.Money(s.quantity)
	}
	o.Total += total
	for i := range o.Lines {
		l := &o.Lines[i]
		if l.SKU == item.SKU && l.UnitPrice == price && l.Quantity+s.quantity <= model.MaxQuantity {
			l.Quantity += s.quantity
			l.Total += total
			return
		}
	}
	o.Lines = append(o.Lines, model.Line{
		SKU: item.SKU, Name: item.Name, Quantity: s.quantity, UnitPrice: price, Total: total, Counted: item.Counted,
	})
}

// print writes what the row says, values alike for spellings alike.
func (s sale) print() string {
	b := make([]byte, 0, 64)
	for _, n := range [...]int64{s.quantity, int64(s.price), int64(s.amount), s.clock.micros} {
		b = strconv.AppendInt(b, n, 10)
		b = append(b, ' ')
	}
	if s.clock.zoned {
		b = strconv.AppendInt(b, int64(s.clock.offset), 10)
	}
	b = append(b, ' ')
	return string(append(b, s.folded...))
}

// fingerprint hashes texts, each with its length.
func fingerprint(texts []string) string {
	h := sha256.New()
	var b []byte
	for _, t := range texts {
		b = binary.AppendUvarint(b[:0], uint64(len(t)))
		h.Write(append(b, t...))
	}
	return model.EncodeID([16]byte(h.Sum(nil)[:16]))
}
