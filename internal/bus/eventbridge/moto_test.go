package eventbridge

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"cafe/internal/awsenv"
	"cafe/model"
)

// A rule on the bus matches what is put there, and its target gets the CloudEvent as detail.
func TestARuleOfTheBusGetsTheEvents(t *testing.T) {
	for _, variable := range []string{"AWS_ENDPOINT_URL_EVENTBRIDGE", "AWS_ENDPOINT_URL_SQS"} {
		if os.Getenv(variable) == "" {
			t.Skipf(`%s is not set: start moto with eval "$(.ci/moto env)"`, variable)
		}
	}
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	name := aws.String("bus-" + model.DeriveID("test", time.Now().String())[:12])
	c, err := FromEnv(func(variable string) string {
		switch variable {
		case "CAFE_EVENT_BUS":
			return *name
		case "CAFE_EVENT_SOURCE":
			return "cafe.prod"
		}
		return os.Getenv(variable)
	})
	must(err)
	s, err := awsenv.FromEnv(os.Getenv, "SQS")
	must(err)
	queues := sqs.New(sqs.Options{Region: s.Region, Credentials: s.Credentials, BaseEndpoint: s.Endpoint})
	queue, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: name})
	must(err)
	about, err := queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: queue.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{"QueueArn"}})
	must(err)
	_, err = c.api.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: name})
	must(err)
	_, err = c.api.PutRule(ctx, &eventbridge.PutRuleInput{Name: name, EventBusName: name, EventPattern: aws.String(`{"source":["cafe.prod"],"detail-type":["order.ready"]}`)})
	must(err)
	_, err = c.api.PutTargets(ctx, &eventbridge.PutTargetsInput{
		Rule: name, EventBusName: name, Targets: []types.Target{{Id: name, Arn: aws.String(about.Attributes["QueueArn"])}},
	})
	must(err)
	defer func() {
		ctx := context.Background()
		_, _ = c.api.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: name, EventBusName: name, Ids: []string{*name}})
		_, _ = c.api.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: name, EventBusName: name})
		_, _ = c.api.DeleteEventBus(ctx, &eventbridge.DeleteEventBusInput{Name: name})
		_, _ = queues.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: queue.QueueUrl})
	}()

	refused, err := c.Put(ctx, told)
	if err != nil || len(refused) != 2 || refused[0] != "" || refused[1] != "" {
		t.Fatalf("%q, %v", refused, err)
	}
	got, err := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 5})
	must(err)
	if len(got.Messages) != 1 {
		t.Fatalf("the rule's queue has %d messages", len(got.Messages))
	}
	var message struct {
		Source string
		Time   time.Time
		Detail struct {
			SpecVersion, ID, Source, Type, Subject, DataContentType string
			Time                                                    time.Time
			Data                                                    struct{ ID string }
		}
	}
	must(json.Unmarshal([]byte(*got.Messages[0].Body), &message))
	d := message.Detail
	if message.Source != "cafe.prod" || !message.Time.Equal(told[0].At) || d.SpecVersion != "1.0" || d.ID != told[0].ID || d.Source != "cafe.prod" ||
		d.Type != "cafe.order.ready" || d.Subject != "/orders/a" || !d.Time.Equal(told[0].At) || d.DataContentType != "application/json" || d.Data.ID != "a" {
		t.Errorf("the queue has %s", *got.Messages[0].Body)
	}
}
