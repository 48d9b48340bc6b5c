package report

import (
	"fmt"
	"sort"
	"time"

	"cafe/model"
	"cafe/model/books"
	"cafe/model/forecast"
)

// HistoryDays is how many days before the report's a café reads for it: half a year. Build
// takes up to forecast.MostDays, and more of them make a better bake list; docs/forecast.md
// has by how much.
const HistoryDays = 182

// Input is all that a report is made of.
type Input struct {
	Day      model.Day
	Revision int
	BuiltAt  time.Time
	Partial  bool // the day is not over: its sales so far say nothing about demand
	Calendar model.Calendar
	Currency string

	Menu    model.Menu                 // as it is now, inactive items too
	Entries []model.Entry              // the day's, in any order; payments and deleted orders are passed over
	Taxes   map[books.TaxKey]model.Tax // names and rates of the taxes in Entries; one that is absent goes by its id
	SoldOut map[string]time.Time       // by SKU: when the shelf last became empty, if it stayed so
	Waste   map[string]int64           // by SKU: units of the day that were left over or spoiled
	Outage  bool                       // the till was down for much of the day: it teaches nothing
	History []Summary                  // days before this one, in any order; closed days may be absent

	Baskets Baskets // of the PairDays-1 days before, added up

	// OnTheWay is how many orders of the day were written and are not among the entries yet.
	// DaysOnTheWay is of how many days of the history that is so. Follows says that a new
	// revision will be made by itself once they are in.
	OnTheWay, DaysOnTheWay int64
	Follows                bool

	Tabs *Tabs // what customers owe now; nil: nothing, or it is not known

	// Close is the day's close, and EarlierClose that of the last open day before; nil: it is
	// not closed. NotClosed are earlier days with orders that nobody closed, though the café
	// closes its days.
	Close, EarlierClose *Closed
	NotClosed           []model.Day

	Earlier *Report // the newest kept report of the last day before this one; nil: none
	Before  *Report // this day's revision before this; nil: none
	Facts   Facts

	// Holidays are days that are not like others, past and to come, with their names.
	// The same name in another year is the same holiday. May be nil.
	Holidays forecast.Holidays
	// Closures are days on which the café is closed against its habit, past and to come,
	// with the reason. They are neither demand nor forecast. May be nil.
	Closures map[model.Day]string

	// Bakes are the times of the clock at which the café bakes, since midnight. Without
	// them the bake list does not say what must be ready by when.
	Bakes []time.Duration
	// Hours is how the items' sales spread over the day, as learnt up to the day before.
	// Keep it with the newest day: Hours.With(SoldByHour(…)) adds a day. Nil: not known.
	Hours forecast.Hours

	// What a sale lost costs, and one left over, in any one unit: only their ratio
	// counts. Both zero means equal.
	LostSale, Leftover float64
}

// costs are those of the forecast.
func (in *Input) costs() forecast.Costs {
	return forecast.Costs{LostSale: in.LostSale, Leftover: in.Leftover}
}

// Summary is what later reports need to know of a day: keep one per business day
// that has orders, made anew whenever the day's ledger changes.
type Summary struct {
	Day       model.Day
	Orders    int64            // that count
	Revenue   model.Money      // less what was given back on the day
	Cancelled int64            // cancelled or refunded
	Sold      map[string]int64 // of counted items, by SKU; absent: none
	// SoldOut holds, by SKU, how many of 1,000 of the day's orders had been placed
	// when the item ran out for the day. So much of the day's demand was seen.
	SoldOut map[string]int64
	Waste   map[string]int64 // by SKU: units left over or spoiled; absent: none was told
	Closed  bool             // the café says it was closed, though there may be orders
	Outage  bool             // the till was down for much of the day
}

// Open reports whether the day had any order, even one that was cancelled later, and the
// café does not say that it was closed.
func (s Summary) Open() bool { return s.Orders+s.Cancelled > 0 && !s.Closed }

// ForecastDay returns what the forecast learns of the day.
func (s Summary) ForecastDay() forecast.Day {
	return forecast.Day{
		Day: s.Day, Closed: !s.Open(), Outage: s.Outage, Revenue: int64(s.Revenue),
		Sold: s.Sold, SoldOut: s.SoldOut, Waste: s.Waste,
	}
}

// Facts are what NeedsALook names besides the sales.
type Facts struct {
	RejectedImports   []RejectedImport
	DeadLetters       int64    // change records that no handler could take
	DeadUploads       int64    // uploads that could not be imported
	DeadMessages      int64    // alerts, mails and wishes for mail that could not be sent
	DeadWebhooks      int64    // endpoints of webhooks that have not taken an event for days
	Drifted           int64    // customers whose totals are not those of their orders
	UndeliveredAlerts int64    // alerts made and not yet published
	Unconfirmed       []string // addresses that have not confirmed their subscription
	More              []string // anything else, in sentences
}

// RejectedImport is an import that left orders or items out.
type RejectedImport struct {
	Name     string // the file's
	Rejected int64
	Fetch    string // the command that fetches what was left out
}

// Summarise makes the day's summary of its entries, given the menu and when items
// ran out (as in *Input). model.ErrOverflow: the day's revenue does not fit.
func Summarise(day model.Day, menu model.Menu, entries []model.Entry, soldOut map[string]time.Time) (Summary, error) {
	s := Summary{Day: day, Sold: map[string]int64{}, SoldOut: map[string]int64{}}
	for _, e := range entries {
		if e.Kind != model.EntryOrder || e.Deleted {
			continue
		}
		revenue, err := s.Revenue.Add(e.Revenue)
		if err != nil {
			return Summary{}, fmt.Errorf("revenue of %s: %w", day, err)
		}
		s.Revenue = revenue
		switch {
		case e.NoSale || e.IsReturn():
		case !e.Counts():
			s.Cancelled++
		default:
			s.Orders++
			for _, item := range e.Items {
				if menu[item.SKU].Counted {
					s.Sold[item.SKU] += item.Quantity
				}
			}
		}
	}
	for sku, at := range soldOut {
		var seen int64
		for _, e := range entries {
			if e.IsSale() && !e.At.Truncate(time.Second).After(at) { // at may be rounded down
				seen++
			}
		}
		if s.Orders > 0 {
			s.SoldOut[sku] = seen * 1000 / s.Orders
		}
	}
	return s, nil
}

// past is what is known of the days up to the report's.
type past struct {
	rows        []Summary // by day, each once
	first, last model.Day // a day between them without a row was a closed one
}

// newPast takes the summaries of the forecast.MostDays before the day. Of several
// summaries of one day the last one counts. A closure makes its day a closed one.
func newPast(history []Summary, day model.Day, closures map[model.Day]string) past {
	from := day.AddDays(-forecast.MostDays)
	var all []Summary
	for _, s := range history {
		if from <= s.Day && s.Day < day {
			if _, closed := closures[s.Day]; closed {
				s.Closed = true
			}
			all = append(all, s)
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Day < all[j].Day })
	rows := all[:0]
	for i, s := range all {
		if i == len(all)-1 || all[i+1].Day != s.Day {
			rows = append(rows, s)
		}
	}
	p := past{rows: rows, first: day, last: day.AddDays(-1)}
	if len(rows) > 0 {
		p.first = rows[0].Day
	}
	return p
}

// with returns the past with one more day, the next after all it holds.
func (p past) with(s Summary) past {
	return past{rows: append(p.rows[:len(p.rows):len(p.rows)], s), first: p.first, last: s.Day}
}

// on returns the day's summary; one of a day without a row has no orders.
func (p past) on(d model.Day) Summary {
	i := sort.Search(len(p.rows), func(i int) bool { return p.rows[i].Day >= d })
	if i < len(p.rows) && p.rows[i].Day == d {
		return p.rows[i]
	}
	return Summary{Day: d}
}

// lastSold returns the last day on which the item was sold, that of the report included;
// empty: on none.
func (p past) lastSold(sku string) model.Day {
	for i := len(p.rows) - 1; i >= 0; i-- {
		if p.rows[i].Sold[sku] > 0 {
			return p.rows[i].Day
		}
	}
	return ""
}
