// Package awsenv reads what every client of the AWS SDK needs from the environment
// that Lambda gives a function. The SDK's own config package also reads files and asks
// metadata services, which costs two MiB of binary and a quarter of a cold start.
package awsenv

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// Settings are what a client of one service is made with.
type Settings struct {
	Region      string
	Credentials aws.CredentialsProvider
	Endpoint    *string // of a stand-in for AWS; nil: the service's own
}

// Read returns the settings for a service: AWS_REGION (or AWS_DEFAULT_REGION),
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, and for a stand-in
// AWS_ENDPOINT_URL_<service> or AWS_ENDPOINT_URL. The service is named as in those
// variables: SNS, S3, DYNAMODB. It fails when the region or the keys are missing, and
// says which.
func FromEnv(getenv func(string) string, service string) (Settings, error) {
	first := func(names ...string) string {
		for _, name := range names {
			if v := getenv(name); v != "" {
				return v
			}
		}
		return ""
	}
	keys := fixed{
		AccessKeyID:     getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	s := Settings{Region: first("AWS_REGION", "AWS_DEFAULT_REGION"), Credentials: keys}
	switch {
	case s.Region == "":
		return Settings{}, errors.New("AWS_REGION is not set")
	case !aws.Credentials(keys).HasKeys():
		return Settings{}, errors.New("AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set")
	}
	if endpoint := first("AWS_ENDPOINT_URL_"+service, "AWS_ENDPOINT_URL"); endpoint != "" {
		s.Endpoint = &endpoint
	}
	return s, nil
}

// fixed are credentials that last as long as the process: Lambda ends a function's
// environment before its credentials end.
type fixed aws.Credentials

func (f fixed) Retrieve(context.Context) (aws.Credentials, error) { return aws.Credentials(f), nil }

// HTTPClient returns a client that gives up on an attempt when a connection takes over a
// second, or its TLS handshake another (see QuickTLS), or the answer does not begin within
// that time after the request was sent. Bodies may take as long as the context gives them.
func HTTPClient(answer time.Duration) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithTransportOptions(QuickTLS, func(t *http.Transport) { t.ResponseHeaderTimeout = answer })
}
