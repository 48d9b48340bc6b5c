package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cafe/model"
)

func TestAQueryParameterThatACallDoesNotKnowIsNamed(t *testing.T) {
	s := open(t)
	order := "/orders/" + s.call(alice, "POST", "/orders", latte).want(201).get("id")
	for _, r := range s.router.Routes() {
		if r.Method == http.MethodHead {
			continue
		}
		path := strings.NewReplacer(":id", "x", ":sku", "tea", ":day", "2017-03-18").Replace(r.Path)
		s.call(olivia, r.Method, path+"?zz=1&colour=red", "").wantProblem(400, "malformed-request", "colour", "zz")
	}
	s.call(alice, "GET", order+"?", "").want(200)
	s.call(alice, "GET", order+"?%zz", "").wantProblem(400, "malformed-request")
	// Who may not call learns nothing about the call.
	s.call(nobody, "GET", order+"?colour=red", "").wantProblem(401, "unauthorized")
	s.call(alice, "GET", "/stock?colour=red", "").wantProblem(403, "forbidden")
	s.call(nobody, "GET", "/nothing?colour=red", "").wantProblem(404, "not-found")
}

func TestListsHaveATag(t *testing.T) {
	s := open(t)
	s.call(alice, "POST", "/orders", latte).want(201)
	s.call(sam, "POST", "/customers/alice/payments", `{"amount":100}`).want(201)
	for path, change := range map[string]func(){
		"/orders":                     func() { s.call(alice, "POST", "/orders", latte).want(201) },
		"/orders?sort=oldest":         func() { s.call(bob, "POST", "/orders", latte).want(201) },
		"/customers/alice/payments":   func() { s.call(sam, "POST", "/customers/alice/payments", `{"amount":200}`).want(201) },
		"/stock":                      func() { s.call(sam, "PUT", "/stock/cake", `{"on_hand":3}`).want(200) },
		"/webhooks":                   func() { s.call(olivia, "POST", "/webhooks", `{"url":"https://example.com/hook"}`).want(201) },
		"/dead-letters":               func() { s.keepLetter("1") },
		"/waste":                      func() { s.call(sam, "POST", "/waste", `{"sku":"cake","quantity":1}`).want(201) },
		"/menu":                       func() { s.call(sam, "PUT", "/menu/tea", `{"name":"Tea","price":250}`).want(200) },
		"/orders?limit=1":             func() { s.call(alice, "POST", "/orders", latte).want(201) },
		"/orders?status=placed,ready": func() { s.call(alice, "POST", "/orders", latte).want(201) },
	} {
		first := s.call(olivia, "GET", path, "").want(200)
		tag := first.header.Get("ETag")
		if again := s.call(olivia, "GET", path, "", "If-None-Match: "+tag).want(304); len(again.body) > 0 || again.header.Get("ETag") != tag {
			t.Errorf("%s: 304 with %q, tag %s", path, again.body, again.header.Get("ETag"))
		}
		s.call(olivia, "HEAD", path, "", "If-None-Match: W/"+tag).want(304)
		change()
		if after := s.call(olivia, "GET", path, "", "If-None-Match: "+tag).want(200); after.header.Get("ETag") == tag {
			t.Errorf("%s changed, and its tag did not", path)
		}
	}
}

func TestAPreconditionMustBeQuoted(t *testing.T) {
	s := open(t)
	order := "/orders/" + s.call(alice, "POST", "/orders", latte).want(201).get("id")
	for _, tag := range []string{"1", "", "1,", `"1`, `1"`, `"1" "2"`, `"1", 2`, `W/1`, `w/"1"`, `*"1"`, "**", `"a b"`, ","} {
		s.call(alice, "PATCH", order, `{"note":"n"}`, "If-Match: "+tag).wantProblem(400, "malformed-request", "If-Match")
		s.call(sam, "DELETE", order, "", "If-Match: "+tag).wantProblem(400, "malformed-request", "If-Match")
		s.call(sam, "PUT", "/customers/alice", `{"name":"A"}`, "If-None-Match: "+tag).wantProblem(400, "malformed-request", "If-None-Match")
		s.call(alice, "GET", order, "", "If-None-Match: "+tag).wantProblem(400, "malformed-request", "If-None-Match")
	}
	for _, tag := range []string{`"2","1"`, `"2" ,	"1",`, `, "1"`, `"a,b", "1"`, `W/"1", "1"`, `"", *`} {
		tag := tag
		version, _ := strconv.Atoi(strings.Trim(s.call(alice, "GET", order, "").want(200).header.Get("ETag"), `"`))
		tag = strings.ReplaceAll(tag, `"1"`, `"`+strconv.Itoa(version)+`"`)
		s.call(alice, "PATCH", order, `{"note":"`+strconv.Itoa(version)+`"}`, "If-Match: "+tag).want(200)
	}
	s.call(alice, "PATCH", order, `{"note":"x"}`, `If-Match: W/"7"`).wantProblem(412, "precondition-failed")
	s.call(alice, "PATCH", order, `{"note":"x"}`, `If-Match: "a,"7",b"`).wantProblem(400, "malformed-request", "If-Match")
}

func TestAllThatIsWrongWithABodyIsNamedAtOnce(t *testing.T) {
	s := open(t)
	for _, c := range []struct {
		method, path, body string
		faults             map[string]string // message by field
	}{
		{"POST", "/orders", `{"lines":[{"sku":7,"quantity":1.5,"options":"oat","n/o~te":""},{"quantity":101,"note":"` + strings.Repeat("x", 501) + `"},5,{"sku":"tea","quantity":"2"}],"payment":"gold","pickup_at":"noon","note":[],"colour":"red"}`, map[string]string{
			"/lines/0/sku": "must be a string", "/lines/0/quantity": "must be a whole number from 1 to 100", "/lines/0/options": "must be an array", "/lines/0/n~1o~0te": "is not a known field",
			"/lines/1/sku": "is required", "/lines/1/quantity": "must be from 1 to 100", "/lines/1/note": "must have at most 500 characters", "/lines/2": "must be an object",
			"/lines/3/quantity": "must be a whole number from 1 to 100",
			"/payment":          "must be account, counter or open", "/pickup_at": "must be a time such as 2017-03-18T09:30:00Z, or null", "/note": "must be a string", "/colour": "is not a known field",
		}},
		{"POST", "/orders", `{"lines":[{"sku":"tea","quantity":1,"options":["oat",{"id":"x"},1]}],"customer_id":null}`, map[string]string{
			"/lines/0/options/1": "must be a string", "/lines/0/options/2": "must be a string", "/customer_id": "must not be null",
		}},
		{"POST", "/orders", `{"lines":{},"note":false}`, map[string]string{"/lines": "must be an array", "/note": "must be a string"}},
		{"POST", "/orders", `[]`, map[string]string{"": "must be an object"}},
		{"PUT", "/menu/mocha", `{"name":"","price":-1,"counted":"no","options":[{"id":"a b","name":"x","price":1e30}]}`, map[string]string{
			"/name": "must not be empty", "/price": "must be from 0 to 100000000 minor units", "/counted": "must be true or false",
			"/options/0/id": "must be 1 to 64 characters of A–Z, a–z, 0–9, _ and -", "/options/0/price": "must be a whole number from 0 to 100000000",
		}},
		{"PUT", "/customers/alice", `{"id":"bob","email":"alice","credit_limit":"no","notify":null}`, map[string]string{
			"/id": "must be equal to the one in the path", "/name": "is required", "/email": "must be an e-mail address such as alice@example.com",
			"/credit_limit": "must be a whole number from 0 to 1000000000000, or null", "/notify": "must not be null",
		}},
		{"POST", "/customers/alice/payments", `{"amount":0.5,"note":1}`, map[string]string{"/amount": "must be a whole number from 1 to 1000000000000", "/note": "must be a string"}},
		{"PUT", "/stock/cake", `{"on_hand":"many","shelf":2}`, map[string]string{"/on_hand": "must be a whole number from 0 to 1000000", "/shelf": "is not a known field"}},
		{"POST", "/imports", `{"kind":"gold","dry_run":"yes"}`, map[string]string{"/kind": "must be orders, stock or menu", "/name": "must not be empty", "/dry_run": "must be true or false"}},
	} {
		a := s.call(sam, c.method, c.path, c.body).want(422)
		var p struct {
			Errors []struct{ Field, Message string }
		}
		if err := json.Unmarshal(a.body, &p); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, e := range p.Errors {
			if got[e.Field] != "" {
				t.Errorf("%s: %s is named twice", c.body, e.Field)
			}
			got[e.Field] = e.Message
		}
		if c.path == "/imports" {
			c.faults["/name"] = got["/name"] // required or empty: either will do
		}
		if !maps.Equal(got, c.faults) {
			for _, field := range slices.Sorted(maps.Keys(c.faults)) {
				if got[field] != c.faults[field] {
					t.Errorf("%s %s: %q is %q, want %q", c.method, c.path, field, got[field], c.faults[field])
				}
				delete(got, field)
			}
			if len(got) > 0 {
				t.Errorf("%s %s: %v is not wanted", c.method, c.path, got)
			}
		}
	}
	if n := s.stored("O#") + s.stored("I#"); n != 0 {
		t.Errorf("%d items were stored", n)
	}
	order := "/orders/" + s.call(alice, "POST", "/orders", latte).want(201).get("id")
	s.call(alice, "PATCH", order, `{"lines":[{"quantity":0}],"pickup_at":5,"note":"`+strings.Repeat("x", 501)+`","status":"ready"}`, `If-Match: "1"`).
		wantProblem(422, "validation", "/pickup_at", "/status", "/lines/0/sku", "/lines/0/quantity", "/note")
	s.call(sam, "PUT", order+"/status", `{"status":5,"why":1}`).wantProblem(422, "validation", "/status", "/why")
}

func TestAPickupInThePastIsRefused(t *testing.T) {
	s := open(t)
	at := func(d time.Duration) string {
		return `"pickup_at":"` + time.Now().Add(d).UTC().Format(time.RFC3339) + `"`
	}
	const tea = `"lines":[{"sku":"tea","quantity":1}]`
	s.call(alice, "POST", "/orders", `{`+tea+`,`+at(-5*time.Minute)+`}`).wantProblem(422, "validation", "/pickup_at")
	s.call(alice, "POST", "/orders", `{`+tea+`,`+at(-time.Minute)+`}`).want(201) // clocks differ
	order := s.call(alice, "POST", "/orders", `{`+tea+`,`+at(time.Hour)+`}`).want(201)
	path := "/orders/" + order.get("id")
	s.call(alice, "PATCH", path, `{`+at(-5*time.Minute)+`}`, "If-Match: *").wantProblem(422, "validation", "/pickup_at")
	s.call(alice, "PATCH", path, `{"pickup_at":null}`, "If-Match: *").want(200)
}

// What a 201 has promised is there for the next read, before the ledger has posted anything.
func TestACustomerIsThereAtOnce(t *testing.T) {
	s := open(t)
	const fresh = `{"id":"alice","name":"","email":"","notify":false,"credit_limit":10000,"balance":0,"orders":0,"spent":0,"last_order_at":null,"alert":{"armed":true,"crossings":0},"version":0}`
	if a := s.call(alice, "GET", "/customers/alice", "").want(200); string(a.body) != fresh {
		t.Errorf("a fresh customer reads %s", a.body)
	}
	if a := s.call(alice, "GET", "/customers/alice/payments", "").want(200); string(a.body) != `{"payments":[]}` {
		t.Errorf("a fresh customer's payments: %s", a.body)
	}
	if a := s.call(alice, "GET", "/orders", "").want(200); string(a.body) != `{"orders":[]}` {
		t.Errorf("a fresh customer's orders: %s", a.body)
	}
	s.call(sam, "GET", "/customers/alice", "").wantProblem(404, "not-found")
	s.call(sam, "GET", "/customers/alice/payments", "").wantProblem(404, "not-found")
	s.call(bob, "GET", "/customers/alice", "").wantProblem(404, "not-found")
	if n := s.stored("C#"); n != 0 {
		t.Errorf("reading stored %d items", n)
	}

	id := s.call(alice, "POST", "/orders", latte).want(201).get("id")
	if a := s.call(sam, "GET", "/customers/alice", "").want(200); string(a.body) != fresh {
		t.Errorf("named by an order: %s", a.body)
	}
	s.call(sam, "GET", "/customers/alice/payments", "").want(200)
	s.call(sam, "DELETE", "/orders/"+id, "").want(204)
	s.call(sam, "GET", "/customers/alice", "").wantProblem(404, "not-found")

	paid := s.call(sam, "POST", "/customers/bob/payments", `{"amount":100}`).want(201).get("id")
	s.call(sam, "GET", "/customers/bob", "").want(200)
	if a := s.call(sam, "GET", "/customers/bob/payments", "").want(200); !strings.Contains(string(a.body), paid) {
		t.Errorf("named by a payment: %s", a.body)
	}
	s.call(sam, "POST", "/orders", latte).want(201)
	s.call(sam, "GET", "/customers/walk-in", "").wantProblem(404, "not-found")

	// Who was erased is there again with their next order, and not before.
	s.call(sam, "PUT", "/customers/carol", `{"name":"Carol"}`).want(201)
	s.call(olivia, "DELETE", "/customers/carol", "").want(204)
	s.call(sam, "GET", "/customers/carol", "").wantProblem(404, "not-found")
	s.call("customer carol", "GET", "/customers/carol", "").wantProblem(404, "not-found")
	s.call("customer carol", "POST", "/orders", latte).want(201)
	if a := s.call(sam, "GET", "/customers/carol", "").want(200); a.get("name") != "" {
		t.Errorf("she is there again as %s", a.body)
	}
}

func TestAnswersAreKeptByNobodyAndTakenForNothingElse(t *testing.T) {
	s := open(t)
	id := s.call(alice, "POST", "/orders", latte).want(201).get("id")
	s.call(sam, "PUT", "/customers/alice", `{"name":"Alice"}`).want(201)
	for path, kept := range map[string]bool{
		"/health": true, "/openapi.json": true, "/docs": true, "/menu": true, "/menu/tea": true,
		"/orders": false, "/orders/" + id: false, "/customers/alice": false, "/customers/alice/payments": false, "/stock": false,
		"/reports/2017-03-18": false, "/nothing": false, "/orders/nothing": false,
	} {
		for _, method := range []string{"GET", "HEAD", "TRACE"} {
			a := s.call(olivia, method, path, "")
			if got := a.header.Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("%s %s: X-Content-Type-Options %q", method, path, got)
			}
			if got := a.header.Get("Cache-Control") != "no-store"; got != (kept && method != "TRACE") {
				t.Errorf("%s %s: Cache-Control %q", method, path, a.header.Get("Cache-Control"))
			}
		}
	}
	tag := s.call(alice, "GET", "/orders/"+id, "").header.Get("ETag")
	if a := s.call(alice, "GET", "/orders/"+id, "", "If-None-Match: "+tag).want(304); a.header.Get("Cache-Control") != "no-store" {
		t.Error("304 may be stored")
	}
}

func TestEveryAnswerCarriesCORS(t *testing.T) {
	s := open(t)
	for _, origin := range testOrigins {
		for path, status := range map[string]int{"/menu": 200, "/orders": 401, "/nothing": 404, "/stock?x=1": 401, "/uploads/imports/x": 404} {
			a := s.call(nobody, "GET", path, "", "Origin: "+origin).want(status)
			if a.header.Get("Access-Control-Allow-Origin") != origin || a.header.Get("Vary") != "Origin" {
				t.Errorf("GET %s from %s: %v", path, origin, a.header)
			}
		}
	}
	if a := s.call(nobody, "GET", "/menu", ""); a.header.Get("Vary") != "Origin" || a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("without an origin: %v", a.header)
	}
}

func TestMustTagsSayTheModelsRanges(t *testing.T) {
	s := open(t)
	for body, want := range map[string]string{
		`{"name":"x","price":"1"}`: "a whole number from 0 to " + strconv.FormatInt(int64(model.MaxPrice), 10),
	} {
		if a := s.call(sam, "PUT", "/menu/x", body).want(422); !strings.Contains(string(a.body), want) {
			t.Errorf("%s: %s", body, a.body)
		}
	}
	for path, want := range map[string]string{
		"/stock/cake":      "a whole number from 0 to " + strconv.Itoa(model.MaxStock),
		"/customers/alice": "a whole number from 0 to " + strconv.FormatInt(int64(model.MaxAmount), 10),
	} {
		if a := s.call(sam, "PUT", path, `{"on_hand":"1","credit_limit":"1"}`).want(422); !strings.Contains(string(a.body), want) {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	if a := s.call(sam, "POST", "/orders", `{"lines":[{"quantity":"1"}]}`).want(422); !strings.Contains(string(a.body), "from 1 to "+strconv.Itoa(model.MaxQuantity)) {
		t.Errorf("%s", a.body)
	}
}
