package local

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cafe/api"
	"cafe/internal/auth"
	"cafe/internal/cafetest"
	"cafe/internal/house"
	"cafe/internal/settings"
	"cafe/internal/table/pebble"
	"cafe/model"
	"cafe/model/pricing"
)

// BenchmarkRequest sends requests over one connection to the whole of what answers in one
// process: bounds, deadlines, token, throttle, router, use case, and a store in memory. The
// "nothing" is the edge alone: its handler answers 204.
//
// The client allocates next to nothing, so that the allocations are the server's.
func BenchmarkRequest(b *testing.B) {
	front, authorization := benchFront(b)
	const body = `{"lines":[{"sku":"latte","quantity":2,"options":["oat"]},{"sku":"tea","quantity":1},{"sku":"scone","quantity":1}]}`
	post := "POST /orders HTTP/1.1\r\nHost: cafe\r\nAuthorization: " + authorization +
		"\r\nContent-Type: application/json\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\nIdempotency-Key: "
	b.Run("nothing", func(b *testing.B) {
		c := benchClient(b, Gateway(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }), front.verifier, front.throttle, nil))
		b.ReportAllocs()
		for b.Loop() {
			c.ask(b, 204, "GET /orders/x HTTP/1.1\r\nHost: cafe\r\nAuthorization: ", authorization, "\r\n\r\n")
		}
	})
	b.Run("GET", func(b *testing.B) {
		c := benchClient(b, front.handler)
		path := c.ask(b, 201, post, "first\r\n\r\n", body)
		b.ReportAllocs()
		for b.Loop() {
			c.ask(b, 200, "GET ", path, " HTTP/1.1\r\nHost: cafe\r\nAuthorization: ", authorization, "\r\n\r\n")
		}
	})
	b.Run("POST", func(b *testing.B) {
		c := benchClient(b, front.handler)
		n := 0
		b.ReportAllocs()
		for b.Loop() {
			n++
			c.ask(b, 201, post, fmt.Sprint(b.N, "-", n), "\r\n\r\n", body)
		}
	})
}

type benchedFront struct {
	handler  http.Handler
	verifier *auth.Verifier
	throttle *Throttle
}

// benchFront opens a café in memory with VAT on everything.
func benchFront(b *testing.B) (front benchedFront, authorization string) {
	b.Helper()
	must := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	store, err := pebble.Open("store", pebble.Options{FS: vfs.NewMem()})
	must(err)
	b.Cleanup(func() { store.Close() })
	s, err := settings.FromEnv(func(string) string { return "" })
	must(err)
	h := house.Open(s, store, time.Now)
	for _, item := range cafetest.Menu {
		_, err := h.Cafe.SetMenuItem(ctx, item, nil)
		must(err)
	}
	_, _, err = h.Cafe.SetPricing(ctx, pricing.Document{Taxes: []pricing.Tax{
		{ID: "vat", Name: "VAT", Rate: "20", Inclusive: true, Applies: []pricing.Applies{{Class: "standard"}}},
	}}, nil)
	must(err)
	router, err := api.New(h, api.Options{CursorKey: make([]byte, 16), Links: cafetest.NewFiles()})
	must(err)
	issuer, err := auth.OpenIssuer(b.TempDir())
	must(err)
	front.verifier, err = issuer.Verifier()
	must(err)
	token, err := issuer.Issue(model.RoleStaff, "sam", time.Hour)
	must(err)
	front.throttle = NewThrottle(1e9, 1e9)
	front.handler = Gateway(router, front.verifier, front.throttle, nil)
	return front, "Bearer " + token
}

// benchedClient is a client's connection.
type benchedClient struct {
	net.Conn
	in      *bufio.Reader
	request []byte
}

// benchClient serves the handler as `cafe serve` does, and connects to it.
func benchClient(b *testing.B, handler http.Handler) *benchedClient {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := Server(handler)
	go server.Serve(newConnections(l, 64))
	b.Cleanup(func() { server.Close() })
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return &benchedClient{Conn: c, in: bufio.NewReader(c)}
}

// ask sends a request, reads the whole answer, and returns its Location, if any.
func (c *benchedClient) ask(b *testing.B, want int64, parts ...string) (location string) {
	c.request = c.request[:0]
	for _, part := range parts {
		c.request = append(c.request, part...)
	}
	if _, err := c.Write(c.request); err != nil {
		b.Fatal(err)
	}
	length, first := int64(0), true
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			b.Fatal(err)
		}
		if first && number(bytes.TrimPrefix(line, []byte("HTTP/1.1 "))) != want {
			rest, _ := c.in.Peek(c.in.Buffered())
			b.Fatalf("answered %s%s", line, rest)
		}
		first = false
		if len(line) == 2 {
			break
		}
		if value, found := bytes.CutPrefix(line, []byte("Content-Length: ")); found {
			length = number(value)
		} else if value, found := bytes.CutPrefix(line, []byte("Location: ")); found {
			location = string(bytes.TrimSpace(value))
		}
	}
	if _, err := c.in.Discard(int(length)); err != nil {
		b.Fatal(err)
	}
	return location
}

// number returns the number that a text begins with.
func number(text []byte) (n int64) {
	for _, c := range text {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + int64(c-'0')
	}
	return n
}
