package main

import (
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/go-json-experiment/json"
)

// typeNames returns the text of a type, which is "integer" or ["integer", "null"].
func typeNames(v jsontext.Value) string {
	var several []string
	if json.Unmarshal(v, &several) == nil {
		return template.HTMLEscapeString(strings.Join(several, " or "))
	}
	return template.HTMLEscapeString(plain(v))
}

func between(b *strings.Builder, least, most *int64, unit string) {
	switch {
	case least != nil && most != nil:
		fmt.Fprintf(b, ", %s to %s%s", thousands(*least), thousands(*most), unit)
	case most != nil:
		fmt.Fprintf(b, ", at most %s%s", thousands(*most), unit)
	case least != nil && *least == 1 && unit != "":
		b.WriteString(", not empty")
	case least != nil:
		fmt.Fprintf(b, ", at least %s%s", thousands(*least), unit)
	}
}

// thousands returns a number with thin spaces between thousands.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

// phrase returns the name of a status code by RFC 9110. net/http has older names for some.
func phrase(status string) string {
	switch status {
	case "413":
		return "Content Too Large"
	case "422":
		return "Unprocessable Content"
	}
	n, _ := strconv.Atoi(status) // a status that is not a number has no name
	return http.StatusText(n)
}

// plain returns a value as text, and a string without its quotes.
func plain(v jsontext.Value) string {
	var s string
	if json.Unmarshal(v, &s) == nil && v.Kind() == '"' {
		return s
	}
	return string(v)
}

// compact returns a value on one line, with spaces.
func compact(v jsontext.Value) string {
	v = v.Clone()
	if err := v.Format(jsontext.Multiline(false), jsontext.SpaceAfterComma(true), jsontext.SpaceAfterColon(true)); err != nil {
		return ""
	}
	return string(v)
}

// pretty returns a value with indentation. A part that fits on a narrow line, such as that of
// a phone, stays on one line.
func pretty(v jsontext.Value) string { return spread(v, "") }

func spread(v jsontext.Value, indent string) string {
	const width = 76
	line := compact(v)
	if kind := v.Kind(); len(indent)+len(line) <= width || kind != '{' && kind != '[' {
		return line
	}
	inner := indent + "  "
	var parts []string
	if v.Kind() == '{' {
		var object members[jsontext.Value]
		if json.Unmarshal(v, &object) != nil {
			return line
		}
		for _, m := range object {
			name, err := jsontext.AppendQuote(nil, m.Name)
			if err != nil {
				return line
			}
			parts = append(parts, inner+string(name)+": "+spread(m.Value, inner))
		}
		return "{\n" + strings.Join(parts, ",\n") + "\n" + indent + "}"
	}
	var list []jsontext.Value
	if json.Unmarshal(v, &list) != nil {
		return line
	}
	for _, e := range list {
		parts = append(parts, inner+spread(e, inner))
	}
	return "[\n" + strings.Join(parts, ",\n") + "\n" + indent + "]"
}

// prose converts a description to HTML. It knows the parts of CommonMark that the document
// uses: paragraphs, lists with -, **strong** and `code`.
func prose(s string) template.HTML {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(s), "\n\n") {
		if strings.HasPrefix(paragraph, "- ") {
			b.WriteString("<ul>")
			for line := range strings.SplitSeq(paragraph, "\n") {
				b.WriteString("<li>" + string(inline(strings.TrimPrefix(line, "- "))) + "</li>")
			}
			b.WriteString("</ul>")
			continue
		}
		b.WriteString("<p>" + string(inline(paragraph)) + "</p>")
	}
	return template.HTML(b.String()) //nolint:gosec // every part is escaped
}

// inline does the same for a text without paragraphs and lists.
func inline(s string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(s, "`") {
		part = template.HTMLEscapeString(part)
		if i%2 == 1 {
			b.WriteString("<code>" + part + "</code>")
			continue
		}
		for j, strong := range strings.Split(part, "**") {
			if j%2 == 1 {
				strong = "<strong>" + strong + "</strong>"
			}
			b.WriteString(strong)
		}
	}
	return template.HTML(b.String()) //nolint:gosec // every part is escaped
}
