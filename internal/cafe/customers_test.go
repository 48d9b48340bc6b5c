package cafe_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/ledger"
	"cafe/internal/outbox"
	"cafe/model"
)

func TestACustomerIsSetErasedAndComesBackWithTotalsKept(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		post := func() {
			t.Helper()
			c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		}
		missing := func(why string, by cafe.Caller) {
			t.Helper()
			if _, err := c.Cafe.Customer(ctx, by, "alice"); !errors.Is(err, model.ErrNotFound) {
				t.Errorf("%s: %v", why, err)
			}
		}
		missing("never heard of", cafetest.Owner)
		if err := c.Erase(ctx, "alice"); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("erase nobody: %v", err)
		}
		missing("erasing nobody makes nobody", cafetest.Owner)

		limit := model.Money(5000)
		first := model.Profile{Name: "Alice", Email: "alice@example.com", Notify: true, CreditLimit: &limit}
		alices, created, err := c.SetCustomer(ctx, "alice", first, nil)
		if err != nil || !created || alices.Version != 1 {
			t.Fatal(alices, created, err)
		}
		cafetest.Place(t, c, "alice", cafetest.Lines("latte"))
		post()
		got := c.Customer(t, "alice")
		want := model.Customer{ID: "alice", Name: "Alice", Email: "alice@example.com", Notify: true, CreditLimit: &limit,
			Balance: 350, Spent: 350, Orders: 1, Listed: true, Armed: true, Version: 2, LastOrderAt: got.LastOrderAt}
		if !reflect.DeepEqual(got, want) || got.LastOrderAt.IsZero() {
			t.Errorf("%+v, want %+v", got, want)
		}
		missing("not bob's business", cafetest.Bob)
		if _, err := c.Cafe.Customer(ctx, cafetest.Alice, "alice"); err != nil {
			t.Error("alice herself:", err)
		}

		if err := c.Erase(ctx, "alice"); err != nil {
			t.Fatal(err)
		}
		missing("erased", cafetest.Owner)
		missing("erased", cafetest.Alice)
		if err := c.Erase(ctx, "alice"); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("erase again: %v", err)
		}
		for key, item := range cafetest.Stored(t, c, "C#alice") {
			if key.SK == "C" && strings.Contains(fmt.Sprint(item), "Alice") {
				t.Errorf("%s still knows the name: %v", key, item)
			}
		}
		c.Announce(t, c.Recorder.Changes(outbox.Wants)...)
		c.Post(t, c.Snapshot(t)...) // old records come again
		missing("still erased", cafetest.Owner)
		c.WantTrue(t)

		// She orders again.
		cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		post()
		if got := c.Customer(t, "alice"); got.Name != "" || got.Email != "" || got.Notify || got.CreditLimit != nil || !got.ErasedAt.IsZero() {
			t.Errorf("came back as %+v", got)
		}
		cafetest.WantTotals(t, c, "alice", 570, 570, 2)

		if err := c.Erase(ctx, "alice"); err != nil {
			t.Fatal(err)
		}
		alices, created, err = c.SetCustomer(ctx, "alice", model.Profile{Name: "Alice B"}, nil)
		if err != nil || !created || alices.Balance != 570 || alices.Orders != 2 {
			t.Errorf("signed up again: %+v, %v, %v", alices, created, err)
		}
		c.WantTrue(t)
	})
}

func TestACustomerExistsOnceAnOrderOrPaymentNamesThem(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		order := cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		cafetest.Pay(t, c, "bob", 100)
		if _, _, err := c.Place(ctx, cafetest.Staff, model.Draft{CustomerID: "carol", Payment: model.TermsCounter, Lines: cafetest.Lines("tea")}, ""); err != nil {
			t.Fatal(err)
		}
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		cafetest.WantTotals(t, c, "alice", 220, 220, 1)
		cafetest.WantTotals(t, c, "bob", -100, 0, 0)
		cafetest.WantTotals(t, c, "carol", 0, 220, 1)
		if at := c.Customer(t, "alice").LastOrderAt; !at.Equal(order.PlacedAt) {
			t.Errorf("last order at %v, want %v", at, order.PlacedAt)
		}
		if _, err := c.Cafe.Customer(ctx, cafetest.Owner, model.WalkIn); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("walk-in: %v", err)
		}
		if _, created, err := c.SetCustomer(ctx, "alice", model.Profile{Name: "Alice"}, nil); created || err != nil {
			t.Errorf("created %v, %v", created, err)
		}
	})
}

func TestWhatIsSetOfACustomerIsWhatIsStored(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		limit := model.Money(5)
		for i, p := range []model.Profile{{Name: "A"}, {Name: "A"}, {Name: "A", CreditLimit: &limit}, {Name: "A", CreditLimit: &limit}, {Name: "B"}} {
			set, _, err := c.SetCustomer(ctx, "alice", p, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Customer(t, "alice"); !reflect.DeepEqual(got, set) {
				t.Errorf("%d: told %+v, stored %+v", i, set, got)
			}
		}
		if v := c.Customer(t, "alice").Version; v != 3 {
			t.Errorf("version %d: the same again is no change", v)
		}
		if _, _, err := c.SetCustomer(ctx, "alice", model.Profile{Name: "C"}, cafetest.Version(2)); !errors.Is(err, model.ErrStale) {
			t.Error(err)
		}
		if _, _, err := c.SetCustomer(ctx, "alice", model.Profile{Name: "C"}, cafetest.Version(3)); err != nil {
			t.Error(err)
		}
		if _, _, err := c.SetCustomer(ctx, "new", model.Profile{Name: "N"}, cafetest.Version(1)); !errors.Is(err, model.ErrStale) {
			t.Error(err)
		}
	})
}

func TestBadProfilesAndPaymentsAreRefused(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		minus := model.Money(-1)
		for field, p := range map[string]model.Profile{
			"/name":         {},
			"/email":        {Name: "A", Email: "nowhere"},
			"/credit_limit": {Name: "A", CreditLimit: &minus},
		} {
			if _, _, err := c.SetCustomer(ctx, "alice", p, nil); !cafetest.IsInvalid(err, field) {
				t.Errorf("%s: %v", field, err)
			}
		}
		if _, _, err := c.SetCustomer(ctx, "alice", model.Profile{Name: "A", Notify: true}, nil); !cafetest.IsInvalid(err, "/email") {
			t.Errorf("notify without an address: %v", err)
		}
		if _, _, err := c.SetCustomer(ctx, model.WalkIn, model.Profile{Name: "A"}, nil); !cafetest.IsInvalid(err, "id") {
			t.Errorf("walk-in: %v", err)
		}
		for _, amount := range []model.Money{0, -5, model.MaxAmount + 1} {
			if _, _, err := c.Pay(ctx, cafetest.Staff, "alice", amount, "", "", "key"); !cafetest.IsInvalid(err, "/amount") {
				t.Errorf("%d: %v", amount, err)
			}
		}
		if _, _, err := c.Pay(ctx, cafetest.Staff, model.WalkIn, 5, "", "", ""); !cafetest.IsInvalid(err, "id") {
			t.Errorf("walk-in: %v", err)
		}
		if _, replayed, err := c.Pay(ctx, cafetest.Staff, "alice", 5, "", "", "key"); err != nil || replayed {
			t.Errorf("a refused payment used up its key: %v, %v", replayed, err)
		}
		if len(cafetest.Stored(t, c, "C#")) != 0 {
			t.Error("somebody was stored")
		}
	})
}

func TestStaffAndTheLedgerDoNotUndoEachOther(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Recorder.Pause()
		const n = 12
		for range n {
			cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		}
		batch := c.Snapshot(t)
		c.Slow()
		cafetest.Together(2*n, func(i int) {
			err := cafetest.Patiently(func() error {
				if i < n {
					return errors.Join(c.Ledger.Post(ctx, batch[i:i+1])...)
				}
				_, _, err := c.SetCustomer(ctx, "alice", model.Profile{Name: fmt.Sprint("Alice ", i), Email: "a@example.com"}, nil)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
		c.Post(t, c.Snapshot(t)...)
		cafetest.WantTotals(t, c, "alice", n*220, n*220, n)
		if got := c.Customer(t, "alice"); !strings.HasPrefix(got.Name, "Alice ") || got.Email != "a@example.com" {
			t.Errorf("%+v", got)
		}
		c.WantTrue(t)
	})
}

func TestTheLastOrderIsTheNewestWhateverTheDelivery(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		c.Clock.Pass(time.Hour)
		last := cafetest.Place(t, c, "alice", cafetest.Lines("tea"))
		batch := c.Recorder.Changes(ledger.Wants)
		c.Post(t, batch[1])
		c.Post(t, batch[0])
		if at := c.Customer(t, "alice").LastOrderAt; !at.Equal(last.PlacedAt) {
			t.Errorf("last order at %v, want %v", at, last.PlacedAt)
		}
	})
}
