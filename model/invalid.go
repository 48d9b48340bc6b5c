package model

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	Field   string // a JSON Pointer (RFC 6901) into the request body, such as /lines/0/sku, or the name of a parameter
	Message string // what is wrong, for people; it follows the name of the field
}

// Invalid is the error for a request with invalid fields. It has at least one fault.
type Invalid []FieldError

func (v Invalid) Error() string {
	var b strings.Builder
	for i, f := range v {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.Field + ": " + f.Message)
	}
	return b.String()
}

// Add adds a fault.
func (v *Invalid) Add(field, message string) { *v = append(*v, FieldError{field, message}) }

// Err returns the faults as an error, or nil if there are none.
func (v Invalid) Err() error {
	if len(v) == 0 {
		return nil
	}
	return v
}

// Covers reports whether the field, or one that it is part of, is at fault already.
func (v Invalid) Covers(field string) bool {
	for _, f := range v {
		if rest, ok := strings.CutPrefix(field, f.Field); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// Require adds that the field is missing, unless it is covered.
func (v *Invalid) Require(field string) {
	if !v.Covers(field) {
		v.Add(field, "is required")
	}
}

// partly reports whether a part of the field is at fault already.
func (v Invalid) partly(field string) bool {
	for _, f := range v {
		if strings.HasPrefix(f.Field, field+"/") {
			return true
		}
	}
	return false
}

// With returns these faults together with those of err, if err is an Invalid. It leaves out
// faults of err whose field is covered, or is at fault in a part: they may follow from it. If there are no faults here, it returns err. Any
// other error counts for nothing beside a fault.
func (v Invalid) With(err error) error {
	if len(v) == 0 {
		return err
	}
	var more Invalid
	if errors.As(err, &more) {
		for _, f := range more {
			if !v.Covers(f.Field) && !v.partly(f.Field) {
				v = append(v, f)
			}
		}
	}
	return v
}

// CheckText adds a fault when s has fewer than min or more than max characters, or
// control characters (but line breaks and tabs where lines may be several).
func (v *Invalid) CheckText(field, s string, min, max int, multiline bool) {
	n := utf8.RuneCountInString(s)
	switch {
	case n < min && min == 1:
		v.Add(field, "must not be empty")
	case n > max:
		v.Add(field, "must have at most "+strconv.Itoa(max)+" characters")
	case strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && !(multiline && (r == '\n' || r == '\t' || r == '\r'))
	}):
		v.Add(field, "must not contain control characters")
	}
}
