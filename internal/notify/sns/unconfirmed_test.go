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

	// What should be there is compared with what is: SNS forgets what nobody confirms.
	s.Owner = "Owner@example.com"
	unconfirmed("Owner@example.com (alerts about tabs)", "baker@example.com")
	for arn, sub := range fake.subs {
		if sub.endpoint == notifytest.OwnerEmail {
			delete(fake.subs, arn)
		}
	}
	unconfirmed("Owner@example.com", "baker@example.com")
	for _, topic := range []outbox.Topic{outbox.TopicDailyReport, outbox.TopicOutOfStock} {
		fake.add(&fakeSub{topic: topicARN(topic), protocol: notify.Email, endpoint: notifytest.OwnerEmail})
	}
	unconfirmed("Owner@example.com (alerts about tabs)", "baker@example.com")
	fake.add(&fakeSub{topic: topicARN(outbox.TopicHighBalance), protocol: notify.Email, endpoint: notifytest.OwnerEmail})
	unconfirmed("baker@example.com")

	fake.fail = errors.New("away")
	if _, err := s.Unconfirmed(ctx); !errors.Is(err, fake.fail) {
		t.Error(err)
	}
}
