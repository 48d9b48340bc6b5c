package daily

import (
	"context"
	"errors"
	"fmt"

	"cafe/internal/records"
	"cafe/internal/render"
	"cafe/model"
	"cafe/model/books"
	"cafe/model/pricing"
	"cafe/model/report"
)

// draft is a report that is not stored yet, and the record of its day.
type draft struct {
	revision
	record  dayRecord
	baskets report.Baskets // of the day alone
}

// window returns the records of the day and of the earlier days that its report needs.
func (r *Reporter) window(ctx context.Context, day model.Day) (map[model.Day]dayRecord, error) {
	return r.dayRecords(ctx, day.AddDays(-report.HistoryDays), day)
}

// build makes the day's report. The input says which revision it is, whether it is partial,
// and what the revision before it was. The rest is filled in here.
func (r *Reporter) build(ctx context.Context, day model.Day, in report.Input, wait *waiting) (m draft, err error) {
	now := r.now.Stamp()
	byDay, err := r.window(ctx, day)
	if err != nil {
		return m, err
	}
	menu, err := r.menus.Menu(ctx)
	if err != nil {
		return m, err
	}
	history, known, behind, err := r.past(ctx, day, menu, byDay, wait)
	if err != nil {
		return m, err
	}
	in.History, in.DaysOnTheWay = history, behind
	if in.Baskets, err = r.basketsBefore(ctx, day, known); err != nil {
		return m, err
	}
	sales, err := r.settledSales(ctx, day, byDay[day], wait)
	if err != nil {
		return m, err
	}
	summary, err := sales.summary(day, menu)
	if err != nil {
		return m, err
	}
	m.record = countedOf(menu).summarised(byDay[day], summary, now)
	m.baskets = report.CountBaskets(sales.entries)
	earlier, err := r.earlier(ctx, day, byDay)
	if err != nil {
		return m, err
	}
	if earlier.Day != "" {
		in.Earlier = &earlier.Report
	}
	in.Day, in.BuiltAt, in.Calendar, in.Currency = day, now, r.settings.Calendar, r.settings.Currency
	in.Menu, in.Entries, in.SoldOut, in.Waste = menu, sales.entries, sales.soldOut, sales.waste
	in.OnTheWay = sales.onTheWay
	if in.Taxes, err = r.taxesOf(ctx, sales.entries); err != nil {
		return m, err
	}
	in.LostSale, in.Leftover = r.settings.LostSaleCost, r.settings.LeftoverCost
	in.Bakes, in.Holidays, in.Closures = r.settings.Bakes, r.settings.Holidays, r.settings.Closed.Closures(day)
	if in.Hours, err = r.hoursBefore(ctx, &in, earlier); err != nil {
		return m, err
	}
	m.hours = r.hoursAfter(&in)
	if day >= r.settings.LastDue(now) {
		if in.Tabs, err = r.tabs(ctx); err != nil {
			return m, err
		}
	}
	in.Close, in.EarlierClose, in.NotClosed = closes(day, byDay, in.History)
	if in.Facts, err = r.facts(ctx, day, now, byDay, in.History, in.Earlier); err != nil {
		return m, err
	}
	if m.Report, err = report.Build(in); err != nil {
		return m, err
	}
	if m.JSON, err = render.JSON(m.Report); err != nil {
		return m, err
	}
	m.Subject, m.Text = render.Text(m.Report, r.shown())
	return m, nil
}

// taxesOf returns names and rates of the taxes in the entries: those of the pricing document
// that each order was priced by. A tax whose document somebody removed by hand is left out.
func (r *Reporter) taxesOf(ctx context.Context, entries []model.Entry) (map[books.TaxKey]model.Tax, error) {
	taxes := map[books.TaxKey]model.Tax{}
	tariffs := map[int64]*pricing.Tariff{0: nil}
	for _, e := range entries {
		for _, t := range e.Taxes {
			tariff, known := tariffs[e.Pricing]
			if !known {
				var err error
				tariff, err = records.Get(ctx, r.table, records.PricingVersionKey(e.Pricing), true, records.DecodePricing)
				if err != nil && !errors.Is(err, model.ErrNotFound) {
					return nil, fmt.Errorf("version %d of the pricing document: %w", e.Pricing, err)
				}
				tariffs[e.Pricing] = tariff
			}
			if tax, known := tariff.Tax(t.ID); known {
				taxes[books.TaxKey{Pricing: e.Pricing, ID: t.ID}] = tax
			}
		}
	}
	return taxes, nil
}

// earlier returns the newest report of the last day before that has one, or the zero
// revision.
func (r *Reporter) earlier(ctx context.Context, day model.Day, byDay map[model.Day]dayRecord) (revision, error) {
	var last dayRecord
	for d, record := range byDay {
		if d < day && d > last.day && record.revision > 0 {
			last = record
		}
	}
	if last.revision == 0 {
		return revision{}, nil
	}
	stored, err := r.storedRevision(ctx, last.day, last.revision)
	if errors.Is(err, model.ErrNotFound) {
		return revision{}, nil // somebody removed it by hand
	}
	return stored, err
}
