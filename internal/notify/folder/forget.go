package folder

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cafe/internal/durable"
)

// Forget removes deliveries that are older than before: mails, and lines of topics and queues.
// They name customers, so they must not be kept for ever. If a message is published again after
// its mail was removed, it is mailed again.
func (n *Notifier) Forget(before time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	var failed error
	for id, name := range n.mails {
		at, _, _ := strings.Cut(name, "-")
		sent, err := time.Parse(mailTime, at)
		if err != nil || !sent.Before(before) {
			continue // not a mail of the café, or too new
		}
		if err := os.Remove(filepath.Join(n.dir, mailFolder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, fmt.Errorf("remove an old mail: %w", err))
			continue
		}
		delete(n.mails, id)
	}
	queues, err := filepath.Glob(filepath.Join(n.dir, queuesFolder, "*.jsonl"))
	failed = errors.Join(failed, err)
	for _, path := range append(queues, filepath.Join(n.dir, topicsFile)) {
		if err := forgetLines(path, before); err != nil {
			failed = errors.Join(failed, fmt.Errorf("remove old deliveries: %w", err))
		}
	}
	return failed
}

// forgetLines removes the lines at the start of a file that are older than before. A missing
// file is fine.
func forgetLines(path string, before time.Time) (err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	old, lines := int64(0), bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return err
		}
		var delivery struct {
			At        time.Time `json:"at"` // of topics
			Timestamp time.Time // of queues
		}
		_ = json.Unmarshal(line, &delivery) // a line that is no delivery has no time and is removed
		if err == io.EOF || !delivery.At.Before(before) || !delivery.Timestamp.Before(before) {
			break
		}
		old += int64(len(line))
	}
	if old == 0 {
		return nil
	}
	if _, err := f.Seek(old, io.SeekStart); err != nil {
		return err
	}
	return durable.Write(path, f)
}
