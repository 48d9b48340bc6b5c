package till

import (
	"fmt"
	"slices"
	"strings"

	"cafe/model/till/parse"
)

// reasonColumn is the one that a rejects file has more than the upload.
const reasonColumn = "reason"

// maxColumns is how many columns a file may have. The rejects file repeats them in
// every row, so this bounds how much a small upload can make of itself.
const maxColumns = 1000

// columns says where in a file's rows which field stands.
type columns struct {
	header   []string // without the reasons of an earlier rejects file
	at       [fields][]int
	drop     []int // where those reasons stood
	fillDown bool
}

// columns finds the layout's fields in a header. The columns that it returns beside an
// error say what was found all the same.
func (l layout) columns(header []string) (columns, error) {
	var c columns
	for i, name := range header {
		if parse.FoldColumn(name) == reasonColumn {
			c.drop = append(c.drop, i)
		}
	}
	c.header = c.tidy(slices.Clone(header))
	folded := make(map[string][]int, len(c.header))
	for i, name := range c.header {
		name = parse.FoldColumn(name)
		folded[name] = append(folded[name], i)
	}
	all := []*names{&l.names, &l.more}
	for i := range l.tills {
		d := &l.tills[i]
		if !slices.ContainsFunc(d.sign, func(name string) bool { return folded[parse.FoldColumn(name)] == nil }) {
			all = append(all, &d.names)
			c.fillDown = c.fillDown || d.fillDown
		}
	}
	var twice error
	for _, names := range all {
		for f := range c.at {
			for _, name := range names[f] {
				at := folded[parse.FoldColumn(name)]
				switch {
				case len(at) == 1:
					c.at[f] = append(c.at[f], at[0])
				case len(at) > 1 && !c.has(field(f)) && slices.Contains(l.names[f], name):
					c.at[f] = at[:1]
					twice = &FileError{Reason: fmt.Sprintf("The file has more than one column %s; remove or rename one of them.", parse.Excerpt(strings.TrimSpace(c.header[at[0]])))}
				}
			}
		}
	}
	if lacks := l.lacks(c); len(lacks) > 0 {
		return c, l.missing(c, lacks)
	}
	return c, twice
}

// lacks returns what the file would need and has not.
func (l layout) lacks(c columns) (lacks []string) {
	for _, n := range l.needs {
		told := slices.ContainsFunc(n.ways, func(way []field) bool {
			return !slices.ContainsFunc(way, func(f field) bool { return !c.has(f) })
		})
		if !told {
			lacks = append(lacks, n.what)
		}
	}
	return lacks
}

// missing says what a file without some columns would need.
func (l layout) missing(c columns, lacks []string) error {
	needs := make([]string, len(l.needs))
	for i, n := range l.needs {
		needs[i] = n.what + " (" + n.says + ")"
	}
	has := "this file has"
	if len(c.header) == 1 {
		has = "this file has only one column, and"
	}
	return &FileError{Reason: fmt.Sprintf("%s needs a header row with columns for %s; %s none for %s.", l.kind, parse.Join(needs), has, parse.Join(lacks))}
}

// tidy takes the reasons of an earlier rejects file, and the apostrophes in front of
// formulas, out of a row of it. Rows of other files stay as they are.
func (c *columns) tidy(cells []string) []string {
	if len(c.drop) == 0 {
		return cells
	}
	for _, i := range slices.Backward(c.drop) {
		if i < len(cells) {
			cells = slices.Delete(cells, i, i+1)
		}
	}
	for i, cell := range cells {
		cells[i] = unguard(cell)
	}
	return cells
}

// has reports whether the file has a column for the field.
func (c *columns) has(f field) bool { return len(c.at[f]) > 0 }

// cell returns what a row says of the field, without spaces around it: the first of its
// columns that has a value in the row. It returns nothing when none has.
func (c *columns) cell(cells []string, f field) string {
	for _, i := range c.at[f] {
		if i < len(cells) {
			if cell := strings.TrimSpace(cells[i]); cell != "" {
				return cell
			}
		}
	}
	return ""
}

// name returns the name, as the file has it, of the column that tells the field in a
// row: the first when none has a value there, and nothing when the file has none.
func (c *columns) name(cells []string, f field) string {
	if !c.has(f) {
		return ""
	}
	at := c.at[f][0]
	for _, i := range c.at[f] {
		if i < len(cells) && strings.TrimSpace(cells[i]) != "" {
			at = i
			break
		}
	}
	return parse.Shortened(strings.TrimSpace(c.header[at]), maxName)
}

// maxName is how much of a column's name is repeated in problems and notes.
const maxName = 60

// names returns the names of all columns of a field, joined for people.
func (c *columns) names(f field) string {
	names := make([]string, len(c.at[f]))
	for i, at := range c.at[f] {
		names[i] = parse.Shortened(strings.TrimSpace(c.header[at]), maxName)
	}
	return strings.Join(names, ", ")
}

// notRead returns the names of the columns that no field is read from.
func (c *columns) notRead() (names []string) {
	read := make(map[int]bool)
	for _, at := range c.at {
		for _, i := range at {
			read[i] = true
		}
	}
	for i, name := range c.header {
		if name = parse.Shortened(strings.TrimSpace(name), maxName); !read[i] && name != "" {
			names = append(names, name)
		}
	}
	return names
}

// guard puts an apostrophe before what a spreadsheet would run as a formula, and
// before what looks as if that had happened already. unguard takes it away again.
func guard(cell string) string {
	if isFormula(strings.TrimLeft(cell, "'")) {
		return "'" + cell
	}
	return cell
}

func unguard(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok && isFormula(strings.TrimLeft(rest, "'")) {
		return rest
	}
	return cell
}

// isFormula reports whether a spreadsheet might run the cell. Numbers with a sign are
// harmless.
func isFormula(cell string) bool {
	if cell == "" || !strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return false
	}
	number := strings.TrimLeft(cell, "+-")
	return len(cell)-len(number) != 1 || number == "" || strings.Trim(number, "0123456789.") != ""
}
