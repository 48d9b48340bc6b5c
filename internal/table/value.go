package table

import (
	"maps"
	"slices"
)

// Item is a set of named attributes. A nil Item stands for one that does not exist;
// an empty one exists and has only its key.
type Item map[string]Value

// Kind is the type of a Value.
type Kind uint8

// The kinds, with DynamoDB's descriptor in the comment. The zero Value has kind
// KindNone and is in no stored item.
const (
	KindNone   Kind = iota
	KindString      // S
	KindInt         // N; integers only, of 64 bits: the café keeps no fractions
	KindBool        // BOOL
	KindBytes       // B
	KindList        // L
	KindMap         // M
)

// Value is one attribute value. Values are immutable: do not change a list or map
// after it was given to one.
type Value struct {
	kind Kind
	n    int64
	s    string
	list []Value
	m    Item
}

// String makes a string value.
func String(s string) Value { return Value{kind: KindString, s: s} }

// Int makes a number.
func Int(n int64) Value { return Value{kind: KindInt, n: n} }

// Bytes makes a binary value; it copies b.
func Bytes(b []byte) Value { return Value{kind: KindBytes, s: string(b)} }

// List makes a list.
func List(values ...Value) Value { return Value{kind: KindList, list: values} }

// Map makes a map.
func Map(m Item) Value { return Value{kind: KindMap, m: m} }

// Bool makes a boolean.
func Bool(b bool) Value {
	v := Value{kind: KindBool}
	if b {
		v.n = 1
	}
	return v
}

// Kind returns the type of the value.
func (v Value) Kind() Kind { return v.kind }

// Str returns a string value.
func (v Value) Str() (s string, ok bool) { return v.text(KindString) }

// Int returns a number.
func (v Value) Int() (n int64, ok bool) {
	if v.kind != KindInt {
		return 0, false
	}
	return v.n, true
}

// Bool returns a boolean.
func (v Value) Bool() (b, ok bool) { return v.kind == KindBool && v.n == 1, v.kind == KindBool }

// Binary returns a binary value as a string of its bytes.
func (v Value) Binary() (b string, ok bool) { return v.text(KindBytes) }

// List returns the elements of a list, which are not to be changed.
func (v Value) List() (list []Value, ok bool) { return v.list, v.kind == KindList }

// Map returns the members of a map, which are not to be changed.
func (v Value) Map() (m Item, ok bool) { return v.m, v.kind == KindMap }

func (v Value) text(k Kind) (string, bool) {
	if v.kind != k {
		return "", false
	}
	return v.s, true
}

// valid tells whether the value and all in it have a kind, and it is at most depth
// lists and maps deep.
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

// Equal tells whether both are of one kind and have the same content.
func (v Value) Equal(w Value) bool {
	return v.kind == w.kind && v.n == w.n && v.s == w.s &&
		slices.EqualFunc(v.list, w.list, Value.Equal) && v.m.Equal(w.m)
}

// Equal tells whether both have the same attributes; nil and empty differ only in
// whether they exist, and count as equal here.
func (i Item) Equal(j Item) bool { return maps.EqualFunc(i, j, Value.Equal) }

// Str returns the string attribute, or "" when it is absent or of another kind.
func (i Item) Str(name string) string {
	s, _ := i[name].Str()
	return s
}

// Int returns the number attribute, or 0 when it is absent or of another kind.
func (i Item) Int(name string) int64 {
	n, _ := i[name].Int()
	return n
}

// Bool returns the boolean attribute, or false when it is absent or of another kind.
func (i Item) Bool(name string) bool {
	b, _ := i[name].Bool()
	return b
}

// Size returns the bytes that DynamoDB counts for the attributes, names included
// (Developer Guide, "DynamoDB item sizes and formats"). Numbers count by their
// digits, two to a byte, and one more.
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
