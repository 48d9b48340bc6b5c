package notify

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"cafe/internal/cafe"
)

// pendingConfirmation is what SNS lists in place of the ARN of a subscription that its
// owner has not confirmed (SNS API Reference, ListSubscriptionsByTopic).
const pendingConfirmation = "PendingConfirmation"

// Unconfirmed returns the addresses that the café's mail is for and that have not
// confirmed it: part of cafe.Watch. Customers' own subscriptions are their own affair.
func (s *SNS) Unconfirmed(ctx context.Context) ([]string, error) {
	var house, pending []string
	for _, t := range []cafe.Topic{cafe.TopicDailyReport, cafe.TopicOutOfStock, cafe.TopicHighBalance} {
		topic, err := s.topic(t)
		if err != nil {
			return nil, err
		}
		pages := sns.NewListSubscriptionsByTopicPaginator(s.api, &sns.ListSubscriptionsByTopicInput{TopicArn: topic})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("list subscriptions of %s: %w", t, err)
			}
			for _, sub := range page.Subscriptions {
				address := aws.ToString(sub.Endpoint)
				if aws.ToString(sub.Protocol) != Email {
					continue
				}
				if t != cafe.TopicHighBalance { // customers subscribe to nothing else
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
