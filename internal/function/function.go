// Package function sets up the café's Lambda functions: the log, the settings and the
// table. A function with a bad configuration still starts. It logs the reason once and
// refuses every event. If it crashed instead, the log would say less, and Lambda would start
// it again and again.
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

	"cafe/internal/lambdalog"
	"cafe/internal/metric"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/internal/table/dynamo"
)

// margin is the least time before the deadline at which a write may start.
const margin = 300 * time.Millisecond

// Cafe is what the rooms of a café are opened on in a function.
type Cafe struct {
	Settings settings.Settings
	Table    table.Table
}

// Open opens the café of a function with the environment that the template sets. It also
// sets the default log (package lambdalog) and the output of metrics. Open logs its error, so
// the caller must not.
func Open() (Cafe, error) {
	slog.SetDefault(lambdalog.New(os.Getenv("CAFE_LOG_LEVEL")))
	metric.SetOutput(os.Stdout, cmp.Or(os.Getenv("CAFE_METRICS_NAMESPACE"), "Cafe"), lambdacontext.FunctionVersion)
	c, err := open(os.Getenv)
	if err != nil {
		return Cafe{}, NotConfigured(err)
	}
	return c, nil
}

func open(getenv func(string) string) (Cafe, error) {
	s, err := settings.FromEnv(getenv)
	if err != nil {
		return Cafe{}, err
	}
	name := getenv("CAFE_TABLE")
	if name == "" {
		return Cafe{}, fmt.Errorf("CAFE_TABLE is not set")
	}
	client, err := dynamo.FromEnv(getenv)
	if err != nil {
		return Cafe{}, err
	}
	return Cafe{s, table.Guarded(dynamo.New(client, dynamo.Options{Table: name}), margin)}, nil
}

// NotConfigured logs that the function refuses everything because of err. It returns the
// error for its events.
func NotConfigured(err error) error {
	slog.Error("the function is not configured and refuses everything", "error", err.Error())
	return fmt.Errorf("not configured: %w", err)
}

// Refusing returns a handler that fails every event with err. So Lambda keeps the event and
// tries again.
func Refusing(err error) func(context.Context, json.RawMessage) error {
	return func(context.Context, json.RawMessage) error { return err }
}
