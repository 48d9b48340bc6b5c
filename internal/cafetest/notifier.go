package cafetest

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"cafe/internal/outbox"
)

// Notifier is a outbox.Notifier that keeps what it was told, and fails when told to. Like
// SNS it has one subscription for a customer and address, however often it is asked.
type Notifier struct {
	mu            sync.Mutex
	published     []outbox.Message
	subscriptions map[string][2]string // by name: customer, e-mail
	calls, named  int
	fail          func(call int, what string) (before, after error)
}

// NewNotifier returns one that works.
func NewNotifier() *Notifier { return &Notifier{subscriptions: map[string][2]string{}} }

// Fail has fail asked about every call from now on (1 for the first; Publish, Subscribe,
// Unsubscribe or UnsubscribeAddress): before is returned in place of doing it, after once it was done.
func (n *Notifier) Fail(fail func(call int, what string) (before, after error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls, n.fail = 0, fail
}

func (n *Notifier) call(what string, do func()) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls++
	var before, after error
	if n.fail != nil {
		before, after = n.fail(n.calls, what)
	}
	if before != nil {
		return before
	}
	do()
	return after
}

// Publish implements outbox.Notifier.
func (n *Notifier) Publish(_ context.Context, m outbox.Message) error {
	return n.call("Publish", func() { n.published = append(n.published, m) })
}

// Subscribe implements outbox.Notifier.
func (n *Notifier) Subscribe(_ context.Context, customerID, email string) (name string, err error) {
	err = n.call("Subscribe", func() {
		for known, s := range n.subscriptions {
			if s == [2]string{customerID, email} {
				name = known
				return
			}
		}
		n.named++
		name = fmt.Sprintf("subscription-%d", n.named)
		n.subscriptions[name] = [2]string{customerID, email}
	})
	if err != nil {
		return "", err
	}
	return name, nil
}

// Unsubscribe implements outbox.Notifier.
func (n *Notifier) Unsubscribe(_ context.Context, name string) error {
	return n.call("Unsubscribe", func() { delete(n.subscriptions, name) })
}

// UnsubscribeAddress implements outbox.Notifier.
func (n *Notifier) UnsubscribeAddress(_ context.Context, customerID, email string) error {
	return n.call("UnsubscribeAddress", func() {
		maps.DeleteFunc(n.subscriptions, func(_ string, s [2]string) bool { return s == [2]string{customerID, email} })
	})
}

// Published returns all messages, in the order they came, repetitions included.
func (n *Notifier) Published() []outbox.Message {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]outbox.Message(nil), n.published...)
}

// Times tells how often each message was published, by id.
func (n *Notifier) Times() map[string]int {
	times := map[string]int{}
	for _, m := range n.Published() {
		times[m.ID]++
	}
	return times
}

// Subscribed returns the addresses that get alerts about the customer, by the name of
// the subscription.
func (n *Notifier) Subscribed(customerID string) map[string]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	addresses := map[string]string{}
	for name, s := range maps.All(n.subscriptions) {
		if s[0] == customerID {
			addresses[name] = s[1]
		}
	}
	return addresses
}
