package books

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cafe/model"
)

// Close is the record that a business day is closed. It is never changed. Records are
// numbered from 1 without a gap, and each has the hash of the one before.
type Close struct {
	Number   int64       `json:"number,omitzero"`
	Day      model.Day   `json:"day"`
	ClosedAt string      `json:"closed_at,omitzero"` // RFC 3339, in UTC
	By       string      `json:"by,omitzero"`
	Early    bool        `json:"early,omitzero"` // the day was not over by the clock
	Currency string      `json:"currency"`
	Float    model.Money `json:"float"` // in the drawer when the day began
	Sums
	// Carried is what changed, since they were closed, on days that were closed before. It is
	// no part of the record's own sums.
	Carried  []Carried `json:"carried"`
	Previous string    `json:"previous"` // the hash of the record before; empty for the first

	// Hash is the SHA-256 of the record's canonical JSON (RFC 8785) without the hash, in
	// hexadecimal.
	Hash string `json:"-"`
}

// Carried is by how much the ledger of a closed day differs from what was closed and carried
// before.
type Carried struct {
	Day    model.Day   `json:"day"`
	Amount model.Money `json:"amount"` // with tips: Sums.Amount
	Sums
}

// Count is what somebody found when they closed a day.
type Count struct {
	Float   model.Money // in the drawer when the day began
	Counted map[model.Method]model.Money
	Early   bool
}

// MostCounted is the most that a float or a counted amount may be, as for payments.
const MostCounted = model.MaxAmount

// Validate returns a model.Invalid with all faults, or nil.
func (c Count) Validate() error {
	var faults model.Invalid
	limits := fmt.Sprintf("must be from 0 to %d minor units", MostCounted)
	if c.Float < 0 || c.Float > MostCounted {
		faults.Add("/float", limits)
	}
	methods := make([]string, 0, len(c.Counted))
	for m := range c.Counted {
		methods = append(methods, string(m))
	}
	sort.Strings(methods)
	for _, m := range methods {
		switch amount := c.Counted[model.Method(m)]; {
		case !model.Method(m).Valid():
			faults.Add("/counted/"+m, "is not one of cash, card, voucher and other, which can be counted")
		case amount < 0 || amount > MostCounted:
			faults.Add("/counted/"+m, limits)
		}
	}
	return faults.Err()
}

// Weigh puts what was found beside what the sums say. Cash that is expected has the float
// in it.
func (s *Sums) Weigh(c Count) {
	weighed := slices.Clone(s.Tenders)
	for m := range c.Counted {
		if !slices.ContainsFunc(weighed, func(t Tender) bool { return t.Method == m }) {
			weighed = append(weighed, Tender{Method: m})
		}
	}
	if c.Float != 0 && !slices.ContainsFunc(weighed, func(t Tender) bool { return t.Method == model.MethodCash }) {
		weighed = append(weighed, Tender{Method: model.MethodCash})
	}
	for i := range weighed {
		t := &weighed[i]
		if !t.Method.Valid() {
			continue
		}
		expected := t.Amount
		if t.Method == model.MethodCash {
			expected += c.Float
		}
		t.Expected = &expected
		if counted, given := c.Counted[t.Method]; given {
			difference := counted - expected
			t.Counted, t.Difference = &counted, &difference
		}
	}
	s.Tenders = weighed
	sort.SliceStable(s.Tenders, func(i, j int) bool {
		return slices.Index(tenders, s.Tenders[i].Method) < slices.Index(tenders, s.Tenders[j].Method)
	})
}

// Found returns what was found when the day was closed.
func (c Close) Found() Count {
	found := Count{Float: c.Float, Counted: map[model.Method]model.Money{}, Early: c.Early}
	for _, t := range c.Tenders {
		if t.Counted != nil {
			found.Counted[t.Method] = *t.Counted
		}
	}
	return found
}

// Drawer returns by how much the cash that was counted differs from what was expected, and
// whether it was counted.
func (c Close) Drawer() (difference model.Money, counted bool) {
	for _, t := range c.Tenders {
		if t.Method == model.MethodCash && t.Difference != nil {
			return *t.Difference, true
		}
	}
	return 0, false
}

// All returns the sums of the record and of all that it carries.
func (c Close) All() (Sums, error) {
	all, err := c.Sums.Plus(1, Sums{})
	for _, carried := range c.Carried {
		if err == nil {
			all, err = all.Plus(1, carried.Sums)
		}
	}
	return all, err
}

// Seal returns the record's canonical JSON, and sets its hash.
func (c *Close) Seal() ([]byte, error) {
	if c.Carried == nil {
		c.Carried = []Carried{}
	}
	text, err := json.Marshal(*c)
	if err != nil {
		return nil, err
	}
	canonical := jsontext.Value(text)
	if err := canonical.Canonicalize(); err != nil {
		return nil, err
	}
	c.Hash = HashOf(canonical)
	return canonical, nil
}

// HashOf returns the hash of a canonical text.
func HashOf(canonical []byte) string {
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// ParseClose returns the record of a text that Seal returned, with its hash.
func ParseClose(text []byte) (Close, error) {
	var c Close
	if err := json.Unmarshal(text, &c); err != nil {
		return Close{}, err
	}
	c.Hash = HashOf(text)
	if c.Number < 1 || c.Day == "" {
		return c, errors.New("the record has no number or no day")
	}
	return c, nil
}

// WithHash returns the JSON of a record as it is shown: the canonical text with its hash as
// one more member.
func WithHash(canonical []byte) []byte {
	shown := bytes.TrimSuffix(canonical, []byte("}"))
	return append(shown[:len(shown):len(shown)], `,"hash":"`+HashOf(canonical)+`"}`...)
}
