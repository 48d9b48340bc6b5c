// Package header reads the headers of requests that hold lists (entity tags, media types and
// encodings, RFC 9110), keys, and times in their one form.
package header

import (
	"mime"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Preferred returns the media type that the Accept headers rank highest (RFC 9110, section
// 12.5.1). It returns the first of several with the same rank, and "" if they accept none.
// It ignores parameters other than q, and parts that are malformed. Without any valid part
// every type is accepted.
func Preferred(headers []string, offers ...string) (best string) {
	type rank struct {
		specific int // 1 for */*, 2 for text/*, 3 for text/html
		q        float64
	}
	ranks, said := make([]rank, len(offers)), false
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		kind, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q := 1.0
		if text, has := parameters["q"]; has {
			if q, err = strconv.ParseFloat(text, 64); err != nil || !(q >= 0 && q <= 1) {
				continue
			}
		}
		said = true
		for i, offer := range offers {
			family, _, _ := strings.Cut(offer, "/")
			specific := 0
			switch kind {
			case offer:
				specific = 3
			case family + "/*":
				specific = 2
			case "*/*":
				specific = 1
			default:
				continue
			}
			if specific > ranks[i].specific || specific == ranks[i].specific && q > ranks[i].q {
				ranks[i] = rank{specific, q}
			}
		}
	}
	if !said {
		return offers[0]
	}
	most := 0.0
	for i, r := range ranks {
		if r.q > most {
			best, most = offers[i], r.q
		}
	}
	return best
}

// Listed reports whether the headers list the tag, or all tags (*). It ends at what is no
// entity tag: AreTags tells that.
func Listed(headers []string, tag string, weakly bool) bool {
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

// AreTags reports whether the headers hold nothing but * and entity tags, one or more in each.
func AreTags(headers []string) bool {
	for _, rest := range headers {
		for more := true; more; more = rest != "" {
			var ok bool
			if _, rest, ok = nextTag(rest); !ok {
				return false
			}
		}
	}
	return true
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

// Key returns the one key of an Idempotency-Key header, of 1 to 255 printable ASCII
// characters, or "" if there is no such header, and whether it is valid.
func Key(values []string) (key string, ok bool) {
	if len(values) == 0 {
		return "", true
	}
	key = values[0]
	printable := !strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' })
	return key, len(values) == 1 && len(key) >= 1 && len(key) <= 255 && printable
}

// TimePattern is the form of a time in a request, as in the reference. RFC 3339 allows a
// format to require a capital T and Z. time.Parse alone would accept more, such as hours of
// one digit.
var TimePattern = regexp.MustCompile(`^(19[7-9]|[2-9][0-9]{2})[0-9]-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`)

// Time parses an RFC 3339 time, and reports whether it is one.
func Time(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, s)
	return t, err == nil && TimePattern.MatchString(s)
}
