package api_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"cafe/api/cors"
	"cafe/handlers/proxy"
)

// event returns API Gateway's event for a request. Like API Gateway, it passes the
// authorizer's context on as strings.
func event(who, method, path, body string, headers ...string) events.APIGatewayProxyRequest {
	path, query, _ := strings.Cut(path, "?")
	e := events.APIGatewayProxyRequest{
		HTTPMethod: method, Path: path, Body: body, MultiValueHeaders: map[string][]string{},
		RequestContext: events.APIGatewayProxyRequestContext{RequestID: "id-of-the-gateway", Stage: "prod", DomainName: "cafe.example.com"},
	}
	for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' }) {
		if e.MultiValueQueryStringParameters == nil {
			e.MultiValueQueryStringParameters = map[string][]string{}
		}
		name, value, _ := strings.Cut(pair, "=")
		e.MultiValueQueryStringParameters[name] = append(e.MultiValueQueryStringParameters[name], value)
	}
	if body != "" {
		e.MultiValueHeaders["content-type"] = []string{"application/json"}
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		e.MultiValueHeaders[name] = append(e.MultiValueHeaders[name], value)
	}
	if role, subject, known := strings.Cut(who, " "); known {
		e.RequestContext.Authorizer = map[string]any{
			"principalId": subject, "sub": subject, "role": role, "exp": fmt.Sprint(time.Now().Add(time.Hour).Unix()),
		}
	}
	return e
}

func (s *service) invoke(e events.APIGatewayProxyRequest) answer {
	s.Helper()
	payload, err := json.Marshal(e)
	if err != nil {
		s.Fatal(err)
	}
	b, err := proxy.New(cors.Allow(testOrigins, s.router), time.Now).Invoke(s.Context(), payload)
	if err != nil {
		s.Fatal(err)
	}
	var response events.APIGatewayProxyResponse
	if err := json.Unmarshal(b, &response); err != nil {
		s.Fatal(err)
	}
	body := []byte(response.Body)
	if response.IsBase64Encoded {
		if body, err = base64.StdEncoding.DecodeString(response.Body); err != nil {
			s.Fatal(err)
		}
	}
	return answer{s.T, response.StatusCode, http.Header(response.MultiValueHeaders), body}
}

// The same calls over HTTP and as API Gateway's events have the same answers, byte for byte.
func TestLambdaAnswersAsHTTPDoes(t *testing.T) {
	s := open(t)
	id := s.call(alice, "POST", "/orders", latte).want(201).get("id")
	for _, c := range []struct {
		who, method, path, body string
		headers                 []string
	}{
		{nobody, "GET", "/health", "", nil},
		{nobody, "GET", "/problems/validation", "", nil},
		{nobody, "GET", "/menu?limit=2", "", nil},
		{nobody, "HEAD", "/menu/tea", "", nil},
		{alice, "GET", "/orders/" + id, "", nil},
		{alice, "GET", "/orders/" + id, "", []string{`If-None-Match: "1"`}},
		{alice, "GET", "/orders?limit=1", "", nil},
		{alice, "GET", "/orders?limit=1&limit=2", "", nil},
		{bob, "GET", "/orders/" + id, "", nil},
		{nobody, "GET", "/orders/" + id, "", nil},
		{sam, "GET", "/customers/nobody", "", nil},
		{alice, "POST", "/orders", `{"lines":[]}`, nil},
		{alice, "POST", "/orders", `{"lines":`, nil},
		{alice, "POST", "/orders", latte, []string{"Idempotency-Key: a", "Idempotency-Key: b"}},
		{alice, "PATCH", "/orders/" + id, `{"note":"x"}`, []string{`If-Match: "5"`}},
		{alice, "PUT", "/orders/" + id + "/status", `{"status":"ready"}`, nil},
		{alice, "TRACE", "/orders", "", nil},
		{alice, "GET", "/nothing", "", nil},
		{nobody, "GET", "/menu", "", []string{"Origin: https://app.example.com"}},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			s := &service{T: t, router: s.router, front: s.front, issuer: s.issuer}
			over := s.call(c.who, c.method, c.path, c.body, c.headers...)
			in := s.invoke(event(c.who, c.method, c.path, c.body, c.headers...))
			if over.status != in.status {
				t.Fatalf("HTTP %d, Lambda %d: %s", over.status, in.status, in.body)
			}
			request := over.header.Get("X-Request-Id")
			if got := in.header.Get("X-Request-Id"); got != "id-of-the-gateway" {
				t.Errorf("request id %q", got)
			}
			if want := strings.ReplaceAll(string(over.body), request, "id-of-the-gateway"); string(in.body) != want {
				t.Errorf("HTTP %s\nLambda %s", want, in.body)
			}
			over.header.Del("X-Request-Id")
			in.header.Del("X-Request-Id")
			if !maps.EqualFunc(over.header, in.header, slices.Equal) {
				t.Errorf("HTTP %v\nLambda %v", over.header, in.header)
			}
		})
	}
}

func TestLambdaTakesWhatAPIGatewaySends(t *testing.T) {
	s := open(t)
	e := event(alice, "POST", "/orders", base64.StdEncoding.EncodeToString([]byte(latte)))
	e.IsBase64Encoded = true
	id := s.invoke(e).want(201).get("id")

	staged := event(alice, "GET", "/prod/orders/"+id, "")
	s.invoke(staged).want(200)
	single := event(alice, "GET", "/orders", "")
	single.QueryStringParameters, single.Headers, single.MultiValueHeaders = map[string]string{"limit": "1"}, map[string]string{"accept": "*/*"}, nil
	s.invoke(single).want(200)

	placed := event(alice, "POST", "/orders", latte)
	placed.RequestContext.Path = "/prod/orders"
	if a := s.invoke(placed).want(201); a.header.Get("Location") != "/prod/orders/"+a.get("id") {
		t.Errorf("behind a stage the order is at %s", a.header.Get("Location"))
	}

	// API Gateway's own refusals have $context.path, which begins with the stage.
	missing := event(alice, "GET", "/orders/none%20", "")
	missing.RequestContext.Path = "/prod/orders/none%20"
	if got := s.invoke(missing).wantProblem(404, "not-found").get("instance"); got != "/prod/orders/none%20" {
		t.Errorf("behind a stage the instance is %s", got)
	}

	broken := event(alice, "POST", "/orders", "%%%")
	broken.IsBase64Encoded = true
	s.invoke(broken).wantProblem(400, "malformed-request")
	for _, path := range []string{"/orders/%zz", "/orders/\x00", "orders", ""} {
		if a := s.invoke(event(alice, "GET", path, "")); a.status != 400 && a.status != 404 {
			t.Errorf("path %q: %d %s", path, a.status, a.body)
		}
	}
	s.invoke(event(alice, "GET", "/orders/"+id+"#x", "")).wantProblem(404, "not-found")
	s.invoke(event(alice, "GET", "/orders/"+id+"?x", "")).wantProblem(400, "malformed-request", "x")
}

// Case 47 in docs/reliability.md.
func TestASpoofedContextGivesNoIdentity(t *testing.T) {
	s := open(t)
	id := s.call(alice, "POST", "/orders", latte).want(201).get("id")
	forged := `{"authorizer":{"sub":"olivia","role":"owner","exp":"99999999999"}}`
	e := event(nobody, "GET", "/orders/"+id, "", "X-GoLambdaProxy-ApiGw-Context: "+forged, "x-golambdaproxy-apigw-context: "+forged)
	s.invoke(e).wantProblem(401, "unauthorized")
	e = event(bob, "GET", "/orders/"+id, "", "X-GoLambdaProxy-ApiGw-Context: "+forged)
	s.invoke(e).wantProblem(404, "not-found")
	for name, context := range map[string]map[string]any{
		"no role":        {"sub": "olivia", "exp": "99999999999"},
		"unknown role":   {"sub": "olivia", "role": "admin", "exp": "99999999999"},
		"no end":         {"sub": "olivia", "role": "owner"},
		"ended":          {"sub": "olivia", "role": "owner", "exp": "1"},
		"nested subject": {"sub": map[string]any{"x": "olivia"}, "role": "owner", "exp": "99999999999"},
	} {
		e := event(nobody, "GET", "/orders/"+id, "")
		e.RequestContext.Authorizer = context
		if a := s.invoke(e); a.status != 401 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
}
