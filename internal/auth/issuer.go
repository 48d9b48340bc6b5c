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

// The issuer and the audience of a local café's tokens.
const (
	LocalIssuer   = "cafe-local"
	LocalAudience = "cafe"
)

// secretFile is the file in the data folder that holds a local café's secret.
const secretFile = "token.key"

// Issuer makes the tokens of a local café. It is safe for concurrent use.
type Issuer struct {
	secret []byte
	now    func() time.Time
}

// OpenIssuer reads the secret of the café in the data folder. If there is none, it makes
// one: 32 random bytes in a file that only its owner may read. It also creates the folder
// if necessary. Processes that open the same folder at the same time get the same secret.
// OpenIssuer refuses a file that others may read or that has other content.
func OpenIssuer(folder string) (*Issuer, error) {
	if err := durable.MkdirAll(folder); err != nil {
		return nil, fmt.Errorf("create data folder: %w", err)
	}
	path := filepath.Join(folder, secretFile)
	secret, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeSecret(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("create secret for tokens: %w", err)
		}
		secret, err = readSecret(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read secret for tokens: %w", err)
	}
	return &Issuer{secret: secret, now: time.Now}, nil
}

// ReadIssuer is like OpenIssuer, but it creates nothing. If there is no secret, the error
// Is fs.ErrNotExist.
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
		return nil, fmt.Errorf("other users may read %s: run chmod 600 on it, or remove it, which ends all tokens", path)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(written)))
	if err != nil || len(secret) < MinSecret {
		return nil, fmt.Errorf("%s does not contain %d bytes in hexadecimal", path, MinSecret)
	}
	return secret, nil
}

// makeSecret writes a new secret. The error is fs.ErrExist if another process was faster.
func makeSecret(path string) error {
	secret := make([]byte, MinSecret)
	rand.Read(secret) // never fails
	return durable.WriteNew(path, strings.NewReader(hex.EncodeToString(secret)+"\n"))
}

// Issue returns a token for the role and the subject, valid from now for ttl. It refuses an
// unknown role, a subject that is not a model.ValidID, and a ttl below a second.
func (i *Issuer) Issue(role model.Role, subject string, ttl time.Duration) (string, error) {
	switch {
	case !role.Valid():
		return "", fmt.Errorf("role %q is not customer, staff or owner", role)
	case !model.ValidID(subject) || subject == model.WalkIn:
		return "", fmt.Errorf("subject %q cannot be the id of a person", subject)
	case ttl < time.Second:
		return "", fmt.Errorf("a token must be valid for at least a second, not %s", ttl)
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

// Verifier returns a Verifier for the tokens of this café.
func (i *Issuer) Verifier() (*Verifier, error) {
	return New(Config{Issuer: LocalIssuer, Audience: LocalAudience, Secrets: [][]byte{i.secret}, Now: i.now})
}

// Key derives a key of 32 bytes from the café's secret, for the given purpose only. The key
// stays the same as long as the secret does.
func (i *Issuer) Key(purpose string) []byte {
	mac := hmac.New(sha256.New, i.secret)
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}
