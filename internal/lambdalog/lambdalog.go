// Package lambdalog makes the log of a Lambda function.
//
// The function itself leaves out lines below the café's level (CAFE_LOG_LEVEL). Lambda must
// not do it: it takes each line of output without a level for INFO (Lambda Developer Guide,
// "Log-level filtering"). With its filter at WARN, metrics and the traces of a crash, which
// have no level, would be lost. So the template keeps Lambda's filter at INFO or DEBUG.
package lambdalog

import (
	"context"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// New returns the log of a function. Its format is the one that the template asks Lambda for
// (AWS_LAMBDA_LOG_FORMAT). Each line has the ids of the invocation and the trace. Lines below
// level are left out. The level is DEBUG, INFO, WARN or ERROR; any other is INFO.
func New(level string) *slog.Logger {
	return slog.New(handler{lambdacontext.NewLogHandler(), parse(level)})
}

func parse(level string) slog.Level {
	switch level {
	case "DEBUG":
		return slog.LevelDebug
	case "WARN":
		return slog.LevelWarn
	case "ERROR":
		return slog.LevelError
	}
	return slog.LevelInfo
}

// handler leaves out lines below least, and adds the id of the trace to the others.
type handler struct {
	slog.Handler
	least slog.Level
}

func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.least && h.Handler.Enabled(ctx, level)
}

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	// Package lambda keeps the trace header under this very key.
	if trace, ok := ctx.Value("x-amzn-trace-id").(string); ok {
		r.AddAttrs(slog.String("trace", trace))
	}
	return h.Handler.Handle(ctx, r)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs), h.least}
}

func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.least}
}
