package pebble

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/table"
)

func encodeItem(item table.Item) []byte {
	var e encoder
	e.item(item)
	return e.buf
}

func encodeChange(c Change) []byte {
	var e encoder
	e.change(c, encodeItem(c.New))
	return e.buf
}

// drawItem draws an item with values of any kind.
func drawItem(rt *rapid.T) table.Item {
	return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c", "ab", "é"}), rapid.Custom(func(rt *rapid.T) table.Value { return drawValue(rt, 3) }), 0, 5).Draw(rt, "item")
}

func drawValue(rt *rapid.T, depth int) table.Value {
	kind := rapid.IntRange(0, 5).Draw(rt, "kind")
	if depth == 0 {
		kind %= 4
	}
	switch kind {
	case 0:
		return table.Int(rapid.Int64().Draw(rt, "number"))
	case 1:
		return table.String(rapid.String().Draw(rt, "text"))
	case 2:
		return table.Bool(rapid.Bool().Draw(rt, "boolean"))
	case 3:
		return table.Bytes(rapid.SliceOf(rapid.Byte()).Draw(rt, "bytes"))
	case 4:
		var list []table.Value
		for range rapid.IntRange(0, 3).Draw(rt, "length") {
			list = append(list, drawValue(rt, depth-1))
		}
		return table.List(list...)
	}
	m := table.Item{}
	for i := range rapid.IntRange(0, 3).Draw(rt, "length") {
		m[fmt.Sprint(i)] = drawValue(rt, depth-1)
	}
	return table.Map(m)
}

func TestItemsAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		item, seq := drawItem(rt), rapid.Uint64().Draw(rt, "seq")
		var e encoder
		e.uint(seq)
		e.item(item)
		got, gotSeq, err := decodeStored(e.buf)
		if err != nil || gotSeq != seq || got == nil || !got.Equal(item) {
			rt.Fatalf("got %v by %d, %v; want %v by %d", got, gotSeq, err, item, seq)
		}
		if len(e.names) != 0 {
			rt.Fatalf("names are left: %q", e.names)
		}
	})
}

func TestTheSameItemIsAlwaysTheSameBytes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		item := drawItem(rt)
		first := encodeItem(item)
		for range 5 {
			if again := encodeItem(item); !bytes.Equal(first, again) {
				rt.Fatalf("%x, then %x", first, again)
			}
		}
	})
}

func TestChangesAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := Change{
			Seq:  rapid.Uint64().Draw(rt, "seq"),
			Time: time.UnixMicro(rapid.Int64Range(-1<<50, 1<<50).Draw(rt, "time")).UTC(),
			Key:  table.Key{PK: rapid.String().Draw(rt, "pk"), SK: rapid.String().Draw(rt, "sk")},
		}
		switch rapid.IntRange(0, 2).Draw(rt, "kind") {
		case 0:
			c.Old = drawItem(rt)
		case 1:
			c.New = drawItem(rt)
		case 2:
			c.Old, c.New = drawItem(rt), drawItem(rt)
		}
		got, err := decodeChange(c.Seq, encodeChange(c))
		if err != nil || got.Seq != c.Seq || got.Time != c.Time || got.Key != c.Key || !same(got.Old, c.Old) || !same(got.New, c.New) {
			rt.Fatalf("got %+v, %v; want %+v", got, err, c)
		}
	})
}

func TestASmallChangeTakesLittleMoreThanItsItem(t *testing.T) {
	key, old := anOrder(1)
	_, next := anOrder(1)
	next["status"] = table.String("ready")
	item, change := len(encodeItem(next)), len(encodeChange(Change{Time: time.Now(), Key: key, Old: old, New: next}))
	if item > 950 || change > item+80 {
		t.Errorf("the order has %d bytes, its change %d", item, change)
	}
}

// Existing stores consist of these bytes. If this test fails, the new format needs a number
// of its own, and the old one must still be readable.
func TestTheFormatOnDiskDoesNotChange(t *testing.T) {
	item := table.Item{
		"text": table.String("é"), "n": table.Int(-300), "most": table.Int(math.MaxInt64), "yes": table.Bool(true), "no": table.Bool(false),
		"bytes": table.Bytes([]byte{0, 255}), "list": table.List(table.Int(1), table.List()), "map": table.Map(table.Item{"b": table.Int(0), "a": table.String("")}),
	}
	want := "08" + // attributes
		"056279746573" + "05" + "0200ff" +
		"046c697374" + "06" + "02" + "0202" + "0600" +
		"036d6170" + "07" + "02" + "0161" + "0100" + "0162" + "0200" +
		"046d6f7374" + "02" + "feffffffffffffffff01" +
		"016e" + "02" + "d704" +
		"026e6f" + "03" +
		"0474657874" + "01" + "02c3a9" +
		"03796573" + "04"
	if got := hex.EncodeToString(encodeItem(item)); got != want {
		t.Errorf("item:\n%s, want\n%s", got, want)
	}

	c := Change{Seq: 7, Time: time.UnixMicro(1).UTC(), Key: table.Key{PK: "P", SK: "S"}, Old: table.Item{"a": table.Int(1), "o": table.Int(2), "s": table.Int(3)}, New: table.Item{"a": table.Int(2), "n": table.Int(4), "s": table.Int(3)}}
	want = "02" + "02" + "0150" + "0153" + "03" + "01610204" + "016e0208" + "01730206" + "02" + "01610202" + "016f0204" + "01" + "016e"
	if got := hex.EncodeToString(encodeChange(c)); got != want {
		t.Errorf("change:\n%s, want\n%s", got, want)
	}

	k := table.Key{PK: "P", SK: "S"}
	entry, _ := appendIndexKey(nil, kindIndex2, "x", k, table.Item{"x": table.String("X"), table.AttrSort: table.String("Y")})
	for got, want := range map[string]string{
		string(appendItemKey(nil, k)): "iP\x00S", string(entry): "2X\x00Y\x00P\x00S", string(appendChangeKey(nil, 258)): "c\x00\x00\x00\x00\x00\x00\x01\x02",
	} {
		if got != want {
			t.Errorf("key %q, want %q", got, want)
		}
	}
}

func TestDamagedRecordsAreErrors(t *testing.T) {
	whole := append([]byte{9}, encodeItem(table.Item{"a": table.Int(1), "b": table.String("text")})...)
	for i := range whole {
		if _, _, err := decodeStored(whole[:i]); !errors.Is(err, errCorrupt) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
	deep := table.Int(1)
	for range table.MaxDepth + 1 {
		deep = table.List(deep)
	}
	for name, b := range map[string]string{
		"more than was written":       string(whole) + "\x00",
		"no such kind":                "\x01\x01\x01a\x08",
		"kind 0":                      "\x01\x01\x01a\x00",
		"a count beyond its end":      "\x01\xff\xff\xff\xff\x0f",
		"a length beyond its end":     "\x01\x01\x01a\x01\x7f",
		"a number of 65 bits":         "\x01\x01\x01a\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
		"a number that does not end":  strings.Repeat("\xff", 30),
		"a name twice":                "\x01\x02\x01a\x04\x01a\x04",
		"names out of order":          "\x01\x02\x01b\x04\x01a\x04",
		"lists deeper than any write": string(append([]byte{1}, encodeItem(table.Item{"a": deep})...)),
	} {
		if item, _, err := decodeStored([]byte(b)); !errors.Is(err, errCorrupt) {
			t.Errorf("%s: %v, %v", name, item, err)
		}
	}
	if _, err := decodeChange(1, []byte{4, 0, 1, 'P', 1, 'S', 0}); !errors.Is(err, errCorrupt) {
		t.Errorf("an unknown kind of change: %v", err)
	}
}

func FuzzDecodeStored(f *testing.F) {
	_, order := anOrder(1)
	for _, item := range []table.Item{{}, order, {"a": table.Bytes([]byte{0}), "b": table.List(table.Map(nil), table.Int(-1))}} {
		f.Add(append([]byte{1}, encodeItem(item)...))
	}
	f.Add([]byte("\x01\x01\x01a\x06\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		item, seq, err := decodeStored(b)
		if err != nil {
			if !errors.Is(err, errCorrupt) {
				t.Errorf("%v", err)
			}
			return
		}
		var e encoder
		e.uint(seq)
		e.item(item)
		if again, _, err := decodeStored(e.buf); err != nil || !again.Equal(item) {
			t.Errorf("%x is %v, which is written as %x and that is %v, %v", b, item, e.buf, again, err)
		}
	})
}

func FuzzDecodeChange(f *testing.F) {
	key, order := anOrder(1)
	for _, c := range []Change{{Key: key, New: order}, {Key: key, Old: order}, {Key: key, Old: table.Item{"a": table.Int(1)}, New: order}} {
		f.Add(encodeChange(c))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeChange(1, b)
		if err != nil {
			if !errors.Is(err, errCorrupt) {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := decodeChange(1, encodeChange(c))
		if err != nil || !same(again.Old, c.Old) || !same(again.New, c.New) || again.Key != c.Key {
			t.Errorf("%x is %+v, written and read again %+v, %v", b, c, again, err)
		}
	})
}
