package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"cafe/internal/table"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"
)

// recorder keeps the requests that it passes on.
type recorder struct {
	*script
	requests []*http.Request
}

func (r *recorder) Do(request *http.Request) (*http.Response, error) {
	r.requests = append(r.requests, request)
	return r.script.Do(request)
}

// The SDK makes the second attempt, which shows what the first one should be.
func TestFastSendsWhatTheSDKSends(t *testing.T) {
	for _, env := range []map[string]string{
		nil,
		{"AWS_REGION": "cn-north-1"},
		{"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000"},
		{"AWS_ENDPOINT_URL_DYNAMODB": "https://proxy.example:8443/behind/here", "AWS_SESSION_TOKEN": ""},
	} {
		for _, key := range []table.Key{{PK: "O#1", SK: "O"}, {PK: "C#\"é\\\u2028<☕>", SK: "\x1f\x7f&"}} {
			item := table.Item{
				"text": table.String(key.SK), "n": table.Int(-7), "yes": table.Bool(true), "b": table.Bytes([]byte("\x00\xff")),
				"list": table.List(table.Int(1), table.Map(table.Item{"<": table.String("")})), "none": table.List(), "empty": table.Map(table.Item{}),
			}
			update := table.Update(key, table.Equal("text", table.String("☕")), table.Missing("gone"))
			update.Set, update.Add, update.Remove = table.Item{"list": item["list"]}, map[string]int64{"n": 2}, []string{"yes"}
			update.If = append(update.If, table.Absent()) // so that it may be sent again
			calls := []func(*Table){
				func(t *Table) { t.Get(ctx, key, true) },
				func(t *Table) { t.Get(ctx, key, false) },
				func(t *Table) { t.Query(ctx, table.Query{Partition: key.PK, Consistent: true}) },
				func(t *Table) {
					t.Query(ctx, table.Query{Index: table.Index2, Partition: key.PK, From: "a", To: "c", Limit: 7, Descending: true})
				},
				func(t *Table) { t.Write(ctx, table.Put(key, item)) },
				func(t *Table) { t.Write(ctx, table.Put(key, item, table.Absent())) },
				func(t *Table) { t.Write(ctx, update) },
				func(t *Table) { t.Write(ctx, table.Delete(key, table.Present())) },
			}
			s := &recorder{script: &script{}}
			for range 2 * len(calls) {
				s.answers = append(s.answers, serverError(), ok())
			}
			client, err := FromEnv(lambdaEnv(env), func(o *dynamodb.Options) { o.HTTPClient = s })
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range calls {
				call(New(client, Options{Table: `café "1"`, MaxBackoff: 1}))
				call(New(client, Options{Table: `café "1"`, MaxBackoff: 1, OnCapacity: func(Capacity) {}}))
			}
			if len(s.requests) != 4*len(calls) {
				t.Fatalf("%d requests, want %d", len(s.requests), 4*len(calls))
			}
			for i := 0; i < len(s.requests); i += 2 {
				fast, sdk := s.requests[i], s.requests[i+1]
				if sdk.Header.Get("Amz-Sdk-Request") == "" || fast.Header.Get("Amz-Sdk-Request") != "" {
					t.Fatal("want one request of fast and one of the SDK")
				}
				if fast.Method != sdk.Method || fast.URL.String() != sdk.URL.String() || fast.Host != sdk.URL.Host || fast.ContentLength != int64(len(s.asked[i])) {
					t.Errorf("%s %s at %s with %d bytes; the SDK has %s %s with %d", fast.Method, fast.URL, fast.Host, fast.ContentLength, sdk.Method, sdk.URL, sdk.ContentLength)
				}
				for _, name := range []string{"Content-Type", "X-Amz-Target", "Accept-Encoding", "X-Amz-Security-Token"} {
					if got, want := fast.Header.Values(name), sdk.Header.Values(name); !reflect.DeepEqual(got, want) {
						t.Errorf("%s: %q; the SDK has %q", name, got, want)
					}
				}
				scope := func(r *http.Request) string {
					before, _, _ := strings.Cut(r.Header.Get("Authorization"), ", SignedHeaders=")
					return before
				}
				if got, want := scope(fast), scope(sdk); got != want || want == "" {
					t.Errorf("signed for %q; the SDK has %q", got, want)
				}
				var got, want any
				if err := errors.Join(json.Unmarshal([]byte(s.asked[i]), &got), json.Unmarshal([]byte(s.asked[i+1]), &want)); err != nil {
					t.Fatalf("%v: %s", err, s.asked[i])
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("asks %s; the SDK %s", s.asked[i], s.asked[i+1])
				}
			}
		}
	}
}

// A write whose first attempt is in doubt is the SDK's to judge, as if it had made it.
func TestTheSDKContinuesAfterAFastWrite(t *testing.T) {
	key := table.Key{PK: "p", SK: "s"}
	add := table.Update(key)
	add.Add = map[string]int64{"v": 1}
	refused := func(item string) answer {
		return answer{status: 400, body: `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"no","Item":` + item + `}`}
	}
	const ours, others = `{"pk":{"S":"p"},"sk":{"S":"s"},"v":{"N":"1"}}`, `{"pk":{"S":"p"},"sk":{"S":"s"},"v":{"N":"2"}}`
	put := table.Put(key, table.Item{"v": table.Int(1)}, table.Absent())
	var condition *table.ConditionError
	for _, c := range []struct {
		name    string
		op      table.Op
		answers []answer
		want    func(error) bool
	}{
		{"done at once", put, []answer{ok()}, func(err error) bool { return err == nil }},
		{"refused at once", put, []answer{refused(others)}, func(err error) bool { return errors.As(err, &condition) && len(condition.Failures) == 1 }},
		{"lost, and then done", put, []answer{lost(), ok()}, func(err error) bool { return err == nil }},
		{"lost, though it was done", put, []answer{lost(), refused(ours)}, func(err error) bool { return err == nil }},
		{"cut off, and another's follows", put, []answer{cutOff(), refused(others)}, func(err error) bool { return errors.Is(err, table.ErrUnavailable) }},
		{"an error, and then done", put, []answer{serverError(), ok()}, func(err error) bool { return err == nil }},
		{"what would count twice is sent once", add, []answer{lost()}, func(err error) bool { return errors.Is(err, table.ErrUnavailable) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{answers: c.answers}
			client, err := FromEnv(lambdaEnv(nil), func(o *dynamodb.Options) { o.HTTPClient = s })
			if err != nil {
				t.Fatal(err)
			}
			if err := New(client, Options{Table: "cafe", MaxBackoff: 1}).Write(ctx, c.op); !c.want(err) {
				t.Errorf("got %v", err)
			}
			if len(s.asked) != len(c.answers) {
				t.Errorf("%d attempts, want %d", len(s.asked), len(c.answers))
			}
		})
	}
}

// calls counts the calls of the SDK's GetItem.
type calls struct {
	*dynamodb.Client
	n int
}

func (c *calls) GetItem(ctx context.Context, in *dynamodb.GetItemInput, options ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	c.n++
	return c.Client.GetItem(ctx, in, options...)
}

// TestErrorsOfReads shows what follows a first attempt that fails.
func TestTheSDKContinuesAfterFast(t *testing.T) {
	there := answer{status: 200, body: `{"Item":{"pk":{"S":"p"},"sk":{"S":"s"},"v":{"N":"1"}}}`}
	altered := there
	altered.altered = true
	for _, c := range []struct {
		name    string
		answers []answer
		want    error
		calls   int // of the SDK
	}{
		{"there", []answer{there}, nil, 0},
		{"not there", []answer{ok()}, table.ErrNotFound, 0},
		{"altered on the way", []answer{altered, there}, nil, 1},
		{"cut off", []answer{cutOff(), there}, nil, 1},
		{"lost", []answer{lost(), there}, nil, 1},
		{"an error", []answer{serverError(), there}, nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{answers: c.answers}
			client, err := FromEnv(lambdaEnv(nil), func(o *dynamodb.Options) { o.HTTPClient = s })
			if err != nil {
				t.Fatal(err)
			}
			sdk := &calls{Client: client}
			got, err := New(sdk, Options{Table: "cafe", MaxBackoff: 1}).Get(ctx, table.Key{PK: "p", SK: "s"}, true)
			if !errors.Is(err, c.want) || c.want == nil && !got.Equal(table.Item{"v": table.Int(1)}) {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
			if sdk.n != c.calls || len(s.asked) != len(c.answers) {
				t.Errorf("%d attempts and %d calls of the SDK, want %d and %d", len(s.asked), sdk.n, len(c.answers), c.calls)
			}
		})
	}
}

// With the race detector, this shows that concurrent requests share nothing that changes.
func TestConcurrentFasts(t *testing.T) {
	sdk, err := FromEnv(lambdaEnv(nil), func(o *dynamodb.Options) {
		o.HTTPClient = always(`{"Item":{"pk":{"S":"p"},"sk":{"S":"s"},"v":{"N":"1"}}}`)
	})
	if err != nil {
		t.Fatal(err)
	}
	db := New(sdk, Options{Table: "cafe"})
	var all errgroup.Group
	for range 8 {
		all.Go(func() error {
			for range 20 {
				if item, err := db.Get(ctx, table.Key{PK: "p", SK: "s"}, false); err != nil || item.Int("v") != 1 {
					return fmt.Errorf("got %v, %w", item, err)
				}
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
}

// always is a DynamoDB that gives the same answer to every request.
type always string

func (a always) Do(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: int64(len(a)), Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}

// BenchmarkGetItem measures Table.Get without the network, in both ways of reading.
func BenchmarkGetItem(b *testing.B) {
	key := table.Key{PK: "O#1", SK: "O"}
	db, s := play(b, ok())
	if err := db.Write(ctx, table.Put(key, order())); err != nil {
		b.Fatal(err)
	}
	var sent struct{ Item json.RawMessage }
	if err := json.Unmarshal([]byte(s.asked[0]), &sent); err != nil {
		b.Fatal(err)
	}
	sdk, err := FromEnv(lambdaEnv(nil), func(o *dynamodb.Options) { o.HTTPClient = always(`{"Item":` + string(sent.Item) + `}`) })
	if err != nil {
		b.Fatal(err)
	}
	for name, db := range map[string]*Table{
		"fast":  New(sdk, Options{Table: "cafe"}),
		"plain": New(sdk, Options{Table: "cafe", PlainReads: true}),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := db.Get(ctx, key, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
