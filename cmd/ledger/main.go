// Command ledger is the Lambda function that keeps totals right. The table's stream
// triggers it.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"cafe/handlers"
	"cafe/internal/function"
)

func main() {
	c, err := function.Open()
	if err != nil {
		lambda.Start(function.Refusing(err))
		return
	}
	lambda.Start(handlers.Ledger(c))
}
