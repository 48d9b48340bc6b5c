package model

import (
	"strconv"
	"time"
)

// HighBalance is the alert that a tab rose above its limit.
type HighBalance struct {
	AlertID      string
	CustomerID   string
	CustomerName string // when it is told; empty: none
	Balance      Money
	CreditLimit  Money
	Currency     string
	Crossing     int64 // 1 for the customer's first
	At           time.Time
}

// HighBalance returns the alert for the crossing that Settle has just found. Its id
// is the customer's and the crossing's, so making it again makes the same. It names nobody.
func (c Customer) HighBalance(limit Money, currency string, at time.Time) HighBalance {
	return HighBalance{
		AlertID:    DeriveID("high balance", c.ID, strconv.FormatInt(c.Crossings, 10)),
		CustomerID: c.ID, Balance: c.Balance, CreditLimit: limit, Currency: currency, Crossing: c.Crossings, At: at,
	}
}

// Severity is warning, or critical when the balance is above twice the limit.
type Severity string

// The two severities, as the topic's subscribers filter by them.
const (
	SeverityWarning  Severity = "warning"
	SeverityCritical Severity = "critical"
)

// Severity tells how far above the limit the balance is.
func (a HighBalance) Severity() Severity {
	if a.Balance-a.CreditLimit > a.CreditLimit {
		return SeverityCritical
	}
	return SeverityWarning
}

// OutOfStock is the alert that a counted item ran out.
type OutOfStock struct {
	AlertID string
	SKU     string
	Name    string
	At      time.Time
}
