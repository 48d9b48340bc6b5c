// Command steady keeps a café under a steady load and prints a Markdown table of how it
// copes: orders a second, how long each took from the moment it was due, how far the ledger
// is behind, and memory.
//
//	go build -o cafe ./cmd/cafe && go run ./tools/steady -cafe ./cafe -rate 2000 -time 60s
//
// It opens a café in a temporary folder and sends orders at even intervals, whether or not
// earlier ones were answered. So a café that cannot keep up shows longer times, not fewer
// orders. Every third order goes on the tab of one of a hundred customers; the others are
// walk-ins'. Each has a token and an Idempotency-Key.
//
// The ledger's lag is measured by a probe: the time from the answer to a customer's order
// until GET /customers/{id} counts it. The heap is what the Go runtime reports as left
// after a garbage collection (GODEBUG=gctrace=1).
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("steady: ")
	program := flag.String("cafe", "", "the cafe `program`")
	rate := flag.Int("rate", 2000, "orders a second")
	length := flag.Duration("time", time.Minute, "for how long")
	windows := flag.Int("windows", 6, "rows of the table")
	clients := flag.Int("clients", 64, "connections")
	flag.Parse()
	if *program == "" || *rate < 1 || *length <= 0 || *windows < 1 || *clients < 1 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*program, *rate, *length, *windows, *clients); err != nil {
		log.Fatal(err)
	}
}

func run(program string, rate int, length time.Duration, windows, clients int) (err error) {
	data, err := os.MkdirTemp("", "steady")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	c, err := open(program, data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	l := &load{
		cafe: c, rate: rate, length: length, windows: make([]window, windows),
		client: &http.Client{Transport: &http.Transport{MaxIdleConns: clients + 2, MaxIdleConnsPerHost: clients + 2}, Timeout: 30 * time.Second},
	}
	return l.run(clients)
}

// cafe is a running café.
type cafe struct {
	command *exec.Cmd
	url     string
	token   string
	heap    atomic.Int64 // MB in use after the last garbage collection
}

var (
	listening  = regexp.MustCompile(`^listening on (\S+)$`)
	collection = regexp.MustCompile(`^gc \d+ @.* \d+->\d+->(\d+) MB`)
	ordinary   = regexp.MustCompile(`level=INFO|^gc |->\d+ MB`) // other lines may split a line of the trace
)

func open(program, data string) (*cafe, error) {
	token, err := exec.Command(program, "token", "-role", "staff", "-data", data).Output()
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	c := &cafe{command: exec.Command(program, "serve", "-addr", "127.0.0.1:0", "-data", filepath.Clean(data)), token: strings.TrimSpace(string(token))}
	c.command.Env = append(os.Environ(), "CAFE_THROTTLE_RATE=1000000", "GODEBUG=gctrace=1")
	out, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	trace, err := c.command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	go c.watch(trace)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			c.url = m[1]
			go io.Copy(io.Discard, out)
			return c, nil
		}
	}
	return nil, errors.Join(errors.New("the café did not open"), c.close())
}

// watch notes the size of the heap, and passes on whatever else the café logs.
func (c *cafe) watch(trace io.Reader) {
	for lines := bufio.NewScanner(trace); lines.Scan(); {
		if m := collection.FindStringSubmatch(lines.Text()); m != nil {
			mb, _ := strconv.ParseInt(m[1], 10, 64)
			c.heap.Store(mb)
		} else if !ordinary.MatchString(lines.Text()) {
			fmt.Fprintln(os.Stderr, lines.Text())
		}
	}
}

func (c *cafe) close() error {
	_ = c.command.Process.Signal(syscall.SIGTERM)
	return c.command.Wait()
}

// memory returns how much of the machine's memory the process uses (RSS), in MB.
func (c *cafe) memory() int64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.command.Process.Pid))
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kb int64
	_, _ = fmt.Sscan(rest, &kb)
	return kb >> 10
}

// load is one run and what it has measured so far.
type load struct {
	cafe   *cafe
	client *http.Client
	rate   int
	length time.Duration
	start  time.Time

	mu      sync.Mutex
	windows []window
}

// window is the measurement of one part of the time.
type window struct {
	took         []time.Duration // the time of each order from when it was due
	failed       int
	lags         []time.Duration
	memory, heap int64 // MB at the end of the window
}

func (l *load) run(clients int) error {
	for range 3 { // first calls are slower and are not measured
		if err := l.place("warm", ""); err != nil {
			return err
		}
	}
	l.start = time.Now()
	fmt.Printf("%d orders a second for %v, %d connections; %d MB at the start.\n\n", l.rate, l.length, clients, l.cafe.memory())
	ctx, stop := context.WithCancel(context.Background())
	var load, watching sync.WaitGroup
	var next atomic.Int64
	for range clients {
		load.Go(func() { l.send(&next) })
	}
	watching.Go(func() { l.probe(ctx) })
	for i := range l.windows {
		time.Sleep(time.Until(l.start.Add(l.length * time.Duration(i+1) / time.Duration(len(l.windows)))))
		l.mu.Lock()
		l.windows[i].memory, l.windows[i].heap = l.cafe.memory(), l.cafe.heap.Load()
		l.mu.Unlock()
	}
	load.Wait()
	stop()
	watching.Wait()
	return l.report()
}

// send takes the next order that no other goroutine has taken, and sends it when it is due.
func (l *load) send(next *atomic.Int64) {
	for {
		n := next.Add(1) - 1
		due := time.Duration(n) * time.Second / time.Duration(l.rate)
		if due >= l.length {
			return
		}
		time.Sleep(time.Until(l.start.Add(due)))
		customer := ""
		if n%3 == 0 {
			customer = fmt.Sprintf("customer-%d", n/3%100)
		}
		err := l.place(fmt.Sprintf("order-%d", n), customer)
		took := time.Since(l.start) - due
		l.mu.Lock()
		w := l.at(due)
		if w.took = append(w.took, took); err != nil {
			if w.failed++; w.failed == 1 {
				log.Print(err)
			}
		}
		l.mu.Unlock()
	}
}

func (l *load) at(since time.Duration) *window {
	return &l.windows[min(int(since*time.Duration(len(l.windows))/l.length), len(l.windows)-1)]
}

// probe places orders of one customer, one after the other, and waits for the ledger.
func (l *load) probe(ctx context.Context) {
	for n := 1; ctx.Err() == nil; n++ {
		since := time.Since(l.start)
		if err := l.place(fmt.Sprintf("probe-%d", n), "probe"); err != nil {
			log.Print("probe: ", err)
			return
		}
		placed := time.Now()
		for orders := 0; orders < n; {
			var err error
			if orders, err = l.orders(); err != nil {
				log.Print("probe: ", err)
				return
			}
			time.Sleep(2 * time.Millisecond)
		}
		l.mu.Lock()
		w := l.at(min(since, l.length))
		w.lags = append(w.lags, time.Since(placed))
		l.mu.Unlock()
		time.Sleep(50 * time.Millisecond)
	}
}

// place places an order. Without a customer it is a walk-in's.
func (l *load) place(key, customer string) error {
	order := map[string]any{"lines": []map[string]any{
		{"sku": "latte", "quantity": 2, "options": []string{"oat"}}, {"sku": "tea", "quantity": 1}, {"sku": "toast", "quantity": 1},
	}}
	if customer != "" {
		order["customer_id"] = customer
	}
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	return l.ask("POST", "/orders", body, key, http.StatusCreated, nil)
}

// orders returns how many of the probe's orders the ledger counts.
func (l *load) orders() (int, error) {
	var customer struct{ Orders int }
	err := l.ask("GET", "/customers/probe", nil, "", http.StatusOK, &customer)
	return customer.Orders, err
}

func (l *load) ask(method, path string, body []byte, key string, want int, into any) error {
	r, err := http.NewRequest(method, l.cafe.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+l.cafe.token)
	if method == "POST" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := l.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode == http.StatusNotFound && into != nil {
		return nil // the ledger does not know the customer yet
	}
	if answer.StatusCode != want {
		return fmt.Errorf("%s %s answered %d %s", method, path, answer.StatusCode, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

func (l *load) report() error {
	fmt.Println("| seconds | orders/s | p50 ms | p99 ms | max ms | failed | ledger's lag p50 ms | max ms | memory MB | live heap MB |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
	each := l.length / time.Duration(len(l.windows))
	failed := 0
	for i, w := range l.windows {
		failed += w.failed
		slices.Sort(w.took)
		slices.Sort(w.lags)
		fmt.Printf("| %.0f–%.0f | %.0f | %s | %s | %s | %d | %s | %s | %d | %d |\n",
			(each * time.Duration(i)).Seconds(), (each * time.Duration(i+1)).Seconds(), float64(len(w.took)-w.failed)/each.Seconds(),
			at(w.took, 0.5), at(w.took, 0.99), at(w.took, 1), w.failed, at(w.lags, 0.5), at(w.lags, 1), w.memory, w.heap)
	}
	if late := time.Since(l.start) - l.length; late > time.Second {
		fmt.Printf("\nThe last answer came %v after its time.\n", late.Round(time.Millisecond))
	}
	if failed > 0 {
		return fmt.Errorf("%d orders failed", failed)
	}
	return nil
}

// at returns a quantile of sorted durations, in milliseconds; part 0.5 is the median.
func at(sorted []time.Duration, part float64) string {
	if len(sorted) == 0 {
		return "–"
	}
	d := sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64)
}
