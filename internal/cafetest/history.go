package cafetest

import (
	"context"
	"errors"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/cafe"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/pricing"
)

// Happen lets up to most things happen in the café, one after another: orders of a few
// customers and walk-ins, with discounts and tips, amended, moved, deleted; payments; limits
// set; another pricing document. Nothing is posted.
func (c *Cafe) Happen(t *rapid.T, most int) {
	ctx := context.Background()
	who := rapid.SampledFrom([]string{"alice", "bob", "carol", model.WalkIn})
	var orders []string
	some := func() string { return rapid.SampledFrom(orders).Draw(t, "order") }
	for range rapid.IntRange(1, most).Draw(t, "things") {
		what := rapid.SampledFrom([]string{"place", "place", "place", "amend", "move", "move", "remove", "pay", "limit", "price", "wait"}).Draw(t, "what")
		if len(orders) == 0 && (what == "amend" || what == "move" || what == "remove") {
			what = "place"
		}
		var err error
		switch what {
		case "place":
			var placed model.Order
			draft := model.Draft{CustomerID: who.Draw(t, "who"), Lines: lines(t)}
			if draft.CustomerID != model.WalkIn && rapid.Bool().Draw(t, "counter") {
				draft.Payment = model.TermsCounter
			}
			extras(t, &draft)
			if placed, _, err = c.Place(ctx, Staff, draft, ""); err == nil {
				orders = append(orders, placed.ID)
			}
		case "amend":
			_, err = c.Amend(ctx, Staff, some(), cafe.Amendment{Lines: lines(t)}, func(int64) bool { return true })
		case "move":
			_, err = c.Advance(ctx, Owner, some(), rapid.SampledFrom(model.Statuses).Draw(t, "to"), nil)
		case "remove":
			err = c.Remove(ctx, Owner, some(), nil)
		case "pay":
			if id := who.Draw(t, "who"); id != model.WalkIn {
				_, _, err = c.Pay(ctx, Staff, id, model.Money(rapid.IntRange(1, 2000).Draw(t, "amount")), "", "")
			}
		case "limit":
			if id := who.Draw(t, "who"); id != model.WalkIn {
				limit := model.Money(rapid.IntRange(0, 3000).Draw(t, "limit"))
				_, _, err = c.SetCustomer(ctx, id, model.Profile{Name: id, CreditLimit: &limit}, nil)
			}
		case "price":
			_, _, err = c.SetPricing(ctx, rapid.SampledFrom([]pricing.Document{{}, VAT("20"), VAT("10"), Full()}).Draw(t, "pricing"), nil)
		case "wait":
			c.Clock.Pass(time.Duration(rapid.IntRange(0, 4).Draw(t, "hours")) * time.Hour)
		}
		var illegal *model.IllegalMove
		var short model.Shortages
		if err != nil && !errors.As(err, &illegal) && !errors.As(err, &short) &&
			!errors.Is(err, model.ErrNotAmendable) && !errors.Is(err, model.ErrNotFound) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// extras adds some of what an order may ask for beside its lines.
func extras(t *rapid.T, draft *model.Draft) {
	draft.Dining = rapid.SampledFrom([]model.Dining{"", model.DiningEatIn, model.DiningTakeaway}).Draw(t, "dining")
	draft.Tip = model.Money(rapid.SampledFrom([]int{0, 0, 1, 50, 333}).Draw(t, "tip"))
	switch rapid.SampledFrom([]string{"", "", "percent", "amount", "line"}).Draw(t, "discount") {
	case "percent":
		draft.Discounts = []model.DraftDiscount{{Name: "Regular", Percent: model.Whole / 3}}
	case "amount":
		draft.Discounts = []model.DraftDiscount{{Name: "Regular", Amount: 101}}
	case "line":
		draft.Discounts = []model.DraftDiscount{{Name: "Broken cup", Percent: model.Whole, Lines: []int{0}}}
	}
}

func lines(t *rapid.T) []model.DraftLine {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) model.DraftLine {
		return model.DraftLine{
			SKU:      rapid.SampledFrom([]string{"latte", "tea", "brownie", "muffin"}).Draw(t, "sku"),
			Quantity: int64(rapid.IntRange(1, 2).Draw(t, "quantity")),
		}
	}), 1, 3).Draw(t, "lines")
}

// Shuffled returns the changes in any order, some of them several times. The newest of
// each order and payment is there; older ones may be lost.
func Shuffled(t *rapid.T, changes []records.Change) []records.Change {
	newest := map[table.Key]int{}
	for i, change := range changes {
		if change.New != nil && change.Old.Int("posting") != change.New.Int("posting") || change.Old == nil {
			newest[change.Key] = i
		}
	}
	var delivered []records.Change
	for i, change := range changes {
		least := 0
		if newest[change.Key] == i {
			least = 1
		}
		for range rapid.IntRange(least, 3).Draw(t, "times") {
			delivered = append(delivered, change)
		}
	}
	return rapid.Permutation(delivered).Draw(t, "order")
}

// Batches cuts the changes into batches anywhere.
func Batches(t *rapid.T, changes []records.Change) (batches [][]records.Change) {
	for len(changes) > 0 {
		n := rapid.IntRange(1, len(changes)).Draw(t, "batch")
		batches, changes = append(batches, changes[:n]), changes[n:]
	}
	return batches
}
