package pebble

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	lsm "github.com/cockroachdb/pebble/v2"

	"cafe/internal/table"
)

// pageBytes is the most bytes that are read for one page. It is DynamoDB's limit.
const pageBytes = 1 << 20

// Get implements table.Table. A consistent read of an item that was just written waits
// until the write is on disk. Any other read may show a write that a power cut can still
// undo.
func (t *Table) Get(ctx context.Context, key table.Key, consistent bool) (table.Item, error) {
	if err := t.enter(ctx); err != nil {
		return nil, err
	}
	defer t.leave()
	item, seq, err := t.lookup(t.db, key)
	if err != nil {
		return nil, err
	}
	if consistent {
		if item == nil {
			seq = t.assigned.Load() // a deletion of it may not be on disk yet
		}
		if err := t.settle(ctx, seq); err != nil {
			return nil, err
		}
	}
	if item == nil {
		return nil, table.ErrNotFound
	}
	return item, nil
}

// lookup returns the item and the number of the change that wrote it. The item is nil if
// it does not exist.
func (t *Table) lookup(from lsm.Reader, key table.Key) (item table.Item, seq uint64, err error) {
	// This uses an iterator, since Pebble's Get does not use the filters of the last level.
	// Nearly all items are there, so looking for an absent id would read a block.
	it, err := from.NewIter(&lsm.IterOptions{UseL6Filters: true})
	if err != nil {
		return nil, 0, unreadable(err)
	}
	defer func() {
		if closed := it.Close(); err == nil && closed != nil {
			item, err = nil, unreadable(closed)
		}
	}()
	var buffer [128]byte
	if !it.SeekPrefixGE(appendItemKey(buffer[:0], key)) {
		return nil, 0, nil // or an error, which Close returns
	}
	b, err := it.ValueAndErr()
	if err == nil {
		item, seq, err = decodeStored(b)
	}
	if err != nil {
		return nil, 0, unreadable(fmt.Errorf("%s: %w", key, err))
	}
	return item, seq, nil
}

// Query implements table.Table. The indexes never lag behind the items.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if q.Index > table.Index2 || q.Index != table.Primary && q.Consistent {
		return table.Page{}, fmt.Errorf("%w: query of index %d, consistent %v", table.ErrInvalid, q.Index, q.Consistent)
	}
	if err := t.enter(ctx); err != nil {
		return table.Page{}, err
	}
	defer t.leave()
	if strings.IndexByte(q.Partition, 0) >= 0 {
		return table.Page{}, nil // no key contains NUL
	}
	page, err := t.page(ctx, q)
	if err != nil {
		return table.Page{}, err
	}
	if q.Consistent {
		if err := t.settle(ctx, t.assigned.Load()); err != nil {
			return table.Page{}, err
		}
	}
	return page, nil
}

func (t *Table) page(ctx context.Context, q table.Query) (table.Page, error) {
	lower, upper := bounds(q)
	if q.Index == table.Primary {
		return t.read(ctx, t.db, lower, upper, q.Descending, q.Limit, func(it *lsm.Iterator) (pageRow, error) {
			f, err := readItem(it)
			f.next = f.row.Key.SK
			return f, err
		})
	}
	// The snapshot makes entries and items consistent with each other.
	moment := t.db.NewSnapshot()
	defer moment.Close()
	return t.read(ctx, moment, lower, upper, q.Descending, q.Limit, func(it *lsm.Iterator) (f pageRow, err error) {
		if f.next, f.row.Key, err = parseIndexKey(it.Key()); err != nil {
			return f, err
		}
		b, closer, err := moment.Get(appendItemKey(nil, f.row.Key))
		if err != nil {
			return f, fmt.Errorf("%s, which is in index %d: %w", f.row.Key, q.Index, err)
		}
		defer closer.Close()
		f.size = len(b)
		f.row.Item, _, err = decodeStored(b)
		return f, err
	})
}

// Scan implements table.Table. It reads only items with the prefix, in the order of their
// keys.
func (t *Table) Scan(ctx context.Context, s table.Scan) (table.Page, error) {
	if err := t.enter(ctx); err != nil {
		return table.Page{}, err
	}
	defer t.leave()
	lower := append([]byte{kindItem}, s.Prefix...)
	upper := prefixEnd(lower)
	if s.After != "" {
		lower = append(append([]byte{kindItem}, s.After...), 0)
	}
	return t.read(ctx, t.db, lower, upper, false, s.Limit, func(it *lsm.Iterator) (pageRow, error) {
		f, err := readItem(it)
		f.next = string(it.Key()[1:])
		return f, err
	})
}

// pageRow is a row of a page.
type pageRow struct {
	row  table.Row
	next string // Page.Next if this is the last row of the page
	size int    // bytes on disk
}

func readItem(it *lsm.Iterator) (f pageRow, err error) {
	if f.row.Key, err = parseItemKey(it.Key()); err != nil {
		return f, err
	}
	b, err := it.ValueAndErr()
	if err != nil {
		return f, err
	}
	f.size = len(b)
	f.row.Item, _, err = decodeStored(b)
	return f, err
}

// read returns a page of the entries from lower to upper; row turns an entry into a row.
func (t *Table) read(
	ctx context.Context, from lsm.Reader, lower, upper []byte, descending bool, limit int, row func(*lsm.Iterator) (pageRow, error),
) (page table.Page, err error) {
	if bytes.Compare(lower, upper) >= 0 {
		return page, nil
	}
	it, err := from.NewIterWithContext(ctx, &lsm.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return page, unreadable(err)
	}
	defer func() {
		if closed := it.Close(); err == nil && closed != nil {
			page, err = table.Page{}, unreadable(closed)
		}
	}()
	first, next := it.First, it.Next
	if descending {
		first, next = it.Last, it.Prev
	}
	size, last := 0, ""
	for ok := first(); ok; ok = next() {
		if size >= pageBytes || limit > 0 && len(page.Rows) == limit {
			page.Next = last
			break
		}
		if err := ctx.Err(); err != nil {
			return table.Page{}, err
		}
		f, err := row(it)
		if err != nil {
			return table.Page{}, unreadable(err)
		}
		page.Rows = append(page.Rows, f.row)
		size += f.size
		last = f.next
	}
	return page, nil
}

func unreadable(err error) error {
	return fmt.Errorf("%w: read: %w", table.ErrUnavailable, err)
}
