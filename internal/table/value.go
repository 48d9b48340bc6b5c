package table

import (
	"maps"
	"slices"
)

// Item is a set of attributes by name. A nil Item is an item that does not exist. An empty
// one exists and has only its key.
type Item map[string]Value

// Kind is the type of a Value.
type Kind uint8

// The kinds of values, with DynamoDB's type in the comment. The zero Value has KindNone
// and cannot be stored.
const (
	KindNone   Kind = iota
	KindString      // S
	KindInt         // N; only 64-bit integers, since the café stores no fractions
	KindBool        // BOOL
	KindBytes       // B
	KindList        // L
	KindMap         // M
)

// Value is the value of an attribute. Values are immutable: do not change a list or a map
// after making a Value from it.
type Value struct {
	kind Kind
	n    int64
	s    string
	list []Value
	m    Item
}

// String returns a string value.
func String(s string) Value { return Value{kind: KindString, s: s} }

// Int returns a number.
func Int(n int64) Value { return Value{kind: KindInt, n: n} }

// Bytes returns a binary value. It copies b.
func Bytes(b []byte) Value { return Value{kind: KindBytes, s: string(b)} }

// List returns a list.
func List(values ...Value) Value { return Value{kind: KindList, list: values} }

// Map returns a map.
func Map(m Item) Value { return Value{kind: KindMap, m: m} }

// Bool returns a boolean.
func Bool(b bool) Value {
	v := Value{kind: KindBool}
	if b {
		v.n = 1
	}
	return v
}

// Kind returns the kind of the value.
func (v Value) Kind() Kind { return v.kind }

// Str returns the content of a string value. Like the methods below, it returns ok false
// if the value is of another kind.
func (v Value) Str() (s string, ok bool) { return v.text(KindString) }

// Int returns the content of a number.
func (v Value) Int() (n int64, ok bool) {
	if v.kind != KindInt {
		return 0, false
	}
	return v.n, true
}

// Bool returns the content of a boolean.
func (v Value) Bool() (b, ok bool) { return v.kind == KindBool && v.n == 1, v.kind == KindBool }

// Binary returns the content of a binary value, as a string of its bytes.
func (v Value) Binary() (b string, ok bool) { return v.text(KindBytes) }

// List returns the elements of a list. The caller must not change them.
func (v Value) List() (list []Value, ok bool) { return v.list, v.kind == KindList }

// Map returns the members of a map. The caller must not change them.
func (v Value) Map() (m Item, ok bool) { return v.m, v.kind == KindMap }

func (v Value) text(k Kind) (string, bool) {
	if v.kind != k {
		return "", false
	}
	return v.s, true
}

// valid reports whether the value and everything in it has a kind, and whether it is
// nested at most depth levels deep.
func (v Value) valid(depth int) bool {
	switch v.kind {
	case KindNone:
		return false
	case KindList:
		return depth > 0 && !slices.ContainsFunc(v.list, func(e Value) bool { return !e.valid(depth - 1) })
	case KindMap:
		if depth == 0 {
			return false
		}
		for _, e := range v.m {
			if !e.valid(depth - 1) {
				return false
			}
		}
	}
	return true
}

// Equal reports whether both values have the same kind and the same content.
func (v Value) Equal(w Value) bool {
	return v.kind == w.kind && v.n == w.n && v.s == w.s &&
		slices.EqualFunc(v.list, w.list, Value.Equal) && v.m.Equal(w.m)
}

// Equal reports whether both items have the same attributes. It does not tell an absent
// item from an empty one.
func (i Item) Equal(j Item) bool { return maps.EqualFunc(i, j, Value.Equal) }

// Str returns the string attribute, or "" if it is absent or of another kind.
func (i Item) Str(name string) string {
	s, _ := i[name].Str()
	return s
}

// Int returns the number attribute, or 0 if it is absent or of another kind.
func (i Item) Int(name string) int64 {
	n, _ := i[name].Int()
	return n
}

// Bool returns the boolean attribute, or false if it is absent or of another kind.
func (i Item) Bool(name string) bool {
	b, _ := i[name].Bool()
	return b
}

// Size returns the number of bytes that DynamoDB counts for the attributes and their names
// (Developer Guide, "DynamoDB item sizes and formats"). A number counts one byte for every
// two digits, and one more byte.
func (i Item) Size() int {
	n := 0
	for name, v := range i {
		n += len(name) + v.size()
	}
	return n
}

func (v Value) size() int {
	switch v.kind {
	case KindString, KindBytes:
		return len(v.s)
	case KindInt:
		digits, sign := 1, 0
		if v.n < 0 {
			sign = 1
		}
		for n := v.n / 10; n != 0; n /= 10 {
			digits++
		}
		return (digits+1)/2 + 1 + sign
	case KindBool:
		return 1
	case KindList:
		n := 3
		for _, e := range v.list {
			n += 1 + e.size()
		}
		return n
	case KindMap:
		n := 3
		for name, e := range v.m {
			n += 1 + len(name) + e.size()
		}
		return n
	}
	return 0
}
