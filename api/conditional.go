package api

import (
	"net/http"
	"strconv"
	"strings"

	"cafe/internal/cafe"
)

// etag is the entity tag of a version (RFC 9110, section 8.8.3).
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// ifMatch returns the caller's If-Match as a condition, nil when there is none. Tags are
// compared strongly: a weak one matches nothing.
func ifMatch(r *http.Request) cafe.Match {
	values := r.Header.Values("If-Match")
	if len(values) == 0 {
		return nil
	}
	return func(version int64) bool { return listed(values, etag(version), false) }
}

// notModified tells whether the caller's If-None-Match has the tag, compared weakly.
func notModified(r *http.Request, tag string) bool {
	return listed(r.Header.Values("If-None-Match"), tag, true)
}

func listed(headers []string, tag string, weakly bool) bool {
	for _, header := range headers {
		for _, t := range strings.Split(header, ",") {
			t = strings.TrimSpace(t)
			if weakly {
				t = strings.TrimPrefix(t, "W/")
			}
			if t == "*" || t == tag {
				return true
			}
		}
	}
	return false
}
