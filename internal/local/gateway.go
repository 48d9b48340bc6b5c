// Package local is the café in one process. It does what AWS does around the functions: the
// gateway plays API Gateway (authorizer, throttle, request ids), the pump plays the event
// source mappings of the table's stream, and the schedule plays EventBridge. The handlers
// they call are those that run in Lambda. Open wires it all.
package local

import (
	"errors"
	"math"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"cafe/api"
	"cafe/internal/auth"
	"cafe/internal/cafe"
	"cafe/internal/panics"
)

// Gateway stands in front of the router. It gives each request an id, throttles, and checks
// the token. A request without a valid token goes on too: the router knows which routes need
// one.
func Gateway(router http.Handler, verifier *auth.Verifier, limit *rate.Limiter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := api.NewRequestID()
		w.Header().Set("X-Request-Id", id)
		ctx := api.WithRequestID(r.Context(), id)
		if !limit.Allow() {
			seconds := math.Ceil(1 / float64(limit.Limit()))
			api.WriteProblem(w, r, api.TooManyRequests(int(seconds)), id)
			return
		}
		token, err := auth.FromBearer(r.Header.Values("Authorization"))
		if err == nil {
			var who auth.Identity
			who, err = verifier.Verify(ctx, token)
			if err == nil {
				ctx = cafe.WithCaller(ctx, cafe.Caller{ID: who.Subject, Role: who.Role})
			}
		}
		if errors.Is(err, auth.ErrKeysUnavailable) {
			api.WriteProblem(w, r, api.Unavailable(), id)
			return
		}
		router.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Server returns an HTTP server with the time-outs that an open port needs. When the handler
// panics, the connection ends and the log says where it was; net/http would also log what the
// panic held. A request that net/http itself refuses (no HTTP, or too large a header) gets no
// request id, since it reaches no handler.
func Server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if p := recover(); p != nil {
					_ = panics.Error(r.Context(), p, "method", r.Method)
					panic(http.ErrAbortHandler)
				}
			}()
			handler.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,

		DisableGeneralOptionsHandler: true, // OPTIONS * is answered as any other path
	}
}
