package local

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

// remote is a connection from an address, of which nothing comes.
type remote struct {
	net.Conn
	address string
	closed  bool
}

func (r *remote) RemoteAddr() net.Addr { return address(r.address) }
func (r *remote) Close() error         { r.closed = true; return nil }

type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

// clients is a connections whose clock moves by a second with each look at it.
func clients(t *testing.T, most int) (*connections, func(address string) (*connection, *remote), *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	cs := newConnections(nil, most)
	at := time.Unix(1e9, 0)
	cs.now = func() time.Time { at = at.Add(time.Second); return at }
	return cs, func(address string) (*connection, *remote) {
		r := &remote{address: address}
		return cs.admit(r), r
	}, &log
}

func TestTheConnectionThatWaitedLongestGoesFirst(t *testing.T) {
	cs, dial, _ := clients(t, 4)
	first, a := dial("192.0.2.1:1")
	_, b := dial("192.0.2.2:1")
	busy, c := dial("192.0.2.3:1")
	busy.begin()
	till, d := dial("192.0.2.4:1")
	till.begin()
	till.trusted.Store(true)
	till.end()
	first.begin() // a request was answered meanwhile, so the second has waited longer now
	first.end()
	gone := func(want string) {
		t.Helper()
		got := ""
		for name, r := range map[string]*remote{"a": a, "b": b, "c": c, "d": d} {
			if r.closed {
				got += name
			}
		}
		if len(got) != len(want) || strings.Trim(got, want) != "" {
			t.Errorf("%q are closed, want %q", got, want)
		}
	}
	gone("")
	fifth, _ := dial("192.0.2.5:1")
	gone("b")
	fifth.begin()
	sixth, _ := dial("192.0.2.6:1")
	gone("ab")
	sixth.begin()
	seventh, _ := dial("192.0.2.7:1") // only staff's waits: it goes last, but it goes
	gone("abd")
	seventh.begin()
	if none, r := dial("192.0.2.8:1"); none != nil || r.closed {
		t.Error("with all requests under way another was let in")
	}
	gone("abd")
	seventh.end()
	if again, _ := dial("192.0.2.8:1"); again == nil {
		t.Error("a connection that waits again makes no room")
	}
	if len(cs.open) != 4 {
		t.Errorf("%d are open", len(cs.open))
	}
}

func TestOneAddressHasHalfOfTheConnections(t *testing.T) {
	cs, dial, _ := clients(t, 10)
	var flood []*remote
	for i := range 50 {
		_, r := dial(fmt.Sprintf("192.0.2.1:%d", i))
		flood = append(flood, r)
	}
	if len(cs.open) != 5 || !flood[44].closed || flood[45].closed {
		t.Errorf("%d are open", len(cs.open))
	}
	for i := range 5 {
		dial(fmt.Sprintf("192.0.2.%d:1", 2+i))
	}
	if flood[45].closed || len(cs.open) != 10 {
		t.Errorf("%d are open", len(cs.open))
	}
	if dial("192.0.2.9:1"); !flood[45].closed || len(cs.open) != 10 {
		t.Errorf("%d are open", len(cs.open))
	}
}

func TestAClosedConnectionLeavesItsPlace(t *testing.T) {
	cs, dial, log := clients(t, 4)
	for i := range 100 {
		c, r := dial(fmt.Sprintf("192.0.2.%d:1", i%3))
		c.begin()
		c.end()
		if c.Close(); !r.closed || c.Close() != nil {
			t.Fatal("it is not closed")
		}
	}
	if len(cs.open)+len(cs.of) != 0 || log.Len() > 0 {
		t.Errorf("%d connections and %d addresses are left: %s", len(cs.open), len(cs.of), log)
	}
}

func TestThatConnectionsRunOutIsSaidOnceAMinute(t *testing.T) {
	_, dial, log := clients(t, 10)
	for i := range 8 {
		dial(fmt.Sprintf("192.0.2.%d:1", i))
	}
	if log.Len() > 0 {
		t.Errorf("said with 8 of 10: %s", log)
	}
	dial("192.0.2.8:1")
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "open=9 most=10 closed_to_make_room=0 refused=0") {
		t.Errorf("before it hurts: %s", log)
	}
	for i := range 90 { // of a clock's minute and a half at least
		dial(fmt.Sprintf("192.0.2.%d:1", 9+i))
	}
	if n := strings.Count(log.String(), "running out"); n < 2 || n > 5 || !strings.Contains(log.String(), "closed_to_make_room=") {
		t.Errorf("said %d times: %s", n, log)
	}
	if strings.Contains(log.String(), "192.0.2") {
		t.Error("the log has addresses of people")
	}
}

func TestWhoIsClosingTakesNobodyIn(t *testing.T) {
	cs, dial, _ := clients(t, 4)
	_, idle := dial("192.0.2.1:1")
	busy, under := dial("192.0.2.2:1")
	busy.begin()
	cs.drain()
	if !idle.closed || under.closed || cs.underWay() != 1 {
		t.Errorf("idle closed %v, under way closed %v", idle.closed, under.closed)
	}
	if c, _ := dial("192.0.2.3:1"); c != nil {
		t.Error("it takes another in")
	}
}

func TestDescriptorsAreSharedOut(t *testing.T) {
	for _, n := range []int{256, 300, 1024, 20_000, 1 << 20} {
		connections, files := connectionsFor(n), storeFilesFor(n)
		// An upload takes a file beside its connection, and the process has some of its own.
		if sum := 2*connections + files; sum > n-n/20 || connections < 80 {
			t.Errorf("of %d descriptors %d are for connections and %d for the store", n, connections, files)
		}
	}
	if descriptors() < 64 {
		t.Errorf("%d descriptors", descriptors())
	}
}
