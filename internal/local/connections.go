package local

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"cafe/internal/metric"
)

// The descriptors of files are shared out, so that no number of clients can keep the store
// from opening its next file: a third for connections, a quarter for the store. An upload
// has a file of its own beside its connection, which is another third at most.
const (
	mostConnections = 4096 // even where there are more descriptors; one takes about 30 KB
	mostStoreFiles  = 500  // of a large store that is read everywhere
)

func connectionsFor(descriptors int) int { return min(mostConnections, descriptors/3) }
func storeFilesFor(descriptors int) int  { return min(mostStoreFiles, descriptors/4) }

// sayEvery is how often it is said that connections run out.
const sayEvery = time.Minute

// connections is a listener that bounds how many connections are open, in all and of one
// address (see network), which may have half of them.
//
// When there is no room, the connection that has waited longest for its request is closed
// for the new one. Those over which staff or owners have called are closed last. A
// connection whose request is under way is never closed here: its deadlines end it (see
// pace). When all are under way, the new connection is closed.
type connections struct {
	net.Listener
	most int
	now  func() time.Time

	mu              sync.Mutex
	open            map[*connection]bool
	of              map[string]int // how many are open, by address
	draining        bool
	saidDescriptors time.Time // when it was said that they are out
	closed          int       // to make room, since it was said
	refused         int       // for want of room, since it was said
	said            time.Time // when it was said
	requests        sync.WaitGroup
}

func newConnections(l net.Listener, most int) *connections {
	return &connections{Listener: l, most: max(2, most), now: time.Now, open: map[*connection]bool{}, of: map[string]int{}}
}

// Accept implements net.Listener.
func (cs *connections) Accept() (net.Conn, error) {
	for {
		raw, err := cs.Listener.Accept()
		if err != nil {
			if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
				cs.outOfDescriptors(err)
			}
			return nil, err
		}
		if c := cs.admit(raw); c != nil {
			return c, nil
		}
		raw.Close()
	}
}

// admit makes room for a connection. It returns nil if there is none.
func (cs *connections) admit(raw net.Conn) *connection {
	c := &connection{Conn: raw, of: cs, address: network(raw.RemoteAddr().String())}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.draining {
		return nil
	}
	switch {
	case cs.of[c.address] >= cs.most/2:
		cs.makeRoom(func(o *connection) bool { return o.address == c.address })
	case len(cs.open) >= cs.most:
		cs.makeRoom(func(*connection) bool { return true })
	}
	if full := cs.of[c.address] >= cs.most/2 || len(cs.open) >= cs.most; full {
		cs.refused++
		cs.say()
		return nil
	}
	c.since = cs.now()
	cs.open[c] = true
	cs.of[c.address]++
	if len(cs.open) > cs.most*4/5 {
		cs.say()
	}
	return c
}

// makeRoom closes the connection, among those that may go, that has waited longest for a
// request.
func (cs *connections) makeRoom(may func(*connection) bool) {
	var first *connection
	for c := range cs.open {
		if !c.busy && may(c) && (first == nil || c.goesBefore(first)) {
			first = c
		}
	}
	if first != nil {
		cs.closed++
		cs.say()
		cs.forget(first)
		first.Conn.Close()
	}
}

// say says once a minute that connections run out, in the log and as metrics.
func (cs *connections) say() {
	if now := cs.now(); now.Sub(cs.said) >= sayEvery {
		slog.Warn("connections are running out", "open", len(cs.open), "most", cs.most, "closed_to_make_room", cs.closed, "refused", cs.refused)
		metric.Emit([]metric.Figure{
			{Name: "ConnectionsOpen", Value: int64(len(cs.open)), Unit: metric.Count},
			{Name: "ConnectionsClosedToMakeRoom", Value: int64(cs.closed), Unit: metric.Count},
			{Name: "ConnectionsRefused", Value: int64(cs.refused), Unit: metric.Count},
		})
		cs.said, cs.closed, cs.refused = now, 0, 0
	}
}

// outOfDescriptors says once a minute that a connection could not be taken for want of a
// descriptor: something else than connections and the store has used them up.
func (cs *connections) outOfDescriptors(err error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if now := cs.now(); now.Sub(cs.saidDescriptors) >= sayEvery {
		slog.Warn("descriptors of files have run out", "open_connections", len(cs.open), "error", err)
		metric.Emit([]metric.Figure{{Name: "DescriptorsOut", Value: 1, Unit: metric.Count}})
		cs.saidDescriptors = now
	}
}

func (cs *connections) forget(c *connection) {
	if !cs.open[c] {
		return
	}
	delete(cs.open, c)
	if !c.apart {
		cs.count(c, -1)
	}
}

// count adds to how many connections of its address are open.
func (cs *connections) count(c *connection, n int) {
	if cs.of[c.address] += n; cs.of[c.address] == 0 {
		delete(cs.of, c.address)
	}
}

// drain refuses further connections and closes those that wait for a request.
func (cs *connections) drain() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.draining = true
	for c := range cs.open {
		if !c.busy {
			cs.forget(c)
			c.Conn.Close()
		}
	}
}

// underWay returns how many requests are under way.
func (cs *connections) underWay() (n int) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.open {
		if c.busy {
			n++
		}
	}
	return n
}

// connection is one that a connections has let in.
type connection struct {
	net.Conn
	of      *connections
	address string
	trusted atomic.Bool // staff or an owner has called over it

	reads, writes deadline
	answering     atomic.Bool // from when a handler is called until its answer was sent

	// These are guarded by of.mu.
	since time.Time // when it began to wait for a request
	busy  bool      // a request is under way
	apart bool      // it does not count as one of its address
}

// goesBefore reports whether the connection is closed before another one.
func (c *connection) goesBefore(o *connection) bool {
	if trusted := o.trusted.Load(); c.trusted.Load() != trusted {
		return trusted
	}
	return c.since.Before(o.since)
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.of.mu.Lock()
	c.of.forget(c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite closes the half that sends. net/http does so before it closes a connection whose
// client may still be sending, so that the client gets the answer.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (c *connection) begin() {
	c.answering.Store(true)
	c.of.requests.Add(1)
	c.of.mu.Lock()
	c.busy = true
	c.of.mu.Unlock()
}

func (c *connection) end() {
	now := c.of.now()
	c.of.mu.Lock()
	c.busy, c.since = false, now
	c.of.mu.Unlock()
	c.of.requests.Done()
}

// leaveAddress takes the connection out of the count of its address, and joinAddress puts it
// back. It stays one of all connections.
func (c *connection) leaveAddress() { c.setApart(true, -1) }
func (c *connection) joinAddress()  { c.setApart(false, 1) }

func (c *connection) setApart(apart bool, n int) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.of.open[c] && c.apart != apart {
		c.apart = apart
		c.of.count(c, n)
	}
}

type connectionKey struct{}

// withConnection is an http.Server's ConnContext.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, c)
}

// connectionOf returns the connection of a request, or nil if its listener is another.
func connectionOf(ctx context.Context) *connection {
	c, _ := ctx.Value(connectionKey{}).(*connection)
	return c
}

// trust says that staff or an owner has called over the request's connection.
func trust(ctx context.Context) {
	if c := connectionOf(ctx); c != nil && !c.trusted.Load() {
		c.trusted.Store(true)
	}
}
