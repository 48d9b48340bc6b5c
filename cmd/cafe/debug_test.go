package main

import (
	"strings"
	"testing"
)

// Packages that the command links register themselves with http.DefaultServeMux, which
// the command does not serve.
func TestTheCommandHasNoDebugEndpoints(t *testing.T) {
	s := openShop(t, t.TempDir())
	for _, path := range []string{
		"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/pprof/profile?seconds=1", "/debug/vars",
		"/debug/requests", "/debug/events", "/debug", "/metrics", "/statsz", "/varz",
	} {
		for _, who := range []string{"", "customer", "owner"} {
			if who != "" {
				s.token(who)
			}
			status, header, answer, err := s.ask(who, "GET", path, "")
			if err != nil {
				t.Fatal(err)
			}
			if status != 404 || !strings.HasPrefix(header.Get("Content-Type"), "application/problem+json") {
				t.Errorf("GET %s by %q answered %d %s", path, who, status, answer)
			}
		}
	}
}
