package imports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"cafe/internal/panics"
	"cafe/internal/parallel"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/pricing"
	"cafe/model/till"
)

// attempt makes one attempt at an import, from the beginning of its file.
func (i *Importer) attempt(ctx context.Context, files Files, im model.Import) error {
	afresh := model.Import{ID: im.ID, ImportDraft: im.ImportDraft, By: im.By, CreatedAt: im.CreatedAt} // counts of an earlier attempt start again
	a := &attempt{Importer: i, files: files, im: afresh, told: i.now()}
	if err := a.start(ctx); err != nil {
		return err
	}
	if a.im.Finished() { // announced again, or S3 took another file
		slog.InfoContext(ctx, "upload of an import that has finished is not read", "import", a.im.ID)
		return nil
	}
	err := a.read(ctx)
	var bad *till.FileError
	switch {
	case errors.As(err, &bad):
		a.im.Status, a.im.Problems = model.ImportFailed, []model.ImportProblem{{Reason: bad.Reason}}
	case err != nil:
		return err
	default:
		a.im.Status = model.ImportDone
	}
	if err := a.markDays(ctx); err != nil {
		return err
	}
	a.im.FinishedAt = i.now.Stamp()
	if err := a.finish(ctx); err != nil {
		return err
	}
	slog.InfoContext(ctx, "import finished", "import", a.im.ID, "kind", a.im.Kind, "dry_run", a.im.DryRun, "status", a.im.Status, "rows", a.im.Rows,
		"created", a.im.Created, "updated", a.im.Updated, "unchanged", a.im.Unchanged, "rejected", a.im.Rejected, "skipped_rows", a.im.SkippedRows)
	return nil
}

// attempt is one attempt at an import.
type attempt struct {
	*Importer
	files Files
	told  time.Time // when it last stored its progress

	tariff *pricing.Tariff // for orders: the café's now

	mu       sync.Mutex // guards what follows
	im       model.Import
	days     map[model.Day]bool // of the orders that it brought
	compared comparison         // of some of the orders that it creates
	newItems []string           // SKUs of the items that it created
}

// start stores that the import runs, and learns whether it was finished meanwhile.
func (a *attempt) start(ctx context.Context) error {
	op := table.Update(records.ImportKey(a.im.ID), table.Equal("status", table.String(string(model.ImportWaiting))))
	op.Set = table.Item{"status": table.String(string(model.ImportRunning)), attrHeardAt: records.Time(a.now.Stamp())}
	err := a.persist(ctx, op)
	if item, refused := table.Failed(err, 0); refused && item.Str("status") == string(model.ImportRunning) {
		// An earlier attempt ended early, or another is at it.
		op.If = []table.Condition{table.Equal("status", table.String(string(model.ImportRunning)))}
		err = a.persist(ctx, op)
	}
	if item, refused := table.Failed(err, 0); refused {
		a.im.Status = model.ImportStatus(item.Str("status")) // empty: removed meanwhile
		if a.im.Finished() {
			return nil
		}
		return fmt.Errorf("start: %w", model.ErrNotFound)
	}
	a.im.Status = model.ImportRunning
	return err
}

// finish stores what came of the import, unless another attempt was first.
func (a *attempt) finish(ctx context.Context) error {
	op := table.Update(records.ImportKey(a.im.ID), table.Equal("status", table.String(string(model.ImportRunning))))
	op.Set = resultOf(a.im)
	if a.im.Resembles == "" {
		op.Remove = []string{attrResembles} // an earlier attempt may have read another file
	}
	if len(a.newItems) > 0 && !a.im.DryRun {
		op.Set[attrNewItems] = texts(listed(a.newItems))
	}
	err := a.persist(ctx, op)
	if _, finished := table.Failed(err, 0); finished {
		return nil
	}
	return err
}

// markDays notes on the records of days that orders of theirs were just imported: a report
// that is made now asks whether the ledger has them.
func (a *attempt) markDays(ctx context.Context) error {
	days, at := slices.Collect(maps.Keys(a.days)), a.now.Stamp()
	return parallel.Each(ctx, len(days), func(ctx context.Context, i int) error {
		return a.persist(ctx, records.MarkImported(days[i], at))
	})
}

// brought notes that the import has an order of that day.
func (a *attempt) brought(day model.Day) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.days == nil {
		a.days = map[model.Day]bool{}
	}
	a.days[day] = true
}

// persist writes one operation, and waits while the store is busy.
func (a *attempt) persist(ctx context.Context, op table.Op) error {
	return records.Patiently(ctx, func() error { return a.table.Write(ctx, op) })
}

// tell stores the attempt's progress. A failure does not matter: it is stored again soon.
func (a *attempt) tell(ctx context.Context) {
	a.mu.Lock()
	op := table.Update(records.ImportKey(a.im.ID), table.Equal("status", table.String(string(model.ImportRunning))))
	op.Set = countsOf(a.im)
	a.mu.Unlock()
	op.Set[attrHeardAt] = records.Time(a.now.Stamp())
	_ = a.table.Write(ctx, op)
}

// read reads the file and stores what is in it.
func (a *attempt) read(ctx context.Context) error {
	upload, _, err := a.files.Open(ctx, uploadKey(a.im))
	if errors.Is(err, model.ErrNotFound) {
		return &till.FileError{Reason: "The file is not there any more; upload it again as a new import."}
	}
	if err != nil {
		return err
	}
	defer upload.Close()
	var menu model.Menu
	err = records.Patiently(ctx, func() (err error) { menu, err = a.menus.MenuSince(ctx, a.now()); return err })
	if err != nil {
		return err
	}
	rules := till.Rules{
		Source: a.im.Source, Calendar: a.settings.Calendar, Currency: a.settings.Currency, Dates: a.settings.DateOrder, Payment: a.im.Payment, Menu: menu, Ignore: a.im.Ignore, MaxBytes: maxUnpacked, Scratch: scratch,
	}
	switch a.im.Kind {
	case model.ImportOrders:
		err := records.Patiently(ctx, func() (err error) { a.tariff, err = a.menus.Tariff(ctx); return err })
		if err != nil {
			return err
		}
		file, err := till.ReadOrders(ctx, upload, rules)
		if err == nil {
			if err := a.storeSpans(ctx, file.Dates()); err != nil {
				return errors.Join(err, file.Close())
			}
		}
		if err := takeAll(ctx, a, file, err, func(o till.Order) till.Entry { return o.Entry }, a.takeOrder); err != nil {
			return err
		}
		if n := a.compared.seen; n == 0 || n == mostCompared { // compared already
			return nil
		}
		return a.compare(ctx)
	case model.ImportStock:
		file, err := till.ReadStock(ctx, upload, rules)
		return takeAll(ctx, a, file, err, func(n till.Count) till.Entry { return n.Entry }, a.takeCount)
	case model.ImportMenu:
		defer a.menus.ForgetMenu()
		file, err := till.ReadMenu(ctx, upload, rules)
		if err := takeAll(ctx, a, file, err, func(m till.MenuItem) till.Entry { return m.Entry }, a.takeMenuItem); err != nil {
			return err
		}
		return a.retireSample(ctx)
	}
	return fmt.Errorf("unknown kind %q", a.im.Kind)
}

// scratch makes a temporary file that is gone when it is closed or the process ends.
func scratch() (till.Scratch, error) { return tempFile() }

func tempFile() (*os.File, error) {
	f, err := os.CreateTemp("", "cafe-import-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// outcome is what became of one order or item of the file.
type outcome string

const (
	created   outcome = "created"
	updated   outcome = "updated"
	unchanged outcome = "unchanged"
	rejected  outcome = "rejected"
)

// takeAll stores what the file holds, several things at a time, and keeps the rejects. With
// readErr there is no file.
func takeAll[T any](ctx context.Context, a *attempt, file *till.File[T], readErr error,
	entry func(T) till.Entry, take func(context.Context, T) (became outcome, reason string, err error)) (err error) {
	if readErr != nil {
		return readErr
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	a.im.SkippedRows = int64(file.Skipped())
	a.im.Rows = a.im.SkippedRows
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(parallel.Width)
	var fileErr error
	for thing, err := range file.All() {
		if fileErr = err; err != nil || inner.Err() != nil {
			break
		}
		group.Go(func() (err error) {
			defer panics.Recover(inner, &err)
			became, reason, err := take(inner, thing)
			if err == nil && became == rejected {
				err = file.Reject(entry(thing), reason)
			}
			if err != nil {
				return err
			}
			a.note(became, len(entry(thing).Rows))
			return nil
		})
		if now := a.now(); now.Sub(a.told) >= progressEvery {
			a.told = now
			a.tell(ctx)
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := errors.Join(fileErr, ctx.Err()); err != nil {
		return err
	}
	a.im.Rows = int64(file.Rows())
	for _, p := range file.Problems() {
		a.im.Problems = append(a.im.Problems, model.ImportProblem{Line: p.Line, Reason: shortened(p.String(), maxReason)})
	}
	a.im.Summary = file.Summary()
	if a.im.Rejected == 0 {
		return nil
	}
	return a.keepRejects(ctx, file.WriteRejects)
}

// shortened cuts a text to so many characters.
func shortened(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

func (a *attempt) note(became outcome, rows int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.im.Rows += int64(rows)
	switch became {
	case created:
		a.im.Created++
	case updated:
		a.im.Updated++
	case unchanged:
		a.im.Unchanged++
	case rejected:
		a.im.Rejected++
	}
}

func (a *attempt) keepRejects(ctx context.Context, write func(io.Writer) (int, error)) (err error) {
	f, err := tempFile()
	if err != nil {
		return fmt.Errorf("rejects: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := write(f); err != nil {
		return fmt.Errorf("rejects: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("rejects: %w", err)
	}
	if err := a.files.Put(ctx, rejectsKey(a.im.ID), f); err != nil {
		return fmt.Errorf("rejects: %w", err)
	}
	return nil
}
