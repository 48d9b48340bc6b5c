// Package api is the café's HTTP surface: it decodes requests strictly, asks package
// cafe, and encodes answers. Who the caller is, it takes from the context
// (cafe.CallerOf); it never looks at a token. The same router serves one machine's
// gateway and API Gateway's events.
package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"cafe/internal/cafe"
	"cafe/model"
)

// Options are what the router needs besides the café.
type Options struct {
	CursorKey []byte     // signs the cursors of lists; the same in every process of one café, 16 bytes or more
	Origin    string     // the one web origin whose pages may call (CORS), such as https://app.example.com; empty: none
	Version   string     // of the service, for /health
	Links     cafe.Links // where uploads go, and rejects come from
}

// route is one line of the route table.
type route struct {
	method, path string
	who          []model.Role // who may ever call it; nil: anyone, with a token or without
	handle       func(*gin.Context) error
}

var (
	anyRole = []model.Role{model.RoleCustomer, model.RoleStaff, model.RoleOwner}
	staff   = []model.Role{model.RoleStaff, model.RoleOwner}
	owner   = []model.Role{model.RoleOwner}
)

// server holds what the handlers share.
type server struct {
	cafe    *cafe.Cafe
	cursors cursors
	version string
	links   cafe.Links
}

// routes is the whole route table. HEAD works wherever GET does.
func (s *server) routes() []route {
	return []route{
		{"GET", "/health", nil, s.health},
		{"GET", "/openapi.json", nil, s.openAPI},
		{"GET", "/docs", nil, s.docs},

		{"GET", "/menu", nil, s.listMenu},
		{"GET", "/menu/:sku", nil, s.getMenuItem},
		{"PUT", "/menu/:sku", staff, s.putMenuItem},
		{"DELETE", "/menu/:sku", owner, s.deleteMenuItem},

		{"POST", "/orders", anyRole, s.placeOrder},
		{"GET", "/orders", anyRole, s.listOrders},
		{"GET", "/orders/:id", anyRole, s.getOrder},
		{"PATCH", "/orders/:id", anyRole, s.amendOrder},
		{"PUT", "/orders/:id/status", anyRole, s.advanceOrder},
		{"DELETE", "/orders/:id", staff, s.deleteOrder},

		{"GET", "/customers/:id", anyRole, s.getCustomer},
		{"PUT", "/customers/:id", staff, s.putCustomer},
		{"DELETE", "/customers/:id", owner, s.deleteCustomer},
		{"POST", "/customers/:id/payments", staff, s.pay},
		{"GET", "/customers/:id/payments", anyRole, s.listPayments},

		{"GET", "/stock", staff, s.listStock},
		{"PUT", "/stock/:sku", staff, s.putStock},

		{"POST", "/imports", staff, s.beginImport},
		{"GET", "/imports/:id", staff, s.getImport},

		{"GET", "/reports/:day", owner, s.getReport},
		{"POST", "/reports/:day", owner, s.buildReport},
		{"POST", "/reconcile", owner, s.reconcile},
	}
}

// New returns the router.
func New(c *cafe.Cafe, o Options) (*gin.Engine, error) {
	if len(o.CursorKey) < 16 {
		return nil, fmt.Errorf("the cursor key has %d bytes; at least 16 are needed", len(o.CursorKey))
	}
	if o.Links == nil {
		return nil, errors.New("there is nowhere to upload files to")
	}
	s := &server{cafe: c, cursors: cursors{o.CursorKey}, version: o.Version, links: o.Links}
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.RedirectTrailingSlash = false
	e.HandleMethodNotAllowed = true
	e.ForwardedByClientIP = false
	e.Use(identify, access, recovered, headless)
	if o.Origin != "" {
		e.Use(cors(o.Origin))
	}
	e.NoRoute(func(c *gin.Context) { fail(c, cafe.ErrNotFound) })
	e.NoMethod(func(c *gin.Context) {
		fail(c, problem(http.StatusMethodNotAllowed, "method-not-allowed", "Method not allowed",
			"This path does not take the method; Allow lists those it does."))
	})
	for _, r := range s.routes() {
		handle := func(c *gin.Context) {
			if err := admit(c, r.who); err != nil {
				fail(c, err)
				return
			}
			if err := r.handle(c); err != nil {
				fail(c, err)
			}
		}
		e.Handle(r.method, r.path, handle)
		if r.method == http.MethodGet {
			e.HEAD(r.path, handle)
		}
	}
	return e, nil
}

// admit refuses callers who may never call the route.
func admit(c *gin.Context, who []model.Role) error {
	if who == nil {
		return nil
	}
	by, known := cafe.CallerOf(c.Request.Context())
	if !known {
		return Unauthorized()
	}
	if !slices.Contains(who, by.Role) {
		return cafe.ErrForbidden
	}
	return nil
}

// caller returns who asks. It is the zero Caller only on routes that anyone may call.
func caller(c *gin.Context) cafe.Caller {
	by, _ := cafe.CallerOf(c.Request.Context())
	return by
}

type requestIDKey struct{}

// WithRequestID returns a context that names the request, for the answer and the log.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// NewRequestID returns a random request id.
func NewRequestID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

func requestID(c *gin.Context) string {
	id, _ := c.Request.Context().Value(requestIDKey{}).(string)
	return id
}

// identify sees to it that the request has an id and the answer names it. An id that a
// client sends is not believed.
func identify(c *gin.Context) {
	id := requestID(c)
	if id == "" {
		id = NewRequestID()
		c.Request = c.Request.WithContext(WithRequestID(c.Request.Context(), id))
	}
	c.Header("X-Request-Id", id)
}

// access logs one line a request: the route and not the path, which may name a person. It
// is for those who look for something, since API Gateway has an access log of its own.
func access(c *gin.Context) {
	if !slog.Default().Enabled(c.Request.Context(), slog.LevelDebug) {
		return
	}
	start := time.Now()
	c.Next()
	by, _ := cafe.CallerOf(c.Request.Context())
	slog.DebugContext(c.Request.Context(), "request", "request_id", requestID(c), "method", c.Request.Method,
		"route", c.FullPath(), "status", c.Writer.Status(), "bytes", c.Writer.Size(),
		"ms", float64(time.Since(start).Microseconds())/1000, "role", string(by.Role))
}

// recovered turns a panic into a 500. The log says where it happened, but not its value
// (cafe.Panicked).
func recovered(c *gin.Context) {
	defer func() {
		if p := recover(); p != nil {
			err := cafe.Panicked(c.Request.Context(), p, "request_id", requestID(c), "route", c.FullPath())
			if !c.Writer.Written() {
				fail(c, err)
			}
			c.Abort()
		}
	}()
	c.Next()
}

// headless drops the body of an answer to HEAD.
func headless(c *gin.Context) {
	if c.Request.Method == http.MethodHead {
		c.Writer = bodyless{c.Writer}
	}
}

type bodyless struct{ gin.ResponseWriter }

func (w bodyless) Write(b []byte) (int, error)       { w.WriteHeaderNow(); return len(b), nil }
func (w bodyless) WriteString(s string) (int, error) { w.WriteHeaderNow(); return len(s), nil }

// cors lets pages of one origin call (the Fetch standard's CORS protocol). Tokens are
// sent as a header, so credentials in the standard's sense, cookies, are not allowed.
func cors(origin string) gin.HandlerFunc {
	return func(c *gin.Context) {
		h := c.Writer.Header()
		h.Add("Vary", "Origin")
		if c.GetHeader("Origin") != origin {
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "ETag, Location, Retry-After, X-Request-Id, Idempotent-Replayed")
		if c.Request.Method == http.MethodOptions && c.GetHeader("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match")
			h.Set("Access-Control-Max-Age", "600")
			c.AbortWithStatus(http.StatusNoContent)
		}
	}
}

// answer writes v as JSON.
func answer(c *gin.Context, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	c.Data(status, "application/json", b)
	return nil
}

// answerTagged writes v as JSON with its tag, or 304 when the caller has it already.
func answerTagged(c *gin.Context, status int, tag string, v any) error {
	c.Header("ETag", tag)
	if (c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead) && notModified(c.Request, tag) {
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return nil
	}
	return answer(c, status, v)
}

func noContent(c *gin.Context) error {
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
	return nil
}

// pathID returns a path parameter that is an id, or ErrNotFound: what is no id names
// nothing.
func pathID(c *gin.Context, name string) (string, error) {
	id := c.Param(name)
	if !model.ValidID(id) {
		return "", cafe.ErrNotFound
	}
	return id, nil
}

// newID returns a path parameter that names something to create, or says what is wrong
// with it.
func newID(c *gin.Context, name string) (string, error) {
	id := c.Param(name)
	if !model.ValidID(id) {
		return "", model.Invalid{{Field: name, Message: "must be 1 to 64 characters of A–Z, a–z, 0–9, _ and -"}}
	}
	return id, nil
}

// list reads what every list call has: the page size, and where the page begins.
type list struct {
	limit   int
	from    string
	binding string
}

func (s *server) list(c *gin.Context) (l list, err error) {
	q, err := query(c.Request)
	if err != nil {
		return l, err
	}
	if l.limit, err = pageSize(q); err != nil {
		return l, err
	}
	l.binding = binding(caller(c), strings.TrimSuffix(c.Request.URL.Path, "/"), q)
	l.from, err = s.cursors.open(l.binding, q)
	return l, err
}
