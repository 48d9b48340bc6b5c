// Command ledger is the Lambda function that keeps totals right and writes the event log. The table's stream
// triggers it.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"cafe/handlers/stream"
	"cafe/internal/bus"
	"cafe/internal/deadletters"
	"cafe/internal/events"
	"cafe/internal/function"
	"cafe/internal/ledger"
	"cafe/internal/webhooks"
	"cafe/internal/webhooks/sqs"
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
	box, log := deadletters.New(c.Table, time.Now), events.New(c.Table, time.Now)
	handle := stream.SetAside("ledger", box, stream.Ledger(ledger.New(c.Settings, c.Table, time.Now), log))
	endpoints := bus.Beside(webhooks.New(c.Table, time.Now, log), os.Getenv("CAFE_EVENT_BUS"))
	lambda.Start(stream.Waking(endpoints, queue, time.Second, handle))
}
