package pebble

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"

	"cafe/internal/table"
)

// Change is the change of one item by one write. A write of several items makes several
// changes with consecutive numbers. A write that leaves an item as it was makes no change.
type Change struct {
	Seq      uint64    // 1 for the first change ever, in the order in which writes took effect
	Time     time.Time // from Options.Now, in UTC, to the microsecond
	Key      table.Key
	Old, New table.Item // nil if the item did not exist before, or does not exist after
}

// changesBytes is the size of the log, in bytes, after which a call of Changes stops.
const changesBytes = 4 << 20

// Changes returns the changes with numbers above after, in order and without a gap, at
// most max of them. It returns only changes that are on disk, so no power cut undoes them.
// If there are none, it returns an empty slice; Wait waits for the next. If some of the
// changes have been trimmed, the error Is ErrTrimmed.
//
// wanted reports whether the caller wants the changes of a partition (PK); nil means all.
// A change that is not wanted, or not logged (Options.Logs), has only its Seq.
func (t *Table) Changes(ctx context.Context, after uint64, max int, wanted func(pk string) bool) ([]Change, error) {
	if err := t.enter(ctx); err != nil {
		return nil, err
	}
	defer t.leave()
	last := t.synced.n.Load()
	if after >= last || max <= 0 {
		return nil, nil
	}
	if first, _ := t.Bounds(); after+1 < first {
		return nil, fmt.Errorf("%w: the log begins with %d, and %d was asked for", ErrTrimmed, first, after+1)
	}
	it, err := t.db.NewIterWithContext(ctx, &lsm.IterOptions{
		LowerBound: appendChangeKey(nil, after+1), UpperBound: appendChangeKey(nil, last+1),
	})
	if err != nil {
		return nil, unreadable(err)
	}
	defer it.Close()
	changes := make([]Change, 0, min(uint64(max), last-after))
	size := 0
	for ok := it.First(); ok && len(changes) < max && size < changesBytes; ok = it.Next() {
		b, err := it.ValueAndErr()
		if err != nil {
			return nil, unreadable(err)
		}
		seq := binary.BigEndian.Uint64(it.Key()[1:])
		c := Change{Seq: seq}
		if concerns(b, wanted) {
			if c, err = decodeChange(seq, b); err != nil {
				return nil, unreadable(fmt.Errorf("change %d: %w", seq, err))
			}
		}
		if after++; seq != after {
			return nil, unreadable(fmt.Errorf("%w: change %d is missing", errCorrupt, after))
		}
		changes = append(changes, c)
		size += len(b)
	}
	if err := it.Error(); err != nil {
		return nil, unreadable(err)
	}
	return changes, nil
}

// Wait waits until a change with a number above after is on disk. It returns the context's
// error if the context ends first, and ErrClosed if the table is closed.
func (t *Table) Wait(ctx context.Context, after uint64) error {
	if t.synced.reach(ctx, after+1, t.closing) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return ErrClosed
}

// Bounds returns the number of the first change in the log and that of the last one on
// disk. If the log is empty, first is last + 1.
func (t *Table) Bounds() (first, last uint64) {
	t.trim.Lock()
	defer t.trim.Unlock()
	return t.trim.done + 1, t.synced.n.Load()
}

// Trim allows the log to drop all changes up to number through. It drops them a thousand
// at a time, and the rest when the table is closed. After a power cut some may be in the
// log again.
func (t *Table) Trim(through uint64) error {
	if err := t.enter(context.Background()); err != nil {
		return err
	}
	defer t.leave()
	t.trim.Lock()
	defer t.trim.Unlock()
	t.trim.wanted = max(t.trim.wanted, min(through, t.synced.n.Load()))
	if t.trim.wanted-t.trim.done < t.trim.every {
		return nil
	}
	return t.drop()
}

// drop drops the changes that Trim allows. It stores the number of the last one, so that
// numbers continue from there even if the log is empty.
func (t *Table) drop() error {
	if t.trim.wanted == t.trim.done {
		return nil
	}
	b := t.db.NewBatch()
	if err := b.DeleteRange(appendChangeKey(nil, t.trim.done+1), appendChangeKey(nil, t.trim.wanted+1), nil); err != nil {
		return t.broken(err)
	}
	if err := b.Set([]byte(metaTrimmed), encodeFact(t.trim.wanted), nil); err != nil {
		return t.broken(err)
	}
	if err := t.commitLater(b); err != nil {
		return err
	}
	t.trim.done = t.trim.wanted
	return nil
}

// Checkpoint returns the number that was last set for the named consumer, or 0 if none
// was ever set.
func (t *Table) Checkpoint(name string) (uint64, error) {
	if err := t.enter(context.Background()); err != nil {
		return 0, err
	}
	defer t.leave()
	return t.fact(metaCheckpoint + name)
}

// SetCheckpoint stores a number for the named consumer. It does not wait for the disk.
// After a power cut the number may be an earlier one, and the consumer gets some changes
// again.
func (t *Table) SetCheckpoint(name string, seq uint64) error {
	if err := t.enter(context.Background()); err != nil {
		return err
	}
	defer t.leave()
	b := t.db.NewBatch()
	if err := b.Set([]byte(metaCheckpoint+name), encodeFact(seq), nil); err != nil {
		return t.broken(err)
	}
	return t.commitLater(b)
}

// commitLater applies a batch without waiting for the disk.
func (t *Table) commitLater(b *lsm.Batch) error {
	return t.inTurn(context.Background(), func() error {
		if err := t.db.Apply(b, lsm.NoSync); err != nil {
			return t.broken(err)
		}
		if err := t.fence.err(); err != nil {
			return err
		}
		return b.Close()
	})
}
