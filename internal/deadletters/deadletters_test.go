package deadletters_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"cafe/internal/cafetest"
	"cafe/internal/deadletters"
	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

var ctx = context.Background()

func list(t *testing.T, c *cafetest.Cafe, aside bool) []deadletters.Letter {
	t.Helper()
	letters, next, err := c.DeadLetters.List(ctx, aside, "", 100)
	if err != nil || next != "" {
		t.Fatal(err, next)
	}
	return letters
}

func stream(sequence string) deadletters.Letter {
	return deadletters.Letter{ID: deadletters.StreamID("ledger", sequence), Kind: deadletters.KindStream, Consumer: "ledger", About: "orders/a", Reason: "why", Content: "{}"}
}

func TestALetterIsKeptOnceAndCanBeSetAsideAndSentAgain(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		c := cafetest.Open(t, e.Open(t))
		box := c.DeadLetters
		first := stream("0000000000000000000007")
		if first.ID != "stream-ledger-7" || !model.ValidID(first.ID) {
			t.Fatal(first.ID)
		}
		for range 2 {
			if err := box.Keep(ctx, first); err != nil {
				t.Fatal(err)
			}
			c.Clock.Pass(time.Minute)
		}
		if got := list(t, c, false); len(got) != 1 || got[0].Status != deadletters.Dead || got[0].Reason != "why" {
			t.Fatalf("%+v", got)
		}
		if n, err := deadletters.Count(ctx, c.Table); err != nil || n != (deadletters.Counts{Stream: 1}) {
			t.Errorf("%+v, %v", n, err)
		}
		if err := box.SetAside(ctx, first.ID); err != nil || len(list(t, c, false)) != 0 || len(list(t, c, true)) != 1 {
			t.Errorf("%v", err)
		}
		if err := box.SetAside(ctx, first.ID); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("set aside twice: %v", err)
		}
		if l, err := box.Redrive(ctx, first.ID); err != nil || l.Status != deadletters.Again || len(list(t, c, true)) != 0 {
			t.Errorf("%+v, %v", l, err)
		}
		again := list(t, c, false)[0]
		if err := box.FailedAgain(ctx, again, "another reason"); err != nil {
			t.Fatal(err)
		}
		if err := box.Done(ctx, first.ID); err != nil { // of an older delivery
			t.Fatal(err)
		}
		if got := list(t, c, false); len(got) != 1 || got[0].Status != deadletters.Dead || got[0].Reason != "another reason" || got[0].Tries != 1 {
			t.Fatalf("%+v", got)
		}
		if _, err := box.Redrive(ctx, first.ID); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := box.Done(ctx, first.ID); err != nil || len(list(t, c, false)) != 0 {
				t.Fatal(err)
			}
		}
		if _, err := box.Redrive(ctx, first.ID); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("redriven when it is done: %v", err)
		}
	})
}

func TestWhatWasSetAsideIsKeptFor30Days(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		c := cafetest.Open(t, e.Open(t))
		for _, l := range []deadletters.Letter{stream("1"), stream("2")} {
			if err := c.DeadLetters.Keep(ctx, l); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.DeadLetters.SetAside(ctx, "stream-ledger-1"); err != nil {
			t.Fatal(err)
		}
		expires := c.Clock.Now().Add(deadletters.Life).Unix()
		if item, err := c.Table.Get(ctx, records.DeadKey("stream-ledger-1"), true); err != nil || item.Int("expires_at") != expires {
			t.Errorf("%v, %v", item, err)
		}
		c.Clock.Pass(deadletters.Life - time.Second)
		if n, err := c.DeadLetters.Forget(ctx); n != 0 || err != nil {
			t.Errorf("%d forgotten, %v", n, err)
		}
		c.Clock.Pass(2 * time.Second)
		if n, err := c.DeadLetters.Forget(ctx); n != 1 || err != nil {
			t.Errorf("%d forgotten, %v", n, err)
		}
		if len(list(t, c, true)) != 0 || len(list(t, c, false)) != 1 {
			t.Error("the wrong one was forgotten")
		}
	})
}

func TestAMessageThatCannotBeSentForDaysIsADeadLetter(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		c := cafetest.Open(t, e.Open(t))
		begun := c.Clock.Now()
		if err := c.Table.Write(ctx, outbox.Put(outbox.Message{ID: "m1", Topic: outbox.TopicDailyReport, Subject: "s", Body: "{}"}, begun)); err != nil {
			t.Fatal(err)
		}
		c.Notifier.Fail(func(int, string) (before, after error) { return errors.New("refused"), nil })
		sweeps := 0
		for ; len(list(t, c, false)) == 0; sweeps++ {
			if _, err := c.Outbox.Sweep(ctx, c.Notifier, 0); (err == nil) != (c.Clock.Now().Sub(begun) >= 72*time.Hour) || sweeps > 100 {
				t.Fatalf("sweep %d after %v: %v", sweeps, c.Clock.Now().Sub(begun), err)
			}
			c.Clock.Pass(12 * time.Hour)
		}
		got := list(t, c, false)[0]
		if got.ID != "message-m1" || got.About != "topics/DailyReport" || got.Kind != deadletters.KindMessage || sweeps != 7 {
			t.Errorf("after %d sweeps: %+v", sweeps, got)
		}
		if n, err := c.Outbox.Sweep(ctx, c.Notifier, 0); n != 0 || err != nil {
			t.Errorf("it is swept still: %d, %v", n, err)
		}
		if err := c.DeadLetters.SetAside(ctx, got.ID); err != nil || len(list(t, c, true)) != 1 || len(list(t, c, false)) != 0 {
			t.Error(err)
		}
		if _, err := c.DeadLetters.Redrive(ctx, got.ID); err != nil || len(list(t, c, true)) != 0 {
			t.Error(err)
		}
		// It has as long again.
		if _, err := c.Outbox.Sweep(ctx, c.Notifier, 0); err == nil {
			t.Error("dead at once")
		}
		c.Notifier.Fail(nil)
		if n, err := c.Outbox.Sweep(ctx, c.Notifier, 0); n != 1 || err != nil || c.Notifier.Times()["m1"] != 1 {
			t.Errorf("%d, %v", n, err)
		}
		if _, err := c.DeadLetters.Redrive(ctx, got.ID); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("redriven when it is sent: %v", err)
		}
	})
}

func TestAMessageThatCannotBeReadIsADeadLetterAtOnce(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	op := outbox.Put(outbox.Message{ID: "m1", Topic: outbox.TopicDailyReport, Subject: "s", Body: "{}"}, c.Clock.Now())
	op.Item["body"] = table.Int(5)
	other := outbox.Put(outbox.Message{ID: "m2"}, c.Clock.Now())
	other.Item["kind"] = table.String("song")
	if err := c.Table.Write(ctx, op, other); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Outbox.Sweep(ctx, c.Notifier, 0); err != nil {
		t.Error(err)
	}
	if got := list(t, c, false); len(got) != 2 {
		t.Errorf("%+v", got)
	}
}
