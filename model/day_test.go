package model

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func zone(t interface{ Fatal(...any) }, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Case 56 in docs/reliability.md.
func TestDaysOf23And25HoursAndTheCutoff(t *testing.T) {
	london := Calendar{zone(t, "Europe/London"), 4 * time.Hour}
	for moment, want := range map[string]Day{
		"2017-01-01T01:21:00Z":      "2016-12-31", // New Year's Eve goes on
		"2017-01-01T03:59:59Z":      "2016-12-31",
		"2017-01-01T04:00:00Z":      "2017-01-01",
		"2017-03-26T00:30:00Z":      "2017-03-25",
		"2017-03-26T02:59:59Z":      "2017-03-25", // 03:59:59 summer time
		"2017-03-26T03:00:00Z":      "2017-03-26",
		"2017-10-29T03:59:59Z":      "2017-10-28",
		"2017-10-29T04:00:00Z":      "2017-10-29",
		"2017-06-01T00:30:00+01:00": "2017-05-31",
	} {
		at, err := time.Parse(time.RFC3339, moment)
		if err != nil {
			t.Fatal(err)
		}
		if got := london.DayOf(at); got != want {
			t.Errorf("%s is %s, want %s", moment, got, want)
		}
	}
	for day, hours := range map[Day]float64{"2017-03-25": 23, "2017-03-26": 24, "2017-10-28": 25, "2017-10-29": 24} {
		start, end := london.Bounds(day)
		if got := end.Sub(start).Hours(); got != hours {
			t.Errorf("%s has %v hours, want %v", day, got, hours)
		}
	}
}

func TestEveryMomentIsWithinTheBoundsOfItsDay(t *testing.T) {
	zones := []string{"Europe/London", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland", "UTC"}
	rapid.Check(t, func(t *rapid.T) {
		c := Calendar{zone(t, rapid.SampledFrom(zones).Draw(t, "zone")), time.Duration(rapid.SampledFrom([]int{0, 4, 5, 6}).Draw(t, "cutoff")) * time.Hour}
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "unix"), 0)
		day := c.DayOf(at)
		start, end := c.Bounds(day)
		if at.Before(start) || !at.Before(end) {
			t.Fatalf("%s is of %s, which lasts from %s to %s", at.In(c.Zone), day, start, end)
		}
	})
}

func TestParseDayRefusesBadDates(t *testing.T) {
	for _, s := range []string{"", "2017-02-29", "2017-2-1", "20170201", "2017-13-01", "2017-01-01T00:00:00Z", "yesterday"} {
		if d, err := ParseDay(s); err == nil {
			t.Errorf("%q is read as %s", s, d)
		}
	}
	d, err := ParseDay("2016-02-29")
	if err != nil || d.AddDays(1) != "2016-03-01" || d.Weekday() != time.Monday || Day("2016-03-01").Since(d) != 1 {
		t.Errorf("leap day: %s, %v", d, err)
	}
}
