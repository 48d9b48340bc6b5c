package till

import (
	"fmt"
	"slices"
	"strings"
)

// field is something a row tells, by whatever name its column has.
type field int

const (
	fieldOrder field = iota
	fieldOrderedAt
	fieldDate
	fieldTime
	fieldItem
	fieldQuantity
	fieldUnitPrice
	fieldAmount
	fieldCustomer
	fieldPayment
	fieldStatus
	fieldOutlet
	fieldSKU
	fieldOnHand
	fieldName
	fieldCategory
	fieldPrice
	fieldCounted
	fieldActive
	fieldOptions
	fields
)

// layout is what a kind of file may have for columns. Of several names for one field,
// the first listed that the file has counts.
type layout struct {
	kind  string // "An orders file"
	names map[field][]string
	needs []need
}

// need is something that a file of the kind cannot do without: all the fields of one
// of the ways to tell it.
type need struct {
	what string
	ways [][]field
	says string // the names to choose from
}

// fold makes names alike that differ only in case, spaces or _.
func fold(name string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "_", "", "\t", "", "\u00a0", "").Replace(name))
}

// reasonColumn is the one that a rejects file has more than the upload.
const reasonColumn = "reason"

// columns says where in a file's rows which field stands.
type columns struct {
	header []string // without the reasons of an earlier rejects file
	at     [fields]int
	drop   []int // where those reasons stood
}

// columns finds the layout's fields in a header.
func (l layout) columns(header []string) (columns, error) {
	var c columns
	for i, name := range header {
		if fold(name) == reasonColumn {
			c.drop = append(c.drop, i)
		}
	}
	c.header = c.tidy(slices.Clone(header))
	folded := make([]string, len(c.header))
	for i, name := range c.header {
		folded[i] = fold(name)
	}
	for f := range c.at {
		c.at[f] = -1
		for _, name := range l.names[field(f)] {
			i := slices.Index(folded, fold(name))
			if i < 0 {
				continue
			}
			if slices.Contains(folded[i+1:], folded[i]) {
				return columns{}, &FileError{fmt.Sprintf("The file has more than one column %s; remove or rename one of them.", excerpt(strings.TrimSpace(c.header[i])))}
			}
			c.at[f] = i
			break
		}
	}
	return c, l.missing(c)
}

// missing names what the file would need, or returns nil.
func (l layout) missing(c columns) error {
	var needs, lacks []string
	for _, n := range l.needs {
		needs = append(needs, n.what+" ("+n.says+")")
		told := slices.ContainsFunc(n.ways, func(way []field) bool {
			return !slices.ContainsFunc(way, func(f field) bool { return c.at[f] < 0 })
		})
		if !told {
			lacks = append(lacks, n.what)
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	hint := ""
	if len(c.header) == 1 && strings.ContainsAny(c.header[0], ";\t") {
		hint = ", whose cells must be separated by commas,"
	}
	return &FileError{fmt.Sprintf("%s needs a header row with columns for %s; this file%s has none for %s.", l.kind, list(needs), hint, list(lacks))}
}

// list joins by commas and "and".
func list(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
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

// cell returns what a row says of the field, without spaces around it: nothing when
// the file has no such column.
func (c *columns) cell(cells []string, f field) string {
	if i := c.at[f]; i >= 0 && i < len(cells) {
		return strings.TrimSpace(cells[i])
	}
	return ""
}

// name returns the column's name as the file has it, or nothing when it has none.
func (c *columns) name(f field) string {
	if c.at[f] < 0 {
		return ""
	}
	return strings.TrimSpace(c.header[c.at[f]])
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

// isFormula tells whether a spreadsheet might run the cell: numbers with a sign are
// harmless.
func isFormula(cell string) bool {
	if cell == "" || !strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return false
	}
	number := strings.TrimLeft(cell, "+-")
	return len(cell)-len(number) != 1 || number == "" || strings.Trim(number, "0123456789.") != ""
}
