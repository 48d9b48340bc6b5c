package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cafe/internal/cafetest"
	"cafe/internal/local/localtest"
	"cafe/internal/table/pebble"
)

// open serves a café as `cafe serve` does, and returns it with a token of a member of staff.
func open(t *testing.T, change func(http.Handler) http.Handler) *cafe {
	t.Helper()
	store, err := pebble.Open("store", pebble.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	front, authorization := localtest.Front(t, cafetest.Open(t, store).House)
	server := httptest.NewServer(change(front))
	t.Cleanup(server.Close)
	return &cafe{url: server.URL, token: strings.TrimPrefix(authorization, "Bearer "), client: server.Client(), out: io.Discard}
}

func asItIs(h http.Handler) http.Handler { return h }

func TestACafeThatTakesOrdersPasses(t *testing.T) {
	var out bytes.Buffer
	c := open(t, asItIs)
	c.out = &out
	if err := c.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"200 GET /health", "200 GET /menu", "401 GET /orders", "201 POST /orders", "200 PUT /orders/", "takes orders"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in %s", line, out.String())
		}
	}
	c.token = ""
	if err := c.look(t.Context()); err != nil || !strings.Contains(out.String(), "no order was placed") {
		t.Errorf("without a token: %v, %s", err, out.String())
	}
}

func TestACafeThatAnswersWronglyDoesNot(t *testing.T) {
	answers := func(path string, status int, body string) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, path) {
					w.WriteHeader(status)
					io.WriteString(w, body)
					return
				}
				h.ServeHTTP(w, r)
			})
		}
	}
	for name, change := range map[string]func(http.Handler) http.Handler{
		"it is unhealthy":                answers("/health", 503, `{}`),
		"a page of HTML":                 answers("/health", 200, `<html>`),
		"nothing on the menu":            answers("/menu", 200, `{"items":[]}`),
		"orders for everybody":           answers("/orders", 200, `{"orders":[]}`),
		"a 401 that is no problem":       answers("/orders", 401, `{"message":"Unauthorized"}`),
		"orders that cannot be canceled": answers("/orders/", 404, `{}`),
	} {
		if err := open(t, change).look(t.Context()); err == nil {
			t.Errorf("%s: passes", name)
		}
	}
	c := open(t, asItIs)
	c.token = "a.b.c"
	if err := c.look(t.Context()); err == nil {
		t.Error("a bad token: passes")
	}
}
