package cafetest_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
)

var ctx = context.Background()

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if store := os.Getenv(openVariable); store != "" {
		if err := openAlone(store, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	removeFilledStores()
	os.Exit(code)
}
