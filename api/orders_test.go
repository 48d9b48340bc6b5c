package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"cafe/internal/table"
	"cafe/internal/table/tabletest"
)

const latte = `{"lines":[{"sku":"latte","quantity":2,"options":["oat"],"note":"extra hot"}]}`

func TestPlacingAnOrder(t *testing.T) {
	s := open(t)
	a := s.call(alice, "POST", "/orders", latte).want(201)
	var o struct {
		ID, CustomerID, Payment, Status, Currency, BusinessDay string
		Version, Total                                         int64
	}
	a.json(&o)
	if o.Total != 2*(350+40) || o.Status != "placed" || o.Version != 1 || o.Currency != "GBP" ||
		a.get("customer_id") != "alice" || a.get("payment") != "account" || a.get("pickup_at") != "null" {
		t.Errorf("order %s", a.body)
	}
	if a.header.Get("Location") != "/orders/"+o.ID || a.header.Get("ETag") != `"1"` || a.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("headers %v", a.header)
	}
	got := s.call(alice, "GET", "/orders/"+o.ID, "").want(200)
	if !bytes.Equal(got.body, a.body) || got.header.Get("ETag") != `"1"` {
		t.Errorf("read back %s, placed %s", got.body, a.body)
	}
	if head := s.call(alice, "HEAD", "/orders/"+o.ID, "").want(200); len(head.body) != 0 || head.header.Get("ETag") != `"1"` {
		t.Errorf("HEAD answered %q, %v", head.body, head.header)
	}
}

func TestWhoOrdersForWhom(t *testing.T) {
	s := open(t)
	line := `"lines":[{"sku":"tea","quantity":1}]`
	for _, c := range []struct {
		who, body         string
		status            int
		customer, payment string
	}{
		{alice, `{` + line + `}`, 201, "alice", "account"},
		{alice, `{"customer_id":"alice","payment":"counter",` + line + `}`, 201, "alice", "counter"},
		{alice, `{"customer_id":"bob",` + line + `}`, 403, "", ""},
		{alice, `{"customer_id":"walk-in",` + line + `}`, 403, "", ""},
		{sam, `{` + line + `}`, 201, "walk-in", "counter"},
		{sam, `{"customer_id":"walk-in",` + line + `}`, 201, "walk-in", "counter"},
		{sam, `{"customer_id":"bob",` + line + `}`, 201, "bob", "account"},
		{olivia, `{"customer_id":"bob","payment":"counter",` + line + `}`, 201, "bob", "counter"},
		{sam, `{"payment":"account",` + line + `}`, 422, "", ""},
	} {
		a := s.call(c.who, "POST", "/orders", c.body).want(c.status)
		if c.status == 201 && (a.get("customer_id") != c.customer || a.get("payment") != c.payment) {
			t.Errorf("%s sent %s: %s", c.who, c.body, a.body)
		}
	}
}

// Cases 37 and 38 in docs/reliability.md, and all of "Order request" in the contract.
// Nothing is stored, no stock is taken, and the answer names the field.
func TestBadOrdersAreRefusedByField(t *testing.T) {
	s := open(t)
	line := func(members string) string { return `{"lines":[{` + members + `}]}` }
	deep := strings.Repeat(`[`, 10_000) + strings.Repeat(`]`, 10_000)
	for _, c := range []struct {
		name, body string
		status     int
		kind       string
		fields     []string
	}{
		{"no body", ``, 400, "malformed-request", nil},
		{"not JSON", `lines`, 400, "malformed-request", []string{""}},
		{"cut short", `{"lines":[`, 400, "malformed-request", []string{"/lines"}},
		{"trailing data", latte + ` {}`, 400, "malformed-request", []string{""}},
		{"trailing comma", `{"lines":[{"sku":"tea","quantity":1},]}`, 400, "malformed-request", []string{"/lines"}},
		{"duplicate key", line(`"sku":"tea","quantity":1,"quantity":2`), 400, "malformed-request", []string{"/lines/0/quantity"}},
		{"invalid UTF-8", line("\"sku\":\"tea\",\"quantity\":1,\"note\":\"\xff\""), 400, "malformed-request", []string{"/lines/0/note"}},
		{"lone surrogate", line(`"sku":"tea","quantity":1,"note":"\ud800"`), 400, "malformed-request", []string{"/lines/0/note"}},
		{"10,000 levels of nesting", `{"lines":` + deep + `}`, 422, "validation", []string{"/lines/0"}},
		{"10,000 levels in an unknown field", `{"x":` + deep + `}`, 422, "validation", []string{"/x"}},
		{"an array", `[]`, 422, "validation", []string{""}},
		{"null", `null`, 422, "validation", []string{""}},
		{"empty object", `{}`, 422, "validation", []string{"/lines"}},
		{"unknown field", `{"lines":[{"sku":"tea","quantity":1}],"total":1}`, 422, "validation", []string{"/total"}},
		{"a price of one's own", line(`"sku":"tea","quantity":1,"unit_price":1`), 422, "validation", []string{"/lines/0/unit_price"}},
		{"another case", `{"Lines":[{"sku":"tea","quantity":1}]}`, 422, "validation", []string{"/Lines", "/lines"}},
		{"null lines", `{"lines":null}`, 422, "validation", []string{"/lines"}},
		{"a null line", `{"lines":[null]}`, 422, "validation", []string{"/lines/0/sku", "/lines/0/quantity"}},
		{"no lines", `{"lines":[]}`, 422, "validation", []string{"/lines"}},
		{"51 lines", `{"lines":[` + strings.Repeat(`{"sku":"tea","quantity":1},`, 50) + `{"sku":"tea","quantity":1}]}`, 422, "validation", []string{"/lines"}},
		{"no quantity", line(`"sku":"tea"`), 422, "validation", []string{"/lines/0/quantity"}},
		{"null quantity", line(`"sku":"tea","quantity":null`), 422, "validation", []string{"/lines/0/quantity"}},
		{"quantity 0", line(`"sku":"tea","quantity":0`), 422, "validation", []string{"/lines/0/quantity"}},
		{"quantity -1", line(`"sku":"tea","quantity":-1`), 422, "validation", []string{"/lines/0/quantity"}},
		{"quantity 101", line(`"sku":"tea","quantity":101`), 422, "validation", []string{"/lines/0/quantity"}},
		{"quantity 1.0", line(`"sku":"tea","quantity":1.0`), 422, "validation", []string{"/lines/0/quantity"}},
		{"quantity 1e3", line(`"sku":"tea","quantity":1e3`), 422, "validation", []string{"/lines/0/quantity"}},
		{"quantity 2^63", line(`"sku":"tea","quantity":9223372036854775808`), 422, "validation", []string{"/lines/0/quantity"}},
		{"quantity NaN", line(`"sku":"tea","quantity":NaN`), 400, "malformed-request", []string{"/lines/0/quantity"}},
		{"quantity in a string", line(`"sku":"tea","quantity":"1"`), 422, "validation", []string{"/lines/0/quantity"}},
		{"sku a number", line(`"sku":1,"quantity":1`), 422, "validation", []string{"/lines/0/sku"}},
		{"sku with a NUL", line(`"sku":"te\u0000a","quantity":1`), 422, "validation", []string{"/lines/0/sku"}},
		{"sku unknown", line(`"sku":"gold","quantity":1`), 422, "validation", []string{"/lines/0/sku"}},
		{"sku inactive", line(`"sku":"soup","quantity":1`), 422, "validation", []string{"/lines/0/sku"}},
		{"option unknown", line(`"sku":"tea","quantity":1,"options":["oat"]`), 422, "validation", []string{"/lines/0/options/0"}},
		{"option twice", line(`"sku":"latte","quantity":1,"options":["oat","oat"]`), 422, "validation", []string{"/lines/0/options/1"}},
		{"null option", line(`"sku":"latte","quantity":1,"options":[null]`), 422, "validation", []string{"/lines/0/options/0"}},
		{"null note", `{"lines":[{"sku":"tea","quantity":1}],"note":null}`, 422, "validation", []string{"/note"}},
		{"long note", `{"lines":[{"sku":"tea","quantity":1}],"note":"` + strings.Repeat("n", 501) + `"}`, 422, "validation", []string{"/note"}},
		{"payment unknown", `{"payment":"barter","lines":[{"sku":"tea","quantity":1}]}`, 422, "validation", []string{"/payment"}},
		{"payment empty", `{"payment":"","lines":[{"sku":"tea","quantity":1}]}`, 422, "validation", []string{"/payment"}},
		{"customer id empty", `{"customer_id":"","lines":[{"sku":"tea","quantity":1}]}`, 422, "validation", []string{"/customer_id"}},
		{"customer id with a slash", `{"customer_id":"a/b","lines":[{"sku":"tea","quantity":1}]}`, 422, "validation", []string{"/customer_id"}},
		{"pick-up time", `{"lines":[{"sku":"tea","quantity":1}],"pickup_at":"tomorrow"}`, 422, "validation", []string{"/pickup_at"}},
		{"null payment", `{"payment":null,"lines":[{"sku":"tea","quantity":1}]}`, 422, "validation", []string{"/payment"}},
		{"null customer id", `{"customer_id":null,"lines":[{"sku":"tea","quantity":1}]}`, 422, "validation", []string{"/customer_id"}},
		{"pick-up at an hour of one digit", `{"lines":[{"sku":"tea","quantity":1}],"pickup_at":"2026-11-24T9:00:00Z"}`, 422, "validation", []string{"/pickup_at"}},
		{"pick-up in small letters", `{"lines":[{"sku":"tea","quantity":1}],"pickup_at":"2026-11-24t09:00:00z"}`, 422, "validation", []string{"/pickup_at"}},
		{"pick-up with a comma", `{"lines":[{"sku":"tea","quantity":1}],"pickup_at":"2026-11-24T09:00:00,5Z"}`, 422, "validation", []string{"/pickup_at"}},
		{"pick-up in a zone that is none", `{"lines":[{"sku":"tea","quantity":1}],"pickup_at":"2026-11-24T09:00:00+24:00"}`, 422, "validation", []string{"/pickup_at"}},
		{"pick-up before computers", `{"lines":[{"sku":"tea","quantity":1}],"pickup_at":"1969-11-24T09:00:00Z"}`, 422, "validation", []string{"/pickup_at"}},
		{"two faults", `{"lines":[{"sku":"tea","quantity":0},{"sku":"","quantity":1}]}`, 422, "validation", []string{"/lines/0/quantity", "/lines/1/sku"}},
		{"more than there is", line(`"sku":"cake","quantity":11`), 409, "out-of-stock", []string{"/lines/0"}},
		{"more than there is, in two lines", `{"lines":[{"sku":"tea","quantity":1},{"sku":"cake","quantity":6},{"sku":"cake","quantity":6}]}`, 409, "out-of-stock", []string{"/lines/1", "/lines/2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &service{T: t, cafe: s.cafe, front: s.front, issuer: s.issuer, faults: s.faults}
			for _, key := range []string{"", "Idempotency-Key: k-" + strings.ReplaceAll(c.name, " ", "-")} {
				headers := slices.DeleteFunc([]string{key}, func(h string) bool { return h == "" || strings.ContainsAny(h, "^") })
				s.call(sam, "POST", "/orders", c.body, headers...).wantProblem(c.status, c.kind, c.fields...)
			}
		})
	}
	if n := s.stored("O#"); n != 0 {
		t.Errorf("%d orders were stored", n)
	}
	if got := s.call(sam, "GET", "/stock", "").get("stock"); !strings.Contains(got, `"on_hand":10`) {
		t.Errorf("stock was taken: %s", got)
	}
}

// Case 39 in docs/reliability.md.
func TestABodyOverTheLimitIs413(t *testing.T) {
	s := open(t)
	pad := func(n int) string { return latte + strings.Repeat(" ", n-len(latte)) }
	s.call(alice, "POST", "/orders", pad(256<<10)).want(201)
	s.call(alice, "POST", "/orders", pad(256<<10+1)).wantProblem(413, "body-too-large")

	s.faults.Set(tabletest.Always(tabletest.Fault{Before: table.ErrTooLarge}))
	if a := s.call(alice, "POST", "/orders", latte).wantProblem(413, "body-too-large"); strings.Contains(string(a.body), "262144") {
		t.Errorf("a small body is refused with %s", a.body)
	}
}

func TestTheLargestOrderFits(t *testing.T) {
	s := open(t)
	options := make([]string, 20)
	ids := make([]string, 20)
	name := strings.Repeat("é", 100)
	for i := range options {
		ids[i] = fmt.Sprintf(`"%s%02d"`, strings.Repeat("o", 62), i)
		options[i] = fmt.Sprintf(`{"id":%s,"name":"%s","price":100000000}`, ids[i], name)
	}
	sku := strings.Repeat("s", 64)
	s.call(sam, "PUT", "/menu/"+sku, `{"name":"`+name+`","price":100000000,"options":[`+strings.Join(options, ",")+`]}`).want(201)
	line := fmt.Sprintf(`{"sku":"%s","quantity":100,"options":[%s],"note":"%s"}`, sku, strings.Join(ids, ","), strings.Repeat("ü", 500))
	body := `{"lines":[` + strings.Repeat(line+",", 49) + line + `]}`
	a := s.call(alice, "POST", "/orders", body)
	a.want(201)
	if got := s.call(alice, "GET", "/orders/"+a.get("id"), "").want(200); !bytes.Equal(got.body, a.body) {
		t.Error("the largest order is not read back as it was placed")
	}
}

func TestMediaTypes(t *testing.T) {
	s := open(t)
	send := func(contentType, encoding string) answer {
		r := []string{}
		if encoding != "" {
			r = append(r, "Content-Encoding: "+encoding)
		}
		return s.callAs(alice, "POST", "/orders", latte, contentType, r...)
	}
	send("application/json; charset=UTF-8", "").want(201)
	send("", "").want(201)
	send("text/plain", "").wantProblem(415, "unsupported-media-type")
	send("application/json; charset=latin1", "").wantProblem(415, "unsupported-media-type")
	send("application/json", "gzip").wantProblem(415, "unsupported-media-type")
}

// Cases 1 to 8 in docs/reliability.md, over HTTP.
func TestIdempotency(t *testing.T) {
	t.Run("64 concurrent posts with one key are one order", func(t *testing.T) {
		s := open(t)
		body := `{"lines":[{"sku":"cake","quantity":1}]}`
		answers := make([]answer, 64)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = s.call(sam, "POST", "/orders", body, "Idempotency-Key: one") })
		}
		all.Wait()
		fresh := 0
		for _, a := range answers {
			a.want(201)
			if a.header.Get("Idempotent-Replayed") == "" {
				fresh++
			}
			if !bytes.Equal(a.body, answers[0].body) {
				t.Errorf("two answers: %s and %s", a.body, answers[0].body)
			}
		}
		if fresh != 1 || s.stored("O#") != 1 {
			t.Errorf("%d placed, %d stored", fresh, s.stored("O#"))
		}
		if got := s.call(sam, "GET", "/stock", "").get("stock"); !strings.Contains(got, `"on_hand":9`) {
			t.Errorf("stock %s", got)
		}
	})
	t.Run("the same key with another body is refused", func(t *testing.T) {
		s := open(t)
		s.call(alice, "POST", "/orders", latte, "Idempotency-Key: k").want(201)
		s.call(alice, "POST", "/orders", strings.Replace(latte, "2", "3", 1), "Idempotency-Key: k").wantProblem(422, "idempotency-key-reused")
		if s.stored("O#") != 1 {
			t.Error("a second order was stored")
		}
	})
	t.Run("order of fields and white space do not make another body", func(t *testing.T) {
		s := open(t)
		s.call(alice, "POST", "/orders", `{"note":"n","lines":[{"sku":"tea","quantity":1}]}`, "Idempotency-Key: k").want(201)
		again := s.call(alice, "POST", "/orders", ` { "lines" : [ { "quantity":1, "sku":"te\u0061" } ] , "note":"n" } `, "Idempotency-Key: k").want(201)
		if again.header.Get("Idempotent-Replayed") != "true" {
			t.Error("not taken for the same")
		}
	})
	t.Run("two callers with one key place two orders", func(t *testing.T) {
		s := open(t)
		one := s.call(alice, "POST", "/orders", latte, "Idempotency-Key: k").want(201)
		other := s.call(bob, "POST", "/orders", latte, "Idempotency-Key: k").want(201)
		if one.get("id") == other.get("id") || other.header.Get("Idempotent-Replayed") != "" {
			t.Error("the other caller's order was answered")
		}
	})
	t.Run("stored and answer lost, then sent again", func(t *testing.T) {
		s := open(t)
		s.faults.Set(func(c tabletest.Call) tabletest.Fault {
			if c.Method == "Write" {
				return tabletest.Fault{After: table.ErrUnavailable}
			}
			return tabletest.Fault{}
		})
		a := s.call(alice, "POST", "/orders", latte, "Idempotency-Key: k").wantProblem(503, "unavailable")
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		s.faults.Set(nil)
		s.call(alice, "POST", "/orders", latte, "Idempotency-Key: k").want(201)
		if s.stored("O#") != 1 {
			t.Errorf("%d orders stored", s.stored("O#"))
		}
	})
	t.Run("a refused request does not use up its key", func(t *testing.T) {
		s := open(t)
		s.call(alice, "POST", "/orders", `{"lines":[{"sku":"cake","quantity":11}]}`, "Idempotency-Key: k").wantProblem(409, "out-of-stock", "/lines/0")
		s.call(alice, "POST", "/orders", latte, "Idempotency-Key: k").want(201)
	})
	t.Run("a repeat is answered though it would be refused today", func(t *testing.T) {
		s := open(t)
		body := `{"lines":[{"sku":"cake","quantity":10},{"sku":"tea","quantity":1}]}`
		first := s.call(alice, "POST", "/orders", body, "Idempotency-Key: k").want(201)
		again := func(why string) {
			t.Helper()
			a := s.call(alice, "POST", "/orders", body, "Idempotency-Key: k").want(201)
			if a.get("id") != first.get("id") || a.get("total") != first.get("total") || a.header.Get("Idempotent-Replayed") != "true" {
				t.Errorf("%s: %s", why, a.body)
			}
		}
		again("the shelf is empty")
		s.call(sam, "PUT", "/menu/tea", `{"name":"Tea","price":999}`).want(200)
		again("the price changed")
		s.call(olivia, "DELETE", "/menu/tea", "").want(204)
		again("the item is retired")
		s.call(sam, "DELETE", "/orders/"+first.get("id"), "").want(204)
		again("the order was deleted")
	})
	t.Run("the header's form", func(t *testing.T) {
		s := open(t)
		s.call(alice, "POST", "/orders", latte).want(201)
		for name, headers := range map[string][]string{
			"empty":     {"Idempotency-Key: "},
			"256 bytes": {"Idempotency-Key: " + strings.Repeat("k", 256)},
			"300 bytes": {"Idempotency-Key: " + strings.Repeat("k", 300)},
			"repeated":  {"Idempotency-Key: a", "Idempotency-Key: a"},
			"a tab":     {"Idempotency-Key: a\tb"},
			"not ASCII": {"Idempotency-Key: clé"},
		} {
			t.Run(name, func(t *testing.T) {
				s := &service{T: t, front: s.front, issuer: s.issuer}
				s.call(alice, "POST", "/orders", latte, headers...).wantProblem(400, "malformed-request", "Idempotency-Key")
			})
		}
		s.call(alice, "POST", "/orders", latte, "Idempotency-Key: "+strings.Repeat("k", 255)).want(201)
		s.call(alice, "POST", "/orders", latte, "Idempotency-Key: a b~!").want(201)
		if n := s.stored("O#"); n != 3 {
			t.Errorf("%d orders stored", n)
		}
	})
}

func TestAmending(t *testing.T) {
	s := open(t)
	placed := s.call(alice, "POST", "/orders", latte).want(201)
	path := "/orders/" + placed.get("id")
	s.call(alice, "PATCH", path, `{"note":"n"}`).wantProblem(428, "precondition-required")
	s.call(alice, "PATCH", path, `{"note":"n"}`, `If-Match: "7"`).wantProblem(412, "precondition-failed")
	s.call(alice, "PATCH", path, `{"note":"n"}`, `If-Match: W/"1"`).wantProblem(412, "precondition-failed")
	s.call(bob, "PATCH", path, `{"note":"n"}`, `If-Match: "1"`).wantProblem(404, "not-found")
	a := s.callAs(alice, "PATCH", path, `{"note":"n","pickup_at":"2026-12-24T09:30:00+01:00"}`, "application/merge-patch+json", `If-Match: "0", "1"`).want(200)
	if a.header.Get("ETag") != `"2"` || a.get("note") != "n" || a.get("pickup_at") != "2026-12-24T08:30:00.000000Z" || a.get("total") != "780" {
		t.Errorf("amended: %s", a.body)
	}
	a = s.call(alice, "PATCH", path, `{"lines":[{"sku":"cake","quantity":4}],"pickup_at":null,"note":null}`, `If-Match: *`).want(200)
	if a.get("total") != "1360" || a.get("pickup_at") != "null" || a.get("note") != "" {
		t.Errorf("amended: %s", a.body)
	}
	s.call(alice, "PATCH", path, `{"lines":[{"sku":"cake","quantity":11}]}`, `If-Match: "3"`).wantProblem(409, "out-of-stock", "/lines/0")
	s.call(alice, "PATCH", path, `{"lines":[{"sku":"cake","quantity":10}]}`, `If-Match: "3"`).want(200)
	if got := s.call(sam, "GET", "/stock", "").get("stock"); !strings.Contains(got, `"on_hand":0`) {
		t.Errorf("stock %s", got)
	}
	for body, field := range map[string]string{
		`{"lines":null}`: "/lines", `{"lines":[]}`: "/lines", `{"status":"ready"}`: "/status", `{"note":7}`: "/note",
		`{"pickup_at":"soon"}`: "/pickup_at", `{"lines":[{"sku":"gold","quantity":1}]}`: "/lines/0/sku",
	} {
		s.call(alice, "PATCH", path, body, `If-Match: "4"`).wantProblem(422, "validation", field)
	}
	if a := s.call(alice, "PATCH", path, `{}`, `If-Match: "4"`).want(200); a.header.Get("ETag") != `"4"` {
		t.Error("an empty patch made a new version")
	}
	s.call(sam, "PUT", path+"/status", `{"status":"preparing"}`).want(200)
	s.call(alice, "PATCH", path, `{"note":"late"}`, `If-Match: "5"`).wantProblem(409, "not-amendable")
}

// Case 10 in docs/reliability.md.
func TestConcurrentAmendmentsWithOneETag(t *testing.T) {
	s := open(t)
	path := "/orders/" + s.call(alice, "POST", "/orders", latte).want(201).get("id")
	statuses := make([]int, 16)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() {
			statuses[i] = s.call(alice, "PATCH", path, fmt.Sprintf(`{"note":"%d"}`, i), `If-Match: "1"`).status
		})
	}
	all.Wait()
	slices.Sort(statuses)
	want := slices.Concat([]int{200}, slices.Repeat([]int{412}, 15))
	if !slices.Equal(statuses, want) {
		t.Errorf("answers %v", statuses)
	}
}

func TestAdvancing(t *testing.T) {
	s := open(t)
	path := "/orders/" + s.call(alice, "POST", "/orders", `{"lines":[{"sku":"cake","quantity":3}]}`).want(201).get("id")
	move := func(who, to string, headers ...string) answer {
		return s.call(who, "PUT", path+"/status", `{"status":"`+to+`"}`, headers...)
	}
	move(alice, "ready").wantProblem(403, "forbidden")
	move(sam, "refunded").wantProblem(403, "forbidden")
	move(sam, "ready").wantProblem(409, "illegal-transition")
	move(sam, "preparing", `If-Match: "9"`).wantProblem(412, "precondition-failed")
	move(sam, "preparing", `If-Match: "1"`).want(200)
	if a := move(sam, "preparing").want(200); a.header.Get("ETag") != `"2"` {
		t.Error("the same status again made a new version")
	}
	move(alice, "cancelled").wantProblem(409, "illegal-transition")
	move(sam, "gone").wantProblem(422, "validation", "/status")
	move(sam, "cancelled").want(200)
	if got := s.call(sam, "GET", "/stock", "").get("stock"); !strings.Contains(got, `"on_hand":10`) {
		t.Errorf("cancelled before ready, stock %s", got)
	}
	move(sam, "preparing").wantProblem(409, "illegal-transition")
	move(bob, "cancelled").wantProblem(404, "not-found")
	s.call(sam, "PUT", path+"/status", `{}`).wantProblem(422, "validation", "/status")
}

func TestDeletedOrdersAreGone(t *testing.T) {
	s := open(t)
	id := s.call(alice, "POST", "/orders", `{"lines":[{"sku":"cake","quantity":3}]}`, "Idempotency-Key: k").want(201).get("id")
	s.call(alice, "DELETE", "/orders/"+id, "").wantProblem(403, "forbidden")
	s.call(sam, "DELETE", "/orders/"+id, "").want(204)
	for _, who := range []string{alice, sam, olivia} {
		s.call(who, "GET", "/orders/"+id, "").wantProblem(404, "not-found")
		s.call(who, "DELETE", "/orders/"+id, "").want(map[bool]int{true: 403, false: 404}[who == alice])
		if got := s.call(who, "GET", "/orders", "").get("orders"); got != "[]" {
			t.Errorf("%s still lists %s", who, got)
		}
	}
	s.call(sam, "PUT", "/orders/"+id+"/status", `{"status":"ready"}`).wantProblem(404, "not-found")
	if got := s.call(sam, "GET", "/stock", "").get("stock"); !strings.Contains(got, `"on_hand":10`) {
		t.Errorf("stock %s", got)
	}
}

func TestConditionalReads(t *testing.T) {
	s := open(t)
	id := s.call(alice, "POST", "/orders", latte).want(201).get("id")
	for _, tag := range []string{`"1"`, `W/"1"`, `"0", "1"`, `*`} {
		a := s.call(alice, "GET", "/orders/"+id, "", "If-None-Match: "+tag).want(304)
		if len(a.body) != 0 || a.header.Get("ETag") != `"1"` {
			t.Errorf("If-None-Match %s: %q %v", tag, a.body, a.header)
		}
	}
	s.call(alice, "GET", "/orders/"+id, "", `If-None-Match: "2"`).want(200)
	menu := s.call(nobody, "GET", "/menu", "").want(200)
	s.call(nobody, "GET", "/menu", "", "If-None-Match: "+menu.header.Get("ETag")).want(304)
	item := s.call(nobody, "GET", "/menu/latte", "").want(200)
	s.call(nobody, "GET", "/menu/latte", "", "If-None-Match: "+item.header.Get("ETag")).want(304)
	s.call(sam, "PUT", "/menu/latte", `{"name":"Latte","price":360}`).want(200)
	s.call(nobody, "GET", "/menu", "", "If-None-Match: "+menu.header.Get("ETag")).want(200)
	s.call(nobody, "GET", "/menu/latte", "", "If-None-Match: "+item.header.Get("ETag")).want(200)
}

func TestListing(t *testing.T) {
	s := open(t)
	var placed []string // newest first
	for i := range 12 {
		who := []string{alice, bob, sam}[i%3]
		placed = append([]string{s.call(who, "POST", "/orders", latte).want(201).get("id")}, placed...)
	}
	ids := func(who, query string) (all []string) {
		cursor := ""
		for {
			a := s.call(who, "GET", "/orders?"+query+cursor, "").want(200)
			var page struct {
				Orders     []struct{ ID string }
				NextCursor *string `json:"next_cursor"`
			}
			a.json(&page)
			for _, o := range page.Orders {
				all = append(all, o.ID)
			}
			if page.NextCursor == nil {
				return all
			}
			cursor = "&cursor=" + *page.NextCursor
		}
	}
	for _, limit := range []string{"1", "5", "12", "100"} {
		if got := ids(sam, "limit="+limit); !slices.Equal(got, placed) {
			t.Errorf("limit %s: %v, want %v", limit, got, placed)
		}
	}
	if got := ids(alice, "limit=2"); len(got) != 4 {
		t.Errorf("alice sees %d orders", len(got))
	}
	if got := ids(sam, "limit=3&customer_id=bob&status=placed"); len(got) != 4 {
		t.Errorf("bob has %d orders", len(got))
	}
	if got := ids(sam, "limit=1&customer_id=walk-in"); len(got) != 4 {
		t.Errorf("%d walk-ins", len(got))
	}
	day := s.call(alice, "GET", "/orders/"+ids(alice, "limit=1")[0], "").get("business_day")
	if got := ids(sam, "limit=7&day="+day); len(got) != 12 {
		t.Errorf("%d orders on %s", len(got), day)
	}
	for i, id := range placed {
		if i%4 == 1 {
			s.call(sam, "PUT", "/orders/"+id+"/status", `{"status":"preparing"}`).want(200)
		} else if i%4 == 2 {
			s.call(sam, "PUT", "/orders/"+id+"/status", `{"status":"cancelled"}`).want(200)
		}
	}
	var waiting []string
	for i, id := range placed {
		if i%4 != 2 {
			waiting = append(waiting, id)
		}
	}
	if got := ids(sam, "limit=2&status=placed,preparing"); !slices.Equal(got, waiting) {
		t.Errorf("placed or preparing: %v, want %v", got, waiting)
	}
	if got := ids(sam, "limit=2&sort=newest&status=preparing,placed,placed"); !slices.Equal(got, waiting) {
		t.Errorf("the same, newest first: %v, want %v", got, waiting)
	}
	slices.Reverse(waiting)
	if got := ids(sam, "limit=2&sort=oldest&status=placed,preparing&day="+day); !slices.Equal(got, waiting) {
		t.Errorf("oldest first: %v, want %v", got, waiting)
	}
	if got := ids(sam, "day=2001-01-01&status=ready"); len(got) != 0 {
		t.Errorf("%d orders in 2001", len(got))
	}
	s.call(alice, "GET", "/orders?customer_id=bob", "").wantProblem(403, "forbidden")
	for query, field := range map[string]string{
		"limit=0": "limit", "limit=101": "limit", "limit=x": "limit", "limit=+5": "limit", "limit=": "limit", "day=2017-02-29": "day",
		"status=gone": "status", "status=": "status", "status=placed,": "status", "status=placed,gone": "status", "status=placed%20": "status",
		"sort=": "sort", "sort=asc": "sort", "order=oldest": "order", "colour=red&limit=1": "colour", "customer_id=a%20b": "customer_id", "limit=1&limit=2": "limit", "cursor=abc": "cursor", "cursor=": "cursor",
	} {
		s.call(sam, "GET", "/orders?"+query, "").wantProblem(400, "malformed-request", field)
	}
	s.call(sam, "GET", "/orders?limit=%zz", "").wantProblem(400, "malformed-request")
}

// Case 41 in docs/reliability.md.
func TestCursorsAreBoundAndTamperProof(t *testing.T) {
	s := open(t)
	for range 3 {
		s.call(alice, "POST", "/orders", latte).want(201)
	}
	cursor := s.call(alice, "GET", "/orders?limit=1&status=placed", "").want(200).get("next_cursor")
	next := func(who, query, cursor string) answer {
		return s.call(who, "GET", "/orders?limit=1"+query+"&cursor="+cursor, "")
	}
	next(alice, "&status=placed", cursor).want(200)
	s.call(alice, "GET", "/orders?limit=2&status=placed&cursor="+cursor, "").want(200)
	for i := range cursor {
		for _, bit := range []byte{1, 4, 32} {
			flipped := []byte(cursor)
			flipped[i] ^= bit
			if strings.ContainsAny(string(flipped[i]), "%&#+ ;") || flipped[i] < '!' || flipped[i] > '~' {
				continue
			}
			next(alice, "&status=placed", string(flipped)).wantProblem(400, "malformed-request", "cursor")
		}
	}
	next(bob, "&status=placed", cursor).wantProblem(400, "malformed-request", "cursor")
	next(sam, "&status=placed&customer_id=alice", cursor).wantProblem(400, "malformed-request", "cursor")
	next(alice, "", cursor).wantProblem(400, "malformed-request", "cursor")
	next(alice, "&status=placed", cursor[:len(cursor)-4]).wantProblem(400, "malformed-request", "cursor")
	next(alice, "&status=placed", cursor+"AAAA").wantProblem(400, "malformed-request", "cursor")
	s.call(alice, "GET", "/customers/alice/payments?cursor="+cursor, "").wantProblem(400, "malformed-request", "cursor")
	s.call(sam, "GET", "/stock?cursor="+cursor, "").wantProblem(400, "malformed-request", "cursor")
}

// Case 28 in docs/reliability.md, the API's half.
func TestThrottledStoreIs503(t *testing.T) {
	s := open(t)
	id := s.call(alice, "POST", "/orders", latte).want(201).get("id")
	for _, cause := range []error{table.ErrThrottled, table.ErrUnavailable} {
		s.faults.Set(tabletest.Always(tabletest.Fault{Before: cause}))
		for _, a := range []answer{
			s.call(alice, "GET", "/orders/"+id, ""), s.call(alice, "GET", "/orders", ""), s.call(sam, "GET", "/customers/alice", ""),
			s.call(alice, "POST", "/orders", latte), s.call(sam, "PUT", "/customers/bob", `{"name":"Bob"}`),
		} {
			if a.wantProblem(503, "unavailable").header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		}
	}
}

func TestNothingInternalLeaks(t *testing.T) {
	s := open(t)
	s.faults.Set(tabletest.Always(tabletest.Fault{Before: fmt.Errorf("dial tcp 10.0.0.1:8000: secret detail in /var/task")}))
	a := s.call(alice, "GET", "/orders/x", "").wantProblem(500, "internal")
	if strings.Contains(string(a.body), "secret") || strings.Contains(string(a.body), "/var") {
		t.Errorf("leaked: %s", a.body)
	}
	var p struct{ Instance string }
	if json.Unmarshal(a.body, &p); p.Instance != "/orders/x" {
		t.Errorf("instance %q", p.Instance)
	}
}
