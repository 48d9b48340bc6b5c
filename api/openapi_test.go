package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"cafe/api/rest"

	"github.com/pb33f/jsonschema/v6"
	"github.com/pb33f/libopenapi/datamodel"

	"cafe/api/forms"
	"cafe/api/header"
	"cafe/model"
	"cafe/model/books"
	"cafe/model/report"
)

// reference is the OpenAPI document in a form that answers can be checked against.
type reference struct {
	doc     map[string]any // $refs are resolved, except those to schemas
	mu      sync.Mutex
	schemas *jsonschema.Compiler
}

// theReference returns the document, but stricter: an answer may have no fields that the
// document does not name. Clients must expect new fields, but the document must name them.
var theReference = sync.OnceValue(func() *reference {
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(OpenAPI()))
	if err != nil {
		panic(err)
	}
	doc := parsed.(map[string]any)
	r := &reference{doc: resolve(doc, doc).(map[string]any), schemas: jsonschema.NewCompiler()}
	forbidOthers(r.doc["components"].(map[string]any)["schemas"])
	r.schemas.DefaultDraft(jsonschema.Draft2020)
	r.schemas.AssertFormat()
	if err := r.schemas.AddResource("reference.json", r.doc); err != nil {
		panic(err)
	}
	return r
})

func resolve(doc, node any) any {
	switch n := node.(type) {
	case map[string]any:
		if ref, ok := n["$ref"].(string); ok && !strings.HasPrefix(ref, "#/components/schemas/") {
			target := doc
			for part := range strings.SplitSeq(ref[2:], "/") {
				target = target.(map[string]any)[part]
			}
			return resolve(doc, target)
		}
		copied := make(map[string]any, len(n))
		for name, v := range n {
			copied[name] = resolve(doc, v)
		}
		return copied
	case []any:
		copied := make([]any, len(n))
		for i, v := range n {
			copied[i] = resolve(doc, v)
		}
		return copied
	}
	return node
}

func forbidOthers(node any) {
	switch n := node.(type) {
	case map[string]any:
		if n["type"] == "object" && n["properties"] != nil {
			n["additionalProperties"] = false
		}
		for _, v := range n {
			forbidOthers(v)
		}
	case []any:
		for _, v := range n {
			forbidOthers(v)
		}
	}
}

// at returns the part of the document at the path, or nil if there is none.
func (r *reference) at(path ...string) any {
	var node any = r.doc
	for _, p := range path {
		switch n := node.(type) {
		case map[string]any:
			node = n[p]
		case []any:
			i, err := strconv.Atoi(p)
			if err != nil || i >= len(n) {
				return nil
			}
			node = n[i]
		default:
			return nil
		}
	}
	return node
}

func (r *reference) names(path ...string) []string {
	n, _ := r.at(path...).(map[string]any)
	return slices.Sorted(maps.Keys(n))
}

// validate checks a value against the schema at the path.
func (r *reference) validate(value any, path ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	pointer := "reference.json#"
	for _, p := range path {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(p)
	}
	s, err := r.schemas.Compile(pointer)
	if err != nil {
		return err
	}
	return s.Validate(value)
}

// template returns the documented path for the path of a request.
func (r *reference) template(path string) string {
	got := strings.Split(path, "/")
next:
	for _, template := range r.names("paths") {
		want := strings.Split(template, "/")
		if len(want) != len(got) {
			continue
		}
		for i := range want {
			if want[i] != got[i] && (want[i][:min(1, len(want[i]))] != "{" || got[i] == "") {
				continue next
			}
		}
		return template
	}
	return ""
}

// headers are the headers that the document describes. Others, such as Date, are HTTP's.
var headers = []string{"X-Request-Id", "ETag", "Location", "Idempotent-Replayed", "Retry-After", "Allow", "WWW-Authenticate"}

// CheckAnswer returns an error if the answer does not match the document in its status,
// headers, media type or body. Other tests call it for their answers.
func CheckAnswer(method, path string, status int, header http.Header, body []byte) error {
	r := theReference()
	path, _, _ = strings.Cut(path, "?")
	if strings.Contains(strings.ToUpper(path), "%2F") {
		path = "" // is no path
	}
	place := []string{"paths", r.template(path), strings.ToLower(method), "responses", strconv.Itoa(status)}
	if method == http.MethodHead {
		place[2] = "get"
	}
	switch {
	case r.at(place[:2]...) == nil:
		place = []string{"components", "responses", "NotFound"}
		if status != http.StatusNotFound {
			return fmt.Errorf("%s is no documented path, but answered %d", path, status)
		}
	case r.at(place[:3]...) == nil && method == http.MethodOptions && status == http.StatusNoContent:
		return nil // a CORS preflight
	case r.at(place[:3]...) == nil:
		place = []string{"components", "responses", "MethodNotAllowed"}
		if status != http.StatusMethodNotAllowed {
			return fmt.Errorf("%s %s is not documented, but answered %d", method, place[1], status)
		}
	case r.at(place...) == nil:
		return fmt.Errorf("%s %s answered %d, which is not documented: %s", method, place[1], status, body)
	}
	where := strings.Join(place, " ")
	for _, name := range headers {
		values := header.Values(name)
		described := append(slices.Clone(place), "headers", name)
		switch required, _ := r.at(append(described, "required")...).(bool); {
		case len(values) == 0 && required:
			return fmt.Errorf("%s: no header %s", where, name)
		case len(values) == 0:
			continue
		case len(values) > 1:
			return fmt.Errorf("%s: header %s: %q", where, name, values)
		case r.at(described...) == nil:
			return fmt.Errorf("%s: header %s is not documented", where, name)
		}
		var value any = values[0]
		if r.at(append(described, "schema", "type")...) == "integer" {
			value = json.Number(values[0])
		}
		if err := r.validate(value, append(described, "schema")...); err != nil {
			return fmt.Errorf("%s: header %s: %w", where, name, err)
		}
	}
	if method == http.MethodHead || r.at(append(place, "content")...) == nil {
		if len(body) > 0 {
			return fmt.Errorf("%s: a body of %d bytes is not documented", where, len(body))
		}
		return nil
	}
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	described := append(slices.Clone(place), "content", kind, "schema")
	if err != nil || r.at(described...) == nil {
		return fmt.Errorf("%s: content type %q is not documented", where, header.Get("Content-Type"))
	}
	var value any = string(body)
	if strings.HasSuffix(kind, "json") {
		if value, err = jsonschema.UnmarshalJSON(bytes.NewReader(body)); err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
	}
	if err := r.validate(value, described...); err != nil {
		return fmt.Errorf("%s: %w: %s", where, err, body)
	}
	return nil
}

func TestCheckAnswerFindsFault(t *testing.T) {
	const item = `{"sku":"tea","name":"Tea","category":"","tax_class":"standard","price":240,"options":[],"counted":false,"active":true}`
	const problem = `{"type":"/problems/not-found","title":"Not found","status":404,"detail":"d","instance":"/x","request_id":"r"}`
	for name, c := range map[string]struct {
		method, path string
		status       int
		headers      string
		body         string
		good         bool
	}{
		"an item":               {"GET", "/menu/tea", 200, `X-Request-Id: r;ETag: "1";Content-Type: application/json`, item, true},
		"its head":              {"HEAD", "/menu/tea?x=y", 200, `X-Request-Id: r;ETag: "1";Content-Type: application/json`, "", true},
		"its head with a body":  {"HEAD", "/menu/tea", 200, `X-Request-Id: r;ETag: "1";Content-Type: application/json`, item, false},
		"no ETag":               {"GET", "/menu/tea", 200, `X-Request-Id: r;Content-Type: application/json`, item, false},
		"no request id":         {"GET", "/menu/tea", 200, `ETag: "1";Content-Type: application/json`, item, false},
		"an ETag without marks": {"GET", "/menu/tea", 200, `X-Request-Id: r;ETag: 1;Content-Type: application/json`, item, false},
		"a header too much":     {"GET", "/menu/tea", 200, `X-Request-Id: r;ETag: "1";Location: /x;Content-Type: application/json`, item, false},
		"another media type":    {"GET", "/menu/tea", 200, `X-Request-Id: r;ETag: "1";Content-Type: text/plain`, item, false},
		"a field too much":      {"GET", "/menu/tea", 200, `X-Request-Id: r;ETag: "1";Content-Type: application/json`, strings.Replace(item, `{`, `{"x":1,`, 1), false},
		"a field too little":    {"GET", "/menu/tea", 200, `X-Request-Id: r;ETag: "1";Content-Type: application/json`, strings.Replace(item, `"active":true`, `"counted":true`, 1), false},
		"a price in words":      {"GET", "/menu/tea", 200, `X-Request-Id: r;ETag: "1";Content-Type: application/json`, strings.Replace(item, `240`, `"240"`, 1), false},
		"another status":        {"GET", "/menu/tea", 418, `X-Request-Id: r;Content-Type: application/json`, item, false},
		"a problem":             {"GET", "/menu/tea", 404, `X-Request-Id: r;Content-Type: application/problem+json`, problem, true},
		"an unknown problem":    {"GET", "/menu/tea", 404, `X-Request-Id: r;Content-Type: application/problem+json`, strings.Replace(problem, "not-found", "lost", 1), false},
		"an unknown path":       {"GET", "/x", 404, `X-Request-Id: r;Content-Type: application/problem+json`, problem, true},
		"an unknown path, 200":  {"GET", "/x", 200, `X-Request-Id: r;Content-Type: application/json`, item, false},
		"an unknown method":     {"POST", "/menu/tea", 405, `X-Request-Id: r;Allow: GET;Content-Type: application/problem+json`, problem, true},
		"no Allow":              {"POST", "/menu/tea", 405, `X-Request-Id: r;Content-Type: application/problem+json`, problem, false},
		"a body with a 204":     {"DELETE", "/menu/tea", 204, `X-Request-Id: r`, item, false},
	} {
		header := http.Header{}
		for h := range strings.SplitSeq(c.headers, ";") {
			name, value, _ := strings.Cut(h, ": ")
			header.Add(name, value)
		}
		if err := CheckAnswer(c.method, c.path, c.status, header, []byte(c.body)); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The document is valid by the OpenAPI Initiative's schema of OpenAPI 3.1.
func TestTheReferenceIsOpenAPI31(t *testing.T) {
	official, err := jsonschema.UnmarshalJSON(strings.NewReader(datamodel.OpenAPI31SchemaData))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("openapi31.json", official); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("openapi31.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(OpenAPI()))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Error(err)
	}
	if err := schema.Validate(map[string]any{"openapi": "3.1.1", "paths": map[string]any{}}); err == nil {
		t.Error("a document without info passes too")
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(`"(\$ref|operationId)": "([^"]+)"`).FindAllStringSubmatch(string(OpenAPI()), -1) {
		if m[1] == "operationId" {
			ids[m[2]] = true
		} else if theReference().at(strings.Split(m[2][2:], "/")...) == nil {
			t.Errorf("%s refers to nothing", m[2])
		}
	}
	if len(ids) != len(documentedCalls()) { // links name operations too
		t.Errorf("%d operation ids for %d calls", len(ids), len(documentedCalls()))
	}
}

// Every example matches its schema, and everything that can have an example has one.
func TestExamplesAreValid(t *testing.T) {
	r := theReference()
	count := 0
	check := func(value any, path ...string) {
		t.Helper()
		count++
		if err := r.validate(value, path...); err != nil {
			t.Errorf("%s: %v", strings.Join(path, " "), err)
		}
	}
	var walk func(path []string)
	walk = func(path []string) {
		switch n := r.at(path...).(type) {
		case map[string]any:
			schema := append(slices.Clone(path), "schema")
			if example, has := n["example"]; has {
				check(example, schema...)
			}
			if examples, has := n["examples"].(map[string]any); has {
				for _, e := range examples {
					check(e.(map[string]any)["value"], schema...)
				}
			}
			if kind := path[max(0, len(path)-2):]; len(kind) == 2 && kind[0] == "content" && strings.HasSuffix(kind[1], "json") &&
				n["example"] == nil && n["examples"] == nil && path[1] != "/openapi.json" && path[1] != "/asyncapi.json" {
				t.Errorf("%s has no example", strings.Join(path, " "))
			}
			for name := range n {
				walk(append(slices.Clone(path), name))
			}
		case []any:
			for i := range n {
				walk(append(slices.Clone(path), strconv.Itoa(i)))
			}
		}
	}
	walk([]string{"paths"})
	for _, name := range r.names("components", "schemas") {
		examples, _ := r.at("components", "schemas", name, "examples").([]any)
		for _, e := range examples {
			check(e, "components", "schemas", name)
		}
	}
	if count < 200 {
		t.Errorf("only %d examples were found", count)
	}
}

// A keyword that JSON Schema does not have is a mistake, such as a part of a description.
func TestSchemasUseOnlyJSONSchemaKeywords(t *testing.T) {
	keywords := strings.Fields(`$ref title description default examples deprecated format type enum const
		minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern
		items prefixItems contains minItems maxItems uniqueItems
		properties patternProperties additionalProperties propertyNames required minProperties maxProperties
		allOf anyOf oneOf not if then else`)
	count := 0
	var check func(schema any, where string)
	check = func(schema any, where string) {
		members, ok := schema.(map[string]any)
		if !ok {
			return
		}
		count++
		for name, v := range members {
			inside := where + " " + name
			switch {
			case !slices.Contains(keywords, name):
				t.Errorf("%s: %q is no keyword of JSON Schema", where, name)
			case name == "properties":
				for property, v := range v.(map[string]any) {
					check(v, inside+" "+property)
				}
			case name == "allOf" || name == "anyOf" || name == "oneOf":
				for _, v := range v.([]any) {
					check(v, inside)
				}
			case name == "items" || name == "not" || name == "if" || name == "then" || name == "else":
				check(v, inside)
			}
		}
	}
	r := theReference()
	for _, name := range r.names("components", "schemas") {
		check(r.at("components", "schemas", name), name)
	}
	var walk func(node any, where string)
	walk = func(node any, where string) {
		switch n := node.(type) {
		case map[string]any:
			check(n["schema"], where)
			for name, v := range n {
				walk(v, where+" "+name)
			}
		case []any:
			for _, v := range n {
				walk(v, where)
			}
		}
	}
	walk(r.at("paths"), "paths")
	if count < 200 {
		t.Errorf("only %d schemas were found", count)
	}
}

func TestTimesMatchTheReference(t *testing.T) {
	for _, schema := range []string{"OrderInput", "OrderPatch"} {
		if got := theReference().at("components", "schemas", schema, "properties", "pickup_at", "pattern"); got != header.TimePattern.String() {
			t.Errorf("%s: %v, the router wants %s", schema, got, header.TimePattern)
		}
	}
}

type documentedCall struct{ method, path string }

func documentedCalls() (calls []documentedCall) {
	r := theReference()
	for _, path := range r.names("paths") {
		for _, method := range r.names("paths", path) {
			if method != "parameters" {
				calls = append(calls, documentedCall{strings.ToUpper(method), path})
			}
		}
	}
	return calls
}

// roles returns the roles that may make the call according to the document. Nil means anyone.
func (c documentedCall) roles() (roles []model.Role) {
	r := theReference()
	security, own := r.at("paths", c.path, strings.ToLower(c.method), "security").([]any)
	if !own {
		security = r.at("security").([]any)
	}
	for _, alternative := range security {
		for _, role := range alternative.(map[string]any)["bearer"].([]any) {
			roles = append(roles, model.Role(role.(string)))
		}
	}
	return roles
}

func TestTheReferenceMatchesTheRouter(t *testing.T) {
	routed := map[documentedCall][]model.Role{}
	for _, r := range (&server{}).routes() {
		routed[documentedCall{r.method, regexp.MustCompile(`:(\w+)`).ReplaceAllString(r.path, "{$1}")}] = r.who
	}
	for _, c := range documentedCalls() {
		who, ok := routed[c]
		if !ok {
			t.Errorf("%s %s is documented and not routed", c.method, c.path)
			continue
		}
		if !slices.Equal(who, c.roles()) {
			t.Errorf("%s %s is documented for %v and routed for %v", c.method, c.path, c.roles(), who)
		}
		delete(routed, c)
	}
	for c := range routed {
		t.Errorf("%s %s is routed and not documented", c.method, c.path)
	}
}

// Some properties of a call follow from its method and path.
func TestEveryCallIsFullyDescribed(t *testing.T) {
	r := theReference()
	for _, c := range documentedCalls() {
		place := []string{"paths", c.path, strings.ToLower(c.method)}
		at := func(path ...string) any { return r.at(append(slices.Clone(place), path...)...) }
		has := func(status int) bool { return at("responses", strconv.Itoa(status)) != nil }
		must := func(why string, want bool, status int) {
			if has(status) != want {
				t.Errorf("%s %s (%s): %d documented: %v", c.method, c.path, why, status, !want)
			}
		}
		body := at("requestBody") != nil
		guarded := c.roles() != nil
		must("any call", true, 429)
		must("any call", true, 500)
		must("any call", true, 503)
		must("guarded or not", guarded, 401)
		must("a body or none", body, 413)
		must("a body or none", body, 415)
		must("a body or none", body, 422)
		if body {
			must("a body", true, 400)
		}
		if guarded && len(c.roles()) < 3 {
			must("not for every role", true, 403)
		}
		if strings.Contains(c.path, "{") && (c.method == "GET" || c.method == "DELETE" || c.method == "PATCH") && !strings.HasPrefix(c.path, "/reports") {
			must("of something that may not be there", true, 404)
		}
		parameters := map[string]bool{}
		for _, shared := range [][]string{{"paths", c.path, "parameters"}, append(slices.Clone(place), "parameters")} {
			list, _ := r.at(shared...).([]any)
			for _, p := range list {
				p := p.(map[string]any)
				parameters[p["name"].(string)] = true
				if p["description"] == nil {
					t.Errorf("%s %s: parameter %s without a description", c.method, c.path, p["name"])
				}
			}
		}
		for _, name := range regexp.MustCompile(`{(\w+)}`).FindAllStringSubmatch(c.path, -1) {
			if !parameters[name[1]] {
				t.Errorf("%s %s: no parameter %s", c.method, c.path, name[1])
			}
		}
		read := c.method == "GET"
		must("If-None-Match with a read", read && parameters["If-None-Match"], 304)
		must("a condition on a change", parameters["If-Match"] || !read && parameters["If-None-Match"], 412)
		if parameters["limit"] != parameters["cursor"] {
			t.Errorf("%s %s has half of paging", c.method, c.path)
		}
		if parameters["limit"] {
			must("a list", true, 400)
		}
		if tags, _ := at("tags").([]any); len(tags) != 1 || at("summary") == nil || at("operationId") == nil {
			t.Errorf("%s %s: tag, summary or operation id is missing", c.method, c.path)
		}
		for _, status := range r.names(append(slices.Clone(place), "responses")...) {
			if at("responses", status, "headers", "X-Request-Id") == nil {
				t.Errorf("%s %s %s has no X-Request-Id", c.method, c.path, status)
			}
			if problem := at("responses", status, "content", "application/problem+json") != nil; problem != (status >= "400") {
				t.Errorf("%s %s %s is a problem: %v", c.method, c.path, status, problem)
			}
		}
	}
	// A request may have only the members in the document.
	for _, name := range regexp.MustCompile(`"#/components/schemas/(\w+(?:Input|Patch))"`).FindAllStringSubmatch(string(OpenAPI()), -1) {
		var whole struct {
			Components struct {
				Schemas map[string]struct {
					AdditionalProperties *bool `json:"additionalProperties"`
				} `json:"schemas"`
			} `json:"components"`
		}
		if err := json.Unmarshal(OpenAPI(), &whole); err != nil {
			t.Fatal(err)
		}
		if closed := whole.Components.Schemas[name[1]].AdditionalProperties; closed == nil || *closed {
			t.Errorf("%s admits members that it does not name", name[1])
		}
	}
}

// Each kind of problem is used and documented, and each problem is of a known kind.
func TestProblemsMatchTheReference(t *testing.T) {
	used := map[string]bool{}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	plumbing, err := filepath.Glob("rest/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(sources, plumbing...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if name := calledName(call); name != "NewProblem" || len(call.Args) < 2 {
				return true
			}
			kind, ok := call.Args[0].(*ast.BasicLit)
			if conversion, is := call.Args[0].(*ast.CallExpr); is && len(conversion.Args) == 1 {
				if why, is := conversion.Args[0].(*ast.SelectorExpr); is && why.Sel.Name == "Why" { // of a model.Refused
					for _, r := range model.Refusals {
						used[string(r)] = true
					}
					return true
				}
			}
			if !ok {
				t.Errorf("%s: a problem whose kind is no literal", name)
				return true
			}
			s, _ := strconv.Unquote(kind.Value)
			if _, known := rest.KindOf(s); !known {
				t.Errorf("%s: there is no kind of problem %q", name, s)
			}
			used[s] = true
			return true
		})
	}
	var kinds []any
	for _, k := range rest.ProblemKinds {
		if !used[k.Kind] {
			t.Errorf("never answered: %s", k.Kind)
		}
		if k.Status < 400 || k.Status > 599 || k.Title == "" || k.Description == "" {
			t.Errorf("incomplete: %+v", k)
		}
		kinds = append(kinds, k.Type())
	}
	r := theReference()
	if documented := r.at("components", "schemas", "Problem", "properties", "type", "enum"); !reflect.DeepEqual(documented, kinds) {
		t.Errorf("the schema of a problem lists %v, want %v", documented, kinds)
	}
	// The examples have the titles and statuses of their kinds.
	for _, name := range r.names("components", "responses") {
		media, _ := r.at("components", "responses", name, "content", "application/problem+json").(map[string]any)
		examples := []any{media["example"]}
		if several, ok := media["examples"].(map[string]any); ok {
			examples = nil
			for _, e := range several {
				examples = append(examples, e.(map[string]any)["value"])
			}
		}
		for _, e := range examples {
			if e == nil {
				continue
			}
			e := e.(map[string]any)
			status, _ := e["status"].(json.Number).Int64()
			k, known := rest.KindOf(strings.TrimPrefix(e["type"].(string), "/problems/"))
			if !known || e["title"] != k.Title || int(status) != k.Status {
				t.Errorf("example of %s: %+v", name, e)
			}
		}
	}
}

// The numbers in the document are those of the model.
func TestLimitsMatchTheModel(t *testing.T) {
	r := theReference()
	for place, want := range map[string]int64{
		"OrderInput properties lines maxItems":          model.MaxLines,
		"OrderPatch properties lines maxItems":          model.MaxLines,
		"LineInput properties quantity maximum":         model.MaxQuantity,
		"LineInput properties options maxItems":         model.MaxOptions,
		"ItemInput properties options maxItems":         model.MaxOptions,
		"ItemInput properties category maxLength":       model.MaxName,
		"Name maxLength":                                model.MaxName,
		"Note maxLength":                                model.MaxNote,
		"OrderPatch properties note maxLength":          model.MaxNote,
		"Price maximum":                                 int64(model.MaxPrice),
		"PaymentInput properties amount maximum":        int64(model.MaxAmount),
		"CustomerInput properties credit_limit maximum": int64(model.MaxAmount),
		"StockInput properties on_hand maximum":         model.MaxStock,
		"OrderInput properties codes maxItems":          model.MaxCodes,
		"OrderInput properties discounts maxItems":      model.MaxDiscounts,
		"OrderInput properties tip maximum":             int64(model.MaxAmount),
		"OrderInput properties quote maxLength":         model.MaxQuoteText,
		"DiscountInput properties amount maximum":       int64(model.MaxAmount),
		"DiscountInput properties lines maxItems":       model.MaxLines,
		"PricingOffer properties amount maximum":        int64(model.MaxAmount),
		"Orders properties orders maxItems":             100,
	} {
		got, _ := r.at(append([]string{"components", "schemas"}, strings.Fields(place)...)...).(json.Number)
		if n, err := got.Int64(); err != nil || n != want {
			t.Errorf("%s is %s, want %d", place, got, want)
		}
	}
	if !strings.Contains(string(OpenAPI()), strconv.Itoa(rest.MaxBody/1024)+" KiB") {
		t.Error("the body limit is another")
	}
	var statuses []any
	for _, s := range model.Statuses {
		statuses = append(statuses, string(s))
	}
	if got := r.at("components", "schemas", "Status", "enum"); !reflect.DeepEqual(got, statuses) {
		t.Errorf("statuses: %v", got)
	}
	// Ids have the same characters as in the model.
	for c := range rune(0x180) {
		s := "a" + string(c)
		if err := r.validate(s, "components", "schemas", "Id"); (err == nil) != model.ValidID(s) {
			t.Errorf("%q as an id: %v", s, err)
		}
		name := model.Item{SKU: "a", Name: s}
		if err := r.validate(s, "components", "schemas", "Name"); (err == nil) != (name.Validate() == nil) {
			t.Errorf("%q as a name: %v", s, err)
		}
		if err := r.validate(s, "components", "schemas", "Note"); (err == nil) != (model.ValidateNote(s) == nil) {
			t.Errorf("%q as a note: %v", s, err)
		}
	}
}

// An encoded answer has exactly the fields of its schema. Fields that may be left out are
// not required.
func TestFieldsMatchTheReference(t *testing.T) {
	for name, encoded := range map[string]any{
		"Item": itemJSON{}, "Order": forms.Order{}, "Line": forms.Line{}, "MenuOption": forms.Option{}, "Customer": customerJSON{},
		"Quote": forms.Quote{}, "Discount": forms.Discount{}, "Charge": forms.Charge{}, "Tax": forms.Tax{}, "TaxShare": forms.TaxShare{},
		"OrderPayment": forms.Payment{}, "Refund": forms.Refund{}, "RefundLine": forms.RefundLine{}, "RefundTax": forms.RefundTax{}, "Step": forms.Step{}, "Receipt": forms.Receipt{},
		"Payment": paymentJSON{}, "Stock": stockJSON{}, "Problem": rest.Problem{}, "Report": report.Report{}, "ReportTax": books.Tax{},
	} {
		if err := sameFields(reflect.TypeOf(encoded), "components", "schemas", name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := sameFields(reflect.TypeFor[struct {
		SKU string `json:"sku"`
	}](), "components", "schemas", "Stock"); err == nil {
		t.Error("a struct of another shape passes too")
	}
}

func sameFields(t reflect.Type, place ...string) error {
	r := theReference()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if list, ok := r.at(append(place, "anyOf")...).([]any); ok && len(list) > 0 {
		place = append(slices.Clone(place), "anyOf", "0")
	}
	if ref, ok := r.at(append(place, "$ref")...).(string); ok {
		place = strings.Split(ref[2:], "/")
	}
	if t.Kind() == reflect.Slice && r.at(append(place, "items")...) != nil {
		return sameFields(t.Elem(), append(slices.Clone(place), "items")...)
	}
	if t.Kind() != reflect.Struct || r.at(append(place, "properties")...) == nil {
		return nil
	}
	var names, required []string
	var errs []error
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := f.Tag.Lookup("json")
		if !ok {
			continue
		}
		name, option, _ := strings.Cut(tag, ",")
		names = append(names, name)
		if option != "omitempty" && option != "omitzero" {
			required = append(required, name)
		}
		errs = append(errs, sameFields(f.Type, append(slices.Clone(place), "properties", name)...))
	}
	var listed []string
	list, _ := r.at(append(place, "required")...).([]any)
	for _, name := range list {
		listed = append(listed, name.(string))
	}
	slices.Sort(names)
	slices.Sort(required)
	slices.Sort(listed)
	if documented := r.names(append(place, "properties")...); !slices.Equal(names, documented) {
		errs = append(errs, fmt.Errorf("%s: encoded %v, documented %v", strings.Join(place, " "), names, documented))
	}
	if !slices.Equal(required, listed) {
		errs = append(errs, fmt.Errorf("%s: always encoded %v, documented as required %v", strings.Join(place, " "), required, listed))
	}
	return errors.Join(errs...)
}

// calledName returns the name of the function that is called, without its package.
func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}
