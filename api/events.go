package api

import (
	"net/http"
	"strconv"
	"time"

	"cafe/api/rest"

	"github.com/gin-gonic/gin"

	"cafe/api/header"
	"cafe/api/listen"
	"cafe/internal/events"
	"cafe/model"
)

const formStream = "text/event-stream"

// longestWait is for how many seconds a page of events may be waited for.
const longestWait = 20

// listEvents answers with a stream of events that stays open, where the process is one that
// can wait; with a stream that ends, elsewhere; or with a page as JSON.
func (s *server) listEvents(c *gin.Context) error {
	h := c.Writer.Header()
	h.Add("Vary", "Accept")
	form := header.Preferred(c.Request.Header.Values("Accept"), formStream, formJSON)
	if form == "" {
		return rest.NewProblem("not-acceptable", "Events are available as text/event-stream or application/json.")
	}
	r, wait, err := s.listener(c)
	if err != nil {
		return err
	}
	if form == formJSON {
		page, err := r.Page(c.Request.Context(), wait)
		if err == nil {
			c.Data(http.StatusOK, formJSON, page)
		}
		return err
	}
	h.Set("Content-Type", formStream)
	h.Set("X-Accel-Buffering", "no") // nginx would keep it back (ngx_http_proxy_module, proxy_buffering)
	c.Status(http.StatusOK)
	switch {
	case c.Request.Method == http.MethodHead:
		c.Writer.WriteHeaderNow()
	case s.live == nil:
		return r.Ending(c.Request.Context(), c.Writer)
	default:
		r.Open(c.Request.Context(), c.Writer)
	}
	return nil
}

// listener returns a reader that goes on from where the caller was, and for how long to wait.
// The header is newer than the parameter, since an EventSource keeps its address when it comes
// back (HTML standard, "Server-sent events"). Without either it begins now.
func (s *server) listener(c *gin.Context) (r *listen.Reader, wait time.Duration, err error) {
	q, err := rest.Query(c.Request)
	if err != nil {
		return nil, 0, err
	}
	if text := q.Get("wait"); q.Has("wait") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > longestWait || strconv.Itoa(n) != text {
			return nil, 0, rest.Malformed("A query parameter is not valid.", rest.Fault{Field: "wait", Message: "must be a number of seconds from 0 to 20"})
		}
		wait = time.Duration(n) * time.Second
	}
	r = &listen.Reader{Log: s.events, Live: s.live}
	if by := rest.Caller(c); by.Role == model.RoleCustomer {
		r.Customer = by.ID
	}
	last := c.Request.Header.Get("Last-Event-ID")
	for _, cursor := range []struct {
		field, text string
		given       bool
	}{{"after", q.Get("after"), q.Has("after")}, {"Last-Event-ID", last, last != ""}} { // the last one counts
		if !cursor.given {
			continue
		}
		if r.Cursor, err = events.ParseCursor(cursor.text); err != nil {
			return nil, 0, rest.Malformed("The cursor is not one of this café's events.", rest.Fault{Field: cursor.field, Message: "is not the id of an event or a next_cursor"})
		}
	}
	if last == "" && !q.Has("after") {
		r.Cursor, err = s.events.Head(c.Request.Context())
	}
	return r, wait, err
}
