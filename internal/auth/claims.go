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

// claims are those of a token that matter here. Names are matched exactly, and none
// may be there twice: package encoding/json by itself would take "SUB" for "sub" and
// the last of several.
type claims struct {
	issuer    string
	subject   string
	audience  jwt.ClaimStrings
	expires   *jwt.NumericDate
	notBefore *jwt.NumericDate
	issuedAt  *jwt.NumericDate
	role      *string
	groups    []string // Cognito's
	use       string   // Cognito's: "id" or "access"
	client    string   // Cognito's, in place of an audience in its access tokens
}

// UnmarshalJSON refuses with an Invalid.
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

// The getters make claims a jwt.Claims.

func (c *claims) GetIssuer() (string, error)                   { return c.issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.subject, nil }
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.expires, nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return earlier(c.notBefore), nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return earlier(c.issuedAt), nil }

// GetAudience returns the audience, or the app client that a Cognito access token
// was made for: those tokens have no audience.
func (c *claims) GetAudience() (jwt.ClaimStrings, error) {
	if c.audience == nil && c.use == "access" && c.client != "" {
		return jwt.ClaimStrings{c.client}, nil
	}
	return c.audience, nil
}

// skew is how far the issuer's clock may be ahead of ours. It is not granted at the
// other end: a token is dead from the very second that it expires.
const skew = 5 * time.Second

func earlier(d *jwt.NumericDate) *jwt.NumericDate {
	if d == nil {
		return nil
	}
	return &jwt.NumericDate{Time: d.Add(-skew)}
}

// roleOf returns the role claim, or else the highest role among the Cognito groups.
// A role claim that is none of the three is not made good by a group.
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

// header is what a token says about its own making. Nothing in it is believed: it
// chooses among the keys that are trusted already, by kid, and no more.
type header struct {
	algorithm string
	kid       string
}

// maxKid is the longest key id that is looked up. Issuers use some 40 characters.
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
			// RFC 8725, section 3.11: a token made for something else, such as a logout
			// token of the same issuer, is not one to call an API with.
			var typ string
			typ, err = text(value)
			switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
			case "jwt", "at+jwt":
			default:
				return BadClaim
			}
		case "crit":
			// RFC 7515, section 4.1.11: extensions that must be understood, and none is.
			return BadClaim
		}
		if err != nil {
			return BadClaim
		}
		return nil
	})
	return h, err
}

// eachMember calls visit for every member of the JSON object that data is. Other
// JSON, a name that is there twice and anything after the object are Malformed.
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
		name := t.(string) // the decoder sees to it
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

// text reads a JSON string. Package encoding/json would pass over a null.
func text(value json.RawMessage) (string, error) {
	if value[0] != '"' {
		return "", BadClaim
	}
	var s string
	err := json.Unmarshal(value, &s)
	return s, err
}

// numericDate reads seconds since 1970, with or without a fraction (RFC 7519,
// section 2), from a JSON number, up to the year 9999. The fraction is dropped.
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
