package till

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cafe/model"
	"cafe/model/till/parse"
)

// unset is money that the file does not give.
const unset model.Money = math.MinInt64

// maxAmount is the highest amount of a row, either way. An order has at most 2,000 rows,
// so its sums stay below 2^53.
const maxAmount = model.MaxPrice * model.MaxQuantity

func abs(m model.Money) model.Money {
	if m < 0 {
		return -m
	}
	return m
}

// sale is what one row says was sold.
type sale struct {
	item, folded string // as the first column with a value has it
	quantity     parse.Quantity
	// Money that the file does not give is unset.
	price, amount, gross, discount model.Money
	tax, tip                       model.Money // 0 when the file does not say
	clock                          parse.Clock
	at                             time.Time
}

// readSale reads the cells of a row that need not agree with its order's other rows. What
// does not count is not judged: a unit price where there is an amount.
func (f *orderFile) readSale(e *Entry, r Row, s *sale) {
	*s = sale{quantity: parse.Quantity{Units: 1}, price: unset, amount: unset, gross: unset, discount: unset}
	f.checkIdentity(e, r)
	c, at, bad, reason := f.moment(r.Cells)
	if _, ok := f.text(e, r, bad); ok && reason != "" {
		f.bad(e, r, bad, reason)
	}
	s.clock, s.at = c, at
	if item, ok := f.text(e, r, fieldItem); ok {
		if item == "" {
			f.bad(e, r, fieldItem, "is empty")
		}
		s.item, s.folded = item, parse.FoldItem(item)
	}
	if cell, ok := f.text(e, r, fieldQuantity); ok && cell != "" {
		if s.quantity, reason = parse.ParseQuantity(cell); reason != "" {
			f.bad(e, r, fieldQuantity, reason)
		}
	}
	f.readMoney(e, r, s)
	if f.cols.has(fieldVoid) {
		if cell := f.cols.cell(r.Cells, fieldVoid); cell != "" {
			if _, ok := parse.YesOrNo(cell); !ok {
				f.bad(e, r, fieldVoid, "is not true or false")
			}
		}
	}
	f.direct(r, s)
}

// readMoney reads the amounts of a row, as far as they count.
func (f *orderFile) readMoney(e *Entry, r Row, s *sale) {
	read := func(at field, max model.Money, counts bool) model.Money {
		if !f.cols.has(at) {
			return unset
		}
		cell, ok := f.cols.cell(r.Cells, at), true
		if counts {
			cell, ok = f.text(e, r, at)
		}
		if !ok || cell == "" {
			return unset
		}
		m, mark, reason := parse.ParseMoney(cell, max, f.rules.Currency)
		switch {
		case reason == "":
			f.seen.mark(mark)
			return m
		case counts:
			f.bad(e, r, at, reason)
		case at == fieldDiscount, at == fieldTax, at == fieldTip:
			f.seen.unread++
		}
		return unset
	}
	s.amount = read(fieldAmount, maxAmount, true)
	amounts := s.amount != unset
	s.gross = read(fieldGross, maxAmount, !amounts)
	s.price = read(fieldUnitPrice, model.MaxPrice, !amounts && s.gross == unset)
	s.discount = read(fieldDiscount, maxAmount, !amounts)
	if tax := read(fieldTax, maxAmount, false); tax != unset {
		s.tax = tax
	}
	if tip := read(fieldTip, maxAmount, false); tip != unset {
		s.tip = tip
	}
}

// direct turns a sale round that gives back: by its event, its price or its amount.
func (f *orderFile) direct(r Row, s *sale) {
	if s.price < 0 && s.price != unset {
		s.price, s.quantity = -s.price, s.quantity.Back()
	}
	if f.cols.has(fieldEvent) {
		if cell := f.cols.cell(r.Cells, fieldEvent); cell != "" {
			switch word := parse.FoldWord(cell); {
			case parse.RefundEvents[word]:
				s.quantity, s.amount, s.gross = s.quantity.Back(), back(s.amount), back(s.gross)
			case !parse.SaleEvents[word]:
				f.seen.events.add(cell)
			}
		}
	}
	amount := s.amount
	if amount == unset {
		amount = s.gross
	}
	if amount != unset && amount != 0 && (amount < 0) != (s.quantity.Units < 0) {
		s.quantity.Units, s.quantity.Millionths = -s.quantity.Units, -s.quantity.Millionths
	}
}

// back returns the money as money that was given back.
func back(m model.Money) model.Money {
	if m > 0 {
		return -m
	}
	return m
}

// charged returns what the row was charged, given the price of the item.
func (s *sale) charged(price model.Money) (amount model.Money, reason string) {
	if s.amount != unset {
		return s.amount, ""
	}
	if amount = s.gross; amount == unset {
		var err error
		if amount, err = s.quantity.Times(price); err != nil || abs(amount) > maxAmount {
			return 0, "comes to more than an import takes of one row"
		}
	}
	if s.discount == unset {
		return amount, ""
	}
	off := abs(s.discount)
	if off > abs(amount) {
		return 0, "has a discount of more than the row amounts to"
	}
	if amount < 0 {
		return amount + off, ""
	}
	return amount - off, ""
}

// takesOff reports whether a row whose item is not on the menu is a discount of its
// order, and how much it takes off.
func (s *sale) takesOff() (model.Money, bool) {
	amount, reason := s.charged(s.price)
	if s.amount == unset && s.gross == unset && s.price == unset || reason != "" || amount >= 0 {
		return 0, false
	}
	return amount, s.quantity.Units == -1 || parse.IsDiscount(s.folded)
}

// checkIdentity adds problems of the cells that an order's identity is made of.
func (f *orderFile) checkIdentity(e *Entry, r Row) {
	for _, at := range [...]field{fieldOrder, fieldOutlet} {
		switch cell, ok := f.text(e, r, at); {
		case !ok:
		case cell == "" && at == fieldOrder:
			f.bad(e, r, at, "is empty")
		case len(cell) > 64 && utf8.RuneCountInString(parse.NFC(cell)) > 64 || hasControl(cell):
			f.bad(e, r, at, "is longer than 64 characters or has control characters in it")
		}
	}
}

func hasControl(text string) bool { return strings.ContainsFunc(text, unicode.IsControl) }

// when returns how a row writes its date and its time, either of which may be empty.
func (f *orderFile) when(cells []string) (day, hour string) {
	if f.cols.has(fieldOrderedAt) {
		if both := f.cols.cell(cells, fieldOrderedAt); both != "" {
			return parse.CutMoment(both)
		}
	}
	day = f.cols.cell(cells, fieldDate)
	if hour = f.cols.cell(cells, fieldTime); hour == "" {
		return parse.CutMoment(day)
	}
	return day, hour
}

// moment reads when a row was sold, or says what is wrong, and with which field.
func (f *orderFile) moment(cells []string) (c parse.Clock, at time.Time, bad field, reason string) {
	day, hour := f.when(cells)
	dateField, timeField := fieldDate, fieldTime
	switch {
	case f.cols.cell(cells, fieldOrderedAt) != "", !f.cols.has(fieldDate):
		dateField, timeField = fieldOrderedAt, fieldOrderedAt
	case f.cols.cell(cells, fieldTime) == "" && (hour != "" || !f.cols.has(fieldTime)):
		timeField = fieldDate
	}
	if day == "" {
		return c, at, dateField, "is empty"
	}
	if hour == "" && timeField == dateField {
		return c, at, dateField, "is not a date and time such as 2016-10-30 09:58:11"
	}
	d, err := parse.ParseDate(day, f.rules.Dates)
	if err != nil {
		return c, at, dateField, err.Error()
	}
	if hour == "" {
		return c, at, timeField, "is empty"
	}
	if c, err = parse.ParseClock(hour); err != nil {
		return parse.Clock{}, at, timeField, err.Error()
	}
	return c, parse.Moment(d, c, f.rules.Calendar.Zone), dateField, ""
}

// print writes what the row says, values alike for spellings alike.
func (s *sale) print() string {
	b := make([]byte, 0, 64)
	if s.quantity.Millionths != 0 {
		b = append(strconv.AppendInt(b, s.quantity.Millionths, 10), 'u')
	} else {
		b = strconv.AppendInt(b, s.quantity.Units, 10)
	}
	b = append(b, ' ')
	b = append(appendMoney(b, s.price), ' ')
	b = append(appendMoney(b, s.amount), ' ')
	b = append(strconv.AppendInt(b, s.clock.Micros, 10), ' ')
	if s.clock.Zoned {
		b = strconv.AppendInt(b, int64(s.clock.Offset), 10)
	}
	b = append(b, ' ')
	b = append(b, s.folded...)
	if s.amount == unset && s.gross != unset {
		b = appendMoney(append(b, "\x00gross "...), s.gross)
	}
	if s.amount == unset && s.discount != unset && s.discount != 0 {
		b = appendMoney(append(b, "\x00discount "...), abs(s.discount))
	}
	return string(b)
}

// appendMoney writes -1 for what is unset, as it always has, and negative money
// otherwise.
func appendMoney(b []byte, m model.Money) []byte {
	switch {
	case m == unset:
		return append(b, "-1"...)
	case m < 0:
		return strconv.AppendInt(append(b, 'm'), int64(-m), 10)
	}
	return strconv.AppendInt(b, int64(m), 10)
}
