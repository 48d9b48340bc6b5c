package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cafe/internal/table"

	"pgregory.net/rapid"
)

// Both ways of reading return the items that the SDK has sent.
func TestAnswersComeBackAsTheyWereSent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		key := table.Key{PK: rapid.StringMatching(`[A-Z]#[a-zé☕]{1,9}`).Draw(rt, "pk"), SK: rapid.StringMatching(`[A-Z0-9"\\]{1,9}`).Draw(rt, "sk")}
		want := table.Item(rapid.MapOfN(rapid.StringMatching(`[a-z]{3,9}`), values(), 0, 6).Draw(rt, "item"))
		db, s := play(t, ok())
		if err := db.Write(t.Context(), table.Put(key, want)); err != nil {
			rt.Fatal(err)
		}
		var sent struct{ Item json.RawMessage }
		if err := json.Unmarshal([]byte(s.asked[0]), &sent); err != nil {
			rt.Fatal(err)
		}
		for _, plain := range []bool{false, true} {
			db, _ = playWith(t, Options{PlainReads: plain}, answer{status: 200, body: `{"Item":` + string(sent.Item) + `}`},
				answer{status: 200, body: `{"Count":2,"Items":[` + string(sent.Item) + `,` + string(sent.Item) + `]}`})
			if got, err := db.Get(t.Context(), key, false); err != nil || !got.Equal(want) {
				rt.Fatalf("got %v, %v; want %v", got, err, want)
			}
			page, err := db.Query(t.Context(), table.Query{Partition: key.PK})
			if err != nil || len(page.Rows) != 2 || page.Rows[1].Key != key || !page.Rows[1].Item.Equal(want) || page.Next != "" {
				rt.Fatalf("got %+v, %v; want %v twice", page, err, want)
			}
		}
	})
}

func TestUnsupportedAnswersAreErrors(t *testing.T) {
	const keys = `"pk":{"S":"p"},"sk":{"S":"s"}`
	// The SDK takes an empty body for an empty answer.
	lenient := map[string]bool{``: true}
	for body, want := range map[string]error{
		`{}`:                        table.ErrNotFound,
		`{"Item":{"pk":{"S":"p"}}}`: errUnsupported,
		`{"Item":{` + keys + `,"a":{"NULL":true}}}`:                                   errUnsupported,
		`{"Item":{` + keys + `,"a":{"SS":["x"]}}}`:                                    errUnsupported,
		`{"Item":{` + keys + `,"a":{"N":"1.5"}}}`:                                     errUnsupported,
		`{"Item":{` + keys + `,"a":{"L":[{"M":{"n":{"N":"9223372036854775808"}}}]}}}`: errUnsupported,
		`{"Item":{` + keys + `,"a":{}}}`:                                              errUnsupported,
		`{"Item":{` + keys + `,"a":{"S":7}}}`:                                         table.ErrUnavailable,
		`{"Item":{` + keys + `,"a":{"BOOL":"yes"}}}`:                                  table.ErrUnavailable,
		`{"Item":{` + keys + `,"a":{"B":"*"}}}`:                                       table.ErrUnavailable,
		`{"Item":[]}`:                                                                 table.ErrUnavailable,
		`{"Item":{` + keys:                                                            table.ErrUnavailable,
		`[]`:                                                                          table.ErrUnavailable,
		``:                                                                            table.ErrUnavailable,
		`<html>`:                                                                      table.ErrUnavailable,
	} {
		for _, plain := range []bool{false, true} {
			if plain && lenient[body] {
				continue
			}
			db, _ := playWith(t, Options{PlainReads: plain}, slices.Repeat([]answer{{status: 200, body: body}}, 8)...)
			if item, err := db.Get(t.Context(), table.Key{PK: "p", SK: "s"}, false); !errors.Is(err, want) {
				t.Errorf("%s, plain %v: got %v, %v; want %v", body, plain, item, err, want)
			}
		}
	}
}

func TestUnknownMembersOfAnAnswerAreSkipped(t *testing.T) {
	db, _ := play(t, answer{status: 200, body: `{"New":[{"a":[1,null]}],"Item":{"pk":{"S":"p"},"sk":{"S":"s"},"a":{"BOOL":false}},"ConsumedCapacity":{"CapacityUnits":0.5,"Newer":{}}}`})
	if item, err := db.Get(t.Context(), table.Key{PK: "p", SK: "s"}, false); err != nil || !item.Equal(table.Item{"a": table.Bool(false)}) {
		t.Errorf("got %v, %v", item, err)
	}
}

func TestNextComesFromLastEvaluatedKey(t *testing.T) {
	for _, plain := range []bool{false, true} {
		db, _ := playWith(t, Options{PlainReads: plain},
			answer{status: 200, body: `{"Items":[],"LastEvaluatedKey":{"pk":{"S":"p"},"sk":{"S":"s\u00e9"}}}`},
			answer{status: 200, body: `{"Items":[],"LastEvaluatedKey":{"pk":{"S":"p"},"sk":{"S":"s"}}}`})
		if page, err := db.Query(t.Context(), table.Query{Partition: "p"}); err != nil || page.Next != "sé" {
			t.Errorf("plain %v: got %+v, %v", plain, page, err)
		}
		if page, err := db.Scan(t.Context(), table.Scan{}); err != nil || page.Next != "p\x00s" {
			t.Errorf("plain %v: got %+v, %v", plain, page, err)
		}
	}
}

// countingConn counts the writes to a connection.
type countingConn struct {
	net.Conn
	writes *int
}

func (c countingConn) Write(b []byte) (int, error) { *c.writes++; return c.Conn.Write(b) }

func TestARequestIsOneWrite(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	}))
	defer server.Close()
	writes := 0
	client := bufferedClient{&http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return countingConn{conn, &writes}, err
	}}}}
	r, err := http.NewRequest("POST", server.URL, io.NopCloser(struct{ io.Reader }{strings.NewReader("body")}))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 4
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "body" || writes != 1 {
		t.Errorf("answer %q, %v after %d writes", body, err, writes)
	}
}

// silent is an HTTP client whose answer never comes or is cut off.
type silent struct{ cutOff bool }

func (s silent) Do(r *http.Request) (*http.Response, error) {
	if !s.cutOff {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: 200, Body: io.NopCloser(io.MultiReader(strings.NewReader("{"), failing{io.ErrUnexpectedEOF}))}, nil
}

func TestAnAttemptTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := http.NewRequest("POST", "https://dynamodb.eu-west-2.amazonaws.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := (bufferedClient{silent{}}).Do(r); err == nil || time.Since(began) != attemptTimeout {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestACutOffAnswerKeepsItsBeginning(t *testing.T) {
	r, err := http.NewRequest("POST", "https://dynamodb.eu-west-2.amazonaws.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := bufferedClient{silent{cutOff: true}}.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(response.Body); string(b) != "{" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("read %q, %v", b, err)
	}
}
