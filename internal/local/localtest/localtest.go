// Package localtest puts a café's API behind the local gateway, for benchmarks.
package localtest

import (
	"net/http"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"cafe/api"
	"cafe/internal/auth"
	"cafe/internal/cafe"
	"cafe/internal/cafe/cafetest"
	"cafe/internal/local"
	"cafe/model"
)

// Front returns the API as `cafe serve` has it, but for a limit to its rate, and the
// Authorization header of its staff.
func Front(t testing.TB, c *cafe.Cafe) (front http.Handler, authorization string) {
	t.Helper()
	router, err := api.New(c, api.Options{CursorKey: []byte("0123456789abcdef"), Links: cafetest.NewFiles()})
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
	token, err := issuer.Issue(model.RoleStaff, "sam", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return local.Gateway(router, verifier, rate.NewLimiter(rate.Inf, 0)), "Bearer " + token
}
