package till

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"cafe/model"
	"cafe/model/till/parse"
)

// order makes an order of its rows.
func (f *orderFile) order(g *group) Order {
	b := &f.builder
	*b = builder{f: f, o: Order{Entry: f.entry(g), Identity: f.identity(g)}, readable: !g.tooMany, prints: b.prints[:0]}
	for i, row := range g.rows {
		b.add(row, b.o.Rows[i])
	}
	b.settle()
	b.takeOff()
	b.print()
	b.o.Problems = append(b.o.Problems, b.ofMenu...)
	slices.SortStableFunc(b.o.Problems, func(a, b Problem) int { return a.Line - b.Line })
	return b.o
}

// identity says which order the group is, as far as its rows do.
func (f *orderFile) identity(g *group) Identity {
	id := Identity{Source: f.rules.Source, Time: g.time}
	if g.key[0] == keyAlone {
		return id
	}
	parts := strings.Split(g.key[1:], "\x00")
	id.Outlet, id.ID, id.Date = parts[0], parts[1], parts[2]
	return id
}

// builder makes one order.
type builder struct {
	f        *orderFile
	o        Order
	sale     sale // of the row at hand
	readable bool
	prints   []string
	latest   time.Time // of the rows
	ofMenu   []Problem // that come of the menu, not of the file

	customer, payment, status agreed
	goods                     agreed
	stranger                  string // what is said of the customer and is no id
	said                      string // account or counter, if the file says so itself
	off                       model.Money
	offLine                   int // the first that took off
	offField                  field
}

// add reads one row.
func (b *builder) add(row row, r Row) {
	if !b.f.sound(&b.o.Entry, row) {
		b.readable = false
		return
	}
	before := len(b.o.Problems)
	s := &b.sale
	b.f.readSale(&b.o.Entry, r, s)
	b.agree(r, fieldCustomer, &b.customer)
	b.agree(r, fieldPayment, &b.payment)
	b.agree(r, fieldStatus, &b.status)
	b.agree(r, fieldGoods, &b.goods)
	if !s.at.IsZero() {
		if b.o.PlacedAt.IsZero() || s.at.Before(b.o.PlacedAt) {
			b.o.PlacedAt = s.at
		}
		if s.at.After(b.latest) {
			b.latest = s.at
		}
	}
	if len(b.o.Problems) > before {
		b.readable = false
		return
	}
	b.prints = append(b.prints, s.print())
	item, reason := b.find(s, r)
	if reason == "" {
		if reason = b.charge(item, s); reason != "" {
			b.ofMenu = append(b.ofMenu, Problem{r.Line, "", reason})
		}
		return
	}
	if off, ok := s.takesOff(); ok {
		if b.off += off; b.offLine == 0 {
			b.offLine, b.offField = r.Line, fieldItem
		}
		b.f.seen.discountRows++
		return
	}
	b.ofMenu = append(b.ofMenu, Problem{r.Line, b.f.cols.name(r.Cells, fieldItem), parse.Excerpt(s.item) + " " + reason})
}

// find returns the item of the first column that has one of the menu.
func (b *builder) find(s *sale, r Row) (model.Item, string) {
	item, reason := b.f.finder.find(parse.NFC(s.item), s.folded)
	if reason == "" || len(b.f.cols.at[fieldItem]) == 1 {
		return item, reason
	}
	for _, i := range b.f.cols.at[fieldItem] {
		cell := parse.NFC(strings.TrimSpace(r.Cells[i]))
		if other, none := b.f.finder.find(cell, parse.FoldItem(cell)); cell != "" && none == "" {
			return other, ""
		}
	}
	return item, reason
}

// charge adds a row's *sale to the order's lines, or says why it cannot. No sum can
// overflow: an order has at most 2×maxEntryRows rows of at most maxAmount, which is below
// 2^53.
func (b *builder) charge(item model.Item, s *sale) (reason string) {
	price := s.price
	if price == unset {
		if price = item.Price; s.amount == unset && s.gross == unset {
			b.f.seen.menuPrices++
		}
	}
	total, reason := s.charged(price)
	if reason != "" {
		return reason
	}
	extra := Extra{Tax: s.tax, Tip: s.tip}
	if s.discount != unset && s.discount != 0 {
		if extra.Discount = abs(s.discount); s.quantity.Units < 0 {
			extra.Discount = -extra.Discount
		}
		if s.amount == unset {
			b.f.seen.lessDiscount++
		}
	}
	if s.amount == unset && s.gross != unset {
		b.f.seen.fromGross++
	}
	if s.quantity.Millionths != 0 {
		b.f.seen.weighed++
	}
	b.o.Total += total
	units := s.quantity.Units
	for i := range b.o.Lines {
		l := &b.o.Lines[i]
		if l.SKU == item.SKU && l.UnitPrice == price && (l.Quantity < 0) == (units < 0) && max(l.Quantity+units, -l.Quantity-units) <= parse.MaxUnits {
			l.Quantity += units
			l.Total += total
			b.addExtra(i, extra)
			return ""
		}
	}
	b.o.Lines = append(b.o.Lines, model.Line{
		SKU: item.SKU, Name: item.Name, Quantity: units, UnitPrice: price, Total: total, Counted: item.Counted,
	})
	b.addExtra(len(b.o.Lines)-1, extra)
	return ""
}

// addExtra adds to what is said of a line beside its total.
func (b *builder) addExtra(line int, extra Extra) {
	if extra == (Extra{}) && b.o.Extras == nil {
		return
	}
	for len(b.o.Extras) < len(b.o.Lines) {
		b.o.Extras = append(b.o.Extras, Extra{})
	}
	e := &b.o.Extras[line]
	e.Discount += extra.Discount
	e.Tax += extra.Tax
	e.Tip += extra.Tip
}

// settle works out what is of the order as a whole.
func (b *builder) settle() {
	b.o.CustomerID, b.o.Payment, b.o.Status = model.WalkIn, model.TermsCounter, model.StatusCollected
	if b.customer.value != "" {
		b.o.CustomerID = b.customer.value
	} else if b.stranger != "" {
		if b.f.seen.strangers++; b.f.seen.strangers == 1 {
			b.f.seen.firstStranger = parse.Excerpt(b.stranger)
		}
	}
	switch {
	case b.payment.value != "":
		b.o.Payment = model.PaymentTerms(b.payment.value)
	case b.o.CustomerID == model.WalkIn:
	case b.f.rules.Payment == model.TermsAccount:
		b.o.Payment = model.TermsAccount
	default:
		b.f.seen.counter++
	}
	if b.status.value != "" {
		b.o.Status = model.Status(b.status.value)
	}
	if b.readable && b.o.CustomerID == model.WalkIn && b.o.Payment == model.TermsAccount {
		b.o.Entry.add(b.payment.line, b.f.cols.names(fieldPayment), "is account, but the order names no customer")
		b.readable = false
	}
}

// takeOff spreads what discounts of the order take off over its lines, and looks whether
// the order is a refund.
func (b *builder) takeOff() {
	if len(b.ofMenu) == 0 && b.readable {
		if b.goods.value != "" {
			charged, _, _ := parse.ParseMoney(b.goods.value, maxAmount, b.f.rules.Currency)
			if b.goods.value = charged.Major(b.f.rules.Currency); charged != b.o.Total+b.off {
				b.off, b.offLine, b.offField = charged-b.o.Total, b.goods.line, fieldGoods
				b.prints = append(b.prints, "goods "+b.goods.value)
			}
		}
		if b.off != 0 && !b.spread(b.off) {
			b.ofMenu = append(b.ofMenu, Problem{b.offLine, b.f.cols.names(b.offField), "takes off more than the order's other rows amount to"})
		}
	}
	sells := slices.ContainsFunc(b.o.Lines, func(l model.Line) bool { return l.Total > 0 })
	if b.o.Refund = b.o.Total < 0 && !sells; b.o.Refund && b.o.Status == model.StatusRefunded {
		b.o.Status = model.StatusCollected // its own negative rows take the money back
	}
	for _, e := range b.o.Extras {
		b.o.Discount += e.Discount
		b.o.Tax += e.Tax
		b.o.Tip += e.Tip
	}
}

// spread changes the lines' totals by an amount in proportion to them (largest remainder,
// then the earlier line). It reports whether they are enough for it.
func (b *builder) spread(by model.Money) bool {
	var sum model.Money
	for _, l := range b.o.Lines {
		sum += max(l.Total, 0)
	}
	if sum == 0 || -by > sum {
		return false
	}
	left := abs(by)
	change := func(line int, amount model.Money) {
		left -= amount
		if by < 0 {
			amount = -amount
		}
		b.o.Lines[line].Total += amount
		b.addExtra(line, Extra{Discount: -amount})
		b.o.Total += amount
	}
	rests := make([]uint64, len(b.o.Lines))
	for i, l := range b.o.Lines {
		if l.Total > 0 {
			hi, lo := bits.Mul64(uint64(abs(by)), uint64(l.Total))
			whole, rest := bits.Div64(hi, lo, uint64(sum)) // fits: no total is above the sum
			change(i, model.Money(whole))
			rests[i] = rest
		}
	}
	for left > 0 {
		most := 0
		for i, rest := range rests {
			if rest > rests[most] {
				most = i
			}
		}
		change(most, 1)
		rests[most] = 0
	}
	return true
}

// print works out the fingerprint. An order whose payment the file does not say is
// printed as it was when named customers had a tab by default, so that what was imported
// then is unchanged now.
func (b *builder) print() {
	if !b.readable {
		return
	}
	payment := b.said
	if payment == "" {
		payment = string(model.TermsCounter)
		if b.o.CustomerID != model.WalkIn {
			payment = string(model.TermsAccount)
		}
	}
	status := b.status.value
	if status == "" {
		status = string(model.StatusCollected)
	}
	slices.Sort(b.prints)
	b.prints = append(b.prints, b.o.CustomerID, payment, status)
	b.o.Fingerprint = fingerprint(b.prints)
}

// agreed is a value that all rows of an order must agree on. An empty cell agrees
// with anything.
type agreed struct {
	value string
	line  int // that said so first
}

// agree reads a cell that must not differ from the other rows'.
func (b *builder) agree(r Row, at field, with *agreed) {
	if !b.f.cols.has(at) {
		return
	}
	cell, ok := b.f.text(&b.o.Entry, r, at)
	if !ok || cell == "" {
		return
	}
	value, reason := b.read(at, cell)
	switch {
	case reason != "":
		b.f.bad(&b.o.Entry, r, at, reason)
	case value == "":
	case with.value == "":
		*with = agreed{value, r.Line}
	case with.value != value:
		b.f.bad(&b.o.Entry, r, at, "is not what line "+strconv.Itoa(with.line)+" of the same order says")
	}
}

// read returns the value of a cell, or what is wrong with it.
func (b *builder) read(at field, cell string) (value, reason string) {
	switch at {
	case fieldCustomer:
		return b.readCustomer(cell)
	case fieldPayment:
		return b.readPayment(cell)
	case fieldStatus:
		return b.readStatus(cell)
	}
	return b.readGoods(cell)
}

// readCustomer reads a customer id. Tills write 0 for nobody. What is no id, such as an
// e-mail address, names nobody that the café knows.
func (b *builder) readCustomer(cell string) (value, reason string) {
	switch {
	case cell == "0", cell == model.WalkIn:
		return "", ""
	case !model.ValidID(cell):
		b.stranger = cell
		return "", ""
	}
	return cell, ""
}

func (b *builder) readPayment(cell string) (value, reason string) {
	value, reason = parse.PaymentOf(cell)
	switch word := parse.FoldWord(cell); {
	case word == value:
		b.said = value
	case reason == "" && !parse.OnTab[word] && !parse.Tenders[word]:
		b.f.seen.payments.add(cell)
	}
	return value, reason
}

func (b *builder) readStatus(cell string) (value, reason string) {
	if value, reason = parse.StatusOf(cell); reason == "" && parse.PartlyRefunded[parse.FoldWord(cell)] && b.status.value == "" {
		b.f.seen.partlyRefunded++
	}
	return value, reason
}

func (b *builder) readGoods(cell string) (value, reason string) {
	if _, _, reason = parse.ParseMoney(cell, maxAmount, b.f.rules.Currency); reason != "" {
		return "", reason
	}
	return cell, ""
}

// notID says what is wrong with an id of the café's.
func notID(id string) string {
	if id == "" {
		return "is empty"
	}
	return "is not 1 to 64 characters of A–Z, a–z, 0–9, _ and -"
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
