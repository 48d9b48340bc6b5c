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

// recorded keeps the requests that it passes on.
type recorded struct {
	*script
	requests []*http.Request
}

func (r *recorded) Do(request *http.Request) (*http.Response, error) {
	r.requests = append(r.requests, request)
	return r.script.Do(request)
}

// The SDK makes the second attempt, so that it says what the first should be.
func TestTheQuickAttemptAsksWhatTheSDKAsks(t *testing.T) {
	for _, env := range []map[string]string{
		nil,
		{"AWS_REGION": "cn-north-1"},
		{"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000"},
		{"AWS_ENDPOINT_URL_DYNAMODB": "https://proxy.example:8443/behind/here", "AWS_SESSION_TOKEN": ""},
	} {
		for _, key := range []table.Key{{PK: "O#1", SK: "O"}, {PK: "C#\"é\\\u2028<☕>", SK: "\x1f\x7f&"}} {
			s := &recorded{script: &script{answers: []answer{serverError(), ok(), serverError(), ok()}}}
			client, err := Client(lambdaEnv(env), func(o *dynamodb.Options) { o.HTTPClient = s })
			if err != nil {
				t.Fatal(err)
			}
			quiet := New(client, Options{Table: `café "1"`, MaxBackoff: 1})
			counting := New(client, Options{Table: `café "1"`, MaxBackoff: 1, OnCapacity: func(Capacity) {}})
			quiet.Get(ctx, key, true)
			counting.Get(ctx, key, false)
			if len(s.requests) != 4 {
				t.Fatalf("%d requests, want 4", len(s.requests))
			}
			for i := 0; i < 4; i += 2 {
				quick, sdk := s.requests[i], s.requests[i+1]
				if sdk.Header.Get("Amz-Sdk-Request") == "" || quick.Header.Get("Amz-Sdk-Request") != "" {
					t.Fatal("these are not one by hand and one of the SDK's")
				}
				if quick.Method != sdk.Method || quick.URL.String() != sdk.URL.String() || quick.Host != sdk.URL.Host || quick.ContentLength != int64(len(s.asked[i])) {
					t.Errorf("%s %s at %s with %d bytes; the SDK has %s %s with %d", quick.Method, quick.URL, quick.Host, quick.ContentLength, sdk.Method, sdk.URL, sdk.ContentLength)
				}
				for _, name := range []string{"Content-Type", "X-Amz-Target", "Accept-Encoding", "X-Amz-Security-Token"} {
					if got, want := quick.Header.Values(name), sdk.Header.Values(name); !reflect.DeepEqual(got, want) {
						t.Errorf("%s: %q; the SDK has %q", name, got, want)
					}
				}
				scope := func(r *http.Request) string {
					before, _, _ := strings.Cut(r.Header.Get("Authorization"), ", SignedHeaders=")
					return before
				}
				if got, want := scope(quick), scope(sdk); got != want || want == "" {
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

// calls counts what the SDK is asked for.
type calls struct {
	*dynamodb.Client
	n int
}

func (c *calls) GetItem(ctx context.Context, in *dynamodb.GetItemInput, options ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	c.n++
	return c.Client.GetItem(ctx, in, options...)
}

// What comes of a first attempt that failed is in TestErrorsOfReads.
func TestTheSDKGoesOnAfterTheQuickAttempt(t *testing.T) {
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
			client, err := Client(lambdaEnv(nil), func(o *dynamodb.Options) { o.HTTPClient = s })
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

// The race detector sees what requests under way share.
func TestQuickAttemptsAtOnce(t *testing.T) {
	sdk, err := Client(lambdaEnv(nil), func(o *dynamodb.Options) {
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

// always is a DynamoDB that gives one answer, at once.
type always string

func (a always) Do(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: int64(len(a)), Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}

// BenchmarkGetItem is a read as seen from the table.
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
	sdk, err := Client(lambdaEnv(nil), func(o *dynamodb.Options) { o.HTTPClient = always(`{"Item":` + string(sent.Item) + `}`) })
	if err != nil {
		b.Fatal(err)
	}
	for name, db := range map[string]*Table{
		"quick": New(sdk, Options{Table: "cafe"}),
		"SDK":   New(struct{ client }{sdk}, Options{Table: "cafe"}), // which does not tell its options
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
