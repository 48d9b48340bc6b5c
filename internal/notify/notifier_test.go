package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cafe/internal/cafe"
	"cafe/internal/notify"
	"cafe/internal/notify/folder"
)

const ownerEmail = "owner@example.com"

// world is a notifier and what came of its messages.
type world struct {
	cafe.Notifier
	queue func(t *testing.T, name string) []delivery
	mails func(t *testing.T, address string) []delivery
}

// worlds are the notifiers that must behave alike.
func worlds(t *testing.T, test func(t *testing.T, w world)) {
	t.Run("SNS", func(t *testing.T) {
		fake := newFakeSNS()
		delivered := func(t *testing.T, endpoint string) []delivery { return fake.delivered[endpoint] }
		test(t, world{notify.NewSNSOn(fake, topicARNs), delivered, delivered})
	})
	t.Run("folder", func(t *testing.T) {
		dir := t.TempDir()
		test(t, world{openFolder(t, dir), folderQueue(dir), folderMails(dir)})
	})
}

func openFolder(t *testing.T, dir string) *folder.Notifier {
	t.Helper()
	at := time.Date(2017, 3, 18, 20, 0, 0, 0, time.UTC)
	n, err := folder.Open(dir, folder.Options{From: "Café Größe", Owner: ownerEmail, Now: func() time.Time {
		at = at.Add(time.Second)
		return at
	}})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func folderQueue(dir string) func(*testing.T, string) []delivery {
	return func(t *testing.T, name string) (all []delivery) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, "sqs", name+".jsonl"))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			var n struct{ Subject, Message string }
			if err := json.Unmarshal([]byte(line), &n); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			all = append(all, delivery{n.Subject, n.Message})
		}
		return all
	}
}

func folderMails(dir string) func(*testing.T, string) []delivery {
	return func(t *testing.T, address string) (all []delivery) {
		t.Helper()
		paths, err := filepath.Glob(filepath.Join(dir, "mail", "*.eml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			m, err := mail.ReadMessage(f)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			to, err := m.Header.AddressList("To")
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if to[0].Address != address {
				continue
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			text, err := io.ReadAll(m.Body)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			all = append(all, delivery{subject, strings.ReplaceAll(string(text), "\r\n", "\n")})
		}
		return all
	}
}

func alert(id, customer, severity string) cafe.Message {
	return cafe.Message{
		ID: id, Topic: cafe.TopicHighBalance, Subject: "Café · tab at £120.00 · " + customer,
		Body: `{"alert_id":"` + id + `","customer_id":"` + customer + `"}`, Mail: "The tab of " + customer + " has risen to £120.00.\n",
		Attributes: map[string]string{"type": "high_balance", "customer_id": customer, "severity": severity},
	}
}

func publish(t *testing.T, n cafe.Notifier, messages ...cafe.Message) {
	t.Helper()
	for _, m := range messages {
		if err := n.Publish(context.Background(), m); err != nil {
			t.Fatalf("publish %s: %v", m.ID, err)
		}
	}
}

func subscribe(t *testing.T, n cafe.Notifier, customer, email string) string {
	t.Helper()
	name, err := n.Subscribe(context.Background(), customer, email)
	if err != nil {
		t.Fatalf("subscribe %s: %v", customer, err)
	}
	return name
}

func unsubscribe(t *testing.T, n cafe.Notifier, name string) {
	t.Helper()
	if err := n.Unsubscribe(context.Background(), name); err != nil {
		t.Fatalf("unsubscribe %s: %v", name, err)
	}
}

func expect(t *testing.T, what string, got []delivery, want ...cafe.Message) {
	t.Helper()
	var wanted []delivery
	for _, m := range want {
		text := m.Mail
		if !strings.Contains(what, "mail") || text == "" {
			text = m.Body
		}
		wanted = append(wanted, delivery{m.Subject, text})
	}
	if !slices.Equal(got, wanted) {
		t.Errorf("%s: got %q, want %q", what, got, wanted)
	}
}

func TestAWarningGoesToTheOwnerAndTheCustomersQueue(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		m := alert("a1", "alice", "warning")
		publish(t, w, m)
		expect(t, "owner's mail", w.mails(t, ownerEmail), m)
		expect(t, "CustomerNotify", w.queue(t, "CustomerNotify"), m)
		expect(t, "CreditCollection", w.queue(t, "CreditCollection"))
	})
}

func TestACriticalAlertGoesToCreditCollectionToo(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		m := alert("a1", "alice", "critical")
		publish(t, w, m)
		expect(t, "owner's mail", w.mails(t, ownerEmail), m)
		expect(t, "CustomerNotify", w.queue(t, "CustomerNotify"), m)
		expect(t, "CreditCollection", w.queue(t, "CreditCollection"), m)
	})
}

func TestOtherTopicsAreTheOwnersOnly(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		subscribe(t, w, "alice", "alice@example.com")
		soldOut := cafe.Message{
			ID: "s1", Topic: cafe.TopicOutOfStock, Subject: "sold out", Body: `{"sku":"cake"}`, Mail: "Cake has sold out.\n",
			Attributes: map[string]string{"type": "out_of_stock", "sku": "cake", "customer_id": "alice", "severity": "critical"},
		}
		report := cafe.Message{
			ID: "r1", Topic: cafe.TopicDailyReport, Subject: "Café · Sat 18 Mar 2017 · £1,234.50 · 87 orders",
			Body: `{"day":"2017-03-18"}`, Mail: "Hours\n 8 ██████▌ 12\n 9 ████ 7\n",
		}
		publish(t, w, soldOut, report)
		expect(t, "owner's mail", w.mails(t, ownerEmail), soldOut, report)
		expect(t, "customer's mail", w.mails(t, "alice@example.com"))
		expect(t, "CustomerNotify", w.queue(t, "CustomerNotify"))
		expect(t, "CreditCollection", w.queue(t, "CreditCollection"))
	})
}

func TestAMessageWithoutWordsIsMailedAsItIs(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		m := alert("a1", "alice", "warning")
		m.Mail = ""
		publish(t, w, m)
		expect(t, "owner's mail", w.mails(t, ownerEmail), m)
	})
}

func TestACustomerGetsTheirOwnAlertsOnly(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		subscribe(t, w, "alice", "alice@example.com")
		alices, bobs := alert("a1", "alice", "warning"), alert("b1", "bob", "critical")
		publish(t, w, alices, bobs)
		expect(t, "customer's mail", w.mails(t, "alice@example.com"), alices)
		expect(t, "owner's mail", w.mails(t, ownerEmail), alices, bobs)
	})
}

func TestSubscribingTwiceIsOneSubscription(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		first, second := subscribe(t, w, "alice", "alice@example.com"), subscribe(t, w, "alice", "alice@example.com")
		if first != second {
			t.Errorf("subscriptions %s and %s, want the same", first, second)
		}
		m := alert("a1", "alice", "warning")
		publish(t, w, m)
		expect(t, "customer's mail", w.mails(t, "alice@example.com"), m)
	})
}

func TestAfterUnsubscribingThereIsNoMoreMail(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		name := subscribe(t, w, "alice", "alice@example.com")
		unsubscribe(t, w, name)
		unsubscribe(t, w, name) // gone already
		publish(t, w, alert("a1", "alice", "warning"))
		expect(t, "customer's mail", w.mails(t, "alice@example.com"))
		subscribe(t, w, "alice", "alice@example.com")
		again := alert("a2", "alice", "warning")
		publish(t, w, again)
		expect(t, "customer's mail", w.mails(t, "alice@example.com"), again)
	})
}

func TestTwoCustomersShareAnAddress(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		first, second := subscribe(t, w, "alice", "home@example.com"), subscribe(t, w, "bob", "home@example.com")
		if first == second {
			t.Errorf("both subscriptions are %s", first)
		}
		a1, b1, c1 := alert("a1", "alice", "warning"), alert("b1", "bob", "warning"), alert("c1", "carol", "warning")
		publish(t, w, a1, b1, c1)
		expect(t, "their mail", w.mails(t, "home@example.com"), a1, b1)

		unsubscribe(t, w, first)
		a2, b2 := alert("a2", "alice", "warning"), alert("b2", "bob", "warning")
		publish(t, w, a2, b2)
		expect(t, "their mail", w.mails(t, "home@example.com"), a1, b1, b2)

		unsubscribe(t, w, second)
		publish(t, w, alert("b3", "bob", "warning"))
		expect(t, "their mail", w.mails(t, "home@example.com"), a1, b1, b2)
	})
}

func TestAnAddressThatIsNoneIsNeverSubscribed(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		if _, err := w.Subscribe(context.Background(), "alice", "nowhere"); !errors.Is(err, cafe.ErrNever) || strings.Contains(err.Error(), "nowhere") {
			t.Errorf("error %v, want it never, without the address", err)
		}
		if err := w.UnsubscribeAddress(context.Background(), "alice", "nowhere"); err != nil {
			t.Error(err)
		}
	})
}

func TestASubscriptionEndsByItsAddress(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		end := func(customer, email string) {
			t.Helper()
			if err := w.UnsubscribeAddress(context.Background(), customer, email); err != nil {
				t.Fatalf("unsubscribe %s: %v", customer, err)
			}
		}
		subscribe(t, w, "alice", "home@example.com")
		subscribe(t, w, "bob", "home@example.com")
		end("alice", "home@example.com")
		end("carol", "home@example.com")  // not subscribed
		end("carol", "carol@example.com") // nor is anybody
		end("bob", ownerEmail)
		b1 := alert("b1", "bob", "warning")
		publish(t, w, alert("a1", "alice", "warning"), b1, alert("c1", "carol", "warning"))
		expect(t, "their mail", w.mails(t, "home@example.com"), b1)
		expect(t, "carol's mail", w.mails(t, "carol@example.com"))
		end("bob", "home@example.com")
		b2 := alert("b2", "bob", "warning")
		publish(t, w, b2)
		expect(t, "their mail", w.mails(t, "home@example.com"), b1)
		if mails := w.mails(t, ownerEmail); len(mails) != 4 {
			t.Errorf("the owner has %q", mails)
		}
	})
}

func TestAnOwnerWithATabGetsOneMailOfEachAndKeepsThem(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		name := subscribe(t, w, "alice", ownerEmail)
		a1, b1 := alert("a1", "alice", "warning"), alert("b1", "bob", "warning")
		publish(t, w, a1, b1)
		unsubscribe(t, w, name)
		a2 := alert("a2", "alice", "warning")
		publish(t, w, a2)
		expect(t, "owner's mail", w.mails(t, ownerEmail), a1, b1, a2)
	})
}

func TestASubjectThatSNSWouldRefuseIsMadeOneThatItTakes(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		m := alert("a1", "alice", "warning")
		m.Subject = "Two\nlines\tand " + strings.Repeat("é", 200)
		publish(t, w, m)
		m.Subject = "Two lines and " + strings.Repeat("é", 84) + "…"
		expect(t, "owner's mail", w.mails(t, ownerEmail), m)
	})
}

func TestAMessageToNoTopicIsAnError(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		m := alert("a1", "alice", "warning")
		m.Topic = "Gossip"
		if err := w.Publish(context.Background(), m); err == nil || !strings.Contains(err.Error(), "Gossip") {
			t.Errorf("error %v, want one that names the topic", err)
		}
	})
}
