// Package holidays reads days that are not like others from a calendar file: iCalendar
// (RFC 5545), as governments and calendar programs hand out public holidays.
//
// It reads what such files hold: events of whole days, or of the days that a time names;
// SUMMARY, DTSTART, DTEND or DURATION in days and weeks, RRULE with FREQ=YEARLY (by date, or by weekday of a
// month), RDATE, EXDATE, and STATUS:CANCELLED. It refuses what it cannot follow, with the
// line, so that no holiday is lost in silence. A library for all of iCalendar
// (emersion/go-ical with teambition/rrule-go) is 230 KB in a function that has 32 to spare.
package holidays

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cafe/model"
)

// LongestEvent is how many days one event may last: school holidays fit.
const LongestEvent = 100

// Error says which line of a calendar cannot be followed, and why.
type Error struct {
	Line   int // of the file, from 1
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// Parse returns the names of a calendar's days from one day to another, both included. Of
// several events on a day the first in the file gives the name. An event without a name
// is "Holiday". Errors are *Error.
func Parse(calendar string, from, to model.Day) (map[model.Day]string, error) {
	days := map[model.Day]string{}
	var open []string // the components that are open, outermost first
	var e event
	var began bool
	for _, l := range unfolded(calendar) {
		p, err := l.property()
		if err != nil {
			return nil, err
		}
		began = began || p.name == "BEGIN" && strings.EqualFold(p.value, "VCALENDAR")
		switch {
		case !began:
			return nil, &Error{l.number, "this is not the beginning of an iCalendar file (BEGIN:VCALENDAR)"}
		case p.name == "BEGIN":
			open = append(open, strings.ToUpper(p.value))
			if len(open) == 2 {
				e = event{line: l.number}
			}
		case p.name == "END":
			if len(open) == 0 || open[len(open)-1] != strings.ToUpper(p.value) {
				return nil, &Error{l.number, "END:" + p.value + " ends nothing that is open"}
			}
			if len(open) == 2 && open[1] == "VEVENT" {
				if err := e.mark(days, from, to); err != nil {
					return nil, err
				}
			}
			open = open[:len(open)-1]
		case len(open) == 2 && open[1] == "VEVENT":
			if err := e.read(p); err != nil {
				return nil, err
			}
		}
	}
	if !began {
		return nil, &Error{1, "the calendar is empty"}
	}
	if len(open) > 0 {
		return nil, &Error{strings.Count(calendar, "\n") + 1, open[len(open)-1] + " has no end: the file is cut off"}
	}
	return days, nil
}

// line is a content line, put together from those it was folded to.
type line struct {
	number int
	text   string
}

func unfolded(calendar string) (list []line) {
	calendar = strings.TrimPrefix(calendar, "\ufeff")
	for i, text := range strings.Split(strings.ReplaceAll(calendar, "\r\n", "\n"), "\n") {
		switch {
		case text == "":
		case (text[0] == ' ' || text[0] == '\t') && len(list) > 0:
			list[len(list)-1].text += text[1:]
		default:
			list = append(list, line{i + 1, text})
		}
	}
	return list
}

// property is a line taken apart. Its parameters do not matter to days.
type property struct {
	line        int
	name, value string
}

func (l line) property() (property, error) {
	quoted := false
	for i, c := range l.text {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ':' && !quoted:
			name, _, _ := strings.Cut(l.text[:i], ";")
			return property{l.number, strings.ToUpper(strings.TrimSpace(name)), strings.TrimSpace(l.text[i+1:])}, nil
		}
	}
	return property{}, &Error{l.number, fmt.Sprintf("%.40q has no colon between name and value", l.text)}
}

// event is a VEVENT.
type event struct {
	line       int
	name       string
	start, end model.Day // end is the first day after; empty: one day
	lasts      int       // by DURATION; 0: not said
	rule       *yearly
	more, not  map[model.Day]bool // RDATE and EXDATE
	cancelled  bool
}

func (e *event) read(p property) (err error) {
	switch p.name {
	case "SUMMARY":
		e.name = plain(p.value)
	case "STATUS":
		e.cancelled = strings.EqualFold(p.value, "CANCELLED")
	case "DTSTART":
		e.start, err = dayOf(p.value)
	case "DTEND":
		if e.end, err = dayOf(p.value); err == nil && strings.Contains(p.value, "T") && !strings.Contains(p.value, "T000000") {
			e.end = e.end.AddDays(1) // it ends within that day
		}
	case "DURATION":
		e.lasts, err = daysOf(p.value)
	case "RDATE":
		e.more, err = listOf(e.more, p.value)
	case "EXDATE":
		e.not, err = listOf(e.not, p.value)
	case "RRULE":
		e.rule, err = ruleOf(p.value)
	}
	if err != nil {
		return &Error{p.line, p.name + ": " + err.Error()}
	}
	return nil
}

// mark puts the event's name on its days.
func (e *event) mark(days map[model.Day]string, from, to model.Day) error {
	switch {
	case e.cancelled:
		return nil
	case e.start == "":
		return &Error{e.line, "the event has no DTSTART"}
	}
	lasts := max(e.lasts, 1)
	if e.end != "" {
		lasts = max(e.end.Since(e.start), 1)
	}
	if lasts > LongestEvent {
		return &Error{e.line, fmt.Sprintf("the event lasts %d days; the most is %d", lasts, LongestEvent)}
	}
	name := e.name
	if name == "" {
		name = "Holiday"
	}
	put := func(first model.Day) {
		if e.not[first] {
			return
		}
		for n := range lasts {
			d := first.AddDays(n)
			if _, taken := days[d]; !taken && from <= d && d <= to {
				days[d] = name
			}
		}
	}
	put(e.start)
	for d := range e.more {
		put(d)
	}
	if e.rule != nil {
		for _, d := range e.rule.days(e.start, to) {
			put(d)
		}
	}
	return nil
}

// dayOf reads a date, or the date of a time as it is written: a holiday is a day of the
// café's own calendar, whatever zone a program wrote it in.
func dayOf(value string) (model.Day, error) {
	date, _, _ := strings.Cut(value, "T")
	t, err := time.Parse("20060102", date)
	if err != nil {
		return "", fmt.Errorf("%.20q is not a date such as 20251225", value)
	}
	return model.Day(t.Format(time.DateOnly)), nil
}

func listOf(list map[model.Day]bool, value string) (map[model.Day]bool, error) {
	if list == nil {
		list = map[model.Day]bool{}
	}
	for _, v := range strings.Split(value, ",") {
		v, _, _ = strings.Cut(v, "/") // of a period, where it begins
		d, err := dayOf(v)
		if err != nil {
			return nil, err
		}
		list[d] = true
	}
	return list, nil
}

// daysOf reads a DURATION. Hours count as the day they are in.
func daysOf(value string) (int, error) {
	rest, isDuration := strings.CutPrefix(strings.TrimPrefix(value, "+"), "P")
	date, clock, _ := strings.Cut(rest, "T")
	n := 0
	for _, unit := range []struct {
		letter string
		days   int
	}{{"W", 7}, {"D", 1}} {
		if number, after, found := strings.Cut(date, unit.letter); found {
			count, err := strconv.Atoi(number)
			if err != nil || count < 0 || count > LongestEvent {
				isDuration = false
			}
			n, date = n+count*unit.days, after
		}
	}
	if !isDuration || date != "" || n == 0 && clock == "" {
		return 0, fmt.Errorf("%.20q is not a length such as P1D", value)
	}
	return max(n, 1), nil
}

// plain takes the escapes out of a text.
func plain(s string) string {
	s = strings.NewReplacer(`\\`, `\`, `\;`, ";", `\,`, ",", `\n`, " ", `\N`, " ").Replace(s)
	return strings.Join(strings.Fields(s), " ")
}

var errRule = errors.New("only rules that repeat yearly, by date or by the weekday of a month, are read; list other days one by one")
