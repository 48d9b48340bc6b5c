// Package report is the café's day in figures: what sold, how it compares, what to
// bake next and what needs a look. It is pure: Build makes a Report of a day's ledger
// entries and the summaries of the days before, and the same input makes the same
// report, to the byte.
//
// A newcomer reads it in this order: report.go (what comes out), input.go (what goes
// in), build.go (the figures), bake.go (the bake list, which package forecast makes).
package report

import (
	"time"

	"cafe/model"
	"cafe/model/books"
)

// Report is one day's report. Its JSON is the contract's, field by field; the fields
// after needs_a_look are additions. No list is ever null; an empty Taxes is absent. Revenue and counts are of
// the orders that count, less refunds of the day; items and hours are before refunds. Money is in minor units of Currency.
type Report struct {
	Day       model.Day   `json:"day"`
	Revision  int         `json:"revision"`
	BuiltAt   Moment      `json:"built_at"`
	Partial   bool        `json:"partial"` // the day was not over
	Currency  string      `json:"currency"`
	Orders    int64       `json:"orders"`
	Revenue   model.Money `json:"revenue"`
	Average   model.Money `json:"average"` // an order's, rounded half up; 0 without orders
	Cancelled int64       `json:"cancelled"`

	// What the money is made of. All five are absent on a day without any tax, discount,
	// charge or tip. Net and the amounts of Taxes add up to Revenue.
	Net       model.Money `json:"net,omitempty"`       // Revenue without taxes
	Taxes     []books.Tax `json:"taxes,omitempty"`     // the highest rate first
	Discounts model.Money `json:"discounts,omitempty"` // what orders cost less; Revenue is without it
	Charges   model.Money `json:"charges,omitempty"`   // part of Revenue; without taxes that came on top
	Tips      model.Money `json:"tips,omitempty"`      // no part of Revenue

	// How the money came in, and what was given back or not earned. Each is absent when there
	// is nothing of it. The amounts of Tenders add up to Revenue and Tips.
	Tenders         []Tender    `json:"tenders,omitempty"`
	Refunds         model.Money `json:"refunds,omitempty"` // taken off Revenue already
	RefundsByReason []Refunds   `json:"refunds_by_reason,omitempty"`
	CancelledOrders []Cancelled `json:"cancelled_orders,omitempty"`
	PaidOnTabs      model.Money `json:"paid_on_tabs,omitempty"`  // by customers who owed it
	Tabs            *Tabs       `json:"tabs,omitempty"`          // when the report was made; absent when nobody owes, or it is not known
	Close           *Closed     `json:"close,omitempty"`         // of this day; absent while it is not closed
	EarlierClose    *Closed     `json:"earlier_close,omitempty"` // of the last open day before

	Items              []Item     `json:"items"` // most sold first
	Hours              []Hour     `json:"hours"` // those with orders, in the order of the business day
	Compared           Compared   `json:"compared"`
	Bake               []Bake     `json:"bake"` // for NextOpenDay; most to bake first
	YesterdaysForecast []Forecast `json:"yesterdays_forecast"`
	Pairs              []Pair     `json:"pairs"`
	NeedsALook         []string   `json:"needs_a_look"`

	NextOpenDay model.Day `json:"next_open_day"`
	KnownDays   int       `json:"known_days"`        // open days that the bake list rests on; 0: it says nothing
	SoldOut     []SoldOut `json:"sold_out"`          // what ran out and stayed so until closing, first gone first
	Changes     []string  `json:"changes"`           // since the revision before; empty for the first
	Trend       []Takings `json:"last_28_days"`      // this day last; begins at the first known day; closed days are 0
	Holiday     string    `json:"holiday,omitempty"` // the name of NextOpenDay, if it is one
	Model       string    `json:"model,omitempty"`   // what makes the bake list, in a few words

	PairOrders   int64 `json:"pair_orders,omitempty"`             // orders of the last four weeks, of which Pairs are
	Revised      bool  `json:"revised,omitempty"`                 // there was a revision before, and it was not partial
	OnTheWay     int64 `json:"on_the_way,omitempty"`              // orders of the day that were not in the books yet
	DaysOnTheWay int64 `json:"earlier_days_on_the_way,omitempty"` // earlier days with such orders
}

// Whole reports whether the books had every order when the report was made.
func (r Report) Whole() bool { return r.OnTheWay == 0 && r.DaysOnTheWay == 0 }

// Tabs are what customers owe.
type Tabs struct {
	Owed      model.Money `json:"owed"`
	Customers int64       `json:"customers"` // who owe it
}

// Item is what one item sold.
type Item struct {
	SKU      string      `json:"sku"`
	Name     string      `json:"name"`     // the SKU, when the menu no longer has it
	Category string      `json:"category"` // likewise empty
	Quantity int64       `json:"quantity"`
	Revenue  model.Money `json:"revenue"`
}

// Hour is what was sold while clocks in the café's zone showed that hour. The hour
// that a 25-hour day has twice is one row.
type Hour struct {
	Hour    int         `json:"hour"` // 0 to 23
	Orders  int64       `json:"orders"`
	Revenue model.Money `json:"revenue"`
}

// Compared holds what the day may be measured by. Either is null when none of the
// days it is made of is known to have had orders.
type Compared struct {
	LastWeek  *Level `json:"last_week"`  // the same weekday of the week before
	FourWeeks *Level `json:"four_weeks"` // the mean of the last four same weekdays, closed ones aside
}

// Level is what a day, or the mean of several, brought; rounded half up.
type Level struct {
	Orders  int64       `json:"orders"`
	Revenue model.Money `json:"revenue"`
	Days    int         `json:"days"` // how many days it is the mean of
}

// Bake is one counted item's line of the bake list.
type Bake struct {
	SKU      string `json:"sku"`
	Name     string `json:"name"`
	Expected int64  `json:"expected"` // the middle: as likely too few as too many
	Low      int64  `json:"low"`      // with High, a range around Expected
	High     int64  `json:"high"`     // meant to hold 80 of 100 days
	Bake     int64  `json:"bake"`     // the number to make, given what a lost sale and a leftover cost
	SoldOut  bool   `json:"sold_out"` // ran out on the report's day, so demand was not fully seen

	By    []Ready `json:"by,omitempty"`    // Bake, shared out over the bakes of the day
	Waste int64   `json:"waste,omitempty"` // units left over or spoiled on the report's day, as told

	// LastSold may be the report's own day. It is absent when no sale is known. If it is long ago, the item was off
	// the counter, and most likely stays off; WhenOn is what it should sell if not.
	LastSold model.Day `json:"last_sold,omitempty"`
	WhenOn   int64     `json:"when_on"`

	Doubt  string  `json:"doubt,omitempty"`           // why the numbers are a guess; absent: they are not
	Recent *Recent `json:"last_four_weeks,omitempty"` // how the item's forecast did; absent: not known
}

// Ready is one bake of the day: so many are ready at At, and last until Until. Both are
// times of the clock, "11:00".
type Ready struct {
	At    string `json:"at"`
	Until string `json:"until"`
	Bake  int64  `json:"bake"`
}

// Recent is how an item's forecast did in the last four weeks.
type Recent struct {
	Days   int     `json:"days"`   // on which the café was open and the item known
	Error  float64 `json:"error"`  // the mean of |expected - sold| in units, to one decimal
	Held   int     `json:"held"`   // days whose sales lay in the range
	Wasted int64   `json:"wasted"` // units left over or spoiled, as told
	Lost   int64   `json:"lost"`   // about how many more would have sold on days when it ran out
}

// Forecast is what an earlier report expected of this day, and what came.
type Forecast struct {
	SKU      string `json:"sku"`
	Name     string `json:"name"`
	Expected int64  `json:"expected"`
	Sold     int64  `json:"sold"`
	Low      int64  `json:"low"`
	High     int64  `json:"high"`
	Bake     int64  `json:"bake"`
	SoldOut  bool   `json:"sold_out"` // more might have sold
	// By is set while the day is not over: the bakes of the day, those to come revised by
	// what has sold so far.
	By []Ready `json:"by,omitempty"`
}

// Held reports whether what sold lay in the range.
func (f Forecast) Held() bool { return f.Low <= f.Sold && f.Sold <= f.High }

// Pair is two items that the same orders of the last four weeks bought more often than chance
// would have it.
type Pair struct {
	A      string  `json:"a"` // SKU; before B in the alphabet
	B      string  `json:"b"`
	NameA  string  `json:"a_name"`
	NameB  string  `json:"b_name"`
	Orders int64   `json:"orders"` // that had both
	Lift   float64 `json:"lift"`   // Orders over what independent choices would give; two decimals
	// AtLeast says that Orders may be too few: there were too many pairs to keep all.
	AtLeast bool `json:"at_least,omitempty"`
}

// SoldOut is an item that ran out.
type SoldOut struct {
	SKU    string `json:"sku"`
	Name   string `json:"name"`
	At     Moment `json:"at"`
	Missed int64  `json:"missed"` // about how many more would have sold; 0 while the day is not over
}

// Takings is what one day brought.
type Takings struct {
	Day     model.Day   `json:"day"`
	Orders  int64       `json:"orders"`
	Revenue model.Money `json:"revenue"`
}

// Moment is a time that JSON has as RFC 3339 in UTC with microseconds.
type Moment struct{ time.Time }

// MarshalJSON writes the contract's form of a time.
func (m Moment) MarshalJSON() ([]byte, error) {
	return []byte(m.UTC().Format(`"2006-01-02T15:04:05.000000Z"`)), nil
}
