package cafe

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"
)

// width is how many calls to the store one use case has under way at once.
const width = 32

// each calls do for 0 to n-1, width at a time, and returns the first error. It panics
// when one of them does.
func each(ctx context.Context, n int, do func(context.Context, int) error) error {
	if n == 1 {
		return do(ctx, 0)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(width)
	for i := range n {
		group.Go(func() (err error) {
			defer recovered(ctx, &err)
			return do(ctx, i)
		})
	}
	err := group.Wait()
	if p := panicked(""); errors.As(err, &p) {
		panic(p)
	}
	return err
}
