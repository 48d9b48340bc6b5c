package till

import (
	"encoding/binary"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"cafe/model/till/sheet"
)

// The rejects file is bounded: a small upload that is packed well could make a large one.
const (
	MaxRejects     = 16 << 20 // bytes
	MaxRejectsRows = 100_000
)

// rejected counts the rejects.
type rejected struct {
	rows, bytes int // kept
	leftOut     int // rows
}

// Reject puts an entry's rows into the rejects, and takes the entry out of the totals.
// The reason is needed for an entry without Problems. Reject may be called from several
// goroutines at once. Rows beyond MaxRejects and MaxRejectsRows are counted only.
func (u *upload) Reject(e Entry, reason string) error {
	problems := slices.Clone(e.Problems)
	if reason != "" && len(e.Rows) > 0 {
		problems = append(problems, Problem{Line: e.Rows[0].Line, Reason: reason})
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tally.take(e.counts, -1)
	for _, p := range problems {
		u.list(p)
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

// list keeps a problem if it is among the first of the file.
func (u *upload) list(p Problem) {
	at, _ := slices.BinarySearchFunc(u.problems, p.Line+1, func(q Problem, line int) int { return q.Line - line })
	if at < MaxProblems {
		u.problems = slices.Insert(u.problems, at, p)
		u.problems = u.problems[:min(len(u.problems), MaxProblems)]
	}
}

// reject keeps a row for the rejects file, unless that is full.
func (u *upload) reject(r Row, reason string) error {
	size := 2*len(r.Cells) + len(reason) + 2*strings.Count(reason, `"`) + max(0, len(u.cols.header)-len(r.Cells)) + 2
	for _, cell := range r.Cells {
		size += len(cell) + strings.Count(cell, `"`)
	}
	if u.rejected.rows == MaxRejectsRows || u.rejected.bytes+size > MaxRejects {
		u.rejected.leftOut++
		return nil
	}
	u.rejected.rows++
	u.rejected.bytes += size
	key := binary.BigEndian.AppendUint64(nil, uint64(r.Line))
	return u.rejects.Add(key, func(b []byte) []byte { return appendCells(b, reason, r.Cells) })
}

// Problems returns the problems of what was rejected so far: the first MaxProblems of
// the file, by line.
func (u *upload) Problems() []Problem {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.problems)
}

// RejectsLeftOut returns how many rejected rows the rejects file does not have, because it
// is full. A note of Summary says so, too.
func (u *upload) RejectsLeftOut() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.rejected.leftOut
}

// WriteRejects writes the rejects file: the columns of the upload and the rows that were
// rejected, in the upload's order, with a column for the reason. It returns how many
// rows it wrote, and writes nothing when there are none.
func (u *upload) WriteRejects(w io.Writer) (rows int, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := csv.NewWriter(w)
	out.Comma = rune(u.comma)
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
	err = u.rejects.Each(func(_, value []byte) bool {
		if rows == 0 {
			if u.bom {
				_, failed = w.Write(sheet.BOM)
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
