// Package cafe holds the use cases: place, amend, advance and delete orders, keep
// the menu, stock and customers, post to the ledger, announce, import, report and
// reconcile. Each is a method of Cafe that takes who is asking and answers with
// values of package model.
//
// It needs only ports: a table.Table, a clock, and where a use case says so a
// Notifier or an object store. It knows nothing of HTTP, Lambda or AWS.
package cafe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"cafe/internal/table"
	"cafe/model"
)

// Cafe carries out the use cases. Make it with New; it is safe for concurrent use.
type Cafe struct {
	Settings
	Watch Watch // set before use, or never; nil: nobody watches

	table  table.Table
	now    func() time.Time
	menu   menuCache
	settle time.Duration // settleTime, but in tests
}

// New opens a café on a table. now is the clock, time.Now outside tests.
func New(settings Settings, t table.Table, now func() time.Time) *Cafe {
	return &Cafe{Settings: settings, table: t, now: now, settle: settleTime, menu: menuCache{turn: make(chan struct{}, 1)}}
}

var (
	// ErrNotFound says that there is no such thing, or none that the caller may see.
	ErrNotFound = errors.New("not found")
	// ErrForbidden says that the caller's role may never do this.
	ErrForbidden = errors.New("forbidden")
	// ErrKeyReused says that the Idempotency-Key came with another request before.
	ErrKeyReused = errors.New("idempotency key was used for another request")
	// ErrStale says that the thing is not any more as the caller's condition has it.
	ErrStale = errors.New("changed since it was read")
	// ErrPreconditionRequired says that the caller must say which version they mean.
	ErrPreconditionRequired = errors.New("a precondition is required")
	// ErrNotAmendable says that the order's status forbids amending it.
	ErrNotAmendable = errors.New("order can no longer be amended")
)

// IllegalMove says that an order's status cannot change that way, or not by this caller.
type IllegalMove struct{ From, To model.Status }

func (e *IllegalMove) Error() string {
	return fmt.Sprintf("an order cannot go from %s to %s", e.From, e.To)
}

// OutOfStock says that counted items are short. Nothing was taken.
type OutOfStock struct{ Short []Shortage }

// Shortage is one item that is short.
type Shortage struct {
	SKU            string
	Lines          []int // indexes of the order's lines that ask for it
	Wanted, OnHand int64
}

func (e *OutOfStock) Error() string {
	return fmt.Sprintf("%d items are out of stock", len(e.Short))
}

// Match is a caller's condition on the version of what they mean to change, 0 when there is
// no such thing (RFC 9110, sections 13.1.1 and 13.1.2). A nil Match asks for nothing.
type Match func(version int64) bool

// clock returns the time in UTC, to the microsecond, as everything is stored.
func (c *Cafe) clock() time.Time { return c.now().UTC().Truncate(time.Microsecond) }

func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return model.EncodeID(b)
}

// write carries out the operations. A conflict with another write is tried again a
// few times, with growing, jittered pauses that an API call can afford.
func (c *Cafe) write(ctx context.Context, ops ...table.Op) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval = 10 * time.Millisecond
	pauses.MaxInterval = 300 * time.Millisecond
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := c.table.Write(ctx, ops...)
		if err != nil && !errors.Is(err, table.ErrConflict) {
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxTries(8))
	return err
}

// attempts is how often a use case reads again and tries anew when somebody else
// changed what it read in between.
const attempts = 10

// pause waits a moment, longer with every attempt and never in step with others.
func pause(ctx context.Context, attempt int) error {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval = time.Millisecond << min(attempt, 7)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(b.NextBackOff()):
		return nil
	}
}
