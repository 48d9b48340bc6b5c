package lambdalog

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
)

func TestLinesBelowTheLevelAreLeftOut(t *testing.T) {
	for level, want := range map[string]string{"": "iwe", "DEBUG": "diwe", "INFO": "iwe", "WARN": "we", "ERROR": "e", "loud": "iwe"} {
		var out bytes.Buffer
		log := slog.New(handler{slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}), parse(level)}).With("a", 1).WithGroup("g")
		//lint:ignore SA1029 it is the key of package lambda
		ctx := context.WithValue(t.Context(), "x-amzn-trace-id", "Root=1")
		log.DebugContext(ctx, "d")
		log.InfoContext(ctx, "i")
		log.WarnContext(ctx, "w")
		log.ErrorContext(ctx, "e")
		got := ""
		for line := range strings.Lines(out.String()) {
			_, message, _ := strings.Cut(line, `"msg":"`)
			got += message[:1]
			if !strings.Contains(line, "Root=1") {
				t.Errorf("%s has no trace", line)
			}
		}
		if got != want {
			t.Errorf("level %q: lines %s, want %s", level, got, want)
		}
	}
}
