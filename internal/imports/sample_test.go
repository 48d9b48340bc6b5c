package imports_test

import (
	"context"
	"strings"
	"testing"

	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/table/tabletest"
	"cafe/model"
	"cafe/model/pricing"
)

// begun returns a café that has just begun with the sample, which is cafetest.Menu.
func begun(t *testing.T, e cafetest.Engine) cafetest.Counter {
	t.Helper()
	c := cafetest.Counter{Cafe: cafetest.Open(t, e.Open(t)), Files: cafetest.NewFiles()}
	cafetest.Empty(t, c.Table)
	c.Restart()
	if err := c.Begin(ctx, cafe.Sample{Items: cafetest.Menu, OnHand: cafetest.Stock, Pricing: pricing.Document{Rounding: pricing.HalfUp}}, false); err != nil {
		t.Fatal(err)
	}
	return c
}

func skus(t *testing.T, c cafetest.Counter) string {
	t.Helper()
	items, _, err := c.MenuPage(ctx, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, i := range items {
		list = append(list, i.SKU)
	}
	return strings.Join(list, " ")
}

// The menu has an item named like one of the sample, and one of the sample's own SKUs.
const realMenu = "sku,name,price,counted\nbrw,Brownie,4.20,true\ntea,Tea,2.20,\n"

func TestTheFirstMenuOfACafesOwnRetiresTheUntouchedSample(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		c := begun(t, e)
		draft := cafetest.ImportDraft(model.ImportMenu)
		draft.DryRun = true
		im := c.Bring(t, draft, realMenu)
		if notes := strings.Join(im.Summary.Notes, "; "); !strings.Contains(notes, "would be retired") || skus(t, c) != "brownie latte muffin scone tea" {
			t.Errorf("dry run: notes %q, menu %s", notes, skus(t, c))
		}
		draft.DryRun = false
		im = c.Bring(t, draft, realMenu)
		cafetest.WantTally(t, im, "done: 2 rows, 1 created, 0 updated, 1 unchanged, 0 rejected, 0 skipped")
		if notes := strings.Join(im.Summary.Notes, "; "); notes != "the sample menu is retired: nobody had ordered or changed brownie, latte, muffin, scone; keep_sample keeps it; "+
			"the pricing document is still the sample's, with the VAT of the United Kingdom: PUT /pricing sets the café's own" {
			t.Errorf("notes %q", notes)
		}
		if got := skus(t, c); got != "brw tea" || len(cafetest.Stored(t, c.Cafe, "S#")) != 0 {
			t.Errorf("menu %s, stock %v", got, cafetest.Stored(t, c.Cafe, "S#"))
		}
		// The till's Brownie is the café's own now, at its price.
		c.Bring(t, cafetest.ImportDraft(model.ImportOrders), "order,date,time,item\n1,2017-03-17,09:00,Brownie\n")
		for _, o := range cafetest.Stored(t, c.Cafe, "O#") {
			if o.Int("total") != 420 {
				t.Errorf("the brownie cost %d", o.Int("total"))
			}
		}
		if im := c.Bring(t, draft, realMenu); len(im.Summary.Notes) != 0 || skus(t, c) != "brw tea" {
			t.Errorf("again: notes %q, menu %s", im.Summary.Notes, skus(t, c))
		}
	})
}

func TestWhatSomebodyHasTouchedOfTheSampleStays(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		c := begun(t, e)
		cafetest.Place(t, c.Cafe, "alice", cafetest.Lines("latte"))
		if _, err := c.SetStock(ctx, "muffin", 3); err != nil {
			t.Fatal(err)
		}
		scone := cafetest.Menu[2]
		scone.Price = 190
		if _, err := c.SetMenuItem(ctx, scone, nil); err != nil {
			t.Fatal(err)
		}
		c.Restart() // the mark is in the store
		im := c.Bring(t, cafetest.ImportDraft(model.ImportMenu), realMenu)
		if got := skus(t, c); got != "brw latte muffin scone tea" || c.OnHand(t, "muffin") != 3 {
			t.Errorf("menu %s, %d muffins", got, c.OnHand(t, "muffin"))
		}
		if notes := strings.Join(im.Summary.Notes, "; "); !strings.Contains(notes, "changed brownie; keep") || !strings.Contains(notes, "stays what was ordered or counted: latte, muffin") {
			t.Errorf("notes %q", notes)
		}
	})
}

func TestTheSampleIsKeptWhenTheImportSaysSo(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		c := begun(t, e)
		keep := cafetest.ImportDraft(model.ImportMenu)
		keep.KeepSample = true
		c.Bring(t, keep, realMenu)
		c.Bring(t, cafetest.ImportDraft(model.ImportMenu), "sku,name,price\nbun,Bun,1.00\n")
		if got := skus(t, c); got != "brownie brw bun latte muffin scone tea" {
			t.Errorf("menu %s", got)
		}
		// A file of which nothing went in retires nothing either.
		c = begun(t, e)
		c.Bring(t, cafetest.ImportDraft(model.ImportMenu), "sku,name,price\nbun,Bun,free\n")
		if got := skus(t, c); got != "brownie latte muffin scone tea" {
			t.Errorf("menu %s", got)
		}
	})
}

// An import that is broken off anywhere retires all that it was to, and says so.
func TestTheSampleIsRetiredAfterAnyFault(t *testing.T) {
	t.Parallel()
	tabletest.Sweep(t, func(t *testing.T, faults tabletest.Faults) {
		c := begun(t, cafetest.Engines[0])
		id, key := c.Upload(t, cafetest.ImportDraft(model.ImportMenu), realMenu)
		attempt, end := context.WithCancel(ctx)
		defer end()
		crashFrom(c, faults, end)
		if err := c.Imports.Run(attempt, c.Files, key); err != nil {
			c.Restart()
			if err := c.Imports.Run(ctx, c.Files, key); err != nil {
				t.Fatal(err)
			}
		}
		c.Restart()
		im := c.Result(t, id)
		if notes := strings.Join(im.Summary.Notes, "; "); skus(t, c) != "brw tea" || !strings.Contains(notes, "brownie, latte, muffin, scone;") {
			t.Errorf("menu %s, notes %q", skus(t, c), notes)
		}
	}, tabletest.CrashesBefore, tabletest.CrashesAfter)
}
