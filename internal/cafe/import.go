package cafe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"

	"cafe/internal/table"
	"cafe/model"
	"cafe/model/till"
)

// Files hold uploads, and the rejects of imports.
type Files interface {
	// Open returns a file's bytes, to be closed, and how many they are. Without such a
	// file the error is ErrNotFound.
	Open(ctx context.Context, key string) (file io.ReadCloser, size int64, err error)
	// Put keeps what body has from where it stands to its end, in place of an earlier
	// file of that key.
	Put(ctx context.Context, key string, body io.ReadSeeker) error
}

// Links make the addresses at which clients send and fetch files. Each is good for one
// file, one way and that long.
type Links interface {
	UploadURL(ctx context.Context, key string, life time.Duration) (string, error)
	DownloadURL(ctx context.Context, key string, life time.Duration) (string, error)
}

// ImportLife is how long imports, uploads and rejects are kept: they name customers.
const ImportLife = 30 * 24 * time.Hour

const (
	// linkLife is how long an address for an upload or for rejects is good.
	linkLife = time.Hour

	// maxUnpacked is how large an upload may be once unpacked. An attempt may keep its
	// rows, its rejects and the rejects file on disk, and all three fit into the 512 MB
	// that a Lambda function has.
	maxUnpacked = 128 << 20
	// maxReason is how long a reason is kept, in characters.
	maxReason = 300
	// progressEvery is how often a running import tells how far it is.
	progressEvery = 500 * time.Millisecond
	// silence is after how long without a word from it a running import counts as given
	// up: longer than all attempts of a function may be silent, and the pauses in between.
	silence = 30 * time.Minute
	// patience is how long an import waits for a store that is busy or away, before
	// the attempt is given up.
	patience = 30 * time.Second
)

// Keys of files.
const (
	uploads = "imports/"
	rejects = "rejects/"
)

// uploadKey is where the import's file goes. It ends with the file's name.
func uploadKey(im model.Import) string { return uploads + im.ID + "/" + safeName(im.Name) }

func rejectsKey(id string) string { return rejects + id + ".csv" }

// safeName makes a file's name one part of a key, and so short that the whole key can
// be a file's name in turn.
func safeName(name string) string {
	if name == "." || name == ".." {
		return "file"
	}
	name = strings.NewReplacer("/", "_", `\`, "_").Replace(name)
	length := 0
	for i, r := range name {
		if length += utf8.RuneLen(r); r == '%' {
			length += 2
		}
		if length > 200 {
			return name[:i]
		}
	}
	return name
}

// Upload is where a client sends the file of an import, and until when.
type Upload struct {
	ImportID  string
	URL       string
	ExpiresAt time.Time
}

// BeginImport makes an import that waits for its file. Without a source it is of
// till.DefaultSource. Fields at fault are a model.Invalid.
func (c *Cafe) BeginImport(ctx context.Context, links Links, by Caller, draft model.ImportDraft) (Upload, error) {
	if draft.Source == "" {
		draft.Source = till.DefaultSource
	}
	if err := draft.Validate(); err != nil {
		return Upload{}, err
	}
	im := model.Import{ID: newID(), ImportDraft: draft, By: by.Role, Status: model.ImportWaiting, CreatedAt: c.clock()}
	url, err := links.UploadURL(ctx, uploadKey(im), linkLife)
	if err != nil {
		return Upload{}, fmt.Errorf("address for the upload: %w", err)
	}
	if err := c.write(ctx, table.Put(importKey(im.ID), importItem(im), table.Absent())); err != nil {
		return Upload{}, err
	}
	return Upload{ImportID: im.ID, URL: url, ExpiresAt: im.CreatedAt.Add(linkLife)}, nil
}

// ImportResult returns an import, or ErrNotFound, and where its rejects can be fetched;
// empty when there are none.
func (c *Cafe) ImportResult(ctx context.Context, links Links, id string) (im model.Import, rejectsURL string, err error) {
	if im, err = c.importNamed(ctx, id); err != nil || !im.HasRejects() {
		return im, "", err
	}
	if rejectsURL, err = links.DownloadURL(ctx, rejectsKey(id), linkLife); err != nil {
		return im, "", fmt.Errorf("address of the rejects: %w", err)
	}
	return im, rejectsURL, nil
}

func (c *Cafe) importNamed(ctx context.Context, id string) (model.Import, error) {
	item, err := c.table.Get(ctx, importKey(id), true)
	if errors.Is(err, table.ErrNotFound) {
		return model.Import{}, ErrNotFound
	}
	if err != nil {
		return model.Import{}, err
	}
	im, err := c.importOf(importKey(id), item)
	if err == nil && !c.now().Before(im.CreatedAt.Add(ImportLife)) {
		return model.Import{}, ErrNotFound // the store drops it some time
	}
	return im, err
}

// TroubledImports returns the imports, begun from that time on and before the other,
// that failed or rejected something, the oldest first. Dry runs are none.
func (c *Cafe) TroubledImports(ctx context.Context, from, to time.Time) (troubled []model.Import, err error) {
	err = c.importsBetween(ctx, from, to, func(im model.Import) error {
		if !im.DryRun && (im.Status == model.ImportFailed || im.HasRejects()) {
			troubled = append(troubled, im)
		}
		return nil
	})
	return troubled, err
}

// ForgetImports removes imports that have been kept for as long as they may be, and
// returns how many. DynamoDB does so by itself, by their expires_at.
func (c *Cafe) ForgetImports(ctx context.Context) (forgotten int, err error) {
	err = c.importsBetween(ctx, time.Time{}, c.now().Add(-ImportLife), func(im model.Import) error {
		forgotten++
		return c.write(ctx, table.Delete(importKey(im.ID)))
	})
	return forgotten, err
}

func (c *Cafe) importsBetween(ctx context.Context, from, to time.Time, each func(model.Import) error) error {
	query := table.Query{
		Index: table.Index2, Partition: partitionImports, From: importSort(from, ""), To: importSort(to, ""), Limit: 100,
	}
	for {
		page, err := c.table.Query(ctx, query)
		if err != nil {
			return err
		}
		for _, row := range page.Rows {
			im, err := c.importOf(row.Key, row.Item)
			if err != nil {
				return err
			}
			if err := each(im); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		query.From = table.After(page.Next)
	}
}

// givenUp is what is wrong with an import whose every attempt ended early.
const givenUp = "The import was broken off again and again, and is not tried any more. What went in stays. " +
	"Upload the file again as a new import: nothing goes in twice."

// importOf reads an import as it is now: one that runs and has not been heard of for
// long has failed. Should its upload be told once more, it runs again.
func (c *Cafe) importOf(key table.Key, item table.Item) (model.Import, error) {
	im, err := importOf(key, item)
	if err != nil || im.Status != model.ImportRunning {
		return im, err
	}
	heard := im.CreatedAt
	if _, has := item[attrToldAt]; has {
		heard = time.UnixMicro(item.Int(attrToldAt)).UTC()
	}
	if end := heard.Add(silence); !c.now().Before(end) {
		im.Status, im.FinishedAt, im.Problems = model.ImportFailed, end, []model.ImportProblem{{Reason: givenUp}}
	}
	return im, nil
}

// attrToldAt is when a running import was last heard of.
const attrToldAt = "told_at"

// TakesUpload tells whether a file that is uploaded under the key would be read: one of an
// import that is done or failed would not. One that was given up takes its file again.
func (c *Cafe) TakesUpload(ctx context.Context, key string) (bool, error) {
	id, ok := uploadID(key)
	if !ok {
		return false, nil
	}
	item, err := c.table.Get(ctx, importKey(id), true)
	if errors.Is(err, table.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	im, err := importOf(importKey(id), item)
	return err == nil && key == uploadKey(im) && !im.Finished(), err
}

// uploadID returns the id of the import that gave out the key, if it is of an upload at all.
func uploadID(key string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(key, uploads)
	id, _, _ = strings.Cut(rest, "/")
	return id, ok && model.ValidID(id)
}

// Import reads the file that was uploaded under the key, as its import asks. A key that
// no import gave out is left alone.
//
// An error means that this attempt ended early and that the upload is to be told again,
// to another Import, which finishes the work: what the first did stays, is not done
// twice, and counts as if it had been done now. So an upload may be told any number of
// times, also at once; an import that is done or failed is not run again. What its rows
// say is of the time when the import was begun: a stock count or a menu item that was
// set later stays, and the row is rejected.
func (c *Cafe) Import(ctx context.Context, files Files, key string) error {
	id, ok := uploadID(key)
	if !ok {
		slog.WarnContext(ctx, "a file that is no upload")
		return nil
	}
	im, err := patiently(ctx, func() (model.Import, error) { return c.importNamed(ctx, id) })
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && key != uploadKey(im):
		slog.WarnContext(ctx, "upload of no import", "import", id)
		return nil
	case err != nil:
		return fmt.Errorf("import %s: %w", id, err)
	}
	if err := c.run(ctx, files, im); err != nil {
		slog.WarnContext(ctx, "import interrupted", "import", id, "kind", im.Kind, "error", err.Error())
		return fmt.Errorf("import %s: %w", id, err)
	}
	return nil
}

// run makes one attempt at an import, from the beginning of its file.
func (c *Cafe) run(ctx context.Context, files Files, im model.Import) error {
	afresh := model.Import{ID: im.ID, ImportDraft: im.ImportDraft, By: im.By, CreatedAt: im.CreatedAt} // what an earlier attempt counted is counted again
	a := &attempt{Cafe: c, files: files, im: afresh, told: c.now()}
	if err := a.start(ctx); err != nil {
		return err
	}
	if a.im.Finished() { // told again, or S3 took another file
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
	a.im.FinishedAt = c.clock()
	if err := a.finish(ctx); err != nil {
		return err
	}
	slog.InfoContext(ctx, "import finished", "import", a.im.ID, "kind", a.im.Kind, "dry_run", a.im.DryRun, "status", a.im.Status, "rows", a.im.Rows,
		"created", a.im.Created, "updated", a.im.Updated, "unchanged", a.im.Unchanged, "rejected", a.im.Rejected, "skipped_rows", a.im.SkippedRows)
	return nil
}

// attempt is one attempt at an import.
type attempt struct {
	*Cafe
	files Files
	told  time.Time // when it last told how far it is

	mu sync.Mutex // guards the counts
	im model.Import
}

// start notes that the import runs, and learns whether it was finished meanwhile.
func (a *attempt) start(ctx context.Context) error {
	op := table.Update(importKey(a.im.ID), table.Equal("status", table.String(string(model.ImportWaiting))))
	op.Set = table.Item{"status": table.String(string(model.ImportRunning)), attrToldAt: moment(a.clock())}
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
		return fmt.Errorf("start: %w", ErrNotFound)
	}
	a.im.Status = model.ImportRunning
	return err
}

// finish stores what came of the import, unless another attempt was first.
func (a *attempt) finish(ctx context.Context) error {
	op := table.Update(importKey(a.im.ID), table.Equal("status", table.String(string(model.ImportRunning))))
	op.Set = resultOf(a.im)
	err := a.persist(ctx, op)
	if _, finished := table.Failed(err, 0); finished {
		return nil
	}
	return err
}

// tell stores how far the attempt is. It is a courtesy: what comes of it does not matter.
func (a *attempt) tell(ctx context.Context) {
	a.mu.Lock()
	op := table.Update(importKey(a.im.ID), table.Equal("status", table.String(string(model.ImportRunning))))
	op.Set = countsOf(a.im)
	a.mu.Unlock()
	op.Set[attrToldAt] = moment(a.clock())
	_ = a.table.Write(ctx, op)
}

// persist writes one operation, however long the store is busy within reason.
func (a *attempt) persist(ctx context.Context, op table.Op) error {
	_, err := patiently(ctx, func() (struct{}, error) { return struct{}{}, a.table.Write(ctx, op) })
	return err
}

// patiently calls again while the store is busy or away, with growing, jittered pauses.
func patiently[T any](ctx context.Context, call func() (T, error)) (T, error) {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval = 20 * time.Millisecond
	pauses.MaxInterval = 2 * time.Second
	return backoff.Retry(ctx, func() (T, error) {
		v, err := call()
		if err == nil || errors.Is(err, table.ErrThrottled) || errors.Is(err, table.ErrUnavailable) || errors.Is(err, table.ErrConflict) {
			return v, err
		}
		return v, backoff.Permanent(err)
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(patience))
}

// read reads the file and takes what is in it.
func (a *attempt) read(ctx context.Context) error {
	upload, _, err := a.files.Open(ctx, uploadKey(a.im))
	if errors.Is(err, ErrNotFound) {
		return &till.FileError{Reason: "The file is not there any more; upload it again as a new import."}
	}
	if err != nil {
		return err
	}
	defer upload.Close()
	menu, err := patiently(ctx, func() (model.Menu, error) { return a.menuSince(ctx, a.now()) })
	if err != nil {
		return err
	}
	rules := till.Rules{
		Source: a.im.Source, Zone: a.Calendar.Zone, Currency: a.Currency, Dates: a.DateOrder, Menu: menu, Ignore: a.im.Ignore, MaxBytes: maxUnpacked, Scratch: scratch,
	}
	switch a.im.Kind {
	case model.ImportOrders:
		file, err := till.ReadOrders(ctx, upload, rules)
		return takeAll(ctx, a, file, err, func(o till.Order) till.Entry { return o.Entry }, a.takeOrder)
	case model.ImportStock:
		file, err := till.ReadStock(ctx, upload, rules)
		return takeAll(ctx, a, file, err, func(n till.Count) till.Entry { return n.Entry }, a.takeCount)
	case model.ImportMenu:
		defer a.forgetMenu()
		file, err := till.ReadMenu(ctx, upload, rules)
		return takeAll(ctx, a, file, err, func(m till.MenuItem) till.Entry { return m.Entry }, a.takeMenuItem)
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

// takeAll takes what the file holds, width things at a time, and keeps the rejects. With
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
	group.SetLimit(width)
	var fileErr error
	for thing, err := range file.All() {
		if fileErr = err; err != nil || inner.Err() != nil {
			break
		}
		group.Go(func() (err error) {
			defer recovered(inner, &err)
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

// takeOrder stores an order of the till as what it is: history. It takes no stock.
func (a *attempt) takeOrder(ctx context.Context, o till.Order) (became outcome, reason string, err error) {
	if o.Fingerprint == "" { // its rows cannot all be read
		return rejected, "", nil
	}
	id := o.OrderID()
	now := a.clock()
	order := model.Order{
		ID: id, CustomerID: o.CustomerID, Payment: o.Payment, Status: o.Status, Lines: o.Lines, Total: o.Total, Currency: a.Currency,
		PlacedAt: o.PlacedAt, UpdatedAt: now, BusinessDay: a.Calendar.DayOf(o.PlacedAt), Version: 1, Posting: 1, Shard: a.shardOf(id),
		Fingerprint: o.Fingerprint, Import: a.im.ID,
	}
	op := table.Put(orderKey(id), itemOf(order), table.Absent())
	var stored table.Item
	if a.im.DryRun || len(o.Problems) > 0 {
		if stored, err = a.look(ctx, orderKey(id)); err == nil && stored == nil && len(o.Problems) == 0 {
			err = table.Validate([]table.Op{op})
		}
	} else {
		err = a.persist(ctx, op)
		if item, exists := table.Failed(err, 0); exists {
			stored, err = item, nil
		}
	}
	switch {
	case errors.Is(err, table.ErrTooLarge):
		return rejected, "the order has more in it than the café can keep of one order", nil
	case err != nil:
		return "", "", err
	case stored == nil && len(o.Problems) > 0:
		return rejected, "", nil
	case stored == nil:
		return created, "", nil
	case stored.Str("fingerprint") == o.Fingerprint && stored.Str("import_id") == a.im.ID:
		return created, "", nil // by an earlier attempt, or another at the same time
	case stored.Str("fingerprint") == o.Fingerprint:
		return unchanged, "", nil
	case stored.Bool("deleted"):
		return rejected, "the order was imported before with other rows, and has been deleted since", nil
	}
	return rejected, "the order was imported before with other rows", nil
}

// look returns the item as it is, nil when it is not there.
func (a *attempt) look(ctx context.Context, key table.Key) (table.Item, error) {
	return patiently(ctx, func() (table.Item, error) {
		item, err := a.table.Get(ctx, key, true)
		if errors.Is(err, table.ErrNotFound) {
			return nil, nil
		}
		return item, err
	})
}

// Stock and menu items carry when what they say was said, and by which import, with what
// became of it: so that the same import leaves them alone when it runs again, whatever
// has been sold or changed since, and a newer word is never replaced by an older one.
const (
	attrSaidAt     = "said_at"
	attrSaidBy     = "import_id"
	attrSaidBecame = "import_made"
)

// said returns what the item has from an earlier attempt at this import; settled is
// false when the import is still to have its say.
func (a *attempt) said(item table.Item) (became outcome, reason string, settled bool) {
	switch {
	case item == nil:
		return "", "", false
	case item.Str(attrSaidBy) == a.im.ID:
		return outcome(item.Str(attrSaidBecame)), "", true
	case item.Int(attrSaidAt) >= a.im.CreatedAt.UnixMicro():
		return rejected, "the item was set again after this import was begun", true
	}
	return "", "", false
}

// say marks what is written of an item as this import's.
func (a *attempt) say(item table.Item, became outcome) {
	item[attrSaidAt] = moment(a.im.CreatedAt)
	item[attrSaidBy] = table.String(a.im.ID)
	item[attrSaidBecame] = table.String(string(became))
}

// unsaid are the conditions that the item is there and nothing newer has been said.
func (a *attempt) unsaid() []table.Condition {
	return []table.Condition{table.Present(), table.Below(attrSaidAt, a.im.CreatedAt.UnixMicro())}
}

// takeCount sets how many of an item are on the shelf.
func (a *attempt) takeCount(ctx context.Context, n till.Count) (became outcome, reason string, err error) {
	if len(n.Problems) > 0 {
		return rejected, "", nil
	}
	return a.takeItem(ctx, stockKey(n.SKU), func(was table.Item) (outcome, *table.Op) {
		op := table.Update(stockKey(n.SKU), table.Absent())
		became := created
		if was != nil {
			op.If = append(a.unsaid(), table.Equal("on_hand", was["on_hand"]))
			became = updated
		}
		if was != nil && was.Int("on_hand") == n.OnHand {
			became = unchanged
		} else if n.OnHand > 0 {
			op.Add = map[string]int64{"restock": 1}
		}
		op.Set = table.Item{"on_hand": table.Int(n.OnHand)}
		a.say(op.Set, became)
		return became, &op
	})
}

// takeMenuItem puts an item on the menu.
func (a *attempt) takeMenuItem(ctx context.Context, m till.MenuItem) (became outcome, reason string, err error) {
	if len(m.Problems) > 0 {
		return rejected, "", nil
	}
	key := menuKey(m.Item.SKU)
	return a.takeItem(ctx, key, func(was table.Item) (outcome, *table.Op) {
		op := table.Put(key, menuItem(m.Item), table.Absent())
		became := created
		if was != nil {
			if old, err := menuItemOf(key, was); err == nil && menuItem(old).Equal(op.Item) {
				return unchanged, nil
			}
			op.If, became = a.unsaid(), updated
		}
		a.say(op.Item, became)
		return became, &op
	})
}

// takeItem reads an item, and writes what the file makes of it, if anything, unless it
// was settled before; anew when somebody else was quicker.
func (a *attempt) takeItem(ctx context.Context, key table.Key, decide func(was table.Item) (outcome, *table.Op)) (became outcome, reason string, err error) {
	became, err = patiently(ctx, func() (outcome, error) {
		was, err := a.table.Get(ctx, key, true)
		if errors.Is(err, table.ErrNotFound) {
			was = nil
		} else if err != nil {
			return "", err
		}
		var settled bool
		if became, reason, settled = a.said(was); settled {
			return became, nil
		}
		became, op := decide(was)
		if a.im.DryRun || op == nil {
			return became, nil
		}
		err = a.table.Write(ctx, *op)
		if _, changed := table.Failed(err, 0); changed {
			err = table.ErrConflict
		}
		return became, err
	})
	return became, reason, err
}

func importItem(im model.Import) table.Item {
	ignore := make([]table.Value, len(im.Ignore))
	for i, name := range im.Ignore {
		ignore[i] = table.String(name)
	}
	item := table.Item{
		"kind":           table.String(string(im.Kind)),
		"name":           table.String(im.Name),
		"source":         table.String(im.Source),
		"by":             table.String(string(im.By)),
		"status":         table.String(string(im.Status)),
		"created_at":     moment(im.CreatedAt),
		"expires_at":     table.Int(im.CreatedAt.Add(ImportLife).Unix()), // in seconds, for DynamoDB's Time to Live
		table.AttrIndex2: table.String(partitionImports),
		table.AttrSort:   table.String(importSort(im.CreatedAt, im.ID)),
	}
	if len(ignore) > 0 {
		item["ignore_items"] = table.List(ignore...)
	}
	putFlag(item, "dry_run", im.DryRun)
	return item
}

func countsOf(im model.Import) table.Item {
	return table.Item{
		"rows": table.Int(im.Rows), "skipped_rows": table.Int(im.SkippedRows), "created": table.Int(im.Created),
		"updated": table.Int(im.Updated), "unchanged": table.Int(im.Unchanged), "rejected": table.Int(im.Rejected),
	}
}

// resultOf is what is stored of an import when it is finished.
func resultOf(im model.Import) table.Item {
	item := countsOf(im)
	item["status"] = table.String(string(im.Status))
	item["finished_at"] = moment(im.FinishedAt)
	problems := make([]table.Value, len(im.Problems))
	for i, p := range im.Problems {
		problems[i] = table.Map(table.Item{"line": table.Int(int64(p.Line)), "reason": table.String(p.Reason)})
	}
	item["problems"] = table.List(problems...)
	return item
}

func importOf(key table.Key, item table.Item) (model.Import, error) {
	r := reader{item: item}
	im := model.Import{
		ID: r.own(key, prefixImport),
		ImportDraft: model.ImportDraft{
			Kind: model.ImportKind(r.text("kind")), Name: r.text("name"), Source: r.text("source"), DryRun: r.flag("dry_run"),
		},
		By: model.Role(r.text("by")), Status: model.ImportStatus(r.text("status")), CreatedAt: r.moment("created_at"),
	}
	if r.has("ignore_items") {
		for _, v := range r.list("ignore_items") {
			name, _ := v.Str()
			im.Ignore = append(im.Ignore, name)
		}
	}
	if r.has("finished_at") {
		im.FinishedAt = r.moment("finished_at")
	}
	if r.has("rows") {
		im.Rows, im.SkippedRows = r.number("rows"), r.number("skipped_rows")
		im.Created, im.Updated = r.number("created"), r.number("updated")
		im.Unchanged, im.Rejected = r.number("unchanged"), r.number("rejected")
	}
	if r.has("problems") {
		for _, v := range r.list("problems") {
			p := r.inner(v)
			im.Problems = append(im.Problems, model.ImportProblem{Line: int(p.number("line")), Reason: p.text("reason")})
			r.note(p.err)
		}
	}
	return im, r.wrap(key)
}

// importSort is the place of an import in the index: by the time it was begun.
func importSort(at time.Time, id string) string {
	return fmt.Sprintf("%016d#%s", max(0, at.UnixMicro()), id)
}
