// Package closing closes business days, and reads the books: days, the journal, statements.
//
// A close reads the day's ledger as the report does, and writes one record under the
// condition that its number is the next. What comes later to a closed day marks the day's
// record (records.MarkLate); the next close looks at marked days, and carries what changed.
// So the sum of all closes, and of what is open, is the ledger.
package closing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"cafe/internal/daily"
	"cafe/internal/parallel"
	"cafe/internal/records"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/books"
)

// patience is how long a close waits for orders and payments on their way to the ledger.
const patience = 4 * time.Second

// noWait has a ledger look for what is on its way, and not wait for it.
const noWait = time.Nanosecond

// mostCarried is how many closed days one close looks at again. The rest is left to the next.
const mostCarried = 30

// Books closes days and reads the books. Make it with New; it is safe for concurrent use.
type Books struct {
	// Patience is how long a close waits for what is on its way to the ledger: four seconds,
	// unless set before use.
	Patience time.Duration

	settings settings.Settings
	table    table.Table
	now      records.Clock
	reports  *daily.Reporter
}

// New returns the books of a café's table. now is time.Now outside tests.
func New(s settings.Settings, t table.Table, now records.Clock, reports *daily.Reporter) *Books {
	return &Books{Patience: patience, settings: s, table: t, now: now, reports: reports}
}

// ErrClosed says that the day is closed already, and with another count.
var ErrClosed = errors.New("the day is closed already")

// NotYet says why a day cannot be closed now.
type NotYet struct{ Reason string }

func (e *NotYet) Error() string { return e.Reason }

// Behind says how many orders and payments of a day have not reached the ledger yet. The same
// again, a moment later, should succeed.
type Behind struct{ Missing int64 }

func (e *Behind) Error() string {
	return fmt.Sprintf("%d orders and payments of the day have not reached the books yet", e.Missing)
}

// Close closes a day with what was found in the drawer, and returns its record. The same
// count again answers the record, with again true.
//
// It waits, for Patience at most, for orders and payments on their way to the ledger, and is
// *Behind when they do not come; what it cannot see is carried by the next close. A day that
// lies ahead, or is not over by the clock and not said to be early, is *NotYet. A day that is
// closed with another count is ErrClosed. A count that cannot be is a model.Invalid. Nothing is
// stored then.
func (b *Books) Close(ctx context.Context, by string, day model.Day, found books.Count) (stored records.StoredClose, again bool, err error) {
	if err := found.Validate(); err != nil {
		return stored, false, err
	}
	today := b.settings.Calendar.DayOf(b.now())
	switch {
	case day < "1970-01-01":
		return stored, false, &NotYet{fmt.Sprintf("%s is before 1970.", day)}
	case day > today:
		return stored, false, &NotYet{fmt.Sprintf("%s lies ahead: today is %s.", day, today)}
	case day == today && !found.Early:
		_, end := b.settings.Calendar.Bounds(day)
		return stored, false, &NotYet{fmt.Sprintf(`%s is not over: the business day ends at %s. To close it now, say "early": true.`, day, end.In(b.settings.Calendar.Zone).Format("15:04"))}
	}
	found.Early = day == today
	var ledger *daily.Ledger
	var marks records.DayMarks
	err = records.Retry(ctx, func() error {
		stored, again, err = b.closed(ctx, day, found)
		if again || err != nil {
			return err
		}
		if ledger == nil { // what comes after it was read is carried
			if marks, err = records.Marks(ctx, b.table, day); err != nil {
				return err
			}
			read, err := b.reports.Ledger(ctx, day, max(b.Patience, noWait))
			if err != nil {
				return err
			}
			if read.OnTheWay > 0 {
				return &Behind{read.OnTheWay}
			}
			ledger = &read
		}
		stored, err = b.attempt(ctx, by, day, found, *ledger)
		return err
	})
	if err != nil || again {
		return stored, again, err
	}
	slog.InfoContext(ctx, "day closed", "day", day, "number", stored.Number, "carried", len(stored.Carried))
	return stored, false, records.MarkClosed(ctx, b.table, marks, stored.Close, b.has(marks, ledger.At))
}

// closed returns the record of a day that is closed, with again true if the count is the same,
// and ErrClosed if not. Without a record it returns none.
func (b *Books) closed(ctx context.Context, day model.Day, found books.Count) (stored records.StoredClose, again bool, err error) {
	stored, err = b.record(ctx, day)
	switch {
	case errors.Is(err, model.ErrNotFound):
		return stored, false, nil
	case err != nil:
		return stored, false, err
	}
	if err := b.assureMark(ctx, day, stored.Close); err != nil {
		return stored, false, err
	}
	if was := stored.Found(); was.Float != found.Float || !maps.Equal(was.Counted, found.Counted) {
		return stored, false, ErrClosed
	}
	return stored, true, nil
}

func (b *Books) record(ctx context.Context, day model.Day) (records.StoredClose, error) {
	return records.Get(ctx, b.table, records.CloseKey(day), true, records.DecodeClose)
}

// assureMark notes on a day's record that it is closed, if a close was broken off before it
// did. The next close looks at the day again then.
func (b *Books) assureMark(ctx context.Context, day model.Day, c books.Close) error {
	marks, err := records.Marks(ctx, b.table, day)
	if err != nil || marks.Closed > 0 {
		return err
	}
	return records.MarkClosed(ctx, b.table, marks, c, false)
}

// has reports whether a ledger that was read then has every change that its day's marks tell
// of, and none comes without a mark. Before the report is due, changes are not marked; a
// change is posted some time after its mark.
func (b *Books) has(marks records.DayMarks, readAt time.Time) bool {
	return !readAt.Before(b.settings.ReportDue(marks.Day)) && readAt.Sub(marks.LateAt) >= records.PostingTime
}

// attempt makes one attempt at the next record. It is records.ErrOvertaken when another close
// was quicker, or a day that it carries has changed meanwhile.
func (b *Books) attempt(ctx context.Context, by string, day model.Day, found books.Count, ledger daily.Ledger) (stored records.StoredClose, err error) {
	head, err := records.LastClose(ctx, b.table)
	if err != nil {
		return stored, err
	}
	if head.Number > 0 { // the last close may have been broken off before it marked its day
		marks, err := records.Marks(ctx, b.table, head.Day)
		if err != nil {
			return stored, err
		}
		if marks.Closed == 0 {
			last, err := b.record(ctx, head.Day)
			if err != nil {
				return stored, err
			}
			if err := b.assureMark(ctx, head.Day, last.Close); err != nil {
				return stored, err
			}
		}
	}
	record := books.Close{
		Number: head.Number + 1, Day: day, ClosedAt: model.Timestamp(b.now.Stamp()), By: by, Early: found.Early,
		Currency: b.settings.Currency, Float: found.Float, Previous: head.Hash,
	}
	if record.Sums, err = ledger.Sums(); err != nil {
		return stored, err
	}
	record.Weigh(found)
	carried, marks, err := b.carry(ctx, day)
	if err != nil {
		return stored, err
	}
	record.Carried = carried
	text, err := record.Seal()
	if err != nil {
		return stored, err
	}
	ops, err := records.PutClose(record, text)
	if err != nil {
		return stored, err
	}
	err = records.Write(ctx, b.table, append(ops, marks...)...)
	var refused *table.ConditionError
	if errors.As(err, &refused) {
		return stored, records.ErrOvertaken
	}
	if err != nil {
		return stored, fmt.Errorf("close %s: %w", day, err)
	}
	return records.StoredClose{Close: record, Text: text}, nil
}

// carry returns what changed on closed days since they were closed, and the operations that
// note that the close of the day carries it.
func (b *Books) carry(ctx context.Context, day model.Day) (carried []books.Carried, marks []table.Op, err error) {
	page, err := b.table.Query(ctx, table.Query{Index: table.Index2, Partition: records.PartitionDays, Limit: mostCarried})
	if err != nil {
		return nil, nil, fmt.Errorf("closed days that changed: %w", err)
	}
	changes := make([]books.Carried, len(page.Rows))
	ops := make([]*table.Op, len(page.Rows))
	err = parallel.Each(ctx, len(page.Rows), func(ctx context.Context, i int) error {
		late := model.Day(page.Rows[i].Key.SK)
		if late == day {
			return nil // a close was broken off, and somebody closes the day again
		}
		var err error
		changes[i], ops[i], err = b.changed(ctx, late, day)
		return err
	})
	for i, op := range ops {
		if op != nil {
			marks = append(marks, *op)
		}
		if !changes[i].IsZero() {
			carried = append(carried, changes[i])
		}
	}
	return carried, marks, err
}

// changed returns what changed on a closed day and is carried by no close yet, and the
// operation that notes that the close of another day carries it; nil: there is nothing to note.
func (b *Books) changed(ctx context.Context, late, by model.Day) (c books.Carried, op *table.Op, err error) {
	marks, err := records.Marks(ctx, b.table, late)
	if err != nil || marks.Closed == 0 {
		return c, nil, err
	}
	ledger, err := b.reports.Ledger(ctx, late, 0)
	if err != nil {
		return c, nil, err
	}
	now, err := ledger.Sums()
	if err != nil {
		return c, nil, err
	}
	booked, err := b.booked(ctx, marks)
	if err != nil {
		return c, nil, err
	}
	if c.Sums, err = now.Plus(-1, booked); err != nil {
		return c, nil, err
	}
	c.Day, c.Amount = late, c.Sums.Amount()
	all := b.has(marks, ledger.At)
	switch {
	case !c.IsZero():
		mark := records.MarkCarried(marks, by, all)
		return c, &mark, nil
	case all:
		mark := records.MarkCarried(marks, "", true)
		return c, &mark, nil
	}
	return c, nil, nil
}

// booked returns what the closes have of a closed day: its own record, and what later closes
// carry.
func (b *Books) booked(ctx context.Context, marks records.DayMarks) (books.Sums, error) {
	own, err := b.record(ctx, marks.Day)
	if err != nil {
		return books.Sums{}, fmt.Errorf("close of %s: %w", marks.Day, err)
	}
	booked, err := own.Sums.Plus(1, books.Sums{})
	for _, day := range marks.CarriedBy {
		later, readErr := b.record(ctx, day)
		if readErr != nil {
			return booked, fmt.Errorf("close of %s: %w", day, readErr)
		}
		for _, c := range later.Carried {
			if c.Day == marks.Day && err == nil {
				booked, err = booked.Plus(1, c.Sums)
			}
		}
	}
	return booked, err
}
