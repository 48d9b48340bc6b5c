package model

import (
	"strconv"
	"time"
)

// HighBalance is the alert that the balance of a tab has risen above the limit.
type HighBalance struct {
	AlertID      string
	CustomerID   string
	CustomerName string // filled in when the alert is sent; empty if the customer has no name
	Balance      Money
	CreditLimit  Money
	Currency     string
	Crossing     int64 // 1 for the customer's first crossing
	At           time.Time
}

// HighBalance returns the alert for a crossing that Settle has reported. The alert's id
// depends only on the customer and the crossing, so a repeated call returns the same id. The
// alert has no name of the customer yet.
func (c Customer) HighBalance(limit Money, currency string, at time.Time) HighBalance {
	return HighBalance{
		AlertID:    DeriveID("high balance", c.ID, strconv.FormatInt(c.Crossings, 10)),
		CustomerID: c.ID, Balance: c.Balance, CreditLimit: limit, Currency: currency, Crossing: c.Crossings, At: at,
	}
}

// Severity is the severity of a high balance: critical above twice the limit, else warning.
type Severity string

// The severities. The topic's subscribers filter by them.
const (
	SeverityWarning  Severity = "warning"
	SeverityCritical Severity = "critical"
)

// Severity returns the severity of the alert.
func (a HighBalance) Severity() Severity {
	if a.Balance-a.CreditLimit > a.CreditLimit {
		return SeverityCritical
	}
	return SeverityWarning
}

// OutOfStock is the alert that a counted item has run out.
type OutOfStock struct {
	AlertID string
	SKU     string
	Name    string
	At      time.Time
}
