package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/smithy-go"
)

// fake is a stream in memory. An iterator is "shard/index".
type fake struct {
	mu       sync.Mutex
	shards   []*fakeShard
	disabled bool
	page     int                // how many shards are listed at once; 0 means all
	fail     map[string][]error // the errors of a call ("GetRecords a") before it succeeds
	calls    []string
}

type fakeShard struct {
	id, parent string
	records    []string // sequence numbers
	trimmed    int      // how many records have expired
	closed     bool
}

func (f *fake) shard(id string) *fakeShard {
	for _, s := range f.shards {
		if s.id == id {
			return s
		}
	}
	return nil
}

// later changes the stream while it is read.
func (f *fake) later(after time.Duration, change func()) {
	time.AfterFunc(after, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		change()
	})
}

func (f *fake) call(name string) error {
	f.calls = append(f.calls, name)
	if errs := f.fail[name]; len(errs) > 0 {
		f.fail[name] = errs[1:]
		return errs[0]
	}
	return nil
}

func api(code string) error { return &smithy.GenericAPIError{Code: code} }

func (f *fake) DescribeStream(_ context.Context, in *dynamodbstreams.DescribeStreamInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("DescribeStream"); err != nil {
		return nil, err
	}
	out := &types.StreamDescription{StreamStatus: types.StreamStatusEnabled}
	if f.disabled {
		out.StreamStatus = types.StreamStatusDisabled
	}
	started := in.ExclusiveStartShardId == nil
	for i, s := range f.shards {
		if started {
			d := types.Shard{ShardId: &s.id}
			if s.parent != "" {
				d.ParentShardId = &s.parent
			}
			if out.Shards = append(out.Shards, d); len(out.Shards) == f.page && i < len(f.shards)-1 {
				out.LastEvaluatedShardId = &s.id
				break
			}
		}
		started = started || s.id == *in.ExclusiveStartShardId
	}
	return &dynamodbstreams.DescribeStreamOutput{StreamDescription: out}, nil
}

func (f *fake) GetShardIterator(_ context.Context, in *dynamodbstreams.GetShardIteratorInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("GetShardIterator " + *in.ShardId); err != nil {
		return nil, err
	}
	s := f.shard(*in.ShardId)
	if s == nil {
		return nil, api("ResourceNotFoundException")
	}
	at := s.trimmed
	if in.ShardIteratorType == types.ShardIteratorTypeAfterSequenceNumber {
		if at = slices.Index(s.records, *in.SequenceNumber) + 1; at == 0 || at < s.trimmed {
			return nil, api("TrimmedDataAccessException")
		}
	}
	return &dynamodbstreams.GetShardIteratorOutput{ShardIterator: aws.String(fmt.Sprintf("%s/%d", s.id, at))}, nil
}

func (f *fake) GetRecords(_ context.Context, in *dynamodbstreams.GetRecordsInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, index, _ := strings.Cut(*in.ShardIterator, "/")
	if err := f.call("GetRecords " + id); err != nil {
		return nil, err
	}
	s := f.shard(id)
	if s == nil {
		return nil, api("ResourceNotFoundException")
	}
	at, _ := strconv.Atoi(index)
	if at < s.trimmed {
		return nil, api("TrimmedDataAccessException")
	}
	out := &dynamodbstreams.GetRecordsOutput{}
	for _, number := range s.records[at:min(at+int(*in.Limit), len(s.records))] {
		out.Records = append(out.Records, types.Record{EventName: types.OperationTypeInsert, Dynamodb: &types.StreamRecord{SequenceNumber: &number}})
		at++
	}
	if at < len(s.records) || !s.closed {
		out.NextShardIterator = aws.String(fmt.Sprintf("%s/%d", id, at))
	}
	return out, nil
}

// numbers returns the sequence numbers of a batch.
func (b Batch) numbers() []string {
	var list []string
	for _, r := range b.Records {
		list = append(list, r.Change.SequenceNumber)
	}
	return list
}

// drain reads until there is nothing new for ten seconds of synctest's time.
func drain(t *testing.T, f *Follower) []Batch {
	t.Helper()
	var all []Batch
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		b, err := f.Next(ctx)
		cancel()
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return all
		case err != nil:
			t.Fatal(err)
		case len(all) > 100:
			t.Fatal("does not end")
		}
		all = append(all, b)
	}
}

func read(batches []Batch) []string {
	var list []string
	for _, b := range batches {
		list = append(list, b.numbers()...)
	}
	return list
}

func gaps(batches []Batch) (n int) {
	for _, b := range batches {
		if b.Gap {
			n++
		}
	}
	return n
}

// family returns a stream with two roots, each with children. Children are listed before their
// parents.
func family() *fake {
	return &fake{fail: map[string][]error{}, shards: []*fakeShard{
		{id: "a2", parent: "a1", records: []string{"13", "14"}},
		{id: "a1", parent: "a0", records: nil, closed: true},
		{id: "a0", parent: "gone", records: []string{"10", "11", "12"}, closed: true},
		{id: "b0", records: []string{"20"}, closed: true},
		{id: "b1", parent: "b0", records: []string{"21"}},
		{id: "b2", parent: "b0", records: []string{"22", "23", "24"}},
	}}
}

// inOrder checks that each record came once, and that the records of a shard and its
// descendants are in order.
func inOrder(t *testing.T, got []string, want ...string) {
	t.Helper()
	if sorted := slices.Sorted(slices.Values(got)); !slices.Equal(sorted, want) {
		t.Errorf("read %v, want %v", got, want)
	}
	for _, line := range [][]string{{"10", "11", "12", "13", "14"}, {"20", "21"}, {"20", "22", "23", "24"}} {
		var seen []string
		for _, n := range got {
			if slices.Contains(line, n) {
				seen = append(seen, n)
			}
		}
		if !slices.IsSorted(seen) {
			t.Errorf("read %v, out of order in %v", got, line)
		}
	}
}

func TestParentsComeBeforeChildren(t *testing.T) {
	for _, page := range []int{0, 1, 2, 6} {
		for _, batch := range []int{1, 2, 100} {
			synctest.Test(t, func(t *testing.T) {
				stream := family()
				stream.page = page
				batches := drain(t, New(stream, "arn", nil, Options{Batch: batch}))
				inOrder(t, read(batches), "10", "11", "12", "13", "14", "20", "21", "22", "23", "24")
				for _, b := range batches {
					if len(b.Records) > batch || b.Gap {
						t.Errorf("batch %+v", b)
					}
				}
				want := Positions{"a0": {"12", true}, "a1": {"", true}, "a2": {After: "14"}, "b0": {"20", true}, "b1": {After: "21"}, "b2": {After: "24"}}
				if got := batches[len(batches)-1].Positions; !maps.Equal(got, want) {
					t.Errorf("ends at %v, want %v", got, want)
				}
			})
		}
	}
}

func TestAFollowerResumesFromSavedPositions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		batches := drain(t, New(family(), "arn", nil, Options{Batch: 1}))
		for i, b := range batches {
			before := read(batches[:i+1])
			after := drain(t, New(family(), "arn", b.Positions, Options{Batch: 2}))
			inOrder(t, append(before, read(after)...), "10", "11", "12", "13", "14", "20", "21", "22", "23", "24")
			if gaps(after) != 0 {
				t.Error("a gap")
			}
		}
	})
}

func TestPositionsOfABatchDoNotChangeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := family()
		f := New(stream, "arn", nil, Options{Batch: 1})
		first, err := f.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		was := maps.Clone(first.Positions)
		drain(t, f)
		if !maps.Equal(first.Positions, was) {
			t.Errorf("moved from %v to %v", was, first.Positions)
		}
	})
}

func TestErrorsLoseNoRecords(t *testing.T) {
	throttled, expired := api("LimitExceededException"), api("ExpiredIteratorException")
	for name, fail := range map[string]map[string][]error{
		"iterators expire":                          {"GetRecords a0": {nil, expired, nil, expired}, "GetRecords b2": {expired, nil, nil, expired}},
		"reads are throttled":                       {"GetRecords a0": {throttled, throttled, nil, throttled}, "GetRecords b0": {throttled}},
		"iterators are throttled":                   {"GetShardIterator a2": {throttled, throttled, throttled}},
		"listing is throttled":                      {"DescribeStream": {throttled, throttled, nil, api("ThrottlingException")}},
		"a shard hides behind eventual consistency": {"GetShardIterator b1": {api("ResourceNotFoundException")}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stream := family()
				stream.fail = fail
				batches := drain(t, New(stream, "arn", nil, Options{Batch: 1}))
				inOrder(t, read(batches), "10", "11", "12", "13", "14", "20", "21", "22", "23", "24")
				if gaps(batches) != 0 {
					t.Error("a gap")
				}
			})
		})
	}
}

func TestPausesGrowWhileThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := &fake{shards: []*fakeShard{{id: "a", records: []string{"1"}}}, fail: map[string][]error{}}
		for range 8 {
			stream.fail["GetRecords a"] = append(stream.fail["GetRecords a"], api("ThrottlingException"))
		}
		began := time.Now()
		if _, err := New(stream, "arn", nil, Options{}).Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 10*time.Second || took > 30*time.Second {
			t.Errorf("eight refusals took %v", took)
		}
	})
}

func TestOtherErrorsAreReturnedAndReadingContinues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream, broken := family(), errors.New("broken")
		stream.fail = map[string][]error{
			"DescribeStream": {broken}, "GetShardIterator a0": {broken}, "GetRecords a0": {nil, broken}, "GetRecords b1": {api("InternalServerError")},
		}
		f := New(stream, "arn", nil, Options{Batch: 1})
		var got []string
		told := 0
		for range 40 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			b, err := f.Next(ctx)
			cancel()
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				told++
			}
			got = append(got, b.numbers()...)
		}
		inOrder(t, got, "10", "11", "12", "13", "14", "20", "21", "22", "23", "24")
		if told != 4 {
			t.Errorf("returned %d errors", told)
		}
	})
}

func TestRecordsThatExpiredUnreadAreAGap(t *testing.T) {
	for _, c := range []struct {
		name  string
		saved Positions
		trim  func(*fake)
		want  []string
		gap   bool
	}{
		{"saved after a record that is gone", Positions{"a0": {After: "10"}}, func(f *fake) { f.shard("a0").trimmed = 2 }, []string{"12", "13", "14", "20", "21", "22", "23", "24"}, true},
		{"saved in a shard that is gone", Positions{"gone": {After: "9"}}, nil, []string{"10", "11", "12", "13", "14", "20", "21", "22", "23", "24"}, true},
		{"saved at the end of a shard that is gone", Positions{"gone": {After: "9", Done: true}}, nil, []string{"10", "11", "12", "13", "14", "20", "21", "22", "23", "24"}, false},
		{"saved after the last record dropped", Positions{"a0": {After: "11"}}, func(f *fake) { f.shard("a0").trimmed = 2 }, []string{"12", "13", "14", "20", "21", "22", "23", "24"}, false},
		{"never read before", nil, func(f *fake) { f.shard("a0").trimmed = 2 }, []string{"12", "13", "14", "20", "21", "22", "23", "24"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stream := family()
				if c.trim != nil {
					c.trim(stream)
				}
				batches := drain(t, New(stream, "arn", c.saved, Options{}))
				inOrder(t, read(batches), c.want...)
				if want := map[bool]int{true: 1}[c.gap]; gaps(batches) != want {
					t.Errorf("%d gaps, want %d", gaps(batches), want)
				}
				if _, kept := batches[len(batches)-1].Positions["gone"]; kept {
					t.Error("the position of a shard that is gone is kept")
				}
			})
		})
	}
	t.Run("dropped while it was being read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			stream := family()
			f := New(stream, "arn", nil, Options{Batch: 1})
			for {
				b, err := f.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if slices.Equal(b.numbers(), []string{"10"}) {
					break
				}
			}
			stream.shard("a0").trimmed = 2
			batches := drain(t, f)
			if got := read(batches); gaps(batches) != 1 || slices.Contains(got, "11") || !slices.Contains(got, "12") || !slices.Contains(got, "14") {
				t.Errorf("%d gaps, read %v", gaps(batches), got)
			}
		})
	})
}

func TestANewRecordIsReadSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := &fake{shards: []*fakeShard{{id: "a"}}, fail: map[string][]error{}}
		f := New(stream, "arn", nil, Options{})
		next := func(change func()) Batch {
			t.Helper()
			stream.later(5*time.Second, change)
			began := time.Now()
			b, err := f.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took < 5*time.Second || took > 5*time.Second+500*time.Millisecond {
				t.Errorf("came after %v", took)
			}
			return b
		}
		a := stream.shards[0]
		if b := next(func() { a.records = append(a.records, "1") }); !slices.Equal(b.numbers(), []string{"1"}) {
			t.Errorf("a record: %+v", b)
		}
		if b := next(func() { a.closed = true }); len(b.Records) != 0 || !b.Positions["a"].Done {
			t.Errorf("the end of a shard: %+v", b)
		}
		if b := next(func() {
			stream.shards = append(stream.shards, &fakeShard{id: "b", parent: "a", records: []string{"2"}})
		}); !slices.Equal(b.numbers(), []string{"2"}) {
			t.Errorf("a child: %+v", b)
		}
		stream.calls = nil
		if rest := drain(t, f); len(rest) != 0 {
			t.Errorf("more: %+v", rest)
		}
		// Four reads a second are just below what DynamoDB accepts from one reader.
		if n := len(stream.calls); n < 30 || n > 55 {
			t.Errorf("%d calls in ten quiet seconds", n)
		}
	})
}

func TestAChildComesSoonWhileOtherShardsGoOn(t *testing.T) {
	for _, late := range []time.Duration{0, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			a := &fakeShard{id: "a"}
			stream := &fake{shards: []*fakeShard{a, {id: "b"}}, fail: map[string][]error{}}
			stream.later(40*time.Second, func() { a.closed = true })
			stream.later(40*time.Second+late, func() {
				stream.shards = append(stream.shards, &fakeShard{id: "c", parent: "a", records: []string{"1"}})
			})
			f, began := New(stream, "arn", nil, Options{}), time.Now()
			for {
				b, err := f.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if b.Shard == "c" {
					break
				}
			}
			if took := time.Since(began) - 40*time.Second - late; took > 2*time.Second {
				t.Errorf("a child that was listed %v late came %v after that", late, took)
			}
		})
	}
}

func TestAShardWithoutParentsIsFoundInAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := &fake{shards: []*fakeShard{{id: "a"}}, fail: map[string][]error{}}
		stream.later(time.Second, func() {
			stream.shards = append(stream.shards, &fakeShard{id: "b", records: []string{"1"}})
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if b, err := New(stream, "arn", nil, Options{}).Next(ctx); err != nil || !slices.Equal(b.numbers(), []string{"1"}) {
			t.Errorf("got %+v, %v", b, err)
		}
	})
}

func TestADisabledStreamEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := &fake{disabled: true, shards: []*fakeShard{{id: "a", records: []string{"1"}, closed: true}}, fail: map[string][]error{}}
		f := New(stream, "arn", nil, Options{})
		if b, err := f.Next(t.Context()); err != nil || len(b.Records) != 1 {
			t.Errorf("got %+v, %v", b, err)
		}
		if b, err := f.Next(t.Context()); err == nil {
			t.Errorf("got %+v", b)
		}
	})
}
