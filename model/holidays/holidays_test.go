package holidays

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"cafe/model"
)

// calendar makes a file of events, each a few lines.
func calendar(events ...string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n")
	for _, e := range events {
		b.WriteString("BEGIN:VEVENT\r\n" + strings.ReplaceAll(e, "\n", "\r\n") + "\r\nEND:VEVENT\r\n")
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.String()
}

func TestACalendarsDays(t *testing.T) {
	for name, c := range map[string]struct {
		events []string
		want   map[model.Day]string
	}{
		"one day": {
			[]string{"DTSTART;VALUE=DATE:20250418\nDTEND;VALUE=DATE:20250419\nSUMMARY:Good Friday"},
			map[model.Day]string{"2025-04-18": "Good Friday"},
		},
		"several days, the end not included": {
			[]string{"DTSTART;VALUE=DATE:20251225\nDTEND;VALUE=DATE:20251227\nSUMMARY:Christmas"},
			map[model.Day]string{"2025-12-25": "Christmas", "2025-12-26": "Christmas"},
		},
		"a length": {
			[]string{"DTSTART:20251225\nDURATION:P2D\nSUMMARY:Christmas"},
			map[model.Day]string{"2025-12-25": "Christmas", "2025-12-26": "Christmas"},
		},
		"a time, by the date it names": {
			[]string{"DTSTART;TZID=\"Europe/London: the city\":20250505T090000\nDTEND:20250505T170000\nSUMMARY:May Day"},
			map[model.Day]string{"2025-05-05": "May Day"},
		},
		"every year": {
			[]string{"DTSTART;VALUE=DATE:20231225\nRRULE:FREQ=YEARLY\nSUMMARY:Noël"},
			map[model.Day]string{"2024-12-25": "Noël", "2025-12-25": "Noël", "2026-12-25": "Noël"},
		},
		"every second year, until": {
			[]string{"DTSTART:20200601\nRRULE:FREQ=YEARLY;INTERVAL=2;UNTIL=20250601T000000Z\nSUMMARY:Fair"},
			map[model.Day]string{"2024-06-01": "Fair"},
		},
		"three times": {
			[]string{"DTSTART:20230601\nRRULE:FREQ=YEARLY;COUNT=3\nSUMMARY:Fair"},
			map[model.Day]string{"2024-06-01": "Fair", "2025-06-01": "Fair"},
		},
		"the fourth Thursday of November": {
			[]string{"DTSTART:20201126\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH\nSUMMARY:Thanksgiving"},
			map[model.Day]string{"2024-11-28": "Thanksgiving", "2025-11-27": "Thanksgiving", "2026-11-26": "Thanksgiving"},
		},
		"the last Monday of May, but for one": {
			[]string{"DTSTART:20200525\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO\nEXDATE;VALUE=DATE:20250526\nRDATE:20250602\nSUMMARY:Spring"},
			map[model.Day]string{"2024-05-27": "Spring", "2025-06-02": "Spring", "2026-05-25": "Spring"},
		},
		"a leap day, in leap years": {
			[]string{"DTSTART:20200229\nRRULE:FREQ=YEARLY\nSUMMARY:Leap"},
			map[model.Day]string{"2024-02-29": "Leap"},
		},
		"the last of a month": {
			[]string{"DTSTART:20240229\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1\nSUMMARY:End"},
			map[model.Day]string{"2024-02-29": "End", "2025-02-28": "End", "2026-02-28": "End"},
		},
		"the first name counts, escapes and folds are undone, and none is Holiday": {
			[]string{
				"DTSTART:20250101\nSUMMARY:New Year\\, the \n first\\; really\\nso", "DTSTART:20250101\nSUMMARY:Other",
				"DTSTART:20250102", "DTSTART:20250103\nSUMMARY:Off\nSTATUS:CANCELLED",
			},
			map[model.Day]string{"2025-01-01": "New Year, the first; really so", "2025-01-02": "Holiday"},
		},
		"alarms within events, and what is no event": {
			[]string{"DTSTART:20250101\nSUMMARY:Day\nBEGIN:VALARM\nSUMMARY:Ring\nTRIGGER:-PT15M\nEND:VALARM"},
			map[model.Day]string{"2025-01-01": "Day"},
		},
	} {
		got, err := Parse(calendar(c.events...), "2024-01-01", "2026-12-31")
		if err != nil || !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
	}
}

func TestWhatCannotBeFollowedIsRefusedWithItsLine(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		line int
		says string
	}{
		"nothing":       {"", 1, "empty"},
		"not a file":    {"day,name\n2025-01-01,New Year\n", 1, "no colon"},
		"a web page":    {"<html style=\"x\">: \n", 1, "BEGIN:VCALENDAR"},
		"cut off":       {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20250101\n", 4, "cut off"},
		"weekly":        {calendar("DTSTART:20250101\nRRULE:FREQ=WEEKLY"), 6, "yearly"},
		"Easter":        {calendar("DTSTART:20250101\nRRULE:FREQ=YEARLY;BYEASTER=1"), 6, "yearly"},
		"no such date":  {calendar("DTSTART;VALUE=DATE:20250230"), 5, "20250230"},
		"no date":       {calendar("SUMMARY:When?"), 4, "DTSTART"},
		"a whole year":  {calendar("DTSTART:20250101\nDTEND:20260101"), 4, "365 days"},
		"a bad end":     {"BEGIN:VCALENDAR\nEND:VEVENT\n", 2, "ends nothing"},
		"a bad length":  {calendar("DTSTART:20250101\nDURATION:two"), 6, "P1D"},
		"a bad weekday": {calendar("DTSTART:20250101\nRRULE:FREQ=YEARLY;BYMONTH=1;BYDAY=9XX"), 6, "yearly"},
	} {
		_, err := Parse(c.file, "2024-01-01", "2026-12-31")
		var refused *Error
		if !errors.As(err, &refused) || refused.Line != c.line || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want line %d and %q", name, err, c.line, c.says)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(calendar("DTSTART:20201126\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=-5TH;COUNT=2\nDURATION:P1W"))
	f.Add(calendar("DTSTART:00010101\nRRULE:FREQ=YEARLY;BYMONTHDAY=-31"))
	f.Fuzz(func(t *testing.T, file string) {
		days, err := Parse(file, "2024-01-01", "2026-12-31")
		for _, d := range slices.Sorted(maps.Keys(days)) {
			if _, bad := model.ParseDay(string(d)); bad != nil || d < "2024-01-01" || d > "2026-12-31" || days[d] == "" {
				t.Errorf("%q: %q, %v", d, days[d], bad)
			}
		}
		if err != nil && days != nil {
			t.Errorf("both %v and %v", days, err)
		}
	})
}
