package closing_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
)

var ctx = context.Background()

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}
