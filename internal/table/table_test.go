package table

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Package tabletest tests most of this package through its engines. The tests here are of
// the parts that engines use.

var key = Key{PK: "O#1", SK: "O"}

func TestApply(t *testing.T) {
	old := Item{"kept": String("k"), "n": Int(40), "gone": Bool(true)}
	update := Update(key)
	update.Set, update.Add, update.Remove = Item{"set": List(Int(1))}, map[string]int64{"n": 2, "new": -3}, []string{"gone", "never there"}
	for _, c := range []struct {
		name    string
		op      Op
		current Item
		want    Item
	}{
		{"a put creates", Put(key, Item{"a": Int(1)}), nil, Item{"a": Int(1)}},
		{"a put replaces", Put(key, Item{"a": Int(1)}), old, Item{"a": Int(1)}},
		{"a put of nothing makes an empty item", Put(key, nil), nil, Item{}},
		{"a delete leaves none", Delete(key), old, nil},
		{"a delete of none leaves none", Delete(key), nil, nil},
		{"a check leaves the item", Check(key), old, old},
		{"a check leaves none", Check(key), nil, nil},
		{"an update changes what it names", update, old, Item{"kept": String("k"), "n": Int(42), "set": List(Int(1)), "new": Int(-3)}},
		{"an update creates", update, nil, Item{"n": Int(2), "set": List(Int(1)), "new": Int(-3)}},
		{"an empty update creates an empty item", Update(key), nil, Item{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := maps.Clone(c.current)
			got, err := c.op.Apply(c.current)
			if err != nil || (got == nil) != (c.want == nil) || !got.Equal(c.want) {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
			if !before.Equal(c.current) {
				t.Errorf("changed the item to %v", c.current)
			}
		})
	}
}

func TestAddIsExactOrInvalid(t *testing.T) {
	edges := []int64{0, 1, -1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1}
	number := rapid.OneOf(rapid.Int64(), rapid.SampledFrom(edges))
	rapid.Check(t, func(rt *rapid.T) {
		a, b := number.Draw(rt, "a"), number.Draw(rt, "b")
		op := Update(key)
		op.Add = map[string]int64{"n": b}
		got, err := op.Apply(Item{"n": Int(a)})
		sum := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
		if sum.IsInt64() != (err == nil) || err == nil && got.Int("n") != sum.Int64() || err != nil && !errors.Is(err, ErrInvalid) {
			rt.Fatalf("%d + %d: %v, %v; want %v", a, b, got, err, sum)
		}
	})
}

func TestAnUpdateThatGrowsTooLargeIsRefused(t *testing.T) {
	op := Update(key)
	op.Set = Item{"b": String(strings.Repeat("x", 200<<10))}
	if _, err := op.Apply(Item{"a": String(strings.Repeat("x", 250<<10))}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if _, err := op.Apply(Item{"a": String(strings.Repeat("x", 150<<10))}); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestConditions(t *testing.T) {
	latte := Item{"price": Int(350), "name": String("Latte"), "active": Bool(false)}
	holds, fails := true, false
	for _, c := range []struct {
		cond               Condition
		none, empty, latte bool
	}{
		{Absent(), holds, fails, fails},
		{Present(), fails, holds, holds},
		{Missing("price"), holds, holds, fails},
		{Missing("other"), holds, holds, holds},
		{Equal("price", Int(350)), fails, fails, holds},
		{Equal("price", Int(351)), fails, fails, fails},
		{Equal("price", String("350")), fails, fails, fails},
		{Equal("name", String("Latte")), fails, fails, holds},
		{Equal("active", Bool(false)), fails, fails, holds},
		{Equal("other", Value{}), fails, fails, fails},
		{Below("price", 350), holds, holds, fails},
		{Below("price", 351), holds, holds, holds},
		{Below("name", 1<<40), holds, holds, fails},
		{AtLeast("price", 350), fails, fails, holds},
		{AtLeast("price", 351), fails, fails, fails},
		{AtLeast("name", -1<<40), fails, fails, fails},
		{Condition{}, fails, fails, fails},
	} {
		for name, row := range map[string]struct {
			item Item
			want bool
		}{"no item": {nil, c.none}, "an empty item": {Item{}, c.empty}, "the latte": {latte, c.latte}} {
			if got := c.cond.Holds(row.item); got != row.want {
				t.Errorf("%+v of %s: %v", c.cond, name, got)
			}
		}
	}
}

func TestValidate(t *testing.T) {
	put := func(item Item) []Op { return []Op{Put(key, item)} }
	update := func(set Item, add map[string]int64, remove ...string) []Op {
		op := Update(key)
		op.Set, op.Add, op.Remove = set, add, remove
		return []Op{op}
	}
	many := func(n, size int) (ops []Op) {
		for i := range n {
			ops = append(ops, Put(Key{PK: "P", SK: fmt.Sprint(i)}, Item{"a": String(strings.Repeat("x", size))}))
		}
		return ops
	}
	for _, c := range []struct {
		name string
		ops  []Op
		want error
	}{
		{"an ordinary write", append(many(3, 10), Update(key, Present()), Check(Key{PK: "C", SK: "C"}, Absent())), nil},
		{"nothing", nil, ErrInvalid},
		{"100 operations", many(100, 1), nil},
		{"101 operations", many(101, 1), ErrTooLarge},
		{"one item twice", []Op{Put(key, nil), Delete(key)}, ErrInvalid},
		{"two items with one partition key", []Op{Put(key, nil), Delete(Key{PK: key.PK, SK: "other"})}, nil},
		{"an empty partition key", []Op{Delete(Key{SK: "S"})}, ErrInvalid},
		{"an empty sort key", []Op{Delete(Key{PK: "P"})}, ErrInvalid},
		{"the longest keys", []Op{Delete(Key{PK: strings.Repeat("p", 2048), SK: strings.Repeat("s", 1024)})}, nil},
		{"a partition key too long", []Op{Delete(Key{PK: strings.Repeat("p", 2049), SK: "S"})}, ErrInvalid},
		{"a sort key too long", []Op{Delete(Key{PK: "P", SK: strings.Repeat("s", 1025)})}, ErrInvalid},
		{"NUL in a key", []Op{Delete(Key{PK: "P", SK: "S\x00"})}, ErrInvalid},
		{"no kind", []Op{{Key: key}}, ErrInvalid},
		{"a kind there is not", []Op{{Kind: OpCheck + 1, Key: key}}, ErrInvalid},
		{"400 KB", many(1, 399<<10), nil},
		{"more than 400 KB", many(1, 400<<10), ErrTooLarge},
		{"an update with more than 400 KB", update(Item{"a": String(strings.Repeat("x", 400<<10))}, nil), ErrTooLarge},
		{"4 MB", many(10, 399<<10), nil},
		{"more than 4 MB", many(11, 399<<10), ErrTooLarge},
		{"an attribute without a name", put(Item{"": Int(1)}), ErrInvalid},
		{"the partition key as an attribute", put(Item{AttrPK: String("x")}), ErrInvalid},
		{"the sort key added to", update(nil, map[string]int64{AttrSK: 1}), ErrInvalid},
		{"the sort key removed", update(nil, nil, AttrSK), ErrInvalid},
		{"a value of no kind", put(Item{"a": {}}), ErrInvalid},
		{"a value of no kind deep down", put(Item{"a": List(Map(Item{"b": List(Value{})}))}), ErrInvalid},
		{"set and added", update(Item{"a": Int(1)}, map[string]int64{"a": 1}), ErrInvalid},
		{"set and removed", update(Item{"a": Int(1)}, nil, "a"), ErrInvalid},
		{"added and removed", update(nil, map[string]int64{"a": 1}, "a"), ErrInvalid},
		{"removed twice", update(nil, nil, "a", "b", "a"), ErrInvalid},
		{"index keys", put(Item{AttrIndex1: String("C"), AttrIndex2: String("D"), AttrSort: String("1")}), nil},
		{"index keys removed", update(nil, nil, AttrIndex1, AttrSort), nil},
		{"an index key alone", put(Item{AttrIndex1: String("C")}), nil},
		{"an index key that is a number", put(Item{AttrIndex1: Int(1)}), ErrInvalid},
		{"an index key set to nothing", update(Item{AttrIndex2: String("")}, nil), ErrInvalid},
		{"an index sort key with NUL", put(Item{AttrSort: String("a\x00b")}), ErrInvalid},
		{"an index sort key too long", put(Item{AttrSort: String(strings.Repeat("s", 1025))}), ErrInvalid},
		{"an index key added to", update(nil, map[string]int64{AttrSort: 1}), ErrInvalid},
	} {
		if err := Validate(c.ops); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestRangesOfSortKeys(t *testing.T) {
	sortKey := rapid.StringMatching(`[ -~]{1,6}`)
	rapid.Check(t, func(rt *rapid.T) {
		a, b := sortKey.Draw(rt, "a"), sortKey.Draw(rt, "b")
		if (b > a) != (b >= After(a)) {
			rt.Fatalf("After(%q) lets %q fall on the wrong side", a, b)
		}
		if strings.HasPrefix(b, a) != (b >= a && b < PrefixEnd(a)) {
			rt.Fatalf("from %q to its PrefixEnd, %q falls on the wrong side", a, b)
		}
	})
}

func TestFailed(t *testing.T) {
	item := Item{"a": Int(1)}
	err := fmt.Errorf("place order: %w", &ConditionError{Failures: []Failure{{Op: 1, Item: item}, {Op: 3}}})
	for op, want := range []struct {
		item  Item
		named bool
	}{{nil, false}, {item, true}, {nil, false}, {nil, true}} {
		if got, named := Failed(err, op); named != want.named || !got.Equal(want.item) || (got == nil) != (want.item == nil) {
			t.Errorf("operation %d: %v, %v", op, got, named)
		}
	}
	if _, named := Failed(ErrConflict, 0); named {
		t.Error("a conflict names an operation")
	}
	if want := "place order: condition failed on operation 1, 3"; err.Error() != want {
		t.Errorf("says %q, want %q", err, want)
	}
}

func TestValuesTellTheirKind(t *testing.T) {
	values := []Value{String("x"), Int(1), Bool(true), Bytes([]byte("x")), List(Int(1)), Map(Item{"a": Int(1)}), {}}
	kinds := []Kind{KindString, KindInt, KindBool, KindBytes, KindList, KindMap, KindNone}
	for i, v := range values {
		if v.Kind() != kinds[i] {
			t.Errorf("value %d is of kind %d", i, v.Kind())
		}
		_, isString := v.Str()
		_, isInt := v.Int()
		_, isBool := v.Bool()
		_, isBytes := v.Binary()
		_, isList := v.List()
		_, isMap := v.Map()
		for kind, is := range map[Kind]bool{KindString: isString, KindInt: isInt, KindBool: isBool, KindBytes: isBytes, KindList: isList, KindMap: isMap} {
			if is != (kind == kinds[i]) {
				t.Errorf("value %d of kind %d as kind %d: %v", i, kinds[i], kind, is)
			}
		}
		for j, w := range values {
			if v.Equal(w) != (i == j) {
				t.Errorf("values %d and %d: equal %v", i, j, v.Equal(w))
			}
		}
	}
	item := Item{"s": String("x"), "n": Int(7), "b": Bool(true)}
	if item.Str("s") != "x" || item.Int("n") != 7 || !item.Bool("b") || item.Str("n")+item.Str("none") != "" || item.Int("s") != 0 || item.Bool("n") {
		t.Errorf("attributes of %v read wrong", item)
	}
}

func TestBytesAreCopied(t *testing.T) {
	b := []byte("abc")
	v := Bytes(b)
	b[0] = 'x'
	if s, _ := v.Binary(); s != "abc" {
		t.Errorf("now %q", s)
	}
}

func TestEqualLooksInside(t *testing.T) {
	nested := func(n int64) Item { return Item{"l": List(String("x"), Map(Item{"n": Int(n)}))} }
	if !nested(1).Equal(nested(1)) || nested(1).Equal(nested(2)) {
		t.Error("nested values compare wrong")
	}
	if !List().Equal(List()) || !Map(nil).Equal(Map(Item{})) || List().Equal(List(List())) || List(Int(1), Int(2)).Equal(List(Int(2), Int(1))) {
		t.Error("lists and maps compare wrong")
	}
	if (Item{"a": Int(1)}).Equal(Item{"b": Int(1)}) || (Item{"a": Int(1)}).Equal(Item{}) || !Item(nil).Equal(Item{}) {
		t.Error("items compare wrong")
	}
}

// The sizes follow the Developer Guide, "DynamoDB item sizes and formats".
func TestSize(t *testing.T) {
	for _, c := range []struct {
		item Item
		want int
	}{
		{nil, 0},
		{Item{"name": String("Latte")}, 4 + 5},
		{Item{"é": String("☕")}, 2 + 3},
		{Item{"b": Bytes(make([]byte, 10))}, 1 + 10},
		{Item{"b": Bool(false)}, 1 + 1},
		{Item{"n": Int(0)}, 1 + 2},
		{Item{"n": Int(350)}, 1 + 3},
		{Item{"n": Int(-350)}, 1 + 4},
		{Item{"n": Int(math.MinInt64)}, 1 + 12},
		{Item{"l": List()}, 1 + 3},
		{Item{"l": List(Int(1), String("ab"))}, 1 + 3 + 1 + 2 + 1 + 2},
		{Item{"m": Map(Item{"ab": Bool(true)})}, 1 + 3 + 1 + 2 + 1},
	} {
		if got := c.item.Size(); got != c.want {
			t.Errorf("%v: %d, want %d", c.item, got, c.want)
		}
	}
}

// recorder counts the writes that reach it.
type recorder struct {
	Table
	writes int
}

func (r *recorder) Write(context.Context, ...Op) error {
	r.writes++
	return nil
}

func TestGuardedRefusesAWriteNearTheDeadline(t *testing.T) {
	for _, c := range []struct {
		name string
		left time.Duration // 0 for no deadline
		want error
	}{
		{"no deadline", 0, nil},
		{"time enough", time.Hour, nil},
		{"too little time", 100 * time.Millisecond, ErrThrottled},
		{"no time", -time.Second, ErrThrottled},
	} {
		ctx := context.Background()
		if c.left != 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, c.left)
			defer cancel()
		}
		store := &recorder{}
		err := Guarded(store, time.Minute).Write(ctx, Put(key, nil))
		if !errors.Is(err, c.want) || (store.writes == 1) != (c.want == nil) {
			t.Errorf("%s: %v after %d writes", c.name, err, store.writes)
		}
	}
}

func TestErrorsAreDistinct(t *testing.T) {
	all := []error{ErrNotFound, ErrConflict, ErrThrottled, ErrUnavailable, ErrTooLarge, ErrInvalid}
	for i, a := range all {
		if n := slices.IndexFunc(all, func(b error) bool { return errors.Is(a, b) }); n != i {
			t.Errorf("%v is %v", a, all[n])
		}
	}
}
