package sns

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"cafe/internal/notify"
	"cafe/internal/outbox"
)

// pendingConfirmation is what SNS lists in place of the ARN of a subscription that its
// owner has not confirmed (SNS API Reference, ListSubscriptionsByTopic).
const pendingConfirmation = "PendingConfirmation"

// houseTopics are the topics of the café's own mail, in the words of a report.
var houseTopics = []struct {
	topic outbox.Topic
	words string
}{
	{outbox.TopicDailyReport, "daily reports"},
	{outbox.TopicOutOfStock, "alerts about stock"},
	{outbox.TopicHighBalance, "alerts about tabs"},
}

// Unconfirmed returns the addresses that should get the café's own mail and do not, sorted:
// those that have not confirmed it, and Owner if it has no subscription that is confirmed. SNS
// forgets a subscription that nobody confirms, and removes one whose link to unsubscribe is
// followed, so what it lists is not all that there should be. If Owner lacks some topics only,
// they follow its address in parentheses. Customers' own subscriptions do not count.
// Unconfirmed is part of daily.Watch.
func (n *Notifier) Unconfirmed(ctx context.Context) ([]string, error) {
	var house, pending, lacks []string
	for _, t := range houseTopics {
		topic, err := n.topic(t.topic)
		if err != nil {
			return nil, err
		}
		confirmed := false
		pages := awssns.NewListSubscriptionsByTopicPaginator(n.api, &awssns.ListSubscriptionsByTopicInput{TopicArn: topic})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("list subscriptions of %s: %w", t.topic, err)
			}
			for _, sub := range page.Subscriptions {
				address := aws.ToString(sub.Endpoint)
				waits := aws.ToString(sub.SubscriptionArn) == pendingConfirmation
				switch {
				case aws.ToString(sub.Protocol) != notify.Email:
					continue
				case n.Owner != "" && strings.EqualFold(address, n.Owner):
					confirmed = confirmed || !waits
					continue
				case t.topic != outbox.TopicHighBalance: // the only topic that customers subscribe to
					house = append(house, address)
				}
				if waits && slices.Contains(house, address) {
					pending = append(pending, address)
				}
			}
		}
		if n.Owner != "" && !confirmed {
			lacks = append(lacks, t.words)
		}
	}
	switch {
	case len(lacks) == len(houseTopics):
		pending = append(pending, n.Owner)
	case len(lacks) > 0:
		pending = append(pending, n.Owner+" ("+strings.Join(lacks, ", ")+")")
	}
	slices.Sort(pending)
	return slices.Compact(pending), nil
}
