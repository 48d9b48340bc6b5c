//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain turns the test binary into a bootstrap when lambdabench starts it.
func TestMain(m *testing.M) {
	if api := os.Getenv("AWS_LAMBDA_RUNTIME_API"); api != "" {
		bootstrap("http://" + api + "/2018-06-01/runtime/")
		return
	}
	os.Exit(m.Run())
}

// bootstrap answers with $STATUS, or fails in the way $FAIL names.
func bootstrap(base string) {
	switch os.Getenv("FAIL") {
	case "exit":
		fmt.Fprint(os.Stderr, "no table configured")
		os.Exit(3)
	case "init":
		http.Post(base+"init/error", "application/json", strings.NewReader(`{"errorMessage":"bad init"}`))
		return
	}
	for {
		resp, err := http.Get(base + "invocation/next")
		if err != nil {
			return
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		id := resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
		body := fmt.Sprintf(`{"statusCode":%s,"body":"{}"}`, os.Getenv("STATUS"))
		resp, err = http.Post(base+"invocation/"+id+"/response", "application/json", strings.NewReader(body))
		if err != nil {
			return
		}
		resp.Body.Close()
	}
}

func testConfig() *config {
	return &config{memory: 128, timeout: 20 * time.Second, cold: 3, n: 40, rounds: 2, warmup: 5}
}

func TestMeasure(t *testing.T) {
	event := filepath.Join(t.TempDir(), "e.json")
	if err := os.WriteFile(event, []byte(`{"path":"/"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var targets []*target
	for _, label := range []string{"a", "b"} {
		tg, err := parseTarget(label+":"+os.Args[0]+";STATUS=200;@event="+event, nil, 200)
		if err != nil {
			t.Fatal(err)
		}
		targets = append(targets, tg)
	}
	cfg := testConfig()
	r, err := measure(cfg, targets)
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range r.Targets {
		if res.Size.File == 0 || res.Size.Stripped > res.Size.File || res.Size.Zip >= res.Size.File {
			t.Errorf("%s: size %+v", res.Label, res.Size)
		}
		c := res.Cold
		if c.Init.Min <= 0 || c.Total.Min <= c.Init.Min || c.CPU.Min <= 0 || c.RSS.Min <= 0 {
			t.Errorf("%s: cold %+v", res.Label, c)
		}
		if w := res.Warm; len(res.warm.all) != 40 || w.P50 <= 0 || w.P50 > w.P99 || w.CPU.Min <= 0 {
			t.Errorf("%s: warm %+v of %d", res.Label, w, len(res.warm.all))
		}
	}
	if q := r.Targets[1].Ratio["cold"]; q.Min <= 0 || r.Targets[0].Ratio != nil {
		t.Errorf("ratio %+v", q)
	}
	if err := r.addInitTrace(cfg, targets, 3); err != nil {
		t.Fatal(err)
	}
	if r.Targets[0].Traced.Packages == 0 || len(r.Targets[0].Inits) != 3 {
		t.Errorf("init trace %+v", r.Targets[0].Traced)
	}
	var out bytes.Buffer
	if err := r.print(&out); err != nil || !strings.Contains(out.String(), "RATIO to a") {
		t.Errorf("print: %v\n%s", err, out.String())
	}
}

func TestFailuresAreNotTimed(t *testing.T) {
	for _, c := range []struct{ env, want string }{
		{"STATUS=500", "statusCode 500, want 200"},
		{"FAIL=exit", "no table configured"},
		{"FAIL=init", "bad init"},
	} {
		tg, err := parseTarget("x:"+os.Args[0]+";"+c.env, nil, 200)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := measure(testConfig(), []*target{tg}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.env, err, c.want)
		}
	}
}

func TestQuantile(t *testing.T) {
	xs := []float64{5, 1, 4, 2, 3}
	for _, c := range []struct{ q, want float64 }{{0, 1}, {0.5, 3}, {0.99, 5}, {1, 5}} {
		if got := quantile(xs, c.q); got != c.want {
			t.Errorf("quantile(%v) = %v, want %v", c.q, got, c.want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("quantile of nothing = %v", got)
	}
}
