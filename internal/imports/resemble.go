package imports

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"cafe/internal/parallel"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// An order's identity has the source that its import declared. So the same file under another
// source is other orders, and each sale is in the café twice. An import compares some of the
// orders that it creates with those that were imported before, and says so when most look
// the same.
const (
	// mostCompared is how many orders are compared. They are spread over the file.
	mostCompared = 100
	// sameMoment is how many orders of one moment are looked through.
	sameMoment = 100
)

// attrResembles is what an import says of orders like its own (model.Import.Resembles).
const attrResembles = "resembles"

// sold is what two orders of the same sale have in common.
type sold struct {
	day   model.Day
	at    time.Time
	total model.Money
}

// comparison has a few of the orders that an import creates, spread evenly: each every-th.
type comparison struct {
	orders      []sold
	every, seen int
}

// add takes an order in, if it is its turn, and reports whether there are enough to compare
// for the first time.
func (c *comparison) add(o sold) (full bool) {
	c.every = max(c.every, 1)
	c.seen++
	if (c.seen-1)%c.every != 0 {
		return false
	}
	if len(c.orders) == mostCompared { // every second one makes room
		for i := range mostCompared / 2 {
			c.orders[i] = c.orders[2*i]
		}
		c.orders = c.orders[:mostCompared/2]
		c.every *= 2
	}
	c.orders = append(c.orders, o)
	return c.seen == mostCompared
}

// created notes that the import creates an order. When there are enough of them, it compares
// them, so that a long import says early what is amiss.
func (a *attempt) created(ctx context.Context, o model.Order) error {
	a.mu.Lock()
	full := a.compared.add(sold{o.BusinessDay, o.PlacedAt, o.Total})
	a.mu.Unlock()
	if !full {
		return nil
	}
	return a.compare(ctx)
}

// compare looks whether most of the orders are in the café already, by another
// import, and stores what it finds.
func (a *attempt) compare(ctx context.Context) error {
	a.mu.Lock()
	orders := slices.Clone(a.compared.orders)
	a.mu.Unlock()
	found := map[string]int{} // by import
	alike, moments := 0, byMoment(orders)
	for some := range slices.Chunk(moments, parallel.Width) {
		rows := make([][]table.Row, len(some))
		err := parallel.Each(ctx, len(some), func(ctx context.Context, i int) (err error) {
			rows[i], err = a.soldAt(ctx, some[i][0])
			return err
		})
		if err != nil {
			return err
		}
		for i, sales := range some {
			alike += a.match(sales, rows[i], found)
		}
	}
	said := ""
	if alike >= 2 && 2*alike > len(orders) {
		ids := slices.SortedFunc(maps.Keys(found), func(x, y string) int {
			return cmp.Or(found[y]-found[x], cmp.Compare(x, y))
		})
		other, err := a.describe(ctx, ids[0])
		if err != nil {
			return err
		}
		said = fmt.Sprintf("most orders look like those of %s: %d of %d that were compared have the same time and total. "+
			"If they are the same sales, they are in the café twice: DELETE /imports/{id}, or cafe import -undo ID, takes one of the two imports back", other, alike, len(orders))
		if a.im.DryRun {
			said = fmt.Sprintf("most orders look like those of %s: %d of %d that were compared have the same time and total. "+
				"If they are the same sales, this import would bring them into the café twice", other, alike, len(orders))
		}
	}
	a.mu.Lock()
	a.im.Resembles = said
	a.mu.Unlock()
	if said == "" {
		return nil
	}
	op := table.Update(records.ImportKey(a.im.ID), table.Equal("status", table.String(string(model.ImportRunning))))
	op.Set = table.Item{attrResembles: table.String(said)}
	err := a.persist(ctx, op)
	if _, finished := table.Failed(err, 0); finished { // by another attempt
		return nil
	}
	return err
}

// byMoment puts sales of the same moment together.
func byMoment(orders []sold) (moments [][]sold) {
	slices.SortFunc(orders, func(x, y sold) int { return x.at.Compare(y.at) })
	for _, o := range orders {
		if n := len(moments); n > 0 && moments[n-1][0].at.Equal(o.at) {
			moments[n-1] = append(moments[n-1], o)
		} else {
			moments = append(moments, []sold{o})
		}
	}
	return moments
}

// soldAt returns orders that were placed at the same moment.
func (a *attempt) soldAt(ctx context.Context, o sold) (rows []table.Row, err error) {
	from := records.DaySort(o.day, o.at, "")
	for shard := range max(1, a.settings.Shards) {
		query := table.Query{
			Index: table.Index2, Partition: records.ShardPartition(records.PrefixOrder, shard), From: from, To: table.PrefixEnd(from), Limit: sameMoment,
		}
		err := records.Patiently(ctx, func() error {
			page, err := a.table.Query(ctx, query)
			rows = append(rows, page.Rows...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// match counts the sales that have an order of another import among the rows. Each row is the
// counterpart of one sale at most. found counts the rows by their import.
func (a *attempt) match(sales []sold, rows []table.Row, found map[string]int) (alike int) {
	left := map[model.Money]int{}
	for _, s := range sales {
		left[s.total]++
	}
	for _, row := range rows {
		by, total := row.Item.Str("import_id"), model.Money(row.Item.Int("total"))
		if by == "" || by == a.im.ID || left[total] == 0 {
			continue
		}
		left[total]--
		found[by]++
		alike++
	}
	return alike
}

// describe names an import by its source, file and id.
func (a *attempt) describe(ctx context.Context, id string) (string, error) {
	item, err := a.look(ctx, records.ImportKey(id))
	if err != nil || item == nil { // it is older than imports are kept
		return "an earlier import", err
	}
	return fmt.Sprintf("import %s (source %s, %s)", id, item.Str("source"), cut(item.Str("name"), maxName)), nil
}
