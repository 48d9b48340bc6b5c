package daily_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/cafetest"
	"cafe/internal/house"
	"cafe/internal/ledger"
	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
	"cafe/model/report"
)

// mails returns the texts of the reports that were published, by day and revision:
// 2017-03-18 r1. It wants none twice.
func mails(t rapid.TB, c *cafetest.Cafe) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, m := range c.Notifier.Published() {
		if m.Topic != outbox.TopicDailyReport {
			continue
		}
		name := m.Attributes["day"] + " r" + m.Attributes["revision"]
		if texts[name] != "" {
			t.Errorf("%s is mailed twice", name)
		}
		texts[name] = m.Mail
	}
	return texts
}

func wantMails(t rapid.TB, c *cafetest.Cafe, want ...string) {
	t.Helper()
	if got := slices.Sorted(maps.Keys(mails(t, c))); !slices.Equal(got, want) {
		t.Errorf("mailed %q, want %q", got, want)
	}
}

func TestTheReportIsMailedAndReadBackAsItWasSent(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Sell(t, c, "2017-03-18 09:30", "latte", "tea", "brownie")
		cafetest.ClockAt(t, c, "2017-03-18 20:00")
		if revision := cafetest.MakeReport(t, c, cafetest.Saturday); revision != 1 {
			t.Fatalf("revision %d", revision)
		}
		wantMails(t, c, "2017-03-18 r1")
		sent := c.Notifier.Published()[0]

		// The menu changes, and so would the report, were it made anew.
		if _, err := c.SetMenuItem(ctx, model.Item{SKU: "latte", Name: "Flat white", Price: 1, Active: true}, nil); err != nil {
			t.Fatal(err)
		}
		cafetest.ClockAt(t, c, "2017-03-25 10:00")
		r := cafetest.ReadReport(t, c, cafetest.Saturday)
		cafetest.WantFigures(t, r.Report, 1, 3, 870)
		if r.Text != sent.Mail || r.Subject != sent.Subject || !strings.Contains(r.Subject, "Sat 18 Mar 2017 · £8.70 · 3 orders") {
			t.Errorf("sent %q\n%s\nread back %q\n%s", sent.Subject, sent.Mail, r.Subject, r.Text)
		}
		if again := cafetest.ReadReport(t, c, cafetest.Saturday); string(again.JSON) != string(r.JSON) || !strings.Contains(string(r.JSON), `"name": "Latte"`) {
			t.Errorf("read back %s\nand then %s", r.JSON, again.JSON)
		}
		var summary map[string]interface{}
		if err := json.Unmarshal([]byte(sent.Body), &summary); err != nil || summary["type"] != "daily_report" || summary["revenue"] != 870.0 || summary["net"] != 870.0 || summary["tips"] != 0.0 {
			t.Errorf("for programs: %v %s", err, sent.Body)
		}
		page, err := c.Reports.Page(r.Report)
		if err != nil || !strings.Contains(string(page), "£8.70") {
			t.Errorf("page: %v %s", err, page)
		}
	})
}

func TestCase54BuiltTwiceAtOnceIsOneRevisionAndOneMail(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Sell(t, c, "2017-03-18 09:30", "latte", "tea")
		cafetest.ClockAt(t, c, "2017-03-18 20:00")
		cafetest.Together(8, func(int) {
			err := cafetest.Patiently(func() error {
				if err := c.Reports.Extract(ctx, cafetest.Saturday); err != nil {
					return err
				}
				revision, err := c.Reports.Analyse(ctx, cafetest.Saturday)
				if err != nil {
					return err
				}
				return c.Reports.Send(ctx, cafetest.Saturday, revision)
			})
			if err != nil {
				t.Error(err)
			}
		})
		cafetest.Deliver(t, c)
		cafetest.MakeReport(t, c, cafetest.Saturday) // and once more
		wantMails(t, c, "2017-03-18 r1")
		if n := len(cafetest.Stored(t, c, "R#")); n != 1 {
			t.Errorf("%d revisions are kept", n)
		}
	})
}

func TestCase54AskedForTwiceAtOnceIsOneRevisionAndOneMail(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Sell(t, c, "2017-03-18 09:30", "latte")
		cafetest.ClockAt(t, c, "2017-03-19 10:00")
		// Nobody gets to keep a revision before all have begun.
		var waiting sync.WaitGroup
		waiting.Add(4)
		cafetest.Together(4, func(int) {
			mine := house.Open(c.Settings, &gate{Table: c.Recorder, at: "R#", before: func() { waiting.Done(); waiting.Wait() }}, c.Clock.Now)
			r, err := mine.Reports.Rebuild(ctx, cafetest.Saturday)
			if err != nil {
				t.Error(err)
			}
			cafetest.WantFigures(t, r.Report, 1, 1, 350)
		})
		cafetest.Deliver(t, c)
		wantMails(t, c, "2017-03-18 r1")

		// Asking once more is one more, though nothing has changed.
		r, err := c.Reports.Rebuild(ctx, cafetest.Saturday)
		if err != nil {
			t.Fatal(err)
		}
		cafetest.WantFigures(t, r.Report, 2, 1, 350)
		cafetest.Deliver(t, c)
		wantMails(t, c, "2017-03-18 r1", "2017-03-18 r2")
		if read := cafetest.ReadReport(t, c, cafetest.Saturday); read.Text != r.Text {
			t.Errorf("answered\n%s\nand reads\n%s", r.Text, read.Text)
		}
	})
}

// gate is a table that does something before its first write to a partition.
type gate struct {
	table.Table
	at     string // prefix of the partition
	before func()
	once   sync.Once
}

func (g *gate) Write(ctx context.Context, ops ...table.Op) error {
	for _, op := range ops {
		if strings.HasPrefix(op.Key.PK, g.at) {
			g.once.Do(g.before)
		}
	}
	return g.Table.Write(ctx, ops...)
}

func TestCase54AReportCutShortAnywhereIsMadeByTheNextAttempt(t *testing.T) {
	for _, e := range cafetest.Engines {
		t.Run(e.Name, func(t *testing.T) {
			engine := e.Open(t)
			tabletest.Sweep(t, func(t *testing.T, faults tabletest.Faults) {
				cafetest.Empty(t, engine)
				c := cafetest.Open(t, engine)
				cafetest.Sell(t, c, "2017-03-17 12:00", "tea") // nobody made a report of it
				cafetest.Sell(t, c, "2017-03-18 09:30", "latte")
				cafetest.ClockAt(t, c, "2017-03-18 20:00")

				c.Fail(faults)
				err := c.Reports.Extract(ctx, cafetest.Saturday)
				var revision int
				if err == nil {
					revision, err = c.Reports.Analyse(ctx, cafetest.Saturday)
				}
				if err == nil {
					err = c.Reports.Send(ctx, cafetest.Saturday, revision)
				}
				if err != nil && !errors.Is(err, table.ErrUnavailable) && !errors.Is(err, table.ErrThrottled) && !errors.Is(err, table.ErrConflict) {
					t.Error(err)
				}
				c.Restart()
				if day, outstanding, err := c.Reports.Outstanding(ctx); err != nil || day != cafetest.Saturday {
					t.Errorf("outstanding: %s %v %v", day, outstanding, err)
				} else if outstanding {
					cafetest.MakeReport(t, c, cafetest.Saturday)
				}
				cafetest.Deliver(t, c)
				wantMails(t, c, "2017-03-18 r1")
				if _, outstanding, _ := c.Reports.Outstanding(ctx); outstanding {
					t.Error("the report is outstanding still")
				}
				if r := cafetest.ReadReport(t, c, cafetest.Saturday); r.Orders != 1 || len(r.Trend) != 2 || r.Trend[0].Orders != 1 {
					t.Errorf("%d orders; before: %v", r.Orders, r.Trend)
				}
			}, cafetest.EveryWay(e)...)
		})
	}
}

func TestCase55ALateOrderMakesANewRevisionThatSaysWhatChanged(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		early := cafetest.Sell(t, c, "2017-03-18 09:30", "latte", "tea")
		cafetest.ClockAt(t, c, "2017-03-18 20:00")
		cafetest.MakeReport(t, c, cafetest.Saturday)
		cafetest.Sell(t, c, "2017-03-18 21:15", "tea") // the same business day
		cafetest.Advance(t, c, early[0].ID, model.StatusPreparing, model.StatusReady, model.StatusCollected, model.StatusRefunded)
		cafetest.Deliver(t, c)
		wantMails(t, c, "2017-03-18 r1")

		cafetest.ClockAt(t, c, "2017-03-19 20:00")
		cafetest.MakeReport(t, c, "2017-03-19")
		wantMails(t, c, "2017-03-18 r1", "2017-03-18 r2", "2017-03-19 r1")
		r := cafetest.ReadReport(t, c, cafetest.Saturday)
		cafetest.WantFigures(t, r.Report, 2, 3, 440)
		for _, change := range []string{"Revenue £5.70 → £4.40", "Orders 2 → 3", "Tea sold 1 → 2"} {
			if !slices.Contains(r.Changes, change) {
				t.Errorf("changes %q lack %q", r.Changes, change)
			}
		}
		if !slices.Contains(r.NeedsALook, "1 order came in after revision 1 was built.") {
			t.Errorf("needs a look: %q", r.NeedsALook)
		}
		if mail := mails(t, c)["2017-03-18 r2"]; !strings.Contains(mail, "CHANGED SINCE REVISION 1") {
			t.Errorf("mail:\n%s", mail)
		}
		// What later reports go by has changed with it.
		if trend := cafetest.ReadReport(t, c, "2017-03-19").Trend; len(trend) != 2 || trend[0].Orders != 3 || trend[0].Revenue != 440 {
			t.Errorf("the day after knows %v", trend)
		}
		// Nothing happens twice, and a move that changes no sum is none.
		cafetest.Advance(t, c, early[1].ID, model.StatusPreparing)
		cafetest.Deliver(t, c)
		cafetest.ClockAt(t, c, "2017-03-20 20:00")
		cafetest.MakeReport(t, c, "2017-03-20")
		wantMails(t, c, "2017-03-18 r1", "2017-03-18 r2", "2017-03-19 r1", "2017-03-20 r1")
	})
}

// The ledger's consumer counts an order as late, is slow, and posts it when the report
// has been made. Nobody counts it again.
func TestCase55AnOrderPostedWhileTheReportIsMadeIsNotMissed(t *testing.T) {
	for name, placed := range map[string]string{"placed in time": "2017-03-18 19:59", "placed late": "2017-03-18 20:01"} {
		t.Run(name, func(t *testing.T) {
			cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
				cafetest.Sell(t, c, "2017-03-18 09:30", "latte")
				cafetest.ClockAt(t, c, placed)
				cafetest.Place(t, c, model.WalkIn, cafetest.Lines("tea"))
				consumer := house.Open(c.Settings, &gate{Table: c.Recorder, at: "L#", before: func() {
					cafetest.ClockAt(t, c, "2017-03-18 20:02")
					if revision, err := c.Reports.Analyse(ctx, cafetest.Saturday); err != nil || c.Reports.Send(ctx, cafetest.Saturday, revision) != nil {
						t.Error("report:", err)
					}
				}}, c.Clock.Now)
				for _, err := range consumer.Ledger.Post(ctx, c.Recorder.Changes(ledger.Wants)) {
					if err != nil {
						t.Fatal(err)
					}
				}
				c.Recorder.Forget()
				cafetest.WantFigures(t, cafetest.ReadReport(t, c, cafetest.Saturday).Report, 1, 1, 350)

				cafetest.ClockAt(t, c, "2017-03-19 20:00")
				cafetest.MakeReport(t, c, "2017-03-19")
				cafetest.WantFigures(t, cafetest.ReadReport(t, c, cafetest.Saturday).Report, 2, 2, 570)
				if trend := cafetest.ReadReport(t, c, "2017-03-19").Trend; trend[0].Orders != 2 {
					t.Errorf("the day after knows %v", trend)
				}
				// Once is enough.
				cafetest.ClockAt(t, c, "2017-03-20 20:00")
				cafetest.MakeReport(t, c, "2017-03-20")
				cafetest.WantFigures(t, cafetest.ReadReport(t, c, cafetest.Saturday).Report, 2, 2, 570)
			})
		})
	}
}

func TestCase55ARevisionCutShortAnywhereIsMadeAndMailedTheNextDay(t *testing.T) {
	for _, e := range cafetest.Engines[:1] { // the calls are those of case 54, which is swept on all
		t.Run(e.Name, func(t *testing.T) {
			engine := e.Open(t)
			tabletest.Sweep(t, func(t *testing.T, faults tabletest.Faults) {
				cafetest.Empty(t, engine)
				c := cafetest.Open(t, engine)
				cafetest.Sell(t, c, "2017-03-18 09:30", "latte")
				cafetest.ClockAt(t, c, "2017-03-18 20:00")
				cafetest.MakeReport(t, c, cafetest.Saturday)
				cafetest.Sell(t, c, "2017-03-18 21:15", "tea")

				cafetest.ClockAt(t, c, "2017-03-19 20:00")
				c.Fail(faults)
				if err := c.Reports.Extract(ctx, "2017-03-19"); err != nil && !errors.Is(err, table.ErrUnavailable) && !errors.Is(err, table.ErrThrottled) && !errors.Is(err, table.ErrConflict) {
					t.Error(err)
				}
				c.Restart()
				cafetest.Deliver(t, c)
				cafetest.ClockAt(t, c, "2017-03-20 20:00")
				cafetest.MakeReport(t, c, "2017-03-20")
				wantMails(t, c, "2017-03-18 r1", "2017-03-18 r2", "2017-03-20 r1")
				if d := cafetest.Stored(t, c, "D")[table.Key{PK: "D", SK: string(cafetest.Saturday)}]; d.Bool("unsent") || d.Int("revision") != 2 {
					t.Errorf("the day's record: %v", d)
				}
			}, cafetest.EveryWay(e)...)
		})
	}
}

// A history that is imported is no reason for a hundred mails.
func TestCase55OldReportsAreRevisedOnlyWhenAskedFor(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		var orders []model.Order
		for _, day := range []string{"2017-03-01", "2017-03-10"} {
			orders = append(orders, cafetest.Sell(t, c, day+" 12:00", "latte")...)
			cafetest.ClockAt(t, c, day+" 20:00")
			cafetest.MakeReport(t, c, model.Day(day))
		}
		cafetest.ClockAt(t, c, "2017-03-18 12:00")
		for _, o := range orders {
			cafetest.Remove(t, c, o.ID)
		}
		cafetest.Deliver(t, c)
		cafetest.ClockAt(t, c, "2017-03-18 20:00")
		cafetest.MakeReport(t, c, cafetest.Saturday)
		wantMails(t, c, "2017-03-01 r1", "2017-03-10 r1", "2017-03-10 r2", "2017-03-18 r1")
		cafetest.WantFigures(t, cafetest.ReadReport(t, c, "2017-03-01").Report, 1, 1, 350)
		const hint = "Days over 14 days ago have other sales now than their reports say: 1 Mar. Build those again to have them right."
		if look := cafetest.ReadReport(t, c, cafetest.Saturday).NeedsALook; !slices.Contains(look, hint) {
			t.Errorf("needs a look: %q", look)
		}
		if r, err := c.Reports.Rebuild(ctx, "2017-03-01"); err != nil || r.Revision != 2 || r.Orders != 0 {
			t.Errorf("built again: revision %d, %d orders, %v", r.Revision, r.Orders, err)
		}
		cafetest.ClockAt(t, c, "2017-03-19 20:00")
		cafetest.MakeReport(t, c, "2017-03-19")
		if look := cafetest.ReadReport(t, c, "2017-03-19").NeedsALook; slices.Contains(look, hint) {
			t.Errorf("told twice: %q", look)
		}
	})
}

func TestCase56DaysOf23And25HoursAndOrdersAfterMidnight(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Sell(t, c, "2017-03-18 23:50", "tea")
		cafetest.Sell(t, c, "2017-03-19 00:30", "tea") // Saturday's, under a cutoff of 04:00
		cafetest.Sell(t, c, "2017-03-19 04:00", "tea") // Sunday's
		r := cafetest.ReadReport(t, c, cafetest.Saturday)
		cafetest.WantFigures(t, r.Report, 0, 2, 440)
		if len(r.Hours) != 2 || r.Hours[0].Hour != 23 || r.Hours[1].Hour != 0 {
			t.Errorf("hours %v", r.Hours)
		}

		// The night to Sunday, 26 March has no hour from 1 to 2: it is of the 25th.
		cafetest.Sell(t, c, "2017-03-25 04:30", "tea")
		cafetest.Sell(t, c, "2017-03-26 00:59", "tea")
		cafetest.Sell(t, c, "2017-03-26 03:59", "tea")
		cafetest.Sell(t, c, "2017-03-26 04:01", "tea")
		cafetest.WantFigures(t, cafetest.ReadReport(t, c, "2017-03-25").Report, 0, 3, 660)
		if start, end := c.Calendar.Bounds("2017-03-25"); end.Sub(start) != 23*time.Hour {
			t.Errorf("%s is not a short day", end.Sub(start))
		}
		if due := c.ReportDue("2017-03-26").UTC(); due.Hour() != 19 {
			t.Errorf("in summer time the report is due at %s", due)
		}
		cafetest.ClockAt(t, c, "2017-03-26 20:00")
		if day := c.LastDue(c.Clock.Now()); day != "2017-03-26" {
			t.Errorf("at 20:00 the report of %s was due last", day)
		}
		if day := c.LastDue(c.ReportDue("2017-03-26").Add(-time.Second)); day != "2017-03-25" {
			t.Errorf("a second before, that of %s", day)
		}

		// A report that is due when the day turns is of the day that ends.
		c.ReportTime = c.Calendar.Cutoff
		if _, end := c.Calendar.Bounds("2017-03-26"); !c.ReportDue("2017-03-26").Equal(end) || c.LastDue(end) != "2017-03-26" || c.LastDue(end.Add(-time.Second)) != "2017-03-25" {
			t.Errorf("due at %s, the day ends at %s", c.ReportDue("2017-03-26"), end)
		}
		// One that is due after midnight is of the day before.
		c.ReportTime = 30 * time.Minute
		if due := c.ReportDue("2017-03-26"); due.Day() != 27 || c.LastDue(due) != "2017-03-26" {
			t.Errorf("due at %s: of %s", due, c.LastDue(due))
		}
		c.ReportTime = 20 * time.Hour

		// 29 October has the hour from 1 to 2 twice: both are of the 28th.
		cafetest.ClockAt(t, c, "2017-10-28 22:00")
		cafetest.Place(t, c, model.WalkIn, cafetest.Lines("tea"))
		cafetest.ClockAt(t, c, "2017-10-29 00:30")
		c.Clock.Pass(time.Hour) // 01:30
		cafetest.Place(t, c, model.WalkIn, cafetest.Lines("tea"))
		c.Clock.Pass(time.Hour) // 01:30 again
		cafetest.Place(t, c, model.WalkIn, cafetest.Lines("tea"))
		cafetest.Deliver(t, c)
		r = cafetest.ReadReport(t, c, "2017-10-28")
		cafetest.WantFigures(t, r.Report, 0, 3, 660)
		if len(r.Hours) != 2 || r.Hours[1] != (report.Hour{Hour: 1, Orders: 2, Revenue: 440}) {
			t.Errorf("hours %v", r.Hours)
		}
		if start, end := c.Calendar.Bounds("2017-10-28"); end.Sub(start) != 25*time.Hour {
			t.Errorf("%s is not a long day", end.Sub(start))
		}
	})
}

func TestCase57ADayWithoutSalesIsMailedToo(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Sell(t, c, "2017-03-18 12:00", "latte")
		cafetest.ClockAt(t, c, "2017-03-18 20:00")
		cafetest.MakeReport(t, c, cafetest.Saturday)
		cafetest.ClockAt(t, c, "2017-03-19 20:00")
		cafetest.MakeReport(t, c, "2017-03-19")
		wantMails(t, c, "2017-03-18 r1", "2017-03-19 r1")
		r := cafetest.ReadReport(t, c, "2017-03-19")
		cafetest.WantFigures(t, r.Report, 1, 0, 0)
		if len(r.NeedsALook) != 1 || r.NeedsALook[0] != "No sales: closed, or is the till down?" || r.Trend[0].Orders != 1 {
			t.Errorf("needs a look: %q, before: %v", r.NeedsALook, r.Trend)
		}
	})
}

func TestCase57TheFirstDayEver(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		// Before anything was ever sold there is a report to read, and none to send.
		r := cafetest.ReadReport(t, c, "2017-03-17")
		cafetest.WantFigures(t, r.Report, 0, 0, 0)
		cafetest.ClockAt(t, c, "2017-03-18 09:30")
		if day, outstanding, err := c.Reports.Outstanding(ctx); err != nil || outstanding {
			t.Errorf("outstanding: %s, %v", day, err)
		}
		cafetest.Sell(t, c, "2017-03-18 12:00", "latte", "brownie")
		cafetest.ClockAt(t, c, "2017-03-18 20:30") // the process was off at 20:00
		if day, outstanding, err := c.Reports.Outstanding(ctx); err != nil || !outstanding || day != cafetest.Saturday {
			t.Errorf("outstanding: %s %v, %v", day, outstanding, err)
		}
		cafetest.MakeReport(t, c, cafetest.Saturday)
		r = cafetest.ReadReport(t, c, cafetest.Saturday)
		cafetest.WantFigures(t, r.Report, 1, 2, 650)
		if r.Compared.LastWeek != nil || r.Compared.FourWeeks != nil || len(r.Trend) != 1 || r.KnownDays != 1 || r.NextOpenDay != "2017-03-19" {
			t.Errorf("%+v", r.Report)
		}
		cafetest.ClockAt(t, c, "2017-03-18 23:00")
		cafetest.Sell(t, c, "2017-03-18 23:00", "tea") // late orders wait for the next schedule
		if _, outstanding, err := c.Reports.Outstanding(ctx); err != nil || outstanding {
			t.Errorf("a restart would mail once more: %v %v", outstanding, err)
		}
	})
}

func TestCase57AClosedSundayIsNobodysNextDay(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		for d := model.Day("2017-02-20"); d <= cafetest.Saturday; d = d.AddDays(1) {
			if d.Weekday() == time.Sunday {
				continue // nothing happens, and no report is made
			}
			cafetest.Sell(t, c, string(d)+" 12:00", "brownie")
			c.Recorder.Pause()
			if _, err := c.SetStock(ctx, "brownie", 20); err != nil {
				t.Fatal(err)
			}
			c.Recorder.Resume()
		}
		cafetest.ClockAt(t, c, "2017-03-18 20:00")
		cafetest.MakeReport(t, c, cafetest.Saturday)
		r := cafetest.ReadReport(t, c, cafetest.Saturday)
		if r.NextOpenDay != "2017-03-20" || r.KnownDays != 24 {
			t.Errorf("next open day %s, from %d days", r.NextOpenDay, r.KnownDays)
		}
		if len(r.Trend) != 27 || r.Trend[6].Orders != 0 || r.Trend[7].Orders != 1 {
			t.Errorf("the last days: %v", r.Trend)
		}
	})
}

func TestTodayIsLiveAndPartial(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Sell(t, c, "2017-03-18 09:30", "latte")
		r := cafetest.ReadReport(t, c, cafetest.Saturday)
		cafetest.WantFigures(t, r.Report, 0, 1, 350)
		if !r.Partial || len(cafetest.Stored(t, c, "R#")) != 0 {
			t.Errorf("partial: %v, kept: %d", r.Partial, len(cafetest.Stored(t, c, "R#")))
		}
		// The owner is curious and has it sent at noon.
		cafetest.ClockAt(t, c, "2017-03-18 12:00")
		if r, err := c.Reports.Rebuild(ctx, cafetest.Saturday); err != nil || !r.Partial || r.Revision != 1 {
			t.Errorf("%+v %v", r.Report, err)
		}
		cafetest.Sell(t, c, "2017-03-18 12:30", "tea")
		r = cafetest.ReadReport(t, c, cafetest.Saturday)
		cafetest.WantFigures(t, r.Report, 1, 2, 570)
		if !r.Partial {
			t.Error("today's is not partial")
		}
		// At closing time it is whole, and says nothing of changes: all was to come.
		cafetest.ClockAt(t, c, "2017-03-18 20:00")
		if revision := cafetest.MakeReport(t, c, cafetest.Saturday); revision != 2 {
			t.Errorf("revision %d", revision)
		}
		r = cafetest.ReadReport(t, c, cafetest.Saturday)
		cafetest.WantFigures(t, r.Report, 2, 2, 570)
		if r.Partial || len(r.Changes) != 0 {
			t.Errorf("partial %v, changes %q", r.Partial, r.Changes)
		}
		// Who sells on sees it.
		cafetest.Sell(t, c, "2017-03-18 21:00", "tea")
		r = cafetest.ReadReport(t, c, cafetest.Saturday)
		cafetest.WantFigures(t, r.Report, 2, 3, 790)
		if !r.Partial {
			t.Error("there is more than was sent, and it is not partial")
		}
	})
}

func TestDaysThatHaveNoReport(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		for day, reason := range map[model.Day]string{
			"2017-03-19": "2017-03-19 lies ahead: today is 2017-03-18.",
			"9999-12-31": "9999-12-31 lies ahead: today is 2017-03-18.",
			"1969-12-31": "1969-12-31 is before 1970.",
			"0001-01-01": "0001-01-01 is before 1970.",
		} {
			for what, err := range map[string]error{
				"report":  func() error { _, err := c.Reports.Report(ctx, day); return err }(),
				"rebuild": func() error { _, err := c.Reports.Rebuild(ctx, day); return err }(),
				"extract": c.Reports.Extract(ctx, day),
				"analyse": func() error { _, err := c.Reports.Analyse(ctx, day); return err }(),
			} {
				var none *model.NoReport
				if !errors.As(err, &none) || none.Reason != reason || !errors.Is(err, model.ErrNotFound) {
					t.Errorf("%s of %s: %v", what, day, err)
				}
			}
		}
		if err := c.Reports.Send(ctx, cafetest.Saturday, 1); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("send what is not there: %v", err)
		}
		cafetest.WantFigures(t, cafetest.ReadReport(t, c, "1970-01-01").Report, 0, 0, 0)
	})
}

// Days that were sold on while nobody made a report are found, whatever comes between.
func TestAReportFindsTheDaysThatNobodyReportedOn(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Sell(t, c, "2017-01-30 12:00", "tea")
		cafetest.ClockAt(t, c, "2017-01-30 20:00")
		cafetest.MakeReport(t, c, "2017-01-30")
		for _, day := range []string{"2017-02-01", "2017-02-24", "2017-03-16"} { // with holidays between
			cafetest.Sell(t, c, day+" 12:00", "tea")
		}
		cafetest.ClockAt(t, c, "2017-03-18 20:00")
		cafetest.MakeReport(t, c, cafetest.Saturday)
		want := map[model.Day]int64{"2017-02-24": 1, "2017-03-16": 1}
		for _, day := range cafetest.ReadReport(t, c, cafetest.Saturday).Trend {
			if day.Orders != want[day.Day] {
				t.Errorf("%s: %d orders", day.Day, day.Orders)
			}
		}
		days := cafetest.Stored(t, c, "D")
		if n := len(days); n != 5 {
			t.Errorf("%d days are kept: %v", n, slices.Collect(maps.Keys(days)))
		}
	})
}

// What is counted is counted in the past as well.
func TestAnItemThatIsCountedFromNowOnHasAPast(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		for d := model.Day("2017-03-11"); d <= cafetest.Saturday; d = d.AddDays(1) {
			cafetest.Sell(t, c, string(d)+" 12:00", "scone", "scone")
			cafetest.ClockAt(t, c, string(d)+" 20:00")
			if d < cafetest.Saturday {
				cafetest.MakeReport(t, c, d)
			}
		}
		if _, err := c.SetMenuItem(ctx, model.Item{SKU: "scone", Name: "Scone", Price: 1, Counted: true, Active: true}, nil); err != nil {
			t.Fatal(err)
		}
		cafetest.MakeReport(t, c, cafetest.Saturday)
		r := cafetest.ReadReport(t, c, cafetest.Saturday)
		i := slices.IndexFunc(r.Bake, func(b report.Bake) bool { return b.SKU == "scone" })
		if i < 0 || r.Bake[i].Expected != 2 {
			t.Errorf("bake list: %+v", r.Bake)
		}
	})
}

func TestWhatRanOutIsToldUnlessItCameBack(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		stock := func(local, sku string, n int64) {
			t.Helper()
			cafetest.ClockAt(t, c, local)
			if _, err := c.SetStock(ctx, sku, n); err != nil {
				t.Fatal(err)
			}
			cafetest.Deliver(t, c)
		}
		stock("2017-03-18 08:00", "brownie", 2)
		stock("2017-03-18 08:00", "muffin", 1)
		cafetest.Sell(t, c, "2017-03-18 09:00", "muffin") // gone
		cafetest.Sell(t, c, "2017-03-18 10:00", "brownie", "brownie")
		stock("2017-03-18 11:00", "muffin", 5) // back
		cafetest.Sell(t, c, "2017-03-18 12:00", "muffin", "tea", "tea")
		changes := c.Snapshot(t)
		cafetest.ClockAt(t, c, "2017-03-18 20:00")
		cafetest.MakeReport(t, c, cafetest.Saturday)
		r := cafetest.ReadReport(t, c, cafetest.Saturday)
		if len(r.SoldOut) != 1 || r.SoldOut[0].SKU != "brownie" || r.SoldOut[0].At.In(c.Calendar.Zone).Hour() != 10 {
			t.Errorf("sold out: %+v", r.SoldOut)
		}
		// Fresh ones the next morning change nothing of yesterday, nor do old records.
		stock("2017-03-19 08:00", "brownie", 5)
		c.Post(t, changes...)
		if revision, err := c.Reports.Analyse(ctx, cafetest.Saturday); err != nil || revision != 1 {
			t.Errorf("revision %d, %v", revision, err)
		}
		cafetest.ClockAt(t, c, "2017-03-19 20:00")
		cafetest.MakeReport(t, c, "2017-03-19")
		if r := cafetest.ReadReport(t, c, "2017-03-19"); len(r.SoldOut) != 0 {
			t.Errorf("the day after: %+v", r.SoldOut)
		}
		day := cafetest.Stored(t, c, "D")[table.Key{PK: "D", SK: string(cafetest.Saturday)}]
		if gone, _ := day["sold_out"].Map(); len(gone) != 1 || gone.Int("brownie") != 500 {
			t.Errorf("kept of the day: %v", gone)
		}
	})
}

// The restock may not overtake the mark that it ends.
func TestSoldOutAndBackInOneBatchIsNotSoldOut(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		stock := func(sku string, counts ...int64) {
			t.Helper()
			for _, n := range counts {
				if _, err := c.SetStock(ctx, sku, n); err != nil {
					t.Fatal(err)
				}
			}
		}
		stock("muffin", 0, 3, 0, 5)
		stock("brownie", 0, 3, 0)
		c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
			if call.Method == "Write" && len(call.Ops) > 1 { // a mark and its alert
				return tabletest.Fault{Delay: 10 * time.Millisecond}
			}
			return tabletest.Fault{}
		})
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		if r := cafetest.ReadReport(t, c, cafetest.Saturday); len(r.SoldOut) != 1 || r.SoldOut[0].SKU != "brownie" {
			t.Errorf("sold out: %+v", r.SoldOut)
		}
		if n := len(cafetest.Stored(t, c, "A#")); n != 4 {
			t.Errorf("%d alerts, want 4", n)
		}
	})
}

func TestAShelfsMarkThatFailsIsToldByItsOwnRecord(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		for _, n := range []int64{0, 3, 0} {
			if _, err := c.SetStock(ctx, "muffin", n); err != nil {
				t.Fatal(err)
			}
		}
		batch := c.Recorder.Changes(ledger.Wants)
		writes := 0
		c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
			if call.Method == "Write" {
				if writes++; writes == 2 {
					return tabletest.Fault{Before: table.ErrUnavailable}
				}
			}
			return tabletest.Fault{}
		})
		for i, err := range c.Ledger.Post(ctx, batch) {
			if i == 1 && !errors.Is(err, table.ErrUnavailable) || i != 1 && err != nil {
				t.Errorf("change %d: %v", i, err)
			}
		}
	})
}

// A café's process may be off over night.
func TestWhatRanOutIsToldOfTheDayWhenItDidHoweverLateItIsPosted(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		wantSoldOut := func(day model.Day, want ...string) {
			t.Helper()
			got := []string{}
			for _, s := range cafetest.ReadReport(t, c, day).SoldOut {
				got = append(got, s.SKU+" "+s.At.In(c.Calendar.Zone).Format("15:04"))
			}
			if !slices.Equal(got, want) {
				t.Errorf("sold out on %s: %q, want %q", day, got, want)
			}
		}
		cafetest.Sell(t, c, "2017-03-18 10:00", "latte")
		cafetest.ClockAt(t, c, "2017-03-18 18:00")
		if _, err := c.SetStock(ctx, "brownie", 0); err != nil {
			t.Fatal(err)
		}
		batch := c.Recorder.Changes(ledger.Wants)
		c.Recorder.Forget()
		cafetest.ClockAt(t, c, "2017-03-18 20:00")
		cafetest.MakeReport(t, c, cafetest.Saturday)
		wantSoldOut(cafetest.Saturday)

		cafetest.ClockAt(t, c, "2017-03-19 08:00")
		c.Post(t, batch...)
		if done, err := c.Outbox.Sweep(ctx, c.Notifier, time.Minute); done != 0 || err != nil {
			t.Errorf("swept %d alerts that are fresh, %v", done, err)
		}
		sent := cafetest.Alerts(t, c)
		if len(sent) != 1 || !strings.Contains(sent[0].Body, "2017-03-18T18:00:00") || !strings.Contains(sent[0].Mail, "Sat 18 Mar 2017 at 18:00") {
			t.Errorf("alerts: %+v", sent)
		}
		wantSoldOut("2017-03-19")

		// The report that was made is not the last word.
		cafetest.ClockAt(t, c, "2017-03-19 20:00")
		c.Post(t, batch...) // once more
		cafetest.MakeReport(t, c, "2017-03-19")
		wantSoldOut(cafetest.Saturday, "brownie 18:00")
		if r := cafetest.ReadReport(t, c, cafetest.Saturday); r.Revision != 2 {
			t.Errorf("revision %d", r.Revision)
		}
		cafetest.ClockAt(t, c, "2017-03-20 20:00")
		c.Post(t, batch...)
		cafetest.MakeReport(t, c, "2017-03-20")
		if r := cafetest.ReadReport(t, c, cafetest.Saturday); r.Revision != 2 {
			t.Errorf("a day later it is revision %d", r.Revision)
		}
	})
}

func TestTheShelfCountsUntilTheReportIsDue(t *testing.T) {
	type count struct {
		local, sku string
		n          int64
	}
	for name, tt := range map[string]struct {
		late     []count // posted the next morning
		revision int
		soldOut  string
	}{
		"back in time":           {[]count{{"2017-03-18 19:59", "brownie", 20}}, 2, ""},
		"gone in time":           {[]count{{"2017-03-18 19:59", "muffin", 0}}, 2, "brownie muffin"},
		"back for the day after": {[]count{{"2017-03-18 20:01", "brownie", 20}}, 1, "brownie"},
		"gone after closing":     {[]count{{"2017-03-18 20:01", "muffin", 0}}, 1, "brownie"},
	} {
		t.Run(name, func(t *testing.T) {
			cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
				set := func(counts ...count) []records.Change {
					t.Helper()
					for _, s := range counts {
						cafetest.ClockAt(t, c, s.local)
						if _, err := c.SetStock(ctx, s.sku, s.n); err != nil {
							t.Fatal(err)
						}
					}
					defer c.Recorder.Forget()
					return c.Recorder.Changes(ledger.Wants)
				}
				cafetest.Sell(t, c, "2017-03-18 10:00", "latte")
				c.Post(t, set(count{"2017-03-18 18:00", "brownie", 0})...)
				late := set(tt.late...)
				cafetest.ClockAt(t, c, "2017-03-18 20:10")
				cafetest.MakeReport(t, c, cafetest.Saturday)
				cafetest.ClockAt(t, c, "2017-03-19 08:00")
				c.Post(t, late...)
				cafetest.ClockAt(t, c, "2017-03-19 20:00")
				cafetest.MakeReport(t, c, "2017-03-19")
				r := cafetest.ReadReport(t, c, cafetest.Saturday)
				var soldOut []string
				for _, s := range r.SoldOut {
					soldOut = append(soldOut, s.SKU)
				}
				if got := strings.Join(soldOut, " "); got != tt.soldOut || r.Revision != tt.revision {
					t.Errorf("revision %d, sold out: %q", r.Revision, got)
				}
			})
		})
	}
}

type watch struct {
	dead        int64
	unconfirmed []string
	err         error
}

func (w watch) DeadLetters(context.Context) (int64, error)    { return w.dead, w.err }
func (w watch) Unconfirmed(context.Context) ([]string, error) { return w.unconfirmed, w.err }

func TestTheReportSaysWhatNeedsALook(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Sell(t, c, "2017-03-18 09:30", "latte")
		cafetest.Place(t, c, "alice", cafetest.Lines("latte"))
		cafetest.Deliver(t, c)
		look := func(want ...string) {
			t.Helper()
			if got := cafetest.ReadReport(t, c, cafetest.Saturday).NeedsALook; !slices.Equal(got, want) {
				t.Errorf("needs a look: %q, want %q", got, want)
			}
		}
		look()

		// An alert that could not be published.
		c.Notifier.Fail(func(int, string) (before, after error) { return errors.New("away"), nil })
		cafetest.Place(t, c, "alice", cafetest.Lines("latte", "latte"))
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		look()
		c.Clock.Pass(2 * time.Hour)
		const alert = "1 alert has not been delivered yet."
		look(alert)

		// Totals that a dry run found wrong.
		wrong := table.Update(table.Key{PK: "C#alice", SK: "C"})
		wrong.Add = map[string]int64{"balance": 1}
		if err := c.Table.Write(ctx, wrong); err != nil {
			t.Fatal(err)
		}
		c.Ledger.Settle = 0
		if found, err := c.Ledger.Reconcile(ctx, true); err != nil || len(found.Drifted) != 1 {
			t.Fatalf("%+v %v", found, err)
		}
		const drift = "The totals of 1 customer do not match their orders and payments; reconcile puts them right."
		look(drift, alert)
		if _, err := c.Ledger.Reconcile(ctx, false); err != nil {
			t.Fatal(err)
		}
		look(alert)

		// An order that cannot be read.
		junk := table.Key{PK: "O#junk", SK: "O"}
		if err := c.Table.Write(ctx, table.Put(junk, table.Item{"total": table.Int(1)})); err != nil {
			t.Fatal(err)
		}
		if found, err := c.Ledger.Reconcile(ctx, false); err != nil || found.Unreadable != 1 {
			t.Errorf("of the order that cannot be read reconcile says %+v, %v", found, err)
		}
		look(alert, "Stored items that cannot be read: 1. Totals that depend on them are left as they are; the log of the last reconcile names them.")
		if err := c.Table.Write(ctx, table.Delete(junk)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Ledger.Reconcile(ctx, false); err != nil {
			t.Fatal(err)
		}
		look(alert)

		c.Reports.Watch = watch{dead: 3, unconfirmed: []string{"olive@example.com"}}
		look("3 changes could not be taken in, so totals may be wrong until they are sent again; “cafe redrive -list” says why.", alert,
			"olive@example.com has not confirmed the e-mail subscription, so nothing reaches it.")
		c.Reports.Watch = watch{err: errors.New("no answer")}
		look(alert, "The number of dead letters could not be read.", "The list of e-mail subscriptions could not be read.")
	})
}

func TestTheReportTellsOfImportsThatLeftSomethingOut(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		cafetest.ClockAt(t, c.Cafe, "2017-03-17 22:00") // after Friday's report: it is Saturday's news
		draft := func(name string) model.ImportDraft { return model.ImportDraft{Kind: model.ImportOrders, Name: name} }
		c.Bring(t, draft("good.csv"), "date,time,order,item\n2017-03-17,09:00,3,latte\n")
		c.Bring(t, draft("half.csv"), "date,time,order,item\n2017-03-17,09:00,1,latte\n2017-03-17,09:00,2,unicorn\n")
		c.Bring(t, draft("nonsense.csv"), "a,b\n1,2\n")
		cafetest.Sell(t, c.Cafe, "2017-03-18 09:30", "latte")
		look := cafetest.ReadReport(t, c.Cafe, cafetest.Saturday).NeedsALook
		if len(look) != 2 || !strings.HasPrefix(look[0], "Import half.csv left out 1 row or order. For 30 days “cafe import -rejects ") ||
			!strings.HasPrefix(look[1], "Import nonsense.csv failed: ") {
			t.Errorf("needs a look: %q", look)
		}
		cafetest.ClockAt(t, c.Cafe, "2017-03-19 09:30")
		cafetest.Sell(t, c.Cafe, "2017-03-19 09:30", "latte")
		if look := cafetest.ReadReport(t, c.Cafe, "2017-03-19").NeedsALook; len(look) != 0 {
			t.Errorf("the day after: %q", look)
		}
		for n := range 22 {
			c.Bring(t, draft(fmt.Sprint(n, ".csv")), "a,b\n1,2\n")
		}
		if look := cafetest.ReadReport(t, c.Cafe, "2017-03-19").NeedsALook; len(look) != 21 || look[20] != "2 more imports failed or left rows out." {
			t.Errorf("of many: %q", look)
		}
	})
}

// openTill opens a café that sells what a real bakery sold, and imports its till's
// history: a public data set that is not part of the project.
func openTill(t *testing.T) (c cafetest.Counter, rows [][]string) {
	const data = "../../../shared/data/"
	menu, err := os.ReadFile(data + "menu.csv")
	if err != nil {
		t.Skip("SKIPPED: the real sales are not here: ", err)
	}
	sales, err := os.ReadFile(data + "BreadBasket_DMS.csv")
	if err != nil {
		t.Fatal(err)
	}
	c = cafetest.Counter{Cafe: cafetest.Open(t, cafetest.Engines[0].Open(t)), Files: cafetest.NewFiles()}
	cafetest.ClockAt(t, c.Cafe, "2017-04-10 09:00")
	c.Recorder.Pause()
	for _, item := range cafetest.Menu {
		if err := c.RemoveMenuItem(ctx, item.SKU, nil); err != nil {
			t.Fatal(err)
		}
	}
	c.Bring(t, cafetest.ImportDraft(model.ImportMenu), string(menu))
	draft := cafetest.ImportDraft(model.ImportOrders)
	draft.Ignore = []string{"NONE", "Adjustment"}
	if im := c.Bring(t, draft, string(sales)); im.Rejected != 0 || im.Created < 9000 {
		t.Fatalf("import: %+v", im)
	}
	c.Recorder.Resume()
	changes := c.Snapshot(t)
	for len(changes) > 0 {
		n := min(len(changes), 500)
		c.Post(t, changes[:n]...)
		changes = changes[n:]
	}
	cafetest.ClockAt(t, c.Cafe, "2017-04-10 10:00")
	rows, err = csv.NewReader(strings.NewReader(string(sales))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return c, rows[1:]
}

// For every business day of a real till's file its items, orders and revenue, counted
// row by row.
func TestReportsOfARealTillAreTheFilesToThePenny(t *testing.T) {
	t.Parallel()
	c, rows := openTill(t)
	menu, err := c.Menu(ctx)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]model.Item{}
	for _, item := range menu {
		byName[item.Name] = item
	}
	type day struct {
		orders  map[string]bool
		items   map[string]int64
		revenue model.Money
	}
	days := map[model.Day]day{}
	for _, row := range rows {
		item, sold := byName[row[3]]
		if !sold {
			continue // NONE and Adjustment
		}
		date := model.Day(row[0])
		if row[0] == "2017-01-01" && row[1] == "1:21:05" {
			date = "2016-12-31" // the one sale after midnight
		}
		d, seen := days[date]
		if !seen {
			d = day{map[string]bool{}, map[string]int64{}, 0}
		}
		d.orders[row[2]] = true
		d.items[item.SKU]++
		d.revenue += item.Price
		days[date] = d
	}
	if len(days) != 158 {
		t.Fatalf("%d days in the file", len(days))
	}
	// One day ahead, over the five weeks that the contract names.
	const from, to = model.Day("2017-03-05"), model.Day("2017-04-09")
	var off, lastWeek, held, n float64
	distance := func(a, b int64) float64 { return float64(max(a-b, b-a)) }
	for _, date := range slices.Sorted(maps.Keys(days)) {
		want := days[date]
		r := cafetest.ReadReport(t, c.Cafe, date)
		cafetest.WantFigures(t, r.Report, 0, int64(len(want.orders)), want.revenue)
		if len(r.Items) != len(want.items) {
			t.Errorf("%s: %d items, want %d", date, len(r.Items), len(want.items))
		}
		for _, i := range r.Items {
			if i.Quantity != want.items[i.SKU] || i.Revenue != menu[i.SKU].Price*model.Money(i.Quantity) {
				t.Errorf("%s: %d of %s for %d, want %d", date, i.Quantity, i.SKU, i.Revenue, want.items[i.SKU])
			}
		}
		if next := r.NextOpenDay; from <= next && next <= to {
			for _, b := range r.Bake {
				sold := days[next].items[b.SKU]
				off += distance(b.Expected, sold)
				lastWeek += distance(days[next.AddDays(-7)].items[b.SKU], sold)
				if b.Low <= sold && sold <= b.High {
					held++
				}
				n++
			}
		}
	}
	t.Logf("bake list, one day ahead, %s to %s: %g item-days, error %.3f of last week's, range held %.1f of 100", from, to, n, off/lastWeek, 100*held/n)
	if n != 36*17 || off/lastWeek > 0.80 || held/n < 0.70 || held/n > 0.95 {
		t.Error("the bake list does not keep its promise")
	}
}
