package cafe_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/settings"
	"cafe/model"
)

// onShards runs the test on every engine, with the orders spread over some shards.
func onShards(t *testing.T, test func(t *testing.T, c *cafetest.Cafe, e cafetest.Engine)) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		for _, shards := range []int64{1, 4} {
			t.Run(fmt.Sprintf("%d shards", shards), func(t *testing.T) {
				c := cafetest.Open(t, e.Open(t), func(s *settings.Settings) { s.Shards = shards })
				c.Recorder.Pause()
				test(t, c, e)
			})
		}
	})
}

func TestListsAreNewestFirstWholeAndFiltered(t *testing.T) {
	onShards(t, func(t *testing.T, c *cafetest.Cafe, e cafetest.Engine) {
		both := []model.Status{model.StatusPlaced, model.StatusPreparing}
		random := rand.New(rand.NewPCG(1, 2))
		var all []model.Order // oldest first
		for i := range 45 {
			who := []string{"alice", "bob", model.WalkIn}[random.IntN(3)]
			o := cafetest.Place(t, c, who, cafetest.Lines("tea"))
			switch i % 4 {
			case 1:
				o = cafetest.Advance(t, c, o.ID, model.StatusPreparing)
			case 2:
				o = cafetest.Advance(t, c, o.ID, model.StatusCancelled)
			}
			all = append(all, o)
			if random.IntN(4) == 0 {
				c.Clock.Pass(time.Duration(random.IntN(20)) * time.Hour)
			}
		}
		for _, i := range []int{44, 20, 3} { // deleted ones are gone
			cafetest.Remove(t, c, all[i].ID)
			all = slices.Delete(all, i, i+1)
		}
		days := map[model.Day]bool{}
		for _, o := range all {
			days[o.BusinessDay] = true
		}
		if len(days) < 3 {
			t.Fatalf("on %d days only", len(days))
		}
		filters := []cafe.Filter{{}, {Statuses: []model.Status{model.StatusPreparing}}, {Statuses: []model.Status{model.StatusRefunded}}, {Day: "2017-01-01"}, {CustomerID: "nobody"}}
		for _, who := range []string{"alice", "bob", model.WalkIn} {
			filters = append(filters, cafe.Filter{CustomerID: who}, cafe.Filter{CustomerID: who, Statuses: []model.Status{model.StatusPlaced}})
			for day := range days {
				filters = append(filters, cafe.Filter{CustomerID: who, Day: day})
			}
		}
		filters = append(filters, cafe.Filter{Statuses: both}, cafe.Filter{CustomerID: "alice", Statuses: both})
		for day := range days {
			filters = append(filters, cafe.Filter{Day: day, Statuses: both}, cafe.Filter{Day: day}, cafe.Filter{Day: day, Statuses: []model.Status{model.StatusPreparing}})
		}
		for _, f := range filters {
			var want []string
			for _, o := range slices.Backward(all) {
				if (f.CustomerID == "" || o.CustomerID == f.CustomerID) && (len(f.Statuses) == 0 || slices.Contains(f.Statuses, o.Status)) && (f.Day == "" || o.BusinessDay == f.Day) {
					want = append(want, o.ID)
				}
			}
			limits := []int{1, 2, 3, 7, max(1, len(want)), len(want) + 1, 100}
			if e.Slow {
				limits = []int{7}
			}
			for _, limit := range limits {
				if got := cafetest.Through(t, c, cafetest.Staff, f, limit); !slices.Equal(got, want) {
					t.Errorf("%+v, limit %d:\n%v, want\n%v", f, limit, got, want)
				}
				f := f
				f.OldestFirst = true
				got := cafetest.Through(t, c, cafetest.Staff, f, limit)
				if slices.Reverse(got); !slices.Equal(got, want) {
					t.Errorf("%+v, limit %d, the other way round:\n%v, want\n%v", f, limit, got, want)
				}
			}
			if f.CustomerID != "alice" {
				continue
			}
			if got := cafetest.Through(t, c, cafetest.Alice, cafe.Filter{Statuses: f.Statuses, Day: f.Day}, 5); !slices.Equal(got, want) {
				t.Errorf("alice herself, %+v: %v, want %v", f, got, want)
			}
			if _, _, err := c.Orders(ctx, cafetest.Bob, f, "", 5); !errors.Is(err, model.ErrForbidden) {
				t.Errorf("bob asks for alice's: %v", err)
			}
		}
	})
}

func TestTheLastPageHasNoNext(t *testing.T) {
	onShards(t, func(t *testing.T, c *cafetest.Cafe, _ cafetest.Engine) {
		for range 30 { // older, and let through by none of the filters
			cafetest.Advance(t, c, cafetest.Place(t, c, "", cafetest.Lines("tea")).ID, model.StatusPreparing)
		}
		for range 6 {
			cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		}
		if orders, next, err := c.Orders(ctx, cafetest.Staff, cafe.Filter{}, "", 36); len(orders) != 36 || next != "" || err != nil {
			t.Errorf("%d orders, next %q, %v", len(orders), next, err)
		}
		for _, f := range []cafe.Filter{{CustomerID: "alice"}, {Statuses: []model.Status{model.StatusPlaced}}, {Statuses: []model.Status{model.StatusPlaced}, Day: "2017-03-18"}} {
			if orders, next, err := c.Orders(ctx, cafetest.Staff, f, "", 6); len(orders) != 6 || next != "" || err != nil {
				t.Errorf("%+v: %d orders, next %q, %v", f, len(orders), next, err)
			}
			if orders, next, err := c.Orders(ctx, cafetest.Staff, f, "", 5); len(orders) != 5 || next == "" || err != nil {
				t.Errorf("%+v: %d orders, next %q, %v", f, len(orders), next, err)
			}
		}
	})
}

func TestAListReadsOnThroughWhatTheFilterLeavesOut(t *testing.T) {
	onShards(t, func(t *testing.T, c *cafetest.Cafe, _ cafetest.Engine) {
		wanted := cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		cafetest.Advance(t, c, wanted.ID, model.StatusPreparing)
		for range 120 {
			cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		}
		orders, _, err := c.Orders(ctx, cafetest.Staff, cafe.Filter{Statuses: []model.Status{model.StatusPreparing}}, "", 2)
		if err != nil || len(orders) != 1 || orders[0].ID != wanted.ID {
			t.Errorf("%d orders, %v", len(orders), err)
		}
	})
}

func TestOrdersPlacedWhilePagingAreNotRepeated(t *testing.T) {
	onShards(t, func(t *testing.T, c *cafetest.Cafe, _ cafetest.Engine) {
		var want []string
		for range 6 {
			want = append([]string{cafetest.Place(t, c, "alice", cafetest.Lines("tea")).ID}, want...)
		}
		var got []string
		next := ""
		for {
			orders, rest, err := c.Orders(ctx, cafetest.Staff, cafe.Filter{}, next, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range orders {
				got = append(got, o.ID)
			}
			cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
			if next = rest; next == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

func TestPaymentsAreListedNewestFirst(t *testing.T) {
	onShards(t, func(t *testing.T, c *cafetest.Cafe, _ cafetest.Engine) {
		var want []model.Money
		for i := range 7 {
			amount := cafetest.Pay(t, c, "alice", model.Money(100+i)).Amount
			want = append([]model.Money{amount}, want...)
			c.Clock.Pass(10 * time.Hour)
		}
		cafetest.Pay(t, c, "bob", 5)
		cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		c.Post(t, c.Snapshot(t)...)
		for limit := 1; limit <= 8; limit++ {
			var got []model.Money
			next := ""
			for {
				payments, rest, err := c.Payments(ctx, cafetest.Alice, "alice", next, limit)
				if err != nil || len(payments) > limit {
					t.Fatalf("%d payments, %v", len(payments), err)
				}
				for _, p := range payments {
					got = append(got, p.Amount)
				}
				if next = rest; next == "" {
					break
				}
				if len(payments) == 0 {
					t.Fatal("an empty page in the middle")
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("limit %d: %v, want %v", limit, got, want)
			}
		}
		if _, _, err := c.Payments(ctx, cafetest.Bob, "alice", "", 5); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("bob sees alice's: %v", err)
		}
		if _, _, err := c.Payments(ctx, cafetest.Staff, "nobody", "", 5); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("nobody's: %v", err)
		}
	})
}
