// Package sqs wakes the deliverers of webhooks on AWS, by messages of an SQS queue. Its twin on
// one machine is post.Runner.
package sqs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"cafe/internal/awsenv"
)

// client is the part of *awssqs.Client that is used.
type client interface {
	SendMessage(context.Context, *awssqs.SendMessageInput, ...func(*awssqs.Options)) (*awssqs.SendMessageOutput, error)
}

// Queue wakes deliverers. It is safe for concurrent use.
type Queue struct {
	api client
	url string
}

// FromEnv returns the queue of a Lambda function. It reads the variables of awsenv.FromEnv for
// SQS, and the queue's URL from CAFE_WEBHOOKS_QUEUE.
func FromEnv(getenv func(string) string) (*Queue, error) {
	settings, err := awsenv.FromEnv(getenv, "SQS")
	if err != nil {
		return nil, err
	}
	url := getenv("CAFE_WEBHOOKS_QUEUE")
	if url == "" {
		return nil, errors.New("CAFE_WEBHOOKS_QUEUE is not set")
	}
	return &Queue{newClient(settings), url}, nil
}

func newClient(s awsenv.Settings) *awssqs.Client {
	return awssqs.New(awssqs.Options{
		Region: s.Region, Credentials: s.Credentials, BaseEndpoint: s.Endpoint,
		HTTPClient: awsenv.HTTPClient(4 * time.Second),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 3
			o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
				return rand.N(100 * time.Millisecond << attempt), nil // full jitter below 200, 400 ms
			})
		}),
	})
}

// Wake sends a message that arrives after a while, in whole seconds, rounded up: 15 minutes at
// most.
func (q *Queue) Wake(ctx context.Context, endpoint string, after time.Duration) error {
	delay := int32((after + time.Second - 1) / time.Second)
	_, err := q.api.SendMessage(ctx, &awssqs.SendMessageInput{
		QueueUrl: &q.url, DelaySeconds: delay, MessageBody: aws.String(`{"endpoint":"` + endpoint + `"}`),
	})
	if err != nil {
		return fmt.Errorf("wake the deliverer: %w", err)
	}
	return nil
}
