// Package cafe is the counter: it places, amends, advances and deletes orders, takes
// payments onto tabs, and keeps the menu, the pricing document, stock and customers. Each
// use case is a method of Cafe. It takes who is asking, and answers with values of package
// model.
//
// It knows nothing of HTTP, Lambda or AWS. Totals, alerts, imports and reports follow from
// what it stores: packages ledger, outbox, imports and daily.
package cafe

import (
	"cafe/internal/records"
	"cafe/internal/settings"
	"cafe/internal/table"
)

// Cafe carries out the use cases. Make it with New; it is safe for concurrent use.
type Cafe struct {
	settings.Settings

	table    table.Table
	now      records.Clock
	menu     menuCache
	tariffs  tariffs
	numbers  numbers
	quoteKey []byte // nil: no quotes are given or honoured
}

// New opens a café on a table. now is time.Now outside tests.
func New(s settings.Settings, t table.Table, now records.Clock) *Cafe {
	return &Cafe{Settings: s, table: t, now: now, menu: menuCache{turn: make(chan struct{}, 1)}, numbers: numbers{turn: make(chan struct{}, 1)}}
}
