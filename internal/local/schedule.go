package local

import (
	"context"
	"log/slog"
	"time"
)

// Every calls do at once and then time after time, until the context ends. Errors are
// logged; the next time comes all the same.
func Every(ctx context.Context, pause time.Duration, name string, do func(context.Context) error) {
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			slog.Error("scheduled work failed", "work", name, "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}
