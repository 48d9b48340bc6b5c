package s3_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"cafe/internal/objects/s3"
)

func TestDeadLetters(t *testing.T) {
	deny := false
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch q := r.URL.Query(); {
		case deny:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<Error><Code>AccessDenied</Code></Error>`)
		case r.URL.Path == "/cafe-uploads" && q.Get("list-type") == "2" && q.Get("prefix") == "aws/lambda/":
			fmt.Fprint(w, `<ListBucketResult><Contents><Key>aws/lambda/a</Key></Contents><Contents><Key>aws/lambda/async/b</Key></Contents></ListBucketResult>`)
		default:
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
	}))
	defer fake.Close()
	s, err := s3.FromEnv(func(name string) string {
		return map[string]string{"AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL_S3": fake.URL, "CAFE_BUCKET": "cafe-uploads"}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.DeadLetters(context.Background()); err != nil || n != 2 {
		t.Errorf("%d dead letters, %v", n, err)
	}
	deny = true
	if _, err := s.DeadLetters(context.Background()); err == nil {
		t.Error("none are found where none may be looked for")
	}
}
