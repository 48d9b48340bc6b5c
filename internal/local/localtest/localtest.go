// Package localtest puts a café's API behind the local gateway, for benchmarks.
package localtest

import (
	"net/http"
	"testing"
	"time"

	"cafe/api"
	"cafe/internal/auth"
	"cafe/internal/cafetest"
	"cafe/internal/house"
	"cafe/internal/local"
	"cafe/model"
)

// Front returns the API as `cafe serve` has it, without a limit to its rate, and the
// Authorization header of a staff member.
func Front(t testing.TB, h *house.House) (front http.Handler, authorization string) {
	t.Helper()
	router, err := api.New(h, api.Options{CursorKey: []byte("0123456789abcdef"), Links: cafetest.NewFiles()})
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
	return local.Gateway(router, verifier, nil, nil), "Bearer " + token
}
