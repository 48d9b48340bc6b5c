package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"cafe/internal/closing"
	"cafe/internal/metric"
	"cafe/internal/table"
	"cafe/internal/webhooks"
	"cafe/model"
	"cafe/model/pricing"
)

// BadQuote is what is wrong with a quote that the café did not give.
const BadQuote = "is not a quote of this café"

// Problem is an error in the form that clients see (RFC 9457). It implements error, so that
// a handler can return it.
type Problem struct {
	Type      string  `json:"type"`
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Detail    string  `json:"detail"`
	Instance  string  `json:"instance"`
	RequestID string  `json:"request_id"`
	Errors    []Fault `json:"errors,omitempty"`

	retryAfter int // the Retry-After header in seconds; 0 for none
}

// Fault says what is wrong with a field, which is named by its JSON pointer or as a parameter.
type Fault struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

func (p *Problem) Error() string { return p.Title + ": " + p.Detail }

// NewProblem returns a problem of a kind in ProblemKinds.
func NewProblem(kind, detail string, faults ...Fault) *Problem {
	k, known := KindOf(kind)
	if !known {
		panic("no such kind of problem: " + kind)
	}
	return &Problem{Type: k.Type(), Title: k.Title, Status: k.Status, Detail: detail, Errors: faults}
}

// Malformed returns the problem for a request that cannot be read.
func Malformed(detail string, faults ...Fault) *Problem {
	return NewProblem("malformed-request", detail, faults...)
}

// RetryIn lets the answer say after how many seconds the request may be sent again.
func (p *Problem) RetryIn(seconds int) *Problem {
	p.retryAfter = seconds
	return p
}

// NotWellFormed is the answer to a request that cannot be read as HTTP.
func NotWellFormed() *Problem { return Malformed("The request is not well-formed.") }

// Unauthorized returns the problem for a caller without a valid token.
func Unauthorized() *Problem {
	return NewProblem("unauthorized",
		"A valid bearer token is required: Authorization: Bearer <JWT>.")
}

// TooManyRequests returns the problem for a caller over the rate limit. The caller may try
// again after the given number of seconds, at least one.
func TooManyRequests(seconds int) *Problem {
	p := NewProblem("too-many-requests",
		"There are too many requests. Try again in a moment.")
	p.retryAfter = max(1, seconds)
	return p
}

// Unavailable returns the problem of a café that cannot reach its store or its keys.
func Unavailable() *Problem {
	p := NewProblem("unavailable",
		"The café cannot answer now. Try again in a moment. Send orders and payments with the same Idempotency-Key, so that they are not taken twice.")
	p.retryAfter = 1
	return p
}

// ProblemOf turns an error into a problem. No other code does that. An unknown error becomes
// a 500 that does not show its cause.
func ProblemOf(err error) *Problem {
	var (
		ready    *Problem
		invalid  model.Invalid
		short    model.Shortages
		illegal  *model.IllegalMove
		refused  *model.Refused
		noReport *model.NoReport
		tooLarge *http.MaxBytesError
	)
	if p := bookProblem(err); p != nil {
		return p
	}
	switch {
	case errors.As(err, &ready):
		return ready
	case errors.As(err, &invalid):
		p := NewProblem("validation", "Some fields are not valid. See errors.")
		for _, f := range invalid {
			p.Errors = append(p.Errors, Fault(f))
		}
		return p
	case errors.As(err, &short):
		p := NewProblem("out-of-stock", "There is not enough stock. Nothing was taken.")
		for _, s := range short {
			for _, line := range s.Lines {
				p.Errors = append(p.Errors, Fault{"/lines/" + strconv.Itoa(line),
					fmt.Sprintf("%d of %s wanted, %d on hand", s.Wanted, s.SKU, s.OnHand)})
			}
		}
		return p
	case errors.As(err, &illegal):
		return NewProblem("illegal-transition",
			fmt.Sprintf("The order is %s; you cannot make it %s.", illegal.From, illegal.To))
	case errors.As(err, &refused):
		return NewProblem(string(refused.Why), refused.Detail)
	case errors.As(err, &tooLarge):
		return NewProblem("body-too-large",
			fmt.Sprintf("The body is larger than %d bytes.", MaxBody))
	case errors.Is(err, table.ErrTooLarge):
		return NewProblem("body-too-large",
			"The request is too large to be stored at once. Ask for less.")
	case errors.As(err, &noReport):
		return NewProblem("not-found", noReport.Reason)
	case errors.Is(err, model.ErrNotFound):
		return NewProblem("not-found", "It does not exist, or you may not see it.")
	case errors.Is(err, model.ErrForbidden):
		return NewProblem("forbidden", "Your role may not do this.")
	case errors.Is(err, pricing.ErrQuoteExpired):
		return NewProblem("quote-expired", "The quote has expired. Ask for a new one.")
	case errors.Is(err, pricing.ErrQuoteMismatch):
		return NewProblem("quote-mismatch", "The quote is for another order. Only the tip, notes, the pickup time and the payment may differ.")
	case errors.Is(err, pricing.ErrQuoteAltered):
		return NewProblem("validation", "Some fields are not valid. See errors.", Fault{"/quote", BadQuote})
	case errors.Is(err, pricing.ErrQuoteAnothers):
		return NewProblem("validation", "Some fields are not valid. See errors.", Fault{"/quote", "was given to another caller"})
	case errors.Is(err, model.ErrKeyReused):
		return NewProblem("idempotency-key-reused",
			"This Idempotency-Key was used before with another body. Use a new key for a new request.")
	case errors.Is(err, model.ErrStale):
		return NewProblem("precondition-failed",
			"The precondition does not hold. Read the resource again, and send its current ETag.")
	case errors.Is(err, model.ErrPreconditionRequired):
		return NewProblem("precondition-required",
			"This change needs If-Match with the ETag of your last read.")
	case errors.Is(err, model.ErrNotAmendable):
		return NewProblem("not-amendable", "Only an order that is still placed, and of which nothing was given back, can be amended.")
	case errors.Is(err, model.ErrImportRunning):
		return NewProblem("import-running", "The import is still running. Take it back when it is done or failed.")
	case errors.Is(err, webhooks.ErrTooMany):
		return NewProblem("too-many-webhooks", fmt.Sprintf("There are %d endpoints, which is as many as may be. Delete one that is not used.", webhooks.Most))
	case errors.Is(err, webhooks.ErrInactive):
		return NewProblem("webhook-inactive", "The endpoint gets no events now. Make it active first.")
	case errors.Is(err, table.ErrThrottled), errors.Is(err, table.ErrUnavailable), errors.Is(err, table.ErrConflict),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Unavailable()
	}
	return NewProblem("internal",
		"Something went wrong on our side. Quote the request_id when you report it.")
}

// Fail answers with the problem for the error. It logs the error if its status is 500 or
// more.
func Fail(c *gin.Context, err error) {
	p := ProblemOf(err)
	metric.Emit([]metric.Figure{{Name: "Refusals", Value: 1, Unit: metric.Count}},
		metric.Dimension{Name: "Reason", Value: strings.TrimPrefix(p.Type, "/problems/")})
	if p.Status >= 500 {
		level := slog.LevelError
		if p.Status == http.StatusServiceUnavailable {
			level = slog.LevelWarn
		}
		slog.Log(c.Request.Context(), level, "request failed", "request_id", requestID(c), "method", c.Request.Method,
			"route", c.FullPath(), "status", p.Status, "error", err.Error())
	}
	WriteProblem(c.Writer, c.Request, p, requestID(c))
	c.Abort()
}

// WriteProblem answers with the problem. The local gateway uses it for requests that it
// refuses itself.
func WriteProblem(w http.ResponseWriter, r *http.Request, p *Problem, requestID string) {
	if p.Status >= 500 {
		metric.Fault()
	}
	answer := *p
	answer.Instance, answer.RequestID = Base(r.Context())+r.URL.EscapedPath(), requestID
	if strings.HasPrefix(answer.Instance, "//") { // a reference that begins with // names a host (RFC 3986, section 4.2)
		answer.Instance = "/." + answer.Instance
	}
	b, err := json.Marshal(answer)
	if err != nil { // the path is not UTF-8
		answer.Instance = ""
		b, _ = json.Marshal(answer)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Request-Id", requestID)
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="cafe"`)
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(b) // an error means that the client has gone
}

// bookProblem turns the errors of closing into problems; nil: it is none of them.
func bookProblem(err error) *Problem {
	switch e := err.(type) {
	case *closing.NotYet:
		return NewProblem("day-not-over", e.Reason)
	case *closing.Behind:
		p := NewProblem("unavailable", "Some of the day's newest orders and payments ("+strconv.FormatInt(e.Missing, 10)+") have not reached the books yet. Nothing was closed. Try again in a moment.")
		p.retryAfter = 2
		return p
	}
	if err == closing.ErrClosed {
		return NewProblem("day-closed", "The day is closed already, with another count. A close is never changed; what comes later is carried by the next one.")
	}
	return nil
}
