package rest

import (
	"net/http"
	"strconv"

	"cafe/api/header"
	"cafe/internal/records"
)

// ETag returns the entity tag of a version (RFC 9110, section 8.8.3).
func ETag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// MatchVersion returns the caller's If-Match and If-None-Match as a condition on a version.
// It returns nil if there is neither.
func MatchVersion(r *http.Request) records.Match {
	if !Conditional(r) {
		return nil
	}
	return func(version int64) bool { return Holds(r, ETag(version), version > 0) }
}

// Conditional reports whether the request has a precondition.
func Conditional(r *http.Request) bool {
	return len(r.Header.Values("If-Match")) > 0 || len(r.Header.Values("If-None-Match")) > 0
}

// Holds reports whether the preconditions allow a change of a resource with the tag (RFC
// 9110, sections 13.1.1 and 13.1.2). If-Match compares strongly, so a weak tag never
// matches.
func Holds(r *http.Request, tag string, exists bool) bool {
	match := r.Header.Values("If-Match")
	if len(match) > 0 && !(exists && header.Listed(match, tag, false)) {
		return false
	}
	return !(exists && header.Listed(r.Header.Values("If-None-Match"), tag, true))
}

// NotModified reports whether the caller's If-None-Match has the tag. It compares weakly.
func NotModified(r *http.Request, tag string) bool {
	return header.Listed(r.Header.Values("If-None-Match"), tag, true)
}

// CheckPreconditions refuses an If-Match or If-None-Match that holds anything but * and
// entity tags, such as a version without its quotes. Otherwise If-None-Match would allow
// what it was sent to prevent.
func CheckPreconditions(r *http.Request) error {
	for _, name := range []string{"If-Match", "If-None-Match"} {
		if !header.AreTags(r.Header.Values(name)) {
			return Malformed("A header is not valid.", Fault{name, `must be * or quoted entity tags such as "1", separated by commas`})
		}
	}
	return nil
}
