package stream

import (
	"context"

	"cafe/internal/events"
	"cafe/internal/ledger"
	"cafe/internal/records"
)

// Ledger returns the handler that writes the event log (events.Log.Record) and then keeps
// totals right (ledger.Ledger.Post). A change is done when both are.
func Ledger(l *ledger.Ledger, log *events.Log) Handler {
	return Handle("ledger", func(ctx context.Context, changes []records.Change) []error {
		errs := log.Record(ctx, changes)
		for i, err := range l.Post(ctx, changes) {
			if err != nil {
				errs[i] = err
			}
		}
		return errs
	})
}

// LedgerWants reports whether the ledger's handler has anything to do with changes in that
// partition of the table: the filter of its event source mapping. Those of endpoints of
// webhooks are for Waking.
func LedgerWants(pk string) bool {
	return ledger.Wants(pk) || events.Wants(pk) || pk == records.PartitionHooks
}
