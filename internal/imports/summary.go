package imports

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// What is stored of a file's summary is bounded, so that an import's item stays below
// maxStored bytes whatever the file: a test makes the largest. DynamoDB's limit is 400 KiB.
const (
	maxStored = 256 << 10
	maxNames  = 100 // columns that were not read
	maxName   = 100 // bytes of a column's name, and of what a column tells
	maxTold   = 500 // bytes of the names of the columns that tell one thing
	maxNotes  = 50
	maxNote   = 1000     // bytes of a note
	maxDays   = 64 << 10 // bytes of the totals by day; the 4,000 days of any café fit
)

// bounded returns a summary that is small enough to be stored. A note says what is left out.
func bounded(s model.FileSummary) model.FileSummary {
	read := make(map[string]string, len(s.Columns.Read))
	for thing, names := range s.Columns.Read {
		read[cut(thing, maxName)] = cut(names, maxTold)
	}
	s.Columns.Read = read
	names := s.Columns.NotRead
	if more := len(names) - maxNames; more > 0 {
		names = names[:maxNames]
		s.Notes = append(s.Notes[:len(s.Notes):len(s.Notes)], fmt.Sprintf("%d more columns were not read, and are not listed", more))
	}
	s.Columns.NotRead = nil
	for _, name := range names {
		s.Columns.NotRead = append(s.Columns.NotRead, cut(name, maxName))
	}
	var notes []string
	for _, note := range s.Notes[:min(len(s.Notes), maxNotes)] {
		notes = append(notes, cut(note, maxNote))
	}
	s.Notes = notes
	return s
}

// cut cuts a text to so many bytes, at the end of a character.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most -= len("…"); most > 0 && !utf8.RuneStart(text[most]); most-- {
	}
	return text[:most] + "…"
}

// putSummary adds a summary to what is stored of an import.
func putSummary(item table.Item, s model.FileSummary) {
	s = bounded(s)
	days, listed := packDays(s.Totals.ByDay)
	if more := len(s.Totals.ByDay) - listed; more > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("the totals of %d more days are not listed", more))
	}
	columns := make(table.Item, len(s.Columns.Read))
	for thing, names := range s.Columns.Read {
		columns[thing] = table.String(names)
	}
	item["file_orders"], item["file_revenue"] = table.Int(s.Totals.Orders), table.Int(int64(s.Totals.Revenue))
	item["file_days"] = table.Bytes([]byte(days))
	item["columns"], item["not_read"], item["notes"] = table.Map(columns), texts(s.Columns.NotRead), texts(s.Notes)
}

func texts(list []string) table.Value {
	values := make([]table.Value, len(list))
	for i, text := range list {
		values[i] = table.String(text)
	}
	return table.List(values...)
}

// readSummary returns the stored summary, zero when there is none.
func readSummary(r *records.Reader) (s model.FileSummary) {
	if !r.Has("columns") {
		return s
	}
	s.Totals.Orders, s.Totals.Revenue = r.Number("file_orders"), model.Money(r.Number("file_revenue"))
	var err error
	if s.Totals.ByDay, err = unpackDays(r.Bytes("file_days")); err != nil {
		r.Note(err)
	}
	columns := r.Map("columns")
	s.Columns.Read = make(map[string]string, len(columns))
	for _, thing := range slices.Sorted(maps.Keys(columns)) {
		s.Columns.Read[thing], _ = columns[thing].Str()
	}
	s.Columns.NotRead, s.Notes = r.Texts("not_read"), r.Texts("notes")
	return s
}

// dayZero is where the days of totals are counted from.
const dayZero = model.Day("1970-01-01")

// packDays writes totals by day in about eight bytes each: the days since the one before,
// the orders and the revenue, as varints. It returns how many days it wrote: what would be
// more than maxDays bytes is left out.
func packDays(days []model.FileDay) (packed string, listed int) {
	var b []byte
	var last int64
	for _, d := range days {
		at := int64(d.Day.Since(dayZero))
		next := binary.AppendVarint(b, at-last)
		next = binary.AppendVarint(next, d.Orders)
		next = binary.AppendVarint(next, int64(d.Revenue))
		if len(next) > maxDays {
			break
		}
		b, last = next, at
		listed++
	}
	return string(b), listed
}

func unpackDays(packed string) (days []model.FileDay, err error) {
	b := []byte(packed)
	var at int64
	for len(b) > 0 {
		var figures [3]int64
		for i := range figures {
			var size int
			if figures[i], size = binary.Varint(b); size <= 0 {
				return nil, errors.New("attribute file_days cannot be read")
			}
			b = b[size:]
		}
		at += figures[0]
		days = append(days, model.FileDay{Day: dayZero.AddDays(int(at)), Orders: figures[1], Revenue: model.Money(figures[2])})
	}
	return days, nil
}
