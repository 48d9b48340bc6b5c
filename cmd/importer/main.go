// Command importer is the Lambda function that reads uploaded files. The bucket
// triggers it.
package main

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"cafe/handlers"
	"cafe/internal/function"
	"cafe/internal/objects/s3"
)

func main() {
	c, err := function.Open()
	if err != nil {
		lambda.Start(function.Refusing(err))
		return
	}
	files, err := s3.FromEnv(os.Getenv)
	if err != nil {
		lambda.Start(function.Refusing(function.NotConfigured(err)))
		return
	}
	lambda.Start(handlers.Import(c, files))
}
