package dynamo

import (
	"net/http"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"cafe/internal/awsenv"
)

// Client makes the SDK's client from the environment that Lambda gives a function:
// AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and for
// a stand-in AWS_ENDPOINT_URL_DYNAMODB or AWS_ENDPOINT_URL. It reads no files and
// asks no metadata service: the SDK's config package, which does, is two MiB more
// and a quarter of a cold start. Elsewhere there is stream.Connect.
func Client(getenv func(string) string, options ...func(*dynamodb.Options)) (*dynamodb.Client, error) {
	settings, err := awsenv.Read(getenv, "DYNAMODB")
	if err != nil {
		return nil, err
	}
	return dynamodb.New(dynamodb.Options{
		Region: settings.Region, Credentials: settings.Credentials, BaseEndpoint: settings.Endpoint, HTTPClient: HTTPClient(),
	}, options...), nil
}

// HTTPClient is how DynamoDB is reached. One attempt takes three seconds at most, so that
// a connection that died silently does not use up the caller's time (see also
// awsenv.QuickTLS); and as many connections are kept as calls run at once.
func HTTPClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithTimeout(3*time.Second).
		WithTransportOptions(awsenv.QuickTLS, func(t *http.Transport) { t.MaxIdleConnsPerHost = t.MaxIdleConns })
}
