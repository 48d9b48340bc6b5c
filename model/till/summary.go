package till

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"cafe/model"
	"cafe/model/till/parse"
)

// maxDays is how many business days the totals list. Eleven years fit.
const maxDays = 4000

// contribution is what one order adds to the totals: nothing when it has no day.
type contribution struct {
	day     model.Day
	orders  int64
	revenue model.Money
}

// tally sums contributions up.
type tally struct {
	orders  int64
	revenue model.Money
	days    map[model.Day]model.FileDay
	more    bool // there are days that are not listed
}

// take adds a contribution, or takes it away again with sign -1.
func (t *tally) take(c contribution, sign int64) {
	if c.day == "" {
		return
	}
	t.orders += sign * c.orders
	t.revenue += model.Money(sign) * c.revenue
	day, listed := t.days[c.day]
	if !listed && len(t.days) == maxDays {
		t.more = true
		return
	}
	if t.days == nil {
		t.days = make(map[model.Day]model.FileDay)
	}
	t.days[c.day] = model.FileDay{Day: c.day, Orders: day.Orders + sign*c.orders, Revenue: day.Revenue + model.Money(sign)*c.revenue}
}

// count puts a good order into the totals.
func (u *upload) count(o *Order) {
	u.seen.discount += o.Discount
	u.seen.tax += o.Tax
	u.seen.tip += o.Tip
	if !o.Status.Counts() {
		u.seen.notCounted++
		return
	}
	o.counts = contribution{day: u.dayOf(o), orders: 1, revenue: o.Total}
	if o.Refund {
		o.counts.orders = 0
		u.seen.refunds++
		u.seen.refunded += o.Total
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tally.take(o.counts, 1)
}

// middle is the part of a business day that is far from its ends, in microseconds.
type middle struct{ from, to int64 }

// dayOf returns the order's business day. Nearly all orders are in the middle of the day
// of their date, and need no look at the clock on the wall.
func (u *upload) dayOf(o *Order) model.Day {
	at := o.PlacedAt.UnixMicro()
	if m, known := u.middles[o.Date]; known && m.from <= at && at < m.to {
		return model.Day(o.Date)
	}
	if _, known := u.middles[o.Date]; !known && len(u.middles) < maxDays {
		if u.middles == nil {
			u.middles = make(map[string]middle)
		}
		from, to := u.rules.Calendar.Bounds(model.Day(o.Date))
		u.middles[o.Date] = middle{from.Add(2 * time.Hour).UnixMicro(), to.Add(-2 * time.Hour).UnixMicro()}
	}
	return u.rules.Calendar.DayOf(o.PlacedAt)
}

// seen is what the notes are made of.
type seen struct {
	totals         []string // rows of the file's own totals
	moreTotals     int
	voids          int
	voided         model.Money
	otherLines     int // rows of a kind that is no item
	menuPrices     int // rows at the menu's price
	fromGross      int // rows charged from the gross amount
	lessDiscount   int // rows whose charge a discount column lowered
	weighed        int
	discountRows   int
	discount       model.Money
	tax, tip       model.Money
	refunds        int
	refunded       model.Money
	notCounted     int
	partlyRefunded int
	splits         int
	firstSplit     string
	counter        int // orders that name a customer and no payment, and were paid at the counter
	strangers      int // orders whose customer's id cannot be one
	firstStranger  string
	payments       strange
	events         strange
	unread         int // cells that do not count and cannot be read
	marks          map[string]bool
}

// strange collects words that are not known, the first few of them.
type strange struct {
	rows  int
	words []string
}

func (s *strange) add(word string) {
	s.rows++
	if word = parse.Excerpt(word); len(s.words) < 5 && !slices.Contains(s.words, word) {
		s.words = append(s.words, word)
	}
}

// mark notes the sign or code of a currency that stood with an amount.
func (s *seen) mark(mark string) {
	if mark == "" || len(s.marks) == 5 || s.marks[mark] {
		return
	}
	if s.marks == nil {
		s.marks = make(map[string]bool)
	}
	s.marks[mark] = true
}

// note adds a note about the file as a whole.
func (u *upload) note(text string) { u.notes = append(u.notes, text) }

// Summary says what was read. It is complete once All is through and everything that was
// not taken has been rejected. It may be called several times.
func (u *upload) Summary() model.FileSummary {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := model.FileSummary{
		Totals:  model.FileTotals{Orders: u.tally.orders, Revenue: u.tally.revenue},
		Columns: model.FileColumns{Read: make(map[string]string), NotRead: u.cols.notRead()},
		Notes:   slices.Clone(u.notes),
	}
	for _, key := range slices.Sorted(maps.Keys(u.tally.days)) {
		if day := u.tally.days[key]; day.Orders != 0 || day.Revenue != 0 {
			s.Totals.ByDay = append(s.Totals.ByDay, day)
		}
	}
	for f := range fields {
		if u.cols.has(f) {
			s.Columns.Read[things[f]] = u.cols.names(f)
		}
	}
	var money []string
	for _, name := range s.Columns.NotRead {
		if parse.LooksLikeMoney(name) {
			money = append(money, strconv.Quote(name))
		}
	}
	if len(money) > 0 {
		s.Notes = append(s.Notes, oneOrMore(len(money), "a column that may hold money, a void or a refund was not read: ",
			"%d columns that may hold money, a void or a refund were not read: ")+strings.Join(money, ", "))
	}
	major := func(m model.Money) string { return m.Major(u.rules.Currency) }
	s.Notes = append(s.Notes, u.seen.aboutMoney(&u.cols, major)...)
	s.Notes = append(s.Notes, u.seen.aboutRows(&u.cols, major)...)
	s.Notes = append(s.Notes, u.seen.aboutOrders(major)...)
	if u.tally.more {
		s.Notes = append(s.Notes, fmt.Sprintf("the orders are of more than %d days, and the totals by day do not list all of them", maxDays))
	}
	if u.rejected.leftOut > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("the rejects file is full: it has %d of %d rejected rows", u.rejected.rows, u.rejected.rows+u.rejected.leftOut))
	}
	return s
}

// oneOrMore writes what is said of one thing, or of several with their number.
func oneOrMore(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf(several, n)
}

// aboutMoney returns notes about what the rows were charged.
func (s *seen) aboutMoney(c *columns, major func(model.Money) string) (notes []string) {
	add := func(text string) { notes = append(notes, text) }
	switch {
	case s.menuPrices == 0:
	case c.has(fieldUnitPrice) || c.has(fieldAmount) || c.has(fieldGross):
		add(oneOrMore(s.menuPrices, "a row has neither a price nor an amount: its price is the menu's",
			"%d rows have neither a price nor an amount: their prices are the menu's"))
	default:
		add("prices are the menu's, since no column holds any that was read")
	}
	if s.fromGross > 0 {
		add(oneOrMore(s.fromGross, "a row was", "%d rows were") + " charged what " + quoted(c, fieldGross) + " says, since no amount is given")
	}
	switch {
	case s.lessDiscount > 0:
		add(oneOrMore(s.lessDiscount, "a row was charged less what ", "%d rows were charged less what ") + quoted(c, fieldDiscount) + " takes off")
	case s.discount != 0 && c.has(fieldDiscount):
		add(quoted(c, fieldDiscount) + " changes no total: the amounts are what was charged")
	}
	if s.tax != 0 {
		add(fmt.Sprintf("%s, %s in all, changes no total", quoted(c, fieldTax), major(s.tax)))
	}
	if s.tip != 0 {
		add(fmt.Sprintf("%s, %s in all, is in no total", quoted(c, fieldTip), major(s.tip)))
	}
	if s.unread > 0 {
		add(oneOrMore(s.unread, "a cell of discount, tax or tip is no amount, and counts as none", "%d cells of discount, tax or tip are no amounts, and count as none"))
	}
	if len(s.marks) > 0 {
		add("amounts are marked " + strings.Join(slices.Sorted(maps.Keys(s.marks)), ", ") + ", and were read as the café's own money")
	}
	return notes
}

func quoted(c *columns, f field) string { return strconv.Quote(c.names(f)) }

// aboutRows returns notes about rows that are no plain sale.
func (s *seen) aboutRows(c *columns, major func(model.Money) string) []string {
	notes := slices.Clone(s.totals)
	add := func(n int, one, several string) {
		if n > 0 {
			notes = append(notes, oneOrMore(n, one, several))
		}
	}
	add(s.moreTotals, "one more row of the file's own totals was passed over", "%d more rows of the file's own totals were passed over")
	add(s.voids, "a row is void and was not sold; its amount is "+major(s.voided), "%d rows are void and were not sold; their amounts are "+major(s.voided))
	add(s.otherLines, "a row is no item by "+quoted(c, fieldLineType)+", and was passed over", "%d rows are no items by "+escaped(quoted(c, fieldLineType))+", and were passed over")
	add(s.weighed, "a row was sold by weight, and counts as one unit", "%d rows were sold by weight, and count as one unit each")
	add(s.discountRows, "a negative row is no item of the menu, and was read as a discount of its order",
		"%d negative rows are no items of the menu, and were read as discounts of their orders")
	if s.payments.rows > 0 {
		notes = append(notes, quoted(c, fieldPayment)+" says "+strings.Join(s.payments.words, ", ")+": read as paid at the counter")
	}
	if s.events.rows > 0 {
		notes = append(notes, quoted(c, fieldEvent)+" says "+strings.Join(s.events.words, ", ")+": read as sales")
	}
	return notes
}

// aboutOrders returns notes about orders that need a look.
func (s *seen) aboutOrders(major func(model.Money) string) (notes []string) {
	add := func(n int, one, several string) {
		if n > 0 {
			notes = append(notes, oneOrMore(n, one, several))
		}
	}
	refunded := major(-s.refunded)
	add(s.refunds, "an order gives back "+refunded+", and is a refund on its day", "%d orders give back "+refunded+" in all, and are refunds on their days")
	add(s.notCounted, "an order is cancelled or refunded, and in no total", "%d orders are cancelled or refunded, and in no total")
	add(s.partlyRefunded, "an order was partly refunded, and was read in full", "%d orders were partly refunded, and were read in full")
	first := escaped(s.firstSplit)
	add(s.splits, "an order id stands for sales more than an hour apart, each taken as an order: "+s.firstSplit,
		"%d order ids stand for sales more than an hour apart, each taken as an order; the first is "+first)
	add(s.counter, "an order names a customer and no payment: paid at the counter, unless the import says account",
		"%d orders name a customer and no payment: paid at the counter, unless the import says account")
	add(s.strangers, "an order is nobody's, since "+s.firstStranger+" is no customer id",
		"%d orders are nobody's, since what they name is no customer id; the first is "+escaped(s.firstStranger))
	return notes
}

// escaped makes a text part of a format.
func escaped(text string) string { return strings.ReplaceAll(text, "%", "%%") }
