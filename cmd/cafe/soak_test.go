package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cafe/internal/auth"
	"cafe/model"
)

// TestSoakUnderRandomFaults has clients use a café whose store and topics fail at random,
// and who do as the contract says: they wait as Retry-After has it, and send the same
// again. In the end every answer that was given still holds, and the café needs no more
// memory, goroutines and files than it did.
//
// CAFE_SOAK says for how long (10m), CAFE_SEED repeats the choice of what is done.
func TestSoakUnderRandomFaults(t *testing.T) {
	length, seed := 5*time.Second, rand.Uint64N(1_000_000)
	if v := os.Getenv("CAFE_SOAK"); v != "" {
		var err error
		if length, err = time.ParseDuration(v); err != nil || length < time.Second {
			t.Fatalf("CAFE_SOAK=%q is not a time such as 10m", v)
		}
	}
	if v := os.Getenv("CAFE_SEED"); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatalf("CAFE_SEED=%q is not a number", v)
		}
	}
	t.Logf("CAFE_SEED=%d CAFE_SOAK=%v", seed, length)

	s := openSoak(t, seed, length)
	clients := make([]*regular, 16)
	for i := range clients {
		clients[i] = s.regular(i, seed)
	}
	begun := s.how(askState)
	s.table(nil, begun)

	// The load, and a look at the café now and then.
	end := time.Now().Add(length)
	var running sync.WaitGroup
	for _, c := range clients {
		running.Go(func() { c.run(end) })
	}
	// The first fifth is to warm up: caches fill, the store finds its shape.
	samples := []sample{}
	every := max(length/60, 200*time.Millisecond)
	for next, row := time.Now().Add(every), 0; time.Now().Before(end); next = next.Add(every) {
		time.Sleep(time.Until(next))
		now := s.how(askState)
		elapsed := length - time.Until(end)
		if elapsed > length/5 {
			samples = append(samples, sample{s.requests(), now})
		}
		if r := int(10 * elapsed / length); r > row {
			row = r
			s.table(&elapsed, now)
		}
		if t.Failed() {
			break
		}
	}
	running.Wait()
	if t.Failed() {
		t.FailNow()
	}

	// No more faults. All that is on its way arrives.
	var now state
	waitLonger(t, "the ledger and the outbox have done all", func() bool {
		now = s.how(askCalm)
		return now.Lag == 0 && now.Swept == 0 && now.Pending == ""
	})
	s.table(&length, now)
	if n := now.DiskBytes["dead-letters"]; n > 0 {
		t.Errorf("there are dead letters: %d bytes", n)
	}
	s.calm = true
	checked := 0
	for _, c := range clients {
		checked += c.check()
	}
	s.checkShelf(clients)
	s.checkAlerts(clients)
	for _, path := range []string{"/reconcile?dry_run=true", "/reconcile"} {
		var r struct {
			Customers, Repaired int
			Drifted             []json.RawMessage
		}
		if status := s.call("owner", "POST", path, nil, &r); status != 200 || len(r.Drifted)+r.Repaired != 0 || r.Customers < len(clients) {
			t.Errorf("reconcile answered %d: %d customers, %d repaired, %d drifted: %s", status, r.Customers, r.Repaired, len(r.Drifted), bytes.Join(asBytes(r.Drifted), []byte{'\n'}))
		}
	}

	// Nothing is left of the clients when they are gone.
	s.client.CloseIdleConnections()
	waitLonger(t, "connections and goroutines are let go", func() bool {
		now = s.how(askState)
		return now.Goroutines <= begun.Goroutines+10 && now.Files <= begun.Files+5
	})
	samples = append(samples, sample{s.requests(), now})
	s.checkMemory(samples)
	t.Logf("at the start %d goroutines, %d files and connections, %.1f MB of heap; at the end %d, %d, %.1f MB",
		begun.Goroutines, begun.Files, mega(begun.HeapBytes), now.Goroutines, now.Files, mega(now.HeapBytes))
	t.Logf("%d requests (%.0f a second): %v", s.requests(), float64(s.requests())/length.Seconds(), s.kinds)
	t.Logf("faults: %v; answers: %v; %d orders and payments compared", now.Faults, s.answers, checked)
	if t.Failed() {
		return
	}
	for _, kind := range []string{"before", "after", "throttled", "conflict", "delay"} {
		if now.Faults[kind] == 0 {
			t.Errorf("no fault %q was injected", kind)
		}
	}
	s.close()
}

// soak is a café with faults as its clients see it.
type soak struct {
	*shop
	issuer *auth.Issuer
	log    string // the file of the café's standard error

	pipe    sync.Mutex
	in      io.WriteCloser
	scanner *bufio.Scanner

	mu      sync.Mutex
	kinds   map[string]int // requests, by what they are for
	answers map[int]int    // by status; 0: none came
	calm    bool           // there are no more faults
}

func openSoak(t *testing.T, seed uint64, length time.Duration) *soak {
	t.Helper()
	data := t.TempDir()
	issuer, err := auth.OpenIssuer(data)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], data, strconv.FormatUint(seed, 10))
	// The day's report falls due within a long soak, and just now for a short one: the five
	// minutes before, and all that comes after it, are the ledger's busiest. The day turns
	// half a day away.
	now := time.Now().UTC()
	cmd.Env = append(os.Environ(), "CAFE_TEST_RUN_MAIN=soak", "CAFE_TIME_ZONE=UTC",
		"CAFE_DAY_CUTOFF="+now.Add(-12*time.Hour).Format("15:04"), "CAFE_REPORT_TIME="+now.Add(length*7/10).Format("15:04"))
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &soak{
		shop: &shop{T: t, cmd: cmd, data: data, tokens: map[string]string{}, client: &http.Client{
			Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute}},
		issuer: issuer, log: log.Name(), in: in, scanner: bufio.NewScanner(out), kinds: map[string]int{}, answers: map[int]int{},
	}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		cmd.Process.Kill()
		cmd.Wait()
	})
	if !s.scanner.Scan() {
		t.Fatalf("the café did not open: %s", s.logged())
	}
	s.url, _ = strings.CutPrefix(s.scanner.Text(), "listening on ")
	for role, name := range subjects {
		s.enrol(string(role), role, name)
	}
	return s
}

// enrol keeps a token under a name.
func (s *soak) enrol(as string, role model.Role, subject string) {
	s.Helper()
	token, err := s.issuer.Issue(role, subject, 24*time.Hour)
	if err != nil {
		s.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[as] = token
}

// how asks the café how it is.
func (s *soak) how(what string) state {
	s.Helper()
	s.pipe.Lock()
	defer s.pipe.Unlock()
	var now state
	if _, err := fmt.Fprintln(s.in, what); err != nil {
		s.Fatal(err, s.logged())
	}
	if !s.scanner.Scan() {
		s.Fatalf("the café is gone: %s", s.logged())
	}
	if err := json.Unmarshal(s.scanner.Bytes(), &now); err != nil {
		s.Fatalf("%v: %s", err, s.scanner.Bytes())
	}
	return now
}

// logged is the end of the café's log.
func (s *soak) logged() string {
	b, _ := os.ReadFile(s.log)
	return string(b[max(0, len(b)-4000):])
}

// close ends the café, and expects that it ends well and that nothing went wrong unseen.
func (s *soak) close() {
	s.Helper()
	s.in.Close()
	if err := s.cmd.Wait(); err != nil {
		s.Errorf("the café ended with %v: %s", err, s.logged())
	}
	b, err := os.ReadFile(s.log)
	if err != nil {
		s.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, "panic") || strings.Contains(line, "DATA RACE") || strings.Contains(line, "status=500") || strings.Contains(line, "left until the café opens again") {
			s.Errorf("logged: %s", line)
		}
	}
}

func (s *soak) note(kind string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kinds[kind]++
	s.answers[status]++
}

func (s *soak) requests() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.kinds {
		n += k
	}
	return n
}

// kinds of requests, as the table has them.
var soakKinds = []string{"order", "read", "change", "pay", "manage", "import", "report", "bad", "cut off", "idle"}

// table prints a row: the sums so far. Without a time it is the heading, and the start.
func (s *soak) table(elapsed *time.Duration, now state) {
	if elapsed == nil {
		s.Logf("%8s | %s | %6s %6s | %6s %6s | %7s %7s %5s %5s %5s | %6s %6s %6s", "time",
			strings.Join(padded(soakKinds), " "), "503", "none", "store", "topics", "heap MB", "RSS MB", "gor.", "files", "store", "lag", "store MB", "outbox MB")
		elapsed = new(time.Duration)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var counts []string
	for i, name := range padded(soakKinds) {
		counts = append(counts, fmt.Sprintf("%*d", len(name), s.kinds[soakKinds[i]]))
	}
	store, topics := 0, 0
	for kind, n := range now.Faults {
		if strings.HasPrefix(kind, "topic") {
			topics += n
		} else {
			store += n
		}
	}
	s.Logf("%8v | %s | %6d %6d | %6d %6d | %7.1f %7.1f %5d %5d %5d | %6d %6.1f %6.1f", elapsed.Round(time.Second/10),
		strings.Join(counts, " "), s.answers[503], s.answers[0], store, topics,
		mega(now.HeapBytes), mega(now.RSSBytes), now.Goroutines, now.Files, now.StoreFiles, now.Lag,
		float64(now.DiskBytes["store"])/1e6, float64(now.DiskBytes["outbox"])/1e6)
}

func padded(names []string) (padded []string) {
	for _, n := range names {
		padded = append(padded, fmt.Sprintf("%7s", n))
	}
	return padded
}

func mega(bytes uint64) float64 { return float64(bytes) / 1e6 }

func asBytes(raw []json.RawMessage) (all [][]byte) {
	for _, r := range raw {
		all = append(all, r)
	}
	return all
}

// waitLonger gives something that follows on its own two minutes to be so.
func waitLonger(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it is not so that %s", what)
		}
	}
}

// sample is the café's state after so many requests.
type sample struct {
	requests int
	state
}

// Bounds on what the café may keep in memory. One request is to leave nothing: a map that
// grows with orders, keys or callers costs a hundred bytes a request and more. The
// allowance is for what comes and goes: requests under way, caches that have a bound.
const (
	mostPerRequest = 8       // bytes of heap
	heapAllowance  = 4 << 20 // bytes
	// The store's tables in memory and its cache of blocks are outside of Go's heap, but
	// without cgo, and with the race detector at random.
	engineAllowance = 96 << 20
)

// engineInHeap tells whether the store may keep its memory in Go's heap.
func engineInHeap() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool {
		return s.Key == "-race" && s.Value == "true" || s.Key == "CGO_ENABLED" && s.Value == "0"
	})
}

// checkMemory compares the heap of the first third of the samples with that of the last.
func (s *soak) checkMemory(samples []sample) {
	s.Helper()
	if len(samples) < 6 {
		s.Fatalf("%d samples are too few", len(samples))
	}
	third := len(samples) / 3
	// The least of a few: what is in flight comes on top.
	least := func(some []sample) sample {
		return slices.MinFunc(some, func(a, b sample) int { return cmp.Compare(a.HeapBytes, b.HeapBytes) })
	}
	first, last := least(samples[:third]), least(samples[len(samples)-third:])
	grown, requests := int64(last.HeapBytes)-int64(first.HeapBytes), int64(samples[len(samples)-1].requests-samples[0].requests)
	s.Logf("from the first third to the last, the heap has grown by %d kB over %d requests", grown/1000, requests)
	most := heapAllowance + mostPerRequest*requests
	if engineInHeap() {
		most += engineAllowance
	}
	if grown > most {
		s.Errorf("the heap grew from %.1f MB to %.1f MB over %d requests: %d bytes a request", mega(first.HeapBytes), mega(last.HeapBytes), requests, grown/max(1, requests))
	}
	for _, at := range samples {
		if at.Goroutines > 1000 || at.Files > 500 || at.StoreFiles > 600 {
			s.Errorf("after %d requests there are %d goroutines, %d files and connections, %d files of the store", at.requests, at.Goroutines, at.Files, at.StoreFiles)
		}
	}
}

// regular is a client who comes again and again: somebody at the till who serves a few
// customers that nobody else serves, and so knows what the café must know of them.
type regular struct {
	*soak
	n         int
	random    *rand.Rand
	count     int // of what was made, for names
	customers []*guest
	orders    []*placed // that may be changed still, the oldest first
	etag      string    // of the menu
	price     int64     // of this client's own item
	imported  *guest    // who the orders of files are of
	lastFile  *file
}

// guest is a customer, as the client knows them.
type guest struct {
	id       string
	limit    int64
	name     string
	orders   map[string]*placed
	payments map[string]int64
	unsure   map[string]*placed // by note: sent once without a key, and not answered
	gone     []string           // ids of deleted orders

	files, filed int64 // orders that count from files, and their total
}

// placed is an order as it was answered last.
type placed struct {
	of       *guest
	id, note string
	status   model.Status
	version  int64
	total    int64
	tab      bool
	brownies int64 // in its lines
	took     bool  // and they are off the shelf
}

type file struct {
	source, content string
	orders          int
}

func (s *soak) regular(n int, seed uint64) *regular {
	c := &regular{soak: s, n: n, random: rand.New(rand.NewPCG(seed, uint64(n)+1))}
	limits := []int64{1500, 6000, 1_000_000_000}
	for i, limit := range limits {
		g := &guest{id: fmt.Sprintf("guest-%d-%d", n, i), limit: limit, orders: map[string]*placed{}, payments: map[string]int64{}, unsure: map[string]*placed{}}
		c.customers = append(c.customers, g)
		s.enrol(g.id, model.RoleCustomer, g.id)
		c.setCustomer(g)
	}
	c.imported = &guest{id: fmt.Sprintf("filed-%d", n), limit: 1_000_000_000, orders: map[string]*placed{}, payments: map[string]int64{}}
	c.setMenu()
	if n == 0 {
		c.must("manage", 200, "staff", "PUT", "/stock/brownie", fmt.Sprintf(`{"on_hand":%d}`, shelf))
		c.must("manage", 200, "staff", "PUT", "/stock/scone", `{"on_hand":50}`)
	}
	return c
}

// shelf is how many brownies there are at first; nobody counts them again.
const shelf = 1_000_000

// deed is something that a client does, more often if it has more weight.
type deed struct {
	weight int
	do     func(*regular)
}

var deeds = []deed{
	{220, (*regular).place}, {40, (*regular).placeWithoutKey}, {20, (*regular).placeAndHangUp},
	{120, (*regular).read}, {40, (*regular).list}, {30, (*regular).look}, {50, (*regular).menu},
	{70, (*regular).amend}, {150, (*regular).advance}, {50, (*regular).cancel}, {15, (*regular).remove},
	{90, (*regular).pay}, {12, (*regular).setCustomerAnew}, {4, (*regular).comeAndGo},
	{8, (*regular).setMenu}, {8, (*regular).setStock}, {2, (*regular).file}, {1, (*regular).report},
	{40, (*regular).bad}, {10, (*regular).cutOff}, {6, (*regular).idle},
}

func (c *regular) run(end time.Time) {
	all := 0
	for _, d := range deeds {
		all += d.weight
	}
	for time.Now().Before(end) && !c.Failed() {
		n := c.random.IntN(all)
		for _, d := range deeds {
			if n -= d.weight; n < 0 {
				d.do(c)
				break
			}
		}
		time.Sleep(time.Duration(c.random.IntN(40)) * time.Millisecond)
	}
}

func (c *regular) name(what string) string {
	c.count++
	return fmt.Sprintf("%s-%d-%d", what, c.n, c.count)
}

func (c *regular) guest() *guest { return c.customers[c.random.IntN(len(c.customers))] }

// reply is what came, after as many tries as it took.
type reply struct {
	status int
	header http.Header
	body   []byte
	again  bool // an earlier try came to nothing that the client could know of
}

func (r reply) into(c *regular, v any) {
	c.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		c.Errorf("answered %d %s: %v", r.status, r.body, err)
	}
}

// once sends a request once. Status 0 says that no answer came.
func (c *regular) once(ctx context.Context, kind, as, method, path, body string, headers ...string) reply {
	c.Helper()
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.Errorf("%s %s: %v", method, path, err)
		return reply{}
	}
	r.Header.Set("Content-Type", "application/json")
	if as != "" {
		r.Header.Set("Authorization", "Bearer "+c.tokenOf(as))
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	response, err := c.client.Do(r)
	if err != nil {
		c.note(kind, 0)
		return reply{}
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		c.note(kind, 0)
		return reply{}
	}
	c.note(kind, response.StatusCode)
	if response.StatusCode >= 500 {
		wait, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		if response.StatusCode != 503 || wait < 1 || response.Header.Get("Content-Type") != "application/problem+json" {
			c.Errorf("%s %s answered %d %v %s", method, path, response.StatusCode, response.Header, answer)
		} else if c.calm {
			c.Errorf("without faults, %s %s answered %d %s", method, path, response.StatusCode, answer)
		}
	}
	return reply{status: response.StatusCode, header: response.Header, body: answer}
}

func (s *soak) tokenOf(as string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[as]
}

// send sends a request until it is answered, as the contract says: the same again, after
// as long as Retry-After has it.
func (c *regular) send(kind, as, method, path, body string, headers ...string) reply {
	c.Helper()
	return c.sendOn(reply{}, kind, as, method, path, body, headers...)
}

// sendOn goes on after an earlier reply.
func (c *regular) sendOn(r reply, kind, as, method, path, body string, headers ...string) reply {
	c.Helper()
	for try := 0; ; try++ {
		again := r.again
		r = c.once(context.Background(), kind, as, method, path, body, headers...)
		r.again = again
		switch r.status {
		case 429, 503:
			seconds, _ := strconv.Atoi(r.header.Get("Retry-After"))
			// Somewhat more, not to come with everybody else.
			time.Sleep(time.Duration(seconds)*time.Second + time.Duration(c.random.IntN(100))*time.Millisecond)
			r.again = r.again || r.status == 503
		case 0:
			r.again = true
			time.Sleep(50 * time.Millisecond)
		default:
			return r
		}
		if try == 30 {
			c.Errorf("%s %s was answered %d each of %d times", method, path, r.status, try)
			return r
		}
		if c.Failed() {
			return r
		}
	}
}

// must sends a request that can only go well.
func (c *regular) must(kind string, want int, as, method, path, body string, headers ...string) reply {
	c.Helper()
	r := c.send(kind, as, method, path, body, headers...)
	if r.status != want {
		c.wrong(r, method, path, body)
	}
	return r
}

func (c *regular) wrong(r reply, method, path, body string) {
	c.Helper()
	if !c.Failed() {
		c.Errorf("%s %s %.200s answered %d %s (again: %v)", method, path, body, r.status, r.body, r.again)
	}
}

// answered is an order as the café tells it.
type answered struct {
	ID, Note   string
	CustomerID string `json:"customer_id"`
	Status     model.Status
	Payment    string
	Version    int64
	Total      int64
	Lines      []struct {
		SKU       string
		Quantity  int64
		UnitPrice int64 `json:"unit_price"`
	}
}

func (a answered) brownies() (n int64) {
	for _, l := range a.Lines {
		if l.SKU == "brownie" {
			n += l.Quantity
		}
	}
	return n
}

// differs says how an order is not as it was answered last; "" if it is.
func (p *placed) differs(a answered) string {
	if a.Status != p.status || a.Version != p.version || a.Total != p.total || a.Note != p.note || a.brownies() != p.brownies || a.CustomerID != p.of.id {
		return fmt.Sprintf("order %s is %+v; it was %+v", p.id, a, *p)
	}
	return ""
}

// basket makes up an order.
func (c *regular) basket(g *guest, note string) (body string, scones bool) {
	lines := []string{fmt.Sprintf(`{"sku":"latte","quantity":%d,"options":["oat"]}`, 1+c.random.IntN(3))}
	if c.random.IntN(3) == 0 {
		lines = append(lines, fmt.Sprintf(`{"sku":"brownie","quantity":%d}`, 1+c.random.IntN(4)))
	}
	if c.random.IntN(8) == 0 {
		lines, scones = append(lines, `{"sku":"scone","quantity":1}`), true
	}
	if c.random.IntN(6) == 0 {
		lines = append(lines, fmt.Sprintf(`{"sku":"special-%d","quantity":1,"note":"for here"}`, c.n))
	}
	payment := "account"
	if c.random.IntN(4) == 0 {
		payment = "counter"
	}
	return fmt.Sprintf(`{"customer_id":%q,"payment":%q,"note":%q,"lines":[%s]}`, g.id, payment, note, strings.Join(lines, ",")), scones
}

// keep notes an order that was answered.
func (c *regular) keep(g *guest, a answered) *placed {
	c.Helper()
	p := &placed{of: g, id: a.ID, note: a.Note, status: a.Status, version: a.Version, total: a.Total, tab: a.Payment == "account", brownies: a.brownies(), took: true}
	if a.ID == "" || a.Status != model.StatusPlaced || a.Version != 1 || g.orders[a.ID] != nil {
		c.Errorf("a new order is %+v", a)
	}
	g.orders[a.ID] = p
	if c.orders = append(c.orders, p); len(c.orders) > 40 {
		c.orders = c.orders[1:]
	}
	return p
}

// charged expects the price of the moment: of this client's own item nobody else sets it.
func (c *regular) charged(a answered) {
	c.Helper()
	for _, l := range a.Lines {
		if l.SKU == fmt.Sprintf("special-%d", c.n) && l.UnitPrice != c.price {
			c.Errorf("order %s was charged %d for what costs %d", a.ID, l.UnitPrice, c.price)
		}
	}
}

// who orders: the guest, or staff for them.
func (c *regular) who(g *guest) string {
	if c.random.IntN(2) == 0 {
		return g.id
	}
	return "staff"
}

func (c *regular) place() {
	g, key := c.guest(), c.name("key")
	c.placeWithKey(g, key, c.who(g), reply{}, "")
}

// placeWithKey places an order with a key, or the one that was begun already.
func (c *regular) placeWithKey(g *guest, key, as string, r reply, body string) {
	scones := strings.Contains(body, "scone")
	if body == "" {
		body, scones = c.basket(g, "with "+key)
	}
	r = c.sendOn(r, "order", as, "POST", "/orders", body, "Idempotency-Key: "+key)
	if r.status == 409 && scones {
		return
	}
	if r.status != 201 {
		c.wrong(r, "POST", "/orders", body)
		return
	}
	var a answered
	r.into(c, &a)
	if r.header.Get("Idempotent-Replayed") == "true" && !r.again {
		c.Errorf("order %s is replayed to the first who asks", a.ID)
	}
	c.keep(g, a)
	c.charged(a)
	if c.random.IntN(10) == 0 {
		again := c.send("order", as, "POST", "/orders", body, "Idempotency-Key: "+key)
		var same answered
		again.into(c, &same)
		if again.status != 201 || same.ID != a.ID || again.header.Get("Idempotent-Replayed") != "true" {
			c.Errorf("key %s made %s, and then answers %d %s", key, a.ID, again.status, again.body)
		}
	}
}

// placeWithoutKey sends an order once. Unanswered it is there, or it is not.
func (c *regular) placeWithoutKey() {
	g, note := c.guest(), c.name("note")
	body, scones := c.basket(g, note)
	r := c.once(context.Background(), "order", c.who(g), "POST", "/orders", body)
	var a answered
	switch {
	case r.status == 201:
		r.into(c, &a)
		c.keep(g, a)
		c.charged(a)
	case r.status == 0 || r.status == 503:
		g.unsure[note] = nil
	case r.status == 429 || r.status == 409 && scones:
	default:
		c.wrong(r, "POST", "/orders", body)
	}
}

// placeAndHangUp does not wait for the answer, and asks again with the same key.
func (c *regular) placeAndHangUp() {
	g, key := c.guest(), c.name("key")
	as := c.who(g)
	body, _ := c.basket(g, "with "+key)
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c.random.IntN(15_000))*time.Microsecond)
	defer cancel()
	c.once(ctx, "order", as, "POST", "/orders", body, "Idempotency-Key: "+key)
	c.placeWithKey(g, key, as, reply{again: true}, body)
}

// pick takes one of the orders that pass.
func (c *regular) pick(pass func(*placed) bool) *placed {
	for range 8 {
		if len(c.orders) == 0 {
			break
		}
		if p := c.orders[c.random.IntN(len(c.orders))]; pass(p) {
			return p
		}
	}
	return nil
}

func (c *regular) read() {
	p := c.pick(func(*placed) bool { return true })
	if p == nil {
		return
	}
	path, tag := "/orders/"+p.id, fmt.Sprintf(`"%d"`, p.version)
	if c.random.IntN(3) == 0 {
		c.must("read", 304, p.of.id, "GET", path, "", "If-None-Match: "+tag)
		return
	}
	r := c.must("read", 200, c.who(p.of), "GET", path, "")
	var a answered
	r.into(c, &a)
	if d := p.differs(a); d != "" || r.header.Get("ETag") != tag {
		c.Errorf("%s; ETag %s", d, r.header.Get("ETag"))
	}
	if c.random.IntN(10) == 0 {
		other := c.customers[(slices.Index(c.customers, p.of)+1)%len(c.customers)]
		c.must("bad", 404, other.id, "GET", path, "")
	}
}

// list goes through a few pages of a guest's orders, or of the day's.
func (c *regular) list() {
	g := c.guest()
	query, as := "customer_id="+g.id, c.who(g)
	switch c.random.IntN(6) {
	case 0:
		query, as = "status=ready", "staff"
	case 1:
		query, as = "customer_id=walk-in", "staff"
	case 2:
		c.must("read", 200, as, "GET", "/customers/"+g.id+"/payments?limit=10", "")
		return
	}
	cursor, seen := "", map[string]bool{}
	for range 3 {
		r := c.must("read", 200, as, "GET", "/orders?limit="+strconv.Itoa(1+c.random.IntN(50))+"&"+query+cursor, "")
		var page ordersPage
		r.into(c, &page)
		for _, a := range page.Orders {
			if seen[a.ID] {
				c.Errorf("order %s is listed twice", a.ID)
			}
			seen[a.ID] = true
			if p := g.orders[a.ID]; p != nil {
				if d := p.differs(a); d != "" {
					c.Errorf("listed: %s", d)
				}
			}
		}
		if page.NextCursor == "" {
			return
		}
		cursor = "&cursor=" + page.NextCursor
	}
}

type ordersPage struct {
	Orders     []answered
	NextCursor string `json:"next_cursor"`
}

func (c *regular) look() {
	switch g := c.guest(); c.random.IntN(4) {
	case 0:
		c.must("read", 200, "staff", "GET", "/stock", "")
	case 1:
		c.must("read", 200, "", "GET", "/health", "")
	default:
		c.must("read", 200, c.who(g), "GET", "/customers/"+g.id, "")
	}
}

func (c *regular) menu() {
	var condition []string
	if c.etag != "" {
		condition = []string{"If-None-Match: " + c.etag}
	}
	r := c.send("read", "", "GET", "/menu", "", condition...)
	if r.status != 200 && r.status != 304 {
		c.wrong(r, "GET", "/menu", "")
	}
	c.etag = r.header.Get("ETag")
}

// changed takes over what a change answered. To send a change again that went through
// unseen is no other change.
func (c *regular) changed(p *placed, r reply, to model.Status) {
	c.Helper()
	var a answered
	r.into(c, &a)
	if a.ID != p.id || a.Status != to || a.Version != p.version+1 {
		c.Errorf("order %+v was changed to %+v", *p, a)
	}
	if p.status.PutsStockBack(to) {
		p.took = false
	}
	p.status, p.version, p.total, p.note, p.brownies = a.Status, a.Version, a.Total, a.Note, a.brownies()
}

func (c *regular) amend() {
	p := c.pick(func(p *placed) bool { return p.status == model.StatusPlaced })
	if p == nil {
		return
	}
	note, brownies := c.name("amended"), c.random.IntN(4)
	body := fmt.Sprintf(`{"note":%q}`, note)
	if brownies > 0 {
		body = fmt.Sprintf(`{"note":%q,"lines":[{"sku":"tea","quantity":%d},{"sku":"brownie","quantity":%d}]}`, note, 1+c.random.IntN(3), brownies)
	}
	path := "/orders/" + p.id
	r := c.send("change", c.who(p.of), "PATCH", path, body, fmt.Sprintf(`If-Match: "%d"`, p.version), "Content-Type: application/merge-patch+json")
	if r.status == 412 && r.again {
		// It is as it should be already, or somebody else changed it. Here nobody else does.
		r = c.must("read", 200, "staff", "GET", path, "")
		var a answered
		if r.into(c, &a); a.Note != note {
			c.Errorf("order %s is stale, and was not amended: %s", p.id, r.body)
		}
	}
	if r.status != 200 {
		c.wrong(r, "PATCH", path, body)
		return
	}
	c.changed(p, r, model.StatusPlaced)
	if p.note != note {
		c.Errorf("order %s was amended to %q, its note is %q", p.id, note, p.note)
	}
}

func (c *regular) move(p *placed, as string, to model.Status) {
	r := c.must("change", 200, as, "PUT", "/orders/"+p.id+"/status", fmt.Sprintf(`{"status":%q}`, to))
	if r.status == 200 {
		c.changed(p, r, to)
	}
}

func (c *regular) advance() {
	next := map[model.Status]model.Status{
		model.StatusPlaced: model.StatusPreparing, model.StatusPreparing: model.StatusReady, model.StatusReady: model.StatusCollected,
	}
	if p := c.pick(func(p *placed) bool { return next[p.status] != "" }); p != nil {
		c.move(p, "staff", next[p.status])
	}
}

// cancel cancels, or refunds what was collected.
func (c *regular) cancel() {
	p := c.pick(func(p *placed) bool { return p.status.Counts() })
	switch {
	case p == nil:
	case p.status == model.StatusCollected:
		c.move(p, "owner", model.StatusRefunded)
	case p.status == model.StatusPlaced:
		c.move(p, c.who(p.of), model.StatusCancelled)
	default:
		c.move(p, "staff", model.StatusCancelled)
	}
}

func (c *regular) remove() {
	p := c.pick(func(*placed) bool { return true })
	if p == nil {
		return
	}
	r := c.send("change", "staff", "DELETE", "/orders/"+p.id, "")
	if r.status != 204 && !(r.status == 404 && r.again) {
		c.wrong(r, "DELETE", "/orders/"+p.id, "")
		return
	}
	delete(p.of.orders, p.id)
	c.orders = slices.DeleteFunc(c.orders, func(o *placed) bool { return o == p })
	p.of.gone = append(p.of.gone, p.id)
}

// balance is what the guest owes.
func (g *guest) balance() (balance int64) {
	balance = g.filed
	for _, p := range g.orders {
		if p.tab && p.status.Counts() {
			balance += p.total
		}
	}
	for _, amount := range g.payments {
		balance -= amount
	}
	return balance
}

// pay brings a tab down, so that it can rise over its limit again.
func (c *regular) pay() {
	g := c.guest()
	amount := 1 + int64(c.random.IntN(1000))
	if owed := g.balance(); owed > amount && c.random.IntN(2) == 0 {
		amount = owed
	}
	path, body, key := "/customers/"+g.id+"/payments", fmt.Sprintf(`{"amount":%d,"note":"cash"}`, amount), c.name("paid")
	r := c.must("pay", 201, "staff", "POST", path, body, "Idempotency-Key: "+key)
	var paid struct {
		ID     string
		Amount int64
	}
	r.into(c, &paid)
	if _, known := g.payments[paid.ID]; known || paid.Amount != amount || paid.ID == "" {
		c.Errorf("a payment of %d is %+v, known: %v", amount, paid, known)
	}
	g.payments[paid.ID] = amount
	if c.random.IntN(5) == 0 {
		r := c.must("pay", 201, "staff", "POST", path, body, "Idempotency-Key: "+key)
		if r.header.Get("Idempotent-Replayed") != "true" || !strings.Contains(string(r.body), paid.ID) {
			c.Errorf("key %s made %s, and then answers %s", key, paid.ID, r.body)
		}
	}
}

func (c *regular) setCustomer(g *guest) {
	g.name = c.name("Guest")
	r := c.send("manage", "staff", "PUT", "/customers/"+g.id,
		fmt.Sprintf(`{"name":%q,"email":"%s@example.com","credit_limit":%d,"notify":%v}`, g.name, g.id, g.limit, c.random.IntN(8) == 0))
	if r.status != 200 && r.status != 201 {
		c.wrong(r, "PUT", "/customers/"+g.id, "")
	}
}

// setCustomerAnew moves the limit, which may be a crossing by itself.
func (c *regular) setCustomerAnew() {
	g := c.guest()
	if g.limit < 10_000 {
		g.limit = int64(500 + c.random.IntN(5000))
	}
	c.setCustomer(g)
}

// comeAndGo makes a customer whom the café then forgets.
func (c *regular) comeAndGo() {
	g := &guest{id: c.name("passing"), limit: 100}
	c.setCustomer(g)
	path := "/customers/" + g.id
	c.must("order", 201, "staff", "POST", "/orders", fmt.Sprintf(`{"customer_id":%q,"lines":[{"sku":"tea","quantity":1}]}`, g.id), "Idempotency-Key: "+c.name("key"))
	r := c.send("manage", "owner", "DELETE", path, "")
	if r.status != 204 && !(r.status == 404 && r.again) {
		c.wrong(r, "DELETE", path, "")
	}
	c.must("read", 404, "staff", "GET", path, "")
}

func (c *regular) setMenu() {
	path, price := fmt.Sprintf("/menu/special-%d", c.n), int64(100+c.random.IntN(900))
	body := fmt.Sprintf(`{"name":"Special %d","category":"kitchen","price":%d,"options":[],"counted":false,"active":true}`, c.n, price)
	if r := c.send("manage", "owner", "PUT", path, body); r.status != 200 && r.status != 201 {
		c.wrong(r, "PUT", path, body)
	}
	c.price = price
}

// setStock bakes scones, which are sold out now and then.
func (c *regular) setStock() {
	c.must("manage", 200, "staff", "PUT", "/stock/scone", fmt.Sprintf(`{"on_hand":%d}`, c.random.IntN(30)))
}

// file sends a small file of sales, or the last one again.
func (c *regular) file() {
	f := c.lastFile
	again := f != nil && c.random.IntN(3) == 0
	if !again {
		f = &file{source: c.name("till"), orders: 2 + c.random.IntN(6)}
		var b strings.Builder
		b.WriteString("order_id,ordered_at,item,quantity,amount,customer_id,payment\n")
		for i := range f.orders {
			fmt.Fprintf(&b, "%d,%s 10:%02d,Latte,1,3.50,%s,account\n", i+1, time.Now().AddDate(0, 0, -1-i).Format(time.DateOnly), i, c.imported.id)
		}
		b.WriteString("900,yesterday,Latte,1,3.50,,\n") // a bad row
		f.content, c.lastFile = b.String(), f
	}
	body := fmt.Sprintf(`{"kind":"orders","name":"till.csv","source":%q}`, f.source)
	var made struct {
		ID        string
		UploadURL string `json:"upload_url"`
	}
	c.must("import", 201, "staff", "POST", "/imports", body).into(c, &made)
	target, ok := strings.CutPrefix(made.UploadURL, c.url)
	if !ok {
		c.Errorf("files go to %q", made.UploadURL)
		return
	}
	if c.random.IntN(3) == 0 {
		c.utter("PUT "+target+" HTTP/1.1\r\nHost: cafe\r\nContent-Length: 5000\r\n\r\n"+f.content[:40], 0)
	}
	// A file whose answer was lost may be imported before it is sent again.
	if r := c.send("import", "", "PUT", target, f.content); r.status != 200 && !(r.again && r.status == 409) {
		c.wrong(r, "PUT", target, "")
	}
	var done struct {
		Status                             string
		Rows, Created, Unchanged, Rejected int
	}
	for deadline := time.Now().Add(2 * time.Minute); done.Status != "done" && done.Status != "failed"; time.Sleep(100 * time.Millisecond) {
		c.must("import", 200, "staff", "GET", "/imports/"+made.ID, "").into(c, &done)
		if c.Failed() || time.Now().After(deadline) {
			c.Errorf("import %s is %+v", made.ID, done)
			return
		}
	}
	created, unchanged := f.orders, 0
	if again {
		created, unchanged = 0, f.orders
	}
	if done.Status != "done" || done.Created != created || done.Unchanged != unchanged || done.Rejected != 1 {
		c.Errorf("import %s (the same again: %v) of %d orders is %+v", made.ID, again, f.orders, done)
	}
	c.imported.files += int64(created)
	c.imported.filed += int64(created) * 350
}

// report reads today's, or a day's before. What it costs grows with the day's orders, and
// with it the chance that a fault ends it: it is asked for once.
func (c *regular) report() {
	day := time.Now().UTC().Add(-12*time.Hour).AddDate(0, 0, -c.random.IntN(3)).Format(time.DateOnly)
	types := []string{"application/json", "text/plain", "text/html"}
	r := c.once(context.Background(), "report", "owner", "GET", "/reports/"+day, "", "Accept: "+types[c.random.IntN(3)])
	if r.status != 200 && r.status != 503 && r.status != 0 {
		c.wrong(r, "GET", "/reports/"+day, "")
	}
}

// refusals are requests that must be refused; GUEST is a guest, whose they are where nobody
// else is named.
var refusals = []struct {
	as, method, path, body string
	want                   int
}{
	{"", "GET", "/orders", "", 401},
	{"forged", "GET", "/orders", "", 401},
	{"GUEST", "GET", "/stock", "", 403},
	{"GUEST", "POST", "/orders", `{"lines":[]}`, 422},
	{"GUEST", "POST", "/orders", `{"lines":[{"sku":"nothing","quantity":1}]}`, 422},
	{"GUEST", "POST", "/orders", `{"lines":[{"sku":"latte","quantity":1,"quantity":2}]}`, 400},
	{"GUEST", "POST", "/orders", strings.Repeat("[", 10_000), 422},
	{"GUEST", "POST", "/orders", `{"note":"` + strings.Repeat("x", 300<<10) + `"}`, 413},
	{"GUEST", "GET", "/orders?cursor=nonsense", "", 400},
	{"staff", "GET", "/orders/none", "", 404},
	{"staff", "DELETE", "/menu/latte", "", 403},
	{"staff", "POST", "/customers/GUEST/payments", `{"amount":-1}`, 422},
	{"owner", "PUT", "/menu/latte/x", "", 404},
	{"owner", "PATCH", "/menu", "", 405},
}

// bad sends what must be refused.
func (c *regular) bad() {
	r, named := refusals[c.random.IntN(len(refusals))], strings.NewReplacer("GUEST", c.guest().id)
	if r.as == "forged" { // each time another
		c.must("bad", r.want, "", r.method, r.path, r.body, "Authorization: Bearer "+c.tokenOf("staff")+c.name("x"))
		return
	}
	c.must("bad", r.want, named.Replace(r.as), r.method, named.Replace(r.path), r.body)
}

// utter sends bytes on a connection of its own, waits, and is gone.
func (c *regular) utter(text string, pause time.Duration) {
	connection, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
	if err != nil {
		c.Errorf("no connection: %v", err)
		return
	}
	defer connection.Close()
	_, _ = io.WriteString(connection, text)
	time.Sleep(pause)
}

// cutOff is a client whose connection ends in the midst of an order.
func (c *regular) cutOff() {
	g := c.guest()
	body, _ := c.basket(g, c.name("never"))
	c.note("cut off", 0)
	c.utter(fmt.Sprintf("POST /orders HTTP/1.1\r\nHost: cafe\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s",
		c.tokenOf("staff"), len(body), body[:c.random.IntN(len(body))]), time.Duration(c.random.IntN(20))*time.Millisecond)
}

// idle is a client who says nothing, or not enough.
func (c *regular) idle() {
	c.note("idle", 0)
	c.utter([]string{"", "GET /menu HT", "GET /menu HTTP/1.1\r\nHost: cafe\r\n\r\n"}[c.random.IntN(3)], time.Duration(c.random.IntN(1000))*time.Millisecond)
}

// check compares all that this client was answered with what the café holds, and returns
// how many orders and payments that were.
func (c *regular) check() (n int) {
	c.Helper()
	for _, g := range c.customers {
		listed := map[string]bool{}
		for cursor := ""; ; {
			var page ordersPage
			c.must("check", 200, "staff", "GET", "/orders?limit=100&customer_id="+g.id+cursor, "").into(c, &page)
			for _, a := range page.Orders {
				p := g.orders[a.ID]
				if before, sent := g.unsure[a.Note]; p == nil && sent && before == nil {
					p = c.keep(g, a)
					g.unsure[a.Note] = p
				}
				switch {
				case listed[a.ID]:
					c.Errorf("order %s is listed twice", a.ID)
				case p == nil:
					c.Errorf("nobody placed order %s: %+v", a.ID, a)
				default:
					if d := p.differs(a); d != "" {
						c.Error(d)
					}
				}
				listed[a.ID] = true
			}
			if page.NextCursor == "" {
				break
			}
			cursor = "&cursor=" + page.NextCursor
		}
		for id, p := range g.orders {
			if !listed[id] {
				c.Errorf("order %s is lost: %+v", id, *p)
			}
		}
		for _, id := range g.gone[max(0, len(g.gone)-20):] {
			c.must("check", 404, "staff", "GET", "/orders/"+id, "")
		}
		paid := map[string]int64{}
		for cursor := ""; ; {
			var page struct {
				Payments []struct {
					ID     string
					Amount int64
				}
				NextCursor string `json:"next_cursor"`
			}
			c.must("check", 200, "staff", "GET", "/customers/"+g.id+"/payments?limit=100"+cursor, "").into(c, &page)
			for _, p := range page.Payments {
				paid[p.ID] = p.Amount
			}
			if page.NextCursor == "" {
				break
			}
			cursor = "&cursor=" + page.NextCursor
		}
		if !maps.Equal(paid, g.payments) {
			c.Errorf("%s: %d payments are kept, %d were made", g.id, len(paid), len(g.payments))
		}
		n += len(g.orders) + len(g.payments)
		c.checkTotals(g)
	}
	if c.imported.files > 0 {
		c.checkTotals(c.imported)
	}
	return n
}

// customer is a customer as the café tells it.
type customer struct {
	ID, Name               string
	Balance, Orders, Spent int64
	CreditLimit            *int64 `json:"credit_limit"`
	Alert                  struct {
		Armed     bool
		Crossings int
	}
}

func (c *regular) checkTotals(g *guest) {
	c.Helper()
	orders, spent := g.files, g.filed
	for _, p := range g.orders {
		if p.status == model.StatusRefunded { // sold all the same; the refund took the money back
			orders++
		} else if p.status.Counts() {
			orders, spent = orders+1, spent+p.total
		}
	}
	var got customer
	c.must("check", 200, "staff", "GET", "/customers/"+g.id, "").into(c, &got)
	if got.Balance != g.balance() || got.Orders != orders || got.Spent != spent {
		c.Errorf("%s has %+v; want balance %d, %d orders, spent %d", g.id, got, g.balance(), orders, spent)
	}
	if g.name != "" && (got.Name != g.name || got.CreditLimit == nil || *got.CreditLimit != g.limit) {
		c.Errorf("%s is %+v; want %q with limit %d", g.id, got, g.name, g.limit)
	}
}

// checkShelf counts the brownies.
func (s *soak) checkShelf(clients []*regular) {
	s.Helper()
	left := int64(shelf)
	for _, c := range clients {
		for _, g := range c.customers {
			for _, p := range g.orders {
				if p.took {
					left -= p.brownies
				}
			}
		}
	}
	if got := s.brownies(); got != left {
		s.Errorf("%d brownies are on the shelf; the orders leave %d", got, left)
	}
}

// checkAlerts expects an alert, and one id only, for each time that a tab rose over its limit.
func (s *soak) checkAlerts(clients []*regular) {
	s.Helper()
	f, err := os.Open(filepath.Join(s.data, "outbox", "sns.jsonl"))
	if err != nil {
		s.Fatal(err)
	}
	defer f.Close()
	alerts, lines := map[string]map[string]bool{}, 0 // ids by customer
	for decoder := json.NewDecoder(f); ; lines++ {
		var line struct {
			ID         string
			Topic      string
			Attributes struct {
				CustomerID string `json:"customer_id"`
			}
		}
		if err := decoder.Decode(&line); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			s.Fatalf("line %d: %v", lines+1, err)
		}
		if line.Topic == "HighBalanceAlert" {
			if alerts[line.Attributes.CustomerID] == nil {
				alerts[line.Attributes.CustomerID] = map[string]bool{}
			}
			alerts[line.Attributes.CustomerID][line.ID] = true
		}
	}
	crossings := 0
	for _, c := range clients {
		for _, g := range c.customers {
			var got customer
			c.must("check", 200, "staff", "GET", "/customers/"+g.id, "").into(c, &got)
			if got.Alert.Crossings != len(alerts[g.id]) || got.Alert.Armed != (got.Balance <= g.limit) {
				s.Errorf("%s, who owes %d of %d: %+v; alerts were published with %d ids", g.id, got.Balance, g.limit, got.Alert, len(alerts[g.id]))
			}
			crossings += got.Alert.Crossings
		}
	}
	if crossings == 0 {
		s.Error("no tab rose over its limit")
	}
	s.Logf("%d tabs rose over their limits; %d messages were published, repeated ones included", crossings, lines)
}
