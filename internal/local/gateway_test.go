package local

import (
	"bytes"
	"errors"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCase48APanicBehindTheServerSaysWhereAndNotWhat(t *testing.T) {
	const canary = "kanari"
	var lines bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&lines, nil)))
	defer slog.SetDefault(before)

	server := httptest.NewUnstartedServer(nil)
	server.Config = Server(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		panic(errors.New("upload of " + r.Header.Get("Authorization")))
	}))
	server.Config.ErrorLog = log.New(&lines, "", 0)
	server.Start()
	r, err := http.NewRequest("PUT", server.URL+"/"+canary+"?token="+canary, strings.NewReader(canary))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", canary)
	if answer, err := http.DefaultClient.Do(r); err == nil {
		answer.Body.Close()
		t.Errorf("answered %s", answer.Status)
	}
	server.Close() // waits for the request's end
	if got := lines.String(); strings.Contains(got, canary) || strings.Count(got, `"msg":"panic"`) != 1 ||
		!strings.Contains(got, "*errors.errorString") || !strings.Contains(got, "gateway_test.go") {
		t.Errorf("logged %s", got)
	}
}
