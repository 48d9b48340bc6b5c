// Package imports takes files in: a till's sales, stock counts and menus. A client begins an
// import, sends the file to the address that it gets, and asks what came of it.
//
// An import may be broken off anywhere. The upload is then announced again, and the next
// attempt finishes the work: nothing goes in twice.
package imports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"cafe/internal/records"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/pricing"
	"cafe/model/till"
)

// Menus gives the menu that rows are matched with, and what its prices are made of.
type Menus interface {
	// MenuSince returns a menu that was read at or after the given time.
	MenuSince(ctx context.Context, since time.Time) (model.Menu, error)
	// Tariff returns the pricing document; nil when the café has none.
	Tariff(ctx context.Context) (*pricing.Tariff, error)
	// ForgetMenu has the next call read the menu anew.
	ForgetMenu()
}

// Importer carries out imports. Make it with New; it is safe for concurrent use.
type Importer struct {
	// UndoTime is about how long one call of Undo goes on: five seconds, unless set before
	// use. A request must be answered within fifteen on AWS.
	UndoTime time.Duration

	settings settings.Settings
	table    table.Table
	now      records.Clock
	menus    Menus
}

// New returns an importer for a café's table. now is time.Now outside tests.
func New(s settings.Settings, t table.Table, now records.Clock, menus Menus) *Importer {
	return &Importer{settings: s, table: t, now: now, menus: menus, UndoTime: 5 * time.Second}
}

// Files holds uploads, and the rejects of imports.
type Files interface {
	// Open returns a file and its size in bytes. The caller closes it. Without such a file
	// the error is model.ErrNotFound.
	Open(ctx context.Context, key string) (file io.ReadCloser, size int64, err error)
	// Put stores a file, from where body stands to its end. It replaces an earlier file of
	// that key.
	Put(ctx context.Context, key string, body io.ReadSeeker) error
}

// Links makes the addresses at which clients send and fetch files. Each is good for one
// file, one way, and that long.
type Links interface {
	UploadURL(ctx context.Context, key string, life time.Duration) (string, error)
	DownloadURL(ctx context.Context, key string, life time.Duration) (string, error)
}

// Life is how long imports, uploads and rejects are kept. They name customers.
const Life = 30 * 24 * time.Hour

const (
	// linkLife is how long the address of an upload or of rejects is good.
	linkLife = time.Hour

	// maxUnpacked is how large an upload may be once unpacked, in bytes. An attempt may keep
	// its rows, its rejects and the rejects file on disk. All three fit into the 512 MB that
	// a Lambda function has.
	maxUnpacked = 128 << 20
	// maxReason is how long a reason is kept, in characters.
	maxReason = 300
	// progressEvery is how often a running import stores its progress.
	progressEvery = 500 * time.Millisecond
	// silence is how long a running import may be silent before it counts as given up. It is
	// longer than all attempts of a function, with the pauses in between.
	silence = 30 * time.Minute
)

// Keys of files.
const (
	uploads = "imports/"
	rejects = "rejects/"
)

// uploadKey returns the key of an import's file. It ends with the file's name.
func uploadKey(im model.Import) string { return uploads + im.ID + "/" + safeName(im.Name) }

func rejectsKey(id string) string { return rejects + id + ".csv" }

// safeName makes a file's name fit to be the last part of a key: without slashes, and so
// short that the whole key can be the name of a file.
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

// Upload tells a client where to send the file of an import, and until when.
type Upload struct {
	ImportID  string
	URL       string
	ExpiresAt time.Time
}

// CheckDraft returns a model.Invalid that names every field of the draft at fault, or nil.
func CheckDraft(draft model.ImportDraft) error { return withDefaults(draft).Validate() }

func withDefaults(draft model.ImportDraft) model.ImportDraft {
	if draft.Source == "" {
		draft.Source = till.DefaultSource
	}
	return draft
}

// Begin makes an import that waits for its file. Without a source it is of
// till.DefaultSource. Fields at fault are a model.Invalid.
func (i *Importer) Begin(ctx context.Context, links Links, by model.Role, draft model.ImportDraft) (Upload, error) {
	draft = withDefaults(draft)
	if err := draft.Validate(); err != nil {
		return Upload{}, err
	}
	im := model.Import{ID: records.NewID(), ImportDraft: draft, By: by, Status: model.ImportWaiting, CreatedAt: i.now.Stamp()}
	url, err := links.UploadURL(ctx, uploadKey(im), linkLife)
	if err != nil {
		return Upload{}, fmt.Errorf("address for the upload: %w", err)
	}
	if err := records.Write(ctx, i.table, table.Put(records.ImportKey(im.ID), encode(im), table.Absent())); err != nil {
		return Upload{}, err
	}
	return Upload{ImportID: im.ID, URL: url, ExpiresAt: im.CreatedAt.Add(linkLife)}, nil
}

// Result returns an import, or model.ErrNotFound. It also returns the address of its rejects,
// empty when there are none.
func (i *Importer) Result(ctx context.Context, links Links, id string) (im model.Import, rejectsURL string, err error) {
	if im, err = i.named(ctx, id); err != nil || !im.HasRejects() {
		return im, "", err
	}
	if rejectsURL, err = links.DownloadURL(ctx, rejectsKey(id), linkLife); err != nil {
		return im, "", fmt.Errorf("address of the rejects: %w", err)
	}
	return im, rejectsURL, nil
}

func (i *Importer) named(ctx context.Context, id string) (model.Import, error) {
	im, err := records.Get(ctx, i.table, records.ImportKey(id), true, i.decodeNow)
	if err == nil && !i.now().Before(im.CreatedAt.Add(Life)) {
		return model.Import{}, model.ErrNotFound // the store will drop it
	}
	return im, err
}

// List returns up to limit imports, newest first, from where the page before ended (next, or
// empty for the first). next is empty on the last page.
func (i *Importer) List(ctx context.Context, from string, limit int) (list []model.Import, next string, err error) {
	query := table.Query{
		Index: table.Index2, Partition: records.PartitionImports, Descending: true, Limit: limit + 1,
		From: records.TimeSort(i.now().Add(-Life), "~"), To: from,
	}
	for {
		page, err := i.table.Query(ctx, query)
		if err != nil {
			return nil, "", err
		}
		for _, row := range page.Rows {
			if len(list) == limit {
				return list, next, nil
			}
			im, err := i.decodeNow(row.Key, row.Item)
			if err != nil {
				return nil, "", err
			}
			list, next = append(list, im), row.Item.Str(table.AttrSort)
		}
		if page.Next == "" {
			return list, "", nil
		}
		query.To = page.Next
	}
}

// Troubled returns the imports begun in a span of time (from ≤ begun < to) that failed or
// rejected something, oldest first, without dry runs and those that are taken back.
func (i *Importer) Troubled(ctx context.Context, from, to time.Time) (troubled []model.Import, err error) {
	for im, err := range i.between(ctx, from, to) {
		if err != nil {
			return nil, err
		}
		if !im.DryRun && im.Undo == nil && (im.Status == model.ImportFailed || im.HasRejects()) {
			troubled = append(troubled, im)
		}
	}
	return troubled, nil
}

// Forget removes imports older than Life and returns how many. DynamoDB does so by itself,
// by their expires_at.
func (i *Importer) Forget(ctx context.Context) (forgotten int, err error) {
	for im, err := range i.between(ctx, time.Time{}, i.now().Add(-Life)) {
		if err == nil {
			err = records.Write(ctx, i.table, table.Delete(records.ImportKey(im.ID)))
		}
		if err != nil {
			return forgotten, err
		}
		forgotten++
	}
	return forgotten, nil
}

// between returns the imports begun in a span of time, oldest first.
func (i *Importer) between(ctx context.Context, from, to time.Time) iter.Seq2[model.Import, error] {
	query := table.Query{
		Index: table.Index2, Partition: records.PartitionImports, From: records.TimeSort(from, ""), To: records.TimeSort(to, ""), Limit: 100,
	}
	return func(yield func(model.Import, error) bool) {
		for row, err := range records.Query(ctx, i.table, query) {
			var im model.Import
			if err == nil {
				im, err = i.decodeNow(row.Key, row.Item)
			}
			if !yield(im, err) || err != nil {
				return
			}
		}
	}
}

// givenUp is what is wrong with an import whose every attempt was broken off.
const givenUp = "The import was broken off again and again, and is not tried any more. What went in stays. " +
	"Upload the file again as a new import: nothing goes in twice."

// decodeNow returns an import as it is now: a running one that has been silent for too long
// has failed. It runs again when its upload is announced once more.
func (i *Importer) decodeNow(key table.Key, item table.Item) (model.Import, error) {
	im, err := decode(key, item)
	if err != nil || im.Status != model.ImportRunning {
		return im, err
	}
	heard := im.CreatedAt
	if _, has := item[attrHeardAt]; has {
		heard = time.UnixMicro(item.Int(attrHeardAt)).UTC()
	}
	if end := heard.Add(silence); !i.now().Before(end) {
		im.Status, im.FinishedAt, im.Problems = model.ImportFailed, end, []model.ImportProblem{{Reason: givenUp}}
	}
	return im, nil
}

// TakesUpload reports whether a file that is uploaded under the key would be read. The file
// of an import that is done or failed would not; that of one that was given up would.
func (i *Importer) TakesUpload(ctx context.Context, key string) (bool, error) {
	id, ok := UploadID(key)
	if !ok {
		return false, nil
	}
	im, err := records.Get(ctx, i.table, records.ImportKey(id), true, decode)
	if errors.Is(err, model.ErrNotFound) {
		return false, nil
	}
	return err == nil && key == uploadKey(im) && !im.Finished(), err
}

// UploadID returns the id of the import that a key belongs to. ok is false when the key is
// not that of an upload.
func UploadID(key string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(key, uploads)
	id, _, _ = strings.Cut(rest, "/")
	return id, ok && model.ValidID(id)
}

// Run reads the file that was uploaded under the key, as its import asks. A key that belongs
// to no import is left alone.
//
// An error means that this attempt was broken off, and that the upload must be announced
// again: another Run finishes the work. What the first attempt stored stays, is not stored
// twice, and counts as if it had been stored now. An upload may be announced any number of
// times, also at once. An import that is done or failed is not run again.
//
// Rows speak for the time when the import was begun. A stock count or a menu item that was
// set later stays as it is, and its row is rejected.
func (i *Importer) Run(ctx context.Context, files Files, key string) error {
	id, ok := UploadID(key)
	if !ok {
		slog.WarnContext(ctx, "a file that is no upload")
		return nil
	}
	var im model.Import
	err := records.Patiently(ctx, func() (err error) { im, err = i.named(ctx, id); return err })
	switch {
	case errors.Is(err, model.ErrNotFound) || err == nil && key != uploadKey(im):
		slog.WarnContext(ctx, "upload of no import", "import", id)
		return nil
	case err != nil:
		return fmt.Errorf("import %s: %w", id, err)
	}
	if err := i.attempt(ctx, files, im); err != nil {
		slog.WarnContext(ctx, "import interrupted", "import", id, "kind", im.Kind, "error", err.Error())
		return fmt.Errorf("import %s: %w", id, err)
	}
	return nil
}
