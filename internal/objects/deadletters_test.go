package objects_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"cafe/internal/objects"
)

func TestDeadLettersAreCountedInTheBucket(t *testing.T) {
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
	s, err := objects.FromEnvironment(environment(fake.URL, "cafe-uploads"))
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
