package records

import (
	"context"
	"errors"
	"time"

	"cafe/internal/table"
	"cafe/model"
)

// PostingTime is more than it takes to post an order that is known to be late: the ledger's
// function is stopped after a minute.
const PostingTime = 5 * time.Minute

// CountLate returns the operation that counts so many late changes on the record of a day:
// its report is out of date then.
func CountLate(day model.Day, n int, at time.Time) table.Op {
	op := table.Update(DayKey(day))
	op.Add = map[string]int64{"late": int64(n)}
	op.Set = table.Item{"late_at": Time(at)}
	return op
}

// MarkLate counts one batch of late changes on the record of a day. It must come before they
// are posted: a crash in between marks the day in vain, and never misses a change. If the day
// is closed, the next close finds the record in index 2, and carries the changes.
func MarkLate(ctx context.Context, t table.Table, day model.Day, at time.Time) error {
	op := CountLate(day, 1, at)
	op.If = []table.Condition{table.Missing(AttrClosed)}
	err := Write(ctx, t, op)
	if _, closed := table.Failed(err, 0); !closed {
		return err
	}
	op.If = nil
	op.Set[table.AttrIndex2], op.Set[table.AttrSort] = table.String(PartitionDays), table.String(string(day))
	return Write(ctx, t, op)
}

// AttrClosed is the attribute of a day's record that has the number of its close.
const AttrClosed = "closed"

// MarkImported returns the operation that notes on the record of a day when an import last
// brought orders of it. Their change records may still be on their way to the ledger.
func MarkImported(day model.Day, at time.Time) table.Op {
	op := table.Update(DayKey(day))
	op.Set = table.Item{"imported_at": Time(at)}
	return op
}

// Audit is what the last reconcile found and left as it was.
type Audit struct {
	Drifted    int64 // customers, and days of walk-ins, whose totals are wrong
	Unreadable int64 // stored items that cannot be decoded
}

// LastAudit returns what the last reconcile left as it was, zeros when it left nothing.
func LastAudit(ctx context.Context, t table.Table) (Audit, error) {
	item, err := t.Get(ctx, AuditKey, false)
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return Audit{}, err
	}
	return Audit{item.Int("drifted"), item.Int("unreadable")}, nil
}

// SetAudit stores what a reconcile left as it was, for the daily report.
func SetAudit(ctx context.Context, t table.Table, a Audit) error {
	if a != (Audit{}) {
		return Write(ctx, t, table.Put(AuditKey, table.Item{"drifted": table.Int(a.Drifted), "unreadable": table.Int(a.Unreadable)}))
	}
	_, err := t.Get(ctx, AuditKey, true)
	if errors.Is(err, table.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return Write(ctx, t, table.Delete(AuditKey))
}
