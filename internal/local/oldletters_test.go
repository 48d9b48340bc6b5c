package local

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"cafe/internal/cafetest"
)

func TestDeadLettersInFilesAreMovedIntoTheStore(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	data := t.TempDir()
	path := filepath.Join(data, "dead-letters", "ledger.jsonl")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	var lines []byte
	for _, r := range batch(2) {
		line, err := json.Marshal(map[string]any{"at": "2026-11-28T09:00:00Z", "consumer": "ledger", "reason": "why", "record": r})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(append(lines, line...), '\n')
	}
	if err := os.WriteFile(path, append(lines, `{"at":"2026-`...), 0o600); err != nil { // the last was cut off
		t.Fatal(err)
	}
	for range 2 {
		if err := moveOldLetters(ctx, data, c.DeadLetters); err != nil {
			t.Fatal(err)
		}
		letters, _, err := c.DeadLetters.List(ctx, false, "", 10)
		if err != nil || len(letters) != 2 || letters[0].Reason != "why" || letters[0].About != "orders/1" {
			t.Errorf("%+v, %v", letters, err)
		}
	}
	if _, err := os.Stat(path + ".moved"); err != nil {
		t.Error(err)
	}
}
