package api_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/go-json-experiment/json/jsontext"

	"cafe/api"
	"cafe/handlers/proxy"
	"cafe/internal/cafe"
	"cafe/model"
)

// forInput returns the service for one input of a fuzz target.
func (s service) forInput(t *testing.T) *service {
	s.T = t
	return &s
}

// FuzzCursor looks for a text that a list accepts as a cursor although it was never issued to
// this caller for this query. It also looks for a cursor that does not open to its own
// position. flip is the bit of a valid cursor that is changed. The seeds are in testdata.
func FuzzCursor(f *testing.F) {
	whole := openFor(f)
	key := []byte("0123456789abcdef") // the router's, of service_test.go
	callers := map[string]cafe.Caller{alice: {ID: "alice", Role: model.RoleCustomer}, sam: {ID: "sam", Role: model.RoleStaff}, nobody: {}}
	draft := model.Draft{Lines: []model.DraftLine{{SKU: "tea", Quantity: 1}}}
	for range 4 {
		if _, _, err := whole.cafe.Place(f.Context(), callers[alice], draft, ""); err != nil {
			f.Fatal(err)
		}
	}
	lists := map[string]string{alice: "/orders", sam: "/stock", nobody: "/menu"}
	f.Fuzz(func(t *testing.T, text, position string, flip uint16) {
		s := whole.forInput(t)
		for who, path := range lists {
			q := url.Values{"cursor": {text}}
			opened, err := api.OpenCursor(key, callers[who], path, q)
			if err == nil && (opened == "" || api.SealCursor(key, callers[who], path, nil, opened) != text) {
				t.Errorf("%q is taken for a cursor to %q", text, opened)
			}
			issued := err == nil // by somebody with the key
			if a := s.call(who, "GET", path+"?"+q.Encode(), ""); a.status == 200 && !issued || a.status != 200 && a.status != 400 {
				t.Errorf("%s?cursor=%q answered %d", path, text, a.status)
			}
			// The text is in the query string without escapes.
			r := httptest.NewRequest("GET", path, nil)
			r.URL.RawQuery = "cursor=" + text
			if who != nobody {
				r = r.WithContext(cafe.WithCaller(r.Context(), callers[who]))
			}
			w := httptest.NewRecorder()
			s.router.ServeHTTP(w, r)
			if q, err := url.ParseQuery(r.URL.RawQuery); w.Code == 200 {
				if _, sealed := api.OpenCursor(key, callers[who], path, q); err != nil || sealed != nil {
					t.Errorf("%s?%s answered 200: %v, %v", path, r.URL.RawQuery, err, sealed)
				}
			} else if w.Code != 400 && w.Code != 403 { // 403: &customer_id=bob
				t.Errorf("%s?%s answered %d", path, r.URL.RawQuery, w.Code)
			}
		}
		if position == "" {
			return
		}
		// An issued cursor opens to its own position, and nobody else can open it.
		good := api.SealCursor(key, callers[alice], "/orders", nil, position)
		open := func(key []byte, by cafe.Caller, path, cursor, query string) (string, error) {
			q, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			q.Set("cursor", cursor)
			return api.OpenCursor(key, by, path, q)
		}
		if got, err := open(key, callers[alice], "/orders", good, "limit=7"); err != nil || got != position {
			t.Errorf("%q became %q, %v", position, got, err)
		}
		raw, err := base64.RawURLEncoding.DecodeString(good)
		if err != nil {
			t.Fatal(err)
		}
		raw[int(flip/8)%len(raw)] ^= 1 << (flip % 8)
		for what, try := range map[string]func() (string, error){
			"a flipped bit": func() (string, error) {
				return open(key, callers[alice], "/orders", base64.RawURLEncoding.EncodeToString(raw), "")
			},
			"another caller": func() (string, error) {
				return open(key, cafe.Caller{ID: "bob", Role: model.RoleCustomer}, "/orders", good, "")
			},
			"another role": func() (string, error) {
				return open(key, cafe.Caller{ID: "alice", Role: model.RoleStaff}, "/orders", good, "")
			},
			"another list":  func() (string, error) { return open(key, callers[alice], "/menu", good, "") },
			"another query": func() (string, error) { return open(key, callers[alice], "/orders", good, "status=ready") },
			"another key":   func() (string, error) { return open([]byte("0123456789abcdeg"), callers[alice], "/orders", good, "") },
			"its end":       func() (string, error) { return open(key, callers[alice], "/orders", good[1:], "") },
			"padding":       func() (string, error) { return open(key, callers[alice], "/orders", good+"=", "") },
			"a line break":  func() (string, error) { return open(key, callers[alice], "/orders", good+"\n", "") },
		} {
			if got, err := try(); err == nil {
				t.Errorf("%s opens to %q", what, got)
			}
		}
		// The router treats a position that it did not issue in the same way.
		s.call(alice, "GET", "/orders?cursor="+base64.RawURLEncoding.EncodeToString(raw), "").wantProblem(400, "malformed-request", "cursor")
	})
}

// FuzzOrderJSON sends any body as a new order and as a change of an order. An accepted body
// must match the reference, and the order must have the menu's prices. A refusal must name
// the fields, and nothing of the body may be stored. The seeds are in testdata.
func FuzzOrderJSON(f *testing.F) {
	whole := openFor(f)
	menu := model.Menu{}
	for _, item := range testMenu {
		menu[item.SKU] = item
	}
	const onHand = 10
	f.Fuzz(func(t *testing.T, body string) {
		s := whole.forInput(t)
		shelf := func(want int64) {
			t.Helper()
			if got := s.call(sam, "GET", "/stock", "").want(200).get("stock"); !strings.Contains(got, fmt.Sprintf(`"on_hand":%d}`, want)) {
				t.Errorf("stock is %s, want %d: %s", got, want, body)
			}
		}
		fill := func() {
			if _, err := s.cafe.SetStock(t.Context(), "cake", onHand); err != nil {
				t.Fatal(err)
			}
		}
		for _, who := range []string{sam, alice} {
			fill()
			a := s.call(who, "POST", "/orders", body)
			if a.status != 201 {
				wantRefusal(a, body, "OrderInput", 400, 403, 409, 413, 422)
				shelf(onHand)
				continue
			}
			shelf(onHand - wantPriced(a, menu, body, "OrderInput"))
			if again := s.call(who, "GET", a.header.Get("Location"), "").want(200); string(again.body) != string(a.body) {
				t.Errorf("placed %s, read %s", a.body, again.body)
			}
		}

		fill()
		before := s.call(alice, "POST", "/orders", `{"lines":[{"sku":"cake","quantity":2}],"note":"before"}`).want(201)
		path := before.header.Get("Location")
		a := s.call(alice, "PATCH", path, body, "If-Match: *")
		after := s.call(alice, "GET", path, "").want(200)
		if a.status != 200 {
			wantRefusal(a, body, "OrderPatch", 400, 409, 413, 422)
			shelf(onHand - 2)
			a = before
		} else {
			var asked map[string]any
			if err := json.Unmarshal([]byte(body), &asked); err != nil {
				t.Fatalf("accepted %s: %v", body, err)
			}
			note, _ := asked["note"].(string) // null counts as none
			if _, given := asked["note"]; !given {
				note = "before"
			}
			var got struct{ Note string }
			if a.json(&got); got.Note != note {
				t.Errorf("the note is %q, want %q", got.Note, note)
			}
			if _, given := asked["lines"]; given {
				shelf(onHand - wantPriced(a, menu, body, "OrderPatch"))
			} else {
				shelf(onHand - 2)
			}
		}
		if string(after.body) != string(a.body) {
			t.Errorf("answered %s, read %s", a.body, after.body)
		}
	})
}

// wantPriced fails the test unless the order has what the body asks for, at the menu's
// prices. It returns the number of units taken from stock.
func wantPriced(a answer, menu model.Menu, body, schema string) (units int64) {
	a.Helper()
	if err := api.CheckBody(schema, []byte(body)); err != nil {
		a.Fatalf("accepted what the reference does not: %v: %s", err, body)
	}
	var asked struct{ Lines []model.DraftLine }
	var got struct {
		Lines []struct {
			SKU, Note string
			Quantity  int64
			UnitPrice int64 `json:"unit_price"`
			Options   []struct {
				ID    string
				Price int64
			}
			Total int64
		}
		Total int64
	}
	a.json(&got)
	if err := json.Unmarshal([]byte(body), &asked); err != nil {
		a.Fatalf("accepted %s: %v", body, err)
	}
	lines, total, err := menu.Price(asked.Lines)
	if err != nil || len(lines) != len(got.Lines) || int64(total) != got.Total {
		a.Fatalf("%s became %s: %v", body, a.body, err)
	}
	sum := int64(0)
	for i, l := range got.Lines {
		want, each := lines[i], l.UnitPrice
		options := []string{}
		for _, o := range l.Options {
			each += o.Price
			options = append(options, o.ID)
		}
		sum += l.Total
		if l.SKU != want.SKU || l.Quantity != want.Quantity || l.UnitPrice != int64(want.UnitPrice) || l.Total != int64(want.Total) ||
			l.Total != l.Quantity*each || l.Note != want.Note || !slices.Equal(options, append([]string{}, asked.Lines[i].Options...)) {
			a.Errorf("line %d of %s is %+v, want %+v", i, body, l, want)
		}
		if want.Counted {
			units += l.Quantity
		}
	}
	if sum != got.Total {
		a.Errorf("lines of %d make %d", sum, got.Total)
	}
	return units
}

// wantRefusal fails the test unless the answer is one of the expected refusals. A validation
// problem must name its fields.
func wantRefusal(a answer, body, schema string, statuses ...int) {
	a.Helper()
	var p struct {
		Type   string
		Errors []struct{ Field, Message string }
	}
	a.json(&p)
	if !slices.Contains(statuses, a.status) {
		a.Fatalf("%s is answered with %d %s", body, a.status, a.body)
	}
	whole := jsontext.Value(body).IsValid() // without duplicate names
	if a.status == 400 && whole && api.CheckBody(schema, []byte(body)) == nil {
		a.Errorf("the reference has %s, which is called malformed", body)
	}
	if names := a.status == 422 || a.status == 409 || a.status == 400; names && len(p.Errors) == 0 && body != "" {
		a.Errorf("%s is refused without a field: %s", body, a.body)
	}
	var value any
	if whole {
		if err := json.Unmarshal([]byte(body), &value); err != nil {
			return // too deep for that package
		}
	}
	for _, e := range p.Errors {
		if e.Field != "" && e.Field[0] != '/' || e.Message == "" {
			a.Errorf("%s: fault %+v", body, e)
		}
		if p.Type == "/problems/out-of-stock" && !regexp.MustCompile(`^/lines/\d+$`).MatchString(e.Field) {
			a.Errorf("%s: %s is out of stock", body, e.Field)
		}
		if a.status == 422 && whole && !parentIn(value, e.Field) {
			a.Errorf("%s: field %q is nowhere near it", body, e.Field)
		}
	}
}

// parentIn reports whether the value has the parent of the JSON pointer.
func parentIn(value any, pointer string) bool {
	parts := strings.Split(pointer, "/")
	for _, p := range parts[min(1, len(parts)):max(1, len(parts)-1)] {
		switch v := value.(type) {
		case map[string]any:
			value = v[strings.NewReplacer("~1", "/", "~0", "~").Replace(p)]
		case []any:
			i, err := strconv.Atoi(p)
			if err != nil || i >= len(v) {
				return false
			}
			value = v[i]
		default:
			return false
		}
	}
	return true
}

// anyone may call, by the contract.
var public = regexp.MustCompile(`^/(health|openapi\.json|docs|menu|menu/[^/]+)$`)

// FuzzProxyEvent gives the Lambda handler any bytes as an event. There must be no panic and
// no 5xx, and the answer must match the reference. Only Alice and staff, according to the
// authorizer, may see Alice's data. Each event is tried as it is, with Bob's identity and
// without one. The seeds are in testdata and in events/.
func FuzzProxyEvent(f *testing.F) {
	whole := openFor(f)
	const secret = "kanari"
	_, _, err := whole.cafe.Place(f.Context(), cafe.Caller{ID: "alice", Role: model.RoleCustomer},
		model.Draft{Lines: []model.DraftLine{{SKU: "tea", Quantity: 1, Note: secret}}, Note: secret}, "breakfast-1")
	if err != nil {
		f.Fatal(err)
	}
	samples, err := filepath.Glob("../events/api-*.json")
	if err != nil || len(samples) == 0 {
		f.Fatalf("no samples: %v", err)
	}
	for _, name := range samples {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	handler := lambda.NewHandler(proxy.New(whole.router, time.Now))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var event events.APIGatewayProxyRequest
		// Package lambda decodes it like this. If it refuses an event, ours must too, unless
		// the error is in a member that the API does not use.
		if err := json.Unmarshal(raw, &event); err != nil {
			if b, err := handler.Invoke(t.Context(), raw); err == nil && !bytes.Contains(b, []byte(`"statusCode"`)) {
				t.Errorf("no event, and answered %s", b)
			}
			return
		}
		decodedAlike(t, event)
		given := event.RequestContext.Authorizer
		until := fmt.Sprint(time.Now().Add(time.Hour).Unix())
		for _, authorizer := range []map[string]any{given, {"sub": "bob", "role": "customer", "exp": until}, nil} {
			event.RequestContext.Authorizer = authorizer
			subject, _ := authorizer["sub"].(string)
			role, _ := authorizer["role"].(string)
			_, ends := authorizer["exp"]
			somebody := subject != "" && slices.Contains([]string{"customer", "staff", "owner"}, role) && ends
			mayRead := somebody && (subject == "alice" || role != "customer")
			method := strings.ToUpper(event.HTTPMethod)
			if mayRead && method != "" && method != "GET" && method != "HEAD" && method != "POST" {
				continue // Alice's order must not change
			}
			payload, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			b, err := handler.Invoke(t.Context(), payload)
			var response events.APIGatewayProxyResponse
			if err == nil {
				err = json.Unmarshal(b, &response)
			}
			if err != nil {
				t.Fatalf("no answer: %v", err)
			}
			body := []byte(response.Body)
			if response.IsBase64Encoded {
				if body, err = base64.StdEncoding.DecodeString(response.Body); err != nil {
					t.Fatal(err)
				}
			}
			header, status := http.Header(response.MultiValueHeaders), response.StatusCode
			if strings.Contains(string(body), secret) && !mayRead && !strings.Contains(string(raw), secret) {
				t.Errorf("%v reads Alice's order: %s", authorizer, body)
			}
			path := strings.TrimPrefix(event.Path, "/"+event.RequestContext.Stage)
			if event.RequestContext.Stage == "" || path != "" && path[0] != '/' {
				path = event.Path
			}
			if !somebody && status < 400 && method != "OPTIONS" && !public.MatchString(path) {
				t.Errorf("nobody got %d at %s: %s", status, path, body)
			}
			switch {
			case status < 200 || status >= 500 || header.Get("X-Request-Id") == "":
				t.Errorf("%s %s answered %d %v: %s", method, path, status, header, body)
			case status < 400:
				if method == "" {
					method = "GET"
				}
				if err := api.CheckAnswer(method, path, status, header, body); err != nil {
					t.Errorf("not as in openapi.json: %v", err)
				}
			case method != "HEAD":
				if err := api.CheckBody("Problem", body); err != nil || header.Get("Content-Type") != "application/problem+json" {
					t.Errorf("%d is no problem: %v: %v %s", status, err, header, body)
				}
			}
		}
	})
}

// decodedAlike compares our decoder of events with that of package lambda, in the members
// that the API uses.
func decodedAlike(t *testing.T, event events.APIGatewayProxyRequest) {
	t.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	var want events.APIGatewayProxyRequest
	if err := json.Unmarshal(payload, &want); err != nil {
		t.Fatal(err)
	}
	of := want.RequestContext
	want.RequestContext = events.APIGatewayProxyRequestContext{
		RequestID: of.RequestID, Path: of.Path, Stage: of.Stage, DomainName: of.DomainName, Authorizer: of.Authorizer,
		Identity: events.APIGatewayRequestIdentity{SourceIP: of.Identity.SourceIP},
	}
	want.Resource, want.PathParameters, want.StageVariables = "", nil, nil
	if len(want.MultiValueQueryStringParameters) > 0 { // then these are not used
		want.QueryStringParameters = nil
	}
	headers := http.Header{}
	for name, values := range want.MultiValueHeaders {
		for _, value := range values {
			headers.Add(name, value)
		}
	}
	if want.MultiValueHeaders == nil {
		for name, value := range want.Headers {
			headers.Add(name, value)
		}
	}
	want.Headers, want.MultiValueHeaders = nil, nil
	got, header, err := proxy.DecodeEvent(payload)
	for _, h := range []http.Header{header, headers} {
		for _, values := range h {
			slices.Sort(values) // the order is undefined for names that differ only in case
		}
	}
	if err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(header, headers) {
		t.Errorf("%s\ndecoded as %+v, %v, %v\nand not %+v, %v", payload, got, header, err, want, headers)
	}
}
