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
// customers and walk-ins, with discounts and tips, paid and given back in parts, amended, moved,
// deleted; payments onto tabs; limits set; another pricing document. Nothing is posted.
func (c *Cafe) Happen(t *rapid.T, most int) {
	ctx := context.Background()
	who := rapid.SampledFrom([]string{"alice", "bob", "carol", model.WalkIn})
	var orders []string
	some := func() string { return rapid.SampledFrom(orders).Draw(t, "order") }
	for range rapid.IntRange(1, most).Draw(t, "things") {
		what := rapid.SampledFrom([]string{"place", "place", "place", "amend", "move", "move", "remove", "pay", "limit", "price", "wait",
			"take", "take", "refund", "refund"}).Draw(t, "what")
		if len(orders) == 0 && (what == "amend" || what == "move" || what == "remove" || what == "take" || what == "refund") {
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
			if rapid.IntRange(0, 3).Draw(t, "open") == 0 {
				draft.Payment = model.TermsOpen
			}
			extras(t, &draft)
			if draft.Payment != "" && rapid.Bool().Draw(t, "paid with it") {
				draft.Payments = []model.DraftPayment{takes(t)}
			}
			if placed, _, err = c.Place(ctx, Staff, draft, ""); err == nil {
				orders = append(orders, placed.ID)
			}
		case "amend":
			_, err = c.Amend(ctx, Staff, some(), cafe.Amendment{Lines: lines(t)}, func(int64) bool { return true })
		case "move":
			move := cafe.Move{To: rapid.SampledFrom(model.Statuses).Draw(t, "to")}
			move.Unpaid = move.To == model.StatusCollected && rapid.Bool().Draw(t, "unpaid")
			_, err = c.Advance(ctx, Owner, some(), move, nil)
		case "take":
			_, _, _, err = c.PayOrder(ctx, Staff, some(), takes(t), "")
		case "refund":
			draft := model.DraftRefund{Reason: "cold", Restock: rapid.Bool().Draw(t, "restock")}
			switch rapid.SampledFrom([]string{"line", "amount", "all"}).Draw(t, "refund of") {
			case "line":
				draft.Lines = []model.RefundLine{{Line: rapid.IntRange(0, 1).Draw(t, "line"), Quantity: 1}}
			case "amount":
				draft.Amount, draft.Restock = model.Money(rapid.IntRange(1, 400).Draw(t, "amount")), false
			}
			_, _, _, err = c.Refund(ctx, Owner, some(), draft, "")
		case "remove":
			err = c.Remove(ctx, Owner, some(), nil)
		case "pay":
			if id := who.Draw(t, "who"); id != model.WalkIn {
				_, _, err = c.Pay(ctx, Staff, id, model.Money(rapid.IntRange(1, 2000).Draw(t, "amount")), "", "", "")
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
		var refused *model.Refused
		var invalid model.Invalid // of a payment by card of more than is due, or a refund of a line that is not there
		if (what == "take" || what == "refund" || what == "place") && errors.As(err, &invalid) || errors.As(err, &refused) {
			continue
		}
		if err != nil && !errors.As(err, &illegal) && !errors.As(err, &short) &&
			!errors.Is(err, model.ErrNotAmendable) && !errors.Is(err, model.ErrNotFound) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// takes is some payment for an order.
func takes(t *rapid.T) model.DraftPayment {
	return model.DraftPayment{
		Method: rapid.SampledFrom(model.Methods).Draw(t, "method"), Amount: model.Money(rapid.SampledFrom([]int{0, 100, 350, 5000}).Draw(t, "amount")),
		Tip: model.Money(rapid.SampledFrom([]int{1, 0, 30}).Draw(t, "tip on top")), Reference: "slip",
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
