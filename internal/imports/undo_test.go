package imports_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/house"
	"cafe/internal/ledger"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

// orderOf returns the id of an order that the import created, at that minute of the 2017-03-17.
func orderOf(t testing.TB, c cafetest.Counter, im model.Import, minute int) string {
	t.Helper()
	at := time.Date(2017, 3, 17, 9, minute, 0, 0, time.UTC).UnixMicro()
	for key, item := range cafetest.Stored(t, c.Cafe, "O#") {
		if item.Str("import_id") == im.ID && item.Int("placed_at") == at && !item.Bool("deleted") {
			return key.PK[2:]
		}
	}
	t.Fatalf("import %s has no order of 9:%02d", im.ID, minute)
	return ""
}

// living returns the orders that are stored and not deleted, with what they are.
func living(t testing.TB, c cafetest.Counter) map[table.Key]table.Item {
	t.Helper()
	orders := cafetest.Stored(t, c.Cafe, "O#")
	maps.DeleteFunc(orders, func(_ table.Key, o table.Item) bool { return o.Bool("deleted") })
	return orders
}

// onFriday writes so many orders of a tea each, of one minute after the other, every second
// one on alice's tab.
func onFriday(orders int) string {
	var b strings.Builder
	b.WriteString("order,date,time,item,customer_id,payment\n")
	for i := range orders {
		fmt.Fprintf(&b, "%d,2017-03-17,%02d:%02d,%s\n", i, 9+i/60, i%60, []string{"tea,alice,account", "brownie,,"}[i%2])
	}
	return b.String()
}

func TestAnUndoTakesBackExactlyWhatTheImportCreatedAndNobodyChanged(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		books := func() {
			t.Helper()
			c.Post(t, c.Recorder.Changes(ledger.Wants)...)
			c.Recorder.Forget()
			c.WantTrue(t)
			c.Ledger.Settle = 0
			if found, err := c.Ledger.Reconcile(ctx, true); err != nil || len(found.Drifted) > 0 {
				t.Errorf("drifted: %+v, %v", found, err)
			}
			if n := c.OnHand(t, "brownie"); n != cafetest.Stock-1 {
				t.Errorf("%d brownies on hand", n)
			}
		}
		cafetest.Place(t, c.Cafe, "alice", cafetest.Lines("latte", "brownie"))
		other := cafetest.ImportDraft(model.ImportOrders)
		other.Source = "second-till"
		c.Bring(t, other, "order,date,time,item\n1,2017-03-17,09:00,latte\n2,2017-03-17,23:30,latte\n")
		before := living(t, c)

		im := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), onFriday(30))
		books()
		cafetest.WantTotals(t, c.Cafe, "alice", 650+15*220, 650+15*220, 16)
		refunded, deleted := orderOf(t, c, im, 4), orderOf(t, c, im, 6)
		cafetest.Advance(t, c.Cafe, refunded, model.StatusRefunded)
		cafetest.Remove(t, c.Cafe, deleted)

		undo := c.TakeBack(t, im.ID)
		cafetest.WantUndo(t, undo, "28 removed, 1 kept")
		if len(undo.Kept) != 1 || undo.Kept[0] != (model.UndoException{ID: refunded, Why: "it was changed since it was imported"}) {
			t.Errorf("kept %v", undo.Kept)
		}
		books()
		cafetest.WantTotals(t, c.Cafe, "alice", 650, 650, 2)
		left := living(t, c)
		delete(left, table.Key{PK: "O#" + refunded, SK: "O"})
		if !maps.EqualFunc(left, before, table.Item.Equal) {
			t.Errorf("left are %d orders that are not as they were", len(left))
		}
		if result := c.Result(t, im.ID); result.Undo == nil || result.Undo.Removed != 28 || result.Undo.FinishedAt != undo.FinishedAt || result.Created != 30 {
			t.Errorf("the import says %+v", result)
		}
		cafetest.WantUndo(t, c.TakeBack(t, im.ID), "28 removed, 1 kept") // again
		if err := c.Imports.Run(ctx, c.Files, "imports/"+im.ID+"/orders.csv"); err != nil {
			t.Error(err)
		}
		if n := len(living(t, c)); n != len(before)+1 {
			t.Errorf("the upload told again brings %d orders back", n-len(before)-1)
		}

		// The same sales come again, as often as they are taken back. What people deleted does not.
		draft := cafetest.ImportDraft(model.ImportOrders)
		draft.DryRun = true
		cafetest.WantTally(t, c.Bring(t, draft, onFriday(30)), "done: 30 rows, 28 created, 0 updated, 2 unchanged, 0 rejected, 0 skipped")
		draft.DryRun = false
		for range 2 {
			im = c.Bring(t, draft, onFriday(30))
			cafetest.WantTally(t, im, "done: 30 rows, 28 created, 0 updated, 2 unchanged, 0 rejected, 0 skipped")
			cafetest.WantTally(t, c.Bring(t, draft, onFriday(30)), "done: 30 rows, 0 created, 0 updated, 30 unchanged, 0 rejected, 0 skipped")
			books()
			cafetest.WantTotals(t, c.Cafe, "alice", 650+13*220, 650+13*220, 15)
			cafetest.WantUndo(t, c.TakeBack(t, im.ID), "28 removed, 0 kept")
			books()
			cafetest.WantTotals(t, c.Cafe, "alice", 650, 650, 2)
		}
		// Other rows of an order that was taken back are no conflict.
		mended := strings.Replace(onFriday(30), "0,2017-03-17,09:00,tea", "0,2017-03-17,09:00,scone", 1)
		cafetest.WantTally(t, c.Bring(t, draft, mended), "done: 30 rows, 28 created, 0 updated, 2 unchanged, 0 rejected, 0 skipped")
		books()
	})
}

func TestAnUndoOfManyOrdersGoesOnWhereItStopped(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		c := cafetest.Counter{Cafe: cafetest.Open(t, e.Open(t), func(s *settings.Settings) { s.Shards = 3 }), Files: cafetest.NewFiles()}
		const orders = 250
		im := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), onFriday(orders))
		c.Bring(t, cafetest.ImportDraft(model.ImportOrders), strings.ReplaceAll(onFriday(120), "2017-03-17", "2017-03-16"))
		c.Imports.UndoTime = 0
		calls, removed := 0, int64(0)
		for {
			undo, err := c.Imports.Undo(ctx, im.ID)
			if err != nil {
				t.Fatal(err)
			}
			if got := int64(orders + 120 - len(living(t, c))); undo.Removed != got || got < removed || got > removed+99 {
				t.Fatalf("call %d: %d are gone, after %d; it says %d", calls, got, removed, undo.Removed)
			}
			if removed = undo.Removed; !undo.FinishedAt.IsZero() {
				break
			}
			if got := c.Result(t, im.ID).Undo; got == nil || got.Removed != removed || !got.FinishedAt.IsZero() {
				t.Errorf("meanwhile the import says %+v", got)
			}
			calls++
			c.Restart()
			c.Imports.UndoTime = 0
		}
		if removed != orders || calls < 3 {
			t.Errorf("%d removed by %d calls", removed, calls)
		}
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		c.WantTrue(t)
	})
}

func TestUndosAtOnceCountEachOrderOnce(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		im := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), onFriday(220))
		changed := orderOf(t, c, im, 10)
		c.Recorder.Pause()
		c.Slow()
		errs := make([]error, 4)
		cafetest.Together(len(errs), func(i int) {
			if i == 3 {
				_, errs[i] = c.Advance(ctx, cafetest.Owner, changed, cafe.Move{To: model.StatusRefunded}, nil)
				return
			}
			for range 50 {
				undo, err := c.Imports.Undo(ctx, im.ID)
				if err != nil && !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrThrottled) {
					errs[i] = err
					return
				}
				if err == nil && !undo.FinishedAt.IsZero() {
					return
				}
			}
			errs[i] = errors.New("it never ended")
		})
		lost := errors.Is(errs[3], model.ErrNotFound) // taken back before it was refunded
		if errs[3] != nil && !lost || errors.Join(errs[:3]...) != nil {
			t.Fatal(errs)
		}
		want := "219 removed, 1 kept"
		if lost {
			want = "220 removed, 0 kept"
		}
		cafetest.WantUndo(t, c.TakeBack(t, im.ID), want)
		if n := len(living(t, c)); (n == 0) != lost || n > 1 {
			t.Errorf("%d orders are left", n)
		}
		c.Post(t, c.Snapshot(t)...)
		c.WantTrue(t)
	})
}

// Somebody changes orders of a part just before it is written.
func TestAnOrderThatChangesDuringTheUndoStays(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		im := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), onFriday(20))
		refunded, removed := orderOf(t, c, im, 7), orderOf(t, c, im, 8)
		done := false
		other := house.Open(c.Settings, c.Table, c.Clock.Now)
		c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
			if done || len(call.Ops) != 21 {
				return tabletest.Fault{}
			}
			done = true
			if _, err := other.Advance(ctx, cafetest.Owner, refunded, cafe.Move{To: model.StatusRefunded}, nil); err != nil {
				t.Error(err)
			}
			if err := other.Remove(ctx, cafetest.Owner, removed, nil); err != nil {
				t.Error(err)
			}
			return tabletest.Fault{}
		})
		undo := c.TakeBack(t, im.ID)
		cafetest.WantUndo(t, undo, "18 removed, 1 kept")
		if !done || len(living(t, c)) != 1 || undo.Kept[0].ID != refunded {
			t.Errorf("%v; %d orders are left; kept %v", done, len(living(t, c)), undo.Kept)
		}
	})
}

func TestOnlyImportsThatHaveFinishedAreTakenBack(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		if _, err := c.Imports.Undo(ctx, "nobody"); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("no import: %v", err)
		}
		// One that waits takes no file any more.
		id, key := c.Upload(t, cafetest.ImportDraft(model.ImportOrders), onFriday(3))
		cafetest.WantUndo(t, c.TakeBack(t, id), "0 removed, 0 kept")
		if im := c.Result(t, id); im.Status != model.ImportFailed || len(im.Problems) != 1 || im.FinishedAt.IsZero() || !strings.Contains(im.Problems[0].Reason, "before its file came") {
			t.Errorf("%+v", im)
		}
		if takes, err := c.Imports.TakesUpload(ctx, key); takes || err != nil {
			t.Errorf("it takes its file: %v, %v", takes, err)
		}
		if err := c.Imports.Run(ctx, c.Files, key); err != nil || len(living(t, c)) != 0 {
			t.Errorf("its file is read: %v", err)
		}
		// One that failed, and one that was tried, have brought nothing.
		failed := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), "")
		cafetest.WantUndo(t, c.TakeBack(t, failed.ID), "0 removed, 0 kept")
		dry := cafetest.ImportDraft(model.ImportOrders)
		dry.DryRun = true
		tried := c.Bring(t, dry, onFriday(3))
		cafetest.WantUndo(t, c.TakeBack(t, tried.ID), "0 removed, 0 kept")
		if im := c.Result(t, tried.ID); im.Status != model.ImportDone {
			t.Errorf("%+v", im)
		}

		// One that runs is let alone, until it counts as given up. Then it is not run again.
		id, key = c.Upload(t, cafetest.ImportDraft(model.ImportOrders), onFriday(200))
		attempt, end := context.WithCancel(ctx)
		defer end()
		crashFrom(c, tabletest.At(120, tabletest.Fault{Before: table.ErrUnavailable}), end)
		if err := c.Imports.Run(attempt, c.Files, key); err == nil {
			t.Fatal("it was not interrupted")
		}
		c.Restart()
		brought := int64(len(living(t, c)))
		if brought == 0 {
			t.Fatal("it brought nothing")
		}
		if _, err := c.Imports.Undo(ctx, id); !errors.Is(err, model.ErrImportRunning) {
			t.Errorf("while it runs: %v", err)
		}
		c.Clock.Pass(time.Hour)
		cafetest.WantUndo(t, c.TakeBack(t, id), fmt.Sprintf("%d removed, 0 kept", brought))
		if err := c.Imports.Run(ctx, c.Files, key); err != nil || len(living(t, c)) != 0 {
			t.Errorf("it runs again: %v", err)
		}
		if im := c.Result(t, id); im.Status != model.ImportFailed || im.FinishedAt.IsZero() {
			t.Errorf("%+v", im)
		}
		for key, item := range cafetest.Stored(t, c.Cafe, "I#") { // the event log reads counts of all that has finished
			if item["finished_at"].Kind() == table.KindNone || item["rows"].Kind() == table.KindNone {
				t.Errorf("%s: %v", key, item)
			}
		}
		// None of these is in need of a look any more.
		eventually(t, func() bool {
			troubled, err := c.Imports.Troubled(ctx, time.Time{}, c.Clock.Now())
			return err == nil && len(troubled) == 0
		})
		c.Clock.Pass(30 * 24 * time.Hour)
		if _, err := c.Imports.Undo(ctx, id); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("after 30 days: %v", err)
		}
	})
}

// An import of a version that did not store its days is taken back all the same.
func TestAnImportWithoutItsDaysIsTakenBack(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		cafetest.Place(t, c.Cafe, "alice", cafetest.Lines("latte"))
		im := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), manySales(40))
		op := table.Update(table.Key{PK: "I#" + im.ID, SK: "I"}, table.Present())
		op.Remove = []string{"spans"}
		if err := c.Table.Write(ctx, op); err != nil {
			t.Fatal(err)
		}
		cafetest.WantUndo(t, c.TakeBack(t, im.ID), "36 removed, 0 kept")
		if n := len(living(t, c)); n != 1 {
			t.Errorf("%d orders are left", n)
		}
	})
}

// lagging is a table whose second index does not show anything yet.
type lagging struct {
	table.Table
	behind *bool
}

func (l lagging) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if q.Index == table.Index2 && *l.behind {
		return table.Page{}, nil
	}
	return l.Table.Query(ctx, q)
}

func TestAnUndoRightAfterTheImportWaitsForTheIndex(t *testing.T) {
	t.Parallel()
	c := cafetest.Counter{Cafe: cafetest.Open(t, cafetest.Engines[0].Open(t)), Files: cafetest.NewFiles()}
	im := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), onFriday(10))
	cafetest.Advance(t, c.Cafe, orderOf(t, c, im, 3), model.StatusRefunded)
	behind := true
	c.OpenOn(lagging{c.Table, &behind}, c.Clock.Now)
	for range 3 {
		if undo, err := c.Imports.Undo(ctx, im.ID); err != nil || !undo.FinishedAt.IsZero() || undo.Removed != 0 {
			t.Fatalf("it sees nothing, and says %+v, %v", undo, err)
		}
	}
	behind = false
	undo, err := c.Imports.Undo(ctx, im.ID)
	if err != nil {
		t.Fatal(err)
	}
	cafetest.WantUndo(t, undo, "9 removed, 1 kept")

	// What people deleted never shows: a minute after the import nobody waits for it.
	im = c.Bring(t, cafetest.ImportDraft(model.ImportOrders), onFriday(10))
	cafetest.Remove(t, c.Cafe, orderOf(t, c, im, 5))
	if undo, err = c.Imports.Undo(ctx, im.ID); err != nil || !undo.FinishedAt.IsZero() || undo.Removed != 8 {
		t.Fatalf("%+v, %v", undo, err)
	}
	c.Clock.Pass(time.Minute)
	if undo, err = c.Imports.Undo(ctx, im.ID); err != nil {
		t.Fatal(err)
	}
	cafetest.WantUndo(t, undo, "8 removed, 0 kept")
}

func TestAReportFollowsAnUndo(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		cafetest.Sell(t, c.Cafe, "2017-03-18 12:00", "tea")
		im := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), strings.ReplaceAll(onFriday(10), "2017-03-17", "2017-03-18"))
		cafetest.Deliver(t, c.Cafe)
		cafetest.ClockAt(t, c.Cafe, "2017-03-18 20:00")
		cafetest.MakeReport(t, c.Cafe, cafetest.Saturday)
		cafetest.WantFigures(t, cafetest.ReadReport(t, c.Cafe, cafetest.Saturday).Report, 1, 11, 6*220+5*300)

		c.Clock.Pass(time.Hour)
		cafetest.WantUndo(t, c.TakeBack(t, im.ID), "10 removed, 0 kept")
		cafetest.Deliver(t, c.Cafe)
		cafetest.ClockAt(t, c.Cafe, "2017-03-19 20:00")
		cafetest.MakeReport(t, c.Cafe, "2017-03-19")
		cafetest.WantFigures(t, cafetest.ReadReport(t, c.Cafe, cafetest.Saturday).Report, 2, 1, 220)
	})
}

func TestAMenuIsTakenBackWithoutWhatWasThereOrWasChanged(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		im := c.Bring(t, cafetest.ImportDraft(model.ImportMenu), "sku,name,price\ntea,Tea,2.50\nlatte,Latte,3.60\nmocha,Mocha,4.00\nbun,Bun,1.00\ncake,Cake,3.00\nflan,Flan,3.00\n")
		cafetest.WantTally(t, im, "done: 6 rows, 4 created, 2 updated, 0 unchanged, 0 rejected, 0 skipped")
		if _, err := c.SetMenuItem(ctx, model.Item{SKU: "bun", Name: "Bun", Price: 120, Active: true}, nil); err != nil {
			t.Fatal(err)
		}
		if err := c.RemoveMenuItem(ctx, "flan", nil); err != nil {
			t.Fatal(err)
		}
		undo := c.TakeBack(t, im.ID)
		cafetest.WantUndo(t, undo, "2 removed, 3 kept")
		if got := fmt.Sprint(undo.Kept); got != "[{bun it was changed since it was imported} {latte it was there before the import, which changed it; what it was is not kept}"+
			" {tea it was there before the import, which changed it; what it was is not kept}]" {
			t.Errorf("kept %s", got)
		}
		if got := skus(t, c); got != "brownie bun latte muffin scone tea" {
			t.Errorf("on the menu: %s", got)
		}
		again := c.Bring(t, cafetest.ImportDraft(model.ImportMenu), "sku,name,price\nmocha,Mocha,4.00\n")
		cafetest.WantTally(t, again, "done: 1 rows, 1 created, 0 updated, 0 unchanged, 0 rejected, 0 skipped")
	})
}

func TestAStockCountIsTakenBackUnlessTheNumberMayHaveChanged(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		text := "sku,on_hand\nbrownie,7\nmuffin,20\n"
		for _, sku := range []string{"cake", "flan", "pie", "tart", "roll"} {
			if _, err := c.SetMenuItem(ctx, model.Item{SKU: sku, Name: sku, Price: 300, Counted: true, Active: true}, nil); err != nil {
				t.Fatal(err)
			}
			text += sku + ",5\n"
		}
		im := c.Bring(t, cafetest.ImportDraft(model.ImportStock), text)
		cafetest.WantTally(t, im, "done: 7 rows, 5 created, 1 updated, 1 unchanged, 0 rejected, 0 skipped")
		cafetest.Place(t, c.Cafe, model.WalkIn, cafetest.Lines("flan"))
		if _, err := c.SetStock(ctx, "pie", 5); err != nil { // the same number, counted again
			t.Fatal(err)
		}
		sold := cafetest.Place(t, c.Cafe, model.WalkIn, cafetest.Lines("tart"))
		cafetest.Advance(t, c.Cafe, sold.ID, model.StatusCancelled) // it is back on the shelf
		if err := c.RemoveMenuItem(ctx, "roll", nil); err != nil {
			t.Fatal(err)
		}
		undo := c.TakeBack(t, im.ID)
		cafetest.WantUndo(t, undo, "3 removed, 3 kept")
		kept := map[string]string{}
		for _, k := range undo.Kept {
			kept[k.ID] = k.Why
		}
		if len(kept) != 3 || !strings.Contains(kept["brownie"], "there before") || !strings.Contains(kept["flan"], "may have changed") || !strings.Contains(kept["pie"], "may have changed") {
			t.Errorf("kept %v", kept)
		}
		stock := cafetest.Stored(t, c.Cafe, "S#")
		if len(stock) != 4 || c.OnHand(t, "brownie") != 7 || c.OnHand(t, "muffin") != 20 || c.OnHand(t, "flan") != 4 || c.OnHand(t, "pie") != 5 {
			t.Errorf("stock %v", stock)
		}
	})
}

func TestAnUndoSaysWhatBecameOfTheSample(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		c := begun(t, e)
		im := c.Bring(t, cafetest.ImportDraft(model.ImportMenu), realMenu)
		undo := c.TakeBack(t, im.ID)
		cafetest.WantUndo(t, undo, "1 removed, 4 kept")
		for i, sku := range []string{"brownie", "latte", "muffin", "scone"} {
			if undo.Kept[i].ID != sku || !strings.Contains(undo.Kept[i].Why, "sample") {
				t.Errorf("kept %v", undo.Kept)
			}
		}
		if got := skus(t, c); got != "tea" {
			t.Errorf("on the menu: %s", got)
		}
	})
}

// A menu of more items than one write takes back.
func TestALongMenuIsTakenBackInParts(t *testing.T) {
	t.Parallel()
	c := cafetest.Counter{Cafe: cafetest.Open(t, cafetest.Engines[0].Open(t)), Files: cafetest.NewFiles()}
	text := "sku,name,price\ntea,Tea,9.00\n"
	for i := range 300 {
		text += fmt.Sprintf("i%d,Item %d,1.00\n", i, i)
	}
	im := c.Bring(t, cafetest.ImportDraft(model.ImportMenu), text)
	c.Imports.UndoTime = 0
	cafetest.WantUndo(t, c.TakeBack(t, im.ID), "300 removed, 1 kept")
	if got := skus(t, c); got != "brownie latte muffin scone tea" {
		t.Errorf("on the menu: %s", got)
	}
}

func TestImportsAreListedNewestFirst(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		var want []string
		for i := range 7 {
			id, _ := c.Upload(t, cafetest.ImportDraft(model.ImportOrders), "")
			want = append([]string{id}, want...)
			if i == 0 {
				c.Clock.Pass(2 * time.Hour)
			}
		}
		all := func(limit int) (ids []string) {
			next := ""
			for range 10 {
				list, rest, err := c.Imports.List(ctx, next, limit)
				if err != nil || len(list) > limit {
					t.Fatalf("%d imports, %v", len(list), err)
				}
				for _, im := range list {
					ids = append(ids, im.ID)
				}
				if next = rest; next == "" {
					return ids
				}
			}
			t.Fatal("the list does not end")
			return nil
		}
		eventually(t, func() bool { return fmt.Sprint(all(25)) == fmt.Sprint(want) })
		for _, limit := range []int{1, 2, 3, 6, 7} {
			if got := all(limit); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("by pages of %d: %v, want %v", limit, got, want)
			}
		}
		c.Clock.Pass(30*24*time.Hour - time.Hour) // the oldest is not kept any more
		if got := all(3); fmt.Sprint(got) != fmt.Sprint(want[:6]) {
			t.Errorf("later: %v", got)
		}
	})
}

// Whatever is imported, changed, taken back and imported again: what is left is what was not
// created by an import that was taken back, or was changed, and the books are true.
func TestUndosAndImportsInAnyOrderLeaveTheBooksTrue(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, bare *cafetest.Cafe) {
		c := cafetest.Counter{Cafe: bare, Files: cafetest.NewFiles()}
		gone := map[string]bool{} // imports that are taken back
		var brought []string
		changed := map[table.Key]bool{}
		for range rapid.IntRange(2, 8).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				draft := cafetest.ImportDraft(model.ImportOrders)
				draft.Source = rapid.SampledFrom([]string{"till", "other"}).Draw(t, "source")
				brought = append(brought, c.Bring(t, draft, manySales(rapid.IntRange(1, 30).Draw(t, "orders"))).ID)
			case 2:
				if len(brought) > 0 {
					id := rapid.SampledFrom(brought).Draw(t, "import")
					c.TakeBack(t, id)
					gone[id] = true
				}
			case 3:
				for key, item := range cafetest.Stored(t, c.Cafe, "O#") {
					if !item.Bool("deleted") && !changed[key] && rapid.Bool().Draw(t, "refund") {
						cafetest.Advance(t, c.Cafe, key.PK[2:], model.StatusRefunded)
						changed[key] = true
					}
				}
			}
		}
		for key, item := range cafetest.Stored(t, c.Cafe, "O#") {
			if want := gone[item.Str("import_id")] && !changed[key]; item.Bool("deleted") != want || item.Bool("taken_back") != want {
				t.Errorf("%s is deleted: %v, want %v", key, item.Bool("deleted"), want)
			}
		}
		c.Post(t, cafetest.Shuffled(t, c.Recorder.Changes(ledger.Wants))...)
		c.WantTrue(t)
	})
}
