// Package function is what the café's Lambda functions have in common at their start:
// the log, the settings, the table. A function that is not configured starts all the
// same, refuses everything, and says why in the log once: a crash at start would say
// less, and be tried again and again.
package function

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"cafe/internal/cafe"
	"cafe/internal/metric"
	"cafe/internal/table"
	"cafe/internal/table/dynamo"
)

// margin is how much time a write needs before Lambda stops the function.
const margin = 300 * time.Millisecond

// Open opens the café of a function, from the environment that the template sets. It has
// the log be of the form and level that the template asks Lambda for (AWS_LAMBDA_LOG_FORMAT
// and AWS_LAMBDA_LOG_LEVEL), each line with the ids of the invocation and its trace.
func Open() (*cafe.Cafe, error) {
	slog.SetDefault(slog.New(traced{lambdacontext.NewLogHandler()}))
	metric.To(os.Stdout, cmp.Or(os.Getenv("CAFE_METRICS_NAMESPACE"), "Cafe"))
	c, err := open(os.Getenv)
	if err != nil {
		return nil, NotConfigured(err)
	}
	return c, nil
}

func open(getenv func(string) string) (*cafe.Cafe, error) {
	settings, err := cafe.SettingsFrom(getenv)
	if err != nil {
		return nil, err
	}
	name := getenv("CAFE_TABLE")
	if name == "" {
		return nil, fmt.Errorf("CAFE_TABLE is not set")
	}
	client, err := dynamo.FromEnv(getenv)
	if err != nil {
		return nil, err
	}
	return cafe.New(settings, table.Guarded(dynamo.New(client, dynamo.Options{Table: name}), margin), time.Now), nil
}

// NotConfigured logs why the function refuses everything, and returns the error that it
// does so with.
func NotConfigured(err error) error {
	slog.Error("the function is not configured and refuses everything", "error", err.Error())
	return fmt.Errorf("not configured: %w", err)
}

// Refusing returns a handler of any event that fails with the error, so that Lambda
// keeps the event and tries again.
func Refusing(err error) func(context.Context, json.RawMessage) error {
	return func(context.Context, json.RawMessage) error { return err }
}

// traced adds the id of the trace to each line.
type traced struct{ slog.Handler }

func (h traced) Handle(ctx context.Context, r slog.Record) error {
	// Package lambda keeps the trace header under this very key.
	if trace, ok := ctx.Value("x-amzn-trace-id").(string); ok {
		r.AddAttrs(slog.String("trace", trace))
	}
	return h.Handler.Handle(ctx, r)
}

func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{h.Handler.WithAttrs(attrs)} }

func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name)} }
