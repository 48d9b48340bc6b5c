package pebble

import (
	"context"
	"fmt"

	"cafe/internal/table"
)

// atOnce is the most operations of a WriteEach that are applied in one turn, since other
// writers wait for the turn.
const atOnce = 50

var _ table.EachWriter = (*Table)(nil)

// WriteEach implements table.EachWriter. All operations share one wait for the disk.
func (t *Table) WriteEach(ctx context.Context, ops []table.Op) []error {
	errs := make([]error, len(ops))
	all := func(err error, errs []error) []error {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	seen := make(map[table.Key]bool, len(ops))
	for i, op := range ops {
		if seen[op.Key] {
			return all(fmt.Errorf("%w: two operations on %s", table.ErrInvalid, op.Key), errs)
		}
		seen[op.Key] = true
		errs[i] = table.Validate(ops[i : i+1])
	}
	if err := t.enter(ctx); err != nil {
		return all(err, errs)
	}
	defer t.leave()
	if err := t.space.err(); err != nil {
		return all(err, errs)
	}
	var waiting []func()
	for start := 0; start < len(ops); start += atOnce {
		end := min(start+atOnce, len(ops))
		w := &write{table: t, ops: ops[start:end], encoded: encoders.Get().(*encoder), scratch: encoders.Get().(*encoder)}
		refused := errs[start:end]
		w.encodePuts()
		err := t.inTurn(ctx, func() error { return w.applyEach(refused) })
		w.encoded.release()
		w.scratch.release()
		if err != nil {
			all(err, errs[start:])
			break
		}
		waiting = append(waiting, func() {
			if err := w.wait(ctx); err != nil {
				all(err, refused) // it is unknown what became of each
			}
		})
	}
	for _, wait := range waiting {
		wait()
	}
	return errs
}

// applyEach is like apply, but for independent operations. It leaves out operations that
// have an error already, and those whose conditions do not hold.
func (w *write) applyEach(errs []error) error {
	olds, news := make([]table.Item, len(w.ops)), make([]table.Item, len(w.ops))
	changes := 0
	for i, op := range w.ops {
		if errs[i] != nil {
			continue
		}
		old, err := w.read(op.Key)
		if err != nil {
			return err
		}
		olds[i], news[i] = old, old
		for _, c := range op.If {
			if !c.Holds(old) {
				errs[i] = &table.ConditionError{Failures: []table.Failure{{Item: old}}}
				break
			}
		}
		if errs[i] != nil {
			continue
		}
		next, err := op.Apply(old)
		if err != nil {
			errs[i] = err
			continue
		}
		if news[i] = next; !same(old, next) {
			changes++
		}
	}
	if changes == 0 {
		return nil
	}
	return w.change(olds, news)
}
