// Package mend names all that does not fit in a JSON body at once. A decoder stops at the
// first unknown member and at the first value of another type.
package mend

import (
	"bytes"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cafe/model"
)

// Optional is a member of a request that may be left out or be null. A pointer to it has
// this method.
type Optional interface {
	Inner() reflect.Type // of its value
}

// Body takes out of a JSON body what does not fit the type of the request. It returns the
// rest, which can be decoded, and a fault for each unknown member and each value of another
// type. It reports false if the body as a whole does not fit. The body must be well-formed.
//
// A field's tag "must" says what its value must be, for values of another type. Without it
// the type says so.
func Body(v jsontext.Value, t reflect.Type) (mended jsontext.Value, faults model.Invalid, ok bool) {
	var m mender
	mended, ok = m.mend("", v, t, "")
	return mended, m.faults, ok
}

type mender struct{ faults model.Invalid }

func (m *mender) mend(at string, v jsontext.Value, t reflect.Type, must string) (jsontext.Value, bool) {
	if o, ok := reflect.New(t).Interface().(Optional); ok {
		if v.Kind() == 'n' {
			return v, true // the optional knows what to say of null
		}
		t = o.Inner()
	}
	switch {
	case t.Kind() == reflect.Struct && v.Kind() == '{':
		return m.object(at, v, t), true
	case t.Kind() == reflect.Slice && v.Kind() == '[':
		return m.array(at, v, t.Elem()), true
	case json.Unmarshal(v, reflect.New(t).Interface()) == nil:
		return v, true
	}
	if must == "" {
		must = TypeName(t)
	}
	m.faults.Add(at, "must be "+must)
	return nil, false
}

func (m *mender) object(at string, v jsontext.Value, t reflect.Type) jsontext.Value {
	out := []byte{'{'}
	d := jsontext.NewDecoder(bytes.NewReader(v))
	_, _ = d.ReadToken() // no error here and below: the value is well-formed
	for d.PeekKind() != '}' {
		token, err := d.ReadToken()
		if err != nil {
			break
		}
		name := token.String()
		value, _ := d.ReadValue()
		where := at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		f, known := member(t, name)
		if !known {
			m.faults.Add(where, "is not a known field")
			continue
		}
		if value, ok := m.mend(where, slices.Clone(value), f.Type, f.Tag.Get("must")); ok {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out, _ = jsontext.AppendQuote(out, name)
			out = append(append(out, ':'), value...)
		}
	}
	return append(out, '}')
}

func (m *mender) array(at string, v jsontext.Value, elem reflect.Type) jsontext.Value {
	out := []byte{'['}
	d := jsontext.NewDecoder(bytes.NewReader(v))
	_, _ = d.ReadToken()
	for i := 0; d.PeekKind() != ']'; i++ {
		value, err := d.ReadValue()
		if err != nil {
			break
		}
		if i > 0 {
			out = append(out, ',')
		}
		value, ok := m.mend(at+"/"+strconv.Itoa(i), slices.Clone(value), elem, "")
		if !ok { // it keeps its place, so that later faults are named by the right index
			value = jsontext.Value("null")
		}
		out = append(out, value...)
	}
	return append(out, ']')
}

// member returns the field of a request's type that has the name in JSON.
func member(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// TypeName returns the JSON type that a Go type accepts, in words.
func TypeName(t reflect.Type) string {
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
		return "a whole number"
	case reflect.Slice:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "of another type"
}
