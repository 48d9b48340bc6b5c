// Package sns publishes the café's messages with Amazon SNS. Its twin on one machine is
// package notify/folder.
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
	"cafe/internal/notify"
	"cafe/internal/outbox"
)

// Notifier is the outbox.Notifier on AWS. It is safe for concurrent use. Its errors wrap the
// SDK's and never show an e-mail address. Every call can be repeated, and should be after an
// error, unless that is outbox.ErrNever.
type Notifier struct {
	api    client
	topics map[outbox.Topic]string // ARNs

	// Owner is the address that should get all of the café's own mail, for Unconfirmed. Set it
	// before use; empty means nobody's.
	Owner string

	// A customer who joins or leaves the subscription of an address has its policy read and
	// written anew. Within one process they take turns.
	policies sync.Mutex
}

var _ outbox.Notifier = (*Notifier)(nil)

// client is the part of *awssns.Client that is used.
type client interface {
	Publish(context.Context, *awssns.PublishInput, ...func(*awssns.Options)) (*awssns.PublishOutput, error)
	Subscribe(context.Context, *awssns.SubscribeInput, ...func(*awssns.Options)) (*awssns.SubscribeOutput, error)
	Unsubscribe(context.Context, *awssns.UnsubscribeInput, ...func(*awssns.Options)) (*awssns.UnsubscribeOutput, error)
	ListSubscriptionsByTopic(context.Context, *awssns.ListSubscriptionsByTopicInput, ...func(*awssns.Options)) (*awssns.ListSubscriptionsByTopicOutput, error)
	GetSubscriptionAttributes(context.Context, *awssns.GetSubscriptionAttributesInput, ...func(*awssns.Options)) (*awssns.GetSubscriptionAttributesOutput, error)
	SetSubscriptionAttributes(context.Context, *awssns.SetSubscriptionAttributesInput, ...func(*awssns.Options)) (*awssns.SetSubscriptionAttributesOutput, error)
}

// topicVariables are the environment variables that hold the topics' ARNs.
var topicVariables = map[outbox.Topic]string{
	outbox.TopicHighBalance: "HIGH_BALANCE_TOPIC_ARN",
	outbox.TopicOutOfStock:  "OUT_OF_STOCK_TOPIC_ARN",
	outbox.TopicDailyReport: "DAILY_REPORT_TOPIC_ARN",
}

// FromEnv returns the notifier of a Lambda function. It reads the variables of awsenv.FromEnv
// for SNS, and the topics' ARNs from HIGH_BALANCE_TOPIC_ARN, OUT_OF_STOCK_TOPIC_ARN and
// DAILY_REPORT_TOPIC_ARN. The error names the variable that is missing.
func FromEnv(getenv func(string) string) (*Notifier, error) {
	settings, err := awsenv.FromEnv(getenv, "SNS")
	if err != nil {
		return nil, err
	}
	topics := map[outbox.Topic]string{}
	for topic, variable := range topicVariables {
		if topics[topic] = getenv(variable); topics[topic] == "" {
			return nil, fmt.Errorf("%s is not set", variable)
		}
	}
	return &Notifier{api: newClient(settings), topics: topics}, nil
}

// newClient returns a client that tries a call up to four times, for a few seconds each, if
// SNS throttles, fails or cannot be reached.
func newClient(s awsenv.Settings) *awssns.Client {
	return awssns.New(awssns.Options{
		Region: s.Region, Credentials: s.Credentials, BaseEndpoint: s.Endpoint,
		HTTPClient: awsenv.HTTPClient(4 * time.Second),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 4
			o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
				return rand.N(100 * time.Millisecond << attempt), nil // full jitter below 200, 400, 800 ms
			})
			// The SDK's rules do not know these names, which are SNS's own.
			throttled := retry.RetryableErrorCode{Codes: map[string]struct{}{"Throttled": {}, "KMSThrottling": {}}}
			o.Retryables = append(o.Retryables, throttled)
		}),
	})
}

func (n *Notifier) topic(t outbox.Topic) (*string, error) {
	if arn := n.topics[t]; arn != "" {
		return &arn, nil
	}
	return nil, fmt.Errorf("topic %q has no ARN", t)
}

// Publish implements outbox.Notifier. It leaves out attributes without a value, which SNS
// would refuse.
func (n *Notifier) Publish(ctx context.Context, m outbox.Message) error {
	topic, err := n.topic(m.Topic)
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
	_, err = n.api.Publish(ctx, in)
	if in.Subject != nil && invalid(err, "Subject") {
		// Until 2023 SNS took ASCII only, and how it counts characters is not documented.
		// A message must not be lost over its subject.
		in.Subject = aws.String(plainSubject(*in.Subject))
		_, err = n.api.Publish(ctx, in)
	}
	if err != nil {
		return fmt.Errorf("publish %s to %s: %w", m.ID, m.Topic, err)
	}
	return nil
}

// Subscribe implements outbox.Notifier. SNS has one subscription for an address on a topic.
// So customers with one address share it, and the owner's, which gets every alert, stays as
// it is. That is why the returned name is the subscription's ARN and the customer's id.
//
// An address that has not confirmed its subscription for one customer cannot be subscribed
// for another. The error is then outbox.ErrNotYet, until the address has confirmed or SNS has
// forgotten the first subscription. The error is outbox.ErrNever if SNS does not take the
// address, or takes no more filter policies.
func (n *Notifier) Subscribe(ctx context.Context, customerID, email string) (string, error) {
	topic, err := n.topic(outbox.TopicHighBalance)
	if err != nil {
		return "", err
	}
	n.policies.Lock()
	defer n.policies.Unlock()
	out, err := n.api.Subscribe(ctx, &awssns.SubscribeInput{
		TopicArn: topic, Protocol: aws.String(notify.Email), Endpoint: &email, ReturnSubscriptionArn: true,
		Attributes: map[string]string{filterPolicy: document(notify.ForCustomer(customerID))},
	})
	var arn string
	switch {
	case invalid(err, "already exists with different attributes"):
		arn, err = n.join(ctx, topic, customerID, email)
	case err == nil:
		arn = aws.ToString(out.SubscriptionArn)
	}
	var full *types.FilterPolicyLimitExceededException
	never := invalid(err, "") && !invalid(err, "TopicArn") || errors.As(err, &full)
	if never && !errors.Is(err, outbox.ErrNotYet) {
		err = fmt.Errorf("%w: %w", outbox.ErrNever, err)
	}
	if err != nil {
		return "", fmt.Errorf("subscribe customer %s to %s: %w", customerID, outbox.TopicHighBalance, err)
	}
	return arn + separator + customerID, nil
}

const (
	filterPolicy = "FilterPolicy"
	separator    = "#" // neither ARNs nor ids have it
)

// join adds a customer to the subscription that an address has already.
func (n *Notifier) join(ctx context.Context, topic *string, customerID, email string) (arn string, err error) {
	arn, err = n.find(ctx, topic, email)
	if err != nil {
		return "", err
	}
	policy, err := n.policy(ctx, arn)
	if err == nil && forCustomers(policy) {
		err = n.setPolicy(ctx, arn, with(policy, customerID))
	}
	if gone(err) { // it ended after it was listed
		err = fmt.Errorf("%w: %w", outbox.ErrNotYet, err)
	}
	return arn, err
}

// find returns the ARN of the subscription that an address has. The error is outbox.ErrNotYet
// if it has none, or has not confirmed it.
func (n *Notifier) find(ctx context.Context, topic *string, email string) (arn string, err error) {
	pages := awssns.NewListSubscriptionsByTopicPaginator(n.api, &awssns.ListSubscriptionsByTopicInput{TopicArn: topic})
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
			return "", fmt.Errorf("%w: it has to confirm another subscription first", outbox.ErrNotYet)
		}
	}
	return "", fmt.Errorf("%w: its other subscription is not listed", outbox.ErrNotYet)
}

// Unsubscribe implements outbox.Notifier. A shared subscription ends with its last customer.
// One that was never confirmed cannot be ended: SNS forgets it after some days.
func (n *Notifier) Unsubscribe(ctx context.Context, subscription string) error {
	arn, customerID, ok := strings.Cut(subscription, separator)
	if !ok {
		return fmt.Errorf("unsubscribe: %q is not a subscription", subscription)
	}
	n.policies.Lock()
	defer n.policies.Unlock()
	if err := n.leave(ctx, arn, customerID); err != nil && !gone(err) {
		return fmt.Errorf("unsubscribe customer %s: %w", customerID, err)
	}
	return nil
}

// UnsubscribeAddress implements outbox.Notifier, as Unsubscribe does.
func (n *Notifier) UnsubscribeAddress(ctx context.Context, customerID, email string) error {
	topic, err := n.topic(outbox.TopicHighBalance)
	if err != nil {
		return err
	}
	n.policies.Lock()
	defer n.policies.Unlock()
	arn, err := n.find(ctx, topic, email)
	if errors.Is(err, outbox.ErrNotYet) {
		return nil
	}
	if err == nil {
		err = n.leave(ctx, arn, customerID)
	}
	if err != nil && !gone(err) {
		return fmt.Errorf("unsubscribe customer %s: %w", customerID, err)
	}
	return nil
}

func (n *Notifier) leave(ctx context.Context, arn, customerID string) error {
	policy, err := n.policy(ctx, arn)
	if err != nil || !forCustomers(policy) {
		return err
	}
	if rest := without(policy, customerID); forCustomers(rest) {
		return n.setPolicy(ctx, arn, rest)
	}
	_, err = n.api.Unsubscribe(ctx, &awssns.UnsubscribeInput{SubscriptionArn: &arn})
	return err
}

// gone reports whether an error says that a subscription has ended or was never confirmed.
func gone(err error) bool {
	var notFound *types.NotFoundException
	return errors.As(err, &notFound) || invalid(err, "pending confirmation")
}

// invalid reports whether SNS refused a parameter and its message has that text.
func invalid(err error, reason string) bool {
	var refused *types.InvalidParameterException
	return errors.As(err, &refused) && strings.Contains(refused.ErrorMessage(), reason)
}

func (n *Notifier) policy(ctx context.Context, arn string) (notify.Policy, error) {
	out, err := n.api.GetSubscriptionAttributes(ctx, &awssns.GetSubscriptionAttributesInput{SubscriptionArn: &arn})
	if err != nil {
		return nil, fmt.Errorf("read the filter policy: %w", err)
	}
	return notify.ParsePolicy(out.Attributes[filterPolicy])
}

func (n *Notifier) setPolicy(ctx context.Context, arn string, p notify.Policy) error {
	_, err := n.api.SetSubscriptionAttributes(ctx, &awssns.SetSubscriptionAttributesInput{
		SubscriptionArn: &arn, AttributeName: aws.String(filterPolicy), AttributeValue: aws.String(document(p)),
	})
	if err != nil {
		return fmt.Errorf("change the filter policy: %w", err)
	}
	return nil
}

// plain replaces the characters that the café's subjects are likely to have by ASCII.
var plain = strings.NewReplacer("·", "-", "–", "-", "—", "-", "…", "...", "’", "'", "£", "GBP ", "€", "EUR ", "\u00a0", " ",
	"à", "a", "á", "a", "â", "a", "ä", "a", "ç", "c", "è", "e", "é", "e", "ê", "e", "ë", "e", "í", "i", "î", "i", "ï", "i",
	"ñ", "n", "ó", "o", "ô", "o", "ö", "o", "ú", "u", "û", "u", "ü", "u", "ß", "ss", "É", "E", "Ä", "A", "Ö", "O", "Ü", "U")

// plainSubject writes a subject in ASCII. A character that it cannot replace becomes a
// question mark.
func plainSubject(subject string) string {
	ascii := strings.Map(func(r rune) rune {
		if r > '~' {
			return '?'
		}
		return r
	}, plain.Replace(subject))
	if over := len(ascii) - notify.MaxSubject; over > 0 { // the café's name comes first, and gives way
		if name := strings.Index(ascii, " - "); name > over {
			ascii = ascii[:name-over] + ascii[name:]
		}
	}
	return ascii[:min(len(ascii), notify.MaxSubject)]
}
