package local

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// hasty is a pace for tests: half a second of grace, then 64 KiB a second.
var hasty = pace{grace: 500 * time.Millisecond, silence: 700 * time.Millisecond, rate: 64 << 10, linger: 100 * time.Millisecond}

// hurried serves a handler at that pace, on a bounded listener.
func hurried(t *testing.T, handler http.HandlerFunc) (dial func(request string) net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := serverAt(hasty, handler)
	go server.Serve(newConnections(l, 64))
	t.Cleanup(func() { server.Close() })
	return func(request string) net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// ends fails the test unless the connection ends within a generous time, and returns what
// came before.
func ends(t *testing.T, c net.Conn) string {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	b, err := io.ReadAll(c)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Errorf("still open, with %.80q", b)
	}
	return string(b)
}

func readAll(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	fmt.Fprint(w, n)
}

func TestABodyThatDoesNotComeEnds(t *testing.T) {
	dial := hurried(t, readAll)
	for name, request := range map[string]string{
		"nothing of it":            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
		"half of it":               "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
		"a chunk, and no end":      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"asked for, and then none": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ends(t, dial(request)); !strings.Contains(got, "HTTP/1.1 400") {
				t.Errorf("answered %q", got)
			}
		})
	}
}

func TestAChunkedBodyThatTricklesEnds(t *testing.T) {
	t.Parallel()
	c := hurried(t, readAll)("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := io.WriteString(c, "1\r\nx\r\n"); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	if got := ends(t, c); !strings.Contains(got, "HTTP/1.1 400") {
		t.Errorf("answered %q", got)
	}
	c.Close()
	<-done
}

// The pace is far above the least, but the whole takes longer than the grace.
func TestASlowHonestUploadGoesThrough(t *testing.T) {
	t.Parallel()
	const piece, pieces = 16 << 10, 20
	c := hurried(t, readAll)(fmt.Sprintf("PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", piece*pieces))
	for range pieces {
		time.Sleep(40 * time.Millisecond)
		if _, err := io.WriteString(c, strings.Repeat("x", piece)); err != nil {
			t.Fatal(err)
		}
	}
	if got := ends(t, c); !strings.HasSuffix(got, fmt.Sprint(piece*pieces)) {
		t.Errorf("answered %q", got)
	}
}

func TestAReaderThatDoesNotReadIsCutOff(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	dial := hurried(t, func(w http.ResponseWriter, r *http.Request) {
		var err error
		for range 4096 { // 256 MiB do not fit into any buffer on the way
			if _, err = w.Write(make([]byte, 64<<10)); err != nil {
				break
			}
		}
		ended <- err
	})
	dial("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	select {
	case err := <-ended:
		if err == nil {
			t.Error("all was written")
		}
	case <-time.After(20 * time.Second):
		t.Error("it is still being written")
	}
}

func TestARefusedRequestDoesNotWaitForItsBody(t *testing.T) {
	dial := hurried(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusForbidden) })
	for name, head := range map[string]string{
		"with a length": "Content-Length: 100000",
		"in chunks":     "Transfer-Encoding: chunked",
		"asked first":   "Content-Length: 100000\r\nExpect: 100-continue",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial("POST / HTTP/1.1\r\nHost: x\r\n" + head + "\r\n\r\n")
			c.SetReadDeadline(time.Now().Add(20 * time.Second))
			begun := time.Now()
			in := bufio.NewReader(c)
			a, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if a.StatusCode != 403 || !a.Close {
				t.Errorf("answered %s, closed %v", a.Status, a.Close)
			}
			if _, err := in.ReadByte(); err != io.EOF {
				t.Errorf("after the answer: %v", err)
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestARefusedRequestWhoseBodyIsHereKeepsTheConnection(t *testing.T) {
	var n atomic.Int64
	dial := hurried(t, func(w http.ResponseWriter, r *http.Request) { n.Add(1); w.WriteHeader(http.StatusForbidden) })
	c := dial("")
	in := bufio.NewReader(c)
	for range 3 {
		if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"); err != nil {
			t.Fatal(err)
		}
		a, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.StatusCode != 403 || a.Close {
			t.Errorf("answered %s, closed %v", a.Status, a.Close)
		}
	}
	if n.Load() != 3 {
		t.Errorf("%d requests", n.Load())
	}
}

// A handler may work for longer than a client may be silent.
func TestAHandlerMayTakeItsTime(t *testing.T) {
	t.Parallel()
	dial := hurried(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
			t.Error("the request was given up")
		case <-time.After(900 * time.Millisecond):
		}
		w.WriteHeader(http.StatusNoContent)
	})
	c := dial("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
	in := bufio.NewReader(c)
	for n := range 2 {
		a, err := http.ReadResponse(in, nil)
		if err != nil || a.StatusCode != 204 || a.Close {
			t.Fatalf("%v %v", a, err)
		}
		if n > 0 {
			break // a request that nobody waits for would be given up
		}
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheUsualPaceLetsAGibibyteThroughAtFourKibibytesASecond(t *testing.T) {
	start := time.Now().Add(-72 * time.Hour)
	if d := usualPace.deadline(start, 1<<30, 0); time.Until(d) < 29*time.Second {
		t.Errorf("after three days it ends in %s", time.Until(d))
	}
	if d := usualPace.deadline(time.Now(), 0, 0); time.Until(d) > 10*time.Second {
		t.Errorf("nothing may come for %s", time.Until(d))
	}
	if d := usualPace.deadline(time.Now(), 1<<30, 0); time.Until(d) > 30*time.Second {
		t.Errorf("after a rush, nothing may come for %s", time.Until(d))
	}
}

// Tests and Lambda have no connection: deadlines are left out there.
func TestAPaceNeedsNoConnection(t *testing.T) {
	w := httptest.NewRecorder()
	hasty.serve(http.HandlerFunc(readAll), w, httptest.NewRequest("POST", "/", strings.NewReader("hello")))
	if w.Code != 200 || w.Body.String() != "5" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
