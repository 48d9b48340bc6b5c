package api_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cafe/api/rest"

	"cafe/api"
	"cafe/internal/cafetest"
)

// get asks the handler for a path at a host.
func get(handler http.Handler, method, path, host string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	r.Host = host
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Result()
}

func read(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// server returns the one server of an OpenAPI document.
func server(t *testing.T, document string) string {
	t.Helper()
	var d struct{ Servers []struct{ URL string } }
	if err := json.Unmarshal([]byte(document), &d); err != nil || len(d.Servers) != 1 {
		t.Fatalf("%v: %v", err, d.Servers)
	}
	return d.Servers[0].URL
}

func TestTheReferenceNamesTheAddressWhereItIsServed(t *testing.T) {
	s := open(t)
	configured, err := api.New(s.cafe, api.Options{CursorKey: []byte("0123456789abcdef"), Links: s.files, URL: "https://cafe.example/api/"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		handler    http.Handler
		host, want string
	}{
		{s.front, "127.0.0.1:41234", "http://127.0.0.1:41234"},
		{s.front, "[::1]:80", "http://[::1]:80"},
		{configured, "127.0.0.1:41234", "https://cafe.example/api"},
		{s.front, `x"><script>alert(1)</script>`, api.DefaultAddress},
		{s.front, "x;$(reboot)", api.DefaultAddress},
		{s.front, strings.Repeat("x", 300), api.DefaultAddress},
	} {
		if got := server(t, read(t, get(c.handler, "GET", "/openapi.json", c.host).Body)); got != c.want {
			t.Errorf("asked at %s, the document names %s, want %s", c.host, got, c.want)
		}
		if page := read(t, get(c.handler, "GET", "/docs", c.host).Body); !strings.Contains(page, "CAFE="+c.want+"\n") {
			t.Errorf("asked at %s, the page has no line CAFE=%s", c.host, c.want)
		}
	}
	staged := event(nobody, "GET", "/openapi.json", "")
	staged.RequestContext.Path = "/prod/openapi.json"
	if got := server(t, string(s.invoke(staged).want(200).body)); got != "https://cafe.example.com/prod" {
		t.Errorf("behind a stage the document names %s", got)
	}
}

func TestTheReferenceIsCompressedOnRequest(t *testing.T) {
	s := open(t)
	for _, path := range []string{"/openapi.json", "/docs"} {
		plain := get(s.front, "GET", path, "127.0.0.1:41234")
		body := read(t, plain.Body)
		for accepted, compressed := range map[string]bool{
			"gzip": true, "br, GZIP;q=0.5": true, "deflate, gzip;q=1.0, *;q=0.5": true,
			"identity": false, "gzip;q=0": false, "gzip; q=0.000": false, "br": false,
		} {
			a := get(s.front, "GET", path, "127.0.0.1:41234", "Accept-Encoding: "+accepted)
			if !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Accept-Encoding") {
				t.Errorf("%s: Vary %v", path, a.Header.Values("Vary"))
			}
			if (a.Header.Get("Content-Encoding") == "gzip") != compressed {
				t.Fatalf("%s with %q has the encoding %q", path, accepted, a.Header.Get("Content-Encoding"))
			}
			got := a.Body.(io.Reader)
			if compressed {
				z, err := gzip.NewReader(got)
				if err != nil {
					t.Fatal(err)
				}
				z.Multistream(false) // browsers read one member
				got = z
				if a.Header.Get("ETag") == plain.Header.Get("ETag") {
					t.Errorf("%s has one strong tag for two encodings", path)
				}
			}
			if read(t, got) != body {
				t.Errorf("%s with %q has another text", path, accepted)
			}
		}
		other := get(s.front, "GET", path, "127.0.0.1:2").Header.Get("ETag")
		if other == plain.Header.Get("ETag") {
			t.Errorf("%s has one tag for two addresses", path)
		}
	}
	// API Gateway would pass base64 on as text.
	e := event(nobody, "GET", "/docs", "", "Accept-Encoding: gzip")
	if a := s.invoke(e).want(200); a.header.Get("Content-Encoding") != "" || !bytes.HasPrefix(a.body, []byte("<!DOCTYPE html>")) {
		t.Errorf("API Gateway gets %q", a.header)
	}
}

func TestTheReferenceIsNotSentTwice(t *testing.T) {
	s := open(t)
	for _, path := range []string{"/openapi.json", "/docs"} {
		for _, encoding := range []string{"identity", "gzip"} {
			first := get(s.front, "GET", path, "h", "Accept-Encoding: "+encoding)
			tag := first.Header.Get("ETag")
			for _, method := range []string{"GET", "HEAD"} {
				same := get(s.front, method, path, "h", "Accept-Encoding: "+encoding, "If-None-Match: "+tag)
				if same.StatusCode != 304 || same.Header.Get("ETag") != tag || same.Header.Get("Content-Encoding") != "" || read(t, same.Body) != "" {
					t.Errorf("%s %s, %s: %d %v", method, path, encoding, same.StatusCode, same.Header)
				}
				if other := get(s.front, method, path, "h", "Accept-Encoding: "+encoding, `If-None-Match: "other"`); other.StatusCode != 200 {
					t.Errorf("%s %s, %s: %d with another tag", method, path, encoding, other.StatusCode)
				}
			}
			head := get(s.front, "HEAD", path, "h", "Accept-Encoding: "+encoding)
			if head.StatusCode != 200 || head.Header.Get("ETag") != tag || head.Header.Get("Content-Encoding") != first.Header.Get("Content-Encoding") || read(t, head.Body) != "" {
				t.Errorf("HEAD %s, %s: %d %v", path, encoding, head.StatusCode, head.Header)
			}
		}
	}
}

func TestTheTypeOfAProblemLeadsToItsExplanation(t *testing.T) {
	s := open(t)
	for _, k := range rest.ProblemKinds {
		a := s.call(nobody, "GET", k.Type(), "").want(200)
		if a.get("type") != k.Type() || a.get("title") != k.Title || a.get("description") != strings.ReplaceAll(k.Description, "`", "") {
			t.Errorf("%s: %s", k.Kind, a.body)
		}
		page := s.call(nobody, "GET", k.Type(), "", "Accept: text/html,application/xhtml+xml,*/*;q=0.8").want(200)
		if !strings.Contains(string(page.body), "<h1>"+k.Title+"</h1>") || page.header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %s", k.Kind, page.body)
		}
	}
	s.call(nobody, "GET", "/problems/nothing", "").wantProblem(404, "not-found")
}

func BenchmarkDocsPageCompressed(b *testing.B) {
	router, err := api.New(benchCafe(b), api.Options{CursorKey: []byte("0123456789abcdef"), Links: cafetest.NewFiles()})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		get(router, "GET", "/docs", "h", "Accept-Encoding: gzip")
	}
}
