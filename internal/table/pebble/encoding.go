package pebble

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"cafe/internal/table"
)

// The format of items on disk. All numbers are varints, which take few bytes. Names are in
// ascending order, so that equal items are equal bytes, and similar items compress well.
//
//	item   = count { string value }        names ascending
//	value  = kind payload                   one byte, then the content
//	string = length bytes
const (
	tagString byte = iota + 1
	tagInt
	tagFalse
	tagTrue
	tagBytes
	tagList
	tagMap
)

var errCorrupt = errors.New("corrupt record")

// encoder appends items to buf. Its zero value is ready to use.
type encoder struct {
	buf   []byte
	names []string // the names of the items being written; those of a nested item come last
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

func (e *encoder) reset() { e.buf = e.buf[:0] }

// release returns the encoder to the pool, unless a huge item has made it too big.
func (e *encoder) release() {
	if cap(e.buf) <= 1<<20 {
		e.reset()
		encoders.Put(e)
	}
}

func (e *encoder) uint(n uint64) { e.buf = binary.AppendUvarint(e.buf, n) }

func (e *encoder) int(n int64) { e.buf = binary.AppendVarint(e.buf, n) }

func (e *encoder) string(s string) {
	e.uint(uint64(len(s)))
	e.buf = append(e.buf, s...)
}

func (e *encoder) item(item table.Item) {
	first := len(e.names)
	for name := range item {
		e.names = append(e.names, name)
	}
	names := e.names[first:]
	slices.Sort(names)
	e.uint(uint64(len(names)))
	for i := range names {
		name := e.names[first+i] // not names[i]: a nested item may have reallocated e.names
		e.string(name)
		e.value(item[name])
	}
	clear(e.names[first:])
	e.names = e.names[:first]
}

func (e *encoder) value(v table.Value) {
	switch v.Kind() {
	case table.KindString:
		s, _ := v.Str()
		e.buf = append(e.buf, tagString)
		e.string(s)
	case table.KindInt:
		n, _ := v.Int()
		e.buf = append(e.buf, tagInt)
		e.int(n)
	case table.KindBool:
		tag := tagFalse
		if b, _ := v.Bool(); b {
			tag = tagTrue
		}
		e.buf = append(e.buf, tag)
	case table.KindBytes:
		b, _ := v.Binary()
		e.buf = append(e.buf, tagBytes)
		e.string(b)
	case table.KindList:
		list, _ := v.List()
		e.buf = append(e.buf, tagList)
		e.uint(uint64(len(list)))
		for _, element := range list {
			e.value(element)
		}
	case table.KindMap:
		m, _ := v.Map()
		e.buf = append(e.buf, tagMap)
		e.item(m)
	}
}

// decoder reads what an encoder wrote. After the first error, which it keeps in err, it
// returns only zero values. All strings that it returns share the memory of one string.
type decoder struct {
	rest string
	err  error
}

func newDecoder(b []byte) *decoder { return &decoder{rest: string(b)} }

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", errCorrupt, what)
	}
	d.rest = ""
}

// end returns the error, if any. Bytes that are left over are an error too.
func (d *decoder) end() error {
	if d.err == nil && d.rest != "" {
		d.fail("bytes are left over")
	}
	return d.err
}

func (d *decoder) byte() byte {
	if d.rest == "" {
		d.fail("cut short")
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) uint() uint64 {
	var n uint64
	for shift := 0; ; shift += 7 {
		b := d.byte()
		if shift == 63 && b > 1 {
			d.fail("number beyond 64 bits")
		}
		if d.err != nil {
			return 0
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
}

func (d *decoder) int() int64 {
	n := d.uint()
	return int64(n>>1) ^ -int64(n&1)
}

// plausible is the most elements for which memory is allocated in advance, since a count
// may be wrong.
const plausible = 100

// count reads a number of elements of at least size bytes each. It is an error if the rest
// is too short for them.
func (d *decoder) count(size int) int {
	n := d.uint()
	if n > uint64(len(d.rest)/size) {
		d.fail("count is too large")
		return 0
	}
	return int(n)
}

func (d *decoder) string() string {
	n := d.count(1)
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) item(depth int) table.Item {
	n := d.count(2)
	item := make(table.Item, min(n, plausible))
	last := ""
	for i := range n {
		name := d.string()
		if i > 0 && name <= last {
			d.fail("names out of order")
		}
		last = name
		v := d.value(depth)
		if d.err != nil {
			return nil
		}
		item[name] = v
	}
	return item
}

func (d *decoder) value(depth int) table.Value {
	tag := d.byte()
	if depth == 0 && (tag == tagList || tag == tagMap) {
		d.fail("nested too deep")
	}
	if d.err != nil {
		return table.Value{}
	}
	switch tag {
	case tagString:
		return table.String(d.string())
	case tagInt:
		return table.Int(d.int())
	case tagFalse, tagTrue:
		return table.Bool(tag == tagTrue)
	case tagBytes:
		return table.Bytes([]byte(d.string()))
	case tagList:
		n := d.count(1)
		list := make([]table.Value, 0, min(n, plausible))
		for range n {
			list = append(list, d.value(depth-1))
			if d.err != nil {
				break
			}
		}
		return table.List(list...)
	case tagMap:
		return table.Map(d.item(depth - 1))
	}
	d.fail("unknown kind of value")
	return table.Value{}
}

// decodeStored decodes a stored item: the number of the change that wrote it, followed by
// the item. By the number a reader knows whether the item is on disk yet.

func decodeStored(b []byte) (item table.Item, seq uint64, err error) {
	d := newDecoder(b)
	seq = d.uint()
	item = d.item(table.MaxDepth)
	return item, seq, d.end()
}

// The kinds of changes. A change has the whole new item, but only those attributes of the
// old item that differ, since most updates change few attributes.
const (
	changeInsert     byte = iota + 1 // the new item
	changeModify                     // the new item, old attributes that differ, names that only the new item has
	changeRemove                     // the old item
	changeNumberOnly                 // nothing, since Options.Logs leaves it out
)

// change appends a change. Either the old or the new item may be nil. encoded is the new
// item in this encoding.
func (e *encoder) change(c Change, encoded []byte) {
	kind := changeModify
	switch {
	case c.Old == nil:
		kind = changeInsert
	case c.New == nil:
		kind = changeRemove
	}
	e.buf = append(e.buf, kind)
	e.int(c.Time.UnixMicro())
	e.string(c.Key.PK)
	e.string(c.Key.SK)
	switch kind {
	case changeInsert:
		e.buf = append(e.buf, encoded...)
	case changeRemove:
		e.item(c.Old)
	case changeModify:
		e.buf = append(e.buf, encoded...)
		differ := make(table.Item)
		for name, v := range c.Old {
			if w, has := c.New[name]; !has || !w.Equal(v) {
				differ[name] = v
			}
		}
		e.item(differ)
		var added []string
		for name := range c.New {
			if _, had := c.Old[name]; !had {
				added = append(added, name)
			}
		}
		slices.Sort(added)
		e.uint(uint64(len(added)))
		for _, name := range added {
			e.string(name)
		}
	}
}

// concerns reports whether the partition of an encoded change is wanted. It decodes no more
// than it must. It returns true for a change that it cannot read, so that decodeChange
// returns the error.
func concerns(b []byte, wanted func(pk string) bool) bool {
	if len(b) > 0 && b[0] == changeNumberOnly {
		return false
	}
	if wanted == nil || len(b) == 0 {
		return true
	}
	rest := b[1:]
	_, n := binary.Varint(rest) // the time
	if n <= 0 {
		return true
	}
	rest = rest[n:]
	size, n := binary.Uvarint(rest)
	if n <= 0 || uint64(len(rest)-n) < size {
		return true
	}
	return wanted(string(rest[n : n+int(size)]))
}

func decodeChange(seq uint64, b []byte) (Change, error) {
	d := newDecoder(b)
	c := Change{Seq: seq}
	kind := d.byte()
	c.Time = time.UnixMicro(d.int()).UTC()
	c.Key = table.Key{PK: d.string(), SK: d.string()}
	switch kind {
	case changeInsert:
		c.New = d.item(table.MaxDepth)
	case changeRemove:
		c.Old = d.item(table.MaxDepth)
	case changeModify:
		c.New = d.item(table.MaxDepth)
		c.Old = make(table.Item, len(c.New))
		for name, v := range c.New {
			c.Old[name] = v
		}
		for name, v := range d.item(table.MaxDepth) {
			c.Old[name] = v
		}
		for range d.count(1) {
			delete(c.Old, d.string())
		}
	default:
		d.fail("unknown kind of change")
	}
	return c, d.end()
}
