package imports_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"cafe/internal/cafetest"
	"cafe/internal/house"
	"cafe/internal/ledger"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/internal/table/pebble"
	"cafe/internal/table/tabletest"
	"cafe/model"
	"cafe/model/till"
)

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// shuffled puts the rows of a file into another order.
func shuffled(text string) string {
	rows := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	slices.Reverse(rows[1:])
	return strings.Join(rows, "\n") + "\n"
}

func TestImportedOrdersAreHistory(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		draft := cafetest.ImportDraft(model.ImportOrders)
		draft.Ignore = []string{"none"}
		im := c.Bring(t, draft, cafetest.Sales)
		cafetest.WantTally(t, im, "done: 5 rows, 3 created, 0 updated, 0 unchanged, 0 rejected, 1 skipped")
		if im.FinishedAt.IsZero() || im.CreatedAt.After(im.FinishedAt) || im.By != model.RoleStaff {
			t.Errorf("%+v", im)
		}
		got := map[string]string{}
		for id := range cafetest.Stored(t, c.Cafe, "O#") {
			o, err := c.Order(ctx, cafetest.Staff, id.PK[2:])
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, l := range o.Lines {
				lines = append(lines, fmt.Sprintf("%d %s à %d = %d", l.Quantity, l.SKU, l.UnitPrice, l.Total))
			}
			got[model.Timestamp(o.PlacedAt)] = fmt.Sprintf("%s %s %s %s %d %v v%d p%d", o.CustomerID, o.Payment, o.Status, o.BusinessDay, o.Total, lines, o.Version, o.Posting)
			if o.Import != im.ID || o.TookStock || o.Currency != "GBP" || o.UpdatedAt.Before(im.CreatedAt) {
				t.Errorf("%+v", o)
			}
		}
		want := map[string]string{
			"2017-03-17T09:58:11.000000Z": "alice counter collected 2017-03-17 850 [1 latte à 350 = 350 2 brownie à 250 = 500] v1 p1",
			"2017-03-17T10:05:34.000000Z": "walk-in counter collected 2017-03-17 220 [1 tea à 220 = 220] v1 p1",
			"2017-03-17T00:30:00.000000Z": "walk-in counter refunded 2017-03-16 660 [3 tea à 220 = 660] v1 p1",
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("orders are\n%v, want\n%v", got, want)
		}
		if n := c.OnHand(t, "brownie"); n != cafetest.Stock {
			t.Errorf("%d brownies are left: history takes no stock", n)
		}
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		c.WantTrue(t)
		cafetest.WantTotals(t, c.Cafe, "alice", 0, 850, 1)
	})
}

func TestCase49TheSameSalesUnderAnyNameOrderOrPackingAreUnchanged(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		draft := cafetest.ImportDraft(model.ImportOrders)
		draft.Ignore = []string{"NONE"}
		c.Bring(t, draft, cafetest.Sales)
		before := cafetest.Stored(t, c.Cafe, "O#")
		for name, text := range map[string]string{
			"again.csv":     cafetest.Sales,
			"reordered.csv": shuffled(cafetest.Sales),
			"crlf.csv":      "\xef\xbb\xbf" + strings.ReplaceAll(cafetest.Sales, "\n", "\r\n"),
			"packed.csv.gz": gzipped(t, strings.ReplaceAll(cafetest.Sales, "\n", "\r\n")),
		} {
			draft.Name = name
			cafetest.WantTally(t, c.Bring(t, draft, text), "done: 5 rows, 0 created, 0 updated, 3 unchanged, 0 rejected, 1 skipped")
		}
		if after := cafetest.Stored(t, c.Cafe, "O#"); !sameItems(before, after) {
			t.Errorf("orders were changed: %v, were %v", after, before)
		}
		// Prices and the menu do not matter to what has been imported.
		if _, err := c.SetMenuItem(ctx, model.Item{SKU: "tea", Name: "Tea", Price: 999, Active: true}, nil); err != nil {
			t.Fatal(err)
		}
		if err := c.RemoveMenuItem(ctx, "latte", nil); err != nil {
			t.Fatal(err)
		}
		cafetest.WantTally(t, c.Bring(t, draft, cafetest.Sales), "done: 5 rows, 0 created, 0 updated, 3 unchanged, 0 rejected, 1 skipped")

		// Another till, outlet or day makes another order of the same id.
		draft.Source = "second-till"
		cafetest.WantTally(t, c.Bring(t, draft, "order,date,time,item\n2,2017-03-17,10:05:34,tea\n"), "done: 1 rows, 1 created, 0 updated, 0 unchanged, 0 rejected, 0 skipped")
		draft.Source = ""
		cafetest.WantTally(t, c.Bring(t, draft, "order,date,time,item,outlet\n2,2017-03-17,10:05:34,tea,7\n2,2017-03-17,10:05:34,tea,8\n2,2017-03-18,10:05:34,tea,\n"),
			"done: 3 rows, 3 created, 0 updated, 0 unchanged, 0 rejected, 0 skipped")
	})
}

func sameItems(a, b map[table.Key]table.Item) bool {
	if len(a) != len(b) {
		return false
	}
	for key, item := range a {
		if !item.Equal(b[key]) {
			return false
		}
	}
	return true
}

func TestAnOrderImportedBeforeWithOtherRowsIsRejected(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		c.Bring(t, cafetest.ImportDraft(model.ImportOrders), "order,date,time,item\n1,2017-03-17,09:00,tea\n2,2017-03-17,09:10,tea\n")
		im := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), "order,date,time,item\n1,2017-03-17,09:00,tea\n1,2017-03-17,09:00,tea\n2,2017-03-17,09:10,tea\n")
		cafetest.WantTally(t, im, "done: 3 rows, 0 created, 0 updated, 1 unchanged, 1 rejected, 0 skipped")
		if len(im.Problems) != 1 || im.Problems[0].Line != 2 || im.Problems[0].Reason != "the order was imported before with other rows" {
			t.Errorf("%v", im.Problems)
		}
		// Deleted, it is never made again: not by the same rows, and not by others.
		for key, item := range cafetest.Stored(t, c.Cafe, "O#") {
			if item.Int("placed_at") == time.Date(2017, 3, 17, 9, 0, 0, 0, time.UTC).UnixMicro() {
				cafetest.Remove(t, c.Cafe, key.PK[2:])
			}
		}
		cafetest.WantTally(t, c.Bring(t, cafetest.ImportDraft(model.ImportOrders), "order,date,time,item\n1,2017-03-17,09:00,tea\n"), "done: 1 rows, 0 created, 0 updated, 1 unchanged, 0 rejected, 0 skipped")
		im = c.Bring(t, cafetest.ImportDraft(model.ImportOrders), "order,date,time,item\n1,2017-03-17,09:00,latte\n")
		cafetest.WantTally(t, im, "done: 1 rows, 0 created, 0 updated, 0 unchanged, 1 rejected, 0 skipped")
		if !strings.Contains(im.Problems[0].Reason, "has been deleted since") {
			t.Errorf("%v", im.Problems)
		}
	})
}

func TestCase50HalfBadGoodOrdersGoInAndMendedRejectsGoIn(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		im := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), `order,date,time,item,quantity
1,2017-03-17,09:00,tea,1
2,2017-03-17,09:10,tee,1
2,2017-03-17,09:10,latte,1
3,2017-03-17,25:00,tea,1
4,2017-03-17,09:30,scone,0
5,2017-03-17,09:40,muffin,2
`)
		cafetest.WantTally(t, im, "done: 6 rows, 2 created, 0 updated, 0 unchanged, 3 rejected, 0 skipped")
		want := []model.ImportProblem{
			{Line: 3, Reason: `item: "tee" is no SKU and no name on the menu`},
			{Line: 5, Reason: `time: "25:00" is not a time of day such as 09:58:11`},
			{Line: 6, Reason: `quantity: "0" is not a quantity such as 2 or 0.25, and at most 100000`},
		}
		if !slices.Equal(im.Problems, want) {
			t.Errorf("problems %+v, want %+v", im.Problems, want)
		}
		rejects := c.RejectsOf(im)
		if lines := strings.Split(rejects, "\n"); len(lines) != 6 || lines[0] != "order,date,time,item,quantity,reason" ||
			!strings.HasPrefix(lines[1], "2,2017-03-17,09:10,tee,1,") || !strings.Contains(lines[2], "goes with line 3") {
			t.Errorf("rejects are\n%s", rejects)
		}
		mended := strings.NewReplacer(",tee,", ",tea,", "25:00", "15:00", "scone,0", "scone,10").Replace(rejects)
		cafetest.WantTally(t, c.Bring(t, cafetest.ImportDraft(model.ImportOrders), mended), "done: 4 rows, 3 created, 0 updated, 0 unchanged, 0 rejected, 0 skipped")
		if n := len(cafetest.Stored(t, c.Cafe, "O#")); n != 5 {
			t.Errorf("%d orders, want 5", n)
		}
	})
}

// Mended in a spreadsheet, dates come back as the spreadsheet writes them.
func TestDatesAreReadInTheCafesOrder(t *testing.T) {
	t.Parallel()
	text := "order,date,time,item\n1,03/04/2017,09:00,tea\n"
	for order, day := range map[till.DateOrder]string{till.DayFirst: "2017-04-03", till.MonthFirst: "2017-03-04", till.YearFirst: ""} {
		c := cafetest.Counter{Cafe: cafetest.Open(t, cafetest.Engines[0].Open(t), func(s *settings.Settings) { s.DateOrder = order }), Files: cafetest.NewFiles()}
		if day != "" {
			c.Bring(t, cafetest.ImportDraft(model.ImportOrders), "order,date,time,item\n1,"+day+",09:00,tea\n")
		}
		im := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), text)
		if day != "" && im.Unchanged != 1 || day == "" && (im.Rejected != 1 || !strings.Contains(im.Problems[0].Reason, "day or the month first")) {
			t.Errorf("date order %v: %s %v", order, cafetest.Tally(im), im.Problems)
		}
	}
}

// manySales writes so many orders, every tenth of them with a bad row.
func manySales(orders int) string {
	var b strings.Builder
	b.WriteString("order,date,time,item,customer_id\n")
	for i := range orders {
		item := "tea"
		if i%10 == 9 {
			item = "nothing"
		}
		fmt.Fprintf(&b, "%d,2017-03-%02d,09:%02d,%s,%s\n", i, 1+i%17, i%60, item, []string{"", "alice", "bob"}[i%3])
	}
	return b.String()
}

// crashing lets the faults of a sweep end the process: the attempt's context ends with
// the first call that goes wrong, and no later call gets through.
func crashing(faults tabletest.Faults, end context.CancelFunc) tabletest.Faults {
	return func(c tabletest.Call) tabletest.Fault {
		f := faults(c)
		if f.Before != nil || f.After != nil {
			end()
		}
		return f
	}
}

func TestCase51KilledAtAnyRowTheEventAgainFinishesIt(t *testing.T) {
	onEachSweep(t, func(t *testing.T, db table.Table, faults tabletest.Faults) {
		c := cafetest.Counter{Cafe: cafetest.Open(t, db), Files: cafetest.NewFiles()}
		_, key := c.Upload(t, cafetest.ImportDraft(model.ImportOrders), manySales(20))
		id := strings.Split(key, "/")[1]

		attempt, end := context.WithCancel(ctx)
		defer end()
		crashFrom(c, faults, end)
		first := c.Imports.Run(attempt, c.Files, key)
		c.Restart()
		if im := c.Result(t, id); (first == nil) != im.Finished() && first == nil {
			t.Fatalf("the attempt was content and the import is %s", im.Status)
		}
		for range 2 { // the second time it is done
			if err := c.Imports.Run(ctx, c.Files, key); err != nil {
				t.Fatal(err)
			}
			im := c.Result(t, id)
			cafetest.WantTally(t, im, "done: 20 rows, 18 created, 0 updated, 0 unchanged, 2 rejected, 0 skipped")
			if n := strings.Count(c.RejectsOf(im), "\n"); n != 3 {
				t.Errorf("rejects are %q", c.RejectsOf(im))
			}
		}
		if n := len(cafetest.Stored(t, c.Cafe, "O#")); n != 18 {
			t.Errorf("%d orders, want 18", n)
		}
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		c.WantTrue(t)
	}, tabletest.CrashesBefore, tabletest.CrashesAfter)
}

// crashFrom lets faults happen to the calls from now on, numbered from 1.
func crashFrom(c cafetest.Counter, faults tabletest.Faults, end context.CancelFunc) {
	base := c.Faults.Calls()
	f := crashing(faults, end)
	c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
		call.N -= base
		return f(call)
	})
}

// onEachSweep runs a scenario with each of its storage calls going wrong in turn, on a
// table of its own. DynamoDB's sweeps would take long: it is the same code above the
// seam, whose contract is tested there.
func onEachSweep(t *testing.T, scenario func(t *testing.T, db table.Table, faults tabletest.Faults), ways ...tabletest.Way) {
	t.Parallel()
	tabletest.Sweep(t, func(t *testing.T, faults tabletest.Faults) {
		db, err := pebble.Open("data", pebble.Options{FS: vfs.NewMem(), CacheSize: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		scenario(t, db, faults)
	}, ways...)
}

func TestCase51OneFailingCallIsTriedAgainWithinTheAttempt(t *testing.T) {
	onEachSweep(t, func(t *testing.T, db table.Table, faults tabletest.Faults) {
		c := cafetest.Counter{Cafe: cafetest.Open(t, db), Files: cafetest.NewFiles()}
		id, key := c.Upload(t, cafetest.ImportDraft(model.ImportOrders), manySales(10))
		crashFrom(c, faults, func() {})
		if err := c.Imports.Run(ctx, c.Files, key); err != nil {
			t.Fatal(err)
		}
		c.Restart()
		cafetest.WantTally(t, c.Result(t, id), "done: 10 rows, 9 created, 0 updated, 0 unchanged, 1 rejected, 0 skipped")
	}, tabletest.FailsBefore, tabletest.FailsAfter, tabletest.IsThrottled, tabletest.Conflicts)
}

func TestCase51AStockCountAndAMenuKilledAtAnyRowAreSaidOnce(t *testing.T) {
	onEachSweep(t, func(t *testing.T, db table.Table, faults tabletest.Faults) {
		for kind, text := range map[model.ImportKind]string{
			model.ImportStock: "sku,on_hand\nbrownie,7\nmuffin,20\ncake,5\n",
			model.ImportMenu:  "sku,name,price\ntea,Tea,2.50\nlatte,Latte,3.50\nmocha,Mocha,4.00\n",
		} {
			c := cafetest.Counter{Cafe: cafetest.Open(t, db), Files: cafetest.NewFiles()}
			if kind == model.ImportStock {
				if _, err := c.SetMenuItem(ctx, model.Item{SKU: "cake", Name: "Cake", Price: 300, Counted: true, Active: true}, nil); err != nil {
					t.Fatal(err)
				}
			} else if err := c.RemoveMenuItem(ctx, "mocha", nil); err != nil && !errors.Is(err, model.ErrNotFound) {
				t.Fatal(err)
			}
			if err := db.Write(ctx, table.Delete(table.Key{PK: "S#cake", SK: "S"})); err != nil {
				t.Fatal(err)
			}
			restocks := func() int64 {
				return cafetest.Stored(t, c.Cafe, "S#")[table.Key{PK: "S#brownie", SK: "S"}].Int("restock")
			}
			before := restocks()
			id, key := c.Upload(t, cafetest.ImportDraft(kind), text)
			attempt, end := context.WithCancel(ctx)
			crashFrom(c, faults, end)
			_ = c.Imports.Run(attempt, c.Files, key)
			end()
			c.Restart()
			// What is sold between the attempts stays sold.
			sold := false
			if kind == model.ImportStock && cafetest.Stored(t, c.Cafe, "S#")[table.Key{PK: "S#muffin", SK: "S"}].Str("import_id") == id {
				cafetest.Place(t, c.Cafe, model.WalkIn, cafetest.Lines("muffin"))
				sold = true
			}
			if err := c.Imports.Run(ctx, c.Files, key); err != nil {
				t.Fatal(err)
			}
			cafetest.WantTally(t, c.Result(t, id), "done: 3 rows, 1 created, 1 updated, 1 unchanged, 0 rejected, 0 skipped")
			if kind == model.ImportStock {
				muffins := int64(20)
				if sold {
					muffins--
				}
				if c.OnHand(t, "brownie") != 7 || c.OnHand(t, "muffin") != muffins || c.OnHand(t, "cake") != 5 {
					t.Errorf("on hand: %d brownies, %d muffins, %d cakes", c.OnHand(t, "brownie"), c.OnHand(t, "muffin"), c.OnHand(t, "cake"))
				}
				if n := restocks() - before; n != 1 {
					t.Errorf("brownies were put on the shelf %d times, want once", n)
				}
			}
		}
	}, tabletest.CrashesBefore, tabletest.CrashesAfter)
}

func TestCase51WhatAnInterruptedAttemptHasToldIsNotCountedTwice(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		c.Clock.Step(300 * time.Millisecond)
		id, key := c.Upload(t, cafetest.ImportDraft(model.ImportOrders), manySales(100))
		attempt, end := context.WithCancel(ctx)
		defer end()
		crashFrom(c, tabletest.At(80, tabletest.Fault{Before: table.ErrUnavailable}), end)
		if err := c.Imports.Run(attempt, c.Files, key); err == nil {
			t.Fatal("it was not interrupted")
		}
		c.Restart()
		if im := c.Result(t, id); im.Status != model.ImportRunning || im.Created == 0 || im.Rows == 0 {
			t.Fatalf("it told %s", cafetest.Tally(im))
		}
		if err := c.Imports.Run(ctx, c.Files, key); err != nil {
			t.Fatal(err)
		}
		cafetest.WantTally(t, c.Result(t, id), "done: 100 rows, 90 created, 0 updated, 0 unchanged, 10 rejected, 0 skipped")
	})
}

func TestCase51AnImportThatIsNotTriedAnyMoreHasFailedUntilItIs(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		id, key := c.Upload(t, cafetest.ImportDraft(model.ImportOrders), manySales(10))
		interrupted := func() {
			t.Helper()
			c.Files.Fail(func(string, string) error { return errors.New("the bucket is away") })
			if err := c.Imports.Run(ctx, c.Files, key); err == nil {
				t.Fatal("it was not interrupted")
			}
			c.Files.Fail(nil)
		}
		is := func(want model.ImportStatus) model.Import {
			t.Helper()
			im := c.Result(t, id)
			if im.Status != want {
				t.Fatalf("it is %s, want %s", im.Status, want)
			}
			return im
		}
		for range 3 { // as often as Lambda tries
			interrupted()
			c.Clock.Pass(17 * time.Minute) // the longest it runs, and a pause
			is(model.ImportRunning)
		}
		c.Clock.Pass(15 * time.Minute)
		failed := is(model.ImportFailed)
		if len(failed.Problems) != 1 || !strings.Contains(failed.Problems[0].Reason, "Upload the file again") || !failed.FinishedAt.Before(c.Clock.Now()) {
			t.Errorf("it says %+v of %s", failed.Problems, failed.FinishedAt)
		}
		eventually(t, func() bool {
			troubled, err := c.Imports.Troubled(ctx, failed.CreatedAt, c.Clock.Now())
			return err == nil && len(troubled) == 1 && reflect.DeepEqual(troubled[0], failed)
		})

		if takes, err := c.Imports.TakesUpload(ctx, key); !takes || err != nil {
			t.Errorf("given up, it takes its file: %v, %v", takes, err)
		}
		interrupted() // its upload is told once more
		if im := is(model.ImportRunning); len(im.Problems) != 0 || !im.FinishedAt.IsZero() {
			t.Errorf("running, it says %+v of %s", im.Problems, im.FinishedAt)
		}
		c.Clock.Pass(time.Hour)
		is(model.ImportFailed)
		if err := c.Imports.Run(ctx, c.Files, key); err != nil {
			t.Fatal(err)
		}
		cafetest.WantTally(t, is(model.ImportDone), "done: 10 rows, 9 created, 0 updated, 0 unchanged, 1 rejected, 0 skipped")
	})
}

func TestAnImportWaitsNoLongerThanItsContextForAStoreThatIsDown(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		id, key := c.Upload(t, cafetest.ImportDraft(model.ImportOrders), manySales(10))
		for _, down := range []error{table.ErrThrottled, table.ErrUnavailable} {
			c.Faults.Set(tabletest.Always(tabletest.Fault{Before: down}, "Write"))
			hurried, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			if err := c.Imports.Run(hurried, c.Files, key); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("with a store that is down: %v", err)
			}
			cancel()
		}
		c.Restart()
		if im := c.Result(t, id); im.Finished() || len(cafetest.Stored(t, c.Cafe, "O#")) != 0 {
			t.Errorf("%s", cafetest.Tally(im))
		}
		for i, what := range []string{"Open", "Put"} {
			c.Files.Fail(func(call, _ string) error {
				if call == what {
					return errors.New("the bucket is away")
				}
				return nil
			})
			if err := c.Imports.Run(ctx, c.Files, key); err == nil || !strings.Contains(err.Error(), "the bucket is away") {
				t.Errorf("with files that are away (%d): %v", i, err)
			}
			if im := c.Result(t, id); im.Status != model.ImportRunning {
				t.Errorf("%s", cafetest.Tally(im))
			}
		}
		c.Files.Fail(nil)
		if err := c.Imports.Run(ctx, c.Files, key); err != nil {
			t.Fatal(err)
		}
		cafetest.WantTally(t, c.Result(t, id), "done: 10 rows, 9 created, 0 updated, 0 unchanged, 1 rejected, 0 skipped")
	})
}

func TestCase52StrangeFilesAndNames(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		good := "order,date,time,item,customer_id\n%d,2017-03-17,09:00,\"tea\",\n"
		n := 0
		next := func() string { n++; return fmt.Sprintf(good, n) }
		for name, text := range map[string]string{
			"bom and crlf":           "\xef\xbb\xbf" + strings.ReplaceAll(next(), "\n", "\r\n"),
			"100% till + bar.csv":    next(),
			"50%25+%2F.csv":          next(),
			"../../etc/passwd":       next(),
			`C:\till\march.csv`:      next(),
			"..":                     next(),
			".":                      next(),
			strings.Repeat("%", 100): next(),
			strings.Repeat("日", 100): next(),
			"Café ☕ März.csv.gz":     gzipped(t, next()),
		} {
			draft := cafetest.ImportDraft(model.ImportOrders)
			draft.Name = name
			id, key := c.Upload(t, draft, text)
			if prefix := "imports/" + id + "/"; !strings.HasPrefix(key, prefix) || strings.ContainsAny(key[len(prefix):], `/\`) || len(key) == len(prefix) {
				t.Errorf("%q is uploaded to %q", name, key)
			}
			if escaped := strings.NewReplacer("%", "%25", "/", "%2F").Replace(key); len(escaped) > 255 || strings.HasSuffix(key, "/..") || strings.HasSuffix(key, "/.") {
				t.Errorf("%q is uploaded to %q, %d bytes", name, key, len(escaped))
			}
			if err := c.Imports.Run(ctx, c.Files, key); err != nil {
				t.Fatal(err)
			}
			if im := c.Result(t, id); im.Created != 1 || im.Name != name {
				t.Errorf("%q: %s, %v", im.Name, cafetest.Tally(im), im.Problems)
			}
		}

		quoted := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), "order,date,time,item,\"remark\nof two lines\"\na1,2017-03-17,09:00,tea,\"one\ntwo\"\na2,2017-03-17,09:00,=1+1,@SUM(A1)\n")
		cafetest.WantTally(t, quoted, "done: 2 rows, 1 created, 0 updated, 0 unchanged, 1 rejected, 0 skipped")
		if quoted.Problems[0].Line != 5 || !strings.Contains(c.RejectsOf(quoted), ",'=1+1,'@SUM(A1),") {
			t.Errorf("%v, rejects %q", quoted.Problems, c.RejectsOf(quoted))
		}

		for text, reason := range map[string]string{
			"":                               "The file is empty.",
			"\r\n\r\n":                       "The file is empty.",
			gzipped(t, ""):                   "The file is empty.",
			"PK\x03\x04 a workbook":          "Excel workbook",
			"\x7fELF\x00\x00\x00\x00":        "The file is not text",
			"a;b;c\n1;2;3\n":                 "needs a header row with columns for",
			"sku,on_hand\nbrownie,1\n":       "needs a header row with columns for",
			gzipped(t, "order,date")[:20]:    "ends too early",
			gzipped(t, gzipped(t, "a,b\n1")): "packed twice",
		} {
			im := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), text)
			cafetest.WantTally(t, im, "failed: 0 rows, 0 created, 0 updated, 0 unchanged, 0 rejected, 0 skipped")
			if len(im.Problems) != 1 || im.Problems[0].Line != 0 || !strings.Contains(im.Problems[0].Reason, reason) {
				t.Errorf("%q: %v, want %q", text, im.Problems, reason)
			}
		}
	})
}

func TestCase52AZipBombFailsWithOneSentence(t *testing.T) {
	t.Parallel()
	c := cafetest.Counter{Cafe: cafetest.Open(t, cafetest.Engines[0].Open(t)), Files: cafetest.NewFiles()}
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	fmt.Fprintln(w, "order,date,time,item")
	blank := strings.Repeat(" ", 32<<10) + ",,,\n"
	for range 129 << 5 {
		if _, err := io.WriteString(w, blank); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	im := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), bomb.String())
	cafetest.WantTally(t, im, "failed: 0 rows, 0 created, 0 updated, 0 unchanged, 0 rejected, 0 skipped")
	if len(im.Problems) != 1 || !strings.Contains(im.Problems[0].Reason, "larger than 128 MiB once unpacked") {
		t.Errorf("%v", im.Problems)
	}
}

func TestCase53EventsTwiceAtOnceAndOutOfOrderCountRight(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		first, firstKey := c.Upload(t, cafetest.ImportDraft(model.ImportOrders), manySales(40))
		second, secondKey := c.Upload(t, cafetest.ImportDraft(model.ImportOrders), manySales(40))
		if takes, err := c.Imports.TakesUpload(ctx, firstKey); !takes || err != nil {
			t.Errorf("takes its file: %v, %v", takes, err)
		}
		// Of the second upload we hear first, and of each several times at once.
		for _, key := range []string{secondKey, firstKey} {
			cafetest.Together(4, func(int) {
				if err := c.Imports.Run(ctx, c.Files, key); err != nil {
					t.Error(err)
				}
			})
		}
		cafetest.WantTally(t, c.Result(t, second), "done: 40 rows, 36 created, 0 updated, 0 unchanged, 4 rejected, 0 skipped")
		cafetest.WantTally(t, c.Result(t, first), "done: 40 rows, 0 created, 0 updated, 36 unchanged, 4 rejected, 0 skipped")
		for _, id := range []string{first, second} {
			if n := strings.Count(c.Files.Text("rejects/"+id+".csv"), "\n"); n != 5 {
				t.Errorf("%d lines of rejects, want 5", n)
			}
		}
		for _, key := range []string{firstKey, secondKey, "rejects/" + first + ".csv", "imports/" + first + "/other.csv", "imports/x/y"} {
			if takes, err := c.Imports.TakesUpload(ctx, key); takes || err != nil {
				t.Errorf("takes %s: %v, %v", key, takes, err)
			}
		}
		// Once it is done it is not run again, whatever is in the file by now.
		if err := c.Files.Put(ctx, firstKey, strings.NewReader("order,date,time,item\nnew,2017-03-17,09:00,tea\n")); err != nil {
			t.Fatal(err)
		}
		before := c.Result(t, first)
		if err := c.Imports.Run(ctx, c.Files, firstKey); err != nil || fmt.Sprint(c.Result(t, first)) != fmt.Sprint(before) {
			t.Errorf("run again: %v, %s", err, cafetest.Tally(c.Result(t, first)))
		}
		if n := len(cafetest.Stored(t, c.Cafe, "O#")); n != 36 {
			t.Errorf("%d orders, want 36", n)
		}
	})
}

func TestCase53AnOlderCountDoesNotReplaceANewerOne(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		older, olderKey := c.Upload(t, cafetest.ImportDraft(model.ImportStock), "sku,on_hand\nbrownie,3\nmuffin,4\n")
		c.Bring(t, cafetest.ImportDraft(model.ImportStock), "sku,on_hand\nbrownie,9\n")
		if _, err := c.SetStock(ctx, "muffin", 8); err != nil {
			t.Fatal(err)
		}
		if err := c.Imports.Run(ctx, c.Files, olderKey); err != nil {
			t.Fatal(err)
		}
		im := c.Result(t, older)
		cafetest.WantTally(t, im, "done: 2 rows, 0 created, 0 updated, 0 unchanged, 2 rejected, 0 skipped")
		if c.OnHand(t, "brownie") != 9 || c.OnHand(t, "muffin") != 8 || im.Problems[0].Reason != "the item was set again after this import was begun" {
			t.Errorf("%d brownies, %d muffins, %v", c.OnHand(t, "brownie"), c.OnHand(t, "muffin"), im.Problems)
		}
		// Sold out by the count and counted up again is a restock, and so has its alert.
		c.Bring(t, cafetest.ImportDraft(model.ImportStock), "sku,on_hand\nbrownie,0\nmuffin,1\n")
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		c.Bring(t, cafetest.ImportDraft(model.ImportStock), "sku,on_hand\nbrownie,1\n")
		cafetest.Place(t, c.Cafe, model.WalkIn, cafetest.Lines("brownie", "muffin"))
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		if n := len(cafetest.Stored(t, c.Cafe, "A#")); n != 3 {
			t.Errorf("%d alerts, want 3", n)
		}
	})
}

// meanwhile has something happen, once, just before a write that matches is carried out.
func meanwhile(c cafetest.Counter, match func(table.Op) bool, happens func(other *house.House)) {
	other, done := house.Open(c.Settings, c.Table, c.Clock.Now), false
	c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
		if !done && len(call.Ops) == 1 && match(call.Ops[0]) {
			done = true
			happens(other)
		}
		return tabletest.Fault{}
	})
}

func TestWhatHappensWhileARowIsTakenIsMinded(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		writes := func(pk string) func(table.Op) bool { return func(op table.Op) bool { return op.Key.PK == pk } }
		restocks := cafetest.Stored(t, c.Cafe, "S#")[table.Key{PK: "S#muffin", SK: "S"}].Int("restock")
		for _, step := range []struct {
			kind    model.ImportKind
			text    string
			pk      string
			happens func(other *house.House) error
			want    string
		}{
			{model.ImportStock, "sku,on_hand\nbrownie,7\n", "S#brownie",
				func(other *house.House) error { _, err := other.SetStock(ctx, "brownie", 3); return err },
				"done: 1 rows, 0 created, 0 updated, 0 unchanged, 1 rejected, 0 skipped"},
			{model.ImportStock, "sku,on_hand\nmuffin,20\n", "S#muffin",
				func(other *house.House) error {
					_, _, err := other.Place(ctx, cafetest.Staff, model.Draft{Lines: cafetest.Lines("muffin")}, "")
					return err
				},
				"done: 1 rows, 0 created, 1 updated, 0 unchanged, 0 rejected, 0 skipped"},
			{model.ImportMenu, "sku,name,price\ntea,Tea,2.50\n", "M",
				func(other *house.House) error {
					_, err := other.SetMenuItem(ctx, model.Item{SKU: "tea", Name: "Tea", Price: 300, Active: true}, nil)
					return err
				},
				"done: 1 rows, 0 created, 0 updated, 0 unchanged, 1 rejected, 0 skipped"},
			{model.ImportMenu, "sku,name,price\nmocha,Mocha,2.50\n", "M",
				func(other *house.House) error {
					_, err := other.SetMenuItem(ctx, model.Item{SKU: "mocha", Name: "Mocha", Price: 400, Active: true}, nil)
					return err
				},
				"done: 1 rows, 0 created, 0 updated, 0 unchanged, 1 rejected, 0 skipped"},
		} {
			meanwhile(c, writes(step.pk), func(other *house.House) {
				if err := step.happens(other); err != nil {
					t.Error(err)
				}
			})
			cafetest.WantTally(t, c.Bring(t, cafetest.ImportDraft(step.kind), step.text), step.want)
		}
		c.Restart()
		if n := cafetest.Stored(t, c.Cafe, "S#")[table.Key{PK: "S#muffin", SK: "S"}].Int("restock"); n != restocks+1 {
			t.Errorf("muffins were put on the shelf %d times more, want once", n-restocks)
		}
		tea, _ := c.MenuItem(ctx, "tea")
		mocha, _ := c.MenuItem(ctx, "mocha")
		if c.OnHand(t, "brownie") != 3 || c.OnHand(t, "muffin") != 20 || tea.Price != 300 || mocha.Price != 400 {
			t.Errorf("%d brownies, %d muffins, tea %d, mocha %d", c.OnHand(t, "brownie"), c.OnHand(t, "muffin"), tea.Price, mocha.Price)
		}
	})
}

func TestOfTwoAttemptsTheFirstToFinishHasTheWord(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		id, key := c.Upload(t, cafetest.ImportDraft(model.ImportOrders), manySales(5))
		meanwhile(c, func(op table.Op) bool { return op.Set.Str("status") == string(model.ImportDone) }, func(other *house.House) {
			if err := c.Files.Put(ctx, key, strings.NewReader(manySales(3))); err != nil {
				t.Error(err)
			}
			if err := other.Imports.Run(ctx, c.Files, key); err != nil {
				t.Error(err)
			}
		})
		if err := c.Imports.Run(ctx, c.Files, key); err != nil {
			t.Error(err)
		}
		cafetest.WantTally(t, c.Result(t, id), "done: 3 rows, 3 created, 0 updated, 0 unchanged, 0 rejected, 0 skipped")
	})
}

func TestAMenuIsImportedAndWhatTheFileLeavesOutStays(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		im := c.Bring(t, cafetest.ImportDraft(model.ImportMenu), `sku,name,category,price,counted,active,options
latte,Caffè latte,coffee,3.60,,,oat:Oat milk:0.40
tea,Tea,tea,2.20,false,true,
cake,Cake,bakery,3.40,true,true,
bad,Bad,bakery,free,,,
`)
		cafetest.WantTally(t, im, "done: 4 rows, 1 created, 1 updated, 1 unchanged, 1 rejected, 0 skipped")
		latte, err := c.MenuItem(ctx, "latte")
		if err != nil || latte.Name != "Caffè latte" || latte.Price != 360 || !latte.Active || len(latte.Options) != 1 {
			t.Errorf("%+v, %v", latte, err)
		}
		if cake, err := c.MenuItem(ctx, "cake"); err != nil || !cake.Counted || !cake.Active {
			t.Errorf("%+v, %v", cake, err)
		}
		im = c.Bring(t, cafetest.ImportDraft(model.ImportMenu), "sku,name,price\ncake,Cake,3.50\n")
		if cake, err := c.MenuItem(ctx, "cake"); err != nil || !cake.Counted || cake.Price != 350 || im.Updated != 1 {
			t.Errorf("%+v, %v, %s", cake, err, cafetest.Tally(im))
		}
		older, olderKey := c.Upload(t, cafetest.ImportDraft(model.ImportMenu), "sku,name,price\ncake,Cake,1.00\n")
		if _, err := c.SetMenuItem(ctx, model.Item{SKU: "cake", Name: "Cake", Price: 375, Counted: true, Active: true}, nil); err != nil {
			t.Fatal(err)
		}
		if err := c.Imports.Run(ctx, c.Files, olderKey); err != nil || c.Result(t, older).Rejected != 1 {
			t.Errorf("%v, %s", err, cafetest.Tally(c.Result(t, older)))
		}
	})
}

func TestADryRunStoresNothingAndSaysTheSame(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		big := "order,date,time,item,unit_price\n"
		for i := range 999 {
			big += fmt.Sprintf("big,2017-03-17,09:00,tea,%d.%02d\n", i/100, i%100)
		}
		for kind, text := range map[model.ImportKind]string{
			model.ImportOrders: manySales(30) + big[strings.Index(big, "\n")+1:],
			model.ImportStock:  "sku,on_hand\nbrownie,7\nmuffin,20\nlatte,1\n",
			model.ImportMenu:   "sku,name,price\ntea,Tea,2.50\nlatte,Latte,3.50\nmocha,Mocha,4.00\nnew,,1\n",
		} {
			c.Bring(t, cafetest.ImportDraft(model.ImportOrders), "order,date,time,item,customer_id\n0,2017-03-01,09:00,tea,\n1,2017-03-02,09:01,latte,\n")
			before := cafetest.Stored(t, c.Cafe, "")
			draft := cafetest.ImportDraft(kind)
			draft.DryRun = true
			dry := c.Bring(t, draft, text)
			for key, item := range cafetest.Stored(t, c.Cafe, "") {
				if !strings.HasPrefix(key.PK, "I#") && !item.Equal(before[key]) {
					t.Errorf("%s: a dry run stored %s", kind, key)
				}
			}
			wet := c.Bring(t, cafetest.ImportDraft(kind), text)
			cafetest.WantTally(t, dry, cafetest.Tally(wet))
			if wet.Rejected == 0 || !slices.Equal(dry.Problems, wet.Problems) || c.RejectsOf(dry) != c.RejectsOf(wet) {
				t.Errorf("%s: dry %s %v, wet %s %v", kind, cafetest.Tally(dry), dry.Problems, cafetest.Tally(wet), wet.Problems)
			}
		}
	})
}

func TestAnOrderTooLargeForTheStoreIsRejected(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		var ops []table.Op
		text := "order,date,time,item\nsmall,2017-03-17,09:00,tea\n"
		for i := range 1000 {
			sku := fmt.Sprintf("%s-%04d", strings.Repeat("x", 59), i)
			ops = append(ops, table.Put(table.Key{PK: "M", SK: sku}, table.Item{
				"name": table.String(strings.Repeat("日", 100)), "category": table.String(""), "price": table.Int(100), "active": table.Bool(true),
			}))
			text += "big,2017-03-17,09:00," + sku + "\n"
		}
		for len(ops) > 0 {
			if err := c.Table.Write(ctx, ops[:100]...); err != nil {
				t.Fatal(err)
			}
			ops = ops[100:]
		}
		for _, dry := range []bool{true, false} {
			draft := cafetest.ImportDraft(model.ImportOrders)
			draft.DryRun = dry
			im := c.Bring(t, draft, text)
			cafetest.WantTally(t, im, "done: 1001 rows, 1 created, 0 updated, 0 unchanged, 1 rejected, 0 skipped")
			if len(im.Problems) != 1 || !strings.Contains(im.Problems[0].Reason, "more in it than the café can keep") {
				t.Errorf("%v", im.Problems)
			}
		}
	})
}

func TestBadImportsAreRefusedBeforeAnUpload(t *testing.T) {
	t.Parallel()
	c := cafetest.Counter{Cafe: cafetest.Open(t, cafetest.Engines[0].Open(t)), Files: cafetest.NewFiles()}
	good := cafetest.ImportDraft(model.ImportOrders)
	for field, spoil := range map[string]func(*model.ImportDraft){
		"/kind":           func(d *model.ImportDraft) { d.Kind = "prices" },
		"/name":           func(d *model.ImportDraft) { d.Name = "" },
		"/source":         func(d *model.ImportDraft) { d.Source = "two words" },
		"/ignore_items":   func(d *model.ImportDraft) { d.Ignore = slices.Repeat([]string{"x"}, 101) },
		"/ignore_items/1": func(d *model.ImportDraft) { d.Ignore = []string{"x", ""} },
	} {
		draft := good
		spoil(&draft)
		if _, err := c.Imports.Begin(ctx, c.Files, cafetest.Staff.Role, draft); !cafetest.IsInvalid(err, field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	draft := good
	draft.Name = "a\nb"
	if _, err := c.Imports.Begin(ctx, c.Files, cafetest.Staff.Role, draft); !cafetest.IsInvalid(err, "/name") {
		t.Errorf("a name of two lines: %v", err)
	}
	if n := len(cafetest.Stored(t, c.Cafe, "I#")); n != 0 {
		t.Errorf("%d imports are stored", n)
	}
}

func TestAFileThatNoImportWaitsForIsLeftAlone(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		id, key := c.Upload(t, cafetest.ImportDraft(model.ImportOrders), cafetest.Sales)
		for _, other := range []string{
			"", "imports/", "imports/nobody/till.csv", "rejects/" + id + ".csv", "imports/" + id, "imports/" + id + "/other.csv",
			"other/" + key, "imports/../" + id + "/orders.csv", "imports/" + strings.Repeat("x", 3000) + "/x",
		} {
			if err := c.Imports.Run(ctx, c.Files, other); err != nil {
				t.Errorf("%q: %v", other, err)
			}
		}
		if im := c.Result(t, id); im.Status != model.ImportWaiting || len(cafetest.Stored(t, c.Cafe, "O#")) != 0 {
			t.Errorf("%s", cafetest.Tally(im))
		}
		if _, _, err := c.Imports.Result(ctx, c.Files, "nobody"); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("%v", err)
		}
	})
}

func TestImportsAreListedWhenTroubledAndForgottenInTime(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		start := c.Clock.Now()
		good := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), "order,date,time,item\n1,2017-03-17,09:00,tea\n")
		rejected := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), manySales(10))
		dry := cafetest.ImportDraft(model.ImportOrders)
		dry.DryRun = true
		c.Bring(t, dry, manySales(10))
		c.Clock.Pass(time.Hour)
		noon := c.Clock.Now()
		failed := c.Bring(t, cafetest.ImportDraft(model.ImportStock), "")
		c.Upload(t, cafetest.ImportDraft(model.ImportStock), "")
		ids := func(from, to time.Time) (ids []string) {
			troubled, err := c.Imports.Troubled(ctx, from, to)
			if err != nil {
				t.Fatal(err)
			}
			for _, im := range troubled {
				ids = append(ids, im.ID)
			}
			return ids
		}
		now := c.Clock.Now()
		eventually(t, func() bool { return slices.Equal(ids(start, now), []string{rejected.ID, failed.ID}) })
		if got := ids(noon, now); !slices.Equal(got, []string{failed.ID}) {
			t.Errorf("since noon: %v", got)
		}
		if got := ids(start, noon); !slices.Equal(got, []string{rejected.ID}) {
			t.Errorf("until noon: %v", got)
		}

		c.Clock.Pass(30*24*time.Hour - time.Minute)
		if _, _, err := c.Imports.Result(ctx, c.Files, good.ID); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("after 30 days: %v", err)
		}
		if n, err := c.Imports.Forget(ctx); n != 3 || err != nil {
			t.Errorf("forgot %d, %v; want 3", n, err)
		}
		if n := len(cafetest.Stored(t, c.Cafe, "I#")); n != 2 {
			t.Errorf("%d imports are left, want 2", n)
		}
		c.Result(t, failed.ID)
	})
}

// eventually waits for an index to follow.
func eventually(t testing.TB, holds func() bool) {
	t.Helper()
	for range 100 {
		if holds() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("it never came true")
}

func TestARunningImportTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	c := cafetest.Counter{Cafe: cafetest.Open(t, cafetest.Engines[0].Open(t)), Files: cafetest.NewFiles()}
	id, key := c.Upload(t, cafetest.ImportDraft(model.ImportOrders), manySales(5000))
	var mu sync.Mutex
	var seen []model.Import
	c.Recorder.Pause()
	c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
		if len(call.Ops) == 1 && call.Ops[0].Key.PK == "I#"+id && call.Ops[0].Set["rows"].Kind() != table.KindNone {
			mu.Lock()
			defer mu.Unlock()
			set := call.Ops[0].Set
			seen = append(seen, model.Import{Rows: set.Int("rows"), Created: set.Int("created"), Status: model.ImportStatus(set.Str("status"))})
			if len(seen) == 1 {
				return tabletest.Fault{Before: table.ErrThrottled} // which does not matter
			}
		}
		return tabletest.Fault{}
	})
	if err := c.Imports.Run(ctx, c.Files, key); err != nil {
		t.Fatal(err)
	}
	if len(seen) < 4 {
		t.Fatalf("it told %d times how far it is", len(seen))
	}
	for i, im := range seen[1:] {
		if im.Rows <= seen[i].Rows || im.Created < seen[i].Created || (im.Status == model.ImportDone) != (i == len(seen)-2) {
			t.Errorf("after %+v came %+v", seen[i], im)
		}
	}
}

// Any way to cut a file of good and bad orders into attempts that end at some call, with
// rows in any order, ends the same.
func TestImportsEndTheSameHoweverTheyAreInterrupted(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, bare *cafetest.Cafe) {
		c := cafetest.Counter{Cafe: bare, Files: cafetest.NewFiles()}
		rows := strings.Split(strings.TrimSpace(manySales(rapid.IntRange(1, 40).Draw(t, "orders"))), "\n")
		text := strings.Join(append(rows[:1:1], rapid.Permutation(rows[1:]).Draw(t, "rows")...), "\n")
		up, err := c.Imports.Begin(ctx, c.Files, cafetest.Staff.Role, cafetest.ImportDraft(model.ImportOrders))
		if err != nil {
			t.Fatal(err)
		}
		key := cafetest.KeyOf("put", up.URL)
		if err := c.Files.Put(ctx, key, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(0, 4).Draw(t, "interruptions") {
			way := rapid.SampledFrom([]tabletest.Way{tabletest.CrashesBefore, tabletest.CrashesAfter}).Draw(t, "way")
			attempt, end := context.WithCancel(ctx)
			crashFrom(c, way.Faults(rapid.IntRange(1, 60).Draw(t, "call")), end)
			_ = c.Imports.Run(attempt, c.Files, key)
			end()
			c.Restart()
		}
		if err := c.Imports.Run(ctx, c.Files, key); err != nil {
			t.Fatal(err)
		}
		im, _, err := c.Imports.Result(ctx, c.Files, up.ImportID)
		if err != nil {
			t.Fatal(err)
		}
		n := int64(len(rows) - 1)
		if im.Created != n-n/10 || im.Rejected != n/10 || im.Rows != n || im.Unchanged != 0 || im.Status != model.ImportDone {
			t.Fatalf("%s of %d rows", cafetest.Tally(im), n)
		}
		c.Post(t, c.Snapshot(t)...)
		c.WantTrue(t)
	})
}

// realTill returns a real till's file and its menu, which are not part of the project.
func realTill(t testing.TB) (sales, menu string) {
	t.Helper()
	const shared = "../../../shared/data/"
	s, err := os.ReadFile(shared + "BreadBasket_DMS.csv")
	if err != nil {
		t.Skipf("skipped without the real till file: %v", err)
	}
	m, err := os.ReadFile(shared + "menu.csv")
	if err != nil {
		t.Skipf("skipped without its menu: %v", err)
	}
	return string(s), string(m)
}

func TestTheRealTillFile(t *testing.T) {
	t.Parallel()
	text, menu := realTill(t)
	c := cafetest.Counter{Cafe: cafetest.Open(t, cafetest.Engines[0].Open(t)), Files: cafetest.NewFiles()}
	c.Recorder.Pause()
	if im := c.Bring(t, cafetest.ImportDraft(model.ImportMenu), menu); im.Rejected > 0 || im.Status != model.ImportDone {
		t.Fatalf("menu: %s %v", cafetest.Tally(im), im.Problems)
	}
	prices := map[string]model.Money{}
	items, err := c.Menu(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		prices[strings.ToLower(item.Name)] = item.Price
	}
	batch, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	orders, skipped, revenue := map[string]bool{}, 0, map[string]model.Money{}
	for _, r := range batch[1:] {
		if r[3] == "NONE" || r[3] == "Adjustment" {
			skipped++
			continue
		}
		orders[r[2]] = true
		at, err := time.ParseInLocation("2006-01-02 15:04:05", r[0]+" "+r[1], c.Calendar.Zone)
		if err != nil {
			t.Fatal(err)
		}
		revenue[at.Add(-4*time.Hour).Format(time.DateOnly)] += prices[strings.ToLower(r[3])]
	}
	draft := model.ImportDraft{Kind: model.ImportOrders, Name: "till.csv", Ignore: []string{"NONE", "Adjustment"}}
	start := time.Now()
	im := c.Bring(t, draft, text)
	t.Logf("%d orders in %v", im.Created, time.Since(start).Round(time.Millisecond))
	cafetest.WantTally(t, im, fmt.Sprintf("done: %d rows, %d created, 0 updated, 0 unchanged, 0 rejected, %d skipped", len(batch)-1, len(orders), skipped))
	if len(orders) != 9464 {
		t.Errorf("the file has %d transactions with a sale", len(orders))
	}
	got := map[string]model.Money{}
	for _, item := range cafetest.Stored(t, c.Cafe, "O#") {
		got[item.Str("business_day")] += model.Money(item.Int("total"))
	}
	if fmt.Sprint(got) != fmt.Sprint(revenue) {
		t.Errorf("revenue by business day is\n%v, want\n%v", got, revenue)
	}
	draft.Name = "renamed.csv.gz"
	packed := gzipped(t, strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n"))
	cafetest.WantTally(t, c.Bring(t, draft, packed), fmt.Sprintf("done: %d rows, 0 created, 0 updated, %d unchanged, 0 rejected, %d skipped", len(batch)-1, len(orders), skipped))
}

// BenchmarkImport imports the real till's file into an embedded store on disk, each time
// into an empty one. With fsync=false the same store keeps all in memory, and so shows
// what part is the disk's.
func BenchmarkImport(b *testing.B) {
	text, menu := realTill(b)
	for _, onDisk := range []bool{true, false} {
		b.Run(fmt.Sprintf("fsync=%v", onDisk), func(b *testing.B) {
			n := 0
			for b.Loop() {
				b.StopTimer()
				options, dir := pebble.Options{}, b.TempDir()
				if !onDisk {
					options.FS = vfs.NewMem()
				}
				db, err := pebble.Open(dir, options)
				if err != nil {
					b.Fatal(err)
				}
				settings, err := settings.FromEnv(func(string) string { return "" })
				if err != nil {
					b.Fatal(err)
				}
				c := cafetest.Counter{Cafe: &cafetest.Cafe{House: house.Open(settings, db, time.Now), Table: db}, Files: cafetest.NewFiles()}
				c.Bring(b, cafetest.ImportDraft(model.ImportMenu), menu)
				id, key := c.Upload(b, model.ImportDraft{Kind: model.ImportOrders, Name: "till.csv", Ignore: []string{"NONE", "Adjustment"}}, text)
				b.StartTimer()
				if err := c.Imports.Run(ctx, c.Files, key); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if im := c.Result(b, id); im.Created == 0 || im.Rejected > 0 {
					b.Fatal(cafetest.Tally(im))
				}
				n += len(cafetest.Stored(b, c.Cafe, "O#"))
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "orders/s")
		})
	}
}

func TestTheDateOrderIsASetting(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]till.DateOrder{"": till.YearFirst, "day-first": till.DayFirst, "month-first": till.MonthFirst} {
		s, err := settings.FromEnv(func(name string) string { return map[string]string{"CAFE_DATE_ORDER": value}[name] })
		if err != nil || s.DateOrder != want {
			t.Errorf("%q: %v, %v", value, s.DateOrder, err)
		}
	}
	_, err := settings.FromEnv(func(name string) string { return map[string]string{"CAFE_DATE_ORDER": "dmy"}[name] })
	if err == nil || !strings.Contains(err.Error(), "CAFE_DATE_ORDER") {
		t.Errorf("%v", err)
	}
}
