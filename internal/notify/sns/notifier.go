// Package sns publishes the café's messages with Amazon SNS.
package sns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"cafe/internal/awsenv"
	"cafe/internal/cafe"
	"cafe/internal/notify"
)

// Notifier is the cafe.Notifier on AWS. It is safe for concurrent use. Its errors wrap the
// SDK's, never name an e-mail address, and may pass, but for cafe.ErrNever: all its calls can
// be repeated.
type Notifier struct {
	api    client
	topics map[cafe.Topic]string

	// A customer who joins or leaves an address's subscription reads its policy and
	// writes it anew. In one process one does so at a time.
	policies sync.Mutex
}

var _ cafe.Notifier = (*Notifier)(nil)

// client is what is used of *awssns.Client.
type client interface {
	Publish(context.Context, *awssns.PublishInput, ...func(*awssns.Options)) (*awssns.PublishOutput, error)
	Subscribe(context.Context, *awssns.SubscribeInput, ...func(*awssns.Options)) (*awssns.SubscribeOutput, error)
	Unsubscribe(context.Context, *awssns.UnsubscribeInput, ...func(*awssns.Options)) (*awssns.UnsubscribeOutput, error)
	ListSubscriptionsByTopic(context.Context, *awssns.ListSubscriptionsByTopicInput, ...func(*awssns.Options)) (*awssns.ListSubscriptionsByTopicOutput, error)
	GetSubscriptionAttributes(context.Context, *awssns.GetSubscriptionAttributesInput, ...func(*awssns.Options)) (*awssns.GetSubscriptionAttributesOutput, error)
	SetSubscriptionAttributes(context.Context, *awssns.SetSubscriptionAttributesInput, ...func(*awssns.Options)) (*awssns.SetSubscriptionAttributesOutput, error)
}

// topicVariables are the environment variables that hold the topics' ARNs.
var topicVariables = map[cafe.Topic]string{
	cafe.TopicHighBalance: "HIGH_BALANCE_TOPIC_ARN",
	cafe.TopicOutOfStock:  "OUT_OF_STOCK_TOPIC_ARN",
	cafe.TopicDailyReport: "DAILY_REPORT_TOPIC_ARN",
}

// FromEnv returns the notifier of a Lambda function: the client as awsenv has
// it for SNS, and the topics' ARNs from HIGH_BALANCE_TOPIC_ARN, OUT_OF_STOCK_TOPIC_ARN
// and DAILY_REPORT_TOPIC_ARN. It fails when one is missing, and says which.
func FromEnv(getenv func(string) string) (*Notifier, error) {
	settings, err := awsenv.FromEnv(getenv, "SNS")
	if err != nil {
		return nil, err
	}
	topics := map[cafe.Topic]string{}
	for topic, variable := range topicVariables {
		if topics[topic] = getenv(variable); topics[topic] == "" {
			return nil, fmt.Errorf("%s is not set", variable)
		}
	}
	return &Notifier{api: newClient(settings), topics: topics}, nil
}

// newClient returns a client that tries a call up to four times, each for a few seconds,
// when SNS throttles, fails or cannot be reached.
func newClient(s awsenv.Settings) *awssns.Client {
	return awssns.New(awssns.Options{
		Region: s.Region, Credentials: s.Credentials, BaseEndpoint: s.Endpoint,
		HTTPClient: awsenv.HTTPClient(4 * time.Second),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 4
			o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
				return rand.N(100 * time.Millisecond << attempt), nil // full jitter below 200, 400, 800 ms
			})
			// SNS's own names for it, which the SDK's rules do not know.
			throttled := retry.RetryableErrorCode{Codes: map[string]struct{}{"Throttled": {}, "KMSThrottling": {}}}
			o.Retryables = append(o.Retryables, throttled)
		}),
	})
}

func (s *Notifier) topic(t cafe.Topic) (*string, error) {
	if arn := s.topics[t]; arn != "" {
		return &arn, nil
	}
	return nil, fmt.Errorf("topic %q has no ARN", t)
}

// Publish implements cafe.Notifier. Attributes without a value are left out, as SNS
// refuses them.
func (s *Notifier) Publish(ctx context.Context, m cafe.Message) error {
	topic, err := s.topic(m.Topic)
	if err != nil {
		return err
	}
	texts := map[string]string{"default": m.Body}
	if m.Mail != "" {
		texts[notify.Email] = m.Mail
	}
	message, err := json.Marshal(texts)
	if err != nil {
		return fmt.Errorf("encode message %s: %w", m.ID, err)
	}
	in := &awssns.PublishInput{
		TopicArn: topic, Message: aws.String(string(message)), MessageStructure: aws.String("json"),
		MessageAttributes: map[string]types.MessageAttributeValue{},
	}
	if subject := notify.Subject(m.Subject); subject != "" {
		in.Subject = &subject
	}
	for name, value := range m.Attributes {
		if value != "" {
			in.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
		}
	}
	_, err = s.api.Publish(ctx, in)
	if in.Subject != nil && invalid(err, "Subject") {
		// Until 2023 SNS took only ASCII, and how it counts characters is not written
		// down. A message is not to be lost over its subject.
		in.Subject = aws.String(plainSubject(*in.Subject))
		_, err = s.api.Publish(ctx, in)
	}
	if err != nil {
		return fmt.Errorf("publish %s to %s: %w", m.ID, m.Topic, err)
	}
	return nil
}

// Subscribe implements cafe.Notifier. SNS has one subscription for an address on a
// topic, so several customers with one address share it, and an address that gets every
// alert anyhow, the owner's, stays as it is. Hence the name that is returned: the
// subscription's ARN and the customer's id.
//
// An address that has not yet confirmed a subscription for one customer cannot be
// subscribed for another; that is ErrNotYet until it has, or has let the days for it go by.
// An address that SNS takes for none, and one too many for its filter policies, is ErrNever.
func (s *Notifier) Subscribe(ctx context.Context, customerID, email string) (string, error) {
	topic, err := s.topic(cafe.TopicHighBalance)
	if err != nil {
		return "", err
	}
	s.policies.Lock()
	defer s.policies.Unlock()
	out, err := s.api.Subscribe(ctx, &awssns.SubscribeInput{
		TopicArn: topic, Protocol: aws.String(notify.Email), Endpoint: &email, ReturnSubscriptionArn: true,
		Attributes: map[string]string{filterPolicy: document(notify.ForCustomer(customerID))},
	})
	var arn string
	switch {
	case invalid(err, "already exists with different attributes"):
		arn, err = s.join(ctx, topic, customerID, email)
	case err == nil:
		arn = aws.ToString(out.SubscriptionArn)
	}
	var full *types.FilterPolicyLimitExceededException
	never := invalid(err, "") && !invalid(err, "TopicArn") || errors.As(err, &full)
	if never && !errors.Is(err, cafe.ErrNotYet) {
		err = fmt.Errorf("%w: %w", cafe.ErrNever, err)
	}
	if err != nil {
		return "", fmt.Errorf("subscribe customer %s to %s: %w", customerID, cafe.TopicHighBalance, err)
	}
	return arn + separator + customerID, nil
}

const (
	filterPolicy = "FilterPolicy"
	separator    = "#" // in no ARN and no id
)

// join has the subscription that an address has already take in a customer.
func (s *Notifier) join(ctx context.Context, topic *string, customerID, email string) (arn string, err error) {
	arn, err = s.find(ctx, topic, email)
	if err != nil {
		return "", err
	}
	policy, err := s.policy(ctx, arn)
	if err == nil && forCustomers(policy) {
		err = s.setPolicy(ctx, arn, with(policy, customerID))
	}
	if gone(err) { // since it was listed
		err = fmt.Errorf("%w: %w", cafe.ErrNotYet, err)
	}
	return arn, err
}

// find returns the ARN of the subscription that an address has. ErrNotYet when it has none,
// or none that is confirmed.
func (s *Notifier) find(ctx context.Context, topic *string, email string) (arn string, err error) {
	pages := awssns.NewListSubscriptionsByTopicPaginator(s.api, &awssns.ListSubscriptionsByTopicInput{TopicArn: topic})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", fmt.Errorf("find the address's subscription: %w", err)
		}
		for _, sub := range page.Subscriptions {
			if aws.ToString(sub.Protocol) != notify.Email || !strings.EqualFold(aws.ToString(sub.Endpoint), email) {
				continue
			}
			if arn := aws.ToString(sub.SubscriptionArn); strings.HasPrefix(arn, "arn:") {
				return arn, nil
			}
			return "", fmt.Errorf("%w: it has to confirm another subscription first", cafe.ErrNotYet) // listed without its ARN
		}
	}
	return "", fmt.Errorf("%w: its other subscription is not listed yet, or no longer", cafe.ErrNotYet)
}

// Unsubscribe implements cafe.Notifier. A subscription that others share goes with the
// last of them. One that was never confirmed cannot be ended, and SNS forgets it after
// some days.
func (s *Notifier) Unsubscribe(ctx context.Context, subscription string) error {
	arn, customerID, ok := strings.Cut(subscription, separator)
	if !ok {
		return fmt.Errorf("unsubscribe: %q names no subscription", subscription)
	}
	s.policies.Lock()
	defer s.policies.Unlock()
	if err := s.leave(ctx, arn, customerID); err != nil && !gone(err) {
		return fmt.Errorf("unsubscribe customer %s: %w", customerID, err)
	}
	return nil
}

// UnsubscribeAddress implements cafe.Notifier, as Unsubscribe does.
func (s *Notifier) UnsubscribeAddress(ctx context.Context, customerID, email string) error {
	topic, err := s.topic(cafe.TopicHighBalance)
	if err != nil {
		return err
	}
	s.policies.Lock()
	defer s.policies.Unlock()
	arn, err := s.find(ctx, topic, email)
	if errors.Is(err, cafe.ErrNotYet) {
		return nil
	}
	if err == nil {
		err = s.leave(ctx, arn, customerID)
	}
	if err != nil && !gone(err) {
		return fmt.Errorf("unsubscribe customer %s: %w", customerID, err)
	}
	return nil
}

func (s *Notifier) leave(ctx context.Context, arn, customerID string) error {
	policy, err := s.policy(ctx, arn)
	if err != nil || !forCustomers(policy) {
		return err
	}
	if rest := without(policy, customerID); forCustomers(rest) {
		return s.setPolicy(ctx, arn, rest)
	}
	_, err = s.api.Unsubscribe(ctx, &awssns.UnsubscribeInput{SubscriptionArn: &arn})
	return err
}

// gone tells whether the error says that there is no such subscription any more, or not
// really yet.
func gone(err error) bool {
	var notFound *types.NotFoundException
	return errors.As(err, &notFound) || invalid(err, "pending confirmation")
}

// invalid tells whether SNS refused a parameter for that reason.
func invalid(err error, reason string) bool {
	var refused *types.InvalidParameterException
	return errors.As(err, &refused) && strings.Contains(refused.ErrorMessage(), reason)
}

func (s *Notifier) policy(ctx context.Context, arn string) (notify.Policy, error) {
	out, err := s.api.GetSubscriptionAttributes(ctx, &awssns.GetSubscriptionAttributesInput{SubscriptionArn: &arn})
	if err != nil {
		return nil, fmt.Errorf("read its filter policy: %w", err)
	}
	return notify.ParsePolicy(out.Attributes[filterPolicy])
}

func (s *Notifier) setPolicy(ctx context.Context, arn string, p notify.Policy) error {
	_, err := s.api.SetSubscriptionAttributes(ctx, &awssns.SetSubscriptionAttributesInput{
		SubscriptionArn: &arn, AttributeName: aws.String(filterPolicy), AttributeValue: aws.String(document(p)),
	})
	if err != nil {
		return fmt.Errorf("change its filter policy: %w", err)
	}
	return nil
}

// plain are the signs that a subject of the café is likely to have, in ASCII.
var plain = strings.NewReplacer("·", "-", "–", "-", "—", "-", "…", "...", "’", "'", "£", "GBP ", "€", "EUR ", "\u00a0", " ",
	"à", "a", "á", "a", "â", "a", "ä", "a", "ç", "c", "è", "e", "é", "e", "ê", "e", "ë", "e", "í", "i", "î", "i", "ï", "i",
	"ñ", "n", "ó", "o", "ô", "o", "ö", "o", "ú", "u", "û", "u", "ü", "u", "ß", "ss", "É", "E", "Ä", "A", "Ö", "O", "Ü", "U")

// plainSubject writes a subject in ASCII. What has no place there is a question mark.
func plainSubject(subject string) string {
	ascii := strings.Map(func(r rune) rune {
		if r > '~' {
			return '?'
		}
		return r
	}, plain.Replace(subject))
	return ascii[:min(len(ascii), notify.MaxSubject)]
}
