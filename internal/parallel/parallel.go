// Package parallel runs a bounded number of calls side by side.
package parallel

import (
	"context"

	"golang.org/x/sync/errgroup"

	"cafe/internal/panics"
)

// Width is how many calls to the store one use case has under way at once.
const Width = 32

// Each calls do for 0 to n-1, at most Width at a time. It returns the first error, and
// the context of the other calls ends then. It panics when one of them panics.
func Each(ctx context.Context, n int, do func(context.Context, int) error) error {
	if n == 1 {
		return do(ctx, 0)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(Width)
	for i := range n {
		group.Go(func() (err error) {
			defer panics.Recover(ctx, &err)
			return do(ctx, i)
		})
	}
	err := group.Wait()
	panics.Resume(err)
	return err
}
