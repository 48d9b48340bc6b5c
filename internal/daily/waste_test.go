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
	"cafe/internal/house"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/report"
)

// baking opens cafés that bake at seven and at noon, on a table that is empty.
func baking(t *testing.T, test func(t *testing.T, c *cafetest.Cafe)) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Settings.Bakes = []time.Duration{7 * time.Hour, 12 * time.Hour}
		c.Reopen()
		test(t, c)
	})
}

func tell(t *testing.T, c *cafetest.Cafe, sku string, units int64) {
	t.Helper()
	if _, _, err := c.WriteOff(ctx, cafetest.Staff, model.WasteDraft{SKU: sku, Quantity: units, Reason: "left over"}, ""); err != nil {
		t.Fatal(err)
	}
	cafetest.Deliver(t, c)
}

// sellDay fills the shelf and sells so many brownies in the morning, and so many in the
// afternoon.
func sellDay(t *testing.T, c *cafetest.Cafe, day model.Day, morning, afternoon int) {
	t.Helper()
	cafetest.ClockAt(t, c, string(day)+" 07:00")
	if _, err := c.SetStock(ctx, "brownie", int64(morning+afternoon+3)); err != nil {
		t.Fatal(err)
	}
	cafetest.Deliver(t, c)
	cafetest.Sell(t, c, string(day)+" 09:00", slices.Repeat([]string{"brownie"}, morning)...)
	cafetest.Sell(t, c, string(day)+" 14:00", slices.Repeat([]string{"brownie"}, afternoon)...)
}

func bakeOf(t *testing.T, r report.Report, sku string) report.Bake {
	t.Helper()
	for _, b := range r.Bake {
		if b.SKU == sku {
			return b
		}
	}
	t.Fatalf("%s bakes no %s", r.Day, sku)
	return report.Bake{}
}

func times(list []report.Ready) (s string) {
	for _, b := range list {
		s += fmt.Sprintf("%s-%s %d; ", b.At, b.Until, b.Bake)
	}
	return s
}

// queries remembers which partitions were read.
type queries struct {
	table.Table
	mu sync.Mutex
	of []string
}

func (q *queries) Query(ctx context.Context, query table.Query) (table.Page, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.of = append(q.of, query.Partition)
	return q.Table.Query(ctx, query)
}

// A week of sales with leftovers, a holiday to come, and the morning after.
func TestTheBakeListKnowsHoursWasteHolidaysAndClosures(t *testing.T) {
	baking(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Settings.Holidays = map[model.Day]string{"2017-03-27": "Mothering Monday"}
		c.Settings.Closed.Weekdays[time.Sunday] = true
		c.Reopen()
		first := model.Day("2017-03-19") // a Sunday: the weekday closed later
		for n := range 7 {
			day := first.AddDays(n)
			sellDay(t, c, day, 8, 4)
			cafetest.ClockAt(t, c, string(day)+" 18:00")
			tell(t, c, "brownie", 3)
			cafetest.ClockAt(t, c, string(day)+" 20:00")
			cafetest.MakeReport(t, c, day)
		}
		r := cafetest.ReadReport(t, c, "2017-03-25")
		b := bakeOf(t, r.Report, "brownie")
		if r.NextOpenDay != "2017-03-27" || r.Holiday != "Mothering Monday" {
			t.Errorf("next open day %s, holiday %q", r.NextOpenDay, r.Holiday)
		}
		if b.Waste != 3 || b.SoldOut || len(r.SoldOut) > 0 || b.Recent == nil || b.Recent.Wasted == 0 {
			t.Errorf("%+v, sold out %+v", b, r.SoldOut)
		}
		if len(b.By) != 2 || b.By[0].At != "07:00" || b.By[0].Until != "12:00" || b.By[0].Bake+b.By[1].Bake != b.Bake || b.By[0].Bake <= b.By[1].Bake || b.By[1].Bake == 0 {
			t.Errorf("bake %d: %s", b.Bake, times(b.By))
		}
		for _, said := range []string{`"waste": 3`, `"by": [`, `"holiday": "Mothering Monday"`} {
			if !strings.Contains(string(r.JSON), said) {
				t.Errorf("JSON does not have %s", said)
			}
		}

		// A busy morning raises the bake at noon, a quiet one lowers it.
		monday := model.Day("2017-03-27")
		cafetest.ClockAt(t, c, "2017-03-27 06:00")
		if _, err := c.SetStock(ctx, "brownie", 100); err != nil {
			t.Fatal(err)
		}
		cafetest.Sell(t, c, "2017-03-27 11:30", "brownie")
		quiet := cafetest.ReadReport(t, c, monday)
		if c.Reports.Today() != monday || !quiet.Partial {
			t.Fatalf("today is %s, partial %t", c.Reports.Today(), quiet.Partial)
		}
		cafetest.Sell(t, c, "2017-03-27 11:31", slices.Repeat([]string{"brownie"}, 30)...)
		busy := cafetest.ReadReport(t, c, monday)
		var noon []int64
		for _, r := range []report.Report{quiet.Report, busy.Report} {
			for _, f := range r.YesterdaysForecast {
				if f.SKU == "brownie" && len(f.By) == 2 {
					noon = append(noon, f.By[1].Bake)
				}
			}
		}
		if len(noon) != 2 || noon[1] <= noon[0] || noon[0] > b.By[1].Bake {
			t.Errorf("at noon %v; planned %s", noon, times(b.By))
		}
	})
}

func TestLateWasteMakesANewRevision(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		sellDay(t, c, cafetest.Saturday, 2, 1)
		cafetest.ClockAt(t, c, "2017-03-18 20:00")
		cafetest.MakeReport(t, c, cafetest.Saturday)
		cafetest.ClockAt(t, c, "2017-03-18 21:00")
		tell(t, c, "brownie", 2)
		if b := bakeOf(t, cafetest.ReadReport(t, c, cafetest.Saturday).Report, "brownie"); b.Waste != 2 {
			t.Errorf("the live report has %d", b.Waste)
		}
		cafetest.ClockAt(t, c, "2017-03-19 20:00")
		cafetest.MakeReport(t, c, "2017-03-19")
		wantMails(t, c, "2017-03-18 r1", "2017-03-18 r2", "2017-03-19 r1")
		r := cafetest.ReadReport(t, c, cafetest.Saturday)
		if b := bakeOf(t, r.Report, "brownie"); r.Revision != 2 || b.Waste != 2 {
			t.Errorf("revision %d has %d", r.Revision, b.Waste)
		}
		day, err := c.Table.Get(ctx, table.Key{PK: "D", SK: "2017-03-18"}, true)
		waste, _ := day["waste"].List()
		if err != nil || len(waste) != 2 {
			t.Fatalf("the day's record has %v %v", day["waste"], err)
		}
		if n, _ := waste[0].Int(); n != 2 { // brownies, and then muffins
			t.Errorf("the day's record has %d", n)
		}
		cafetest.ClockAt(t, c, "2017-03-20 20:00")
		cafetest.MakeReport(t, c, "2017-03-20")
		wantMails(t, c, "2017-03-18 r1", "2017-03-18 r2", "2017-03-19 r1", "2017-03-20 r1")
	})
}

// An item whose shelf is empty because the rest was thrown away did not sell out.
func TestWhatWasThrownAwayDidNotSellOut(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		sellDay(t, c, cafetest.Saturday, 2, 1)
		cafetest.ClockAt(t, c, "2017-03-18 18:00")
		tell(t, c, "brownie", 3)
		cafetest.Sell(t, c, "2017-03-18 18:30", slices.Repeat([]string{"muffin"}, cafetest.Stock)...)
		cafetest.ClockAt(t, c, "2017-03-18 20:00")
		cafetest.MakeReport(t, c, cafetest.Saturday)
		r := cafetest.ReadReport(t, c, cafetest.Saturday)
		if c.OnHand(t, "brownie") != 0 || len(r.SoldOut) != 1 || r.SoldOut[0].SKU != "muffin" {
			t.Errorf("%d left, sold out %+v", c.OnHand(t, "brownie"), r.SoldOut)
		}
	})
}

// The first report after CAFE_BAKES is set knows the hours of the days before, and a
// revision learns a day no second time.
func TestHoursAreLearntFromTheLedgerOnceAndKeptWithTheReport(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		days := []model.Day{"2017-03-18", "2017-03-19", "2017-03-20"}
		for _, day := range days {
			sellDay(t, c, day, 6, 2)
			cafetest.ClockAt(t, c, string(day)+" 20:00")
			cafetest.MakeReport(t, c, day)
		}
		if len(cafetest.Stored(t, c, "R#2017-03-20")) != 1 || times(bakeOf(t, cafetest.ReadReport(t, c, "2017-03-20").Report, "brownie").By) != "" {
			t.Fatal("there are bakes without CAFE_BAKES")
		}
		c.Settings.Bakes = []time.Duration{7 * time.Hour, 12 * time.Hour}
		c.Reopen()
		sellDay(t, c, "2017-03-21", 6, 2)
		cafetest.ClockAt(t, c, "2017-03-21 20:00")
		cafetest.MakeReport(t, c, "2017-03-21")
		one := bakeOf(t, cafetest.ReadReport(t, c, "2017-03-21").Report, "brownie")
		if len(one.By) != 2 || one.By[1].Bake == 0 || one.By[0].Bake <= one.By[1].Bake {
			t.Errorf("bake %d: %s", one.Bake, times(one.By))
		}
		hours := func(revision string) string {
			item, err := c.Table.Get(ctx, table.Key{PK: "R#2017-03-21", SK: revision}, true)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := item["hours"].Binary()
			return string(b)
		}
		if hours("000001") == "" {
			t.Fatal("no hours are kept")
		}
		if _, err := c.Reports.Rebuild(ctx, "2017-03-21"); err != nil {
			t.Fatal(err)
		}
		if hours("000002") != hours("000001") {
			t.Error("a revision has learnt the day twice")
		}
		// Another process reads them, from the report and not from the ledger.
		asked := &queries{Table: c.Recorder}
		other := house.Open(c.Settings, asked, c.Clock.Now)
		cafetest.ClockAt(t, c, "2017-03-22 20:00")
		if _, err := other.Reports.Report(ctx, "2017-03-22"); err != nil {
			t.Fatal(err)
		}
		asked.mu.Lock()
		defer asked.mu.Unlock()
		if !slices.Contains(asked.of, "L#2017-03-22#0") || slices.Contains(asked.of, "L#2017-03-18#0") {
			t.Errorf("it read %q", asked.of)
		}
	})
}
