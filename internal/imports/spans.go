package imports

import (
	"context"
	"slices"
	"strings"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// attrSpans lists the first and last business day of each span of days that the import's
// orders may be of. It is stored before the first order is, so that an undo finds them all in
// the day index. An import without it is of a version that did not store it.
const attrSpans = "spans"

// maxSpans is how many spans are kept apart. Spans that lie close to each other become one
// when there are more.
const maxSpans = 200

// span is the business days from one to another.
type span struct{ from, to model.Day }

// everyDay is the span of an import that did not store its days.
var everyDay = span{"0000-01-01", "9999-12-31"}

// spansOf returns the spans of the business days that orders of those dates may be of, and of
// what is stored already.
func spansOf(dates []model.Day, stored []span) []span {
	spans := slices.Clone(stored)
	for _, d := range dates {
		spans = append(spans, span{d.AddDays(-3), d.AddDays(2)}) // till.File.Dates
	}
	slices.SortFunc(spans, func(a, b span) int { return strings.Compare(string(a.from), string(b.from)) })
	for gap := 1; ; gap *= 2 {
		if spans = joined(spans, gap); len(spans) <= maxSpans {
			return spans
		}
	}
}

// joined joins spans, sorted by their first days, that begin at most so many days after the
// last day of the one before.
func joined(spans []span, gap int) (joined []span) {
	for _, s := range spans {
		if n := len(joined); n > 0 && s.from.Since(joined[n-1].to) <= gap {
			joined[n-1].to = max(joined[n-1].to, s.to)
		} else {
			joined = append(joined, s)
		}
	}
	return joined
}

func encodeSpans(spans []span) table.Value {
	days := make([]string, 0, 2*len(spans))
	for _, s := range spans {
		days = append(days, string(s.from), string(s.to))
	}
	return texts(days)
}

// readSpans returns the stored spans: everyDay when there is no such attribute.
func readSpans(r *records.Reader) []span {
	if !r.Has(attrSpans) {
		return []span{everyDay}
	}
	days := r.Texts(attrSpans)
	if len(days)%2 != 0 {
		r.Fail(attrSpans)
		return nil
	}
	spans := make([]span, 0, len(days)/2)
	for pair := range slices.Chunk(days, 2) {
		spans = append(spans, span{model.Day(pair[0]), model.Day(pair[1])})
	}
	return spans
}

// storeSpans stores which business days the file's orders may be of. An earlier attempt may
// have read another file: its days stay.
func (a *attempt) storeSpans(ctx context.Context, dates []model.Day) error {
	if a.im.DryRun {
		return nil
	}
	key := records.ImportKey(a.im.ID)
	return records.Patiently(ctx, func() error {
		item, err := a.table.Get(ctx, key, true)
		if err != nil {
			return err
		}
		unchanged := table.Missing(attrSpans)
		var stored []span
		if was, has := item[attrSpans]; has {
			r := records.NewReader(key, item)
			if stored, unchanged = readSpans(&r), table.Equal(attrSpans, was); r.Err() != nil {
				return r.Err()
			}
		}
		spans := spansOf(dates, stored)
		if slices.Equal(spans, stored) {
			return nil
		}
		op := table.Update(key, table.Present(), unchanged)
		op.Set = table.Item{attrSpans: encodeSpans(spans)}
		err = a.table.Write(ctx, op)
		if _, changed := table.Failed(err, 0); changed {
			return table.ErrConflict // by another attempt
		}
		return err
	})
}
