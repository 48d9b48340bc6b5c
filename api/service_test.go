package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/gin-gonic/gin"

	"cafe/api"
	"cafe/internal/auth"
	"cafe/internal/cafetest"
	"cafe/internal/house"
	"cafe/internal/local"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/internal/table/pebble"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	os.Exit(m.Run())
}

// testOrigins are the origins whose pages may call.
var testOrigins = []string{"https://app.example.com", "https://board.example.com:8443"}

// service is a café behind the local gateway, with real tokens, as clients see it.
type service struct {
	*testing.T
	cafe   *house.House
	router *gin.Engine
	front  http.Handler
	issuer *auth.Issuer
	faults *tabletest.Faulty
	files  *cafetest.Files
}

var testMenu = []model.Item{
	{SKU: "latte", Name: "Latte", Category: "coffee", Price: 350, Active: true, Options: []model.Option{{ID: "oat", Name: "Oat milk", Price: 40}}},
	{SKU: "tea", Name: "Tea", Category: "tea", Price: 240, Active: true},
	{SKU: "cake", Name: "Cake", Category: "bakery", Price: 340, Active: true, Counted: true},
	{SKU: "soup", Name: "Soup", Category: "kitchen", Price: 480},
}

func open(t *testing.T) *service {
	t.Helper()
	s := openFor(t)
	s.T = t
	return s
}

// openFor opens a service without a test. A fuzz target uses it for many inputs.
func openFor(t testing.TB) *service {
	t.Helper()
	store, err := pebble.Open("store", pebble.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	s := &service{faults: tabletest.NewFaulty(store, nil), files: cafetest.NewFiles()}
	settings, err := settings.FromEnv(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	settings.StaffRefund, settings.TaxNumber = 200, "GB123456789"
	s.cafe = house.Open(settings, s.faults, time.Now)
	s.router, err = api.New(s.cafe, api.Options{CursorKey: []byte("0123456789abcdef"), Version: "test", Links: s.files})
	if err != nil {
		t.Fatal(err)
	}
	if s.issuer, err = auth.OpenIssuer(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	verifier, err := s.issuer.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	s.front = local.Gateway(s.router, verifier, nil, testOrigins)
	for _, item := range testMenu {
		if _, err := s.cafe.SetMenuItem(t.Context(), item, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.cafe.SetStock(t.Context(), "cake", 10); err != nil {
		t.Fatal(err)
	}
	return s
}

// The callers of the tests: "role sub", or "" for a caller without a token.
const (
	alice  = "customer alice"
	bob    = "customer bob"
	sam    = "staff sam"
	olivia = "owner olivia"
	nobody = ""
)

// answer is the answer to a client.
type answer struct {
	*testing.T
	status int
	header http.Header
	body   []byte
}

// call sends a request, with JSON if it has a body. Headers are "Name: value".
func (s *service) call(who, method, path, body string, headers ...string) answer {
	s.Helper()
	contentType := ""
	if body != "" {
		contentType = "application/json"
	}
	return s.callAs(who, method, path, body, contentType, headers...)
}

func (s *service) callAs(who, method, path, body, contentType string, headers ...string) answer {
	s.Helper()
	r := httptest.NewRequestWithContext(s.Context(), method, path, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if who != "" {
		role, subject, _ := strings.Cut(who, " ")
		token, err := s.issuer.Issue(model.Role(role), subject, time.Hour)
		if err != nil {
			s.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	s.front.ServeHTTP(w, r)
	// Every answer of every test must match the reference.
	if err := api.CheckAnswer(method, path, w.Code, w.Result().Header, w.Body.Bytes()); err != nil {
		s.Errorf("not as in openapi.json: %v", err)
	}
	return answer{s.T, w.Code, w.Result().Header, w.Body.Bytes()}
}

// want fails the test unless the answer has the status.
func (a answer) want(status int) answer {
	a.Helper()
	if a.status != status {
		a.Fatalf("answered %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// wantProblem fails the test unless the answer is the problem and names the fields.
func (a answer) wantProblem(status int, kind string, fields ...string) answer {
	a.Helper()
	a.want(status)
	var p struct {
		Type, Title, Detail, Instance string
		Status                        int
		RequestID                     string `json:"request_id"`
		Errors                        []struct{ Field, Message string }
	}
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		a.Fatalf("not a problem: %v: %s", err, a.body)
	}
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		a.Errorf("content type %q", got)
	}
	if p.Type != "/problems/"+kind || p.Status != status || p.Title == "" || p.Detail == "" || p.RequestID == "" || p.RequestID != a.header.Get("X-Request-Id") {
		a.Errorf("problem %s, want %s: %s", p.Type, kind, a.body)
	}
	var got []string
	for _, e := range p.Errors {
		got = append(got, e.Field)
		if e.Message == "" {
			a.Errorf("field %s is at fault without a word", e.Field)
		}
	}
	if strings.Join(got, " ") != strings.Join(fields, " ") {
		a.Errorf("fields at fault: %q, want %q: %s", got, fields, a.body)
	}
	return a
}

func (a answer) json(v any) answer {
	a.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		a.Fatalf("%v: %s", err, a.body)
	}
	return a
}

// get returns the named member as JSON.
func (a answer) get(name string) string {
	a.Helper()
	var m map[string]json.RawMessage
	a.json(&m)
	return strings.Trim(string(m[name]), `"`)
}

// stored returns the number of items in the table whose key begins with the prefix.
func (s *service) stored(prefix string) int {
	s.Helper()
	n, scan := 0, table.Scan{Prefix: prefix}
	for {
		page, err := s.faults.Scan(s.Context(), scan)
		if err != nil {
			s.Fatal(err)
		}
		n += len(page.Rows)
		if page.Next == "" {
			return n
		}
		scan.After = page.Next
	}
}

func TestReconcileReportsUnreadableItems(t *testing.T) {
	s := open(t)
	junk := table.Key{PK: "O#junk", SK: "O"}
	if err := s.faults.Write(t.Context(), table.Put(junk, table.Item{"total": table.Int(1)})); err != nil {
		t.Fatal(err)
	}
	if got := string(s.call(olivia, "POST", "/reconcile", "").want(200).body); got != `{"customers":0,"drifted":[],"repaired":0,"unreadable":1}` {
		t.Errorf("answered %s", got)
	}
	if err := s.faults.Write(t.Context(), table.Delete(junk)); err != nil {
		t.Fatal(err)
	}
	if got := string(s.call(olivia, "POST", "/reconcile", "").want(200).body); got != `{"customers":0,"drifted":[],"repaired":0}` {
		t.Errorf("answered %s", got)
	}
}
