package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"cafe/internal/table"
	"cafe/internal/table/dynamo"
	"cafe/internal/table/dynamo/dynamotest"
	"cafe/internal/table/dynamo/stream"
)

// This test uses DynamoDB Local and the same clients as cafe serve -table.
func TestChangesOfATable(t *testing.T) {
	db := dynamotest.Streamed(t)
	ctx := t.Context()
	c, err := stream.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Local {
		t.Error("the endpoint is not recognized as local")
	}
	arn, err := dynamo.StreamARN(ctx, c.DB, db.Name())
	if err != nil {
		t.Fatal(err)
	}
	order := table.Key{PK: "O#1", SK: "O"}
	write := func(ops ...table.Op) {
		t.Helper()
		if err := db.Write(ctx, ops...); err != nil {
			t.Fatal(err)
		}
	}
	write(table.Put(order, table.Item{"version": table.Int(1)}, table.Absent()))
	write(table.Put(order, table.Item{"version": table.Int(1)})) // no change, no record
	move := table.Update(order)
	move.Set = table.Item{"version": table.Int(2), "paid": table.Bool(true)}
	write(move, table.Put(table.Key{PK: "S#cake", SK: "S"}, table.Item{"on_hand": table.Int(3)}))
	write(table.Delete(order))

	var got []string
	see := func(b stream.Batch) {
		for _, r := range b.Records {
			line := r.EventName + " " + r.Change.Keys["pk"].String()
			if v, has := r.Change.OldImage["version"]; has {
				line += " " + v.Number()
			}
			if v, has := r.Change.NewImage["version"]; has {
				line += " → " + v.Number()
			}
			got = append(got, line)
			if r.EventID == "" || r.EventSource != "aws:dynamodb" || r.EventSourceArn != arn || r.Change.SequenceNumber == "" ||
				r.Change.StreamViewType != "NEW_AND_OLD_IMAGES" || time.Since(r.Change.ApproximateCreationDateTime.Time) > time.Hour || r.Change.Keys["sk"].String() == "" {
				t.Errorf("record %+v", r)
			}
		}
	}
	f := stream.New(c.Streams, arn, nil, stream.Options{Batch: 2, Poll: 20 * time.Millisecond})
	var halfway stream.Positions
	for len(got) < 4 {
		b, err := f.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if see(b); halfway == nil && len(got) >= 2 {
			halfway = b.Positions
		}
	}
	ofOrder := []string{"INSERT O#1 → 1", "MODIFY O#1 1 → 2", "REMOVE O#1 2"}
	if seen := slices.DeleteFunc(slices.Clone(got), func(s string) bool { return s == "INSERT S#cake" }); !slices.Equal(seen, ofOrder) || len(got) != 4 {
		t.Errorf("got %q", got)
	}

	first := got
	got = nil
	f = stream.New(c.Streams, arn, halfway, stream.Options{Poll: 20 * time.Millisecond})
	for len(got) < 2 {
		b, err := f.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if b.Gap {
			t.Error("a gap")
		}
		see(b)
	}
	if !slices.Equal(got, first[2:]) {
		t.Errorf("went on with %q, want %q", got, first[2:])
	}

	// A reader that waits gets new records soon.
	const writes = 50
	got = nil
	began := time.Now()
	go func() {
		for i := range writes {
			if err := db.Write(ctx, table.Put(table.Key{PK: fmt.Sprint("O#x", i), SK: "O"}, table.Item{"version": table.Int(int64(i))})); err != nil {
				t.Error(err)
			}
		}
	}()
	for len(got) < writes {
		wait, cancel := context.WithTimeout(ctx, 10*time.Second)
		b, err := f.Next(wait)
		cancel()
		if err != nil {
			t.Fatalf("after %d of %d records: %v", len(got), writes, err)
		}
		see(b)
	}
	t.Logf("%d writes followed in %v", writes, time.Since(began))

	wait, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if b, err := f.Next(wait); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %+v, %v", b, err)
	}
}

func TestConnect(t *testing.T) {
	for name, unset := range map[string]bool{"with credentials": false, "without region and credentials": true} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")
			t.Setenv("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", "")
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			t.Setenv("AWS_CONFIG_FILE", "/dev/null")
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
			for name, v := range map[string]string{"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_PROFILE": ""} {
				if unset {
					v = ""
				}
				t.Setenv(name, v)
			}
			c, err := stream.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if o := c.Streams.Options(); !c.Local || o.BaseEndpoint == nil || *o.BaseEndpoint != "http://127.0.0.1:1" || o.Region == "" {
				t.Errorf("local %v, streams at %v in %q", c.Local, o.BaseEndpoint, o.Region)
			}
			if keys, err := c.DB.Options().Credentials.Retrieve(t.Context()); err != nil || !keys.HasKeys() {
				t.Errorf("credentials %v, %v", keys.Source, err)
			}
		})
	}
	t.Run("AWS without a region", func(t *testing.T) {
		for _, name := range []string{"AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
			t.Setenv(name, "")
		}
		t.Setenv("AWS_CONFIG_FILE", "/dev/null")
		if _, err := stream.Connect(t.Context()); err == nil {
			t.Error("no error")
		}
	})
}
