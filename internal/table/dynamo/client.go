package dynamo

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Client makes the SDK's client from the environment that Lambda gives a function:
// AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and for
// a stand-in AWS_ENDPOINT_URL_DYNAMODB or AWS_ENDPOINT_URL. It reads no files and
// asks no metadata service: the SDK's config package, which does, is two MiB more
// and a quarter of a cold start. Elsewhere there is stream.Connect.
func Client(getenv func(string) string, options ...func(*dynamodb.Options)) (*dynamodb.Client, error) {
	first := func(names ...string) string {
		for _, name := range names {
			if v := getenv(name); v != "" {
				return v
			}
		}
		return ""
	}
	o := dynamodb.Options{
		Region:     first("AWS_REGION", "AWS_DEFAULT_REGION"),
		HTTPClient: HTTPClient(),
	}
	credentials := aws.Credentials{
		AccessKeyID: getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken: getenv("AWS_SESSION_TOKEN"), Source: "environment",
	}
	switch {
	case o.Region == "":
		return nil, fmt.Errorf("AWS_REGION is not set")
	case !credentials.HasKeys():
		return nil, fmt.Errorf("AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set")
	}
	o.Credentials = fixed(credentials)
	if endpoint := first("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"); endpoint != "" {
		o.BaseEndpoint = &endpoint
	}
	return dynamodb.New(o, options...), nil
}

// HTTPClient is how DynamoDB is reached. One attempt takes three seconds at most, one
// of them to connect, so that a connection that died silently does not use up the
// caller's time; and as many connections are kept as calls run at once.
func HTTPClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithTimeout(3 * time.Second).
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = time.Second }).
		WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = t.MaxIdleConns })
}

// fixed are credentials that last as long as the process: Lambda ends a function's
// environment before its credentials end.
type fixed aws.Credentials

func (f fixed) Retrieve(context.Context) (aws.Credentials, error) { return aws.Credentials(f), nil }
