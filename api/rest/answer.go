package rest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"cafe/internal/cafe"
	"cafe/model"
)

// JSONType is the header of every answer in JSON. It is one slice for all of them.
var JSONType = []string{"application/json"}

type requestIDKey struct{}

// WithRequestID returns a context with the id of the request, for the answer and the log.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// NewRequestID returns a random request id.
func NewRequestID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// RequestID returns the id of the request, or "" if it has none yet.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

func requestID(c *gin.Context) string { return RequestID(c.Request.Context()) }

// Answer answers with v as JSON.
func Answer(c *gin.Context, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	Send(c, status, b)
	return nil
}

// Send answers with JSON. It does without Gin's renderers, which answer the same more slowly.
func Send(c *gin.Context, status int, b []byte) {
	c.Writer.Header()["Content-Type"] = JSONType
	c.Writer.WriteHeader(status)
	_, _ = c.Writer.Write(b) // an error means that the client has gone
}

// Unchanged gives the answer its tag. If the caller reads and has that tag, it answers 304 and
// returns true.
func Unchanged(c *gin.Context, tag string) bool {
	c.Writer.Header()["Etag"] = []string{tag}
	if c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead || !NotModified(c.Request, tag) {
		return false
	}
	c.Status(http.StatusNotModified)
	c.Writer.WriteHeaderNow()
	return true
}

// AnswerTagged answers with v as JSON and its tag, or with 304 if the caller has it.
func AnswerTagged(c *gin.Context, status int, tag string, v any) error {
	if Unchanged(c, tag) {
		return nil
	}
	return Answer(c, status, v)
}

// AnswerList answers 200 with v, such as a list, as JSON and with a tag of its content, or with
// 304 if the caller has it.
func AnswerList(c *gin.Context, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	if !Unchanged(c, TagOf(b)) {
		Send(c, http.StatusOK, b)
	}
	return nil
}

// NoContent answers 204.
func NoContent(c *gin.Context) error {
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
	return nil
}

// PathID returns a path parameter that is an id. It returns ErrNotFound if the parameter
// cannot be an id.
func PathID(c *gin.Context, name string) (string, error) {
	id := c.Param(name)
	if !model.ValidID(id) {
		return "", model.ErrNotFound
	}
	return id, nil
}

// NewID returns a path parameter that is the id of something to create. It returns an
// Invalid if the parameter cannot be an id.
func NewID(c *gin.Context, name string) (string, error) {
	id := c.Param(name)
	if !model.ValidID(id) {
		return "", model.Invalid{{Field: name, Message: "must be 1 to 64 characters of A–Z, a–z, 0–9, _ and -"}}
	}
	return id, nil
}

// Caller returns the caller. It is the zero Caller only on routes that anyone may call.
func Caller(c *gin.Context) cafe.Caller {
	by, _ := cafe.CallerOf(c.Request.Context())
	return by
}

// TagOf returns the entity tag of an answer's bytes.
func TagOf(b []byte) string {
	id := model.DeriveID("etag", string(b))
	return `"` + base64.RawURLEncoding.EncodeToString([]byte(id))[:22] + `"`
}
