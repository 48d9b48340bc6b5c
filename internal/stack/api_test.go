package stack_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"cafe/api/rest"

	"cafe/api"
	"cafe/api/cors"
	"cafe/internal/cafetest"
	"cafe/internal/house"
	"cafe/internal/settings"
	"cafe/model"
)

// method is a path and an HTTP method of the API.
type method struct{ method, path string }

// events returns the methods of the API function, and for each whether it needs a token.
func routes(t *testing.T, p template) map[method]bool {
	t.Helper()
	all := map[method]bool{}
	for name, event := range p.one("ApiFunction").at("Events").(object) {
		properties := at(event, "Properties")
		token := at(properties, "Auth", "Authorizer") != "NONE"
		// A usage plan counts requests by the key that the authorizer returns.
		if key := at(properties, "Auth", "ApiKeyRequired"); token == (key == false) {
			t.Errorf("%s: needs a token: %v, and a key of the authorizer's: %v", name, token, key)
		}
		all[method{text(at(properties, "Method")), text(at(properties, "Path"))}] = token
	}
	return all
}

// Package api compares the document with the router.
func TestTheGatewayHasExactlyTheAPIsPaths(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(api.OpenAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	gateway := routes(t, with(t))
	paths := map[string]bool{}
	for m := range gateway {
		paths[m.path] = true
	}
	for path, item := range doc.Paths {
		if !paths[path] {
			t.Errorf("the gateway answers %s with 404", path)
		}
		delete(paths, path)
		for verb, raw := range item {
			verb = strings.ToUpper(verb)
			if !slices.Contains([]string{"GET", "PUT", "POST", "PATCH", "DELETE"}, verb) {
				continue
			}
			var operation struct{ Security *[]json.RawMessage }
			if err := json.Unmarshal(raw, &operation); err != nil {
				t.Fatal(err)
			}
			anyone := operation.Security != nil && len(*operation.Security) == 0
			verbs := []string{verb}
			if verb == "GET" {
				verbs = append(verbs, "HEAD")
			}
			for _, verb := range verbs {
				token, has := gateway[method{verb, path}]
				if !has {
					token, has = gateway[method{"ANY", path}]
				}
				if !has || token == anyone {
					t.Errorf("%s %s: for anyone: %v; at the gateway: %v, with a token: %v", verb, path, anyone, has, token)
				}
			}
		}
		// The API and not the gateway must refuse unknown methods, with 405.
		if _, has := gateway[method{"ANY", path}]; !has {
			t.Errorf("%s: the gateway itself refuses methods", path)
		}
	}
	if len(paths) > 0 {
		t.Errorf("the gateway has %v, and the API does not", slices.Collect(maps.Keys(paths)))
	}
}

func TestOnlyPricesAndTheDocsArePublic(t *testing.T) {
	p := transformed(t)
	var open []string
	for path, item := range p.one("Api").at("Body", "paths").(object) {
		for verb, operation := range item.(object) {
			security := text(at(operation, "security"))
			switch {
			case verb == "options":
				if at(operation, "x-amazon-apigateway-integration", "type") != "mock" {
					t.Errorf("a preflight of %s reaches the function", path)
				}
			case security == "[]":
				open = append(open, strings.TrimPrefix(verb, "x-amazon-apigateway-")+" "+path)
			case security != `[{"Token":[]},{"api_key":[]}]`:
				t.Errorf("%s %s: %s", verb, path, security)
			}
		}
	}
	slices.Sort(open)
	want := []string{"any-method /asyncapi.json", "any-method /docs", "any-method /health", "any-method /menu", "any-method /openapi.json", "any-method /problems/{kind}", "get /menu/{sku}", "get /pricing", "head /menu/{sku}", "head /pricing"}
	if !slices.Equal(open, want) {
		t.Errorf("open to anyone are %v, want %v", open, want)
	}
	authorizer := p.one("Api").at("Body", "components", "securitySchemes", "Token", "x-amazon-apigateway-authorizer")
	// An authorizer of type TOKEN would not see a second Authorization header.
	if at(authorizer, "type") != "request" || at(authorizer, "identitySource") != "method.request.header.Authorization" || text(at(authorizer, "authorizerResultTtlInSeconds")) != "300" {
		t.Errorf("authorizer %s", text(authorizer))
	}
	stage := p.every("AWS::ApiGateway::Stage")
	if len(stage) != 1 || stage[0].at("TracingEnabled") != true || stage[0].at("AccessLogSetting", "DestinationArn") == nil {
		t.Errorf("stages %v", stage)
	}
}

// A Deny holds whatever the authorizer allows. An Allow for some networks would not.
func TestOnlyTheGivenNetworksAreLetIn(t *testing.T) {
	p := with(t, "AllowedNetworks=203.0.113.0/24,2001:db8::/32")
	for _, s := range list(p.one("Api").at("Auth", "ResourcePolicy", "CustomStatements")) {
		if at(s, "Effect") == "Deny" {
			if got := texts(at(s, "Condition", "NotIpAddress", "aws:SourceIp")); !slices.Equal(got, []string{"203.0.113.0/24", "2001:db8::/32"}) {
				t.Errorf("the policy refuses callers outside %v", got)
			}
			return
		}
	}
	t.Error("the policy refuses nobody")
}

func TestSensitiveMethodsHaveTheirOwnLimits(t *testing.T) {
	p := with(t)
	gateway := routes(t, p)
	found := 0
	for _, setting := range list(p.one("Api").at("MethodSettings")) {
		path, verb := text(at(setting, "ResourcePath")), text(at(setting, "HttpMethod"))
		if at(setting, "ThrottlingRateLimit") == nil || at(setting, "DataTraceEnabled") == true {
			t.Errorf("%s %s is not limited, or logs bodies", verb, path)
		}
		if path == "/*" && verb == "*" {
			found++
			continue
		}
		// API Gateway refuses settings of a method that does not exist. ~1 stands for / (RFC 6901).
		real := "/" + strings.ReplaceAll(strings.TrimPrefix(path, "/~1"), "~1", "/")
		if _, has := gateway[method{verb, real}]; !has || !strings.HasPrefix(path, "/~1") {
			t.Errorf("settings of %s %s, which does not exist", verb, path)
		}
		found++
	}
	if found < 3 {
		t.Errorf("found %d settings", found)
	}
}

// service is the API without a store.
func service(t *testing.T, p template) http.Handler {
	t.Helper()
	settings, err := settings.FromEnv(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	router, err := api.New(house.Open(settings, nil, time.Now), api.Options{CursorKey: make([]byte, 16), Links: cafetest.NewFiles()})
	if err != nil {
		t.Fatal(err)
	}
	return cors.Allow([]string{p.parameters["WebOrigin"]}, router)
}

func unquoted(v any) string { return strings.Trim(text(v), "'") }

func TestTheGatewayAnswersAPreflightAsTheAPIDoes(t *testing.T) {
	p := with(t, "WebOrigin=https://app.example.com")
	r := httptest.NewRequest(http.MethodOptions, "/orders", nil)
	r.Header.Set("Origin", "https://app.example.com")
	r.Header.Set("Access-Control-Request-Method", "POST")
	w := httptest.NewRecorder()
	service(t, p).ServeHTTP(w, r)
	for setting, header := range map[string]string{"AllowOrigin": "Allow-Origin", "AllowMethods": "Allow-Methods", "AllowHeaders": "Allow-Headers", "MaxAge": "Max-Age"} {
		if got, want := unquoted(p.one("Api").at("Cors", setting)), w.Header().Get("Access-Control-"+header); got != want || want == "" {
			t.Errorf("%s: the gateway says %q, the API %q", setting, got, want)
		}
	}
	exposed := w.Header().Get("Access-Control-Expose-Headers")
	for name, response := range p.one("Api").at("GatewayResponses").(object) {
		headers := at(response, "ResponseParameters", "Headers")
		if got := unquoted(at(headers, "Access-Control-Allow-Origin")); got != "https://app.example.com" {
			t.Errorf("%s: a page of %q may read the answer", name, got)
		}
		if got := unquoted(at(headers, "X-Content-Type-Options")); got != "nosniff" {
			t.Errorf("%s: X-Content-Type-Options %q", name, got)
		}
		if got := unquoted(at(headers, "Cache-Control")); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", name, got)
		}
		if got := unquoted(at(headers, "Access-Control-Expose-Headers")); got != exposed || exposed == "" {
			t.Errorf("%s: exposes %q, the API %q", name, got, exposed)
		}
	}
}

func TestTheGatewaysOwnErrorsLookLikeTheAPIs(t *testing.T) {
	p := with(t)
	own := map[string]*rest.Problem{
		"UNAUTHORIZED": rest.Unauthorized(), "THROTTLED": rest.TooManyRequests(1), "QUOTA_EXCEEDED": rest.TooManyRequests(1),
		"DEFAULT_5XX": rest.Unavailable(), "INVALID_API_KEY": rest.Unavailable(),
	}
	if got := len(p.one("Api").at("GatewayResponses").(object)); got != 13 {
		t.Errorf("%d gateway responses, not all of which are looked at here", got)
	}
	for _, name := range []string{"DEFAULT_4XX", "UNAUTHORIZED", "ACCESS_DENIED", "WAF_FILTERED", "MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "EXPIRED_TOKEN", "RESOURCE_NOT_FOUND",
		"REQUEST_TOO_LARGE", "THROTTLED", "QUOTA_EXCEEDED", "INVALID_API_KEY", "DEFAULT_5XX"} {
		response := p.one("Api").at("GatewayResponses", name)
		headers := at(response, "ResponseParameters", "Headers")
		if unquoted(at(headers, "Content-Type")) != "application/problem+json" || at(headers, "X-Request-Id") != "context.requestId" {
			t.Errorf("%s: headers %s", name, text(headers))
		}
		var body struct {
			Type, Title, Detail, Instance string
			Status                        int64
			RequestID                     string `json:"request_id"`
		}
		if err := json.Unmarshal([]byte(text(at(response, "ResponseTemplates", "application/json"))), &body); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if body.Status != number(t, at(response, "StatusCode")) || !strings.HasPrefix(body.Type, "/problems/") || body.Title == "" || body.Detail == "" ||
			body.Instance != "$context.path" || body.RequestID != "$context.requestId" {
			t.Errorf("%s: body %+v", name, body)
		}
		if want := own[name]; want != nil && (body.Type != want.Type || body.Title != want.Title || body.Detail != want.Detail || body.Status != int64(want.Status)) {
			t.Errorf("%s: the gateway says %+v, the API %+v", name, body, want)
		}
		if later := at(headers, "Retry-After") != nil; later != (body.Status == 429 || body.Status == 503) {
			t.Errorf("%s: %d has Retry-After: %v", name, body.Status, later)
		}
		if challenge := at(headers, "WWW-Authenticate"); (challenge != nil) != (body.Status == 401) {
			t.Errorf("%s: %d with WWW-Authenticate %v", name, body.Status, challenge)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/nowhere", nil)
	w := httptest.NewRecorder()
	service(t, p).ServeHTTP(w, r)
	// The gateway has these names for an unknown path, without a token and with one (API Gateway
	// Developer Guide, "Gateway response types").
	for _, name := range []string{"MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "EXPIRED_TOKEN", "RESOURCE_NOT_FOUND"} {
		for _, word := range []string{`"type":"/problems/not-found"`, `"title":"Not found"`, `"detail":"It does not exist, or you may not see it."`} {
			if !strings.Contains(w.Body.String(), word) || !strings.Contains(text(p.one("Api").at("GatewayResponses", name)), strings.ReplaceAll(word, `"`, `\"`)) {
				t.Errorf("%s, an unknown path: the API says %s", name, w.Body)
			}
		}
	}
}

func TestAccessLogsNameNobody(t *testing.T) {
	format := text(with(t).one("Api").at("AccessLogSetting", "Format"))
	var line map[string]string
	if err := json.Unmarshal([]byte(format), &line); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	for name, value := range line {
		for _, personal := range []string{"identity", "authorizer.principalId", "authorizer.sub", "context.path", "authorizer.claims"} {
			if strings.Contains(value, personal) {
				t.Errorf("%s logs %s", name, value)
			}
		}
	}
	for _, want := range []string{"request_id", "trace_id", "route", "status"} {
		if line[want] == "" {
			t.Errorf("no %s in %s", want, format)
		}
	}
}

// The authorizer returns a key of the prefix and the caller's role (handlers.Metered).
func TestEveryRoleHasAKeyInAUsagePlan(t *testing.T) {
	p := with(t)
	prefix := p.one("AuthorizerFunction").at("Environment", "Variables", "CAFE_USAGE_KEYS")
	plans := map[string]string{}
	for _, k := range p.every("AWS::ApiGateway::UsagePlanKey") {
		plans[text(p.one(ref(k.at("KeyId"))).at("Value"))] = ref(k.at("UsagePlanId"))
	}
	want := map[model.Role]string{model.RoleCustomer: "CustomerPlan", model.RoleStaff: "StaffPlan", model.RoleOwner: "StaffPlan"}
	for role, plan := range want {
		key := text(object{"Fn::Join": []any{"", []any{prefix, string(role)}}})
		if plans[key] != plan {
			t.Errorf("%s is counted in %q by %s, want %s; there are %v", role, plans[key], key, plan, plans)
		}
	}
	if len(plans) != len(want) || p.one("Api").at("ApiKeySourceType") != "AUTHORIZER" || p.one("Api").at("Auth", "ApiKeyRequired") != true {
		t.Errorf("keys %v, taken from %v", plans, p.one("Api").at("ApiKeySourceType"))
	}
}

func TestTheFirewallLetsOrdersThrough(t *testing.T) {
	acl := with(t, "Firewall=true").one("WebAcl")
	rules := map[string]any{}
	for _, r := range list(acl.at("Rules")) {
		rules[text(at(r, "Name"))] = r
	}
	if at(rules["rate"], "Statement", "RateBasedStatement", "Limit") != "2000" || text(at(rules["rate"], "Action", "Block", "CustomResponse", "ResponseCode")) != "429" {
		t.Errorf("rate rule %s", text(rules["rate"]))
	}
	// A page can read why it was refused, as with the gateway's own 429.
	var problem struct {
		Type, Title string
		Status      int
	}
	if err := json.Unmarshal([]byte(text(acl.at("CustomResponseBodies", "rate", "Content"))), &problem); err != nil {
		t.Error(err)
	}
	if want := rest.TooManyRequests(300); problem.Type != want.Type || problem.Title != want.Title || problem.Status != want.Status {
		t.Errorf("the firewall says %+v, the API %+v", problem, want)
	}
	sent := map[string]string{}
	for _, h := range list(at(rules["rate"], "Action", "Block", "CustomResponse", "ResponseHeaders")) {
		sent[text(at(h, "Name"))] = text(at(h, "Value"))
	}
	for name, value := range with(t).one("Api").at("GatewayResponses", "THROTTLED", "ResponseParameters", "Headers").(object) {
		switch name {
		case "Content-Type", "X-Request-Id": // WAF sets the first itself, and knows no request id
		case "Retry-After":
			if sent[name] == "" {
				t.Error("the firewall does not say when to come back")
			}
		default:
			if sent[name] != unquoted(value) {
				t.Errorf("%s: the firewall says %q, the gateway %q", name, sent[name], unquoted(value))
			}
		}
		delete(sent, name)
	}
	if len(sent) > 0 {
		t.Errorf("only the firewall sends %v", sent)
	}
	// AWS's common rules refuse bodies above 8 KiB, and the API accepts 256 KiB.
	if common := text(rules["common"]); !strings.Contains(common, `{"ActionToUse":{"Count":{}},"Name":"SizeRestrictions_BODY"}`) {
		t.Errorf("common rules %s", common)
	}
	if _, has := with(t).resources["WebAcl"]; has {
		t.Error("there is a firewall by default")
	}
}
