package sns_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"cafe/internal/notify"
	"cafe/internal/notify/notifytest"
	"cafe/internal/notify/sns"
	"cafe/internal/outbox"
)

func TestUnconfirmed(t *testing.T) {
	ctx := context.Background()
	fake := newFakeSNS()
	s := sns.New(fake, topicARNs)
	unconfirmed := func(want ...string) {
		t.Helper()
		if got, err := s.Unconfirmed(ctx); err != nil || !slices.Equal(got, want) {
			t.Errorf("unconfirmed: %q, %v; want %q", got, err, want)
		}
	}
	unconfirmed()
	// A customer's own subscription is no business of the owner's.
	fake.unconfirmed = true
	if _, err := s.Subscribe(ctx, "alice", "alice@example.com"); err != nil {
		t.Fatal(err)
	}
	unconfirmed()
	for _, sub := range fake.subs {
		if sub.topic == topicARN(outbox.TopicHighBalance) && sub.endpoint == notifytest.OwnerEmail {
			sub.pending = true
		}
	}
	unconfirmed(notifytest.OwnerEmail)
	fake.add(&fakeSub{topic: topicARN(outbox.TopicDailyReport), protocol: notify.Email, endpoint: "baker@example.com", pending: true})
	unconfirmed("baker@example.com", notifytest.OwnerEmail)

	fake.fail = errors.New("away")
	if _, err := s.Unconfirmed(ctx); !errors.Is(err, fake.fail) {
		t.Error(err)
	}
}
