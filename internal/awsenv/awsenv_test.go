package awsenv_test

import (
	"context"
	"testing"

	"cafe/internal/awsenv"
)

func environment(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

func TestFromEnv(t *testing.T) {
	s, err := awsenv.FromEnv(environment("AWS_REGION", "eu-west-2", "AWS_DEFAULT_REGION", "us-east-1",
		"AWS_ACCESS_KEY_ID", "id", "AWS_SECRET_ACCESS_KEY", "secret", "AWS_SESSION_TOKEN", "token"), "SNS")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := s.Credentials.Retrieve(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if s.Region != "eu-west-2" || keys.AccessKeyID != "id" || keys.SecretAccessKey != "secret" || keys.SessionToken != "token" {
		t.Errorf("read %+v with %+v", s, keys)
	}
	if s.Endpoint != nil {
		t.Errorf("endpoint %q, want the service's own", *s.Endpoint)
	}
}

func TestTheServicesOwnEndpointWins(t *testing.T) {
	env := environment("AWS_REGION", "eu-west-2", "AWS_ACCESS_KEY_ID", "id", "AWS_SECRET_ACCESS_KEY", "secret",
		"AWS_ENDPOINT_URL", "http://all", "AWS_ENDPOINT_URL_S3", "http://s3")
	for service, want := range map[string]string{"S3": "http://s3", "SNS": "http://all"} {
		s, err := awsenv.FromEnv(env, service)
		if err != nil {
			t.Fatal(err)
		}
		if s.Endpoint == nil || *s.Endpoint != want {
			t.Errorf("%s: endpoint %v, want %s", service, s.Endpoint, want)
		}
	}
}

func TestMissingVariablesAreNamed(t *testing.T) {
	for want, env := range map[string]func(string) string{
		"AWS_REGION is not set":                                 environment("AWS_ACCESS_KEY_ID", "id", "AWS_SECRET_ACCESS_KEY", "secret"),
		"AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set": environment("AWS_REGION", "eu-west-2", "AWS_ACCESS_KEY_ID", "id"),
	} {
		if _, err := awsenv.FromEnv(env, "SNS"); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
