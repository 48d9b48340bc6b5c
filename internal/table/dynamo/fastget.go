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

// fastGet makes the first attempt of a GetItem without the SDK's middleware. The SDK
// builds that middleware anew for every call, and it is a third of the cost of a read in
// Lambda (docs/performance.md). fastGet uses the SDK's endpoint, credentials, signer and
// connection.
//
// It accepts only a complete, correct answer. Any other outcome is handed to the SDK as
// if it were the SDK's own first attempt, so that errors, pauses and retries stay the
// SDK's. Options.PlainReads turns fastGet off.
type fastGet struct {
	options dynamodb.Options
	url     *url.URL
	opening []byte // the start of every request's body, which is the same for all items
}

// newFastGet returns nil if the client does not reveal its options or has no endpoint or
// no credentials. Then the SDK makes every attempt.
func newFastGet(c client, name string, ask types.ReturnConsumedCapacity) *fastGet {
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
	return &fastGet{options: o, url: &endpoint.URI, opening: opening}
}

// get asks for the item and reports whether r now has the answer. If not, r.first holds
// the outcome of the attempt, or is nil if nothing was sent.
func (f *fastGet) get(ctx context.Context, key table.Key, consistent bool, r *readCall) bool {
	request, err := f.request(ctx, key, consistent)
	if err != nil {
		return false
	}
	response, err := f.options.HTTPClient.Do(request)
	r.first = &firstAttempt{response: response, err: err}
	if err != nil {
		return false
	}
	body := new(bytes.Buffer)
	if all, ok := response.Body.(memoryBody); ok {
		body = all.Buffer
	} else {
		_, err = body.ReadFrom(response.Body)
		response.Body.Close()
	}
	if err == nil && response.StatusCode == http.StatusOK && !altered(response.Header, body.Bytes()) &&
		r.decode(bytes.NewBuffer(body.Bytes())) == nil {
		return true
	}
	response.Body = io.NopCloser(io.MultiReader(body, failingBody{cmp.Or(err, io.EOF)}))
	return false
}

// request returns a signed GetItem request in DynamoDB's protocol, JSON 1.0 (DynamoDB API
// Reference, "GetItem").
func (f *fastGet) request(ctx context.Context, key table.Key, consistent bool) (*http.Request, error) {
	credentials, err := f.options.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	body := append(make([]byte, 0, 256), f.opening...)
	body = strconv.AppendBool(append(body, `,"ConsistentRead":`...), consistent)
	body, wrongPK := jsontext.AppendQuote(append(body, `,"Key":{"`+table.AttrPK+`":{"S":`...), key.PK)
	body, wrongSK := jsontext.AppendQuote(append(body, `},"`+table.AttrSK+`":{"S":`...), key.SK)
	if err := cmp.Or(wrongPK, wrongSK); err != nil {
		return nil, err
	}
	body = append(body, "}}}"...)

	address := *f.url // a copy, since the signer writes to it
	request := (&http.Request{
		Method: http.MethodPost, URL: &address, Host: address.Host, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
		Header: http.Header{
			"Content-Type":    {"application/x-amz-json-1.0"},
			"X-Amz-Target":    {"DynamoDB_20120810.GetItem"},
			"Accept-Encoding": {"identity"}, // net/http would ask for gzip, and the checksum is of the plain text
		},
	}).WithContext(ctx)
	hash := sha256.Sum256(body)
	return request, f.options.HTTPSignerV4.SignHTTP(ctx, credentials, request, hex.EncodeToString(hash[:]), "dynamodb", f.options.Region, time.Now())
}

// firstAttempt is the SDK's HTTP client in a call whose first attempt fastGet has made.
// Its first Do returns the outcome of that attempt and sends nothing. Later calls send.
type firstAttempt struct {
	dynamodb.HTTPClient
	response *http.Response
	err      error
	used     bool // the outcome was returned
}

func (a *firstAttempt) Do(r *http.Request) (*http.Response, error) {
	if a.used {
		return a.HTTPClient.Do(r)
	}
	a.used = true
	return a.response, a.err
}
