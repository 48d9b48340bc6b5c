// Command api is the Lambda function behind API Gateway.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"cafe/api"
	"cafe/api/cors"
	"cafe/handlers/proxy"
	"cafe/internal/function"
	"cafe/internal/house"
	"cafe/internal/objects/s3/presign"
)

func main() {
	lambda.Start(proxy.New(router(), time.Now))
}

func router() http.Handler {
	c, err := function.Open()
	if err != nil {
		return api.Closed()
	}
	links, err := presign.FromEnv(os.Getenv)
	if err != nil {
		_ = function.NotConfigured(err)
		return api.Closed()
	}
	origins, err := cors.ParseOrigins(os.Getenv("CAFE_ORIGIN"))
	if err != nil {
		_ = function.NotConfigured(fmt.Errorf("CAFE_ORIGIN: %w", err))
		return api.Closed()
	}
	router, err := api.New(house.Open(c.Settings, c.Table, time.Now), api.Options{
		CursorKey: []byte(os.Getenv("CAFE_CURSOR_SECRET")), Version: os.Getenv("CAFE_VERSION"), Links: links,
	})
	if err != nil {
		_ = function.NotConfigured(fmt.Errorf("CAFE_CURSOR_SECRET: %w", err))
		return api.Closed()
	}
	return cors.Allow(origins, router)
}
