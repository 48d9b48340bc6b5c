package model

import (
	"testing"

	"pgregory.net/rapid"
)

func TestParseRateReadsPercentages(t *testing.T) {
	for text, want := range map[string]Rate{"20": 200_000, "8.875": 88_750, "0": 0, "0.0001": 1, "100": Whole, "12.50": 125_000, "007": 70_000} {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("ParseRate(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", ".", "5.", ".5", "-1", "+1", "1e1", "8.87501", "1,5", "20%", " 1", "1234567", "NaN", "١"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("ParseRate(%q) = %d; want an error", text, got)
		}
	}
}

func TestRateIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rate(rapid.Int64Range(0, 999_999_9999).Draw(t, "rate"))
		if back, err := ParseRate(r.String()); err != nil || back != r {
			t.Fatalf("%d is written %q and read %d, %v", r, r.String(), back, err)
		}
	})
}
