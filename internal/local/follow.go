package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"cafe/internal/table"
	"cafe/internal/table/dynamo/stream"
)

// Streams opens a follower of the table's stream from saved positions.
type Streams func(saved stream.Positions) *stream.Follower

// Follow gives a DynamoDB stream to consumers, each at its own pace and from its own
// positions, which are kept in the folder and move after the batch. It returns when the
// context ends.
func Follow(ctx context.Context, open Streams, folder, data string, reachable func(context.Context) bool, consumers ...Consumer) {
	d := newDelivery(data, reachable)
	var running sync.WaitGroup
	for _, c := range consumers {
		running.Go(func() {
			for ctx.Err() == nil {
				err := follow(ctx, open, filepath.Join(folder, c.Name+".json"), d, c)
				if ctx.Err() != nil {
					return
				}
				slog.Error("stream follower", "consumer", c.Name, "error", err.Error())
				select {
				case <-ctx.Done():
				case <-time.After(time.Second):
				}
			}
		})
	}
	running.Wait()
}

func follow(ctx context.Context, open Streams, path string, d delivery, c Consumer) error {
	saved, err := readPositions(path)
	if err != nil {
		return err
	}
	follower := open(saved)
	for {
		batch, err := follower.Next(ctx)
		if err != nil {
			return err
		}
		if batch.Gap {
			slog.Error("the stream dropped records before they were read: reconcile the totals (cafe reconcile)", "consumer", c.Name)
		}
		records := make([]events.DynamoDBEventRecord, 0, len(batch.Records))
		for _, r := range batch.Records {
			if pk := r.Change.Keys[table.AttrPK]; pk.DataType() == events.DataTypeString && c.Wants(pk.String()) {
				records = append(records, r)
			}
		}
		if err := d.deliver(ctx, c, records); err != nil {
			return err
		}
		if err := writePositions(path, batch.Positions); err != nil {
			return err
		}
	}
}

func readPositions(path string) (stream.Positions, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read stream positions: %w", err)
	}
	var positions stream.Positions
	if err := json.Unmarshal(b, &positions); err != nil {
		return nil, fmt.Errorf("read stream positions in %s: %w", path, err)
	}
	return positions, nil
}

// writePositions replaces the file at once, so that it is never half written.
func writePositions(path string, positions stream.Positions) error {
	b, err := json.Marshal(positions)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keep stream positions: %w", err)
	}
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return fmt.Errorf("keep stream positions: %w", err)
	}
	return os.Rename(path+".new", path)
}
