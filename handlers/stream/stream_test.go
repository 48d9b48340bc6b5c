package stream_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"cafe/handlers/stream"
	"cafe/internal/cafetest"
	"cafe/internal/house"
	"cafe/internal/ledger"
	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

var ctx = context.Background()

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// onEachEngine runs the test with a café of its own on every engine.
func onEachEngine(t *testing.T, test func(t *testing.T, c *cafetest.Cafe)) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) { test(t, cafetest.Open(t, e.Open(t))) })
}

// place orders teas, 220 each, on the customer's tab.
func place(t rapid.TB, c *cafetest.Cafe, customer string, teas int64) {
	t.Helper()
	draft := model.Draft{CustomerID: customer, Lines: []model.DraftLine{{SKU: "tea", Quantity: teas}}}
	if _, _, err := c.Place(ctx, cafetest.Staff, draft, ""); err != nil {
		t.Fatal(err)
	}
}

// event makes the event of changes, with sequence numbers from 1.
func event(changes ...records.Change) (e events.DynamoDBEvent) {
	for i, c := range changes {
		e.Records = append(e.Records, stream.Record(c, fmt.Sprint(i+1)))
	}
	return e
}

// failed returns the sequence number that the handler answers with; empty when all is done.
func failed(t rapid.TB, response events.DynamoDBEventResponse, err error) string {
	t.Helper()
	switch {
	case err != nil:
		t.Fatalf("the handler failed as a whole: %v", err)
	case len(response.BatchItemFailures) > 1:
		t.Fatalf("answer %+v", response)
	case len(response.BatchItemFailures) == 1:
		return response.BatchItemFailures[0].ItemIdentifier
	}
	return ""
}

type attribute = events.DynamoDBAttributeValue

func text(s string) attribute   { return events.NewStringAttribute(s) }
func number(s string) attribute { return events.NewNumberAttribute(s) }

// deep nests lists in each other.
func deep(levels int) attribute {
	v := number("1")
	for range levels {
		v = events.NewListAttribute([]attribute{v})
	}
	return v
}

// poisons are what may be wrong with a record of an order.
func poisons() map[string]func(r *events.DynamoDBEventRecord) {
	all := map[string]func(r *events.DynamoDBEventRecord){
		"no new image":            func(r *events.DynamoDBEventRecord) { r.Change.NewImage = nil },
		"an empty new image":      func(r *events.DynamoDBEventRecord) { r.Change.NewImage = map[string]attribute{} },
		"no keys":                 func(r *events.DynamoDBEventRecord) { r.Change.Keys = nil },
		"an empty partition key":  func(r *events.DynamoDBEventRecord) { r.Change.Keys["pk"] = text("") },
		"an empty sort key":       func(r *events.DynamoDBEventRecord) { r.Change.Keys["sk"] = text("") },
		"a number for a key":      func(r *events.DynamoDBEventRecord) { r.Change.Keys["pk"] = number("5") },
		"a key without a value":   func(r *events.DynamoDBEventRecord) { r.Change.Keys["pk"] = attribute{} },
		"an order without an id":  func(r *events.DynamoDBEventRecord) { r.Change.Keys["pk"] = text("O#") },
		"an id that is none":      func(r *events.DynamoDBEventRecord) { r.Change.Keys["pk"] = text("O#a b") },
		"an order of nobody":      func(r *events.DynamoDBEventRecord) { r.Change.NewImage["customer_id"] = text("") },
		"an unknown status":       func(r *events.DynamoDBEventRecord) { r.Change.NewImage["status"] = text("eaten") },
		"a day that is none":      func(r *events.DynamoDBEventRecord) { r.Change.NewImage["business_day"] = text("2017-02-29") },
		"posting 0":               func(r *events.DynamoDBEventRecord) { r.Change.NewImage["posting"] = number("0") },
		"a negative shard":        func(r *events.DynamoDBEventRecord) { r.Change.NewImage["shard"] = number("-1") },
		"a fraction":              func(r *events.DynamoDBEventRecord) { r.Change.NewImage["total"] = number("1.5") },
		"a number beyond 64 bits": func(r *events.DynamoDBEventRecord) { r.Change.NewImage["total"] = number("9223372036854775808") },
		"a number that is text":   func(r *events.DynamoDBEventRecord) { r.Change.NewImage["total"] = number("many") },
		"an attribute we lack": func(r *events.DynamoDBEventRecord) {
			r.Change.NewImage["new"] = events.NewStringSetAttribute([]string{"a"})
		},
		"lists too deep": func(r *events.DynamoDBEventRecord) { r.Change.NewImage["new"] = deep(40) },
		"lines of text": func(r *events.DynamoDBEventRecord) {
			r.Change.NewImage["lines"] = events.NewListAttribute([]attribute{text("tea")})
		},
		"a line of nothing": func(r *events.DynamoDBEventRecord) {
			r.Change.NewImage["lines"] = events.NewListAttribute([]attribute{events.NewMapAttribute(nil)})
		},
		"options that are no list": func(r *events.DynamoDBEventRecord) {
			line := maps.Clone(r.Change.NewImage["lines"].List()[0].Map())
			line["options"] = text("oat")
			r.Change.NewImage["lines"] = events.NewListAttribute([]attribute{events.NewMapAttribute(line)})
		},
		"junk in the old image": func(r *events.DynamoDBEventRecord) { r.Change.OldImage = map[string]attribute{"x": {}} },
		"a total that overflows": func(r *events.DynamoDBEventRecord) {
			r.Change.NewImage["total"] = number("9223372036854775807")
		},
	}
	for _, name := range []string{"customer_id", "payment", "status", "lines", "total", "currency", "placed_at", "updated_at", "business_day", "version", "posting", "shard"} {
		all[name+" is missing"] = func(r *events.DynamoDBEventRecord) { delete(r.Change.NewImage, name) }
		for kind, v := range map[string]attribute{
			"NULL": events.NewNullAttribute(), "no value": {}, "a map": events.NewMapAttribute(nil), "a boolean": events.NewBooleanAttribute(true),
			"bytes": events.NewBinaryAttribute([]byte("x")), "numbers": events.NewNumberSetAttribute([]string{"1"}), "blobs": events.NewBinarySetAttribute(nil),
		} {
			all[name+" is "+kind] = func(r *events.DynamoDBEventRecord) { r.Change.NewImage[name] = v }
		}
	}
	return all
}

func TestCase25APoisonRecordIsNamedAndItsNeighboursArePosted(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	handle := stream.Ledger(c.Ledger, c.Events)
	n := 0
	for name, spoil := range poisons() {
		t.Run(name, func(t *testing.T) {
			n++
			who := [3]string{fmt.Sprint("before-", n), fmt.Sprint("poisoned-", n), fmt.Sprint("after-", n)}
			c.Recorder.Forget()
			place(t, c, who[0], 1)
			place(t, c, who[1], 1) // a neighbour of the same customer
			place(t, c, who[1], 2)
			place(t, c, who[1], 3)
			place(t, c, who[2], 1)
			e := event(c.Recorder.Changes(ledger.Wants)...)
			spoil(&e.Records[2])
			var reason error
			response, err := handle(stream.OnFailure(ctx, func(err error) { reason = err }), e)
			if number := failed(t, response, err); number != "3" || reason == nil {
				t.Errorf("failed at %q, reason %v", number, reason)
			}
			for i, want := range []model.Money{220, 4 * 220, 220} {
				if balance, _, _ := c.Totals(t, who[i]); balance != want {
					t.Errorf("balance of %s is %d, want %d", who[i], balance, want)
				}
			}
		})
	}
}

func TestCase25APoisonPaymentIsNamed(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		for range 3 {
			if _, _, err := c.Pay(ctx, cafetest.Staff, "alice", 100, "", "", ""); err != nil {
				t.Fatal(err)
			}
		}
		for what, v := range map[string]attribute{"0": number("0"), "negative": number("-5"), "NULL": events.NewNullAttribute()} {
			e := event(c.Recorder.Changes(ledger.Wants)...)
			e.Records[1].Change.NewImage["amount"] = v
			response, err := stream.Ledger(c.Ledger, c.Events)(ctx, e)
			if number := failed(t, response, err); number != "2" {
				t.Errorf("amount %s: failed at %q", what, number)
			}
			if balance, _, _ := c.Totals(t, "alice"); balance != -200 {
				t.Errorf("amount %s: balance %d", what, balance)
			}
		}
	})
}

func TestARecordThatFailsWithoutANumberFailsTheBatch(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	place(t, c, "alice", 1)
	place(t, c, "bob", 1)
	e := event(c.Recorder.Changes(ledger.Wants)...)
	e.Records[1].Change.SequenceNumber = ""
	e.Records[1].Change.NewImage = nil
	if response, err := stream.Ledger(c.Ledger, c.Events)(ctx, e); err == nil || len(response.BatchItemFailures) > 0 {
		t.Errorf("answer %+v, %v", response, err)
	}
	if balance, _, _ := c.Totals(t, "alice"); balance != 220 {
		t.Errorf("alice's balance is %d", balance)
	}
}

func TestWhatIsNoneOfTheLedgersBusinessIsLeftAlone(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	e := event(
		records.Change{Key: table.Key{PK: "X#1", SK: "X"}, New: table.Item{"a": table.Int(1)}},
		records.Change{Key: table.Key{PK: "O#1", SK: "note"}, New: table.Item{"a": table.Int(1)}},
		records.Change{Key: table.Key{PK: "C#alice", SK: "C"}, New: table.Item{"name": table.String("Alice")}},
		records.Change{Key: table.Key{PK: "M", SK: "tea"}, New: table.Item{}, Old: table.Item{}},
		records.Change{Key: table.Key{PK: "O#1", SK: "O"}, Old: table.Item{"posting": table.Int(1)}}, // vanished
	)
	e.Records[4].Change.OldImage = nil // as a stream of keys only has it
	e.Records[4].UserIdentity = &events.DynamoDBUserIdentity{Type: "Service", PrincipalID: "dynamodb.amazonaws.com"}
	before := cafetest.Rows(t, c.Table)
	response, err := stream.Ledger(c.Ledger, c.Events)(ctx, e)
	if number := failed(t, response, err); number != "" {
		t.Errorf("failed at %s", number)
	}
	if response, err := stream.Ledger(c.Ledger, c.Events)(ctx, events.DynamoDBEvent{}); failed(t, response, err) != "" {
		t.Errorf("an empty batch: %+v", response)
	}
	if after := cafetest.Rows(t, c.Table); len(after) != len(before) {
		t.Errorf("%d rows, were %d", len(after), len(before))
	}
}

// lambda delivers the records as Lambda does: batch by batch, again from the record that
// failed, until all are done.
func lambda(t rapid.TB, handle func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error), e events.DynamoDBEvent, batch int) {
	t.Helper()
	for tries := 0; len(e.Records) > 0; tries++ {
		if tries > 1000 {
			t.Fatal("it never ends")
		}
		n := min(batch, len(e.Records))
		response, err := handle(ctx, events.DynamoDBEvent{Records: e.Records[:n]})
		done := n
		if number := failed(t, response, err); number != "" {
			for done = 0; e.Records[done].Change.SequenceNumber != number; done++ {
			}
		}
		e.Records = e.Records[done:]
	}
}

func TestCase26AHistoryDeliveredWithFailuresEndsRight(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		c.Happen(t, 12)
		changes := c.Recorder.Changes(ledger.Wants)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		fault := rapid.SampledFrom([]tabletest.Fault{
			{Before: table.ErrUnavailable}, {After: table.ErrUnavailable}, {Before: table.ErrThrottled}, {Before: table.ErrConflict},
		}).Draw(t, "fault")
		c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
			if random.IntN(5) == 0 {
				return fault
			}
			return tabletest.Fault{}
		})
		lambda(t, stream.Ledger(c.Ledger, c.Events), event(changes...), rapid.IntRange(1, 10).Draw(t, "batch"))
		c.Restart()
		c.WantTrue(t)
	})
}

func TestCase27And28AStoreThatPutsUsOffIsAPartialFailure(t *testing.T) {
	for name, fault := range map[string]error{"conflict": table.ErrConflict, "throttled": table.ErrThrottled, "unavailable": table.ErrUnavailable} {
		t.Run(name, func(t *testing.T) {
			onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
				for _, who := range []string{"alice", "bob", "carol"} {
					place(t, c, who, 1)
				}
				e := event(c.Recorder.Changes(ledger.Wants)...)
				c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
					if call.Method == "Write" && call.Ops[0].Key.PK != "C#alice" && call.Ops[0].Key != records.ListedKey("alice") && call.Ops[0].Key != records.EventHeadKey {
						return tabletest.Fault{Before: fault}
					}
					return tabletest.Fault{}
				})
				var reason error
				response, err := stream.Ledger(c.Ledger, c.Events)(stream.OnFailure(ctx, func(err error) { reason = err }), e)
				if number := failed(t, response, err); number != "2" || !errors.Is(reason, fault) {
					t.Errorf("failed at %q: %v", number, reason)
				}
				if balance, _, _ := c.Totals(t, "alice"); balance != 220 {
					t.Errorf("alice's balance is %d", balance)
				}
				c.Restart()
				lambda(t, stream.Ledger(c.Ledger, c.Events), e, 3)
				c.WantTrue(t)
			})
		})
	}
}

func TestWithTooLittleTimeLeftNoWriteStarts(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	place(t, c, "alice", 1)
	e := event(c.Recorder.Changes(ledger.Wants)...)
	hasty := house.Open(c.Settings, table.Guarded(c.Faults, time.Second), c.Clock.Now)
	soon, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	rows := len(cafetest.Rows(t, c.Table))
	response, err := stream.Ledger(hasty.Ledger, hasty.Events)(soon, e)
	if number := failed(t, response, err); number != "1" {
		t.Errorf("failed at %q", number)
	}
	if n := len(cafetest.Rows(t, c.Table)); n != rows {
		t.Errorf("%d rows, were %d", n, rows)
	}
}

func TestNotifyPublishesAndTellsWhatItCouldNot(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		for _, who := range []string{"alice", "bob", "carol"} {
			place(t, c, who, 5)
		}
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		e := event(c.Recorder.Changes(outbox.Wants)...)
		if len(e.Records) != 3 {
			t.Fatalf("%d records", len(e.Records))
		}
		down := errors.New("down")
		second := e.Records[1].Change.NewImage["attributes"].Map()["customer_id"].String()
		handle := stream.Notify(c.Outbox, refusing{c.Notifier, second, down})
		var reason error
		response, err := handle(stream.OnFailure(ctx, func(err error) { reason = err }), e)
		if number := failed(t, response, err); number != "2" || !errors.Is(reason, down) {
			t.Errorf("failed at %q: %v", number, reason)
		}
		lambda(t, stream.Notify(c.Outbox, c.Notifier), events.DynamoDBEvent{Records: e.Records[1:]}, 2)
		if times := c.Notifier.Times(); len(times) != 3 {
			t.Errorf("published %v", times)
		}
		// What announcing changes of the outbox comes by in the stream, too.
		before := len(c.Notifier.Published())
		lambda(t, stream.Notify(c.Outbox, c.Notifier), event(c.Recorder.Changes(outbox.Wants)[3:]...), 10)
		if n := len(c.Notifier.Published()); n != before {
			t.Errorf("%d more were published", n-before)
		}
	})
}

// refusing is a notifier that refuses alerts about one customer.
type refusing struct {
	outbox.Notifier
	customer string
	err      error
}

func (r refusing) Publish(ctx context.Context, m outbox.Message) error {
	if m.Attributes["customer_id"] == r.customer {
		return r.err
	}
	return r.Notifier.Publish(ctx, m)
}

func TestTheNotifierTakesRecordsOrASweep(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	place(t, c, "alice", 5)
	place(t, c, "bob", 5)
	c.Post(t, c.Recorder.Changes(ledger.Wants)...)
	handle := stream.NotifyOrSweep(c.Outbox, c.Notifier, c.DeadLetters)
	send := func(event string) error {
		response, err := handle(ctx, json.RawMessage(event))
		if len(response.BatchItemFailures) > 0 {
			t.Errorf("%s: %+v", event, response)
		}
		return err
	}
	for _, junk := range []string{`{}`, `[]`, `null`, `{"sweep":false}`, `{"sweep":1}`, `{"Records":5}`, `{"Records":[{"dynamodb":{"Keys":{"pk":{"S":5}}}}]}`, `{`} {
		if err := send(junk); err == nil {
			t.Errorf("%s: no error", junk)
		}
	}
	one, err := json.Marshal(event(c.Recorder.Changes(outbox.Wants)[0]))
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"a record": send(string(one)), "no record": send(`{"Records":[]}`), "a sweep that finds it too fresh": send(`{"sweep":true}`),
	} {
		if err != nil || len(c.Notifier.Published()) != 1 {
			t.Errorf("%s: %v, %d published", what, err, len(c.Notifier.Published()))
		}
	}
	c.Clock.Pass(2 * time.Minute)
	if err := send(`{"sweep":true}`); err != nil || len(c.Notifier.Times()) != 2 {
		t.Errorf("sweep: %v, %v published", err, c.Notifier.Times())
	}
}

func TestASubscriptionThatHasToWaitFailsNeitherRecordNorSweep(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	c.Notifier.Fail(func(_ int, what string) (before, after error) {
		if what == "Subscribe" {
			return outbox.ErrNotYet, nil
		}
		return nil, nil
	})
	if _, _, err := c.SetCustomer(ctx, "alice", model.Profile{Name: "Alice", Email: "alice@example.com", Notify: true}, nil); err != nil {
		t.Fatal(err)
	}
	handle := stream.NotifyOrSweep(c.Outbox, c.Notifier, c.DeadLetters)
	record, err := json.Marshal(event(c.Recorder.Changes(outbox.Wants)...))
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{string(record), `{"sweep":true}`} {
		response, err := handle(ctx, json.RawMessage(event))
		if number := failed(t, response, err); number != "" {
			t.Errorf("failed at %q", number)
		}
		c.Clock.Pass(2 * time.Minute)
	}
	c.Notifier.Fail(nil)
	response, err := handle(ctx, json.RawMessage(`{"sweep":true}`))
	if failed(t, response, err); len(c.Notifier.Subscribed("alice")) != 1 {
		t.Errorf("subscribed %v", c.Notifier.Subscribed("alice"))
	}
}

// values are what a table keeps.
func values() *rapid.Generator[table.Value] {
	return rapid.Deferred(func() *rapid.Generator[table.Value] {
		return rapid.OneOf(
			rapid.Map(rapid.String(), table.String),
			rapid.Map(rapid.Int64(), table.Int),
			rapid.Map(rapid.Bool(), table.Bool),
			rapid.Map(rapid.SliceOf(rapid.Byte()), table.Bytes),
			rapid.Map(rapid.SliceOfN(values(), 0, 3), func(l []table.Value) table.Value { return table.List(l...) }),
			rapid.Map(rapid.MapOfN(rapid.String(), values(), 0, 3), func(m map[string]table.Value) table.Value { return table.Map(m) }),
		)
	})
}

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	items := rapid.Custom(func(t *rapid.T) table.Item {
		if rapid.Bool().Draw(t, "absent") {
			return nil
		}
		item := table.Item{}
		for name, v := range rapid.MapOfN(rapid.StringMatching(`[a-z]{3,9}`), values(), 0, 4).Draw(t, "item") {
			item[name] = v
		}
		return item
	})
	rapid.Check(t, func(t *rapid.T) {
		change := records.Change{
			Key: table.Key{PK: rapid.StringN(1, -1, 50).Draw(t, "pk"), SK: rapid.StringN(1, -1, 50).Draw(t, "sk")},
			Old: items.Draw(t, "old"), New: items.Draw(t, "new"),
		}
		if at := rapid.Int64Range(0, 4e9).Draw(t, "time"); at > 0 { // in seconds, as DynamoDB tells it
			change.Time = time.Unix(at, 0)
		}
		record := stream.Record(change, "7")
		want := map[[2]bool]string{{true, false}: "INSERT", {false, false}: "MODIFY", {false, true}: "REMOVE"}
		if name := want[[2]bool{change.Old == nil, change.New == nil}]; name != "" && record.EventName != name {
			t.Fatalf("event %s, want %s", record.EventName, name)
		}
		if change.Old == nil && change.New == nil {
			return // no change at all
		}
		// By way of JSON, as Lambda gets it.
		b, err := json.Marshal(events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{record}})
		if err != nil {
			t.Fatal(err)
		}
		var e events.DynamoDBEvent
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatal(err)
		}
		var got []records.Change
		handle := stream.Handle("test", func(_ context.Context, changes []records.Change) []error {
			got = changes
			return make([]error, len(changes))
		})
		response, err := handle(ctx, e)
		if number := failed(t, response, err); number != "" {
			t.Fatalf("%s was not understood", b)
		}
		if len(got) != 1 || got[0].Key != change.Key || !same(got[0].Old, change.Old) || !same(got[0].New, change.New) || !got[0].Time.Equal(change.Time) {
			t.Fatalf("read %+v\nwant %+v", got, change)
		}
	})
}

func same(a, b table.Item) bool { return (a == nil) == (b == nil) && a.Equal(b) }

// FuzzStreamEvent is a target for go test -fuzz: whatever an event holds, the ledger
// answers with the number of one of its records, or that it failed, and posts the good
// record that goes before.
func FuzzStreamEvent(f *testing.F) {
	c := cafetest.Open(f, cafetest.Engines[0].Open(f))
	place(f, c, "alice", 1)
	place(f, c, "bob", 1)
	good := event(c.Recorder.Changes(ledger.Wants)...).Records[0]
	own := good.Change.Keys["pk"].String()
	seed := func(batch ...events.DynamoDBEventRecord) {
		b, err := json.Marshal(events.DynamoDBEvent{Records: batch})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	seed()
	for _, spoil := range poisons() {
		r := event(c.Recorder.Changes(ledger.Wants)...).Records[1]
		seed(r)
		spoil(&r)
		func() {
			defer func() { _ = recover() }() // some cannot be told in JSON at all
			seed(r, r)
		}()
	}
	f.Add(`{"Records":[{"dynamodb":{"SequenceNumber":"9","Keys":{"pk":{"S":"O#x"},"sk":{"S":"O"}},"NewImage":{"total":{"N":"NaN"}}}}]}`)
	f.Add(strings.Repeat(`{"Records":[{"dynamodb":{"NewImage":{"a":{"M":`, 50))
	handle := stream.Ledger(c.Ledger, c.Events)
	f.Fuzz(func(t *testing.T, data string) {
		var e events.DynamoDBEvent
		// Of two records that tell one order's posting differently, none is the good one.
		if !decodes(data, &e) || len(e.Records) > 100 || strings.Contains(data, own) {
			return
		}
		first := good
		first.Change.SequenceNumber = "first"
		e.Records = append([]events.DynamoDBEventRecord{first}, e.Records...)
		response, err := handle(ctx, e)
		if err != nil {
			return
		}
		if number := failed(t, response, err); number != "" {
			for _, r := range e.Records[1:] {
				if r.Change.SequenceNumber == number {
					return
				}
			}
			t.Errorf("answered with %q, which is of no record after the good one", number)
		}
	})
}

// decodes reads the event as Lambda's runtime does, which takes a panic of the event
// types for an error.
func decodes(data string, e *events.DynamoDBEvent) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return json.Unmarshal([]byte(data), e) == nil
}
