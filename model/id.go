package model

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
)

var idEncoding = base32.HexEncoding.WithPadding(base32.NoPadding)

// DeriveID returns an id of 26 characters that depends only on the parts. The same parts
// always have the same id, and different parts have different ids: it is 128 bits of SHA-256
// over the parts and their lengths. The first part names the purpose of the id.
func DeriveID(parts ...string) string {
	h := sha256.New()
	var size [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		h.Write(size[:])
		h.Write([]byte(p))
	}
	return EncodeID([16]byte(h.Sum(nil)[:16]))
}

// EncodeID returns 16 bytes as an id of 26 characters from 0–9 and A–V.
func EncodeID(b [16]byte) string { return idEncoding.EncodeToString(b[:]) }

// ValidID reports whether s can be an id or a SKU: 1 to 64 characters from A–Z, a–z, 0–9, _
// and -.
func ValidID(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

const badID = "must be 1 to 64 characters of A–Z, a–z, 0–9, _ and -"
