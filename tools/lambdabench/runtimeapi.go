//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// runtimeAPI serves the Lambda Runtime API (2018-06-01) to one process. It speaks
// HTTP/1.1 over the connection itself instead of through net/http's server, so
// that a batch of invocations runs on one goroutine and adds as little as it can
// to the figures. What it adds is the same for every target.
type runtimeAPI struct {
	ln     net.Listener
	next   func() []byte // the event to send next
	expect int

	mu      sync.Mutex
	left    int       // invocations still to hand out in this batch
	sentAt  time.Time // when the invocation in flight went out
	initAt  time.Time // first /next
	lastAt  time.Time // latest response
	samples []float64 // of the batch, in µs
	count   int
	more    chan struct{} // tells a waiting /next that a batch began
	done    chan error    // one value per batch, or the failure that ended it
}

// newRuntimeAPI listens on a loopback port with a first batch of n invocations ready.
func newRuntimeAPI(next func() []byte, expect, n int) (*runtimeAPI, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &runtimeAPI{ln: ln, next: next, expect: expect, left: n,
		samples: make([]float64, 0, n), more: make(chan struct{}, 1), done: make(chan error, 4)}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go a.serve(c)
		}
	}()
	return a, nil
}

// run begins a batch of n; its end comes on done.
func (a *runtimeAPI) run(n int) {
	a.mu.Lock()
	a.left, a.samples = n, make([]float64, 0, n)
	a.mu.Unlock()
	a.more <- struct{}{}
}

func (a *runtimeAPI) close() {
	a.ln.Close()
	close(a.more)
}

// serve answers one connection until it closes.
func (a *runtimeAPI) serve(c net.Conn) {
	defer c.Close()
	r, w := bufio.NewReader(c), bufio.NewWriter(c)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		now := time.Now()
		call, ok := strings.CutPrefix(req.URL.Path, "/2018-06-01/runtime/")
		switch {
		case ok && call == "invocation/next":
			if !a.sendEvent(w, now) {
				return
			}
		case ok && strings.HasSuffix(call, "/response"):
			a.took(body, now)
			w.WriteString("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
		case ok && strings.HasSuffix(call, "/error"): // of an invocation, or init/error
			a.fail(fmt.Errorf("the function reported %s: %s", call, body))
			w.WriteString("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
		default:
			w.WriteString("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
		}
		if w.Flush() != nil {
			return
		}
	}
}

// sendEvent answers /next. At the end of a batch it reports the batch done (so the
// process is idle, its CPU settled) and waits for the following one; false means
// that there is none.
func (a *runtimeAPI) sendEvent(w *bufio.Writer, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.initAt.IsZero() {
		a.initAt = now
	}
	for a.left == 0 {
		a.mu.Unlock()
		a.report(nil)
		_, more := <-a.more
		a.mu.Lock()
		if !more {
			return false
		}
	}
	a.left--
	a.count++
	event := a.next()
	a.sentAt = time.Now()
	fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"+
		"Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-%012d\r\n"+
		"Lambda-Runtime-Deadline-Ms: %d\r\n"+
		"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:bench\r\n"+
		"Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0\r\n"+
		"Content-Length: %d\r\n\r\n", a.count, a.sentAt.Add(time.Minute).UnixMilli(), len(event))
	w.Write(event)
	return true
}

// took books one response, which counts only with the expected status.
func (a *runtimeAPI) took(body []byte, now time.Time) {
	a.mu.Lock()
	sample := us(now.Sub(a.sentAt))
	a.samples = append(a.samples, sample)
	a.lastAt = now
	a.mu.Unlock()
	if a.expect == 0 {
		return
	}
	// A streamed response is a JSON head and then the body: decode the first value.
	var head struct {
		StatusCode int `json:"statusCode"`
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&head); err != nil || head.StatusCode != a.expect {
		a.fail(fmt.Errorf("statusCode %d, want %d: %.300s", head.StatusCode, a.expect, body))
	}
}

func (a *runtimeAPI) fail(err error) { a.report(errors.Join(errFailed, err)) }

var errFailed = errors.New("invocation failed")

// report never blocks: after a failure nobody need be listening any more.
func (a *runtimeAPI) report(err error) {
	select {
	case a.done <- err:
	default:
	}
}
