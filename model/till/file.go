package till

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"cafe/model"
)

// Rules are what a file is read by.
type Rules struct {
	// Source names the till. It is part of every order's identity; empty is DefaultSource.
	Source string
	// Zone is the café's, for times without an offset; nil is UTC.
	Zone *time.Location
	// Currency is the café's ISO 4217 code, for how many decimals an amount has; empty
	// is GBP.
	Currency string
	// Dates says how the till means 03/04/2016.
	Dates DateOrder
	// Menu is what items are looked up in, retired ones too. A stock count without a
	// menu is taken as it is.
	Menu model.Menu
	// Ignore lists items, as the file has them but for case, whose rows are no sale.
	Ignore []string

	// MaxBytes is how large the file may be once unpacked; 0 is the constant MaxBytes.
	MaxBytes int64
	// Memory is about how many bytes of rows are held in memory before they are
	// written to a scratch file; 0 is 8 MiB. The rest of the reader needs about 2
	// MiB.
	Memory int
	// Scratch makes a temporary file; at most two are needed. With nil all rows are
	// held in memory.
	Scratch func() (Scratch, error)
	// Progress, if not nil, is told now and then how many rows have been read.
	Progress func(rows int)
}

// DefaultSource is the source of files that declare none.
const DefaultSource = "till"

// Row is one row of an upload.
type Row struct {
	Line  int      // of the file once unpacked, from 1, on which the row begins
	Cells []string // as they stand in the file
}

// Problem says what is wrong with a row.
type Problem struct {
	Line   int
	Column string // as the file names it; empty when it is the whole row
	Reason string
}

// String returns the problem without its line, for people.
func (p Problem) String() string {
	if p.Column == "" {
		return p.Reason
	}
	return p.Column + ": " + p.Reason
}

// Entry is the rows of the file that are about one thing, and what is wrong with them.
type Entry struct {
	Rows     []Row
	Problems []Problem // by line; an entry with any must not be taken
}

// MaxProblems is how many problems of a file are listed.
const MaxProblems = 100

// One entry may have so many rows and bytes of cells; it is bounded memory for what
// is no café's order.
const (
	maxEntryRows  = 1000
	maxEntryBytes = 1 << 20
)

// File is an upload that has been read to its end and is good as a whole. It is for
// one goroutine, but for Reject.
type File[T any] struct {
	*upload
	entries iter.Seq2[T, error]
}

// All yields what the file holds, each exactly once, good or with Problems; whoever
// takes it must Reject what has problems, and what they cannot take themselves. It
// may be called once. An error, which is of the scratch file, ends it.
func (f *File[T]) All() iter.Seq2[T, error] { return f.entries }

// upload is what files of every kind have in common.
type upload struct {
	rules  Rules
	cols   columns
	bom    bool
	sorted sorter // rows by key and line

	rows, skipped int

	mu       sync.Mutex // guards what follows
	rejects  sorter     // by line
	problems []Problem
}

// open begins to read a file: it unpacks, and finds the columns.
func open(src io.Reader, rules Rules, l layout) (*upload, *rowReader, error) {
	rules.Source = cmp.Or(rules.Source, DefaultSource)
	rules.Zone = cmp.Or(rules.Zone, time.UTC)
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
	start := in.window[:min(len(in.window), 512)]
	if err := checkKind(start); err != nil {
		return nil, nil, err
	}
	hasNUL := bytes.IndexByte(start, 0) >= 0
	u := &upload{rules: rules}
	in.window, u.bom = bytes.CutPrefix(in.window, bom)
	header, err := in.next()
	switch {
	case err == io.EOF:
		return nil, nil, &FileError{"The file is empty."}
	case err != nil:
		return nil, nil, err
	}
	if u.cols, err = l.columns(header.cells); err != nil {
		if hasNUL {
			err = errNotText
		}
		return nil, nil, err
	}
	u.sorted = sorter{memory: rules.Memory, scratch: rules.Scratch}
	u.rejects = sorter{memory: rules.Memory / 4, scratch: rules.Scratch}
	return u, in, nil
}

// read goes through all rows and has each one placed, but for those without any cells
// filled in, which spreadsheets leave behind.
func (u *upload) read(ctx context.Context, in *rowReader, place func(row) error) error {
	for {
		r, err := in.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if u.rows++; u.rows%1000 == 0 {
			if u.rules.Progress != nil {
				u.rules.Progress(u.rows)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		r.cells = u.cols.tidy(r.cells)
		if r.fault == "" && !slices.ContainsFunc(r.cells, func(c string) bool { return strings.TrimSpace(c) != "" }) {
			u.skipped++
			continue
		}
		if err := place(r); err != nil {
			return err
		}
	}
	if u.rules.Progress != nil {
		u.rules.Progress(u.rows)
	}
	return nil
}

// The first byte of a key: of rows about something that has a name, and of a row that
// stands alone.
const (
	keyNamed = 'n'
	keyAlone = 'a'
)

// named appends the key of the rows about what has these names, each ended by a NUL.
// With a name that cannot be one the row stands alone.
func (r row) named(key []byte, names ...string) []byte {
	key = append(key, keyNamed)
	for _, name := range names {
		if len(name) > 1024 || strings.IndexByte(name, 0) >= 0 {
			return r.alone(key[:0])
		}
		key = append(append(key, name...), 0)
	}
	return key
}

func (r row) alone(key []byte) []byte {
	return binary.BigEndian.AppendUint64(append(key, keyAlone), uint64(r.line))
}

// keep puts a row where the others of its key will be found.
func (u *upload) keep(key []byte, r row) error {
	return u.sorted.add(binary.BigEndian.AppendUint64(key, uint64(r.line)), func(b []byte) []byte {
		return appendCells(b, r.fault, r.cells)
	})
}

// appendCells and cutCells write and read one text and a row of cells.
func appendCells(b []byte, text string, cells []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(cells)))
	b = binary.AppendUvarint(b, uint64(len(text)))
	for _, c := range cells {
		b = binary.AppendUvarint(b, uint64(len(c)))
	}
	b = append(b, text...)
	for _, c := range cells {
		b = append(b, c...)
	}
	return b
}

func cutCells(b []byte) (text string, cells []string) {
	number := func() int {
		n, size := binary.Uvarint(b)
		b = b[size:]
		return int(n)
	}
	cells = make([]string, number())
	first := number()
	var sizes [32]int
	lengths := sizes[:0]
	for range cells {
		lengths = append(lengths, number())
	}
	all := string(b)
	text, all = all[:first], all[first:]
	for i, n := range lengths {
		cells[i], all = all[:n], all[n:]
	}
	return text, cells
}

// group is the rows of one key.
type group struct {
	key     string
	rows    []row
	size    int
	tooMany bool // the rest of its rows has been rejected
}

// groups yields the kept rows by key and line.
func (u *upload) groups() iter.Seq2[*group, error] {
	return func(yield func(*group, error) bool) {
		var g *group
		var failed error
		stopped := false
		err := u.sorted.each(func(key, value []byte) bool {
			split := len(key) - 8
			r := row{line: int(binary.BigEndian.Uint64(key[split:]))}
			r.fault, r.cells = cutCells(value)
			if g == nil || g.key != string(key[:split]) {
				if g != nil && !yield(g, nil) {
					stopped = true
					return false
				}
				g = &group{key: string(key[:split])}
			}
			if g.size += len(value); len(g.rows) == maxEntryRows || g.size > maxEntryBytes && len(g.rows) > 0 {
				g.tooMany = true
				u.mu.Lock()
				defer u.mu.Unlock()
				failed = u.reject(Row{r.line, r.cells}, "goes with line "+strconv.Itoa(g.rows[0].line)+": "+tooMany)
				return failed == nil
			}
			g.rows = append(g.rows, r)
			return true
		})
		switch err = errors.Join(err, failed); {
		case err != nil:
			yield(nil, err)
		case g != nil && !stopped:
			yield(g, nil)
		}
	}
}

var tooMany = fmt.Sprintf("has more rows than the %d, or more text than the %s, that an import takes for one", maxEntryRows, size(maxEntryBytes))

// entry begins the entry of a group.
func (u *upload) entry(g *group) Entry {
	e := Entry{Rows: make([]Row, len(g.rows))}
	for i, r := range g.rows {
		e.Rows[i] = Row{r.line, r.cells}
	}
	if g.tooMany {
		e.add(g.rows[0].line, "", tooMany)
	}
	return e
}

// sound tells whether the row's cells are where the header says, and notes it when not.
func (u *upload) sound(e *Entry, r row) bool {
	if width := u.width(r.cells); r.fault == "" && width != len(u.cols.header) {
		r.fault = fmt.Sprintf("the row has %d cells and the header has %d", width, len(u.cols.header))
	}
	if r.fault != "" {
		e.add(r.line, "", r.fault)
	}
	return r.fault == ""
}

// width counts the row's cells, without empty ones beyond the header's last.
func (u *upload) width(cells []string) int {
	n := len(cells)
	for n > len(u.cols.header) && cells[n-1] == "" {
		n--
	}
	return n
}

func (e *Entry) add(line int, column, reason string) {
	e.Problems = append(e.Problems, Problem{line, column, reason})
}

// text returns the cell of a field, and notes it when it is no text.
func (u *upload) text(e *Entry, r Row, f field) (string, bool) {
	cell := u.cols.cell(r.Cells, f)
	switch {
	case !utf8.ValidString(cell):
		e.add(r.Line, u.cols.name(f), "is not UTF-8 text; save the file as CSV UTF-8")
		return cell, false
	case strings.IndexByte(cell, 0) >= 0:
		e.add(r.Line, u.cols.name(f), "has a NUL character in it")
		return cell, false
	}
	return cell, true
}

// bad notes what is wrong with a cell.
func (u *upload) bad(e *Entry, r Row, f field, reason string) {
	if cell := u.cols.cell(r.Cells, f); cell != "" {
		reason = excerpt(cell) + " " + reason
	}
	e.add(r.Line, u.cols.name(f), reason)
}

// money reads a decimal amount from 0 to max.
func (u *upload) money(e *Entry, r Row, f field, cell string, max model.Money) (model.Money, bool) {
	m, err := model.ParseMajor(cell, u.rules.Currency)
	switch {
	case errors.Is(err, model.ErrOverflow), err == nil && (m < 0 || m > max):
		u.bad(e, r, f, "is not from 0 to "+max.Major(u.rules.Currency))
	case err != nil:
		u.bad(e, r, f, "is not an amount such as 4.20")
	default:
		return m, true
	}
	return 0, false
}

// excerpt quotes a cell, shortened to what fits in a sentence.
func excerpt(cell string) string {
	const most = 40
	if utf8.RuneCountInString(cell) > most {
		return strconv.Quote(string([]rune(cell)[:most]) + "…")
	}
	return strconv.Quote(cell)
}

// Rows returns how many rows the file has below its header: each is part of exactly
// one entry that All yields, or was skipped.
//
// The one exception are the rows of an entry beyond a bound that no café's order
// comes near (1,000 rows or 1 MiB): the entry has a problem that says so, and those
// rows are in the rejects already.
func (u *upload) Rows() int { return u.rows }

// Skipped returns how many rows were no sale by Rules.Ignore, or had nothing in them.
func (u *upload) Skipped() int { return u.skipped }

// Reject puts an entry's rows into the rejects. The reason is needed for an entry
// without Problems. It may be called from several goroutines at once.
func (u *upload) Reject(e Entry, reason string) error {
	problems := slices.Clone(e.Problems)
	if reason != "" && len(e.Rows) > 0 {
		problems = append(problems, Problem{Line: e.Rows[0].Line, Reason: reason})
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, p := range problems {
		u.note(p)
	}
	for _, r := range e.Rows {
		at, _ := slices.BinarySearchFunc(problems, r.Line, func(p Problem, line int) int { return p.Line - line })
		var why []string
		for _, p := range problems[at:] {
			if p.Line != r.Line {
				break
			}
			why = append(why, p.String())
		}
		if why == nil && len(problems) > 0 {
			why = []string{"goes with line " + strconv.Itoa(problems[0].Line) + ": " + problems[0].String()}
		}
		if err := u.reject(r, strings.Join(why, "; ")); err != nil {
			return err
		}
	}
	return nil
}

// note keeps a problem if it is among the first of the file.
func (u *upload) note(p Problem) {
	at, _ := slices.BinarySearchFunc(u.problems, p.Line+1, func(q Problem, line int) int { return q.Line - line })
	if at < MaxProblems {
		u.problems = slices.Insert(u.problems, at, p)
		u.problems = u.problems[:min(len(u.problems), MaxProblems)]
	}
}

func (u *upload) reject(r Row, reason string) error {
	key := binary.BigEndian.AppendUint64(nil, uint64(r.Line))
	return u.rejects.add(key, func(b []byte) []byte { return appendCells(b, reason, r.Cells) })
}

// Problems returns the problems of what was rejected so far: the first MaxProblems of
// the file, by line.
func (u *upload) Problems() []Problem {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.problems)
}

// WriteRejects writes the rejects file: the columns and rows of the upload that were
// rejected, in the upload's order, with a column for the reason. It returns how many
// rows there are, and writes nothing when there are none.
func (u *upload) WriteRejects(w io.Writer) (rows int, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := csv.NewWriter(w)
	write := func(cells []string, reason string) error {
		width := len(u.cols.header)
		line := make([]string, width, len(cells)+width+1)
		copy(line, cells)
		line = append(line, reason)
		if len(cells) > width {
			line = append(line, cells[width:]...)
		}
		for i, cell := range line {
			line[i] = guard(cell)
		}
		return out.Write(line)
	}
	var failed error
	err = u.rejects.each(func(_, value []byte) bool {
		if rows == 0 {
			if u.bom {
				_, failed = w.Write(bom)
			}
			failed = errors.Join(failed, write(u.cols.header, reasonColumn))
		}
		rows++
		reason, cells := cutCells(value)
		failed = errors.Join(failed, write(cells, reason))
		return failed == nil
	})
	out.Flush()
	return rows, errors.Join(err, failed, out.Error())
}

// Close removes the scratch files. The file is of no use after it.
func (u *upload) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return errors.Join(u.sorted.close(), u.rejects.close())
}
