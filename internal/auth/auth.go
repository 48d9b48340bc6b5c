// Package auth turns a bearer token into the identity of a caller. The Lambda authorizer
// and the local gateway use the same Verifier, so a token gives the same rights on one
// machine and on AWS.
//
// Everything here fails closed. A token that cannot be verified is refused, and a Verifier
// that could not be set up refuses every token. Errors are safe to log: they never contain
// a token or a part of one.
package auth

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"cafe/model"
)

// Identity is the identity of a caller.
type Identity struct {
	Subject string // the id of a customer or of a staff member; a model.ValidID, never model.WalkIn
	Role    model.Role
	Expires time.Time // when the token expires; the identity is not valid from then on
}

// The errors of this package. Callers check for them with errors.Is.
var (
	// ErrNoToken says that the request has no bearer token.
	ErrNoToken = errors.New("no bearer token")
	// ErrInvalid says that a token was refused. The error is an Invalid with the reason.
	ErrInvalid = errors.New("token is not valid")
	// ErrKeysUnavailable says that the token could not be verified, because the keys for
	// it are not available now. The caller may send it again later.
	ErrKeysUnavailable = errors.New("keys to verify tokens are not available")
)

// Invalid is the reason why a token was refused. It is one of a few fixed phrases, which
// are safe in a log, a metric and an answer. It Is ErrInvalid.
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
	BadClaim     Invalid = "a claim has the wrong form"
	UnknownRole  Invalid = "unknown role"
	BadSubject   Invalid = "subject cannot be an id"
	SeveralGiven Invalid = "several authorization headers"
)

func (r Invalid) Error() string { return ErrInvalid.Error() + ": " + string(r) }

// Is reports whether target is ErrInvalid.
func (r Invalid) Is(target error) bool { return target == ErrInvalid }

// FromBearer returns the token in a request's Authorization headers (RFC 6750, section
// 2.1). The case of the scheme does not matter. It returns ErrNoToken if there is no
// header, or an empty one, or one with another scheme. Two headers are refused even if
// they are equal, since a proxy may have read the other one.
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

// isCompact reports whether a token has only the characters of a compact JWS (RFC 7515,
// section 7.1). Package encoding/base64 ignores line breaks, even when it is strict.
func isCompact(token string) bool {
	for _, c := range []byte(token) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

// The names of an identity's fields in an authorizer's context.
const (
	contextSubject = "sub"
	contextRole    = "role"
	contextExpires = "exp" // seconds since 1970
)

// Context returns the identity as the context of an API Gateway authorizer: a flat map of
// strings and numbers. FromContext reads it.
func (i Identity) Context() map[string]any {
	return map[string]any{
		contextSubject: i.Subject,
		contextRole:    string(i.Role),
		contextExpires: i.Expires.Unix(),
	}
}

// FromContext returns the identity in an authorizer's context. API Gateway turns every
// value of Context into a string. FromContext checks the expiry again, because the gateway
// caches an authorizer's answer, perhaps for longer than the token is valid. A context
// without a subject is ErrNoToken. A context of the wrong form is ErrInvalid.
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

// admit returns the identity if all its fields are valid now.
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
