// Command notifier is the Lambda function that publishes what is put into the outbox.
// The table's stream triggers it, and a schedule, for what stayed there.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"cafe/handlers/stream"
	"cafe/internal/deadletters"
	"cafe/internal/function"
	"cafe/internal/notify/sns"
	"cafe/internal/outbox"
)

func main() {
	c, err := function.Open()
	if err != nil {
		lambda.Start(function.Refusing(err))
		return
	}
	notifier, err := sns.FromEnv(os.Getenv)
	if err != nil {
		lambda.Start(function.Refusing(function.NotConfigured(err)))
		return
	}
	lambda.Start(stream.NotifyOrSweep(outbox.New(c.Settings, c.Table, time.Now), notifier, deadletters.New(c.Table, time.Now)))
}
