package tabletest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cafe/internal/table"
)

// testModel makes random writes to the table and to a map in memory that uses Condition.Holds
// and Op.Apply. It compares the results and the items.
func testModel(t *testing.T, s *suite) {
	rapid.Check(t, func(rt *rapid.T) {
		m := model{suite: s, partition: s.partition(), items: map[table.Key]table.Item{}}
		for range rapid.IntRange(1, 8).Draw(rt, "writes") {
			m.step(rt, rapid.Custom(m.drawOps).Draw(rt, "operations"))
		}
		m.compareScan(rt)
		m.compareIndexes(rt)
	})
}

// model has the items that the table should have in the partitions that begin with
// partition.
type model struct {
	*suite
	partition string
	items     map[table.Key]table.Item
}

var (
	modelAttrs = []string{"a", "b", "n"}
	modelSorts = []string{"1", "2", "3"}
)

func (m model) drawOps(rt *rapid.T) []table.Op {
	keys := rapid.SliceOfNDistinct(rapid.Custom(func(rt *rapid.T) table.Key {
		return table.Key{
			PK: m.partition + rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "partition"),
			SK: rapid.SampledFrom(modelSorts).Draw(rt, "sort key"),
		}
	}), 1, 4, rapid.ID).Draw(rt, "keys")
	ops := make([]table.Op, len(keys))
	for i, k := range keys {
		ops[i] = m.drawOp(rt, k)
	}
	return ops
}

func (m model) drawOp(rt *rapid.T, k table.Key) table.Op {
	op := table.Op{
		Kind: rapid.SampledFrom([]table.OpKind{table.OpPut, table.OpPut, table.OpUpdate, table.OpUpdate, table.OpDelete, table.OpCheck}).Draw(rt, "kind"),
		Key:  k,
		If:   rapid.SliceOfN(rapid.Custom(drawCondition), 0, 2).Draw(rt, "if"),
	}
	switch op.Kind {
	case table.OpPut:
		op.Item = m.drawItem(rt)
	case table.OpUpdate:
		op.Set = m.drawItem(rt)
		op.Set["touched"] = table.Bool(true) // an update that only removes may or may not create an item
		op.Add = map[string]int64{}
		for _, name := range append([]string{table.AttrIndex1, table.AttrIndex2, table.AttrSort}, modelAttrs...) {
			if _, set := op.Set[name]; set {
				continue
			}
			switch what := rapid.IntRange(0, 3).Draw(rt, "what of "+name); {
			case what == 0:
				op.Remove = append(op.Remove, name)
			case what == 1 && name == "n":
				op.Add[name] = rapid.Int64().Draw(rt, "add")
			}
		}
	case table.OpCheck:
		if len(op.If) == 0 {
			op.If = []table.Condition{table.Missing("no such attribute")}
		}
	}
	return op
}

func (m model) drawItem(rt *rapid.T) table.Item {
	item := table.Item{}
	for _, name := range modelAttrs {
		if rapid.Bool().Draw(rt, "has "+name) {
			item[name] = drawValue(rt, 2)
		}
	}
	for _, name := range []string{table.AttrIndex1, table.AttrIndex2} {
		if rapid.Bool().Draw(rt, "has "+name) {
			item[name] = table.String(m.partition + rapid.SampledFrom([]string{"i", "j"}).Draw(rt, name))
		}
	}
	if rapid.Bool().Draw(rt, "has sort") {
		item[table.AttrSort] = table.String(rapid.SampledFrom(modelSorts).Draw(rt, "sort"))
	}
	return item
}

func drawValue(rt *rapid.T, depth int) table.Value {
	kinds := 4
	if depth > 0 {
		kinds = 6
	}
	switch rapid.IntRange(1, kinds).Draw(rt, "value kind") {
	case 1:
		return table.Int(rapid.OneOf(rapid.Int64(), rapid.Int64Range(-3, 3)).Draw(rt, "number"))
	case 2:
		return table.String(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "x"})).Draw(rt, "text"))
	case 3:
		return table.Bool(rapid.Bool().Draw(rt, "boolean"))
	case 4:
		return table.Bytes(rapid.SliceOf(rapid.Byte()).Draw(rt, "bytes"))
	case 5:
		list := []table.Value{}
		for range rapid.IntRange(0, 3).Draw(rt, "length") {
			list = append(list, drawValue(rt, depth-1))
		}
		return table.List(list...)
	default:
		members := table.Item{}
		for i := range rapid.IntRange(0, 3).Draw(rt, "length") {
			members[fmt.Sprint("m", i)] = drawValue(rt, depth-1)
		}
		return table.Map(members)
	}
}

func drawCondition(rt *rapid.T) table.Condition {
	attr := rapid.SampledFrom(modelAttrs).Draw(rt, "attribute")
	switch rapid.IntRange(1, 8).Draw(rt, "condition") {
	case 1:
		return table.Absent()
	case 2, 3:
		return table.Present()
	case 4:
		return table.Equal(attr, drawValueToCompare(rt))
	case 5:
		return table.Below(attr, rapid.Int64Range(-3, 3).Draw(rt, "below"))
	case 6:
		return table.AtLeast(attr, rapid.Int64Range(-3, 3).Draw(rt, "at least"))
	default:
		return table.Missing(attr)
	}
}

func drawValueToCompare(rt *rapid.T) table.Value {
	return rapid.SampledFrom([]table.Value{
		table.Int(0), table.Int(1), table.String(""), table.String("x"), table.Bool(true), table.Bool(false),
	}).Draw(rt, "compared with")
}

// step makes one write and compares its result and all items with the model's.
func (m model) step(rt *rapid.T, ops []table.Op) {
	var refused []table.Failure
	var invalid error
	next := maps.Clone(m.items)
	for i, op := range ops {
		current := m.items[op.Key]
		if !all(op.If, current) {
			refused = append(refused, table.Failure{Op: i, Item: current})
			continue
		}
		after, err := op.Apply(current)
		if err != nil {
			invalid = err
		}
		next[op.Key] = after
		if after == nil {
			delete(next, op.Key)
		}
	}

	err := m.try(ops...)
	var conditions *table.ConditionError
	switch {
	case errors.As(err, &conditions):
		if !slices.EqualFunc(conditions.Failures, refused, func(a, b table.Failure) bool { return a.Op == b.Op && same(a.Item, b.Item) }) {
			rt.Fatalf("%s: refused with %v, want %v", describe(ops), conditions.Failures, refused)
		}
	case errors.Is(err, table.ErrInvalid):
		if invalid == nil {
			rt.Fatalf("%s: %v", describe(ops), err)
		}
	case err != nil:
		rt.Fatalf("%s: %v", describe(ops), err)
	case refused != nil || invalid != nil:
		rt.Fatalf("%s: accepted, want %v or %v", describe(ops), refused, invalid)
	default:
		maps.DeleteFunc(m.items, func(table.Key, table.Item) bool { return true })
		maps.Copy(m.items, next)
	}

	for _, pk := range []string{m.partition + "x", m.partition + "y"} {
		m.compare(rt, table.Query{Partition: pk, Consistent: true}, func(k table.Key, _ table.Item) (string, bool) { return k.SK, k.PK == pk })
	}
}

// compare makes the query and wants the rows of the model for which in returns true, in
// the order of the strings that in returns. Rows with equal strings may be in any order.
func (m model) compare(t rapid.TB, q table.Query, in func(table.Key, table.Item) (string, bool)) {
	t.Helper()
	var want []table.Row
	for k, item := range m.items {
		if _, is := in(k, item); is {
			want = append(want, table.Row{Key: k, Item: item})
		}
	}
	order := func(a, b table.Row) int {
		placeA, _ := in(a.Key, a.Item)
		placeB, _ := in(b.Key, b.Item)
		return strings.Compare(placeA+"\x00"+a.Key.PK+"\x00"+a.Key.SK, placeB+"\x00"+b.Key.PK+"\x00"+b.Key.SK)
	}
	slices.SortFunc(want, order)
	eventually(t, func() string {
		got := m.rows(t, q)
		for i := range got[min(1, len(got)):] {
			before, _ := in(got[i].Key, got[i].Item)
			after, _ := in(got[i+1].Key, got[i+1].Item)
			if before > after {
				return fmt.Sprintf("query %+v: %q comes before %q", q, before, after)
			}
		}
		slices.SortFunc(got, order)
		if slices.EqualFunc(got, want, func(a, b table.Row) bool { return a.Key == b.Key && same(a.Item, b.Item) }) {
			return ""
		}
		if q.Consistent {
			t.Fatalf("query %+v: got %v, want %v", q, got, want)
		}
		return fmt.Sprintf("query %+v: got %v, want %v", q, got, want)
	})
}

func (m model) compareIndexes(t rapid.TB) {
	for index, attr := range map[table.Index]string{table.Index1: table.AttrIndex1, table.Index2: table.AttrIndex2} {
		for _, p := range []string{m.partition + "i", m.partition + "j"} {
			m.compare(t, table.Query{Index: index, Partition: p}, func(_ table.Key, item table.Item) (string, bool) {
				sort := item.Str(table.AttrSort)
				return sort, item.Str(attr) == p && sort != ""
			})
		}
	}
}

func (m model) compareScan(t rapid.TB) {
	eventually(t, func() string {
		got := map[table.Key]table.Item{}
		for _, r := range m.scan(t, table.Scan{Prefix: m.partition}) {
			got[r.Key] = r.Item
		}
		if !maps.EqualFunc(got, m.items, same) {
			return fmt.Sprintf("scan of %s: got %v, want %v", m.partition, got, m.items)
		}
		return ""
	})
}

func all(conditions []table.Condition, item table.Item) bool {
	for _, c := range conditions {
		if !c.Holds(item) {
			return false
		}
	}
	return true
}
