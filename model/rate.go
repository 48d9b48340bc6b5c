package model

import (
	"fmt"
	"strconv"
	"strings"
)

// Rate is a share in units of 1/10,000 of a percent: 8.875 % is 88,750. It is exact.
type Rate int64

// Whole is 100 %.
const Whole Rate = 1_000_000

// rateDecimals is how many decimals of a percent a rate may have.
const rateDecimals = 4

// ParseRate reads a percentage such as "20", "8.875" or "0", with up to four decimals
// and no sign.
func ParseRate(s string) (Rate, error) {
	whole, fraction, pointed := strings.Cut(s, ".")
	if whole == "" || len(whole) > 6 || pointed && fraction == "" || len(fraction) > rateDecimals || !isDigits(whole) || !isDigits(fraction) {
		return 0, fmt.Errorf("%q is not a percentage such as 8.875", s)
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", rateDecimals-len(fraction)), 10, 64)
	return Rate(n), err
}

// String writes the rate as a percentage without needless zeros: "8.875", "20", "0".
func (r Rate) String() string {
	s := strconv.FormatInt(int64(r/10_000), 10)
	if fraction := int64(r % 10_000); fraction != 0 {
		s += "." + strings.TrimRight(fmt.Sprintf("%04d", fraction), "0")
	}
	return s
}
