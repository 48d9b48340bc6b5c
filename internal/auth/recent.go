package auth

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// recentFor is how long a verified token is taken at its word, unless it expires
	// before.
	recentFor = time.Minute
	// recentMost bounds how many are remembered.
	recentMost = 4096
)

// recent remembers tokens that were verified moments ago: clients send theirs with
// every request, and verifying costs twenty times and more of looking it up. Only their
// SHA-256 is kept. The zero value is ready.
type recent struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]remembered
}

type remembered struct {
	identity Identity
	until    time.Time
}

func (r *recent) find(sum [sha256.Size]byte, now time.Time) (Identity, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.known[sum]
	if !ok || !now.Before(found.until) {
		return Identity{}, false
	}
	return found.identity, true
}

func (r *recent) add(sum [sha256.Size]byte, identity Identity, now time.Time) {
	until := now.Add(recentFor)
	if identity.Expires.Before(until) {
		until = identity.Expires
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= recentMost {
		r.known = make(map[[sha256.Size]byte]remembered) // forgetting costs one verification each
	}
	r.known[sum] = remembered{identity, until}
}
