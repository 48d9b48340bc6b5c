// Package local is the café in one process. It does what AWS does around the functions: the
// gateway plays API Gateway (authorizer, throttle, request ids), the pump plays the event
// source mappings of the table's stream, and the schedule plays EventBridge. The handlers
// they call are those that run in Lambda. Open wires it all.
package local

import (
	"errors"
	"net/http"
	"time"

	"cafe/api/rest"

	"cafe/api"
	"cafe/api/cors"
	"cafe/internal/auth"
	"cafe/internal/cafe"
	"cafe/internal/panics"
	"cafe/model"
)

// Gateway stands in front of the router. It gives each request an id, lets the pages of the
// origins call, checks the token, and throttles. A request without a valid token goes on
// too: the router knows which routes need one. /health is never throttled, so that who
// watches the café learns that it is up however busy it is.
func Gateway(router http.Handler, verifier *auth.Verifier, throttle *Throttle, origins []string) http.Handler {
	next := cors.Allow(origins, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := w.Header().Get("X-Request-Id")
		ctx := rest.WithRequestID(r.Context(), id)
		if r.URL.Path == "/health" {
			router.ServeHTTP(w, r.WithContext(ctx))
			return
		}
		by, expires, known, err := callerOf(r, verifier)
		if err != nil {
			rest.WriteProblem(w, r, rest.Unavailable(), id)
			return
		}
		if seconds := throttle.take(r, by, known); seconds > 0 {
			rest.WriteProblem(w, r, rest.TooManyRequests(seconds), id)
			return
		}
		if known {
			if by.Role != model.RoleCustomer {
				trust(ctx)
			}
			ctx = cafe.WithCaller(ctx, by)
			if r.URL.Path == eventsPath {
				ctx = withExpiry(ctx, expires)
			}
		}
		router.ServeHTTP(w, r.WithContext(ctx))
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.Head(w.Header(), rest.NewRequestID())
		next.ServeHTTP(w, r)
	})
}

// callerOf returns who a request's token says is calling, until when, and whether it is valid.
// An error means that this cannot be known now.
func callerOf(r *http.Request, verifier *auth.Verifier) (by cafe.Caller, expires time.Time, known bool, err error) {
	token, err := auth.FromBearer(r.Header.Values("Authorization"))
	if err != nil {
		return by, expires, false, nil
	}
	who, err := verifier.Verify(r.Context(), token)
	switch {
	case errors.Is(err, auth.ErrKeysUnavailable):
		return by, expires, false, err
	case err != nil:
		return by, expires, false, nil
	}
	return cafe.Caller{ID: who.Subject, Role: who.Role}, who.Expires, true, nil
}

// Server returns an HTTP server with the deadlines that an open port needs: for a request's
// header, and for bodies and answers by their progress (see pace). When the handler panics,
// the connection ends and the log says where it was; net/http would also log what the panic
// held. A request that net/http itself refuses (no HTTP, or too large a header) reaches no
// handler; its answer is made a problem on the way (see refusal).
func Server(handler http.Handler) *http.Server { return serverAt(usualPace, handler) }

// maxHeader is how many bytes of a request's header are taken, about.
const maxHeader = 64 << 10

func serverAt(p pace, handler http.Handler) *http.Server {
	return &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c := connectionOf(r.Context()); c != nil {
				c.begin()
				defer c.end()
			}
			defer func() {
				if p := recover(); p != nil {
					_ = panics.Error(r.Context(), p, "method", r.Method)
					panic(http.ErrAbortHandler)
				}
			}()
			p.serve(handler, w, r)
		}),
		ConnContext:       withConnection,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,

		DisableGeneralOptionsHandler: true, // OPTIONS * is answered as any other path
	}
}
