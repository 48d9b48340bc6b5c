// Command authorizer is the Lambda function that API Gateway asks whether a caller may
// come in. See auth.FromEnv and, for CAFE_USAGE_KEYS, authorizer.Metered for its
// environment, authorizer.Authorize for what it does.
package main

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"cafe/handlers/authorizer"
	"cafe/internal/auth"
	"cafe/internal/lambdalog"
)

func main() {
	slog.SetDefault(lambdalog.New(os.Getenv("CAFE_LOG_LEVEL")))
	verifier, err := auth.FromEnv(os.Getenv, slog.Default())
	if err != nil {
		// The function starts all the same, and refuses every request: a crash at start
		// would say less, and be tried again and again.
		slog.Error("no request can be let in: the authorizer is not configured", "error", err)
	}
	lambda.Start(authorizer.Metered(os.Getenv("CAFE_USAGE_KEYS"), authorizer.Authorize(verifier)))
}
