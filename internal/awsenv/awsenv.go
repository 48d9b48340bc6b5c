// Package awsenv reads the settings of the AWS SDK's clients from the environment that
// Lambda gives a function. The SDK's own config package also reads files and asks metadata
// services. That adds two MiB to the binary and a quarter to a cold start.
package awsenv

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// Settings are the settings of a client of one AWS service.
type Settings struct {
	Region      string
	Credentials aws.CredentialsProvider
	Endpoint    *string // the endpoint of a stand-in for AWS; nil for AWS itself
}

// FromEnv returns the settings for a service. It reads AWS_REGION (or AWS_DEFAULT_REGION),
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. AWS_ENDPOINT_URL_<service>
// or AWS_ENDPOINT_URL names a stand-in for AWS. The service is the name in that variable:
// SNS, S3 or DYNAMODB. If the region or the keys are missing, the error names the variable.
func FromEnv(getenv func(string) string, service string) (Settings, error) {
	first := func(names ...string) string {
		for _, name := range names {
			if v := getenv(name); v != "" {
				return v
			}
		}
		return ""
	}
	keys := staticCredentials{
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

// staticCredentials are credentials that never expire. Lambda ends the environment of a
// function before its credentials expire.
type staticCredentials aws.Credentials

func (c staticCredentials) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials(c), nil
}

// HTTPClient returns an HTTP client with time limits. A connection may take a second, and
// its TLS handshake another (see QuickTLS). After a request was sent, its answer must begin
// within the given time. Only the context limits reading the body.
func HTTPClient(answer time.Duration) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithTransportOptions(QuickTLS, func(t *http.Transport) { t.ResponseHeaderTimeout = answer })
}
