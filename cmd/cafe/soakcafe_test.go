package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"cafe/internal/auth"
	"cafe/internal/house"
	"cafe/internal/local"
	"cafe/internal/outbox"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/internal/table/pebble"
	"cafe/internal/table/tabletest"
)

// The soak's café is a process of its own, so that what it needs of memory, files and
// goroutines is not its clients'. It is built as serve builds it, from the same parts, but
// that the store and the notifier have faults, and that it can be asked how it is.

// Lines that the café understands on its standard input; the answer to each is a line of
// JSON on its standard output.
const (
	askState = "state" // answers with a state
	askCalm  = "calm"  // ends all faults, and answers with a state
)

// state is how the café is.
type state struct {
	HeapBytes  uint64           `json:"heap"` // in use after a garbage collection
	RSSBytes   uint64           `json:"rss"`
	Goroutines int              `json:"goroutines"`
	StoreFiles int              `json:"store_files"` // open files of the store, which keeps up to MaxOpenFiles of them
	Files      int              `json:"files"`       // all other open files, connections among them
	Lag        uint64           `json:"lag"`         // changes that a consumer has not had
	Swept      int              `json:"swept"`       // what was pending in the outbox and is done now
	Pending    string           `json:"pending"`     // why something is pending still
	Faults     map[string]int   `json:"faults"`
	DiskBytes  map[string]int64 `json:"disk"` // by folder
}

// faultCount lets faults happen by chance, and keeps count of them.
type faultCount struct {
	sync.Mutex
	random *rand.Rand
	ended  bool
	count  map[string]int
}

// draw tells which of the kinds of faults happens now, if any; chances are of 10,000.
func (f *faultCount) draw(kinds ...chance) string {
	f.Lock()
	defer f.Unlock()
	if f.ended {
		return ""
	}
	n := f.random.IntN(10_000)
	for _, k := range kinds {
		if n -= k.of10000; n < 0 {
			f.count[k.kind]++
			return k.kind
		}
	}
	return ""
}

type chance struct {
	kind    string
	of10000 int
}

// storeFaults is the script of the store.
func (f *faultCount) storeFaults(call tabletest.Call) tabletest.Fault {
	late := time.Duration(1+call.N%40) * time.Millisecond
	switch f.draw(chance{"before", 30}, chance{"after", 30}, chance{"throttled", 30}, chance{"conflict", 30}, chance{"delay", 100}) {
	case "before":
		return tabletest.Fault{Before: table.ErrUnavailable}
	case "after":
		return tabletest.Fault{After: table.ErrUnavailable}
	case "throttled":
		return tabletest.Fault{Before: table.ErrThrottled}
	case "conflict":
		if call.Method == "Write" {
			return tabletest.Fault{Before: table.ErrConflict}
		}
		return tabletest.Fault{Before: table.ErrThrottled}
	case "delay":
		return tabletest.Fault{Delay: late}
	}
	return tabletest.Fault{}
}

// flaky is a notifier that fails now and then: before it did what it was asked, or after.
type flaky struct {
	outbox.Notifier
	faults *faultCount
}

var errTopicAway = errors.New("the topic is away")

func (n flaky) do(do func() error) error {
	switch n.faults.draw(chance{"topic before", 300}, chance{"topic after", 300}, chance{"topic delay", 100}) {
	case "topic before":
		return errTopicAway
	case "topic after":
		return errors.Join(do(), errTopicAway)
	case "topic delay":
		time.Sleep(50 * time.Millisecond)
	}
	return do()
}

func (n flaky) Publish(ctx context.Context, m outbox.Message) error {
	return n.do(func() error { return n.Notifier.Publish(ctx, m) })
}

func (n flaky) Subscribe(ctx context.Context, customerID, email string) (name string, err error) {
	err = n.do(func() error { name, err = n.Notifier.Subscribe(ctx, customerID, email); return err })
	return name, err
}

func (n flaky) Unsubscribe(ctx context.Context, name string) error {
	return n.do(func() error { return n.Notifier.Unsubscribe(ctx, name) })
}

func (n flaky) UnsubscribeAddress(ctx context.Context, customerID, email string) error {
	return n.do(func() error { return n.Notifier.UnsubscribeAddress(ctx, customerID, email) })
}

// soakCafe is the process: serve, with faults. It ends with its standard input.
func soakCafe(data, seed string) (err error) {
	ctx := context.Background()
	logTo(os.Stderr, false)
	number, err := strconv.ParseUint(seed, 10, 64)
	if err != nil {
		return err
	}
	faults := &faultCount{random: rand.New(rand.NewPCG(number, 0)), count: map[string]int{}, ended: true}

	s, err := settings.FromEnv(os.Getenv)
	if err != nil {
		return err
	}
	throttle, err := throttleFromEnv(os.Getenv)
	if err != nil {
		return err
	}
	issuer, err := auth.OpenIssuer(data)
	if err != nil {
		return err
	}
	store, err := local.OpenStore(data, pebble.Options{CacheSize: 8 << 20}) // full soon
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	store.Table = tabletest.NewFaulty(store.Table, faults.storeFaults)
	h := house.Open(s, store.Table, time.Now)
	if err := begin(ctx, h.Cafe, false); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	process, err := local.Open(local.Options{
		House: h, Store: store, Data: data, Listener: listener, Issuer: issuer, Owner: "owner@example.com", Throttle: throttle,
		Notifier: func(n outbox.Notifier) outbox.Notifier { return flaky{n, faults} },
		Reachable: func(ctx context.Context) bool {
			_, err := store.Table.Get(ctx, table.Key{PK: "reachable", SK: "?"}, true)
			return errors.Is(err, table.ErrNotFound)
		},
		Sweeps: time.Second, Chores: time.Second,
	})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	ready := make(chan struct{})
	go func() { ended <- process.Run(running, func() error { close(ready); return nil }) }()
	select {
	case err := <-ended:
		return err
	case <-ready:
	}

	faults.Lock()
	faults.ended = false
	faults.Unlock()
	fmt.Printf("listening on %s\n", process.URL)
	for asked := bufio.NewScanner(os.Stdin); asked.Scan(); {
		now := state{Lag: process.Lag(), Faults: map[string]int{}}
		faults.Lock()
		if asked.Text() == askCalm {
			faults.ended = true
		}
		calm := faults.ended
		maps.Copy(now.Faults, faults.count)
		faults.Unlock()
		if calm {
			if now.Swept, err = process.Sweep(ctx); err != nil {
				now.Pending = err.Error()
			}
		}
		if err := now.measure(data); err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(now); err != nil {
			return err
		}
	}
	stop()
	return <-ended
}

// measure fills in what the operating system and the runtime know. What /proc does not
// tell here stays 0.
func (s *state) measure(data string) error {
	runtime.GC()
	runtime.GC() // what the first one found to be finalized
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	s.HeapBytes, s.Goroutines = memory.HeapAlloc, runtime.NumGoroutine()
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(b)); len(fields) > 1 {
			pages, _ := strconv.ParseUint(fields[1], 10, 64)
			s.RSSBytes = pages * uint64(os.Getpagesize())
		}
	}
	open, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range open {
		switch name, err := os.Readlink("/proc/self/fd/" + fd.Name()); {
		case err != nil: // the folder itself, or closed meanwhile
		case strings.HasPrefix(name, filepath.Join(data, "store")):
			s.StoreFiles++
		default:
			s.Files++
		}
	}
	s.DiskBytes = map[string]int64{}
	for _, part := range []string{"store", "outbox", "files", "dead-letters"} {
		err := filepath.WalkDir(filepath.Join(data, part), func(_ string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				var info fs.FileInfo
				if info, err = entry.Info(); err == nil {
					s.DiskBytes[part] += info.Size()
				}
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil // gone meanwhile, or not there yet
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
