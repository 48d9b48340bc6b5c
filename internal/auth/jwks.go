package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// keysMaxAge is the age at which keys are fetched again. So a key that the issuer
	// revokes is not trusted for long.
	keysMaxAge = 15 * time.Minute
	// refetchInterval is the least time between two fetches. So tokens with unknown keys
	// cause at most one fetch per interval, and a new key is known within an interval.
	refetchInterval = 30 * time.Second
	// retryInterval is used in its place while there are no keys at all.
	retryInterval = time.Second
	// fetchTimeout limits a fetch, including reading the answer.
	fetchTimeout = 3 * time.Second
	// maxKeySet is the most bytes of an answer. Issuers publish two or three keys.
	maxKeySet = 128 << 10
)

// keySet is the set of an issuer's public keys. It fetches them when they are first needed.
// It fetches them again when they are old, and when a token names an unknown key. If a
// fetch fails, it keeps the keys that it has. It starts no goroutine, because Lambda would
// freeze it between two requests.
type keySet struct {
	url    string // of the keys, or of the issuer's discovery document
	issuer string // if url is that of the discovery document: whose it must be
	client *http.Client
	now    func() time.Time
	log    *slog.Logger

	current atomic.Pointer[keys]
	turn    chan struct{} // the lock for fetching and for last; a channel, so that waiting can end
	last    fetch
}

// keys are the keys of one answer by key id.
type keys struct {
	byID map[string]publicKey
	at   time.Time
}

// fetch is the time and the result of the latest fetch.
type fetch struct {
	at  time.Time
	err error
}

// discovery is where an issuer says what its addresses are (OpenID Connect Discovery 1.0,
// section 4). A slash at the end of the issuer is left out.
const discovery = "/.well-known/openid-configuration"

func newKeySet(c Config) (*keySet, error) {
	s := &keySet{url: c.JWKS, client: c.Client, now: c.Now, log: c.Log, turn: make(chan struct{}, 1)}
	if s.url == Discover {
		s.url, s.issuer = strings.TrimSuffix(c.Issuer, "/")+discovery, c.Issuer
	}
	if err := mayFetch(s.url); err != nil {
		return nil, err
	}
	if s.client == nil {
		// The address of the keys is configured, so redirects are refused.
		s.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.current.Store(&keys{})
	return s, nil
}

// mayFetch returns an error unless the address is one of https, or of this machine.
func mayFetch(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return errors.New("JWKS URL is not a URL")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return errors.New("JWKS URL must be https")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// find returns the key with the id. UnknownKey says that the issuer has no such key.
// ErrKeysUnavailable says that the issuer could not be asked. A known key stays valid while
// the issuer cannot be reached.
func (s *keySet) find(ctx context.Context, id string) (publicKey, error) {
	if id == "" {
		return publicKey{}, UnknownKey
	}
	current := s.current.Load()
	key, known := current.byID[id]
	if known && s.now().Sub(current.at) < keysMaxAge {
		return key, nil
	}
	select {
	case s.turn <- struct{}{}:
	default:
		if known { // it is old, but another caller is fetching, so there is no need to wait
			return key, nil
		}
		select {
		case s.turn <- struct{}{}:
		case <-ctx.Done():
			return publicKey{}, fmt.Errorf("%w: %w", ErrKeysUnavailable, ctx.Err())
		}
	}
	err := s.refetch(ctx)
	<-s.turn
	if key, known = s.current.Load().byID[id]; known {
		return key, nil
	}
	if err != nil {
		return publicKey{}, ErrKeysUnavailable
	}
	return publicKey{}, UnknownKey
}

// refetch fetches the keys, unless the last fetch was within the interval. It returns the
// error of the latest fetch. The caller must hold turn.
func (s *keySet) refetch(ctx context.Context) error {
	interval := refetchInterval
	if len(s.current.Load().byID) == 0 {
		interval = retryInterval
	}
	if !s.last.at.IsZero() && s.now().Sub(s.last.at) < interval {
		return s.last.err
	}
	// All callers share the fetch, so a caller whose context ends must not cancel it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	byID, err := s.fetch(ctx)
	s.last = fetch{s.now(), err}
	if err != nil {
		s.log.ErrorContext(ctx, "keys to verify tokens could not be fetched", "error", err, "kept", len(s.current.Load().byID))
		return err
	}
	s.current.Store(&keys{byID, s.last.at})
	return nil
}

func (s *keySet) fetch(ctx context.Context) (map[string]publicKey, error) {
	address := s.url
	if s.issuer != "" {
		document, err := s.get(ctx, address, "application/json")
		if err != nil {
			return nil, err
		}
		if address, err = s.discovered(document); err != nil {
			return nil, err
		}
	}
	body, err := s.get(ctx, address, "application/jwk-set+json, application/json")
	if err != nil {
		return nil, err
	}
	return parseKeySet(body)
}

// discovered returns where the keys are, by the issuer's discovery document. The document
// must be the issuer's own (OpenID Connect Discovery 1.0, section 4.3).
func (s *keySet) discovered(document []byte) (string, error) {
	var d struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(document, &d); err != nil {
		return "", fmt.Errorf("discovery document is not valid: %w", err)
	}
	if d.Issuer != s.issuer {
		return "", errors.New("discovery document names another issuer")
	}
	if err := mayFetch(d.Keys); err != nil {
		return "", fmt.Errorf("discovery document: %w", err)
	}
	return d.Keys, nil
}

func (s *keySet) get(ctx context.Context, address, accept string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Close = true // the next fetch is minutes away, and net/http repeats a GET that fails on a kept connection
	req.Header.Set("Accept", accept)
	res, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d", req.URL.Host, res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxKeySet+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", req.URL.Path, err)
	}
	if len(body) > maxKeySet {
		return nil, fmt.Errorf("%s has more than %d bytes", req.URL.Path, maxKeySet)
	}
	return body, nil
}

// jwk is a public key in JSON (RFC 7517, and RFC 7518, section 6).
type jwk struct {
	Type       string   `json:"kty"`
	ID         string   `json:"kid"`
	Use        string   `json:"use"`
	Operations []string `json:"key_ops"`
	Algorithm  string   `json:"alg"`
	Curve      string   `json:"crv"`
	X          string   `json:"x"`
	Y          string   `json:"y"`
	N          string   `json:"n"`
	E          string   `json:"e"`
}

// parseKeySet returns the keys that can verify tokens. It skips keys of other kinds and for
// other uses. A set without a usable key is an error.
func parseKeySet(body []byte) (map[string]publicKey, error) {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("key set is not valid: %w", err)
	}
	byID := make(map[string]publicKey, len(set.Keys))
	for _, k := range set.Keys {
		if key, ok := k.publicKey(); ok && k.ID != "" {
			byID[k.ID] = key
		}
	}
	if len(byID) == 0 {
		return nil, errors.New("key set has no RS256 or ES256 key for signatures")
	}
	return byID, nil
}

func (k jwk) publicKey() (publicKey, bool) {
	if k.Use != "" && k.Use != "sig" || k.Operations != nil && !slices.Contains(k.Operations, "verify") {
		return publicKey{}, false
	}
	var key publicKey
	switch {
	case k.Type == "RSA":
		n, ok := k.number(k.N)
		e, ok2 := k.number(k.E)
		if !ok || !ok2 || n.BitLen() < 2048 || n.BitLen() > 8192 || !e.IsInt64() || e.Int64() < 3 || e.Int64() > 1<<31-1 || e.Bit(0) == 0 {
			return publicKey{}, false
		}
		key = publicKey{"RS256", &rsa.PublicKey{N: n, E: int(e.Int64())}}
	case k.Type == "EC" && k.Curve == "P-256":
		x, ok := k.number(k.X)
		y, ok2 := k.number(k.Y)
		if !ok || !ok2 || x.BitLen() > 256 || y.BitLen() > 256 {
			return publicKey{}, false
		}
		point := make([]byte, 65) // SEC 1, section 2.3.3: uncompressed
		point[0] = 4
		x.FillBytes(point[1:33])
		y.FillBytes(point[33:])
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		if err != nil { // not on the curve
			return publicKey{}, false
		}
		key = publicKey{"ES256", public}
	default:
		return publicKey{}, false
	}
	if k.Algorithm != "" && k.Algorithm != key.algorithm {
		return publicKey{}, false
	}
	return key, true
}

// number decodes a big-endian number in base64url.
func (jwk) number(s string) (*big.Int, bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return new(big.Int).SetBytes(b), err == nil && len(b) > 0
}
