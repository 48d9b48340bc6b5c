package cafe

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
)

// panicked is a panic as an error. It was logged.
type panicked string

func (p panicked) Error() string { return "panic: " + string(p) }

// Panicked makes an error of what recover returned, and logs where the panic came from,
// with the attributes given. Neither says what the panic held, which may be personal
// data: only its type. The runtime's own errors, such as an index out of range, hold
// none, and are told whole.
//
// It is to be called by the deferred function itself: the stack is that of the panic then.
func Panicked(ctx context.Context, value any, attributes ...any) error {
	if p, logged := value.(panicked); logged {
		return p
	}
	kind := fmt.Sprintf("%T", value)
	if own, ok := value.(runtime.Error); ok {
		kind = own.Error()
	}
	slog.ErrorContext(ctx, "panic", append(attributes, "kind", kind, "stack", string(debug.Stack()))...)
	return panicked(kind)
}

// recovered makes a panic of a goroutine its error: nobody else can recover it, and the
// runtime would print what it held and end the process.
func recovered(ctx context.Context, err *error) {
	if p := recover(); p != nil {
		*err = Panicked(ctx, p)
	}
}
