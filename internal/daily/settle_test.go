package daily_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cafe/internal/cafetest"
	"cafe/internal/ledger"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// tillFile is a till's file of a day: so many orders of one brownie each.
func tillFile(orders int, days ...model.Day) string {
	text := "date,time,order,item\n"
	for _, day := range days {
		for n := range orders {
			text += fmt.Sprintf("%s,%02d:%02d,%d,brownie\n", day, 9+n/60, n%60, n)
		}
	}
	return text
}

// looks is a table that tells when the day index is asked for orders.
type looks struct {
	table.Table
	asked chan struct{}
	once  sync.Once
}

func (l *looks) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := l.Table.Query(ctx, q)
	if q.Index == table.Index2 && strings.HasPrefix(q.Partition, records.PrefixOrder) {
		l.once.Do(func() { close(l.asked) })
	}
	return page, err
}

// The stream brings what was imported only after the report was asked for.
func TestAReportWaitsForWhatAnImportBrought(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		cafetest.ClockAt(t, c.Cafe, "2017-03-18 21:00")
		c.Bring(t, cafetest.ImportDraft(model.ImportOrders), tillFile(60, "2017-03-17", cafetest.Saturday))
		brought := c.Recorder.Changes(ledger.Wants)
		consumer := c.House
		watched := &looks{Table: c.Faults, asked: make(chan struct{})}
		c.OpenOn(watched, c.Clock.Now)
		c.Reports.Patience = time.Minute
		var behind sync.WaitGroup
		behind.Go(func() {
			<-watched.asked
			for batch := range slices.Chunk(brought, 25) {
				for _, err := range consumer.Ledger.Post(ctx, batch) {
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
		r, err := c.Reports.Rebuild(ctx, cafetest.Saturday)
		behind.Wait()
		if err != nil {
			t.Fatal(err)
		}
		cafetest.WantFigures(t, r.Report, 1, 60, 60*300)
		if !r.Whole() || len(r.NeedsALook) != 0 || r.Trend[0].Orders != 60 {
			t.Errorf("needs a look: %q; the days before: %v", r.NeedsALook, r.Trend)
		}
	})
}

func TestAReportSaysWhatIsOnTheWayAndANewRevisionFollows(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		cafetest.ClockAt(t, c.Cafe, "2017-03-18 20:01")
		c.Bring(t, cafetest.ImportDraft(model.ImportOrders), tillFile(60, "2017-03-16", "2017-03-17", cafetest.Saturday))
		// Half of Saturday is posted, the newest orders among it.
		changes := c.Recorder.Changes(ledger.Wants)
		slices.SortFunc(changes, func(a, b records.Change) int { return strings.Compare(a.New.Str("gsisk"), b.New.Str("gsisk")) })
		c.Post(t, changes[150:]...)
		c.Recorder.Forget()
		if made := cafetest.MakeReport(t, c.Cafe, cafetest.Saturday); made != 1 {
			t.Errorf("revision %d", made)
		}
		r := cafetest.ReadReport(t, c.Cafe, cafetest.Saturday)
		cafetest.WantFigures(t, r.Report, 1, 30, 30*300)
		want := []string{
			"30 orders of this day are still on the way into the books; a new revision follows.",
			"Orders of 2 earlier days are still on the way into the books, so comparisons and the bake list may change; a new revision follows.",
		}
		if !slices.Equal(r.NeedsALook, want) {
			t.Errorf("needs a look: %q", r.NeedsALook)
		}
		if waits, err := c.Reports.Waits(ctx, cafetest.Saturday); err != nil || !waits {
			t.Errorf("waits: %v, %v", waits, err)
		}
		if _, outstanding, err := c.Reports.Outstanding(ctx); err != nil || !outstanding {
			t.Errorf("outstanding: %v, %v", outstanding, err)
		}
		// The ledger gets all of it. Nobody asks for more than the next schedule does.
		c.Post(t, changes...)
		cafetest.ClockAt(t, c.Cafe, "2017-03-19 20:00")
		cafetest.MakeReport(t, c.Cafe, "2017-03-19")
		wantMails(t, c.Cafe, "2017-03-18 r1", "2017-03-18 r2", "2017-03-19 r1")
		r = cafetest.ReadReport(t, c.Cafe, cafetest.Saturday)
		cafetest.WantFigures(t, r.Report, 2, 60, 60*300)
		if !r.Whole() || !slices.Contains(r.Changes, "Orders on the way 30 → 0") || !slices.Contains(r.Changes, "Earlier days with orders on the way 2 → 0") {
			t.Errorf("changes %q, needs a look %q", r.Changes, r.NeedsALook)
		}
		if waits, err := c.Reports.Waits(ctx, cafetest.Saturday); err != nil || waits {
			t.Errorf("waits still: %v, %v", waits, err)
		}
		cafetest.ClockAt(t, c.Cafe, "2017-03-20 20:00")
		cafetest.MakeReport(t, c.Cafe, "2017-03-20")
		wantMails(t, c.Cafe, "2017-03-18 r1", "2017-03-18 r2", "2017-03-19 r1", "2017-03-20 r1")
	})
}

// The day itself is whole; only the history, and so the bake list, was not.
func TestABakeListThatRestedOnHalfAHistoryIsMadeAnew(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		cafetest.Sell(t, c.Cafe, "2017-03-18 09:30", "brownie")
		cafetest.ClockAt(t, c.Cafe, "2017-03-18 20:01")
		c.Bring(t, cafetest.ImportDraft(model.ImportOrders), tillFile(60, "2017-03-04", "2017-03-10", "2017-03-11", "2017-03-12", "2017-03-17"))
		late := c.Recorder.Changes(ledger.Wants)
		c.Recorder.Forget()
		cafetest.MakeReport(t, c.Cafe, cafetest.Saturday)
		first := cafetest.ReadReport(t, c.Cafe, cafetest.Saturday)
		if first.OnTheWay != 0 || first.DaysOnTheWay != 5 || first.Bake[0].Bake > 5 {
			t.Errorf("needs a look %q, bake %+v", first.NeedsALook, first.Bake[0])
		}
		c.Post(t, late...)
		if revision := cafetest.MakeReport(t, c.Cafe, cafetest.Saturday); revision != 2 {
			t.Errorf("revision %d", revision)
		}
		if again := cafetest.ReadReport(t, c.Cafe, cafetest.Saturday); again.Bake[0].Bake < 10 || !again.Whole() {
			t.Errorf("needs a look %q, bake %+v", again.NeedsALook, again.Bake[0])
		}
		if revision := cafetest.MakeReport(t, c.Cafe, cafetest.Saturday); revision != 2 {
			t.Errorf("revision %d, though nothing changed", revision)
		}
	})
}

// For a day that Extract looks back to, though too old to be revised for late orders.
func TestAnOldReportOfWhichOrdersWereOnTheWayIsRevisedToo(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		const old, older = model.Day("2017-01-10"), model.Day("2016-01-10")
		c.Bring(t, cafetest.ImportDraft(model.ImportOrders), tillFile(3, old, older))
		for day, want := range map[model.Day]string{
			old:   "3 orders of this day are still on the way into the books; a new revision follows.",
			older: "3 orders of this day are still on the way into the books; ask for the report again in a few minutes.",
		} {
			// Read, it is made on the spot: no revision follows of that.
			onTheSpot := cafetest.ReadReport(t, c.Cafe, day)
			if look := onTheSpot.NeedsALook; !slices.Contains(look, "3 orders of this day are still on the way into the books; ask for the report again in a few minutes.") {
				t.Errorf("%s read: %q", day, look)
			}
			if r, err := c.Reports.Rebuild(ctx, day); err != nil || !slices.Contains(r.NeedsALook, want) {
				t.Errorf("%s: %q, %v", day, r.NeedsALook, err)
			}
		}
		cafetest.Deliver(t, c.Cafe)
		cafetest.ClockAt(t, c.Cafe, "2017-03-18 20:00")
		cafetest.MakeReport(t, c.Cafe, cafetest.Saturday)
		wantMails(t, c.Cafe, "2016-01-10 r1", "2017-01-10 r1", "2017-01-10 r2", "2017-03-18 r1")
		cafetest.WantFigures(t, cafetest.ReadReport(t, c.Cafe, old).Report, 2, 3, 900)
	})
}

// Orders of the counter, and no import: the newest orders tell that the ledger is behind,
// and then all are counted.
func TestTheNewestOrdersTellThatTheLedgerIsBehind(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Sell(t, c, "2017-03-18 09:30", "latte", "tea")
		cafetest.ClockAt(t, c, "2017-03-18 19:00")
		amended := cafetest.Place(t, c, model.WalkIn, cafetest.Lines("tea"))
		cafetest.Deliver(t, c)
		for range 40 {
			cafetest.Place(t, c, model.WalkIn, cafetest.Lines("tea"))
		}
		cafetest.Amend(t, c, amended.ID, cafetest.Lines("tea", "tea"))
		late := c.Recorder.Changes(ledger.Wants)
		c.Recorder.Forget()
		if r := cafetest.ReadReport(t, c, cafetest.Saturday); r.OnTheWay != 0 {
			t.Errorf("the live report waits for %d orders that are younger than its grace", r.OnTheWay)
		}
		c.Clock.Pass(time.Minute)
		if r := cafetest.ReadReport(t, c, cafetest.Saturday); r.OnTheWay != 41 || r.Orders != 3 {
			t.Errorf("%d orders are on the way, %d are there", r.OnTheWay, r.Orders)
		}
		c.Post(t, late...)
		if r := cafetest.ReadReport(t, c, cafetest.Saturday); !r.Whole() || r.Orders != 43 {
			t.Errorf("%d orders are on the way, %d are there", r.OnTheWay, r.Orders)
		}
	})
}
