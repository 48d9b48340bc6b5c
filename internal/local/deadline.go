package local

import (
	"errors"
	"os"
	"sync"
	"time"
)

// deadline is the deadline of a connection's reads, or of its writes. net/http and pace
// move it about ten times a request, and each move of a connection's own deadline resets a
// timer of the runtime. So the connection's own deadline, which is armed, may be earlier
// than the one that is wanted. When it ends a read or a write too early, again arms it anew,
// and the read or write goes on.
type deadline struct {
	mu     sync.Mutex
	wanted time.Time // zero: none
	armed  time.Time // zero: none
	over   bool      // armed had passed when it was set
}

// soonest is how soon at most a deadline is armed at first. A deadline of two minutes for
// the next request, which comes at once, then does for the ten seconds of its header too.
const soonest = 5 * time.Second

// set has reads or writes end at a time, or never, for the zero time. arm sets the
// connection's own deadline.
func (d *deadline) set(at time.Time, arm func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = at
	if at.IsZero() || !d.over && !d.armed.IsZero() && !at.Before(d.armed) {
		return nil // what is armed is early enough
	}
	now := time.Now()
	d.over = !at.After(now)
	if early := now.Add(soonest); at.After(early) {
		at = early
	}
	d.armed = at
	return arm(at)
}

// again reports whether a read or a write that ended with the error may go on: a deadline
// ended it that was armed, and that is not wanted. It has armed the wanted one then.
func (d *deadline) again(err error, arm func(time.Time) error) bool {
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.wanted.IsZero() && !d.wanted.After(time.Now()) {
		return false
	}
	d.armed, d.over = d.wanted, false
	return arm(d.wanted) == nil
}

// Read implements net.Conn.
func (c *connection) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n > 0 || !c.reads.again(err, c.Conn.SetReadDeadline) {
			return n, err
		}
	}
}

// Write implements net.Conn. What net/http answers itself becomes a problem.
func (c *connection) Write(p []byte) (n int, err error) {
	if !c.answering.Load() {
		if status, says, is := refusal(p); is {
			if _, err := c.write(refuse(status, says)); err != nil {
				return 0, err
			}
			return len(p), nil
		}
	}
	return c.write(p)
}

func (c *connection) write(p []byte) (n int, err error) {
	for {
		m, err := c.Conn.Write(p[n:])
		if n += m; !c.writes.again(err, c.Conn.SetWriteDeadline) {
			return n, err
		}
	}
}

// SetReadDeadline implements net.Conn.
func (c *connection) SetReadDeadline(t time.Time) error {
	return c.reads.set(t, c.Conn.SetReadDeadline)
}

// SetWriteDeadline implements net.Conn. net/http takes the deadline away when an answer was
// sent, and pace never does.
func (c *connection) SetWriteDeadline(t time.Time) error {
	if t.IsZero() {
		c.answering.Store(false)
	}
	return c.writes.set(t, c.Conn.SetWriteDeadline)
}

// SetDeadline implements net.Conn.
func (c *connection) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}
