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

// serve has the handler answer a request at this pace.
func (p pace) serve(handler http.Handler, w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Now().Add(p.grace)) // the last answer's may be over; no error matters here and below: without deadlines there is no connection either
	whole := r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0
	body := &pacedBody{ReadCloser: r.Body, pace: p, control: control, whole: whole}
	answer := &pacedAnswer{ResponseWriter: w, pace: p, control: control, body: body, expects: r.Header.Get("Expect") != ""}
	if !whole {
		r = r.WithContext(r.Context()) // the server goes by the body of its own copy
		r.Body = body
	}
	defer func() {
		if !body.whole {
			_ = control.SetReadDeadline(time.Now().Add(p.linger))
		}
		_ = control.SetWriteDeadline(p.deadline(time.Now(), 0, 0)) // for what is still in the buffer
	}()
	handler.ServeHTTP(answer, r)
}

// pacedBody is the body of a request.
type pacedBody struct {
	io.ReadCloser
	pace    pace
	control *http.ResponseController
	start   time.Time
	n       int64
	whole   bool // it was read to its end
}

func (b *pacedBody) Read(p []byte) (int, error) {
	if b.start.IsZero() {
		b.start = time.Now()
	}
	_ = b.control.SetReadDeadline(b.pace.deadline(b.start, b.n, 0))
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	if err == io.EOF {
		b.whole = true
		_ = b.control.SetReadDeadline(time.Time{}) // the server waits in the background for the client to hang up
	}
	return n, err
}

// pacedAnswer is the answer to a request.
type pacedAnswer struct {
	http.ResponseWriter
	pace    pace
	control *http.ResponseController
	body    *pacedBody
	expects bool // the client waits for 100 before it sends the body
	start   time.Time
	n       int64
	headed  bool
}

// WriteHeader implements http.ResponseWriter. When the body is not read, its rest is not
// waited for: the connection ends with this answer, unless the rest is here already.
func (a *pacedAnswer) WriteHeader(status int) {
	if status >= 200 && !a.headed {
		a.headed = true
		if !a.body.whole && !a.rest() {
			a.Header().Set("Connection", "close")
		}
	}
	_ = a.control.SetWriteDeadline(a.pace.deadline(time.Now(), 0, 0))
	a.ResponseWriter.WriteHeader(status)
}

// rest reads what is left of the body if it is here already, and reports whether it is.
func (a *pacedAnswer) rest() bool {
	if a.expects {
		return false // reading would ask for the body
	}
	_ = a.control.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := io.Copy(io.Discard, io.LimitReader(a.body.ReadCloser, 64<<10+1))
	var one [1]byte
	if err == nil {
		_, err = a.body.ReadCloser.Read(one[:])
	}
	a.body.whole = err == io.EOF
	_ = a.control.SetReadDeadline(time.Time{})
	return a.body.whole
}

// Write implements http.ResponseWriter.
func (a *pacedAnswer) Write(p []byte) (int, error) {
	if !a.headed {
		a.WriteHeader(http.StatusOK)
	}
	if a.start.IsZero() {
		a.start = time.Now()
	}
	_ = a.control.SetWriteDeadline(a.pace.deadline(a.start, a.n, int64(len(p))))
	n, err := a.ResponseWriter.Write(p)
	a.n += int64(n)
	return n, err
}

// Flush implements http.Flusher.
func (a *pacedAnswer) Flush() {
	if !a.headed {
		a.WriteHeader(http.StatusOK)
	}
	_ = a.control.Flush()
}

// Unwrap is for http.ResponseController.
func (a *pacedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
