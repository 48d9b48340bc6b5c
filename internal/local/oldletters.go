package local

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/aws/aws-lambda-go/events"

	"cafe/handlers/stream"
	"cafe/internal/durable"
)

// oldLetters are the dead letters of versions that kept them in files:
// DATA/dead-letters/<consumer>.jsonl.
const oldLetters = "dead-letters"

// moveOldLetters puts dead letters of files into the store. Files that were moved get another
// name.
func moveOldLetters(ctx context.Context, data string, box stream.Box) error {
	files, err := filepath.Glob(filepath.Join(data, oldLetters, "*.jsonl"))
	if err != nil {
		return err
	}
	for _, path := range files {
		err := moveLetters(ctx, path, box)
		if err == nil {
			err = durable.Rename(path, path+".moved")
		}
		if err != nil {
			return fmt.Errorf("move dead letters of %s into the store: %w", filepath.Base(path), err)
		}
	}
	return nil
}

func moveLetters(ctx context.Context, path string, box stream.Box) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var old struct {
			Consumer, Reason string
			Record           events.DynamoDBEventRecord
		}
		if err := decodeLetter(lines.Bytes(), &old); err != nil {
			slog.WarnContext(ctx, "a line of dead letters cannot be read and stays in its file", "file", filepath.Base(path))
			continue
		}
		if err := stream.Keep(ctx, box, old.Consumer, old.Record, errors.New(old.Reason)); err != nil {
			return err
		}
	}
	return lines.Err()
}

// decodeLetter is json.Unmarshal, but for the event types' panics.
func decodeLetter(line []byte, into any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%T", p)
		}
	}()
	return json.Unmarshal(line, into)
}
