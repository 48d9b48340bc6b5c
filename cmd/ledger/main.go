// Command ledger is the Lambda function that keeps totals right and writes the event log. The table's stream
// triggers it.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"cafe/handlers/stream"
	"cafe/internal/deadletters"
	"cafe/internal/events"
	"cafe/internal/function"
	"cafe/internal/ledger"
)

func main() {
	c, err := function.Open()
	if err != nil {
		lambda.Start(function.Refusing(err))
		return
	}
	box := deadletters.New(c.Table, time.Now)
	lambda.Start(stream.SetAside("ledger", box, stream.Ledger(ledger.New(c.Settings, c.Table, time.Now), events.New(c.Table, time.Now))))
}
