package model

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// everyCurrency is all the codes that Exponent knows.
var everyCurrency = strings.Fields(exponent0 + " " + exponent2 + " " + exponent3 + " " + exponent4)

func TestExponentIsThatOfISO4217(t *testing.T) {
	for code, want := range map[string]int{"GBP": 2, "EUR": 2, "USD": 2, "CHF": 2, "ZWG": 2, "JPY": 0, "KRW": 0, "ISK": 0, "XPF": 0, "KWD": 3, "BHD": 3, "TND": 3, "CLF": 4, "UYW": 4} {
		if got, err := Exponent(code); err != nil || got != want {
			t.Errorf("Exponent(%s) = %d, %v; want %d", code, got, err, want)
		}
	}
	if len(everyCurrency) != 165 {
		t.Errorf("%d currencies; list one of 2026-01-01 has 165 with a minor unit", len(everyCurrency))
	}
	seen := map[string]bool{}
	for _, code := range everyCurrency {
		if _, err := Exponent(code); err != nil || seen[code] {
			t.Errorf("%s: %v, or listed twice", code, err)
		}
		seen[code] = true
	}
}

func TestUnknownCurrencyIsRefused(t *testing.T) {
	// Gold and the test code have no minor unit; HRK, BGN and ANG are no longer active.
	for _, code := range []string{"", "gbp", "GB", "GBPX", "XAU", "XTS", "HRK", "BGN", "ANG", "ED ", "D A", " AE", "PXX"} {
		if n, err := Exponent(code); !errors.Is(err, ErrUnknownCurrency) {
			t.Errorf("Exponent(%q) = %d, %v", code, n, err)
		}
		if m, err := ParseMajor("1", code); !errors.Is(err, ErrUnknownCurrency) {
			t.Errorf("ParseMajor in %q = %d, %v", code, m, err)
		}
	}
}

func TestParseMajorReadsWhatTillsWrite(t *testing.T) {
	for _, c := range []struct {
		text, currency string
		want           Money
	}{
		{"4.20", "GBP", 420}, {"4.2", "GBP", 420}, {"4", "GBP", 400}, {"0.05", "GBP", 5}, {"-1.50", "GBP", -150},
		{"4.200", "GBP", 420}, {"-0.01", "GBP", -1}, {"00012.00", "GBP", 1200},
		{"420", "JPY", 420}, {"420.00", "JPY", 420}, {"-3", "JPY", -3},
		{"4.205", "KWD", 4205}, {"4.2", "KWD", 4200}, {"0.001", "KWD", 1},
		{"1.2345", "CLF", 12345}, {"1", "UYW", 10000},
	} {
		if got, err := ParseMajor(c.text, c.currency); err != nil || got != c.want {
			t.Errorf("ParseMajor(%q, %s) = %d, %v; want %d", c.text, c.currency, got, err, c.want)
		}
	}
	for _, text := range []string{"", ".", "4.", ".5", "4.205", "1e3", "4,20", "£4", " 4", "--4", "+4", "NaN", "99999999999999999999", "4.2.0"} {
		if got, err := ParseMajor(text, "GBP"); err == nil {
			t.Errorf("ParseMajor(%q) = %d; want an error", text, got)
		}
	}
	for text, currency := range map[string]string{"4.5": "JPY", "4.2005": "KWD", "1.23456": "CLF"} {
		if got, err := ParseMajor(text, currency); err == nil {
			t.Errorf("ParseMajor(%q, %s) = %d; want an error", text, currency, got)
		}
	}
}

func TestMajorIsReadBackInEveryCurrency(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, currency := Money(rapid.Int64().Draw(t, "m")), rapid.SampledFrom(everyCurrency).Draw(t, "currency")
		if m == math.MinInt64 {
			return // its magnitude has no positive counterpart
		}
		if back, err := ParseMajor(m.Major(currency), currency); err != nil || back != m {
			t.Fatalf("%d %s is written %q and read %d, %v", m, currency, m.Major(currency), back, err)
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
		{350, "JPY", "¥350"}, {-123456, "JPY", "-¥123,456"}, {0, "KRW", "KRW 0"},
		{350, "KWD", "KWD 0.350"}, {1234567, "BHD", "BHD 1,234.567"}, {5, "CLF", "CLF 0.0005"},
	} {
		if got := c.m.Format(c.currency); got != c.want {
			t.Errorf("%d %s is %q, want %q", c.m, c.currency, got, c.want)
		}
	}
}
