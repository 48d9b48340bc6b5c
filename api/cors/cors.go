// Package cors lets web pages of other origins call the café.
package cors

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// ParseOrigins reads a list of web origins, separated by commas. It refuses what no browser
// sends, and so could never match: a path, a missing scheme, capital letters. It drops a
// scheme's own port, which browsers leave out (RFC 6454, section 6.2). Of an empty text it
// returns none.
func ParseOrigins(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	var origins []string
	for origin := range strings.SplitSeq(text, ",") {
		origin = strings.TrimSpace(origin)
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || origin != u.Scheme+"://"+u.Host || origin != strings.ToLower(origin) || strings.ContainsFunc(origin, neverSent) {
			return nil, fmt.Errorf("no browser sends %q as an origin: write scheme, host and port in lower case, without a path or a slash at the end, such as https://app.example.com", origin)
		}
		switch u.Scheme {
		case "https":
			origin = strings.TrimSuffix(origin, ":443")
		case "http":
			origin = strings.TrimSuffix(origin, ":80")
		}
		origins = append(origins, origin)
	}
	return origins, nil
}

// neverSent reports whether an origin never has the character. A host of other letters than
// ASCII's is sent in its ASCII form (xn--…).
func neverSent(c rune) bool { return c <= ' ' || c > '~' || c == '*' }

// Allow lets web pages of the origins call the handler (Fetch standard, "CORS protocol"), and
// answers their preflights. Every answer carries the headers, refusals too: without them a
// page cannot read why it was refused. Origins are as browsers send them, such as
// https://app.example.com. Tokens are in a header, so cookies, which the standard calls
// credentials, are not allowed.
func Allow(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if !slices.Contains(origins, origin) {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "ETag, Location, Retry-After, X-Request-Id, Idempotent-Replayed")
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID")
		h.Set("Access-Control-Max-Age", "600")
		h.Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(http.StatusNoContent)
	})
}
