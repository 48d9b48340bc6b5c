package model

import (
	"slices"
	"strconv"
	"time"
)

// The limits of an order that a client places. An imported order may have more lines.
const (
	MaxLines    = 50
	MaxQuantity = 100 // of one line
	MaxNote     = 500 // characters
)

// WalkIn is the customer id of an order without a customer. It has no tab.
const WalkIn = "walk-in"

// PaymentTerms says how an order is paid.
type PaymentTerms string

// An account order goes on the customer's tab. A counter order is paid at once. An open
// order is to be paid until it is collected.
const (
	TermsAccount PaymentTerms = "account"
	TermsCounter PaymentTerms = "counter"
	TermsOpen    PaymentTerms = "open"
)

// Draft is a client's request for an order. It has no prices, no id and no time.
type Draft struct {
	CustomerID string       // empty: the caller's own, or a walk-in's when staff order
	Payment    PaymentTerms // empty: account for a named customer, else counter
	Lines      []DraftLine
	Note       string
	PickupAt   time.Time // zero: not asked for

	Dining    Dining          // empty: the café's standard
	Codes     []string        // of offers, without regard to case
	Tip       Money           // 0: none
	Quote     string          // whose prices the order is to have; empty: today's
	Discounts []DraftDiscount // by hand; package pricing knows who may give one
	Payments  []DraftPayment  // taken with the order, by staff
}

// DraftLine is a request for some units of one item.
type DraftLine struct {
	SKU      string
	Quantity int64
	Options  []string // ids
	Note     string
}

// Validate checks all that can be checked without a menu. It returns an Invalid that
// names every field at fault, or nil.
func (d Draft) Validate() error {
	var faults Invalid
	if d.CustomerID != "" && !ValidID(d.CustomerID) {
		faults.Add("/customer_id", badID)
	}
	walkIn := d.CustomerID == "" || d.CustomerID == WalkIn
	switch d.Payment {
	case "", TermsCounter, TermsOpen:
	case TermsAccount:
		if walkIn {
			faults.Add("/payment", "must be counter or open for a walk-in, who has no account")
		}
	default:
		faults.Add("/payment", "must be account, counter or open")
	}
	faults.CheckText("/note", d.Note, 0, MaxNote, true)
	faults.checkLines(d.Lines)
	faults.checkExtras(d)
	return faults.Err()
}

// ValidateLines checks lines alone, as Draft.Validate does.
func ValidateLines(lines []DraftLine) error {
	var faults Invalid
	faults.checkLines(lines)
	return faults.Err()
}

// ValidateNote checks the note of an order or a payment alone.
func ValidateNote(note string) error {
	var faults Invalid
	faults.CheckText("/note", note, 0, MaxNote, true)
	return faults.Err()
}

func (v *Invalid) checkLines(lines []DraftLine) {
	if len(lines) == 0 || len(lines) > MaxLines {
		v.Add("/lines", "must have 1 to "+strconv.Itoa(MaxLines)+" lines")
		return
	}
	for i, l := range lines {
		at := "/lines/" + strconv.Itoa(i)
		if !ValidID(l.SKU) {
			v.Add(at+"/sku", badID)
		}
		if l.Quantity < 1 || l.Quantity > MaxQuantity {
			v.Add(at+"/quantity", "must be from 1 to "+strconv.Itoa(MaxQuantity))
		}
		if len(l.Options) > MaxOptions {
			v.Add(at+"/options", "must have at most "+strconv.Itoa(MaxOptions)+" options")
		}
		v.CheckText(at+"/note", l.Note, 0, MaxNote, true)
	}
}

// Line is some units of one item, at the price when it was ordered.
type Line struct {
	SKU       string
	Name      string
	Quantity  int64
	UnitPrice Money // of one unit without options
	Options   []Option
	Note      string
	Total     Money // Quantity × (UnitPrice + options); an imported line's is what the till charged
	Counted   bool  // the item was counted, so the line takes stock

	Discount Money      // its share of the order's discounts
	Taxes    []TaxShare // its shares of the order's taxes, in their order
}

// Price turns asked-for lines into priced ones by the menu, and sums them up. An
// unknown or inactive SKU or option is an Invalid that names the line; so is a sum
// that does not fit.
func (m Menu) Price(asked []DraftLine) (lines []Line, total Money, err error) {
	var faults Invalid
	lines = make([]Line, 0, len(asked))
	for i, a := range asked {
		line, ok := m.price(&faults, i, a)
		if !ok {
			continue
		}
		if total, err = total.Add(line.Total); err != nil {
			faults.Add("/lines/"+strconv.Itoa(i), err.Error())
		}
		lines = append(lines, line)
	}
	return lines, total, faults.Err()
}

// PriceLine prices one line as Price does. Faults name it as line i of a request.
func (m Menu) PriceLine(i int, asked DraftLine) (Line, error) {
	var faults Invalid
	line, _ := m.price(&faults, i, asked)
	return line, faults.Err()
}

// price prices line i. It returns false when there is no item or no total.
func (m Menu) price(faults *Invalid, i int, asked DraftLine) (Line, bool) {
	item, known := m[asked.SKU]
	if !known || !item.Active {
		faults.Add("/lines/"+strconv.Itoa(i)+"/sku", "is not on the menu")
		return Line{}, false
	}
	line := Line{SKU: item.SKU, Name: item.Name, Quantity: asked.Quantity, UnitPrice: item.Price, Note: asked.Note, Counted: item.Counted}
	for j, id := range asked.Options {
		fault := func(message string) {
			faults.Add("/lines/"+strconv.Itoa(i)+"/options/"+strconv.Itoa(j), message)
		}
		option, known := item.Option(id)
		if !known {
			fault("is not an option of " + item.SKU)
			continue
		}
		for _, chosen := range line.Options {
			if chosen.ID == id {
				fault("appears twice")
			}
		}
		line.Options = append(line.Options, option)
	}
	if err := line.Sum(); err != nil {
		faults.Add("/lines/"+strconv.Itoa(i)+"/quantity", err.Error())
		return line, false
	}
	return line, true
}

// Sum sets the line's total: its quantity times the unit's price with its options. It
// is ErrOverflow when that does not fit.
func (l *Line) Sum() error {
	each, err := l.UnitPrice, error(nil)
	for _, o := range l.Options {
		if each, err = each.Add(o.Price); err != nil {
			return err
		}
	}
	l.Total, err = each.Times(l.Quantity)
	return err
}

// Order is an order that the café has accepted. Times are in UTC, to the microsecond.
type Order struct {
	ID          string
	Number      int64  // to call out, 1 or above; no other order of its business day has it. 0: none, as on imported orders
	CustomerID  string // WalkIn if there is no customer
	Payment     PaymentTerms
	Status      Status
	Lines       []Line
	Note        string
	PickupAt    time.Time // zero if the order has no pickup time
	Dining      Dining    // empty: an order of before it was asked
	Codes       []string  // of offers, as the request gave them
	Reckoning   Reckoning // how Total came about; zero: Total is the sum of the lines
	Total       Money
	Currency    string
	PlacedAt    time.Time
	UpdatedAt   time.Time
	BusinessDay Day
	Version     int64 // 1 when placed, and one more with every change; it is the ETag

	Payments []OrderPayment // oldest first
	Refunds  []Refund       // oldest first
	// CancelReason says why the order was cancelled, in the words of who did it, and
	// CancelledBy who that was. Both may be empty.
	CancelReason string
	CancelledBy  string
	History      []Step // see Steps

	// Posting grows whenever the order's contribution to the totals changes, and only then.
	// By it the ledger knows which of two entries is newer (Entry).
	Posting int64
	// Shard spreads orders over several partitions of the day index and of the ledger. It
	// never changes.
	Shard int64
	// Fingerprint identifies the content of the request or of the imported rows. By it a
	// repeated request is told from another one with the same key.
	Fingerprint string
	// Import is the id of the import that created the order; empty for other orders.
	Import string
	// TookStock says that the units of the counted lines were taken from stock.
	TookStock bool
	// Deleted orders stay stored, so that their id is never used again and totals stay
	// right. They are never shown.
	Deleted bool
	// TakenBack says of a deleted order that its import was undone. Another import may bring
	// the same sale again, under another id.
	TakenBack bool
}

// WithoutNotes returns a copy of the order without what people wrote: its note, the notes
// of its lines, what staff called a discount, references of payments, and reasons.
func (o Order) WithoutNotes() Order {
	o.Note, o.CancelReason = "", ""
	o.Payments = slices.Clone(o.Payments)
	for i := range o.Payments {
		o.Payments[i].Reference = ""
	}
	o.Refunds = slices.Clone(o.Refunds)
	for i := range o.Refunds {
		o.Refunds[i].Reason = ""
	}
	o.Lines = slices.Clone(o.Lines)
	for i := range o.Lines {
		o.Lines[i].Note = ""
	}
	o.Reckoning.Discounts = slices.Clone(o.Reckoning.Discounts)
	for i := range o.Reckoning.Discounts {
		if d := &o.Reckoning.Discounts[i]; d.ID == "" {
			d.Name = "Discount"
		}
	}
	return o
}

// Units returns the number of units of each counted item in the lines, by SKU.
func Units(lines []Line) map[string]int64 {
	var units map[string]int64
	for _, l := range lines {
		if l.Counted {
			if units == nil {
				units = make(map[string]int64)
			}
			units[l.SKU] += l.Quantity
		}
	}
	return units
}
