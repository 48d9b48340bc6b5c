// Package tabletest is the contract of the storage seam, written as tests. An
// engine is right when Run passes on it, and then everything written above the
// seam works on it. Faulty does to a table what networks, crowds and power cuts do,
// so that what stands above the seam can be shown to survive it.
package tabletest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/table"
)

// Run tests the tables that open returns against the contract of package table.
// Each is empty at first and only this test writes to it; open's own t.Cleanup
// closes it.
//
// Where the contract lets an engine be late (indexes, reads that are not
// consistent), the tests ask again for up to ten seconds.
func Run(t *testing.T, open func(t *testing.T) table.Table) {
	for _, part := range []struct {
		name string
		test func(*testing.T, *suite)
	}{
		{"items", testItems},
		{"conditions", testConditions},
		{"refusals", testRefusals},
		{"numbers", testNumbers},
		{"limits", testLimits},
		{"several at once", testConcurrency},
		{"each by itself", testEach},
		{"queries", testQueries},
		{"indexes", testIndexes},
		{"scans", testScans},
		{"ended contexts", testContexts},
		{"a model in memory agrees", testModel},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, &suite{Table: open(t)}) })
	}
}

// suite is the table under test; each case keeps to partitions of its own.
type suite struct {
	table.Table
	partitions atomic.Int64
}

// partition returns a partition key that no other case has, and that no other
// begins with.
func (s *suite) partition() string { return fmt.Sprintf("T%d#", s.partitions.Add(1)) }

// key returns the key of an item that no other case has.
func (s *suite) key() table.Key { return table.Key{PK: s.partition(), SK: "S"} }

// write carries out the operations, again for as long as the store asks for it, and
// ends the test unless they are accepted.
func (s *suite) write(t rapid.TB, ops ...table.Op) {
	t.Helper()
	if err := s.try(ops...); err != nil {
		t.Fatalf("write %s: %v", describe(ops), err)
	}
}

// try is Write, again for as long as the store asks for it.
func (s *suite) try(ops ...table.Op) error {
	return again(func() error { return s.Write(context.Background(), ops...) })
}

// again repeats the call while it says that nothing was written and that asking
// again is right. ErrUnavailable is not among that: the write may have happened.
func again(call func() error) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		err := call()
		if !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrThrottled) {
			return err
		}
		time.Sleep(wait)
	}
}

// item reads the item consistently; nil when there is none.
func (s *suite) item(t rapid.TB, key table.Key) table.Item {
	t.Helper()
	item, err := s.Get(context.Background(), key, true)
	switch {
	case errors.Is(err, table.ErrNotFound):
		return nil
	case err != nil:
		t.Fatalf("get %s: %v", key, err)
	case item == nil:
		t.Fatalf("get %s: neither an item nor an error", key)
	}
	return item
}

// want ends the test unless the item reads so; nil is for one that is not there.
func (s *suite) want(t rapid.TB, key table.Key, want table.Item) {
	t.Helper()
	if got := s.item(t, key); !same(got, want) {
		t.Fatalf("item %s is\n%s, want\n%s", key, show(got), show(want))
	}
}

// rows follows a query through its pages to the end.
func (s *suite) rows(t rapid.TB, q table.Query) []table.Row {
	t.Helper()
	var rows []table.Row
	for pages := 0; ; pages++ {
		page, err := s.Query(context.Background(), q)
		if err != nil {
			t.Fatalf("query %+v: %v", q, err)
		}
		if q.Limit > 0 && len(page.Rows) > q.Limit {
			t.Fatalf("query %+v: page of %d rows", q, len(page.Rows))
		}
		rows = append(rows, page.Rows...)
		switch {
		case page.Next == "":
			return rows
		case pages > 1000:
			t.Fatalf("query %+v does not end", q)
		case q.Descending:
			q.To = page.Next
		default:
			q.From = table.After(page.Next)
		}
	}
}

// scan follows a scan through its pages to the end.
func (s *suite) scan(t rapid.TB, c table.Scan) []table.Row {
	t.Helper()
	var rows []table.Row
	for pages := 0; ; pages++ {
		page, err := s.Scan(context.Background(), c)
		if err != nil {
			t.Fatalf("scan %+v: %v", c, err)
		}
		if c.Limit > 0 && len(page.Rows) > c.Limit {
			t.Fatalf("scan %+v: page of %d rows", c, len(page.Rows))
		}
		rows = append(rows, page.Rows...)
		if page.Next == "" {
			return rows
		}
		if pages > 10000 {
			t.Fatalf("scan %+v does not end", c)
		}
		c.After = page.Next
	}
}

// eventually asks again until problem returns "", for up to ten seconds.
func eventually(t rapid.TB, problem func() string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for wait := time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		p := problem()
		if p == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(p)
		}
		time.Sleep(wait)
	}
}

// same is equality that also tells an empty item from none.
func same(a, b table.Item) bool { return (a == nil) == (b == nil) && a.Equal(b) }

// show writes an item for a failing test, cut to a readable length.
func show(item table.Item) string {
	if item == nil {
		return "no item"
	}
	s := fmt.Sprintf("%+v", map[string]table.Value(item))
	if len(s) > 1000 {
		s = s[:1000] + "…"
	}
	return s
}

// describe writes operations for a failing test.
func describe(ops []table.Op) string {
	names := map[table.OpKind]string{
		table.OpPut: "put", table.OpUpdate: "update", table.OpDelete: "delete", table.OpCheck: "check",
	}
	var b strings.Builder
	for i, o := range ops {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s %q", names[o.Kind], o.Key.String())
		if b.Len() > 1000 {
			b.WriteString("…")
			break
		}
	}
	return b.String()
}

// update fills in an update.
func update(key table.Key, set table.Item, add map[string]int64, remove []string, conditions ...table.Condition) table.Op {
	op := table.Update(key, conditions...)
	op.Set, op.Add, op.Remove = set, add, remove
	return op
}

// with returns the item with some attributes more.
func with(item table.Item, more table.Item) table.Item {
	all := maps.Clone(item)
	maps.Copy(all, more)
	return all
}
