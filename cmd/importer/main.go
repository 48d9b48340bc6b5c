// Command importer is the Lambda function that reads uploaded files. The bucket
// triggers it.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"cafe/handlers/importer"
	"cafe/internal/cafe"
	"cafe/internal/deadletters"
	"cafe/internal/function"
	"cafe/internal/imports"
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
	menus := cafe.New(c.Settings, c.Table, time.Now)
	box := deadletters.New(c.Table, time.Now)
	handle := importer.SetAside(box, importer.Handle(imports.New(c.Settings, c.Table, time.Now, menus), files))
	lambda.Start(importer.HandleOrRedrive(box, handle))
}
