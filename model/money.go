package model

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Money is an amount in minor units (pence, cents) of the café's one currency:
// 350 is 3.50. It is never a float; arithmetic that may overflow is checked.
type Money int64

// MaxPrice is the highest price of one unit or one option: a million in major
// units. With at most MaxLines lines of MaxQuantity units, an order's total stays
// below 2^53, so every JSON reader gets it exactly (RFC 8259, section 6).
const MaxPrice Money = 100_000_000

// ErrOverflow says that a sum or product of money does not fit in 64 bits.
var ErrOverflow = errors.New("amount is too large")

// Add returns m + n, or ErrOverflow.
func (m Money) Add(n Money) (Money, error) {
	sum := m + n
	if (sum > m) != (n > 0) && n != 0 {
		return 0, ErrOverflow
	}
	return sum, nil
}

// Times returns m × n, or ErrOverflow.
func (m Money) Times(n int64) (Money, error) {
	a, b, negative := uint64(m), uint64(n), (m < 0) != (n < 0)
	if m < 0 {
		a = -a
	}
	if n < 0 {
		b = -b
	}
	hi, lo := bits.Mul64(a, b)
	switch {
	case hi != 0, !negative && lo > 1<<63-1, negative && lo > 1<<63:
		return 0, ErrOverflow
	case negative:
		return Money(-lo), nil
	}
	return Money(lo), nil
}

// ParseMajor reads a decimal in major units, as tills and spreadsheets write it
// ("4.20", "4.2", "4", "-1.50"), into minor units, exactly and without floats.
// More decimals than the currency has (two) are refused unless they are zeros.
func ParseMajor(s string) (Money, error) {
	bad := func() (Money, error) { return 0, fmt.Errorf("%q is not an amount such as 4.20", s) }
	digits, negative := strings.CutPrefix(s, "-")
	whole, fraction, pointed := strings.Cut(digits, ".")
	if whole == "" || pointed && fraction == "" || !isDigits(whole) || !isDigits(fraction) {
		return bad()
	}
	for len(fraction) < 2 {
		fraction += "0"
	}
	if strings.Trim(fraction[2:], "0") != "" {
		return 0, fmt.Errorf("%q has more than two decimals", s)
	}
	n, err := strconv.ParseInt(whole+fraction[:2], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", s, ErrOverflow)
	}
	if negative {
		n = -n
	}
	return Money(n), nil
}

// Major writes the amount as a plain decimal in major units: "1234.50".
func (m Money) Major() string {
	sign, u := "", uint64(m)
	if m < 0 {
		sign, u = "-", -u
	}
	return fmt.Sprintf("%s%d.%02d", sign, u/100, u%100)
}

// symbols are those that every mail client shows; other currencies are written
// by their ISO 4217 code.
var symbols = map[string]string{"GBP": "£", "EUR": "€", "USD": "$"}

// Format writes the amount for people: "£1,234.50", or "CHF 1,234.50" for a
// currency without a well-known symbol.
func (m Money) Format(currency string) string {
	sign, major := "", m.Major()
	if m < 0 {
		sign, major = "-", major[1:]
	}
	whole, fraction, _ := strings.Cut(major, ".")
	var b strings.Builder
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	symbol, known := symbols[currency]
	if !known {
		symbol = currency + " "
	}
	return sign + symbol + b.String() + "." + fraction
}

func isDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
