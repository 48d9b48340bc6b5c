// Package settings holds what one café decides for itself, such as its name, zone and
// currency. Lambda functions and the one process read it from the environment alike.
package settings

import (
	"fmt"
	"strconv"
	"time"

	"cafe/model"
	"cafe/model/till"
)

// Settings are what one café decides for itself.
type Settings struct {
	Name        string         // CAFE_NAME
	URL         string         // where clients reach the café; empty if not known. FromEnv leaves it empty
	Calendar    model.Calendar // CAFE_TIME_ZONE, CAFE_DAY_CUTOFF
	Currency    string         // CAFE_CURRENCY, ISO 4217
	Dining      model.Dining   // CAFE_DINING, of orders that do not say: eat_in or takeaway
	CreditLimit model.Money    // CAFE_CREDIT_LIMIT, minor units; for customers without one of their own
	StaffRefund model.Money    // CAFE_STAFF_REFUND, minor units; the most that staff may give back at once
	TaxNumber   string         // CAFE_TAX_NUMBER, for receipts; empty: none
	StaffClose  bool           // CAFE_STAFF_CLOSE: staff may close days, not only the owner
	ReportTime  time.Duration  // CAFE_REPORT_TIME, wall-clock time since midnight

	// DateOrder says what 03/04/2016 means in a till's file (CAFE_DATE_ORDER: day-first
	// or month-first). Without it such a date is rejected. A date that can be read in one
	// way only is always read.
	DateOrder till.DateOrder

	// Shards is how many partitions of the day index and the ledger new orders are
	// spread over (CAFE_SHARDS, 1 to 64). On DynamoDB one partition takes about 1,000
	// orders a second. It may be raised at any time. Never lower it: readers look at this
	// many partitions.
	Shards int64

	// What one lost sale costs, and one item left over (CAFE_LOST_SALE_COST,
	// CAFE_LEFTOVER_COST). Only their ratio counts, so any unit will do.
	LostSaleCost, LeftoverCost float64

	// What the bake list knows of the days. Bakes are the times of the clock at which the
	// café bakes, since midnight (CAFE_BAKES); without them the list does not say what must
	// be ready by when. Holidays are days that are not like others, with their names
	// (CAFE_HOLIDAYS). Closed is when the café is closed (CAFE_CLOSED).
	Bakes    []time.Duration
	Holidays map[model.Day]string
	Closed   Closed
}

// FromEnv reads the settings from environment variables. A variable that is not set has
// the contract's default. An error names the variable at fault.
//
// Functions on AWS take CAFE_HOLIDAYS as a list only. On one machine it may be a file, which
// the calendar reads.
func FromEnv(getenv func(string) string, calendar ...Calendar) (Settings, error) {
	e := environment{getenv: getenv}
	if len(calendar) > 0 {
		e.calendar = calendar[0]
	}
	s := Settings{
		Name:         e.text("CAFE_NAME", "Café"),
		Currency:     e.text("CAFE_CURRENCY", "GBP"),
		Dining:       model.Dining(e.text("CAFE_DINING", string(model.DiningTakeaway))),
		ReportTime:   e.clock("CAFE_REPORT_TIME", "20:00"),
		StaffClose:   e.flag("CAFE_STAFF_CLOSE"),
		CreditLimit:  model.Money(e.integer("CAFE_CREDIT_LIMIT", 10000, 0, int64(model.MaxAmount))),
		StaffRefund:  model.Money(e.integer("CAFE_STAFF_REFUND", 0, 0, int64(model.MaxAmount))),
		TaxNumber:    e.text("CAFE_TAX_NUMBER", ""),
		Shards:       e.integer("CAFE_SHARDS", 1, 1, 64),
		LostSaleCost: e.positive("CAFE_LOST_SALE_COST", 1),
		LeftoverCost: e.positive("CAFE_LEFTOVER_COST", 1),
		Bakes:        e.bakes("CAFE_BAKES"),
		Holidays:     e.holidays("CAFE_HOLIDAYS"),
		Closed:       e.closed("CAFE_CLOSED"),
	}
	s.Calendar.Cutoff = e.clock("CAFE_DAY_CUTOFF", "04:00")
	zone, err := time.LoadLocation(e.text("CAFE_TIME_ZONE", "Europe/London"))
	if err != nil {
		e.fail("CAFE_TIME_ZONE", "is not a zone such as Europe/London")
	}
	s.Calendar.Zone = zone
	switch order := e.text("CAFE_DATE_ORDER", ""); order {
	case "":
	case "day-first":
		s.DateOrder = till.DayFirst
	case "month-first":
		s.DateOrder = till.MonthFirst
	default:
		e.fail("CAFE_DATE_ORDER", "is not day-first or month-first")
	}
	if !s.Dining.Valid() {
		e.fail("CAFE_DINING", "is not eat_in or takeaway")
	}
	if _, err := model.Exponent(s.Currency); err != nil {
		e.fail("CAFE_CURRENCY", "is not an ISO 4217 code such as GBP")
	}
	return s, e.err
}

// ReportDue returns when the day's report is due: at ReportTime by the clock on the wall.
// When ReportTime is not after the day's cutoff, that is after midnight.
func (s Settings) ReportDue(day model.Day) time.Time {
	date := day
	if s.ReportTime <= s.Calendar.Cutoff {
		date = day.AddDays(1)
	}
	y, m, d := date.Date()
	return time.Date(y, m, d, 0, 0, int(s.ReportTime/time.Second), 0, s.Calendar.Zone)
}

// DueWithin reports whether the day's report is due within so long from now, or was due
// before.
func (s Settings) DueWithin(span time.Duration, day model.Day, now time.Time) bool {
	return now.Add(span).After(s.ReportDue(day))
}

// LastDue returns the last day whose report was due at or before the given time.
func (s Settings) LastDue(at time.Time) model.Day {
	day := s.Calendar.DayOf(at)
	if at.Before(s.ReportDue(day)) {
		day = day.AddDays(-1)
	}
	return day
}

// Shard returns the partition, from 0 to Shards-1, that an order or payment of this id
// belongs to (FNV-1a of the id).
func (s Settings) Shard(id string) int64 {
	if s.Shards <= 1 {
		return 0
	}
	h := uint64(14695981039346656037)
	for _, b := range []byte(id) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return int64(h % uint64(s.Shards))
}

// Calendar reads the holidays in a file.
type Calendar func(path string) (map[model.Day]string, error)

// environment reads variables and remembers the first that is at fault.
type environment struct {
	getenv   func(string) string
	calendar Calendar // nil: files are not read
	err      error
}

func (e *environment) fail(name, fault string) {
	if e.err == nil {
		e.err = fmt.Errorf("%s %s", name, fault)
	}
}

func (e *environment) text(name, standard string) string {
	if v := e.getenv(name); v != "" {
		return v
	}
	return standard
}

func (e *environment) flag(name string) bool {
	switch e.text(name, "false") {
	case "true":
		return true
	case "false":
	default:
		e.fail(name, "is not true or false")
	}
	return false
}

func (e *environment) integer(name string, standard, min, max int64) int64 {
	v := e.getenv(name)
	if v == "" {
		return standard
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < min || n > max {
		e.fail(name, fmt.Sprintf("is not a whole number from %d to %d", min, max))
	}
	return n
}

func (e *environment) positive(name string, standard float64) float64 {
	v := e.getenv(name)
	if v == "" {
		return standard
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || !(n > 0 && n < 1e12) {
		e.fail(name, "is not a number above 0")
	}
	return n
}

func (e *environment) clock(name, standard string) time.Duration {
	t, err := time.Parse("15:04", e.text(name, standard))
	if err != nil {
		e.fail(name, "is not a time of day such as 04:00")
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}
