package cafe

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// width is how many calls to the store one use case has under way at once.
const width = 32

// each calls do for 0 to n-1, width at a time, and returns the first error.
func each(ctx context.Context, n int, do func(context.Context, int) error) error {
	if n == 1 {
		return do(ctx, 0)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(width)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}
