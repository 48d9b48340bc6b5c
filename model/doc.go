// Package model is the café itself, with no I/O, no clock of its own and nothing
// of AWS or HTTP in it: what money is and how it adds up, what is on the menu,
// what an order may contain and which way it may move, which business day a sale
// belongs to, what an order contributes to a tab, and when a tab runs high.
//
// A newcomer reads it first, in this order: money.go, currency.go, day.go, menu.go, order.go,
// status.go, role.go, stock.go, customer.go, payment.go, ledger.go, alert.go.
//
// Everything here is a pure function or a value. Times and ids are passed in.
package model
