package auth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cafe/model"
)

// The time of all tests except those of the issuer.
var noon = time.Date(2017, 3, 18, 12, 0, 0, 0, time.UTC)

var secret = []byte("0123456789abcdef0123456789abcdef")

// object is a JSON object. Its members may be anything and may appear twice.
type object []string

func (o object) with(members ...string) object { return append(o[:len(o):len(o)], members...) }

func (o object) without(name string) object {
	var rest object
	for _, m := range o {
		if !strings.HasPrefix(m, `"`+name+`":`) {
			rest = append(rest, m)
		}
	}
	return rest
}

func (o object) String() string { return "{" + strings.Join(o, ",") + "}" }

func at(t time.Time) string { return fmt.Sprint(t.Unix()) }

// alice has the claims of a valid token: a customer's, a minute old, valid for an hour.
var alice = object{
	`"iss":"https://issuer.example"`, `"aud":"cafe"`, `"sub":"alice"`, `"role":"customer"`,
	`"iat":` + at(noon.Add(-time.Minute)), `"exp":` + at(noon.Add(time.Hour)),
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func signHS(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func signRS(key *rsa.PrivateKey, text string) []byte {
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return signature
}

func signES(key *ecdsa.PrivateKey, text string) []byte {
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		panic(err)
	}
	size := (key.Curve.Params().BitSize + 7) / 8
	signature := make([]byte, 2*size)
	r.FillBytes(signature[:size])
	s.FillBytes(signature[size:])
	return signature
}

// token returns a token with the header and the claims, signed with HS256.
func token(header, claims string) string {
	text := encode(header) + "." + encode(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(signHS(secret, text))
}

func tokenRS(key *rsa.PrivateKey, header, claims string) string {
	text := encode(header) + "." + encode(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(signRS(key, text))
}

func tokenES(key *ecdsa.PrivateKey, header, claims string) string {
	text := encode(header) + "." + encode(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(signES(key, text))
}

const hs256 = `{"alg":"HS256","typ":"JWT"}`

func newVerifier(t testing.TB) *Verifier {
	t.Helper()
	v, err := New(Config{Issuer: "https://issuer.example", Audience: "cafe", Secrets: [][]byte{secret}, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The key pairs are made only once, since 2048-bit ones take a while.
var keyPairs = sync.OnceValue(func() (k struct {
	rsa, otherRSA *rsa.PrivateKey
	p256          *ecdsa.PrivateKey
	p384          *ecdsa.PrivateKey
}) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	var err error
	k.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	k.otherRSA, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	k.p256, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	k.p384, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(err)
	return k
})

func TestGoodTokens(t *testing.T) {
	v := newVerifier(t)
	for name, c := range map[string]struct {
		header string
		claims object
		want   model.Role
	}{
		"a customer":                          {hs256, alice, model.RoleCustomer},
		"staff":                               {hs256, alice.without("role").with(`"role":"staff"`), model.RoleStaff},
		"an owner":                            {hs256, alice.without("role").with(`"role":"owner"`), model.RoleOwner},
		"an audience among several":           {hs256, alice.without("aud").with(`"aud":["other","cafe"]`), model.RoleCustomer},
		"a fraction of a second":              {hs256, alice.without("exp").with(`"exp":` + at(noon.Add(time.Minute)) + `.75`), model.RoleCustomer},
		"no iat":                              {hs256, alice.without("iat"), model.RoleCustomer},
		"an issuer whose clock is ahead":      {hs256, alice.without("iat").with(`"iat":`+at(noon.Add(4*time.Second)), `"nbf":`+at(noon.Add(4*time.Second))), model.RoleCustomer},
		"a last second to live":               {hs256, alice.without("exp").with(`"exp":` + at(noon.Add(time.Second))), model.RoleCustomer},
		"the highest of several groups":       {hs256, alice.without("role").with(`"cognito:groups":["customer","baristas","owner","staff"]`), model.RoleOwner},
		"one group":                           {hs256, alice.without("role").with(`"cognito:groups":["staff"]`), model.RoleStaff},
		"a Cognito id token":                  {hs256, alice.with(`"token_use":"id"`), model.RoleCustomer},
		"a Cognito access token":              {hs256, alice.without("aud").with(`"token_use":"access"`, `"client_id":"cafe"`), model.RoleCustomer},
		"an RFC 9068 access token":            {`{"alg":"HS256","typ":"at+jwt"}`, alice, model.RoleCustomer},
		"no typ":                              {`{"alg":"HS256"}`, alice, model.RoleCustomer},
		"claims that are nobody's concern":    {hs256, alice.with(`"email":"a@example.com"`, `"nested":{"sub":"bob","sub":"bob"}`), model.RoleCustomer},
		"white space wherever JSON has it":    {"{ \"alg\" :\n\"HS256\" } ", alice.without("sub").with("\n \"sub\" \t: \"alice\" "), model.RoleCustomer},
		"an embedded key that nobody asks of": {`{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"},"jku":"https://evil.example","kid":"any"}`, alice, model.RoleCustomer},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := v.Verify(t.Context(), token(c.header, c.claims.String()))
			if err != nil {
				t.Fatal(err)
			}
			if got.Subject != "alice" || got.Role != c.want || !got.Expires.After(noon) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestCase43TokensThatAreRefused(t *testing.T) {
	v := newVerifier(t)
	good := token(hs256, alice.String())
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Fatalf("the token that the others are made from: %v", err)
	}
	signed := func(members object) string { return token(hs256, members.String()) }
	head := func(h string) string { return token(h, alice.String()) }
	unsigned := func(h string) string { return encode(h) + "." + encode(alice.String()) + "." }
	dot := strings.LastIndexByte(good, '.')

	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"nothing":                         {"", ErrNoToken},
		"alg none":                        {unsigned(`{"alg":"none"}`), BadSignature},
		"alg none, signed":                {head(`{"alg":"none"}`), BadSignature},
		"alg None":                        {unsigned(`{"alg":"None"}`), BadAlgorithm},
		"alg empty":                       {unsigned(`{"alg":""}`), BadAlgorithm},
		"no alg":                          {head(`{"typ":"JWT"}`), BadAlgorithm},
		"alg null":                        {head(`{"alg":null}`), BadClaim},
		"alg a list":                      {head(`{"alg":["HS256"]}`), BadClaim},
		"alg none, then HS256":            {head(`{"alg":"none","alg":"HS256"}`), Malformed},
		"alg HS384":                       {head(`{"alg":"HS384"}`), BadSignature},
		"alg hs256":                       {head(`{"alg":"hs256"}`), BadAlgorithm},
		"alg RS256 under a secret":        {head(`{"alg":"RS256"}`), BadSignature},
		"alg ES256 under a secret":        {head(`{"alg":"ES256"}`), BadSignature},
		"an extension that is a must":     {head(`{"alg":"HS256","crit":["b64"],"b64":false}`), BadClaim},
		"a logout token":                  {head(`{"alg":"HS256","typ":"logout+jwt"}`), BadClaim},
		"a header that is no object":      {head(`"HS256"`), Malformed},
		"a header with trailing data":     {head(`{"alg":"HS256"}{}`), Malformed},
		"no signature":                    {good[:dot+1], BadSignature},
		"no signature and no dot":         {good[:dot], Malformed},
		"four parts":                      {good + ".", Malformed},
		"a JWE's five parts":              {good + ".a.b", Malformed},
		"10 KB of dots":                   {strings.Repeat(".", 10<<10), TooLong},
		"8 KB of dots":                    {strings.Repeat(".", MaxToken), Malformed},
		"two dots":                        {"..", Malformed},
		"10 KB of padding in the claims":  {signed(alice.with(`"x":"` + strings.Repeat("x", 10<<10) + `"`)), TooLong},
		"10,000 levels in the claims":     {encode(hs256) + "." + strings.Repeat("W", 6000) + ".", Malformed},
		"another secret":                  {good[:dot+1] + base64.RawURLEncoding.EncodeToString(signHS([]byte(strings.Repeat("k", 32)), good[:dot])), BadSignature},
		"a signature of something else":   {signed(alice.with(`"x":1`))[:strings.LastIndexByte(signed(alice.with(`"x":1`)), '.')] + good[dot:], BadSignature},
		"half a signature":                {good[:len(good)-23], BadSignature},
		"base64 with padding":             {good + "=", Malformed},
		"standard base64":                 {strings.Replace(good, "_", "/", 1) + "/", Malformed},
		"a line break in the signature":   {good[:len(good)-4] + "\n" + good[len(good)-4:], Malformed},
		"a line break in the header":      {good[:4] + "\r\n" + good[4:], Malformed},
		"no exp":                          {signed(alice.without("exp")), MissingClaim},
		"exp null":                        {signed(alice.without("exp").with(`"exp":null`)), BadClaim},
		"exp as text":                     {signed(alice.without("exp").with(`"exp":"` + at(noon.Add(time.Hour)) + `"`)), BadClaim},
		"exp after the year 9999":         {signed(alice.without("exp").with(`"exp":1e300`)), BadClaim},
		"exp below zero":                  {signed(alice.without("exp").with(`"exp":-1`)), BadClaim},
		"expired this second":             {signed(alice.without("exp").with(`"exp":` + at(noon))), Expired},
		"expired an hour ago":             {signed(alice.without("exp").with(`"exp":` + at(noon.Add(-time.Hour)))), Expired},
		"expired and good, by two exps":   {signed(alice.with(`"exp":` + at(noon.Add(-time.Hour)))), Malformed},
		"nbf in the future":               {signed(alice.with(`"nbf":` + at(noon.Add(time.Minute)))), NotYetValid},
		"iat in the future":               {signed(alice.without("iat").with(`"iat":` + at(noon.Add(time.Minute)))), NotYetValid},
		"no issuer":                       {signed(alice.without("iss")), MissingClaim},
		"another issuer":                  {signed(alice.without("iss").with(`"iss":"https://issuer.example/"`)), BadIssuer},
		"an issuer that is a list":        {signed(alice.without("iss").with(`"iss":["https://issuer.example"]`)), BadClaim},
		"no audience":                     {signed(alice.without("aud")), MissingClaim},
		"another audience":                {signed(alice.without("aud").with(`"aud":"tavern"`)), BadAudience},
		"an empty list of audiences":      {signed(alice.without("aud").with(`"aud":[]`)), MissingClaim},
		"an audience that is a number":    {signed(alice.without("aud").with(`"aud":[1]`)), BadClaim},
		"a client id but an id token":     {signed(alice.without("aud").with(`"token_use":"id"`, `"client_id":"cafe"`)), MissingClaim},
		"another client's access token":   {signed(alice.without("aud").with(`"token_use":"access"`, `"client_id":"tavern"`)), BadAudience},
		"a refresh token":                 {signed(alice.with(`"token_use":"refresh"`)), BadClaim},
		"no subject":                      {signed(alice.without("sub")), MissingClaim},
		"an empty subject":                {signed(alice.without("sub").with(`"sub":""`)), MissingClaim},
		"a subject null":                  {signed(alice.without("sub").with(`"sub":null`)), BadClaim},
		"a subject that is a number":      {signed(alice.without("sub").with(`"sub":17`)), BadClaim},
		"a subject that is a path":        {signed(alice.without("sub").with(`"sub":"../owner"`)), BadSubject},
		"a subject of 65 characters":      {signed(alice.without("sub").with(`"sub":"` + strings.Repeat("a", 65) + `"`)), BadSubject},
		"a subject with a NUL":            {signed(alice.without("sub").with(`"sub":"alice\u0000"`)), BadSubject},
		"everybody's subject, walk-in":    {signed(alice.without("sub").with(`"sub":"walk-in"`)), BadSubject},
		"two subjects":                    {signed(alice.with(`"sub":"bob"`)), Malformed},
		"two subjects, one escaped":       {signed(alice.with(`"su\u0062":"bob"`)), Malformed},
		"a SUB in place of a sub":         {signed(alice.without("sub").with(`"SUB":"alice"`)), MissingClaim},
		"a Role in place of a role":       {signed(alice.without("role").with(`"Role":"owner"`)), MissingClaim},
		"two roles":                       {signed(alice.with(`"role":"owner"`)), Malformed},
		"no role":                         {signed(alice.without("role")), MissingClaim},
		"an unknown role":                 {signed(alice.without("role").with(`"role":"admin"`)), UnknownRole},
		"an empty role":                   {signed(alice.without("role").with(`"role":""`)), UnknownRole},
		"a role in capitals":              {signed(alice.without("role").with(`"role":"Owner"`)), UnknownRole},
		"an unknown role, a known group":  {signed(alice.without("role").with(`"role":"admin"`, `"cognito:groups":["owner"]`)), UnknownRole},
		"no group of the three":           {signed(alice.without("role").with(`"cognito:groups":["baristas"]`)), UnknownRole},
		"groups that are text":            {signed(alice.without("role").with(`"cognito:groups":"owner"`)), BadClaim},
		"claims that are null":            {token(hs256, `null`), MissingClaim},
		"claims that are a list":          {token(hs256, `[]`), Malformed},
		"claims with trailing data":       {token(hs256, alice.String()+`{}`), Malformed},
		"claims cut off":                  {token(hs256, alice.String()[:40]), Malformed},
		"claims with a byte of no letter": {token(hs256, alice.with("\"x\":\"\xff\"").without("sub").String()), MissingClaim},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := v.Verify(t.Context(), c.token)
			if got != (Identity{}) {
				t.Errorf("let in as %+v", got)
			}
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if c.want != ErrNoToken && !errors.Is(err, ErrInvalid) {
				t.Errorf("%v is not ErrInvalid", err)
			}
			if err != nil && len(err.Error()) > 80 {
				t.Errorf("the reason quotes the token: %q", err)
			}
		})
	}
}

// A signature has 43 characters, and two bits of the last one are unused. If they were not
// checked, three more tokens would be valid.
func TestCase43NonCanonicalBase64IsRefused(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	v := newVerifier(t)
	good := token(hs256, alice.String())
	for _, last := range alphabet {
		changed := good[:len(good)-1] + string(last)
		_, err := v.Verify(t.Context(), changed)
		if (err == nil) != (changed == good) {
			t.Errorf("last character %c for %c: %v", last, good[len(good)-1], err)
		}
	}
}

func TestCase43AlgorithmsAreNotConfused(t *testing.T) {
	pairs := keyPairs()
	v, _ := newKeyServer(t, map[string]any{"one": pairs.rsa.Public(), "two": pairs.p256.Public()})
	der, err := x509.MarshalPKIXPublicKey(pairs.rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for name, key := range map[string][]byte{
		"PEM": asPEM, "PEM without its last line break": asPEM[:len(asPEM)-1], "DER": der,
		"PKCS 1": x509.MarshalPKCS1PublicKey(&pairs.rsa.PublicKey), "modulus": pairs.rsa.N.Bytes(),
	} {
		text := encode(`{"alg":"HS256","kid":"one"}`) + "." + encode(alice.String())
		_, err := v.Verify(t.Context(), text+"."+base64.RawURLEncoding.EncodeToString(signHS(key, text)))
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("public key as %s accepted as a secret: %v", name, err)
		}
	}
}

func TestCase43AKeyServesOnlyItsAlgorithm(t *testing.T) {
	pairs := keyPairs()
	v, fetches := newKeyServer(t, map[string]any{"rsa": pairs.rsa.Public(), "ec": pairs.p256.Public(), "p384": pairs.p384.Public()})
	good := tokenRS(pairs.rsa, `{"alg":"RS256","kid":"rsa"}`, alice.String())
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), tokenES(pairs.p256, `{"alg":"ES256","kid":"ec"}`, alice.String())); err != nil {
		t.Fatal(err)
	}
	embedded, err := json.Marshal(jwkOf("rsa", pairs.otherRSA.Public()))
	if err != nil {
		t.Fatal(err)
	}
	rs := func(key *rsa.PrivateKey, header string) string { return tokenRS(key, header, alice.String()) }
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"another key under a good kid":       {rs(pairs.otherRSA, `{"alg":"RS256","kid":"rsa"}`), BadSignature},
		"an embedded key":                    {rs(pairs.otherRSA, `{"alg":"RS256","kid":"rsa","jwk":`+string(embedded)+`}`), BadSignature},
		"an embedded key and no kid":         {rs(pairs.otherRSA, `{"alg":"RS256","jwk":`+string(embedded)+`}`), UnknownKey},
		"a key set of the sender's choosing": {rs(pairs.otherRSA, `{"alg":"RS256","kid":"rsa","jku":"https://evil.example/jwks"}`), BadSignature},
		"a certificate of their own":         {rs(pairs.otherRSA, `{"alg":"RS256","kid":"rsa","x5c":["MIIB"],"x5u":"https://evil.example/x"}`), BadSignature},
		"no kid":                             {rs(pairs.rsa, `{"alg":"RS256"}`), UnknownKey},
		"two kids":                           {rs(pairs.rsa, `{"alg":"RS256","kid":"ec","kid":"rsa"}`), Malformed},
		"kid null":                           {rs(pairs.rsa, `{"alg":"RS256","kid":null}`), BadClaim},
		"kid a list":                         {rs(pairs.rsa, `{"alg":"RS256","kid":["rsa"]}`), BadClaim},
		"kid a path":                         {rs(pairs.rsa, `{"alg":"RS256","kid":"../../../../dev/null"}`), UnknownKey},
		"kid SQL":                            {rs(pairs.rsa, `{"alg":"RS256","kid":"x' UNION SELECT 'rsa"}`), UnknownKey},
		"kid a command":                      {rs(pairs.rsa, `{"alg":"RS256","kid":"rsa|whoami"}`), UnknownKey},
		"kid a URL":                          {rs(pairs.rsa, `{"alg":"RS256","kid":"http://127.0.0.1/keys"}`), UnknownKey},
		"kid huge":                           {rs(pairs.rsa, `{"alg":"RS256","kid":"`+strings.Repeat("r", 4000)+`"}`), UnknownKey},
		"an RSA key's kid with ES256":        {tokenES(pairs.p256, `{"alg":"ES256","kid":"rsa"}`, alice.String()), BadAlgorithm},
		"an EC key's kid with RS256":         {rs(pairs.rsa, `{"alg":"RS256","kid":"ec"}`), BadAlgorithm},
		"RS512 with an RS256 key":            {rs(pairs.rsa, `{"alg":"RS512","kid":"rsa"}`), BadSignature},
		"PS256 with an RS256 key":            {rs(pairs.rsa, `{"alg":"PS256","kid":"rsa"}`), BadSignature},
		"a P-384 key swapped in for ES256":   {tokenES(pairs.p384, `{"alg":"ES256","kid":"p384"}`, alice.String()), UnknownKey},
		"a P-384 signature under P-256":      {tokenES(pairs.p384, `{"alg":"ES256","kid":"ec"}`, alice.String()), BadSignature},
		"ES384 with a P-256 key":             {tokenES(pairs.p256, `{"alg":"ES384","kid":"ec"}`, alice.String()), BadSignature},
		"an ES256 signature of zeros":        {encode(`{"alg":"ES256","kid":"ec"}`) + "." + encode(alice.String()) + "." + encode(strings.Repeat("\x00", 64)), BadSignature},
		"none":                               {encode(`{"alg":"none","kid":"rsa"}`) + "." + encode(alice.String()) + ".", BadSignature},
		"HS256 with an empty secret": {func() string {
			text := encode(`{"alg":"HS256","kid":"rsa"}`) + "." + encode(alice.String())
			return text + "." + base64.RawURLEncoding.EncodeToString(signHS(nil, text))
		}(), BadSignature},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := v.Verify(t.Context(), c.token)
			if got != (Identity{}) || !errors.Is(err, c.want) {
				t.Errorf("got %+v, %v, want %v", got, err, c.want)
			}
		})
	}
	if n := fetches(); n != 1 {
		t.Errorf("all that made %d fetches of the keys, want 1", n)
	}
}

func TestVerifiedTokensAreCachedForAMinuteAtMost(t *testing.T) {
	pairs := keyPairs()
	s := startKeyServer(t, keySetOf(map[string]any{"rsa": pairs.rsa.Public()}))
	verify := func(token string) error {
		t.Helper()
		got, err := s.Verify(t.Context(), token)
		if err == nil && got.Subject != "alice" {
			t.Errorf("got %+v", got)
		}
		return err
	}
	long := tokenRS(pairs.rsa, `{"alg":"RS256","kid":"rsa"}`, alice.String())
	short := tokenRS(pairs.rsa, `{"alg":"RS256","kid":"rsa"}`, alice.without("exp").with(`"exp":`+at(noon.Add(20*time.Second))).String())
	if err := errors.Join(verify(long), verify(short)); err != nil {
		t.Fatal(err)
	}
	// The issuer revokes its key. In this test the verifier notices at once.
	s.keys.current.Store(&keys{map[string]publicKey{"other": {}}, noon.Add(keysMaxAge)})
	s.keys.last = fetch{noon.Add(keysMaxAge), nil}
	if err := errors.Join(verify(long), verify(short)); err != nil {
		t.Error("not remembered:", err)
	}
	if err := verify(long[:len(long)-4] + "AAAA"); !errors.Is(err, UnknownKey) {
		t.Error("remembered without its signature:", err)
	}
	s.sleep(20 * time.Second)
	if err := verify(short); err == nil {
		t.Error("remembered past its end")
	}
	s.sleep(recentFor)
	if err := verify(long); !errors.Is(err, UnknownKey) {
		t.Error("remembered for longer than a minute:", err)
	}
	for n := range 3 * recentMost {
		s.recent.add(sha256.Sum256([]byte(fmt.Sprint(n))), Identity{}, noon)
	}
	if n := len(s.recent.known); n > recentMost {
		t.Errorf("%d tokens remembered", n)
	}
}

func TestBadConfigurationsAreRefused(t *testing.T) {
	whole := Config{Issuer: "i", Audience: "a", Secrets: [][]byte{secret}}
	if _, err := New(whole); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"no issuer":             func(c *Config) { c.Issuer = "" },
		"no audience":           func(c *Config) { c.Audience = "" },
		"no secret and no URL":  func(c *Config) { c.Secrets = nil },
		"a secret of 31 bytes":  func(c *Config) { c.Secrets = [][]byte{secret[:31]} },
		"one of two too short":  func(c *Config) { c.Secrets = [][]byte{secret, secret[:31]} },
		"an issuer without TLS": func(c *Config) { c.Secrets, c.JWKS, c.Issuer = nil, Discover, "http://issuer.example" },
		"a secret and a URL":    func(c *Config) { c.JWKS = "https://issuer.example/jwks" },
		"a URL without TLS":     func(c *Config) { c.Secrets, c.JWKS = nil, "http://issuer.example/jwks" },
		"an issuer without URL": func(c *Config) { c.Secrets, c.JWKS = nil, Discover },
		"a URL that is none":    func(c *Config) { c.Secrets, c.JWKS = nil, "issuer.example" },
		"a file":                func(c *Config) { c.Secrets, c.JWKS = nil, "file:///etc/passwd" },
		"a lookalike of a loop": func(c *Config) { c.Secrets, c.JWKS = nil, "http://localhost.evil.example/" },
	} {
		c := whole
		change(&c)
		v, err := New(c)
		if err == nil || v != nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if strings.Contains(err.Error(), string(secret[:8])) {
			t.Errorf("%s: the error shows the secret: %v", name, err)
		}
	}
}

func TestCase62WithoutConfigurationEveryTokenIsRefused(t *testing.T) {
	v, err := FromEnv(func(string) string { return "" }, nil)
	if err == nil || !strings.Contains(err.Error(), "CAFE_AUTH_SECRET") {
		t.Fatalf("the error does not say what to set: %v", err)
	}
	for _, given := range []string{"", token(hs256, alice.String())} {
		if got, err := v.Verify(t.Context(), given); !errors.Is(err, ErrKeysUnavailable) || got != (Identity{}) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	env := map[string]string{"CAFE_AUTH_ISSUER": "https://issuer.example", "CAFE_AUTH_AUDIENCE": "cafe", "CAFE_AUTH_SECRET": string(secret)}
	if _, err := FromEnv(func(name string) string { return env[name] }, nil); err != nil {
		t.Errorf("all is set: %v", err)
	}
}

// A secret is replaced without an outage: first the new one is added, then tokens are signed
// with it, and the old one goes when its last token has expired.
func TestSeveralSecretsAreValidAtOnce(t *testing.T) {
	next := bytes.Repeat([]byte("n"), MinSecret)
	signed := func(with []byte) string {
		text := encode(hs256) + "." + encode(strings.ReplaceAll(alice.String(), fmt.Sprint(noon.Add(time.Hour).Unix()), fmt.Sprint(time.Now().Add(time.Hour).Unix())))
		return text + "." + base64.RawURLEncoding.EncodeToString(signHS(with, text))
	}
	for lines, valid := range map[string][2]bool{
		string(secret):                                {true, false},
		string(secret) + "\n" + string(next):          {true, true},
		string(next) + "\r\n" + string(secret) + "\n": {true, true},
		string(next) + "\n":                           {false, true},
	} {
		env := map[string]string{"CAFE_AUTH_ISSUER": "https://issuer.example", "CAFE_AUTH_AUDIENCE": "cafe", "CAFE_AUTH_SECRET": lines}
		v, err := FromEnv(func(name string) string { return env[name] }, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, key := range [][]byte{secret, next} {
			if _, err := v.Verify(t.Context(), signed(key)); valid[i] && err != nil || !valid[i] && !errors.Is(err, BadSignature) {
				t.Errorf("secrets %q, token of %q: %v", lines, key, err)
			}
		}
	}
	for _, lines := range []string{" ", "\n", string(secret) + "\nshort"} {
		env := map[string]string{"CAFE_AUTH_ISSUER": "https://issuer.example", "CAFE_AUTH_AUDIENCE": "cafe", "CAFE_AUTH_SECRET": lines}
		if v, err := FromEnv(func(name string) string { return env[name] }, nil); err == nil || v != nil {
			t.Errorf("secrets %q: accepted", lines)
		}
	}
}

func TestFromBearer(t *testing.T) {
	for name, c := range map[string]struct {
		headers []string
		want    string
		err     error
	}{
		"no header":                {nil, "", ErrNoToken},
		"an empty header":          {[]string{""}, "", ErrNoToken},
		"the scheme":               {[]string{"Bearer"}, "", ErrNoToken},
		"the scheme and a blank":   {[]string{"Bearer "}, "", ErrNoToken},
		"another scheme":           {[]string{"Basic YTpi"}, "", ErrNoToken},
		"a token without a scheme": {[]string{"a.b.c"}, "", ErrNoToken},
		"a bearer token":           {[]string{"Bearer a-B.c_9.d"}, "a-B.c_9.d", nil},
		"any case":                 {[]string{"bEARER a.b.c"}, "a.b.c", nil},
		"several blanks":           {[]string{"Bearer   a.b.c"}, "a.b.c", nil},
		"two tokens":               {[]string{"Bearer a.b.c d.e.f"}, "", Malformed},
		"two, joined":              {[]string{"Bearer a.b.c, Bearer a.b.c"}, "", Malformed},
		"quoted":                   {[]string{`Bearer "a.b.c"`}, "", Malformed},
		"a NUL":                    {[]string{"Bearer a.b.c\x00"}, "", Malformed},
		"a tab":                    {[]string{"Bearer\ta.b.c"}, "", ErrNoToken},
		"two headers":              {[]string{"Bearer a.b.c", "Bearer d.e.f"}, "", SeveralGiven},
		"the same header twice":    {[]string{"Bearer a.b.c", "Bearer a.b.c"}, "", SeveralGiven},
		"two headers, one empty":   {[]string{"", "Bearer a.b.c"}, "", SeveralGiven},
	} {
		got, err := FromBearer(c.headers)
		if got != c.want || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s: got %q, %v, want %q, %v", name, got, err, c.want, c.err)
		}
	}
}

func TestIdentitySurvivesTheAuthorizerContext(t *testing.T) {
	sent := Identity{Subject: "alice", Role: model.RoleStaff, Expires: noon.Add(time.Hour)}
	asText := map[string]any{"principalId": "alice", "integrationLatency": 12.0}
	for name, value := range sent.Context() {
		asText[name] = fmt.Sprint(value)
	}
	for name, values := range map[string]map[string]any{"as it is": sent.Context(), "behind the gateway": asText} {
		if got, err := FromContext(values, noon); err != nil || got != sent {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	with := func(name string, value any) map[string]any {
		changed := sent.Context()
		changed[name] = value
		return changed
	}
	for name, c := range map[string]struct {
		values map[string]any
		want   error
	}{
		"no context":                             {nil, ErrNoToken},
		"an empty subject":                       {with("sub", ""), ErrNoToken},
		"a subject of another":                   {with("sub", 17), ErrNoToken},
		"a subject that is none":                 {with("sub", "a/b"), BadSubject},
		"no role":                                {with("role", nil), MissingClaim},
		"an unknown role":                        {with("role", "admin"), UnknownRole},
		"no expiry":                              {with("exp", nil), BadClaim},
		"an expiry that is a word":               {with("exp", "never"), BadClaim},
		"a cached allow that outlived its token": {with("exp", fmt.Sprint(noon.Unix())), Expired},
	} {
		if got, err := FromContext(c.values, noon); !errors.Is(err, c.want) || got != (Identity{}) {
			t.Errorf("%s: got %+v, %v, want %v", name, got, err, c.want)
		}
	}
}

// FuzzVerify looks for a token that is accepted without a signature, for a panic, and for
// an error that contains a part of the token. The seeds are in testdata.
func FuzzVerify(f *testing.F) {
	v := newVerifier(f)
	f.Fuzz(func(t *testing.T, given string) {
		got, err := v.Verify(t.Context(), given)
		if err == nil {
			i := strings.LastIndexByte(given, '.')
			if given[i+1:] != base64.RawURLEncoding.EncodeToString(signHS(secret, given[:i])) {
				t.Fatalf("let in without a signature: %q as %+v", given, got)
			}
			return
		}
		if got != (Identity{}) {
			t.Errorf("an identity beside the error %v", err)
		}
		var reason Invalid
		if !errors.Is(err, ErrNoToken) && !errors.As(err, &reason) {
			t.Errorf("an unknown kind of error: %v", err)
		}
	})
}
