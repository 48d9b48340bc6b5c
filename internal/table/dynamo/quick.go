package dynamo

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"cafe/internal/table"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json/jsontext"
)

// quick makes the first attempt of a GetItem without the SDK's middleware, which the SDK
// puts together anew for every call and which is a third of what a read costs in Lambda
// (docs/performance.md). Of the SDK it has the endpoint, the credentials, the signature
// and the connection. It takes only an answer that is whole; of any other the SDK is told
// as of its own first attempt, so that errors, pauses and retries are the SDK's.
type quick struct {
	options dynamodb.Options
	url     *url.URL
	opening []byte // of every request's body: what does not depend on the item
}

// newQuick returns nil for a client that does not tell its options, or has no endpoint:
// then all attempts are the SDK's.
func newQuick(c client, name string, ask types.ReturnConsumedCapacity) *quick {
	sdk, ok := c.(interface{ Options() dynamodb.Options })
	if !ok {
		return nil
	}
	o := sdk.Options()
	endpoint, err := o.EndpointResolverV2.ResolveEndpoint(context.Background(), dynamodb.EndpointParameters{
		Region: &o.Region, Endpoint: o.BaseEndpoint,
		UseDualStack: aws.Bool(o.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
		UseFIPS:      aws.Bool(o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
	})
	if err != nil || o.Credentials == nil {
		return nil
	}
	endpoint.URI.Path = cmp.Or(endpoint.URI.Path, "/")
	opening, err := jsontext.AppendQuote([]byte(`{"TableName":`), name)
	if err != nil {
		return nil
	}
	if ask != "" {
		opening = append(append(append(opening, `,"ReturnConsumedCapacity":"`...), ask...), '"')
	}
	return &quick{options: o, url: &endpoint.URI, opening: opening}
}

// get tells whether r has the answer. If not, r.first is what became of the attempt.
func (q *quick) get(ctx context.Context, key table.Key, consistent bool, r *reading) bool {
	request, err := q.request(ctx, key, consistent)
	if err != nil {
		return false
	}
	response, err := q.options.HTTPClient.Do(request)
	r.first = &attempted{response: response, err: err}
	if err != nil {
		return false
	}
	body := new(bytes.Buffer)
	if all, ok := response.Body.(inMemory); ok {
		body = all.Buffer
	} else {
		_, err = body.ReadFrom(response.Body)
		response.Body.Close()
	}
	if err == nil && response.StatusCode == http.StatusOK && !altered(response.Header, body.Bytes()) &&
		r.decode(bytes.NewBuffer(body.Bytes())) == nil {
		return true
	}
	response.Body = io.NopCloser(io.MultiReader(body, broken{cmp.Or(err, io.EOF)}))
	return false
}

// request is GetItem in DynamoDB's protocol, JSON 1.0: see the DynamoDB API Reference.
func (q *quick) request(ctx context.Context, key table.Key, consistent bool) (*http.Request, error) {
	credentials, err := q.options.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	body := append(make([]byte, 0, 256), q.opening...)
	body = strconv.AppendBool(append(body, `,"ConsistentRead":`...), consistent)
	body, wrongPK := jsontext.AppendQuote(append(body, `,"Key":{"`+table.AttrPK+`":{"S":`...), key.PK)
	body, wrongSK := jsontext.AppendQuote(append(body, `},"`+table.AttrSK+`":{"S":`...), key.SK)
	if err := cmp.Or(wrongPK, wrongSK); err != nil {
		return nil, err
	}
	body = append(body, "}}}"...)

	address := *q.url // the signer writes to it
	request := (&http.Request{
		Method: http.MethodPost, URL: &address, Host: address.Host, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
		Header: http.Header{
			"Content-Type":    {"application/x-amz-json-1.0"},
			"X-Amz-Target":    {"DynamoDB_20120810.GetItem"},
			"Accept-Encoding": {"identity"}, // or net/http asks for gzip, which the checksum is not of
		},
	}).WithContext(ctx)
	hash := sha256.Sum256(body)
	return request, q.options.HTTPSignerV4.SignHTTP(ctx, credentials, request, hex.EncodeToString(hash[:]), "dynamodb", q.options.Region, time.Now())
}

// attempted is the SDK's HTTP client in a call whose first attempt was made before: that
// one is not sent again, the next ones are.
type attempted struct {
	dynamodb.HTTPClient
	response *http.Response
	err      error
	told     bool
}

func (a *attempted) Do(r *http.Request) (*http.Response, error) {
	if a.told {
		return a.HTTPClient.Do(r)
	}
	a.told = true
	return a.response, a.err
}
