// Package http3 takes the place of quic-go's, which Gin links for its RunQUIC. The café never
// calls that. The real package adds 70 KB to the API function, and sets up loggers, ciphers
// and a log format at every cold start. See docs/decisions.md.
package http3

import (
	"errors"
	"net/http"
)

// ListenAndServeQUIC always fails.
func ListenAndServeQUIC(_, _, _ string, _ http.Handler) error {
	return errors.New("HTTP/3 is not served here")
}
