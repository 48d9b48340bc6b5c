package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"cafe/internal/local"
	"cafe/internal/table/dynamo"
	"cafe/internal/table/dynamo/stream"
)

// openDynamo opens a DynamoDB table in place of the embedded store. On a local endpoint
// it is made if missing; in AWS that is the template's business.
func openDynamo(ctx context.Context, name string) (store, error) {
	connection, err := stream.Connect(ctx)
	if err != nil {
		return store{}, err
	}
	arn, err := dynamo.StreamARN(ctx, connection.DB, name)
	isNew := false
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) && connection.Local {
		isNew = true
		if err := dynamo.Create(ctx, connection.DB, dynamo.Schema(name)); err != nil {
			return store{}, err
		}
		arn, err = dynamo.StreamARN(ctx, connection.DB, name)
	}
	if err != nil {
		return store{}, fmt.Errorf("DynamoDB: %w", err)
	}
	return store{
		table: dynamo.New(connection.DB, dynamo.Options{Table: name}), isNew: isNew,
		close:  func() error { return nil },
		failed: func(context.Context) <-chan error { return nil },
		pump: func(data string, reachable func(context.Context) bool, consumers ...local.Consumer) (func(context.Context), error) {
			open := func(saved stream.Positions) *stream.Follower {
				return stream.New(connection.Streams, arn, saved, stream.Options{})
			}
			return func(ctx context.Context) {
				local.Follow(ctx, open, filepath.Join(data, "streams", name), data, reachable, consumers...)
			}, nil
		},
	}, nil
}
