package tabletest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cafe/internal/table"
)

// sortKeys returns the sort keys of the rows: the values of the attribute, or the SK of
// their keys if attr is "".
func sortKeys(rows []table.Row, attr string) []string {
	keys := []string{}
	for _, r := range rows {
		if attr == "" {
			keys = append(keys, r.Key.SK)
		} else {
			keys = append(keys, r.Item.Str(attr))
		}
	}
	return keys
}

// ranges are test cases for a partition with the sort keys a, b, ba, c and d.
var ranges = []struct {
	name     string
	from, to string
	want     string
}{
	{"all", "", "", "a b ba c d"},
	{"from a key, which is in", "b", "", "b ba c d"},
	{"to a key, which is not", "", "c", "a b ba"},
	{"from and to", "b", "d", "b ba c"},
	{"from a key that is not there", "bb", "", "c d"},
	{"to a key that is not there", "", "bb", "a b ba"},
	{"from just after a key", table.After("b"), "", "ba c d"},
	{"to just after a key", "", table.After("b"), "a b"},
	{"one key only", "b", table.After("b"), "b"},
	{"all that begin with a prefix", "b", table.PrefixEnd("b"), "b ba"},
	{"from above all", "e", "", ""},
	{"to below all", "", "a", ""},
	{"nothing between", "bb", "bc", ""},
	{"from and to the same key", "b", "b", ""},
	{"from above to", "c", "b", ""},
}

// testRanges fills the partition of q with the sort keys of ranges, by calling add. Then
// it tests all cases, in both directions and with pages of several sizes.
func testRanges(t *testing.T, s *suite, q table.Query, attr string) {
	for _, c := range ranges {
		for _, descending := range []bool{false, true} {
			direction := "ascending"
			want := strings.Fields(c.want)
			if descending {
				direction = "descending"
				slices.Reverse(want)
			}
			t.Run(c.name+", "+direction, func(t *testing.T) {
				q := q
				q.From, q.To, q.Descending = c.from, c.to, descending
				for _, q.Limit = range []int{0, 1, 2, 5, 100} {
					if got := sortKeys(s.rows(t, q), attr); !slices.Equal(got, want) {
						t.Errorf("in pages of %d: got %q, want %q", q.Limit, got, want)
					}
				}
			})
		}
	}
}

func testQueries(t *testing.T, s *suite) {
	ctx := context.Background()
	p := s.partition()
	item := func(sk string) table.Item { return table.Item{"of": table.String(sk), "all": table.Map(everyKind())} }
	for _, sk := range []string{"a", "b", "ba", "c", "d"} {
		s.write(t, table.Put(table.Key{PK: p, SK: sk}, item(sk)))
		for _, other := range []string{p + "a", p + "\x01", p + "#", "A" + p} {
			s.write(t, table.Put(table.Key{PK: other, SK: sk + "x"}, table.Item{}))
		}
	}
	testRanges(t, s, table.Query{Partition: p, Consistent: true}, "")

	t.Run("rows have their key and all of the item", func(t *testing.T) {
		rows := s.rows(t, table.Query{Partition: p, Consistent: true})
		for i, sk := range []string{"a", "b", "ba", "c", "d"} {
			if i >= len(rows) || rows[i].Key != (table.Key{PK: p, SK: sk}) || !same(rows[i].Item, item(sk)) {
				t.Fatalf("got %v", rows)
			}
		}
	})
	t.Run("an item without attributes is a row", func(t *testing.T) {
		k := s.key()
		s.write(t, table.Put(k, table.Item{}))
		rows := s.rows(t, table.Query{Partition: k.PK, Consistent: true})
		if len(rows) != 1 || rows[0].Key != k || rows[0].Item == nil || len(rows[0].Item) != 0 {
			t.Errorf("got %v", rows)
		}
	})
	t.Run("an absent partition is an empty page", func(t *testing.T) {
		for _, consistent := range []bool{true, false} {
			page, err := s.Query(ctx, table.Query{Partition: s.partition(), Consistent: consistent})
			if err != nil || len(page.Rows) != 0 || page.Next != "" {
				t.Errorf("got %v, %v", page, err)
			}
		}
	})
	t.Run("a page with all rows has no Next", func(t *testing.T) {
		page, err := s.Query(ctx, table.Query{Partition: p, Limit: 50})
		if err != nil || page.Next != "" {
			t.Errorf("got %q, %v", page.Next, err)
		}
	})
	t.Run("a page with more after it names its last row", func(t *testing.T) {
		for _, descending := range []bool{false, true} {
			page, err := s.Query(ctx, table.Query{Partition: p, Limit: 2, Descending: descending, Consistent: true})
			if err != nil || len(page.Rows) != 2 || page.Next != page.Rows[1].Key.SK {
				t.Errorf("got %v, %v", page, err)
			}
		}
	})
	t.Run("a consistent query sees the write before it", func(t *testing.T) {
		k := table.Key{PK: s.partition(), SK: "k"}
		for i := range 10 {
			s.write(t, update(k, nil, map[string]int64{"n": 1}, nil))
			rows := s.rows(t, table.Query{Partition: k.PK, Consistent: true})
			if len(rows) != 1 || rows[0].Item.Int("n") != int64(i)+1 {
				t.Fatalf("after write %d: %v", i+1, rows)
			}
		}
		s.write(t, table.Delete(k))
		if rows := s.rows(t, table.Query{Partition: k.PK, Consistent: true}); len(rows) != 0 {
			t.Errorf("after the delete: %v", rows)
		}
	})
	t.Run("any query sees a write in a moment", func(t *testing.T) {
		k := s.key()
		s.write(t, table.Put(k, table.Item{}))
		eventually(t, func() string {
			if rows := s.rows(t, table.Query{Partition: k.PK}); len(rows) != 1 {
				return fmt.Sprintf("%d rows", len(rows))
			}
			return ""
		})
	})
	t.Run("more than a megabyte comes in pages", func(t *testing.T) {
		p := s.partition()
		want := []string{}
		for i := range 8 {
			sk := fmt.Sprint(i)
			want = append(want, sk)
			s.write(t, table.Put(table.Key{PK: p, SK: sk}, table.Item{"a": table.String(strings.Repeat(sk, 300<<10))}))
		}
		for _, descending := range []bool{false, true} {
			first, err := s.Query(ctx, table.Query{Partition: p, Consistent: true, Descending: descending})
			if err != nil || first.Next == "" || len(first.Rows) == 0 || len(first.Rows) > 5 {
				t.Fatalf("first page has %d rows and next %q, %v", len(first.Rows), first.Next, err)
			}
			got := sortKeys(s.rows(t, table.Query{Partition: p, Consistent: true, Descending: descending}), "")
			if descending {
				slices.Reverse(got)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q", got)
			}
		}
	})
}

func testIndexes(t *testing.T, s *suite) {
	for _, index := range []struct {
		name string
		table.Index
		attr string
	}{{"index 1", table.Index1, table.AttrIndex1}, {"index 2", table.Index2, table.AttrIndex2}} {
		t.Run(index.name, func(t *testing.T) {
			in := func(partition, sort string) table.Item {
				return table.Item{index.attr: table.String(partition), table.AttrSort: table.String(sort)}
			}
			// becomes waits until the index partition has exactly these rows, in order.
			becomes := func(t *testing.T, partition string, want ...table.Row) {
				t.Helper()
				eventually(t, func() string {
					got := s.rows(t, table.Query{Index: index.Index, Partition: partition})
					if slices.EqualFunc(got, want, func(a, b table.Row) bool { return a.Key == b.Key && same(a.Item, b.Item) }) {
						return ""
					}
					return fmt.Sprintf("%s of %q has %v, want %v", index.name, partition, got, want)
				})
			}

			t.Run("ranges", func(t *testing.T) {
				p := s.partition()
				want := []string{"a", "b", "ba", "c", "d"}
				for i, sort := range []string{"ba", "d", "a", "c", "b"} {
					s.write(t, table.Put(table.Key{PK: s.partition(), SK: fmt.Sprint(i)}, in(p, sort)))
					for _, other := range []string{p + "a", p + "\x01", "A" + p} {
						s.write(t, table.Put(s.key(), in(other, sort+"x")))
					}
				}
				eventually(t, func() string {
					got := sortKeys(s.rows(t, table.Query{Index: index.Index, Partition: p}), table.AttrSort)
					if !slices.Equal(got, want) {
						return fmt.Sprintf("got %q, want %q", got, want)
					}
					return ""
				})
				testRanges(t, s, table.Query{Index: index.Index, Partition: p}, table.AttrSort)
			})
			t.Run("rows have their key and all of the item, in the order of the sort attribute", func(t *testing.T) {
				p := s.partition()
				first, second := s.key(), s.key()
				itemA, itemB := with(everyKind(), in(p, "2")), with(table.Item{"b": table.Int(1)}, in(p, "1"))
				s.write(t, table.Put(first, itemA), table.Put(second, itemB))
				becomes(t, p, table.Row{Key: second, Item: itemB}, table.Row{Key: first, Item: itemA})
			})
			t.Run("an item without one of the index keys is not in the index", func(t *testing.T) {
				p := s.partition()
				k := s.key()
				item := in(p, "5")
				s.write(t,
					table.Put(k, item),
					table.Put(s.key(), table.Item{index.attr: table.String(p)}),
					table.Put(s.key(), table.Item{table.AttrSort: table.String("1")}),
					table.Put(s.key(), table.Item{"p": table.String(p)}))
				becomes(t, p, table.Row{Key: k, Item: item})
			})
			t.Run("an item in both indexes is found by both", func(t *testing.T) {
				p, q, k := s.partition(), s.partition(), s.key()
				item := table.Item{table.AttrIndex1: table.String(p), table.AttrIndex2: table.String(q), table.AttrSort: table.String("1")}
				s.write(t, table.Put(k, item))
				mine, others := p, q
				if index.Index == table.Index2 {
					mine, others = q, p
				}
				becomes(t, mine, table.Row{Key: k, Item: item})
				becomes(t, others)
			})
			t.Run("rows show the item as it is now", func(t *testing.T) {
				p, k := s.partition(), s.key()
				s.write(t, table.Put(k, in(p, "1")))
				s.write(t, update(k, table.Item{"status": table.String("ready")}, nil, nil))
				becomes(t, p, table.Row{Key: k, Item: with(in(p, "1"), table.Item{"status": table.String("ready")})})
				s.write(t, table.Put(k, with(in(p, "1"), table.Item{"n": table.Int(1)})))
				becomes(t, p, table.Row{Key: k, Item: with(in(p, "1"), table.Item{"n": table.Int(1)})})
			})
			for name, leave := range map[string]func(k table.Key) table.Op{
				"its index key is removed by an update":  func(k table.Key) table.Op { return update(k, nil, nil, []string{index.attr}) },
				"its sort key is removed by an update":   func(k table.Key) table.Op { return update(k, nil, nil, []string{table.AttrSort}) },
				"it is replaced by one without the keys": func(k table.Key) table.Op { return table.Put(k, table.Item{"a": table.Int(1)}) },
				"it is deleted":                          func(k table.Key) table.Op { return table.Delete(k) },
			} {
				t.Run("an item leaves when "+name, func(t *testing.T) {
					p, k, stays := s.partition(), s.key(), s.key()
					s.write(t, table.Put(k, in(p, "1")), table.Put(stays, in(p, "2")))
					becomes(t, p, table.Row{Key: k, Item: in(p, "1")}, table.Row{Key: stays, Item: in(p, "2")})
					s.write(t, leave(k))
					becomes(t, p, table.Row{Key: stays, Item: in(p, "2")})
				})
			}
			t.Run("an item enters when it gets its keys", func(t *testing.T) {
				p, k := s.partition(), s.key()
				s.write(t, table.Put(k, table.Item{"a": table.Int(1), table.AttrSort: table.String("1")}))
				becomes(t, p)
				s.write(t, update(k, table.Item{index.attr: table.String(p)}, nil, nil))
				becomes(t, p, table.Row{Key: k, Item: with(in(p, "1"), table.Item{"a": table.Int(1)})})
			})
			t.Run("an item moves when its keys change", func(t *testing.T) {
				p, q, k, stays := s.partition(), s.partition(), s.key(), s.key()
				s.write(t, table.Put(k, in(p, "1")), table.Put(stays, in(p, "2")))
				s.write(t, update(k, table.Item{table.AttrSort: table.String("3")}, nil, nil))
				becomes(t, p, table.Row{Key: stays, Item: in(p, "2")}, table.Row{Key: k, Item: in(p, "3")})
				s.write(t, table.Put(k, in(q, "1")))
				becomes(t, p, table.Row{Key: stays, Item: in(p, "2")})
				becomes(t, q, table.Row{Key: k, Item: in(q, "1")})
			})
			t.Run("a refused write does not change the index", func(t *testing.T) {
				p, k := s.partition(), s.key()
				s.write(t, table.Put(k, in(p, "1")))
				becomes(t, p, table.Row{Key: k, Item: in(p, "1")})
				if s.try(table.Put(k, in(p, "2"), table.Absent())) == nil || s.try(table.Delete(k), table.Check(s.key(), table.Present())) == nil {
					t.Error("not refused")
				}
				becomes(t, p, table.Row{Key: k, Item: in(p, "1")})
			})
			t.Run("a page with more after it names the sort key of its last row", func(t *testing.T) {
				p := s.partition()
				for _, sort := range []string{"1", "2", "3"} {
					s.write(t, table.Put(s.key(), in(p, sort)))
				}
				eventually(t, func() string {
					page, err := s.Query(context.Background(), table.Query{Index: index.Index, Partition: p, Limit: 2})
					if err != nil || len(page.Rows) != 2 || page.Next != "2" {
						return fmt.Sprintf("got %v, %v", page, err)
					}
					return ""
				})
			})
		})
	}
}

func testScans(t *testing.T, s *suite) {
	p := s.partition()
	want := map[table.Key]table.Item{}
	for i := range 5 {
		for j := range 3 {
			k := table.Key{PK: fmt.Sprintf("%s%d", p, i), SK: fmt.Sprint(j)}
			want[k] = table.Item{"i": table.Int(int64(i)), table.AttrIndex1: table.String(p), table.AttrSort: table.String(k.PK + k.SK)}
			s.write(t, table.Put(k, want[k]))
		}
	}
	gone := table.Key{PK: p + "3", SK: "1"}
	s.write(t, table.Delete(gone))
	delete(want, gone)

	// becomes waits until a scan finds exactly these items.
	becomes := func(t *testing.T, c table.Scan, want map[table.Key]table.Item) {
		t.Helper()
		eventually(t, func() string {
			got := map[table.Key]table.Item{}
			for _, r := range s.scan(t, c) {
				if !strings.HasPrefix(r.Key.PK, c.Prefix) {
					t.Errorf("%s does not begin with %s", r.Key, c.Prefix)
				}
				if got[r.Key] != nil {
					t.Errorf("%s is there twice", r.Key)
				}
				got[r.Key] = r.Item
			}
			for k, item := range want {
				if !same(got[k], item) {
					return fmt.Sprintf("item %s is %s, want %s", k, show(got[k]), show(item))
				}
			}
			if c.Prefix != "" && len(got) != len(want) {
				return fmt.Sprintf("got %d rows, want %d", len(got), len(want))
			}
			return ""
		})
	}
	t.Run("a prefix finds all items of its partitions", func(t *testing.T) { becomes(t, table.Scan{Prefix: p}, want) })
	t.Run("small pages find the same", func(t *testing.T) {
		becomes(t, table.Scan{Prefix: p, Limit: 7}, want)
	})
	t.Run("pages of one row find the same", func(t *testing.T) {
		if testing.Short() {
			t.Skip("reads the whole table row by row; skipped by -short")
		}
		becomes(t, table.Scan{Prefix: p, Limit: 1}, want)
	})
	t.Run("a prefix may be a whole partition key", func(t *testing.T) {
		one := map[table.Key]table.Item{}
		for k, item := range want {
			if k.PK == p+"2" {
				one[k] = item
			}
		}
		becomes(t, table.Scan{Prefix: p + "2"}, one)
	})
	t.Run("without a prefix everything is found", func(t *testing.T) { becomes(t, table.Scan{}, want) })
	t.Run("a prefix of no item finds nothing", func(t *testing.T) {
		becomes(t, table.Scan{Prefix: s.partition()}, nil)
	})
}
