package imports

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/model"
	"cafe/model/till"
)

// Whatever date, time, offset, zone and cutoff: the business day lies in the stored spans, of
// which there are few.
func TestSpansHoldTheBusinessDaysOfAllOrders(t *testing.T) {
	t.Parallel()
	menu := model.Menu{"tea": {SKU: "tea", Name: "Tea", Price: 220, Active: true}}
	zones := []string{"Europe/London", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York", "Australia/Lord_Howe"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Skip(err)
		}
		calendar := model.Calendar{Zone: zone, Cutoff: time.Duration(rapid.IntRange(0, 24*60-1).Draw(t, "cutoff")) * time.Minute}
		var b strings.Builder
		b.WriteString("order,ordered_at,item\n")
		for i := range rapid.IntRange(1, 20).Draw(t, "orders") {
			day := model.Day("2000-01-01").AddDays(rapid.IntRange(0, 9000).Draw(t, "day"))
			offset := ""
			if rapid.Bool().Draw(t, "with offset") {
				offset = fmt.Sprintf("%s%02d:%02d", rapid.SampledFrom([]string{"+", "-"}).Draw(t, "sign"), rapid.IntRange(0, 23).Draw(t, "hours"), rapid.IntRange(0, 59).Draw(t, "minutes"))
			}
			fmt.Fprintf(&b, "%d,%sT%02d:%02d:00%s,tea\n", i, day, rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute"), offset)
		}
		file, err := till.ReadOrders(t.Context(), strings.NewReader(b.String()), till.Rules{Calendar: calendar, Menu: menu})
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		spans := spansOf(file.Dates(), nil)
		for o, err := range file.All() {
			if err != nil || len(o.Problems) > 0 {
				t.Fatal(err, o.Problems)
			}
			day, held := calendar.DayOf(o.PlacedAt), false
			for _, s := range spans {
				held = held || s.from <= day && day <= s.to
			}
			if !held {
				t.Errorf("%s of %s is not in %v", day, o.PlacedAt, spans)
			}
		}
	})
}

func TestSpansAreFewAndKeepWhatIsStored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var stored []span
		for range 2 {
			var dates []model.Day
			step := rapid.IntRange(1, 400).Draw(t, "step")
			for i := range rapid.IntRange(0, 600).Draw(t, "dates") {
				dates = append(dates, model.Day("1970-01-01").AddDays(i*step))
			}
			spans := spansOf(dates, stored)
			if len(spans) > maxSpans {
				t.Fatalf("%d spans", len(spans))
			}
			for i, s := range spans {
				if s.from > s.to || i > 0 && s.from <= spans[i-1].to {
					t.Fatalf("span %d of %v", i, spans)
				}
			}
			for _, d := range dates {
				stored = append(stored, span{d, d})
			}
			for _, want := range stored {
				held := false
				for _, s := range spans {
					held = held || s.from <= want.from && want.to <= s.to
				}
				if !held {
					t.Fatalf("%v is not in %v", want, spans)
				}
			}
			stored = spans
		}
	})
	if got := fmt.Sprint(spansOf([]model.Day{"2017-03-18", "2017-03-19", "2017-04-30"}, nil)); got != "[{2017-03-15 2017-03-21} {2017-04-27 2017-05-02}]" {
		t.Errorf("spans %s", got)
	}
}
