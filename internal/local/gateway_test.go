package local

import (
	"bytes"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cafe/api"
	"cafe/internal/auth"
	"cafe/internal/cafetest"
	"cafe/internal/house"
	"cafe/internal/settings"
)

func TestEveryAnswerHasARequestId(t *testing.T) {
	settings, err := settings.FromEnv(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	router, err := api.New(house.Open(settings, nil, time.Now), api.Options{CursorKey: make([]byte, 16), Links: cafetest.NewFiles()})
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := auth.OpenIssuer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := issuer.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	server.Config = Server(Gateway(router, verifier, nil, nil))
	server.Start()
	defer server.Close()
	r, err := http.NewRequest("OPTIONS", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = "*"
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if id := answer.Header.Get("X-Request-Id"); answer.StatusCode != 404 || id == "" || !bytes.Contains(body, []byte(`"request_id":"`+id+`"`)) {
		t.Errorf("OPTIONS *: %s %v %s", answer.Status, answer.Header, body)
	}
}

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

// The figures are those of docs/running.md. A header that takes its time must still be heard
// from slow phones, and may not be waited for without end.
func TestAServerHasTheDeadlinesThatTheDocumentsName(t *testing.T) {
	s := Server(http.NotFoundHandler())
	if s.ReadHeaderTimeout != 10*time.Second || s.IdleTimeout != 2*time.Minute || s.MaxHeaderBytes != 64<<10 {
		t.Errorf("a header within %v and %d bytes, idle for %v", s.ReadHeaderTimeout, s.MaxHeaderBytes, s.IdleTimeout)
	}
}
