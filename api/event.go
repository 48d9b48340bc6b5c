package api

import (
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// proxyEvent is as much of API Gateway's event (REST API, payload 1.0) as the API looks
// at; names and kinds are those of events.APIGatewayProxyRequest. What is not here is
// skipped, not stored, and all in one pass: package lambda would read an event twice and
// by way of reflection, at a third of what a request costs. A fuzz test holds the two
// against each other.
type proxyEvent struct {
	Path                            string              `json:"path"`
	HTTPMethod                      string              `json:"httpMethod"`
	Headers                         jsontext.Value      `json:"headers"` // looked at without the next
	MultiValueHeaders               map[string][]string `json:"multiValueHeaders"`
	QueryStringParameters           jsontext.Value      `json:"queryStringParameters"` // likewise
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

// lenient reads JSON as package lambda does.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

func decodeEvent(payload []byte) (events.APIGatewayProxyRequest, error) {
	var p proxyEvent
	if err := json.Unmarshal(payload, &p, lenient); err != nil {
		return events.APIGatewayProxyRequest{}, err
	}
	var headers, query map[string]string
	if p.MultiValueHeaders == nil && p.Headers != nil {
		if err := json.Unmarshal(p.Headers, &headers, lenient); err != nil {
			return events.APIGatewayProxyRequest{}, fmt.Errorf("headers: %w", err)
		}
	}
	if len(p.MultiValueQueryStringParameters) == 0 && p.QueryStringParameters != nil {
		if err := json.Unmarshal(p.QueryStringParameters, &query, lenient); err != nil {
			return events.APIGatewayProxyRequest{}, fmt.Errorf("queryStringParameters: %w", err)
		}
	}
	return events.APIGatewayProxyRequest{
		Path: p.Path, HTTPMethod: p.HTTPMethod, Headers: headers, MultiValueHeaders: p.MultiValueHeaders,
		QueryStringParameters: query, MultiValueQueryStringParameters: p.MultiValueQueryStringParameters,
		RequestContext: events.APIGatewayProxyRequestContext{
			RequestID: p.RequestContext.RequestID, Path: p.RequestContext.Path, Stage: p.RequestContext.Stage,
			DomainName: p.RequestContext.DomainName, Authorizer: p.RequestContext.Authorizer,
			Identity: events.APIGatewayRequestIdentity{SourceIP: p.RequestContext.Identity.SourceIP},
		},
		Body: p.Body, IsBase64Encoded: p.IsBase64Encoded,
	}, nil
}
