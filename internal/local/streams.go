package local

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"cafe/api/rest"

	"cafe/internal/cafe"
	"cafe/model"
)

// eventsPath is where streams of events are.
const eventsPath = "/events"

const (
	// streamsOfCustomer is how many streams of events one customer may hold open.
	streamsOfCustomer = 10
	// staffShare is the part of all streams that customers leave to staff and owners: a tenth.
	staffShare = 10
	// streamAgain is in how many seconds a client comes back that was put off.
	streamAgain = 10
)

// streams bounds how many streams of events are open. A stream holds its connection for as
// long as it likes, so streams get half of the connections at most, and do not count as those
// of their address: a café's own screens, which have one address, leave room for its tills.
type streams struct {
	most int

	mu        sync.Mutex
	open      int
	customers int
	of        map[string]int // by customer
}

func newStreams(connections int) *streams {
	return &streams{most: max(1, connections/2), of: map[string]int{}}
}

// begin makes room for a stream of the caller, and reports whether there is any.
func (s *streams) begin(by cafe.Caller) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	customer := by.Role == model.RoleCustomer
	if s.open >= s.most || customer && (s.of[by.ID] >= streamsOfCustomer || s.customers >= s.most-s.most/staffShare) {
		return false
	}
	s.open++
	if customer {
		s.customers++
		s.of[by.ID]++
	}
	return true
}

func (s *streams) end(by cafe.Caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if by.Role == model.RoleCustomer {
		s.customers--
		if s.of[by.ID]--; s.of[by.ID] == 0 {
			delete(s.of, by.ID)
		}
	}
}

type expiryKey struct{}

// withExpiry says when the caller's token expires.
func withExpiry(ctx context.Context, at time.Time) context.Context {
	return context.WithValue(ctx, expiryKey{}, at)
}

// serve bounds the streams among the requests that the router gets. A stream ends when the
// token with which it was opened expires.
func (s *streams) serve(router http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by, known := cafe.CallerOf(r.Context())
		if !known || !isStream(r) {
			router.ServeHTTP(w, r)
			return
		}
		if !s.begin(by) {
			p := rest.Unavailable()
			if by.Role == model.RoleCustomer {
				p = rest.TooManyRequests(streamAgain)
			}
			rest.WriteProblem(w, r, p, rest.RequestID(r.Context()))
			return
		}
		defer s.end(by)
		if c := connectionOf(r.Context()); c != nil {
			c.leaveAddress()
			defer c.joinAddress()
		}
		if expires, ok := r.Context().Value(expiryKey{}).(time.Time); ok {
			ctx, cancel := context.WithDeadline(r.Context(), expires)
			defer cancel()
			r = r.WithContext(ctx)
		}
		router.ServeHTTP(w, r)
	})
}

// isStream reports whether a request may be answered with a stream of events. A page that is
// waited for ends soon, and is none.
func isStream(r *http.Request) bool {
	return r.URL.Path == eventsPath && (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		!strings.HasPrefix(r.Header.Get("Accept"), "application/json")
}
