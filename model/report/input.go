package report

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"cafe/model"
)

// HistoryDays is how many days before the report's Build looks at: twelve weeks. Older
// summaries need not be read.
const HistoryDays = 84

// Input is all that a report is made of.
type Input struct {
	Day      model.Day
	Revision int
	BuiltAt  time.Time
	Partial  bool // the day is not over: its sales so far say nothing about demand
	Calendar model.Calendar
	Currency string

	Menu    model.Menu           // as it is now, inactive items too
	Entries []model.Entry        // the day's, in any order; payments and deleted orders are passed over
	SoldOut map[string]time.Time // by SKU: when the shelf last became empty, if it stayed so
	History []Summary            // days before this one, in any order; closed days may be absent
	Earlier *Report              // the newest kept report of the last day before this one; nil: none
	Before  *Report              // this day's revision before this; nil: none
	Facts   Facts

	// What a sale lost costs, and one left over, in any one unit: only their ratio
	// counts. Both zero means equal.
	LostSale, Leftover float64
}

// Summary is what later reports need to know of a day: keep one per business day
// that has orders, made anew whenever the day's ledger changes.
type Summary struct {
	Day       model.Day
	Orders    int64 // that count
	Revenue   model.Money
	Cancelled int64            // cancelled or refunded
	Sold      map[string]int64 // of counted items, by SKU; absent: none
	// SoldOut holds, by SKU, how many of 1,000 of the day's orders had been placed
	// when the item ran out for the day. So much of the day's demand was seen.
	SoldOut map[string]int64
}

// Open tells whether the day had any order, though it be cancelled later.
func (s Summary) Open() bool { return s.Orders+s.Cancelled > 0 }

// Facts are what the report's NeedsALook tells of, besides the sales.
type Facts struct {
	RejectedImports   []RejectedImport
	DeadLetters       int64    // change records that no handler could take
	Drifted           int64    // customers whose totals are not those of their orders
	UndeliveredAlerts int64    // alerts made and not yet published
	Unconfirmed       []string // addresses that have not confirmed their subscription
	More              []string // anything else, in sentences
}

// RejectedImport is an import that left orders or items out.
type RejectedImport struct {
	Name     string // the file's
	Rejected int64
}

// Summarise makes the day's summary of its entries, given the menu and when items
// ran out (as in Input). model.ErrOverflow: the day's revenue does not fit.
func Summarise(day model.Day, menu model.Menu, entries []model.Entry, soldOut map[string]time.Time) (Summary, error) {
	s := Summary{Day: day, Sold: map[string]int64{}, SoldOut: map[string]int64{}}
	for _, e := range entries {
		switch {
		case e.Kind != model.EntryOrder || e.Deleted:
			continue
		case !e.Counts():
			s.Cancelled++
			continue
		}
		revenue, err := s.Revenue.Add(e.Revenue)
		if err != nil {
			return Summary{}, fmt.Errorf("revenue of %s: %w", day, err)
		}
		s.Orders, s.Revenue = s.Orders+1, revenue
		for _, item := range e.Items {
			if menu[item.SKU].Counted {
				s.Sold[item.SKU] += item.Quantity
			}
		}
	}
	for sku, at := range soldOut {
		var seen int64
		for _, e := range entries {
			if e.Counts() && !e.At.Truncate(time.Second).After(at) { // at may be rounded down
				seen++
			}
		}
		if s.Orders > 0 {
			s.SoldOut[sku] = seen * 1000 / s.Orders
		}
	}
	return s, nil
}

// past is the days before and up to the report's: the rows of those known, and from
// when to when a day without a row was a closed one.
type past struct {
	rows        []Summary // by day, each once
	first, last model.Day
}

// newPast takes the summaries of the HistoryDays before the day. Of several of one
// day the last counts.
func newPast(history []Summary, day model.Day) past {
	from := day.AddDays(-HistoryDays)
	var rows []Summary
	for _, s := range history {
		if from <= s.Day && s.Day < day {
			rows = append(rows, s)
		}
	}
	sort.SliceStable(rows, func(i, j int) bool { return rows[i].Day < rows[j].Day })
	slices.Reverse(rows)
	rows = slices.CompactFunc(rows, func(a, b Summary) bool { return a.Day == b.Day })
	slices.Reverse(rows)
	p := past{rows: rows, first: day, last: day.AddDays(-1)}
	if len(rows) > 0 {
		p.first = rows[0].Day
	}
	return p
}

// with is the past with one more day, the next after all it holds.
func (p past) with(s Summary) past {
	return past{rows: append(slices.Clip(p.rows), s), first: p.first, last: s.Day}
}

// on returns the day's summary; one of a day without a row has no orders.
func (p past) on(d model.Day) Summary {
	i := sort.Search(len(p.rows), func(i int) bool { return p.rows[i].Day >= d })
	if i < len(p.rows) && p.rows[i].Day == d {
		return p.rows[i]
	}
	return Summary{Day: d}
}

// nextOpen returns the first day after the given one on whose weekday the café was
// open at least once in the last four weeks, or whose weekday is not known yet. If
// nothing was open for so long, that is the very next day.
func (p past) nextOpen(day model.Day) model.Day {
	for n := 1; n <= 7; n++ {
		next, known := day.AddDays(n), false
		for week := 1; week <= 4; week++ {
			d := next.AddDays(-7 * week)
			if d < p.first || d > p.last {
				continue
			}
			if known = true; p.on(d).Open() {
				return next
			}
		}
		if !known {
			return next
		}
	}
	return day.AddDays(1)
}
