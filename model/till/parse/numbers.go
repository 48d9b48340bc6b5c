package parse

import (
	"errors"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"cafe/model"
)

// MaxUnits is the highest quantity of a row. History is not held to the API's limit.
const MaxUnits = 100_000

// number is a decimal as model.ParseMajor reads it ("-1203.20"), and the currency sign
// or code that stood with it.
type number struct{ plain, mark string }

var (
	errNumber    = errors.New("is not a number")
	errThousands = errors.New("could have a comma of thousands or of decimals; write it without the one of thousands")
)

// parseNumber reads a number as tills write it: 4.20, $8.00, -$0.60, 2.60 £, GBP 2.40,
// (2.40), 1,203.20, 1.203,20, 1 203,20, 3,50. A number that could be read in two ways,
// such as 1,203, is refused.
func parseNumber(cell string) (number, error) {
	if isPlain(cell) {
		return number{plain: cell}, nil
	}
	s, negative := strings.TrimSpace(cell), false
	if inner, ok := strings.CutPrefix(s, "("); ok {
		if s, ok = strings.CutSuffix(inner, ")"); !ok {
			return number{}, errNumber
		}
		negative = true
	}
	first := strings.IndexAny(s, "0123456789.,")
	if first < 0 {
		return number{}, errNumber
	}
	last := strings.LastIndexAny(s, "0123456789.,") + 1
	// A full stop may belong to the sign of the currency: "Fr.3.20", "3.20 kr."
	if s[first] == '.' && first > 0 && first+1 < last && isLetterBefore(s, first) {
		first++
	}
	if s[last-1] == '.' && last > 1 && isLetterBefore(s, last-1) {
		last = strings.LastIndexAny(s[:last-1], "0123456789.,") + 1
	}
	var mark string
	for _, around := range []string{s[:first], s[last:]} {
		sign, minus, ok := cutSign(around)
		if !ok || minus && negative || sign != "" && mark != "" {
			return number{}, errNumber
		}
		negative = negative || minus
		mark += sign
	}
	plain, err := ungroup(s[first:last])
	if negative {
		plain = "-" + plain
	}
	return number{plain, mark}, err
}

// isPlain reports whether the cell is a number that needs no work.
func isPlain(cell string) bool {
	digits, point := false, false
	for i, c := range []byte(cell) {
		switch {
		case '0' <= c && c <= '9':
			digits = true
		case c == '.' && digits && !point && i < len(cell)-1:
			point = true
		case c == '-' && i == 0:
		default:
			return false
		}
	}
	return digits
}

func isLetterBefore(s string, at int) bool {
	r, _ := utf8.DecodeLastRuneInString(s[:at])
	return unicode.IsLetter(r)
}

// cutSign takes apart what stands before or behind a number: a minus or plus, and the
// sign or code of a currency.
func cutSign(s string) (mark string, minus, ok bool) {
	signs := 0
	mark = strings.Map(func(r rune) rune {
		switch {
		case r == '-', r == '−':
			minus = true
			signs++
			return -1
		case r == '+':
			signs++
			return -1
		case unicode.IsSpace(r), r == '.':
			return -1
		}
		return r
	}, s)
	symbols, letters := 0, 0
	for _, r := range mark {
		switch {
		case unicode.Is(unicode.Sc, r):
			symbols++
		case unicode.IsLetter(r):
			letters++
		default:
			return "", false, false
		}
	}
	return mark, minus, signs <= 1 && symbols <= 1 && letters <= 3 && (mark == "" || symbols == 1 || letters >= 2)
}

// ungroup takes the separators of thousands out, and writes the decimals after a point.
func ungroup(s string) (string, error) {
	groupedBy := ""
	for _, sep := range []string{" ", "\u00a0", "\u202f", "\u2009", "'", "’"} {
		if strings.Contains(s, sep) {
			if groupedBy != "" {
				return "", errNumber
			}
			groupedBy = sep
		}
	}
	commas, points := strings.Count(s, ","), strings.Count(s, ".")
	decimal := ""
	switch {
	case commas > 0 && points > 0:
		if groupedBy != "" || commas > 1 && points > 1 {
			return "", errNumber
		}
		groupedBy, decimal = ",", "."
		if strings.LastIndexByte(s, ',') > strings.LastIndexByte(s, '.') {
			groupedBy, decimal = ".", ","
		}
	case groupedBy == "" && commas > 1:
		groupedBy = ","
	case groupedBy == "" && points > 1:
		groupedBy = "."
	case commas == 1:
		decimal = ","
		whole, fraction, _ := strings.Cut(s, ",")
		if groupedBy == "" && len(fraction) == 3 && len(whole) <= 3 && whole != "" && whole[0] != '0' {
			return "", errThousands
		}
	case points == 1:
		decimal = "."
	}
	whole, fraction := s, ""
	if decimal != "" {
		whole, fraction, _ = strings.Cut(s, decimal)
		if !isNumber(fraction) {
			return "", errNumber
		}
		fraction = "." + fraction
	}
	if groupedBy != "" {
		groups := strings.Split(whole, groupedBy)
		for i, group := range groups {
			if !isNumber(group) || i > 0 && len(group) != 3 || len(group) > 3 || len(groups) > 1 && groups[0] == "0" {
				return "", errNumber
			}
		}
		whole = strings.Join(groups, "")
	}
	if whole == "" {
		whole = "0"
	}
	if !isNumber(whole) {
		return "", errNumber
	}
	return whole + fraction, nil
}

// ParseMoney reads an amount of the currency, from -max to max. It returns the mark that
// stood with it.
func ParseMoney(cell string, max model.Money, currency string) (m model.Money, mark, reason string) {
	n, err := parseNumber(cell)
	if err == errThousands {
		if decimals, none := model.Exponent(currency); none == nil && decimals == 0 {
			n, err = parseNumber(strings.Replace(cell, ",", "", 1))
		}
	}
	switch {
	case err == errThousands:
		return 0, "", err.Error()
	case err != nil:
		return 0, "", "is not an amount such as " + model.Money(420).Major(currency)
	}
	m, err = model.ParseMajor(n.plain, currency)
	switch {
	case errors.Is(err, model.ErrOverflow), err == nil && (m > max || m < -max):
		return 0, "", "is more than " + max.Major(currency)
	case err != nil:
		return 0, "", "has more decimals than an amount of money has"
	}
	return m, n.mark, ""
}

// Quantity is how much a row sold. What has no decimals counts in units. What has was
// sold by weight: it counts as one unit, and millionths says how much it was.
type Quantity struct {
	Units      int64 // negative: given back
	Millionths int64 // 0: a whole number of units
}

const badQuantity = "is not a quantity such as 2 or 0.25, and at most 100000"

// ParseQuantity reads a quantity. Spreadsheets write 2.0 for 2.
func ParseQuantity(cell string) (q Quantity, reason string) {
	n, err := parseNumber(cell)
	if err == errThousands {
		return q, err.Error()
	}
	digits, negative := strings.CutPrefix(n.plain, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	fraction = strings.TrimRight(fraction, "0")
	if err != nil || n.mark != "" || len(whole) > 12 || len(fraction) > 6 {
		return q, badQuantity
	}
	units, _ := strconv.ParseInt(whole, 10, 64)
	if fraction != "" {
		q.Millionths, _ = strconv.ParseInt(whole+(fraction + "000000")[:6], 10, 64)
		q.Units = 1
	} else {
		q.Units = units
	}
	if q.Units == 0 || units >= MaxUnits && fraction != "" || units > MaxUnits {
		return Quantity{}, badQuantity
	}
	if negative {
		q.Units, q.Millionths = -q.Units, -q.Millionths
	}
	return q, ""
}

// Times returns what so much costs at a price, rounded half up to the minor unit.
func (q Quantity) Times(price model.Money) (model.Money, error) {
	if q.Millionths == 0 {
		return price.Times(q.Units)
	}
	negative := (price < 0) != (q.Millionths < 0)
	hi, lo := bits.Mul64(magnitude(int64(price)), magnitude(q.Millionths))
	lo, carry := bits.Add64(lo, 500_000, 0)
	if hi += carry; hi >= 1_000_000 {
		return 0, model.ErrOverflow
	}
	n, _ := bits.Div64(hi, lo, 1_000_000)
	if n > math.MaxInt64 {
		return 0, model.ErrOverflow
	}
	if negative {
		return -model.Money(n), nil
	}
	return model.Money(n), nil
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// Back returns the quantity as one that was given back.
func (q Quantity) Back() Quantity {
	if q.Units > 0 {
		q.Units, q.Millionths = -q.Units, -q.Millionths
	}
	return q
}

// WholeNumber reads a count. Spreadsheets write 2.0 for 2.
func WholeNumber(cell string) (int64, error) {
	whole, zeros, _ := strings.Cut(cell, ".")
	if strings.Trim(zeros, "0") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(whole, 10, 64)
}
