package table

import (
	"context"
	"fmt"
	"time"
)

// Guarded returns a Table that starts no write when less than margin is left before the
// context's deadline. Such a write returns ErrThrottled, and nothing was written. So a
// Lambda that is about to be stopped does not leave its caller in doubt.
func Guarded(t Table, margin time.Duration) Table { return deadlineGuard{t, margin} }

type deadlineGuard struct {
	Table
	margin time.Duration
}

func (g deadlineGuard) Write(ctx context.Context, ops ...Op) error {
	if deadline, has := ctx.Deadline(); has && time.Until(deadline) < g.margin {
		return fmt.Errorf("%w: too little time left to start a write", ErrThrottled)
	}
	return g.Table.Write(ctx, ops...)
}
