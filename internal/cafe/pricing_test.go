package cafe_test

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/records"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
	"cafe/model/pricing"
)

// calls counts the calls of the store from now on.
func calls(c *cafetest.Cafe) map[string]int {
	n := map[string]int{}
	c.Faults.Set(func(call tabletest.Call) tabletest.Fault { n[call.Method]++; return tabletest.Fault{} })
	return n
}

func draft(skus ...string) model.Draft { return model.Draft{Lines: cafetest.Lines(skus...)} }

// The fingerprints were computed apart from this code, by v0.1.0's rule: SHA-256 of the parts
// and their lengths.
func TestARequestOfBeforeHasTheFingerprintOfBefore(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	for _, want := range []struct {
		by          cafe.Caller
		draft       model.Draft
		fingerprint string
	}{
		{cafetest.Alice, draft("latte"), "P85KCH30UFE5IGAOGPGAJMCNN4"},
		{cafetest.Staff, model.Draft{
			Note: "by the window", PickupAt: time.Date(2017, 3, 18, 12, 0, 0, 0, time.UTC),
			Lines: []model.DraftLine{{SKU: "latte", Quantity: 2, Options: []string{"oat", "large"}, Note: "extra hot"}, {SKU: "tea", Quantity: 1}},
		}, "RPCES7RSHO6CDQ9RNMLSURCTJ4"},
	} {
		if order, _, err := c.Place(ctx, want.by, want.draft, "key"); err != nil || order.Fingerprint != want.fingerprint {
			t.Errorf("%+v has the fingerprint %s, %v", want.draft, order.Fingerprint, err)
		}
	}
}

// An order that v0.1.0 stored is answered to its key, under a pricing document, too.
func TestAnOrderOfBeforeIsReplayed(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	order, _, err := c.Place(ctx, cafetest.Alice, draft("latte"), "key")
	if err != nil {
		t.Fatal(err)
	}
	old := cafetest.Stored(t, c, records.PrefixOrder)[records.OrderKey(order.ID)]
	delete(old, "pricing")
	if err := c.Table.Write(ctx, table.Put(records.OrderKey(order.ID), old)); err != nil {
		t.Fatal(err)
	}
	cafetest.SetPricing(t, c, cafetest.Full())
	again, replayed, err := c.Place(ctx, cafetest.Alice, draft("latte"), "key")
	order.Dining = ""
	if err != nil || !replayed || !reflect.DeepEqual(again, order) || again.Reckoning.Subtotal != 350 {
		t.Errorf("replayed %v, %v\n%+v\nwant %+v", replayed, err, again, order)
	}
	if read, err := c.Order(ctx, cafetest.Alice, order.ID); err != nil || !reflect.DeepEqual(read, order) {
		t.Errorf("reads %+v, %v", read, err)
	}
	// It goes on without taxes.
	amended, err := c.Amend(ctx, cafetest.Alice, order.ID, cafe.Amendment{Lines: cafetest.Lines("latte", "tea")}, cafetest.AnyVersion)
	if err != nil || amended.Total != 570 || amended.Reckoning.Taxes != nil || amended.Reckoning.Pricing != 0 {
		t.Errorf("amended to %+v, %v", amended, err)
	}
}

func TestWhatIsNewInARequestIsPartOfItsFingerprint(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	cafetest.SetPricing(t, c, cafetest.Full())
	changes := []func(*model.Draft){
		func(*model.Draft) {},
		func(d *model.Draft) { d.Dining = model.DiningEatIn },
		func(d *model.Draft) { d.Dining = model.DiningTakeaway },
		func(d *model.Draft) { d.Tip = 1 },
		func(d *model.Draft) { d.Codes = []string{"STUDENT"} },
		func(d *model.Draft) { d.Codes = []string{"student"} },
		func(d *model.Draft) { d.Discounts = []model.DraftDiscount{{Name: "A", Amount: 1}} },
		func(d *model.Draft) { d.Discounts = []model.DraftDiscount{{Name: "B", Amount: 1}} },
		func(d *model.Draft) { d.Discounts = []model.DraftDiscount{{Name: "A", Percent: 1}} },
		func(d *model.Draft) { d.Discounts = []model.DraftDiscount{{Name: "A", Amount: 1, Lines: []int{0}}} },
		func(d *model.Draft) {
			quoted, err := c.Quote(ctx, cafetest.Staff, *d)
			if err != nil {
				t.Fatal(err)
			}
			d.Quote = quoted.Text
		},
	}
	for i, first := range changes {
		key := "key " + string(rune('a'+i))
		asked := draft("latte")
		first(&asked)
		if _, _, err := c.Place(ctx, cafetest.Staff, asked, key); err != nil {
			t.Fatal(i, err)
		}
		if _, replayed, err := c.Place(ctx, cafetest.Staff, asked, key); err != nil || !replayed {
			t.Errorf("change %d again: %v, %v", i, replayed, err)
		}
		for j, second := range changes {
			other := draft("latte")
			if second(&other); i != j {
				if _, _, err := c.Place(ctx, cafetest.Staff, other, key); !errors.Is(err, model.ErrKeyReused) {
					t.Errorf("change %d after %d: %v", j, i, err)
				}
			}
		}
	}
}

// The café's default may change between two attempts of one request.
func TestARequestThatDoesNotSayWhereItIsEatenKeepsItsKey(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	order, _, err := c.Place(ctx, cafetest.Alice, draft("latte"), "key")
	if err != nil || order.Dining != model.DiningTakeaway {
		t.Fatal(order, err)
	}
	c.Settings.Dining = model.DiningEatIn
	c.Restart()
	if again, replayed, err := c.Place(ctx, cafetest.Alice, draft("latte"), "key"); err != nil || !replayed || again.Dining != model.DiningTakeaway {
		t.Errorf("%+v, %v, %v", again, replayed, err)
	}
	if another, _, err := c.Place(ctx, cafetest.Alice, draft("latte"), ""); err != nil || another.Dining != model.DiningEatIn {
		t.Errorf("%+v, %v", another, err)
	}
}

func TestPlacingReadsNothingAndWritesOnce(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.SetPricing(t, c, cafetest.Full())
		if _, err := c.Menu(ctx); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Place(ctx, cafetest.Alice, draft("latte"), ""); err != nil { // takes a block of numbers
			t.Fatal(err)
		}
		n := calls(c)
		order, _, err := c.Place(ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("latte", "tea", "latte"), Dining: model.DiningEatIn, Codes: []string{"student"}}, "key")
		if err != nil || len(order.Reckoning.Taxes) != 2 || len(order.Reckoning.Discounts) != 1 || len(order.Reckoning.Charges) != 1 {
			t.Fatalf("%+v, %v", order, err)
		}
		if n["Write"] != 1 || len(n) != 1 {
			t.Errorf("calls %v", n)
		}
	})
}

// The design's bar is 1 KiB for three lines, so that a write is of one unit.
func TestAnOrderOfThreeLinesStaysUnder1KiB(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	cafetest.SetPricing(t, c, cafetest.Full())
	order, _, err := c.Place(ctx, cafetest.Staff, model.Draft{
		CustomerID: "alice", Lines: cafetest.Lines("latte", "brownie", "tea"), Dining: model.DiningEatIn, Codes: []string{"STUDENT"}, Tip: 100,
		Discounts: []model.DraftDiscount{{Name: "Broken cup", Percent: 500_000, Lines: []int{0}}},
	}, "key")
	if err != nil {
		t.Fatal(err)
	}
	size := records.EncodeOrder(order).Size()
	if size += len(records.OrderKey(order.ID).PK) + 1; size > 1024 {
		t.Errorf("%d bytes", size)
	}
	t.Logf("%d bytes with everything", size)
}

func TestOrdersReadWithTheDocumentOfTheirPlacing(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		var placed []model.Order
		for _, rate := range []string{"20", "5", "7.5"} {
			cafetest.SetPricing(t, c, cafetest.VAT(rate))
			placed = append(placed, cafetest.Place(t, c, "alice", cafetest.Lines("latte")))
		}
		c.Restart()
		n := calls(c)
		for range 2 {
			for _, want := range placed {
				if got, err := c.Order(ctx, cafetest.Alice, want.ID); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%v\nreads  %+v\nplaced %+v", err, got, want)
				}
			}
		}
		if n["Get"] != 6+3 || len(n) != 1 { // each document once
			t.Errorf("calls %v", n)
		}
		if orders, _, err := c.Orders(ctx, cafetest.Alice, cafe.Filter{}, "", 10); err != nil || len(orders) != 3 || !reflect.DeepEqual(orders[2], placed[0]) {
			t.Errorf("%+v, %v", orders, err)
		}
	})
}

func TestAProcessSeesAnothersPricingWithTheMenu(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	other := cafe.New(c.Settings, c.Table, c.Clock.Now)
	if _, err := c.Menu(ctx); err != nil {
		t.Fatal(err)
	}
	if _, _, err := other.SetPricing(ctx, cafetest.VAT("20"), nil); err != nil {
		t.Fatal(err)
	}
	if order := cafetest.Place(t, c, "alice", cafetest.Lines("tea")); order.Reckoning.Pricing != 0 {
		t.Errorf("at once: %+v", order.Reckoning)
	}
	c.Clock.Pass(3 * time.Second)
	if order := cafetest.Place(t, c, "alice", cafetest.Lines("tea")); order.Reckoning.Pricing != 1 {
		t.Errorf("three seconds later: %+v", order.Reckoning)
	}
	// Before a code is refused, the document is read anew.
	document := cafetest.Full()
	if _, _, err := other.SetPricing(ctx, document, nil); err != nil {
		t.Fatal(err)
	}
	if order, _, err := c.Place(ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("tea"), Codes: []string{"student"}}, ""); err != nil || order.Reckoning.Pricing != 2 {
		t.Errorf("with a new code: %+v, %v", order.Reckoning, err)
	}
}

func TestVersionsOfPricingAtOnceAreAllKept(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		const owners = 8
		rates := []string{"1", "2", "3", "4", "5", "6", "7", "8"}
		var mu sync.Mutex
		versions := map[int64]string{}
		cafetest.Together(owners, func(i int) {
			var set *pricing.Tariff
			if err := cafetest.Patiently(func() (err error) {
				set, _, err = c.SetPricing(ctx, cafetest.VAT(rates[i]), nil)
				return err
			}); err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			versions[set.Version()] = rates[i]
		})
		stored := cafetest.Stored(t, c, records.PrefixPricing)
		if len(versions) != owners || len(stored) != owners {
			t.Fatalf("versions %v, %d stored", versions, len(stored))
		}
		for version, rate := range versions {
			tariff, err := records.DecodePricing(records.PricingVersionKey(version), stored[records.PricingVersionKey(version)])
			if err != nil || tariff.Version() != version || tariff.Document().Taxes[0].Rate != rate {
				t.Errorf("version %d is %+v, %v, want %s", version, tariff.Document(), err, rate)
			}
		}
		c.Restart()
		if now, err := c.Tariff(ctx); err != nil || now.Version() != owners {
			t.Errorf("now it is %d, %v", now.Version(), err)
		}
	})
}

func TestAQuoteKeepsItsPricesFor15Minutes(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.SetPricing(t, c, cafetest.Full())
		asked := model.Draft{Lines: cafetest.Lines("latte", "brownie"), Dining: model.DiningEatIn, Codes: []string{"STUDENT"}}
		if _, err := c.SetStock(ctx, "brownie", 0); err != nil {
			t.Fatal(err)
		}
		n := calls(c)
		quoted, err := c.Quote(ctx, cafetest.Alice, asked)
		if err != nil || n["Write"] != 0 {
			t.Fatalf("%v, calls %v", err, n)
		}
		c.Faults.Set(nil)
		// The item is retired, the price up, the offer gone.
		if _, err := c.SetMenuItem(ctx, model.Item{SKU: "latte", Name: "Coffee", Price: 999}, nil); err != nil {
			t.Fatal(err)
		}
		cafetest.SetPricing(t, c, cafetest.VAT("5"))
		asked.Quote, asked.Tip, asked.Note = quoted.Text, 30, "thanks"
		var short model.Shortages
		if _, _, err := c.Place(ctx, cafetest.Alice, asked, ""); !errors.As(err, &short) {
			t.Errorf("with an empty shelf: %v", err)
		}
		if _, err := c.SetStock(ctx, "brownie", 5); err != nil {
			t.Fatal(err)
		}
		// The clock of a café goes on with each look at it: stop short of the end.
		c.Clock.Pass(quoted.Expires.Sub(c.Clock.Now()) - time.Minute)
		order, _, err := c.Place(ctx, cafetest.Alice, asked, "key")
		if err != nil || order.Total != quoted.Bill.Total+30 || !reflect.DeepEqual(order.Reckoning.Taxes, quoted.Bill.Reckoning.Taxes) || order.Lines[0].Name != "Latte" {
			t.Errorf("%v\nplaced %+v\nquoted %+v", err, order, quoted.Bill)
		}
		if c.OnHand(t, "brownie") != 4 {
			t.Error("no stock was taken")
		}
		for name, refused := range map[string]struct {
			by    cafe.Caller
			asked func(*model.Draft)
			want  error
		}{
			"another's":     {cafetest.Bob, func(d *model.Draft) {}, pricing.ErrQuoteAnothers},
			"another order": {cafetest.Alice, func(d *model.Draft) { d.Lines = cafetest.Lines("latte") }, pricing.ErrQuoteMismatch},
			"without code":  {cafetest.Alice, func(d *model.Draft) { d.Codes = nil }, pricing.ErrQuoteMismatch},
			"altered":       {cafetest.Alice, func(d *model.Draft) { d.Quote = d.Quote[:len(d.Quote)-1] }, pricing.ErrQuoteAltered},
		} {
			d := asked
			refused.asked(&d)
			if _, _, err := c.Place(ctx, refused.by, d, ""); !errors.Is(err, refused.want) {
				t.Errorf("%s: %v, want %v", name, err, refused.want)
			}
		}
		c.Clock.Pass(time.Minute)
		if _, _, err := c.Place(ctx, cafetest.Alice, asked, ""); !errors.Is(err, pricing.ErrQuoteExpired) {
			t.Errorf("15 minutes later: %v", err)
		}
		// What went through is answered to its key for as long as keys hold.
		if again, replayed, err := c.Place(ctx, cafetest.Alice, asked, "key"); err != nil || !replayed || again.ID != order.ID {
			t.Errorf("with its key: %+v, %v, %v", again, replayed, err)
		}
		c.SignQuotes([]byte("another key of 16 bytes"))
		if _, _, err := c.Place(ctx, cafetest.Alice, asked, ""); !errors.Is(err, pricing.ErrQuoteAltered) {
			t.Errorf("under another key: %v", err)
		}
		if orders := allOrders(t, c); len(orders) != 1 {
			t.Errorf("%d orders", len(orders))
		}
	})
}

func TestAnAmendmentPricesTheOrderAnew(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.SetPricing(t, c, cafetest.Full())
		order, _, err := c.Place(ctx, cafetest.Staff, model.Draft{
			CustomerID: "alice", Lines: cafetest.Lines("brownie", "tea"), Tip: 20,
			Discounts: []model.DraftDiscount{{Name: "Broken cup", Percent: model.Whole, Lines: []int{1}}},
		}, "")
		if err != nil || order.Total != 240+20 {
			t.Fatalf("%+v, %v", order, err)
		}
		if _, err := c.SetMenuItem(ctx, model.Item{SKU: "brownie", Name: "Brownie", Category: "dessert", Price: 500, Counted: true, Active: true}, nil); err != nil {
			t.Fatal(err)
		}
		cafetest.SetPricing(t, c, cafetest.VAT("5"))
		order = cafetest.Amend(t, c, order.ID, []model.DraftLine{{SKU: "brownie", Quantity: 2}, {SKU: "tea", Quantity: 1}, {SKU: "muffin", Quantity: 1}})
		// 2 × 300 and 280 less a fifth, the tea for nothing, and the tip.
		if order.Total != 480+224+20 || order.Reckoning.Pricing != 1 || order.Lines[0].UnitPrice != 300 || order.Reckoning.Taxes[0].Rate != 200_000 {
			t.Errorf("amended to %+v", order)
		}
		order = cafetest.Amend(t, c, order.ID, cafetest.Lines("muffin"))
		if order.Total != 224+20 || len(order.Reckoning.Discounts) != 1 {
			t.Errorf("amended to %+v", order)
		}
		if read, err := c.Order(ctx, cafetest.Alice, order.ID); err != nil || !reflect.DeepEqual(read, order) {
			t.Errorf("%v\nreads   %+v\namended %+v", err, read, order)
		}
		cafetest.Deliver(t, c)
		c.WantTrue(t)
	})
}

// What staff call a discount may name a person.
func TestErasingAndDeletingForgetWhatStaffWrote(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		asked := model.Draft{CustomerID: "alice", Lines: cafetest.Lines("tea"), Discounts: []model.DraftDiscount{{Name: "Mrs Liddell's birthday", Amount: 20}}}
		for range 2 {
			if _, _, err := c.Place(ctx, cafetest.Staff, asked, ""); err != nil {
				t.Fatal(err)
			}
		}
		cafetest.Deliver(t, c)
		cafetest.Remove(t, c, allOrders(t, c)[0].ID)
		if err := c.Erase(ctx, "alice"); err != nil {
			t.Fatal(err)
		}
		for key, item := range cafetest.Stored(t, c, records.PrefixOrder) {
			if strings.Contains(item.Str("pricing"), "Liddell") || !strings.Contains(item.Str("pricing"), `"a":20`) {
				t.Errorf("%s keeps %s", key, item.Str("pricing"))
			}
		}
	})
}

func TestWithoutAKeyThereAreNoQuotes(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	keyless := cafe.New(c.Settings, c.Table, c.Clock.Now)
	if _, err := keyless.Quote(ctx, cafetest.Alice, draft("tea")); err == nil {
		t.Error("a quote is given")
	}
	forged := pricing.NewQuote(draft("tea"), pricing.Bill{}, "customer/alice", c.Clock.Now())
	text, err := forged.Sign(nil)
	if err != nil {
		t.Fatal(err)
	}
	asked := draft("tea")
	asked.Quote = text
	if _, _, err := keyless.Place(ctx, cafetest.Alice, asked, ""); !errors.Is(err, pricing.ErrQuoteAltered) {
		t.Errorf("a quote that is signed with no key: %v", err)
	}
}

func TestTheCafesDiningCounts(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t), func(s *settings.Settings) { s.Dining = model.DiningEatIn })
	cafetest.SetPricing(t, c, cafetest.Full())
	if order := cafetest.Place(t, c, "", cafetest.Lines("tea")); order.Dining != model.DiningEatIn || len(order.Reckoning.Charges) != 1 {
		t.Errorf("%+v", order)
	}
}
