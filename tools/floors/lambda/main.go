// Command lambda is the floor that the functions are measured against: aws-lambda-go decodes
// API Gateway's event, and a constant answer goes back. There is no router and no store.
// Build it as the functions are built, and name it first to lambdabench.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(context.Context, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		return events.APIGatewayProxyResponse{
			StatusCode: 200,
			Headers:    map[string]string{"Content-Type": "application/json"},
			Body:       `{"id":"0190b5a2","status":"placed","total":780}`,
		}, nil
	})
}
