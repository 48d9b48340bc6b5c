package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Forget removes the files that were last written before that time. Uploads that wait to be
// imported stay. On AWS a lifecycle rule of the bucket does the same.
func (f *Files) Forget(before time.Time) error {
	entries, err := os.ReadDir(f.path(kept, ""))
	if err != nil {
		return fmt.Errorf("list files: %w", err)
	}
	var failed error
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && info.ModTime().Before(before) {
			err = os.Remove(f.path(kept, entry.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, fmt.Errorf("remove an old file: %w", err))
		}
	}
	return failed
}
