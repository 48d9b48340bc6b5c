package pricing

import (
	"math/big"
	"math/bits"

	"cafe/model"
)

// fraction is an exact amount of at least 0: floor + num/den, with num below den.
type fraction struct {
	floor    uint64
	num, den uint64
}

// of returns amount × times ÷ by, exactly. times may be at most by.
func of(amount, times, by uint64) fraction {
	hi, lo := bits.Mul64(amount, times)
	q, r := bits.Div64(hi, lo, by)
	return fraction{q, r, by}
}

// less reports whether the fractional part of f is below that of g.
func (f fraction) less(g fraction) bool {
	if f.den == g.den {
		return f.num < g.num
	}
	fhi, flo := bits.Mul64(f.num, g.den)
	ghi, glo := bits.Mul64(g.num, f.den)
	return fhi < ghi || fhi == ghi && flo < glo
}

// round makes a whole number of minor units of f.
func (how Rounding) round(f fraction) uint64 {
	twice := 2 * f.num // den is below 2^63, for it is an amount or a rate
	switch {
	case how == Down, twice < f.den:
		return f.floor
	case how == HalfEven && twice == f.den:
		return f.floor + f.floor%2
	}
	return f.floor + 1
}

// percentOf returns a rounded percentage of an amount.
func (how Rounding) percentOf(amount model.Money, rate model.Rate) model.Money {
	return model.Money(how.round(of(uint64(amount), uint64(rate), uint64(model.Whole))))
}

// sum adds fractions up, exactly. Those of one denominator, which are nearly all, need
// no more than integers: 3 ns for three, where big.Rat takes 1,000 (BenchmarkSum).
func sum(parts []fraction) fraction {
	total := fraction{den: 1}
	if len(parts) > 0 {
		total.den = parts[0].den
	}
	for _, p := range parts {
		if p.den != total.den {
			return sumOfMany(parts)
		}
		total.floor += p.floor
		if total.num += p.num; total.num >= total.den {
			total.num -= total.den
			total.floor++
		}
	}
	return total
}

// sumOfMany adds up fractions of several denominators: of taxes on lines that bear
// different inclusive taxes. What it returns is exact as to floor, and as to whether the
// rest is nothing, below, at or above a half, which is all that rounding asks.
func sumOfMany(parts []fraction) fraction {
	var floor uint64
	rest, one := new(big.Rat), new(big.Rat)
	for _, p := range parts {
		floor += p.floor
		rest.Add(rest, one.SetFrac(new(big.Int).SetUint64(p.num), new(big.Int).SetUint64(p.den)))
	}
	whole := new(big.Int).Quo(rest.Num(), rest.Denom())
	rest.Sub(rest, new(big.Rat).SetInt(whole))
	sum := fraction{floor: floor + whole.Uint64(), den: 4}
	switch half := rest.Cmp(big.NewRat(1, 2)); {
	case half > 0:
		sum.num = 3
	case half == 0:
		sum.num = 2
	case rest.Sign() > 0:
		sum.num = 1
	}
	return sum
}

// settle makes whole amounts of exact shares, so that they add up to total, which is
// their sum rounded: each is rounded down, and what is missing goes, a unit each, to the
// largest remainders, then to the earlier share. The result is in each floor.
func settle(shares []fraction, total uint64) {
	for _, s := range shares {
		total -= s.floor
	}
	for ; total > 0; total-- {
		best := 0
		for i := range shares {
			if shares[best].less(shares[i]) {
				best = i
			}
		}
		shares[best].floor++
		shares[best].num = 0
	}
}
