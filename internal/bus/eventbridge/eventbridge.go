// Package eventbridge calls a bus of Amazon EventBridge.
package eventbridge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"cafe/internal/awsenv"
	"cafe/internal/bus"
	"cafe/model"
)

// Client puts events on a bus. It is safe for concurrent use.
type Client struct {
	api    *eventbridge.Client
	bus    string
	source string
}

// FromEnv returns the client of a Lambda function. It reads the variables of awsenv.FromEnv for
// EVENTBRIDGE, the bus's name or ARN from CAFE_EVENT_BUS, and from CAFE_EVENT_SOURCE what the
// events name as their source.
func FromEnv(getenv func(string) string) (*Client, error) {
	s, err := awsenv.FromEnv(getenv, "EVENTBRIDGE")
	if err != nil {
		return nil, err
	}
	c := &Client{bus: getenv("CAFE_EVENT_BUS"), source: getenv("CAFE_EVENT_SOURCE")}
	switch {
	case c.bus == "":
		return nil, errors.New("CAFE_EVENT_BUS is not set")
	case c.source == "":
		return nil, errors.New("CAFE_EVENT_SOURCE is not set")
	}
	c.api = eventbridge.New(eventbridge.Options{
		Region: s.Region, Credentials: s.Credentials, BaseEndpoint: s.Endpoint,
		HTTPClient: awsenv.HTTPClient(4 * time.Second),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 3
			o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
				return rand.N(100 * time.Millisecond << attempt), nil // full jitter below 200, 400 ms
			})
		}),
	})
	return c, nil
}

// Put is bus.Client's: one call of PutEvents. Its results are in the order of its entries
// (EventBridge User Guide, "Sending events with PutEvents").
func (c *Client) Put(ctx context.Context, all []model.Event) (refused []string, err error) {
	entries := make([]types.PutEventsRequestEntry, len(all))
	for i, e := range all {
		entries[i] = types.PutEventsRequestEntry{
			EventBusName: &c.bus, Source: &c.source, DetailType: aws.String(string(e.Type)), Time: &all[i].At, Detail: aws.String(bus.CloudEvent(e, c.source)),
		}
	}
	out, err := c.api.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: entries})
	if err != nil {
		return nil, fmt.Errorf("put events on the bus: %w", err)
	}
	if len(out.Entries) != len(all) {
		return nil, fmt.Errorf("put events on the bus: %d results for %d events", len(out.Entries), len(all))
	}
	refused = make([]string, len(all))
	for i, r := range out.Entries {
		if r.ErrorCode != nil {
			refused[i] = *r.ErrorCode + ": " + aws.ToString(r.ErrorMessage)
		}
	}
	return refused, nil
}
