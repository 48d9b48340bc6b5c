// Command docspage makes the page of the API's reference from api/openapi.json. It
// compresses both files, and api/asyncapi.json, for package api, which embeds them. Run it with go generate ./api.
//
// The page is made here and not on request. With html/template in a Lambda function the
// linker keeps every exported method of the program. The API function was 20 MB with it and
// half of that without.
package main

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"os"
	"slices"
	"strings"

	"cafe/api/rest"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cafe/api"
)

var (
	//go:embed page.html
	pageTemplate string
	//go:embed page.js
	pageScript string
)

// The files, relative to this folder.
const (
	source     = "../../api/openapi.json"
	packed     = source + ".gz"
	events     = "../../api/asyncapi.json"
	packedPage = "../../api/docs.html.gz"
)

func main() {
	if err := generate(); err != nil {
		fmt.Fprintln(os.Stderr, "docspage: "+err.Error())
		os.Exit(1)
	}
}

func generate() error {
	content, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	page, err := render(content)
	if err != nil {
		return err
	}
	asyncAPI, err := os.ReadFile(events)
	if err != nil {
		return err
	}
	return errors.Join(pack(packed, content), pack(packedPage, page), pack(events+".gz", asyncAPI))
}

// pack writes the content to a gzip file, with a new member wherever the address of the café
// stands (package packed). The members have no name or time, so that equal content
// makes equal files.
func pack(name string, content []byte) error {
	var b bytes.Buffer
	for part := range bytes.SplitSeq(content, []byte(api.DefaultAddress)) {
		w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
		// The part ends at a whole byte, before the empty last block that Close writes.
		if err := errors.Join(w.Flush(), w.Close()); err != nil {
			return err
		}
	}
	return os.WriteFile(name, b.Bytes(), 0o644)
}

// render returns the document as a page for people. The page has the whole document in its
// order, except that deletions come last in their group, and a curl line for every call. The
// lines work one after another. The page loads nothing from other sites.
func render(source []byte) ([]byte, error) {
	var doc document
	if err := json.Unmarshal(source, &doc, json.MatchCaseInsensitiveNames(true)); err != nil {
		return nil, fmt.Errorf("read OpenAPI document: %w", err)
	}
	page, err := template.New("docs").Funcs(template.FuncMap{
		"groups":   doc.groups,
		"request":  doc.request,
		"others":   others,
		"answers":  doc.answers,
		"common":   doc.common,
		"fields":   doc.fields,
		"body":     doc.body,
		"kind":     doc.kind,
		"prose":    prose,
		"inline":   inline,
		"pretty":   pretty,
		"verb":     strings.ToLower,
		"phrase":   phrase,
		"last":     last,
		"problems": func() []rest.ProblemKind { return rest.ProblemKinds },
		"script":   func() template.JS { return template.JS("\n" + pageScript) }, //nolint:gosec // it is our own
		"address":  func() string { return api.DefaultAddress },
	}).Parse(pageTemplate)
	if err != nil {
		return nil, fmt.Errorf("read page template: %w", err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, doc); err != nil {
		return nil, fmt.Errorf("fill page template: %w", err)
	}
	return out.Bytes(), nil
}

// The types below are the parts of OpenAPI 3.1 that the document uses.

// call is an operation with its data for the page.
type call struct {
	operation
	Method, Path string
	Who          []string // roles; empty: anyone
	Parameters   []parameter
}

// group is a tag with its calls.
type group struct {
	Name, Description string
	Calls             []call
}

func (d document) groups() ([]group, error) {
	groups := make([]group, len(d.Tags))
	for i, tag := range d.Tags {
		groups[i] = group{Name: tag.Name, Description: tag.Description}
	}
	for _, path := range d.Paths {
		calls, err := d.calls(path.Name, path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path.Name, err)
		}
		for _, c := range calls {
			for i := range groups {
				if slices.Contains(c.Tags, groups[i].Name) {
					groups[i].Calls = append(groups[i].Calls, c)
				}
			}
		}
	}
	for _, g := range groups { // what is deleted is of no use to the lines after it
		last := func(c call) int {
			if c.Method == "DELETE" {
				return 1
			}
			return 0
		}
		slices.SortStableFunc(g.Calls, func(a, b call) int { return last(a) - last(b) })
	}
	return groups, nil
}

func (d document) calls(path string, item members[jsontext.Value]) (calls []call, err error) {
	var shared []parameter
	for _, m := range item {
		if m.Name == "parameters" {
			if err := json.Unmarshal(m.Value, &shared, json.MatchCaseInsensitiveNames(true)); err != nil {
				return nil, err
			}
			continue
		}
		c := call{Method: strings.ToUpper(m.Name), Path: path}
		if err := json.Unmarshal(m.Value, &c.operation, json.MatchCaseInsensitiveNames(true)); err != nil {
			return nil, err
		}
		security := d.Security
		if c.Security != nil {
			security = *c.Security
		}
		for _, alternative := range security {
			for _, roles := range alternative {
				c.Who = append(c.Who, roles...)
			}
		}
		for _, p := range slices.Concat(shared, c.operation.Parameters) {
			if p.Ref != "" {
				p = d.Components.Parameters.named(p.Ref)
			}
			c.Parameters = append(c.Parameters, p)
		}
		calls = append(calls, c)
	}
	return calls, nil
}

// answer is a response with its data for the page.
type answer struct {
	response
	Status   string
	Problems []string // the last parts of its possible problem types
}

// everywhere are the statuses that any call may have.
var everywhere = []string{"401", "429", "500", "503"}

// answers returns the responses of the call itself. common returns those of any call.
func (d document) answers(all members[response]) []answer { return d.responses(all, false) }
func (d document) common(all members[response]) []answer  { return d.responses(all, true) }

func (d document) responses(all members[response], common bool) (some []answer) {
	for _, m := range all {
		if slices.Contains(everywhere, m.Name) != common {
			continue
		}
		a := answer{response: m.Value, Status: m.Name}
		if a.Ref != "" {
			a.response = d.Components.Responses.named(a.Ref)
		}
		a.Headers = slices.Clone(a.Headers)
		for i, h := range a.Headers {
			if h.Value.Ref != "" {
				a.Headers[i].Value = d.Components.Headers.named(h.Value.Ref)
			}
		}
		for _, m := range a.Content {
			if m.Name != "application/problem+json" {
				continue
			}
			for _, e := range m.Value.all() {
				var p rest.Problem
				if json.Unmarshal(e.Value, &p) == nil {
					a.Problems = append(a.Problems, last(p.Type))
				}
			}
		}
		some = append(some, a)
	}
	return some
}

// request returns the call as a curl line with the examples of its parameters. $CAFE is the
// address of the café, and $TOKEN is a token.
func (d document) request(c call) string {
	path, query := c.Path, ""
	var headers []string
	for _, p := range c.Parameters {
		example, special := c.Curl[p.Name]
		if !special {
			example = plain(d.example(p))
		}
		switch {
		case example == "":
		case p.In == "path":
			path = strings.Replace(path, "{"+p.Name+"}", example, 1)
		case p.In == "header":
			headers = append(headers, p.Name+": "+example)
		case p.In == "query":
			query += "&" + p.Name + "=" + example
		}
	}
	if accept := c.Curl["Accept"]; accept != "" {
		headers = append(headers, "Accept: "+accept)
	}
	if query != "" {
		path += "?" + query[1:]
	}
	line := "curl"
	if c.Keeps != "" {
		line = c.Keeps + "=$(curl -sS"
	}
	if c.Method != "GET" {
		line += " -X " + c.Method
	}
	line += ` "$CAFE` + path + `"`
	if len(c.Who) > 0 {
		headers = append([]string{"Authorization: Bearer $TOKEN"}, headers...)
	}
	var body string
	if c.RequestBody != nil {
		m := c.RequestBody.Content[0]
		headers = append(headers, "Content-Type: "+m.Name)
		body = pretty(m.Value.all()[0].Value)
	}
	for _, h := range headers {
		quote := "'"
		if strings.Contains(h, "$") {
			quote = `"`
		}
		line += " \\\n  -H " + quote + h + quote
	}
	if body != "" {
		line += " \\\n  -d '" + strings.ReplaceAll(body, "'", `'\''`) + "'"
	}
	if c.Keeps != "" { // the answer is shown, too
		line += ` | tee /dev/stderr |
  grep -o '"id":"[^"]*"' | head -n 1 | cut -d '"' -f 4)`
	}
	return line
}

// example returns an example of the parameter, or nil if there is none.
func (d document) example(p parameter) jsontext.Value {
	if p.Example != nil {
		return p.Example
	}
	if !p.Required {
		return nil
	}
	s := p.Schema
	if s.Ref != "" {
		s = d.Components.Schemas.named(s.Ref)
	}
	if len(s.Examples) > 0 {
		return s.Examples[0]
	}
	return nil
}

// others returns the examples of a body except the one in the curl line.
func others(body requestBody) (list []example) {
	for _, m := range body.Content {
		for _, e := range m.Value.all() {
			if e.Summary == "" {
				e.Summary = "As " + m.Name + ":"
			} else {
				e.Summary += ":"
			}
			list = append(list, e)
		}
	}
	return list[1:]
}

// field is a row in the table of an object's fields.
type field struct {
	Name        string // options[].id for a field of the objects in a list
	Required    bool
	Schema      *schema
	Description string
}

// fields returns the fields of the schema's object. It includes the fields of nested objects
// that have no schema of their own.
func (d document) fields(s *schema) []field { return d.table(s, false) }

// body returns the fields of a request's body. It includes the fields of all nested objects.
func (d document) body(s *schema) []field { return d.table(s, true) }

func (d document) table(s *schema, whole bool) (rows []field) {
	if whole && s.Ref != "" {
		s = d.Components.Schemas.named(s.Ref)
	}
	for _, p := range s.Properties {
		rows = append(rows, field{p.Name, slices.Contains(s.Required, p.Name), p.Value, p.Value.Description})
		inner, prefix := p.Value, p.Name+"."
		if inner.Items != nil {
			inner, prefix = inner.Items, p.Name+"[]."
		}
		for _, row := range d.table(inner, whole) {
			row.Name = prefix + row.Name
			rows = append(rows, row)
		}
	}
	return rows
}

// kind returns a short description of a value, with links to named schemas.
func (d document) kind(s *schema) template.HTML {
	if s == nil {
		return ""
	}
	var b strings.Builder
	switch {
	case s.Ref != "":
		name := last(s.Ref)
		fmt.Fprintf(&b, `<a href="#schema-%[1]s">%[1]s</a>`, template.HTMLEscapeString(name))
	case s.Type == nil && s.AnyOf != nil:
		kinds := make([]string, len(s.AnyOf))
		for i, one := range s.AnyOf {
			kinds[i] = string(d.kind(one))
		}
		b.WriteString(strings.Join(kinds, " or "))
	case s.Items != nil:
		b.WriteString("list of ")
		if s.Items.Properties != nil {
			b.WriteString("objects")
		} else {
			b.WriteString(string(d.kind(s.Items)))
		}
	case s.Enum != nil:
		values := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			values[i] = "<code>" + template.HTMLEscapeString(plain(v)) + "</code>"
		}
		b.WriteString(strings.Join(values, ", "))
	case s.Const != nil:
		b.WriteString("<code>" + template.HTMLEscapeString(plain(s.Const)) + "</code>")
	default:
		b.WriteString(typeNames(s.Type))
		if s.Format != "" && s.Format != "int64" {
			b.WriteString(" (" + template.HTMLEscapeString(s.Format) + ")")
		}
	}
	between(&b, s.Minimum, s.Maximum, "")
	between(&b, s.MinLength, s.MaxLength, " characters")
	between(&b, s.MinItems, s.MaxItems, "")
	if s.UniqueItems {
		b.WriteString(", none twice")
	}
	if s.Default != nil {
		b.WriteString(", default <code>" + template.HTMLEscapeString(string(s.Default)) + "</code>")
	}
	return template.HTML(b.String()) //nolint:gosec // every part is escaped
}
