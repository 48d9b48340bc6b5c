package auth

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"cafe/model"
)

// claims are the claims of a token that the café uses. Names must match exactly, and no
// name may appear twice. Package encoding/json alone would accept "SUB" for "sub", and it
// would take the last of several.
type claims struct {
	issuer    string
	subject   string
	audience  jwt.ClaimStrings
	expires   *jwt.NumericDate
	notBefore *jwt.NumericDate
	issuedAt  *jwt.NumericDate
	role      *string
	groups    []string // from Cognito
	use       string   // from Cognito: "id" or "access"
	client    string   // from Cognito, in place of an audience in access tokens
}

// UnmarshalJSON implements json.Unmarshaler. Its errors are Invalid.
func (c *claims) UnmarshalJSON(data []byte) error {
	return eachMember(data, func(name string, value json.RawMessage) error {
		var err error
		switch name {
		case "iss":
			c.issuer, err = text(value)
		case "sub":
			c.subject, err = text(value)
		case "aud":
			if value[0] == '"' {
				c.audience = make(jwt.ClaimStrings, 1)
				c.audience[0], err = text(value)
			} else {
				err = json.Unmarshal(value, (*[]string)(&c.audience))
			}
		case "exp":
			c.expires, err = numericDate(value)
		case "nbf":
			c.notBefore, err = numericDate(value)
		case "iat":
			c.issuedAt, err = numericDate(value)
		case "role":
			var role string
			role, err = text(value)
			c.role = &role
		case "cognito:groups":
			err = json.Unmarshal(value, &c.groups)
		case "token_use":
			c.use, err = text(value)
		case "client_id":
			c.client, err = text(value)
		}
		if err != nil {
			return BadClaim
		}
		return nil
	})
}

// The getters implement jwt.Claims.

func (c *claims) GetIssuer() (string, error)                   { return c.issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.subject, nil }
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.expires, nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return earlier(c.notBefore), nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return earlier(c.issuedAt), nil }

// GetAudience returns the audience. Access tokens of Cognito have no audience; for them it
// returns the app client.
func (c *claims) GetAudience() (jwt.ClaimStrings, error) {
	if c.audience == nil && c.use == "access" && c.client != "" {
		return jwt.ClaimStrings{c.client}, nil
	}
	return c.audience, nil
}

// skew is how far the issuer's clock may be ahead of ours. It does not lengthen the life of
// a token: a token is refused from the second in which it expires.
const skew = 5 * time.Second

func earlier(d *jwt.NumericDate) *jwt.NumericDate {
	if d == nil {
		return nil
	}
	return &jwt.NumericDate{Time: d.Add(-skew)}
}

// roleOf returns the role claim, or, without one, the highest role among the Cognito
// groups. If the role claim is not a known role, the groups do not matter.
func (c *claims) roleOf() (model.Role, error) {
	if c.role != nil {
		return model.Role(*c.role), nil
	}
	for _, role := range []model.Role{model.RoleOwner, model.RoleStaff, model.RoleCustomer} {
		for _, group := range c.groups {
			if group == string(role) {
				return role, nil
			}
		}
	}
	if c.groups != nil {
		return "", UnknownRole
	}
	return "", MissingClaim
}

// header is the header of a token. The sender may write anything into it. It only selects
// one of the keys that are trusted already.
type header struct {
	algorithm string
	kid       string
}

// maxKid is the most bytes of a key id. Issuers use about 40.
const maxKid = 256

func parseHeader(data []byte) (h header, err error) {
	err = eachMember(data, func(name string, value json.RawMessage) error {
		var err error
		switch name {
		case "alg":
			h.algorithm, err = text(value)
		case "kid":
			if h.kid, err = text(value); len(h.kid) > maxKid {
				return UnknownKey
			}
		case "typ":
			// The issuer also makes tokens for other purposes, such as logout tokens. They
			// must not be accepted here (RFC 8725, section 3.11).
			var typ string
			typ, err = text(value)
			switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
			case "jwt", "at+jwt":
			default:
				return BadClaim
			}
		case "crit":
			// These extensions must be understood, and we understand none (RFC 7515,
			// section 4.1.11).
			return BadClaim
		}
		if err != nil {
			return BadClaim
		}
		return nil
	})
	return h, err
}

// eachMember calls visit for every member of a JSON object. It returns Malformed if data is
// not an object, if a name appears twice, or if anything follows the object.
func eachMember(data []byte, visit func(name string, value json.RawMessage) error) error {
	in := json.NewDecoder(bytes.NewReader(data))
	if t, err := in.Token(); err != nil || t != json.Delim('{') {
		return Malformed
	}
	seen := make(map[string]bool, 12)
	for in.More() {
		t, err := in.Token()
		if err != nil {
			return Malformed
		}
		name := t.(string) // the decoder accepts no other type here
		if seen[name] {
			return Malformed
		}
		seen[name] = true
		var value json.RawMessage
		if in.Decode(&value) != nil {
			return Malformed
		}
		if err := visit(name, value); err != nil {
			return err
		}
	}
	if _, err := in.Token(); err != nil { // the closing brace
		return Malformed
	}
	if _, err := in.Token(); err != io.EOF {
		return Malformed
	}
	return nil
}

// text returns the content of a JSON string. Package encoding/json would accept null too.
func text(value json.RawMessage) (string, error) {
	if value[0] != '"' {
		return "", BadClaim
	}
	var s string
	err := json.Unmarshal(value, &s)
	return s, err
}

// numericDate converts a JSON number of seconds since 1970 (RFC 7519, section 2). It drops
// the fraction. It refuses negative numbers and times after the year 9999.
func numericDate(value json.RawMessage) (*jwt.NumericDate, error) {
	const year10000 = 253402300800
	var seconds float64
	if c := value[0]; c != '-' && (c < '0' || c > '9') {
		return nil, BadClaim
	}
	if err := json.Unmarshal(value, &seconds); err != nil || seconds < 0 || seconds >= year10000 {
		return nil, BadClaim
	}
	return &jwt.NumericDate{Time: time.Unix(int64(seconds), 0).UTC()}, nil
}
