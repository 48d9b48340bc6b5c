package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// jwkOf returns a public key in the form of an issuer's key set.
func jwkOf(id string, public any) map[string]any {
	number := func(n *big.Int, size int) string {
		return base64.RawURLEncoding.EncodeToString(n.FillBytes(make([]byte, size)))
	}
	switch k := public.(type) {
	case *rsa.PublicKey:
		return map[string]any{"kid": id, "kty": "RSA", "use": "sig", "alg": "RS256",
			"n": number(k.N, k.Size()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			panic(err)
		}
		half := (len(point) - 1) / 2
		return map[string]any{"kid": id, "kty": "EC", "crv": k.Params().Name,
			"x": base64.RawURLEncoding.EncodeToString(point[1 : 1+half]), "y": base64.RawURLEncoding.EncodeToString(point[1+half:])}
	case map[string]any:
		return k
	}
	panic(fmt.Sprintf("no key: %T", public))
}

// keyServer is an issuer's key endpoint. A test can change its answers and the clock.
type keyServer struct {
	*Verifier
	fetches atomic.Int64
	mu      sync.Mutex
	now     time.Time
	answer  http.HandlerFunc
}

func (s *keyServer) sleep(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *keyServer) answers(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = h
}

func keySetOf(keys map[string]any) http.HandlerFunc {
	list := []any{}
	for id, key := range keys {
		list = append(list, jwkOf(id, key))
	}
	body, err := json.Marshal(map[string]any{"keys": list})
	if err != nil {
		panic(err)
	}
	return func(w http.ResponseWriter, _ *http.Request) { w.Write(body) }
}

func down(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }

func startKeyServer(t testing.TB, answer http.HandlerFunc) *keyServer {
	t.Helper()
	s := &keyServer{now: noon, answer: answer}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fetches.Add(1)
		s.mu.Lock()
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	v, err := New(Config{
		Issuer: "https://issuer.example", Audience: "cafe", JWKS: server.URL + "/jwks.json",
		Now: func() time.Time {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.now
		},
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Verifier = v
	return s
}

func newKeyServer(t testing.TB, keys map[string]any) (*Verifier, func() int64) {
	s := startKeyServer(t, keySetOf(keys))
	return s.Verifier, s.fetches.Load
}

func (s *keyServer) expect(t *testing.T, kid string, key *rsa.PrivateKey, want error, fetches int64) {
	t.Helper()
	_, err := s.Verify(t.Context(), tokenRS(key, `{"alg":"RS256","kid":"`+kid+`"}`, alice.without("exp").with(`"exp":`+at(noon.Add(100*time.Hour))).String()))
	if want == nil && err != nil || want != nil && !errors.Is(err, want) {
		t.Errorf("kid %s: got %v, want %v", kid, err, want)
	}
	if n := s.fetches.Load(); n != fetches {
		t.Errorf("kid %s: %d fetches so far, want %d", kid, n, fetches)
	}
}

func TestCase44KeysAreFetchedOnceAndRotate(t *testing.T) {
	old, next := keyPairs().rsa, keyPairs().otherRSA
	s := startKeyServer(t, keySetOf(map[string]any{"old": old.Public()}))
	s.expect(t, "old", old, nil, 1)
	s.expect(t, "old", old, nil, 1)

	// The issuer adds a key. Its first token is good as soon as a fetch is due again.
	s.answers(keySetOf(map[string]any{"old": old.Public(), "next": next.Public()}))
	s.expect(t, "next", next, UnknownKey, 1)
	s.sleep(refetchInterval)
	s.expect(t, "next", next, nil, 2)
	s.expect(t, "old", old, nil, 2)

	// The issuer revokes the old key. It stays valid until the keys are old. A token that
	// was verified just before that stays valid a minute longer.
	s.answers(keySetOf(map[string]any{"next": next.Public()}))
	s.sleep(keysMaxAge - time.Second)
	s.expect(t, "old", old, nil, 2)
	s.sleep(recentFor)
	s.expect(t, "old", old, UnknownKey, 3)
	s.expect(t, "next", next, nil, 3)
}

// An issuer need not have its keys at any certain path. Its discovery document tells where.
func TestKeysAreFoundByTheIssuersDiscoveryDocument(t *testing.T) {
	key := keyPairs().rsa
	for name, c := range map[string]struct {
		issuer, says, keys string // of the paths after the server's address
		want               error
	}{
		"as usual":                      {"", "", "/keys", nil},
		"an issuer with a slash":        {"/", "/", "/oauth2/v3/certs", nil},
		"an issuer with a path":         {"/realms/cafe", "/realms/cafe", "/realms/cafe/protocol/certs", nil},
		"with a path and a slash":       {"/realms/cafe/", "/realms/cafe/", "/keys", nil},
		"a document of another issuer":  {"", "/other", "/keys", ErrKeysUnavailable},
		"a document that lacks a slash": {"/", "", "/keys", ErrKeysUnavailable},
		"no such keys":                  {"", "", "/none", ErrKeysUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			var address string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case strings.TrimSuffix(c.issuer, "/") + "/.well-known/openid-configuration":
					fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, address+c.says, address+c.keys)
				case "/none":
					http.NotFound(w, r)
				case c.keys:
					keySetOf(map[string]any{"a": key.Public()})(w, r)
				default:
					http.NotFound(w, r)
				}
			}))
			defer server.Close()
			address = server.URL
			v, err := New(Config{
				Issuer: server.URL + c.issuer, Audience: "cafe", JWKS: Discover, Now: func() time.Time { return noon },
				Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
			})
			if err != nil {
				t.Fatal(err)
			}
			claims := alice.without("iss").with(fmt.Sprintf(`"iss":%q`, server.URL+c.issuer)).String()
			if _, err := v.Verify(t.Context(), tokenRS(key, `{"alg":"RS256","kid":"a"}`, claims)); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if _, err := v.Verify(t.Context(), token(hs256, claims)); err == nil {
				t.Error("a shared secret signs, and there is none")
			}
		})
	}
}

func TestDiscoveryNeedsAnAddressOfHTTPS(t *testing.T) {
	s := keySet{issuer: "https://issuer.example"}
	for _, keys := range []string{"http://issuer.example/keys", "file:///etc/passwd", "", "keys"} {
		if got, err := s.discovered(fmt.Appendf(nil, `{"issuer":"https://issuer.example","jwks_uri":%q}`, keys)); err == nil {
			t.Errorf("%q: accepted as %s", keys, got)
		}
	}
}

func TestCase44AnOutageKeepsTheLastGoodKeys(t *testing.T) {
	for name, outage := range map[string]http.HandlerFunc{
		"502":            down,
		"a redirect":     func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"no JSON":        func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
		"no keys":        keySetOf(nil),
		"keys of no use": keySetOf(map[string]any{"weak": map[string]any{"kid": "rsa", "kty": "oct", "k": "AAAA"}}),
		"good keys in an answer too long": func(w http.ResponseWriter, r *http.Request) {
			keySetOf(map[string]any{"new": keyPairs().otherRSA.Public()})(w, r)
			io.WriteString(w, strings.Repeat(" ", maxKeySet))
		},
		"an endless answer": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, strings.Repeat(" ", 64<<10))
			}
		},
		"a broken off one": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "999")
			io.WriteString(w, `{"keys":[`)
		},
		"a hung up listener": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			key, other := keyPairs().rsa, keyPairs().otherRSA
			s := startKeyServer(t, keySetOf(map[string]any{"rsa": key.Public()}))
			s.expect(t, "rsa", key, nil, 1)
			s.answers(outage)
			s.sleep(keysMaxAge)
			s.expect(t, "rsa", key, nil, 2) // tried, and the last good keys go on
			s.expect(t, "rsa", key, nil, 2) // not tried again at once
			s.expect(t, "new", other, ErrKeysUnavailable, 2)
			s.sleep(24 * time.Hour)
			s.expect(t, "rsa", key, nil, 3)
			s.answers(keySetOf(map[string]any{"new": other.Public()}))
			s.sleep(refetchInterval)
			s.expect(t, "new", other, nil, 4)
		})
	}
}

func TestCase44WithoutKeysTokensAreRefusedUntilKeysCome(t *testing.T) {
	key := keyPairs().rsa
	s := startKeyServer(t, down)
	s.expect(t, "rsa", key, ErrKeysUnavailable, 1)
	s.expect(t, "rsa", key, ErrKeysUnavailable, 1)
	s.answers(keySetOf(map[string]any{"rsa": key.Public()}))
	s.sleep(retryInterval)
	s.expect(t, "rsa", key, nil, 2)
}

func TestCase44ManyUnknownKeysCauseOneFetchPerInterval(t *testing.T) {
	key := keyPairs().rsa
	s := startKeyServer(t, keySetOf(map[string]any{"rsa": key.Public()}))
	tokens := make([]string, 64)
	for i := range tokens {
		tokens[i] = tokenRS(key, fmt.Sprintf(`{"alg":"RS256","kid":"unknown-%d"}`, i), alice.String())
	}
	storm := func() {
		var wg sync.WaitGroup
		for _, token := range tokens {
			wg.Go(func() {
				if _, err := s.Verify(t.Context(), token); !errors.Is(err, UnknownKey) {
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
	}
	for i := int64(1); i <= 3; i++ {
		storm()
		storm()
		if n := s.fetches.Load(); n != i {
			t.Fatalf("%d fetches in %d intervals", n, i)
		}
		s.sleep(refetchInterval)
	}
}

func TestCase44ColdCallersShareOneFetch(t *testing.T) {
	key := keyPairs().rsa
	s := startKeyServer(t, keySetOf(map[string]any{"rsa": key.Public()}))
	token := tokenRS(key, `{"alg":"RS256","kid":"rsa"}`, alice.String())
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if _, err := s.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := s.fetches.Load(); n != 1 {
		t.Errorf("%d fetches, want 1", n)
	}
}

func TestCase44ACanceledCallerDoesNotCancelTheFetch(t *testing.T) {
	key := keyPairs().rsa
	inside, resume := make(chan bool), make(chan bool)
	good := keySetOf(map[string]any{"rsa": key.Public()})
	s := startKeyServer(t, func(w http.ResponseWriter, r *http.Request) {
		inside <- true
		<-resume
		good(w, r)
	})
	token := tokenRS(key, `{"alg":"RS256","kid":"rsa"}`, alice.String())
	ctx, hangUp := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { _, err := s.Verify(ctx, token); first <- err }()
	<-inside

	// Another caller waits for the fetch and gives up.
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Verify(impatient, token); !errors.Is(err, ErrKeysUnavailable) {
		t.Errorf("who gave up waiting got %v", err)
	}
	hangUp()
	resume <- true
	if err := <-first; err != nil {
		t.Errorf("the fetch ended with its first caller: %v", err)
	}
	s.expect(t, "rsa", key, nil, 1)
}

func TestUnusableKeysAreSkipped(t *testing.T) {
	pairs := keyPairs()
	rsaKey := func(changes map[string]any) map[string]any {
		k := jwkOf("k", pairs.rsa.Public())
		for name, value := range changes {
			k[name] = value
		}
		return k
	}
	ec := func(changes map[string]any) map[string]any {
		k := jwkOf("k", pairs.p256.Public())
		for name, value := range changes {
			k[name] = value
		}
		return k
	}
	parse := func(k map[string]any) error {
		body, err := json.Marshal(map[string]any{"keys": []any{k}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = parseKeySet(body)
		return err
	}
	for name, k := range map[string]map[string]any{
		"RSA": rsaKey(nil), "EC": ec(nil), "with alg": ec(map[string]any{"alg": "ES256"}),
		"with key_ops": rsaKey(map[string]any{"key_ops": []string{"verify"}}),
	} {
		if err := parse(k); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	short := base64.RawURLEncoding.EncodeToString(new(big.Int).Rsh(pairs.rsa.N, 1024).Bytes())
	for name, k := range map[string]map[string]any{
		"for encryption":        rsaKey(map[string]any{"use": "enc"}),
		"not for verifying":     rsaKey(map[string]any{"key_ops": []string{"encrypt"}}),
		"another algorithm":     rsaKey(map[string]any{"alg": "RS512"}),
		"RSA of 1024 bits":      rsaKey(map[string]any{"n": short}),
		"RSA with exponent 1":   rsaKey(map[string]any{"e": "AQ"}),
		"RSA with exponent 2":   rsaKey(map[string]any{"e": "Ag"}),
		"RSA, exponent too big": rsaKey(map[string]any{"e": "AQAAAAAAAAAB"}),
		"RSA without a modulus": rsaKey(map[string]any{"n": ""}),
		"no base64":             rsaKey(map[string]any{"n": "!"}),
		"no id":                 rsaKey(map[string]any{"kid": ""}),
		"a point off the curve": ec(map[string]any{"y": "AAAA"}),
		"a curve swapped":       ec(map[string]any{"crv": "P-384"}),
		"P-384":                 jwkOf("k", pairs.p384.Public()),
		"P-384 called P-256": func() map[string]any {
			k := jwkOf("k", pairs.p384.Public())
			k["crv"] = "P-256"
			return k
		}(),
		"a shared secret": {"kid": "k", "kty": "oct", "alg": "HS256", "k": "AAAA"},
	} {
		if err := parse(k); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
