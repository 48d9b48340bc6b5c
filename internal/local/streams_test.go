package local

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cafe/internal/auth"
	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/house"
	"cafe/internal/settings"
	"cafe/internal/table/pebble"
	"cafe/model"
)

// running is a café in one process, open for requests.
type running struct {
	testing.TB
	*Process
	issuer *auth.Issuer
	stop   func() // and wait until it is over
}

func runProcess(t testing.TB) *running {
	t.Helper()
	data := t.TempDir()
	store, err := OpenStore(data, pebble.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	s, err := settings.FromEnv(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	h := house.Open(s, store.Table, time.Now)
	for _, item := range cafetest.Menu {
		if _, err := h.SetMenuItem(context.Background(), item, nil); err != nil {
			t.Fatal(err)
		}
	}
	issuer, err := auth.OpenIssuer(data)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(Options{House: h, Store: store, Data: data, Listener: listener, Issuer: issuer, Owner: "owner@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, over := make(chan struct{}), make(chan error, 1)
	go func() { over <- p.Run(ctx, func() error { close(ready); return nil }) }()
	<-ready
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return &running{t, p, issuer, stop}
}

func (r *running) place(customer string) model.Order {
	r.Helper()
	order, _, err := r.options.House.Place(context.Background(), cafetest.Staff, model.Draft{CustomerID: customer, Lines: cafetest.Lines("tea")}, "")
	if err != nil {
		r.Fatal(err)
	}
	return order
}

// open opens a stream of events. Headers are "Name: value".
func (r *running) open(role model.Role, who string, ttl time.Duration, headers ...string) (*http.Response, *bufio.Scanner) {
	r.Helper()
	token, err := r.issuer.Issue(role, who, ttl)
	if err != nil {
		r.Fatal(err)
	}
	q, err := http.NewRequest("GET", r.URL+"/events", nil)
	if err != nil {
		r.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+token)
	q.Header.Set("Accept", "text/event-stream")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		q.Header.Set(name, value)
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { a.Body.Close() })
	return a, bufio.NewScanner(a.Body)
}

// hears reads a stream until it tells of an order, and returns the cursor after that.
func (r *running) hears(stream *bufio.Scanner, order string) (cursor string) {
	r.Helper()
	for told := false; stream.Scan(); {
		if data, is := strings.CutPrefix(stream.Text(), "data: "); is && strings.Contains(data, `"subject":"/orders/`) {
			if !strings.Contains(data, `"subject":"/orders/`+order+`"`) {
				r.Fatalf("heard %s, want an event of %s", data, order)
			}
			told = true
		}
		if id, is := strings.CutPrefix(stream.Text(), "id: "); is && told {
			return id
		}
	}
	r.Fatal("the stream ended: ", stream.Err())
	return ""
}

func TestAStreamOfEventsGoesOnOverARestart(t *testing.T) {
	r := runProcess(t)
	_, staff := r.open(model.RoleStaff, "sam", time.Hour)
	_, alice := r.open(model.RoleCustomer, "alice", time.Hour)
	walkIn, hers := r.place(""), r.place("alice")
	first := r.hears(staff, walkIn.ID)
	r.hears(staff, hers.ID)
	r.hears(alice, hers.ID)
	_, again := r.open(model.RoleStaff, "sam", time.Hour, "Last-Event-ID: "+first)
	r.hears(again, hers.ID)

	began := time.Now()
	r.stop() // as at SIGTERM
	if took := time.Since(began); took > drainTime {
		t.Errorf("streams kept the café open for %s", took)
	}
	for _, stream := range []*bufio.Scanner{staff, alice, again} {
		for stream.Scan() {
		}
		if stream.Err() != nil {
			t.Errorf("a stream was cut off: %v", stream.Err())
		}
	}
}

func TestAStreamEndsWhenItsTokenDoes(t *testing.T) {
	r := runProcess(t)
	a, _ := r.open(model.RoleStaff, "sam", time.Second)
	if _, err := io.Copy(io.Discard, a.Body); err != nil {
		t.Error(err)
	}
}

func TestAPageOfEventsIsWaitedFor(t *testing.T) {
	r := runProcess(t)
	token, err := r.issuer.Issue(model.RoleCustomer, "alice", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		q, _ := http.NewRequest("GET", r.URL+"/events?after=1.0&wait=20", nil)
		q.Header.Set("Authorization", "Bearer "+token)
		q.Header.Set("Accept", "application/json")
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			got <- err.Error()
			return
		}
		defer a.Body.Close()
		b, _ := io.ReadAll(a.Body)
		got <- string(b)
	}()
	order := r.place("alice")
	if page := <-got; !strings.Contains(page, order.ID) {
		t.Errorf("waited for %s", page)
	}
}

func read(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestStreamsAreBounded(t *testing.T) {
	staff, alice, bob := cafe.Caller{ID: "sam", Role: model.RoleStaff}, cafe.Caller{ID: "alice", Role: model.RoleCustomer}, cafe.Caller{ID: "bob", Role: model.RoleCustomer}
	s := newStreams(40)
	take := func(by cafe.Caller, most int) (n int) {
		for n < most && s.begin(by) {
			n++
		}
		return n
	}
	if n := take(alice, 100); n != streamsOfCustomer {
		t.Errorf("one customer has %d streams", n)
	}
	if n := take(bob, 100); n != 8 {
		t.Errorf("the second customer has %d, so that two are left for staff", n)
	}
	if n := take(staff, 100); n != 2 {
		t.Errorf("staff have %d", n)
	}
	s.end(alice)
	if s.begin(staff); s.begin(staff) {
		t.Error("there is room for two in the place of one")
	}
	for range 9 {
		s.end(alice)
	}
	for range 8 {
		s.end(bob)
	}
	for range 3 {
		s.end(staff)
	}
	if s.open != 0 || s.customers != 0 || len(s.of) != 0 {
		t.Errorf("%+v is left", s)
	}
}

// The screens of a café have one address with its tills. Their streams leave room for requests.
func TestStreamsDoNotCountAsConnectionsOfTheirAddress(t *testing.T) {
	cs, connect, _ := clients(t, 8)
	var streams []*connection
	var remotes []*remote
	for range 4 {
		c, at := connect("192.0.2.1:1000")
		remotes = append(remotes, at)
		if c == nil {
			t.Fatal("no room for a stream")
		}
		c.begin()
		c.leaveAddress()
		c.leaveAddress() // once is enough
		streams = append(streams, c)
	}
	for range 4 {
		c, _ := connect("192.0.2.1:1000")
		if c == nil {
			t.Fatal("no room for a request")
		}
		c.begin()
	}
	if c, _ := connect("192.0.2.1:1000"); c != nil {
		t.Error("there is a ninth of eight")
	}
	streams[0].Close()
	streams[1].joinAddress()
	streams[1].end()
	if n := cs.of["192.0.2.1"]; n != 5 {
		t.Errorf("%d connections count, want 5", n)
	}
	if remotes[2].closed || remotes[3].closed {
		t.Error("a stream was closed for a request")
	}
}

// A reader that does not read holds up nobody, and is cut off. Nothing is kept for it.
func TestAStreamIsCutOffThatIsNotRead(t *testing.T) {
	written := make(chan error, 1)
	dial := hurried(t, func(w http.ResponseWriter, r *http.Request) {
		c, line := http.NewResponseController(w), []byte(strings.Repeat("x", 32<<10))
		for r.Context().Err() == nil {
			_, _ = w.Write(line)
			_ = c.Flush()
		}
		written <- r.Context().Err()
	})
	c := dial("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	defer c.Close()
	select {
	case <-written:
	case <-time.After(time.Minute):
		t.Fatal("it still writes")
	}
}

// A stream that is read may last longer than any answer at the pace would.
func TestAStreamThatIsReadLasts(t *testing.T) {
	dial := hurried(t, func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		for i := range 20 {
			fmt.Fprintln(w, i)
			_ = c.Flush()
			time.Sleep(50 * time.Millisecond)
		}
		fmt.Fprintln(w, "the end")
	})
	c := dial("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if got := read(t, c); !strings.Contains(got, "the end") {
		t.Errorf("cut off after %q", got)
	}
}
