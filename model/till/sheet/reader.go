package sheet

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"io"
	"strings"
)

// MaxRow is how long a row may be, in bytes, the lines of its quoted cells included.
// It bounds memory, and how much a forgotten quotation mark can swallow.
const MaxRow = 64 << 10

// Reader takes text apart into the rows of a CSV file (RFC 4180). It differs from
// csv.Reader, which it uses for rows with quotation marks, in three ways. It never
// holds more than 2×MaxRow bytes. After a row that is no CSV it goes on with the very
// next line, so a stray quotation mark costs one row, and not all up to the next one.
// And lines may end with CR alone.
type Reader struct {
	src    io.Reader
	Comma  byte   // what stands between cells; it may be set before each row
	buf    []byte // at most 2×MaxRow
	window []byte // of buf, read but not yet taken
	ended  bool   // src has no more
	line   int    // number of the line at window[0], from 1

	cells  []string
	record bytes.Reader
	lines  *bufio.Reader
}

// NewReader returns a reader of the text whose cells are separated by commas.
func NewReader(src io.Reader) *Reader {
	return &Reader{src: src, Comma: ',', buf: make([]byte, 2*MaxRow), line: 1, lines: bufio.NewReader(nil)}
}

// Row is one row of the file. A row with a fault was read only so far as to show it.
type Row struct {
	Line  int // on which it begins, from 1
	Cells []string
	Fault string // what is wrong with it, for people; empty when nothing is
}

// Next returns the next row that is not an empty line, or io.EOF. The row's cells are
// good until the next call.
func (r *Reader) Next() (Row, error) {
	for {
		text, lines, fault, err := r.Frame()
		if err != nil {
			return Row{}, err
		}
		at := Row{Line: r.line, Fault: fault}
		if fault == "" {
			if bare := TrimEnd(text, r.ended && len(text) == len(r.window)); len(bare) == 0 {
				r.take(len(text), lines)
				continue
			}
			at.Cells, fault = r.Split(text)
			if fault != "" { // only its first line is to blame
				text, lines = text[:bytes.IndexByte(text, '\n')+1], 1
				if len(text) == 0 {
					text = r.window
				}
				at.Fault = fault
			}
		}
		if at.Fault != "" {
			at.Cells = strings.Split(string(TrimEnd(text, true)), string(r.Comma))
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

// Frame finds the end of the row at the start of the window: the first end of a line
// up to which quotation marks are even in number, as they are in every good row. With
// a fault it is the end of the first line.
func (r *Reader) Frame() (text []byte, lines int, fault string, err error) {
	first, end, quotes := 0, 0, 0
	for {
		next, err := r.lineEnd(end)
		if err != nil {
			return nil, 0, "", err
		}
		if next > MaxRow {
			if lines == 0 {
				return r.window[:MaxRow], 0, faultTooLong, nil
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

// FindLineEnds looks at the first line, and reads the file by CR if that is how it ends.
func (r *Reader) FindLineEnds() error {
	for {
		switch end := lineEnding(r.window, r.ended || len(r.window) >= MaxRow); end {
		case "":
			if r.ended || len(r.window) >= MaxRow {
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
// included: start itself at the end of the file, more than MaxRow when it does not
// end by then.
func (r *Reader) lineEnd(start int) (int, error) {
	for seen := start; ; {
		if i := bytes.IndexByte(r.window[seen:], '\n'); i >= 0 {
			return seen + i + 1, nil
		}
		seen = len(r.window)
		if r.ended || seen > MaxRow {
			return seen, nil
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
}

// fill reads more of the source into the window.
func (r *Reader) fill() error {
	if cap(r.window)-len(r.window) < MaxRow/2 {
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

// Start returns the first n bytes of what has not been read yet, or all there is. They
// are good until the next call.
func (r *Reader) Start(n int) ([]byte, error) {
	for !r.ended && len(r.window) < n {
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
	return r.window[:min(len(r.window), n)], nil
}

// CutBOM drops a byte order mark, and reports whether there was one. It must be called
// after Start, before any row is read.
func (r *Reader) CutBOM() (cut bool) {
	r.window, cut = bytes.CutPrefix(r.window, BOM)
	return cut
}

// Skip moves on behind a row that Frame returned.
func (r *Reader) Skip(text []byte, lines int, fault string) error {
	r.take(len(text), lines)
	if fault == faultTooLong {
		return r.skipLine()
	}
	return nil
}

// take moves on by so many bytes and lines.
func (r *Reader) take(n, lines int) {
	r.window = r.window[n:]
	r.line += lines
}

// skipLine drops what is left of the line.
func (r *Reader) skipLine() error {
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

// Split takes a row apart into its cells, or says why it is none.
func (r *Reader) Split(text []byte) ([]string, string) {
	if bytes.IndexByte(text, '"') < 0 {
		rest, more := string(TrimEnd(text, r.ended && len(text) == len(r.window))), true
		r.cells = r.cells[:0]
		for more {
			var cell string
			at := strings.IndexByte(rest, r.Comma)
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
	reader.Comma = rune(r.Comma)
	reader.FieldsPerRecord = -1
	cells, err := reader.Read()
	if err != nil {
		return nil, faultQuotes
	}
	return cells, ""
}

// TrimEnd drops the end of the line as csv.Reader does: CR LF or LF, and before the
// end of the file a CR alone.
func TrimEnd(text []byte, last bool) []byte {
	if bare, ok := bytes.CutSuffix(text, []byte{'\n'}); ok {
		text, last = bare, true
	}
	if last {
		text = bytes.TrimSuffix(text, []byte{'\r'})
	}
	return text
}
