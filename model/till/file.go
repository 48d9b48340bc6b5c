package till

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"cafe/model"
	"cafe/model/till/parse"
	"cafe/model/till/sheet"
)

// Rules are what a file is read by.
type Rules struct {
	// Source names the till. It is part of every order's identity; empty is DefaultSource.
	Source string
	// Calendar is the café's: its zone is that of times without an offset (nil is UTC),
	// and its days are those of Summary.
	Calendar model.Calendar
	// Currency is the café's ISO 4217 code, for how many decimals an amount has; empty
	// is GBP.
	Currency string
	// Dates says how the till means 03/04/2016.
	Dates DateOrder
	// Payment is how the orders of named customers were paid when the file does not say.
	// Empty is counter: what a till exports was paid there. An order of nobody's was
	// always paid at the counter.
	Payment model.PaymentTerms
	// Menu is what items are looked up in, retired ones too. A stock count without a
	// menu is taken as it is.
	Menu model.Menu
	// Ignore lists items, as the file has them but for case, whose rows are no sale.
	Ignore []string

	// MaxBytes is how large the file may be once unpacked; 0 is the constant MaxBytes.
	MaxBytes int64
	// Memory is about how many bytes of rows are held in memory before they are
	// written to a scratch file; 0 is 8 MiB. The rest of the reader needs about 2 MiB.
	Memory int
	// Scratch makes a temporary file. At most two are needed. With nil all rows are held
	// in memory.
	Scratch func() (Scratch, error)
	// Progress, if not nil, is told now and then how many rows have been read.
	Progress func(rows int)
}

// DefaultSource is the source of files that declare none.
const DefaultSource = "till"

// FileError says why a file is no good as a whole, in one sentence for the person who
// uploaded it. Nothing of such a file was taken, and trying again is of no use.
type FileError = sheet.FileError

// Scratch is a temporary file, such as an *os.File. It is written from front to back,
// read at any place, and closed once. Whoever makes it sees to it that closing removes it.
type Scratch = sheet.Scratch

// DateOrder says how to read a date such as 03/04/2016.
type DateOrder = parse.DateOrder

// The orders of a date. A date that could be read in two ways is refused, unless the
// café has said which way is its till's (CAFE_DATE_ORDER).
const (
	YearFirst  = parse.YearFirst  // only dates that can be read in one way
	DayFirst   = parse.DayFirst   // 3 April
	MonthFirst = parse.MonthFirst // March 4
)

// MaxBytes is how large a file may be once unpacked, unless Rules say otherwise. A
// till's million rows are about 60 MB.
const MaxBytes = 256 << 20

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

	counts contribution // to the totals
}

// MaxProblems is how many problems of a file are listed.
const MaxProblems = 100

// One entry may have so many rows and bytes of cells. This bounds the memory for what
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

// All yields what the file holds, each exactly once, good or with Problems. Whoever
// takes it must Reject what has problems, and what they cannot take themselves. All may
// be called once. An error, which is of the scratch file, ends it.
func (f *File[T]) All() iter.Seq2[T, error] { return f.entries }

// upload is what files of every kind have in common.
type upload struct {
	rules     Rules
	cols      columns
	bom       bool
	comma     byte         // between cells
	firstLine string       // a sentence
	sorted    sheet.Sorter // rows by key and line

	rows, skipped int
	seen          seen
	notes         []string           // of the header
	dates         map[model.Day]bool // of the calendar, that orders have
	middles       map[string]middle  // by calendar date

	mu       sync.Mutex   // guards what follows
	rejects  sheet.Sorter // by line
	rejected rejected
	problems []Problem
	tally    tally
}

// read goes through all rows and has each one placed, but for those without any cells
// filled in, which spreadsheets leave behind. A file without a row is no good.
func (u *upload) read(ctx context.Context, in *sheet.Reader, place func(row) error) error {
	blank := 0
	for {
		next, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		r := row{next.Line, next.Cells, next.Fault}
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
			blank++
			continue
		}
		if err := place(r); err != nil {
			return err
		}
	}
	if u.rows == blank {
		return &FileError{Reason: "The file has a header, and no row beneath it. " + u.firstLine}
	}
	if u.rules.Progress != nil {
		u.rules.Progress(u.rows)
	}
	return nil
}

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

// sound reports whether the row's cells are where the header says, and adds a problem when
// they are not.
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

// text returns the cell of a field, and adds a problem when it is no text.
func (u *upload) text(e *Entry, r Row, f field) (string, bool) {
	cell := u.cols.cell(r.Cells, f)
	switch {
	case !utf8.ValidString(cell):
		e.add(r.Line, u.cols.name(r.Cells, f), "is not UTF-8 text; save the file as CSV UTF-8")
		return cell, false
	case strings.IndexByte(cell, 0) >= 0:
		e.add(r.Line, u.cols.name(r.Cells, f), "has a NUL character in it")
		return cell, false
	}
	return cell, true
}

// bad adds a problem of a cell.
func (u *upload) bad(e *Entry, r Row, f field, reason string) {
	if cell := u.cols.cell(r.Cells, f); cell != "" {
		reason = parse.Excerpt(cell) + " " + reason
	}
	e.add(r.Line, u.cols.name(r.Cells, f), reason)
}

// money reads a decimal amount from 0 to max.
func (u *upload) money(e *Entry, r Row, f field, cell string, max model.Money) (model.Money, bool) {
	m, _, reason := parse.ParseMoney(cell, max, u.rules.Currency)
	if reason == "" && m < 0 || strings.HasPrefix(reason, "is more") {
		reason = "is not from 0 to " + max.Major(u.rules.Currency)
	}
	if reason != "" {
		u.bad(e, r, f, reason)
	}
	return m, reason == ""
}

// Rows returns how many rows the file has below its header. Each is part of exactly one
// entry that All yields, or was skipped.
//
// The one exception are the rows of an entry beyond a bound that no café's order comes
// near (1,000 rows or 1 MiB). The entry has a problem that says so, and those rows have
// been rejected already.
func (u *upload) Rows() int { return u.rows }

// Skipped returns how many rows were passed over: no sale by Rules.Ignore, void, the
// file's own total, or without anything in them.
func (u *upload) Skipped() int { return u.skipped }

// Dates returns the dates of the calendar that the file's orders have, sorted. The business
// day of an order is at most three days before its date, and two after it: a date may come
// with any offset, and a day may turn at any hour.
func (u *upload) Dates() []model.Day { return slices.Sorted(maps.Keys(u.dates)) }

// Close removes the scratch files. The file is of no use after it.
func (u *upload) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return errors.Join(u.sorted.Close(), u.rejects.Close())
}
