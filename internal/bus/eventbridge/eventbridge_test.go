package eventbridge

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cafe/model"
)

// request is what PutEvents sends.
type request struct {
	Entries []struct {
		EventBusName, Source, DetailType, Detail string
		Time                                     float64 // seconds since 1970
	}
}

// server plays EventBridge, and returns a client of it.
func server(t *testing.T, status int, answer string) (*Client, *[]request) {
	t.Helper()
	var got []request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in request
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" || !strings.Contains(r.Header.Get("Authorization"), "/events/aws4_request") {
			t.Errorf("%v: %s", err, r.Header)
		}
		got = append(got, in)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(s.Close)
	env := map[string]string{
		"AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "not-a-secret", "AWS_ENDPOINT_URL_EVENTBRIDGE": s.URL,
		"CAFE_EVENT_BUS": "shop", "CAFE_EVENT_SOURCE": "cafe.prod",
	}
	c, err := FromEnv(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	for _, missing := range []string{"AWS_REGION", "CAFE_EVENT_BUS", "CAFE_EVENT_SOURCE"} {
		if _, err := FromEnv(func(name string) string {
			if name == missing {
				return ""
			}
			return env[name]
		}); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
	return c, &got
}

var told = []model.Event{
	model.NewEvent(model.EventOrderReady, "/orders/a", 3, time.Date(2017, 3, 18, 9, 30, 0, 0, time.UTC), []byte(`{"id":"a"}`)),
	model.NewEvent(model.EventOrderPaid, "/orders/b", 2, time.Date(2017, 3, 18, 9, 31, 0, 0, time.UTC), []byte(`{"id":"b"}`)),
}

func TestEventsArePutAsCloudEventsAndRefusalsAreTold(t *testing.T) {
	c, got := server(t, 200, `{"FailedEntryCount":1,"Entries":[{"EventId":"1"},{"ErrorCode":"ThrottlingException","ErrorMessage":"slow down"}]}`)
	refused, err := c.Put(context.Background(), told)
	if err != nil || len(refused) != 2 || refused[0] != "" || refused[1] != "ThrottlingException: slow down" {
		t.Errorf("%q, %v", refused, err)
	}
	if len(*got) != 1 || len((*got)[0].Entries) != 2 {
		t.Fatalf("sent %+v", *got)
	}
	for i, e := range (*got)[0].Entries {
		var detail struct{ ID, Type, Source string }
		if err := json.Unmarshal([]byte(e.Detail), &detail); err != nil {
			t.Error(err)
		}
		if e.EventBusName != "shop" || e.Source != "cafe.prod" || e.DetailType != string(told[i].Type) || int64(e.Time) != told[i].At.Unix() {
			t.Errorf("sent %+v", e)
		}
		if detail.ID != told[i].ID || detail.Type != "cafe."+string(told[i].Type) || detail.Source != "cafe.prod" {
			t.Errorf("its detail is %+v", detail)
		}
	}
}

func TestACallThatFailsTakesNothing(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"denied":          {400, `{"__type":"AccessDeniedException","message":"no"}`},
		"too few":         {200, `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`},
		"not EventBridge": {200, `<html>`},
	} {
		c, _ := server(t, answer.status, answer.body)
		if refused, err := c.Put(context.Background(), told); err == nil || refused != nil {
			t.Errorf("%s: %q, %v", name, refused, err)
		}
	}
}
