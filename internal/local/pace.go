package local

import (
	"io"
	"net/http"
	"time"
)

// pace is how fast a client must send a body and read an answer. After the grace it must
// have come that far at the rate, and it may never be silent for longer than silence. So a
// slow upload of any size goes through, and a body that does not come, or a client that
// does not read, ends soon.
type pace struct {
	grace   time.Duration
	silence time.Duration
	rate    int64         // bytes a second
	linger  time.Duration // for how long what is left of a refused body is read, so that the client gets the answer
}

var usualPace = pace{grace: 10 * time.Second, silence: 30 * time.Second, rate: 4 << 10, linger: time.Second}

// deadline returns until when the next n bytes must be through, after so many since start.
func (p pace) deadline(start time.Time, through, n int64) time.Time {
	at := func(bytes int64) time.Duration {
		return time.Duration(float64(bytes) / float64(p.rate) * float64(time.Second))
	}
	total, next := start.Add(p.grace+at(through+n)), time.Now().Add(p.silence+at(n))
	if total.Before(next) {
		return total
	}
	return next
}

// serve has the handler answer a request at this pace. It ignores the errors of deadlines:
// where none can be set, there is no connection either.
func (p pace) serve(handler http.Handler, w http.ResponseWriter, r *http.Request) {
	a := &paced{ResponseWriter: w, pace: p, control: http.NewResponseController(w), body: r.Body}
	a.whole = r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0
	if !a.whole {
		if a.expects = r.Header.Get("Expect") != ""; a.expects {
			_ = a.control.SetWriteDeadline(p.deadline(time.Now(), 0, 0)) // for the 100
		}
		r = r.WithContext(r.Context()) // the server goes by the body of its own copy
		r.Body = pacedBody{a}
	}
	defer func() {
		if !a.whole {
			_ = a.control.SetReadDeadline(time.Now().Add(p.linger))
		}
		_ = a.control.SetWriteDeadline(p.deadline(time.Now(), 0, 0)) // for what is still in the buffer
	}()
	handler.ServeHTTP(a, r)
}

// paced is a request and its answer. It is the answer's http.ResponseWriter.
type paced struct {
	http.ResponseWriter
	pace    pace
	control *http.ResponseController

	body    io.ReadCloser
	whole   bool // the body was read to its end
	expects bool // the client waits for 100 before it sends the body
	in      progress

	headed bool
	out    progress
}

// progress is how far a body or an answer has come.
type progress struct {
	start time.Time // of the first read or write
	n     int64     // bytes
}

// deadline returns until when the next n bytes must be through.
func (g *progress) deadline(p pace, n int) time.Time {
	if g.start.IsZero() {
		g.start = time.Now()
	}
	return p.deadline(g.start, g.n, int64(n))
}

// pacedBody is the body of a request.
type pacedBody struct{ of *paced }

// Close implements io.Closer.
func (b pacedBody) Close() error { return b.of.body.Close() }

// Read implements io.Reader.
func (b pacedBody) Read(p []byte) (int, error) {
	a := b.of
	_ = a.control.SetReadDeadline(a.in.deadline(a.pace, 0))
	n, err := a.body.Read(p)
	a.in.n += int64(n)
	if err == io.EOF {
		a.whole = true
		_ = a.control.SetReadDeadline(time.Time{}) // the server waits in the background for the client to hang up
	}
	return n, err
}

// WriteHeader implements http.ResponseWriter. When the body is not read, its rest is not
// waited for: the connection ends with this answer, unless the rest is here already.
func (a *paced) WriteHeader(status int) {
	if status >= 200 && !a.headed {
		a.headed = true
		if !a.whole && !a.rest() {
			a.Header().Set("Connection", "close")
		}
	}
	if status < 200 { // any other waits for the first write, or for the end
		_ = a.control.SetWriteDeadline(a.pace.deadline(time.Now(), 0, 0))
	}
	a.ResponseWriter.WriteHeader(status)
}

// rest reads what is left of the body if it is here already, and reports whether it is.
func (a *paced) rest() bool {
	if a.expects {
		return false // reading would ask for the body
	}
	_ = a.control.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := io.Copy(io.Discard, io.LimitReader(a.body, 64<<10+1))
	var one [1]byte
	if err == nil {
		_, err = a.body.Read(one[:])
	}
	a.whole = err == io.EOF
	_ = a.control.SetReadDeadline(time.Time{})
	return a.whole
}

// Write implements http.ResponseWriter.
func (a *paced) Write(p []byte) (int, error) {
	if !a.headed {
		a.WriteHeader(http.StatusOK)
	}
	_ = a.control.SetWriteDeadline(a.out.deadline(a.pace, len(p)))
	n, err := a.ResponseWriter.Write(p)
	a.out.n += int64(n)
	return n, err
}

// Flush implements http.Flusher. What follows is a new part of the answer, with a deadline of
// its own: so an answer may last for any time, while the client reads.
func (a *paced) Flush() {
	if !a.headed {
		a.WriteHeader(http.StatusOK)
	}
	_ = a.control.SetWriteDeadline(a.pace.deadline(time.Now(), 0, 0))
	_ = a.control.Flush()
	a.out = progress{}
}

// Unwrap is for http.ResponseController.
func (a *paced) Unwrap() http.ResponseWriter { return a.ResponseWriter }
