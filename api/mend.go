package api

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

// A mender takes out of a JSON body what does not fit the type of the request, so that all
// that is wrong with the body can be said at once. It notes a fault for each unknown member
// and each value of another type.
type mender struct{ faults model.Invalid }

// mend returns the value without what does not fit the type, and false if it does not fit at
// all. The value must be well-formed. must says what a value of another type must be, if the
// type does not say it all, such as its range.
func (m *mender) mend(at string, v jsontext.Value, t reflect.Type, must string) (jsontext.Value, bool) {
	if o, ok := reflect.New(t).Interface().(interface{ inner() reflect.Type }); ok {
		if v.Kind() == 'n' {
			return v, true // the optional knows what to say of null
		}
		t = o.inner()
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
		must = typeName(t)
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
