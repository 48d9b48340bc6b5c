package events_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/cafetest"
	"cafe/internal/events"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

func entry(order string, version int64) events.Entry {
	at := time.Date(2026, 11, 28, 9, 0, 0, 123456000, time.UTC)
	data := `{"id":"` + order + `","number":7,"status":"placed","total":1010,"currency":"GBP"}`
	return events.Entry{Event: model.NewEvent(model.EventOrderPlaced, "/orders/"+order, version, at, []byte(data)), Customer: "alice"}
}

// all reads the log from a cursor to its end, so many events at a time.
func all(t rapid.TB, l *events.Log, from events.Cursor, limit int) (entries []events.Entry, end events.Cursor) {
	t.Helper()
	for {
		p, err := l.Read(ctx, from, limit)
		if err != nil {
			t.Fatalf("read from %s: %v", from, err)
		}
		if len(p.Entries) > limit {
			t.Fatalf("%d events, more than %d", len(p.Entries), limit)
		}
		entries, from = append(entries, p.Entries...), p.Next
		if len(p.Entries) == 0 && !p.More {
			return entries, from
		}
	}
}

func ids(entries []events.Entry) (ids []string) {
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	return ids
}

func TestTheLogGivesBackWhatWasPutIntoIt(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		l := events.New(e.Open(t), time.Now)
		begin, err := l.Head(ctx)
		if err != nil || begin.String() != "1.0" {
			t.Fatal(begin, err)
		}
		if got, end := all(t, l, events.Cursor{}, 10); len(got) != 0 || end != begin {
			t.Fatal(got, end)
		}
		var want []string
		for n := range 40 {
			var batch []events.Entry
			for i := range n {
				batch = append(batch, entry(fmt.Sprint("order", n, "-", i), 1))
			}
			if err := l.Append(ctx, batch); err != nil {
				t.Fatal(err)
			}
			want = append(want, ids(batch)...)
		}
		head, err := l.Head(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, limit := range []int{1, 7, 100, 1000} {
			for _, from := range []events.Cursor{{}, begin} {
				got, end := all(t, l, from, limit)
				if !slices.Equal(ids(got), want) || end != head {
					t.Fatalf("limit %d: %d events to %s, want %d to %s", limit, len(got), end, len(want), head)
				}
			}
		}
		got, _ := all(t, l, begin, 100)
		if same := entry("order1-0", 1); string(got[0].AppendJSON(nil)) != string(same.AppendJSON(nil)) || got[0].Customer != "alice" {
			t.Errorf("got %s of %s, want %s", got[0].AppendJSON(nil), got[0].Customer, same.AppendJSON(nil))
		}
		for i, e := range got {
			parsed, err := events.ParseCursor(e.Next.String())
			if err != nil || parsed != e.Next {
				t.Fatal(e.Next, err)
			}
			if i%97 == 0 {
				if rest, _ := all(t, l, parsed, 100); !slices.Equal(ids(rest), want[i+1:]) {
					t.Fatalf("after event %d there are %d, want %d", i, len(rest), len(want)-i-1)
				}
			}
		}
	})
}

func TestTextsThatAreNoCursorsAreRefused(t *testing.T) {
	for _, text := range []string{"", ".", "1", "1.", ".0", "0.0", "-1.0", "1.-1", "01.0", "1.00", "1.p", "1.0.0", "A.0", "+1.0", " 1.0", "1.0\n", "zzzzzzzzzzzzz.0", "Oldest", strings.Repeat("1", 5000)} {
		if c, err := events.ParseCursor(text); !errors.Is(err, events.ErrNotACursor) {
			t.Errorf("%q is taken for %v", text, c)
		}
	}
}

// Writers in two processes, and readers who are there meanwhile.
func TestTwoWritersMakeOneLogWithoutAGap(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		db := e.Open(t)
		const writers, batches = 3, 20
		var running sync.WaitGroup
		for w := range writers {
			l := events.New(db, time.Now)
			running.Go(func() {
				for b := range batches {
					batch := []events.Entry{entry(fmt.Sprint("w", w), int64(2*b)), entry(fmt.Sprint("w", w), int64(2*b+1))}
					if err := records.Patiently(ctx, func() error { return l.Append(ctx, batch) }); err != nil {
						t.Error(err)
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { running.Wait(); close(done) }()
		reader, from := events.New(db, time.Now), events.Cursor{Page: 1}
		var live []events.Entry
		for reading := true; reading; {
			select {
			case <-done:
				reading = false
			default:
			}
			more, next := all(t, reader, from, 10)
			live, from = append(live, more...), next
		}
		more, _ := all(t, reader, from, 10)
		live = append(live, more...)
		whole, _ := all(t, reader, events.Cursor{}, 10)
		if len(whole) < writers*batches*2 || !slices.Equal(ids(live), ids(whole)) {
			t.Errorf("read %d live, %d later, of %d", len(live), len(whole), writers*batches*2)
		}
		last := map[string]int64{}
		for _, e := range whole {
			if e.Version > last[e.Subject]+1 {
				t.Fatalf("%s %d after %d", e.Subject, e.Version, last[e.Subject])
			}
			last[e.Subject] = max(last[e.Subject], e.Version)
		}
	})
}

func TestEventsAreKeptForAWeek(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		db, clock := e.Open(t), time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
		l := events.New(db, func() time.Time { return clock })
		put := func(order string) {
			t.Helper()
			if err := l.Append(ctx, []events.Entry{entry(order, 1)}); err != nil {
				t.Fatal(err)
			}
		}
		begin, _ := l.Head(ctx)
		put("a")
		second, _ := l.Head(ctx)
		clock = clock.Add(time.Hour)
		put("b")
		clock = clock.Add(events.Life - time.Hour + time.Second)
		for _, removed := range []bool{false, true} {
			if removed {
				if err := l.Forget(ctx); err != nil {
					t.Fatal(err)
				}
				if _, err := db.Get(ctx, records.EventPageKey(1), true); !errors.Is(err, table.ErrNotFound) {
					t.Fatal("the first page is still there", err)
				}
			}
			if _, err := l.Read(ctx, begin, 10); !errors.Is(err, events.ErrTooOld) {
				t.Errorf("read of what is gone (removed %v): %v", removed, err)
			}
			for _, from := range []events.Cursor{{}, second} {
				if got, _ := all(t, l, from, 10); len(got) != 1 || got[0].Subject != "/orders/b" {
					t.Errorf("from %s: %v", from, got)
				}
			}
		}
		clock = clock.Add(events.Life)
		if err := l.Forget(ctx); err != nil {
			t.Fatal(err)
		}
		head, _ := l.Head(ctx)
		if got, end := all(t, l, events.Cursor{}, 10); len(got) != 0 || end != head {
			t.Error(got, end)
		}
		for _, from := range []events.Cursor{second, {Page: head.Page + 1}, {Page: head.Page, Index: 3}} {
			if _, err := l.Read(ctx, from, 10); !errors.Is(err, events.ErrTooOld) {
				t.Errorf("from %s: %v", from, err)
			}
		}
		put("c")
		if got, _ := all(t, l, head, 10); len(got) != 1 {
			t.Error(got)
		}
	})
}

func TestAWaitingReaderIsWoken(t *testing.T) {
	l := events.New(cafetest.Engines[0].Open(t), time.Now)
	appended := l.Appended()
	select {
	case <-appended:
		t.Fatal("woken for nothing")
	default:
	}
	if err := l.Append(ctx, []events.Entry{entry("a", 1)}); err != nil {
		t.Fatal(err)
	}
	<-appended
}
