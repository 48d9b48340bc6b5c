package local

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"cafe/internal/metric"
)

func TestWhatTheServerRefusesItselfIsAProblem(t *testing.T) {
	dial := hurried(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for _, c := range []struct {
		request string
		status  int
		says    string
	}{
		{"GET / HTTP/1.1\r\n\r\n", 400, "missing required Host header"},
		{"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "not well-formed"},
		{"this is no HTTP\r\n\r\n", 400, "not well-formed"},
		{"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, "not well-formed"},
		{"GET / HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n", 400, "not well-formed"},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "not well-formed"},
		{"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", maxHeader+8<<10) + "\r\n\r\n", 431, "65536 bytes"},
		{"GET / HTTP/1.1\r\nHost: x\r\nExpect: the impossible\r\n\r\n", 417, "100-continue"},
		{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "Not Implemented"},
		{"GET / HTTP/3.7\r\nHost: x\r\n\r\n", 505, "unsupported protocol version"},
	} {
		for _, before := range []string{"", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"} { // as the first request of a connection, and later
			conn := dial(before + c.request)
			in := bufio.NewReader(conn)
			if before != "" {
				if a, err := http.ReadResponse(in, nil); err != nil || a.StatusCode != 204 {
					t.Fatal(a, err)
				}
			}
			a, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Errorf("%.40q: %v", c.request, err)
				continue
			}
			body, err := io.ReadAll(a.Body)
			var p struct {
				Type, Title, Detail, Instance string
				RequestID                     string `json:"request_id"`
				Status                        int
			}
			if err != nil || json.Unmarshal(body, &p) != nil {
				t.Errorf("%.40q is answered %s (%v)", c.request, body, err)
			}
			if a.StatusCode != c.status || p.Status != c.status || a.Header.Get("Content-Type") != "application/problem+json" || !a.Close ||
				p.RequestID == "" || a.Header.Get("X-Request-Id") != p.RequestID || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Date") == "" {
				t.Errorf("%.40q is answered %s %v %s", c.request, a.Status, a.Header, body)
			}
			if !strings.Contains(p.Detail, c.says) || p.Title == "" || p.Type != "about:blank" && p.Type != "/problems/malformed-request" {
				t.Errorf("%.40q is answered %s", c.request, body)
			}
			if _, err := in.ReadByte(); err == nil {
				t.Errorf("%.40q: more follows", c.request)
			}
		}
	}
}

// Somebody may put the text of net/http's answers into a note, to be sent in the middle of a
// list of orders.
func TestAnAnswerIsSentAsItIs(t *testing.T) {
	const canned = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"
	dial := hurried(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(2*len(canned)))
		for range 2 {
			http.NewResponseController(w).Flush()
			io.WriteString(w, canned)
		}
	})
	in := bufio.NewReader(dial("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	for range 2 {
		a, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(a.Body); err != nil || string(body) != canned+canned {
			t.Errorf("got %q, %v", body, err)
		}
	}
}

// full is a listener of a process that may open no more files.
type full struct{ net.Listener }

func (full) Accept() (net.Conn, error) {
	return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
}

func TestRunningOutIsSaidInMetricsToo(t *testing.T) {
	cs, dial, log := clients(t, 4)
	var metrics strings.Builder
	metric.SetOutput(&metrics, "Cafe", "")
	defer metric.SetOutput(nil, "", "")
	for i := range 4 {
		dial(fmt.Sprintf("192.0.2.%d:1", i))
	}
	if got := metrics.String(); !strings.Contains(got, `"ConnectionsOpen":4`) || !strings.Contains(got, `"ConnectionsRefused":0`) {
		t.Errorf("metrics: %s", got)
	}
	cs.Listener = full{}
	for range 3 {
		if _, err := cs.Accept(); err == nil {
			t.Error("accepted")
		}
	}
	if strings.Count(metrics.String(), `"DescriptorsOut":1`) != 1 || strings.Count(log.String(), "descriptors of files have run out") != 1 {
		t.Errorf("metrics %s, log %s", metrics.String(), log)
	}
}
