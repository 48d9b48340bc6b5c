package local

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// armed counts how often the deadlines of a connection are set.
type armed struct {
	net.Conn
	reads, writes int
}

func (a *armed) SetReadDeadline(t time.Time) error  { a.reads++; return a.Conn.SetReadDeadline(t) }
func (a *armed) SetWriteDeadline(t time.Time) error { a.writes++; return a.Conn.SetWriteDeadline(t) }

// piped returns a connection, what it has of deadlines, and its other end. In a bubble of
// synctest all three go by the bubble's clock.
func piped(t *testing.T) (*connection, *armed, net.Conn) {
	here, there := net.Pipe()
	t.Cleanup(func() { here.Close(); there.Close() })
	counted := &armed{Conn: here}
	return &connection{Conn: counted, of: newConnections(nil, 4)}, counted, there
}

func TestADeadlineEndsReadsAndWritesWhenItSays(t *testing.T) {
	for _, wait := range []time.Duration{time.Millisecond, soonest, 2 * soonest, 2 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			c, _, _ := piped(t)
			start := time.Now()
			c.SetReadDeadline(start.Add(time.Hour)) // a later word counts
			c.SetDeadline(start.Add(wait))
			_, err := c.Read(make([]byte, 1))
			if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took != wait {
				t.Errorf("a read ended after %s with %v, want %s", took, err, wait)
			}
			start = time.Now()
			c.SetDeadline(start.Add(wait))
			_, err = c.Write(make([]byte, 1))
			if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took != wait {
				t.Errorf("a write ended after %s with %v, want %s", took, err, wait)
			}
		})
	}
}

func TestADeadlineThatWasTakenBackEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, there := piped(t)
		c.SetDeadline(time.Now().Add(time.Second))
		c.SetDeadline(time.Time{})
		go func() {
			time.Sleep(time.Hour)
			io.WriteString(there, "late")
			time.Sleep(time.Hour)
			io.ReadFull(there, make([]byte, 2))
			time.Sleep(time.Hour)
			io.ReadFull(there, make([]byte, 2))
		}()
		b := make([]byte, 4)
		if n, err := io.ReadFull(c, b); err != nil || string(b) != "late" {
			t.Errorf("read %q, %v", b[:n], err)
		}
		c.SetWriteDeadline(time.Now().Add(2 * time.Hour)) // passes between the halves
		c.SetWriteDeadline(time.Time{})
		if n, err := c.Write(b); n != 4 || err != nil {
			t.Errorf("wrote %d bytes, %v", n, err)
		}
	})
}

// net/http ends its read in the background so, at the end of each request.
func TestADeadlineInThePastEndsAReadUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, there := piped(t)
		c.SetReadDeadline(time.Now().Add(time.Minute))
		ended := make(chan error)
		go func() { _, err := c.Read(make([]byte, 1)); ended <- err }()
		synctest.Wait()
		start := time.Now()
		c.SetReadDeadline(time.Unix(1, 0))
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 0 {
			t.Errorf("it ended after %s with %v", time.Since(start), err)
		}
		c.SetReadDeadline(time.Time{})
		go io.WriteString(there, "x")
		if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("then it read %d bytes, %v", n, err)
		}
	})
}

func TestABusyConnectionsDeadlinesAreSeldomSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, set, _ := piped(t)
		const requests = 100
		for range requests { // what net/http and pace do to each
			now := time.Now()
			c.SetReadDeadline(now.Add(10 * time.Second)) // for the header
			c.SetReadDeadline(time.Time{})
			c.SetReadDeadline(time.Unix(1, 0)) // the end of the read in the background
			c.SetReadDeadline(time.Time{})
			c.SetWriteDeadline(now.Add(10 * time.Second))
			c.SetWriteDeadline(now.Add(10 * time.Second))
			c.SetWriteDeadline(time.Time{})
			c.SetReadDeadline(now.Add(2 * time.Minute)) // for the next one
			time.Sleep(time.Millisecond)
		}
		if set.reads > 2*requests+1 || set.writes > 1 {
			t.Errorf("%d requests set %d deadlines of reads and %d of writes", requests, set.reads, set.writes)
		}
	})
}
