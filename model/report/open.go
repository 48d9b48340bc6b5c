package report

import (
	"time"

	"cafe/model"
)

// nextOpen returns the first day after the given one on which the café should be open: no
// closure, a weekday on which it opens, and no holiday if it stays closed on holidays. If
// nothing was open in the last four weeks, that is the first day without a closure.
func (p past) nextOpen(day model.Day, in *Input) model.Day {
	const farthest = 200 // days: the longest closure that is planned for
	var first model.Day
	closedOnHolidays := p.closedOnHolidays(in)
	for n := 1; n <= farthest; n++ {
		next := day.AddDays(n)
		if _, closed := in.Closures[next]; closed {
			continue
		}
		if first == "" {
			first = next
		}
		if _, holiday := in.Holidays[next]; holiday && closedOnHolidays {
			continue
		}
		if p.opensOn(next.Weekday(), in) {
			return next
		}
		if next.Since(first) >= 7 {
			break
		}
	}
	if first == "" {
		return day.AddDays(1)
	}
	return first
}

// opensOn reports whether the café was open on the weekday at least once in the four weeks up
// to its last open day. What it did before a long pause is what it is expected to do after
// it. Closures and holidays say nothing about a weekday. A weekday of which nothing is known
// counts as open.
func (p past) opensOn(weekday time.Weekday, in *Input) bool {
	known, last := false, p.lastOpen()
	for ago := range 28 {
		d := last.AddDays(-ago)
		if d < p.first {
			break
		}
		if d.Weekday() != weekday {
			continue
		}
		if p.on(d).Open() {
			return true
		}
		_, closure := in.Closures[d]
		_, holiday := in.Holidays[d]
		known = known || !closure && !holiday
	}
	return !known
}

// lastOpen returns the last day on which the café was open; without one, the last day.
func (p past) lastOpen() model.Day {
	for i := len(p.rows) - 1; i >= 0; i-- {
		if p.rows[i].Open() {
			return p.rows[i].Day
		}
	}
	return p.last
}

// closedOnHolidays reports whether the café was closed on all of the holidays known, two
// of them or more.
func (p past) closedOnHolidays(in *Input) bool {
	closed := 0
	for d := range in.Holidays {
		if d < p.first || d > p.last {
			continue
		}
		if p.on(d).Open() {
			return false
		}
		if p.opensOn(d.Weekday(), in) {
			closed++
		}
	}
	return closed >= 2
}
