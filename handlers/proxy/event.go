package proxy

import (
	"bytes"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// proxyEvent has the parts of API Gateway's event (REST API, payload 1.0) that the API uses.
// Names and types are those of events.APIGatewayProxyRequest. Other members are skipped.
// Decoding takes one pass. Package lambda would read an event twice, with reflection, and
// that would be a third of the cost of a request. A fuzz test compares the two decoders.
type proxyEvent struct {
	Path                            string              `json:"path"`
	HTTPMethod                      string              `json:"httpMethod"`
	Headers                         given               `json:"headers"` // used only without MultiValueHeaders
	MultiValueHeaders               header              `json:"multiValueHeaders"`
	QueryStringParameters           given               `json:"queryStringParameters"` // used only without the multi-value ones
	MultiValueQueryStringParameters map[string][]string `json:"multiValueQueryStringParameters"`
	RequestContext                  struct {
		RequestID  string `json:"requestId"`
		Path       string `json:"path"`
		Stage      string `json:"stage"`
		DomainName string `json:"domainName"`
		Identity   struct {
			SourceIP string `json:"sourceIp"`
		} `json:"identity"`
		Authorizer map[string]any `json:"authorizer"`
	} `json:"requestContext"`
	Body            string `json:"body"`
	IsBase64Encoded bool   `json:"isBase64Encoded"`
}

// singleEvent has the members that are used if those with several values are absent.
type singleEvent struct {
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters"`
}

// lenient are the options to read JSON as package lambda does.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// DecodeEvent returns the event without its headers, and the headers with canonical names.
// So the headers are processed only once.
func DecodeEvent(payload []byte) (events.APIGatewayProxyRequest, http.Header, error) {
	var p proxyEvent
	if err := json.Unmarshal(payload, &p, lenient); err != nil {
		return events.APIGatewayProxyRequest{}, nil, err
	}
	headers := http.Header(p.MultiValueHeaders)
	oneOfEachHeader := headers == nil && bool(p.Headers)
	oneOfEachParameter := len(p.MultiValueQueryStringParameters) == 0 && bool(p.QueryStringParameters)
	var single singleEvent
	if oneOfEachHeader || oneOfEachParameter {
		if err := json.Unmarshal(payload, &single, lenient); err != nil {
			return events.APIGatewayProxyRequest{}, nil, err
		}
	}
	if headers == nil {
		headers = make(http.Header, len(single.Headers))
		for name, value := range single.Headers {
			headers.Add(name, value)
		}
	}
	if !oneOfEachParameter {
		single.QueryStringParameters = nil
	}
	return events.APIGatewayProxyRequest{
		Path: p.Path, HTTPMethod: p.HTTPMethod,
		QueryStringParameters: single.QueryStringParameters, MultiValueQueryStringParameters: p.MultiValueQueryStringParameters,
		RequestContext: events.APIGatewayProxyRequestContext{
			RequestID: p.RequestContext.RequestID, Path: p.RequestContext.Path, Stage: p.RequestContext.Stage,
			DomainName: p.RequestContext.DomainName, Authorizer: p.RequestContext.Authorizer,
			Identity: events.APIGatewayRequestIdentity{SourceIP: p.RequestContext.Identity.SourceIP},
		},
		Body: p.Body, IsBase64Encoded: p.IsBase64Encoded,
	}, headers, nil
}

// given records whether a member has a value, and skips the value.
type given bool

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (g *given) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*g = d.PeekKind() != 'n'
	return d.SkipValue()
}

// header is the member multiValueHeaders.
type header http.Header

// UnmarshalJSONFrom implements json.UnmarshalerFrom. It is written by hand because
// reflection took twice as long for the names.
func (h *header) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	opening, err := d.ReadToken()
	if err != nil || opening.Kind() == 'n' {
		*h = nil
		return err
	}
	if opening.Kind() != '{' {
		return fmt.Errorf("got %s, want an object", opening.Kind())
	}
	*h = make(header, 32) // clients and API Gateway send fewer
	singles := make([]string, 0, 32)
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		key := http.CanonicalHeaderKey(name.String())
		values, err := d.ReadValue()
		if err != nil {
			return err
		}
		if one, ok := single(values); ok && (*h)[key] == nil {
			singles = append(singles, one)
			(*h)[key] = singles[len(singles)-1 : len(singles) : len(singles)]
			continue
		}
		var several []string
		if err := json.Unmarshal(values, &several, lenient); err != nil {
			return err
		}
		if len(several) > 0 {
			(*h)[key] = append((*h)[key], several...)
		}
	}
	_, err = d.ReadToken()
	return err
}

// single returns the string in an array of one string without escapes, such as ["GB"].
func single(array []byte) (string, bool) {
	if len(array) < 4 || array[0] != '[' || array[1] != '"' || array[len(array)-2] != '"' {
		return "", false
	}
	text := array[2 : len(array)-2]
	plain := bytes.IndexByte(text, '"') < 0 && bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text)
	return string(text), plain
}
