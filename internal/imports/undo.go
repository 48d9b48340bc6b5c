package imports

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

const (
	// attrUndo is how far the import is taken back.
	attrUndo = "undo"

	// undoneAtOnce is how many orders or items one write takes back. The import is one more.
	undoneAtOnce = table.MaxOps - 1
	// undoneBytes is how large they may be together.
	undoneBytes = table.MaxWriteSize / 2
	// indexLag is longer than the day index lags behind a write.
	indexLag = time.Minute
)

// takenBackUnread is what is wrong with an import that was taken back before its file came.
const takenBackUnread = "The import was taken back before its file came."

// Undo takes back what an import created and nobody has changed since, as far as it gets in
// UndoTime. While the answer's FinishedAt is zero there is more to do, and Undo must be called
// again. It may be called any number of times, also at once: each order and item is taken back
// and counted once. Later calls return what came of it.
//
// Orders are deleted as Remove deletes them; another import may bring them again. Stock is left
// alone, since imported orders took none. New items of a menu leave the menu, new counts leave
// the stock. What stays is in the answer, with the reason. An import that waits for its file
// has failed then.
//
// It is model.ErrImportRunning while the import runs, and model.ErrNotFound without one.
func (i *Importer) Undo(ctx context.Context, id string) (model.Undo, error) {
	until := time.Now().Add(i.UndoTime)
	var u *undoing
	err := records.Retry(ctx, func() (err error) {
		u, err = i.beginUndo(ctx, id)
		return err
	})
	if err != nil || !u.done.FinishedAt.IsZero() {
		return u.result(), err
	}
	if u.im.Kind == model.ImportMenu {
		defer i.menus.ForgetMenu()
	}
	for more := true; more; {
		more, err = u.step(ctx, until)
		if errors.Is(err, records.ErrOvertaken) { // by another call
			u, err = i.readUndo(ctx, id)
			more = err == nil && u.done.FinishedAt.IsZero()
		}
		if err != nil {
			return model.Undo{}, err
		}
		more = more && time.Now().Before(until)
	}
	if !u.done.FinishedAt.IsZero() {
		slog.InfoContext(ctx, "import taken back", "import", id, "kind", u.im.Kind, "removed", u.done.Removed, "kept", u.done.KeptCount)
	}
	return u.done, nil
}

// undoing is an undo under way.
type undoing struct {
	*Importer
	im     model.Import
	stored table.Item // the import as it was read
	done   model.Undo
	at     position
}

func (u *undoing) result() model.Undo {
	if u == nil {
		return model.Undo{}
	}
	return u.done
}

// position is up to where an undo is through: in the day index, a span and a shard after the
// other, or in the SKUs of the items.
type position struct {
	span, shard int64
	after       string // the sort key in the index, or the SKU, of the last that was handled
}

// readUndo reads an import, and how far it is taken back.
func (i *Importer) readUndo(ctx context.Context, id string) (*undoing, error) {
	key := records.ImportKey(id)
	var stored table.Item
	im, err := records.Get(ctx, i.table, key, true, func(key table.Key, item table.Item) (model.Import, error) {
		stored = item
		return i.decodeNow(key, item)
	})
	if err == nil && !i.now().Before(im.CreatedAt.Add(Life)) {
		err = model.ErrNotFound // the store will drop it
	}
	if err != nil {
		return nil, err
	}
	u := &undoing{Importer: i, im: im, stored: stored}
	if im.Undo != nil {
		r := records.NewReader(key, stored)
		u.done, u.at = readUndo(&r)
	}
	return u, nil
}

// beginUndo reads an import. When nobody has asked for its undo before, it stores that it is
// taken back: from then on no attempt at the import begins.
func (i *Importer) beginUndo(ctx context.Context, id string) (*undoing, error) {
	u, err := i.readUndo(ctx, id)
	if err != nil || u.im.Undo != nil {
		return u, err
	}
	op := table.Update(records.ImportKey(id), table.Missing(attrUndo), table.Equal("status", u.stored["status"]))
	op.Set = table.Item{}
	switch was := model.ImportStatus(u.stored.Str("status")); {
	case was == model.ImportWaiting:
		u.im.Status, u.im.FinishedAt, u.im.Problems = model.ImportFailed, i.now.Stamp(), []model.ImportProblem{{Reason: takenBackUnread}}
		op.Set = endOf(u.im)
		u.done.FinishedAt = u.im.FinishedAt
	case u.im.Status == model.ImportRunning:
		return nil, model.ErrImportRunning
	case was == model.ImportRunning: // given up
		if heard, has := u.stored[attrHeardAt]; has {
			op.If = append(op.If, table.Equal(attrHeardAt, heard))
		}
		op.Set = endOf(u.im)
	case u.im.DryRun:
		u.done.FinishedAt = i.now.Stamp()
	}
	value := encodeUndo(u.done, u.at)
	op.Set[attrUndo] = value
	err = records.Write(ctx, i.table, op)
	if _, changed := table.Failed(err, 0); changed {
		return nil, records.ErrOvertaken
	}
	if err != nil {
		return nil, err
	}
	for name, v := range op.Set {
		u.stored[name] = v
	}
	return u, nil
}

// part is what one write takes back.
type part struct {
	ops  []table.Op
	ids  []string // of the orders or items of ops
	size int      // of ops, in bytes
	kept []model.UndoException
	next position
	end  bool // nothing comes after it
}

// add adds the operation that takes back an order or item, if there is room.
func (p *part) add(id string, op table.Op) bool {
	size := op.Item.Size()
	if len(p.ops) == undoneAtOnce || len(p.ops) > 0 && p.size+size > undoneBytes {
		return false
	}
	p.ops, p.ids, p.size = append(p.ops, op), append(p.ids, id), p.size+size
	return true
}

// keep notes that an order or item stays.
func (p *part) keep(id, why string) { p.kept = append(p.kept, model.UndoException{ID: id, Why: why}) }

// drop takes the operation of an order or item out that is not as it was read.
func (p *part) drop(n int, now table.Item) {
	if now != nil && !now.Bool("deleted") {
		p.keep(p.ids[n], whyChanged)
	}
	p.ops, p.ids = slices.Delete(p.ops, n, n+1), slices.Delete(p.ids, n, n+1)
}

// step takes back the next part. more reports whether the next one may follow at once.
func (u *undoing) step(ctx context.Context, until time.Time) (more bool, err error) {
	orders := u.im.Kind == model.ImportOrders
	var p part
	if orders {
		p, err = u.orders(ctx, until)
	} else {
		p, err = u.items(ctx)
	}
	if err != nil {
		return false, err
	}
	for {
		next := u.with(p)
		again := false
		if p.end {
			// The day index may lack some of what was just imported: then the next call
			// begins anew.
			again = orders && u.im.Created > next.Removed+next.KeptCount && u.now().Sub(u.im.FinishedAt) < indexLag
			if again {
				next.Kept, next.KeptCount, p.next = nil, 0, position{}
			} else {
				next.FinishedAt = u.now.Stamp()
			}
		}
		err := u.write(ctx, next, p)
		if dropped, refused := u.refusals(err); refused {
			if dropped == nil {
				return false, records.ErrOvertaken
			}
			for _, f := range slices.Backward(dropped) {
				p.drop(f.Op-1, f.Item)
			}
			continue
		}
		return !p.end, err
	}
}

// with returns the undo as it is once the part is taken back.
func (u *undoing) with(p part) model.Undo {
	next := u.done
	next.Removed += int64(len(p.ops))
	next.KeptCount += int64(len(p.kept))
	next.Kept = slices.Concat(next.Kept, p.kept)
	next.Kept = next.Kept[:min(len(next.Kept), model.MaxKept)]
	return next
}

// write takes a part back, and stores in the same write how far the undo is then.
func (u *undoing) write(ctx context.Context, next model.Undo, p part) error {
	value := encodeUndo(next, p.next)
	op := table.Update(records.ImportKey(u.im.ID), table.Equal(attrUndo, u.stored[attrUndo]))
	op.Set = table.Item{attrUndo: value}
	if err := records.Write(ctx, u.table, append([]table.Op{op}, p.ops...)...); err != nil {
		return err
	}
	u.done, u.at, u.stored[attrUndo] = next, p.next, value
	return nil
}

// refusals returns what a write found changed. It is nil when the undo itself is further than
// it was.
func (u *undoing) refusals(err error) (dropped []table.Failure, refused bool) {
	var changed *table.ConditionError
	if !errors.As(err, &changed) {
		return nil, false
	}
	if _, overtaken := table.Failed(err, 0); overtaken {
		return nil, true
	}
	return changed.Failures, true
}

// encodeUndo returns how far an undo is, as it is stored.
func encodeUndo(undo model.Undo, at position) table.Value {
	kept := make([]table.Value, len(undo.Kept))
	for i, k := range undo.Kept {
		kept[i] = table.Map(table.Item{"id": table.String(k.ID), "why": table.String(k.Why)})
	}
	item := table.Item{
		"removed": table.Int(undo.Removed), "kept": table.List(kept...), "kept_count": table.Int(undo.KeptCount),
		"span": table.Int(at.span), "shard": table.Int(at.shard),
	}
	records.PutText(item, "after", at.after)
	records.PutTime(item, "finished_at", undo.FinishedAt)
	return table.Map(item)
}

// readUndo reads what encodeUndo returned.
func readUndo(r *records.Reader) (undo model.Undo, at position) {
	in := r.Inner(attrUndo)
	undo = model.Undo{Removed: in.Number("removed"), KeptCount: in.Number("kept_count"), FinishedAt: in.OptionalTime("finished_at")}
	for k := range in.Maps("kept") {
		undo.Kept = append(undo.Kept, model.UndoException{ID: k.Text("id"), Why: k.Text("why")})
	}
	at = position{span: in.Number("span"), shard: in.Number("shard"), after: in.Optional("after")}
	r.Note(in.Err())
	return undo, at
}
