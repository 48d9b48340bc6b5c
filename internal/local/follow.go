package local

import (
	"bytes"
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

	handled "cafe/handlers/stream"
	"cafe/internal/durable"
	"cafe/internal/table"
	"cafe/internal/table/dynamo/stream"
)

// Streams opens a follower of the table's stream from saved positions.
type Streams func(saved stream.Positions) *stream.Follower

// Follow gives the records of a DynamoDB stream to consumers until the context ends. Each has
// its own pace and its own positions, which are kept in the folder. They are on disk before
// the next batch is read, so that after a crash at most one batch is delivered again.
func Follow(ctx context.Context, open Streams, folder string, box handled.Box, reachable func(context.Context) bool, consumers ...Consumer) {
	d := newDelivery(box, reachable)
	if err := durable.RemoveUnfinished(folder); err != nil {
		slog.Error("unfinished stream positions cannot be removed", "error", err.Error())
	}
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
	if err := durable.MkdirAll(filepath.Dir(path)); err != nil {
		return fmt.Errorf("make folder of stream positions: %w", err)
	}
	saved, err := readPositions(path, time.Now())
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

// readPositions returns the positions that a consumer had come to. Without a file they are
// nil: a stream without positions is read from its oldest record. A file that cannot be
// decoded, which a disk in trouble may leave, is set aside for somebody to look at, and the
// positions are nil, too.
func readPositions(path string, now time.Time) (stream.Positions, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read stream positions: %w", err)
	}
	var positions stream.Positions
	damage := json.Unmarshal(b, &positions)
	if damage == nil {
		return positions, nil
	}
	aside := path + ".bad-" + now.UTC().Format("20060102T150405.000Z")
	if err := durable.Rename(path, aside); err != nil {
		return nil, fmt.Errorf("set damaged stream positions aside: %w", err)
	}
	slog.Error("stream positions are damaged: the stream is read again from its oldest record; reconcile the totals, as records may be gone (cafe reconcile)",
		"file", aside, "error", damage.Error())
	return nil, nil
}

func writePositions(path string, positions stream.Positions) error {
	b, err := json.Marshal(positions)
	if err == nil {
		err = durable.Write(path, bytes.NewReader(b))
	}
	if err != nil {
		return fmt.Errorf("keep stream positions: %w", err)
	}
	return nil
}
