package records

import (
	"crypto/rand"
	"time"

	"cafe/model"
)

// Clock tells the time. It is time.Now outside tests.
type Clock func() time.Time

// Stamp returns the time as it is stored: in UTC, to the microsecond.
func (c Clock) Stamp() time.Time { return c().UTC().Truncate(time.Microsecond) }

// NewID returns a random id of 26 characters.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (package crypto/rand)
	return model.EncodeID(b)
}
