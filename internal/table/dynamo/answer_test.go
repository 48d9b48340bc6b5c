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

// What the SDK wrote on the wire is read back from there as it was.
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
		db, _ = play(t, answer{status: 200, body: `{"Item":` + string(sent.Item) + `}`},
			answer{status: 200, body: `{"Count":2,"Items":[` + string(sent.Item) + `,` + string(sent.Item) + `]}`})
		if got, err := db.Get(t.Context(), key, false); err != nil || !got.Equal(want) {
			rt.Fatalf("got %v, %v; want %v", got, err, want)
		}
		page, err := db.Query(t.Context(), table.Query{Partition: key.PK})
		if err != nil || len(page.Rows) != 2 || page.Rows[1].Key != key || !page.Rows[1].Item.Equal(want) || page.Next != "" {
			rt.Fatalf("got %+v, %v; want %v twice", page, err, want)
		}
	})
}

func TestAnswersThatAreNotOfTheTable(t *testing.T) {
	const keys = `"pk":{"S":"p"},"sk":{"S":"s"}`
	for body, want := range map[string]error{
		`{}`:                        table.ErrNotFound,
		`{"Item":{"pk":{"S":"p"}}}`: errNotKept,
		`{"Item":{` + keys + `,"a":{"NULL":true}}}`:                                   errNotKept,
		`{"Item":{` + keys + `,"a":{"SS":["x"]}}}`:                                    errNotKept,
		`{"Item":{` + keys + `,"a":{"N":"1.5"}}}`:                                     errNotKept,
		`{"Item":{` + keys + `,"a":{"L":[{"M":{"n":{"N":"9223372036854775808"}}}]}}}`: errNotKept,
		`{"Item":{` + keys + `,"a":{}}}`:                                              errNotKept,
		`{"Item":{` + keys + `,"a":{"S":7}}}`:                                         table.ErrUnavailable,
		`{"Item":{` + keys + `,"a":{"BOOL":"yes"}}}`:                                  table.ErrUnavailable,
		`{"Item":{` + keys + `,"a":{"B":"*"}}}`:                                       table.ErrUnavailable,
		`{"Item":[]}`:                                                                 table.ErrUnavailable,
		`{"Item":{` + keys:                                                            table.ErrUnavailable,
		`[]`:                                                                          table.ErrUnavailable,
		``:                                                                            table.ErrUnavailable,
		`<html>`:                                                                      table.ErrUnavailable,
	} {
		db, _ := play(t, slices.Repeat([]answer{{status: 200, body: body}}, 8)...)
		if item, err := db.Get(t.Context(), table.Key{PK: "p", SK: "s"}, false); !errors.Is(err, want) {
			t.Errorf("%s is %v, %v; want %v", body, item, err, want)
		}
	}
}

func TestWhatIsNewInAnAnswerIsSkipped(t *testing.T) {
	db, _ := play(t, answer{status: 200, body: `{"New":[{"a":[1,null]}],"Item":{"pk":{"S":"p"},"sk":{"S":"s"},"a":{"BOOL":false}},"ConsumedCapacity":{"CapacityUnits":0.5,"Newer":{}}}`})
	if item, err := db.Get(t.Context(), table.Key{PK: "p", SK: "s"}, false); err != nil || !item.Equal(table.Item{"a": table.Bool(false)}) {
		t.Errorf("got %v, %v", item, err)
	}
}

func TestTheNextPageIsWhereDynamoDBSays(t *testing.T) {
	db, _ := play(t,
		answer{status: 200, body: `{"Items":[],"LastEvaluatedKey":{"pk":{"S":"p"},"sk":{"S":"s\u00e9"}}}`},
		answer{status: 200, body: `{"Items":[],"LastEvaluatedKey":{"pk":{"S":"p"},"sk":{"S":"s"}}}`})
	if page, err := db.Query(t.Context(), table.Query{Partition: "p"}); err != nil || page.Next != "sé" {
		t.Errorf("got %+v, %v", page, err)
	}
	if page, err := db.Scan(t.Context(), table.Scan{}); err != nil || page.Next != "p\x00s" {
		t.Errorf("got %+v, %v", page, err)
	}
}

// counted counts what is written to its connections.
type counted struct {
	net.Conn
	writes *int
}

func (c counted) Write(b []byte) (int, error) { *c.writes++; return c.Conn.Write(b) }

func TestARequestIsOneWrite(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	}))
	defer server.Close()
	writes := 0
	client := whole{&http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return counted{conn, &writes}, err
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
		t.Errorf("answered %q, %v after %d writes", body, err, writes)
	}
}

// silent never answers, or breaks off.
type silent struct{ begun bool }

func (s silent) Do(r *http.Request) (*http.Response, error) {
	if !s.begun {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: 200, Body: io.NopCloser(io.MultiReader(strings.NewReader("{"), failing{io.ErrUnexpectedEOF}))}, nil
}

func TestAnAttemptEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := http.NewRequest("POST", "https://dynamodb.eu-west-2.amazonaws.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := (whole{silent{}}).Do(r); err == nil || time.Since(began) != attempt {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestAnAnswerBreaksOffWhereItDid(t *testing.T) {
	r, err := http.NewRequest("POST", "https://dynamodb.eu-west-2.amazonaws.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := whole{silent{begun: true}}.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(response.Body); string(b) != "{" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("read %q, %v", b, err)
	}
}
