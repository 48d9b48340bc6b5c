package cafetest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/bus"
	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/closing"
	"cafe/internal/daily"
	"cafe/internal/deadletters"
	"cafe/internal/events"
	"cafe/internal/imports"
	"cafe/internal/ledger"
	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/dynamo/dynamotest"
	"cafe/internal/webhooks"
	"cafe/model"
	"cafe/model/books"
	"cafe/model/pricing"
)

// useCase is a row of the fault sweep: something that a client, a schedule, or Lambda
// asks of the café, and asks again with the same words when the answer is lost.
type useCase struct {
	name    string
	methods string               // those of Cafe that it is about
	before  func(w *world)       // what came before, without faults
	do      func(w *world) error // one attempt
	// through tells whether the answer to a second attempt says that the first one had
	// come through: 412 to a change of one version, 404 to a deletion.
	through error
	// once: who does not know whether the first attempt came through must not ask again.
	once  bool
	after func(w *world) // what is wanted then, beside the oracle
}

// world is a café that a use case is carried out in.
type world struct {
	rapid.TB
	cafetest.Counter
	ports *cafetest.Ports
	ctx   context.Context // of the attempt

	shelf   map[string]int64 // counted, before any order that there is now took of it
	order   model.Order
	batch   []records.Change
	done    int // steps of several
	key, id string
	erased  []string // words that nothing stored may have any more
	want    interface{}
}

func newWorld(t rapid.TB, engine table.Table) *world {
	cafetest.Empty(t, engine)
	w := &world{TB: t, ctx: ctx, shelf: map[string]int64{"brownie": cafetest.Stock, "muffin": cafetest.Stock}}
	w.Counter = cafetest.Counter{Cafe: cafetest.Open(t, engine), Files: cafetest.NewFiles()}
	w.reopen()
	return w
}

// reopen plays a new process.
func (w *world) reopen() {
	w.Cafe.Reopen()
	w.Ledger.Settle = 0
	w.Reports.Watch = watched{w}
}

// watched is a Watch that knows of nothing.
type watched struct{ w *world }

func (d watched) DeadLetters(context.Context) (int64, error) { return 0, d.asked("DeadLetters") }

func (d watched) Unconfirmed(context.Context) ([]string, error) { return nil, d.asked("Unconfirmed") }

func (d watched) asked(name string) error {
	if d.w.ports == nil {
		return nil
	}
	before, _ := d.w.ports.Asked(name)
	return before
}

// way is a way for a call to go wrong.
type way string

const (
	notDone   way = "is not done"
	noAnswer  way = "is done and not answered"
	throttled way = "is throttled"
	conflicts way = "conflicts"
	hangsUp   way = "is the last before the caller hangs up"
)

// ways of calls of that name.
func waysOf(name string) []way {
	switch name {
	case "Write":
		return []way{notDone, noAnswer, throttled, conflicts, hangsUp}
	case "Get", "Query", "Scan":
		return []way{notDone, throttled, hangsUp}
	case "UploadURL", "DownloadURL":
		return []way{notDone, hangsUp}
	case "DeadLetters", "Unconfirmed":
		return []way{notDone}
	}
	return []way{notDone, noAnswer, hangsUp}
}

func (y way) trouble(call cafetest.Call, hangUp func()) cafetest.Trouble {
	away := cafetest.ErrDown
	switch call.Name {
	case "Get", "Query", "Scan", "Write":
		away = table.ErrUnavailable
		if y == throttled {
			away = table.ErrThrottled
		} else if y == conflicts && call.Name == "Write" {
			away = table.ErrConflict
		}
	}
	switch y {
	case hangsUp:
		return cafetest.Trouble{Then: hangUp}
	case noAnswer:
		return cafetest.Trouble{After: away}
	}
	return cafetest.Trouble{Before: away}
}

// passing tells whether the error says that asking again is right.
func passing(err error) bool {
	return errors.Is(err, table.ErrThrottled) || errors.Is(err, table.ErrUnavailable) || errors.Is(err, table.ErrConflict) ||
		errors.Is(err, context.Canceled) || errors.Is(err, cafetest.ErrDown)
}

// run carries out the use case with the calls of those numbers going wrong, again until
// it is done, and then wants everything to be as if nothing had. It returns the calls, and
// how many of them went wrong.
func (u useCase) run(t rapid.TB, engine table.Table, plan map[int]way) (calls []cafetest.Call, faults int) {
	t.Helper()
	w := newWorld(t, engine)
	if u.before != nil {
		u.before(w)
		w.reopen()
	}
	var hangUp context.CancelFunc
	w.ports = w.Beset(w.Files, func(call cafetest.Call) cafetest.Trouble {
		if y, wrong := plan[call.N]; wrong {
			faults++
			return y.trouble(call, hangUp)
		}
		return cafetest.Trouble{}
	})
	unknown := false // whether an attempt may have come through
	for attempt := 0; ; attempt++ {
		w.ctx, hangUp = context.WithCancel(ctx)
		err := u.do(w)
		gone := w.ctx.Err() != nil
		hangUp()
		if err == nil || unknown && u.through != nil && errors.Is(err, u.through) {
			break
		}
		if !passing(err) {
			t.Fatalf("attempt %d is told: %v", attempt+1, err)
		}
		unknown = unknown || !errors.Is(err, table.ErrThrottled) && !errors.Is(err, table.ErrConflict)
		if unknown && u.once {
			break
		}
		if attempt == len(plan) {
			t.Fatalf("attempt %d, with nothing to stop it any more, is told: %v", attempt+1, err)
		}
		if gone {
			w.reopen()
		}
	}
	calls = w.ports.Calls()
	w.Beset(w.Files, nil)
	w.ports, w.ctx = nil, ctx
	w.reopen()
	w.wantRight()
	if u.after != nil {
		u.after(w)
		w.wantRight()
	}
	return calls, faults
}

// wantRight delivers what the stream has to tell, twice, and is the oracle: totals and
// ledger are what orders and payments add up to, shelves have what was counted less what
// was taken, each alert is out under one id, and subscriptions are as customers wish.
func (w *world) wantRight() {
	w.Helper()
	for range 2 {
		w.Post(w, w.Recorder.Changes(ledger.Wants)...)
		w.Announce(w, w.Recorder.Changes(outbox.Wants)...)
	}
	w.WantTrue(w)

	left := maps.Clone(w.shelf)
	subscribers := map[string]string{}
	for _, row := range cafetest.Rows(w, w.Table) {
		switch item := row.Item; {
		case strings.HasPrefix(row.Key.PK, "O#") && item.Bool("took_stock"):
			lines, _ := item["lines"].List()
			for _, v := range lines {
				if line, _ := v.Map(); line.Bool("counted") {
					left[line.Str("sku")] -= line.Int("quantity")
				}
			}
			refunds, _ := item["refunds"].List()
			for _, v := range refunds {
				refund, _ := v.Map()
				pairs, _ := refund["lines"].List()
				for n := 0; refund.Bool("restock") && n < len(pairs); n += 2 {
					at, _ := pairs[n].Int()
					back, _ := pairs[n+1].Int()
					if line, _ := lines[at].Map(); line.Bool("counted") {
						left[line.Str("sku")] += back
					}
				}
			}
		case strings.HasPrefix(row.Key.PK, "A#"):
			if item.Str("state") != "sent" || item.Str(table.AttrIndex2) != "" {
				w.Errorf("outbox item %s is pending", row.Key)
			}
			if item.Str("kind") == "message" && w.Notifier.Times()[row.Key.PK[2:]] == 0 {
				w.Errorf("message %s was never published", row.Key)
			}
		case strings.HasPrefix(row.Key.PK, "C#") && row.Key.SK == "C" && item.Bool("notify"):
			subscribers[row.Key.PK[2:]] = item.Str("email")
		}
		for _, word := range w.erased {
			if strings.Contains(fmt.Sprint(row), word) {
				w.Errorf("%s still has %q: %v", row.Key, word, row.Item)
			}
		}
	}
	for sku, n := range left {
		if got := w.OnHand(w, sku); got != n {
			w.Errorf("%d of %s on hand, want %d", got, sku, n)
		}
	}
	crossings := map[string]string{} // customer and crossing → alert id
	for _, m := range w.Notifier.Published() {
		if m.Topic != outbox.TopicHighBalance {
			continue
		}
		var body struct {
			AlertID    string `json:"alert_id"`
			CustomerID string `json:"customer_id"`
			Crossing   int    `json:"crossing"`
		}
		if err := json.Unmarshal([]byte(m.Body), &body); err != nil {
			w.Fatal(err)
		}
		crossing := fmt.Sprint(body.CustomerID, " ", body.Crossing)
		if other, again := crossings[crossing]; body.AlertID != m.ID || again && other != m.ID {
			w.Errorf("crossing %s has alerts %q, %q and %q", crossing, m.ID, body.AlertID, other)
		}
		crossings[crossing] = m.ID
	}
	for _, id := range []string{"alice", "bob"} {
		want := []string(nil)
		if email := subscribers[id]; email != "" {
			want = []string{email}
		}
		if got := slices.Collect(maps.Values(w.Notifier.Subscribed(id))); !slices.Equal(got, want) {
			w.Errorf("%s is subscribed with %q, want %q", id, got, want)
		}
	}
	if w.Failed() {
		w.FailNow()
	}
}

// orders returns all orders that are stored and not deleted.
func (w *world) orders() (orders []table.Item) {
	for _, item := range cafetest.Stored(w, w.Cafe, "O#") {
		if !item.Bool("deleted") {
			orders = append(orders, item)
		}
	}
	return orders
}

func (w *world) wantOrders(n int, status model.Status) {
	w.Helper()
	orders := w.orders()
	if len(orders) != n {
		w.Errorf("%d orders, want %d", len(orders), n)
	}
	for _, o := range orders {
		if o.Str("status") != string(status) {
			w.Errorf("an order is %s, want %s", o.Str("status"), status)
		}
	}
}

// wantAlerts wants so many messages to a topic, repetitions not counted.
func (w *world) wantAlerts(topic outbox.Topic, n int) {
	w.Helper()
	ids := map[string]bool{}
	for _, m := range w.Notifier.Published() {
		if m.Topic == topic {
			ids[m.ID] = true
		}
	}
	if len(ids) != n {
		w.Errorf("%d messages to %s, want %d", len(ids), topic, n)
	}
}

// stream posts and announces what has happened so far.
func (w *world) stream() { cafetest.Deliver(w, w.Cafe) }

// placed places an order of alice's, on her tab, and has it as the world's order.
func placed(skus ...string) func(w *world) {
	return func(w *world) { w.order = cafetest.Place(w, w.Cafe, "alice", cafetest.Lines(skus...)) }
}

// taxed sets VAT of 20 %, and places an order of alice's.
func taxed(w *world) {
	cafetest.SetPricing(w, w.Cafe, cafetest.VAT("20"))
	placed("latte")(w)
}

// wantVAT wants the pricing document to be of that version, with the rate, and that so many
// versions are stored.
func (w *world) wantVAT(version int64, stored int, rate model.Rate) {
	w.Helper()
	placed("tea")(w)
	if r := w.order.Reckoning; r.Pricing != version || r.Taxes[0].Rate != rate {
		w.Errorf("an order is priced by %+v, want version %d and %s %%", r, version, rate)
	}
	w.wantStored(records.PrefixPricing, stored)
}

// reads is a use case that changes nothing: it fails, or answers what it would have
// answered without the fault.
func reads(methods, name string, before func(w *world), ask func(w *world) (interface{}, error)) useCase {
	return useCase{name: name, methods: methods,
		before: func(w *world) {
			before(w)
			w.stream()
			w.reopen()
			var err error
			if w.want, err = ask(w); err != nil {
				w.Fatal(err)
			}
		},
		do: func(w *world) error {
			got, err := ask(w)
			if err == nil && !reflect.DeepEqual(got, w.want) {
				w.Errorf("answered %+v\nwant %+v", got, w.want)
			}
			return err
		},
	}
}

// places is a use case of one order, with a key or without.
func places(name string, by cafe.Caller, draft model.Draft, key string) useCase {
	return useCase{name: name, methods: "Place", once: key == "",
		do: func(w *world) error {
			order, _, err := w.Place(w.ctx, by, draft, key)
			w.order = order
			return err
		},
		after: func(w *world) {
			orders := w.orders()
			if len(orders) > 1 || len(orders) == 0 && key != "" {
				w.Errorf("%d orders", len(orders))
			}
			if key == "" {
				return
			}
			again, replayed, err := w.Place(w.ctx, by, draft, key)
			if err != nil || !replayed || again.ID != w.order.ID || again.Total != w.order.Total {
				w.Errorf("sent again: %+v, %v, %v", again, replayed, err)
			}
		},
	}
}

// moves is a use case of one move of an order that was brought to a status.
func moves(by cafe.Caller, path []model.Status, to model.Status, alerts int) useCase {
	name := "a placed order"
	if len(path) > 0 {
		name = "an order that is " + string(path[len(path)-1])
	}
	return useCase{name: fmt.Sprintf("%s makes %s %s", by.Role, name, to), methods: "Advance",
		before: func(w *world) {
			w.order = cafetest.Place(w, w.Cafe, "alice", append(cafetest.Pence(900), cafetest.Lines("brownie", "muffin")...))
			if len(path) > 0 {
				w.order = cafetest.Advance(w, w.Cafe, w.order.ID, path...)
			}
			w.stream()
		},
		do: func(w *world) error {
			order, err := w.Advance(w.ctx, by, w.order.ID, cafe.Move{To: to}, nil)
			if err == nil && (order.Status != to || order.Version != w.order.Version+1) {
				w.Errorf("answered %+v", order)
			}
			return err
		},
		after: func(w *world) {
			w.wantOrders(1, to)
			w.wantAlerts(outbox.TopicHighBalance, alerts)
		},
	}
}

// paysOrder is a use case of a payment of a part of an open order.
func paysOrder(name, key string) useCase {
	return useCase{name: name, methods: "PayOrder", once: key == "",
		before: func(w *world) {
			var err error
			if w.order, _, err = w.Place(ctx, cafetest.Staff, model.Draft{CustomerID: "alice", Payment: model.TermsOpen, Lines: basket}, ""); err != nil {
				w.Fatal(err)
			}
			w.stream()
		},
		do: func(w *world) error {
			_, _, _, err := w.PayOrder(w.ctx, cafetest.Staff, w.order.ID, model.DraftPayment{Method: model.MethodCash, Amount: 700, Tip: 30}, key)
			return err
		},
		after: func(w *world) {
			order, err := w.Order(ctx, cafetest.Owner, w.order.ID)
			if err != nil || len(order.Payments) > 1 || key != "" && order.Due() != order.Total-700 {
				w.Errorf("%+v %v", order, err)
			}
		}}
}

// refunds is a use case of money that an owner gives back of a collected order. An owner who
// does not know whether it came through and has no key looks at the order.
func refunds(name, key string, draft model.DraftRefund, want int) useCase {
	return useCase{name: name, methods: "Refund", once: key == "",
		before: func(w *world) {
			w.order = cafetest.Place(w, w.Cafe, "alice", basket)
			cafetest.Advance(w, w.Cafe, w.order.ID, collecting...)
			w.stream()
		},
		do: func(w *world) error {
			_, _, _, err := w.Refund(w.ctx, cafetest.Owner, w.order.ID, draft, key)
			return err
		},
		after: func(w *world) {
			order, err := w.Order(ctx, cafetest.Owner, w.order.ID)
			if err != nil || len(order.Refunds) > want || key != "" && len(order.Refunds) != want {
				w.Errorf("%+v %v", order, err)
			}
			cafetest.WantTotals(w, w.Cafe, "alice", order.Total-order.Refunded(), order.Total-order.Refunded(), 1)
		}}
}

// gives is a use case of staff's word about alice.
func gives(name string, before func(w *world), p model.Profile, alerts int) useCase {
	return useCase{name: name, methods: "SetCustomer", before: before,
		do: func(w *world) error {
			customer, _, err := w.SetCustomer(w.ctx, "alice", p, nil)
			if err == nil && (customer.Name != p.Name || customer.Email != p.Email || customer.Notify != p.Notify) {
				w.Errorf("answered %+v", customer)
			}
			return err
		},
		after: func(w *world) {
			if c := w.Customer(w, "alice"); c.Name != p.Name || c.Email != p.Email || c.Notify != p.Notify || !reflect.DeepEqual(c.CreditLimit, p.CreditLimit) {
				w.Errorf("alice is %+v", c)
			}
			w.wantAlerts(outbox.TopicHighBalance, alerts)
		},
	}
}

// alicesWish makes a world in which alice has a name, and wants mail or does not.
func alicesWish(p model.Profile) func(w *world) {
	return func(w *world) {
		if _, _, err := w.SetCustomer(ctx, "alice", p, nil); err != nil {
			w.Fatal(err)
		}
		w.stream()
	}
}

// counts is a use case of a count of the brownies, of which some were sold.
func counts(name string, before, after int64, alerts int) useCase {
	return useCase{name: name, methods: "SetStock",
		before: func(w *world) {
			if _, err := w.SetStock(ctx, "brownie", before); err != nil {
				w.Fatal(err)
			}
			w.stream()
			w.shelf["brownie"] = after
		},
		do: func(w *world) error {
			level, err := w.SetStock(w.ctx, "brownie", after)
			if err == nil && level.OnHand != after {
				w.Errorf("answered %+v", level)
			}
			return err
		},
		after: func(w *world) { w.wantAlerts(outbox.TopicOutOfStock, alerts) },
	}
}

// costs is the condition that an item has the price.
func costs(price model.Money) cafe.ItemMatch {
	return func(was model.Item, known bool) bool { return known && was.Price == price }
}

// posts is a delivery of all that happened before: again from the first change that could
// not be done, as Lambda does it.
func posts(name string, before func(w *world), after func(w *world)) useCase {
	return useCase{name: name, methods: "Post",
		before: func(w *world) {
			before(w)
			w.batch = w.Recorder.Changes(ledger.Wants)
		},
		do: func(w *world) error {
			return w.rest(w.Cafe.Ledger.Post(w.ctx, w.batch))
		},
		after: after,
	}
}

// announces is a delivery of what is in the outbox, likewise.
func announces(name string, before func(w *world), after func(w *world)) useCase {
	return useCase{name: name, methods: "Announce",
		before: func(w *world) {
			before(w)
			w.batch = w.Recorder.Changes(outbox.Wants)
		},
		do: func(w *world) error {
			return w.rest(w.Cafe.Outbox.Announce(w.ctx, w.Notifier, w.batch))
		},
		after: after,
	}
}

// rest cuts what was done off the batch, and returns why the next change was not.
func (w *world) rest(errs []error) error {
	for _, err := range errs {
		if err != nil && !passing(err) {
			return err
		}
	}
	for i, err := range errs {
		if err != nil {
			w.batch = w.batch[i:]
			return err
		}
	}
	return nil
}

// crossed makes a world in which alice has crossed her limit and wants mail of that, and
// the brownies have run out: nothing is announced yet.
func crossed(w *world) {
	alice := cafetest.Profile(true, "alice@example.com")
	if _, _, err := w.SetCustomer(ctx, "alice", alice, nil); err != nil {
		w.Fatal(err)
	}
	if _, err := w.SetStock(ctx, "brownie", 1); err != nil {
		w.Fatal(err)
	}
	w.shelf["brownie"] = 1
	cafetest.Place(w, w.Cafe, "alice", cafetest.Pence(1200))
	cafetest.Place(w, w.Cafe, model.WalkIn, cafetest.Lines("brownie"))
	w.Post(w, w.Recorder.Changes(ledger.Wants)...)
}

// imports is a use case of a file that was uploaded.
func imported(name string, before func(w *world), draft model.ImportDraft, text, want string, after func(w *world)) useCase {
	return useCase{name: name, methods: "Run",
		before: func(w *world) {
			if before != nil {
				before(w)
			}
			w.id, w.key = w.Upload(w, draft, text)
		},
		do: func(w *world) error { return w.Imports.Run(w.ctx, w.Files, w.key) },
		after: func(w *world) {
			im := w.Result(w, w.id)
			cafetest.WantTally(w, im, want)
			if n := max(0, strings.Count(w.RejectsOf(im), "\n")-1); int64(n) != im.Rejected {
				w.Errorf("rejects of %d: %q", im.Rejected, w.RejectsOf(im))
			}
			if after != nil {
				after(w)
			}
		},
	}
}

// undone is a use case of an import that is taken back, as far as one call gets.
func undone(name string, before func(w *world), want string, after func(w *world)) useCase {
	return useCase{name: name, methods: "Undo", before: before,
		do: func(w *world) error {
			undo, err := w.Imports.Undo(w.ctx, w.id)
			if err == nil {
				cafetest.WantUndo(w, undo, want)
			}
			return err
		},
		after: func(w *world) {
			cafetest.WantUndo(w, *w.Result(w, w.id).Undo, want)
			w.stream()
			after(w)
		},
	}
}

// soldOnSaturday makes a world of some sales, the day's report due.
func soldOnSaturday(w *world) {
	cafetest.Sell(w, w.Cafe, "2017-03-17 12:00", "tea") // nobody made a report of it
	cafetest.Sell(w, w.Cafe, "2017-03-18 09:30", "latte", "brownie")
	cafetest.ClockAt(w, w.Cafe, "2017-03-18 20:00")
}

// soldAfterTheReport is that, with the report made and an order that came later.
func soldAfterTheReport(w *world) {
	soldOnSaturday(w)
	cafetest.MakeReport(w, w.Cafe, cafetest.Saturday)
	cafetest.Sell(w, w.Cafe, "2017-03-18 21:15", "tea")
	cafetest.ClockAt(w, w.Cafe, "2017-03-19 20:00")
}

// stepsOf makes the day's report as the state machine does: each step until it is done.
func (w *world) stepsOf(day model.Day) error {
	for ; w.done < 3; w.done++ {
		var err error
		switch w.done {
		case 0:
			err = w.Reports.Extract(w.ctx, day)
		case 1:
			var revision int
			revision, err = w.Reports.Analyse(w.ctx, day)
			w.want = revision
		case 2:
			err = w.Reports.Send(w.ctx, day, w.want.(int))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wantReports wants these reports, and no others, to have been mailed: 2017-03-18 r1.
func (w *world) wantReports(want ...string) {
	w.Helper()
	mailed := map[string]bool{}
	for _, m := range w.Notifier.Published() {
		if m.Topic == outbox.TopicDailyReport {
			mailed[m.Attributes["day"]+" r"+m.Attributes["revision"]] = true
		}
	}
	if got := slices.Sorted(maps.Keys(mailed)); !slices.Equal(got, want) {
		w.Errorf("mailed %q, want %q", got, want)
	}
}

// figures is what a report must say, whoever asks when.
func figures(p daily.Document, err error) (interface{}, error) {
	return [4]interface{}{p.Revision, p.Orders, p.Revenue, len(p.Trend)}, err
}

// spoilt makes a world in which totals are wrong and records of the stream were lost.
func spoilt(w *world) {
	cafetest.Place(w, w.Cafe, "alice", cafetest.Pence(1200))
	w.stream()
	cafetest.Spoil(w, w.Cafe, table.Key{PK: "C#alice", SK: "C"}, table.Item{"balance": table.Int(7)})
	cafetest.Pay(w, w.Cafe, "bob", 5)
	cafetest.Place(w, w.Cafe, "bob", cafetest.Lines("tea"))
	cafetest.Place(w, w.Cafe, model.WalkIn, cafetest.Lines("tea"))
	w.Clock.Pass(14 * time.Hour) // late for the day's report, too
	w.Recorder.Forget()
}

var (
	basket     = cafetest.Lines("brownie", "brownie", "muffin", "tea")
	lowLimit   = model.Money(500)
	collecting = []model.Status{model.StatusPreparing, model.StatusReady, model.StatusCollected}
)

// useCases are all there are.
var useCases = []useCase{
	{name: "a new café begins with the sample", methods: "Begin",
		before: func(w *world) {
			cafetest.Empty(w, w.Table)
			w.shelf = map[string]int64{"brownie": 24, "muffin": 24}
		},
		do: func(w *world) error {
			return w.Begin(w.ctx, cafe.Sample{Items: cafetest.Menu, OnHand: 24, Pricing: pricing.Document{Rounding: pricing.HalfUp}}, false)
		},
		after: func(w *world) { w.wantStored("M", len(cafetest.Menu)+1); w.wantStored("T#", 1); w.wantStored("B", 1) }, // pricing, too
	},
	places("a customer orders with a key", cafetest.Alice, model.Draft{Lines: basket}, "key"),
	places("a customer orders without a key", cafetest.Alice, model.Draft{Lines: basket}, ""),
	places("staff order for a walk-in with a key", cafetest.Staff, model.Draft{Lines: cafetest.Lines("latte", "tea")}, "key"),
	places("staff order for a walk-in without a key", cafetest.Staff, model.Draft{Lines: basket}, ""),
	places("an order that crosses the limit", cafetest.Staff, model.Draft{CustomerID: "alice", Lines: cafetest.Pence(1200)}, "key"),
	{name: "an order that is refused takes nothing", methods: "Place",
		do: func(w *world) error {
			_, _, err := w.Place(w.ctx, cafetest.Alice, model.Draft{Lines: []model.DraftLine{
				{SKU: "muffin", Quantity: 2}, {SKU: "brownie", Quantity: cafetest.Stock + 1}}}, "key")
			var short model.Shortages
			if errors.As(err, &short) && len(short) == 1 && short[0].SKU == "brownie" {
				return nil
			}
			if err == nil {
				return errors.New("it is not refused")
			}
			return err
		},
		after: func(w *world) { w.wantOrders(0, "") }},
	{name: "an order for what is not on the menu", methods: "Place",
		do: func(w *world) error {
			_, _, err := w.Place(w.ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("unicorn")}, "key")
			if cafetest.IsInvalid(err, "/lines/0/sku") {
				return nil
			}
			if err == nil {
				return errors.New("it is not refused")
			}
			return err
		},
		after: func(w *world) { w.wantOrders(0, "") }},
	{name: "a customer amends the version they read", methods: "Amend", before: placed("brownie", "brownie", "tea"), through: model.ErrStale,
		do: func(w *world) error {
			_, err := w.Amend(w.ctx, cafetest.Alice, w.order.ID, cafe.Amendment{Lines: cafetest.Lines("brownie", "muffin", "latte")}, cafetest.Version(w.order.Version))
			return err
		},
		after: func(w *world) {
			w.wantOrders(1, model.StatusPlaced)
			if total := w.orders()[0].Int("total"); total != 930 {
				w.Errorf("total %d", total)
			}
		}},
	{name: "staff amend a note, whatever the version", methods: "Amend", before: placed("brownie"),
		do: func(w *world) error {
			note := "to go"
			order, err := w.Amend(w.ctx, cafetest.Staff, w.order.ID, cafe.Amendment{Note: &note}, cafetest.AnyVersion)
			if err == nil && (order.Note != note || order.Version != 2) {
				w.Errorf("answered %+v", order)
			}
			return err
		}},
	moves(cafetest.Staff, nil, model.StatusPreparing, 1),
	moves(cafetest.Alice, nil, model.StatusCancelled, 1),
	moves(cafetest.Staff, collecting[:1], model.StatusCancelled, 1),
	moves(cafetest.Staff, collecting[:2], model.StatusCancelled, 1),
	moves(cafetest.Staff, collecting[:2], model.StatusCollected, 1),
	moves(cafetest.Owner, collecting, model.StatusRefunded, 1),
	places("staff order and take the money with a key", cafetest.Staff, model.Draft{Payment: model.TermsCounter, Lines: basket, Payments: []model.DraftPayment{
		{Method: model.MethodCard, Amount: 500}, {Method: model.MethodCash, Amount: 2000, Tip: 20}}}, "key"),
	paysOrder("staff take money for an open order with a key", "key"),
	paysOrder("staff take money for an open order without a key", ""),
	{name: "staff say how an order at the counter was paid", methods: "PayOrder", before: func(w *world) { w.order = cafetest.Place(w, w.Cafe, model.WalkIn, basket) },
		do: func(w *world) error {
			order, paid, _, err := w.PayOrder(w.ctx, cafetest.Staff, w.order.ID, model.DraftPayment{Method: model.MethodCard, Amount: 500}, "key")
			if err == nil && (paid.Amount != 500 || paid.Day != w.order.BusinessDay || order.Payable() != order.Total-500) {
				w.Errorf("answered %+v of %+v", paid, order)
			}
			return err
		}},
	refunds("an owner gives units back, on the shelf, with a key", "key", model.DraftRefund{Lines: []model.RefundLine{{Line: 0, Quantity: 1}}, Reason: "stale", Restock: true}, 1),
	refunds("an owner gives an amount back without a key", "", model.DraftRefund{Amount: 100, Reason: "cold"}, 1),
	refunds("an owner gives all back with a key", "key", model.DraftRefund{Reason: "cold", Restock: true}, 1),
	{name: "an owner makes an order refunded of which a part is given back", methods: "Advance",
		before: func(w *world) {
			w.order = cafetest.Place(w, w.Cafe, "alice", basket)
			cafetest.Advance(w, w.Cafe, w.order.ID, collecting...)
			if _, _, _, err := w.Refund(ctx, cafetest.Owner, w.order.ID, model.DraftRefund{Amount: 100, Reason: "cold"}, ""); err != nil {
				w.Fatal(err)
			}
			w.stream()
		},
		do: func(w *world) error {
			_, err := w.Advance(w.ctx, cafetest.Owner, w.order.ID, cafe.Move{To: model.StatusRefunded, Reason: "all cold"}, nil)
			return err
		},
		after: func(w *world) {
			w.wantOrders(1, model.StatusRefunded)
			cafetest.WantTotals(w, w.Cafe, "alice", 0, 0, 1)
			if order, err := w.Order(ctx, cafetest.Owner, w.order.ID); err != nil || order.Refunded() != order.Total || len(order.Refunds) != 2 {
				w.Errorf("%+v %v", order, err)
			}
		}},
	{name: "staff cancel an order with a reason", methods: "Advance", before: placed("brownie", "tea"),
		do: func(w *world) error {
			_, err := w.Advance(w.ctx, cafetest.Staff, w.order.ID, cafe.Move{To: model.StatusCancelled, Reason: "no show"}, nil)
			return err
		},
		after: func(w *world) {
			w.wantOrders(1, model.StatusCancelled)
			if o := w.orders()[0]; o.Str("cancel_reason") != "no show" || o.Str("cancelled_by") != "sam" {
				w.Errorf("%+v", o)
			}
		}},
	{name: "staff delete an order", methods: "Remove", before: placed("brownie", "tea"), through: model.ErrNotFound,
		do: func(w *world) error {
			return w.Remove(w.ctx, cafetest.Staff, w.order.ID, cafetest.Version(w.order.Version))
		},
		after: func(w *world) { w.wantOrders(0, "") }},
	reads("Order", "a customer reads an order", placed("brownie"),
		func(w *world) (interface{}, error) { return w.Order(w.ctx, cafetest.Alice, w.order.ID) }),
	reads("Order", "a customer reads an order that is not there", placed("brownie"),
		func(w *world) (interface{}, error) {
			_, err := w.Order(w.ctx, cafetest.Alice, "nothing")
			if errors.Is(err, model.ErrNotFound) {
				return "404", nil
			}
			return "", err
		}),
	reads("Orders", "a customer lists orders", func(w *world) {
		for range 3 {
			placed("tea")(w)
		}
		cafetest.Advance(w, w.Cafe, w.order.ID, model.StatusPreparing)
	}, func(w *world) (interface{}, error) {
		orders, next, err := w.Orders(w.ctx, cafetest.Alice, cafe.Filter{Statuses: []model.Status{model.StatusPlaced}}, "", 1)
		if err != nil {
			return nil, err
		}
		more, _, err := w.Orders(w.ctx, cafetest.Staff, cafe.Filter{Day: cafetest.Saturday}, next, 10)
		return append(orders, more...), err
	}),
	reads("Customer", "staff read a customer", placed("tea"),
		func(w *world) (interface{}, error) { return w.Cafe.Cafe.Customer(w.ctx, cafetest.Staff, "alice") }),
	reads("Payments", "a customer lists payments", func(w *world) {
		cafetest.Pay(w, w.Cafe, "alice", 100)
		cafetest.Pay(w, w.Cafe, "alice", 200)
	}, func(w *world) (interface{}, error) {
		payments, _, err := w.Payments(w.ctx, cafetest.Alice, "alice", "", 10)
		return payments, err
	}),
	{name: "staff take a payment with a key", methods: "Pay", before: placed("latte"),
		do: func(w *world) error {
			_, _, err := w.Pay(w.ctx, cafetest.Staff, "alice", 300, "", "", "key")
			return err
		},
		after: func(w *world) { cafetest.WantTotals(w, w.Cafe, "alice", 50, 350, 1) }},
	{name: "staff take a payment without a key", methods: "Pay", once: true,
		do: func(w *world) error {
			_, _, err := w.Pay(w.ctx, cafetest.Staff, "alice", 300, "", "", "")
			return err
		},
		after: func(w *world) {
			if n := len(cafetest.Stored(w, w.Cafe, "P#")); n > 1 {
				w.Errorf("%d payments", n)
			}
		}},
	{name: "staff tell waste with a key", methods: "WriteOff", before: func(w *world) { w.shelf["brownie"] -= 3 },
		do: func(w *world) error {
			_, _, err := w.WriteOff(w.ctx, cafetest.Staff, model.WasteDraft{SKU: "brownie", Quantity: 3, Reason: "left over"}, "key")
			return err
		},
		after: func(w *world) {
			if list, _, err := w.Waste(ctx, "", "", 10); err != nil || len(list) != 1 || list[0].FromStock != 3 {
				w.Errorf("waste %+v %v", list, err)
			}
		}},
	{name: "staff tell more waste than there is, after the report, without a key", methods: "WriteOff", once: true,
		before: func(w *world) {
			cafetest.ClockAt(w, w.Cafe, "2017-03-18 21:00")
			delete(w.shelf, "brownie") // it depends on whether the waste came through
		},
		do: func(w *world) error {
			_, _, err := w.WriteOff(w.ctx, cafetest.Staff, model.WasteDraft{SKU: "brownie", Quantity: 50}, "")
			return err
		},
		after: func(w *world) {
			list, _, err := w.Waste(ctx, "", "", 10)
			day, dayErr := w.Table.Get(ctx, table.Key{PK: "D", SK: "2017-03-18"}, true)
			left := w.OnHand(w, "brownie")
			switch {
			case err != nil:
				w.Error(err)
			case len(list) == 0: // it did not come through
				if !errors.Is(dayErr, table.ErrNotFound) || left != cafetest.Stock {
					w.Errorf("no waste, %d left, and the day has %v %v", left, day, dayErr)
				}
			case len(list) > 1 || list[0].FromStock != cafetest.Stock || day.Int("late") != 1 || left != 0:
				w.Errorf("waste %+v, %d left, the day has %v %v", list, left, day, dayErr)
			}
		}},
	reads("Waste", "staff list waste", func(w *world) {
		w.shelf["brownie"]--
		for _, sku := range []string{"brownie", "latte"} {
			if _, _, err := w.WriteOff(ctx, cafetest.Staff, model.WasteDraft{SKU: sku, Quantity: 1}, ""); err != nil {
				w.Fatal(err)
			}
		}
	}, func(w *world) (interface{}, error) {
		list, _, err := w.Waste(w.ctx, cafetest.Saturday, "", 10)
		return list, err
	}),
	gives("staff say who somebody is", nil, cafetest.Profile(true, "alice@example.com"), 0),
	gives("a customer has another address", alicesWish(cafetest.Profile(true, "old@example.com")), cafetest.Profile(true, "alice@example.com"), 0),
	gives("a customer wants no more mail", alicesWish(cafetest.Profile(true, "alice@example.com")), cafetest.Profile(false, "alice@example.com"), 0),
	gives("staff lower a limit below the balance", func(w *world) {
		cafetest.Place(w, w.Cafe, "alice", cafetest.Pence(700))
		w.stream()
	}, model.Profile{Name: "Alice", CreditLimit: &lowLimit}, 1),
	{name: "an owner erases a customer", methods: "Erase", through: model.ErrNotFound,
		before: func(w *world) {
			high := model.Money(5000)
			alicesWish(model.Profile{Name: "Alice Liddell", Email: "liddell@example.com", Notify: true, CreditLimit: &high})(w)
			cafetest.Place(w, w.Cafe, "alice", cafetest.Pence(3000)) // under her limit, over the café's own
			for _, at := range []string{"order", "line"} {
				tea := model.Draft{CustomerID: "alice", Payment: model.TermsCounter, Lines: cafetest.Lines("tea")}
				if tea.Note = "for Mrs Liddell"; at == "line" {
					tea.Note, tea.Lines[0].Note = "", tea.Note
				}
				if _, _, err := w.Place(w.ctx, cafetest.Staff, tea, ""); err != nil {
					w.Fatal(err)
				}
			}
			if _, _, err := w.Pay(w.ctx, cafetest.Staff, "alice", 100, "", "by Mrs Liddell's card", ""); err != nil {
				w.Fatal(err)
			}
			w.stream()
			w.erased = []string{"Liddell", "liddell"}
		},
		do: func(w *world) error { return w.Erase(w.ctx, "alice") },
		after: func(w *world) {
			if _, err := w.Cafe.Cafe.Customer(w.ctx, cafetest.Staff, "alice"); !errors.Is(err, model.ErrNotFound) {
				w.Errorf("alice is still known: %v", err)
			}
			if kept := cafetest.Stored(w, w.Cafe, "C#alice")[table.Key{PK: "C#alice", SK: "C"}]; kept.Int("spent") != 3440 || kept.Int("orders") != 3 || kept.Int("balance") != 2900 {
				w.Errorf("totals are %v", kept)
			}
			w.wantAlerts(outbox.TopicHighBalance, 0)
		}},
	{name: "staff put an item on the menu", methods: "SetMenuItem",
		do: func(w *world) error {
			_, err := w.SetMenuItem(w.ctx, model.Item{SKU: "mocha", Name: "Mocha", Price: 400, Active: true}, nil)
			return err
		},
		after: func(w *world) { placed("mocha")(w) }},
	{name: "staff change a price", methods: "SetMenuItem",
		do: func(w *world) error {
			created, err := w.SetMenuItem(w.ctx, model.Item{SKU: "tea", Name: "Tea", Price: 250, Active: true}, nil)
			if created {
				w.Error("a known item is new")
			}
			return err
		},
		after: func(w *world) {
			if placed("tea")(w); w.order.Total != 250 {
				w.Errorf("tea for %d", w.order.Total)
			}
		}},
	{name: "staff change the price they read", methods: "SetMenuItem", through: model.ErrStale,
		do: func(w *world) error {
			_, err := w.SetMenuItem(w.ctx, model.Item{SKU: "tea", Name: "Tea", Price: 250, Active: true}, costs(220))
			return err
		},
		after: func(w *world) {
			if placed("tea")(w); w.order.Total != 250 {
				w.Errorf("tea for %d", w.order.Total)
			}
		}},
	{name: "an owner takes the item they read off the menu", methods: "RemoveMenuItem", through: model.ErrNotFound,
		do: func(w *world) error { return w.RemoveMenuItem(w.ctx, "tea", costs(220)) },
		after: func(w *world) {
			if _, err := w.MenuItem(w.ctx, "tea"); !errors.Is(err, model.ErrNotFound) {
				w.Errorf("it is still there: %v", err)
			}
		}},
	{name: "an owner takes an item off the menu", methods: "RemoveMenuItem", through: model.ErrNotFound,
		do: func(w *world) error { return w.RemoveMenuItem(w.ctx, "tea", nil) },
		after: func(w *world) {
			if _, err := w.MenuItem(w.ctx, "tea"); !errors.Is(err, model.ErrNotFound) {
				w.Errorf("it is still there: %v", err)
			}
		}},
	{name: "an owner sets the first pricing document", methods: "SetPricing",
		do: func(w *world) error {
			_, _, err := w.SetPricing(w.ctx, cafetest.VAT("20"), nil)
			return err
		},
		after: func(w *world) { w.wantVAT(1, 1, 200_000) }},
	{name: "an owner changes taxes", methods: "SetPricing", before: taxed,
		do: func(w *world) error {
			_, _, err := w.SetPricing(w.ctx, cafetest.VAT("5"), nil)
			return err
		},
		after: func(w *world) {
			if old, err := w.Cafe.Cafe.Order(w.ctx, cafetest.Alice, w.order.ID); err != nil || old.Reckoning.Pricing != 1 || old.Reckoning.Taxes[0].Rate != 200_000 {
				w.Errorf("the order of before reads %+v, %v", old, err)
			}
			w.wantVAT(2, 2, 50_000)
		}},
	{name: "an owner changes the taxes they read", methods: "SetPricing", before: taxed, through: model.ErrStale,
		do: func(w *world) error {
			_, _, err := w.SetPricing(w.ctx, cafetest.VAT("5"), cafetest.Version(1))
			return err
		},
		after: func(w *world) { w.wantVAT(2, 2, 50_000) }},
	{name: "a customer orders with taxes", methods: "Place", before: taxed,
		do: func(w *world) error {
			order, _, err := w.Place(w.ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("latte", "brownie"), Dining: model.DiningEatIn}, "key")
			if err == nil && (order.Reckoning.Taxes[0].Amount != 108 || order.Reckoning.Taxes[0].Name != "VAT" || order.Dining != model.DiningEatIn) {
				w.Errorf("placed %+v", order)
			}
			return err
		},
		after: func(w *world) { w.wantOrders(2, model.StatusPlaced) }},
	{name: "a customer orders by a quote", methods: "Place",
		before: func(w *world) {
			taxed(w)
			quoted, err := w.Quote(w.ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("latte")})
			if err != nil {
				w.Fatal(err)
			}
			w.key = quoted.Text
			cafetest.SetPricing(w, w.Cafe, cafetest.VAT("5"))
		},
		do: func(w *world) error {
			order, _, err := w.Place(w.ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("latte"), Quote: w.key}, "key")
			if err == nil && (order.Reckoning.Pricing != 1 || order.Reckoning.Taxes[0].Amount != 58) {
				w.Errorf("placed %+v", order)
			}
			return err
		},
		after: func(w *world) { w.wantOrders(2, model.StatusPlaced) }},
	{name: "an order is amended under a newer pricing document", methods: "Amend", through: model.ErrStale,
		before: func(w *world) {
			taxed(w)
			cafetest.SetPricing(w, w.Cafe, cafetest.VAT("5"))
		},
		do: func(w *world) error {
			_, err := w.Amend(w.ctx, cafetest.Alice, w.order.ID, cafe.Amendment{Lines: cafetest.Lines("latte", "tea")}, cafetest.Version(1))
			return err
		},
		after: func(w *world) {
			order, err := w.Cafe.Cafe.Order(w.ctx, cafetest.Alice, w.order.ID)
			if err != nil || order.Version != 2 || order.Reckoning.Pricing != 1 || order.Reckoning.Taxes[0].Amount != 95 {
				w.Errorf("amended to %+v, %v", order, err)
			}
		}},
	reads("Tariff", "anybody reads the pricing document", taxed, func(w *world) (interface{}, error) {
		t, err := w.Tariff(w.ctx)
		return t.Document(), err
	}),
	reads("Quote", "a customer asks what an order would cost", taxed, func(w *world) (interface{}, error) {
		q, err := w.Quote(w.ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("latte", "brownie")})
		return q.Bill, err
	}),
	reads("Order Orders", "a customer reads orders of two pricing documents", func(w *world) {
		taxed(w)
		cafetest.SetPricing(w, w.Cafe, cafetest.VAT("5"))
		placed("tea")(w)
	}, func(w *world) (interface{}, error) {
		orders, _, err := w.Orders(w.ctx, cafetest.Alice, cafe.Filter{}, "", 25)
		return orders, err
	}),
	counts("staff count more", 3, 8, 0),
	counts("staff count none", 3, 0, 1),
	counts("staff count some where there were none", 0, 8, 1),
	reads("Menu MenuSince", "anybody reads the menu", placed("tea"), func(w *world) (interface{}, error) { return w.Menu(w.ctx) }),
	reads("MenuPage", "anybody pages through the menu", placed("tea"), func(w *world) (interface{}, error) {
		items, _, err := w.MenuPage(w.ctx, "latte", 3)
		return items, err
	}),
	reads("MenuItem", "anybody reads an item", placed("tea"), func(w *world) (interface{}, error) { return w.MenuItem(w.ctx, "tea") }),
	reads("MenuItem", "anybody reads an item that is not there", placed("tea"), func(w *world) (interface{}, error) {
		_, err := w.MenuItem(w.ctx, "unicorn")
		if errors.Is(err, model.ErrNotFound) {
			return "404", nil
		}
		return "", err
	}),
	reads("StockPage", "staff read the stock", placed("brownie"), func(w *world) (interface{}, error) {
		levels, _, err := w.StockPage(w.ctx, "", 10)
		return levels, err
	}),
	posts("a batch of all kinds is posted", func(w *world) {
		placed("latte", "brownie")(w)
		w.Post(w, w.Recorder.Changes(ledger.Wants)...)
		cafetest.Amend(w, w.Cafe, w.order.ID, cafetest.Lines("latte", "latte", "latte")) // crosses the limit
		other := cafetest.Place(w, w.Cafe, "alice", cafetest.Lines("tea"))
		cafetest.Place(w, w.Cafe, model.WalkIn, cafetest.Lines("muffin"))
		cafetest.Pay(w, w.Cafe, "bob", 5)
		cafetest.Remove(w, w.Cafe, other.ID)
	}, func(w *world) { w.wantAlerts(outbox.TopicHighBalance, 1) }),
	posts("late orders are posted", func(w *world) {
		soldOnSaturday(w)
		cafetest.MakeReport(w, w.Cafe, cafetest.Saturday)
		cafetest.Place(w, w.Cafe, "alice", cafetest.Lines("tea"))
		cafetest.Place(w, w.Cafe, model.WalkIn, cafetest.Lines("tea"))
	}, func(w *world) {
		cafetest.ClockAt(w, w.Cafe, "2017-03-19 20:00")
		cafetest.MakeReport(w, w.Cafe, "2017-03-19")
		w.wantReports("2017-03-18 r1", "2017-03-18 r2", "2017-03-19 r1")
	}),
	posts("an item runs out and comes back", func(w *world) {
		for _, n := range []int64{1, 0, 3} {
			if _, err := w.SetStock(ctx, "brownie", n); err != nil {
				w.Fatal(err)
			}
			w.shelf["brownie"] = n
		}
	}, func(w *world) { w.wantAlerts(outbox.TopicOutOfStock, 1) }),
	announces("alerts and a wish for mail are announced", crossed, func(w *world) {
		w.wantAlerts(outbox.TopicHighBalance, 1)
		w.wantAlerts(outbox.TopicOutOfStock, 1)
	}),
	announces("a wish for other mail is announced", func(w *world) {
		alicesWish(cafetest.Profile(true, "old@example.com"))(w)
		if _, _, err := w.SetCustomer(ctx, "alice", cafetest.Profile(true, "alice@example.com"), nil); err != nil {
			w.Fatal(err)
		}
	}, nil),
	{name: "a wish for mail changes before it is announced again", methods: "Announce",
		before: func(w *world) {
			if _, _, err := w.SetCustomer(ctx, "alice", cafetest.Profile(true, "old@example.com"), nil); err != nil {
				w.Fatal(err)
			}
			w.batch = w.Recorder.Changes(outbox.Wants)
		},
		do: func(w *world) error {
			if w.done == 1 {
				if _, _, err := w.SetCustomer(w.ctx, "alice", cafetest.Profile(true, "alice@example.com"), nil); err != nil {
					return err
				}
			}
			w.done++
			return w.rest(w.Cafe.Outbox.Announce(w.ctx, w.Notifier, w.batch))
		}},
	{name: "an erasure is announced while the subscription's name is not known", methods: "Announce",
		before: func(w *world) {
			if _, _, err := w.SetCustomer(ctx, "alice", cafetest.Profile(true, "liddell@example.com"), nil); err != nil {
				w.Fatal(err)
			}
			w.Notifier.Fail(func(int, string) (before, after error) { return nil, cafetest.ErrDown })
			if err := w.Cafe.Outbox.Announce(ctx, w.Notifier, w.Recorder.Changes(outbox.Wants))[0]; !errors.Is(err, cafetest.ErrDown) {
				w.Fatal(err)
			}
			w.Notifier.Fail(nil)
			if err := w.Erase(ctx, "alice"); err != nil {
				w.Fatal(err)
			}
			w.batch = w.Recorder.Changes(outbox.Wants)[1:]
			w.erased = []string{"liddell"}
		},
		do: func(w *world) error { return w.rest(w.Cafe.Outbox.Announce(w.ctx, w.Notifier, w.batch)) }},
	{name: "what was left is swept up", methods: "Sweep",
		before: func(w *world) {
			crossed(w)
			w.Clock.Pass(time.Hour)
			w.Recorder.Forget() // the records are lost
		},
		do: func(w *world) error {
			for { // as scheduled: what one leaves, the next takes
				if done, err := w.Outbox.Sweep(w.ctx, w.Notifier, time.Minute); done == 0 {
					return err
				}
			}
		},
		after: func(w *world) {
			w.wantAlerts(outbox.TopicHighBalance, 1)
			w.wantAlerts(outbox.TopicOutOfStock, 1)
		}},
	{name: "staff begin an import", methods: "Begin",
		do: func(w *world) error {
			up, err := w.Imports.Begin(w.ctx, w.Files, cafetest.Staff.Role, cafetest.ImportDraft(model.ImportOrders))
			w.id, w.key = up.ImportID, cafetest.KeyOf("put", up.URL)
			return err
		},
		after: func(w *world) {
			if err := w.Files.Put(ctx, w.key, strings.NewReader(cafetest.Sales)); err != nil {
				w.Fatal(err)
			}
			if err := w.Imports.Run(w.ctx, w.Files, w.key); err != nil {
				w.Fatal(err)
			}
			cafetest.WantTally(w, w.Result(w, w.id), "done: 5 rows, 3 created, 0 updated, 0 unchanged, 1 rejected, 0 skipped")
		}},
	imported("a till's file is imported", nil, cafetest.ImportDraft(model.ImportOrders), cafetest.Sales,
		"done: 5 rows, 3 created, 0 updated, 0 unchanged, 1 rejected, 0 skipped", func(w *world) { w.wantStored("O#", 3) }),
	imported("a till's file is tried", nil, model.ImportDraft{Kind: model.ImportOrders, Name: "sales.csv", DryRun: true}, cafetest.Sales,
		"done: 5 rows, 3 created, 0 updated, 0 unchanged, 1 rejected, 0 skipped", func(w *world) { w.wantStored("O#", 0) }),
	imported("a count is imported", func(w *world) { w.shelf["brownie"] = 7 }, cafetest.ImportDraft(model.ImportStock),
		"sku,on_hand\nbrownie,7\nmuffin,20\ncake,5\n", "done: 3 rows, 0 created, 1 updated, 1 unchanged, 1 rejected, 0 skipped", nil),
	imported("a menu is imported", nil, cafetest.ImportDraft(model.ImportMenu), "sku,name,price\ntea,Tea,2.50\nmocha,Mocha,4.00\ncake,Cake,dear\n",
		"done: 3 rows, 1 created, 1 updated, 0 unchanged, 1 rejected, 0 skipped", func(w *world) { placed("mocha", "tea")(w) }),
	imported("a file that is no good is imported", nil, cafetest.ImportDraft(model.ImportMenu), "a,b\n1,2\n",
		"failed: 0 rows, 0 created, 0 updated, 0 unchanged, 0 rejected, 0 skipped", nil),
	reads("Result", "staff read what came of an import", func(w *world) {
		w.id = w.Bring(w, cafetest.ImportDraft(model.ImportOrders), cafetest.Sales).ID
	}, func(w *world) (interface{}, error) {
		im, url, err := w.Imports.Result(w.ctx, w.Files, w.id)
		return fmt.Sprintf("%+v %s", im, url), err
	}),
	reads("TakesUpload", "a file arrives", func(w *world) {
		w.id, w.key = w.Upload(w, cafetest.ImportDraft(model.ImportOrders), cafetest.Sales)
	}, func(w *world) (interface{}, error) {
		return w.Imports.TakesUpload(w.ctx, w.key)
	}),
	reads("Troubled", "imports with rejects are listed", func(w *world) {
		w.id = w.Bring(w, cafetest.ImportDraft(model.ImportOrders), cafetest.Sales).ID
	}, func(w *world) (interface{}, error) {
		return w.Imports.Troubled(w.ctx, time.Time{}, time.Date(2017, 4, 1, 0, 0, 0, 0, time.UTC))
	}),
	undone("an import of orders is taken back", func(w *world) {
		placed("latte", "brownie")(w)
		draft := cafetest.ImportDraft(model.ImportOrders)
		draft.Payment = model.TermsAccount
		w.id = w.Bring(w, draft, cafetest.Sales).ID
		w.stream()
		for key, item := range cafetest.Stored(w, w.Cafe, "O#") {
			if item.Int("total") == 220 { // of a walk-in's tea
				cafetest.Advance(w, w.Cafe, key.PK[2:], model.StatusRefunded)
			}
		}
	}, "2 removed, 1 kept", func(w *world) {
		cafetest.WantTotals(w, w.Cafe, "alice", 650, 650, 1)
		w.wantStored("O#", 4)
		im := w.Bring(w, cafetest.ImportDraft(model.ImportOrders), cafetest.Sales)
		cafetest.WantTally(w, im, "done: 5 rows, 2 created, 0 updated, 1 unchanged, 1 rejected, 0 skipped")
	}),
	undone("an import of a menu is taken back", func(w *world) {
		w.id = w.Bring(w, cafetest.ImportDraft(model.ImportMenu), "sku,name,price\ntea,Tea,2.50\nmocha,Mocha,4.00\n").ID
	}, "1 removed, 1 kept", func(w *world) { w.wantStored("M", len(cafetest.Menu)) }),
	undone("an import of a count is taken back", func(w *world) {
		if _, err := w.SetMenuItem(ctx, model.Item{SKU: "cake", Name: "Cake", Price: 300, Counted: true, Active: true}, nil); err != nil {
			w.Fatal(err)
		}
		w.id = w.Bring(w, cafetest.ImportDraft(model.ImportStock), "sku,on_hand\nbrownie,7\ncake,5\n").ID
		w.shelf["brownie"] = 7
	}, "1 removed, 1 kept", func(w *world) { w.wantStored("S#", 2) }),
	undone("an import that waits is taken back", func(w *world) {
		w.id, w.key = w.Upload(w, cafetest.ImportDraft(model.ImportOrders), cafetest.Sales)
	}, "0 removed, 0 kept", func(w *world) {
		if err := w.Imports.Run(ctx, w.Files, w.key); err != nil {
			w.Fatal(err)
		}
		w.wantStored("O#", 0)
	}),
	reads("List", "staff list imports", func(w *world) {
		for range 3 {
			w.Bring(w, cafetest.ImportDraft(model.ImportOrders), cafetest.Sales)
		}
	}, func(w *world) (interface{}, error) {
		list, next, err := w.Imports.List(w.ctx, "", 2)
		return fmt.Sprintf("%+v %s", list, next), err
	}),
	{name: "old imports are forgotten", methods: "Forget",
		before: func(w *world) {
			w.Bring(w, cafetest.ImportDraft(model.ImportOrders), cafetest.Sales)
			w.Bring(w, cafetest.ImportDraft(model.ImportOrders), cafetest.Sales)
			w.Clock.Pass(imports.Life + time.Hour)
		},
		do: func(w *world) error {
			_, err := w.Imports.Forget(w.ctx)
			return err
		},
		after: func(w *world) { w.wantStored("I#", 0) }},
	reads("Outstanding", "whether a report is outstanding", soldOnSaturday, func(w *world) (interface{}, error) {
		day, outstanding, err := w.Reports.Outstanding(w.ctx)
		return fmt.Sprint(day, outstanding), err
	}),
	reads("Waits", "whether a report waits for orders on the way", soldAfterTheReport, func(w *world) (interface{}, error) {
		return w.Reports.Waits(w.ctx, cafetest.Saturday)
	}),
	reads("Report", "an owner reads a report that was sent", soldAfterTheReport, func(w *world) (interface{}, error) {
		return figures(w.Reports.Report(w.ctx, cafetest.Saturday))
	}),
	reads("Report", "an owner reads today's report", soldOnSaturday, func(w *world) (interface{}, error) {
		return figures(w.Reports.Report(w.ctx, cafetest.Saturday))
	}),
	{name: "the day's report is made", methods: "Extract Analyse Send", before: soldOnSaturday,
		do: func(w *world) error { return w.stepsOf(cafetest.Saturday) },
		after: func(w *world) {
			w.wantReports("2017-03-18 r1")
			if r := cafetest.ReadReport(w, w.Cafe, cafetest.Saturday); r.Orders != 2 || len(r.Trend) != 2 || r.Trend[0].Orders != 1 {
				w.Errorf("%d orders; before: %v", r.Orders, r.Trend)
			}
			if _, outstanding, err := w.Reports.Outstanding(w.ctx); outstanding || err != nil {
				w.Errorf("it is outstanding: %v", err)
			}
		}},
	{name: "a report is revised", methods: "Extract Analyse Send", before: soldAfterTheReport,
		do: func(w *world) error { return w.stepsOf("2017-03-19") },
		after: func(w *world) {
			// What could not be revised that day is revised the next.
			cafetest.ClockAt(w, w.Cafe, "2017-03-20 20:00")
			cafetest.MakeReport(w, w.Cafe, "2017-03-20")
			w.wantReports("2017-03-18 r1", "2017-03-18 r2", "2017-03-19 r1", "2017-03-20 r1")
			cafetest.WantFigures(w, cafetest.ReadReport(w, w.Cafe, cafetest.Saturday).Report, 2, 3, 870)
		}},
	{name: "an owner has a report made again", methods: "Rebuild", before: soldAfterTheReport,
		do: func(w *world) error {
			p, err := w.Reports.Rebuild(w.ctx, cafetest.Saturday)
			if err == nil && (p.Revision < 2 || p.Orders != 3) {
				w.Errorf("answered revision %d of %d orders", p.Revision, p.Orders)
			}
			return err
		},
		after: func(w *world) {
			p := cafetest.ReadReport(w, w.Cafe, cafetest.Saturday)
			cafetest.WantFigures(w, p.Report, p.Revision, 3, 870)
			if !slices.ContainsFunc(w.Notifier.Published(), func(m outbox.Message) bool { return m.Subject == p.Subject && m.Mail == p.Text }) {
				w.Error("the newest revision is not mailed")
			}
		}},
	{name: "an owner closes a day", methods: "Close Check", before: closedDays,
		do: func(w *world) error {
			stored, _, err := w.Books.Close(w.ctx, "olivia", "2017-03-18", books.Count{Float: 100})
			if err == nil && (stored.Number != 2 || len(stored.Carried) != 1 || stored.Carried[0].Amount != -220 || stored.Orders != 1) {
				w.Errorf("%s", stored.Text)
			}
			return err
		},
		after: func(w *world) {
			// Whatever came of it, another close finds all that it left.
			cafetest.ClockAt(w, w.Cafe, "2017-03-21 09:00")
			w.reopen()
			if _, _, err := w.Books.Close(ctx, "olivia", "2017-03-19", books.Count{}); err != nil {
				w.Error(err)
			}
			if faults, err := w.Books.Check(ctx); err != nil || len(faults) > 0 {
				w.Errorf("check: %+v, %v", faults, err)
			}
		}},
	reads("Check", "an owner has the closes checked", closedDays, func(w *world) (interface{}, error) { return w.Books.Check(w.ctx) }),
	reads("Day Ledger", "staff look at a closed day and an open one", closedDays, func(w *world) (interface{}, error) {
		closed, err := w.Books.Day(w.ctx, "2017-03-17")
		if err != nil {
			return nil, err
		}
		open, err := w.Books.Day(w.ctx, "2017-03-18")
		return []closing.Day{closed, open}, err
	}),
	reads("Days", "staff list days", closedDays, func(w *world) (interface{}, error) {
		list, _, err := w.Books.Days(w.ctx, "2017-03-01", "2017-03-31", 10)
		return list, err
	}),
	reads("Journal", "a bookkeeper reads the journal", closedDays, func(w *world) (interface{}, error) {
		return w.Books.Journal(w.ctx, "2017-03-01", "2017-03-31")
	}),
	reads("Statement", "a customer reads a statement", closedDays, func(w *world) (interface{}, error) {
		return w.Books.Statement(w.ctx, model.Customer{ID: "alice"}, "2017-03-01", "2017-03-31")
	}),
	reads("Customers Owing", "staff list customers, and who owes", closedDays, func(w *world) (interface{}, error) {
		all, _, err := w.Customers(w.ctx, "", 10)
		if err != nil {
			return nil, err
		}
		owing, _, owed, err := w.Owing(w.ctx, "", 10)
		return []interface{}{all, owing, owed}, err
	}),
	{name: "an owner reconciles", methods: "Reconcile", before: spoilt,
		do: func(w *world) error {
			_, err := w.Ledger.Reconcile(w.ctx, false)
			return err
		},
		after: func(w *world) { cafetest.WantTotals(w, w.Cafe, "alice", 1200, 1200, 1) }},
	{name: "an owner looks for drift, and then reconciles", methods: "Reconcile", before: spoilt,
		do: func(w *world) error {
			if w.done == 0 {
				found, err := w.Ledger.Reconcile(w.ctx, true)
				if err != nil {
					return err
				}
				if len(found.Drifted) != 5 || found.Repaired != 0 {
					w.Errorf("found %+v", found)
				}
				w.done++
			}
			_, err := w.Ledger.Reconcile(w.ctx, false)
			return err
		}},
}

// closedDays is a café that has closed a day, of which an order was cancelled since.
func closedDays(w *world) {
	cafetest.ClockAt(w, w.Cafe, "2017-03-17 09:30")
	order := cafetest.Place(w, w.Cafe, "alice", cafetest.Lines("tea"))
	w.stream()
	cafetest.ClockAt(w, w.Cafe, "2017-03-18 09:30")
	if _, _, err := w.Books.Close(ctx, "olivia", "2017-03-17", books.Count{}); err != nil {
		w.Fatal(err)
	}
	cafetest.Advance(w, w.Cafe, order.ID, model.StatusCancelled)
	cafetest.Place(w, w.Cafe, "alice", cafetest.Lines("latte"))
	w.stream()
	cafetest.ClockAt(w, w.Cafe, "2017-03-20 09:00")
}

// happened are changes of which each is an event.
func happened(w *world) {
	w.order = cafetest.Place(w, w.Cafe, "alice", basket)
	cafetest.Advance(w, w.Cafe, w.order.ID, model.StatusPreparing, model.StatusReady)
	w.batch = w.Recorder.Changes(events.Wants)
	var ids []string
	for _, e := range cafetest.Events(w, w.batch...) {
		ids = append(ids, e.ID)
	}
	w.want = ids
}

// wantLogged wants that the event log has each event that happened, once after its repeats are
// left out, in their order.
func wantLogged(w *world) {
	w.Helper()
	var got []string
	for from := (events.Cursor{Page: 1}); ; {
		p, err := w.Events.Read(ctx, from, 2)
		if err != nil {
			w.Fatal(err)
		}
		for _, e := range p.Entries {
			if !slices.Contains(got, e.ID) {
				got = append(got, e.ID)
			}
		}
		if from = p.Next; len(p.Entries) == 0 && !p.More {
			break
		}
	}
	if !reflect.DeepEqual(got, w.want) {
		w.Errorf("the log has %v, want %v", got, w.want)
	}
}

// eventUses are the use cases of the event log.
var eventUses = []useCase{
	{name: "events are logged", methods: "Record Append", before: happened,
		do:    func(w *world) error { return w.rest(w.Events.Record(w.ctx, w.batch)) },
		after: wantLogged},
	{name: "events are read", methods: "Read Head",
		before: func(w *world) {
			happened(w)
			if err := errors.Join(w.Events.Record(ctx, w.batch)...); err != nil {
				w.Fatal(err)
			}
		},
		do: func(w *world) error {
			p, err := w.Events.Read(w.ctx, events.Cursor{}, 100)
			if err != nil {
				return err
			}
			head, err := w.Events.Head(w.ctx)
			if err == nil && (len(p.Entries) != len(cafetest.Events(w, w.batch...)) || p.Next != head) {
				w.Errorf("read %d events to %s, the head is %s", len(p.Entries), p.Next, head)
			}
			return err
		},
		after: wantLogged},
	{name: "old events are removed", methods: "Forget",
		before: func(w *world) {
			happened(w)
			for i := range w.batch {
				if err := w.Events.Record(ctx, w.batch[i:i+1])[0]; err != nil {
					w.Fatal(err)
				}
			}
			w.Clock.Pass(events.Life + time.Hour)
		},
		do:    func(w *world) error { return w.Events.Forget(w.ctx) },
		after: func(w *world) { w.wantStored(records.PartitionEvents, 1) }}, // the head
}

// withoutCalls are the methods of rooms that ask nothing of any port.
var withoutCalls = "Appended CheckDraft DueWithin Failed ForgetMenu LastDue Page ReportDue Shard SignQuotes StatementPage StatementText Today"

// rooms are the types whose methods are use cases.
var rooms = []reflect.Type{
	reflect.TypeFor[*cafe.Cafe](), reflect.TypeFor[*ledger.Ledger](), reflect.TypeFor[*outbox.Announcer](),
	reflect.TypeFor[*imports.Importer](), reflect.TypeFor[*daily.Reporter](), reflect.TypeFor[*closing.Books](), reflect.TypeFor[*deadletters.Box](), reflect.TypeFor[*webhooks.Hooks](), reflect.TypeFor[*bus.Bus](),
	reflect.TypeFor[*imports.Importer](), reflect.TypeFor[*daily.Reporter](), reflect.TypeFor[*deadletters.Box](),
	reflect.TypeFor[*events.Log](),
}

func init() { useCases = append(useCases, eventUses...) }

func (w *world) wantStored(prefix string, n int) {
	w.Helper()
	if got := len(cafetest.Stored(w, w.Cafe, prefix)); got != n {
		w.Errorf("%d items of %s are stored, want %d", got, prefix, n)
	}
}

func TestEveryUseCaseIsSwept(t *testing.T) {
	swept := map[string]bool{}
	for _, u := range useCases {
		for _, method := range strings.Fields(u.methods) {
			swept[method] = true
		}
	}
	for _, method := range strings.Fields(withoutCalls) {
		if swept[method] {
			t.Errorf("%s is said to make no calls, and is swept", method)
		}
		swept[method] = true
	}
	for _, room := range rooms {
		for i := range room.NumMethod() {
			name := room.Method(i).Name
			if _, known := swept[name]; !known {
				t.Errorf("no row of useCases is about %s.%s", room, name)
			}
			swept[name] = false
		}
	}
	for name, unknown := range swept {
		if unknown {
			t.Errorf("there is no method %s", name)
		}
	}
}

func TestEveryUseCaseSurvivesAFaultAtEachOfItsCalls(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		if e.Slow {
			dynamotest.Client(t) // or all is skipped
		}
		var injected atomic.Int64
		began := time.Now()
		t.Cleanup(func() {
			t.Logf("%d faults in %d use cases on %s, %s", injected.Load(), len(useCases), e.Name, time.Since(began).Round(time.Millisecond))
		})
		for _, u := range useCases {
			t.Run(u.name, func(t *testing.T) {
				t.Parallel()
				engine := e.Open(t)
				calls, _ := u.run(t, engine, nil)
				if len(calls) == 0 {
					t.Fatal("it makes no calls")
				}
				for _, call := range calls {
					for _, y := range waysOf(call.Name) {
						if e.Slow && (y != noAnswer || call.Name != "Write") {
							continue
						}
						t.Run(fmt.Sprintf("%s, call %d of %d, %s", call.Name, call.N, len(calls), y), func(t *testing.T) {
							if !e.Slow {
								engine = e.Open(t) // a used one is full of what was deleted
							}
							_, faults := u.run(t, engine, map[int]way{call.N: y})
							if faults == 0 {
								t.Error("the call was not made")
							}
							injected.Add(int64(faults))
						})
					}
				}
			})
		}
	})
}

// Two faults of one run fall anywhere: the second upon what the first left, or upon the
// attempt that is to put it right.
func TestEveryUseCaseSurvivesTwoFaults(t *testing.T) {
	t.Parallel()
	injected := 0
	open := func() table.Table { return cafetest.Engines[0].Open(t) }
	rapid.Check(t, func(t *rapid.T) {
		engine := open()
		u := rapid.SampledFrom(useCases).Draw(t, "use case")
		calls, _ := u.run(t, engine, nil)
		plan := map[int]way{}
		for last := 0; len(plan) < 2; {
			n := rapid.IntRange(last+1, last+len(calls)).Draw(t, "call")
			plan[n] = rapid.SampledFrom([]way{notDone, noAnswer, throttled, conflicts, hangsUp}).Draw(t, "way")
			last = n
		}
		_, faults := u.run(t, engine, plan)
		injected += faults
	})
	t.Logf("%d faults, two to a run", injected)
}
