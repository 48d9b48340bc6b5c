package ledger

import (
	"context"
	"fmt"
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

// maybeReported reports whether the day's report may be made before what is posted now is in
// the ledger.
func (l *Ledger) maybeReported(day model.Day, now time.Time) bool {
	return l.settings.DueWithin(records.PostingTime, day, now)
}

// markLate marks each day of the entries whose report may be made before they are posted, once
// for all of the day's entries: the report is out of date then, and a close has something to
// carry. It must come before they are posted. Who was posted already is not looked up, so
// that records that come again mark their day again.
//
// It returns the errors of the days that could not be marked.
func (l *Ledger) markLate(ctx context.Context, entries []model.Entry) map[model.Day]error {
	var days []model.Day
	now := l.now()
	for _, e := range entries {
		if e.Day != "" && !slices.Contains(days, e.Day) && l.maybeReported(e.Day, now) {
			days = append(days, e.Day)
		}
	}
	if len(days) == 0 {
		return nil
	}
	errs := make([]error, len(days))
	_ = parallel.Each(ctx, len(days), func(ctx context.Context, i int) error {
		errs[i] = records.MarkLate(ctx, l.table, days[i], l.now.Stamp())
		return nil
	})
	unmarked := map[model.Day]error{}
	for i, day := range days {
		if errs[i] != nil {
			unmarked[day] = fmt.Errorf("mark late changes of %s: %w", day, errs[i])
		}
	}
	return unmarked
}
