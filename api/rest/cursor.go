package rest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strings"

	"cafe/internal/cafe"
)

// Cursors makes and opens the cursors of lists. A cursor is the start of the next page. It
// is signed together with the caller and the query, so that nobody can invent one or use
// one for another list.
type Cursors struct{ Key []byte }

func (k Cursors) sign(binding, position string) []byte {
	mac := hmac.New(sha256.New, k.Key)
	mac.Write([]byte("cursor\x00" + binding + "\x00" + position))
	return mac.Sum(nil)[:16]
}

// Binding returns the text that a cursor is bound to: the caller, the path and the query.
// The cursor itself and the limit are not part of it, since they may differ from page to
// page.
func Binding(by cafe.Caller, path string, q url.Values) string {
	parts := []string{string(by.Role), by.ID, path}
	for _, name := range []string{"customer_id", "status", "day"} {
		parts = append(parts, url.QueryEscape(q.Get(name)))
	}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		switch name {
		case "customer_id", "status", "day": // always there, as in v0.1.0, whose cursors stay good
		case "limit", "cursor":
		default:
			parts = append(parts, name, url.QueryEscape(q.Get(name)))
		}
	}
	return strings.Join(parts, "\x00")
}

// Seal returns the cursor for a position. An empty position has no cursor.
func (k Cursors) Seal(binding, position string) string {
	if position == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(k.sign(binding, position), position...))
}

// Open returns the position of a cursor with the same binding. An empty cursor is the first
// page. Any other cursor is a malformed request.
func (k Cursors) Open(binding string, q url.Values) (position string, err error) {
	if !q.Has("cursor") {
		return "", nil
	}
	text := q.Get("cursor")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text) // it ignores line breaks
	if err != nil || strings.ContainsAny(text, "\r\n") || len(raw) <= 16 || !hmac.Equal(raw[:16], k.sign(binding, string(raw[16:]))) {
		return "", Malformed("The cursor does not belong to this list.", Fault{"cursor", "is not a next_cursor of this list"})
	}
	return string(raw[16:]), nil
}
