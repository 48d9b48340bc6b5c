package till

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"io"
	"strings"
)

// maxRow is how long a row may be, in bytes, the lines of its quoted cells included.
// It bounds memory, and how much a forgotten quotation mark can swallow.
const maxRow = 64 << 10

// rowReader takes text apart into the rows of a CSV file (RFC 4180). It differs from
// csv.Reader, which it uses for rows with quotation marks, in three ways. It never
// holds more than 2×maxRow bytes. After a row that is no CSV it goes on with the very
// next line, so a stray quotation mark costs one row, and not all up to the next one.
// And lines may end with CR alone.
type rowReader struct {
	src    io.Reader
	comma  byte   // between cells
	buf    []byte // at most 2×maxRow
	window []byte // of buf, read but not yet taken
	ended  bool   // src has no more
	line   int    // number of the line at window[0], from 1

	cells  []string
	record bytes.Reader
	lines  *bufio.Reader
}

func newRowReader(src io.Reader) *rowReader {
	return &rowReader{src: src, comma: ',', buf: make([]byte, 2*maxRow), line: 1, lines: bufio.NewReader(nil)}
}

// row is one row of the file. A row with a fault was read only so far as to show it.
type row struct {
	line  int
	cells []string
	fault string
}

// next returns the next row that is not an empty line, or io.EOF. The row's cells are
// good until the next call.
func (r *rowReader) next() (row, error) {
	for {
		text, lines, fault, err := r.frame()
		if err != nil {
			return row{}, err
		}
		at := row{line: r.line, fault: fault}
		if fault == "" {
			if bare := trimEnd(text, r.ended && len(text) == len(r.window)); len(bare) == 0 {
				r.take(len(text), lines)
				continue
			}
			at.cells, fault = r.split(text)
			if fault != "" { // only its first line is to blame
				text, lines = text[:bytes.IndexByte(text, '\n')+1], 1
				if len(text) == 0 {
					text = r.window
				}
				at.fault = fault
			}
		}
		if at.fault != "" {
			at.cells = strings.Split(string(trimEnd(text, true)), string(r.comma))
		}
		r.take(len(text), lines)
		if fault == faultTooLong {
			err = r.skipLine()
		}
		return at, err
	}
}

const (
	faultTooLong  = "the row is longer than 64 KiB and was cut off"
	faultUnclosed = "the row has a quotation mark that is not closed again"
	faultQuotes   = "the row has a quotation mark in the wrong place"
)

// frame finds the end of the row at the start of the window: the first end of a line
// up to which quotation marks are even in number, as they are in every good row. With
// a fault it is the end of the first line.
func (r *rowReader) frame() (text []byte, lines int, fault string, err error) {
	first, end, quotes := 0, 0, 0
	for {
		next, err := r.lineEnd(end)
		if err != nil {
			return nil, 0, "", err
		}
		if next > maxRow {
			if lines == 0 {
				return r.window[:maxRow], 0, faultTooLong, nil
			}
			return r.window[:first], 1, faultUnclosed, nil
		}
		if next == end {
			if lines == 0 {
				return nil, 0, "", io.EOF
			}
			return r.window[:first], 1, faultUnclosed, nil
		}
		quotes += bytes.Count(r.window[end:next], quote)
		end = next
		if lines++; lines == 1 {
			first = end
		}
		if quotes%2 == 0 {
			return r.window[:end], lines, "", nil
		}
	}
}

var quote = []byte{'"'}

// findLineEnds looks at the first line, and reads the file by CR if that is how it ends.
func (r *rowReader) findLineEnds() error {
	for {
		switch end := lineEnding(r.window, r.ended || len(r.window) >= maxRow); end {
		case "":
			if r.ended || len(r.window) >= maxRow {
				return nil
			}
			if err := r.fill(); err != nil {
				return err
			}
		case "\r":
			for i, c := range r.window {
				if c == '\r' {
					r.window[i] = '\n'
				}
			}
			r.src = crReader{r.src}
			return nil
		default:
			return nil
		}
	}
}

// lineEnding returns what the first line of the text ends with, and nothing when the
// text does not say. Quoted cells have line ends of their own.
func lineEnding(text []byte, all bool) string {
	quoted, anywhere := false, ""
	for i, c := range text {
		end := ""
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\n':
			end = "\n"
		case c == '\r' && i+1 < len(text) && text[i+1] != '\n':
			end = "\r"
		}
		if end != "" && !quoted {
			return end
		}
		if anywhere == "" {
			anywhere = end
		}
	}
	if all {
		return anywhere // a stray quotation mark hides all the others
	}
	return ""
}

// crReader makes line feeds of the carriage returns that end the lines of a file.
type crReader struct{ src io.Reader }

func (r crReader) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	for i, c := range p[:n] {
		if c == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}

// lineEnd returns where the line ends that starts at window[start], its line feed
// included: start itself at the end of the file, more than maxRow when it does not
// end by then.
func (r *rowReader) lineEnd(start int) (int, error) {
	for seen := start; ; {
		if i := bytes.IndexByte(r.window[seen:], '\n'); i >= 0 {
			return seen + i + 1, nil
		}
		seen = len(r.window)
		if r.ended || seen > maxRow {
			return seen, nil
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
}

// fill reads more of the source into the window.
func (r *rowReader) fill() error {
	if cap(r.window)-len(r.window) < maxRow/2 {
		r.window = r.buf[:copy(r.buf, r.window)]
	}
	for range 100 {
		n, err := r.src.Read(r.window[len(r.window):cap(r.window)])
		r.window = r.window[:len(r.window)+n]
		if err == io.EOF {
			r.ended = true
			return nil
		}
		if n > 0 || err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// take moves on by so many bytes and lines.
func (r *rowReader) take(n, lines int) {
	r.window = r.window[n:]
	r.line += lines
}

// skipLine drops what is left of the line.
func (r *rowReader) skipLine() error {
	for {
		if i := bytes.IndexByte(r.window, '\n'); i >= 0 {
			r.take(i+1, 1)
			return nil
		}
		r.window = r.buf[:0]
		if r.ended {
			return nil
		}
		if err := r.fill(); err != nil {
			return err
		}
	}
}

// split takes a row apart into its cells, or says why it is none.
func (r *rowReader) split(text []byte) ([]string, string) {
	if bytes.IndexByte(text, '"') < 0 {
		rest, more := string(trimEnd(text, r.ended && len(text) == len(r.window))), true
		r.cells = r.cells[:0]
		for more {
			var cell string
			at := strings.IndexByte(rest, r.comma)
			if more = at >= 0; more {
				cell, rest = rest[:at], rest[at+1:]
			} else {
				cell = rest
			}
			r.cells = append(r.cells, cell)
		}
		return r.cells, ""
	}
	r.record.Reset(text)
	r.lines.Reset(&r.record)
	reader := csv.NewReader(r.lines)
	reader.Comma = rune(r.comma)
	reader.FieldsPerRecord = -1
	cells, err := reader.Read()
	if err != nil {
		return nil, faultQuotes
	}
	return cells, ""
}

// trimEnd drops the end of the line as csv.Reader does: CR LF or LF, and before the
// end of the file a CR alone.
func trimEnd(text []byte, last bool) []byte {
	if bare, ok := bytes.CutSuffix(text, []byte{'\n'}); ok {
		text, last = bare, true
	}
	if last {
		text = bytes.TrimSuffix(text, []byte{'\r'})
	}
	return text
}
