package cafetest_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sync/errgroup"

	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/events"
	"cafe/internal/house"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/dynamo/dynamotest"
	"cafe/internal/table/pebble"
	"cafe/model"
	"cafe/model/books"
	"cafe/model/report"
)

// capacity is read and write units, indexes and transactions included.
type capacity struct{ read, write float64 }

// Use cases that prices are made of, too.
const (
	placeOnTab   = "place 3 uncounted items on a tab, with a key"
	placeWalkIn  = "place 3 uncounted items, a walk-in"
	moveOnTab    = "move an order on a tab"
	moveWalkIn   = "move an order of a walk-in"
	readOrder    = "read an order"
	postOnTab    = "post an order on a tab, alone"
	postWalkIn   = "post an order of a walk-in"
	reportOf1000 = "make and send the report of a day of 1,000 orders"
	reconcile    = "reconcile, per 1,000 orders"
	listOwing    = "list who owes, of each customer"
)

// units are what the use cases cost, as DynamoDB Local counts it; a write that is refused
// costs what it would have cost, which it does not tell. most is what the design allows.
var units = []struct {
	name string
	capacity
	most *capacity
}{
	{placeOnTab, capacity{0, 3}, &capacity{0, 3}},
	{placeWalkIn, capacity{0, 2}, &capacity{0, 3}},
	{"place 3 uncounted items, and take 20 numbers", capacity{0, 3}, &capacity{0, 2 + 20*0.2}},
	{"place 1 counted item on a tab", capacity{0, 8}, nil},
	{"place an order again, with its key", capacity{0, 0}, nil},
	{readOrder, capacity{0.5, 0}, &capacity{0.5, 0}},
	{"read the menu, of 100 items", capacity{3, 0}, nil},
	{"amend an order on a tab", capacity{1, 3}, nil},
	{moveOnTab, capacity{1, 3}, nil},
	{moveWalkIn, capacity{1, 2}, nil},
	{"place 3 uncounted items, a walk-in who pays by card and cash", capacity{0, 2}, &capacity{0, 3}},
	{"pay for an order of a walk-in later", capacity{1, 2}, &capacity{1, 3}},
	{"say how an order at the counter was paid", capacity{2, 2}, nil},
	{"give a unit of an order back", capacity{1, 2}, nil},
	{"read the history of an order", capacity{0.5, 0}, nil},
	{"cancel an order of 1 counted item", capacity{1, 8}, nil},
	{"delete an order on a tab", capacity{1, 3}, nil},
	{"list the newest 25 orders", capacity{2, 0}, &capacity{4, 0}},
	{"list 25 orders, from deep down", capacity{2, 0}, &capacity{4, 0}},
	{"list the newest 25 orders of a day", capacity{2, 0}, &capacity{4, 0}},
	{"list the newest 25 orders of a customer", capacity{2, 0}, &capacity{4, 0}},
	{postWalkIn, capacity{0, 1}, &capacity{0, 1}},
	{"post the first order of a customer", capacity{1, 5}, nil}, // joins the list of customers
	{postOnTab, capacity{1, 4}, &capacity{1, 4}},
	{"post an order on a tab, 25 of a customer at once", capacity{0.04, 2.12}, &capacity{1, 4}},
	{"post an order on a tab that crosses its limit", capacity{1, 8}, nil},
	{"post it again", capacity{1, 0}, nil},
	{"post its amendment", capacity{2, 4}, nil},
	{"post a move", capacity{0, 0}, nil},
	{"log an order's event alone", capacity{0, 4}, &capacity{0, 4}},
	{"log an order's event, of 25 at once", capacity{0, 0.4}, &capacity{0, 0.5}},
	{"read the events, of which none is new", capacity{0, 0}, &capacity{0.5, 0}},
	{"read the event of an order that is new", capacity{0.5, 0}, &capacity{0.5, 0}},
	{"read 25 events of orders", capacity{0.5, 0}, &capacity{0.5, 0}},
	{"pay", capacity{0, 3}, nil},
	{"post a payment", capacity{1, 4}, nil},
	{"set who a new customer is", capacity{1, 2}, nil},
	{"read a customer", capacity{0.5, 0}, nil},
	{"list a customer's payments", capacity{1, 0}, nil},
	{"announce an alert", capacity{3, 2}, nil},
	{"sweep an outbox that is empty", capacity{0, 0}, nil},
	{"put an item on the menu", capacity{0, 1}, nil},
	{"count an item's stock", capacity{3, 1}, nil},
	{"list the stock of 18 items", capacity{9, 0}, nil},
	{"tell that a counted item was left over, with a key", capacity{3, 6}, nil},
	{"list a day's waste", capacity{1, 0}, nil},
	{"post that an item sold out", capacity{0.5, 6}, nil},
	{"import an order of 3 items, of 500", capacity{0.04, 2.01}, nil},
	{"take an imported order back, of 500", capacity{0.17, 4.05}, nil},
	{reportOf1000, capacity{34.5, 33}, &capacity{40, math.Inf(1)}}, // and as much as to list who owes
	{"close a day of 1,000 orders", capacity{24.5, 5}, &capacity{45, 5}},
	{"carry what came late to a day of 1,000 orders", capacity{25.5, 9}, nil},
	{"list 25 closed days", capacity{2, 0}, nil},
	{listOwing, capacity{0.5, 0}, nil},
	{"read a report that was made", capacity{1, 0}, nil},
	{reconcile, capacity{94, 0}, nil},
}

// TestUnits counts what every use case costs on DynamoDB Local, on a store of 1,000 orders and
// larger ones up to CAFE_SCALE, and wants the same at every size: what the table says. Run
// with -v, it prints the table.
func TestUnits(t *testing.T) {
	t.Parallel()
	sizes := scales(t)
	if os.Getenv("CAFE_SCALE") == "" {
		sizes = sizes[:1] // DynamoDB Local takes a few thousand items a second
	}
	for _, orders := range sizes {
		t.Run(fmt.Sprint("orders=", orders), func(t *testing.T) {
			db, meter := dynamotest.Metered(t)
			k := &kitchen{TB: t, db: &tap{Table: db}, meter: meter, clock: clockOn(cafetest.Saturday.AddDays(1), "09:30")}
			copyInto(t, dynamotest.Loader(t, db), orders)
			k.House = house.Open(fullSettings(t), k.db, k.clock.Now)
			k.reopen()
			meter.Take()

			k.costs = map[string]capacity{}
			scans := orders <= 100_000 // DynamoDB Local reads the whole table for each page of a scan
			if scans {
				k.reconcile(orders)
			}
			k.sell()
			k.post()
			k.announce()
			k.keepShop()
			k.importFile()
			k.report()
			for _, use := range units {
				if use.name == reconcile && !scans {
					t.Logf("%-56s not counted at this size", use.name)
					continue
				}
				got, measured := k.costs[use.name]
				delete(k.costs, use.name)
				limit := ""
				if use.most != nil {
					limit = fmt.Sprintf("   at most %g and %g", use.most.read, use.most.write)
				}
				t.Logf("%-56s %6.2f read %6.2f write%s", use.name, got.read, got.write, limit)
				near := func(a, b float64) bool {
					return a == b || use.name == reconcile && math.Abs(a-b) < 0.1*b // what is not orders is spread over few or many
				}
				if !measured || !near(got.read, use.read) || !near(got.write, use.write) {
					t.Errorf("%s costs %g read and %g write units, the table says %g and %g", use.name, got.read, got.write, use.read, use.write)
				}
				if use.most != nil && (got.read > use.most.read || got.write > use.most.write) {
					t.Errorf("%s costs %g read and %g write units, more than %g and %g", use.name, got.read, got.write, use.most.read, use.most.write)
				}
			}
			for name, c := range k.costs {
				t.Errorf("not in the table: {name: %q, capacity: capacity{%g, %g}},", name, c.read, c.write)
			}
		})
	}
}

// copyInto fills a table with the items of an embedded store of so many orders, which is
// quicker than to place them there.
func copyInto(t *testing.T, db table.Table, orders int) {
	t.Helper()
	began := time.Now()
	from, err := pebble.Open("data", pebble.Options{FS: vfs.NewMem(), Logs: func(string) bool { return false }})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	var trim sync.Mutex
	fill(t, from, orders, func() {
		trim.Lock()
		defer trim.Unlock()
		_, last := from.Bounds()
		if err := from.Trim(last); err != nil {
			t.Error(err)
		}
	})
	filled := time.Since(began)
	var all errgroup.Group
	all.SetLimit(4)
	items := 0
	for scan := (table.Scan{Limit: 25}); ; {
		page, err := from.Scan(ctx, scan)
		if err != nil {
			t.Fatal(err)
		}
		var ops []table.Op
		for _, row := range page.Rows {
			ops = append(ops, table.Put(row.Key, row.Item))
		}
		if items += len(ops); len(ops) > 0 {
			all.Go(func() error { return cafetest.Patiently(func() error { return db.Write(ctx, ops...) }) })
		}
		if scan.After = page.Next; scan.After == "" {
			break
		}
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d orders filed in %.1f s, their %d items copied in %.1f s", orders, filled.Seconds(), items, (time.Since(began) - filled).Seconds())
}

// staffMember has an id as Cognito gives one.
var staffMember = cafe.Caller{ID: "1d3c5a0e-64d8-4f0a-9a55-3f0d2ad1d2c1", Role: model.RoleStaff}

// kitchen goes through all that a café does, and notes what each costs.
type kitchen struct {
	testing.TB
	*house.House
	db    *tap
	clock *cafetest.Clock
	meter *dynamotest.Meter
	costs map[string]capacity

	onTab, walkIn, counted model.Order
	late                   model.Order // of the day that is closed
}

// reopen plays a new process that has read the menu.
func (k *kitchen) reopen() {
	k.Helper()
	k.House = house.Open(k.Settings, k.db, k.clock.Now)
	k.must(k.Menu(ctx))
}

// must wants the last of what a call returns to be no error.
func (k *kitchen) must(results ...interface{}) {
	k.Helper()
	if err, failed := results[len(results)-1].(error); failed {
		k.Fatal(err)
	}
}

// cost notes what n calls of do cost, each, to the hundredth.
func (k *kitchen) cost(name string, n float64, do func()) {
	k.Helper()
	k.meter.Take()
	do()
	cost := k.meter.Take()
	if _, twice := k.costs[name]; twice {
		k.Fatalf("%s is counted twice", name)
	}
	k.costs[name] = capacity{math.Round(cost.Read/n*100) / 100, math.Round(cost.Write/n*100) / 100}
	if n == 1 && (len(cost.Calls) < 10 || name == reportOf1000) {
		k.Logf("%-56s %s", name, cost)
	}
}

func (k *kitchen) place(customer, key string, skus ...string) model.Order {
	k.Helper()
	order, _, err := k.Place(ctx, cafetest.Staff, model.Draft{CustomerID: customer, Lines: cafetest.Lines(skus...)}, key)
	k.must(err)
	return order
}

func (k *kitchen) advance(id string, to model.Status) {
	k.Helper()
	k.must(k.Advance(ctx, cafetest.Owner, id, cafe.Move{To: to}, nil))
}

// told returns the newest change record of a partition.
func (k *kitchen) told(pk string) records.Change {
	k.Helper()
	for i := len(k.db.changes) - 1; i >= 0; i-- {
		if k.db.changes[i].Key.PK == pk {
			return k.db.changes[i]
		}
	}
	k.Fatal("nothing was told of ", pk)
	return records.Change{}
}

func (k *kitchen) posted(changes ...records.Change) {
	k.Helper()
	k.must(errors.Join(k.Ledger.Post(ctx, changes)...))
}

var three = []string{"item-number-20", "item-number-30", "item-number-40"}

func (k *kitchen) sell() {
	k.cost("read the menu, of 100 items", 1, func() { k.reopen() })
	k.cost("place 3 uncounted items, and take 20 numbers", 1, func() { k.place("", "", three...) })
	k.cost(placeOnTab, 1, func() { k.onTab = k.place("alice", "key", three...) })
	k.cost(placeWalkIn, 1, func() { k.walkIn = k.place("", "", three...) })
	k.cost("place an order again, with its key", 1, func() { k.place("alice", "key", three...) })
	k.cost("place 1 counted item on a tab", 1, func() { k.counted = k.place("alice", "", "item-number-01") })
	k.cost(readOrder, 1, func() { k.must(k.Order(ctx, cafetest.Alice, k.onTab.ID)) })
	k.cost("amend an order on a tab", 1, func() {
		k.must(k.Amend(ctx, cafetest.Staff, k.onTab.ID, cafe.Amendment{Lines: cafetest.Lines(three[:2]...)}, cafetest.AnyVersion))
	})
	k.cost(moveOnTab, 1, func() { k.advance(k.onTab.ID, model.StatusPreparing) })
	k.cost(moveWalkIn, 1, func() { k.advance(k.walkIn.ID, model.StatusPreparing) })
	drafted := func(terms model.PaymentTerms, payments ...model.DraftPayment) model.Draft {
		return model.Draft{Payment: terms, Lines: cafetest.Lines(three...), Payments: payments}
	}
	var open, counter model.Order
	k.cost("place 3 uncounted items, a walk-in who pays by card and cash", 1, func() {
		k.must(k.Place(ctx, staffMember, drafted(model.TermsCounter, model.DraftPayment{Method: model.MethodCard, Amount: 300, Tip: 50, Reference: "4711"}, model.DraftPayment{Method: model.MethodCash, Amount: 1000}), "paid"))
	})
	for order, terms := range map[*model.Order]model.PaymentTerms{&open: model.TermsOpen, &counter: model.TermsCounter} {
		var err error
		*order, _, err = k.Place(ctx, staffMember, drafted(terms), "later "+string(terms))
		k.must(err)
	}
	card := model.DraftPayment{Method: model.MethodCard, Amount: 750}
	k.cost("pay for an order of a walk-in later", 1, func() { k.must(k.PayOrder(ctx, staffMember, open.ID, card, "key")) })
	k.cost("say how an order at the counter was paid", 1, func() { k.must(k.PayOrder(ctx, staffMember, counter.ID, card, "key")) })
	k.cost("give a unit of an order back", 1, func() {
		k.must(k.Refund(ctx, cafetest.Owner, open.ID, model.DraftRefund{Lines: []model.RefundLine{{Line: 0, Quantity: 1}}, Reason: "cold"}, "key"))
	})
	k.cost("read the history of an order", 1, func() { k.must(k.Order(ctx, staffMember, open.ID)) })
	k.cost("cancel an order of 1 counted item", 1, func() { k.advance(k.counted.ID, model.StatusCancelled) })
	gone := k.place("bob", "", three...)
	k.cost("delete an order on a tab", 1, func() { k.must(k.Remove(ctx, cafetest.Owner, gone.ID, nil)) })

	for i := range 30 {
		k.place("carol", fmt.Sprint("another ", i), three...)
	}
	deep, err := k.db.Get(ctx, table.Key{PK: "O#" + filedID(fullDay+100), SK: "O"}, true)
	k.must(err)
	for name, list := range map[string]struct {
		filter cafe.Filter
		from   string
	}{
		"list the newest 25 orders":               {},
		"list 25 orders, from deep down":          {from: deep.Str(table.AttrSort)},
		"list the newest 25 orders of a customer": {filter: cafe.Filter{CustomerID: "carol"}},
		"list the newest 25 orders of a day":      {filter: cafe.Filter{Day: k.onTab.BusinessDay}},
	} {
		k.cost(name, 1, func() {
			orders, next, err := k.Orders(ctx, cafetest.Staff, list.filter, list.from, 25)
			if len(orders) != 25 || next == "" {
				k.Errorf("%s: %d orders, next %q", name, len(orders), next)
			}
			k.must(err)
		})
	}
}

func (k *kitchen) post() {
	placed := func(id string) records.Change {
		for _, c := range k.db.changes {
			if c.Key.PK == "O#"+id {
				return c
			}
		}
		k.Fatal("no such order")
		return records.Change{}
	}
	k.cost(postWalkIn, 1, func() { k.posted(placed(k.walkIn.ID)) })
	k.cost("post the first order of a customer", 1, func() { k.posted(placed(k.onTab.ID)) })
	another := placed(k.place("alice", "", three...).ID)
	k.cost(postOnTab, 1, func() { k.posted(another) })
	first := placed(k.onTab.ID)
	k.cost("post it again", 1, func() { k.posted(first) })
	k.cost("post its amendment", 1, func() { k.posted(k.told("O#" + k.onTab.ID)) })
	moved := k.told("O#" + k.onTab.ID)
	moved.Old = moved.New // of the same posting, as the stream has it
	k.cost("post a move", 1, func() { k.posted(moved) })
	var batch []records.Change
	for _, c := range k.db.changes {
		if c.New.Str("customer_id") == "carol" && len(batch) < 25 {
			batch = append(batch, c)
		}
	}
	k.cost("post an order on a tab, 25 of a customer at once", 25, func() { k.posted(batch...) })

	log := func(changes ...records.Change) { k.must(errors.Join(k.Events.Record(ctx, changes)...)) }
	log(moved) // the log has begun, and the process knows where it ends
	alone, err := k.Events.Head(ctx)
	k.must(err)
	read := func(from events.Cursor, n int) (next events.Cursor) {
		p, err := k.Events.Read(ctx, from, 100)
		if err != nil || len(p.Entries) != n {
			k.Errorf("%d events, want %d: %v", len(p.Entries), n, err)
		}
		return p.Next
	}
	k.cost("read the events, of which none is new", 1, func() { read(alone, 0) })
	k.cost("log an order's event alone", 1, func() { log(another) })
	k.cost("read the event of an order that is new", 1, func() { read(alone, 1) })
	together, err := k.Events.Head(ctx)
	k.must(err)
	k.cost("log an order's event, of 25 at once", 25, func() { log(batch...) })
	k.cost("read 25 events of orders", 1, func() { read(together, 25) })

	k.cost("pay", 1, func() { k.must(k.Pay(ctx, cafetest.Staff, "alice", 500, "", "cash", "key")) })
	paid := k.db.changes[len(k.db.changes)-1]
	k.cost("post a payment", 1, func() { k.posted(paid) })
	k.cost("read a customer", 1, func() { k.must(k.Customer(ctx, cafetest.Staff, "alice")) })
	k.cost("list a customer's payments", 1, func() { k.must(k.Payments(ctx, cafetest.Staff, "alice", "", 25)) })
}

func (k *kitchen) announce() {
	limit := model.Money(1)
	k.cost("set who a new customer is", 1, func() {
		k.must(k.SetCustomer(ctx, "dave", model.Profile{Name: "Dave", Email: "dave@example.com", CreditLimit: &limit}, nil))
	})
	order := k.place("dave", "", three...)
	k.cost("post an order on a tab that crosses its limit", 1, func() { k.posted(k.told("O#" + order.ID)) })
	alert := k.db.changes[len(k.db.changes)-1]
	k.cost("announce an alert", 1, func() {
		k.must(errors.Join(k.Outbox.Announce(ctx, cafetest.NewNotifier(), []records.Change{alert})...))
	})
	k.cost("sweep an outbox that is empty", 1, func() { k.must(k.Outbox.Sweep(ctx, cafetest.NewNotifier(), time.Minute)) })
}

func (k *kitchen) keepShop() {
	item := model.Item{SKU: "cake", Name: "Cake", Category: "dessert", Price: 300, Counted: true, Active: true}
	k.cost("put an item on the menu", 1, func() { k.must(k.SetMenuItem(ctx, item, nil)) })
	k.cost("count an item's stock", 1, func() { k.must(k.SetStock(ctx, "cake", 1)) })
	k.cost("list the stock of 18 items", 1, func() { k.must(k.StockPage(ctx, "", 25)) })
	k.reopen()
	k.must(k.SetStock(ctx, "cake", 3))
	k.cost("tell that a counted item was left over, with a key", 1, func() {
		k.must(k.WriteOff(ctx, cafetest.Staff, model.WasteDraft{SKU: "cake", Quantity: 2, Reason: "left over"}, "key"))
	})
	k.cost("list a day's waste", 1, func() { k.must(k.Waste(ctx, "", "", 25)) })
	k.place("", "", "cake")
	key := table.Key{PK: "S#cake", SK: "S"}
	now, err := k.db.Get(ctx, key, true)
	k.must(err)
	was, err := table.Op{Kind: table.OpUpdate, Key: key, Set: table.Item{"on_hand": table.Int(1)}}.Apply(now)
	k.must(err)
	k.cost("post that an item sold out", 1, func() { k.posted(records.Change{Key: key, Old: was, New: now}) })
	k.must(k.Outbox.Sweep(ctx, cafetest.NewNotifier(), -time.Minute))
}

func (k *kitchen) importFile() {
	const orders = 500
	text := "date,time,order,item\n"
	for n := range orders {
		for _, sku := range three {
			text += fmt.Sprintf("2017-03-01,12:00,%d,%s\n", n, sku)
		}
	}
	files := cafetest.NewFiles()
	upload, err := k.Imports.Begin(ctx, files, cafetest.Owner.Role, model.ImportDraft{Kind: model.ImportOrders, Name: "till.csv"})
	k.must(err)
	key := cafetest.KeyOf("put", upload.URL)
	k.must(files.Put(ctx, key, strings.NewReader(text)))
	k.clock.Step(0) // tells how far it is by the clock
	k.cost("import an order of 3 items, of 500", orders, func() { k.must(k.Imports.Run(ctx, files, key)) })
	k.clock.Step(time.Millisecond)
	if im, _, err := k.Imports.Result(ctx, files, upload.ImportID); err != nil || im.Created != orders {
		k.Fatalf("%+v %v", im, err)
	}
	k.Imports.UndoTime = time.Minute
	k.cost("take an imported order back, of 500", orders, func() {
		undo, err := k.Imports.Undo(ctx, upload.ImportID)
		k.must(err)
		cafetest.WantUndo(k, undo, "500 removed, 0 kept")
	})
}

// report makes the report of Monday, when Sunday's is made.
func (k *kitchen) report() {
	sunday, monday := cafetest.Saturday.AddDays(1), cafetest.Saturday.AddDays(2)
	at := func(day model.Day, local string) {
		k.clock.Pass(clockOn(day, local).Now().Sub(k.clock.Now()))
		k.reopen()
	}
	make := func(day model.Day) {
		k.Helper()
		k.must(k.Reports.Extract(ctx, day))
		revision, err := k.Reports.Analyse(ctx, day)
		k.must(err)
		k.must(k.Reports.Send(ctx, day, revision))
	}
	at(sunday, "19:00")
	for some := range slices.Chunk(k.db.changes, 100) {
		k.posted(some...)
	}
	at(sunday, "20:00")
	make(sunday)
	k.must(k.Outbox.Sweep(ctx, cafetest.NewNotifier(), -time.Minute))

	// All counted items had leftovers on all days.
	waste := table.List(slices.Repeat([]table.Value{table.Int(10)}, 18)...)
	for n := range report.HistoryDays {
		op := table.Update(table.Key{PK: "D", SK: string(sunday.AddDays(-n))}, table.Present())
		op.Set = table.Item{"waste": waste}
		k.must(k.db.Write(ctx, op))
	}

	// One order under a thousand names.
	at(monday, "12:00")
	k.db.changes = nil
	order := k.place("", "", three...)
	k.late = order
	var ops []table.Op
	for n := 1; n < 1000; n++ {
		order.ID = model.DeriveID("order", fmt.Sprint(n))
		order.PlacedAt = order.PlacedAt.Add(time.Second)
		ops = append(ops, table.Put(records.OrderKey(order.ID), records.EncodeOrder(order)))
	}
	for some := range slices.Chunk(ops, table.MaxOps) {
		k.must(k.db.Write(ctx, some...))
	}
	k.posted(k.db.changes...)
	at(monday, "20:00")
	k.cost(reportOf1000, 1, func() { make(monday) })
	k.cost("read a report that was made", 1, func() { k.must(k.Reports.Report(ctx, sunday)) })
	k.close(monday)
	r, err := k.Reports.Report(ctx, monday)
	if k.must(err); r.Orders != 1000 || r.Revenue != 750_000 || r.KnownDays != report.HistoryDays+1 {
		k.Errorf("report of %d orders, %d, %d days known", r.Orders, r.Revenue, r.KnownDays)
	}
}

// close closes a day of 1,000 orders on the morning after, and the days after it.
func (k *kitchen) close(day model.Day) {
	at := func(day model.Day, local string) {
		k.clock.Pass(clockOn(day, local).Now().Sub(k.clock.Now()))
		k.reopen()
	}
	at(day.AddDays(1), "08:00")
	count := books.Count{Float: 10000, Counted: map[model.Method]model.Money{model.MethodCash: 10000}}
	k.cost("close a day of 1,000 orders", 1, func() { k.must(k.Books.Close(ctx, "olivia", day, count)) })
	k.db.changes = nil
	k.advance(k.late.ID, model.StatusCancelled)
	k.posted(k.db.changes...)
	at(day.AddDays(2), "08:00")
	k.cost("carry what came late to a day of 1,000 orders", 1, func() {
		stored, _, err := k.Books.Close(ctx, "olivia", day.AddDays(1), count)
		if k.must(err); len(stored.Carried) != 1 {
			k.Errorf("%s", stored.Text)
		}
	})
	for n := 2; n < 25; n++ {
		at(day.AddDays(n+1), "08:00")
		k.must(k.Books.Close(ctx, "olivia", day.AddDays(n), count))
	}
	k.cost("list 25 closed days", 1, func() {
		days, _, err := k.Books.Days(ctx, day, day.AddDays(24), 25)
		if k.must(err); len(days) != 25 {
			k.Errorf("%d days", len(days))
		}
	})
	k.cost(listOwing, 1, func() { k.must(k.Owing(ctx, "", 25)) })
	// How many customers there are is the store's business. The report reads them, too.
	customers := 0.0
	for _, err := range records.Query(ctx, k.db, table.Query{Partition: records.PartitionCustomers}) {
		k.must(err)
		customers++
	}
	all, report := k.costs[listOwing], k.costs[reportOf1000]
	report.read -= all.read
	k.costs[reportOf1000] = report
	k.costs[listOwing] = capacity{math.Round(all.read/customers*10) / 10, all.write} // the list itself is next to nothing
}

func (k *kitchen) reconcile(orders int) {
	k.Ledger.Settle = 0
	k.cost(reconcile, float64(orders)/1000, func() {
		found, err := k.Ledger.Reconcile(ctx, true)
		if k.must(err); len(found.Drifted) > 0 {
			k.Errorf("drifted: %+v", found)
		}
	})
}
