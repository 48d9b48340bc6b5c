package auth

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// recentFor is how long a verified token is not verified again, unless it expires
	// before that.
	recentFor = time.Minute
	// recentMost is the most tokens in the cache.
	recentMost = 4096
)

// recent is a cache of tokens that were verified a moment ago. Clients send the same token
// with every request, and verifying it takes at least twenty times as long as finding it
// here. The cache has only the SHA-256 of each token. The zero value is ready to use.
type recent struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]recentToken
}

type recentToken struct {
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
		r.known = make(map[[sha256.Size]byte]recentToken) // each token is then verified once more
	}
	r.known[sum] = recentToken{identity, until}
}
