package cafe

import (
	"context"
	"errors"
	"sync"
	"time"

	"cafe/internal/parallel"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/pricing"
)

// menuAge is how old the menu in the process may be. A price that another process changed is
// charged after this time at the latest. A process sees its own changes at once.
const menuAge = 3 * time.Second

// prices is what orders are priced by: the menu, and the tariff of the pricing document,
// which is nil when there is none.
type prices struct {
	menu   model.Menu
	tariff *pricing.Tariff
}

// menuCache keeps the menu and the tariff in the process. It never changes what it handed
// out.
type menuCache struct {
	turn chan struct{} // holds the one who reads; waiting for it ends with the context

	mu      sync.Mutex
	prices  prices    // without a menu: not read yet, or out of date
	read    time.Time // when it was asked for
	changes int       // of this process: what was asked for before one is out of date
}

// since returns the prices if they were read at or after that time, else none, and the
// number of changes so far.
func (m *menuCache) since(earliest time.Time) (prices, int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.read.Before(earliest) {
		return prices{}, m.changes
	}
	return m.prices, m.changes
}

// keep stores the prices, unless the process itself changed them meanwhile.
func (m *menuCache) keep(p prices, asked time.Time, changes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.changes == changes {
		m.prices, m.read = p, asked
	}
}

// Menu returns what the café sells, retired items included. It is up to menuAge old.
func (c *Cafe) Menu(ctx context.Context) (model.Menu, error) {
	return c.MenuSince(ctx, c.now().Add(-menuAge))
}

// MenuSince returns a menu that was read at or after the given time. Callers at the same
// time share one read.
func (c *Cafe) MenuSince(ctx context.Context, since time.Time) (model.Menu, error) {
	p, err := c.pricesSince(ctx, since)
	return p.menu, err
}

// pricesSince returns prices that were read at or after the given time, as MenuSince does.
func (c *Cafe) pricesSince(ctx context.Context, since time.Time) (prices, error) {
	if p, _ := c.menu.since(since); p.menu != nil {
		return p, nil
	}
	select {
	case c.menu.turn <- struct{}{}:
		defer func() { <-c.menu.turn }()
	case <-ctx.Done():
		return prices{}, ctx.Err()
	}
	p, changes := c.menu.since(since)
	if p.menu != nil {
		return p, nil
	}
	asked := c.now()
	p, err := c.readPrices(ctx)
	if err == nil {
		c.menu.keep(p, asked, changes)
	}
	return p, err
}

// readPrices reads the menu and the pricing document, which is stored among the items.
func (c *Cafe) readPrices(ctx context.Context) (prices, error) {
	p := prices{menu: model.Menu{}}
	for row, err := range records.Query(ctx, c.table, table.Query{Partition: records.PartitionMenu, Consistent: true}) {
		if err != nil {
			return prices{}, err
		}
		if row.Key == records.PricingKey {
			if p.tariff, err = c.tariffs.decode(row.Key, row.Item); err != nil {
				return prices{}, err
			}
			continue
		}
		item, err := records.DecodeMenuItem(row.Key, row.Item)
		if err != nil {
			return prices{}, err
		}
		p.menu[item.SKU] = item
	}
	return p, nil
}

// ForgetMenu has the next call read the menu anew: somebody has changed it in the table.
func (c *Cafe) ForgetMenu() {
	c.menu.mu.Lock()
	defer c.menu.mu.Unlock()
	c.menu.prices = prices{}
	c.menu.changes++
}

// MenuPage returns up to limit items whose SKU comes after the given one, sorted by SKU, and
// whether there are more.
func (c *Cafe) MenuPage(ctx context.Context, after string, limit int) (items []model.Item, more bool, err error) {
	menu, err := c.Menu(ctx)
	if err != nil {
		return nil, false, err
	}
	items, more = page(menu.Sorted(func(i model.Item) bool { return i.SKU > after }), limit)
	return items, more, nil
}

func page[T any](all []T, limit int) ([]T, bool) {
	if len(all) > limit {
		return all[:limit], true
	}
	return all, false
}

// MenuItem returns one item of the menu, or model.ErrNotFound.
func (c *Cafe) MenuItem(ctx context.Context, sku string) (model.Item, error) {
	asked := c.now()
	menu, err := c.Menu(ctx)
	if err != nil {
		return model.Item{}, err
	}
	item, known := menu[sku]
	if !known {
		if menu, err = c.MenuSince(ctx, asked); err != nil {
			return model.Item{}, err
		}
		item, known = menu[sku]
	}
	if !known {
		return model.Item{}, model.ErrNotFound
	}
	return item, nil
}

// ItemMatch is a caller's condition on an item of the menu. known is false when the menu does
// not have it. A nil ItemMatch is no condition.
type ItemMatch func(was model.Item, known bool) bool

// SetMenuItem puts an item on the menu, or replaces it, and reports whether it is new. Fields
// at fault are a model.Invalid. It is model.ErrStale when match is given and does not hold.
func (c *Cafe) SetMenuItem(ctx context.Context, item model.Item, match ItemMatch) (created bool, err error) {
	if err := item.Validate(); err != nil {
		return false, err
	}
	defer c.ForgetMenu()
	put := table.Put(records.MenuKey(item.SKU), records.EncodeMenuItem(item), table.Absent())
	put.Item[records.AttrSetAt] = records.Time(c.now.Stamp())
	if match != nil {
		err = c.changeMenuItem(ctx, item.SKU, func(was model.Item, known bool) (table.Op, error) {
			if !match(was, known) {
				return put, model.ErrStale
			}
			created = !known
			return put, nil
		})
		return created && err == nil, err
	}
	err = records.Write(ctx, c.table, put)
	if _, exists := table.Failed(err, 0); exists {
		put.If = nil
		return false, records.Write(ctx, c.table, put)
	}
	return err == nil, err
}

// RemoveMenuItem takes an item off the menu. It is model.ErrNotFound when the menu does not
// have it, and model.ErrStale when match is given and does not hold. Orders keep their lines.
func (c *Cafe) RemoveMenuItem(ctx context.Context, sku string, match ItemMatch) error {
	defer c.ForgetMenu()
	if match != nil {
		return c.changeMenuItem(ctx, sku, func(was model.Item, known bool) (table.Op, error) {
			switch {
			case !known:
				return table.Op{}, model.ErrNotFound
			case !match(was, known):
				return table.Op{}, model.ErrStale
			}
			return table.Delete(records.MenuKey(sku)), nil
		})
	}
	err := records.Write(ctx, c.table, table.Delete(records.MenuKey(sku), table.Present()))
	if _, absent := table.Failed(err, 0); absent {
		return model.ErrNotFound
	}
	return err
}

// changeMenuItem reads an item of the menu and writes what edit makes of it, under the
// condition that the item has not changed. If it has, it tries again.
func (c *Cafe) changeMenuItem(ctx context.Context, sku string, edit func(was model.Item, known bool) (table.Op, error)) error {
	return records.Retry(ctx, func() error {
		was, err := records.Get(ctx, c.table, records.MenuKey(sku), true, records.DecodeMenuItem)
		known := err == nil
		if err != nil && !errors.Is(err, model.ErrNotFound) {
			return err
		}
		op, err := edit(was, known)
		if err != nil {
			return err
		}
		op.If = []table.Condition{table.Absent()}
		if known {
			op.If = saysTheSame(records.EncodeMenuItem(was))
		}
		err = records.Write(ctx, c.table, op)
		if _, changed := table.Failed(err, 0); changed {
			return records.ErrOvertaken
		}
		return err
	})
}

// saysTheSame returns the conditions that an item of the menu is stored with these very
// attributes. When and by whom it was set does not matter.
func saysTheSame(item table.Item) []table.Condition {
	same := []table.Condition{table.Present()}
	for _, name := range []string{"name", "category", "tax_class", "price", "counted", "active", "options"} {
		if v, has := item[name]; has {
			same = append(same, table.Equal(name, v))
		} else {
			same = append(same, table.Missing(name))
		}
	}
	return same
}

// StockLevel is how many units of a counted item are on the shelf.
type StockLevel struct {
	SKU, Name string
	OnHand    int64
}

// StockPage returns the stock of up to limit counted items whose SKU comes after the given
// one, sorted by SKU, and whether there are more. An item that was never counted has 0.
func (c *Cafe) StockPage(ctx context.Context, after string, limit int) (levels []StockLevel, more bool, err error) {
	menu, err := c.Menu(ctx)
	if err != nil {
		return nil, false, err
	}
	items, more := page(menu.Sorted(func(i model.Item) bool { return i.Counted && i.SKU > after }), limit)
	levels = make([]StockLevel, len(items))
	err = parallel.Each(ctx, len(items), func(ctx context.Context, i int) error {
		stock, err := c.stock(ctx, items[i].SKU, false)
		levels[i] = StockLevel{SKU: items[i].SKU, Name: items[i].Name, OnHand: stock.OnHand}
		return err
	})
	return levels, more, err
}

// stock returns an item's stock: 0 on hand when it was never counted.
func (c *Cafe) stock(ctx context.Context, sku string, consistent bool) (model.Stock, error) {
	stock, err := records.Get(ctx, c.table, records.StockKey(sku), consistent, records.DecodeStock)
	if errors.Is(err, model.ErrNotFound) {
		return model.Stock{SKU: sku}, nil
	}
	return stock, err
}

// SetStock sets how many units of a counted item are on the shelf. It is model.ErrNotFound
// when the menu does not have the item, and a model.Invalid when the item is not counted or
// the number is out of range.
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
	op := table.Update(records.StockKey(sku))
	op.Set = table.Item{"on_hand": table.Int(onHand), records.AttrSetAt: records.Time(c.now.Stamp())}
	if onHand > 0 {
		op.Add = map[string]int64{"restock": 1}
	}
	return StockLevel{SKU: sku, Name: item.Name, OnHand: onHand}, records.Write(ctx, c.table, op)
}
