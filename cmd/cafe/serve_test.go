package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cafe/model"
)

// The tests run the command as a process of its own: this very test binary, told by the
// environment to be the command.
func TestMain(m *testing.M) {
	switch os.Getenv("CAFE_TEST_RUN_MAIN") {
	case "":
	case "soak":
		if err := soakCafe(os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	default:
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func run(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append([]string{"CAFE_THROTTLE_RATE=1000000"}, append(os.Environ(), "CAFE_TEST_RUN_MAIN=1")...)
	return cmd
}

// shop is a running `cafe serve`.
type shop struct {
	*testing.T
	cmd     *exec.Cmd
	url     string
	data    string
	stderr  *written
	printed *bytes.Buffer // on standard output, until it takes requests
	tokens  map[string]string
	client  *http.Client
}

// written is what a program has written so far.
type written struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (w *written) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.Write(b)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}

// openShop starts a café on a folder and waits until it takes requests. The test ends it.
func openShop(t *testing.T, data string, args ...string) *shop {
	t.Helper()
	return openShopBy(t, data, func(*exec.Cmd) {}, args...)
}

// openShopBy is openShop for a command that is changed before it starts.
func openShopBy(t *testing.T, data string, change func(*exec.Cmd), args ...string) *shop {
	t.Helper()
	s := &shop{T: t, cmd: run(t, append([]string{"serve", "-addr", "127.0.0.1:0", "-data", data}, args...)...), data: data, stderr: &written{}, printed: &bytes.Buffer{},
		tokens: map[string]string{}, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	change(s.cmd)
	s.cmd.Stderr = s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		s.cmd.Process.Kill()
		s.cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Fprintln(s.printed, lines.Text())
		if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			s.url = url
			go io.Copy(io.Discard, out)
			return s
		}
	}
	s.cmd.Wait()
	t.Fatalf("the café did not open: %s", s.stderr)
	return nil
}

// token asks the command for one, once a role.
func (s *shop) token(role string) string {
	s.Helper()
	if s.tokens[role] == "" {
		out, err := run(s.T, "token", "-role", role, "-data", s.data).Output()
		if err != nil {
			s.Fatalf("token: %v", err)
		}
		s.tokens[role] = strings.TrimSpace(string(out))
	}
	return s.tokens[role]
}

// call sends a request and decodes the answer into v. It returns the status.
func (s *shop) call(role, method, path string, body, v any, headers ...string) int {
	s.Helper()
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			s.Fatal(err)
		}
		content = bytes.NewReader(b)
	}
	r, err := http.NewRequest(method, s.url+path, content)
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.token(role))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	response, err := s.client.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatal(err)
	}
	if v != nil {
		if err := json.Unmarshal(answer, v); err != nil {
			s.Fatalf("%s %s answered %d %s", method, path, response.StatusCode, answer)
		}
	}
	return response.StatusCode
}

func (s *shop) close() error {
	s.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.Fatal(err)
	}
	return s.cmd.Wait()
}

const oneTea = `{"lines":[{"sku":"tea","quantity":1}]}`

func TestANewcomersFirstMinutes(t *testing.T) {
	s := openShop(t, t.TempDir())
	var order struct {
		ID    string
		Total int64
	}
	if status := s.call("customer", "POST", "/orders", json.RawMessage(`{"lines":[{"sku":"latte","quantity":2,"options":["oat"]}]}`), &order); status != 201 || order.Total != 780 {
		t.Fatalf("%d %+v", status, order)
	}
	var menu struct{ Items []struct{ SKU string } }
	if s.call("customer", "GET", "/menu", nil, &menu); len(menu.Items) < 10 {
		t.Errorf("the sample menu has %d items", len(menu.Items))
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		var c struct{ Balance, Orders int64 }
		if s.call("staff", "GET", "/customers/alice", nil, &c); c.Balance == 780 && c.Orders == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the tab did not follow the order")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := s.close(); err != nil {
		t.Errorf("SIGTERM: %v: %s", err, s.stderr)
	}

	again := openShop(t, s.data)
	if status := again.call("customer", "GET", "/orders/"+order.ID, nil, nil); status != 200 {
		t.Errorf("after a restart the order answers %d", status)
	}
}

// The sample café's document is the one that docs/pricing.md explains for the United Kingdom.
func TestTheSampleCafeHasTheVATOfTheUnitedKingdom(t *testing.T) {
	s := openShop(t, t.TempDir())
	documented, err := os.ReadFile("../../model/pricing/testdata/uk.json")
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := json.Unmarshal(documented, &want); err != nil {
		t.Fatal(err)
	}
	if status := s.call("customer", "GET", "/pricing", nil, &got); status != 200 || !reflect.DeepEqual(got, want) {
		t.Errorf("%d %v", status, got)
	}
	var menu struct {
		Items []struct{ SKU, Category string }
	}
	s.call("customer", "GET", "/menu", nil, &menu)
	// Cold food to take away is zero-rated. Hot food, drinks and what is eaten in are not.
	cold := map[string]bool{"sandwich": true, "brownie": true, "carrot-cake": true, "croissant": true, "scone": true}
	for _, item := range menu.Items {
		for _, dining := range []string{"takeaway", "eat_in"} {
			var quote struct {
				Total int64
				Taxes []struct {
					Rate   string
					Amount int64
				}
			}
			body := json.RawMessage(`{"dining":"` + dining + `","lines":[{"sku":"` + item.SKU + `","quantity":1}]}`)
			if status := s.call("customer", "POST", "/orders/quote", body, &quote); status != 200 || len(quote.Taxes) != 1 {
				t.Fatalf("%s: %d %+v", item.SKU, status, quote)
			}
			rate, amount := "20", (quote.Total+3)/6 // contained in the price
			if cold[item.SKU] && dining == "takeaway" {
				rate, amount = "0", 0
			}
			if quote.Taxes[0].Rate != rate || quote.Taxes[0].Amount != amount {
				t.Errorf("%s, %s: %+v, want %s %% and %d", item.SKU, dining, quote, rate, amount)
			}
		}
	}
}

func TestAnEmptyCafeHasNoSampleMenu(t *testing.T) {
	s := openShop(t, t.TempDir(), "-empty")
	var menu struct{ Items []struct{ SKU string } }
	if s.call("staff", "GET", "/menu", nil, &menu); len(menu.Items) != 0 {
		t.Errorf("%+v", menu)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	again := openShop(t, s.data)
	if again.call("staff", "GET", "/menu", nil, &menu); len(menu.Items) != 0 {
		t.Errorf("after a restart without -empty: %+v", menu)
	}
}

func TestASecondProcessOnTheSameDataIsToldSo(t *testing.T) {
	s := openShop(t, t.TempDir())
	second := run(t, "serve", "-addr", "127.0.0.1:0", "-data", s.data)
	out, err := second.CombinedOutput()
	var status *exec.ExitError
	if !errors.As(err, &status) || status.ExitCode() != 1 || !strings.Contains(string(out), "in use by another process") {
		t.Errorf("%v: %s", err, out)
	}
}

// Case 60 of the reliability list.
func TestSIGTERMMidRequestIsAnsweredThenExit0(t *testing.T) {
	s := openShop(t, t.TempDir())
	body, feed := io.Pipe()
	r, err := http.NewRequest("POST", s.url+"/orders", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token("customer"))
	answered := make(chan int, 1)
	go func() {
		response, err := s.client.Do(r)
		if err != nil {
			t.Error(err)
			answered <- 0
			return
		}
		response.Body.Close()
		answered <- response.StatusCode
	}()
	if _, err := io.WriteString(feed, oneTea[:10]); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // the request is with the handler by now
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for { // no longer listening
		if _, err := http.Get(s.url + "/health"); err != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := io.WriteString(feed, oneTea[10:]); err != nil {
		t.Fatal(err)
	}
	feed.Close()
	if status := <-answered; status != 201 {
		t.Errorf("the request under way was answered %d", status)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("exit: %v: %s", err, s.stderr)
	}
}

func TestBadCallsOfTheCommand(t *testing.T) {
	data := t.TempDir()
	for name, c := range map[string]struct {
		args   []string
		status int
	}{
		"unknown command":       {[]string{"serv"}, 2},
		"stray argument":        {[]string{"serve", "now"}, 2},
		"unknown flag":          {[]string{"serve", "-port", "1"}, 2},
		"unknown flag of token": {[]string{"token", "-rule", "staff"}, 2},
		"no role":               {[]string{"token", "-data", data}, 2},
		"unknown role":          {[]string{"token", "-role", "chef", "-data", data}, 2},
		"no duration":           {[]string{"token", "-role", "staff", "-ttl", "long", "-data", data}, 2},
		"no file":               {[]string{"import", "-data", data}, 2},
		"unknown format":        {[]string{"report", "-format", "gold", "-data", data}, 2},
		"no day":                {[]string{"report", "-day", "someday", "-data", data}, 2},
		"bad subject":           {[]string{"token", "-role", "staff", "-sub", "a b", "-data", data}, 1},
		"bad address":           {[]string{"serve", "-addr", "nowhere", "-data", data}, 1},
		"no café at url":        {[]string{"reconcile", "-url", "http://127.0.0.1:1", "-data", data}, 1},
		"data is no place":      {[]string{"serve", "-addr", "127.0.0.1:0", "-data", os.Args[0]}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := run(t, c.args...)
			var said bytes.Buffer
			cmd.Stderr = &said
			out, err := cmd.Output()
			var status *exec.ExitError
			if !errors.As(err, &status) || status.ExitCode() != c.status {
				t.Errorf("%v, want status %d: %s", err, c.status, &said)
			}
			if len(out) > 0 {
				t.Errorf("standard output has %q", out)
			}
			if n := strings.Count(said.String(), "cafe: "); n != 1 || strings.Count(said.String(), "\n") != 1 {
				t.Errorf("said %q", &said)
			}
		})
	}
	for variable, value := range map[string]string{"CAFE_TIME_ZONE": "Atlantis", "CAFE_OWNER_EMAIL": "nobody"} {
		cmd := run(t, "serve", "-addr", "127.0.0.1:0", "-data", data)
		cmd.Env = append(cmd.Env, variable+"="+value)
		if out, err := cmd.CombinedOutput(); err == nil || !bytes.Contains(out, []byte(variable)) {
			t.Errorf("%v: %s", err, out)
		}
	}
}

func TestReconcileFailsWhereItemsCannotBeRead(t *testing.T) {
	stub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"customers":3,"drifted":[{"customer_id":"alice","field":"balance","stored":1,"actual":2}],"repaired":1,"unreadable":2}`)
	}))
	defer stub.Close()
	out, err := run(t, "reconcile", "-url", stub.URL, "-token", "x").CombinedOutput()
	var status *exec.ExitError
	if !errors.As(err, &status) || status.ExitCode() != 1 || !bytes.HasPrefix(out, []byte("alice\tbalance\tstored 1\tactual 2\n3 customers, 1 drifted totals, 1 repaired\ncafe: stored items that cannot be read: 2;")) {
		t.Errorf("%v: %s", err, out)
	}
}

// What the store keeps of a large café is up to the collector to bound: a test sees that
// there is a bound, docs/performance.md what it does. What the environment says is left be.
func TestServeBoundsGosMemoryUnlessToldOtherwise(t *testing.T) {
	for _, env := range []struct {
		limit, growth string
		want          [2]int64 // bytes, percent
	}{
		{"", "", [2]int64{384 << 20, 400}},
		{"1GiB", "100", [2]int64{debug.SetMemoryLimit(-1), percent()}},
	} {
		t.Setenv("GOMEMLIMIT", env.limit)
		t.Setenv("GOGC", env.growth)
		before := [2]int64{debug.SetMemoryLimit(-1), percent()}
		ctx, leave := context.WithCancel(t.Context())
		out, in := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			err := serve(ctx, in, opening{addr: "127.0.0.1:0", data: t.TempDir(), empty: true})
			in.Close()
			ended <- err
		}()
		during := [2]int64{}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "listening on ") {
				during = [2]int64{debug.SetMemoryLimit(-1), percent()}
				leave()
			}
		}
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		leave()
		if during != env.want {
			t.Errorf("GOMEMLIMIT=%s GOGC=%s: %d bytes and %d %%, want %d", env.limit, env.growth, during[0], during[1], env.want)
		}
		if after := [2]int64{debug.SetMemoryLimit(-1), percent()}; after != before {
			t.Errorf("%d bytes and %d %% are left behind, before were %d", after[0], after[1], before)
		}
	}
}

// percent is GOGC as it is now.
func percent() int64 {
	now := debug.SetGCPercent(100)
	debug.SetGCPercent(now)
	return int64(now)
}

func TestOverTheLimitIs429WithRetryAfter(t *testing.T) {
	t.Setenv("CAFE_THROTTLE_RATE", "0.01")
	t.Setenv("CAFE_THROTTLE_BURST", "3")
	s := openShop(t, t.TempDir())
	for i := range 5 {
		r, err := http.NewRequest("GET", s.url+"/orders", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.token("staff"))
		response, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if want := map[bool]int{true: 200, false: 429}[i < 3]; response.StatusCode != want {
			t.Errorf("request %d answered %d, want %d", i, response.StatusCode, want)
		}
		if response.StatusCode == 429 && (response.Header.Get("Retry-After") != "100" || response.Header.Get("Content-Type") != "application/problem+json") {
			t.Errorf("429 with %v", response.Header)
		}
	}
}

// The first 1,000 transactions of a real till, placed as orders and read back by day:
// exactly those baskets.
func TestTheRealTillsBasketsAreReadBack(t *testing.T) {
	baskets := tillBaskets(t, 1000)
	s := openShop(t, t.TempDir())
	skus := s.loadMenu()
	type placed struct{ ID string }
	ids := make([]string, len(baskets))
	s.token("staff")
	var workers sync.WaitGroup
	next := make(chan int)
	for range 16 {
		workers.Go(func() {
			for i := range next {
				type line struct {
					SKU      string `json:"sku"`
					Quantity int    `json:"quantity"`
				}
				var lines []line
				for _, item := range baskets[i] {
					lines = append(lines, line{skus[item], 1})
				}
				var p placed
				if status := s.call("staff", "POST", "/orders", map[string]any{"lines": lines}, &p, fmt.Sprintf("Idempotency-Key: till-%d", i)); status != 201 {
					t.Errorf("basket %d %v: answered %d", i, baskets[i], status)
				}
				ids[i] = p.ID
			}
		})
	}
	for i := range baskets {
		next <- i
	}
	close(next)
	workers.Wait()
	if t.Failed() {
		t.FailNow()
	}

	var first struct {
		BusinessDay string `json:"business_day"`
	}
	s.call("staff", "GET", "/orders/"+ids[0], nil, &first)
	var last struct {
		BusinessDay string `json:"business_day"`
	}
	s.call("staff", "GET", "/orders/"+ids[len(ids)-1], nil, &last)
	got := map[string][]string{}
	for _, day := range slices.Compact([]string{first.BusinessDay, last.BusinessDay}) {
		for cursor := ""; ; {
			var page struct {
				Orders []struct {
					ID    string
					Total int64
					Lines []struct {
						Name     string
						Quantity int
						Total    int64
					}
				}
				NextCursor string `json:"next_cursor"`
			}
			if status := s.call("staff", "GET", "/orders?limit=100&day="+day+cursor, nil, &page); status != 200 {
				t.Fatalf("list answered %d", status)
			}
			for _, o := range page.Orders {
				sum := int64(0)
				for _, l := range o.Lines {
					sum += l.Total
					got[o.ID] = append(got[o.ID], slices.Repeat([]string{l.Name}, l.Quantity)...)
				}
				if sum != o.Total {
					t.Errorf("order %s: lines add up to %d, total %d", o.ID, sum, o.Total)
				}
			}
			if page.NextCursor == "" {
				break
			}
			cursor = "&cursor=" + page.NextCursor
		}
	}
	if len(got) != len(baskets) {
		t.Errorf("%d orders are listed, %d were placed", len(got), len(baskets))
	}
	for i, basket := range baskets {
		if !slices.Equal(got[ids[i]], basket) {
			t.Errorf("basket %d: listed %v, placed %v", i, got[ids[i]], basket)
		}
	}
}

const realData = "../../../shared/data"

// tillBaskets reads the first n transactions that have a sale, in the file's order.
func tillBaskets(t *testing.T, n int) (baskets [][]string) {
	rows := readCSV(t, "BreadBasket_DMS.csv")
	index := map[string]int{}
	for _, row := range rows {
		if item := row[3]; item != "NONE" && item != "Adjustment" {
			at, seen := index[row[2]]
			if !seen {
				if len(baskets) == n {
					continue
				}
				at = len(baskets)
				index[row[2]] = at
				baskets = append(baskets, nil)
			}
			baskets[at] = append(baskets[at], item)
		}
	}
	return baskets
}

func readCSV(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(realData, name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("SKIPPED: the real till's data is not at %s beside the checkout", realData)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// loadMenu puts the real menu up, with plenty on the shelf, and returns SKUs by name.
func (s *shop) loadMenu() map[string]string {
	s.Helper()
	skus := map[string]string{}
	for _, row := range readCSV(s.T, "menu.csv") {
		price, err := model.ParseMajor(row[3], "GBP")
		if err != nil {
			s.Fatal(err)
		}
		counted := row[4] == "true"
		skus[row[1]] = row[0]
		item := map[string]any{"name": row[1], "category": row[2], "price": price, "counted": counted}
		if status := s.call("staff", "PUT", "/menu/"+row[0], item, nil); status != 201 && status != 200 {
			s.Fatalf("item %s answered %d", row[0], status)
		}
		if counted {
			if status := s.call("staff", "PUT", "/stock/"+row[0], map[string]any{"on_hand": 100000}, nil); status != 200 {
				s.Fatalf("stock of %s answered %d", row[0], status)
			}
		}
	}
	return skus
}
