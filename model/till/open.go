package till

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxTitles is how many lines may stand above the header.
const maxTitles = 20

// commas are what may stand between cells, by preference.
var commas = []byte{',', ';', '\t', '|'}

// open begins to read a file: it unpacks, and finds the columns.
func open(src io.Reader, rules Rules, l layout) (*upload, *rowReader, error) {
	rules.Source = cmp.Or(rules.Source, DefaultSource)
	rules.Calendar.Zone = cmp.Or(rules.Calendar.Zone, time.UTC)
	rules.Currency = cmp.Or(rules.Currency, "GBP")
	rules.Memory = cmp.Or(rules.Memory, 8<<20)
	text, err := unpack(src, cmp.Or(rules.MaxBytes, MaxBytes))
	if err != nil {
		return nil, nil, err
	}
	in := newRowReader(text)
	for !in.ended && len(in.window) < 512 {
		if err := in.fill(); err != nil {
			return nil, nil, err
		}
	}
	if err := checkKind(in.window[:min(len(in.window), 512)]); err != nil {
		return nil, nil, err
	}
	u := &upload{rules: rules}
	in.window, u.bom = bytes.CutPrefix(in.window, bom)
	if err := in.findLineEnds(); err != nil {
		return nil, nil, err
	}
	start := slices.Clone(in.window[:min(len(in.window), 512)])
	if err := u.findHeader(in, l); err != nil {
		if none, ok := err.(*noHeader); ok {
			err = &FileError{none.reason}
			if other := checkStart(start, u.firstLine); other != nil {
				err = other
			}
		}
		return nil, nil, err
	}
	u.comma = in.comma
	u.sorted = sorter{memory: rules.Memory, scratch: rules.Scratch}
	u.rejects = sorter{memory: rules.Memory / 4, scratch: rules.Scratch}
	return u, in, nil
}

// noHeader says why no line is a header.
type noHeader struct{ reason string }

func (e *noHeader) Error() string { return e.reason }

// findHeader reads up to the header: the first line that has the columns which the
// layout needs. It notes what it passed over.
func (u *upload) findHeader(in *rowReader, l layout) error {
	separators := commas
	fewest, reason := 0, ""
	note := func(lacks int, err error) {
		if reason == "" || lacks < fewest {
			fewest, reason = lacks, err.Error()
		}
	}
	titles := 0
	for titles <= maxTitles {
		text, lines, fault, err := in.frame()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		bare := strings.TrimSpace(string(trimEnd(text, true)))
		if bare != "" && u.firstLine == "" {
			u.firstLine = "Its first line is " + strconv.Quote(shortened(bare, 120)) + "."
		}
		if sep, ok := sepLine(bare); ok && titles == 0 {
			separators = []byte{sep}
			bare = ""
		}
		for _, comma := range separators {
			if bare == "" || fault != "" {
				break
			}
			in.comma = comma
			cells, fault := in.split(text)
			if fault != "" {
				break
			}
			if len(cells) > maxColumns {
				note(len(l.needs), &FileError{"The file's header has more than the " + strconv.Itoa(maxColumns) + " columns that an import takes."})
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
			in.take(len(text), lines)
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
		in.take(len(text), lines)
		if fault == faultTooLong {
			if err := in.skipLine(); err != nil {
				return err
			}
		}
	}
	if u.firstLine == "" {
		return &FileError{"The file is empty."}
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
