package imports_test

import (
	"fmt"
	"strings"
	"testing"

	"cafe/internal/cafetest"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

// from makes the draft of an import of a till's.
func from(source string) model.ImportDraft {
	draft := cafetest.ImportDraft(model.ImportOrders)
	draft.Source = source
	return draft
}

func TestTheSameSalesUnderAnotherSourceAreNoted(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		first := c.Bring(t, from("till"), manySales(40))
		if first.Resembles != "" {
			t.Errorf("the first is said to be like %q", first.Resembles)
		}
		says := func(im model.Import, alike, of int) {
			t.Helper()
			want := fmt.Sprintf("most orders look like those of import %s (source till, orders.csv): %d of %d that were compared", first.ID, alike, of)
			if !strings.HasPrefix(im.Resembles, want) || !strings.Contains(im.Resembles, map[bool]string{true: "would bring", false: "-undo ID"}[im.DryRun]) {
				t.Errorf("it says %q, want %q", im.Resembles, want)
			}
		}
		// Before it is done: by a dry run. Rows in another order are the same sales.
		draft := from("pos")
		draft.DryRun = true
		says(c.Bring(t, draft, shuffled(manySales(40))), 36, 36)
		// Or when it is done.
		second := c.Bring(t, from("pos"), manySales(40))
		says(second, 36, 36)
		if n := len(living(t, c)); n != 72 {
			t.Errorf("%d orders", n)
		}
		// Taken back, it is like nothing any more.
		c.TakeBack(t, second.ID)
		c.TakeBack(t, first.ID)
		if im := c.Bring(t, from("third"), manySales(40)); im.Resembles != "" {
			t.Errorf("like what was taken back: %q", im.Resembles)
		}
	})
}

func TestOrdersThatLookAlikeByChanceAreNotNoted(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		text := func(day, hour string, items ...string) string {
			b := "order,date,time,item\n"
			for i, item := range items {
				b += fmt.Sprintf("%d,%s,%s:%02d,%s\n", i, day, hour, i%2, item)
			}
			return b
		}
		c.Bring(t, from("till"), text("2017-03-17", "09", "tea", "latte", "tea", "scone"))
		cafetest.Place(t, c.Cafe, model.WalkIn, cafetest.Lines("tea"))
		for name, other := range map[string]string{
			"half":         text("2017-03-17", "09", "tea", "latte", "scone", "tea"), // of one minute
			"another-day":  text("2017-03-16", "09", "tea", "latte", "tea", "scone"),
			"another-hour": text("2017-03-17", "10", "tea", "latte", "tea", "scone"),
			"one":          text("2017-03-17", "09", "tea"),
			"till":         text("2017-03-17", "09", "tea", "latte", "tea", "scone"), // the same orders
		} {
			if im := c.Bring(t, from(name), other); im.Resembles != "" {
				t.Errorf("%s: %q", name, im.Resembles)
			}
		}
	})
}

// A long import says so while it runs, and an attempt that goes on with it says so, too.
func TestALongImportSaysEarlyWhatItLooksLike(t *testing.T) {
	t.Parallel()
	c := cafetest.Counter{Cafe: cafetest.Open(t, cafetest.Engines[0].Open(t)), Files: cafetest.NewFiles()}
	c.Bring(t, from("till"), manySales(600))
	id, key := c.Upload(t, from("pos"), manySales(600))
	early, stored := "", 0
	c.Recorder.Pause()
	c.Faults.Set(func(call tabletest.Call) tabletest.Fault { // one call at a time
		switch {
		case len(call.Ops) != 1:
		case call.Ops[0].Set.Str("resembles") != "":
			early = call.Ops[0].Set.Str("resembles")
		case strings.HasPrefix(call.Ops[0].Key.PK, "O#"):
			if stored++; stored > 200 && early == "" { // more than it compares, and than it stores at once
				return tabletest.Fault{Before: table.ErrThrottled}
			} else if stored > 200 {
				return tabletest.Fault{Before: table.ErrInvalid}
			}
		}
		return tabletest.Fault{}
	})
	if err := c.Imports.Run(ctx, c.Files, key); err == nil {
		t.Fatal("it was not interrupted")
	}
	c.Restart()
	if im := c.Result(t, id); im.Status != model.ImportRunning || im.Resembles == "" || im.Resembles != early || !strings.Contains(early, "100 of 100") {
		t.Errorf("while it runs: %s %q, told %q", im.Status, im.Resembles, early)
	}
	if err := c.Imports.Run(ctx, c.Files, key); err != nil {
		t.Fatal(err)
	}
	if im := c.Result(t, id); im.Status != model.ImportDone || im.Created != 540 || !strings.Contains(im.Resembles, "most orders look like") {
		t.Errorf("%s, %q", cafetest.Tally(im), im.Resembles)
	}
}

// What is compared is spread over the file: its first orders are its own.
func TestWhatIsComparedIsSpreadOverTheFile(t *testing.T) {
	t.Parallel()
	c := cafetest.Counter{Cafe: cafetest.Open(t, cafetest.Engines[0].Open(t)), Files: cafetest.NewFiles()}
	text := func(outlets ...string) string {
		b := "order,date,time,item,outlet\n"
		for _, outlet := range outlets {
			for i := range 300 {
				b += fmt.Sprintf("%d,2017-03-17,%02d:%02d:%02s,tea,%s\n", i, 9+i/60, i%60, outlet, outlet)
			}
		}
		return b
	}
	c.Bring(t, from("till"), text("2", "3", "4"))
	if im := c.Bring(t, from("pos"), text("1", "2", "3", "4")); im.Created != 1200 || im.Resembles == "" {
		t.Errorf("%s, %q", cafetest.Tally(im), im.Resembles)
	}
	if im := c.Bring(t, from("third"), text("5", "6", "7", "4")); im.Created != 1200 || im.Resembles != "" {
		t.Errorf("%s, %q", cafetest.Tally(im), im.Resembles)
	}
}
