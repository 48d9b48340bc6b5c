package authorizer

import (
	"errors"
	"testing"
	"time"

	"cafe/internal/auth"
)

func TestACallCountsAsOneOfItsCallersRole(t *testing.T) {
	verifier, token := issued(t)
	answer, err := Metered("cafe-key-", Authorize(verifier))(t.Context(), authorizeEvent(t, "Bearer "+token))
	if err != nil || answer.UsageIdentifierKey != "cafe-key-customer" {
		t.Errorf("key %q and %v, want a customer's", answer.UsageIdentifierKey, err)
	}
	if got, err := auth.FromContext(answer.Context, time.Now()); err != nil || got.Subject != "alice" {
		t.Errorf("the identity became %+v and %v", got, err)
	}
}

func TestWithoutUsagePlansThereIsNoKey(t *testing.T) {
	verifier, token := issued(t)
	answer, err := Metered("", Authorize(verifier))(t.Context(), authorizeEvent(t, "Bearer "+token))
	if err != nil || answer.UsageIdentifierKey != "" {
		t.Errorf("key %q and %v, want none", answer.UsageIdentifierKey, err)
	}
}

func TestWhoIsRefusedHasNoKey(t *testing.T) {
	verifier, _ := issued(t)
	answer, err := Metered("cafe-key-", Authorize(verifier))(t.Context(), authorizeEvent(t, "Bearer a.b.c"))
	if !errors.Is(err, errUnauthorized) || answer.UsageIdentifierKey != "" {
		t.Errorf("key %q and %v, want none and errUnauthorized", answer.UsageIdentifierKey, err)
	}
}
