package dynamo

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"cafe/internal/awsenv"
)

// FromEnv returns an SDK client for DynamoDB, made from the environment that Lambda gives
// a function: AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
// AWS_ENDPOINT_URL_DYNAMODB or AWS_ENDPOINT_URL names a stand-in for AWS. It fails if the
// region or the keys are missing. It reads no files and asks no metadata service. The
// SDK's config package does both; it adds two MiB to the binary and a quarter to a cold
// start. Outside Lambda use stream.Connect.
func FromEnv(getenv func(string) string, options ...func(*dynamodb.Options)) (*dynamodb.Client, error) {
	settings, err := awsenv.FromEnv(getenv, "DYNAMODB")
	if err != nil {
		return nil, err
	}
	return dynamodb.New(dynamodb.Options{
		Region: settings.Region, Credentials: settings.Credentials, BaseEndpoint: settings.Endpoint, HTTPClient: bufferedClient{plainClient{HTTPClient().GetTransport()}},
	}, options...), nil
}

// plainClient sends requests without http.Client's handling of redirects and cookies.
type plainClient struct{ *http.Transport }

func (c plainClient) Do(r *http.Request) (*http.Response, error) { return c.RoundTrip(r) }

// bufferedClient sends each request in one write, reads its whole answer into memory, and
// gives up after attemptTimeout.
//
// It is needed for two reasons. The SDK's request body looks to net/http as if it might
// block, so net/http would send the header on its own first. And the timeout of an
// http.Client behind the SDK's transport starts a goroutine for each request.
type bufferedClient struct{ dynamodb.HTTPClient }

func (c bufferedClient) Do(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), attemptTimeout)
	defer cancel()
	r = r.WithContext(ctx)
	if r.Body != nil && r.ContentLength > 0 {
		body := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return nil, err
		}
		if err := r.Body.Close(); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	response, err := c.HTTPClient.Do(r)
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	if n := response.ContentLength; n > 0 && n < 2<<20 {
		body.Grow(int(n) + bytes.MinRead)
	}
	_, err = body.ReadFrom(response.Body)
	response.Body.Close()
	response.Body = memoryBody{&body}
	if err != nil {
		response.Body = io.NopCloser(io.MultiReader(&body, failingBody{err}))
	}
	return response, nil
}

// memoryBody is the body of an answer that has been read completely.
type memoryBody struct{ *bytes.Buffer }

func (memoryBody) Close() error { return nil }

// failingBody is the rest of an answer whose reading failed with the error.
type failingBody struct{ error }

func (f failingBody) Read([]byte) (int, error) { return 0, f.error }

// attemptTimeout limits one attempt of a call. Without it, a connection that died
// silently would use up all of the caller's time. See also awsenv.QuickTLS.
const attemptTimeout = 3 * time.Second

// HTTPClient returns the HTTP client for DynamoDB. Each attempt ends after three seconds.
// The client keeps as many idle connections as calls have run at once, up to the
// transport's own limit.
func HTTPClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithTimeout(attemptTimeout).
		WithTransportOptions(awsenv.QuickTLS, func(t *http.Transport) { t.MaxIdleConnsPerHost = t.MaxIdleConns })
}
