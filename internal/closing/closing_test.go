package closing_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cafe/internal/cafetest"
	"cafe/internal/closing"
	"cafe/internal/ledger"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
	"cafe/model/books"
)

func counted(float, cash model.Money) books.Count {
	return books.Count{Float: float, Counted: map[model.Method]model.Money{model.MethodCash: cash}}
}

func closeDay(t testing.TB, c *cafetest.Cafe, day model.Day, found books.Count) records.StoredClose {
	t.Helper()
	stored, again, err := c.Books.Close(ctx, "olivia", day, found)
	if err != nil || again {
		t.Fatalf("close %s: again %t, %v", day, again, err)
	}
	return stored
}

func wantSound(t testing.TB, c *cafetest.Cafe) {
	t.Helper()
	if faults, err := c.Books.Check(ctx); err != nil || len(faults) > 0 {
		t.Errorf("check: %+v, %v", faults, err)
	}
}

func TestACloseSaysWhatTheDayBroughtAndIsNeverChanged(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.SetPricing(t, c, cafetest.VAT("20"))
		cafetest.Sell(t, c, "2017-03-17 09:30", "latte", "tea") // 350 and 220
		cafetest.Place(t, c, "alice", cafetest.Lines("latte"))
		cafetest.Pay(t, c, "alice", 300)
		gone := cafetest.Place(t, c, model.WalkIn, cafetest.Lines("tea"))
		cafetest.Advance(t, c, gone.ID, model.StatusCancelled)
		cafetest.Deliver(t, c)
		cafetest.ClockAt(t, c, "2017-03-18 09:00")

		first := closeDay(t, c, "2017-03-17", counted(10000, 10250))
		if first.Number != 1 || first.Previous != "" || first.Orders != 3 || first.Gross != 920 || first.Refunds != 0 || first.Net != 767 || first.CancelledOrders != 1 || first.Cancelled != 220 ||
			first.PaidOnTabs != 300 || first.By != "olivia" || first.Early || first.Fault() != "" {
			t.Errorf("%s", first.Text)
		}
		var said []string
		for _, tender := range first.Tenders {
			text := fmt.Sprint(tender.Method, " ", tender.Amount)
			if tender.Expected != nil {
				text += fmt.Sprint(" of ", *tender.Expected)
			}
			if tender.Difference != nil {
				text += fmt.Sprint(" off ", *tender.Difference)
			}
			said = append(said, text)
		}
		if want := []string{"cash 300 of 10300 off -50", "account 50", "unsaid 570"}; !slices.Equal(said, want) {
			t.Errorf("tenders %q, want %q", said, want)
		}

		again, repeated, err := c.Books.Close(ctx, "sam", "2017-03-17", counted(10000, 10250))
		if err != nil || !repeated || !bytes.Equal(again.Text, first.Text) {
			t.Errorf("the same count again: %t, %v\n%s", repeated, err, again.Text)
		}
		for _, other := range []books.Count{{}, counted(10000, 10251), counted(9999, 10250)} {
			if _, _, err := c.Books.Close(ctx, "olivia", "2017-03-17", other); !errors.Is(err, closing.ErrClosed) {
				t.Errorf("another count %+v: %v", other, err)
			}
		}
		stored, err := c.Books.Day(ctx, "2017-03-17")
		if err != nil || stored.Open || !bytes.Equal(stored.Text, first.Text) || stored.Hash != first.Hash || stored.Hash != books.HashOf(first.Text) {
			t.Errorf("read again: %v\n%s", err, stored.Text)
		}
		wantSound(t, c)
	})
}

func TestWhatCannotBeClosedChangesNothing(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Sell(t, c, "2017-03-18 09:30", "latte")
		for name, refused := range map[string]struct {
			day   model.Day
			found books.Count
			field string
		}{
			"tomorrow":             {day: "2017-03-19", found: books.Count{Early: true}},
			"today":                {day: "2017-03-18"},
			"before 1970":          {day: "1969-12-31"},
			"a float below 0":      {"2017-03-17", books.Count{Float: -1}, "/float"},
			"an absurd float":      {"2017-03-17", books.Count{Float: books.MostCounted + 1}, "/float"},
			"an unknown tender":    {"2017-03-17", books.Count{Counted: map[model.Method]model.Money{"shells": 1}}, "/counted/shells"},
			"a tab":                {"2017-03-17", books.Count{Counted: map[model.Method]model.Money{model.TenderAccount: 1}}, "/counted/account"},
			"a count below 0":      {"2017-03-17", counted(0, -1), "/counted/cash"},
			"a count beyond reach": {"2017-03-17", counted(0, books.MostCounted+1), "/counted/cash"},
		} {
			_, _, err := c.Books.Close(ctx, "olivia", refused.day, refused.found)
			var notYet *closing.NotYet
			if refused.field == "" && !errors.As(err, &notYet) || refused.field != "" && !cafetest.IsInvalid(err, refused.field) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if stored := cafetest.Stored(t, c, records.PartitionCloses); len(stored) != 0 {
			t.Errorf("stored: %v", stored)
		}
		// From the cutoff on, or early.
		if early := closeDay(t, c, "2017-03-18", books.Count{Early: true}); !early.Early {
			t.Errorf("%s", early.Text)
		}
		cafetest.ClockAt(t, c, "2017-03-20 04:00")
		if late := closeDay(t, c, "2017-03-19", books.Count{Early: true}); late.Early {
			t.Errorf("%s", late.Text)
		}
	})
}

// Orders, payments and refunds that come to a closed day are in the next close, once.
func TestWhatComesLateIsCarriedByTheNextClose(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Sell(t, c, "2017-03-16 09:30", "latte")
		cafetest.ClockAt(t, c, "2017-03-17 09:00")
		closeDay(t, c, "2017-03-16", books.Count{})
		late := cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		cafetest.Deliver(t, c)
		cafetest.ClockAt(t, c, "2017-03-18 09:00")
		second := closeDay(t, c, "2017-03-17", books.Count{})
		if len(second.Carried) != 0 || second.Number != 2 {
			t.Errorf("%s", second.Text)
		}
		// It is cancelled on the next day: its own day loses it.
		cafetest.Advance(t, c, late.ID, model.StatusCancelled)
		cafetest.Deliver(t, c)
		cafetest.ClockAt(t, c, "2017-03-19 09:00")
		third := closeDay(t, c, "2017-03-18", books.Count{})
		if len(third.Carried) != 1 || third.Carried[0].Day != "2017-03-17" || third.Carried[0].Amount != -220 || third.Carried[0].CancelledOrders != 1 {
			t.Errorf("%s", third.Text)
		}
		wantSound(t, c)
		cafetest.ClockAt(t, c, "2017-03-20 09:00")
		if fourth := closeDay(t, c, "2017-03-19", books.Count{}); len(fourth.Carried) != 0 {
			t.Errorf("%s", fourth.Text)
		}
		wantSound(t, c)
	})
}

// A mark comes before its order is posted. A close in between must not end that the day is
// looked at.
func TestALateOrderThatIsMarkedAndNotPostedYetIsNotLost(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Sell(t, c, "2017-03-16 09:30", "latte")
		order := cafetest.Place(t, c, model.WalkIn, cafetest.Lines("tea"))
		cafetest.Deliver(t, c)
		cafetest.ClockAt(t, c, "2017-03-17 09:00")
		closeDay(t, c, "2017-03-16", books.Count{})
		cafetest.Advance(t, c, order.ID, model.StatusCancelled)
		batch := c.Recorder.Changes(ledger.Wants)
		c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
			if call.Method == "Write" && strings.HasPrefix(call.Ops[0].Key.PK, records.PrefixLedger) {
				return tabletest.Fault{Before: table.ErrUnavailable}
			}
			return tabletest.Fault{}
		})
		c.Ledger.Post(ctx, batch)
		c.Faults.Set(nil)
		if second := closeDay(t, c, "2017-03-15", books.Count{}); len(second.Carried) != 0 {
			t.Errorf("%s", second.Text)
		}
		c.Post(t, batch...)
		cafetest.ClockAt(t, c, "2017-03-18 09:00")
		if third := closeDay(t, c, "2017-03-17", books.Count{}); len(third.Carried) != 1 || third.Carried[0].Amount != -220 {
			t.Errorf("%s", third.Text)
		}
		wantSound(t, c)
	})
}

func TestADayThatIsClosedEarlyIsLookedAtAgain(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Sell(t, c, "2017-03-17 15:00", "latte")
		closeDay(t, c, "2017-03-17", books.Count{Early: true})
		cafetest.Sell(t, c, "2017-03-17 15:30", "tea") // long before the report is due: no mark
		cafetest.ClockAt(t, c, "2017-03-19 09:00")
		next := closeDay(t, c, "2017-03-18", books.Count{})
		if len(next.Carried) != 1 || next.Carried[0].Amount != 220 {
			t.Errorf("%s", next.Text)
		}
		wantSound(t, c)
		item, err := c.Table.Get(ctx, records.DayKey("2017-03-17"), true)
		if err != nil || item.Str(table.AttrIndex2) != "" {
			t.Errorf("it is still looked at: %v, %v", item, err)
		}
	})
}

func TestACloseWaitsForWhatIsOnItsWayOrSaysSo(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.ClockAt(t, c, "2017-03-17 15:00")
		cafetest.Place(t, c, model.WalkIn, cafetest.Lines("latte"))
		cafetest.Pay(t, c, "alice", 100)
		changes := c.Recorder.Changes(ledger.Wants)
		cafetest.ClockAt(t, c, "2017-03-18 09:00")
		var behind *closing.Behind
		for _, change := range changes {
			if _, _, err := c.Books.Close(ctx, "olivia", "2017-03-17", books.Count{}); !errors.As(err, &behind) || behind.Missing != 1 {
				t.Errorf("before %s is posted: %v", change.Key, err)
			}
			c.Post(t, change)
		}
		if stored := closeDay(t, c, "2017-03-17", books.Count{}); stored.Orders != 1 || stored.PaidOnTabs != 100 {
			t.Errorf("%s", stored.Text)
		}

		cafetest.Place(t, c, model.WalkIn, cafetest.Lines("tea"))
		changes = c.Recorder.Changes(ledger.Wants)
		c.Books.Patience = time.Minute
		posted := make(chan error, 1)
		var looks atomic.Int64
		c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
			if call.Method == "Query" && looks.Add(1) == 4 { // the day is looked for already
				go func() {
					posted <- errors.Join(c.Ledger.Post(ctx, changes)...)
				}()
			}
			return tabletest.Fault{}
		})
		stored := closeDay(t, c, "2017-03-18", books.Count{Early: true})
		if err := <-posted; err != nil || stored.Orders != 1 {
			t.Errorf("%v\n%s", err, stored.Text)
		}
	})
}

func TestOfManyClosersAtOnceOneWinsAndNumbersHaveNoGap(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		const days, closers = 4, 3
		cafetest.Sell(t, c, "2017-03-10 09:30", "latte")
		cafetest.ClockAt(t, c, "2017-03-18 09:30")
		c.Slow()
		var won [days]atomic.Int64
		cafetest.Together(days*closers, func(i int) {
			day := model.Day("2017-03-10").AddDays(i % days)
			err := cafetest.Patiently(func() error {
				_, again, err := c.Books.Close(ctx, fmt.Sprint("closer-", i), day, counted(0, model.Money(i)))
				if err == nil && !again {
					won[i%days].Add(1)
				}
				return err
			})
			if err != nil && !errors.Is(err, closing.ErrClosed) {
				t.Error(err)
			}
		})
		c.Faults.Set(nil)
		for i := range won {
			if n := won[i].Load(); n != 1 {
				t.Errorf("day %d was closed by %d", i, n)
			}
		}
		head, err := records.LastClose(ctx, c.Table)
		if err != nil || head.Number != days {
			t.Errorf("head %+v, %v", head, err)
		}
		wantSound(t, c)
	})
}

// A close that breaks off anywhere is done or not done, and what comes late is carried.
func TestACloseThatBreaksOffIsMendedByTheNext(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		for call := int64(1); ; call++ {
			c := cafetest.Open(t, e.Open(t))
			cafetest.Sell(t, c, "2017-03-16 09:30", "latte")
			order := cafetest.Place(t, c, model.WalkIn, cafetest.Lines("tea"))
			cafetest.Deliver(t, c)
			cafetest.ClockAt(t, c, "2017-03-17 09:00")
			var calls atomic.Int64
			c.Faults.Set(func(tabletest.Call) tabletest.Fault {
				if calls.Add(1) == call {
					return tabletest.Fault{After: table.ErrUnavailable}
				}
				return tabletest.Fault{}
			})
			_, _, err := c.Books.Close(ctx, "olivia", "2017-03-16", books.Count{})
			c.Restart()
			done := err == nil
			// Nobody asks again. A change comes late, and another day is closed.
			cafetest.Advance(t, c, order.ID, model.StatusCancelled)
			cafetest.Deliver(t, c)
			cafetest.ClockAt(t, c, "2017-03-18 09:00")
			next := closeDay(t, c, "2017-03-17", books.Count{})
			first, readErr := c.Books.Day(ctx, "2017-03-16")
			if readErr != nil {
				t.Fatal(readErr)
			}
			switch {
			case first.Open && (next.Number != 1 || len(next.Carried) != 0):
				t.Errorf("call %d: not closed, and then %s", call, next.Text)
			case !first.Open && (next.Number != 2 || len(next.Carried) != 1 || next.Carried[0].Amount != -220):
				t.Errorf("call %d: closed, and then %s", call, next.Text)
			}
			wantSound(t, c)
			if done || e.Slow && call > 3 {
				break
			}
		}
	})
}

func TestCheckFindsWhatWasTamperedWith(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		for i, day := range []model.Day{"2017-03-14", "2017-03-15", "2017-03-16"} {
			cafetest.Sell(t, c, string(day)+" 09:30", "latte")
			cafetest.ClockAt(t, c, string(day.AddDays(1))+" 09:00")
			closeDay(t, c, day, counted(0, model.Money(i)))
		}
		wantSound(t, c)
		second, err := c.Books.Day(ctx, "2017-03-15")
		if err != nil {
			t.Fatal(err)
		}
		whole, err := c.Table.Get(ctx, records.CloseKey("2017-03-15"), true)
		if err != nil {
			t.Fatal(err)
		}
		put := func(ops ...table.Op) {
			if err := c.Table.Write(ctx, ops...); err != nil {
				t.Fatal(err)
			}
		}
		// Somebody writes a pound out of the books, with a hash that fits.
		less := second.Close
		less.Gross, less.Net = less.Gross-100, less.Net-100
		less.Tenders = slices.Clone(less.Tenders)
		less.Tenders[len(less.Tenders)-1].Amount -= 100
		text, err := less.Seal()
		if err != nil {
			t.Fatal(err)
		}
		ops, err := records.PutClose(less, text)
		if err != nil {
			t.Fatal(err)
		}
		put(table.Put(records.CloseKey("2017-03-15"), ops[0].Item))
		wants := func(days ...model.Day) {
			t.Helper()
			faults, err := c.Books.Check(ctx)
			var found []model.Day
			for _, f := range faults {
				found = append(found, f.Day)
			}
			if err != nil || !slices.Equal(found, days) {
				t.Errorf("check: %+v, %v", faults, err)
			}
		}
		wants("2017-03-16", "2017-03-15") // the one after has another hash, and the ledger another sum
		put(table.Delete(records.CloseKey("2017-03-15")))
		wants("2017-03-16")
		put(table.Put(records.CloseKey("2017-03-15"), table.Item{"number": table.Int(2), "record": table.Bytes([]byte("no"))}))
		wants("2017-03-15", "2017-03-16")
		put(table.Put(records.CloseKey("2017-03-15"), whole))
		wantSound(t, c)
	})
}
