package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cafe/internal/auth"
	"cafe/internal/cafe"
)

// Function is the handler for API Gateway's proxy events (REST API, payload 1.0): the
// router's answer, whatever the event. It is the one place that knows
// aws-lambda-go-api-proxy, which converts event to request and answer to response.
//
// Who the caller is comes from the authorizer's context and nowhere else.
type Function struct {
	router  http.Handler
	adapter core.RequestAccessor
	now     func() time.Time
}

var _ lambda.Handler = (*Function)(nil)

// Lambda returns the Function of the router. now is the clock that tells whether the
// caller's token has expired since: API Gateway may hold an authorizer's answer for longer
// than the token lives.
func Lambda(router http.Handler, now func() time.Time) *Function {
	return &Function{router: router, now: now}
}

// Invoke implements lambda.Handler. Its only error is of a payload that is no event.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	event, header, err := decodeEvent(payload)
	if err != nil {
		return nil, fmt.Errorf("proxy event: %w", err)
	}
	response, err := f.answer(ctx, event, header)
	if err != nil {
		return nil, err
	}
	return json.Marshal(response, jsontext.AllowInvalidUTF8(true))
}

func (f *Function) answer(ctx context.Context, event events.APIGatewayProxyRequest, header http.Header) (events.APIGatewayProxyResponse, error) {
	id := event.RequestContext.RequestID
	if id == "" {
		id = NewRequestID()
	}
	ctx = WithRequestID(ctx, id)
	if by, err := auth.FromContext(event.RequestContext.Authorizer, f.now()); err == nil {
		ctx = cafe.WithCaller(ctx, cafe.Caller{ID: by.Subject, Role: by.Role})
	}
	// What stands before the path as the client sees it: the stage.
	base, staged := strings.CutSuffix(event.RequestContext.Path, event.Path)
	if !staged {
		base = ""
	}
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
		WriteProblem(w, request, malformed("The request is not well-formed."), id)
	}
	response, err := w.GetProxyResponse()
	if locations := response.MultiValueHeaders["Location"]; len(locations) == 1 && strings.HasPrefix(locations[0], "/") {
		locations[0] = base + locations[0]
	}
	return response, err
}

// unescaped are the characters of a path that the adapter would take for its end.
var unescaped = strings.NewReplacer("?", "%3F", "#", "%23")

// wellFormed tells whether the adapter can convert the event; what it cannot, it would
// answer with a 504. It also takes out of the event what the adapter misreads: the
// stage in front of the path, and ? and # in it, which API Gateway has unescaped.
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

// plain tells whether all is of characters that stand for themselves in a URL.
func plain(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' && c != '/' {
			return false
		}
	}
	return true
}

// Closed returns the handler of a café that is not configured: every request is 503.
func Closed() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _ := r.Context().Value(requestIDKey{}).(string)
		WriteProblem(w, r, Unavailable(), id)
	})
}
