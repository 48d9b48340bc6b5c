package parse

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// DateOrder says how to read a date such as 03/04/2016.
type DateOrder int

// The orders of a date. A date that could be read in two ways is refused, unless the
// café has said which way is its till's (CAFE_DATE_ORDER).
const (
	YearFirst  DateOrder = iota // only dates that can be read in one way
	DayFirst                    // 3 April
	MonthFirst                  // March 4
)

// The years that a sale may be of. Others are slips of the pen.
const firstYear, lastYear = 1970, 2999

// Date is a day of the calendar.
type Date struct {
	year  int
	month time.Month
	day   int
}

// String writes the date as 2016-10-30.
func (d Date) String() string {
	b := make([]byte, 0, len(time.DateOnly))
	for _, part := range [...]struct {
		n   int
		sep string
	}{{d.year, "-"}, {int(d.month), "-"}, {d.day, ""}} {
		if part.n < 10 {
			b = append(b, '0')
		}
		b = strconv.AppendInt(b, int64(part.n), 10)
		b = append(b, part.sep...)
	}
	return string(b)
}

var errDate = errors.New("is not a date such as 2016-10-30")

// namedMonths are the ways to write a date with the month's name. time.Parse does not
// mind its case.
var namedMonths = []string{
	"2 Jan 2006", "2 January 2006", "2-Jan-2006", "2/Jan/2006", "2Jan2006", "Jan 2, 2006", "January 2, 2006", "2006-Jan-2", "2-Jan-06",
}

// midnights are what spreadsheets and databases put behind a date that has no time.
var midnights = []string{"00:00:00.000", "00:00:00", "00:00", "0:00"}

// ParseDate reads a date as tills write it.
func ParseDate(s string, order DateOrder) (Date, error) {
	for _, midnight := range midnights {
		if day, ok := strings.CutSuffix(s, midnight); ok && day != "" && (day[len(day)-1] == ' ' || day[len(day)-1] == 'T') {
			s = strings.TrimRight(day[:len(day)-1], " ")
			break
		}
	}
	if len(s) == 8 && isNumber(s) {
		return newDate(s[:4], s[4:6], s[6:])
	}
	sep := strings.IndexAny(s, "-/.")
	if sep < 0 || !isNumber(s[:sep]) {
		return dateByName(s)
	}
	b, c, ok := strings.Cut(s[sep+1:], s[sep:sep+1])
	a := s[:sep]
	switch {
	case !ok || !isNumber(b) || !isNumber(c):
		return dateByName(s)
	case len(a) == 4:
		return newDate(a, b, c)
	case len(c) == 2 && len(a) <= 2 && s[sep] == '-':
		return Date{}, errors.New("could have the day, the month or the year first; write the year with four digits, as in 2016-10-30")
	case len(c) == 2 && c < "70":
		c = "20" + c
	case len(c) == 2:
		c = "19" + c
	case len(c) != 4:
		return Date{}, errDate
	}
	if s[sep] == '.' {
		return newDate(c, b, a)
	}
	return dayOrMonthFirst(a, b, c, order)
}

// dayOrMonthFirst reads a date whose year comes last, by the order, or if only one is
// possible.
func dayOrMonthFirst(a, b, year string, order DateOrder) (Date, error) {
	dayFirst, err1 := newDate(year, b, a)
	monthFirst, err2 := newDate(year, a, b)
	switch {
	case order == DayFirst && err1 != nil && err2 == nil:
		return Date{}, errors.New("is not a day of the calendar with the day first, as CAFE_DATE_ORDER says")
	case order == MonthFirst && err2 != nil && err1 == nil:
		return Date{}, errors.New("is not a day of the calendar with the month first, as CAFE_DATE_ORDER says")
	case order == DayFirst, err2 != nil && err1 == nil, err1 == nil && dayFirst == monthFirst:
		return dayFirst, err1
	case order == MonthFirst, err1 != nil:
		return monthFirst, err2
	}
	return Date{}, errors.New("could have the day or the month first; set CAFE_DATE_ORDER, or write it as 2016-10-30")
}

func dateByName(s string) (Date, error) {
	if len(s) > 20 {
		return Date{}, errDate
	}
	for _, layout := range namedMonths {
		if t, err := time.Parse(layout, s); err == nil {
			return newDate(strconv.Itoa(t.Year()), strconv.Itoa(int(t.Month())), strconv.Itoa(t.Day()))
		}
	}
	return Date{}, errDate
}

func newDate(year, month, day string) (Date, error) {
	if len(year) != 4 || len(month) > 2 || len(day) > 2 {
		return Date{}, errDate
	}
	y, _ := strconv.Atoi(year)
	m, _ := strconv.Atoi(month)
	d, _ := strconv.Atoi(day)
	if m < 1 || m > 12 || d < 1 || d > 31 || d > 28 && time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC).Day() != d {
		return Date{}, errors.New("is not a day of the calendar")
	}
	if y < firstYear || y > lastYear {
		return Date{}, fmt.Errorf("is not in the years %d to %d", firstYear, lastYear)
	}
	return Date{y, time.Month(m), d}, nil
}

// Clock is a time of day, on the café's wall or with its own offset.
type Clock struct {
	Micros int64 // since midnight
	Offset int   // seconds east of UTC
	Zoned  bool  // there is an offset
}

// String writes the time of day as 16:40:00, and what there is below seconds.
func (c Clock) String() string {
	return time.UnixMicro(c.Micros).UTC().Format("15:04:05.999999")
}

var errClock = errors.New("is not a time of day such as 09:58:11")

// ParseClock reads a time of day as tills write it.
func ParseClock(s string) (Clock, error) {
	var c Clock
	var err error
	if c, s, err = cutOffset(s); err != nil {
		return Clock{}, err
	}
	half := -1
	if n := len(s); n > 2 && (s[n-1] == 'M' || s[n-1] == 'm') {
		switch s[n-2] {
		case 'A', 'a':
			half = 0
		case 'P', 'p':
			half = 12
		default:
			return Clock{}, errClock
		}
		s = strings.TrimRight(s[:n-2], " ")
	}
	hour, rest, _ := strings.Cut(s, ":")
	minute, rest, seconds := strings.Cut(rest, ":")
	second, fraction, fractions := strings.Cut(rest, ".")
	if !seconds {
		second, fraction = "00", ""
	}
	if !isNumber(hour) || len(hour) > 2 || !isNumber(minute) || len(minute) != 2 || !isNumber(second) || len(second) != 2 ||
		seconds && fractions && (!isNumber(fraction) || len(fraction) > 9) {
		return Clock{}, errClock
	}
	h, _ := strconv.Atoi(hour)
	m, _ := strconv.Atoi(minute)
	sec, _ := strconv.Atoi(second)
	micro, _ := strconv.Atoi((fraction + "000000")[:6])
	if half >= 0 {
		if h < 1 || h > 12 {
			return Clock{}, errClock
		}
		h = h%12 + half
	}
	if h > 23 || m > 59 || sec > 59 {
		return Clock{}, errClock
	}
	c.Micros = int64(h*3600+m*60+sec)*1e6 + int64(micro)
	return c, nil
}

// cutOffset takes Z, +01:00, +0100 or +01 off the end of a time.
func cutOffset(s string) (Clock, string, error) {
	if n := len(s); n > 0 && (s[n-1] == 'Z' || s[n-1] == 'z') {
		return Clock{Zoned: true}, strings.TrimRight(s[:n-1], " "), nil
	}
	sign := strings.LastIndexAny(s, "+-")
	if sign < 0 {
		return Clock{}, s, nil
	}
	digits := s[sign+1:]
	if len(digits) == 5 && digits[2] == ':' {
		digits = digits[:2] + digits[3:]
	}
	if len(digits) == 2 {
		digits += "00"
	}
	if len(digits) != 4 || !isNumber(digits) {
		return Clock{}, "", errClock
	}
	h, _ := strconv.Atoi(digits[:2])
	m, _ := strconv.Atoi(digits[2:])
	if h > 23 || m > 59 {
		return Clock{}, "", errClock
	}
	offset := h*3600 + m*60
	if s[sign] == '-' {
		offset = -offset
	}
	return Clock{Offset: offset, Zoned: true}, strings.TrimRight(s[:sign], " "), nil
}

// CutMoment takes a date and time in one cell apart: 2016-10-30T09:58:11Z, 30 Oct 2016 9:58.
func CutMoment(s string) (day, time string) {
	colon := strings.IndexByte(s, ':')
	if colon < 0 {
		return s, ""
	}
	at := colon
	for at > 0 && '0' <= s[at-1] && s[at-1] <= '9' {
		at--
	}
	if at > 0 && (s[at-1] == 'T' || s[at-1] == 't') {
		return s[:at-1], s[at:]
	}
	return strings.TrimRight(s[:at], " "), s[at:]
}

// Moment returns the instant at which a clock in the zone shows the date and time. Of
// an hour that happens twice it is the first; a time that the clock skips counts from
// before it was put forward (RFC 5545, section 3.3.5).
func Moment(d Date, c Clock, zone *time.Location) time.Time {
	wall := time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC).Add(time.Duration(c.Micros) * time.Microsecond)
	if c.Zoned {
		return wall.Add(-time.Duration(c.Offset) * time.Second)
	}
	// time.Date leaves open which of two offsets it takes, so it is no help here.
	offset := func(t time.Time) time.Duration {
		_, seconds := t.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	before, after := offset(wall.Add(-24*time.Hour)), offset(wall.Add(24*time.Hour))
	first := wall.Add(-before)
	if before == after || offset(first) == before {
		return first
	}
	if second := wall.Add(-after); offset(second) == after {
		return second
	}
	return first
}

func isNumber(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}
