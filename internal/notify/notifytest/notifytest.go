// Package notifytest is the contract of the café's notifiers. The tests of sns and of folder
// run it, so that both behave alike.
package notifytest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"cafe/internal/outbox"
)

// OwnerEmail is the owner's address in the contract.
const OwnerEmail = "owner@example.com"

// Delivery is a message as a queue or a mailbox has it.
type Delivery struct{ Subject, Text string }

// World is a notifier and what came of its messages.
type World struct {
	outbox.Notifier
	Queue func(t *testing.T, name string) []Delivery
	Mails func(t *testing.T, address string) []Delivery
}

// Alert returns an alert about a customer's tab, of that severity.
func Alert(id, customer, severity string) outbox.Message {
	return outbox.Message{
		ID: id, Topic: outbox.TopicHighBalance, Subject: "Café · tab at £120.00 · " + customer,
		Body: `{"alert_id":"` + id + `","customer_id":"` + customer + `"}`, Mail: "The tab of " + customer + " has risen to £120.00.\n",
		Attributes: map[string]string{"type": "high_balance", "customer_id": customer, "severity": severity},
	}
}

// Publish publishes messages, or fails the test.
func Publish(t *testing.T, n outbox.Notifier, messages ...outbox.Message) {
	t.Helper()
	for _, m := range messages {
		if err := n.Publish(context.Background(), m); err != nil {
			t.Fatalf("publish %s: %v", m.ID, err)
		}
	}
}

// Subscribe subscribes a customer and returns the subscription, or fails the test.
func Subscribe(t *testing.T, n outbox.Notifier, customer, email string) string {
	t.Helper()
	name, err := n.Subscribe(context.Background(), customer, email)
	if err != nil {
		t.Fatalf("subscribe %s: %v", customer, err)
	}
	return name
}

// Unsubscribe ends a subscription, or fails the test.
func Unsubscribe(t *testing.T, n outbox.Notifier, name string) {
	t.Helper()
	if err := n.Unsubscribe(context.Background(), name); err != nil {
		t.Fatalf("unsubscribe %s: %v", name, err)
	}
}

// Expect compares deliveries with messages. what names the deliveries. If the name has the
// word mail, the text of a message is that of its mail.
func Expect(t *testing.T, what string, got []Delivery, want ...outbox.Message) {
	t.Helper()
	var wanted []Delivery
	for _, m := range want {
		text := m.Mail
		if !strings.Contains(what, "mail") || text == "" {
			text = m.Body
		}
		wanted = append(wanted, Delivery{m.Subject, text})
	}
	if !slices.Equal(got, wanted) {
		t.Errorf("%s: got %q, want %q", what, got, wanted)
	}
}

// Contract runs the tests that every notifier must pass, each in a world of its own.
func Contract(t *testing.T, open func(t *testing.T) World) {
	for name, test := range map[string]func(*testing.T, World){
		"a warning goes to the owner and CustomerNotify":  warning,
		"a critical alert goes to CreditCollection, too":  critical,
		"other topics go to the owner alone":              otherTopics,
		"a message without a mail text is mailed as JSON": withoutMailText,
		"customers get their own alerts only":             ownAlertsOnly,
		"subscribing twice is one subscription":           subscribedTwice,
		"no mail after unsubscribing":                     unsubscribed,
		"two customers share an address":                  sharedAddress,
		"an invalid address is ErrNever":                  invalidAddress,
		"a subscription ends by its address":              unsubscribedByAddress,
		"an owner with a tab gets each alert once":        ownerWithATab,
		"a subject that SNS would refuse is changed":      refusedSubject,
		"an unknown topic is an error":                    unknownTopic,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func warning(t *testing.T, w World) {
	m := Alert("a1", "alice", "warning")
	Publish(t, w, m)
	Expect(t, "owner's mail", w.Mails(t, OwnerEmail), m)
	Expect(t, "CustomerNotify", w.Queue(t, "CustomerNotify"), m)
	Expect(t, "CreditCollection", w.Queue(t, "CreditCollection"))
}

func critical(t *testing.T, w World) {
	m := Alert("a1", "alice", "critical")
	Publish(t, w, m)
	Expect(t, "owner's mail", w.Mails(t, OwnerEmail), m)
	Expect(t, "CustomerNotify", w.Queue(t, "CustomerNotify"), m)
	Expect(t, "CreditCollection", w.Queue(t, "CreditCollection"), m)
}

func otherTopics(t *testing.T, w World) {
	Subscribe(t, w, "alice", "alice@example.com")
	soldOut := outbox.Message{
		ID: "s1", Topic: outbox.TopicOutOfStock, Subject: "sold out", Body: `{"sku":"cake"}`, Mail: "Cake has sold out.\n",
		Attributes: map[string]string{"type": "out_of_stock", "sku": "cake", "customer_id": "alice", "severity": "critical"},
	}
	report := outbox.Message{
		ID: "r1", Topic: outbox.TopicDailyReport, Subject: "Café · Sat 18 Mar 2017 · £1,234.50 · 87 orders",
		Body: `{"day":"2017-03-18"}`, Mail: "Hours\n 8 ██████▌ 12\n 9 ████ 7\n",
	}
	Publish(t, w, soldOut, report)
	Expect(t, "owner's mail", w.Mails(t, OwnerEmail), soldOut, report)
	Expect(t, "customer's mail", w.Mails(t, "alice@example.com"))
	Expect(t, "CustomerNotify", w.Queue(t, "CustomerNotify"))
	Expect(t, "CreditCollection", w.Queue(t, "CreditCollection"))
}

func withoutMailText(t *testing.T, w World) {
	m := Alert("a1", "alice", "warning")
	m.Mail = ""
	Publish(t, w, m)
	Expect(t, "owner's mail", w.Mails(t, OwnerEmail), m)
}

func ownAlertsOnly(t *testing.T, w World) {
	Subscribe(t, w, "alice", "alice@example.com")
	alices, bobs := Alert("a1", "alice", "warning"), Alert("b1", "bob", "critical")
	Publish(t, w, alices, bobs)
	Expect(t, "customer's mail", w.Mails(t, "alice@example.com"), alices)
	Expect(t, "owner's mail", w.Mails(t, OwnerEmail), alices, bobs)
}

func subscribedTwice(t *testing.T, w World) {
	first, second := Subscribe(t, w, "alice", "alice@example.com"), Subscribe(t, w, "alice", "alice@example.com")
	if first != second {
		t.Errorf("subscriptions %s and %s, want the same", first, second)
	}
	m := Alert("a1", "alice", "warning")
	Publish(t, w, m)
	Expect(t, "customer's mail", w.Mails(t, "alice@example.com"), m)
}

func unsubscribed(t *testing.T, w World) {
	name := Subscribe(t, w, "alice", "alice@example.com")
	Unsubscribe(t, w, name)
	Unsubscribe(t, w, name) // gone already
	Publish(t, w, Alert("a1", "alice", "warning"))
	Expect(t, "customer's mail", w.Mails(t, "alice@example.com"))
	Subscribe(t, w, "alice", "alice@example.com")
	again := Alert("a2", "alice", "warning")
	Publish(t, w, again)
	Expect(t, "customer's mail", w.Mails(t, "alice@example.com"), again)
}

func sharedAddress(t *testing.T, w World) {
	first, second := Subscribe(t, w, "alice", "home@example.com"), Subscribe(t, w, "bob", "home@example.com")
	if first == second {
		t.Errorf("both subscriptions are %s", first)
	}
	a1, b1, c1 := Alert("a1", "alice", "warning"), Alert("b1", "bob", "warning"), Alert("c1", "carol", "warning")
	Publish(t, w, a1, b1, c1)
	Expect(t, "their mail", w.Mails(t, "home@example.com"), a1, b1)

	Unsubscribe(t, w, first)
	a2, b2 := Alert("a2", "alice", "warning"), Alert("b2", "bob", "warning")
	Publish(t, w, a2, b2)
	Expect(t, "their mail", w.Mails(t, "home@example.com"), a1, b1, b2)

	Unsubscribe(t, w, second)
	Publish(t, w, Alert("b3", "bob", "warning"))
	Expect(t, "their mail", w.Mails(t, "home@example.com"), a1, b1, b2)
}

func invalidAddress(t *testing.T, w World) {
	if _, err := w.Subscribe(context.Background(), "alice", "nowhere"); !errors.Is(err, outbox.ErrNever) || strings.Contains(err.Error(), "nowhere") {
		t.Errorf("error %v, want it never, without the address", err)
	}
	if err := w.UnsubscribeAddress(context.Background(), "alice", "nowhere"); err != nil {
		t.Error(err)
	}
}

func unsubscribedByAddress(t *testing.T, w World) {
	end := func(customer, email string) {
		t.Helper()
		if err := w.UnsubscribeAddress(context.Background(), customer, email); err != nil {
			t.Fatalf("unsubscribe %s: %v", customer, err)
		}
	}
	Subscribe(t, w, "alice", "home@example.com")
	Subscribe(t, w, "bob", "home@example.com")
	end("alice", "home@example.com")
	end("carol", "home@example.com")  // not subscribed
	end("carol", "carol@example.com") // nor is anybody
	end("bob", OwnerEmail)
	b1 := Alert("b1", "bob", "warning")
	Publish(t, w, Alert("a1", "alice", "warning"), b1, Alert("c1", "carol", "warning"))
	Expect(t, "their mail", w.Mails(t, "home@example.com"), b1)
	Expect(t, "carol's mail", w.Mails(t, "carol@example.com"))
	end("bob", "home@example.com")
	b2 := Alert("b2", "bob", "warning")
	Publish(t, w, b2)
	Expect(t, "their mail", w.Mails(t, "home@example.com"), b1)
	if mails := w.Mails(t, OwnerEmail); len(mails) != 4 {
		t.Errorf("the owner has %q", mails)
	}
}

func ownerWithATab(t *testing.T, w World) {
	name := Subscribe(t, w, "alice", OwnerEmail)
	a1, b1 := Alert("a1", "alice", "warning"), Alert("b1", "bob", "warning")
	Publish(t, w, a1, b1)
	Unsubscribe(t, w, name)
	a2 := Alert("a2", "alice", "warning")
	Publish(t, w, a2)
	Expect(t, "owner's mail", w.Mails(t, OwnerEmail), a1, b1, a2)
}

func refusedSubject(t *testing.T, w World) {
	m := Alert("a1", "alice", "warning")
	m.Subject = "Two\nlines\tand " + strings.Repeat("é", 200)
	Publish(t, w, m)
	m.Subject = "Two lines and " + strings.Repeat("é", 84) + "…"
	Expect(t, "owner's mail", w.Mails(t, OwnerEmail), m)
}

func unknownTopic(t *testing.T, w World) {
	m := Alert("a1", "alice", "warning")
	m.Topic = "Gossip"
	if err := w.Publish(context.Background(), m); err == nil || !strings.Contains(err.Error(), "Gossip") {
		t.Errorf("error %v, want one that names the topic", err)
	}
}
