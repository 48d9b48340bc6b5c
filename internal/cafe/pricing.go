package cafe

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/pricing"
)

// tariffs keeps the tariffs of pricing documents in the process, by version. A version
// never changes, so that it is read once.
type tariffs struct {
	mu      sync.Mutex
	version map[int64]*pricing.Tariff
}

// manyTariffs is how many versions are kept at most. A café changes its document a few
// times a year.
const manyTariffs = 100

func (t *tariffs) of(version int64) *pricing.Tariff {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.version[version]
}

// decode returns the tariff of a stored document, the one that is kept if there is one.
func (t *tariffs) decode(key table.Key, item table.Item) (*pricing.Tariff, error) {
	if kept := t.of(item.Int("version")); kept != nil {
		return kept, nil
	}
	read, err := records.DecodePricing(key, item)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.version == nil || len(t.version) >= manyTariffs {
		t.version = map[int64]*pricing.Tariff{}
	}
	t.version[read.Version()] = read
	return read, nil
}

// tariff returns the tariff of a version of the pricing document, nil for version 0. A
// version that the process does not know is read, once.
func (c *Cafe) tariff(ctx context.Context, version int64) (*pricing.Tariff, error) {
	if version == 0 {
		return nil, nil
	}
	if known := c.tariffs.of(version); known != nil {
		return known, nil
	}
	key := records.PricingVersionKey(version)
	read, err := records.Get(ctx, c.table, key, false, c.tariffs.decode)
	if errors.Is(err, model.ErrNotFound) { // it may be a moment old
		read, err = records.Get(ctx, c.table, key, true, c.tariffs.decode)
	}
	return read, err
}

// named fills in the names and rates of what an order's price is made of.
func (c *Cafe) named(ctx context.Context, o *model.Order) error {
	t, err := c.tariff(ctx, o.Reckoning.Pricing)
	if err != nil {
		return err
	}
	return t.Name(o)
}

// Tariff returns what orders are priced by now, nil when the café has no pricing document.
// Like the menu, it is up to menuAge old.
func (c *Cafe) Tariff(ctx context.Context) (*pricing.Tariff, error) {
	p, err := c.pricesSince(ctx, c.now().Add(-menuAge))
	return p.tariff, err
}

// SetPricing makes a document the one that orders are priced by, and returns its version.
// Fields at fault are a model.Invalid; model.ErrStale when match is given and does not hold
// for the version there is (0: none). The document that is current already is not stored
// again. Orders keep the version of their placing.
func (c *Cafe) SetPricing(ctx context.Context, d pricing.Document, match records.Match) (t *pricing.Tariff, created bool, err error) {
	if d.Rounding == "" {
		d.Rounding = pricing.HalfUp
	}
	if err := d.Validate(); err != nil {
		return nil, false, err
	}
	defer c.ForgetMenu()
	err = records.Retry(ctx, func() error {
		t, created, err = c.attemptPricing(ctx, d, match)
		return err
	})
	return t, created, err
}

func (c *Cafe) attemptPricing(ctx context.Context, d pricing.Document, match records.Match) (t *pricing.Tariff, created bool, err error) {
	was, err := records.Get(ctx, c.table, records.PricingKey, true, c.tariffs.decode)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return nil, false, err
	}
	if match != nil && !match(was.Version()) {
		return nil, false, model.ErrStale
	}
	if t, err = pricing.New(was.Version()+1, d); err != nil {
		return nil, false, err
	}
	item, err := records.EncodePricing(t.Version(), d)
	if err != nil {
		return nil, false, err
	}
	current := table.Absent()
	if was != nil {
		same, err := records.EncodePricing(t.Version(), was.Document())
		if err == nil && reflect.DeepEqual(same, item) {
			return was, false, nil
		}
		current = table.Equal("version", table.Int(was.Version()))
	}
	err = records.Write(ctx, c.table,
		table.Put(records.PricingKey, item, current),
		table.Put(records.PricingVersionKey(t.Version()), item, table.Absent()))
	var refused *table.ConditionError
	if errors.As(err, &refused) {
		return nil, false, records.ErrOvertaken
	}
	return t, was == nil, err
}

// SignQuotes gives the café the key that its quotes are signed under: the same in every
// process of one café. It is called before the first quote, if at all.
func (c *Cafe) SignQuotes(key []byte) { c.quoteKey = key }

// Quoted is what an order would cost.
type Quoted struct {
	Draft   model.Draft // as it was asked for, with what the café fills in
	Bill    pricing.Bill
	Text    string // makes an order have these prices, as model.Draft.Quote
	Expires time.Time
}

// errNoQuotes says that SignQuotes was not called.
var errNoQuotes = errors.New("the café has no key to sign quotes with")

// Quote says what the draft would cost if it were placed now. It writes nothing, and asks
// for no stock. Errors are those of Place.
func (c *Cafe) Quote(ctx context.Context, by Caller, draft model.Draft) (Quoted, error) {
	if c.quoteKey == nil {
		return Quoted{}, errNoQuotes
	}
	draft, err := c.addressed(by, draft)
	if err != nil {
		return Quoted{}, err
	}
	if draft.Quote != "" {
		return Quoted{}, model.Invalid{{Field: "/quote", Message: "must not be in what a quote is asked for"}}
	}
	now := c.now.Stamp()
	bill, err := c.price(ctx, by, draft, now)
	if err != nil {
		return Quoted{}, err
	}
	quote := pricing.NewQuote(draft, bill, by.name(), now)
	text, err := quote.Sign(c.quoteKey)
	return Quoted{Draft: draft, Bill: bill, Text: text, Expires: quote.Expires}, err
}

// price returns what a draft costs: as its quote says, or by the menu and the pricing
// document. Before it refuses, it makes sure that those are not of a few seconds ago.
func (c *Cafe) price(ctx context.Context, by Caller, draft model.Draft, now time.Time) (pricing.Bill, error) {
	visit := c.visit(by, now)
	if draft.Quote != "" {
		return c.honour(ctx, by, draft, visit)
	}
	return c.byPrices(ctx, func(p prices) (pricing.Bill, error) { return p.tariff.Price(draft, p.menu, visit) })
}

// byPrices has reckon make a bill of the prices there are, and of fresh ones before it
// refuses.
func (c *Cafe) byPrices(ctx context.Context, reckon func(prices) (pricing.Bill, error)) (pricing.Bill, error) {
	asked := c.now()
	p, err := c.pricesSince(ctx, asked.Add(-menuAge))
	if err != nil {
		return pricing.Bill{}, err
	}
	bill, err := reckon(p)
	if err != nil {
		if p, menuErr := c.pricesSince(ctx, asked); menuErr == nil {
			bill, err = reckon(p)
		}
	}
	return bill, err
}

// honour returns what the quote of a draft says.
func (c *Cafe) honour(ctx context.Context, by Caller, draft model.Draft, visit pricing.Visit) (pricing.Bill, error) {
	if c.quoteKey == nil {
		return pricing.Bill{}, pricing.ErrQuoteAltered
	}
	quote, err := pricing.ReadQuote(c.quoteKey, draft.Quote)
	if err != nil {
		return pricing.Bill{}, err
	}
	t, err := c.tariff(ctx, quote.Pricing)
	if err != nil {
		return pricing.Bill{}, err
	}
	return quote.Bill(t, draft, by.name(), visit)
}

func (c *Cafe) visit(by Caller, now time.Time) pricing.Visit {
	return pricing.Visit{Role: by.Role, At: now, Calendar: c.Calendar, Dining: c.Dining}
}
