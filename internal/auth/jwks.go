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
	"sync/atomic"
	"time"
)

const (
	// keysMaxAge is how long keys are used before they are looked at again, so that
	// one the issuer took back is not trusted for long.
	keysMaxAge = 15 * time.Minute
	// refetchInterval is the least time between two fetches: whoever sends tokens of
	// unknown keys gets one fetch out of us per interval. A new key of the issuer is
	// known within it.
	refetchInterval = 30 * time.Second
	// retryInterval takes its place while there are no keys at all.
	retryInterval = time.Second
	// fetchTimeout bounds one fetch, reading the answer included.
	fetchTimeout = 3 * time.Second
	// maxKeySet bounds the answer, in bytes. Issuers publish two or three keys.
	maxKeySet = 128 << 10
)

// keySet is the public keys of an issuer: fetched when first needed, kept, fetched
// again when they are old or a token names an unknown one, and kept on when that
// fails. It starts no goroutine, which Lambda would freeze between two requests.
type keySet struct {
	url    string
	client *http.Client
	now    func() time.Time
	log    *slog.Logger

	held atomic.Pointer[keys]
	turn chan struct{} // of one place: whoever fills it may fetch, and has what follows
	last attempt
}

// keys are those of one answer, by key id.
type keys struct {
	byID map[string]publicKey
	at   time.Time
}

// attempt is the latest fetch.
type attempt struct {
	at  time.Time
	err error
}

func newKeySet(c Config) (*keySet, error) {
	u, err := url.Parse(c.JWKS)
	switch {
	case err != nil || u.Host == "":
		return nil, errors.New("JWKS URL is not a URL")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
	default:
		return nil, errors.New("JWKS URL must be https")
	}
	s := &keySet{url: c.JWKS, client: c.Client, now: c.Now, log: c.Log, turn: make(chan struct{}, 1)}
	if s.client == nil {
		// The set's place is configured. An answer that points elsewhere is no answer.
		s.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.held.Store(&keys{})
	return s, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// find returns the key of that id. UnknownKey means that the issuer has none by that
// name; ErrKeysUnavailable, that it may have but could not be asked. A key that is
// held stays good for as long as the issuer cannot be reached.
func (s *keySet) find(ctx context.Context, id string) (publicKey, error) {
	if id == "" {
		return publicKey{}, UnknownKey
	}
	held := s.held.Load()
	key, known := held.byID[id]
	if known && s.now().Sub(held.at) < keysMaxAge {
		return key, nil
	}
	select {
	case s.turn <- struct{}{}:
	default:
		if known { // old, and somebody is fetching already: no need to wait
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
	if key, known = s.held.Load().byID[id]; known {
		return key, nil
	}
	if err != nil {
		return publicKey{}, ErrKeysUnavailable
	}
	return publicKey{}, UnknownKey
}

// refetch fetches the keys unless that was done, or tried, within the interval. It
// returns how the latest fetch went. The caller has the turn.
func (s *keySet) refetch(ctx context.Context) error {
	interval := refetchInterval
	if len(s.held.Load().byID) == 0 {
		interval = retryInterval
	}
	if !s.last.at.IsZero() && s.now().Sub(s.last.at) < interval {
		return s.last.err
	}
	// The fetch is for everybody. A client that hangs up must not spoil it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	byID, err := s.fetch(ctx)
	s.last = attempt{s.now(), err}
	if err != nil {
		s.log.ErrorContext(ctx, "keys to verify tokens could not be fetched", "error", err, "kept", len(s.held.Load().byID))
		return err
	}
	s.held.Store(&keys{byID, s.last.at})
	return nil
}

func (s *keySet) fetch(ctx context.Context) (map[string]publicKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	req.Close = true // minutes pass until the next; and on a kept connection a failed GET is sent twice
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
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
		return nil, fmt.Errorf("read key set: %w", err)
	}
	if len(body) > maxKeySet {
		return nil, fmt.Errorf("key set has more than %d bytes", maxKeySet)
	}
	return parseKeySet(body)
}

// jwk is a public key as RFC 7517 and RFC 7518, section 6, write it.
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

// parseKeySet returns the keys that can verify tokens. Others, of kinds or uses that
// are not for this, are passed over; a set without any is an error.
func parseKeySet(body []byte) (map[string]publicKey, error) {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("key set is not JSON of its form: %w", err)
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

// number reads a big-endian number in base64url.
func (jwk) number(s string) (*big.Int, bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return new(big.Int).SetBytes(b), err == nil && len(b) > 0
}
