package folder_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cafe/internal/objects/folder"
	"cafe/model"
)

func TestForgetLeavesPendingUploads(t *testing.T) {
	dir := t.TempDir()
	l := serve(t, dir, folder.Options{})
	for _, key := range []string{"rejects/old.csv", "rejects/new.csv"} {
		if err := l.Put(t.Context(), key, strings.NewReader("text")); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-time.Hour)
	for _, path := range []string{"kept/rejects%2Fold.csv", "arrived/imports%2Fwaiting.csv"} {
		path = filepath.Join(dir, path)
		if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Forget(time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	for key, there := range map[string]bool{"rejects/old.csv": false, "rejects/new.csv": true, "imports/waiting.csv": true} {
		f, _, err := l.Open(t.Context(), key)
		if there != (err == nil) || !there && !errors.Is(err, model.ErrNotFound) {
			t.Errorf("%s: %v", key, err)
		}
		if err == nil {
			f.Close()
		}
	}
}
