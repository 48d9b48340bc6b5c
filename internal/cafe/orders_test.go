package cafe_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

func TestCase10OneOfConcurrentAmendmentsOfOneVersionWins(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Recorder.Pause()
		order := cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		c.Slow()
		var won atomic.Int64
		cafetest.Together(20, func(i int) {
			note := fmt.Sprint(i)
			amended, err := c.Amend(ctx, cafetest.Alice, order.ID, cafe.Amendment{Note: &note}, cafetest.Version(order.Version))
			switch {
			case err == nil:
				if !won.CompareAndSwap(0, int64(i)+1) || amended.Version != 2 {
					t.Errorf("a second winner, or version %d", amended.Version)
				}
			case !errors.Is(err, model.ErrStale):
				t.Error(err)
			}
		})
		if now, err := c.Order(ctx, cafetest.Alice, order.ID); err != nil || now.Note != fmt.Sprint(won.Load()-1) || now.Version != 2 {
			t.Errorf("%+v, %v; %d won", now, err, won.Load()-1)
		}
	})
}

func TestAnAmendmentNeedsAVersionAndAPlacedOrder(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		order := cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		note, long := "no sugar", string(make([]byte, model.MaxNote+1))
		for _, tt := range []struct {
			what  string
			by    cafe.Caller
			a     cafe.Amendment
			match records.Match
			want  func(error) bool
		}{
			{"no version", cafetest.Alice, cafe.Amendment{Note: &note}, nil, func(err error) bool { return errors.Is(err, model.ErrPreconditionRequired) }},
			{"an old version", cafetest.Alice, cafe.Amendment{Note: &note}, cafetest.Version(0), func(err error) bool { return errors.Is(err, model.ErrStale) }},
			{"somebody else's", cafetest.Bob, cafe.Amendment{Note: &note}, cafetest.AnyVersion, func(err error) bool { return errors.Is(err, model.ErrNotFound) }},
			{"a long note", cafetest.Alice, cafe.Amendment{Note: &long}, cafetest.AnyVersion, func(err error) bool { return cafetest.IsInvalid(err, "/note") }},
			{"no lines", cafetest.Alice, cafe.Amendment{Lines: []model.DraftLine{}}, cafetest.AnyVersion, func(err error) bool { return cafetest.IsInvalid(err, "/lines") }},
			{"an unknown item", cafetest.Alice, cafe.Amendment{Lines: cafetest.Lines("tea", "cake")}, cafetest.AnyVersion, func(err error) bool { return cafetest.IsInvalid(err, "/lines/1/sku") }},
		} {
			if _, err := c.Amend(ctx, tt.by, order.ID, tt.a, tt.match); !tt.want(err) {
				t.Errorf("%s: %v", tt.what, err)
			}
		}
		if now, err := c.Order(ctx, cafetest.Alice, order.ID); err != nil || !reflect.DeepEqual(now, order) {
			t.Errorf("changed to %+v, %v", now, err)
		}

		pickup := c.Clock.Now().Add(time.Hour).Truncate(time.Microsecond)
		amended, err := c.Amend(ctx, cafetest.Alice, order.ID, cafe.Amendment{Note: &note, PickupAt: &pickup, Lines: cafetest.Lines("tea", "latte")}, cafetest.Version(1))
		if err != nil || amended.Note != note || !amended.PickupAt.Equal(pickup) || amended.Total != 570 || amended.Version != 2 || amended.Posting != 2 ||
			!amended.UpdatedAt.After(order.UpdatedAt) || !amended.PlacedAt.Equal(order.PlacedAt) {
			t.Errorf("%+v, %v", amended, err)
		}
		same, err := c.Amend(ctx, cafetest.Alice, order.ID, cafe.Amendment{Note: &note, PickupAt: &pickup, Lines: cafetest.Lines("tea", "latte")}, cafetest.Version(2))
		if err != nil || same.Version != 2 {
			t.Errorf("the same once more: version %d, %v", same.Version, err)
		}
		none := time.Time{}
		if amended, err = c.Amend(ctx, cafetest.Staff, order.ID, cafe.Amendment{PickupAt: &none}, cafetest.Version(2)); err != nil || !amended.PickupAt.IsZero() || amended.Posting != 2 {
			t.Errorf("%+v, %v", amended, err)
		}
		cafetest.Advance(t, c, order.ID, model.StatusPreparing)
		if _, err := c.Amend(ctx, cafetest.Owner, order.ID, cafe.Amendment{Note: &note}, cafetest.AnyVersion); !errors.Is(err, model.ErrNotAmendable) {
			t.Error(err)
		}
	})
}

// life is how an order gets to a status.
var life = map[model.Status][]model.Status{
	model.StatusPlaced:    nil,
	model.StatusPreparing: {model.StatusPreparing},
	model.StatusReady:     {model.StatusPreparing, model.StatusReady},
	model.StatusCollected: {model.StatusPreparing, model.StatusReady, model.StatusCollected},
	model.StatusCancelled: {model.StatusCancelled},
	model.StatusRefunded:  {model.StatusPreparing, model.StatusReady, model.StatusCollected, model.StatusRefunded},
}

func TestAnAmendmentOfTooManyCountedItemsIsRefused(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		skus := make([]string, 100)
		for i := range skus {
			skus[i] = fmt.Sprint("cake-", i)
			if _, err := c.SetMenuItem(ctx, model.Item{SKU: skus[i], Name: skus[i], Price: 100, Counted: true, Active: true}, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := c.SetStock(ctx, skus[i], 1); err != nil {
				t.Fatal(err)
			}
		}
		order := cafetest.Place(t, c, "alice", cafetest.Lines(skus[:50]...))
		if _, err := c.Amend(ctx, cafetest.Alice, order.ID, cafe.Amendment{Lines: cafetest.Lines(skus[50:]...)}, cafetest.Version(1)); !cafetest.IsInvalid(err, "/lines") {
			t.Error(err)
		}
		if got, err := c.Order(ctx, cafetest.Alice, order.ID); err != nil || !reflect.DeepEqual(got, order) || c.OnHand(t, skus[0]) != 0 || c.OnHand(t, skus[50]) != 1 {
			t.Errorf("it is %+v, %v", got, err)
		}
		if _, err := c.Amend(ctx, cafetest.Alice, order.ID, cafe.Amendment{Lines: cafetest.Lines(skus[51:]...)}, cafetest.Version(1)); err != nil {
			t.Error(err)
		}
		if c.OnHand(t, skus[0]) != 1 || c.OnHand(t, skus[50]) != 1 || c.OnHand(t, skus[51]) != 0 {
			t.Error("the shelf is not as the order leaves it")
		}
	})
}

func TestCase11EveryPairOfStatusesByEveryRole(t *testing.T) {
	const (
		placed, preparing, ready = model.StatusPlaced, model.StatusPreparing, model.StatusReady
		collected, cancelled     = model.StatusCollected, model.StatusCancelled
		refunded                 = model.StatusRefunded
	)
	// What the contract allows; all else is refused.
	type move struct{ from, to model.Status }
	allowed := map[model.Role][]move{model.RoleCustomer: {{placed, cancelled}}}
	allowed[model.RoleStaff] = []move{
		{placed, preparing}, {preparing, ready}, {ready, collected},
		{placed, cancelled}, {preparing, cancelled}, {ready, cancelled},
	}
	allowed[model.RoleOwner] = append([]move{{collected, refunded}}, allowed[model.RoleStaff]...)
	never := map[model.Role][]model.Status{
		model.RoleCustomer: {placed, preparing, ready, collected, refunded},
		model.RoleStaff:    {refunded},
	}
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	for _, by := range []cafe.Caller{cafetest.Alice, cafetest.Staff, cafetest.Owner} {
		for _, from := range model.Statuses {
			for _, to := range model.Statuses {
				order := cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
				if steps := life[from]; steps != nil {
					order = cafetest.Advance(t, c, order.ID, steps...)
				}
				name := fmt.Sprintf("%s from %s to %s", by.Role, from, to)
				moved, err := c.Advance(ctx, by, order.ID, cafe.Move{To: to}, nil)
				var illegal *model.IllegalMove
				switch {
				case slices.Contains(never[by.Role], to):
					if !errors.Is(err, model.ErrForbidden) {
						t.Errorf("%s: %v, want it forbidden", name, err)
					}
				case from == to:
					if err != nil || !reflect.DeepEqual(moved, order) {
						t.Errorf("%s: %+v, %v, want no change", name, moved, err)
					}
				case slices.Contains(allowed[by.Role], move{from, to}):
					if err != nil || moved.Status != to || moved.Version != order.Version+1 {
						t.Errorf("%s: %+v, %v", name, moved, err)
					}
				default:
					if !errors.As(err, &illegal) || illegal.From != from || illegal.To != to {
						t.Errorf("%s: %v, want it illegal", name, err)
					}
				}
			}
		}
	}
}

func TestAMoveHonoursTheVersionItWasMeantFor(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		order := cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		if _, err := c.Advance(ctx, cafetest.Staff, order.ID, cafe.Move{To: model.StatusPreparing}, cafetest.Version(2)); !errors.Is(err, model.ErrStale) {
			t.Error(err)
		}
		if _, err := c.Advance(ctx, cafetest.Staff, order.ID, cafe.Move{To: model.StatusPreparing}, cafetest.Version(1)); err != nil {
			t.Error(err)
		}
		if _, err := c.Advance(ctx, cafetest.Staff, order.ID, cafe.Move{To: model.StatusPreparing}, cafetest.Version(1)); !errors.Is(err, model.ErrStale) {
			t.Error(err)
		}
		if err := c.Remove(ctx, cafetest.Owner, order.ID, cafetest.Version(1)); !errors.Is(err, model.ErrStale) {
			t.Error(err)
		}
		if err := c.Remove(ctx, cafetest.Owner, order.ID, cafetest.Version(2)); err != nil {
			t.Error(err)
		}
	})
}

func TestADeletedOrderIsGoneAndItsKeyMakesNoOther(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		draft := model.Draft{Lines: cafetest.Lines("tea", "brownie"), Note: "for Liddell"}
		draft.Lines[1].Note = "Liddell's"
		order, _, err := c.Place(ctx, cafetest.Alice, draft, "key")
		if err != nil {
			t.Fatal(err)
		}
		cafetest.Remove(t, c, order.ID)
		if kept := fmt.Sprint(cafetest.Stored(t, c, "O#")); strings.Contains(kept, "Liddell") {
			t.Errorf("its notes are kept: %s", kept)
		}
		note := "x"
		for what, call := range map[string]func() error{
			"read": func() error { _, err := c.Order(ctx, cafetest.Owner, order.ID); return err },
			"amend": func() error {
				_, err := c.Amend(ctx, cafetest.Owner, order.ID, cafe.Amendment{Note: &note}, cafetest.AnyVersion)
				return err
			},
			"advance": func() error {
				_, err := c.Advance(ctx, cafetest.Owner, order.ID, cafe.Move{To: model.StatusCancelled}, nil)
				return err
			},
			"remove": func() error { return c.Remove(ctx, cafetest.Owner, order.ID, nil) },
		} {
			if err := call(); !errors.Is(err, model.ErrNotFound) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if again, replayed, err := c.Place(ctx, cafetest.Alice, draft, "key"); err != nil || !replayed || again.ID != order.ID {
			t.Errorf("its key again: %+v, %v, %v", again, replayed, err)
		}
		if orders := allOrders(t, c); len(orders) != 0 {
			t.Errorf("listed: %+v", orders)
		}
		wantStock(t, c, 0, 0)
	})
}

func TestCustomersSeeTheirOwnOrdersOnly(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		hers, nobodys := cafetest.Place(t, c, "alice", cafetest.Lines("tea")), cafetest.Place(t, c, model.WalkIn, cafetest.Lines("tea"))
		for _, by := range []cafe.Caller{cafetest.Alice, cafetest.Staff, cafetest.Owner} {
			if got, err := c.Order(ctx, by, hers.ID); err != nil || !reflect.DeepEqual(got, hers) {
				t.Errorf("%s: %+v, %v", by.Role, got, err)
			}
		}
		for _, id := range []string{hers.ID, nobodys.ID, "unknown"} {
			if _, err := c.Order(ctx, cafetest.Bob, id); !errors.Is(err, model.ErrNotFound) {
				t.Errorf("bob and %s: %v", id, err)
			}
			if _, err := c.Advance(ctx, cafetest.Bob, id, cafe.Move{To: model.StatusCancelled}, nil); !errors.Is(err, model.ErrNotFound) {
				t.Errorf("bob cancels %s: %v", id, err)
			}
		}
	})
}

// What clients do to one order, and what they were told.
type (
	request struct {
		order     string // key it is placed under
		what      string // create, read, amend, advance, remove
		quantity  int64
		ifVersion int64
		to        model.Status
	}
	answer struct {
		outcome  string // ok, or why not; unknown: it may have happened, or may yet
		quantity int64
		version  int64
		status   model.Status
	}
	state struct {
		exists, deleted   bool
		asked             int64 // quantity it was created with
		quantity, version int64
		status            model.Status
	}
)

// next is the sequential specification of an order: what the request answers, and how
// it leaves the order.
func (s state) next(r request) (answer, state) {
	tell := func(s state) answer {
		return answer{outcome: "ok", quantity: s.quantity, version: s.version, status: s.status}
	}
	if r.what == "create" {
		switch {
		case !s.exists:
			s = state{exists: true, asked: r.quantity, quantity: r.quantity, version: 1, status: model.StatusPlaced}
		case s.asked != r.quantity:
			return answer{outcome: "key reused"}, s
		}
		return tell(s), s
	}
	if !s.exists || s.deleted {
		return answer{outcome: "not found"}, s
	}
	changed := s
	changed.version++
	switch r.what {
	case "read":
		return tell(s), s
	case "amend":
		switch {
		case r.ifVersion != s.version:
			return answer{outcome: "stale"}, s
		case s.status != model.StatusPlaced:
			return answer{outcome: "not amendable"}, s
		case r.quantity == s.quantity:
			return tell(s), s
		}
		changed.quantity = r.quantity
	case "advance":
		switch {
		case r.to == s.status:
			return tell(s), s
		case !s.status.MayBecome(r.to):
			return answer{outcome: "illegal"}, s
		}
		changed.status = r.to
	case "remove":
		changed.deleted = true
		return answer{outcome: "ok"}, changed
	}
	return tell(changed), changed
}

// specification is next for porcupine. A request whose outcome is unknown happened, or
// did not.
var specification = (&porcupine.NondeterministicModel{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		orders := map[string][]porcupine.Operation{}
		for _, op := range history {
			key := op.Input.(request).order
			orders[key] = append(orders[key], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range orders {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() []interface{} { return []interface{}{state{}} },
	Step: func(s, input, output interface{}) []interface{} {
		told, after := s.(state).next(input.(request))
		switch {
		case output.(answer).outcome == "unknown":
			return []interface{}{s, after}
		case output.(answer) == told:
			return []interface{}{after}
		}
		return nil
	},
	DescribeOperation: func(input, output interface{}) string { return fmt.Sprintf("%+v: %+v", input, output) },
}).ToModel()

// do sends the request as an owner.
func do(c *cafe.Cafe, r request) (id string, a answer) {
	asked := []model.DraftLine{{SKU: "brownie", Quantity: r.quantity}}
	id = model.DeriveID("order", string(cafetest.Owner.Role), cafetest.Owner.ID, r.order) // as Place makes it
	var order model.Order
	var err error
	switch r.what {
	case "create":
		order, _, err = c.Place(ctx, cafetest.Owner, model.Draft{CustomerID: "alice", Lines: asked}, r.order)
	case "read":
		order, err = c.Order(ctx, cafetest.Owner, id)
	case "amend":
		order, err = c.Amend(ctx, cafetest.Owner, id, cafe.Amendment{Lines: asked}, cafetest.Version(r.ifVersion))
	case "advance":
		order, err = c.Advance(ctx, cafetest.Owner, id, cafe.Move{To: r.to}, nil)
	case "remove":
		err = c.Remove(ctx, cafetest.Owner, id, nil)
	}
	var illegal *model.IllegalMove
	switch {
	case err == nil && r.what == "remove":
		return id, answer{outcome: "ok"}
	case err == nil:
		return order.ID, answer{outcome: "ok", quantity: order.Lines[0].Quantity, version: order.Version, status: order.Status}
	case errors.Is(err, model.ErrNotFound):
		return id, answer{outcome: "not found"}
	case errors.Is(err, model.ErrKeyReused):
		return id, answer{outcome: "key reused"}
	case errors.Is(err, model.ErrStale):
		return id, answer{outcome: "stale"}
	case errors.Is(err, model.ErrNotAmendable):
		return id, answer{outcome: "not amendable"}
	case errors.As(err, &illegal):
		return id, answer{outcome: "illegal"}
	case errors.Is(err, table.ErrConflict), errors.Is(err, table.ErrUnavailable):
		return id, answer{outcome: "unknown"}
	}
	return id, answer{outcome: err.Error()}
}

// atRandom has five clients send what they like at once, and returns what each asked
// for, was told, and when: in nanoseconds after began. Each round has orders of its own.
func atRandom(c *cafe.Cafe, round uint64, began time.Time) []porcupine.Operation {
	const clients, requests, orders = 5, 40, 8
	var mu sync.Mutex
	var history []porcupine.Operation
	cafetest.Together(clients, func(client int) {
		random := rand.New(rand.NewPCG(1+round, uint64(client)))
		known := map[string]int64{} // version of each order, so far as this client knows
		for n := range requests {
			r := request{order: fmt.Sprintf("key-%d-%d", round, (n*orders/requests+random.IntN(2))%orders), quantity: 1 + random.Int64N(2)}
			r.ifVersion = known[r.order]
			switch random.IntN(10) {
			case 0, 1, 2:
				r.what = "create"
			case 3, 4, 5:
				r.what = "read"
			case 6, 7:
				r.what = "amend"
			case 8:
				r.what, r.to = "advance", model.Statuses[random.IntN(len(model.Statuses))]
			case 9:
				r.what = "remove"
				if random.IntN(3) > 0 {
					r.what, r.to = "advance", model.StatusPreparing
				}
			}
			op := porcupine.Operation{ClientId: client, Input: r, Call: time.Since(began).Nanoseconds()}
			_, told := do(c, r)
			op.Output, op.Return = told, time.Since(began).Nanoseconds()
			switch {
			case told.outcome == "unknown":
				op.Return = math.MaxInt64
			case told.version > 0:
				known[r.order] = told.version
			}
			mu.Lock()
			history = append(history, op)
			mu.Unlock()
		}
	})
	return history
}

func TestCase12ConcurrentHistoriesAreLinearizable(t *testing.T) {
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
				c.Recorder.Pause()
				if _, err := c.SetStock(ctx, "brownie", 10_000); err != nil {
					t.Fatal(err)
				}
				c.Faults.Set(cafetest.Slowly(faults))
				var history []porcupine.Operation
				outcomes := map[string]int{}
				missing := func() (names []string) {
					for _, want := range []string{"create ok", "read ok", "amend ok", "amend stale", "advance ok", "remove ok", "read not found", "create key reused"} {
						if outcomes[want] == 0 {
							names = append(names, want)
						}
					}
					return names
				}
				// What the clients meet hangs on who is first: when one round of them did
				// not meet with everything, another goes on, on orders of its own.
				began := time.Now()
				for round := uint64(0); round == 0 || round < 20 && len(missing()) > 0; round++ {
					for _, op := range atRandom(c.Cafe, round, began) {
						history = append(history, op)
						outcomes[op.Input.(request).what+" "+op.Output.(answer).outcome]++
					}
				}
				if names := missing(); len(names) > 0 {
					t.Errorf("the history has no %q: %v", names, outcomes)
				}
				if (outcomes["amend unknown"]+outcomes["create unknown"]+outcomes["advance unknown"] > 0) != (faults != nil) {
					t.Errorf("unknown outcomes: %v", outcomes)
				}
				switch porcupine.CheckOperationsTimeout(specification, history, 20*time.Second) {
				case porcupine.Illegal:
					for _, op := range history {
						t.Logf("client %d, %d to %d: %+v: %+v", op.ClientId, op.Call, op.Return, op.Input, op.Output)
					}
					t.Error("the history is not linearizable")
				case porcupine.Unknown:
					t.Error("could not be checked in time")
				}
				// And the shelf says the same.
				c.Restart()
				taken := int64(0)
				for _, o := range cafetest.Stored(t, c, "O#") {
					if o.Bool("took_stock") {
						lines, _ := o["lines"].List()
						for _, l := range lines {
							line, _ := l.Map()
							taken += line.Int("quantity")
						}
					}
				}
				if n := c.OnHand(t, "brownie"); n != 10_000-taken {
					t.Errorf("%d on hand, orders have %d", n, taken)
				}
				c.Post(t, c.Snapshot(t)...)
				c.WantTrue(t)
			})
		})
	}
}
