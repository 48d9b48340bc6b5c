package api

import (
	"net/http"
	"strconv"

	"cafe/api/header"
	"cafe/internal/cafe"
	"cafe/internal/records"
	"cafe/model"
)

// etag returns the entity tag of a version (RFC 9110, section 8.8.3).
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// matchVersion returns the caller's If-Match and If-None-Match as a condition on a version.
// It returns nil if there is neither.
func matchVersion(r *http.Request) records.Match {
	if !conditional(r) {
		return nil
	}
	return func(version int64) bool { return holds(r, etag(version), version > 0) }
}

// matchItem is like matchVersion, but for an item of the menu, whose tag depends on its
// content.
func matchItem(r *http.Request) cafe.ItemMatch {
	if !conditional(r) {
		return nil
	}
	return func(was model.Item, known bool) bool {
		tag, err := contentTag(itemAnswer(was))
		return err == nil && holds(r, tag, known)
	}
}

func conditional(r *http.Request) bool {
	return len(r.Header.Values("If-Match")) > 0 || len(r.Header.Values("If-None-Match")) > 0
}

// holds reports whether the preconditions allow a change of a resource with the tag (RFC
// 9110, sections 13.1.1 and 13.1.2). If-Match compares strongly, so a weak tag never
// matches.
func holds(r *http.Request, tag string, exists bool) bool {
	match := r.Header.Values("If-Match")
	if len(match) > 0 && !(exists && header.Listed(match, tag, false)) {
		return false
	}
	return !(exists && header.Listed(r.Header.Values("If-None-Match"), tag, true))
}

// notModified reports whether the caller's If-None-Match has the tag. It compares weakly.
func notModified(r *http.Request, tag string) bool {
	return header.Listed(r.Header.Values("If-None-Match"), tag, true)
}

// checkPreconditions refuses an If-Match or If-None-Match that holds anything but * and
// entity tags, such as a version without its quotes. Otherwise If-None-Match would allow
// what it was sent to prevent.
func checkPreconditions(r *http.Request) error {
	for _, name := range []string{"If-Match", "If-None-Match"} {
		if !header.AreTags(r.Header.Values(name)) {
			return malformed("A header is not valid.", fieldFault{name, `must be * or quoted entity tags such as "1", separated by commas`})
		}
	}
	return nil
}
