package model

import (
	"errors"
	"math/bits"
)

// Money is an amount in minor units (pence, cents) of the café's one currency, by
// that currency's own exponent: in GBP 350 is 3.50, in JPY it is 350. It is never a
// float; arithmetic that may overflow is checked.
type Money int64

// MaxPrice is the highest price of one unit or one option, in minor units: a million
// pounds. With at most MaxLines lines of MaxQuantity units, an order's total stays
// below 2^53, so every JSON reader gets it exactly (RFC 8259, section 6).
const MaxPrice Money = 100_000_000

// ErrOverflow says that a sum or a product of money does not fit in 64 bits.
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
