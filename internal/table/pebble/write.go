package pebble

import (
	"context"

	lsm "github.com/cockroachdb/pebble/v2"

	"cafe/internal/table"
)

// Write implements table.Table. It never returns table.ErrConflict: writes to the
// same items take turns.
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

// inTurn does what only one may do at a time: to check and to apply. Once the store
// has failed nobody does it any more.
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

// write is one Write on its way.
type write struct {
	table *Table
	ops   []table.Op

	encoded *encoder // the items of puts, one after the other, up to ends[i]
	ends    []int
	scratch *encoder

	batch *lsm.Batch // nil when nothing changes
	last  uint64     // number of the last change
	seen  uint64     // number of the last change that what was read depends on
	err   error      // a refusal, to be returned once what it shows is on disk
}

// encodePuts does before the turn what can be done before it.
func (w *write) encodePuts() {
	w.ends = make([]int, len(w.ops))
	for i, op := range w.ops {
		if op.Kind == table.OpPut {
			w.encoded.item(op.Item)
		}
		w.ends[i] = len(w.encoded.buf)
	}
}

// apply checks the conditions and applies the write, to be read by all at once. It
// runs in its turn.
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

// change applies what is no longer as it was.
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

// read returns the item as it stands, nil if there is none.
func (w *write) read(key table.Key) (table.Item, error) {
	item, seq, err := w.table.lookup(w.table.db, key)
	if err != nil {
		return nil, err
	}
	if item == nil {
		// It may never have been, or its removal may not be on disk yet.
		seq = w.table.assigned.Load()
	}
	w.seen = max(w.seen, seq)
	return item, nil
}

// add appends to the batch all that one change means.
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
		e.buf = append(e.buf, changePassed)
	}
	if err := w.batch.Set(e.buf[start:value], e.buf[value:], nil); err != nil {
		return err
	}

	// Its place in the indexes, if that is another now.
	for _, index := range indexes {
		var was, is bool
		start := len(e.buf)
		e.buf, was = appendIndexKey(e.buf, index.space, index.attr, c.Key, c.Old)
		middle := len(e.buf)
		e.buf, is = appendIndexKey(e.buf, index.space, index.attr, c.Key, c.New)
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

// commit hands the batch to Pebble, which applies it; it is on disk after SyncWait,
// if nothing failed until then.
func (t *Table) commit(b *lsm.Batch) error {
	if err := t.db.ApplyNoSyncWait(b, lsm.Sync); err != nil {
		return t.broken(err)
	}
	return t.fence.err()
}

// broken is for errors of Pebble that leave in doubt what it will do next.
func (t *Table) broken(err error) error {
	t.fence.fail(err)
	return t.fence.err()
}

// wait returns once the write, or what made it be refused, is on disk.
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

// settle waits until all changes up to seq are on disk: nobody is told what a power
// cut could still undo.
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
