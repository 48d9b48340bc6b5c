package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"

	"cafe/internal/cafe"
)

// cursors makes and opens the cursors of lists: where the next page begins, signed
// together with who asked and for what, so that nobody can make one up or use one
// elsewhere.
type cursors struct{ key []byte }

func (k cursors) sign(binding, position string) []byte {
	mac := hmac.New(sha256.New, k.key)
	mac.Write([]byte("cursor\x00" + binding + "\x00" + position))
	return mac.Sum(nil)[:16]
}

// binding is what a cursor belongs to: the caller, the path and the query but for the
// cursor itself and the limit, which may change from page to page.
func binding(by cafe.Caller, path string, q url.Values) string {
	parts := []string{string(by.Role), by.ID, path}
	for _, name := range []string{"customer_id", "status", "day"} {
		parts = append(parts, url.QueryEscape(q.Get(name)))
	}
	return strings.Join(parts, "\x00")
}

// seal makes a cursor; no position makes none.
func (k cursors) seal(binding, position string) string {
	if position == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(k.sign(binding, position), position...))
}

// open returns the position of a cursor made for the same binding; no cursor is the
// first page.
func (k cursors) open(binding string, q url.Values) (position string, err error) {
	if !q.Has("cursor") {
		return "", nil
	}
	text := q.Get("cursor")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text) // which passes over line breaks
	if err != nil || strings.ContainsAny(text, "\r\n") || len(raw) <= 16 || !hmac.Equal(raw[:16], k.sign(binding, string(raw[16:]))) {
		return "", malformed("The cursor is not one of this list.", fieldFault{"cursor", "is not a next_cursor of this list"})
	}
	return string(raw[16:]), nil
}
