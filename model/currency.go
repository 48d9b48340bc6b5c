package model

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrUnknownCurrency says that a code is not an active currency of ISO 4217.
var ErrUnknownCurrency = errors.New("is not a currency code of ISO 4217")

// The active currencies of ISO 4217 by how many decimals their minor unit has, after
// list one as published on 2026-01-01 (SIX Group, the maintenance agency). Codes of
// that list without a minor unit (gold, XDR, the test code) are no currency of a café.
const (
	exponent0 = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
	exponent2 = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV " +
		"BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP " +
		"CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD " +
		"GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD " +
		"KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR " +
		"MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR " +
		"PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP " +
		"STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU " +
		"UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
	exponent3 = "BHD IQD JOD KWD LYD OMR TND"
	exponent4 = "CLF UYW"
)

// Exponent returns how many decimals the currency's minor unit has: 2 for GBP, whose
// 350 is 3.50, 0 for JPY and 3 for KWD. A code that is not active is
// ErrUnknownCurrency; codes are in capitals.
func Exponent(currency string) (int, error) {
	for n, list := range [...]string{2: exponent2, 0: exponent0, 3: exponent3, 4: exponent4} {
		at := strings.Index(list, currency)
		if len(currency) == 3 && at >= 0 && at%4 == 0 {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%q %w", currency, ErrUnknownCurrency)
}

// coins are the smallest coins of currencies that have smaller amounts than coins, in minor
// units. Cash is rounded to them; other money is not.
//
// CAD, CHF, CZK, DKK, NOK, SEK and TWD are those of Unicode CLDR (supplemental data,
// currencyData/fractions: cashRounding and cashDigits). AUD: one- and two-cent coins are
// withdrawn since 1992 (Royal Australian Mint). HUF: since 2008 (Act III of 2008 on
// rounding). NZD: since 2006 (Reserve Bank of New Zealand). In the countries of the euro
// custom differs, so that EUR has none.
var coins = map[string]Money{
	"AUD": 5, "CAD": 5, "CHF": 5, "CZK": 100, "DKK": 50, "HUF": 500, "NOK": 100, "NZD": 10, "SEK": 100, "TWD": 100,
}

// SmallestCoin returns the amount of which all cash payments of the currency are multiples,
// in minor units: 5 for CHF. It is 1 for a currency whose cash is not rounded.
func SmallestCoin(currency string) Money { return max(1, coins[currency]) }

// InCoins returns the amount, not below 0, as coins of the currency can pay it: the nearest
// multiple of SmallestCoin, the upper one of two.
func (m Money) InCoins(currency string) Money {
	coin := SmallestCoin(currency)
	return (m + coin/2) / coin * coin
}

// ParseMajor reads a decimal in major units of the currency, as tills and spreadsheets
// write it ("4.20", "4.2", "4", "-1.50"), into minor units, exactly and without
// floats. More decimals than the currency has are refused unless they are zeros. So is
// an unknown currency, with ErrUnknownCurrency.
func ParseMajor(s, currency string) (Money, error) {
	exponent, err := Exponent(currency)
	if err != nil {
		return 0, err
	}
	bad := func() (Money, error) { return 0, fmt.Errorf("%q is not an amount such as 4.20", s) }
	digits, negative := strings.CutPrefix(s, "-")
	whole, fraction, pointed := strings.Cut(digits, ".")
	if whole == "" || pointed && fraction == "" || !isDigits(whole) || !isDigits(fraction) {
		return bad()
	}
	for len(fraction) < exponent {
		fraction += "0"
	}
	if strings.Trim(fraction[exponent:], "0") != "" {
		return 0, fmt.Errorf("%q has more decimals than %s, which has %d", s, currency, exponent)
	}
	n, err := strconv.ParseInt(whole+fraction[:exponent], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", s, ErrOverflow)
	}
	if negative {
		n = -n
	}
	return Money(n), nil
}

// Major writes the amount as a plain decimal in major units of the currency: "1234.50"
// in GBP, "123450" in JPY. An unknown currency is written with two decimals.
func (m Money) Major(currency string) string {
	exponent, err := Exponent(currency)
	if err != nil {
		exponent = 2
	}
	sign, u := "", uint64(m)
	if m < 0 {
		sign, u = "-", -u
	}
	digits := strconv.FormatUint(u, 10)
	if short := exponent + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	if exponent == 0 {
		return sign + digits
	}
	point := len(digits) - exponent
	return sign + digits[:point] + "." + digits[point:]
}

// symbols are those that every mail client shows; other currencies are written
// by their ISO 4217 code.
var symbols = map[string]string{"GBP": "£", "EUR": "€", "USD": "$", "JPY": "¥"}

// Format writes the amount for people: "£1,234.50", "¥1,235", or "CHF 1,234.50" for a
// currency without a well-known symbol.
func (m Money) Format(currency string) string {
	digits, negative := strings.CutPrefix(m.Major(currency), "-")
	whole, fraction, pointed := strings.Cut(digits, ".")
	var b strings.Builder
	if negative {
		b.WriteByte('-')
	}
	if symbol, known := symbols[currency]; known {
		b.WriteString(symbol)
	} else {
		b.WriteString(currency + " ")
	}
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	if pointed {
		b.WriteString("." + fraction)
	}
	return b.String()
}

func isDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
