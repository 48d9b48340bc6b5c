package former

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/mathext"
)

// demand is what an item may sell on a day, as a distribution over whole numbers: it
// is on the counter with probability offered, and then sells a negative binomial
// number with the given mean and the variance mean + spread·mean². If it is not on
// the counter it sells nothing. The zero demand is for what has never been sold.
type demand struct {
	offered, mean, spread float64
}

// expected returns the mean.
func (d demand) expected() float64 { return d.offered * d.mean }

// atMost returns the probability that no more than n are sold.
func (d demand) atMost(n int64) float64 {
	switch {
	case n < 0:
		return 0
	case d.expected() == 0:
		return 1
	}
	// The regularised incomplete beta function is the negative binomial's CDF.
	size := 1 / d.spread
	return 1 - d.offered + d.offered*mathext.RegIncBeta(size, float64(n)+1, size/(size+d.mean))
}

// quantile returns the smallest number that is enough with probability p, which is
// below 1.
func (d demand) quantile(p float64) int64 {
	enough := int64(1)
	for d.atMost(enough) < p && enough < math.MaxInt32 {
		enough *= 2
	}
	return int64(sort.Search(int(enough), func(n int) bool { return d.atMost(int64(n)) >= p }))
}

// interval returns the narrowest range of numbers around the rounded mean that holds at
// least the share of days; of equally narrow ones, that which holds most.
func (d demand) interval(share float64) (low, high int64) {
	const steps = 20
	middle := int64(math.Round(d.expected()))
	var best float64
	for i := range steps {
		from := min(d.quantile((1-share)*float64(i)/steps), middle)
		below := d.atMost(from - 1)
		to := max(d.quantile(min(below+share, 1-1e-6)), middle)
		held := d.atMost(to) - below
		if i == 0 || to-from < high-low || to-from == high-low && held > best {
			low, high, best = from, to, held
		}
	}
	return low, high
}
