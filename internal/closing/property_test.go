package closing_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/cafetest"
	"cafe/internal/closing"
	"cafe/internal/ledger"
	"cafe/internal/records"
	"cafe/model"
	"cafe/model/books"
)

// Whatever happens, and however late and however often the ledger hears of it, the closes and
// what is open add up to the orders and payments themselves.
func TestClosesAndWhatIsOpenAreTheLedger(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		try := func(day model.Day) {
			_, _, err := c.Books.Close(ctx, "olivia", day, books.Count{Float: model.Money(rapid.IntRange(0, 1).Draw(t, "float")), Early: true})
			var behind *closing.Behind
			if err != nil && !errors.As(err, &behind) && !errors.Is(err, closing.ErrClosed) {
				t.Fatalf("close %s: %v", day, err)
			}
		}
		counter := cafetest.Counter{Cafe: c, Files: cafetest.NewFiles()}
		for range rapid.IntRange(1, 4).Draw(t, "spells") {
			c.Happen(t, 5)
			if rapid.IntRange(0, 2).Draw(t, "import") == 0 { // history that a till brings, of a sale and a return
				day := c.Books.Today().AddDays(-rapid.IntRange(0, 2).Draw(t, "imported days ago"))
				counter.Bring(t, cafetest.ImportDraft(model.ImportOrders), fmt.Sprintf("order_id,ordered_at,item,quantity,amount,payment\n"+
					"%[1]d,%[2]s 10:00,Latte,1,%[3]d.50,card\nr%[1]d,%[2]s 11:00,Latte,-1,-1.25,\n",
					rapid.IntRange(1, 9).Draw(t, "receipt"), day, rapid.IntRange(0, 9).Draw(t, "amount")))
			}
			batch := c.Recorder.Changes(ledger.Wants)
			if len(batch) > 0 && rapid.Bool().Draw(t, "deliver some") {
				for _, some := range cafetest.Batches(t, rapid.SliceOfN(rapid.SampledFrom(batch), 0, 15).Draw(t, "some")) {
					c.Post(t, some...)
				}
			}
			if rapid.Bool().Draw(t, "deliver all") {
				c.Post(t, batch...)
			}
			for range rapid.IntRange(0, 2).Draw(t, "closes") {
				try(c.Books.Today().AddDays(-rapid.IntRange(0, 2).Draw(t, "days ago")))
			}
			c.Clock.Pass(time.Duration(rapid.IntRange(0, 30).Draw(t, "hours")) * time.Hour)
		}
		for _, batch := range cafetest.Batches(t, cafetest.Shuffled(t, c.Recorder.Changes(ledger.Wants))) {
			c.Post(t, batch...)
		}
		c.WantTrue(t)
		c.Clock.Pass(48 * time.Hour)
		try(c.Books.Today().AddDays(-1)) // carries what is left
		if faults, err := c.Books.Check(ctx); err != nil || len(faults) > 0 {
			t.Errorf("check: %+v, %v", faults, err)
		}

		// What there is, from the orders and payments as they are stored.
		byDay := map[model.Day][]model.Entry{}
		for key, item := range cafetest.Stored(t, c, "") {
			var entries []model.Entry
			switch {
			case strings.HasPrefix(key.PK, records.PrefixOrder):
				o, err := records.DecodeOrder(key, item)
				if err != nil {
					t.Fatal(err)
				}
				entries = o.Entries()
			case strings.HasPrefix(key.PK, records.PrefixPayment):
				p, err := records.DecodePayment(key, item)
				if err != nil {
					t.Fatal(err)
				}
				entries = []model.Entry{p.Entry()}
			}
			for _, e := range entries {
				byDay[e.Day] = append(byDay[e.Day], e)
			}
		}
		var revenue, tips, tabs model.Money
		for _, entries := range byDay {
			for _, e := range entries {
				revenue += e.Revenue
				tips += e.Tip
				tabs += e.Tab
			}
		}
		// What the books have: closes with what they carry, and open days.
		var have books.Sums
		numbers := map[int64]bool{}
		days, next, err := c.Books.Days(ctx, "2017-03-01", c.Books.Today(), 100)
		if err != nil || next != "" {
			t.Fatal(next, err)
		}
		for _, d := range days {
			if d.Open {
				if d, err = c.Books.Day(ctx, d.Close.Day); err != nil {
					t.Fatal(err)
				}
				d.Carried = nil
			} else {
				numbers[d.Number] = true
			}
			if fault := d.Fault(); fault != "" {
				t.Errorf("%s: %s", d.Close.Day, fault)
			}
			all, err := d.All()
			if err == nil {
				have, err = have.Plus(1, all)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for n := range numbers {
			if n > 1 && !numbers[n-1] {
				t.Errorf("there is a close %d and none before it", n)
			}
		}
		if have.Revenue() != revenue || have.Tips != tips || have.Of(model.TenderAccount) != tabs {
			t.Errorf("the books have revenue %d, tips %d, tabs %d; want %d, %d, %d", have.Revenue(), have.Tips, have.Of(model.TenderAccount), revenue, tips, tabs)
		}
		rows, err := c.Books.Journal(ctx, "2017-03-01", c.Books.Today())
		if err != nil {
			t.Fatal(err)
		}
		balance := map[string]model.Money{}
		for _, r := range rows {
			balance[r.Entry] += r.Debit - r.Credit
		}
		for entry, off := range balance {
			if off != 0 {
				t.Errorf("entry %s is off by %d", entry, off)
			}
		}
	})
}

// TestJournalOfAMonth writes the journal of a made-up month where CAFE_JOURNAL says, for a
// bookkeeping program to read (.ci/books). Without it, it only wants every entry to balance.
func TestJournalOfAMonth(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	cafetest.SetPricing(t, c, cafetest.Full())
	for day := model.Day("2017-03-01"); day <= "2017-03-31"; day = day.AddDays(1) {
		if day < cafetest.Saturday {
			continue // the café opens on that day
		}
		cafetest.Sell(t, c, string(day)+" 09:40", "latte", "tea", "latte")
		order := cafetest.Place(t, c, "alice", cafetest.Lines("latte", "tea"))
		gone := cafetest.Place(t, c, model.WalkIn, cafetest.Lines("tea"))
		cafetest.Deliver(t, c)
		cafetest.ClockAt(t, c, string(day)+" 21:00")
		closeDay(t, c, day, books.Count{Float: 100, Early: true})
		cafetest.Advance(t, c, gone.ID, model.StatusCancelled) // late: carried
		cafetest.Pay(t, c, "alice", order.Total/2+1)
		cafetest.Deliver(t, c)
	}
	cafetest.ClockAt(t, c, "2017-04-02 09:00")
	rows, err := c.Books.Journal(ctx, "2017-03-01", "2017-04-01")
	if err != nil {
		t.Fatal(err)
	}
	text := books.JournalCSV(rows, books.PresetNone, c.Currency)
	lines, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || len(lines) != len(rows)+1 || len(lines) < 14*5 {
		t.Fatalf("%d lines of %d rows, %v", len(lines), len(rows), err)
	}
	wantSound(t, c)
	if path := os.Getenv("CAFE_JOURNAL"); path != "" {
		if err := os.WriteFile(filepath.Clean(path), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
