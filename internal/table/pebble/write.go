package pebble

import (
	"context"

	lsm "github.com/cockroachdb/pebble/v2"

	"cafe/internal/table"
)

// Write implements table.Table. It never returns table.ErrConflict, since writes take
// turns.
func (t *Table) Write(ctx context.Context, ops ...table.Op) error {
	if err := table.Validate(ops); err != nil {
		return err
	}
	if err := t.enter(ctx); err != nil {
		return err
	}
	defer t.leave()
	if err := t.space.err(); err != nil {
		return err
	}

	w := write{table: t, ops: ops}
	w.encoded = encoders.Get().(*encoder)
	w.scratch = encoders.Get().(*encoder)
	defer w.encoded.release()
	defer w.scratch.release()
	w.encodePuts()

	if err := t.inTurn(ctx, w.apply); err != nil {
		return err
	}
	return w.wait(ctx)
}

// inTurn calls do while no other writer checks or applies a write. It returns an error
// without calling do if the context ends or the store has failed.
func (t *Table) inTurn(ctx context.Context, do func() error) error {
	select {
	case t.turn <- struct{}{}:
	default:
		select {
		case t.turn <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		case <-t.fence.failed:
			return t.fence.err()
		}
	}
	defer func() { <-t.turn }()
	if err := t.fence.err(); err != nil {
		return err
	}
	return do()
}

// write is one call of Write, or a part of a WriteEach.
type write struct {
	table *Table
	ops   []table.Op

	encoded *encoder // the items of puts, one after the other; item i ends at ends[i]
	ends    []int
	scratch *encoder

	batch *lsm.Batch // nil if nothing changes
	last  uint64     // the number of the last change of this write
	seen  uint64     // the number of the last change that this write has read
	err   error      // a refusal, to be returned once the changes it shows are on disk
}

// encodePuts encodes the items of puts. It runs before the turn, to keep the turn short.
func (w *write) encodePuts() {
	w.ends = make([]int, len(w.ops))
	for i, op := range w.ops {
		if op.Kind == table.OpPut {
			w.encoded.item(op.Item)
		}
		w.ends[i] = len(w.encoded.buf)
	}
}

// apply checks the conditions and applies the write. After that, everybody can read it.
// It must run in the writer's turn.
func (w *write) apply() error {
	olds := make([]table.Item, len(w.ops))
	var refused []table.Failure
	for i, op := range w.ops {
		old, err := w.read(op.Key)
		if err != nil {
			return err
		}
		olds[i] = old
		for _, c := range op.If {
			if !c.Holds(old) {
				refused = append(refused, table.Failure{Op: i, Item: old})
				break
			}
		}
	}
	if refused != nil {
		w.err = &table.ConditionError{Failures: refused}
		return nil
	}
	news := make([]table.Item, len(w.ops))
	changed := false
	for i, op := range w.ops {
		var err error
		if news[i], err = op.Apply(olds[i]); err != nil {
			return err
		}
		changed = changed || !same(olds[i], news[i])
	}
	if !changed {
		return nil
	}

	return w.change(olds, news)
}

// change applies the items that differ.
func (w *write) change(olds, news []table.Item) error {
	t := w.table
	w.batch = t.db.NewBatch()
	w.last = t.assigned.Load()
	at := t.now()
	for i := range w.ops {
		if same(olds[i], news[i]) {
			continue
		}
		w.last++
		if err := w.add(i, Change{Seq: w.last, Time: at, Key: w.ops[i].Key, Old: olds[i], New: news[i]}); err != nil {
			return t.broken(err)
		}
	}
	t.assigned.Store(w.last)
	return t.commit(w.batch)
}

// read returns the current item, or nil if it does not exist.
func (w *write) read(key table.Key) (table.Item, error) {
	item, seq, err := w.table.lookup(w.table.db, key)
	if err != nil {
		return nil, err
	}
	if item == nil {
		// It may have been deleted just now, and the deletion may not be on disk yet.
		seq = w.table.assigned.Load()
	}
	w.seen = max(w.seen, seq)
	return item, nil
}

// add appends one change to the batch: the item, the change itself, and index entries.
func (w *write) add(i int, c Change) error {
	e := w.scratch

	// The item.
	e.buf = appendItemKey(e.buf[:0], c.Key)
	key := len(e.buf)
	var item []byte
	if c.New == nil {
		if err := w.batch.Delete(e.buf, nil); err != nil {
			return err
		}
	} else {
		e.uint(c.Seq)
		start := len(e.buf)
		if w.ops[i].Kind == table.OpPut {
			begin := 0
			if i > 0 {
				begin = w.ends[i-1]
			}
			e.buf = append(e.buf, w.encoded.buf[begin:w.ends[i]]...)
		} else {
			e.item(c.New)
		}
		item = e.buf[start:]
		if err := w.batch.Set(e.buf[:key], e.buf[key:], nil); err != nil {
			return err
		}
	}

	// The change.
	start := len(e.buf)
	e.buf = appendChangeKey(e.buf, c.Seq)
	value := len(e.buf)
	if logs := w.table.logs; logs == nil || logs(c.Key.PK) {
		e.change(c, item)
	} else {
		e.buf = append(e.buf, changeNumberOnly)
	}
	if err := w.batch.Set(e.buf[start:value], e.buf[value:], nil); err != nil {
		return err
	}

	// The entries in the indexes that differ.
	for _, index := range indexes {
		var was, is bool
		start := len(e.buf)
		e.buf, was = appendIndexKey(e.buf, index.kind, index.attr, c.Key, c.Old)
		middle := len(e.buf)
		e.buf, is = appendIndexKey(e.buf, index.kind, index.attr, c.Key, c.New)
		before, after := e.buf[start:middle], e.buf[middle:]
		if string(before) == string(after) {
			continue
		}
		if was {
			if err := w.batch.Delete(before, nil); err != nil {
				return err
			}
		}
		if is {
			if err := w.batch.Set(after, nil, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// commit gives the batch to Pebble, which applies it. The batch is on disk once SyncWait
// returns, unless the fence has an error then.
func (t *Table) commit(b *lsm.Batch) error {
	if err := t.db.ApplyNoSyncWait(b, lsm.Sync); err != nil {
		return t.broken(err)
	}
	return t.fence.err()
}

// broken makes the store fail after an error of Pebble, and returns the store's error.
func (t *Table) broken(err error) error {
	t.fence.fail(err)
	return t.fence.err()
}

// wait waits until the write is on disk. After a refusal, it waits until the changes that
// the refusal depends on are.
func (w *write) wait(ctx context.Context) error {
	t := w.table
	if w.batch == nil {
		if err := t.settle(ctx, w.seen); err != nil {
			return err
		}
		return w.err
	}
	if err := w.batch.SyncWait(); err != nil {
		return t.broken(err)
	}
	if err := t.fence.err(); err != nil {
		return err
	}
	t.synced.advance(w.last)
	w.batch.Close()
	return nil
}

// settle waits until all changes up to seq are on disk. So no answer depends on a change
// that a power cut can still undo.
func (t *Table) settle(ctx context.Context, seq uint64) error {
	if t.synced.reach(ctx, seq, t.fence.failed) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.fence.err()
}

func same(a, b table.Item) bool { return (a == nil) == (b == nil) && a.Equal(b) }
