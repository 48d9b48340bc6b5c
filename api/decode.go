package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cafe/model"
)

// maxBody is how large a request body may be, in bytes.
const maxBody = 256 << 10

// optional is a member of a request that may be left out. It tells null from absence,
// which encoding into a plain type would not.
type optional[T any] struct {
	Given, Null bool
	Value       T
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (o *optional[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	o.Given = true
	if d.PeekKind() == 'n' {
		o.Null = true
		return d.SkipValue()
	}
	return json.UnmarshalDecode(d, &o.Value)
}

// need notes a fault when the member is absent or null, and returns its value.
func (o optional[T]) need(faults *model.Invalid, field string) T {
	if !o.Given {
		faults.Add(field, "is required")
	}
	return o.or(faults, field, o.Value)
}

// or returns the value, or the standard one when the member is absent. null is a fault.
func (o optional[T]) or(faults *model.Invalid, field string, standard T) T {
	if o.Null {
		faults.Add(field, "must not be null")
	}
	if !o.Given {
		return standard
	}
	return o.Value
}

// decode reads a JSON body strictly into v: one value, no unknown or repeated members,
// valid UTF-8, integers where integers are due. Errors name the field.
func decode(c *gin.Context, v any, mediaTypes ...string) error {
	r := c.Request
	if err := checkMedia(r, append(mediaTypes, "application/json")); err != nil {
		return err
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return err
		}
		return malformed("The body could not be read to its end.")
	}
	if len(body) == 0 {
		return malformed("A JSON body is required.")
	}
	if string(bytes.TrimSpace(body)) == "null" {
		return model.Invalid{{Field: "", Message: "must be an object"}}
	}
	if err := json.Unmarshal(body, v, json.RejectUnknownMembers(true)); err != nil {
		return decodeProblem(err)
	}
	return nil
}

func checkMedia(r *http.Request, allowed []string) error {
	unsupported := func(detail string) error {
		return problem(http.StatusUnsupportedMediaType, "unsupported-media-type", "Unsupported media type", detail)
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return unsupported("Send the body without a content encoding.")
	}
	content := r.Header.Get("Content-Type")
	if content == "" {
		return nil
	}
	kind, parameters, err := mime.ParseMediaType(content)
	if charset := parameters["charset"]; err != nil || !slices.Contains(allowed, kind) ||
		charset != "" && !strings.EqualFold(charset, "utf-8") {
		return unsupported("Send the body as " + strings.Join(allowed, " or ") + ", in UTF-8.")
	}
	return nil
}

// decodeProblem says what is wrong with a body in words of our own: nothing of the
// decoder's, which speaks of Go types.
func decodeProblem(err error) error {
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &semantic):
		field := string(semantic.JSONPointer)
		if errors.Is(err, json.ErrUnknownName) {
			return model.Invalid{{Field: field, Message: "is not a known field"}}
		}
		return model.Invalid{{Field: field, Message: "must be " + typeName(semantic.GoType)}}
	case errors.As(err, &syntax):
		fault := fieldFault{string(syntax.JSONPointer), "is not valid JSON"}
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			fault.Message = "is there twice"
		case strings.Contains(syntax.Err.Error(), "UTF-8"):
			fault.Message = "is not valid UTF-8"
		}
		return malformed("The body is not one well-formed JSON value.", fault)
	}
	return malformed("The body is not one well-formed JSON value.")
}

// typeName says in JSON's words what a Go type takes.
func typeName(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return "of another type"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number in range"
	case reflect.Slice:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "of another type"
}

// timePattern is what a time in a request looks like, as the reference has it too. RFC 3339
// lets a format ask for a capital T and Z; time.Parse takes more, such as hours of one digit.
var timePattern = regexp.MustCompile(`^(19[7-9]|[2-9][0-9]{2})[0-9]-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`)

// timestamp reads an RFC 3339 time, to the microsecond and in UTC.
func timestamp(faults *model.Invalid, field, s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || !timePattern.MatchString(s) {
		faults.Add(field, "must be a time such as 2017-03-18T09:30:00Z, or null")
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// query reads the query string strictly: each parameter at most once, and well escaped.
func query(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, malformed("The query string is not well-formed.")
	}
	for name, all := range values {
		if len(all) > 1 {
			return nil, malformed("A query parameter is there twice.", fieldFault{name, "is there twice"})
		}
	}
	return values, nil
}

// pageSize reads the limit of a list: 1 to 100, 25 unless given.
func pageSize(q url.Values) (int, error) {
	if !q.Has("limit") {
		return 25, nil
	}
	n, err := strconv.Atoi(q.Get("limit"))
	if err != nil || n < 1 || n > 100 || strings.HasPrefix(q.Get("limit"), "+") {
		return 0, malformed("A query parameter is at fault.", fieldFault{"limit", "must be a whole number from 1 to 100"})
	}
	return n, nil
}

// idempotencyKey reads the header of that name: none, or one of 1 to 255 printable
// ASCII characters.
func idempotencyKey(r *http.Request) (string, error) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	printable := !strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' })
	if len(values) > 1 || len(key) < 1 || len(key) > 255 || !printable {
		return "", malformed("A header is at fault.", fieldFault{"Idempotency-Key", "must be one key of 1 to 255 printable ASCII characters"})
	}
	return key, nil
}
