// Package stream follows the change stream of a DynamoDB table from outside Lambda,
// so that a café that runs in one process on a DynamoDB table (cafe serve -table)
// gives the very records to its handlers that Lambda would. It is apart from package
// dynamo because no Lambda needs it.
package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/smithy-go"
)

// client is what a Follower needs of the SDK's *dynamodbstreams.Client.
type client interface {
	DescribeStream(context.Context, *dynamodbstreams.DescribeStreamInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error)
	GetShardIterator(context.Context, *dynamodbstreams.GetShardIteratorInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error)
	GetRecords(context.Context, *dynamodbstreams.GetRecordsInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error)
}

// Options of a Follower; the zero value will do.
type Options struct {
	Batch int           // records in a batch at most: 100 by default, as for a Lambda; up to 1000
	Poll  time.Duration // pause before a shard that had nothing new is asked again: 250 ms by default
}

// Position is how far a shard has been handled. The zero Position is its beginning.
type Position struct {
	After string `json:"after,omitempty"` // sequence number of the last record handled
	Done  bool   `json:"done,omitempty"`  // the shard was read to its end
}

// Positions are those of a stream's shards by shard id. As JSON they can be saved.
type Positions map[string]Position

// Batch is some records of one shard, in their order.
type Batch struct {
	Shard   string
	Records []events.DynamoDBEventRecord // may be empty, when there are only Positions to save

	// Positions is what to start the next Follower with, once the records are
	// handled.
	Positions Positions

	// Gap says that DynamoDB dropped records before they were read, as it does after
	// 24 hours. Nothing brings them back: the totals are to be reconciled.
	Gap bool
}

// Follower reads a stream's shards, each child only after its parent, so that the
// records of one item come in their order. It is used by one goroutine.
type Follower struct {
	client    client
	arn       string
	options   Options
	positions Positions
	shards    []*shard
	listed    time.Time // when shards were last listed; zero when they must be
	ended     time.Time // when a shard last came to its end
	disabled  bool      // the stream gets no more records
	throttled int       // times in a row
	gap       bool      // not told yet
}

type shard struct {
	id, parent string
	iterator   *string
	due        time.Time // when to ask next
}

// New makes a Follower of a stream (dynamo.StreamARN). It begins where saved says,
// and with the oldest record there is in shards that saved does not know.
func New(c client, arn string, saved Positions, o Options) *Follower {
	if o.Batch <= 0 {
		o.Batch = 100
	}
	if o.Poll <= 0 {
		o.Poll = 250 * time.Millisecond
	}
	f := &Follower{client: c, arn: arn, options: o, positions: maps.Clone(saved)}
	if f.positions == nil {
		f.positions = Positions{}
	}
	return f
}

// Next waits for the next batch. It waits out throttling by itself. After another
// error the Follower stands where it stood: pause, and call Next again. A Batch that
// was returned is not returned again, whether it was handled or not; a new Follower
// with the Positions from before it does that.
func (f *Follower) Next(ctx context.Context) (Batch, error) {
	for {
		if f.stale() {
			if err := f.list(ctx); err != nil {
				if err = f.pause(ctx, err); err != nil {
					return Batch{}, err
				}
				continue
			}
		}
		if f.gap {
			f.gap = false
			return Batch{Positions: maps.Clone(f.positions), Gap: true}, nil
		}
		s := f.due()
		if s == nil {
			if f.disabled {
				return Batch{}, fmt.Errorf("stream %s is disabled and was read to its end", f.arn)
			}
			// The children of the shards that ended are about to be listed.
			if err := sleep(ctx, f.options.Poll); err != nil {
				return Batch{}, err
			}
			f.listed = time.Time{}
			continue
		}
		if err := sleep(ctx, time.Until(s.due)); err != nil {
			return Batch{}, err
		}
		records, err := f.read(ctx, s)
		if err != nil {
			if err = f.pause(ctx, err); err != nil {
				return Batch{}, err
			}
			continue
		}
		f.throttled = 0
		if len(records) > 0 || f.positions[s.id].Done {
			return Batch{Shard: s.id, Records: records, Positions: maps.Clone(f.positions)}, nil
		}
	}
}

// stale reports whether shards are to be listed again. A shard that ends is followed by
// others, which may be listed a moment late; otherwise new ones are rare.
func (f *Follower) stale() bool {
	since := time.Since(f.listed)
	return since > 30*time.Second || since > time.Second && time.Since(f.ended) < 15*time.Second
}

// list brings the shards up to date.
func (f *Follower) list(ctx context.Context) error {
	known := map[string]*shard{}
	for _, s := range f.shards {
		known[s.id] = s
	}
	var shards []*shard
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: &f.arn}
	for {
		out, err := f.client.DescribeStream(ctx, in)
		if err != nil {
			return fmt.Errorf("list the shards of stream %s: %w", f.arn, err)
		}
		for _, described := range out.StreamDescription.Shards {
			id := aws.ToString(described.ShardId)
			s := known[id]
			if s == nil {
				s = &shard{id: id, parent: aws.ToString(described.ParentShardId)}
			}
			shards = append(shards, s)
		}
		f.disabled = out.StreamDescription.StreamStatus == types.StreamStatusDisabled
		if in.ExclusiveStartShardId = out.StreamDescription.LastEvaluatedShardId; in.ExclusiveStartShardId == nil {
			break
		}
	}
	f.shards, f.listed = shards, time.Now()
	// A shard goes when all of its records went. Those of one that was not read to
	// its end went unread, as far as anybody knows.
	for id, p := range f.positions {
		if !slices.ContainsFunc(shards, func(s *shard) bool { return s.id == id }) {
			delete(f.positions, id)
			f.gap = f.gap || !p.Done
		}
	}
	return nil
}

// due returns the shard that has waited longest of those that can be read: not read
// to its end, and its parent is, or is not there any more. It returns nil when there
// is none.
func (f *Follower) due() *shard {
	waiting := map[string]bool{}
	for _, s := range f.shards {
		waiting[s.id] = !f.positions[s.id].Done
	}
	var first *shard
	for _, s := range f.shards {
		if waiting[s.id] && !waiting[s.parent] && (first == nil || s.due.Before(first.due)) {
			first = s
		}
	}
	return first
}

// read returns what comes next in the shard, nothing perhaps, and moves its position.
func (f *Follower) read(ctx context.Context, s *shard) ([]events.DynamoDBEventRecord, error) {
	if s.iterator == nil {
		in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &f.arn, ShardId: &s.id, ShardIteratorType: types.ShardIteratorTypeTrimHorizon}
		if after := f.positions[s.id].After; after != "" {
			in.ShardIteratorType, in.SequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, &after
		}
		out, err := f.client.GetShardIterator(ctx, in)
		if err != nil {
			return nil, f.lost(s, err)
		}
		s.iterator = out.ShardIterator
	}
	out, err := f.client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: s.iterator, Limit: aws.Int32(int32(min(f.options.Batch, 1000)))})
	if err != nil {
		return nil, f.lost(s, err)
	}
	s.iterator = out.NextShardIterator
	p := f.positions[s.id]
	records := make([]events.DynamoDBEventRecord, len(out.Records))
	for i, r := range out.Records {
		records[i] = Record(r, f.arn)
		p.After = records[i].Change.SequenceNumber
	}
	if s.iterator == nil {
		p.Done = true
		f.listed, f.ended = time.Time{}, time.Now()
	}
	f.positions[s.id] = p
	s.due = time.Now()
	if len(records) == 0 {
		s.due = s.due.Add(f.options.Poll)
	}
	return records, nil
}

// lost sees what an error in reading a shard says about its iterator. It returns nil
// when reading can go on, after what was lost.
func (f *Follower) lost(s *shard, err error) error {
	switch code(err) {
	case "ExpiredIteratorException": // after 15 minutes
		s.iterator = nil
	case "TrimmedDataAccessException": // after 24 hours
		s.iterator = nil
		f.positions[s.id] = Position{}
		f.gap = true
	case "ResourceNotFoundException": // the shard, or the whole stream, which listing tells
		s.iterator = nil
		f.listed = time.Time{}
		s.due = time.Now().Add(f.options.Poll)
	default:
		return fmt.Errorf("read shard %s of stream %s: %w", s.id, f.arn, err)
	}
	return nil
}

// pause waits, longer each time, when err is throttling, and returns any other.
func (f *Follower) pause(ctx context.Context, err error) error {
	switch code(err) {
	case "LimitExceededException", "ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded":
		f.throttled++
		longest := min(100*time.Millisecond<<min(f.throttled, 10), 5*time.Second)
		return sleep(ctx, longest/2+rand.N(longest/2))
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
