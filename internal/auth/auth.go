// Package auth turns a bearer token into the identity of a caller. The Lambda
// authorizer and the local gateway verify with the same Verifier, so that a token is
// worth the same on one machine and on AWS.
//
// Everything here fails closed: what cannot be verified is refused, and a Verifier
// that could not be set up refuses everything. Errors are safe to log. They never hold
// a token, or any part of one.
package auth

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"cafe/model"
)

// Identity is who is calling.
type Identity struct {
	Subject string // a customer's id, or the staff member's; model.ValidID, never model.WalkIn
	Role    model.Role
	Expires time.Time // when the token ends; from then on the identity is nobody's
}

// Errors of this package. Each is told apart with errors.Is.
var (
	// ErrNoToken says that the request brought no bearer token at all.
	ErrNoToken = errors.New("no bearer token")
	// ErrInvalid says that a token was refused. The error is an Invalid: the reason.
	ErrInvalid = errors.New("token is not valid")
	// ErrKeysUnavailable says that the token could not be judged, because the keys to
	// verify it with cannot be had just now. Sending it again later may help.
	ErrKeysUnavailable = errors.New("keys to verify tokens are not available")
)

// Invalid is the reason why a token was refused: one of a few fixed phrases, good for
// a log, a metric or an answer. It Is ErrInvalid.
type Invalid string

// The reasons.
const (
	Malformed    Invalid = "malformed"
	TooLong      Invalid = "too long"
	BadAlgorithm Invalid = "algorithm not accepted"
	UnknownKey   Invalid = "unknown key"
	BadSignature Invalid = "signature does not match"
	Expired      Invalid = "expired"
	NotYetValid  Invalid = "not valid yet"
	BadIssuer    Invalid = "wrong issuer"
	BadAudience  Invalid = "wrong audience"
	MissingClaim Invalid = "a claim is missing"
	BadClaim     Invalid = "a claim is not of its form"
	UnknownRole  Invalid = "unknown role"
	BadSubject   Invalid = "subject cannot be an id"
	SeveralGiven Invalid = "several authorization headers"
)

func (r Invalid) Error() string { return ErrInvalid.Error() + ": " + string(r) }

// Is makes every Invalid an ErrInvalid.
func (r Invalid) Is(target error) bool { return target == ErrInvalid }

// FromBearer takes the token out of a request's Authorization headers (RFC 6750,
// section 2.1). The scheme's case does not matter. No header, an empty one or another
// scheme is ErrNoToken. Two headers are refused even when they agree, since others
// on the way may have read the one that was not checked.
func FromBearer(headers []string) (string, error) {
	switch len(headers) {
	case 0:
		return "", ErrNoToken
	case 1:
	default:
		return "", SeveralGiven
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", ErrNoToken
	}
	token = strings.TrimLeft(token, " ")
	if token == "" {
		return "", ErrNoToken
	}
	if !isCompact(token) {
		return "", Malformed
	}
	return token, nil
}

// isCompact tells whether a token has only the characters of a compact JWS (RFC 7515,
// section 7.1). Package encoding/base64 passes over line breaks, even when strict.
func isCompact(token string) bool {
	for _, c := range []byte(token) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

// Names under which an authorizer hands an identity on to the API behind it.
const (
	contextSubject = "sub"
	contextRole    = "role"
	contextExpires = "exp" // seconds since 1970
)

// Context returns the identity as an API Gateway authorizer's context: flat, of
// strings and numbers. FromContext reads it.
func (i Identity) Context() map[string]any {
	return map[string]any{
		contextSubject: i.Subject,
		contextRole:    string(i.Role),
		contextExpires: i.Expires.Unix(),
	}
}

// FromContext reads what Context wrote, as it arrives behind API Gateway (which turns
// every value into a string). It checks the expiry again, because the gateway caches
// an authorizer's answer for longer than the token may live. A context without a
// subject is ErrNoToken; one of another form is ErrInvalid.
func FromContext(values map[string]any, now time.Time) (Identity, error) {
	subject, ok := values[contextSubject].(string)
	if !ok || subject == "" {
		return Identity{}, ErrNoToken
	}
	role, ok := values[contextRole].(string)
	if !ok {
		return Identity{}, MissingClaim
	}
	var seconds int64
	var err error
	switch v := values[contextExpires].(type) {
	case string:
		seconds, err = strconv.ParseInt(v, 10, 64)
	case json.Number:
		seconds, err = v.Int64()
	case float64:
		seconds = int64(v)
	case int64:
		seconds = v
	default:
		err = MissingClaim
	}
	if err != nil {
		return Identity{}, BadClaim
	}
	return admit(Identity{Subject: subject, Role: model.Role(role), Expires: time.Unix(seconds, 0).UTC()}, now)
}

// admit returns the identity if it can be somebody, now.
func admit(i Identity, now time.Time) (Identity, error) {
	switch {
	case !model.ValidID(i.Subject) || i.Subject == model.WalkIn:
		return Identity{}, BadSubject
	case !i.Role.Valid():
		return Identity{}, UnknownRole
	case !now.Before(i.Expires):
		return Identity{}, Expired
	}
	return i, nil
}
