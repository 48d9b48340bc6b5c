package cafe

import (
	"fmt"
	"strconv"
	"time"

	"cafe/model"
	"cafe/model/till"
)

// Settings are what one café decides for itself. SettingsFrom reads them from the
// environment, in Lambda and on one machine alike.
type Settings struct {
	Name        string         // CAFE_NAME
	Calendar    model.Calendar // CAFE_TIME_ZONE, CAFE_DAY_CUTOFF
	Currency    string         // CAFE_CURRENCY, ISO 4217
	CreditLimit model.Money    // CAFE_CREDIT_LIMIT, minor units; for customers without one of their own
	ReportTime  time.Duration  // CAFE_REPORT_TIME, wall-clock time since midnight

	// DateOrder is how the till, or the spreadsheet that its file was mended in, means
	// 03/04/2016 (CAFE_DATE_ORDER: day-first or month-first). Unless it is set, such
	// dates are rejected; those that can be read in one way never are.
	DateOrder till.DateOrder

	// Shards is over how many partitions new orders are spread in the day index and
	// the ledger (CAFE_SHARDS, 1 to 64). One partition takes about 1,000 orders a
	// second on DynamoDB. It may be raised at any time, and never lowered: readers
	// look at this many.
	Shards int64

	// What a sale lost for want of an item costs, and one left over, in any one unit
	// (CAFE_LOST_SALE_COST, CAFE_LEFTOVER_COST): only their ratio counts.
	LostSaleCost, LeftoverCost float64
}

// SettingsFrom reads the settings, with the defaults of the contract for what is not
// set. An error names the variable at fault.
func SettingsFrom(getenv func(string) string) (Settings, error) {
	e := environment{getenv: getenv}
	s := Settings{
		Name:         e.text("CAFE_NAME", "Café"),
		Currency:     e.text("CAFE_CURRENCY", "GBP"),
		ReportTime:   e.clock("CAFE_REPORT_TIME", "20:00"),
		CreditLimit:  model.Money(e.integer("CAFE_CREDIT_LIMIT", 10000, 0, int64(model.MaxAmount))),
		Shards:       e.integer("CAFE_SHARDS", 1, 1, 64),
		LostSaleCost: e.positive("CAFE_LOST_SALE_COST", 1),
		LeftoverCost: e.positive("CAFE_LEFTOVER_COST", 1),
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
	if _, err := model.Exponent(s.Currency); err != nil {
		e.fail("CAFE_CURRENCY", "is not an ISO 4217 code such as GBP")
	}
	return s, e.err
}

// ReportDue returns when the day's report is due: at ReportTime by the clock on the
// wall, after midnight when that is before the day turns or just then.
func (s Settings) ReportDue(day model.Day) time.Time {
	date := day
	if s.ReportTime <= s.Calendar.Cutoff {
		date = day.AddDays(1)
	}
	y, m, d := date.Date()
	return time.Date(y, m, d, 0, 0, int(s.ReportTime/time.Second), 0, s.Calendar.Zone)
}

// environment reads variables and remembers the first that is at fault.
type environment struct {
	getenv func(string) string
	err    error
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
