package local

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"cafe/api/rest"
)

// net/http answers some requests itself, in plain text and without calling the handler: what
// is no HTTP (400), too large a header (431), a transfer coding or a version that it does not
// know (501, 505), and an expectation other than 100-continue (417). A connection makes
// problems of these answers, with the request's id.
//
// refusal returns the status of such an answer and what it says beside the status, if p is
// one. No answer of the gateway begins so, and no other write is looked at (see answering).
func refusal(p []byte) (status int, says string, is bool) {
	const version, plain = "HTTP/1.1 ", "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	line, rest, _ := bytes.Cut(p, []byte("\r\n"))
	line, found := bytes.CutPrefix(line, []byte(version))
	if !found || len(line) < 3 {
		return 0, "", false
	}
	status, err := strconv.Atoi(string(line[:3]))
	if err != nil || status < 400 {
		return 0, "", false
	}
	if status == http.StatusExpectationFailed {
		return status, "The only expectation that is known is 100-continue.", bytes.HasPrefix(rest, []byte("Connection: close\r\n"))
	}
	_, text, _ := bytes.Cut(line, []byte(": "))
	return status, string(text), bytes.HasPrefix(rest, []byte(plain))
}

// refuse returns an answer of net/http's own as a problem.
func refuse(status int, says string) []byte {
	p := rest.NotWellFormed()
	if status != http.StatusBadRequest {
		title := http.StatusText(status)
		p = &rest.Problem{Type: "about:blank", Title: title, Status: status, Detail: title + "."} // RFC 9457, section 4.2.1
	}
	switch {
	case status == http.StatusRequestHeaderFieldsTooLarge:
		p.Detail = "The header is larger than " + strconv.Itoa(maxHeader) + " bytes."
	case says != "" && status == http.StatusBadRequest:
		p.Detail = "The request is not well-formed: " + says + "."
	case says != "":
		p.Detail = says
	}
	id := rest.NewRequestID()
	slog.Debug("request", "request_id", id, "status", status, "refused", p.Detail)
	a := written{header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}}
	rest.WriteProblem(&a, &http.Request{URL: &url.URL{Path: "/"}}, p, id)
	var b bytes.Buffer
	_ = (&http.Response{ // a Buffer takes all
		ProtoMajor: 1, ProtoMinor: 1, StatusCode: status, Header: a.header, Close: true,
		Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()),
	}).Write(&b)
	return b.Bytes()
}

// written is an http.ResponseWriter that keeps an answer.
type written struct {
	header http.Header
	body   bytes.Buffer
}

func (w *written) Header() http.Header         { return w.header }
func (w *written) WriteHeader(int)             {}
func (w *written) Write(p []byte) (int, error) { return w.body.Write(p) }
