package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"cafe/internal/parallel"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// lateMark returns the operation that counts a sold-out mark or a restock as late, if the
// day's report may be made already and should have had it. It goes into the same write as
// the mark, and so is counted once.
func (l *Ledger) lateMark(at time.Time) []table.Op {
	day := l.settings.Calendar.DayOf(at)
	if at.After(l.settings.ReportDue(day)) || !l.maybeReported(day, l.now()) {
		return nil
	}
	return []table.Op{records.CountLate(day, 1, l.now.Stamp())}
}

// isLate reports whether the report of the entry's day may be made before the entry is
// posted.
func (l *Ledger) isLate(e model.Entry, now time.Time) bool {
	return e.Kind == model.EntryOrder && l.maybeReported(e.Day, now)
}

// maybeReported reports whether the day's report may be made before what is posted now is in
// the ledger.
func (l *Ledger) maybeReported(day model.Day, now time.Time) bool {
	return l.settings.DueWithin(records.PostingTime, day, now)
}

// markLate counts the late orders that the ledger does not have yet, on the record of their
// day: the day's report is out of date then. It must come before they are posted: a crash in
// between counts them twice, and never misses them.
func (l *Ledger) markLate(ctx context.Context, late []model.Entry) error {
	return errors.Join(slices.Collect(maps.Values(l.countLateByDay(ctx, late)))...)
}

// countLateByDay does what markLate says. It returns, by the key of the entry, the error of
// each that could not be counted.
func (l *Ledger) countLateByDay(ctx context.Context, late []model.Entry) map[table.Key]error {
	newest := map[table.Key]model.Entry{}
	for _, e := range late {
		if key := records.EntryKey(e); e.Posting > newest[key].Posting {
			newest[key] = e
		}
	}
	keys := slices.Collect(maps.Keys(newest))
	news, errs := make([]bool, len(keys)), make([]error, len(keys))
	_ = parallel.Each(ctx, len(keys), func(ctx context.Context, i int) error {
		posted, err := records.Entry(ctx, l.table, newest[keys[i]])
		news[i], errs[i] = posted.Posting < newest[keys[i]].Posting, err
		return nil
	})
	unmarked, counted := map[table.Key]error{}, map[model.Day][]table.Key{}
	for i, key := range keys {
		if errs[i] != nil {
			unmarked[key] = fmt.Errorf("read the ledger's entry of a late order: %w", errs[i])
		} else if news[i] {
			day := newest[key].Day
			counted[day] = append(counted[day], key)
		}
	}
	days := slices.Collect(maps.Keys(counted))
	failed := make([]error, len(days))
	_ = parallel.Each(ctx, len(days), func(ctx context.Context, i int) error {
		failed[i] = records.Write(ctx, l.table, records.CountLate(days[i], len(counted[days[i]]), l.now.Stamp()))
		return nil
	})
	for i, day := range days {
		if failed[i] == nil {
			continue
		}
		for _, key := range counted[day] {
			unmarked[key] = fmt.Errorf("count late orders of %s: %w", day, failed[i])
		}
	}
	return unmarked
}
