package cafe

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"cafe/internal/table"
	"cafe/model"
)

// menuAge is for how long a menu that was read is good enough. A price that another
// process changed is charged after at most this; a process sees its own changes at once.
const menuAge = 3 * time.Second

// menuCache keeps the menu in the process. A menu that was handed out is never changed.
type menuCache struct {
	turn chan struct{} // holds the one who reads; waiting for it ends with the context

	mu      sync.Mutex
	menu    model.Menu // nil: not read yet, or out of date
	read    time.Time  // when it was asked for
	changes int        // of this process: what was asked for before one is out of date
}

// since returns the menu, if it was read no earlier than that, and the changes so far.
func (m *menuCache) since(earliest time.Time) (model.Menu, int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.read.Before(earliest) {
		return nil, m.changes
	}
	return m.menu, m.changes
}

// keep keeps the menu, unless one of the process's own changes has come since.
func (m *menuCache) keep(menu model.Menu, asked time.Time, changes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.changes == changes {
		m.menu, m.read = menu, asked
	}
}

// Menu returns what the café sells, retired items included. It is up to menuAge old.
func (c *Cafe) Menu(ctx context.Context) (model.Menu, error) {
	return c.menuSince(ctx, c.now().Add(-menuAge))
}

// menuSince returns a menu read no earlier than that. Callers at the same time share
// one read.
func (c *Cafe) menuSince(ctx context.Context, since time.Time) (model.Menu, error) {
	if menu, _ := c.menu.since(since); menu != nil {
		return menu, nil
	}
	select {
	case c.menu.turn <- struct{}{}:
		defer func() { <-c.menu.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	menu, changes := c.menu.since(since)
	if menu != nil {
		return menu, nil
	}
	asked := c.now()
	menu, err := c.readMenu(ctx)
	if err == nil {
		c.menu.keep(menu, asked, changes)
	}
	return menu, err
}

func (c *Cafe) readMenu(ctx context.Context) (model.Menu, error) {
	menu := model.Menu{}
	query := table.Query{Partition: partitionMenu, Consistent: true}
	for {
		page, err := c.table.Query(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, row := range page.Rows {
			item, err := menuItemOf(row.Key, row.Item)
			if err != nil {
				return nil, err
			}
			menu[item.SKU] = item
		}
		if page.Next == "" {
			break
		}
		query.From = table.After(page.Next)
	}
	return menu, nil
}

func (c *Cafe) forgetMenu() {
	c.menu.mu.Lock()
	defer c.menu.mu.Unlock()
	c.menu.menu = nil
	c.menu.changes++
}

// MenuPage returns up to limit items after the SKU, by SKU, and whether there are more.
func (c *Cafe) MenuPage(ctx context.Context, after string, limit int) (items []model.Item, more bool, err error) {
	menu, err := c.Menu(ctx)
	if err != nil {
		return nil, false, err
	}
	items, more = page(sorted(menu, func(i model.Item) bool { return i.SKU > after }), limit)
	return items, more, nil
}

func sorted(menu model.Menu, keep func(model.Item) bool) []model.Item {
	items := make([]model.Item, 0, len(menu))
	for _, i := range menu {
		if keep(i) {
			items = append(items, i)
		}
	}
	slices.SortFunc(items, func(a, b model.Item) int { return strings.Compare(a.SKU, b.SKU) })
	return items
}

func page[T any](all []T, limit int) ([]T, bool) {
	if len(all) > limit {
		return all[:limit], true
	}
	return all, false
}

// MenuItem returns one item, or ErrNotFound.
func (c *Cafe) MenuItem(ctx context.Context, sku string) (model.Item, error) {
	asked := c.now()
	menu, err := c.Menu(ctx)
	if err != nil {
		return model.Item{}, err
	}
	item, known := menu[sku]
	if !known {
		if menu, err = c.menuSince(ctx, asked); err != nil {
			return model.Item{}, err
		}
		item, known = menu[sku]
	}
	if !known {
		return model.Item{}, ErrNotFound
	}
	return item, nil
}

// ItemMatch is a caller's condition on what is on the menu under a SKU; known is false when
// nothing is. A nil ItemMatch asks for nothing.
type ItemMatch func(was model.Item, known bool) bool

// SetMenuItem puts the item on the menu, or replaces it, and tells whether it is new.
// Fields at fault are a model.Invalid; ErrStale when match is given and does not hold.
func (c *Cafe) SetMenuItem(ctx context.Context, item model.Item, match ItemMatch) (created bool, err error) {
	if err := item.Validate(); err != nil {
		return false, err
	}
	defer c.forgetMenu()
	put := table.Put(menuKey(item.SKU), menuItem(item), table.Absent())
	put.Item[attrSaidAt] = moment(c.clock())
	if match != nil {
		err = c.changeMenuItem(ctx, item.SKU, func(was model.Item, known bool) (table.Op, error) {
			if !match(was, known) {
				return put, ErrStale
			}
			created = !known
			return put, nil
		})
		return created && err == nil, err
	}
	err = c.write(ctx, put)
	if _, exists := table.Failed(err, 0); exists {
		put.If = nil
		return false, c.write(ctx, put)
	}
	return err == nil, err
}

// RemoveMenuItem takes the item off the menu, or returns ErrNotFound; ErrStale when match is
// given and does not hold. Orders that name it keep their lines.
func (c *Cafe) RemoveMenuItem(ctx context.Context, sku string, match ItemMatch) error {
	defer c.forgetMenu()
	if match != nil {
		return c.changeMenuItem(ctx, sku, func(was model.Item, known bool) (table.Op, error) {
			switch {
			case !known:
				return table.Op{}, ErrNotFound
			case !match(was, known):
				return table.Op{}, ErrStale
			}
			return table.Delete(menuKey(sku)), nil
		})
	}
	err := c.write(ctx, table.Delete(menuKey(sku), table.Present()))
	if _, absent := table.Failed(err, 0); absent {
		return ErrNotFound
	}
	return err
}

// changeMenuItem reads an item of the menu and writes what edit makes of it, under the
// condition that it still says the same; anew when it does not.
func (c *Cafe) changeMenuItem(ctx context.Context, sku string, edit func(was model.Item, known bool) (table.Op, error)) error {
	key := menuKey(sku)
	for attempt := 0; ; attempt++ {
		stored, err := c.table.Get(ctx, key, true)
		known := err == nil
		if err != nil && !errors.Is(err, table.ErrNotFound) {
			return err
		}
		var was model.Item
		unchanged := []table.Condition{table.Absent()}
		if known {
			if was, err = menuItemOf(key, stored); err != nil {
				return err
			}
			unchanged = saysTheSame(menuItem(was))
		}
		op, err := edit(was, known)
		if err != nil {
			return err
		}
		op.If = unchanged
		err = c.write(ctx, op)
		if _, changed := table.Failed(err, 0); !changed {
			return err
		}
		if attempt == attempts {
			return table.ErrConflict
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// saysTheSame are the conditions that an item of the menu is there and is as given. When and
// by whom that was said does not matter.
func saysTheSame(item table.Item) []table.Condition {
	same := []table.Condition{table.Present()}
	for _, name := range []string{"name", "category", "price", "counted", "active", "options"} {
		if v, has := item[name]; has {
			same = append(same, table.Equal(name, v))
		} else {
			same = append(same, table.Missing(name))
		}
	}
	return same
}

// StockLevel is a counted item with what is on the shelf.
type StockLevel struct {
	SKU, Name string
	OnHand    int64
}

// StockPage returns the stock of up to limit counted items after the SKU, by SKU, and
// whether there are more. An item that was never counted has 0.
func (c *Cafe) StockPage(ctx context.Context, after string, limit int) (levels []StockLevel, more bool, err error) {
	menu, err := c.Menu(ctx)
	if err != nil {
		return nil, false, err
	}
	items, more := page(sorted(menu, func(i model.Item) bool { return i.Counted && i.SKU > after }), limit)
	levels = make([]StockLevel, len(items))
	err = each(ctx, len(items), func(ctx context.Context, i int) error {
		stock, err := c.stock(ctx, items[i].SKU, false)
		levels[i] = StockLevel{SKU: items[i].SKU, Name: items[i].Name, OnHand: stock.OnHand}
		return err
	})
	return levels, more, err
}

// stock returns the item's stock; none was ever counted is a stock of 0.
func (c *Cafe) stock(ctx context.Context, sku string, consistent bool) (model.Stock, error) {
	item, err := c.table.Get(ctx, stockKey(sku), consistent)
	if errors.Is(err, table.ErrNotFound) {
		return model.Stock{SKU: sku}, nil
	}
	if err != nil {
		return model.Stock{}, err
	}
	return stockOf(stockKey(sku), item)
}

// SetStock says how much of a counted item is on the shelf now. It is ErrNotFound when
// the item is not on the menu, and a model.Invalid when the item is not counted or the
// number is out of range.
func (c *Cafe) SetStock(ctx context.Context, sku string, onHand int64) (StockLevel, error) {
	item, err := c.MenuItem(ctx, sku)
	if err != nil {
		return StockLevel{}, err
	}
	if !item.Counted {
		return StockLevel{}, model.Invalid{{Field: "sku", Message: "is not a counted item: it never runs out"}}
	}
	if onHand < 0 || onHand > model.MaxStock {
		return StockLevel{}, model.Invalid{{Field: "/on_hand", Message: "must be from 0 to 1000000"}}
	}
	op := table.Update(stockKey(sku))
	op.Set = table.Item{"on_hand": table.Int(onHand), attrSaidAt: moment(c.clock())}
	if onHand > 0 {
		op.Add = map[string]int64{"restock": 1}
	}
	return StockLevel{SKU: sku, Name: item.Name, OnHand: onHand}, c.write(ctx, op)
}
