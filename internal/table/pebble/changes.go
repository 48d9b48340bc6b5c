package pebble

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"

	"cafe/internal/table"
)

// Change is one item changed by one write. A write of several items makes several,
// with numbers in a row; one that leaves an item as it was makes none.
type Change struct {
	Seq      uint64    // 1 for the first ever, 2 for the next, in the order the writes took effect
	Time     time.Time // by Options.Now, to the microsecond, UTC
	Key      table.Key
	Old, New table.Item // nil where the item did not exist
}

// changesBytes is how much of the log one call of Changes takes.
const changesBytes = 4 << 20

// Changes returns the changes that follow number after, in order and without a gap,
// at most max of them. Only those that are on disk: what it returns no power cut
// takes back. None is an empty slice; Wait tells when there are more. When some that
// were asked for are trimmed the error is ErrTrimmed.
//
// A change of a partition (PK) that is not wanted, or not logged (Options.Logs), has its
// Seq and nothing else. Nil wants all.
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
		return nil, fmt.Errorf("%w: %d is the first that is left, asked for %d", ErrTrimmed, first, after+1)
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

// Wait returns once there is a change on disk with a number above after. It ends with
// the context's error, or with ErrClosed.
func (t *Table) Wait(ctx context.Context, after uint64) error {
	if t.synced.reach(ctx, after+1, t.closing) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return ErrClosed
}

// Bounds returns the number of the first change that is still in the log, and of the
// last one that is on disk. The log is empty when first is last + 1.
func (t *Table) Bounds() (first, last uint64) {
	t.trim.Lock()
	defer t.trim.Unlock()
	return t.trim.done + 1, t.synced.n.Load()
}

// Trim lets the log drop all changes up to number through. It drops them a thousand
// at a time, and the rest when the table is closed; after a power cut some may be back.
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

// drop drops what Trim was asked to. The number of the last one stays, so that the
// next change goes on from there even when the log is empty.
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

// Checkpoint returns the number that was last set for the consumer of that name; 0
// for one that never set any.
func (t *Table) Checkpoint(name string) (uint64, error) {
	if err := t.enter(context.Background()); err != nil {
		return 0, err
	}
	defer t.leave()
	return t.fact(metaCheckpoint + name)
}

// SetCheckpoint keeps a number for the consumer of that name. It does not wait for
// the disk: after a power cut the number may be an earlier one, and the consumer is
// given changes again.
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

// commitLater applies a batch that need not be on disk when it returns.
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
