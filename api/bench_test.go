package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cafe/api"
	"cafe/handlers/proxy"
	"cafe/internal/cafetest"
	"cafe/internal/house"
	"cafe/internal/local/localtest"
	"cafe/internal/settings"
	"cafe/internal/table/pebble"
)

// benchCafe opens a café in memory.
func benchCafe(b *testing.B) *house.House {
	store, err := pebble.Open("store", pebble.Options{FS: vfs.NewMem()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	settings, err := settings.FromEnv(func(string) string { return "" })
	if err != nil {
		b.Fatal(err)
	}
	c := house.Open(settings, store, time.Now)
	for _, item := range testMenu {
		if _, err := c.SetMenuItem(b.Context(), item, nil); err != nil {
			b.Fatal(err)
		}
	}
	return c
}

const threeItems = `{"lines":[{"sku":"latte","quantity":2,"options":["oat"],"note":"extra hot"},{"sku":"tea","quantity":1},{"sku":"latte","quantity":1}],"note":"by the window"}`

func BenchmarkPlaceOrder(b *testing.B) {
	front, token := localtest.Front(b, benchCafe(b))
	var n atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequest("POST", "/orders", strings.NewReader(threeItems))
			r.Header["Authorization"] = []string{token}
			r.Header["Content-Type"] = []string{"application/json"}
			r.Header["Idempotency-Key"] = []string{fmt.Sprint(n.Add(1))}
			w := httptest.NewRecorder()
			if front.ServeHTTP(w, r); w.Code != 201 {
				b.Fatal(w.Body)
			}
		}
	})
}

func BenchmarkGetOrder(b *testing.B) {
	front, token := localtest.Front(b, benchCafe(b))
	place := httptest.NewRequest("POST", "/orders", strings.NewReader(threeItems))
	place.Header.Set("Authorization", token)
	w := httptest.NewRecorder()
	front.ServeHTTP(w, place)
	path := w.Header().Get("Location")
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("GET", path, nil)
		r.Header["Authorization"] = []string{token}
		w := httptest.NewRecorder()
		if front.ServeHTTP(w, r); w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}

func BenchmarkListPage(b *testing.B) {
	front, token := localtest.Front(b, benchCafe(b))
	for range 100 {
		place := httptest.NewRequest("POST", "/orders", strings.NewReader(threeItems))
		place.Header.Set("Authorization", token)
		front.ServeHTTP(httptest.NewRecorder(), place)
	}
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header["Authorization"] = []string{token}
		w := httptest.NewRecorder()
		if front.ServeHTTP(w, r); w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}

// BenchmarkInvoke gives the function proxy events of API Gateway, as Lambda does. The café is
// in memory. health is the least cost of any event. refused is a request with an invalid
// body.
func BenchmarkInvoke(b *testing.B) {
	router, err := api.New(benchCafe(b), api.Options{CursorKey: []byte("0123456789abcdef"), Links: cafetest.NewFiles()})
	if err != nil {
		b.Fatal(err)
	}
	text, err := os.ReadFile("../events/api-place-order.json")
	if err != nil {
		b.Fatal(err)
	}
	for _, event := range []struct {
		name, method, path, body string
		want                     int
	}{
		{"health", "GET", "/health", "", 200},
		{"place", "POST", "/orders", threeItems, 201},
		{"refused", "POST", "/orders", strings.Replace(threeItems, `"tea"`, `"none"`, 1), 422},
	} {
		b.Run(event.name, func(b *testing.B) {
			var e map[string]any
			if err := json.Unmarshal(text, &e); err != nil {
				b.Fatal(err)
			}
			e["httpMethod"], e["path"], e["body"] = event.method, event.path, event.body
			for _, headers := range []string{"headers", "multiValueHeaders"} {
				if all, has := e[headers].(map[string]any); has {
					delete(all, "Idempotency-Key")
				}
			}
			payload, err := json.Marshal(e)
			if err != nil {
				b.Fatal(err)
			}
			function := proxy.New(router, func() time.Time { return time.Time{} })
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				answer, err := function.Invoke(b.Context(), payload)
				if err != nil || !bytes.Contains(answer, []byte(`"statusCode":`+fmt.Sprint(event.want))) {
					b.Fatal(string(answer), err)
				}
			}
		})
	}
}
