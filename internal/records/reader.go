package records

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"cafe/internal/table"
	"cafe/model"
)

// Time returns a time as it is stored: microseconds since 1970.
func Time(t time.Time) table.Value { return table.Int(t.UnixMicro()) }

// AttrExpires says when an item may be removed: in seconds since 1970, as DynamoDB's Time to
// Live wants it. On one machine its room removes it.
const AttrExpires = "expires_at"

// Expires returns the value of AttrExpires for a time.
func Expires(t time.Time) table.Value { return table.Int(t.Unix()) }

// PutText sets an attribute, unless the text is empty.
func PutText(item table.Item, name, text string) {
	if text != "" {
		item[name] = table.String(text)
	}
}

// PutNumber sets an attribute, unless the number is 0.
func PutNumber(item table.Item, name string, n int64) {
	if n != 0 {
		item[name] = table.Int(n)
	}
}

// PutFlag sets an attribute to true, or leaves it out.
func PutFlag(item table.Item, name string, flag bool) {
	if flag {
		item[name] = table.Bool(true)
	}
}

// PutTime sets an attribute, unless the time is zero.
func PutTime(item table.Item, name string, t time.Time) {
	if !t.IsZero() {
		item[name] = Time(t)
	}
}

// unreadable says that a stored item lacks what its key promises.
type unreadable struct {
	key   table.Key
	cause error
}

func (e *unreadable) Error() string { return fmt.Sprintf("read %s: %v", e.key, e.cause) }
func (e *unreadable) Unwrap() error { return e.cause }

// IsUnreadable reports whether the error is about a stored item that cannot be decoded.
// Reading it again is of no use.
func IsUnreadable(err error) bool {
	var e *unreadable
	return errors.As(err, &e)
}

// Reader takes attributes out of a stored item. Whatever the item holds, it never panics:
// it remembers the first attribute at fault, and Err returns that.
type Reader struct {
	key  table.Key
	item table.Item
	err  error
}

// NewReader returns a reader of the item that is stored under the key.
func NewReader(key table.Key, item table.Item) Reader { return Reader{key: key, item: item} }

// Err returns the first fault, as an error that IsUnreadable, or nil.
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return &unreadable{r.key, r.err}
}

// Note remembers a fault, unless there was one before or err is nil.
func (r *Reader) Note(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Fail notes that an attribute is missing or of the wrong kind.
func (r *Reader) Fail(name string) {
	r.Note(fmt.Errorf("attribute %s is missing or of the wrong kind", name))
}

// Has reports whether the item has the attribute.
func (r *Reader) Has(name string) bool { _, has := r.item[name]; return has }

// Text returns a text that must be there.
func (r *Reader) Text(name string) string {
	s, ok := r.item[name].Str()
	if !ok {
		r.Fail(name)
	}
	return s
}

// Optional returns a text, empty when it is not there.
func (r *Reader) Optional(name string) string {
	if !r.Has(name) {
		return ""
	}
	return r.Text(name)
}

// Number returns a number that must be there.
func (r *Reader) Number(name string) int64 { return r.NumberIn(r.item[name], name) }

// NumberIn returns the number that a value is. The name is for the error.
func (r *Reader) NumberIn(v table.Value, name string) int64 {
	n, ok := v.Int()
	if !ok {
		r.Fail(name)
	}
	return n
}

// OptionalNumber returns a number, 0 when it is not there.
func (r *Reader) OptionalNumber(name string) int64 {
	if !r.Has(name) {
		return 0
	}
	return r.Number(name)
}

// AtLeast returns a number that must be there and must not be below least.
func (r *Reader) AtLeast(name string, least int64) int64 {
	n := r.Number(name)
	if n < least {
		r.Note(fmt.Errorf("attribute %s is below %d", name, least))
	}
	return n
}

// OwnID returns the item's id, which follows the prefix in its key.
func (r *Reader) OwnID(prefix string) string {
	id := IDIn(r.key, prefix)
	if !model.ValidID(id) {
		r.Note(errors.New("key has no id"))
	}
	return id
}

// ID returns an id that must be there.
func (r *Reader) ID(name string) string {
	s := r.Text(name)
	if !model.ValidID(s) {
		r.Note(fmt.Errorf("attribute %s is no id", name))
	}
	return s
}

// Day returns a business day that must be there.
func (r *Reader) Day(name string) model.Day {
	d, err := model.ParseDay(r.Text(name))
	if err != nil {
		r.Note(fmt.Errorf("attribute %s is no day", name))
	}
	return d
}

// Time returns a time that must be there, in UTC.
func (r *Reader) Time(name string) time.Time { return time.UnixMicro(r.Number(name)).UTC() }

// OptionalTime returns a time in UTC, zero when it is not there.
func (r *Reader) OptionalTime(name string) time.Time {
	if !r.Has(name) {
		return time.Time{}
	}
	return r.Time(name)
}

// Flag returns a flag, false when it is not there.
func (r *Reader) Flag(name string) bool {
	if !r.Has(name) {
		return false
	}
	b, ok := r.item[name].Bool()
	if !ok {
		r.Fail(name)
	}
	return b
}

// Bytes returns bytes that must be there. The string holds them as they are.
func (r *Reader) Bytes(name string) string {
	b, ok := r.item[name].Binary()
	if !ok {
		r.Fail(name)
	}
	return b
}

// List returns a list that must be there.
func (r *Reader) List(name string) []table.Value {
	list, ok := r.item[name].List()
	if !ok {
		r.Fail(name)
	}
	return list
}

// Map returns a map that must be there.
func (r *Reader) Map(name string) table.Item {
	m, ok := r.item[name].Map()
	if !ok {
		r.Fail(name)
	}
	return m
}

// Inner returns a reader of a map that must be there.
func (r *Reader) Inner(name string) Reader { return Reader{key: r.key, item: r.Map(name)} }

// Maps yields a reader for each map of a list that must be there. A fault in one of them
// is a fault of the item.
func (r *Reader) Maps(name string) iter.Seq[*Reader] {
	return func(yield func(*Reader) bool) {
		for _, v := range r.List(name) {
			m, ok := v.Map()
			if !ok {
				r.Fail(name)
			}
			inner := Reader{key: r.key, item: m}
			more := yield(&inner)
			r.Note(inner.err)
			if !more {
				return
			}
		}
	}
}

// Texts returns a list of texts, nil when it is not there.
func (r *Reader) Texts(name string) []string {
	if !r.Has(name) {
		return nil
	}
	list := r.List(name)
	texts := make([]string, len(list))
	for i, v := range list {
		var ok bool
		if texts[i], ok = v.Str(); !ok {
			r.Fail(name)
		}
	}
	return texts
}
