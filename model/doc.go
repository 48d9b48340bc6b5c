// Package model has the rules of the café: money and sums of money, the menu, what an order
// may contain and how its status may change, the business day of a sale, what an order adds
// to a tab, and when a tab is too high. It does no I/O, has no clock, and knows nothing of
// AWS or HTTP.
//
// A newcomer should read it first, in this order: money.go, currency.go, rate.go, day.go,
// menu.go, order.go, reckoning.go, status.go, role.go, stock.go, customer.go, payment.go,
// ledger.go, alert.go.
//
// Everything here is a pure function or a value. Times and ids are passed in.
package model
