// Command deliverer is the Lambda function that calls the endpoints of webhooks, and puts events
// on the event bus. A queue of wake-ups triggers it, and a schedule.
package main

import (
	"math/rand/v2"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"cafe/handlers/deliverer"
	"cafe/internal/bus"
	"cafe/internal/bus/eventbridge"
	"cafe/internal/events"
	"cafe/internal/function"
	"cafe/internal/records"
	"cafe/internal/webhooks"
	"cafe/internal/webhooks/post"
	"cafe/internal/webhooks/sqs"
)

// A lane is taken for longer than the function may run (its Timeout in the template), and no
// call begins later than leaves it its 15 seconds.
const (
	lease = 150 * time.Second
	turn  = 60 * time.Second
)

func main() {
	c, err := function.Open()
	if err != nil {
		lambda.Start(function.Refusing(err))
		return
	}
	queue, err := sqs.FromEnv(os.Getenv)
	if err != nil {
		lambda.Start(function.Refusing(function.NotConfigured(err)))
		return
	}
	log, owner := events.New(c.Table, time.Now), records.NewID()
	d := &webhooks.Deliverer{
		Hooks: webhooks.New(c.Table, time.Now, log), Sender: post.New(post.Options{}), Random: rand.Float64, Owner: owner, Lease: lease, Turn: turn,
	}
	var b *bus.Bus
	if name := os.Getenv("CAFE_EVENT_BUS"); name != "" {
		client, err := eventbridge.FromEnv(os.Getenv)
		if err != nil {
			lambda.Start(function.Refusing(function.NotConfigured(err)))
			return
		}
		b = &bus.Bus{Name: name, Client: client, Table: c.Table, Log: log, Now: time.Now, Owner: owner, Lease: lease, Turn: turn}
	}
	lambda.Start(deliverer.Handle(d, b, queue, time.Now))
}
