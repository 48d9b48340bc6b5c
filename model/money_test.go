package model

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestMoneyArithmeticIsExactOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		same := func(what string, got Money, err error, want *big.Int) {
			if want.IsInt64() != (err == nil) {
				t.Fatalf("%s of %d and %d: error %v, exact result %s", what, a, b, err, want)
			}
			if err == nil && int64(got) != want.Int64() {
				t.Fatalf("%s of %d and %d is %d, want %s", what, a, b, got, want)
			}
		}
		sum, err := Money(a).Add(Money(b))
		same("sum", sum, err, new(big.Int).Add(big.NewInt(a), big.NewInt(b)))
		product, err := Money(a).Times(b)
		same("product", product, err, new(big.Int).Mul(big.NewInt(a), big.NewInt(b)))
	})
}

func TestMoneyAtTheEdges(t *testing.T) {
	for _, c := range []struct {
		a, b Money
		fits bool
	}{
		{math.MaxInt64, 0, true}, {math.MaxInt64, 1, false}, {math.MinInt64, -1, false},
		{math.MinInt64, 0, true}, {math.MaxInt64, math.MinInt64, true},
	} {
		if _, err := c.a.Add(c.b); (err == nil) != c.fits {
			t.Errorf("%d + %d: %v", c.a, c.b, err)
		}
	}
	if got, err := Money(math.MinInt64).Times(1); err != nil || got != math.MinInt64 {
		t.Errorf("least × 1 = %d, %v", got, err)
	}
	if _, err := Money(math.MinInt64).Times(-1); err == nil {
		t.Error("least × -1 fits in no 64 bits")
	}
}

func TestParseMajorReadsWhatTillsWrite(t *testing.T) {
	for text, want := range map[string]Money{
		"4.20": 420, "4.2": 420, "4": 400, "0.05": 5, "-1.50": -150, "4.200": 420, "-0.01": -1, "00012.00": 1200,
	} {
		if got, err := ParseMajor(text); err != nil || got != want {
			t.Errorf("ParseMajor(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", ".", "4.", ".5", "4.205", "1e3", "4,20", "£4", " 4", "--4", "+4", "NaN", "99999999999999999999", "4.2.0"} {
		if got, err := ParseMajor(text); err == nil {
			t.Errorf("ParseMajor(%q) = %d; want an error", text, got)
		}
	}
}

func TestMajorIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Money(rapid.Int64().Draw(t, "m"))
		if m == math.MinInt64 {
			return // its magnitude has no positive counterpart
		}
		if back, err := ParseMajor(m.Major()); err != nil || back != m {
			t.Fatalf("%d is written %q and read %d, %v", m, m.Major(), back, err)
		}
	})
}

func TestFormatForPeople(t *testing.T) {
	for _, c := range []struct {
		m        Money
		currency string
		want     string
	}{
		{123450, "GBP", "£1,234.50"}, {5, "EUR", "€0.05"}, {-100, "USD", "-$1.00"},
		{123456789, "CHF", "CHF 1,234,567.89"}, {99999, "GBP", "£999.99"}, {100000, "GBP", "£1,000.00"},
	} {
		if got := c.m.Format(c.currency); got != c.want {
			t.Errorf("%d %s is %q, want %q", c.m, c.currency, got, c.want)
		}
	}
}
