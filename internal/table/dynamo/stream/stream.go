// Package stream reads the change stream of a DynamoDB table outside Lambda. A café that
// runs in one process on a DynamoDB table (cafe serve -table) uses it to give its handlers
// the same records as Lambda would. It is not part of package dynamo because no Lambda
// function needs it.
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

// client lists the methods of the SDK's *dynamodbstreams.Client that a Follower calls.
type client interface {
	DescribeStream(context.Context, *dynamodbstreams.DescribeStreamInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error)
	GetShardIterator(context.Context, *dynamodbstreams.GetShardIteratorInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error)
	GetRecords(context.Context, *dynamodbstreams.GetRecordsInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error)
}

// Options are the options of a Follower. The zero value gives the defaults.
type Options struct {
	Batch int           // the most records in a batch, up to 1000; default: 100, as for a Lambda function
	Poll  time.Duration // the pause before reading a shard again that had no new records; default: 250 ms
}

// Position is the place up to which a shard has been handled. The zero Position is the
// shard's beginning.
type Position struct {
	After string `json:"after,omitempty"` // the sequence number of the last record handled
	Done  bool   `json:"done,omitempty"`  // the shard was read to its end
}

// Positions are the positions of a stream's shards by shard id. They can be saved as JSON.
type Positions map[string]Position

// Batch is some records of one shard, in their order.
type Batch struct {
	Shard   string
	Records []events.DynamoDBEventRecord // may be empty if only Positions or Gap is new

	// Positions are for the next Follower, once the records are handled.
	Positions Positions

	// Gap says that DynamoDB dropped records before they were read, as it does after 24
	// hours. Nothing brings them back, so the totals must be reconciled.
	Gap bool
}

// Follower reads the shards of a stream. It reads a child only after its parent, so that
// the records of one item are in order. Only one goroutine may use it.
type Follower struct {
	client    client
	arn       string
	options   Options
	positions Positions
	shards    []*shard
	listed    time.Time // when the shards were last listed; zero if they must be listed now
	ended     time.Time // when a shard was last read to its end
	disabled  bool      // the stream gets no more records
	throttled int       // how many calls in a row were throttled
	gap       bool      // there is a gap that no Batch has reported
}

type shard struct {
	id, parent string
	iterator   *string
	due        time.Time // when to read it next
}

// New returns a Follower of the stream (see dynamo.StreamARN). It begins at the saved
// positions. In shards without a saved position it begins with the oldest record.
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

// Next waits for the next batch. If it is throttled, it pauses and tries again. After any
// other error the caller may pause and call Next again: no record is lost. Next returns
// each record once, whether the caller handled it or not. To get records again, make a
// new Follower with earlier Positions.
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
			// The children of shards that ended will be listed soon.
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

// stale reports whether the shards must be listed again. When a shard ends, its children
// appear, perhaps a moment later. At other times new shards are rare.
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
	// A shard disappears when all its records have expired. If it was not read to its end,
	// some of them may have expired unread.
	for id, p := range f.positions {
		if !slices.ContainsFunc(shards, func(s *shard) bool { return s.id == id }) {
			delete(f.positions, id)
			f.gap = f.gap || !p.Done
		}
	}
	return nil
}

// due returns the shard to read next, or nil if there is none. A shard can be read if it
// was not read to its end, and if its parent was or no longer exists. Of these it returns
// the one that has waited longest.
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

// read returns the next records of the shard and moves its position. There may be none.
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

// lost handles an error in reading a shard. It returns nil if reading can continue with a
// new iterator.
func (f *Follower) lost(s *shard, err error) error {
	switch code(err) {
	case "ExpiredIteratorException": // after 15 minutes
		s.iterator = nil
	case "TrimmedDataAccessException": // after 24 hours
		s.iterator = nil
		f.positions[s.id] = Position{}
		f.gap = true
	case "ResourceNotFoundException": // the shard is gone, or the whole stream; listing shows which
		s.iterator = nil
		f.listed = time.Time{}
		s.due = time.Now().Add(f.options.Poll)
	default:
		return fmt.Errorf("read shard %s of stream %s: %w", s.id, f.arn, err)
	}
	return nil
}

// pause waits if err is throttling, longer each time. It returns any other error.
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
