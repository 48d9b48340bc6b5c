package parse

import (
	"strings"
	"testing"
)

func TestNumbersAsTillsWriteThem(t *testing.T) {
	for cell, want := range map[string]string{
		"4.20": "4.20", "-1.5": "-1.5", "007": "007", "$8.00": "8.00 $", "-$0.60": "-0.60 $", "$-0.60": "-0.60 $", "($0.60)": "-0.60 $", "2.40-": "-2.40",
		"2.60 £": "2.60 £", "GBP 2.40": "2.40 GBP", "2,40 €": "2.40 €", "CHF 1'234.50": "1234.50 CHF", "3.20 kr.": "3.20 kr", "Fr.3.20": "3.20 Fr", "+3": "3", "−3.20": "-3.20",
		"1,203.20": "1203.20", "1.203,20": "1203.20", "1,234,567": "1234567", "1.234.567,8": "1234567.8", "1 234,50": "1234.50", "1\u00a0234": "1234", "1\u202f234,5": "1234.5",
		"3,5": "3.5", "0,200": "0.200", "3,1234": "3.1234", "1234,567": "1234.567", ".5": "0.5", ",5": "0.5",

		"1,203": "thousands", "12,345": "thousands", "": "no", "-": "no", "£": "no", "1.2.3": "no", "1,23,456": "no", "1,2345.6": "no", "1.234,567,8": "no", "12 34": "no",
		"1e5": "no", "NaN": "no", "0x10": "no", "1 2'345": "no", "--3": "no", "(-3)": "no", "$8$": "no", "x3": "no", "3x": "no", "٣": "no", "5.": "no", "3 %": "no", "GBPX 3": "no", "(3": "no",
	} {
		n, err := parseNumber(cell)
		got := strings.TrimSpace(n.plain + " " + n.mark)
		switch err {
		case errThousands:
			got = "thousands"
		case errNumber:
			got = "no"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", cell, got, want)
		}
	}
}
