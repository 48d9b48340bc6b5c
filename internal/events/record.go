package events

import (
	"context"
	"fmt"

	"cafe/internal/records"
)

// Record puts the events that the changes are into the log, in the order of the changes, all
// of them or none. It may get any change any number of times. The errors are by change, nil
// where it is done. A change that cannot be decoded is an error and keeps no other out.
//
// The consumer calls it before it posts the changes to the ledger. So a change that can never
// be posted does not keep its event from being told, nor changes the order of a subject's
// events. When the process ends in between, both are done again: the event is told twice,
// with the same id.
func (l *Log) Record(ctx context.Context, changes []records.Change) []error {
	errs := make([]error, len(changes))
	var entries []Entry
	var from []int // the change of each entry
	known := map[string]bool{}
	for i, change := range changes {
		events, err := Of(change)
		if err != nil {
			errs[i] = err
			continue
		}
		for _, e := range events {
			if !known[e.ID] && !l.hasTold(e.ID) {
				known[e.ID] = true
				entries, from = append(entries, e), append(from, i)
			}
		}
	}
	if err := l.Append(ctx, entries); err != nil {
		for _, i := range from {
			errs[i] = fmt.Errorf("write the event log: %w", err)
		}
	}
	return errs
}

// hasTold reports whether this process has put an event of that id into the log lately. A
// record that fails is delivered again and again: its batch is not to be told as often.
func (l *Log) hasTold(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told.has(id)
}
