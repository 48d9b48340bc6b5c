package tabletest

// This file is longer than 500 lines: it is the contract of Get and Write, case by case, and
// is read as one list.

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"cafe/internal/table"
)

// everyKind has a value of every kind, and values that are hard to encode.
func everyKind() table.Item {
	deep := table.String("bottom")
	for i := range 20 {
		if i%2 == 0 {
			deep = table.List(deep)
		} else {
			deep = table.Map(table.Item{"in": deep})
		}
	}
	binary := make([]byte, 256)
	for i := range binary {
		binary[i] = byte(i)
	}
	return table.Item{
		"text":              table.String("flat white"),
		"empty text":        table.String(""),
		"unicode":           table.String("Crème brûlée ☕ 咖啡 \u202e👩🏽‍🍳"),
		"control":           table.String("tab\tnewline\nquote\"backslash\\nul\x00delete\x7f<&>"),
		"looks like number": table.String("0042"),
		"zero":              table.Int(0),
		"one":               table.Int(1),
		"negative":          table.Int(-1),
		"most":              table.Int(math.MaxInt64),
		"least":             table.Int(math.MinInt64),
		"beyond a float":    table.Int(1<<53 + 1),
		"yes":               table.Bool(true),
		"no":                table.Bool(false),
		"binary":            table.Bytes(binary),
		"empty binary":      table.Bytes(nil),
		"list":              table.List(table.Int(1), table.String(""), table.Bool(true), table.List(), table.Map(table.Item{"x": table.Int(-7)})),
		"empty list":        table.List(),
		"map":               table.Map(table.Item{"a": table.Int(1), "b": table.List(table.String("x"), table.Bytes([]byte{0}))}),
		"empty map":         table.Map(table.Item{}),
		"deep":              deep,
		"long":              table.String(strings.Repeat("lorem ipsum ", 5000)),
		"odd name: #:.$ é ": table.Int(7),
		"size":              table.String("a reserved word of DynamoDB"),
	}
}

func testItems(t *testing.T, s *suite) {
	ctx := context.Background()

	t.Run("an item that was never written is not found", func(t *testing.T) {
		for _, consistent := range []bool{true, false} {
			if item, err := s.Get(ctx, s.key(), consistent); !errors.Is(err, table.ErrNotFound) || item != nil {
				t.Errorf("consistent %v: %v, %v", consistent, item, err)
			}
		}
	})
	t.Run("an item put is read at once, consistently", func(t *testing.T) {
		k, item := s.key(), table.Item{"name": table.String("latte"), "price": table.Int(350)}
		s.write(t, table.Put(k, item))
		s.want(t, k, item)
	})
	t.Run("an item put is read in a moment by any read", func(t *testing.T) {
		k, item := s.key(), table.Item{"name": table.String("latte")}
		s.write(t, table.Put(k, item))
		eventually(t, func() string {
			got, err := s.Get(ctx, k, false)
			if err != nil || !same(got, item) {
				return fmt.Sprintf("got %s, %v", show(got), err)
			}
			return ""
		})
	})
	t.Run("every kind of value comes back as it was stored", func(t *testing.T) {
		k, item := s.key(), everyKind()
		s.write(t, table.Put(k, item))
		got := s.item(t, k)
		for name, v := range item {
			if !got[name].Equal(v) {
				t.Errorf("%s: got %+v, want %+v", name, got[name], v)
			}
		}
		s.want(t, k, item)

		u := s.key()
		s.write(t, update(u, everyKind(), nil, nil))
		s.want(t, u, item)
	})
	t.Run("an empty item exists", func(t *testing.T) {
		for _, item := range []table.Item{{}, nil} {
			k := s.key()
			s.write(t, table.Put(k, item))
			s.want(t, k, table.Item{})
			s.write(t, table.Check(k, table.Present()), table.Put(s.key(), table.Item{}))
		}
	})
	t.Run("keys that differ in one part are different items", func(t *testing.T) {
		p := s.partition()
		for i, k := range []table.Key{
			{PK: p, SK: "a"}, {PK: p, SK: "b"}, {PK: p, SK: "ab"}, {PK: p + "a", SK: "b"}, {PK: p + "a", SK: "a"}, {PK: p + "A", SK: "a"},
		} {
			if s.item(t, k) != nil {
				t.Errorf("%s is there already", k)
			}
			s.write(t, table.Put(k, table.Item{"n": table.Int(int64(i))}, table.Absent()))
			s.want(t, k, table.Item{"n": table.Int(int64(i))})
		}
	})
	t.Run("keys may contain any character except NUL", func(t *testing.T) {
		p := s.partition()
		for _, k := range []table.Key{
			{PK: p + "..", SK: ".."}, {PK: p + "%zz%00", SK: "#"}, {PK: p + "a/b", SK: "/"}, {PK: p + "\x01\x7f", SK: "\x01"},
			{PK: p + "é☕", SK: "👩🏽‍🍳"}, {PK: p + " ", SK: " "}, {PK: p + `"'\`, SK: "$:{}"},
		} {
			item := table.Item{"key": table.String(k.String())}
			s.write(t, table.Put(k, item))
			s.want(t, k, item)
			if rows := s.rows(t, table.Query{Partition: k.PK, Consistent: true}); len(rows) != 1 || rows[0].Key != k {
				t.Errorf("query of %q: %v", k.PK, rows)
			}
		}
	})
	t.Run("a put replaces the whole item", func(t *testing.T) {
		k := s.key()
		s.write(t, table.Put(k, table.Item{"a": table.Int(1), "b": table.Int(2)}))
		s.write(t, table.Put(k, table.Item{"b": table.String("two")}))
		s.want(t, k, table.Item{"b": table.String("two")})
	})
	t.Run("an update sets, adds and removes and leaves the rest", func(t *testing.T) {
		k := s.key()
		s.write(t, table.Put(k, table.Item{
			"kept": table.String("k"), "set": table.Int(1), "added": table.Int(40), "removed": table.Int(9), "map": table.Map(table.Item{"a": table.Int(1)}),
		}))
		s.write(t, update(k,
			table.Item{"set": table.String("now text"), "new": table.List(table.Int(1)), "map": table.Map(table.Item{"b": table.Int(2)})},
			map[string]int64{"added": 2, "counted": 5},
			[]string{"removed", "never there"}))
		s.want(t, k, table.Item{
			"kept": table.String("k"), "set": table.String("now text"), "new": table.List(table.Int(1)),
			"map": table.Map(table.Item{"b": table.Int(2)}), "added": table.Int(42), "counted": table.Int(5),
		})
	})
	t.Run("an update of an absent item creates it", func(t *testing.T) {
		k := s.key()
		s.write(t, update(k, table.Item{"a": table.Int(1)}, map[string]int64{"n": 3}, []string{"x"}))
		s.want(t, k, table.Item{"a": table.Int(1), "n": table.Int(3)})
	})
	t.Run("an update may leave nothing but the key", func(t *testing.T) {
		k := s.key()
		s.write(t, table.Put(k, table.Item{"a": table.Int(1)}))
		s.write(t, update(k, nil, nil, []string{"a"}))
		s.want(t, k, table.Item{})
	})
	t.Run("a delete removes the item", func(t *testing.T) {
		k := s.key()
		s.write(t, table.Put(k, table.Item{"a": table.Int(1)}))
		s.write(t, table.Delete(k))
		s.want(t, k, nil)
		s.write(t, table.Put(k, table.Item{"a": table.Int(2)}, table.Absent()))
		s.want(t, k, table.Item{"a": table.Int(2)})
	})
	t.Run("a delete of an absent item does nothing", func(t *testing.T) {
		k := s.key()
		s.write(t, table.Delete(k))
		s.write(t, table.Delete(k), table.Put(s.key(), table.Item{}))
		s.want(t, k, nil)
	})
	t.Run("a check changes nothing", func(t *testing.T) {
		k, absent, other := s.key(), s.key(), s.key()
		s.write(t, table.Put(k, table.Item{"a": table.Int(1)}))
		s.write(t, table.Check(k, table.Present()), table.Check(absent, table.Absent()), table.Put(other, table.Item{}))
		s.want(t, k, table.Item{"a": table.Int(1)})
		s.want(t, absent, nil)
		s.want(t, other, table.Item{})
	})
	t.Run("a check can stand alone", func(t *testing.T) {
		k := s.key()
		if err := s.try(table.Check(k, table.Absent())); err != nil {
			t.Error(err)
		}
		if item, refused := table.Failed(s.try(table.Check(k, table.Present())), 0); !refused || item != nil {
			t.Errorf("refused %v, item %v", refused, item)
		}
		s.want(t, k, nil)
	})
	t.Run("several operations of all kinds are one write", func(t *testing.T) {
		put, upd, del, chk := s.key(), s.key(), s.key(), s.key()
		s.write(t, table.Put(upd, table.Item{"n": table.Int(1)}), table.Put(del, table.Item{}), table.Put(chk, table.Item{"ok": table.Bool(true)}))
		s.write(t,
			table.Put(put, table.Item{"a": table.Int(1)}, table.Absent()),
			update(upd, nil, map[string]int64{"n": 1}, nil, table.Equal("n", table.Int(1))),
			table.Delete(del, table.Present()),
			table.Check(chk, table.Equal("ok", table.Bool(true))))
		s.want(t, put, table.Item{"a": table.Int(1)})
		s.want(t, upd, table.Item{"n": table.Int(2)})
		s.want(t, del, nil)
		s.want(t, chk, table.Item{"ok": table.Bool(true)})
	})
	t.Run("a put copies its item", func(t *testing.T) {
		k, item := s.key(), table.Item{"a": table.Int(1)}
		s.write(t, table.Put(k, item))
		item["a"] = table.Int(2)
		s.want(t, k, table.Item{"a": table.Int(1)})
	})
	t.Run("a write does not change its arguments", func(t *testing.T) {
		p := s.partition()
		put := table.Put(table.Key{PK: p, SK: "put"}, table.Item{"a": table.Int(1), table.AttrIndex1: table.String(p), table.AttrSort: table.String("1")})
		upd := update(table.Key{PK: p, SK: "update"}, table.Item{"b": table.Int(2)}, map[string]int64{"n": 1}, []string{"c"}, table.Missing("c"))
		s.write(t, put, upd)
		s.write(t, upd)
		if !put.Item.Equal(table.Item{"a": table.Int(1), table.AttrIndex1: table.String(p), table.AttrSort: table.String("1")}) ||
			!upd.Set.Equal(table.Item{"b": table.Int(2)}) || len(upd.Add) != 1 || upd.Add["n"] != 1 ||
			len(upd.Remove) != 1 || upd.Remove[0] != "c" || len(upd.If) != 1 {
			t.Errorf("changed to %+v and %+v", put, upd)
		}
	})
	t.Run("the caller may change an item that was read", func(t *testing.T) {
		k, item := s.key(), table.Item{"a": table.Int(1)}
		s.write(t, table.Put(k, item))
		s.item(t, k)["a"] = table.Int(2)
		for _, r := range s.rows(t, table.Query{Partition: k.PK, Consistent: true}) {
			r.Item["a"] = table.Int(3)
		}
		if shown, refused := table.Failed(s.try(table.Put(k, table.Item{}, table.Absent())), 0); refused {
			shown["a"] = table.Int(4)
		} else {
			t.Error("a put that must be absent was not refused")
		}
		s.want(t, k, item)
	})
}

func testConditions(t *testing.T, s *suite) {
	const absent, present = "an absent item", "an empty item"
	num := func(n int64) table.Item { return table.Item{"a": table.Int(n)} }
	str := func(v string) table.Item { return table.Item{"a": table.String(v)} }
	options := func(id string, price int64) table.Value {
		return table.List(table.Map(table.Item{"id": table.String(id), "price": table.Int(price)}))
	}
	for _, c := range []struct {
		name  string
		cond  table.Condition
		item  table.Item
		holds bool
	}{
		{"absent holds for " + absent, table.Absent(), nil, true},
		{"absent fails for " + present, table.Absent(), table.Item{}, false},
		{"absent fails for an item", table.Absent(), num(1), false},
		{"present fails for " + absent, table.Present(), nil, false},
		{"present holds for " + present, table.Present(), table.Item{}, true},
		{"present holds for an item", table.Present(), num(1), true},

		{"equal fails for " + absent, table.Equal("a", table.Int(0)), nil, false},
		{"equal fails for a missing attribute", table.Equal("a", table.Int(0)), table.Item{"b": table.Int(0)}, false},
		{"equal holds for the same number", table.Equal("a", table.Int(-5)), num(-5), true},
		{"equal fails for another number", table.Equal("a", table.Int(5)), num(-5), false},
		{"equal tells numbers apart that floats do not", table.Equal("a", table.Int(1<<53)), num(1<<53 + 1), false},
		{"equal holds for the same text", table.Equal("a", table.String("x")), str("x"), true},
		{"equal fails for text in another case", table.Equal("a", table.String("X")), str("x"), false},
		{"equal fails for a longer text", table.Equal("a", table.String("x")), str("xx"), false},
		{"equal holds for empty text", table.Equal("a", table.String("")), str(""), true},
		{"equal fails for the number written as text", table.Equal("a", table.Int(1)), str("1"), false},
		{"equal holds for true", table.Equal("a", table.Bool(true)), table.Item{"a": table.Bool(true)}, true},
		{"equal tells true from false", table.Equal("a", table.Bool(true)), table.Item{"a": table.Bool(false)}, false},
		{"equal tells false from missing", table.Equal("a", table.Bool(false)), table.Item{}, false},
		{"equal tells false from zero", table.Equal("a", table.Bool(false)), num(0), false},
		{"equal holds for the same list of maps", table.Equal("a", options("oat", 40)), table.Item{"a": options("oat", 40)}, true},
		{"equal fails for a list with another number in it", table.Equal("a", options("oat", 40)), table.Item{"a": options("oat", 41)}, false},
		{"equal fails for a longer list", table.Equal("a", table.List(table.Int(1))), table.Item{"a": table.List(table.Int(1), table.Int(1))}, false},
		{"equal fails for a list in another order", table.Equal("a", table.List(table.Int(1), table.Int(2))), table.Item{"a": table.List(table.Int(2), table.Int(1))}, false},

		{"below holds for " + absent, table.Below("a", 5), nil, true},
		{"below holds for a missing attribute", table.Below("a", -5), table.Item{"b": table.Int(9)}, true},
		{"below holds for a lower number", table.Below("a", 10), num(9), true},
		{"below fails for the same number", table.Below("a", 9), num(9), false},
		{"below fails for a higher number", table.Below("a", 9), num(10), false},
		{"below counts negatives right", table.Below("a", -9), num(-10), true},
		{"below fails for text", table.Below("a", 9), str("1"), false},
		{"below fails at the least number", table.Below("a", -1<<63), num(-1 << 63), false},

		{"at least fails for " + absent, table.AtLeast("a", 0), nil, false},
		{"at least fails for a missing attribute", table.AtLeast("a", -1), table.Item{"b": table.Int(1)}, false},
		{"at least fails for a lower number", table.AtLeast("a", 10), num(9), false},
		{"at least holds for the same number", table.AtLeast("a", 9), num(9), true},
		{"at least holds for a higher number", table.AtLeast("a", -10), num(-9), true},
		{"at least fails for text", table.AtLeast("a", 1), str("9"), false},

		{"missing holds for " + absent, table.Missing("a"), nil, true},
		{"missing holds for a missing attribute", table.Missing("a"), table.Item{"b": table.Int(1)}, true},
		{"missing fails for an attribute of any value", table.Missing("a"), str(""), false},
		{"missing fails for false", table.Missing("a"), table.Item{"a": table.Bool(false)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, kind := range []struct {
				name  string
				op    func(k table.Key) table.Op
				after table.Item
			}{
				{"put", func(k table.Key) table.Op { return table.Put(k, table.Item{"new": table.Int(1)}, c.cond) }, table.Item{"new": table.Int(1)}},
				{"update", func(k table.Key) table.Op {
					return update(k, table.Item{"new": table.Int(1)}, nil, nil, c.cond)
				}, with(table.Item{"new": table.Int(1)}, c.item)},
				{"delete", func(k table.Key) table.Op { return table.Delete(k, c.cond) }, nil},
				{"check", func(k table.Key) table.Op { return table.Check(k, c.cond) }, c.item},
			} {
				k := s.key()
				if c.item != nil {
					s.write(t, table.Put(k, c.item))
				}
				err := s.try(kind.op(k))
				shown, refused := table.Failed(err, 0)
				switch {
				case c.holds && err != nil:
					t.Errorf("%s: %v", kind.name, err)
				case c.holds:
					s.want(t, k, kind.after)
				case !refused:
					t.Errorf("%s: not refused but %v", kind.name, err)
				default:
					if !same(shown, c.item) {
						t.Errorf("%s: refused showing %s, want %s", kind.name, show(shown), show(c.item))
					}
					s.want(t, k, c.item)
				}
			}
		})
	}

	t.Run("all conditions of an operation must hold", func(t *testing.T) {
		k := s.key()
		s.write(t, table.Put(k, table.Item{"a": table.Int(1), "b": table.Int(2)}))
		both := []table.Condition{table.Equal("a", table.Int(1)), table.Below("b", 3), table.Missing("c"), table.Present()}
		if err := s.try(table.Check(k, both...)); err != nil {
			t.Error(err)
		}
		for i, wrong := range []table.Condition{table.Equal("a", table.Int(2)), table.AtLeast("b", 3), table.Missing("a"), table.Absent()} {
			conditions := append([]table.Condition{}, both...)
			conditions[i] = wrong
			if _, refused := table.Failed(s.try(table.Put(k, table.Item{}, conditions...)), 0); !refused {
				t.Errorf("not refused with condition %d wrong", i)
			}
		}
	})
	t.Run("two conditions may ask about one attribute", func(t *testing.T) {
		k := s.key()
		s.write(t, table.Put(k, num(7)))
		if err := s.try(table.Check(k, table.AtLeast("a", 5), table.Below("a", 10))); err != nil {
			t.Error(err)
		}
		if _, refused := table.Failed(s.try(table.Check(k, table.AtLeast("a", 5), table.Below("a", 7))), 0); !refused {
			t.Error("not refused")
		}
	})
	t.Run("a condition sees the item before its own operation", func(t *testing.T) {
		k := s.key()
		s.write(t, update(k, num(2), nil, nil, table.Absent()))
		s.write(t, update(k, num(3), nil, nil, table.Equal("a", table.Int(2))))
		s.write(t, update(k, nil, nil, []string{"a"}, table.Equal("a", table.Int(3))))
		s.want(t, k, table.Item{})
	})
}

func testRefusals(t *testing.T, s *suite) {
	t.Run("a refusal names every operation that failed, with its item", func(t *testing.T) {
		ok, there, gone, last := s.key(), s.key(), s.key(), s.key()
		s.write(t, table.Put(there, everyKind()), table.Put(last, table.Item{"v": table.Int(3)}))
		err := s.try(
			table.Put(ok, table.Item{}, table.Absent()),
			table.Put(there, table.Item{}, table.Absent()),
			table.Check(gone, table.Present()),
			update(last, table.Item{"v": table.Int(9)}, nil, nil, table.Equal("v", table.Int(4))),
		)
		var refused *table.ConditionError
		if !errors.As(err, &refused) {
			t.Fatalf("got %v", err)
		}
		want := []table.Failure{{Op: 1, Item: everyKind()}, {Op: 2}, {Op: 3, Item: table.Item{"v": table.Int(3)}}}
		if len(refused.Failures) != len(want) {
			t.Fatalf("got %d failures: %v", len(refused.Failures), err)
		}
		for i, f := range refused.Failures {
			if f.Op != want[i].Op || !same(f.Item, want[i].Item) {
				t.Errorf("failure %d: operation %d, %s; want operation %d, %s", i, f.Op, show(f.Item), want[i].Op, show(want[i].Item))
			}
		}
		if _, named := table.Failed(err, 0); named {
			t.Error("names an operation whose conditions hold")
		}
	})
	t.Run("a refused write changes nothing, whichever operation failed", func(t *testing.T) {
		for failing := range 4 {
			p := s.partition()
			key := func(i int) table.Key { return table.Key{PK: p, SK: fmt.Sprint(i)} }
			old := table.Item{"n": table.Int(1)}
			s.write(t, table.Put(key(1), old), table.Put(key(2), old), table.Put(key(3), old))
			ops := []table.Op{
				table.Put(key(0), table.Item{"new": table.Bool(true)}, table.Absent()),
				update(key(1), nil, map[string]int64{"n": 1}, nil),
				table.Delete(key(2), table.Present()),
				table.Put(key(3), table.Item{}),
			}
			ops[failing].If = []table.Condition{table.Equal("n", table.Int(99))}
			if _, refused := table.Failed(s.try(ops...), failing); !refused {
				t.Errorf("operation %d was not refused", failing)
			}
			s.want(t, key(0), nil)
			for i := 1; i < 4; i++ {
				s.want(t, key(i), old)
			}
		}
	})
	t.Run("an invalid addition refuses the whole write", func(t *testing.T) {
		a, b := s.key(), s.key()
		s.write(t, table.Put(b, table.Item{"n": table.String("x")}))
		err := s.try(table.Put(a, table.Item{}), update(b, nil, map[string]int64{"n": 1}, nil))
		if !errors.Is(err, table.ErrInvalid) {
			t.Errorf("got %v", err)
		}
		s.want(t, a, nil)
		s.want(t, b, table.Item{"n": table.String("x")})
	})
}

func testNumbers(t *testing.T, s *suite) {
	const missing = math.MaxInt64 - 12345 // stands for no attribute
	for _, c := range []struct {
		name    string
		old     int64
		add     int64
		want    int64
		invalid bool
	}{
		{name: "adding to an absent attribute counts from zero", old: missing, add: 5, want: 5},
		{name: "adding a negative to an absent attribute counts from zero", old: missing, add: -5, want: -5},
		{name: "adding nothing makes an absent attribute zero", old: missing, add: 0, want: 0},
		{name: "adding goes below zero", old: 3, add: -10, want: -7},
		{name: "adding nothing changes nothing", old: 3, add: 0, want: 3},
		{name: "adding reaches the most", old: math.MaxInt64 - 1, add: 1, want: math.MaxInt64},
		{name: "adding reaches the least", old: math.MinInt64 + 1, add: -1, want: math.MinInt64},
		{name: "adding from the least to zero", old: -math.MaxInt64, add: math.MaxInt64, want: 0},
		{name: "adding spans the whole range", old: math.MinInt64, add: math.MaxInt64, want: -1},
		{name: "adding keeps digits that floats lose", old: 1 << 60, add: 1, want: 1<<60 + 1},
		{name: "adding beyond the most is invalid", old: math.MaxInt64, add: 1, invalid: true},
		{name: "adding the most to one is invalid", old: 1, add: math.MaxInt64, invalid: true},
		{name: "adding beyond the least is invalid", old: math.MinInt64, add: -1, invalid: true},
		{name: "adding the least to minus one is invalid", old: -1, add: math.MinInt64, invalid: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, before := s.key(), table.Item{"kept": table.Bool(true)}
			if c.old != missing {
				before["n"] = table.Int(c.old)
			}
			s.write(t, table.Put(k, before))
			err := s.try(update(k, table.Item{"set": table.Int(1)}, map[string]int64{"n": c.add}, nil))
			if c.invalid {
				if !errors.Is(err, table.ErrInvalid) {
					t.Errorf("got %v, want ErrInvalid", err)
				}
				s.want(t, k, before)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			s.want(t, k, table.Item{"kept": table.Bool(true), "set": table.Int(1), "n": table.Int(c.want)})
		})
	}
	for name, v := range map[string]table.Value{
		"text": table.String("1"), "a boolean": table.Bool(true), "a list": table.List(table.Int(1)), "a map": table.Map(table.Item{"n": table.Int(1)}), "bytes": table.Bytes([]byte("1")),
	} {
		t.Run("adding to "+name+" is invalid", func(t *testing.T) {
			k, before := s.key(), table.Item{"n": v}
			s.write(t, table.Put(k, before))
			if err := s.try(update(k, nil, map[string]int64{"n": 1}, nil)); !errors.Is(err, table.ErrInvalid) {
				t.Errorf("got %v, want ErrInvalid", err)
			}
			s.want(t, k, before)
		})
	}
}

func testLimits(t *testing.T, s *suite) {
	one := table.Item{"a": table.Int(1)}
	for _, c := range []struct {
		name string
		key  table.Key
	}{
		{"an empty partition key", table.Key{PK: "", SK: "S"}},
		{"an empty sort key", table.Key{PK: s.partition(), SK: ""}},
		{"NUL in the partition key", table.Key{PK: s.partition() + "\x00", SK: "S"}},
		{"NUL in the sort key", table.Key{PK: s.partition(), SK: "a\x00b"}},
		{"a partition key of 2049 bytes", table.Key{PK: strings.Repeat("k", 2049), SK: "S"}},
		{"a sort key of 1025 bytes", table.Key{PK: s.partition(), SK: strings.Repeat("k", 1025)}},
	} {
		t.Run(c.name+" is invalid", func(t *testing.T) {
			good := s.key()
			for _, op := range []table.Op{
				table.Put(c.key, one), update(c.key, one, nil, nil), table.Delete(c.key), table.Check(c.key, table.Absent()),
			} {
				if err := s.Write(context.Background(), table.Put(good, one), op); !errors.Is(err, table.ErrInvalid) {
					t.Errorf("%s: %v", describe([]table.Op{op}), err)
				}
			}
			s.want(t, good, nil)
		})
	}
	t.Run("the longest keys are accepted", func(t *testing.T) {
		p := s.partition()
		k := table.Key{PK: p + strings.Repeat("k", 2048-len(p)), SK: strings.Repeat("s", 1024)}
		s.write(t, table.Put(k, one))
		s.want(t, k, one)
		if rows := s.rows(t, table.Query{Partition: k.PK, Consistent: true}); len(rows) != 1 || rows[0].Key != k {
			t.Errorf("%d rows", len(rows))
		}
	})
	t.Run("a write without operations is invalid", func(t *testing.T) {
		if err := s.Write(context.Background()); !errors.Is(err, table.ErrInvalid) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an operation without a kind is invalid", func(t *testing.T) {
		if err := s.Write(context.Background(), table.Op{Key: s.key()}); !errors.Is(err, table.ErrInvalid) {
			t.Errorf("got %v", err)
		}
	})
	many := func(n int) (ops []table.Op, partition string) {
		partition = s.partition()
		for i := range n {
			ops = append(ops, table.Put(table.Key{PK: partition, SK: fmt.Sprintf("%03d", i)}, one))
		}
		return ops, partition
	}
	t.Run("a write takes 100 operations", func(t *testing.T) {
		ops, p := many(table.MaxOps)
		s.write(t, ops...)
		if rows := s.rows(t, table.Query{Partition: p, Consistent: true}); len(rows) != table.MaxOps {
			t.Errorf("wrote %d", len(rows))
		}
	})
	t.Run("101 operations are too large", func(t *testing.T) {
		ops, p := many(table.MaxOps + 1)
		if err := s.Write(context.Background(), ops...); !errors.Is(err, table.ErrTooLarge) {
			t.Errorf("got %v", err)
		}
		if rows := s.rows(t, table.Query{Partition: p, Consistent: true}); len(rows) != 0 {
			t.Errorf("wrote %d", len(rows))
		}
	})
	t.Run("two operations on one item are invalid", func(t *testing.T) {
		k := s.key()
		for _, second := range []table.Op{table.Put(k, one), table.Check(k, table.Absent()), table.Delete(k)} {
			if err := s.Write(context.Background(), table.Put(k, one), table.Put(s.key(), one), second); !errors.Is(err, table.ErrInvalid) {
				t.Errorf("got %v", err)
			}
		}
		s.want(t, k, nil)
	})
	for name, op := range map[string]func(k table.Key) table.Op{
		"setting and adding to": func(k table.Key) table.Op {
			return update(k, table.Item{"a": table.Int(1)}, map[string]int64{"a": 1}, nil)
		},
		"setting and removing":   func(k table.Key) table.Op { return update(k, table.Item{"a": table.Int(1)}, nil, []string{"a"}) },
		"adding to and removing": func(k table.Key) table.Op { return update(k, nil, map[string]int64{"a": 1}, []string{"a"}) },
		"removing, twice,":       func(k table.Key) table.Op { return update(k, one, nil, []string{"b", "b"}) },
	} {
		t.Run(name+" one attribute is invalid", func(t *testing.T) {
			k := s.key()
			if err := s.Write(context.Background(), op(k)); !errors.Is(err, table.ErrInvalid) {
				t.Errorf("got %v", err)
			}
			s.want(t, k, nil)
		})
	}
	for name, item := range map[string]table.Item{
		"an attribute named as the partition key": {table.AttrPK: table.String("x")},
		"an attribute named as the sort key":      {table.AttrSK: table.String("x")},
		"an attribute without a name":             {"": table.Int(1)},
		"a value of no kind":                      {"a": table.Value{}},
		"a value of no kind in a list":            {"a": table.List(table.Int(1), table.Value{})},
		"a value of no kind in a map":             {"a": table.Map(table.Item{"b": {}})},
		"an index key that is a number":           {table.AttrIndex1: table.Int(1), table.AttrSort: table.String("1")},
		"an index key that is empty":              {table.AttrIndex2: table.String(""), table.AttrSort: table.String("1")},
		"an index sort key that is a number":      {table.AttrIndex1: table.String("x"), table.AttrSort: table.Int(1)},
		"an index sort key that is empty":         {table.AttrSort: table.String("")},
		"an index key with NUL":                   {table.AttrIndex1: table.String("a\x00"), table.AttrSort: table.String("1")},
		"an index sort key of 1025 bytes":         {table.AttrIndex1: table.String("a"), table.AttrSort: table.String(strings.Repeat("s", 1025))},
		"an index key of 2049 bytes":              {table.AttrIndex1: table.String(strings.Repeat("s", 2049)), table.AttrSort: table.String("1")},
	} {
		t.Run(name+" is invalid", func(t *testing.T) {
			k := s.key()
			for _, op := range []table.Op{table.Put(k, item), update(k, item, nil, nil)} {
				if err := s.Write(context.Background(), op); !errors.Is(err, table.ErrInvalid) {
					t.Errorf("%s: %v", describe([]table.Op{op}), err)
				}
			}
			s.want(t, k, nil)
		})
	}
	t.Run("adding to an index key is invalid", func(t *testing.T) {
		k := s.key()
		if err := s.Write(context.Background(), update(k, nil, map[string]int64{table.AttrSort: 1}, nil)); !errors.Is(err, table.ErrInvalid) {
			t.Errorf("got %v", err)
		}
		s.want(t, k, nil)
	})

	large := func(kilobytes int) table.Value { return table.String(strings.Repeat("x", kilobytes<<10)) }
	t.Run("an item just below 400 KB is accepted", func(t *testing.T) {
		k, item := s.key(), table.Item{"a": large(399)}
		s.write(t, table.Put(k, item))
		s.want(t, k, item)
	})
	t.Run("an item over 400 KB is too large", func(t *testing.T) {
		k, good := s.key(), s.key()
		if err := s.Write(context.Background(), table.Put(k, table.Item{"a": large(401)})); !errors.Is(err, table.ErrTooLarge) {
			t.Errorf("got %v", err)
		}
		if err := s.Write(context.Background(), table.Put(good, one), table.Put(k, table.Item{"a": large(401)})); !errors.Is(err, table.ErrTooLarge) {
			t.Errorf("with another: %v", err)
		}
		s.want(t, k, nil)
		s.want(t, good, nil)
	})
	t.Run("an update that makes an item grow over 400 KB is too large", func(t *testing.T) {
		k, good := s.key(), s.key()
		before := table.Item{"a": large(250)}
		s.write(t, table.Put(k, before))
		grow := update(k, table.Item{"b": large(200)}, nil, nil)
		if err := s.try(grow); !errors.Is(err, table.ErrTooLarge) {
			t.Errorf("got %v", err)
		}
		if err := s.try(table.Put(good, one), grow); !errors.Is(err, table.ErrTooLarge) {
			t.Errorf("with another: %v", err)
		}
		s.want(t, k, before)
		s.want(t, good, nil)
	})
	t.Run("a write over 4 MB is too large", func(t *testing.T) {
		p := s.partition()
		var ops []table.Op
		for i := range 12 {
			ops = append(ops, table.Put(table.Key{PK: p, SK: fmt.Sprint(i)}, table.Item{"a": large(380)}))
		}
		if err := s.Write(context.Background(), ops...); !errors.Is(err, table.ErrTooLarge) {
			t.Errorf("got %v", err)
		}
		if rows := s.rows(t, table.Query{Partition: p, Consistent: true}); len(rows) != 0 {
			t.Errorf("wrote %d", len(rows))
		}
	})
	nested := func(levels int) table.Item {
		v := table.Int(1)
		for range levels {
			v = table.List(v)
		}
		return table.Item{"a": v}
	}
	t.Run("30 levels of nesting are accepted", func(t *testing.T) {
		k, item := s.key(), nested(table.MaxDepth)
		s.write(t, table.Put(k, item))
		s.want(t, k, item)
	})
	t.Run("more levels of nesting are invalid", func(t *testing.T) {
		k := s.key()
		if err := s.Write(context.Background(), table.Put(k, nested(table.MaxDepth+1))); !errors.Is(err, table.ErrInvalid) {
			t.Errorf("got %v", err)
		}
		s.want(t, k, nil)
	})
}
