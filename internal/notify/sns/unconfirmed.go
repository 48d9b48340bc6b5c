package sns

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"cafe/internal/notify"
	"cafe/internal/outbox"
)

// pendingConfirmation is what SNS lists in place of the ARN of a subscription that its
// owner has not confirmed (SNS API Reference, ListSubscriptionsByTopic).
const pendingConfirmation = "PendingConfirmation"

// Unconfirmed returns the addresses that should get the café's own mail and have not
// confirmed it, sorted. It is part of daily.Watch. Customers' own subscriptions do not count.
func (n *Notifier) Unconfirmed(ctx context.Context) ([]string, error) {
	var house, pending []string
	for _, t := range []outbox.Topic{outbox.TopicDailyReport, outbox.TopicOutOfStock, outbox.TopicHighBalance} {
		topic, err := n.topic(t)
		if err != nil {
			return nil, err
		}
		pages := awssns.NewListSubscriptionsByTopicPaginator(n.api, &awssns.ListSubscriptionsByTopicInput{TopicArn: topic})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("list subscriptions of %s: %w", t, err)
			}
			for _, sub := range page.Subscriptions {
				address := aws.ToString(sub.Endpoint)
				if aws.ToString(sub.Protocol) != notify.Email {
					continue
				}
				if t != outbox.TopicHighBalance { // the only topic that customers subscribe to
					house = append(house, address)
				}
				if aws.ToString(sub.SubscriptionArn) == pendingConfirmation && slices.Contains(house, address) {
					pending = append(pending, address)
				}
			}
		}
	}
	slices.Sort(pending)
	return slices.Compact(pending), nil
}
