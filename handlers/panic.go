package handlers

import (
	"context"

	"cafe/internal/cafe"
)

// recovered makes a panic of a handler its error (cafe.Panicked), so that the event is
// told again like any other that failed. Package lambda would log what the panic held,
// and answer with it.
func recovered(ctx context.Context, handler string, err *error) {
	if p := recover(); p != nil {
		*err = cafe.Panicked(ctx, p, "handler", handler)
	}
}
