// Command reporter is the Lambda function that takes the steps of the daily report. The
// state machine invokes it (statemachine/report.asl.json).
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"cafe/handlers/reporter"
	"cafe/internal/daily"
	"cafe/internal/function"
	"cafe/internal/house"
	"cafe/internal/notify/sns"
	"cafe/internal/objects/s3"
)

func main() {
	c, err := function.Open()
	if err != nil {
		lambda.Start(function.Refusing(err))
		return
	}
	h := house.Open(c.Settings, c.Table, time.Now)
	if h.Reports.Watch, err = watch(); err != nil {
		lambda.Start(function.Refusing(err))
		return
	}
	h.Reports.Patience = time.Minute
	lambda.Start(reporter.Handle(h.Reports, h.Ledger, h.LastDue))
}

// watch counts dead letters in the bucket, and asks SNS who has not confirmed yet.
func watch() (daily.Watch, error) {
	letters, err := s3.FromEnv(os.Getenv)
	if err != nil {
		return nil, function.NotConfigured(err)
	}
	topics, err := sns.FromEnv(os.Getenv)
	if err != nil {
		return nil, function.NotConfigured(err)
	}
	topics.Owner = os.Getenv("CAFE_OWNER_EMAIL")
	return struct {
		*s3.Bucket
		*sns.Notifier
	}{letters, topics}, nil
}
