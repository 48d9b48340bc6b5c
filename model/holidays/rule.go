package holidays

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"cafe/model"
)

// yearly is an RRULE with FREQ=YEARLY.
type yearly struct {
	every   int          // years
	until   model.Day    // the last day; empty: for ever
	count   int          // days in all, the first included; 0: no end
	months  []time.Month // empty: the first day's
	dates   []int        // of the month, from its end if negative; empty: the first day's
	byDay   bool         // by weekday in place of dates
	nth     int          // which such weekday of the month, from its end if negative
	weekday time.Weekday
}

var weekdays = map[string]time.Weekday{
	"SU": time.Sunday, "MO": time.Monday, "TU": time.Tuesday, "WE": time.Wednesday,
	"TH": time.Thursday, "FR": time.Friday, "SA": time.Saturday,
}

func ruleOf(value string) (*yearly, error) {
	r := &yearly{every: 1}
	freq := ""
	for _, part := range strings.Split(strings.ToUpper(value), ";") {
		key, v, _ := strings.Cut(part, "=")
		var err error
		switch key {
		case "":
		case "FREQ":
			freq = v
		case "INTERVAL":
			if r.every, err = strconv.Atoi(v); r.every < 1 {
				return nil, errRule
			}
		case "COUNT":
			if r.count, err = strconv.Atoi(v); r.count < 1 {
				return nil, errRule
			}
		case "UNTIL":
			r.until, err = dayOf(v)
		case "BYMONTH":
			var months []int
			if months, err = numbers(v, 1, 12); err == nil {
				for _, m := range months {
					r.months = append(r.months, time.Month(m))
				}
			}
		case "BYMONTHDAY":
			r.dates, err = numbers(v, -31, 31)
		case "BYDAY":
			err = r.readWeekday(v)
		case "WKST": // it matters to weeks only
		default:
			return nil, errRule
		}
		if err != nil {
			return nil, err
		}
	}
	if freq != "YEARLY" || r.byDay && (len(r.months) == 0 || len(r.dates) > 0) {
		return nil, errRule
	}
	return r, nil
}

func (r *yearly) readWeekday(v string) error {
	if len(v) < 3 {
		return errRule
	}
	weekday, known := weekdays[v[len(v)-2:]]
	nth, err := strconv.Atoi(v[:len(v)-2])
	if err != nil || !known || nth == 0 || nth < -5 || nth > 5 {
		return errRule
	}
	r.byDay, r.nth, r.weekday = true, nth, weekday
	return nil
}

func numbers(v string, low, high int) (list []int, err error) {
	for _, s := range strings.Split(v, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < low || n > high || n == 0 {
			return nil, errRule
		}
		list = append(list, n)
	}
	return list, nil
}

// days returns the rule's days from the first to another. A date that a year does not
// have (29 February) is left out of that year.
func (r *yearly) days(start, to model.Day) (list []model.Day) {
	year, month, date := start.Date()
	last, _, _ := to.Date()
	months, dates := r.months, r.dates
	if len(months) == 0 {
		months = []time.Month{month}
	}
	if len(dates) == 0 {
		dates = []int{date}
	}
	for y := year; y <= last; y += r.every {
		var found []model.Day
		for _, m := range months {
			if r.byDay {
				found = append(found, nthWeekday(y, m, r.nth, r.weekday)...)
				continue
			}
			for _, d := range dates {
				found = append(found, dateOf(y, m, d)...)
			}
		}
		slices.Sort(found)
		for _, d := range found {
			switch {
			case d < start:
				continue
			case d > to, r.until != "" && d > r.until, r.count > 0 && len(list) == r.count:
				return list
			}
			list = append(list, d)
		}
	}
	return list
}

// dateOf returns a date of a month, counted from its end if it is negative; none if the
// month has no such date.
func dateOf(y int, m time.Month, date int) []model.Day {
	if date < 0 {
		date += time.Date(y, m+1, 0, 0, 0, 0, 0, time.UTC).Day() + 1
	}
	t := time.Date(y, m, date, 0, 0, 0, 0, time.UTC)
	if date < 1 || t.Month() != m {
		return nil
	}
	return []model.Day{model.Day(t.Format(time.DateOnly))}
}

func nthWeekday(y int, m time.Month, nth int, weekday time.Weekday) []model.Day {
	first := time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	date := 1 + (int(weekday-first.Weekday())+7)%7 + 7*(nth-1)
	if nth < 0 {
		last := time.Date(y, m+1, 0, 0, 0, 0, 0, time.UTC)
		date = last.Day() - (int(last.Weekday()-weekday)+7)%7 + 7*(nth+1)
	}
	return dateOf(y, m, max(date, 0))
}
