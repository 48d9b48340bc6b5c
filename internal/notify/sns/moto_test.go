package sns_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"cafe/internal/awsenv"
	"cafe/internal/notify"
	"cafe/internal/notify/notifytest"
	"cafe/internal/notify/sns"
	"cafe/internal/outbox"
)

// cloud is what the template makes, made on moto: topics, queues and subscriptions.
type cloud struct {
	client   *awssns.Client
	settings awsenv.Settings
	topics   map[outbox.Topic]string
	queues   map[string]string // URL by name
}

func standIn(t *testing.T, service string) awsenv.Settings {
	t.Helper()
	variable := "AWS_ENDPOINT_URL_" + service
	endpoint := os.Getenv(variable)
	if endpoint == "" {
		t.Skipf(`%s is not set: start moto with eval "$(.ci/moto env)"`, variable)
	}
	if strings.Contains(endpoint, "amazonaws.") {
		t.Fatalf("%s is AWS itself: this test is not to cost money", variable)
	}
	env := map[string]string{"AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", variable: endpoint}
	settings, err := awsenv.FromEnv(func(name string) string { return env[name] }, service)
	if err != nil {
		t.Fatal(err)
	}
	return settings
}

func openCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{settings: standIn(t, "SQS"), topics: map[outbox.Topic]string{}, queues: map[string]string{}}
	c.client = sns.NewClient(standIn(t, "SNS"))
	ctx := context.Background()
	suffix := "-" + rand.Text()
	for _, s := range notify.Subscriptions {
		if c.topics[s.Topic] == "" {
			out, err := c.client.CreateTopic(ctx, &awssns.CreateTopicInput{Name: aws.String(string(s.Topic) + suffix)})
			if err != nil {
				t.Fatal(err)
			}
			c.topics[s.Topic] = *out.TopicArn
		}
		endpoint := s.Endpoint
		switch {
		case s.Protocol == notify.SQS:
			var queue struct {
				QueueURL string `json:"QueueUrl"`
			}
			c.sqs(t, "CreateQueue", map[string]any{"QueueName": s.Endpoint + suffix}, &queue)
			c.queues[s.Endpoint] = queue.QueueURL
			endpoint = "arn:aws:sqs:eu-west-2:123456789012:" + s.Endpoint + suffix
		case endpoint == notify.Owner:
			endpoint = notifytest.OwnerEmail
		}
		in := &awssns.SubscribeInput{TopicArn: aws.String(c.topics[s.Topic]), Protocol: &s.Protocol, Endpoint: &endpoint}
		if s.FilterPolicy != "" {
			in.Attributes = map[string]string{"FilterPolicy": s.FilterPolicy}
		}
		if _, err := c.client.Subscribe(ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// sqs calls SQS by its JSON protocol. The café itself never does.
func (c *cloud) sqs(t *testing.T, action string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, *c.settings.Endpoint, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	keys, err := c.settings.Credentials.Retrieve(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(context.Background(), keys, r, hex.EncodeToString(hash[:]), "sqs", c.settings.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s", action, answer.Status, b)
	}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatalf("%s: %s: %v", action, b, err)
	}
}

// envelope is a message as SQS has it from SNS.
type envelope struct {
	Type, MessageID, TopicArn, Subject, Message, Timestamp string
	MessageAttributes                                      map[string]struct{ Type, Value string }
}

func (c *cloud) receive(t *testing.T, queue string) (all []envelope) {
	t.Helper()
	for {
		var page struct{ Messages []struct{ Body string } }
		c.sqs(t, "ReceiveMessage", map[string]any{"QueueUrl": c.queues[queue], "MaxNumberOfMessages": 10}, &page)
		if len(page.Messages) == 0 {
			return all
		}
		for _, m := range page.Messages {
			var e envelope
			if err := json.Unmarshal([]byte(m.Body), &e); err != nil {
				t.Fatalf("%s: %v", m.Body, err)
			}
			all = append(all, e)
		}
	}
}

func deliveries(envelopes []envelope) (all []notifytest.Delivery) {
	for _, e := range envelopes {
		all = append(all, notifytest.Delivery{Subject: e.Subject, Text: e.Message})
	}
	return all
}

func TestMotoDeliversByTheFilterPolicies(t *testing.T) {
	c := openCloud(t)
	n := sns.New(c.client, c.topics)
	warning, critical := notifytest.Alert("a1", "alice", "warning"), notifytest.Alert("b1", "bob", "critical")
	soldOut := outbox.Message{ID: "s1", Topic: outbox.TopicOutOfStock, Subject: "sold out", Body: "{}", Attributes: map[string]string{"severity": "critical"}}
	notifytest.Publish(t, n, warning, critical, soldOut)

	all := c.receive(t, "CustomerNotify")
	notifytest.Expect(t, "CustomerNotify", deliveries(all), warning, critical)
	notifytest.Expect(t, "CreditCollection", deliveries(c.receive(t, "CreditCollection")), critical)
	for _, e := range all {
		if a := e.MessageAttributes["type"]; e.Type != "Notification" || e.TopicArn != c.topics[outbox.TopicHighBalance] || a.Type != "String" || a.Value != "high_balance" {
			t.Errorf("envelope %+v", e)
		}
	}
}

func TestMotoKeepsACustomersSubscriptionUntilItEnds(t *testing.T) {
	c := openCloud(t)
	n := sns.New(c.client, c.topics)
	ctx := context.Background()
	emails := func() map[string]string {
		out, err := c.client.ListSubscriptionsByTopic(ctx, &awssns.ListSubscriptionsByTopicInput{TopicArn: aws.String(c.topics[outbox.TopicHighBalance])})
		if err != nil {
			t.Fatal(err)
		}
		policies := map[string]string{}
		for _, s := range out.Subscriptions {
			if *s.Protocol != notify.Email {
				continue
			}
			attributes, err := c.client.GetSubscriptionAttributes(ctx, &awssns.GetSubscriptionAttributesInput{SubscriptionArn: s.SubscriptionArn})
			if err != nil {
				t.Fatal(err)
			}
			policies[*s.Endpoint] = attributes.Attributes["FilterPolicy"]
		}
		return policies
	}
	name := notifytest.Subscribe(t, n, "alice", "alice@example.com")
	if got := emails(); len(got) != 2 || got["alice@example.com"] != `{"customer_id":["alice"]}` || got[notifytest.OwnerEmail] != "" {
		t.Errorf("subscriptions %v", got)
	}
	if again := notifytest.Subscribe(t, n, "alice", "alice@example.com"); again != name {
		t.Errorf("subscribed again as %s, was %s", again, name)
	}
	notifytest.Unsubscribe(t, n, name)
	notifytest.Unsubscribe(t, n, name)
	if got := emails(); len(got) != 1 {
		t.Errorf("subscriptions %v", got)
	}
}
