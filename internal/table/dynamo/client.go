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
		Region: settings.Region, Credentials: settings.Credentials, BaseEndpoint: settings.Endpoint, HTTPClient: whole{direct{HTTPClient().GetTransport()}},
	}, options...), nil
}

// direct is a client without what package http has for redirects and cookies.
type direct struct{ *http.Transport }

func (d direct) Do(r *http.Request) (*http.Response, error) { return d.RoundTrip(r) }

// whole sends a request and takes its answer in one piece each, in the time of an attempt.
// net/http sends the header first of a body that might have to be waited for, as the SDK's
// looks; and a client's own time limit, behind the SDK's transport, is a goroutine for
// every request.
type whole struct{ dynamodb.HTTPClient }

func (w whole) Do(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), attempt)
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
	response, err := w.HTTPClient.Do(r)
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	if n := response.ContentLength; n > 0 && n < 2<<20 {
		body.Grow(int(n) + bytes.MinRead)
	}
	_, err = body.ReadFrom(response.Body)
	response.Body.Close()
	response.Body = inMemory{&body}
	if err != nil {
		response.Body = io.NopCloser(io.MultiReader(&body, broken{err}))
	}
	return response, nil
}

// inMemory is an answer's body that is all there.
type inMemory struct{ *bytes.Buffer }

func (inMemory) Close() error { return nil }

// broken is an answer from where it broke off.
type broken struct{ error }

func (b broken) Read([]byte) (int, error) { return 0, b.error }

// attempt is how long one attempt takes at most, so that a connection that died silently
// does not use up the caller's time. See also awsenv.QuickTLS.
const attempt = 3 * time.Second

// HTTPClient is how DynamoDB is reached: each attempt within that limit, and as many
// connections kept as calls run at once.
func HTTPClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithTimeout(attempt).
		WithTransportOptions(awsenv.QuickTLS, func(t *http.Transport) { t.MaxIdleConnsPerHost = t.MaxIdleConns })
}
