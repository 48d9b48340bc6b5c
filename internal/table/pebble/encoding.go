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

// How items are written to disk. All numbers are varints, so that the bytes are
// few; names are in order, so that the same item is always the same bytes and
// neighbours compress well.
//
//	item   = count { string value }        names ascending
//	value  = kind payload                   one byte, then what the kind needs
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
	names []string // of the items being written, each nested one after its parent's
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

func (e *encoder) reset() { e.buf = e.buf[:0] }

// release gives the encoder back, unless one huge item made it too big to keep.
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
		name := e.names[first+i] // nested items may have moved e.names
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

// decoder reads what an encoder wrote. The first thing wrong is kept in err, and
// all that follows reads as nothing. What it returns shares one string.
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

// end returns what went wrong, if anything; bytes left over are wrong.
func (d *decoder) end() error {
	if d.err == nil && d.rest != "" {
		d.fail("more than was written")
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

// plausible is up to how many elements room is made at once, on the word of a count
// that may be wrong.
const plausible = 100

// count reads how many things follow that take at least size bytes each.
func (d *decoder) count(size int) int {
	n := d.uint()
	if n > uint64(len(d.rest)/size) {
		d.fail("count beyond its end")
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

// A stored item is the number of the change that wrote it, then the item. The
// number tells a reader whether what it sees is on disk yet.

func decodeStored(b []byte) (item table.Item, seq uint64, err error) {
	d := newDecoder(b)
	seq = d.uint()
	item = d.item(table.MaxDepth)
	return item, seq, d.end()
}

// The kinds of change. A change has the new image whole and of the old one only
// what was different, since most updates touch few attributes.
const (
	changeInsert byte = iota + 1 // new
	changeModify                 // new, attributes of old that differ, names that only new has
	changeRemove                 // old
	changePassed                 // neither: Options.Logs leaves it out
)

// change appends a change; old or new is nil, but not both. encoded is new as an
// item of this encoding.
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

// concerns tells whether an encoded change is of a partition that is wanted, without
// decoding more than that. What cannot be read is left to decodeChange to refuse.
func concerns(b []byte, wanted func(pk string) bool) bool {
	if len(b) > 0 && b[0] == changePassed {
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
