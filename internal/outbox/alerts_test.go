package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"cafe/internal/cafetest"
	"cafe/internal/ledger"
	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

func TestCase31TwoOrdersThatCrossTogetherMakeOneAlert(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Place(t, c, "alice", cafetest.Pence(600))
		cafetest.Place(t, c, "alice", cafetest.Pence(600))
		sent := cafetest.Alerts(t, c)
		if len(sent) != 1 {
			t.Fatalf("%d alerts in one batch: %+v", len(sent), sent)
		}
		c.WantTrue(t)

		c.Recorder.Pause()
		cafetest.Place(t, c, "bob", cafetest.Pence(900))
		c.Post(t, c.Snapshot(t)...)
		for range 8 {
			cafetest.Place(t, c, "bob", cafetest.Pence(200))
		}
		batch := c.Snapshot(t)
		c.Slow()
		cafetest.Together(len(batch), func(i int) {
			if err := cafetest.Patiently(func() error { return errors.Join(c.Ledger.Post(ctx, batch[i:i+1])...) }); err != nil {
				t.Error(err)
			}
		})
		if bob := c.Customer(t, "bob"); bob.Balance != 2500 || bob.Crossings != 1 || bob.Armed {
			t.Errorf("bob is %+v", bob)
		}
		c.WantTrue(t)
	})
}

func TestCase32DownAndUpAgainMakesASecondAlert(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Place(t, c, "alice", cafetest.Pence(1001))
		first := cafetest.Alerts(t, c)
		cafetest.Place(t, c, "alice", cafetest.Pence(500)) // still above
		if more := cafetest.Alerts(t, c); len(first) != 1 || len(more) != 0 {
			t.Fatalf("%d alerts, then %d", len(first), len(more))
		}
		cafetest.Pay(t, c, "alice", 501) // down to the limit
		if more := cafetest.Alerts(t, c); len(more) != 0 || !c.Customer(t, "alice").Armed {
			t.Fatalf("%d alerts, %+v", len(more), c.Customer(t, "alice"))
		}
		cafetest.Place(t, c, "alice", cafetest.Pence(1))
		second := cafetest.Alerts(t, c)
		if len(second) != 1 || second[0].ID == first[0].ID {
			t.Fatalf("second alert: %+v, the first was %s", second, first[0].ID)
		}
		if alice := c.Customer(t, "alice"); alice.Crossings != 2 || alice.Armed {
			t.Errorf("alice is %+v", alice)
		}
		c.WantTrue(t)
	})
}

func TestCase32DownAndUpWithinOneBatchMakesASecondAlert(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Place(t, c, "alice", cafetest.Pence(1200))
		cafetest.Alerts(t, c)
		cafetest.Pay(t, c, "alice", 300)
		cafetest.Place(t, c, "alice", cafetest.Pence(300))
		if more := cafetest.Alerts(t, c); len(more) != 1 || c.Customer(t, "alice").Crossings != 2 {
			t.Errorf("%d alerts, %+v", len(more), c.Customer(t, "alice"))
		}
		cafetest.Place(t, c, "alice", cafetest.Pence(10)) // up, then down, while not armed
		cafetest.Pay(t, c, "alice", 700)
		if more := cafetest.Alerts(t, c); len(more) != 0 || !c.Customer(t, "alice").Armed {
			t.Errorf("%d alerts, %+v", len(more), c.Customer(t, "alice"))
		}
		c.WantTrue(t)
	})
}

func TestCase33ExactlyAtTheLimitIsNoAlertAndOneAboveIs(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		limit := model.Money(700)
		if _, _, err := c.SetCustomer(ctx, "bob", model.Profile{Name: "Bob Bean", CreditLimit: &limit}, nil); err != nil {
			t.Fatal(err)
		}
		cafetest.Place(t, c, "alice", cafetest.Pence(1000))
		cafetest.Place(t, c, "bob", cafetest.Pence(700))
		if sent := cafetest.Alerts(t, c); len(sent) != 0 {
			t.Fatalf("alerts at the limit: %+v", sent)
		}
		cafetest.Place(t, c, "alice", cafetest.Pence(1))
		cafetest.Place(t, c, "bob", cafetest.Pence(1))
		cafetest.Place(t, c, model.WalkIn, cafetest.Pence(5000)) // has no tab
		sent := cafetest.Alerts(t, c)
		slices.SortFunc(sent, func(a, b outbox.Message) int {
			return strings.Compare(a.Attributes["customer_id"], b.Attributes["customer_id"])
		})
		if len(sent) != 2 || sent[0].Attributes["customer_id"] != "alice" || sent[1].Attributes["customer_id"] != "bob" {
			t.Fatalf("alerts above the limit: %+v", sent)
		}
		m := sent[1]
		at := c.Customer(t, "bob")
		var got map[string]interface{}
		if err := json.Unmarshal([]byte(m.Body), &got); err != nil {
			t.Fatal(err)
		}
		when, _ := got["at"].(string)
		if _, err := time.Parse("2006-01-02T15:04:05.000000Z", when); err != nil {
			t.Error(err)
		}
		delete(got, "at")
		want := map[string]interface{}{
			"alert_id": m.ID, "type": "high_balance", "customer_id": "bob", "customer_name": "Bob Bean",
			"balance": 701.0, "credit_limit": 700.0, "currency": "GBP", "crossing": 1.0,
		}
		if !maps.Equal(got, want) || at.Balance != 701 {
			t.Errorf("message %v, want %v", got, want)
		}
		if want := map[string]string{"type": "high_balance", "customer_id": "bob", "severity": "warning"}; !maps.Equal(m.Attributes, want) {
			t.Errorf("attributes %v", m.Attributes)
		}
		if m.Topic != outbox.TopicHighBalance || !strings.Contains(m.Subject, "£7.01") || !strings.Contains(m.Mail, "Bob Bean") {
			t.Errorf("topic %s, subject %q, mail %q", m.Topic, m.Subject, m.Mail)
		}
		c.WantTrue(t)
	})
}

func TestAnAlertIsCriticalAboveTwiceTheLimit(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Place(t, c, "alice", cafetest.Pence(2000))
		cafetest.Place(t, c, "bob", cafetest.Pence(2001))
		severity := map[string]string{}
		for _, m := range cafetest.Alerts(t, c) {
			if !strings.Contains(m.Mail, "Your tab at Café has risen to £20.0") || strings.Contains(m.Mail, "collection") {
				t.Errorf("the customer reads\n%s", m.Mail)
			}
			severity[m.Attributes["customer_id"]] = m.Attributes["severity"]
		}
		if !maps.Equal(severity, map[string]string{"alice": "warning", "bob": "critical"}) {
			t.Error(severity)
		}
	})
}

func TestCase34WithTheTopicDownMidBatchTotalsStandAndTheAlertComesLater(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		var who []string
		for i := range 6 {
			who = append(who, fmt.Sprintf("customer-%d", i))
			cafetest.Place(t, c, who[i], cafetest.Pence(1001))
		}
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		sends := c.Recorder.Changes(outbox.Wants)
		c.Notifier.Fail(func(call int, _ string) (error, error) {
			if call > 3 {
				return cafetest.ErrDown, nil
			}
			return nil, nil
		})
		failed := 0
		for _, err := range c.Outbox.Announce(ctx, c.Notifier, sends) {
			if err != nil && !errors.Is(err, cafetest.ErrDown) {
				t.Error(err)
			}
			if err != nil {
				failed++
			}
		}
		if failed != 3 || len(c.Notifier.Published()) != 3 {
			t.Fatalf("%d failed, %d published", failed, len(c.Notifier.Published()))
		}
		c.WantTrue(t)
		c.Notifier.Fail(nil)
		c.Clock.Pass(2 * time.Minute)
		if done, err := c.Outbox.Sweep(ctx, c.Notifier, time.Minute); done != 3 || err != nil {
			t.Errorf("swept %d, %v", done, err)
		}
		if done, err := c.Outbox.Sweep(ctx, c.Notifier, time.Minute); done != 0 || err != nil {
			t.Errorf("swept %d again, %v", done, err)
		}
		times := c.Notifier.Times()
		if len(times) != 6 {
			t.Errorf("%d alerts for 6 crossings", len(times))
		}
		for id, n := range times {
			if n != 1 {
				t.Errorf("%s was published %d times", id, n)
			}
		}
	})
}

func TestCase34TheSweepLeavesWhatIsFreshAndGoesOnAfterWhatFails(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		const n = 130 // more than one page
		c.Recorder.Pause()
		for i := range n {
			cafetest.Place(t, c, fmt.Sprintf("customer-%d", i), cafetest.Pence(1001))
		}
		c.Post(t, c.Snapshot(t)...)
		if done, err := c.Outbox.Sweep(ctx, c.Notifier, time.Hour); done != 0 || err != nil {
			t.Errorf("swept %d that are fresh, %v", done, err)
		}
		c.Clock.Pass(time.Hour)
		c.Notifier.Fail(func(call int, _ string) (error, error) {
			if call%10 == 0 {
				return cafetest.ErrDown, nil
			}
			return nil, nil
		})
		if done, err := c.Outbox.Sweep(ctx, c.Notifier, time.Hour); done != n-n/10 || err != nil {
			t.Errorf("swept %d, %v", done, err)
		}
		c.Notifier.Fail(func(int, string) (error, error) { return cafetest.ErrDown, nil })
		if done, err := c.Outbox.Sweep(ctx, c.Notifier, time.Hour); done != 0 || !errors.Is(err, cafetest.ErrDown) {
			t.Errorf("swept %d with the topic away, %v", done, err)
		}
		c.Notifier.Fail(nil)
		if done, err := c.Outbox.Sweep(ctx, c.Notifier, time.Hour); done != n/10 || err != nil {
			t.Errorf("swept the other %d, %v", done, err)
		}
		if times := c.Notifier.Times(); len(times) != n || len(c.Notifier.Published()) != n {
			t.Errorf("%d alerts, %d times published", len(times), len(c.Notifier.Published()))
		}
	})
}

func TestCase35PublishedButNotMarkedIsRepeatedWithTheSameID(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Place(t, c, "alice", cafetest.Pence(1001))
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		sends := c.Recorder.Changes(outbox.Wants)
		c.Faults.Set(tabletest.Always(tabletest.Fault{Before: table.ErrUnavailable}, "Write"))
		if err := c.Outbox.Announce(ctx, c.Notifier, sends)[0]; !errors.Is(err, table.ErrUnavailable) {
			t.Fatalf("announce: %v", err)
		}
		c.Restart()
		c.Announce(t, sends...)
		sent := c.Notifier.Published()
		if len(sent) != 2 || sent[0].ID != sent[1].ID || sent[0].Body != sent[1].Body {
			t.Errorf("published %+v", sent)
		}
		// The topic took it, and its answer was lost.
		cafetest.Place(t, c, "bob", cafetest.Pence(1001))
		c.Recorder.Forget()
		c.Post(t, c.Snapshot(t)...)
		sends = c.Recorder.Changes(outbox.Wants)
		c.Notifier.Fail(func(call int, _ string) (error, error) {
			if call == 1 {
				return nil, cafetest.ErrDown
			}
			return nil, nil
		})
		if err := c.Outbox.Announce(ctx, c.Notifier, sends)[0]; !errors.Is(err, cafetest.ErrDown) {
			t.Fatalf("announce: %v", err)
		}
		c.Announce(t, sends...)
		if times := c.Notifier.Times(); len(times) != 2 {
			t.Errorf("published %v", times)
		}
		c.Clock.Pass(time.Hour)
		if done, err := c.Outbox.Sweep(ctx, c.Notifier, 0); done != 0 || err != nil {
			t.Errorf("swept %d, %v", done, err)
		}
	})
}

func TestCase36ALimitLoweredBelowTheBalanceMakesOneAlert(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		set := func(limit model.Money) []outbox.Message {
			t.Helper()
			if _, _, err := c.SetCustomer(ctx, "alice", model.Profile{Name: "Alice", CreditLimit: &limit}, nil); err != nil {
				t.Fatal(err)
			}
			return cafetest.Alerts(t, c)
		}
		cafetest.Place(t, c, "alice", cafetest.Pence(500))
		if sent := cafetest.Alerts(t, c); len(sent) != 0 {
			t.Fatal(sent)
		}
		if sent := set(500); len(sent) != 0 {
			t.Errorf("a limit at the balance: %+v", sent)
		}
		first := set(499)
		if len(first) != 1 {
			t.Fatalf("%d alerts", len(first))
		}
		if sent := set(100); len(sent) != 0 {
			t.Errorf("lower still: %+v", sent)
		}
		cafetest.Place(t, c, "alice", cafetest.Pence(1))
		if sent := cafetest.Alerts(t, c); len(sent) != 0 {
			t.Errorf("more on the tab: %+v", sent)
		}
		if sent := set(501); len(sent) != 0 || !c.Customer(t, "alice").Armed {
			t.Errorf("raised to the balance: %+v, %+v", sent, c.Customer(t, "alice"))
		}
		if second := set(400); len(second) != 1 || second[0].ID == first[0].ID {
			t.Errorf("lowered again: %+v", second)
		}
		c.WantTrue(t)
	})
}

func TestAnAlertThatWaitsWhileItsCustomerIsErasedNamesNobody(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		who := func(name string) {
			t.Helper()
			if _, _, err := c.SetCustomer(ctx, "alice", model.Profile{Name: name}, nil); err != nil {
				t.Fatal(err)
			}
		}
		who("Alice Liddell")
		cafetest.Place(t, c, "alice", cafetest.Pence(1001))
		c.Post(t, c.Recorder.Changes(ledger.Wants)...)
		sends := c.Recorder.Changes(outbox.Wants)
		c.Faults.Set(tabletest.Always(tabletest.Fault{Before: table.ErrUnavailable}, "Write"))
		if err := c.Outbox.Announce(ctx, c.Notifier, sends)[0]; !errors.Is(err, table.ErrUnavailable) {
			t.Fatalf("announce: %v", err)
		}
		c.Restart()
		first := c.Notifier.Published()
		if len(first) != 1 || !strings.Contains(first[0].Body, "Liddell") {
			t.Fatalf("published %+v", first)
		}
		if err := c.Erase(ctx, "alice"); err != nil {
			t.Fatal(err)
		}
		for _, row := range cafetest.Rows(t, c.Table) {
			if strings.Contains(fmt.Sprint(row), "Liddell") {
				t.Errorf("%s still has the name: %v", row.Key, row.Item)
			}
		}
		c.Announce(t, sends...)
		who("Alice B")
		c.Announce(t, sends...)
		for i, m := range c.Notifier.Published()[1:] {
			if strings.Contains(m.Subject+m.Body+m.Mail, "Liddell") || strings.Contains(m.Subject, "Alice B") != (i == 1) {
				t.Errorf("published after the erasure: %+v", m)
			}
			if m.ID != first[0].ID || m.Topic != outbox.TopicHighBalance || !strings.Contains(m.Mail, "£10.01") || !maps.Equal(m.Attributes, first[0].Attributes) {
				t.Errorf("published %+v, at first %+v", m, first[0])
			}
		}
		if n := len(c.Notifier.Published()); n != 3 {
			t.Errorf("published %d times", n)
		}
	})
}

func TestErasingACustomerRaisesNoAlertAndTheNextCrossingDoes(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		high := model.Money(5000)
		if _, _, err := c.SetCustomer(ctx, "alice", model.Profile{Name: "Alice", CreditLimit: &high}, nil); err != nil {
			t.Fatal(err)
		}
		cafetest.Place(t, c, "alice", cafetest.Pence(3000))
		if sent := cafetest.Alerts(t, c); len(sent) != 0 {
			t.Fatal(sent)
		}
		if err := c.Erase(ctx, "alice"); err != nil {
			t.Fatal(err)
		}
		if sent := cafetest.Alerts(t, c); len(sent) != 0 {
			t.Errorf("erased over the café's own limit: %+v", sent)
		}
		c.WantTrue(t)
		cafetest.Place(t, c, "alice", cafetest.Pence(1)) // still above
		if sent := cafetest.Alerts(t, c); len(sent) != 0 {
			t.Errorf("more on the tab: %+v", sent)
		}
		cafetest.Pay(t, c, "alice", 2001)
		cafetest.Place(t, c, "alice", cafetest.Pence(1))
		if sent := cafetest.Alerts(t, c); len(sent) != 1 || sent[0].Attributes["customer_id"] != "alice" {
			t.Errorf("above the café's own limit again: %+v", sent)
		}
		c.WantTrue(t)
	})
}

func TestErasingACustomerWithALimitBelowTheBalanceArmsTheAlertAgain(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		low := model.Money(100)
		if _, _, err := c.SetCustomer(ctx, "alice", model.Profile{Name: "Alice", CreditLimit: &low}, nil); err != nil {
			t.Fatal(err)
		}
		cafetest.Place(t, c, "alice", cafetest.Pence(500))
		if sent := cafetest.Alerts(t, c); len(sent) != 1 {
			t.Fatal(sent)
		}
		if err := c.Erase(ctx, "alice"); err != nil {
			t.Fatal(err)
		}
		c.WantTrue(t)
		cafetest.Place(t, c, "alice", cafetest.Pence(501))
		if sent := cafetest.Alerts(t, c); len(sent) != 1 {
			t.Errorf("above the café's own limit: %+v", sent)
		}
		c.WantTrue(t)
	})
}

func TestASoldOutItemIsAnnouncedOncePerRestock(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		stock := func(n int64) {
			t.Helper()
			if _, err := c.SetStock(ctx, "brownie", n); err != nil {
				t.Fatal(err)
			}
		}
		stock(2)
		cafetest.Place(t, c, "alice", cafetest.Lines("brownie"))
		if sent := cafetest.Alerts(t, c); len(sent) != 0 {
			t.Fatalf("with one left: %+v", sent)
		}
		last := cafetest.Place(t, c, model.WalkIn, cafetest.Lines("brownie"))
		again := c.Recorder.Changes(ledger.Wants)
		first := cafetest.Alerts(t, c)
		if len(first) != 1 || first[0].Topic != outbox.TopicOutOfStock || !strings.Contains(first[0].Mail, "Brownie") {
			t.Fatalf("sold out: %+v", first)
		}
		var body map[string]interface{}
		if err := json.Unmarshal([]byte(first[0].Body), &body); err != nil {
			t.Fatal(err)
		}
		delete(body, "at")
		if want := (map[string]interface{}{"alert_id": first[0].ID, "type": "out_of_stock", "sku": "brownie", "name": "Brownie"}); !maps.Equal(body, want) {
			t.Errorf("message %v", body)
		}
		c.Post(t, again...)
		if sent := cafetest.Alerts(t, c); len(sent) != 0 {
			t.Errorf("the record again: %+v", sent)
		}
		// One comes back and is sold: the same restock.
		cafetest.Advance(t, c, last.ID, model.StatusCancelled)
		cafetest.Place(t, c, model.WalkIn, cafetest.Lines("brownie"))
		if sent := cafetest.Alerts(t, c); len(sent) != 0 {
			t.Errorf("sold out again without a restock: %+v", sent)
		}
		stock(1)
		cafetest.Place(t, c, model.WalkIn, cafetest.Lines("brownie"))
		if second := cafetest.Alerts(t, c); len(second) != 1 || second[0].ID == first[0].ID {
			t.Errorf("after a restock: %+v", second)
		}
		stock(0) // as it was
		stock(3)
		stock(0) // counted as gone
		if third := cafetest.Alerts(t, c); len(third) != 1 {
			t.Errorf("counted as gone: %+v", third)
		}
		if n := len(cafetest.Stored(t, c, "L#2017-03-18#0")); n == 0 {
			t.Error("the day's ledger does not say that it sold out")
		}
	})
}

func TestACustomersOwnSubscriptionFollowsTheirWish(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		wish := func(p model.Profile, want ...string) {
			t.Helper()
			if _, _, err := c.SetCustomer(ctx, "alice", p, nil); err != nil {
				t.Fatal(err)
			}
			cafetest.Alerts(t, c)
			wantSubscribed(t, c, want...)
		}
		wish(cafetest.Profile(false, "a@example.com"))
		wish(cafetest.Profile(true, "a@example.com"), "a@example.com")
		wish(cafetest.Profile(true, "b@example.com"), "b@example.com")
		wish(cafetest.Profile(false, "b@example.com"))
		wish(cafetest.Profile(true, "b@example.com"), "b@example.com")
		if err := c.Erase(ctx, "alice"); err != nil {
			t.Fatal(err)
		}
		cafetest.Alerts(t, c)
		wantSubscribed(t, c)
		for key, item := range cafetest.Stored(t, c, "C#alice") {
			if strings.Contains(fmt.Sprint(item), "example.com") {
				t.Errorf("%s still knows the address: %v", key, item)
			}
		}
		wish(cafetest.Profile(true, "c@example.com"), "c@example.com")
	})
}

// mailing is a notifier that notes who has mail of each alert, as it is published.
type mailing struct {
	*cafetest.Notifier
	mu   sync.Mutex
	mail []string
}

func (n *mailing) Publish(ctx context.Context, m outbox.Message) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mail = slices.AppendSeq(n.mail, maps.Values(n.Subscribed(m.Attributes["customer_id"])))
	return n.Notifier.Publish(ctx, m)
}

func TestWhoWantsNoMoreMailHasNoneOfAnAlertThatComesAfter(t *testing.T) {
	limit := model.Money(500)
	ends := map[string]func(c *cafetest.Cafe) error{
		"erased": func(c *cafetest.Cafe) error { return c.Erase(ctx, "alice") },
		"told so, with a lower limit": func(c *cafetest.Cafe) error {
			_, _, err := c.SetCustomer(ctx, "alice", model.Profile{Name: "Alice", CreditLimit: &limit}, nil)
			return err
		},
	}
	deliveries := map[string]func(t *testing.T, c *cafetest.Cafe, n *mailing, sends []records.Change) error{
		"in order": func(t *testing.T, c *cafetest.Cafe, n *mailing, sends []records.Change) error {
			return errors.Join(c.Outbox.Announce(ctx, n, sends)...)
		},
		"the last first, one by one": func(t *testing.T, c *cafetest.Cafe, n *mailing, sends []records.Change) error {
			for _, change := range slices.Backward(sends) {
				if err := c.Outbox.Announce(ctx, n, []records.Change{change})[0]; err != nil {
					return err
				}
			}
			return nil
		},
		"by alerts before all else": func(t *testing.T, c *cafetest.Cafe, n *mailing, sends []records.Change) error {
			slices.SortFunc(sends, func(a, b records.Change) int { return strings.Compare(a.New.Str("kind"), b.New.Str("kind")) })
			for _, change := range sends {
				if err := c.Outbox.Announce(ctx, n, []records.Change{change})[0]; err != nil {
					return err
				}
			}
			return nil
		},
		"by a sweep": func(t *testing.T, c *cafetest.Cafe, n *mailing, _ []records.Change) error {
			c.Clock.Pass(time.Hour)
			done, err := c.Outbox.Sweep(ctx, n, time.Minute)
			if done == 0 {
				t.Error("nothing was swept")
			}
			return err
		},
	}
	for what, end := range ends {
		for how, deliver := range deliveries {
			t.Run(what+", delivered "+how, func(t *testing.T) {
				cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
					n := &mailing{Notifier: c.Notifier}
					if _, _, err := c.SetCustomer(ctx, "alice", cafetest.Profile(true, "a@example.com"), nil); err != nil {
						t.Fatal(err)
					}
					cafetest.Alerts(t, c)
					wantSubscribed(t, c, "a@example.com")
					balance := int64(600) // below the café's limit
					if what == "erased" {
						balance = 1200
					}
					cafetest.Place(t, c, "alice", cafetest.Pence(balance))
					c.Post(t, c.Recorder.Changes(ledger.Wants)...)
					if err := end(c); err != nil {
						t.Fatal(err)
					}
					if err := deliver(t, c, n, c.Recorder.Changes(outbox.Wants)); err != nil {
						t.Fatal(err)
					}
					if len(n.mail) > 0 || len(n.Published()) != 1 {
						t.Errorf("%d alerts published, mailed to %q", len(n.Published()), n.mail)
					}
					wantSubscribed(t, c)
				})
			})
		}
	}
}

func TestAnAlertWaitsForTheEndOfASubscriptionAndNotForItsBeginning(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		away := "Subscribe"
		c.Notifier.Fail(func(_ int, what string) (before, after error) {
			if what == away {
				return cafetest.ErrDown, nil
			}
			return nil, nil
		})
		announce := func() error {
			t.Helper()
			c.Post(t, c.Recorder.Changes(ledger.Wants)...)
			var alert []records.Change
			for _, change := range c.Recorder.Changes(outbox.Wants) {
				if change.New.Str("kind") == "message" && change.New.Str("state") == "pending" {
					alert = append(alert, change)
				}
			}
			return c.Outbox.Announce(ctx, c.Notifier, alert[len(alert)-1:])[0]
		}
		if _, _, err := c.SetCustomer(ctx, "alice", cafetest.Profile(true, "a@example.com"), nil); err != nil {
			t.Fatal(err)
		}
		cafetest.Place(t, c, "alice", cafetest.Pence(1200))
		if err := announce(); err != nil || len(c.Notifier.Published()) != 1 {
			t.Errorf("not subscribed yet: %v, %d published", err, len(c.Notifier.Published()))
		}

		away = ""
		c.Announce(t, c.Recorder.Changes(outbox.Wants)...)
		wantSubscribed(t, c, "a@example.com")
		published := len(c.Notifier.Published())
		if _, _, err := c.SetCustomer(ctx, "alice", cafetest.Profile(false, ""), nil); err != nil {
			t.Fatal(err)
		}
		cafetest.Pay(t, c, "alice", 1200)
		cafetest.Place(t, c, "alice", cafetest.Pence(1200))
		away = "Unsubscribe"
		if err := announce(); !errors.Is(err, cafetest.ErrDown) || len(c.Notifier.Published()) != published {
			t.Errorf("still subscribed: %v, %d published", err, len(c.Notifier.Published())-published)
		}
		away = ""
		if err := announce(); err != nil || len(c.Notifier.Published()) != published+1 {
			t.Errorf("%v, %d published", err, len(c.Notifier.Published())-published)
		}
		wantSubscribed(t, c)
	})
}

func TestAnAddressThatCanNeverBeSubscribedEndsTheWish(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		wish := func(p model.Profile) {
			t.Helper()
			if _, _, err := c.SetCustomer(ctx, "alice", p, nil); err != nil {
				t.Fatal(err)
			}
		}
		asked := 0
		during := func() {}
		c.Notifier.Fail(func(_ int, what string) (before, after error) {
			if what == "Subscribe" {
				asked++
				during()
				return fmt.Errorf("invalid parameter: %w", outbox.ErrNever), nil
			}
			return nil, nil
		})
		wish(cafetest.Profile(true, "a@example.com"))
		for range 2 {
			c.Announce(t, c.Recorder.Changes(outbox.Wants)...)
			if alice := c.Customer(t, "alice"); alice.Notify || alice.Email != "a@example.com" || asked != 1 {
				t.Errorf("asked %d times; alice is %+v", asked, alice)
			}
		}
		for key := range cafetest.Stored(t, c, "C#alice") {
			if key.SK != "C" {
				t.Errorf("there still is %s", key)
			}
		}
		c.Clock.Pass(time.Hour)
		if done, err := c.Outbox.Sweep(ctx, c.Notifier, time.Minute); done != 0 || err != nil {
			t.Errorf("swept %d, %v", done, err)
		}

		// Another address is told meanwhile: it is asked for, too.
		c.Recorder.Forget()
		wish(cafetest.Profile(true, "b@example.com"))
		during = func() { wish(cafetest.Profile(true, "c@example.com")); during = func() {} }
		c.Announce(t, c.Recorder.Changes(outbox.Wants)...)
		if alice := c.Customer(t, "alice"); alice.Notify || alice.Email != "c@example.com" || asked != 3 {
			t.Errorf("asked %d times; alice is %+v", asked, alice)
		}
		c.Notifier.Fail(nil)
		wish(cafetest.Profile(true, "c@example.com"))
		c.Announce(t, c.Recorder.Changes(outbox.Wants)...)
		wantSubscribed(t, c, "c@example.com")
	})
}

func TestASubscriptionThatCannotBeMadeYetWaitsAndNothingFails(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		c.Notifier.Fail(func(_ int, what string) (before, after error) {
			if what == "Subscribe" {
				return fmt.Errorf("unconfirmed: %w", outbox.ErrNotYet), nil
			}
			return nil, nil
		})
		if _, _, err := c.SetCustomer(ctx, "alice", cafetest.Profile(true, "a@example.com"), nil); err != nil {
			t.Fatal(err)
		}
		c.Announce(t, c.Recorder.Changes(outbox.Wants)...)
		c.Clock.Pass(time.Hour)
		for range 2 {
			if done, err := c.Outbox.Sweep(ctx, c.Notifier, time.Minute); done != 0 || err != nil {
				t.Errorf("swept %d, %v", done, err)
			}
		}
		wantSubscribed(t, c)
		c.Notifier.Fail(nil)
		if done, err := c.Outbox.Sweep(ctx, c.Notifier, time.Minute); done != 1 || err != nil {
			t.Errorf("swept %d, %v", done, err)
		}
		wantSubscribed(t, c, "a@example.com")
	})
}

func TestAnErasedCustomersAddressGoesAndNobodyIsAskedToConfirm(t *testing.T) {
	for what, away := range map[string][2]error{"never subscribed": {cafetest.ErrDown, nil}, "subscribed and not told so": {nil, cafetest.ErrDown}} {
		t.Run(what, func(t *testing.T) {
			cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
				asked := 0
				c.Notifier.Fail(func(_ int, what string) (before, after error) {
					if what == "Subscribe" {
						asked++
						return away[0], away[1]
					}
					return nil, nil
				})
				if _, _, err := c.SetCustomer(ctx, "alice", cafetest.Profile(true, "a@example.com"), nil); err != nil {
					t.Fatal(err)
				}
				if err := c.Outbox.Announce(ctx, c.Notifier, c.Recorder.Changes(outbox.Wants))[0]; !errors.Is(err, cafetest.ErrDown) || asked != 1 {
					t.Fatalf("asked %d times, %v", asked, err)
				}
				if err := c.Erase(ctx, "alice"); err != nil {
					t.Fatal(err)
				}
				c.Announce(t, c.Recorder.Changes(outbox.Wants)...)
				if asked != 1 {
					t.Errorf("asked %d more times", asked-1)
				}
				wantSubscribed(t, c)
				for _, row := range cafetest.Rows(t, c.Table) {
					if strings.Contains(fmt.Sprint(row), "example.com") {
						t.Errorf("%s still has the address: %v", row.Key, row.Item)
					}
				}
			})
		})
	}
}

func wantSubscribed(t rapid.TB, c *cafetest.Cafe, want ...string) {
	t.Helper()
	if got := slices.Collect(maps.Values(c.Notifier.Subscribed("alice"))); !slices.Equal(got, want) {
		t.Fatalf("subscribed %q, want %q", got, want)
	}
}

func TestSubscriptionsEndAsWishedHoweverTheNotesAreDelivered(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		var faults []int // which of the coming calls go wrong: before they are done, or after if negative
		calls := 0
		c.Notifier.Fail(func(int, string) (before, after error) {
			calls++
			switch {
			case slices.Contains(faults, calls):
				return cafetest.ErrDown, nil
			case slices.Contains(faults, -calls):
				return nil, cafetest.ErrDown
			}
			return nil, nil
		})
		want := []string{}
		for range rapid.IntRange(1, 5).Draw(t, "wishes") {
			switch what := rapid.SampledFrom([]string{"off", "a@example.com", "b@example.com", "erase"}).Draw(t, "what"); what {
			case "erase":
				want = nil
				if err := c.Erase(ctx, "alice"); err != nil && !errors.Is(err, model.ErrNotFound) {
					t.Fatal(err)
				}
			case "off":
				want = nil
				if _, _, err := c.SetCustomer(ctx, "alice", cafetest.Profile(false, ""), nil); err != nil {
					t.Fatal(err)
				}
			default:
				want = []string{what}
				if _, _, err := c.SetCustomer(ctx, "alice", cafetest.Profile(true, what), nil); err != nil {
					t.Fatal(err)
				}
			}
			// Some notes come before the next wish, some of them at once, and some fail.
			calls, faults = 0, rapid.SliceOfN(rapid.IntRange(-4, 4), 0, 2).Draw(t, "faults")
			notes := c.Recorder.Changes(outbox.Wants)
			if len(notes) > 0 {
				c.Outbox.Announce(ctx, c.Notifier, rapid.SliceOfN(rapid.SampledFrom(notes), 0, 3).Draw(t, "notes"))
			}
		}
		faults = nil
		c.Announce(t, rapid.Permutation(c.Recorder.Changes(outbox.Wants)).Draw(t, "order")...)
		wantSubscribed(t, c, want...)
	})
}

func TestALongNameCostsASubjectNothingElse(t *testing.T) {
	long := strings.Repeat("é", 200)
	got := outbox.Subject(long, "tab at £21.50", "Alice (alice)")
	if !strings.HasSuffix(got, "é… · tab at £21.50 · Alice (alice)") || utf8.RuneCountInString(got) != 99 {
		t.Errorf("%q", got)
	}
	if got := outbox.Subject(long, "tab at £21.50", long); !strings.HasPrefix(got, "ééééééééééé… · tab at £21.50 · é") || utf8.RuneCountInString(got) != 99 {
		t.Errorf("%q", got)
	}
	if got := outbox.Subject("The\nCrumb", "sold out", "Scone\r"); got != "TheCrumb · sold out · Scone" {
		t.Errorf("%q", got)
	}
}
