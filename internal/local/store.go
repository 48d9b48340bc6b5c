package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	handled "cafe/handlers/stream"
	"cafe/internal/deadletters"
	"cafe/internal/outbox"
	"cafe/internal/table"
	"cafe/internal/table/dynamo"
	"cafe/internal/table/dynamo/stream"
	"cafe/internal/table/pebble"
)

// Store is the table that a café keeps everything in, with what belongs to its engine.
type Store struct {
	Table  table.Table
	Ours   bool            // the café made it: a new one may begin here with the sample
	Alone  bool            // no other process uses it
	Close  func() error    // after the last use
	Failed <-chan struct{} // closed once the store cannot write any more; nil: never
	Err    func() error    // why it cannot, once Failed is closed
	Poll   time.Duration   // how often to look for events of other processes; 0: there are none
	follow func(data string, box handled.Box, reachable func(context.Context) bool, consumers []Consumer) (follower, error)
}

// follower delivers a store's changes to consumers.
type follower struct {
	run func(context.Context) // until the context ends
	lag func() uint64         // changes that the slowest consumer has still to get; nil: not known
}

// The consumers of the store's changes, and what they want of them: their dead letters, too,
// when those are sent again.
const ledgerName, notifierName = "ledger", "notifier"

func ledgerWants(pk string) bool { return handled.LedgerWants(pk) || deadletters.Wants(ledgerName)(pk) }

func notifierWants(pk string) bool { return outbox.Wants(pk) || deadletters.Wants(notifierName)(pk) }

// OpenStore opens the embedded store in the data folder. It makes one when there is none.
func OpenStore(data string, options pebble.Options) (Store, error) {
	dir := filepath.Join(data, "store")
	options.Logs = func(pk string) bool { return ledgerWants(pk) || notifierWants(pk) }
	options.OpenFiles = storeFilesFor(descriptors())
	t, err := pebble.Open(dir, options)
	if errors.Is(err, pebble.ErrInUse) {
		return Store{}, fmt.Errorf("the data folder %s is in use by another process: is a café open there already?", data)
	}
	if errors.As(err, new(*pebble.DamageError)) {
		return Store{}, fmt.Errorf("%w. Nothing was changed. If you have a copy of the folder %s, put it back as a whole; the café itself has made none. Without one, `cafe serve -accept-loss` opens what is left: what is missing is lost then, and the log says how much it is", err, data)
	}
	if err != nil {
		return Store{}, err
	}
	return Store{
		Table: t, Ours: true, Alone: true, Close: t.Close, Failed: t.Failed(), Err: t.Err,
		follow: func(_ string, box handled.Box, reachable func(context.Context) bool, consumers []Consumer) (follower, error) {
			p, err := NewPump(t, box, reachable, consumers...)
			if err != nil {
				return follower{}, err
			}
			return follower{p.Run, p.Lag}, nil
		},
	}, nil
}

// OpenTable opens a DynamoDB table in place of the embedded store. Endpoint and credentials
// come from the AWS environment. A table that is missing is made on a local endpoint only.
func OpenTable(ctx context.Context, name string) (Store, error) {
	connection, err := stream.Connect(ctx)
	if err != nil {
		return Store{}, err
	}
	arn, err := dynamo.StreamARN(ctx, connection.DB, name)
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) && connection.Local {
		if err := dynamo.Create(ctx, connection.DB, dynamo.Schema(name)); err != nil {
			return Store{}, err
		}
		arn, err = dynamo.StreamARN(ctx, connection.DB, name)
	}
	if err != nil {
		return Store{}, fmt.Errorf("DynamoDB: %w", err)
	}
	open := func(saved stream.Positions) *stream.Follower {
		return stream.New(connection.Streams, arn, saved, stream.Options{})
	}
	return Store{
		Table: dynamo.New(connection.DB, dynamo.Options{Table: name}), Ours: connection.Local, Poll: time.Second,
		Close: func() error { return nil },
		follow: func(data string, box handled.Box, reachable func(context.Context) bool, consumers []Consumer) (follower, error) {
			return follower{run: func(ctx context.Context) {
				Follow(ctx, open, filepath.Join(data, "streams", name), box, reachable, consumers...)
			}}, nil
		},
	}, nil
}
