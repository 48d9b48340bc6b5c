package settings

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"cafe/model"
)

const (
	// mostBakes is how many times a day a café may bake.
	mostBakes = 24
	// farthestAhead is how many days ahead closures by weekday are told. A report looks
	// 200 days ahead for the next open day, and no further.
	farthestAhead = 200
)

// Closed says when the café is closed, as CAFE_CLOSED has it.
type Closed struct {
	Weekdays [7]bool            // by time.Weekday
	Days     map[model.Day]bool // past and to come
}

// Closures returns the days on which the café is closed, with the reason, as the report of
// the given day needs them. Dates are past and to come. Weekdays are to come only: a
// weekday on which the café used to be open has taught what it sold then.
func (c Closed) Closures(day model.Day) map[model.Day]string {
	list := make(map[model.Day]string, len(c.Days))
	for d := range c.Days {
		list[d] = "closed"
	}
	for n := 1; n <= farthestAhead; n++ {
		if d := day.AddDays(n); c.Weekdays[d.Weekday()] {
			list[d] = "closed"
		}
	}
	return list
}

// bakes reads times of the clock, such as 07:00,11:00.
func (e *environment) bakes(name string) (list []time.Duration) {
	for _, word := range e.list(name, ",") {
		t, err := time.Parse("15:04", word)
		at := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
		switch {
		case err != nil:
			e.fail(name, fmt.Sprintf("has %.40q, which is not a time of day such as 07:00", word))
		case slices.Contains(list, at):
			e.fail(name, "has "+word+" twice")
		}
		list = append(list, at)
	}
	if len(list) > mostBakes {
		e.fail(name, fmt.Sprintf("has %d times; the most is %d", len(list), mostBakes))
	}
	return list
}

// weekdays are the days of the week as CAFE_CLOSED has them, by time.Weekday.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// closed reads weekdays, dates and spans of dates, such as sun,2026-12-25,2026-08-01..2026-08-14.
func (e *environment) closed(name string) (c Closed) {
	for _, word := range e.list(name, ",") {
		if i := slices.Index(weekdays, strings.ToLower(word)); i >= 0 {
			c.Weekdays[i] = true
			continue
		}
		from, to, span := strings.Cut(word, "..")
		first, err := model.ParseDay(from)
		last := first
		if span && err == nil {
			last, err = model.ParseDay(to)
		}
		switch {
		case err != nil:
			e.fail(name, fmt.Sprintf("has %.40q, which is not a weekday such as sun, a date such as 2026-12-25, or a span such as 2026-08-01..2026-08-14", word))
			return c
		case last < first || last.Since(first) > 366:
			e.fail(name, fmt.Sprintf("has %.40q; a span goes on for a day to a year", word))
			return c
		}
		for d := first; d <= last; d = d.AddDays(1) {
			if c.Days == nil {
				c.Days = map[model.Day]bool{}
			}
			c.Days[d] = true
		}
	}
	if c.Weekdays == [7]bool{true, true, true, true, true, true, true} {
		e.fail(name, "has all seven weekdays: the café would never be open")
	}
	return c
}

// holidays reads a list of days with names, such as 2026-12-25 Christmas Day;2026-12-26
// Boxing Day, or else the calendar file of that path, where files are read.
func (e *environment) holidays(name string) map[model.Day]string {
	value := e.getenv(name)
	if value == "" {
		return nil
	}
	if first, _, _ := strings.Cut(strings.TrimSpace(value), " "); len(first) == len(time.DateOnly) {
		if _, err := time.Parse(time.DateOnly, first); err == nil {
			return e.namedDays(name)
		}
	}
	if e.calendar == nil {
		e.fail(name, fmt.Sprintf("is %.40q, which is not a list such as 2026-12-25 Christmas Day;2026-12-26 Boxing Day", value))
		return nil
	}
	days, err := e.calendar(value)
	if err != nil {
		e.fail(name, err.Error())
	}
	return days
}

func (e *environment) namedDays(name string) map[model.Day]string {
	days := map[model.Day]string{}
	for i, entry := range e.list(name, ";") {
		date, called, _ := strings.Cut(entry, " ")
		day, err := model.ParseDay(date)
		called = strings.TrimSpace(called)
		switch _, twice := days[day]; {
		case err != nil:
			e.fail(name, fmt.Sprintf("entry %d: %.40q does not begin with a date such as 2026-12-25", i+1, entry))
		case called == "":
			e.fail(name, fmt.Sprintf("entry %d: %s has no name", i+1, day))
		case twice:
			e.fail(name, fmt.Sprintf("entry %d: %s is listed twice", i+1, day))
		}
		days[day] = called
	}
	return days
}

// list returns the words of a variable. Spaces around them, and empty words, do not matter.
func (e *environment) list(name, separator string) (words []string) {
	for word := range strings.SplitSeq(e.getenv(name), separator) {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words
}
