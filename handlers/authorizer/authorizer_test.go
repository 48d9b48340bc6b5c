package authorizer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"cafe/internal/auth"
	"cafe/model"
)

// authorizeEvent is the sample event with those Authorization headers.
func authorizeEvent(t *testing.T, headers ...string) events.APIGatewayCustomAuthorizerRequestTypeRequest {
	t.Helper()
	sample, err := os.ReadFile("../../events/authorize.json")
	if err != nil {
		t.Fatal(err)
	}
	var event events.APIGatewayCustomAuthorizerRequestTypeRequest
	if err := json.Unmarshal(sample, &event); err != nil {
		t.Fatal(err)
	}
	if len(authorizations(event)) != 1 {
		t.Fatal("the sample event has no Authorization header")
	}
	delete(event.Headers, "authorization")
	delete(event.MultiValueHeaders, "authorization")
	if len(headers) > 0 {
		event.Headers["authorization"] = headers[len(headers)-1]
		event.MultiValueHeaders["authorization"] = headers
	}
	return event
}

// logged gathers what is logged while the test runs.
func logged(t *testing.T) *bytes.Buffer {
	var out bytes.Buffer
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&out, nil)))
	t.Cleanup(func() { slog.SetDefault(was) })
	return &out
}

// issued returns a verifier and a good token of alice's, a customer.
func issued(t *testing.T) (*auth.Verifier, string) {
	t.Helper()
	issuer, err := auth.OpenIssuer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := issuer.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Issue(model.RoleCustomer, "alice", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return verifier, token
}

// allows tells whether the policy lets the method through, as IAM matches it.
func allows(p events.APIGatewayCustomAuthorizerPolicy, method string) bool {
	for _, s := range p.Statement {
		for _, r := range s.Resource {
			// path.Match does not let * match a slash, so slashes go first; IAM's does.
			pattern, name := strings.ReplaceAll(r, "/", "|"), strings.ReplaceAll(method, "/", "|")
			if ok, err := path.Match(pattern, name); err == nil && ok && s.Effect == "Allow" {
				return true
			}
		}
	}
	return false
}

func TestCase46ThePolicyLetsASecondRouteThroughUnderTheCache(t *testing.T) {
	verifier, token := issued(t)
	answer, err := Authorize(verifier)(t.Context(), authorizeEvent(t, "Bearer "+token))
	if err != nil {
		t.Fatal(err)
	}
	const api = "arn:aws:execute-api:eu-west-2:123456789012:abcdef1234"
	for _, method := range []string{
		"/prod/GET/orders/1", "/prod/GET/orders", "/prod/POST/orders", "/prod/PUT/orders/1/status",
		"/prod/DELETE/customers/alice", "/prod/GET/", "/prod/PATCH/a/b/c/d",
	} {
		if !allows(answer.PolicyDocument, api+method) {
			t.Errorf("%s is refused", method)
		}
	}
	for _, method := range []string{
		api + "/dev/GET/orders", "arn:aws:execute-api:eu-west-2:123456789012:other12345/prod/GET/orders",
		"arn:aws:execute-api:eu-west-2:210987654321:abcdef1234/prod/GET/orders",
	} {
		if allows(answer.PolicyDocument, method) {
			t.Errorf("%s, which is another API or stage, is let through", method)
		}
	}
	// The answer as the gateway reads it.
	wire, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"principalId":"alice","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":["execute-api:Invoke"],"Effect":"Allow","Resource":["arn:aws:execute-api:eu-west-2:123456789012:abcdef1234/prod/*/*"]}]},"context":{"exp":%d,"role":"customer","sub":"alice"}}`
	if got := string(wire); got != fmt.Sprintf(want, answer.Context["exp"]) {
		t.Errorf("answer: %s", got)
	}
}

func TestACachedAllowDoesNotOutliveTheToken(t *testing.T) {
	verifier, token := issued(t)
	answer, err := Authorize(verifier)(t.Context(), authorizeEvent(t, "Bearer "+token))
	if err != nil {
		t.Fatal(err)
	}
	if by, err := auth.FromContext(answer.Context, time.Now()); err != nil || by.Subject != "alice" || by.Role != model.RoleCustomer {
		t.Errorf("got %+v, %v", by, err)
	}
	if _, err := auth.FromContext(answer.Context, time.Now().Add(time.Hour)); !errors.Is(err, auth.Expired) {
		t.Errorf("an hour later: %v", err)
	}
}

func TestRequestsThatAreUnauthorized(t *testing.T) {
	verifier, token := issued(t)
	log := logged(t)
	for name, headers := range map[string][]string{
		"no header":       nil,
		"an empty header": {""},
		"another scheme":  {"Basic YWxpY2U6c2VjcmV0"},
		"a bad token":     {"Bearer " + token[:len(token)-8] + "AAAAAAAA"},
		"two headers":     {"Bearer " + token, "Bearer " + token},
		"10 KB of dots":   {"Bearer " + strings.Repeat(".", 10<<10)},
	} {
		log.Reset()
		answer, err := Authorize(verifier)(t.Context(), authorizeEvent(t, headers...))
		if err == nil || err.Error() != "Unauthorized" || len(answer.PolicyDocument.Statement) != 0 {
			t.Errorf("%s: got %+v, %v", name, answer, err)
		}
		if !strings.Contains(log.String(), `"reason":`) || !strings.Contains(log.String(), "0b6f1a0c") {
			t.Errorf("%s: the log does not say why: %s", name, log)
		}
		for _, secret := range []string{token[:20], "alice", "YWxpY2U6", "....", "192.0.2.1"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("%s: the log tells %q: %s", name, secret, log)
			}
		}
	}
	// The header under another spelling, and twice under two.
	event := authorizeEvent(t)
	event.MultiValueHeaders["AUTHORIZATION"] = []string{"Bearer " + token}
	if _, err := Authorize(verifier)(t.Context(), event); err != nil {
		t.Errorf("in capitals: %v", err)
	}
	event.MultiValueHeaders["Authorization"] = []string{"Bearer " + token}
	if _, err := Authorize(verifier)(t.Context(), event); err == nil {
		t.Error("two headers by different spellings are taken for one")
	}
	event = authorizeEvent(t)
	event.MultiValueHeaders = nil
	event.Headers["Authorization"] = "Bearer " + token
	if _, err := Authorize(verifier)(t.Context(), event); err != nil {
		t.Errorf("single-value headers alone: %v", err)
	}
}

type brokenVerifier struct{ err error }

func (v brokenVerifier) Verify(context.Context, string) (auth.Identity, error) {
	return auth.Identity{}, v.err
}

func TestWhatCannotBeJudgedIsNoAllowAndNo401(t *testing.T) {
	_, token := issued(t)
	log := logged(t)
	for name, v := range map[string]Verifier{
		"keys unavailable": brokenVerifier{auth.ErrKeysUnavailable},
		"a surprise":       brokenVerifier{errors.New("surprise")},
	} {
		answer, err := Authorize(v)(t.Context(), authorizeEvent(t, "Bearer "+token))
		if err == nil || err.Error() == "Unauthorized" || len(answer.PolicyDocument.Statement) != 0 {
			t.Errorf("%s: got %+v, %v", name, answer, err)
		}
		if !strings.Contains(log.String(), "authorizer cannot answer") {
			t.Errorf("%s: not logged: %s", name, log)
		}
	}
}

func TestCase62WithoutASecretTheAuthorizerRefusesEverything(t *testing.T) {
	_, token := issued(t)
	log := logged(t)
	verifier, err := auth.FromEnv(func(string) string { return "" }, nil)
	if err == nil || !strings.Contains(err.Error(), "CAFE_AUTH_SECRET") {
		t.Fatalf("what is to be set is not said: %v", err)
	}
	answer, err := Authorize(verifier)(t.Context(), authorizeEvent(t, "Bearer "+token))
	if err == nil || err.Error() == "Unauthorized" || len(answer.PolicyDocument.Statement) != 0 {
		t.Errorf("got %+v, %v", answer, err)
	}
	if !strings.Contains(log.String(), "none are configured") {
		t.Errorf("the log does not say why: %s", log)
	}
}

func TestMethodARNs(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:execute-api:eu-west-2:123456789012:abcdef1234/prod/GET/orders":              "arn:aws:execute-api:eu-west-2:123456789012:abcdef1234/prod/*/*",
		"arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:abcdef1234/prod/GET/":         "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:abcdef1234/prod/*/*",
		"arn:aws:execute-api:us-east-1:123456789012:1234567890/prod/GET/orders/a*b/../c":     "arn:aws:execute-api:us-east-1:123456789012:1234567890/prod/*/*",
		"arn:aws:execute-api:eu-west-2:123456789012:abcdef1234/test-invoke-stage/GET/orders": "arn:aws:execute-api:eu-west-2:123456789012:abcdef1234/test-invoke-stage/*/*",
		"":  "",
		"*": "",
		"arn:aws:execute-api:eu-west-2:123456789012:*/prod/GET/orders":             "",
		"arn:aws:execute-api:eu-west-2:123456789012:abcdef1234/*/GET/orders":       "",
		"arn:aws:execute-api:eu-west-2:123456789012:abcdef1234":                    "",
		"arn:aws:lambda:eu-west-2:123456789012:function:abcdef1234/prod/GET/order": "",
	} {
		got, err := wholeStage(arn)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%s: got %q, %v", arn, got, err)
		}
	}
}
