package render

import (
	"html"
	"strings"
)

// markup is HTML that is safe to send: written in this program, or data that was
// escaped. The compiler sees to it: a constant is markup as it stands, but a string that
// may hold data does not add to markup. Only this file makes one of the other, which
// TestDataBecomesMarkupInOnePlace holds.
//
// Data is safe between tags and in an attribute in double quotes, which attr writes. It
// would not be in a script, in a style, or in an attribute that is an address or a
// program, and no such place on the page has any.
type markup string

// text returns data that reads as it is.
func text(s string) markup { return markup(html.EscapeString(s)) }

// attr returns an attribute with the space before it.
func attr(name markup, value string) markup { return ` ` + name + `="` + text(value) + `"` }

// num returns an attribute that is a length, with the space before it.
func num(name markup, value unit) markup { return attr(name, value.String()) }

// when returns m, or nothing if it is not to be shown.
func when(shown bool, m markup) markup {
	if !shown {
		return ""
	}
	return m
}

// each returns what show makes of the elements, one after the other.
func each[T any](list []T, show func(T) markup) markup {
	var all strings.Builder
	for _, one := range list {
		all.WriteString(string(show(one)))
	}
	return markup(all.String())
}
