package tabletest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"cafe/internal/table"
)

// memory is the simplest table that keeps the contract: a map under a lock. It shows that
// the suite asks for nothing impossible, and the tests of Faulty use it.
type memory struct {
	mu    sync.Mutex
	items map[table.Key]table.Item
}

func newMemory(*testing.T) table.Table { return &memory{items: map[table.Key]table.Item{}} }

func (m *memory) Get(ctx context.Context, key table.Key, _ bool) (table.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	item, has := m.items[key]
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !has {
		return nil, table.ErrNotFound
	}
	return with(table.Item{}, item), nil
}

func (m *memory) Query(ctx context.Context, q table.Query) (table.Page, error) {
	place := func(k table.Key, item table.Item) (string, string) { return k.PK, k.SK }
	if q.Index != table.Primary {
		attr := map[table.Index]string{table.Index1: table.AttrIndex1, table.Index2: table.AttrIndex2}[q.Index]
		place = func(_ table.Key, item table.Item) (string, string) { return item.Str(attr), item.Str(table.AttrSort) }
	}
	var rows []table.Row
	for _, r := range m.all() {
		partition, sort := place(r.Key, r.Item)
		if partition == q.Partition && sort != "" && sort >= q.From && (q.To == "" || sort < q.To) {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b table.Row) int {
		_, sortA := place(a.Key, a.Item)
		_, sortB := place(b.Key, b.Item)
		if q.Descending {
			return strings.Compare(sortB, sortA)
		}
		return strings.Compare(sortA, sortB)
	})
	page := cut(rows, q.Limit)
	if page.Next != "" {
		last := page.Rows[len(page.Rows)-1]
		_, page.Next = place(last.Key, last.Item)
	}
	return page, ctx.Err()
}

func (m *memory) Scan(ctx context.Context, s table.Scan) (table.Page, error) {
	rows := m.all()
	rows = slices.DeleteFunc(rows, func(r table.Row) bool { return r.Key.PK+"\x00"+r.Key.SK <= s.After })
	page := cut(rows, s.Limit)
	page.Rows = slices.DeleteFunc(page.Rows, func(r table.Row) bool { return !strings.HasPrefix(r.Key.PK, s.Prefix) })
	return page, ctx.Err()
}

// all returns copies of all rows, in the order of their keys.
func (m *memory) all() []table.Row {
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := []table.Row{}
	for k, item := range m.items {
		rows = append(rows, table.Row{Key: k, Item: with(table.Item{}, item)})
	}
	slices.SortFunc(rows, func(a, b table.Row) int {
		return cmp.Or(strings.Compare(a.Key.PK, b.Key.PK), strings.Compare(a.Key.SK, b.Key.SK))
	})
	return rows
}

// cut returns the first page of rows: at most limit rows and about a megabyte.
func cut(rows []table.Row, limit int) table.Page {
	size := 0
	for i, r := range rows {
		if size += r.Item.Size(); i == limit-1 || size > 1<<20 {
			if i == len(rows)-1 {
				break
			}
			return table.Page{Rows: slices.Clone(rows[:i+1]), Next: r.Key.PK + "\x00" + r.Key.SK}
		}
	}
	return table.Page{Rows: rows}
}

func (m *memory) Write(ctx context.Context, ops ...table.Op) error {
	if err := table.Validate(ops); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	var refused table.ConditionError
	for i, op := range ops {
		if current := m.items[op.Key]; !all(op.If, current) {
			shown := current
			if current != nil {
				shown = with(table.Item{}, current)
			}
			refused.Failures = append(refused.Failures, table.Failure{Op: i, Item: shown})
		}
	}
	if refused.Failures != nil {
		return &refused
	}
	next := make([]table.Item, len(ops))
	for i, op := range ops {
		var err error
		if next[i], err = op.Apply(m.items[op.Key]); err != nil {
			return err
		}
	}
	for i, op := range ops {
		if next[i] == nil {
			delete(m.items, op.Key)
		} else {
			m.items[op.Key] = with(table.Item{}, next[i])
		}
	}
	return nil
}

func TestMemoryTableContract(t *testing.T) { Run(t, newMemory) }
