package post_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"cafe/internal/cafetest"
	"cafe/internal/webhooks"
	"cafe/internal/webhooks/post"
	"cafe/model"
)

var ctx = context.Background()

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// endpoint makes an endpoint at the URL, on this machine.
func endpoint(t *testing.T, url string) (webhooks.Endpoint, string) {
	t.Helper()
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	c.Webhooks.Loopback = true
	e, secret, err := c.Webhooks.Create(ctx, webhooks.Draft{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	return e, secret
}

func event() model.Event {
	return model.NewEvent(model.EventOrderReady, "/orders/abc", 3, time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC), []byte(`{"id":"abc","number":7}`))
}

// resolves returns a resolver that answers with these addresses, one after the other.
func resolves(answers ...string) func(context.Context, string) ([]netip.Addr, error) {
	n := 0
	return func(context.Context, string) (all []netip.Addr, err error) {
		for _, a := range strings.Fields(answers[min(n, len(answers)-1)]) {
			all = append(all, netip.MustParseAddr(a))
		}
		n++
		return all, nil
	}
}

// The library of the standard's authors takes what we send, and refuses what was altered, is
// old, or was signed by somebody else.
func TestDeliveriesAreByTheStandard(t *testing.T) {
	var headers http.Header
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers = r.Header
		body, _ = io.ReadAll(r.Body)
		if r.Method != "POST" || headers.Get("Content-Type") != "application/json" {
			t.Errorf("%s %v", r.Method, headers)
		}
		w.WriteHeader(202)
	}))
	defer server.Close()
	e, secret := endpoint(t, server.URL+"/hook?a=b")
	if o := post.New(post.Options{Loopback: true}).Send(ctx, e, event(), time.Now()); o.Error != "" || o.Status != 202 {
		t.Fatalf("%+v", o)
	}
	theirs, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := theirs.Verify(body, headers); err != nil {
		t.Errorf("refused: %v", err)
	}
	if headers.Get("webhook-id") != event().ID {
		t.Errorf("id %q", headers.Get("webhook-id"))
	}
	var told map[string]any
	if err := json.Unmarshal(body, &told); err != nil || told["id"] != event().ID || told["type"] != "order.ready" {
		t.Errorf("%s", body)
	}
	if theirs.Verify([]byte(strings.Replace(string(body), "abc", "abd", 1)), headers) == nil {
		t.Error("altered, and taken")
	}
	other, _ := standardwebhooks.NewWebhook("whsec_" + strings.Repeat("MfKQ", 8))
	if other.Verify(body, headers) == nil {
		t.Error("signed by somebody else, and taken")
	}
	if o := post.New(post.Options{Loopback: true}).Send(ctx, e, event(), time.Now().Add(-6*time.Minute)); o.Error != "" {
		t.Fatalf("%+v", o)
	}
	if theirs.Verify(body, headers) == nil {
		t.Error("replayed, and taken")
	}
}

func TestOnlyAnswersOf2xxAreSuccess(t *testing.T) {
	followed := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body) // only then does the context end with the connection
		switch r.URL.Path {
		case "/200":
			_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
		case "/204":
			w.WriteHeader(204)
		case "/302":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "/307":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case "/elsewhere":
			followed = true
		case "/410":
			w.WriteHeader(410)
		case "/429":
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(429)
		case "/503":
			w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
			w.WriteHeader(503)
		case "/500":
			http.Error(w, "kanari", 500)
		case "/cut":
			panic(http.ErrAbortHandler)
		case "/slow":
			<-r.Context().Done()
		case "/drip":
			w.WriteHeader(200)
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				time.Sleep(time.Millisecond)
			}
		}
	}))
	defer server.Close()
	client := post.New(post.Options{Loopback: true, Limit: 300 * time.Millisecond})
	for path, want := range map[string]webhooks.Outcome{
		"/200":  {Status: 200},
		"/204":  {Status: 204},
		"/drip": {Status: 200},
		"/302":  {Status: 302, Error: "it answered 302: redirects are not followed"},
		"/307":  {Status: 307, Error: "it answered 307: redirects are not followed"},
		"/410":  {Status: 410, Error: "it answered 410"},
		"/429":  {Status: 429, Error: "it answered 429", RetryAfter: 2 * time.Minute},
		"/503":  {Status: 503, Error: "it answered 503", RetryAfter: time.Hour},
		"/500":  {Status: 500, Error: "it answered 500"},
		"/cut":  {Error: "the connection failed"},
		"/slow": {Error: "it did not answer in time"},
	} {
		e, _ := endpoint(t, server.URL+path)
		got := client.Send(ctx, e, event(), time.Now())
		if got.RetryAfter = got.RetryAfter.Round(time.Minute); got.Took <= 0 {
			t.Errorf("%s took %v", path, got.Took)
		}
		if got.Took = 0; got != want {
			t.Errorf("%s: %+v, want %+v", path, got, want)
		}
	}
	if followed {
		t.Error("a redirect was followed")
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	e, _ := endpoint(t, gone.URL)
	if o := client.Send(ctx, e, event(), time.Now()); o.Error != "the connection failed" {
		t.Errorf("%+v", o)
	}
}

func TestACertificateMustBeGood(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	e, _ := endpoint(t, server.URL)
	if o := post.New(post.Options{Loopback: true}).Send(ctx, e, event(), time.Now()); o.Error != "its certificate is not valid" {
		t.Errorf("%+v", o)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	if o := post.New(post.Options{Loopback: true, Roots: roots}).Send(ctx, e, event(), time.Now()); o.Error != "" {
		t.Errorf("%+v", o)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "this is no TLS\r\n")
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	e, _ = endpoint(t, "https://"+listener.Addr().String())
	if o := post.New(post.Options{Loopback: true}).Send(ctx, e, event(), time.Now()); o.Error != "no TLS connection can be made to it" {
		t.Errorf("%+v", o)
	}
}

// A name that was public when the endpoint was made may stand for something else later, at
// every call (rebinding), or for several addresses at once.
func TestNothingPrivateIsCalledWhateverANameStandsFor(t *testing.T) {
	var called atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called.Add(1) }))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	e, _ := endpoint(t, "http://hook.example.com:"+port+"/")
	for _, answer := range []string{
		"127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254", "100.100.100.200", "0.0.0.0", "::", "fd00:ec2::254", "64:ff9b::7f00:1", "224.0.0.1",
		"8.8.8.8 127.0.0.1", "127.0.0.1 8.8.8.8", "2606:4700::1111 fe80::1",
	} {
		o := post.New(post.Options{Resolve: resolves(answer), Limit: time.Second}).Send(ctx, e, event(), time.Now())
		if o.Error != "its name stands for an address of a private network" {
			t.Errorf("%s: %+v", answer, o)
		}
	}
	if called.Load() != 0 {
		t.Fatal("called")
	}
	// The address that is dialled is the one that was checked: the name is resolved once.
	if o := post.New(post.Options{Loopback: true, Resolve: resolves("127.0.0.1", "10.0.0.1")}).Send(ctx, e, event(), time.Now()); o.Error != "" || called.Load() != 1 {
		t.Errorf("%+v", o)
	}
	if o := post.New(post.Options{Loopback: true, Resolve: resolves("10.0.0.1")}).Send(ctx, e, event(), time.Now()); o.Error == "" {
		t.Error("in development, a private network may be called")
	}
	if o := post.New(post.Options{Resolve: resolves("")}).Send(ctx, e, event(), time.Now()); o.Error == "" {
		t.Errorf("%+v", o)
	}
	// A proxy in the environment would be called in its place.
	t.Setenv("HTTP_PROXY", server.URL)
	if o := post.New(post.Options{Resolve: resolves("10.0.0.1")}).Send(ctx, e, event(), time.Now()); o.Error == "" || called.Load() != 1 {
		t.Errorf("%+v", o)
	}
}
