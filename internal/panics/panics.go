// Package panics turns a panic into an error, and keeps what the panic held out of the
// log: it may be personal data.
package panics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
)

// caught is a panic as an error. It is in the log already.
type caught string

func (c caught) Error() string { return "panic: " + string(c) }

// Error turns a value that recover returned into an error, and logs where the panic came
// from, with the attributes given. Error and log name only the type of the value. Errors
// of the Go runtime, such as an index out of range, hold no personal data: they are
// logged whole.
//
// Call it in the deferred function itself: only there does the stack still show the panic.
func Error(ctx context.Context, value any, attributes ...any) error {
	if c, logged := value.(caught); logged {
		return c
	}
	kind := fmt.Sprintf("%T", value)
	if own, ok := value.(runtime.Error); ok {
		kind = own.Error()
	}
	slog.ErrorContext(ctx, "panic", append(attributes, "kind", kind, "stack", string(debug.Stack()))...)
	return caught(kind)
}

// Recover, when deferred, turns a panic into the function's error. A goroutine needs it:
// nobody else can recover its panic, and the runtime would print what the panic held and
// end the process.
func Recover(ctx context.Context, err *error, attributes ...any) {
	if value := recover(); value != nil {
		*err = Error(ctx, value, attributes...)
	}
}

// Resume panics again when err is a panic that Error or Recover caught. It logs nothing more.
func Resume(err error) {
	if c := caught(""); errors.As(err, &c) {
		panic(c)
	}
}
