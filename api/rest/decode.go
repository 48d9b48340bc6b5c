package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cafe/api/header"
	"cafe/api/mend"
	"cafe/model"
)

// MaxBody is the most bytes of a request body.
const MaxBody = 256 << 10

// Optional is a member of a request that may be left out. Unlike a plain type, it
// distinguishes null from an absent member.
type Optional[T any] struct {
	Given, Null bool
	Value       T
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (o *Optional[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	o.Given = true
	if d.PeekKind() == 'n' {
		o.Null = true
		return d.SkipValue()
	}
	return json.UnmarshalDecode(d, &o.Value)
}

// Inner implements mend.Optional.
func (*Optional[T]) Inner() reflect.Type { return reflect.TypeFor[T]() }

// Need returns the value. It adds a fault if the member is absent or null.
func (o Optional[T]) Need(faults *model.Invalid, field string) T {
	if !o.Given {
		faults.Require(field)
	}
	return o.Or(faults, field, o.Value)
}

// Or returns the value, or the given default if the member is absent. It adds a fault if
// the member is null. It is not inlined, which would make the function 10 KB larger.
//
//go:noinline
func (o Optional[T]) Or(faults *model.Invalid, field string, standard T) T {
	if o.Null {
		faults.Add(field, "must not be null")
	}
	if !o.Given {
		return standard
	}
	return o.Value
}

// Decode decodes a JSON body into v, which is zero before. It is strict: it refuses a second
// value, unknown and repeated members, invalid UTF-8, and other numbers in place of integers.
//
// A body that is no JSON is an error. Members that are unknown or of another type are added
// to the faults, and v has the rest, so that the caller can name all that is wrong at once.
func Decode(c *gin.Context, faults *model.Invalid, v any, mediaTypes ...string) error {
	r := c.Request
	if err := checkMedia(r, append(mediaTypes, "application/json")); err != nil {
		return err
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, MaxBody))
	if err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return err
		}
		return Malformed("The body could not be read completely.")
	}
	if len(body) == 0 {
		return Malformed("A JSON body is required.")
	}
	if string(bytes.TrimSpace(body)) == "null" {
		return model.Invalid{{Field: "", Message: "must be an object"}}
	}
	err = json.Unmarshal(body, v, json.RejectUnknownMembers(true))
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return syntaxProblem(err)
	}
	var whole jsontext.Value
	if json.Unmarshal(body, &whole) != nil { // what follows is no JSON: the first fault has to do
		return firstFault(semantic)
	}
	mended, wrong, ok := mend.Body(whole, reflect.TypeOf(v).Elem())
	if *faults = append(*faults, wrong...); !ok {
		return faults.Err()
	}
	reflect.ValueOf(v).Elem().SetZero()
	if err := json.Unmarshal(mended, v); err != nil {
		return fmt.Errorf("decode a mended body: %w", err)
	}
	return nil
}

func checkMedia(r *http.Request, allowed []string) error {
	unsupported := func(detail string) error {
		return NewProblem("unsupported-media-type", detail)
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

func firstFault(err *json.SemanticError) error {
	if errors.Is(err, json.ErrUnknownName) {
		return model.Invalid{{Field: string(err.JSONPointer), Message: "is not a known field"}}
	}
	return model.Invalid{{Field: string(err.JSONPointer), Message: "must be " + mend.TypeName(err.GoType)}}
}

// syntaxProblem turns a decoder's error about JSON itself into a problem in our own words. It
// returns nil if there is none.
func syntaxProblem(err error) error {
	if err == nil {
		return nil
	}
	var faults []Fault
	if syntax := (*jsontext.SyntacticError)(nil); errors.As(err, &syntax) {
		fault := Fault{string(syntax.JSONPointer), "is not valid JSON"}
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			fault.Message = "appears twice"
		case strings.Contains(syntax.Err.Error(), "UTF-8"):
			fault.Message = "is not valid UTF-8"
		}
		faults = append(faults, fault)
	}
	return Malformed("The body is not one well-formed JSON value.", faults...)
}

// Timestamp parses an RFC 3339 time. The result is in UTC, to the microsecond.
func Timestamp(faults *model.Invalid, field, s string) time.Time {
	t, ok := header.Time(s)
	if !ok {
		faults.Add(field, "must be a time such as 2017-03-18T09:30:00Z, or null")
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// Query parses the query string. It refuses a parameter that appears twice and a bad escape.
func Query(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, Malformed("The query string is not well-formed.")
	}
	for name, all := range values {
		if len(all) > 1 {
			return nil, Malformed("A query parameter appears twice.", Fault{name, "appears twice"})
		}
	}
	return values, nil
}

// PageSize returns the limit of a list, from 1 to 100. The default is 25.
func PageSize(q url.Values) (int, error) {
	if !q.Has("limit") {
		return 25, nil
	}
	n, err := strconv.Atoi(q.Get("limit"))
	if err != nil || n < 1 || n > 100 || strings.HasPrefix(q.Get("limit"), "+") {
		return 0, Malformed("A query parameter is not valid.", Fault{"limit", "must be a whole number from 1 to 100"})
	}
	return n, nil
}

// IdempotencyKey returns the Idempotency-Key header, or "" if there is none.
func IdempotencyKey(r *http.Request) (string, error) {
	key, ok := header.Key(r.Header.Values("Idempotency-Key"))
	if !ok {
		return "", Malformed("A header is not valid.", Fault{"Idempotency-Key", "must be one key of 1 to 255 printable ASCII characters"})
	}
	return key, nil
}
