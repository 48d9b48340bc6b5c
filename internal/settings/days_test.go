package settings_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cafe/internal/settings"
	"cafe/internal/settings/calendar"
	"cafe/model"
)

func read(t *testing.T, name, value string) (settings.Settings, error) {
	t.Helper()
	return settings.FromEnv(func(n string) string {
		if n == name {
			return value
		}
		return ""
	}, calendar.Read)
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "holidays.ics")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBakesAreTimesOfTheClock(t *testing.T) {
	s, err := read(t, "CAFE_BAKES", "07:00, 11:30,14:00")
	if want := []time.Duration{7 * time.Hour, 11*time.Hour + 30*time.Minute, 14 * time.Hour}; err != nil || !slices.Equal(s.Bakes, want) {
		t.Errorf("%v %v", s.Bakes, err)
	}
}

func TestHolidaysComeFromACalendarFileOrFromAList(t *testing.T) {
	path := file(t, "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20151225\r\nSUMMARY:Christmas Day\r\nRRULE:FREQ=YEARLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	for _, value := range []string{path, "2017-12-25 Christmas Day; 2017-12-26  Boxing Day"} {
		s, err := read(t, "CAFE_HOLIDAYS", value)
		if err != nil || s.Holidays["2017-12-25"] != "Christmas Day" || s.Holidays["2017-12-24"] != "" {
			t.Errorf("%s: %v, %d holidays", value, err, len(s.Holidays))
		}
	}
}

func TestClosedWeekdaysAreToComeAndClosedDatesArePastToo(t *testing.T) {
	s, err := read(t, "CAFE_CLOSED", "Sun,2017-03-01,2017-04-10..2017-04-12")
	if err != nil {
		t.Fatal(err)
	}
	all := s.Closed.Closures("2017-03-19") // a Sunday
	var soon []model.Day
	for _, d := range slices.Sorted(maps.Keys(all)) {
		if d <= "2017-04-12" {
			soon = append(soon, d)
		}
	}
	want := []model.Day{"2017-03-01", "2017-03-26", "2017-04-02", "2017-04-09", "2017-04-10", "2017-04-11", "2017-04-12"}
	if !slices.Equal(soon, want) {
		t.Errorf("%v\nwant %v", soon, want)
	}
}

func TestErrorsNameTheVariableAndThePlace(t *testing.T) {
	cut := file(t, "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:Christmas\n")
	for _, c := range []struct{ name, value, says string }{
		{"CAFE_BAKES", "07:00,noon", `"noon"`},
		{"CAFE_BAKES", "07:00,07:00", "07:00 twice"},
		{"CAFE_BAKES", "07:00;11:00", `"07:00;11:00"`},
		{"CAFE_BAKES", "00:00,00:01,00:02,00:03,00:04,00:05,00:06,00:07,00:08,00:09,00:10,00:11,00:12,00:13,00:14,00:15,00:16,00:17,00:18,00:19,00:20,00:21,00:22,00:23,00:24", "25 times"},
		{"CAFE_CLOSED", "sun,someday", `"someday"`},
		{"CAFE_CLOSED", "2017-02-30", `"2017-02-30"`},
		{"CAFE_CLOSED", "2017-03-02..2017-03-01", `"2017-03-02..2017-03-01"`},
		{"CAFE_CLOSED", "1970-01-01..2099-12-31", "a year"},
		{"CAFE_CLOSED", "2017-03-02..", `"2017-03-02.."`},
		{"CAFE_CLOSED", "sun,mon,tue,wed,thu,fri,sat", "never be open"},
		{"CAFE_HOLIDAYS", cut, "line 3"},
		{"CAFE_HOLIDAYS", file(t, ""), "line 1"},
		{"CAFE_HOLIDAYS", t.TempDir(), "neither"},
		{"CAFE_HOLIDAYS", "no/such/file.ics", "neither"},
		{"CAFE_HOLIDAYS", file(t, strings.Repeat(" ", 1<<20+1)), "bytes"},
		{"CAFE_HOLIDAYS", "2017-12-25 Christmas Day;Boxing Day", "entry 2"},
		{"CAFE_HOLIDAYS", "2017-12-25", "has no name"},
		{"CAFE_HOLIDAYS", "2017-12-25 Christmas;2017-12-25 Day", "entry 2: 2017-12-25 is listed twice"},
	} {
		_, err := read(t, c.name, c.value)
		if err == nil || !strings.HasPrefix(err.Error(), c.name+" ") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s=%.60s: %v, want one that says %s", c.name, c.value, err, c.says)
		}
	}
}

func TestAFunctionTakesHolidaysAsAListOnly(t *testing.T) {
	for value, fine := range map[string]bool{"2017-12-25 Christmas Day": true, "holidays.ics": false} {
		_, err := settings.FromEnv(func(n string) string {
			if n == "CAFE_HOLIDAYS" {
				return value
			}
			return ""
		})
		if (err == nil) != fine || err != nil && !strings.HasPrefix(err.Error(), "CAFE_HOLIDAYS ") {
			t.Errorf("%s: %v", value, err)
		}
	}
}
