package daily

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"cafe/internal/records"
	"cafe/model"
	"cafe/model/forecast"
	"cafe/model/report"
)

// hoursFrom is of how many open days the hours of sale are learnt, when no report holds any.
const hoursFrom = 7

// hoursBefore returns the hours of sale as learnt up to the day before: those in the earlier
// report. When it has none, as on the first day with CAFE_BAKES, they are learnt from the
// ledgers of the last open days. A café that does not say when it bakes needs none.
func (r *Reporter) hoursBefore(ctx context.Context, in *report.Input, earlier revision) (forecast.Hours, error) {
	if len(r.settings.Bakes) == 0 || earlier.hours != nil {
		return earlier.hours, nil
	}
	var open []model.Day
	for _, s := range in.History {
		if s.Open() {
			open = append(open, s.Day)
		}
	}
	slices.Sort(open)
	var hours forecast.Hours
	for _, day := range open[max(0, len(open)-hoursFrom):] {
		sales, err := r.salesOf(ctx, day)
		if err != nil {
			return nil, err
		}
		hours = hours.With(report.SoldByHour(sales.entries, in.Menu, in.Calendar))
	}
	return hours, nil
}

// hoursAfter returns what the next report is to know of the hours of sale. A day that is not
// over teaches nothing.
func (r *Reporter) hoursAfter(in *report.Input) forecast.Hours {
	if len(r.settings.Bakes) == 0 || in.Partial {
		return in.Hours
	}
	return in.Hours.With(report.SoldByHour(in.Entries, in.Menu, in.Calendar))
}

// encodeHours returns hours as they are stored: hundredths of a unit by hour. Items that
// have not sold for long are left out.
func encodeHours(h forecast.Hours) ([]byte, error) {
	stored := map[string][]int64{}
	for sku, of := range h {
		hundredths, any := make([]int64, len(of)), false
		for i, units := range of {
			hundredths[i] = int64(math.Round(units * 100))
			any = any || hundredths[i] > 0
		}
		if any {
			stored[sku] = hundredths
		}
	}
	return json.Marshal(stored)
}

func decodeHours(r *records.Reader) forecast.Hours {
	if !r.Has("hours") {
		return nil
	}
	var stored map[string][24]int64
	text := unzip(r, "hours")
	if r.Err() != nil {
		return nil
	}
	if err := json.Unmarshal(text, &stored); err != nil {
		r.Note(fmt.Errorf("attribute hours: %w", err))
		return nil
	}
	hours := make(forecast.Hours, len(stored))
	for sku, hundredths := range stored {
		of := hours[sku]
		for i, n := range hundredths {
			of[i] = float64(n) / 100
		}
		hours[sku] = of
	}
	return hours
}
