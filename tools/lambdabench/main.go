//go:build linux

// Command lambdabench measures AWS Lambda custom-runtime binaries ("bootstrap")
// on this machine. It plays the Lambda Runtime API on 127.0.0.1, starts the
// binary the way Lambda would, feeds it event JSON and reports
//
//   - file size, size without symbols and debug info, size zipped;
//   - cold: init (exec -> first /next), total (exec -> first response), CPU, page
//     faults, peak RSS;
//   - warm: p50/p90/p99 per invocation, CPU per invocation, peak RSS.
//
// With -vs it runs several binaries alternately in the same run and prints the
// ratio of each to the first. It uses the standard library only, and runs on Linux only.
//
//	go run ./tools/lambdabench -bin ./bootstrap -event get.json
//	go run ./tools/lambdabench -bin floor:./a/bootstrap -vs gin:./b/bootstrap -event get.json -cold 31
//
// A TARGET is [LABEL:]PATH[;K=V...]. The K=V are added to the environment of that target
// alone; @event=FILE and @expect=STATUS replace -event and -expect for it.
//
// "Cold" is a new process with the binary in the page cache (see -evict), not a new
// micro-VM. What AWS adds around the process (finding a place for it, fetching the code)
// is left out; no local run can show it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// list is a repeatable string flag.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// config is what every process start of a run has in common.
type config struct {
	env       []string
	memory    int // AWS_LAMBDA_FUNCTION_MEMORY_SIZE
	cpu       float64
	pin       bool
	evict     bool
	timeout   time.Duration
	n, rounds int
	warmup    int
	cold      int
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("lambdabench: ")
	var (
		cfg              config
		bin              = flag.String("bin", "", "`TARGET` to measure")
		vs, events, envs list
		asJSON           = flag.Bool("json", false, "print the report as JSON")
		expect           = flag.Int("expect", 200, "`STATUS` every response must carry as statusCode; 0 accepts anything")
		trace            = flag.Int("inittrace", 0, "also list the `N` slowest package initialisations of each Go target")
	)
	flag.Var(&vs, "vs", "`TARGET` to compare with -bin, alternately (repeatable)")
	flag.Var(&events, "event", "event JSON `FILE`; several are sent in turn (repeatable)")
	flag.Var(&envs, "env", "`K=V` for the function's environment (repeatable)")
	flag.IntVar(&cfg.cold, "cold", 15, "cold starts per target")
	flag.IntVar(&cfg.n, "n", 5000, "warm invocations per target, all rounds together")
	flag.IntVar(&cfg.rounds, "rounds", 5, "fresh processes the warm invocations are spread over")
	flag.IntVar(&cfg.warmup, "warmup", 500, "unmeasured invocations at the start of each round")
	flag.IntVar(&cfg.memory, "memory", 512, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE to announce, in `MB`")
	flag.Float64Var(&cfg.cpu, "cpu", 0, "limit the function to this many `CPUs` (cgroup v1, root); Lambda gives MB/1769")
	flag.BoolVar(&cfg.pin, "pin", false, "give the function the last CPU and keep off it: far steadier; Go there sees one CPU")
	flag.BoolVar(&cfg.evict, "evict", false, "drop the binary from the page cache before every cold start")
	flag.DurationVar(&cfg.timeout, "timeout", 30*time.Second, "limit for one start or one warm round")
	flag.Parse()
	if *bin == "" || flag.NArg() != 0 {
		flag.Usage()
		os.Exit(2)
	}
	cfg.env = envs
	if cfg.pin {
		if err := leaveLastCPU(); err != nil {
			log.Fatal(err)
		}
	}
	debug.SetGCPercent(1000) // keep our own collector out of the way

	var targets []*target
	for _, spec := range append(list{*bin}, vs...) {
		t, err := parseTarget(spec, events, *expect)
		if err != nil {
			log.Fatal(err)
		}
		targets = append(targets, t)
	}
	report, err := measure(&cfg, targets)
	if err == nil && *trace > 0 {
		err = report.addInitTrace(&cfg, targets, *trace)
	}
	if err != nil {
		log.Fatal(err)
	}
	if *asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(report)
	} else {
		err = report.print(os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// target is one binary under test, with its own events and environment.
type target struct {
	label, path string
	env         []string
	events      [][]byte
	next        int // event to send next
	expect      int
}

func parseTarget(spec string, events []string, expect int) (*target, error) {
	parts := strings.Split(spec, ";")
	t := &target{label: parts[0], path: parts[0], expect: expect}
	if label, path, ok := strings.Cut(parts[0], ":"); ok {
		t.label, t.path = label, path
	}
	var own []string
	for _, kv := range parts[1:] {
		if file, ok := strings.CutPrefix(kv, "@event="); ok {
			own = append(own, file)
		} else if status, ok := strings.CutPrefix(kv, "@expect="); ok {
			n, err := strconv.Atoi(status)
			if err != nil {
				return nil, fmt.Errorf("target %q: %w", spec, err)
			}
			t.expect = n
		} else if strings.Contains(kv, "=") {
			t.env = append(t.env, kv)
		} else {
			return nil, fmt.Errorf("target %q: %q is not K=V", spec, kv)
		}
	}
	if own != nil {
		events = own
	}
	for _, file := range events {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if !json.Valid(data) {
			return nil, fmt.Errorf("%s: not JSON", file)
		}
		t.events = append(t.events, data)
	}
	if t.events == nil {
		t.events = [][]byte{[]byte("{}")}
	}
	return t, nil
}

// event returns the events in turn.
func (t *target) event() []byte {
	e := t.events[t.next%len(t.events)]
	t.next++
	return e
}

// measure runs the cold starts and then the warm rounds. Every repetition runs
// every target once, and the order turns by one place each time, so that a
// change in the machine's pace affects all of them alike.
func measure(cfg *config, targets []*target) (*report, error) {
	r := &report{Targets: make([]*result, len(targets))}
	for i, t := range targets {
		size, err := measureSize(t.path)
		if err != nil {
			return nil, err
		}
		r.Targets[i] = &result{Label: t.label, Path: t.path, Size: size}
	}
	for rep := range cfg.cold {
		for k := range targets {
			i := (rep + k) % len(targets)
			if err := r.Targets[i].addCold(cfg, targets[i]); err != nil {
				return nil, fmt.Errorf("%s: %w", targets[i].label, err)
			}
		}
	}
	if cfg.n > 0 {
		for round := range cfg.rounds {
			for k := range targets {
				i := (round + k) % len(targets)
				if err := r.Targets[i].addWarm(cfg, targets[i]); err != nil {
					return nil, fmt.Errorf("%s: %w", targets[i].label, err)
				}
			}
		}
	}
	r.summarise()
	return r, nil
}

// addCold starts a process, takes its first invocation, and ends it.
func (res *result) addCold(cfg *config, t *target) error {
	p, err := start(cfg, t, 1)
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.wait(); err != nil {
		return err
	}
	u, err := p.usage()
	if err != nil {
		return err
	}
	res.cold.init = append(res.cold.init, ms(p.api.initAt.Sub(p.started)))
	res.cold.total = append(res.cold.total, ms(p.api.lastAt.Sub(p.started)))
	res.cold.cpu = append(res.cold.cpu, ms(u.cpu))
	res.cold.faults = append(res.cold.faults, u.faults)
	res.cold.rss = append(res.cold.rss, u.peakRSS)
	return nil
}

// addWarm starts a process, warms it up, and takes its share of the invocations.
func (res *result) addWarm(cfg *config, t *target) error {
	n := max(1, cfg.n/cfg.rounds)
	p, err := start(cfg, t, max(1, cfg.warmup))
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.wait(); err != nil {
		return err
	}
	before, err := p.usage()
	if err != nil {
		return err
	}
	p.api.run(n)
	if err := p.wait(); err != nil {
		return err
	}
	after, err := p.usage()
	if err != nil {
		return err
	}
	samples := p.api.samples
	res.warm.all = append(res.warm.all, samples...)
	res.warm.p50 = append(res.warm.p50, quantile(samples, 0.50))
	cpu := us(after.cpu-before.cpu) / float64(n)
	user, sys := after.user-before.user, after.sys-before.sys
	res.warm.cpu = append(res.warm.cpu, cpu)
	if user+sys > 0 { // clock ticks: they give the split, the CPU clock the sum
		res.warm.sys = append(res.warm.sys, cpu*float64(sys)/float64(user+sys))
	}
	res.warm.rss = append(res.warm.rss, after.peakRSS)
	return nil
}
