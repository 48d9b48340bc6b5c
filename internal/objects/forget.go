package objects

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Forget removes the files that were last written before then, but for uploads that
// nobody has dealt with: what a lifecycle rule of the bucket does on AWS.
func (l *Local) Forget(before time.Time) error {
	entries, err := os.ReadDir(l.path(kept, ""))
	if err != nil {
		return fmt.Errorf("list files: %w", err)
	}
	var failed error
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && info.ModTime().Before(before) {
			err = os.Remove(l.path(kept, entry.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, fmt.Errorf("remove an old file: %w", err))
		}
	}
	return failed
}
