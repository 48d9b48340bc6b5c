package events_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/events"
	"cafe/internal/ledger"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
	"cafe/model/books"
	"cafe/model/pricing"
)

func told(entries []events.Entry) (types []string) {
	for _, e := range entries {
		types = append(types, string(e.Type)+" "+fmt.Sprint(e.Version))
	}
	return types
}

// What people do, and what is told of it.
func TestEventsFollowWhatHappens(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	counter := cafetest.Counter{Cafe: c, Files: cafetest.NewFiles()}
	seen := map[model.EventType]bool{}
	var order model.Order
	for _, step := range []struct {
		what string
		do   func() error
		want string
	}{
		{"place", func() (err error) {
			order, _, err = c.Place(ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("tea"), Note: "for Alice"}, "key")
			return err
		}, "order.placed 1"},
		{"place again, with the key", func() error {
			_, _, err := c.Place(ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("tea"), Note: "for Alice"}, "key")
			return err
		}, ""},
		{"amend", func() error {
			note := "soon"
			_, err := c.Amend(ctx, cafetest.Alice, order.ID, cafe.Amendment{Note: &note}, cafetest.AnyVersion)
			return err
		}, "order.amended 2"},
		{"prepare", move(c, &order, model.StatusPreparing), "order.preparing 3"},
		{"prepare again", move(c, &order, model.StatusPreparing), ""},
		{"make ready", move(c, &order, model.StatusReady), "order.ready 4"},
		{"hand over", move(c, &order, model.StatusCollected), "order.collected 5"},
		{"refund", move(c, &order, model.StatusRefunded), "order.refunded 6"},
		{"delete", func() error { return c.Remove(ctx, cafetest.Owner, order.ID, nil) }, "order.deleted 7"},
		{"cancel another", func() error {
			o := cafetest.Place(t, c, model.WalkIn, cafetest.Lines("latte"))
			_, err := c.Advance(ctx, cafetest.Staff, o.ID, cafe.Move{To: model.StatusCancelled}, nil)
			return err
		}, "order.placed 1, order.cancelled 2"},
		{"count stock", func() error { _, err := c.SetStock(ctx, "brownie", 1); return err }, ""},
		{"sell the last one", func() error { cafetest.Place(t, c, model.WalkIn, cafetest.Lines("brownie")); return nil }, "order.placed 1, stock.sold_out 2"},
		{"restock", func() error { _, err := c.SetStock(ctx, "brownie", 5); return err }, "stock.restocked 3"},
		{"price an item", func() error {
			_, err := c.SetMenuItem(ctx, model.Item{SKU: "mocha", Name: "Mocha", Category: "coffee", Price: 380, Active: true}, nil)
			return err
		}, "menu.changed"},
		{"price it the same", func() error {
			_, err := c.SetMenuItem(ctx, model.Item{SKU: "mocha", Name: "Mocha", Category: "coffee", Price: 380, Active: true}, nil)
			return err
		}, ""},
		{"take it off the menu", func() error { return c.RemoveMenuItem(ctx, "mocha", nil) }, "menu.changed"},
		{"set taxes", func() error { _, _, err := c.SetPricing(ctx, pricing.Document{}, nil); return err }, "pricing.changed 1"},
		{"let a tab rise", func() error {
			cafetest.Place(t, c, "bob", cafetest.Pence(1500))
			c.Post(t, c.Recorder.Changes(ledger.Wants)...)
			return nil
		}, "order.placed 1, customer.high_balance 1"},
		{"import", func() error {
			counter.Bring(t, cafetest.ImportDraft(model.ImportOrders), cafetest.Sales)
			return nil
		}, "import.finished 1"},
		{"report", func() error {
			c.Clock.Pass(24 * time.Hour)
			_, err := c.Reports.Analyse(ctx, order.BusinessDay)
			return err
		}, "report.built 1"},
		{"close the day", func() error {
			c.Post(t, c.Snapshot(t)...)
			c.Recorder.Forget()
			_, _, err := c.Books.Close(ctx, "olivia", order.BusinessDay, books.Count{})
			return err
		}, "day.closed 1"},
	} {
		c.Recorder.Forget()
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		entries := cafetest.Events(t, c.Recorder.Changes(events.Wants)...)
		got := told(entries)
		for i, e := range entries {
			seen[e.Type] = true
			if e.Type == model.EventMenuChanged { // its version is a time
				got[i] = string(e.Type)
			}
		}
		if text := strings.Join(got, ", "); text != step.want {
			t.Errorf("%s is told as %q, want %q", step.what, text, step.want)
		}
	}
	for _, t2 := range model.EventTypes() {
		if !seen[t2] && t2 != model.EventOrderPaid {
			t.Errorf("nothing here is a %s", t2)
		}
	}
}

func move(c *cafetest.Cafe, order *model.Order, to model.Status) func() error {
	return func() error { _, err := c.Advance(ctx, cafetest.Owner, order.ID, cafe.Move{To: to}, nil); return err }
}

// Payments and refunds are on the order.
func TestPaymentsAndRefundsAreTold(t *testing.T) {
	day := model.Day("2026-11-28")
	at := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	order := model.Order{
		ID: "a", Number: 7, CustomerID: "alice", Payment: model.TermsOpen, Status: model.StatusCollected, Total: 1000, Currency: "GBP",
		Lines:    []model.Line{{SKU: "tea", Name: "Tea", Quantity: 4, UnitPrice: 250, Total: 1000}},
		PlacedAt: at, UpdatedAt: at, BusinessDay: day, Version: 2, Posting: 1,
	}
	paid := order
	paid.Version, paid.Payments = 3, []model.OrderPayment{{ID: "p", Method: "cash", Amount: 400, Day: day, At: at}}
	back := paid
	back.Version, back.Refunds = 4, []model.Refund{{ID: "r", Amount: 250, Method: "cash", Day: day, At: at}}
	images := []model.Order{order, paid, back}
	for i, want := range []string{`order.paid 3 {"id":"a","number":7,"status":"collected","business_day":"2026-11-28","total":1000,"due":600,"currency":"GBP"}`,
		`order.refunded 4 {"id":"a","number":7,"status":"collected","business_day":"2026-11-28","total":1000,"due":600,"refunded":250,"currency":"GBP"}`} {
		entries := cafetest.Events(t, records.Change{Key: records.OrderKey("a"), Old: records.EncodeOrder(images[i]), New: records.EncodeOrder(images[i+1])})
		if len(entries) != 1 || entries[0].Customer != "alice" {
			t.Fatalf("%v", entries)
		}
		if got := told(entries)[0] + " " + string(entries[0].Data); got != want {
			t.Errorf("told %s, want %s", got, want)
		}
	}
	first := paid
	first.Version = 1
	if got := told(cafetest.Events(t, records.Change{Key: records.OrderKey("a"), New: records.EncodeOrder(first)})); strings.Join(got, ", ") != "order.placed 1, order.paid 1" {
		t.Errorf("an order that is paid at once is told as %v", got)
	}
}

func TestEveryTypeOfEventIsDescribed(t *testing.T) {
	described := cafetest.DescribedEvents()
	for _, want := range append(model.EventTypes(), model.EventResync) {
		if !slices.Contains(described, want) {
			t.Errorf("asyncapi.json does not describe %s", want)
		}
	}
	for _, got := range described {
		if !got.Valid() && got != model.EventResync {
			t.Errorf("asyncapi.json describes %s, which is no event", got)
		}
	}
}

// consume delivers changes to a consumer by Lambda's rules: in batches, each again from the
// first record that failed, split in two when it failed as a whole, and the whole batch again
// when the process ends before its checkpoint moves.
func consume(t *rapid.T, l *events.Log, changes []records.Change, again func() bool) {
	var deliver func(batch []records.Change, tries int)
	deliver = func(batch []records.Change, tries int) {
		for len(batch) > 0 {
			if tries++; tries > 500 {
				t.Fatal("it never ends")
			}
			errs := l.Record(ctx, batch)
			if len(batch) > 1 && again() {
				half := len(batch) / 2 // the handler failed as a whole
				deliver(batch[:half], tries)
				deliver(batch[half:], tries)
				return
			}
			if first := slices.IndexFunc(errs, func(err error) bool { return err != nil }); first >= 0 {
				batch = batch[first:]
				continue
			}
			if !again() {
				return
			}
		}
	}
	for _, batch := range cafetest.Batches(t, changes) {
		deliver(batch, 0)
	}
}

// Two consumers have the stream, each all of it. Calls fail before and after they are stored,
// batches are split and repeated. The log has no gap, every event once after its repeats are
// left out, and those of a subject in the order of their versions.
func TestTheLogHasEveryEventInTheOrderOfItsSubject(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		c.Happen(t, 25)
		changes := c.Recorder.Changes(events.Wants)
		want := map[string]bool{}
		for _, e := range cafetest.Events(t, changes...) {
			want[e.ID] = true
		}
		faults := rapid.SliceOfN(rapid.SampledFrom([]tabletest.Fault{
			{}, {}, {}, {Before: table.ErrThrottled}, {Before: table.ErrConflict}, {Before: table.ErrUnavailable}, {After: table.ErrUnavailable},
		}), 10, 40).Draw(t, "faults")
		var mu sync.Mutex
		faulty := tabletest.NewFaulty(c.Table, func(call tabletest.Call) (f tabletest.Fault) {
			mu.Lock()
			defer mu.Unlock()
			if len(faults) > 0 {
				f, faults = faults[0], faults[1:]
			}
			return f
		})
		repeats := rapid.SliceOfN(rapid.Bool(), 10, 40).Draw(t, "repeats")
		again := func() bool {
			mu.Lock()
			defer mu.Unlock()
			if len(repeats) == 0 {
				return false
			}
			r := repeats[0]
			repeats = repeats[1:]
			return r
		}
		together := rapid.Bool().Draw(t, "at once")
		batches := [2][]records.Change{changes, changes}
		if together { // each draws of its own: a rapid.T is for one goroutine
			var running sync.WaitGroup
			for i := range batches {
				l := events.New(faulty, c.Clock.Now)
				running.Go(func() {
					for rest := batches[i]; len(rest) > 0; {
						n := min(len(rest), 1+i*2)
						for tries := 0; ; tries++ {
							if errs := l.Record(ctx, rest[:n]); !slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
								break
							}
						}
						rest = rest[n:]
					}
				})
			}
			running.Wait()
		} else {
			for range 2 {
				consume(t, events.New(faulty, c.Clock.Now), changes, again)
			}
		}
		l := events.New(c.Table, c.Clock.Now)
		logged, end := all(t, l, events.Cursor{Page: 1}, rapid.IntRange(1, 60).Draw(t, "limit"))
		if head, err := l.Head(ctx); err != nil || end != head {
			t.Fatalf("read to %s, the head is %s, %v", end, head, err)
		}
		got, last := map[string]bool{}, map[string]int64{}
		for _, e := range logged {
			if got[e.ID] {
				continue
			}
			got[e.ID] = true
			if e.Version < last[e.Subject] {
				t.Fatalf("%s: version %d comes after %d", e.Subject, e.Version, last[e.Subject])
			}
			last[e.Subject] = e.Version
		}
		if len(got) != len(want) {
			t.Fatalf("the log has %d events, want %d", len(got), len(want))
		}
		for id := range want {
			if !got[id] {
				t.Fatalf("event %s is not in the log", id)
			}
		}
	})
}

// A record that can never be posted is delivered again and again. Its batch is told once.
func TestAProcessTellsABatchOnce(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
	changes := c.Recorder.Changes(ledger.Wants)
	broken := records.Change{Key: records.OrderKey("x"), New: table.Item{"total": table.String("nothing")}}
	l := events.New(c.Table, c.Clock.Now)
	for range 5 {
		errs := l.Record(ctx, append([]records.Change{broken}, changes...))
		if errs[0] == nil || errs[1] != nil {
			t.Fatal(errs)
		}
	}
	if logged, _ := all(t, l, events.Cursor{}, 10); len(logged) != 1 {
		t.Errorf("told as %v", told(logged))
	}
}

// Readers in one process wait for what a writer in it appends, near the end and far from it.
func TestAFeedGivesEveryReaderAllEventsInTheirOrder(t *testing.T) {
	l := events.New(cafetest.Engines[0].Open(t), time.Now)
	feed := events.NewFeed(l, 0)
	var running sync.WaitGroup
	running.Go(func() { feed.Run(t.Context()) })
	const batches, size = 150, 11
	var reading sync.WaitGroup
	for range 8 {
		reading.Go(func() {
			var got []string
			for from := (events.Cursor{Page: 1}); len(got) < batches*size; {
				p, err := feed.Next(ctx, from)
				if err != nil {
					t.Error(err)
					return
				}
				got, from = append(got, ids(p.Entries)...), p.Next
			}
			for i, id := range got {
				if id != entry(fmt.Sprint("o", i), 1).ID {
					t.Errorf("event %d is another", i)
					return
				}
			}
		})
	}
	for b := range batches {
		var batch []events.Entry
		for i := range size {
			batch = append(batch, entry(fmt.Sprint("o", b*size+i), 1))
		}
		if err := l.Append(ctx, batch); err != nil {
			t.Fatal(err)
		}
	}
	reading.Wait()
	head, err := l.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() { _, err := feed.Next(ctx, head); closed <- err }()
	feed.Close()
	if err := <-closed; err != events.ErrClosed {
		t.Error(err)
	}
	running.Wait()
}
