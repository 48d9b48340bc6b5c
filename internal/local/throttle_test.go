package local

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"cafe/internal/auth"
	"cafe/internal/cafe"
	"cafe/model"
)

var (
	sam   = cafe.Caller{ID: "sam", Role: model.RoleStaff}
	alice = cafe.Caller{ID: "alice", Role: model.RoleCustomer}
	bob   = cafe.Caller{ID: "bob", Role: model.RoleCustomer}
)

func from(address, path string) *http.Request {
	r := httptest.NewRequest("GET", path, nil)
	r.RemoteAddr = address
	return r
}

// granted asks until it is refused, and returns how often it was not.
func granted(t *Throttle, r *http.Request, by cafe.Caller, known bool) (n int) {
	for t.take(r, by, known) == 0 {
		n++
	}
	return n
}

func TestEachKindOfCallerHasABucket(t *testing.T) {
	throttle := NewThrottle(0.001, 100)
	r := from("192.0.2.1:1000", "/orders")
	for _, c := range []struct {
		name string
		r    *http.Request
		by   cafe.Caller
		want int
	}{
		{"a stranger", r, cafe.Caller{}, 10},
		{"the same from another port", from("192.0.2.1:1001", "/orders"), cafe.Caller{}, 0},
		{"another stranger", from("192.0.2.2:1000", "/orders"), cafe.Caller{}, 10},
		{"an IPv6 network", from("[2001:db8::1]:1000", "/orders"), cafe.Caller{}, 10},
		{"the same network", from("[2001:db8::ffff:1]:1000", "/orders"), cafe.Caller{}, 0},
		{"another network", from("[2001:db8:0:1::1]:1000", "/orders"), cafe.Caller{}, 10},
		{"IPv4 in IPv6", from("[::ffff:192.0.2.2]:7", "/orders"), cafe.Caller{}, 0},
		{"alice", r, alice, 10},
		{"alice again", r, alice, 0},
		{"bob", r, bob, 10},
		{"an upload from there", from("192.0.2.1:1000", "/uploads/imports/x"), cafe.Caller{}, 10},
		{"sam", r, sam, 100},
		{"an owner after him", r, cafe.Caller{ID: "olivia", Role: model.RoleOwner}, 0},
	} {
		if got := granted(throttle, c.r, c.by, c.by.ID != ""); got != c.want {
			t.Errorf("%s: %d requests, want %d", c.name, got, c.want)
		}
	}
	if seconds := throttle.take(r, sam, true); seconds != 1000 {
		t.Errorf("sam waits %d seconds", seconds)
	}
	if seconds := throttle.take(r, alice, true); seconds != 10000 {
		t.Errorf("alice waits %d seconds", seconds)
	}
}

func TestAllStrangersTogetherHaveABucketToo(t *testing.T) {
	throttle := NewThrottle(0.001, 100)
	total := 0
	for i := range 50 {
		total += granted(throttle, from("192.0.2."+strconv.Itoa(i)+":1", "/menu"), cafe.Caller{}, false)
	}
	if total != 100 {
		t.Errorf("50 strangers got %d requests", total)
	}
	if n := granted(throttle, from("192.0.2.1:1", "/menu"), alice, true); n != 10 {
		t.Errorf("alice gets %d", n)
	}
}

func TestASmallRateStillLetsEachCallerIn(t *testing.T) {
	throttle := NewThrottle(1, 1)
	for name, by := range map[string]cafe.Caller{"stranger": {}, "alice": alice, "sam": sam} {
		if throttle.take(from("192.0.2.1:1", "/menu"), by, by.ID != "") != 0 {
			t.Errorf("%s is not let in", name)
		}
	}
}

func TestBucketsTakeBoundedMemory(t *testing.T) {
	throttle := NewThrottle(1e9, 1e9)
	for i := range remembered + 500 {
		throttle.take(from(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255), "/menu"), cafe.Caller{}, false)
		throttle.take(from("10.0.0.0:1", "/menu"), cafe.Caller{}, false) // is here all the time
	}
	c := throttle.strangers
	if len(c.buckets) != remembered || c.recent.Len() != remembered {
		t.Errorf("%d buckets, %d in order", len(c.buckets), c.recent.Len())
	}
	if c.buckets["10.0.0.0"] == nil || c.buckets["10.0.0.5"] != nil {
		t.Error("others were forgotten than those that were away longest")
	}
}

func TestAStrangersFloodDoesNotLockTheTillOut(t *testing.T) {
	issuer, err := auth.OpenIssuer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := issuer.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	router := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if by, _ := cafe.CallerOf(r.Context()); by.Role == model.RoleStaff {
			w.WriteHeader(http.StatusCreated)
		}
	})
	const page = "https://app.example.com"
	front := Gateway(router, verifier, NewThrottle(0.001, 20), []string{page})
	call := func(token, method, path string, headers ...string) *http.Response {
		r := from("192.0.2.1:1000", path)
		r.Method = method
		r.Header.Set("Origin", page)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		front.ServeHTTP(w, r)
		a := w.Result()
		if a.Header.Get("Access-Control-Allow-Origin") != page || a.Header.Get("X-Request-Id") == "" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: %d with %v", method, path, a.StatusCode, a.Header)
		}
		return a
	}
	staff, err := issuer.Issue(model.RoleStaff, "sam", 1e12)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range 500 {
		token := ""
		if i%2 == 0 {
			token = "forged.by.me"
		}
		path := "/orders"
		if i%3 == 0 {
			path = "/uploads/x"
		}
		if a := call(token, "GET", path); a.StatusCode == 429 {
			refused++
			if a.Header.Get("Retry-After") == "" || a.Header.Get("Content-Type") != "application/problem+json" || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("429 with %v", a.Header)
			}
		}
	}
	if refused != 500-2-2 {
		t.Errorf("%d of 500 were refused", refused)
	}
	for range 20 {
		if a := call(staff, "POST", "/orders"); a.StatusCode != 201 {
			t.Fatalf("the till is answered %d", a.StatusCode)
		}
	}
	for range 100 {
		if a := call("", "GET", "/health"); a.StatusCode != 200 {
			t.Fatalf("/health is answered %d", a.StatusCode)
		}
		if a := call("", "OPTIONS", "/uploads/x", "Access-Control-Request-Method", "PUT"); a.StatusCode != 204 {
			t.Fatalf("a preflight is answered %d", a.StatusCode)
		}
	}
	var nobody *Throttle
	if nobody.take(from("x", "/"), cafe.Caller{}, false) != 0 {
		t.Error("without a throttle somebody is refused")
	}
}
