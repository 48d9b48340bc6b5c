package api_test

import (
	"fmt"
	"strings"
	"testing"

	"cafe/internal/webhooks"
	"cafe/model"
)

func TestWebhookRequests(t *testing.T) {
	s := open(t)
	made := s.call(olivia, "POST", "/webhooks", `{"url":"https://example.com/hook","types":["order.ready"],"description":"the app"}`).want(201)
	id, secret := made.get("id"), made.get("secret")
	if !strings.HasPrefix(secret, "whsec_") || made.header.Get("Location") != "/webhooks/"+id || made.get("status") != "active" || made.get("types") != `["order.ready"]` {
		t.Fatalf("%s", made.body)
	}
	one := s.call(olivia, "GET", "/webhooks/"+id, "").want(200)
	if !strings.Contains(one.get("health"), `"last_success_at":null`) || !strings.Contains(one.get("health"), `"waiting":0`) {
		t.Errorf("%s", one.body)
	}
	changed := s.call(olivia, "PATCH", "/webhooks/"+id, `{"types":[],"url":"https://example.com/other","status":"disabled"}`).want(200)
	if changed.get("url") != "https://example.com/other" || changed.get("types") != "[]" || changed.get("description") != "the app" || changed.get("status") != "disabled" {
		t.Errorf("%s", changed.body)
	}
	s.call(olivia, "POST", "/webhooks/"+id+"/test", "").wantProblem(409, "webhook-inactive")
	s.call(olivia, "PATCH", "/webhooks/"+id, `{"status":"active"}`, "Content-Type: application/merge-patch+json").want(200)
	if got := s.call(olivia, "POST", "/webhooks/"+id+"/test", "").want(202).get("event_id"); !model.ValidID(got) {
		t.Error(got)
	}
	rotated := s.call(olivia, "POST", "/webhooks/"+id+"/rotate", "").want(200)
	if next := rotated.get("secret"); next == secret || !strings.HasPrefix(next, "whsec_") || rotated.get("rotated_at") == "" {
		t.Errorf("%s", rotated.body)
	}
	// No other answer has a secret.
	for _, a := range []answer{
		one, changed, s.call(olivia, "GET", "/webhooks", "").want(200), s.call(olivia, "GET", "/webhooks/"+id, "").want(200),
		s.call(olivia, "PATCH", "/webhooks/"+id, `{}`).want(200), s.call(olivia, "GET", "/webhooks/"+id+"/deliveries", "").want(200),
	} {
		if strings.Contains(string(a.body), "whsec_") || strings.Contains(string(a.body), "secret") {
			t.Errorf("%s", a.body)
		}
	}
	s.call(olivia, "POST", "/webhooks/"+id+"/redeliver", `{"from":"oldest"}`).want(202)
	for _, from := range []string{"", "x", "zzz.0", "9.9"} {
		s.call(olivia, "POST", "/webhooks/"+id+"/redeliver", fmt.Sprintf(`{"from":%q}`, from)).wantProblem(422, "validation", "/from")
	}
	s.call(olivia, "POST", "/webhooks/"+id+"/redeliver", `{}`).wantProblem(422, "validation", "/from")
	if got := s.call(olivia, "GET", "/webhooks/"+id+"/deliveries", "").want(200).get("deliveries"); got != "[]" {
		t.Errorf("%s", got)
	}
	s.call(olivia, "DELETE", "/webhooks/"+id, "").want(204)
	for _, path := range []string{"", "/deliveries"} {
		s.call(olivia, "GET", "/webhooks/"+id+path, "").wantProblem(404, "not-found")
	}
	for _, path := range []string{"/rotate", "/test"} {
		s.call(olivia, "POST", "/webhooks/"+id+path, "").wantProblem(404, "not-found")
	}
	s.call(olivia, "POST", "/webhooks/"+id+"/redeliver", `{"from":"oldest"}`).wantProblem(404, "not-found")
	s.call(olivia, "PATCH", "/webhooks/"+id, `{}`).wantProblem(404, "not-found")
	s.call(olivia, "DELETE", "/webhooks/"+id, "").wantProblem(404, "not-found")
}

func TestEndpointsThatCannotBeAreClearProblems(t *testing.T) {
	s := open(t)
	for body, fields := range map[string]string{
		`{}`:                                "/url",
		`{"url":null}`:                      "/url",
		`{"url":5}`:                         "/url",
		`{"url":"http://example.com"}`:      "/url",
		`{"url":"https://169.254.169.254"}`: "/url",
		`{"url":"https://example.com","types":["order.eaten"]}`:     "/types/0",
		`{"url":"https://localhost","types":["x"],"secret":"mine"}`: "/secret /url /types/0",
		`{"url":"https://example.com","types":null}`:                "/types",
		`{"url":"https://example.com","types":"order.ready"}`:       "/types",
		`{"url":"https://example.com","status":"active"}`:           "/status",
		`{"url":"https://example.com","description":null}`:          "/description",
	} {
		s.call(olivia, "POST", "/webhooks", body).wantProblem(422, "validation", strings.Fields(fields)...)
	}
	id := s.call(olivia, "POST", "/webhooks", `{"url":"https://example.com"}`).want(201).get("id")
	for body, fields := range map[string]string{
		`{"url":"https://10.0.0.1"}`: "/url", `{"status":"failing"}`: "/status", `{"status":null}`: "/status", `{"types":["x","order.ready"]}`: "/types/0", `{"id":"x"}`: "/id",
	} {
		s.call(olivia, "PATCH", "/webhooks/"+id, body).wantProblem(422, "validation", strings.Fields(fields)...)
	}
	for range webhooks.Most - 1 {
		s.call(olivia, "POST", "/webhooks", `{"url":"https://example.com"}`).want(201)
	}
	s.call(olivia, "POST", "/webhooks", `{"url":"https://example.com"}`).wantProblem(409, "too-many-webhooks")
}
