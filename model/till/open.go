package till

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"cafe/model/till/parse"
	"cafe/model/till/sheet"
)

// maxTitles is how many lines may stand above the header.
const maxTitles = 20

// commas are what may stand between cells, by preference.
var commas = []byte{',', ';', '\t', '|'}

// open begins to read a file: it unpacks, and finds the columns.
func open(src io.Reader, rules Rules, l layout) (*upload, *sheet.Reader, error) {
	rules.Source = cmp.Or(rules.Source, DefaultSource)
	rules.Calendar.Zone = cmp.Or(rules.Calendar.Zone, time.UTC)
	rules.Currency = cmp.Or(rules.Currency, "GBP")
	rules.Memory = cmp.Or(rules.Memory, 8<<20)
	text, err := sheet.Unpack(src, cmp.Or(rules.MaxBytes, MaxBytes))
	if err != nil {
		return nil, nil, err
	}
	in := sheet.NewReader(text)
	start, err := in.Start(512)
	if err != nil {
		return nil, nil, err
	}
	if err := sheet.CheckKind(start); err != nil {
		return nil, nil, err
	}
	start = slices.Clone(start)
	u := &upload{rules: rules}
	u.bom = in.CutBOM()
	if err := in.FindLineEnds(); err != nil {
		return nil, nil, err
	}
	if err := u.findHeader(in, l); err != nil {
		if none, ok := err.(*noHeader); ok {
			err = &FileError{Reason: none.reason}
			if other := sheet.CheckStart(start, u.firstLine); other != nil {
				err = other
			}
		}
		return nil, nil, err
	}
	u.comma = in.Comma
	u.sorted = sheet.Sorter{Memory: rules.Memory, Scratch: rules.Scratch}
	u.rejects = sheet.Sorter{Memory: rules.Memory / 4, Scratch: rules.Scratch}
	return u, in, nil
}

// noHeader says why no line is a header.
type noHeader struct{ reason string }

func (e *noHeader) Error() string { return e.reason }

// findHeader reads up to the header: the first line that has the columns which the
// layout needs. It notes what it passed over.
func (u *upload) findHeader(in *sheet.Reader, l layout) error {
	separators := commas
	fewest, reason := 0, ""
	note := func(lacks int, err error) {
		if reason == "" || lacks < fewest {
			fewest, reason = lacks, err.Error()
		}
	}
	titles := 0
	for titles <= maxTitles {
		text, lines, fault, err := in.Frame()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		bare := strings.TrimSpace(string(sheet.TrimEnd(text, true)))
		if bare != "" && u.firstLine == "" {
			u.firstLine = "Its first line is " + strconv.Quote(parse.Shortened(bare, 120)) + "."
		}
		if sep, ok := sepLine(bare); ok && titles == 0 {
			separators = []byte{sep}
			bare = ""
		}
		for _, comma := range separators {
			if bare == "" || fault != "" {
				break
			}
			in.Comma = comma
			cells, fault := in.Split(text)
			if fault != "" {
				break
			}
			if len(cells) > maxColumns {
				note(len(l.needs), &FileError{Reason: "The file's header has more than the " + strconv.Itoa(maxColumns) + " columns that an import takes."})
				continue
			}
			c, err := l.columns(cells)
			if lacks := len(l.lacks(c)); lacks > 0 {
				note(lacks, err)
				continue
			}
			if err != nil {
				return err
			}
			u.cols = c
			if err := in.Skip(text, lines, ""); err != nil {
				return err
			}
			if comma != ',' && len(separators) > 1 {
				u.note("cells are separated by " + strconv.Quote(string(comma)))
			}
			if titles > 0 {
				u.note(oneOrMore(titles, "a line above the header was passed over", "%d lines above the header were passed over"))
			}
			return nil
		}
		if bare != "" {
			titles++
		}
		if err := in.Skip(text, lines, fault); err != nil {
			return err
		}
	}
	if u.firstLine == "" {
		return &FileError{Reason: "The file is empty."}
	}
	if reason == "" {
		_, err := l.columns([]string{""})
		reason = err.Error()
	}
	return &noHeader{reason + " " + u.firstLine}
}

// sepLine reads the line by which Excel is told what stands between cells.
func sepLine(line string) (sep byte, ok bool) {
	line = strings.Trim(line, `"`)
	if len(line) == 5 && strings.EqualFold(line[:4], "sep=") {
		return line[4], bytes.IndexByte(commas, line[4]) >= 0
	}
	return 0, false
}
