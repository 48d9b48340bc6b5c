package books

import (
	"bytes"
	"strconv"
	"strings"

	"cafe/model"
)

// Table writes CSV (RFC 4180): lines end in CR LF, and fields are quoted where they must be.
type Table struct {
	b     bytes.Buffer
	begun bool // the line has a cell already
}

// Cell adds a cell whose text is the café's own: a number, a day, a heading.
func (t *Table) Cell(text string) *Table {
	if t.begun {
		t.b.WriteByte(',')
	}
	t.begun = true
	if strings.ContainsAny(text, ",\"\r\n") {
		text = `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	}
	t.b.WriteString(text)
	return t
}

// Text adds a cell that holds people's words. A text that a spreadsheet would take for a
// formula gets an apostrophe before it (CWE-1236; OWASP ASVS 5.0, requirement 1.2.10).
func (t *Table) Text(text string) *Table {
	if text != "" && strings.IndexByte("=+-@\t\r\n\x00", text[0]) >= 0 || strings.HasPrefix(text, "＝") || strings.HasPrefix(text, "＋") || strings.HasPrefix(text, "－") || strings.HasPrefix(text, "＠") {
		text = "'" + text
	}
	return t.Cell(text)
}

// Money adds a cell with an amount in the major unit.
func (t *Table) Money(m model.Money, currency string) *Table { return t.Cell(Decimal(m, currency)) }

// Int adds a cell with a number.
func (t *Table) Int(n int64) *Table { return t.Cell(strconv.FormatInt(n, 10)) }

// Row adds cells of the café's own, and ends the line.
func (t *Table) Row(cells ...string) {
	for _, c := range cells {
		t.Cell(c)
	}
	t.b.WriteString("\r\n")
	t.begun = false
}

// Bytes returns what was written.
func (t *Table) Bytes() []byte { return t.b.Bytes() }

// Decimal writes an amount in the major unit, by the currency's own exponent: 350 is "3.50" of
// GBP and "350" of JPY.
func Decimal(m model.Money, currency string) string {
	exponent, err := model.Exponent(currency)
	if err != nil {
		exponent = 2
	}
	digits, sign := strconv.FormatInt(int64(m), 10), ""
	if m < 0 {
		sign, digits = "-", digits[1:]
	}
	if exponent == 0 {
		return sign + digits
	}
	if missing := exponent + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	return sign + digits[:len(digits)-exponent] + "." + digits[len(digits)-exponent:]
}
