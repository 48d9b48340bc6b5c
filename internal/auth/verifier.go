package auth

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MaxToken is the most bytes of a token. Longer ones are refused. API Gateway accepts
// 10,240 bytes of headers in all.
const MaxToken = 8 << 10

// MinSecret is the least length of a shared secret in bytes. It is the length of an HS256
// signature (RFC 7518, section 3.2).
const MinSecret = 32

// Discover is a Config's JWKS that says: look the URL up in the issuer's discovery document.
const Discover = "discover"

// Config says which tokens are accepted. Issuer, Audience and exactly one of Secrets and
// JWKS are required.
type Config struct {
	Issuer   string // the iss claim must be equal to it
	Audience string // the aud claim must contain it, or it is the client_id of a Cognito access token

	Secrets [][]byte // the keys for HS256; at least MinSecret bytes each. Several are valid while one takes the place of another
	JWKS    string   // the URL of the issuer's JSON Web Key Set (RFC 7517), for RS256 and ES256; or Discover

	Now    func() time.Time // nil: time.Now
	Client *http.Client     // fetches the keys; nil: a client that refuses redirects
	Log    *slog.Logger     // gets failures to fetch the keys; nil: slog.Default()
}

// Verifier turns tokens into identities. It is safe for concurrent use. A nil *Verifier
// refuses every token with ErrKeysUnavailable.
type Verifier struct {
	secrets jwt.VerificationKeySet // for HS256; empty if keys is set
	keys    *keySet                // for RS256 and ES256; nil if there are secrets
	parser  *jwt.Parser
	now     func() time.Time
	recent  recent
}

// New returns a Verifier. A bad configuration is an error that says what is wrong. New
// fetches no keys.
func New(c Config) (*Verifier, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Issuer == "" || c.Audience == "" {
		return nil, errors.New("the issuer and the audience of tokens must be set")
	}
	v := &Verifier{now: c.Now}
	var algorithms []string
	switch {
	case len(c.Secrets) > 0 && c.JWKS != "":
		return nil, errors.New("a shared secret or a JWKS URL must be set, but not both")
	case c.JWKS != "":
		keys, err := newKeySet(c)
		if err != nil {
			return nil, err
		}
		v.keys, algorithms = keys, []string{"RS256", "ES256"}
	case len(c.Secrets) == 0:
		return nil, errors.New("a shared secret or a JWKS URL must be set")
	default:
		for _, secret := range c.Secrets {
			if len(secret) < MinSecret {
				return nil, fmt.Errorf("a shared secret has %d bytes and needs at least %d", len(secret), MinSecret)
			}
			v.secrets.Keys = append(v.secrets.Keys, secret)
		}
		algorithms = []string{"HS256"}
	}
	v.parser = jwt.NewParser(
		jwt.WithValidMethods(algorithms),
		jwt.WithStrictDecoding(),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithIssuer(c.Issuer),
		jwt.WithAudience(c.Audience),
		jwt.WithTimeFunc(c.Now),
	)
	return v, nil
}

// FromEnv returns a Verifier with the settings CAFE_AUTH_ISSUER, CAFE_AUTH_AUDIENCE, and
// one of CAFE_AUTH_SECRET and CAFE_AUTH_JWKS_URL (a URL, or Discover). The secret may be several, one a
// line: tokens of each are valid. Blanks around a line do not count. An error names the variables and never
// shows their values. With an error FromEnv returns a nil *Verifier, which may be used: it
// refuses every token.
func FromEnv(getenv func(string) string, log *slog.Logger) (*Verifier, error) {
	v, err := New(Config{
		Issuer:   getenv("CAFE_AUTH_ISSUER"),
		Audience: getenv("CAFE_AUTH_AUDIENCE"),
		Secrets:  secrets(getenv("CAFE_AUTH_SECRET")),
		JWKS:     getenv("CAFE_AUTH_JWKS_URL"),
		Log:      log,
	})
	if err != nil {
		return nil, fmt.Errorf("CAFE_AUTH_ISSUER, CAFE_AUTH_AUDIENCE, CAFE_AUTH_SECRET, CAFE_AUTH_JWKS_URL: %w", err)
	}
	return v, nil
}

// secrets returns the lines of a text that are not blank, or the whole if all are: a secret
// of blanks is too short, not absent.
func secrets(text string) (all [][]byte) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, []byte(line))
		}
	}
	if all == nil && text != "" {
		return [][]byte{nil}
	}
	return all
}

// Verify returns the identity of a token. Its error Is ErrNoToken, ErrInvalid or
// ErrKeysUnavailable. It may have to fetch keys; then it waits for the fetch, or until the
// context ends.
func (v *Verifier) Verify(ctx context.Context, token string) (Identity, error) {
	switch {
	case v == nil:
		return Identity{}, fmt.Errorf("%w: none are configured", ErrKeysUnavailable)
	case token == "":
		return Identity{}, ErrNoToken
	case len(token) > MaxToken:
		return Identity{}, TooLong
	case strings.Count(token, ".") != 2 || !isCompact(token):
		return Identity{}, Malformed
	}
	sum := sha256.Sum256([]byte(token))
	if identity, ok := v.recent.find(sum, v.now()); ok {
		return identity, nil
	}
	identity, err := v.verify(ctx, token)
	if err != nil {
		return Identity{}, err
	}
	v.recent.add(sum, identity, v.now())
	return identity, nil
}

func (v *Verifier) verify(ctx context.Context, token string) (Identity, error) {
	encoded, _, _ := strings.Cut(token, ".")
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return Identity{}, Malformed
	}
	h, err := parseHeader(decoded)
	if err != nil {
		return Identity{}, err
	}
	var c claims
	if _, err := v.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return v.key(ctx, h) }); err != nil {
		return Identity{}, reason(err)
	}
	if c.use != "" && c.use != "access" && c.use != "id" {
		return Identity{}, BadClaim
	}
	if c.subject == "" {
		return Identity{}, MissingClaim
	}
	role, err := c.roleOf()
	if err != nil {
		return Identity{}, err
	}
	return admit(Identity{Subject: c.subject, Role: role, Expires: c.expires.Time}, v.now())
}

// key returns the key for a token with the header. The key decides which algorithm is
// used, never the token.
func (v *Verifier) key(ctx context.Context, h header) (any, error) {
	if v.keys == nil {
		return v.secrets, nil // the parser then accepts only HS256
	}
	key, err := v.keys.find(ctx, h.kid)
	if err != nil {
		return nil, err
	}
	if key.algorithm != h.algorithm {
		return nil, BadAlgorithm
	}
	return key.public, nil
}

// publicKey is a public key with the only algorithm that it may be used for.
type publicKey struct {
	algorithm string
	public    crypto.PublicKey
}

// reason turns an error of the parser into one of this package. The parser's error may
// quote the token.
func reason(err error) error {
	if errors.Is(err, ErrKeysUnavailable) {
		return ErrKeysUnavailable
	}
	var invalid Invalid
	if errors.As(err, &invalid) {
		return invalid
	}
	for _, r := range []struct {
		is  error
		say Invalid
	}{
		{jwt.ErrTokenMalformed, Malformed},
		{jwt.ErrTokenUnverifiable, BadAlgorithm}, // the parser does not know the algorithm
		{jwt.ErrTokenSignatureInvalid, BadSignature},
		{jwt.ErrTokenExpired, Expired},
		{jwt.ErrTokenNotValidYet, NotYetValid},
		{jwt.ErrTokenUsedBeforeIssued, NotYetValid},
		{jwt.ErrTokenInvalidIssuer, BadIssuer},
		{jwt.ErrTokenInvalidAudience, BadAudience},
		{jwt.ErrTokenRequiredClaimMissing, MissingClaim},
	} {
		if errors.Is(err, r.is) {
			return r.say
		}
	}
	return Malformed
}
