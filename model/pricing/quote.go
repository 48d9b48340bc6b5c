package pricing

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"cafe/model"
)

// QuoteLife is how long a quote is good for.
const QuoteLife = 15 * time.Minute

// What may be wrong with a quote.
var (
	ErrQuoteAltered  = errors.New("quote is not one of this café, or was altered")
	ErrQuoteAnothers = errors.New("quote was given to somebody else")
	ErrQuoteExpired  = errors.New("quote has expired")
	ErrQuoteMismatch = errors.New("quote is for another order")
)

// Quote is a bill that a caller may order by while it lasts. It is bound to the caller
// and to what they asked for; nothing of it is stored.
type Quote struct {
	Expires time.Time // no longer good from then on; to the second
	Pricing int64     // version of the pricing document: Bill wants its tariff

	caller, asked [16]byte // digests of who and what
	bill          quoted
}

// quoted is what a quote says of a bill beside what the draft says again.
type quoted struct {
	Record Record       `json:"r"`
	Lines  []quotedLine `json:"l"`
}

type quotedLine struct {
	Name    string         `json:"n"`
	Price   model.Money    `json:"p"`
	Counted bool           `json:"c,omitzero"`
	Options []quotedOption `json:"o,omitempty"`
}

type quotedOption struct {
	Name  string      `json:"n"`
	Price model.Money `json:"p,omitzero"`
}

// NewQuote makes a quote of the bill of a draft, for the caller, who is named so that
// no two callers have the same name (role and id).
func NewQuote(draft model.Draft, bill Bill, caller string, now time.Time) Quote {
	o := model.Order{}
	bill.Onto(&o)
	q := Quote{
		Expires: now.Add(QuoteLife).Truncate(time.Second), Pricing: bill.Reckoning.Pricing,
		caller: digest("caller", caller), asked: asked(draft), bill: quoted{Record: NewRecord(o)},
	}
	for _, l := range bill.Lines {
		line := quotedLine{Name: l.Name, Price: l.UnitPrice, Counted: l.Counted}
		for _, o := range l.Options {
			line.Options = append(line.Options, quotedOption{o.Name, o.Price})
		}
		q.bill.Lines = append(q.bill.Lines, line)
	}
	return q
}

// digest is of parts with their lengths, so that no two lists of parts share one.
func digest(parts ...string) [16]byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
	return [16]byte(h.Sum(nil)[:16])
}

// asked is a digest of all of a draft that its price depends on but the tip: notes, the
// time of pickup and the terms of payment may differ from those of the quote.
func asked(d model.Draft) [16]byte {
	parts := []string{"asked", d.CustomerID, string(d.Dining), strconv.Itoa(len(d.Codes))}
	for _, code := range d.Codes {
		parts = append(parts, strings.ToUpper(code))
	}
	parts = append(parts, strconv.Itoa(len(d.Discounts)))
	for _, g := range d.Discounts {
		parts = append(parts, g.Name, g.Percent.String(), strconv.FormatInt(int64(g.Amount), 10), strconv.FormatBool(g.Lines == nil), strconv.Itoa(len(g.Lines)))
		for _, line := range g.Lines {
			parts = append(parts, strconv.Itoa(line))
		}
	}
	for _, l := range d.Lines {
		parts = append(parts, l.SKU, strconv.FormatInt(l.Quantity, 10), strconv.Itoa(len(l.Options)))
		parts = append(parts, l.Options...)
	}
	return digest(parts...)
}

// A quote's bytes: a version, when it expires in seconds since 1970, the two digests,
// the bill as JSON, and the HMAC-SHA256 of all that.
const (
	quoteVersion = 1
	quoteHead    = 1 + 8 + 16 + 16
)

// quoteText is strict, so that every quote has one text only.
var quoteText = base64.RawURLEncoding.Strict()

// Sign writes the quote as a text that ReadQuote reads under the same key.
func (q Quote) Sign(key []byte) (string, error) {
	bill, err := json.Marshal(q.bill)
	if err != nil {
		return "", err
	}
	b := binary.BigEndian.AppendUint64([]byte{quoteVersion}, uint64(q.Expires.Unix()))
	b = append(append(append(b, q.caller[:]...), q.asked[:]...), bill...)
	return quoteText.EncodeToString(append(b, sealOf(key, b)...)), nil
}

// sealOf is apart from what else the key may seal.
func sealOf(key, b []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("cafe quote\n"))
	mac.Write(b)
	return mac.Sum(nil)
}

// ReadQuote reads a quote that was signed under the key, or fails with ErrQuoteAltered.
// Whether it is good for an order Bill says.
func ReadQuote(key []byte, text string) (Quote, error) {
	b, err := quoteText.DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") || len(b) < quoteHead+sha256.Size { // the decoder skips line breaks
		return Quote{}, ErrQuoteAltered
	}
	b, seal := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if !hmac.Equal(seal, sealOf(key, b)) || b[0] != quoteVersion {
		return Quote{}, ErrQuoteAltered
	}
	q := Quote{Expires: time.Unix(int64(binary.BigEndian.Uint64(b[1:])), 0).UTC(), caller: [16]byte(b[9:]), asked: [16]byte(b[25:])}
	if err := json.Unmarshal(b[quoteHead:], &q.bill); err != nil {
		return Quote{}, ErrQuoteAltered
	}
	q.Pricing = q.bill.Record.Pricing
	return q, nil
}

// Bill returns what the quote promised for the draft, with the draft's tip and notes.
// The tariff is that of version q.Pricing, or there is an ErrTariff. Errors are
// ErrQuoteAnothers, ErrQuoteExpired and ErrQuoteMismatch, looked for in this order, and
// a model.Invalid for a tip that does not fit or that the visit's role may not give.
func (q Quote) Bill(t *Tariff, draft model.Draft, caller string, visit Visit) (Bill, error) {
	switch {
	case q.caller != digest("caller", caller):
		return Bill{}, ErrQuoteAnothers
	case !visit.At.Before(q.Expires):
		return Bill{}, ErrQuoteExpired
	case q.asked != asked(draft) || len(q.bill.Lines) != len(draft.Lines):
		return Bill{}, ErrQuoteMismatch
	}
	var faults model.Invalid
	visit.check(&faults, draft)
	if err := faults.Err(); err != nil {
		return Bill{}, err
	}
	o := model.Order{Lines: make([]model.Line, len(draft.Lines))}
	for i, asked := range draft.Lines {
		kept := q.bill.Lines[i]
		if len(kept.Options) != len(asked.Options) {
			return Bill{}, ErrQuoteMismatch
		}
		l := model.Line{SKU: asked.SKU, Name: kept.Name, Quantity: asked.Quantity, UnitPrice: kept.Price, Note: asked.Note, Counted: kept.Counted}
		for j, id := range asked.Options {
			l.Options = append(l.Options, model.Option{ID: id, Name: kept.Options[j].Name, Price: kept.Options[j].Price})
		}
		if err := l.Sum(); err != nil {
			return Bill{}, overflow(i)
		}
		o.Lines[i] = l
	}
	record := q.bill.Record
	record.Tip = draft.Tip
	if err := record.Restore(&o); err != nil {
		return Bill{}, err
	}
	if err := t.Name(&o); err != nil {
		return Bill{}, err
	}
	reckoning := o.Reckoning
	reckoning.Tip = 0
	total, err := reckoning.Total().Add(draft.Tip)
	if err != nil {
		return Bill{}, model.Invalid{{Field: "/tip", Message: err.Error()}}
	}
	return Bill{Dining: o.Dining, Codes: slices.Clone(draft.Codes), Lines: o.Lines, Reckoning: o.Reckoning, Total: total}, nil
}
