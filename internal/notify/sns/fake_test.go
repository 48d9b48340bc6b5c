package sns_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"cafe/internal/notify"
	"cafe/internal/notify/notifytest"
	"cafe/internal/outbox"
)

// fakeSNS behaves like SNS as far as the café uses it, and delivers to memory.
type fakeSNS struct {
	mu          sync.Mutex
	subs        map[string]*fakeSub // by ARN
	delivered   map[string][]notifytest.Delivery
	asciiOnly   bool // refuses other subjects, as SNS did until 2023
	unconfirmed bool // new e-mail subscriptions wait to be confirmed
	full        bool // takes no more filter policies
	published   []*awssns.PublishInput
	fail        error // of every call
}

type fakeSub struct {
	topic, protocol, endpoint, policy string
	pending                           bool
}

func topicARN(t outbox.Topic) string { return "arn:aws:sns:eu-west-2:123456789012:" + string(t) }

var topicARNs = map[outbox.Topic]string{
	outbox.TopicHighBalance: topicARN(outbox.TopicHighBalance),
	outbox.TopicOutOfStock:  topicARN(outbox.TopicOutOfStock),
	outbox.TopicDailyReport: topicARN(outbox.TopicDailyReport),
}

// newFakeSNS has the subscriptions that the template makes.
func newFakeSNS() *fakeSNS {
	f := &fakeSNS{subs: map[string]*fakeSub{}, delivered: map[string][]notifytest.Delivery{}}
	for _, s := range notify.Subscriptions {
		endpoint := s.Endpoint
		if endpoint == notify.Owner {
			endpoint = notifytest.OwnerEmail
		}
		f.add(&fakeSub{topic: topicARN(s.Topic), protocol: s.Protocol, endpoint: endpoint, policy: s.FilterPolicy})
	}
	return f
}

func (f *fakeSNS) add(s *fakeSub) (arn string) {
	arn = fmt.Sprintf("%s:%08d", s.topic, len(f.subs)+1)
	f.subs[arn] = s
	return arn
}

func refused(reason string) error {
	return &types.InvalidParameterException{Message: aws.String("Invalid parameter: " + reason)}
}

func (f *fakeSNS) Publish(_ context.Context, in *awssns.PublishInput, _ ...func(*awssns.Options)) (*awssns.PublishOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return nil, f.fail
	}
	subject := aws.ToString(in.Subject)
	if in.Subject != nil && subject == "" || len([]rune(subject)) > 99 || strings.ContainsAny(subject, "\r\n\t") ||
		f.asciiOnly && strings.ContainsFunc(subject, func(r rune) bool { return r > '~' }) {
		return nil, refused("Subject")
	}
	var texts map[string]string
	if err := json.Unmarshal([]byte(*in.Message), &texts); err != nil || *in.MessageStructure != "json" || texts["default"] == "" {
		return nil, refused("Message Structure")
	}
	attributes := map[string]string{}
	for name, v := range in.MessageAttributes {
		if *v.DataType != "String" || *v.StringValue == "" {
			return nil, refused("Message attribute")
		}
		attributes[name] = *v.StringValue
	}
	copied := *in
	f.published = append(f.published, &copied)
	for _, s := range f.subs {
		policy, err := notify.ParsePolicy(s.policy)
		if err != nil {
			return nil, refused("FilterPolicy")
		}
		if s.topic != *in.TopicArn || s.pending || !policy.Match(attributes) {
			continue
		}
		text, own := texts[s.protocol]
		if !own {
			text = texts["default"]
		}
		f.delivered[s.endpoint] = append(f.delivered[s.endpoint], notifytest.Delivery{Subject: subject, Text: text})
	}
	return &awssns.PublishOutput{MessageId: aws.String(fmt.Sprint(len(f.published)))}, nil
}

func (f *fakeSNS) Subscribe(_ context.Context, in *awssns.SubscribeInput, _ ...func(*awssns.Options)) (*awssns.SubscribeOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return nil, f.fail
	}
	if !strings.HasPrefix(*in.TopicArn, "arn:") {
		return nil, refused("TopicArn")
	}
	if !strings.Contains(*in.Endpoint, "@") {
		return nil, refused("Email address")
	}
	if !in.ReturnSubscriptionArn {
		return &awssns.SubscribeOutput{SubscriptionArn: aws.String("pending confirmation")}, nil
	}
	for arn, s := range f.subs {
		if s.topic == *in.TopicArn && s.protocol == *in.Protocol && s.endpoint == *in.Endpoint {
			if s.policy != in.Attributes["FilterPolicy"] {
				return nil, refused("Attributes Reason: Subscription already exists with different attributes")
			}
			return &awssns.SubscribeOutput{SubscriptionArn: &arn}, nil
		}
	}
	if f.full {
		return nil, &types.FilterPolicyLimitExceededException{}
	}
	arn := f.add(&fakeSub{
		topic: *in.TopicArn, protocol: *in.Protocol, endpoint: *in.Endpoint,
		policy: in.Attributes["FilterPolicy"], pending: f.unconfirmed,
	})
	return &awssns.SubscribeOutput{SubscriptionArn: &arn}, nil
}

func (f *fakeSNS) Unsubscribe(_ context.Context, in *awssns.UnsubscribeInput, _ ...func(*awssns.Options)) (*awssns.UnsubscribeOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.find(*in.SubscriptionArn)
	if err != nil {
		return nil, err
	}
	if s.pending {
		return nil, refused("SubscriptionArn Reason: Cannot unsubscribe a subscription that is pending confirmation")
	}
	delete(f.subs, *in.SubscriptionArn)
	return &awssns.UnsubscribeOutput{}, nil
}

func (f *fakeSNS) find(arn string) (*fakeSub, error) {
	if f.fail != nil {
		return nil, f.fail
	}
	if s := f.subs[arn]; s != nil {
		return s, nil
	}
	return nil, &types.NotFoundException{Message: aws.String("Subscription does not exist")}
}

// ListSubscriptionsByTopic has pages of two.
func (f *fakeSNS) ListSubscriptionsByTopic(_ context.Context, in *awssns.ListSubscriptionsByTopicInput, _ ...func(*awssns.Options)) (*awssns.ListSubscriptionsByTopicOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return nil, f.fail
	}
	var arns []string
	for arn, s := range f.subs {
		if s.topic == *in.TopicArn && arn > aws.ToString(in.NextToken) {
			arns = append(arns, arn)
		}
	}
	sort.Strings(arns)
	out := &awssns.ListSubscriptionsByTopicOutput{}
	for i, arn := range arns {
		if i == 2 {
			out.NextToken = aws.String(arns[1])
			break
		}
		s, listed := f.subs[arn], arn
		if s.pending {
			listed = "PendingConfirmation"
		}
		out.Subscriptions = append(out.Subscriptions, types.Subscription{
			SubscriptionArn: &listed, Protocol: &s.protocol, Endpoint: &s.endpoint,
		})
	}
	return out, nil
}

func (f *fakeSNS) GetSubscriptionAttributes(_ context.Context, in *awssns.GetSubscriptionAttributesInput, _ ...func(*awssns.Options)) (*awssns.GetSubscriptionAttributesOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.find(*in.SubscriptionArn)
	if err != nil {
		return nil, err
	}
	attributes := map[string]string{"Endpoint": s.endpoint}
	if s.policy != "" {
		attributes["FilterPolicy"] = s.policy
	}
	return &awssns.GetSubscriptionAttributesOutput{Attributes: attributes}, nil
}

func (f *fakeSNS) SetSubscriptionAttributes(_ context.Context, in *awssns.SetSubscriptionAttributesInput, _ ...func(*awssns.Options)) (*awssns.SetSubscriptionAttributesOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.find(*in.SubscriptionArn)
	if err != nil {
		return nil, err
	}
	if *in.AttributeName != "FilterPolicy" {
		return nil, refused("AttributeName")
	}
	s.policy = *in.AttributeValue
	return &awssns.SetSubscriptionAttributesOutput{}, nil
}
