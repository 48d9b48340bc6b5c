// Package proxy handles API Gateway's proxy events (REST API, payload 1.0): it gives each
// event to the router of package api. Only this package uses aws-lambda-go-api-proxy, which
// converts events to requests and answers to responses. That library is archived: it can be
// replaced here.
package proxy

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cafe/api/rest"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cafe/internal/auth"
	"cafe/internal/cafe"
)

// Handler is the Lambda handler. The caller's identity comes only from the authorizer's
// context.
type Handler struct {
	router  http.Handler
	adapter core.RequestAccessor
	now     func() time.Time
}

var _ lambda.Handler = (*Handler)(nil)

// New returns the handler of a router. now is the clock that reports whether the
// caller's token has expired since: API Gateway may hold an authorizer's answer for longer
// than the token lives.
func New(router http.Handler, now func() time.Time) *Handler {
	return &Handler{router: router, now: now}
}

// Invoke implements lambda.Handler. It returns an error only if the payload is not an event.
func (f *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	event, header, err := DecodeEvent(payload)
	if err != nil {
		return nil, fmt.Errorf("proxy event: %w", err)
	}
	response, err := f.answer(ctx, event, header)
	if err != nil {
		return nil, err
	}
	return json.Marshal(response, jsontext.AllowInvalidUTF8(true))
}

func (f *Handler) answer(ctx context.Context, event events.APIGatewayProxyRequest, header http.Header) (events.APIGatewayProxyResponse, error) {
	id := event.RequestContext.RequestID
	if id == "" {
		id = rest.NewRequestID()
	}
	ctx = rest.WithRequestID(ctx, id)
	if by, err := auth.FromContext(event.RequestContext.Authorizer, f.now()); err == nil {
		ctx = cafe.WithCaller(ctx, cafe.Caller{ID: by.Subject, Role: by.Role})
	}
	// The stage, which precedes the path in the client's URL.
	base, staged := strings.CutSuffix(event.RequestContext.Path, event.Path)
	if !staged {
		base = ""
	}
	if host := event.RequestContext.DomainName; host != "" {
		ctx = rest.WithAddress(ctx, "https://"+host+strings.TrimRight(base, "/"))
	}
	header.Del("Accept-Encoding") // API Gateway compresses, and takes a compressed body for text
	whole := wellFormed(&event)
	if !whole {
		event = events.APIGatewayProxyRequest{HTTPMethod: http.MethodGet, Path: "/"}
	}
	request, err := f.adapter.EventToRequestWithContext(ctx, event)
	if err != nil {
		return events.APIGatewayProxyResponse{}, err
	}
	w := core.NewProxyResponseWriter()
	if whole {
		request.Header = header
		f.router.ServeHTTP(w, request)
	} else {
		rest.WriteProblem(w, request, rest.NotWellFormed(), id)
	}
	response, err := w.GetProxyResponse()
	if locations := response.MultiValueHeaders["Location"]; len(locations) == 1 && strings.HasPrefix(locations[0], "/") {
		locations[0] = base + locations[0]
	}
	return response, err
}

// unescaped escapes the characters that the adapter would take for the end of a path.
var unescaped = strings.NewReplacer("?", "%3F", "#", "%23")

// wellFormed reports whether the adapter can convert the event. The adapter would answer
// any other event with 504. wellFormed also corrects what the adapter misreads: it removes
// the stage from the path, and it escapes ? and #, which API Gateway has unescaped.
func wellFormed(event *events.APIGatewayProxyRequest) bool {
	if event.IsBase64Encoded {
		if _, err := base64.StdEncoding.DecodeString(event.Body); err != nil {
			return false
		}
	}
	if stage := event.RequestContext.Stage; stage != "" && (event.Path == "/"+stage || strings.HasPrefix(event.Path, "/"+stage+"/")) {
		event.Path = event.Path[len(stage)+1:]
	}
	event.Path = unescaped.Replace(event.Path)
	if event.Path == "" {
		event.Path = "/"
	}
	if plain(event.Path) && plain(event.HTTPMethod) && plain(event.RequestContext.DomainName) {
		return event.Path[0] == '/'
	}
	_, err := http.NewRequest(strings.ToUpper(event.HTTPMethod), "https://"+event.RequestContext.DomainName+event.Path, nil)
	if err != nil || event.Path[0] != '/' {
		return false
	}
	_, err = url.PathUnescape(event.Path)
	return err == nil
}

// plain reports whether all characters may stand unescaped in a URL.
func plain(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' && c != '/' {
			return false
		}
	}
	return true
}
