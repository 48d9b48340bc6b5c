// Package house opens all rooms of a café on one table: for the API, which leads into most
// of them, and for the café in one process.
package house

import (
	"cafe/internal/cafe"
	"cafe/internal/closing"
	"cafe/internal/daily"
	"cafe/internal/deadletters"
	"cafe/internal/events"
	"cafe/internal/imports"
	"cafe/internal/ledger"
	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/internal/webhooks"
)

// House is a café with all its rooms. What is done at the counter is done in the house.
type House struct {
	*cafe.Cafe
	Ledger  *ledger.Ledger
	Outbox  *outbox.Announcer
	Imports *imports.Importer
	Reports *daily.Reporter
	Books   *closing.Books
	Events  *events.Log

	DeadLetters *deadletters.Box
	Webhooks    *webhooks.Hooks
}

// Open opens a café on a table. now is time.Now outside tests.
func Open(s settings.Settings, t table.Table, now records.Clock) *House {
	c := cafe.New(s, t, now)
	i := imports.New(s, t, now, c)
	reports := daily.New(s, t, now, c, i)
	log := events.New(t, now)
	h := &House{
		Cafe: c, Imports: i,
		Ledger:  ledger.New(s, t, now),
		Outbox:  outbox.New(s, t, now),
		Reports: reports,
		Books:   closing.New(s, t, now, reports),
		Events:  log,

		DeadLetters: deadletters.New(t, now),
		Webhooks:    webhooks.New(t, now, log),
	}
	h.DeadLetters.Resume = h.Webhooks.Resume
	return h
}
