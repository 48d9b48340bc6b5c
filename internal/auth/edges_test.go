package auth

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cafe/model"
)

func TestATokenHasTheCharactersOfACompactJWSOnly(t *testing.T) {
	const good = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	for c := range 256 {
		want := strings.IndexByte(good, byte(c)) >= 0
		if got := isCompact("a" + string([]byte{byte(c)})); got != want {
			t.Errorf("%q: %t", byte(c), got)
		}
	}
	v := newVerifier(t)
	for token, want := range map[string]error{
		"":                           ErrNoToken,
		"a.b.c":                      Malformed,
		"e30.e30":                    Malformed,
		"e30.e30.e30.e30":            Malformed,
		"....":                       Malformed,
		strings.Repeat("a", 8192):    Malformed,
		strings.Repeat("a", 8193):    TooLong,
		encode("{}") + ".e30.e30":    BadAlgorithm,
		encode("[]") + ".e30.e30":    Malformed,
		"e30=.e30.e30":               Malformed,
		encode(hs256) + ".e30.e30":   BadSignature,
		encode("{\"a\"") + ".e30.AA": Malformed,
	} {
		if i, err := v.Verify(t.Context(), token); !errors.Is(err, want) || i != (Identity{}) {
			t.Errorf("%.40q: %+v, %v; want %v", token, i, err, want)
		}
	}
	if err := reason(errors.New("new in the library")); err != Malformed {
		t.Errorf("an error that is not known: %v", err)
	}
}

func TestAContextOfAnyFormIsReadOrRefused(t *testing.T) {
	soon := noon.Add(time.Hour)
	good := Identity{Subject: "alice", Role: model.RoleCustomer, Expires: soon}
	with := func(name string, value any) map[string]any {
		m := good.Context()
		if m[name] = value; value == nil {
			delete(m, name)
		}
		return m
	}
	for _, c := range []struct {
		values map[string]any
		want   error
	}{
		{good.Context(), nil},
		{with("exp", fmt.Sprint(soon.Unix())), nil},
		{with("exp", json.Number(fmt.Sprint(soon.Unix()))), nil},
		{with("exp", float64(soon.Unix())), nil},
		{with("exp", "soon"), BadClaim},
		{with("exp", json.Number("1.5e99")), BadClaim},
		{with("exp", nil), BadClaim},
		{with("exp", noon.Unix()), Expired},
		{with("sub", nil), ErrNoToken},
		{with("sub", ""), ErrNoToken},
		{with("sub", 7), ErrNoToken},
		{with("sub", model.WalkIn), BadSubject},
		{with("role", nil), MissingClaim},
		{with("role", "guest"), UnknownRole},
	} {
		got, err := FromContext(c.values, noon)
		if c.want == nil && (err != nil || got != good) || c.want != nil && (!errors.Is(err, c.want) || got != (Identity{})) {
			t.Errorf("%v: %+v, %v; want %v", c.values, got, err, c.want)
		}
	}
}

func TestClaimsAtTheEdge(t *testing.T) {
	v := newVerifier(t)
	kid := func(n int) string { return `{"alg":"HS256","kid":"` + strings.Repeat("k", n) + `"}` }
	cognito := alice.without("aud").with(`"token_use":"access"`)
	for name, c := range map[string]struct {
		header string
		claims object
		want   error
	}{
		"a kid of 256 bytes":                  {kid(256), alice, nil},
		"a kid of 257 bytes":                  {kid(257), alice, UnknownKey},
		"issued 5 seconds ahead":              {hs256, alice.without("iat").with(`"iat":` + at(noon.Add(5*time.Second))), nil},
		"issued 6 seconds ahead":              {hs256, alice.without("iat").with(`"iat":` + at(noon.Add(6*time.Second))), NotYetValid},
		"not before 5 seconds":                {hs256, alice.with(`"nbf":` + at(noon.Add(5*time.Second))), nil},
		"not before 6 seconds":                {hs256, alice.with(`"nbf":` + at(noon.Add(6*time.Second))), NotYetValid},
		"expires in a second":                 {hs256, alice.without("exp").with(`"exp":` + at(noon.Add(time.Second))), nil},
		"expires now":                         {hs256, alice.without("exp").with(`"exp":` + at(noon)), Expired},
		"of Cognito, for our client":          {hs256, cognito.with(`"client_id":"cafe"`), nil},
		"of Cognito, for another client":      {hs256, cognito.with(`"client_id":"shop"`), BadAudience},
		"of Cognito, for no client":           {hs256, cognito, MissingClaim},
		"of Cognito, an id for our client":    {hs256, alice.without("aud").with(`"token_use":"id"`, `"client_id":"cafe"`), MissingClaim},
		"for another audience and our client": {hs256, cognito.with(`"client_id":"cafe"`, `"aud":"shop"`), BadAudience},
		"for several audiences":               {hs256, alice.without("aud").with(`"aud":["shop","cafe"]`), nil},
		"groups without a role":               {hs256, alice.without("role").with(`"cognito:groups":["guests"]`), UnknownRole},
		"no groups":                           {hs256, alice.without("role").with(`"cognito:groups":[]`), UnknownRole},
		"neither role nor groups":             {hs256, alice.without("role"), MissingClaim},
		"for a use unknown":                   {hs256, alice.with(`"token_use":"logout"`), BadClaim},
	} {
		got, err := v.Verify(t.Context(), token(c.header, c.claims.String()))
		if c.want == nil && (err != nil || got.Subject != "alice") || c.want != nil && (!errors.Is(err, c.want) || got != (Identity{})) {
			t.Errorf("%s: %+v, %v; want %v", name, got, err, c.want)
		}
	}
	var one claims
	if err := json.Unmarshal([]byte(`{"aud":"cafe"}`), &one); err != nil || len(one.audience) != 1 || one.audience[0] != "cafe" {
		t.Errorf("%q, %v", one.audience, err)
	}
}

func TestObjectsInATokenAreReadStrictly(t *testing.T) {
	for text, want := range map[string]error{
		`{}`: nil, `{"a":1,"b":{"c":[]}}`: nil, ` { "a" : 1 } `: nil,
		``: Malformed, `[]`: Malformed, `1`: Malformed, `{`: Malformed, `{"a"`: Malformed, `{"a":`: Malformed, `{"a":1`: Malformed, `{"a":}`: Malformed,
		`{"a":1,}`: Malformed, `{1:1}`: Malformed, `{"a":1,"a":1}`: Malformed, `{"a":1}x`: Malformed, `{"a":1}{}`: Malformed, `{"a":1]`: Malformed, `{"a":"\x"}`: Malformed,
	} {
		if err := eachMember([]byte(text), func(string, json.RawMessage) error { return nil }); err != want {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
}

func TestDatesInATokenAreSecondsFrom1970To9999(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "-0": 0, "9": 9, "1.9": 1, "1e3": 1000, "253402300799": 253402300799} {
		if got, err := numericDate(json.RawMessage(text)); err != nil || got.Unix() != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"-1", "-0.5", "253402300800", "1e999", "null", "true", `"5"`, "[]", "{}"} {
		if got, err := numericDate(json.RawMessage(text)); err != BadClaim || got != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

func TestWhatIsWrongWithAConfigurationIsSaid(t *testing.T) {
	config := func(change func(*Config)) Config {
		c := Config{Issuer: "i", Audience: "a", Secrets: [][]byte{secret}}
		change(&c)
		return c
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Issuer = "" }, func(c *Config) { c.Audience = "" }, func(c *Config) { c.Secrets = nil },
		func(c *Config) { c.JWKS = "https://issuer.example/jwks.json" }, func(c *Config) { c.Secrets = [][]byte{secret, secret[:31]} },
		func(c *Config) { c.Secrets, c.JWKS = nil, "http://issuer.example/jwks.json" },
	} {
		if v, err := New(config(change)); err == nil || v != nil {
			t.Errorf("%+v is taken", config(change))
		}
	}
	for url, want := range map[string]bool{"https://issuer.example/jwks.json": true, "": false} {
		env := map[string]string{"CAFE_AUTH_ISSUER": "i", "CAFE_AUTH_AUDIENCE": "a", "CAFE_AUTH_JWKS_URL": url}
		if v, err := FromEnv(func(name string) string { return env[name] }, nil); (err == nil) != want || (v != nil) != want {
			t.Errorf("without a secret, keys at %q: %v", url, err)
		}
	}
	v, err := New(Config{Issuer: LocalIssuer, Audience: LocalAudience, Secrets: [][]byte{secret}}) // by the machine's clock
	if err != nil {
		t.Fatal(err)
	}
	issued, err := (&Issuer{secret: secret, now: time.Now}).Issue(model.RoleOwner, "olga", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if who, err := v.Verify(t.Context(), issued); err != nil || who.Subject != "olga" {
		t.Errorf("%+v, %v", who, err)
	}
}

func TestKeysAreFetchedByHTTPSOrFromThisMachine(t *testing.T) {
	for address, want := range map[string]bool{
		"https://issuer.example/jwks.json": true, "https://10.0.0.1/": true, "http://localhost:8080/": true, "http://127.0.0.1/": true, "http://[::1]:80/": true,
		"": false, "https://": false, "https:///jwks.json": false, "jwks.json": false, "http://issuer.example/": false, "http://10.0.0.1/": false,
		"http://localhost.example/": false, "ftp://localhost/": false, "ftp://issuer.example/": false, "https://a b/": false, "://": false,
	} {
		if err := mayFetch(address); (err == nil) != want {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestKeysAreTrustedForAQuarterOfAnHourAndAskedForTwiceAMinute(t *testing.T) {
	key, other := keyPairs().rsa, keyPairs().otherRSA
	s := startKeyServer(t, keySetOf(map[string]any{"a": key.Public()}))
	s.expect(t, "a", key, nil, 1)
	s.sleep(15*time.Minute - 1)
	s.Verifier.recent = recent{}
	s.expect(t, "a", key, nil, 1)
	s.sleep(1)
	s.Verifier.recent = recent{}
	s.expect(t, "a", key, nil, 2)
	s.sleep(30*time.Second - 1)
	s.expect(t, "b", other, UnknownKey, 2)
	s.sleep(1)
	s.expect(t, "b", other, UnknownKey, 3)
}

func TestAKeySetIsAskedForAsJSONAndIsAtMost128KiB(t *testing.T) {
	key := keyPairs().rsa
	set, err := json.Marshal(map[string]any{"keys": []any{jwkOf("a", key.Public())}})
	if err != nil {
		t.Fatal(err)
	}
	size, accept := 131072, ""
	s := startKeyServer(t, func(w http.ResponseWriter, r *http.Request) {
		accept = r.Header.Get("Accept")
		w.Write(append(set, bytes.Repeat([]byte(" "), size-len(set))...))
	})
	s.expect(t, "a", key, nil, 1)
	if accept != "application/jwk-set+json, application/json" {
		t.Errorf("asked for %q", accept)
	}
	size++
	s = startKeyServer(t, s.answer)
	s.expect(t, "a", key, ErrKeysUnavailable, 1)
}

func TestAFailureToFetchKeysIsLogged(t *testing.T) {
	var given, usual bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&usual, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	token := tokenRS(keyPairs().rsa, `{"alg":"RS256","kid":"a"}`, alice.String())
	for _, c := range []struct {
		log  *slog.Logger
		into *bytes.Buffer
	}{{slog.New(slog.NewTextHandler(&given, nil)), &given}, {nil, &usual}} {
		v, err := New(Config{Issuer: "i", Audience: "a", JWKS: "http://127.0.0.1:1/jwks.json", Log: c.log})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrKeysUnavailable) {
			t.Error(err)
		}
		if !strings.Contains(c.into.String(), "could not be fetched") {
			t.Errorf("the log says %q", c.into)
		}
		given.Reset()
	}
}

func TestKeysOfTheRightKindAndSizeOnly(t *testing.T) {
	number := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	bits := func(n uint) *big.Int { return new(big.Int).SetBit(big.NewInt(1), int(n)-1, 1) }
	rsaKey := func(n, e *big.Int) jwk { return jwk{Type: "RSA", N: number(n), E: number(e)} }
	two := func(power uint, more int64) *big.Int {
		return new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), power), big.NewInt(more))
	}
	e := big.NewInt(65537)
	good := rsaKey(bits(2048), e)
	for name, c := range map[string]struct {
		key  jwk
		want bool
	}{
		"2048 bits": {good, true}, "2047 bits": {rsaKey(bits(2047), e), false}, "8192 bits": {rsaKey(bits(8192), e), true}, "8193 bits": {rsaKey(bits(8193), e), false},
		"exponent 3": {rsaKey(bits(2048), big.NewInt(3)), true}, "exponent 1": {rsaKey(bits(2048), big.NewInt(1)), false}, "exponent 2": {rsaKey(bits(2048), big.NewInt(2)), false},
		"an even exponent": {rsaKey(bits(2048), big.NewInt(65538)), false}, "the highest": {rsaKey(bits(2048), two(31, -1)), true},
		"a higher one": {rsaKey(bits(2048), two(31, 1)), false}, "one of 65 bits": {rsaKey(bits(2048), two(64, 65537)), false},
		"no modulus": {jwk{Type: "RSA", E: good.E}, false}, "no exponent": {jwk{Type: "RSA", N: good.N}, false},
		"a modulus that is none": {jwk{Type: "RSA", N: number(bits(4096)) + "!", E: good.E}, false}, "an exponent that is none": {jwk{Type: "RSA", N: good.N, E: good.E + "!"}, false},
		"for encryption": {jwk{Type: "RSA", N: good.N, E: good.E, Use: "enc"}, false}, "to sign": {jwk{Type: "RSA", N: good.N, E: good.E, Operations: []string{"sign"}}, false},
		"to verify": {jwk{Type: "RSA", N: good.N, E: good.E, Operations: []string{"verify"}}, true}, "of another algorithm": {jwk{Type: "RSA", N: good.N, E: good.E, Algorithm: "RS512"}, false},
		"a shared secret": {jwk{Type: "oct", Curve: "P-256", N: good.N, E: good.E}, false},
	} {
		if key, ok := c.key.publicKey(); ok != c.want || ok && (key.algorithm != "RS256" || key.public.(*rsa.PublicKey).N.BitLen() < 2048) {
			t.Errorf("RSA, %s: %t, %s", name, ok, key.algorithm)
		}
	}

	// A point whose coordinates have all 256 bits: one of four has.
	var x, y *big.Int
	for x == nil || x.BitLen() < 256 || y.BitLen() < 256 {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		point, err := k.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		x, y = new(big.Int).SetBytes(point[1:33]), new(big.Int).SetBytes(point[33:])
	}
	for name, c := range map[string]struct {
		key  jwk
		want bool
	}{
		"a point": {jwk{Type: "EC", Curve: "P-256", X: number(x), Y: number(y)}, true}, "not on the curve": {jwk{Type: "EC", Curve: "P-256", X: number(y), Y: number(x)}, false},
		"257 bits of x": {jwk{Type: "EC", Curve: "P-256", X: number(two(256, 1)), Y: number(y)}, false}, "257 bits of y": {jwk{Type: "EC", Curve: "P-256", X: number(x), Y: number(two(256, 1))}, false},
		"no x": {jwk{Type: "EC", Curve: "P-256", Y: number(y)}, false}, "no y": {jwk{Type: "EC", Curve: "P-256", X: number(x)}, false},
		"an x that is none": {jwk{Type: "EC", Curve: "P-256", X: number(x) + "!", Y: number(y)}, false}, "a y that is none": {jwk{Type: "EC", Curve: "P-256", X: number(x), Y: number(y) + "!"}, false},
		"another curve": {jwk{Type: "EC", Curve: "P-384", X: number(x), Y: number(y)}, false}, "another type": {jwk{Type: "OKP", Curve: "P-256", X: number(x), Y: number(y)}, false},
	} {
		if key, ok := c.key.publicKey(); ok != c.want || ok && key.algorithm != "ES256" {
			t.Errorf("EC, %s: %t, %s", name, ok, key.algorithm)
		}
	}
}

func TestTheCacheOfTokensHas4096AndNoMore(t *testing.T) {
	var r recent
	sum := func(n int) [sha256.Size]byte { return sha256.Sum256([]byte(fmt.Sprint(n))) }
	who := Identity{Subject: "alice", Expires: noon.Add(time.Hour)}
	for n := range 4096 {
		r.add(sum(n), who, noon)
	}
	for n := range 4096 {
		if got, ok := r.find(sum(n), noon); !ok || got != who {
			t.Fatalf("token %d is forgotten", n)
		}
	}
	r.add(sum(4096), who, noon)
	if _, ok := r.find(sum(4096), noon); !ok || len(r.known) != 1 {
		t.Errorf("%d are known", len(r.known))
	}
	for after, want := range map[time.Duration]bool{0: true, time.Minute - 1: true, time.Minute: false} {
		if _, ok := r.find(sum(4096), noon.Add(after)); ok != want {
			t.Errorf("%v later: %t", after, ok)
		}
	}
	r.add(sum(1), Identity{Expires: noon.Add(time.Second)}, noon)
	if _, ok := r.find(sum(1), noon.Add(time.Second)); ok {
		t.Error("a token is known after it expired")
	}
}

func TestASecretThatCannotBeTrustedIsNotUsed(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "token.key")
	i := openIssuer(t, folder)
	if bytes.Equal(i.Key("cursors"), i.Key("links")) || !bytes.Equal(i.Key("cursors"), openIssuer(t, folder).Key("cursors")) || len(i.Key("cursors")) != 32 {
		t.Error("a key is one purpose's, and the same each time")
	}
	for _, mode := range []os.FileMode{0o601, 0o610, 0o640, 0o604} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenIssuer(folder); err == nil {
			t.Errorf("with mode %o it is used", mode)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"", strings.Repeat("ab", 31), strings.Repeat("ab", 32) + "zz", "secret"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if i, err := OpenIssuer(folder); err == nil || i != nil {
			t.Errorf("%q is used", content)
		}
		if i, err := ReadIssuer(folder); err == nil || i != nil {
			t.Errorf("%q is used", content)
		}
	}
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{folder, path + "/../token.key/x/\x00"} {
		if i, err := OpenIssuer(folder); err == nil || i != nil {
			t.Errorf("%q is opened", folder)
		}
	}
	if _, err := i.Issue(model.RoleStaff, "sam", time.Second); err != nil {
		t.Errorf("for a second: %v", err)
	}
	if token, err := i.Issue(model.RoleStaff, "sam", time.Second-1); err == nil || token != "" {
		t.Error("a token for less than a second is issued")
	}
}
