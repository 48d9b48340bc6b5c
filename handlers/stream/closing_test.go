package stream_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"cafe/handlers/stream"
	"cafe/internal/records"
)

func TestARecordThatIsCutOffByTheEndIsNoErrorInTheLog(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)

	event := events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{{Change: events.DynamoDBStreamRecord{SequenceNumber: "1"}}}}
	handle := stream.Handle("ledger", func(context.Context, []records.Change) []error { return nil })
	ended, end := context.WithCancel(t.Context())
	end()
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for _, c := range []struct {
		ctx   context.Context
		level string
	}{{t.Context(), "ERROR"}, {ended, "INFO"}, {late, "ERROR"}} {
		log.Reset()
		response, err := handle(c.ctx, event)
		if err != nil || len(response.BatchItemFailures) != 1 {
			t.Errorf("%v, %v", response, err)
		}
		if !strings.Contains(log.String(), "level="+c.level) || strings.Count(log.String(), "level=") != 1 {
			t.Errorf("with %v it logged %s, want %s", c.ctx.Err(), &log, c.level)
		}
	}
}
