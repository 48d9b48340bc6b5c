package dynamo

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
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

// fast makes the first attempt of a GetItem, a Query or a write of one item without the
// SDK's middleware. The SDK builds that middleware anew for every call, and it is a third of
// the cost of a read in Lambda (docs/performance.md). fast uses the SDK's endpoint,
// credentials, signer and connection.
//
// It accepts only a complete, correct answer. Any other outcome is handed to the SDK as
// if it were the SDK's own first attempt, so that errors, pauses and retries stay the
// SDK's, and so does the decision whether a write may be sent again. Options.PlainReads turns
// fast off.
type fast struct {
	options dynamodb.Options
	url     *url.URL
	opening []byte // the start of every request's body, which is the same for all items
}

// newFast returns nil if the client does not reveal its options or has no endpoint or
// no credentials. Then the SDK makes every attempt.
func newFast(c client, name string, ask types.ReturnConsumedCapacity) *fast {
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
	return &fast{options: o, url: &endpoint.URI, opening: opening}
}

// get asks for the item and reports whether r now has the answer. If not, the SDK goes on.
func (f *fast) get(ctx context.Context, key table.Key, consistent bool, r *readCall) bool {
	b := f.body()
	b.add("ConsistentRead").bool(consistent)
	b.add("Key").attributes(encodeKey(key, 0))
	return f.attempt(ctx, "GetItem", b, r)
}

// query asks for the rows and reports whether r now has the answer. If not, the SDK goes on.
func (f *fast) query(ctx context.Context, in *dynamodb.QueryInput, r *readCall) bool {
	b := f.body()
	b.add("ConsistentRead").bool(*in.ConsistentRead)
	b.text("IndexName", in.IndexName)
	b.text("KeyConditionExpression", in.KeyConditionExpression)
	b.add("ExpressionAttributeValues").attributes(in.ExpressionAttributeValues)
	if in.Limit != nil {
		b.add("Limit").json = strconv.AppendInt(b.json, int64(*in.Limit), 10)
	}
	if in.ScanIndexForward != nil {
		b.add("ScanIndexForward").bool(*in.ScanIndexForward)
	}
	return f.attempt(ctx, "Query", b, r)
}

// write sends a PutItem, an UpdateItem or a DeleteItem, and reports whether it was carried
// out; r then has what it cost. If not, the SDK goes on.
func (f *fast) write(ctx context.Context, operation string, p wireOp, r *readCall) bool {
	b := f.body()
	item := "Key"
	if operation == "PutItem" {
		item = "Item"
	}
	b.add(item).attributes(p.item)
	b.text("UpdateExpression", p.update)
	b.text("ConditionExpression", p.condition)
	if p.names != nil {
		b.add("ExpressionAttributeNames").object(func(member func(string)) {
			for name, attr := range p.names {
				member(name)
				b.quote(attr)
			}
		})
	}
	if p.values != nil {
		b.add("ExpressionAttributeValues").attributes(p.values)
	}
	b.add("ReturnValuesOnConditionCheckFailure").quote(string(allOld))
	return f.attempt(ctx, operation, b, r)
}

// attempt sends a request and reports whether r now has the answer. If not, r.first holds
// the outcome of the attempt, or is nil if nothing was sent.
func (f *fast) attempt(ctx context.Context, operation string, b *requestBody, r *readCall) bool {
	if b.err != nil {
		return false
	}
	request, err := f.request(ctx, operation, append(b.json, '}'))
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
	r.rows, r.last, r.used = nil, nil, nil
	response.Body = io.NopCloser(io.MultiReader(body, failingBody{cmp.Or(err, io.EOF)}))
	return false
}

// request returns a signed request in DynamoDB's protocol, JSON 1.0 (DynamoDB API
// Reference, "GetItem" and so on).
func (f *fast) request(ctx context.Context, operation string, body []byte) (*http.Request, error) {
	credentials, err := f.options.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	address := *f.url // a copy, since the signer writes to it
	request := (&http.Request{
		Method: http.MethodPost, URL: &address, Host: address.Host, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
		Header: http.Header{
			"Content-Type":    {"application/x-amz-json-1.0"},
			"X-Amz-Target":    {"DynamoDB_20120810." + operation},
			"Accept-Encoding": {"identity"}, // net/http would ask for gzip, and the checksum is of the plain text
		},
	}).WithContext(ctx)
	hash := sha256.Sum256(body)
	return request, f.options.HTTPSignerV4.SignHTTP(ctx, credentials, request, hex.EncodeToString(hash[:]), "dynamodb", f.options.Region, time.Now())
}

// requestBody is a request's body, which is still open: its last brace is missing.
type requestBody struct {
	json []byte
	err  error // the first text that was not UTF-8, if any
}

func (f *fast) body() *requestBody {
	return &requestBody{json: append(make([]byte, 0, 1024), f.opening...)}
}

// add adds a member, whose value comes next.
func (b *requestBody) add(name string) *requestBody {
	b.json = append(append(append(b.json, `,"`...), name...), `":`...)
	return b
}

// text adds a member with a text, unless it is nil.
func (b *requestBody) text(name string, value *string) {
	if value != nil {
		b.add(name).quote(*value)
	}
}

func (b *requestBody) bool(v bool) { b.json = strconv.AppendBool(b.json, v) }

func (b *requestBody) quote(s string) {
	var err error
	if b.json, err = jsontext.AppendQuote(b.json, s); err != nil && b.err == nil {
		b.err = err
	}
}

// object adds an object. members calls its argument with each name, and then adds the value.
func (b *requestBody) object(members func(member func(name string))) {
	b.json = append(b.json, '{')
	more := false
	members(func(name string) {
		if more {
			b.json = append(b.json, ',')
		}
		more = true
		b.quote(name)
		b.json = append(b.json, ':')
	})
	b.json = append(b.json, '}')
}

func (b *requestBody) attributes(m attributes) {
	b.object(func(member func(string)) {
		for name, v := range m {
			member(name)
			b.attribute(v)
		}
	})
}

// attribute adds a value of an attribute (DynamoDB API Reference, "AttributeValue"): one of
// the kinds that encode makes.
func (b *requestBody) attribute(v types.AttributeValue) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		b.json = append(b.json, `{"S":`...)
		b.quote(v.Value)
	case *types.AttributeValueMemberN:
		b.json = append(b.json, `{"N":`...)
		b.quote(v.Value)
	case *types.AttributeValueMemberBOOL:
		b.json = append(b.json, `{"BOOL":`...)
		b.bool(v.Value)
	case *types.AttributeValueMemberB:
		b.json = append(b.json, `{"B":"`...)
		b.json = append(base64.StdEncoding.AppendEncode(b.json, v.Value), '"')
	case *types.AttributeValueMemberL:
		b.json = append(b.json, `{"L":[`...)
		for i, e := range v.Value {
			if i > 0 {
				b.json = append(b.json, ',')
			}
			b.attribute(e)
		}
		b.json = append(b.json, ']')
	case *types.AttributeValueMemberM:
		b.json = append(b.json, `{"M":`...)
		b.attributes(v.Value)
	default:
		b.err = errUnsupported
		return
	}
	b.json = append(b.json, '}')
}

// firstAttempt is the SDK's HTTP client in a call whose first attempt fast has made.
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
