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
