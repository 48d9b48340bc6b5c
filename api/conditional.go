package api

import (
	"net/http"
	"strconv"
	"strings"

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
	if len(match) > 0 && !(exists && listed(match, tag, false)) {
		return false
	}
	return !(exists && listed(r.Header.Values("If-None-Match"), tag, true))
}

// notModified reports whether the caller's If-None-Match has the tag. It compares weakly.
func notModified(r *http.Request, tag string) bool {
	return listed(r.Header.Values("If-None-Match"), tag, true)
}

// listed reports whether the headers list the tag, or all tags (*). It ends at what is no
// entity tag: checkPreconditions has refused that already.
func listed(headers []string, tag string, weakly bool) bool {
	for _, rest := range headers {
		for rest != "" {
			t, after, ok := nextTag(rest)
			if !ok {
				break
			}
			if weakly {
				t = strings.TrimPrefix(t, "W/")
			}
			if t == "*" || t == tag {
				return true
			}
			rest = after
		}
	}
	return false
}

// checkPreconditions refuses an If-Match or If-None-Match that holds anything but * and
// entity tags, such as a version without its quotes. Otherwise If-None-Match would allow
// what it was sent to prevent.
func checkPreconditions(r *http.Request) error {
	for _, name := range []string{"If-Match", "If-None-Match"} {
		for _, rest := range r.Header.Values(name) {
			for more := true; more; more = rest != "" {
				var ok bool
				if _, rest, ok = nextTag(rest); !ok {
					return malformed("A header is not valid.", fieldFault{name, `must be * or quoted entity tags such as "1", separated by commas`})
				}
			}
		}
	}
	return nil
}

// nextTag returns the first member of a list of entity tags (RFC 9110, section 8.8.3), what
// follows it, and whether it is one. Empty members are skipped, as section 5.6.1.2 asks.
func nextTag(list string) (tag, rest string, ok bool) {
	const blank = " \t,"
	list = strings.TrimLeft(list, blank)
	n := tagLength(list)
	tag, rest = list[:n], strings.TrimLeft(list[n:], " \t")
	ok = n > 0 && (rest == "" || rest[0] == ',')
	return tag, strings.TrimLeft(rest, blank), ok
}

// tagLength returns the length of the * or the entity tag that s begins with, or 0.
func tagLength(s string) int {
	if strings.HasPrefix(s, "*") {
		return 1
	}
	at := len(s) - len(strings.TrimPrefix(s, "W/"))
	if at >= len(s) || s[at] != '"' {
		return 0
	}
	for i := at + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c < 0x21 || c == 0x7f:
			return 0
		}
	}
	return 0
}
