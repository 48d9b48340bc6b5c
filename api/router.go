// Package api is the café's HTTP API. It decodes requests strictly, calls package cafe, and
// encodes the answers. It takes the caller's identity from the context (cafe.CallerOf) and
// never sees a token. The same router serves the local gateway and API Gateway's events.
package api

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"cafe/api/rest"

	"github.com/gin-gonic/gin"

	"cafe/api/listen"
	"cafe/internal/cafe"
	"cafe/internal/closing"
	"cafe/internal/daily"
	"cafe/internal/deadletters"
	"cafe/internal/events"
	"cafe/internal/house"
	"cafe/internal/imports"
	"cafe/internal/ledger"
	"cafe/internal/panics"
	"cafe/internal/webhooks"
	"cafe/model"
)

// Options are the settings of the router.
type Options struct {
	CursorKey []byte        // signs the cursors of lists, and quotes; the same in every process of one café, 16 bytes or more
	Version   string        // of the service, for /health
	URL       string        // where clients reach the café, for the reference; empty: where each of them did
	Links     imports.Links // where uploads go, and rejects come from
	Live      listen.Live   // lets readers of events wait; nil: their streams end at once
}

// route is an entry of the route table.
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

// server has the fields that all handlers use.
type server struct {
	cafe     *cafe.Cafe
	ledger   *ledger.Ledger
	imports  *imports.Importer
	reports  *daily.Reporter
	events   *events.Log
	live     listen.Live
	books    *closing.Books
	cursors  rest.Cursors
	version  string
	letters  *deadletters.Box
	webhooks *webhooks.Hooks
	links    imports.Links
	url      string

	staffClose bool // staff may close days
}

// routes returns the route table. HEAD works wherever GET does.
func (s *server) routes() []route {
	return []route{
		{"GET", "/health", nil, s.health},
		{"GET", "/openapi.json", nil, s.openAPI},
		{"GET", "/asyncapi.json", nil, s.asyncAPI},
		{"GET", "/docs", nil, s.docs},
		{"GET", "/problems/:kind", nil, s.getProblem},

		{"GET", "/menu", nil, s.listMenu},
		{"GET", "/menu/:sku", nil, s.getMenuItem},
		{"PUT", "/menu/:sku", staff, s.putMenuItem},
		{"DELETE", "/menu/:sku", owner, s.deleteMenuItem},

		{"GET", "/pricing", nil, s.getPricing},
		{"PUT", "/pricing", owner, s.putPricing},

		{"POST", "/orders", anyRole, s.placeOrder},
		{"POST", "/orders/quote", anyRole, s.quoteOrder},
		{"GET", "/orders", anyRole, s.listOrders},
		{"GET", "/orders/:id", anyRole, s.getOrder},
		{"PATCH", "/orders/:id", anyRole, s.amendOrder},
		{"PUT", "/orders/:id/status", anyRole, s.advanceOrder},
		{"DELETE", "/orders/:id", staff, s.deleteOrder},
		{"POST", "/orders/:id/payments", staff, s.payOrder},
		{"POST", "/orders/:id/refunds", staff, s.refundOrder},
		{"GET", "/orders/:id/history", anyRole, s.getHistory},
		{"GET", "/orders/:id/receipt", anyRole, s.getReceipt},

		{"GET", "/customers", staff, s.listCustomers},
		{"GET", "/customers/:id", anyRole, s.getCustomer},
		{"PUT", "/customers/:id", staff, s.putCustomer},
		{"DELETE", "/customers/:id", owner, s.deleteCustomer},
		{"POST", "/customers/:id/payments", staff, s.pay},
		{"GET", "/customers/:id/payments", anyRole, s.listPayments},
		{"GET", "/customers/:id/statement", anyRole, s.getStatement},

		{"GET", "/stock", staff, s.listStock},
		{"PUT", "/stock/:sku", staff, s.putStock},
		{"POST", "/waste", staff, s.tellWaste},
		{"GET", "/waste", staff, s.listWaste},

		{"POST", "/imports", staff, s.beginImport},
		{"GET", "/imports", staff, s.listImports},
		{"GET", "/imports/:id", staff, s.getImport},
		{"DELETE", "/imports/:id", owner, s.undoImport},

		{"POST", "/webhooks", owner, s.createWebhook},
		{"GET", "/webhooks", owner, s.listWebhooks},
		{"GET", "/webhooks/:id", owner, withID(s.getWebhook)},
		{"PATCH", "/webhooks/:id", owner, withID(s.changeWebhook)},
		{"DELETE", "/webhooks/:id", owner, withID(s.deleteWebhook)},
		{"POST", "/webhooks/:id/rotate", owner, withID(s.rotateWebhook)},
		{"POST", "/webhooks/:id/test", owner, withID(s.testWebhook)},
		{"POST", "/webhooks/:id/redeliver", owner, withID(s.redeliverWebhook)},
		{"GET", "/webhooks/:id/deliveries", owner, withID(s.listDeliveries)},

		{"GET", "/dead-letters", owner, s.listDeadLetters},
		{"POST", "/dead-letters/:id/redrive", owner, withID(s.redriveDeadLetter)},
		{"DELETE", "/dead-letters/:id", owner, withID(s.setDeadLetterAside)},
		{"GET", "/events", anyRole, s.listEvents},

		{"GET", "/days", staff, s.listDays},
		{"GET", "/days/:day", staff, s.getDay},
		{"POST", "/days/:day/close", staff, s.closeDay},
		{"GET", "/journal", staff, s.getJournal},

		{"GET", "/reports/:day", owner, s.getReport},
		{"POST", "/reports/:day", owner, s.buildReport},
		{"POST", "/reconcile", owner, s.reconcile},
	}
}

// parameters are the query parameters that each call knows. A call that is not here knows
// none.
var parameters = map[string][]string{
	"GET /menu":                    {"dining", "limit", "cursor"},
	"GET /orders":                  {"customer_id", "status", "day", "due", "sort", "limit", "cursor"},
	"GET /customers/:id/payments":  {"limit", "cursor"},
	"GET /stock":                   {"limit", "cursor"},
	"GET /events":                  {"after", "wait"},
	"GET /waste":                   {"day", "limit", "cursor"},
	"GET /dead-letters":            {"set_aside", "limit", "cursor"},
	"GET /imports":                 {"limit", "cursor"},
	"GET /webhooks/:id/deliveries": {"limit", "cursor"},
	"POST /reconcile":              {"dry_run"},
	"GET /customers":               {"owing", "limit", "cursor"},
	"GET /customers/:id/statement": {"from", "to"},
	"GET /days":                    {"from", "to", "limit", "cursor"},
	"GET /journal":                 {"from", "to", "preset"},
}

// New returns the router.
func New(h *house.House, o Options) (*gin.Engine, error) {
	if len(o.CursorKey) < 16 {
		return nil, fmt.Errorf("the cursor key has %d bytes and needs at least 16", len(o.CursorKey))
	}
	if o.Links == nil {
		return nil, errors.New("Options.Links is not set")
	}
	s := &server{cafe: h.Cafe, ledger: h.Ledger, imports: h.Imports, reports: h.Reports, books: h.Books, staffClose: h.StaffClose, events: h.Events, live: o.Live, letters: h.DeadLetters, webhooks: h.Webhooks, cursors: rest.Cursors{Key: o.CursorKey}, version: o.Version, links: o.Links, url: strings.TrimRight(o.URL, "/")}
	h.SignQuotes(quoteKey(o.CursorKey))
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.RedirectTrailingSlash = false
	e.HandleMethodNotAllowed = true
	e.ForwardedByClientIP = false
	e.Use(identify, access, recovered, headWriter, wholeSegments)
	routes := s.routes()
	e.NoRoute(func(c *gin.Context) { rest.Fail(c, model.ErrNotFound) })
	e.NoMethod(func(c *gin.Context) {
		var own []string // gin counts the methods of /orders/:id for /orders/quote, too
		for _, r := range routes {
			if r.path == c.Request.URL.Path {
				own = append(own, r.method)
				if r.method == http.MethodGet {
					own = append(own, http.MethodHead)
				}
			}
		}
		if own != nil {
			c.Header("Allow", strings.Join(own, ", "))
		}
		rest.Fail(c, rest.NewProblem("method-not-allowed",
			"This path does not have this method. Allow lists its methods."))
	})
	for _, r := range s.routes() {
		known := parameters[r.method+" "+r.path]
		handle := func(c *gin.Context) {
			if r.who != nil {
				c.Writer.Header()["Cache-Control"] = noStore // it is about somebody, or the café's own
			}
			err := admit(c, r.who)
			if err == nil {
				err = checkRequest(c.Request, known)
			}
			if err == nil {
				err = r.handle(c)
			}
			if err != nil {
				rest.Fail(c, err)
			}
		}
		e.Handle(r.method, r.path, handle)
		if r.method == http.MethodGet {
			e.HEAD(r.path, handle)
		}
	}
	return e, nil
}

// admit refuses callers whose role may never call the route.
func admit(c *gin.Context, who []model.Role) error {
	if who == nil {
		return nil
	}
	by, known := cafe.CallerOf(c.Request.Context())
	if !known {
		return rest.Unauthorized()
	}
	if !slices.Contains(who, by.Role) {
		return model.ErrForbidden
	}
	return nil
}

// checkRequest refuses what no call understands: a query parameter that this one does not
// know, and a precondition that is no list of entity tags.
func checkRequest(r *http.Request, known []string) error {
	if r.URL.RawQuery != "" {
		q, err := rest.Query(r)
		if err != nil {
			return err
		}
		var faults []rest.Fault
		for _, name := range slices.Sorted(maps.Keys(q)) {
			if !slices.Contains(known, name) {
				faults = append(faults, rest.Fault{Field: name, Message: "is not a query parameter of this call"})
			}
		}
		if len(faults) > 0 {
			return rest.Malformed("A query parameter is not known.", faults...)
		}
	}
	return rest.CheckPreconditions(r)
}

// wholeSegments answers 404 when a segment of the path holds an escaped slash. The router
// goes by the unescaped path, where it would be a slash like any other.
func wholeSegments(c *gin.Context) {
	if raw := c.Request.URL.RawPath; strings.Contains(raw, "%2F") || strings.Contains(raw, "%2f") {
		c.Writer.Header().Del("Allow") // of the path that it would be without the escape
		rest.Fail(c, model.ErrNotFound)
	}
}

// identify gives the request an id and puts it into the answer. It ignores an id from the
// client.
func identify(c *gin.Context) {
	id := rest.RequestID(c.Request.Context())
	if id == "" {
		id = rest.NewRequestID()
		c.Request = c.Request.WithContext(rest.WithRequestID(c.Request.Context(), id))
	}
	if h := c.Writer.Header(); h["X-Request-Id"] == nil { // the local gateway has set it
		Head(h, id)
	}
}

// Headers that many answers have. A header shares them, so that it is not allocated each
// time. Nothing changes a header's values in place.
var (
	nosniff = []string{"nosniff"}
	noStore = []string{"no-store"}
)

// Head sets the headers that every answer has.
func Head(h http.Header, requestID string) {
	h["X-Request-Id"] = []string{requestID}
	h["X-Content-Type-Options"] = nosniff
}

// access logs a line for each request at level DEBUG, since API Gateway has its own access
// log. The line has the route and not the path, which may name a person.
func access(c *gin.Context) {
	if !slog.Default().Enabled(c.Request.Context(), slog.LevelDebug) {
		return
	}
	start := time.Now()
	c.Next()
	by, _ := cafe.CallerOf(c.Request.Context())
	slog.DebugContext(c.Request.Context(), "request", "request_id", rest.RequestID(c.Request.Context()), "method", c.Request.Method,
		"route", c.FullPath(), "status", c.Writer.Status(), "bytes", c.Writer.Size(),
		"ms", float64(time.Since(start).Microseconds())/1000, "role", string(by.Role))
}

// recovered turns a panic into a 500. The log has the place of the panic but not its value
// (panics.Error).
func recovered(c *gin.Context) {
	defer func() {
		if p := recover(); p != nil {
			err := panics.Error(c.Request.Context(), p, "request_id", rest.RequestID(c.Request.Context()), "route", c.FullPath())
			if !c.Writer.Written() {
				rest.Fail(c, err)
			}
			c.Abort()
		}
	}()
	c.Next()
}

// headWriter drops the body of an answer to HEAD.
func headWriter(c *gin.Context) {
	if c.Request.Method == http.MethodHead {
		c.Writer = bodyless{c.Writer}
	}
}

type bodyless struct{ gin.ResponseWriter }

func (w bodyless) Write(b []byte) (int, error)       { w.WriteHeaderNow(); return len(b), nil }
func (w bodyless) WriteString(s string) (int, error) { w.WriteHeaderNow(); return len(s), nil }

// withID returns a handler of a path with an id, which must be one.
func withID(handle func(c *gin.Context, id string) error) func(*gin.Context) error {
	return func(c *gin.Context) error {
		id, err := rest.PathID(c, "id")
		if err != nil {
			return err
		}
		return handle(c, id)
	}
}

// list returns the parameters of a list: the page size, and the start of the page.
type list struct {
	limit   int
	from    string
	binding string
}

func (s *server) list(c *gin.Context) (l list, err error) {
	q, err := rest.Query(c.Request)
	if err != nil {
		return l, err
	}
	if l.limit, err = rest.PageSize(q); err != nil {
		return l, err
	}
	l.binding = rest.Binding(rest.Caller(c), strings.TrimSuffix(c.Request.URL.Path, "/"), q)
	l.from, err = s.cursors.Open(l.binding, q)
	return l, err
}
