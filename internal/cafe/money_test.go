package cafe_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"pgregory.net/rapid"

	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/ledger"
	"cafe/internal/records"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

// refused reports whether an error refuses for that reason.
func refused(err error, why model.Refusal) bool {
	var r *model.Refused
	return errors.As(err, &r) && r.Why == why
}

// placeOpen places an order of alice's that is to be paid until it is collected.
func placeOpen(t rapid.TB, c *cafetest.Cafe, skus ...string) model.Order {
	t.Helper()
	order, _, err := c.Place(ctx, cafetest.Staff, model.Draft{CustomerID: "alice", Payment: model.TermsOpen, Lines: cafetest.Lines(skus...)}, "")
	if err != nil {
		t.Fatal(err)
	}
	return order
}

func byCard(amount model.Money) model.DraftPayment {
	return model.DraftPayment{Method: model.MethodCard, Amount: amount}
}

func TestRacingPaymentsNeverTakeMoreThanIsDue(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Recorder.Pause()
		order := placeOpen(t, c, "latte", "tea") // 570
		c.Slow()
		var taken atomic.Int64
		cafetest.Together(12, func(i int) {
			err := cafetest.Patiently(func() error {
				_, _, _, err := c.PayOrder(ctx, cafetest.Staff, order.ID, byCard(100), fmt.Sprint(i))
				return err
			})
			switch {
			case err == nil:
				taken.Add(1)
			case !cafetest.IsInvalid(err, "/amount"):
				t.Error(err)
			}
		})
		now, err := c.Order(ctx, cafetest.Staff, order.ID)
		if err != nil || taken.Load() != 5 || len(now.Payments) != 5 || now.Due() != 70 {
			t.Errorf("%d were taken; %d payments, %d due, %v", taken.Load(), len(now.Payments), now.Due(), err)
		}
	})
}

func TestOneKeyPaysOnceHoweverManyAskAtOnce(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Recorder.Pause()
		order := placeOpen(t, c, "latte", "tea")
		other := placeOpen(t, c, "tea")
		c.Slow()
		ids := make([]string, 8)
		var first atomic.Int64
		cafetest.Together(len(ids), func(i int) {
			err := cafetest.Patiently(func() error {
				_, paid, replayed, err := c.PayOrder(ctx, cafetest.Staff, order.ID, byCard(570), "key")
				if ids[i] = paid.ID; err == nil && !replayed {
					first.Add(1)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
		now, err := c.Order(ctx, cafetest.Staff, order.ID)
		if err != nil || len(now.Payments) != 1 || first.Load() != 1 {
			t.Errorf("%+v; %d were first, %v", now.Payments, first.Load(), err)
		}
		for _, id := range ids {
			if id != now.Payments[0].ID {
				t.Errorf("answered %s, want %s", id, now.Payments[0].ID)
			}
		}
		if _, paid, replayed, err := c.PayOrder(ctx, cafetest.Staff, other.ID, byCard(220), "key"); err != nil || replayed || paid.ID == ids[0] {
			t.Errorf("the same key with another order: %+v, %v, %v", paid, replayed, err)
		}
		if _, _, _, err := c.PayOrder(ctx, cafetest.Staff, order.ID, byCard(569), "key"); !errors.Is(err, model.ErrKeyReused) {
			t.Error(err)
		}
	})
}

func TestACounterOrderIsSaidToBePaidUntilItsDayIsClosed(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		order := cafetest.Place(t, c, model.WalkIn, cafetest.Lines("latte", "tea"))
		if order.Due() != 0 || order.Paid() != 570 {
			t.Errorf("due %d, paid %d", order.Due(), order.Paid())
		}
		cafetest.ClockAt(t, c, "2017-03-19 09:00")
		_, paid, _, err := c.PayOrder(ctx, cafetest.Staff, order.ID, byCard(500), "")
		if err != nil || paid.Day != cafetest.Saturday {
			t.Errorf("%+v %v", paid, err)
		}
		cafetest.Deliver(t, c)
		c.WantTrue(t)
		if err := c.Table.Write(ctx, table.Put(records.CloseKey(cafetest.Saturday), table.Item{"number": table.Int(1)})); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := c.PayOrder(ctx, cafetest.Staff, order.ID, byCard(70), ""); !refused(err, model.RefusedDayClosed) {
			t.Error(err)
		}
		open := placeOpen(t, c, "tea")
		if _, paid, _, err := c.PayOrder(ctx, cafetest.Staff, open.ID, byCard(220), ""); err != nil || paid.Day != "2017-03-19" {
			t.Errorf("%+v %v", paid, err)
		}
	})
}

func TestCashIsRoundedToTheSmallestCoin(t *testing.T) {
	swiss := func(s *settings.Settings) { s.Currency = "CHF" }
	for _, e := range cafetest.Engines[:1] {
		c := cafetest.Open(t, e.Open(t), swiss)
		if _, err := c.SetMenuItem(ctx, model.Item{SKU: "bun", Name: "Bun", Category: "bakery", Price: 348, Active: true}, nil); err != nil {
			t.Fatal(err)
		}
		c.ForgetMenu()
		pay := func(d model.DraftPayment) (model.OrderPayment, model.Order, error) {
			order := placeOpen(t, c, "bun")
			order, paid, _, err := c.PayOrder(ctx, cafetest.Staff, order.ID, d, "")
			return paid, order, err
		}
		for _, tt := range []struct {
			amount, tip, takes, rounding, change, due model.Money
		}{
			{1000, 0, 348, 2, 650, 0}, {350, 0, 348, 2, 0, 0}, {348, 0, 348, 2, 0, 0}, {400, 50, 348, 2, 50, 0}, {200, 0, 200, 0, 0, 148}, {203, 0, 203, 2, 0, 145},
		} {
			paid, order, err := pay(model.DraftPayment{Method: model.MethodCash, Amount: tt.amount, Tip: tt.tip})
			if err != nil || paid.Amount != tt.takes || paid.Rounding != tt.rounding || paid.Change() != tt.change || order.Due() != tt.due {
				t.Errorf("%d: %+v, %d due, %v", tt.amount, paid, order.Due(), err)
			}
		}
		if paid, order, err := pay(byCard(348)); err != nil || paid.Rounding != 0 || order.Due() != 0 {
			t.Errorf("by card: %+v, %v", paid, err)
		}
		for field, d := range map[string]model.DraftPayment{"/amount": {Method: model.MethodCash, Amount: 2}, "/tip": {Method: model.MethodCash, Amount: 350, Tip: 2}} {
			if _, _, err := pay(d); !cafetest.IsInvalid(err, field) {
				t.Errorf("%+v: %v", d, err)
			}
		}
		order := placeOpen(t, c, "bun")
		if _, _, _, err := c.PayOrder(ctx, cafetest.Staff, order.ID, model.DraftPayment{Method: model.MethodCash, Amount: 350}, ""); err != nil {
			t.Fatal(err)
		}
		_, made, _, err := c.Refund(ctx, cafetest.Owner, order.ID, model.DraftRefund{Reason: "stale"}, "")
		if err != nil || made.Total() != 348 || made.Rounding != 2 || made.Method != model.MethodCash {
			t.Errorf("%+v, %v", made, err)
		}
		cafetest.Deliver(t, c)
		c.WantTrue(t)
	}
}

func TestTipsOnTopAreNeitherDueNorRevenue(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		order := placeOpen(t, c, "tea")
		if _, _, _, err := c.PayOrder(ctx, cafetest.Staff, order.ID, model.DraftPayment{Method: model.MethodCard, Amount: 220, Tip: 30}, ""); err != nil {
			t.Fatal(err)
		}
		order, paid, _, err := c.PayOrder(ctx, cafetest.Staff, order.ID, model.DraftPayment{Method: model.MethodCash, Tip: 20}, "")
		if err != nil || paid.Amount != 0 || order.Due() != 0 || order.Total != 220 {
			t.Errorf("%+v %v", order, err)
		}
		cafetest.Deliver(t, c)
		cafetest.WantTotals(t, c, "alice", 0, 220, 1)
		order, made, _, err := c.Refund(ctx, cafetest.Owner, order.ID, model.DraftRefund{Amount: 240, Reason: "cold"}, "")
		if err != nil || made.Amount != 220 || made.Tip != 20 || order.Left().Total() != 30 {
			t.Errorf("%+v %v", made, err)
		}
		cafetest.Deliver(t, c)
		cafetest.WantTotals(t, c, "alice", 0, 0, 1)
		c.WantTrue(t)
	})
}

func TestRefundsTakeTheTabDownAndEndAsRefunded(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.StaffRefund = 300
		order := cafetest.Place(t, c, "alice", cafetest.Lines("latte", "tea", "muffin"))
		cafetest.Advance(t, c, order.ID, model.StatusPreparing, model.StatusReady, model.StatusCollected)
		give := func(by cafe.Caller, d model.DraftRefund) (model.Order, model.Refund, error) {
			d.Reason = "cold"
			o, made, _, err := c.Refund(ctx, by, order.ID, d, "")
			return o, made, err
		}
		if _, _, err := give(cafetest.Staff, model.DraftRefund{Lines: []model.RefundLine{{Line: 0, Quantity: 1}}}); !refused(err, model.RefusedRefundLimit) || !strings.Contains(err.Error(), "£3.00") {
			t.Error(err)
		}
		if _, _, err := give(cafetest.Owner, model.DraftRefund{Method: model.MethodCash}); !cafetest.IsInvalid(err, "/method") {
			t.Error(err)
		}
		if _, made, err := give(cafetest.Staff, model.DraftRefund{Lines: []model.RefundLine{{Line: 1, Quantity: 1}}}); err != nil || made.Method != model.TenderAccount || made.Total() != 220 {
			t.Errorf("%+v %v", made, err)
		}
		cafetest.Deliver(t, c)
		cafetest.WantTotals(t, c, "alice", 630, 630, 1)
		cafetest.ClockAt(t, c, "2017-03-20 10:00")
		o, made, err := give(cafetest.Owner, model.DraftRefund{Restock: true})
		if err != nil || o.Status != model.StatusRefunded || made.Day != "2017-03-20" || made.Total() != 630 || c.OnHand(t, "muffin") != cafetest.Stock {
			t.Errorf("%+v %v, %d muffins", o, err, c.OnHand(t, "muffin"))
		}
		if _, _, err := give(cafetest.Owner, model.DraftRefund{}); !refused(err, model.RefusedOverRefund) {
			t.Error(err)
		}
		cafetest.Deliver(t, c)
		cafetest.WantTotals(t, c, "alice", 0, 0, 1)
		cafetest.Remove(t, c, order.ID)
		if n := c.OnHand(t, "muffin"); n != cafetest.Stock {
			t.Errorf("%d muffins once it is deleted", n)
		}
		cafetest.Deliver(t, c)
		cafetest.WantTotals(t, c, "alice", 0, 0, 0)
		c.WantTrue(t)
	})
}

func TestAnOrderRefundedBeforeRefundsWereOnRecordCountsForNothing(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		order := cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		cafetest.Deliver(t, c)
		cafetest.Spoil(t, c, records.OrderKey(order.ID), table.Item{"status": table.String("refunded"), "posting": table.Int(2), "version": table.Int(5)})
		op := table.Update(records.OrderKey(order.ID))
		op.Remove = []string{"history"}
		if err := c.Table.Write(ctx, op); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Ledger.Reconcile(ctx, false); err != nil {
			t.Fatal(err)
		}
		c.WantTrue(t)
		old, err := c.Order(ctx, cafetest.Owner, order.ID)
		if err != nil || old.Stands() || old.Left().Total() != 0 {
			t.Errorf("%+v %v", old, err)
		}
		if _, _, _, err := c.Refund(ctx, cafetest.Owner, order.ID, model.DraftRefund{Reason: "again"}, ""); !refused(err, model.RefusedNothingPaid) {
			t.Error(err)
		}
		if steps := old.Steps(); len(steps) != 2 || steps[0].What != model.WasPlaced || steps[1].What != model.WasFolded || steps[1].Version != 5 || steps[1].Folded != 4 {
			t.Errorf("%+v", steps)
		}
	})
}

func TestErasingACustomerRemovesReferencesAndReasons(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		paid, cancelled := placeOpen(t, c, "latte"), placeOpen(t, c, "tea")
		if _, _, _, err := c.PayOrder(ctx, cafetest.Staff, paid.ID, model.DraftPayment{Method: model.MethodCard, Amount: 350, Reference: "Mrs Liddell's card"}, ""); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := c.Refund(ctx, cafetest.Owner, paid.ID, model.DraftRefund{Amount: 10, Reason: "Mrs Liddell was cross"}, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Advance(ctx, cafetest.Staff, cancelled.ID, cafe.Move{To: model.StatusCancelled, Reason: "Mrs Liddell did not come"}, nil); err != nil {
			t.Fatal(err)
		}
		cafetest.Deliver(t, c)
		if err := c.Erase(ctx, "alice"); err != nil {
			t.Fatal(err)
		}
		cafetest.Deliver(t, c)
		for _, row := range cafetest.Rows(t, c.Table) {
			if strings.Contains(fmt.Sprint(row), "Liddell") {
				t.Errorf("%s still has it: %v", row.Key, row.Item)
			}
		}
		c.WantTrue(t)
	})
}

func TestAHistoryIsKeptSmall(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		order, _, err := c.Place(ctx, cafetest.Alice, model.Draft{Lines: cafetest.Lines("tea")}, "")
		if err != nil {
			t.Fatal(err)
		}
		for n := range 40 {
			c.Clock.Pass(time.Second)
			note := fmt.Sprint(n)
			if order, err = c.Amend(ctx, cafetest.Alice, order.ID, cafe.Amendment{Note: &note}, cafetest.AnyVersion); err != nil {
				t.Fatal(err)
			}
		}
		order = cafetest.Advance(t, c, order.ID, model.StatusPreparing)
		read, err := c.Order(ctx, cafetest.Owner, order.ID)
		steps := read.Steps()
		if err != nil || len(steps) != 14 || steps[0].What != model.WasPlaced || steps[0].Role != model.RoleCustomer || steps[1].What != model.WasFolded || steps[1].Folded != 29 ||
			steps[1].Version != 30 || steps[13].What != model.WasPreparing || steps[13].By != "olive" || steps[13].Version != 42 {
			t.Errorf("%+v %v", steps, err)
		}
		item, err := c.Table.Get(ctx, records.OrderKey(order.ID), true)
		if text := item.Str("history"); err != nil || len(text) > 160 {
			t.Errorf("%d bytes: %s", len(text), text)
		}
	})
}

// purse is what is known of an order's money, for the specification of what clients may see.
type purse struct {
	paid, refunded model.Money
	cancelled      bool
}

const pursePrice = 570

type moneyRequest struct {
	what   string // pay, refund or cancel
	amount model.Money
}

type moneyAnswer struct {
	outcome        string
	paid, refunded model.Money
}

// next says what a request answers, and what is known after it.
func (p purse) next(r moneyRequest) (moneyAnswer, purse) {
	was := p
	switch r.what {
	case "pay":
		if p.cancelled {
			return moneyAnswer{outcome: "not-payable"}, was
		}
		if r.amount > pursePrice-p.paid {
			return moneyAnswer{outcome: "too much"}, was
		}
		p.paid += r.amount
	case "refund":
		switch left := p.paid - p.refunded; {
		case left == 0 && p.refunded == 0:
			return moneyAnswer{outcome: "nothing-paid"}, was
		case r.amount > left:
			return moneyAnswer{outcome: "over-refund"}, was
		}
		p.refunded += r.amount
	case "cancel":
		if !p.cancelled && p.paid > p.refunded {
			return moneyAnswer{outcome: "refund-first"}, was
		}
		p.cancelled = true
	}
	return moneyAnswer{"ok", p.paid, p.refunded}, p
}

func doMoney(c *cafe.Cafe, id string, r moneyRequest, key string) moneyAnswer {
	var o model.Order
	var err error
	switch r.what {
	case "pay":
		o, _, _, err = c.PayOrder(ctx, cafetest.Owner, id, byCard(r.amount), key)
	case "refund":
		o, _, _, err = c.Refund(ctx, cafetest.Owner, id, model.DraftRefund{Amount: r.amount, Reason: "cold"}, key)
	case "cancel":
		o, err = c.Advance(ctx, cafetest.Owner, id, cafe.Move{To: model.StatusCancelled}, nil)
	}
	var r2 *model.Refused
	switch {
	case err == nil:
		var paid model.Money
		for _, p := range o.Payments {
			paid += p.Amount
		}
		return moneyAnswer{"ok", paid, o.Refunded()}
	case errors.As(err, &r2):
		return moneyAnswer{outcome: string(r2.Why)}
	case cafetest.IsInvalid(err, "/amount"):
		return moneyAnswer{outcome: "too much"}
	case errors.Is(err, table.ErrConflict), errors.Is(err, table.ErrUnavailable):
		return moneyAnswer{outcome: "unknown"}
	}
	return moneyAnswer{outcome: err.Error()}
}

var moneySpecification = (&porcupine.NondeterministicModel{
	Init: func() []interface{} { return []interface{}{purse{}} },
	Step: func(s, input, output interface{}) []interface{} {
		told, after := s.(purse).next(input.(moneyRequest))
		switch got := output.(moneyAnswer); {
		case got.outcome == "unknown":
			return []interface{}{s, after}
		case got == told:
			return []interface{}{after}
		}
		return nil
	},
	DescribeOperation: func(input, output interface{}) string { return fmt.Sprintf("%+v: %+v", input, output) },
}).ToModel()

func TestConcurrentPayingRefundingAndCancellingIsLinearizable(t *testing.T) {
	for name, faults := range map[string]tabletest.Faults{
		"all goes well": nil,
		"some answers are lost": func(call tabletest.Call) tabletest.Fault {
			if call.Method == "Write" && call.N%7 == 0 {
				return tabletest.Fault{After: table.ErrUnavailable}
			}
			return tabletest.Fault{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
				for round := range uint64(6) {
					order := placeOpen(t, c, "latte", "tea")
					c.Faults.Set(faults)
					began := time.Now()
					var mu sync.Mutex
					var history []porcupine.Operation
					cafetest.Together(4, func(client int) {
						random := rand.New(rand.NewPCG(1+round, uint64(client)))
						for n := range 8 {
							r := moneyRequest{amount: model.Money(1 + random.Int64N(250))}
							switch random.IntN(9) {
							case 0, 1, 2, 3:
								r.what = "pay"
							case 4, 5, 6:
								r.what = "refund"
							case 7, 8:
								r.what, r.amount = "cancel", 0
							}
							op := porcupine.Operation{ClientId: client, Input: r, Call: time.Since(began).Nanoseconds()}
							told := doMoney(c.Cafe, order.ID, r, fmt.Sprint(client, n))
							op.Output, op.Return = told, time.Since(began).Nanoseconds()
							if told.outcome == "unknown" {
								op.Return = math.MaxInt64
							}
							mu.Lock()
							history = append(history, op)
							mu.Unlock()
						}
					})
					c.Faults.Set(nil)
					if result, _ := porcupine.CheckOperationsVerbose(moneySpecification, history, time.Minute); result != porcupine.Ok {
						t.Errorf("round %d is %s:", round, result)
						for _, op := range history {
							t.Log(op.ClientId, op.Call, op.Return, moneySpecification.DescribeOperation(op.Input, op.Output))
						}
					}
				}
				c.Post(t, c.Recorder.Changes(ledger.Wants)...)
				c.WantTrue(t)
			})
		})
	}
}
