package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"cafe/internal/durable/durabletest"
	"cafe/internal/table/dynamo/stream"
)

// shard is a stream of one shard with records of the sequence numbers 1 to last, two of
// which are read at once. Iterators are the numbers that they begin after.
type shard struct {
	last    int
	started []string // where readers began: TRIM_HORIZON or a sequence number
	reading func(after int)
	drained func()
}

func (s *shard) DescribeStream(context.Context, *dynamodbstreams.DescribeStreamInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error) {
	return &dynamodbstreams.DescribeStreamOutput{StreamDescription: &types.StreamDescription{Shards: []types.Shard{{ShardId: aws.String("s")}}}}, nil
}

func (s *shard) GetShardIterator(_ context.Context, in *dynamodbstreams.GetShardIteratorInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error) {
	start, after := string(in.ShardIteratorType), "0"
	if in.SequenceNumber != nil {
		start, after = *in.SequenceNumber, *in.SequenceNumber
	}
	s.started = append(s.started, start)
	return &dynamodbstreams.GetShardIteratorOutput{ShardIterator: &after}, nil
}

func (s *shard) GetRecords(_ context.Context, in *dynamodbstreams.GetRecordsInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error) {
	after, err := strconv.Atoi(*in.ShardIterator)
	if err != nil {
		return nil, err
	}
	s.reading(after)
	out := &dynamodbstreams.GetRecordsOutput{}
	for n := after + 1; n <= min(after+2, s.last); n++ {
		key := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: fmt.Sprint("O#", n)}, "sk": &types.AttributeValueMemberS{Value: "O"}}
		out.Records = append(out.Records, types.Record{
			EventID: aws.String(fmt.Sprint("e", n)), EventName: types.OperationTypeInsert,
			Dynamodb: &types.StreamRecord{Keys: key, NewImage: key, SequenceNumber: aws.String(strconv.Itoa(n))},
		})
	}
	if after >= s.last {
		s.drained()
	}
	out.NextShardIterator = aws.String(strconv.Itoa(min(after+2, s.last)))
	return out, nil
}

// followShard follows a stream with one consumer until all of it is handled.
func followShard(t *testing.T, s *shard, folder string, c *consumer) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s.drained = cancel
	if s.reading == nil {
		s.reading = func(int) {}
	}
	open := func(saved stream.Positions) *stream.Follower {
		return stream.New(s, "arn", saved, stream.Options{Poll: 1})
	}
	Follow(ctx, open, folder, &grave{}, reachable, c.consumer())
}

func TestPositionsAreOnDiskBeforeTheNextBatchIsRead(t *testing.T) {
	disk, parent := durabletest.Watch(t), t.TempDir()
	folder := filepath.Join(parent, "streams", "cafe")
	var kept []string
	s := &shard{last: 5, reading: func(int) {
		b, err := os.ReadFile(filepath.Join(disk.PowerCut(parent), "streams", "cafe", "test.json"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		kept = append(kept, string(b))
	}}
	var c consumer
	followShard(t, s, folder, &c)
	c.want(t, "1 2", "3 4", "5")
	if want := []string{"", `{"s":{"after":"2"}}`, `{"s":{"after":"4"}}`, `{"s":{"after":"5"}}`}; !slices.Equal(kept, want) {
		t.Errorf("at each read the disk held %q, want %q", kept, want)
	}

	// The next process goes on from there.
	s.last, s.reading = 6, nil
	followShard(t, s, filepath.Join(disk.PowerCut(parent), "streams", "cafe"), &c)
	c.want(t, "1 2", "3 4", "5", "6")
	if want := []string{"TRIM_HORIZON", "5"}; !slices.Equal(s.started, want) {
		t.Errorf("began at %q, want %q", s.started, want)
	}
}

func TestPositionsThatCannotBeWrittenStopTheConsumer(t *testing.T) {
	disk, folder := durabletest.Watch(t), t.TempDir()
	refused := errors.New("the disk refuses")
	disk.Refuse(func(string) error { return refused })
	s := &shard{last: 4, reading: func(after int) {
		if after > 0 {
			t.Errorf("read on after %d", after)
		}
	}}
	var c consumer
	err := follow(t.Context(), func(saved stream.Positions) *stream.Follower {
		return stream.New(s, "arn", saved, stream.Options{})
	}, filepath.Join(folder, "test.json"), quick(t), c.consumer())
	if !errors.Is(err, refused) || !strings.Contains(err.Error(), "keep stream positions") {
		t.Errorf("error %v", err)
	}
}

func TestDamagedPositionsAreSetAsideAndTheStreamIsReadAgain(t *testing.T) {
	for name, damaged := range map[string]string{
		"empty": "", "half": `{"s":{"after":"2`, "a list": `[1]`, "zeroes": strings.Repeat("\x00", 64),
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			old := slog.Default()
			slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
			defer slog.SetDefault(old)
			disk, folder := durabletest.Watch(t), t.TempDir()
			path := filepath.Join(folder, "test.json")
			for _, file := range []string{path, filepath.Join(folder, ".unfinished-1")} {
				if err := os.WriteFile(file, []byte(damaged), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var c consumer
			before := ""
			s := &shard{last: 3, reading: func(after int) {
				if after == 0 {
					before = disk.PowerCut(folder)
				}
			}}
			followShard(t, s, folder, &c)
			c.want(t, "1 2", "3")
			if want := []string{"TRIM_HORIZON"}; !slices.Equal(s.started, want) {
				t.Errorf("began at %q, want %q", s.started, want)
			}
			left := disk.PowerCut(folder)
			if b, err := os.ReadFile(filepath.Join(left, "test.json")); err != nil || string(b) != `{"s":{"after":"3"}}` {
				t.Errorf("positions are now %s (%v)", b, err)
			}
			names, err := filepath.Glob(filepath.Join(folder, "*"))
			if err != nil || len(names) != 2 || !strings.HasPrefix(names[1], path+".bad-") {
				t.Fatalf("the folder holds %q (%v)", names, err)
			}
			if b, err := os.ReadFile(names[1]); err != nil || string(b) != damaged {
				t.Errorf("aside is %q (%v)", b, err)
			}
			if _, err := os.Stat(filepath.Join(before, filepath.Base(names[1]))); err != nil {
				t.Errorf("it is not set aside on disk when the stream is read: %v", err)
			}
			var line struct{ Level, Msg, File, Error string }
			if err := json.Unmarshal(log.Bytes(), &line); err != nil {
				t.Fatalf("%v: %s", err, &log)
			}
			if line.Level != "ERROR" || !strings.Contains(line.Msg, "cafe reconcile") || line.File != names[1] || line.Error == "" {
				t.Errorf("logged %+v", line)
			}
		})
	}
}

func TestUnreadablePositionsAreNotSetAside(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "test.json")
	if err := os.Mkdir(path, 0o700); err != nil { // refused to root, too
		t.Fatal(err)
	}
	c := Consumer{Name: "test", Wants: func(string) bool { return true }, Handle: func(context.Context, events.DynamoDBEvent) (r events.DynamoDBEventResponse, err error) {
		t.Error("the stream was read")
		return r, nil
	}}
	err := follow(t.Context(), func(stream.Positions) *stream.Follower { return nil }, path, quick(t), c)
	if err == nil {
		t.Error("went on")
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
