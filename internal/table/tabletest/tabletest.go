// Package tabletest is the contract of package table, written as tests. An engine is
// correct if Run passes on it. Then all code that uses package table works on it.
//
// Faulty wraps a table and makes its calls fail as networks, overload and power cuts do.
// With it a test can show that the code above the table survives such failures.
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

// Run tests the tables that open returns against the contract of package table. Each table
// must be empty, and nothing else may write to it. open closes it with t.Cleanup.
//
// The contract lets indexes and inconsistent reads lag behind. There the tests repeat a
// read for up to ten seconds.
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

// suite is the table under test. Each case uses its own partitions.
type suite struct {
	table.Table
	partitions atomic.Int64
}

// partition returns a new partition key. No other case's key is equal to it or begins
// with it.
func (s *suite) partition() string { return fmt.Sprintf("T%d#", s.partitions.Add(1)) }

// key returns a new key of an item.
func (s *suite) key() table.Key { return table.Key{PK: s.partition(), SK: "S"} }

// write carries out the operations. It tries again after a conflict or throttling, and
// ends the test on any other error.
func (s *suite) write(t rapid.TB, ops ...table.Op) {
	t.Helper()
	if err := s.try(ops...); err != nil {
		t.Fatalf("write %s: %v", describe(ops), err)
	}
}

// try is Write, but tries again after a conflict or throttling.
func (s *suite) try(ops ...table.Op) error {
	return again(func() error { return s.Write(context.Background(), ops...) })
}

// again repeats the call while it returns ErrConflict or ErrThrottled. It does not repeat
// it after ErrUnavailable, since the write may have taken effect.
func again(call func() error) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		err := call()
		if !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrThrottled) {
			return err
		}
		time.Sleep(wait)
	}
}

// item reads the item consistently. It returns nil if the item does not exist.
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

// want ends the test unless the item is as given. Nil means that it does not exist.
func (s *suite) want(t rapid.TB, key table.Key, want table.Item) {
	t.Helper()
	if got := s.item(t, key); !same(got, want) {
		t.Fatalf("item %s is\n%s, want\n%s", key, show(got), show(want))
	}
}

// rows returns the rows of all pages of a query.
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

// scan returns the rows of all pages of a scan.
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

// eventually calls problem until it returns "". It ends the test after ten seconds.
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

// same reports whether two items are equal. Unlike Equal, it tells an empty item from an
// absent one.
func same(a, b table.Item) bool { return (a == nil) == (b == nil) && a.Equal(b) }

// show returns an item as text for a failing test, at most 1,000 characters of it.
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

// describe returns operations as text for a failing test.
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

// update returns an update with all its fields.
func update(key table.Key, set table.Item, add map[string]int64, remove []string, conditions ...table.Condition) table.Op {
	op := table.Update(key, conditions...)
	op.Set, op.Add, op.Remove = set, add, remove
	return op
}

// with returns a copy of the item with more attributes.
func with(item table.Item, more table.Item) table.Item {
	all := maps.Clone(item)
	maps.Copy(all, more)
	return all
}
