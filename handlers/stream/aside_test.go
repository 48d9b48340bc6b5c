package stream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"cafe/handlers/stream"
	"cafe/internal/cafetest"
	"cafe/internal/deadletters"
	"cafe/internal/ledger"
	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

// letters returns the dead letters of the café.
func letters(t testing.TB, c *cafetest.Cafe, aside bool) []deadletters.Letter {
	t.Helper()
	var all []deadletters.Letter
	for from := ""; ; {
		list, next, err := c.DeadLetters.List(ctx, aside, from, 100)
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, list...); next == "" {
			return all
		}
		from = next
	}
}

// redriven returns the event of the letters' own changes.
func redriven(c *cafetest.Cafe, consumer string) events.DynamoDBEvent {
	return event(c.Recorder.Changes(deadletters.Wants(consumer))...)
}

// In docs/reliability.md: a record that can never be posted does not hold up its shard.
func TestCase25APoisonRecordIsSetAsideAtOnceAndItsNeighboursArePosted(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	handle := stream.SetAside("ledger", c.DeadLetters, stream.Ledger(c.Ledger, c.Events))
	n := 0
	for name, spoil := range poisons() {
		if name == "a total that overflows" {
			continue // it can be read, so it has its tries
		}
		t.Run(name, func(t *testing.T) {
			n++
			who := [3]string{fmt.Sprint("before-", n), fmt.Sprint("poisoned-", n), fmt.Sprint("after-", n)}
			c.Recorder.Forget()
			place(t, c, who[0], 1)
			place(t, c, who[1], 2)
			place(t, c, who[2], 1)
			e := event(c.Recorder.Changes(ledger.Wants)...)
			for i := range e.Records {
				e.Records[i].Change.SequenceNumber = fmt.Sprint(n*10 + i)
			}
			spoil(&e.Records[1])
			before := len(letters(t, c, false))
			for range 2 { // the same batch again changes nothing
				response, err := handle(ctx, e)
				if number := failed(t, response, err); number != "" {
					t.Errorf("failed at %q", number)
				}
			}
			for i, want := range []model.Money{220, 0, 220} {
				if balance, _, _ := c.Totals(t, who[i]); balance != want {
					t.Errorf("balance of %s is %d, want %d", who[i], balance, want)
				}
			}
			if after := letters(t, c, false); len(after) != before+1 {
				t.Errorf("%d letters, were %d", len(after), before)
			}
			l, err := c.DeadLetters.Redrive(ctx, deadletters.StreamID("ledger", fmt.Sprint(n*10+1)))
			if err != nil || l.Reason == "" || l.Consumer != "ledger" {
				t.Fatalf("%+v, %v", l, err)
			}
			// Sent again it is dead again, or what is stored now is posted.
			response, err := handle(ctx, redriven(c, "ledger"))
			if number := failed(t, response, err); number != "" {
				t.Errorf("sent again it failed at %q", number)
			}
			balance, _, _ := c.Totals(t, who[1])
			_, err = c.DeadLetters.Redrive(ctx, l.ID)
			if done := errors.Is(err, model.ErrNotFound); done != (balance == 440) {
				t.Errorf("the letter is gone: %v; the balance is %d", done, balance)
			}
		})
	}
}

func TestWhatFailsForAnotherReasonHasItsTriesAndIsPostedWhenItIsSentAgain(t *testing.T) {
	onEachEngine(t, func(t *testing.T, c *cafetest.Cafe) {
		for _, who := range []string{"alice", "bob", "carol"} {
			place(t, c, who, 1)
		}
		e := event(c.Recorder.Changes(ledger.Wants)...)
		broken, calls := true, 0
		handle := stream.SetAside("ledger", c.DeadLetters, func(ctx context.Context, e events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
			return stream.Handle("ledger", func(ctx context.Context, changes []records.Change) []error {
				errs := c.Ledger.Post(ctx, changes)
				for i, change := range changes {
					if broken && change.New.Str("customer_id") == "bob" {
						calls++
						errs[i] = errors.New("a bug")
					}
				}
				return errs
			})(ctx, e)
		})
		for n := 1; ; n++ {
			response, err := handle(ctx, e)
			if number := failed(t, response, err); number == "" {
				if n != stream.Tries {
					t.Errorf("set aside after %d tries", n)
				}
				break
			} else if number != "2" || n == 100 {
				t.Fatalf("failed at %q", number)
			}
		}
		got := letters(t, c, false)
		if len(got) != 1 || got[0].Reason != "a bug" || got[0].Status != deadletters.Dead || !strings.HasPrefix(got[0].About, "orders/") {
			t.Fatalf("letters %+v", got)
		}
		again := func() {
			t.Helper()
			if _, err := c.DeadLetters.Redrive(ctx, got[0].ID); err != nil {
				t.Fatal(err)
			}
			response, err := handle(ctx, redriven(c, "ledger"))
			if number := failed(t, response, err); number != "" {
				t.Errorf("failed at %q", number)
			}
		}
		again()
		if still := letters(t, c, false); len(still) != 1 || still[0].Status != deadletters.Dead {
			t.Errorf("letters %+v", still)
		}
		broken = false
		// While the store is away, the letter waits.
		if _, err := c.DeadLetters.Redrive(ctx, got[0].ID); err != nil {
			t.Fatal(err)
		}
		c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
			if call.Method == "Write" {
				return tabletest.Fault{Before: table.ErrUnavailable}
			}
			return tabletest.Fault{}
		})
		response, err := handle(ctx, redriven(c, "ledger"))
		if number := failed(t, response, err); number == "" {
			t.Error("done without a store")
		}
		c.Faults.Set(nil)
		if still := letters(t, c, false); len(still) != 1 || still[0].Status != deadletters.Again {
			t.Errorf("letters %+v", still)
		}
		again()
		if left := letters(t, c, false); len(left) != 0 {
			t.Errorf("letters %+v", left)
		}
		c.WantTrue(t)
	})
}

func TestNothingIsSetAsideWhileTheStoreIsAway(t *testing.T) {
	for name, fault := range map[string]error{"conflict": table.ErrConflict, "throttled": table.ErrThrottled, "unavailable": table.ErrUnavailable} {
		t.Run(name, func(t *testing.T) {
			c := cafetest.Open(t, cafetest.Engines[0].Open(t))
			place(t, c, "alice", 1)
			place(t, c, "bob", 1)
			e := event(c.Recorder.Changes(ledger.Wants)...)
			handle := stream.SetAside("ledger", c.DeadLetters, stream.Ledger(c.Ledger, c.Events))
			c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
				if call.Method == "Write" {
					return tabletest.Fault{Before: fault}
				}
				return tabletest.Fault{}
			})
			for range 3 * stream.Tries {
				response, err := handle(ctx, e)
				if number := failed(t, response, err); number != "1" {
					t.Fatalf("failed at %q", number)
				}
			}
			// Nor is a poison record, since it cannot be kept.
			e.Records[0].Change.NewImage = nil
			response, err := handle(ctx, e)
			if number := failed(t, response, err); number != "1" {
				t.Fatalf("failed at %q", number)
			}
			c.Faults.Set(nil)
			if got := letters(t, c, false); len(got) != 0 {
				t.Errorf("letters %+v", got)
			}
			response, err = handle(ctx, e)
			if number := failed(t, response, err); number != "" || len(letters(t, c, false)) != 1 {
				t.Errorf("failed at %q, letters %+v", number, letters(t, c, false))
			}
		})
	}
}

func TestARecordThatPanicsIsFoundByHalvingAndSetAside(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	for _, who := range []string{"alice", "bob", "carol"} {
		place(t, c, who, 1)
	}
	handle := stream.SetAside("ledger", c.DeadLetters, stream.Handle("ledger", func(ctx context.Context, changes []records.Change) []error {
		for _, change := range changes {
			if change.New.Str("customer_id") == "bob" {
				panic("a bug")
			}
		}
		return c.Ledger.Post(ctx, changes)
	}))
	calls := 0
	var deliver func(batch []events.DynamoDBEventRecord)
	deliver = func(batch []events.DynamoDBEventRecord) { // as Lambda does, with BisectBatchOnFunctionError
		for {
			if calls++; calls > 100 {
				t.Fatal("it never ends")
			}
			response, err := handle(ctx, events.DynamoDBEvent{Records: batch})
			switch {
			case err == nil && len(response.BatchItemFailures) == 0:
				return
			case err != nil && len(batch) > 1:
				deliver(batch[:len(batch)/2])
				deliver(batch[len(batch)/2:])
				return
			}
		}
	}
	deliver(event(c.Recorder.Changes(ledger.Wants)...).Records)
	if got := letters(t, c, false); len(got) != 1 || got[0].ID != "stream-ledger-2" || !strings.Contains(got[0].Reason, "panic") {
		t.Errorf("letters %+v", got)
	}
	for who, want := range map[string]model.Money{"alice": 220, "bob": 0, "carol": 220} {
		if balance, _, _ := c.Totals(t, who); balance != want {
			t.Errorf("balance of %s is %d", who, balance)
		}
	}
}

func TestWhatTheNotifierCannotSendIsLeftToTheSweep(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	place(t, c, "alice", 5)
	place(t, c, "bob", 5)
	c.Post(t, c.Recorder.Changes(ledger.Wants)...)
	e := event(c.Recorder.Changes(outbox.Wants)...)
	first := e.Records[0].Change.NewImage["attributes"].Map()["customer_id"].String()
	handle := stream.LeaveToSweep("notifier", c.DeadLetters, stream.Notify(c.Outbox, refusing{c.Notifier, first, errors.New("down")}))
	for n := 1; ; n++ {
		response, err := handle(ctx, e)
		if number := failed(t, response, err); number == "" && n == stream.Tries {
			break
		} else if number != "1" {
			t.Fatalf("try %d failed at %q", n, number)
		}
	}
	if got := letters(t, c, false); len(got) != 0 {
		t.Errorf("letters %+v", got)
	}
	if n, err := c.Outbox.Sweep(ctx, c.Notifier, 0); err != nil || n != 1 || len(c.Notifier.Times()) != 2 {
		t.Errorf("swept %d, %v; published %v", n, err, c.Notifier.Times())
	}
	e.Records[1].Change.NewImage = nil
	response, err := handle(ctx, events.DynamoDBEvent{Records: e.Records[1:]})
	if got := letters(t, c, false); failed(t, response, err) != "" || len(got) != 1 || got[0].Consumer != "notifier" {
		t.Errorf("letters %+v", got)
	}
}

func TestARecordThatIsTooLargeIsKeptByItsKeyAndReadAgain(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	place(t, c, "alice", 1)
	e := event(c.Recorder.Changes(ledger.Wants)...)
	e.Records[0].Change.NewImage["total"] = text(strings.Repeat("x", 500_000))
	handle := stream.SetAside("ledger", c.DeadLetters, stream.Ledger(c.Ledger, c.Events))
	response, err := handle(ctx, e)
	got := letters(t, c, false)
	if failed(t, response, err) != "" || len(got) != 1 {
		t.Fatalf("letters %+v", got)
	}
	if _, err := c.DeadLetters.Redrive(ctx, got[0].ID); err != nil {
		t.Fatal(err)
	}
	response, err = handle(ctx, redriven(c, "ledger"))
	if failed(t, response, err) != "" || len(letters(t, c, false)) != 0 {
		t.Errorf("letters %+v", letters(t, c, false))
	}
	c.WantTrue(t)
}
