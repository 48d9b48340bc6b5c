package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/cenkalti/backoff/v5"

	"cafe/handlers/stream"
	"cafe/internal/cafetest"
	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/pebble"
	"cafe/model"
)

// open opens a café on an embedded store, which is empty but for the sample menu.
func open(t *testing.T) (*cafetest.Cafe, *pebble.Table) {
	t.Helper()
	store := cafetest.Engines[0].Open(t).(*pebble.Table)
	c := cafetest.Open(t, store)
	c.Recorder.Pause()
	return c, store
}

func newPump(t *testing.T, store *pebble.Table, consumers ...Consumer) *Pump {
	t.Helper()
	p, err := NewPump(store, &grave{}, reachable, consumers...)
	if err != nil {
		t.Fatal(err)
	}
	p.delivery.pauses = func() backoff.BackOff { return backoff.NewConstantBackOff(time.Millisecond) }
	return p
}

// start runs the pump until stop is called, or the test ends.
func start(t *testing.T, p *Pump) (stop func()) {
	t.Helper()
	running, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(running)
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return stop
}

// eventually waits until it holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// listener keeps the keys and sequence numbers of what it was given.
type listener struct {
	mu   sync.Mutex
	got  []string
	hold chan struct{} // receives once for each batch, if not nil
	fail func() error
}

func (f *listener) consumer(name string) Consumer {
	return Consumer{Name: name, Wants: func(pk string) bool { return pk[0] == 'T' }, Handle: func(ctx context.Context, e events.DynamoDBEvent) (r events.DynamoDBEventResponse, err error) {
		f.mu.Lock()
		for _, record := range e.Records {
			f.got = append(f.got, record.Change.Keys[table.AttrPK].String())
		}
		f.mu.Unlock()
		if f.hold != nil && len(e.Records) > 0 {
			select {
			case <-f.hold:
			case <-ctx.Done():
				return r, ctx.Err()
			}
		}
		if f.fail != nil {
			err = f.fail()
		}
		return r, err
	}}
}

func (f *listener) have() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got)
}

// write puts items T1 to Tn, one by one.
func write(t *testing.T, store *pebble.Table, from, to int) (keys []string) {
	t.Helper()
	for i := from; i <= to; i++ {
		keys = append(keys, fmt.Sprint("T", i))
		if err := store.Write(ctx, table.Put(table.Key{PK: keys[len(keys)-1], SK: "S"}, table.Item{"n": table.Int(int64(i))})); err != nil {
			t.Fatal(err)
		}
		if err := store.Write(ctx, table.Put(table.Key{PK: fmt.Sprint("other ", i), SK: "S"}, table.Item{})); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

func TestTotalsAndAlertsFollowAnOrderWithinASecond(t *testing.T) {
	c, store := open(t)
	p := newPump(t, store,
		Consumer{Name: "ledger", Wants: stream.LedgerWants, Handle: stream.Ledger(c.Ledger, c.Events)},
		Consumer{Name: "notifier", Wants: outbox.Wants, Handle: stream.Notify(c.Outbox, c.Notifier)})
	start(t, p)
	draft := model.Draft{CustomerID: "alice", Lines: []model.DraftLine{{SKU: "latte", Quantity: 3}}}
	if _, _, err := c.Place(ctx, cafetest.Staff, draft, ""); err != nil {
		t.Fatal(err)
	}
	placed := time.Now()
	eventually(t, "the balance has followed", func() bool {
		alice, err := c.Cafe.Customer(ctx, cafetest.Owner, "alice")
		return err == nil && alice.Balance == 1050
	})
	eventually(t, "the alert is published", func() bool { return len(c.Notifier.Published()) == 1 })
	if took := time.Since(placed); took > time.Second {
		t.Errorf("it took %v", took)
	}
	eventually(t, "the pump has caught up", func() bool { return p.Lag() == 0 })
	c.WantTrue(t)
}

func TestEveryConsumerGetsWhatItWantsInOrder(t *testing.T) {
	_, store := open(t)
	var a, b listener
	p := newPump(t, store, a.consumer("a"), b.consumer("b"))
	start(t, p)
	want := write(t, store, 1, 700) // more than one batch
	for name, f := range map[string]*listener{"a": &a, "b": &b} {
		eventually(t, name+" has all", func() bool { return len(f.have()) >= len(want) })
		if !slices.Equal(f.have(), want) {
			t.Errorf("%s got %d records, or out of order", name, len(f.have()))
		}
	}
	eventually(t, "the pump has caught up", func() bool { return p.Lag() == 0 })
}

func TestAChangeIsToldWithTheTimeWhenItWasMade(t *testing.T) {
	_, store := open(t)
	from := time.Now().Truncate(time.Microsecond)
	write(t, store, 1, 1)
	to := time.Now()
	var made atomic.Pointer[time.Time]
	start(t, newPump(t, store, Consumer{
		Name: "a", Wants: func(pk string) bool { return pk[0] == 'T' },
		Handle: stream.Handle("a", func(_ context.Context, changes []records.Change) []error {
			for _, change := range changes {
				made.Store(&change.Time)
			}
			return make([]error, len(changes))
		}),
	}))
	eventually(t, "the change is told", func() bool { return made.Load() != nil })
	if at := *made.Load(); at.Before(from) || at.After(to) {
		t.Errorf("told as of %v, it was made from %v to %v", at, from, to)
	}
}

func TestCase26TheCheckpointMovesAfterTheBatchAndARestartDeliversItAgain(t *testing.T) {
	_, store := open(t)
	held := listener{hold: make(chan struct{})}
	stop := start(t, newPump(t, store, held.consumer("c")))
	first := write(t, store, 1, 1)
	eventually(t, "it was delivered", func() bool { return len(held.have()) == 1 })
	if at, err := store.Checkpoint("c"); err != nil || at >= last(store) {
		t.Errorf("checkpoint %d of %d before the batch is done, %v", at, last(store), err)
	}
	stop() // in the middle of the batch

	again := listener{hold: make(chan struct{})}
	p := newPump(t, store, again.consumer("c"))
	stop = start(t, p)
	eventually(t, "it was delivered again", func() bool { return slices.Equal(again.have(), first) })
	again.hold <- struct{}{}
	eventually(t, "the checkpoint has moved", func() bool {
		at, err := store.Checkpoint("c")
		return err == nil && at == last(store)
	})
	stop()

	var third listener
	start(t, newPump(t, store, third.consumer("c")))
	second := write(t, store, 2, 2)
	eventually(t, "only what is new comes", func() bool { return len(third.have()) > 0 })
	if !slices.Equal(third.have(), second) {
		t.Errorf("got %q, want %q", third.have(), second)
	}
}

func last(store *pebble.Table) uint64 {
	_, last := store.Bounds()
	return last
}

func TestWhatTheSlowestConsumerHasNotHadIsKept(t *testing.T) {
	_, store := open(t)
	var quick listener
	slow := listener{hold: make(chan struct{})}
	p := newPump(t, store, quick.consumer("quick"), slow.consumer("slow"))
	start(t, p)
	write(t, store, 1, 1)
	eventually(t, "the slow one is busy", func() bool { return len(slow.have()) == 1 })
	want := write(t, store, 2, 1200) // the log drops a thousand at a time
	eventually(t, "the quick one has all", func() bool { return len(quick.have()) == 1200 })
	if first, _ := store.Bounds(); first > last(store)-2300 {
		t.Errorf("the log begins at %d of %d", first, last(store))
	}
	if lag := p.Lag(); lag < 2000 {
		t.Errorf("the slowest is %d behind", lag)
	}
	close(slow.hold)
	eventually(t, "the slow one has all", func() bool { return len(slow.have()) == 1200 })
	if got := slow.have(); !slices.Equal(got[1:], want) {
		t.Error("out of order")
	}
	eventually(t, "the log was trimmed", func() bool {
		first, last := store.Bounds()
		return last-first < 1024
	})
}

func TestAConsumerForWhomTheLogBeginsTooLateGoesOnFromThere(t *testing.T) {
	_, store := open(t)
	var old listener
	stop := start(t, newPump(t, store, old.consumer("old")))
	write(t, store, 1, 1200)
	eventually(t, "the log was trimmed", func() bool {
		first, _ := store.Bounds()
		return first > 1000
	})
	stop()
	var old2, late listener
	p := newPump(t, store, old2.consumer("old"), late.consumer("late"))
	start(t, p)
	want := write(t, store, 1201, 1203)
	eventually(t, "the new one gets what is new", func() bool {
		got := late.have()
		return len(got) >= 3 && slices.Equal(got[len(got)-3:], want)
	})
	eventually(t, "the pump has caught up", func() bool { return p.Lag() == 0 })
}

func TestAFailingConsumerHoldsUpNoOther(t *testing.T) {
	_, store := open(t)
	var good listener
	bad := listener{fail: func() error { return errors.New("always") }}
	p := newPump(t, store, good.consumer("good"), bad.consumer("bad"))
	start(t, p)
	want := write(t, store, 1, 3)
	eventually(t, "the good one has all", func() bool { return slices.Equal(good.have(), want) })
	eventually(t, "the bad one's are buried", func() bool { return len(buried(t, p.delivery, "bad")) == 3 })
	eventually(t, "the pump has caught up", func() bool { return p.Lag() == 0 })
}

func TestAConsumerThatCannotReachTheStoreWaits(t *testing.T) {
	_, store := open(t)
	var mu sync.Mutex
	down := true
	isUp := func(context.Context) bool {
		mu.Lock()
		defer mu.Unlock()
		return !down
	}
	f := listener{fail: func() error {
		if !isUp(ctx) {
			return table.ErrUnavailable
		}
		return nil
	}}
	p := newPump(t, store, f.consumer("c"))
	p.delivery.reachable = isUp
	start(t, p)
	write(t, store, 1, 1)
	eventually(t, "it was tried more often than a record has tries", func() bool { return len(f.have()) > 3*Tries })
	mu.Lock()
	down = false
	mu.Unlock()
	eventually(t, "the pump has caught up", func() bool { return p.Lag() == 0 })
	if letters := buried(t, p.delivery, "c"); len(letters) != 0 {
		t.Errorf("%d dead letters", len(letters))
	}
}

func TestAPoisonedItemIsBuriedAndTotalsFollowAllTheSame(t *testing.T) {
	c, store := open(t)
	p := newPump(t, store, Consumer{Name: "ledger", Wants: stream.LedgerWants, Handle: stream.Ledger(c.Ledger, c.Events)})
	start(t, p)
	for i := range 5 {
		draft := model.Draft{CustomerID: "alice", Lines: []model.DraftLine{{SKU: "tea", Quantity: 1}}}
		if _, _, err := c.Place(ctx, cafetest.Staff, draft, ""); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			if err := store.Write(ctx, table.Put(table.Key{PK: "O#poison", SK: "O"}, table.Item{"total": table.String("much")})); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "the pump has caught up", func() bool { return p.Lag() == 0 })
	if letters := buried(t, p.delivery, "ledger"); len(letters) != 1 || letters[0].Record.Change.Keys[table.AttrPK].String() != "O#poison" {
		t.Errorf("dead letters %+v", letters)
	}
	if err := store.Write(ctx, table.Delete(table.Key{PK: "O#poison", SK: "O"})); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the pump has caught up", func() bool { return p.Lag() == 0 })
	c.WantTrue(t)
}

func TestThePumpEndsWithItsStore(t *testing.T) {
	store := cafetest.Engines[0].Open(t).(*pebble.Table)
	var f listener
	p := newPump(t, store, f.consumer("c"))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx)
	}()
	write(t, store, 1, 1)
	eventually(t, "it was delivered", func() bool { return len(f.have()) == 1 })
	eventually(t, "the pump has caught up", func() bool { return p.Lag() == 0 })
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the pump goes on without a store")
	}
}
