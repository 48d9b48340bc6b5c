package model

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
)

var idEncoding = base32.HexEncoding.WithPadding(base32.NoPadding)

// DeriveID makes an id of 26 characters out of the parts: the same parts always give
// the same id, and others another one (128 bits of SHA-256 over the parts with their
// lengths). The first part names what the id is for.
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

// EncodeID writes 16 random or derived bytes as an id of 26 characters of 0–9 and A–V.
func EncodeID(b [16]byte) string { return idEncoding.EncodeToString(b[:]) }

// ValidID reports whether s can be an id or a SKU: 1 to 64 of A–Z, a–z, 0–9, _ and -.
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
