package stream

import "cafe/internal/ledger"

// Ledger returns the handler that keeps totals right (ledger.Ledger.Post).
func Ledger(l *ledger.Ledger) Handler { return Handle("ledger", l.Post) }
