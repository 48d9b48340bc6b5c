package dynamo

import (
	"net/http"
	"strings"
	"testing"

	"cafe/internal/table"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// lastRequest is an HTTP client that keeps the last request and answers that there is no item.
type lastRequest struct{ *http.Request }

func (s *lastRequest) Do(r *http.Request) (*http.Response, error) {
	s.Request = r
	return (&script{answers: []answer{ok()}}).Do(r)
}

func TestFromEnv(t *testing.T) {
	for _, c := range []struct {
		name   string
		change map[string]string
		url    string // asked
		err    string
	}{
		{"AWS", nil, "https://dynamodb.eu-west-2.amazonaws.com/", ""},
		{"default region", map[string]string{"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-north-1"}, "https://dynamodb.eu-north-1.amazonaws.com/", ""},
		{"endpoint of DynamoDB", map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "http://127.0.0.1:8000/", ""},
		{"endpoint of everything", map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "http://127.0.0.1:9/", ""},
		{"no region", map[string]string{"AWS_REGION": ""}, "", "AWS_REGION"},
		{"no key", map[string]string{"AWS_ACCESS_KEY_ID": ""}, "", "AWS_ACCESS_KEY_ID"},
		{"no secret", map[string]string{"AWS_SECRET_ACCESS_KEY": ""}, "", "AWS_SECRET_ACCESS_KEY"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &lastRequest{}
			client, err := FromEnv(lambdaEnv(c.change), func(o *dynamodb.Options) { o.HTTPClient = s })
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "TOKEN") {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			New(client, Options{Table: "cafe"}).Get(ctx, table.Key{PK: "p", SK: "s"}, false)
			if s.URL.String() != c.url {
				t.Errorf("asked %s, want %s", s.URL, c.url)
			}
			if !strings.Contains(s.Header.Get("Authorization"), "Credential=AKID/") || s.Header.Get("X-Amz-Security-Token") != "TOKEN" {
				t.Errorf("signed %v", s.Header)
			}
		})
	}
}

func TestIsLocal(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"":                      false,
		"http://127.0.0.1:8000": true,
		"http://[::1]:8000":     true,
		"http://dynamodb:8000":  true,
		"https://dynamodb.eu-west-2.amazonaws.com":             false,
		"https://vpce-1.dynamodb.eu-west-2.vpce.amazonaws.com": false,
		"https://dynamodb.cn-north-1.amazonaws.com.cn":         false,
		"https://dynamodb.eu-west-2.api.aws":                   false,
		"127.0.0.1:8000":                                       false,
	} {
		if got := IsLocal(endpoint); got != want {
			t.Errorf("%q: %v", endpoint, got)
		}
	}
}
