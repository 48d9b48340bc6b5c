package model

import (
	"fmt"
	"time"
)

// Day is a business day, such as "2017-03-18". It is the date on which the day begins in the
// café's time zone. Days compare and sort as strings.
type Day string

// ParseDay parses a date in the form YYYY-MM-DD. A date that does not exist, such as
// 2017-02-29, is an error.
func ParseDay(s string) (Day, error) {
	if _, err := time.Parse(time.DateOnly, s); err != nil || len(s) != len(time.DateOnly) {
		return "", fmt.Errorf("%q is not a date such as 2017-03-18", s)
	}
	return Day(s), nil
}

// AddDays returns the day n days later, or earlier if n is negative.
func (d Day) AddDays(n int) Day {
	return Day(d.date().AddDate(0, 0, n).Format(time.DateOnly))
}

// Weekday returns the day of the week.
func (d Day) Weekday() time.Weekday { return d.date().Weekday() }

// Since returns the number of days from the day from to d. It is 1 if d is the day after.
func (d Day) Since(from Day) int { return int(d.date().Sub(from.date()).Hours() / 24) }

// Format returns the day in a layout of package time.
func (d Day) Format(layout string) string { return d.date().Format(layout) }

// Date returns the year, the month and the day of the month.
func (d Day) Date() (year int, month time.Month, day int) { return d.date().Date() }

func (d Day) date() time.Time {
	t, _ := time.Parse(time.DateOnly, string(d))
	return t
}

// Calendar divides time into business days. A day begins at Cutoff, in wall-clock time in
// Zone. So guests after midnight still belong to the evening before.
type Calendar struct {
	Zone   *time.Location
	Cutoff time.Duration // since midnight, below 24 hours
}

// DayOf returns the business day of a time. It uses wall-clock time, so it is right on days
// of 23 and 25 hours too.
func (c Calendar) DayOf(t time.Time) Day {
	local := t.In(c.Zone)
	clock := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute +
		time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	day := Day(local.Format(time.DateOnly))
	if clock < c.Cutoff {
		return day.AddDays(-1)
	}
	return day
}

// Bounds returns the first moment of the day and the first moment of the next day.
func (c Calendar) Bounds(d Day) (start, end time.Time) {
	at := func(d Day) time.Time {
		year, month, day := d.Date()
		return time.Date(year, month, day, 0, 0, int(c.Cutoff/time.Second), 0, c.Zone)
	}
	return at(d), at(d.AddDays(1))
}
