// Package cafetest opens cafés for tests: on each engine, with a clock that the test
// moves, a record of what the table's stream would tell, faults on demand, a notifier
// that can fail, and an oracle that adds up what is stored by means of its own.
package cafetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"cafe/internal/house"
	"cafe/internal/ledger"
	"cafe/internal/records"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/internal/table/dynamo"
	"cafe/internal/table/dynamo/dynamotest"
	"cafe/internal/table/pebble"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

// Engine is a kind of table to test on.
type Engine struct {
	Name string
	Open func(t testing.TB) table.Table // empty, and gone when the test ends
	Slow bool                           // a test had better not ask too much of it
}

// Engines are those that the café runs on. DynamoDB's tests skip, and say so, unless
// there is one to test on (package dynamotest).
var Engines = []Engine{
	{Name: "pebble", Open: func(t testing.TB) table.Table {
		p, err := pebble.Open("data", pebble.Options{FS: vfs.NewMem(), CacheSize: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
		return p
	}},
	{Name: "dynamo", Slow: true, Open: func(t testing.TB) table.Table {
		// A machine that runs many tests at once takes its time to answer.
		patient := dynamotest.Client(t, func(o *dynamodb.Options) { o.HTTPClient = dynamo.HTTPClient().WithTimeout(time.Minute) })
		return dynamo.New(patient, dynamo.Options{Table: dynamotest.Open(t).Name()})
	}},
}

// OnEachEngine runs the test on every engine, as a subtest beside others.
func OnEachEngine(t *testing.T, test func(t *testing.T, e Engine)) {
	t.Parallel()
	for _, e := range Engines {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

// Property checks a property of cafés on every engine: on many with the embedded one,
// on a few with the slow one. Each begins empty but for the sample menu.
func Property(t *testing.T, property func(t *rapid.T, c *Cafe)) {
	OnEachEngine(t, func(t *testing.T, e Engine) {
		engine, runs, failed := e.Open(t), 0, false
		rapid.Check(t, func(rt *rapid.T) {
			if runs++; runs > e.runs() && !failed { // once it failed, rapid looks for the least example
				return
			}
			passed := false
			defer func() { failed = failed || !passed || rt.Failed() }()
			Empty(rt, engine)
			property(rt, Open(rt, engine))
			passed = true
		})
	})
}

func (e Engine) runs() int {
	if e.Slow {
		return 2
	}
	return 40
}

// Empty deletes all that is in a table.
func Empty(t rapid.TB, db table.Table) {
	t.Helper()
	var ops []table.Op
	for _, row := range Rows(t, db) {
		ops = append(ops, table.Delete(row.Key))
	}
	for len(ops) > 0 {
		n := min(len(ops), table.MaxOps)
		if err := db.Write(context.Background(), ops[:n]...); err != nil {
			t.Fatal(err)
		}
		ops = ops[n:]
	}
}

// Rows returns all that is in a table.
func Rows(t rapid.TB, db table.Table) (rows []table.Row) {
	t.Helper()
	scan := table.Scan{}
	for {
		page, err := db.Scan(context.Background(), scan)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, page.Rows...)
		if page.Next == "" {
			return rows
		}
		scan.After = page.Next
	}
}

// Cafe is a café with all that a test wants to see and to turn. Its calls go through
// Faults, then the Recorder, then to the Table.
type Cafe struct {
	*house.House
	Table    table.Table
	Recorder *Recorder
	Faults   *tabletest.Faulty
	Clock    *Clock
	Notifier *Notifier
}

// Limit is the café's credit limit in tests, unless changed.
const Limit model.Money = 1000

// Stock is how many of each counted item are on the shelf at first.
const Stock = 20

// Menu is what the cafés of tests sell: brownies and muffins are counted.
var Menu = []model.Item{
	{SKU: "latte", Name: "Latte", Category: "coffee", Price: 350, Active: true,
		Options: []model.Option{{ID: "oat", Name: "Oat milk", Price: 40}, {ID: "large", Name: "Large", Price: 60}}},
	{SKU: "tea", Name: "Tea", Category: "tea", Price: 220, Active: true},
	{SKU: "scone", Name: "Scone", Category: "bakery", Price: 1, Active: true},
	{SKU: "brownie", Name: "Brownie", Category: "dessert", Price: 300, Counted: true, Active: true},
	{SKU: "muffin", Name: "Muffin", Category: "dessert", Price: 280, Counted: true, Active: true},
}

// Open opens a café on an empty table, and puts up Menu and Stock. It opens on a
// Saturday morning.
func Open(t rapid.TB, db table.Table, changes ...func(*settings.Settings)) *Cafe {
	t.Helper()
	s, err := settings.FromEnv(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	s.CreditLimit = Limit
	for _, change := range changes {
		change(&s)
	}
	c := &Cafe{Table: db, Clock: NewClock(), Notifier: NewNotifier()}
	c.Recorder = &Recorder{Table: db, Clock: c.Clock}
	c.Faults = tabletest.NewFaulty(c.Recorder, nil)
	c.House = house.Open(s, c.Faults, c.Clock.Now)
	c.Reports.Patience, c.Books.Patience = 0, 0
	c.SignQuotes(QuoteKey)
	c.Recorder.Pause()
	ctx := context.Background()
	for _, item := range Menu {
		if _, err := c.SetMenuItem(ctx, item, nil); err != nil {
			t.Fatal(err)
		}
		if item.Counted {
			if _, err := c.SetStock(ctx, item.SKU, Stock); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.Recorder.Resume()
	return c
}

// Restart plays a new process on the same table: nothing in memory, and no faults.
func (c *Cafe) Restart() {
	c.Faults.Set(nil)
	c.Reopen()
}

// Reopen plays a new process on the same table: nothing in memory. Faults go on.
func (c *Cafe) Reopen() { c.OpenOn(c.Faults, c.Clock.Now) }

// OpenOn plays a new process on a table, with a clock of its own.
func (c *Cafe) OpenOn(t table.Table, now records.Clock) {
	c.House = house.Open(c.Settings, t, now)
	c.Reports.Patience, c.Books.Patience = 0, 0
	c.SignQuotes(QuoteKey)
}

// Fail plays a new process on the same table, and has the faults happen to its calls,
// counted from 1.
func (c *Cafe) Fail(faults tabletest.Faults) {
	c.Faults = tabletest.NewFaulty(c.Recorder, faults)
	c.Reopen()
}

// Slow has every call wait up to a millisecond or two before it is made, so that calls made
// at the same time come in any order.
func (c *Cafe) Slow() { c.Faults.Set(Slowly(nil)) }

// Slowly adds the waits of Slow to faults.
func Slowly(faults tabletest.Faults) tabletest.Faults {
	return func(call tabletest.Call) tabletest.Fault {
		fault := tabletest.Fault{}
		if faults != nil {
			fault = faults(call)
		}
		fault.Delay += rand.N(1500 * time.Microsecond)
		return fault
	}
}

// Post has the changes posted to the ledger, and wants them all done. It also wants the events
// that they are to be described (Events).
func (c *Cafe) Post(t rapid.TB, changes ...records.Change) {
	t.Helper()
	Events(t, changes...)
	for i, err := range c.Ledger.Post(context.Background(), changes) {
		if err != nil {
			t.Fatalf("post change %d of %d, %s: %v", i, len(changes), changes[i].Key, err)
		}
	}
}

// Announce has the changes announced, and wants them all done.
func (c *Cafe) Announce(t rapid.TB, changes ...records.Change) {
	t.Helper()
	for i, err := range c.Outbox.Announce(context.Background(), c.Notifier, changes) {
		if err != nil {
			t.Fatalf("announce change %d of %d, %s: %v", i, len(changes), changes[i].Key, err)
		}
	}
}

// Snapshot returns every order, payment and stock item as a change that made it: what a
// stream would tell that lost all but the newest record of each.
func (c *Cafe) Snapshot(t rapid.TB) (changes []records.Change) {
	t.Helper()
	for _, row := range Rows(t, c.Table) {
		if ledger.Wants(row.Key.PK) {
			changes = append(changes, records.Change{Key: row.Key, New: row.Item})
		}
	}
	return changes
}

// Clock is a clock that stands still but for a step with each look at it: a millisecond,
// unless Step says otherwise.
type Clock struct {
	mu   sync.Mutex
	now  time.Time
	step time.Duration
}

// NewClock returns a clock that shows 09:30 in London on Saturday, 18 March 2017.
func NewClock() *Clock {
	return &Clock{now: time.Date(2017, 3, 18, 9, 30, 0, 0, time.UTC), step: time.Millisecond}
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(c.step)
	return c.now
}

// look returns the time that the last look at the clock saw.
func (c *Clock) look() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Step sets how much time passes with each look.
func (c *Clock) Step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.step = d
}

// Pass lets time pass.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Recorder is a table that keeps what its stream would tell: each item that a write
// changed, before and after, and when. Writes take their turns while it records.
type Recorder struct {
	table.Table
	Clock   *Clock
	mu      sync.Mutex
	paused  bool
	changes []records.Change
}

// Pause lets writes through unrecorded, several at once.
func (r *Recorder) Pause() { r.set(true) }

// Resume records again.
func (r *Recorder) Resume() { r.set(false) }

func (r *Recorder) set(paused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused = paused
}

// Write implements table.Table.
func (r *Recorder) Write(ctx context.Context, ops ...table.Op) error {
	r.mu.Lock()
	if r.paused {
		r.mu.Unlock()
		return r.Table.Write(ctx, ops...)
	}
	defer r.mu.Unlock()
	changes := make([]records.Change, len(ops))
	for i, op := range ops {
		changes[i].Key, changes[i].Time = op.Key, r.Clock.look()
		var err error
		if changes[i].Old, err = item(ctx, r.Table, op.Key); err != nil {
			return err
		}
		if changes[i].New, err = op.Apply(changes[i].Old); err != nil {
			return err
		}
	}
	if err := r.Table.Write(ctx, ops...); err != nil {
		return err
	}
	for _, c := range changes {
		if (c.Old == nil) != (c.New == nil) || !c.Old.Equal(c.New) {
			r.changes = append(r.changes, c)
		}
	}
	return nil
}

func item(ctx context.Context, db table.Table, key table.Key) (table.Item, error) {
	item, err := db.Get(ctx, key, true)
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return nil, err
	}
	return item, nil
}

// Changes returns what was recorded of items in partitions that match, in the order it
// happened. With ledger.Wants it is what the ledger's consumer gets, with outbox.Wants
// the notifier's.
func (r *Recorder) Changes(match func(pk string) bool) (changes []records.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.changes {
		if match(c.Key.PK) {
			changes = append(changes, c)
		}
	}
	return changes
}

// Forget drops what was recorded.
func (r *Recorder) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = nil
}
