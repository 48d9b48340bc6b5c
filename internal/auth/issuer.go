package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"cafe/internal/durable"
	"cafe/model"
)

// Who makes a local café's tokens, and for whom.
const (
	LocalIssuer   = "cafe-local"
	LocalAudience = "cafe"
)

// secretFile is where a local café keeps its secret, in its data folder.
const secretFile = "token.key"

// Issuer makes the tokens of a local café.
type Issuer struct {
	secret []byte
	now    func() time.Time
}

// OpenIssuer reads the secret of the café in that data folder, or makes one: 32 random
// bytes in a file that only its owner may read. A folder that is missing is made.
// Several processes that open the same folder at once get the same secret. A file
// that others may read, or that holds something else, is refused.
func OpenIssuer(folder string) (*Issuer, error) {
	if err := durable.MkdirAll(folder); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	path := filepath.Join(folder, secretFile)
	secret, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeSecret(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("make secret for tokens: %w", err)
		}
		secret, err = readSecret(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read secret for tokens: %w", err)
	}
	return &Issuer{secret: secret, now: time.Now}, nil
}

// ReadIssuer is OpenIssuer for a café that is there already. Without one the error is an
// fs.ErrNotExist, and nothing is made.
func ReadIssuer(folder string) (*Issuer, error) {
	secret, err := readSecret(filepath.Join(folder, secretFile))
	if err != nil {
		return nil, fmt.Errorf("read secret for tokens: %w", err)
	}
	return &Issuer{secret: secret, now: time.Now}, nil
}

func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if open := info.Mode().Perm() &^ 0o700; open != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("others may read %s: chmod 600 it, or remove it and all tokens made so far end", path)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(written)))
	if err != nil || len(secret) < MinSecret {
		return nil, fmt.Errorf("%s does not hold %d bytes in hexadecimal", path, MinSecret)
	}
	return secret, nil
}

// makeSecret writes a new secret. The error is fs.ErrExist if another process was faster.
func makeSecret(path string) error {
	secret := make([]byte, MinSecret)
	rand.Read(secret) // never fails
	return durable.WriteNew(path, strings.NewReader(hex.EncodeToString(secret)+"\n"))
}

// Issue returns a token for that role and subject, good from now on for ttl.
func (i *Issuer) Issue(role model.Role, subject string, ttl time.Duration) (string, error) {
	switch {
	case !role.Valid():
		return "", fmt.Errorf("role %q is none of customer, staff and owner", role)
	case !model.ValidID(subject) || subject == model.WalkIn:
		return "", fmt.Errorf("subject %q cannot be somebody's id", subject)
	case ttl < time.Second:
		return "", fmt.Errorf("a token must live for a second at least, not %s", ttl)
	}
	now := i.now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": LocalIssuer, "aud": LocalAudience, "sub": subject, "role": string(role),
		"iat": now.Unix(), "exp": now.Add(ttl).Unix(),
	}).SignedString(i.secret)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return token, nil
}

// Verifier returns the Verifier for the tokens of this café.
func (i *Issuer) Verifier() (*Verifier, error) {
	return New(Config{Issuer: LocalIssuer, Audience: LocalAudience, Secret: i.secret, Now: i.now})
}

// Key derives another key from the café's secret, for that purpose only: the same for as
// long as the secret is. It has 32 bytes.
func (i *Issuer) Key(purpose string) []byte {
	mac := hmac.New(sha256.New, i.secret)
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}
