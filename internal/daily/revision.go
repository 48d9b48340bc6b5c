package daily

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/forecast"
)

// revision is a stored report.
type revision struct {
	Document
	hours forecast.Hours // of sale, as learnt up to this day; nil: not known
	sent  bool           // it was put into the outbox
}

// newestRevision returns the day's newest revision, or model.ErrNotFound.
func (r *Reporter) newestRevision(ctx context.Context, day model.Day) (revision, error) {
	page, err := r.table.Query(ctx, table.Query{Partition: records.RevisionKey(day, 0).PK, Descending: true, Limit: 1, Consistent: true})
	if err != nil {
		return revision{}, fmt.Errorf("newest report of %s: %w", day, err)
	}
	if len(page.Rows) == 0 {
		return revision{}, model.ErrNotFound
	}
	return decodeRevision(page.Rows[0].Key, page.Rows[0].Item)
}

// storedRevision returns the day's revision of that number, or model.ErrNotFound.
func (r *Reporter) storedRevision(ctx context.Context, day model.Day, number int) (revision, error) {
	stored, err := records.Get(ctx, r.table, records.RevisionKey(day, number), true, decodeRevision)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return revision{}, fmt.Errorf("report of %s: %w", day, err)
	}
	return stored, err
}

// encodeRevision returns a report as it is stored, JSON, text and hours zipped.
func encodeRevision(p revision) (table.Item, error) {
	zip := func(b []byte) (table.Value, error) {
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		if _, err := w.Write(b); err != nil {
			return table.Value{}, err
		}
		err := w.Close()
		return table.Bytes(zipped.Bytes()), err
	}
	figures, err := zip(p.JSON)
	if err != nil {
		return nil, err
	}
	text, err := zip([]byte(p.Text))
	if err != nil {
		return nil, err
	}
	item := table.Item{"json": figures, "mail": text, "subject": table.String(p.Subject)}
	if p.hours != nil {
		hours, err := encodeHours(p.hours)
		if err != nil {
			return nil, err
		}
		if item["hours"], err = zip(hours); err != nil {
			return nil, err
		}
	}
	return item, nil
}

// decodeRevision returns a stored revision, or an error that records.IsUnreadable.
func decodeRevision(key table.Key, item table.Item) (stored revision, err error) {
	r := records.NewReader(key, item)
	stored.Subject = r.Text("subject")
	stored.JSON, stored.Text = unzip(&r, "json"), string(unzip(&r, "mail"))
	stored.hours, stored.sent = decodeHours(&r), r.Has("sent_at")
	if r.Err() == nil {
		if err := json.Unmarshal(stored.JSON, &stored.Report); err != nil {
			r.Note(fmt.Errorf("attribute json: %w", err))
		}
	}
	return stored, r.Err()
}

func unzip(r *records.Reader, name string) []byte {
	z, err := gzip.NewReader(strings.NewReader(r.Bytes(name)))
	if err == nil {
		var b []byte
		if b, err = io.ReadAll(z); err == nil {
			return b
		}
	}
	r.Note(fmt.Errorf("attribute %s: %w", name, err))
	return nil
}
