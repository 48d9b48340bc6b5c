package table

import (
	"context"
	"fmt"
	"time"
)

// Guarded wraps a table so that no write starts with less than margin left before
// the context's deadline: a Lambda that is about to be stopped answers that it could
// not, in place of leaving the caller in doubt.
func Guarded(t Table, margin time.Duration) Table { return guarded{t, margin} }

type guarded struct {
	Table
	margin time.Duration
}

func (g guarded) Write(ctx context.Context, ops ...Op) error {
	if deadline, has := ctx.Deadline(); has && time.Until(deadline) < g.margin {
		return fmt.Errorf("%w: too little time left to start a write", ErrThrottled)
	}
	return g.Table.Write(ctx, ops...)
}
