package parse

import (
	"strings"
	"testing"
	"time"
)

func TestDatesAsTillsWriteThem(t *testing.T) {
	for _, c := range []struct {
		cell  string
		order DateOrder
		want  string // a date, or words of the error
	}{
		{"2016-10-30", YearFirst, "2016-10-30"},
		{"2016-1-5", YearFirst, "2016-01-05"},
		{"2016/10/30", MonthFirst, "2016-10-30"},
		{"2016.10.30", YearFirst, "2016-10-30"},
		{"20161030", YearFirst, "2016-10-30"},
		{"30.10.2016", MonthFirst, "2016-10-30"},
		{"30 Oct 2016", YearFirst, "2016-10-30"},
		{"30-oct-2016", YearFirst, "2016-10-30"},
		{"30/Oct/2016", YearFirst, "2016-10-30"},
		{"October 30, 2016", YearFirst, "2016-10-30"},
		{"2016-10-30 00:00:00", YearFirst, "2016-10-30"},
		{"2016-10-30T00:00:00.000", YearFirst, "2016-10-30"},
		{"30/10/2016 0:00", DayFirst, "2016-10-30"},
		{"03/04/2016", DayFirst, "2016-04-03"},
		{"03/04/2016", MonthFirst, "2016-03-04"},
		{"3-4-2016", DayFirst, "2016-04-03"},
		{"2016-02-29", YearFirst, "2016-02-29"},

		{"03/04/2016", YearFirst, "day or the month first"},
		{"28/07/2019", YearFirst, "2019-07-28"},
		{"07/28/2019", YearFirst, "2019-07-28"},
		{"05/05/2019", YearFirst, "2019-05-05"},
		{"30/10/16", DayFirst, "2016-10-30"},
		{"10/5/26", MonthFirst, "2026-10-05"},
		{"15.03.23", YearFirst, "2023-03-15"},
		{"31/12/69", DayFirst, "2069-12-31"},
		{"01/02/70", DayFirst, "1970-02-01"},
		{"5-Oct-26", YearFirst, "2026-10-05"},

		{"30/10/2016", MonthFirst, "with the month first, as CAFE_DATE_ORDER says"},
		{"10/30/2016", DayFirst, "with the day first, as CAFE_DATE_ORDER says"},
		{"10/5/26", YearFirst, "CAFE_DATE_ORDER"},
		{"26-10-05", DayFirst, "four digits"},
		{"31/13/2016", YearFirst, "not a day of the calendar"},
		{"2017-02-29", YearFirst, "not a day of the calendar"},
		{"2016-13-01", YearFirst, "not a day of the calendar"},
		{"2016-00-10", YearFirst, "not a day of the calendar"},
		{"1066-10-14", YearFirst, "years"},
		{"3016-10-30", YearFirst, "years"},
		{"2016-10/30", YearFirst, "not a date"},
		{"2016-10-30 09:58", YearFirst, "not a date"},
		{"2016-10-30-1", YearFirst, "not a date"},
		{"٢٠١٦-١٠-٣٠", YearFirst, "not a date"},
		{"42673", YearFirst, "not a date"},
		{"yesterday", YearFirst, "not a date"},
		{"-", YearFirst, "not a date"},
		{"", YearFirst, "not a date"},
		{strings.Repeat("1", 1<<16), YearFirst, "not a date"},
	} {
		d, err := ParseDate(c.cell, c.order)
		got := d.String()
		if err != nil {
			got = err.Error()
		}
		if err == nil && got != c.want || err != nil && (!strings.Contains(got, c.want) || len(c.want) == 10 && c.want[4] == '-') {
			t.Errorf("%.40q (%d): got %q, want %q", c.cell, c.order, got, c.want)
		}
	}
}

func TestTimesOfDayAsTillsWriteThem(t *testing.T) {
	for cell, want := range map[string]string{
		"9:58:11": "09:58:11", "09:58:11": "09:58:11", "09:58": "09:58:00", "9:05": "09:05:00",
		"0:00": "00:00:00", "23:59:59.999999999": "23:59:59.999999", "09:58:11.5": "09:58:11.5",
		"9:58 AM": "09:58:00", "9:58:11pm": "21:58:11", "12:00 am": "00:00:00", "12:30 PM": "12:30:00",
		"09:58:11Z": "09:58:11 +0000", "09:58:11+01:00": "09:58:11 +0100", "09:58 -0330": "09:58:00 -0330",
		"09:58:11.25+02": "09:58:11.25 +0200", "9:58 PM +01:00": "21:58:00 +0100",

		"24:00": "", "09:60": "", "09:58:60": "", "13:00 PM": "", "0:30 AM": "", "9": "", "9:5": "", "009:58": "",
		"09:58:11.": "", "09:58:": "", "09:58.5": "", "09:58:11:00": "", "noon": "", ":": "", "": "", "M": "", "AM": "",
		"09:58 XM": "", "09:58+1": "", "09:58+24:00": "", "09:58+01:60": "", "-9:58": "", "+": "", "Z": "", "09:58:11.1234567890": "",
	} {
		c, err := ParseClock(cell)
		got := ""
		if err == nil {
			at := time.UnixMicro(c.Micros).In(time.FixedZone("", c.Offset)).Add(-time.Duration(c.Offset) * time.Second)
			got = at.Format("15:04:05.999999999")
			if c.Zoned {
				got = at.Format("15:04:05.999999999 -0700")
			}
		}
		if got != want {
			t.Errorf("%q: got %q (%v), want %q", cell, got, err, want)
		}
	}
}

func TestDateAndTimeInOneCell(t *testing.T) {
	for cell, want := range map[string][2]string{
		"2016-10-30T09:58:11Z":      {"2016-10-30", "09:58:11Z"},
		"2016-10-30t09:58:11+01:00": {"2016-10-30", "09:58:11+01:00"},
		"2016-10-30 9:58":           {"2016-10-30", "9:58"},
		"30 Oct 2016  9:58 PM":      {"30 Oct 2016", "9:58 PM"},
		"2016-10-30":                {"2016-10-30", ""},
		"9:58":                      {"", "9:58"},
		":":                         {"", ":"},
	} {
		if day, clock := CutMoment(cell); day != want[0] || clock != want[1] {
			t.Errorf("%q: got %q and %q, want %q", cell, day, clock, want)
		}
	}
}

func TestTheHourThatIsSkippedAndTheOneThatComesTwice(t *testing.T) {
	for _, c := range []struct{ zone, date, clock, want string }{
		{"Europe/London", "2017-03-26", "00:59:59", "2017-03-26T00:59:59Z"},
		{"Europe/London", "2017-03-26", "01:30:00", "2017-03-26T01:30:00Z"}, // skipped: 02:30 summer time
		{"Europe/London", "2017-03-26", "02:00:00", "2017-03-26T01:00:00Z"},
		{"Europe/London", "2016-10-30", "00:59:59", "2016-10-29T23:59:59Z"},
		{"Europe/London", "2016-10-30", "01:30:00", "2016-10-30T00:30:00Z"}, // the first of two
		{"Europe/London", "2016-10-30", "02:00:00", "2016-10-30T02:00:00Z"},
		{"Europe/London", "2016-10-30", "01:30:00+00:00", "2016-10-30T01:30:00Z"}, // the second, said so
		{"America/New_York", "2017-03-12", "02:30:00", "2017-03-12T07:30:00Z"},
		{"America/New_York", "2017-11-05", "01:30:00", "2017-11-05T05:30:00Z"},
		{"Australia/Lord_Howe", "2017-04-02", "01:45:00", "2017-04-01T14:45:00Z"}, // half an hour back
		{"Pacific/Apia", "2011-12-31", "09:00:00", "2011-12-30T19:00:00Z"},        // the day after the skipped one
		{"Asia/Kathmandu", "2016-10-30", "09:58:11", "2016-10-30T04:13:11Z"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		d, err1 := ParseDate(c.date, YearFirst)
		k, err2 := ParseClock(c.clock)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if got := Moment(d, k, zone).Format(time.RFC3339); got != c.want {
			t.Errorf("%s %s in %s: got %s, want %s", c.date, c.clock, c.zone, got, c.want)
		}
	}
}
