package cafetest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sync/errgroup"

	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/house"
	"cafe/internal/ledger"
	"cafe/internal/local/localtest"
	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/internal/table/pebble"
	"cafe/model"
	"cafe/model/report"
)

// Stores of many orders. The last days are the same at every size: a full day, which
// reports are made of, and before it quiet days, as far back as a report looks and one
// more. The rest are older, a full day after the other.
const (
	fullDay  = 500
	quietDay = 2
	recent   = fullDay + quietDay*(report.HistoryDays+1)
	block    = 10 * fullDay // orders that one writer files, with customers of their own

	regulars = 50 // customers of a block; every second order is theirs, the rest are walk-ins'
)

// scales are the sizes to test at, the smallest first: up to 10,000, and up to
// CAFE_SCALE when that is set.
func scales(t testing.TB) []int {
	largest, err := strconv.Atoi(cmp.Or(os.Getenv("CAFE_SCALE"), "10000"))
	if err != nil || largest < 1000 {
		t.Fatalf("CAFE_SCALE=%s is no number of orders from 1000", os.Getenv("CAFE_SCALE"))
	}
	return slices.DeleteFunc([]int{1_000, 10_000, 100_000, 1_000_000}, func(n int) bool { return n > largest })
}

// fullMenu is a hundred items, some of them counted.
func fullMenu() (items []model.Item) {
	for i := range 100 {
		items = append(items, model.Item{
			SKU: fmt.Sprintf("item-number-%02d", i), Name: fmt.Sprintf("Item number %02d", i), Category: "kitchen",
			Price: 250, Counted: i < 17, Active: true,
		})
	}
	return items
}

// fullSettings are a café's whose customers may owe any amount.
func fullSettings(t testing.TB) settings.Settings {
	settings, err := settings.FromEnv(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	settings.CreditLimit = model.MaxAmount
	settings.Bakes = []time.Duration{7 * time.Hour, 11 * time.Hour} // reports keep the hours of sale then
	return settings
}

// filedKey is the Idempotency-Key of the nth order, and filedID what follows from it.
func filedKey(n int) string { return fmt.Sprintf("order-%07d", n) }

func filedID(n int) string {
	return model.DeriveID("order", string(cafetest.Staff.Role), cafetest.Staff.ID, filedKey(n))
}

// filedDraft is the nth order: three items, one of them counted in every fifth.
func filedDraft(n int) model.Draft {
	var skus []string
	for i := range 3 {
		skus = append(skus, fmt.Sprintf("item-number-%02d", 17+(n*7+i*27)%83))
	}
	if n%5 == 0 {
		skus[0] = fmt.Sprintf("item-number-%02d", n/5%17)
	}
	draft := model.Draft{Lines: cafetest.Lines(skus...)}
	if n%2 == 0 {
		owner := 0
		if n >= recent {
			owner = 1 + (n-recent)/block
		}
		draft.CustomerID = fmt.Sprintf("regular-%03d-%02d", owner, n/2%regulars)
	}
	return draft
}

// tap is a table that keeps what is put into it as the stream tells it.
type tap struct {
	table.Table
	mu      sync.Mutex
	changes []records.Change // to be looked at when no write is under way
}

func (t *tap) Write(ctx context.Context, ops ...table.Op) error {
	if err := t.Table.Write(ctx, ops...); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, op := range ops {
		if op.Kind == table.OpPut && logs(op.Key.PK) {
			t.changes = append(t.changes, records.Change{Key: op.Key, New: op.Item})
		}
	}
	return nil
}

// fill places that many orders and posts them, several days at once, and makes the report
// of the day before the full one. After each day it calls filed.
func fill(t testing.TB, db table.Table, orders int, filed func()) {
	t.Helper()
	settings, clock := fullSettings(t), clockOn("2010-01-01", "12:00")
	c := house.Open(settings, db, clock.Now)
	for _, item := range fullMenu() {
		_, err := c.SetMenuItem(ctx, item, nil)
		if err == nil && item.Counted {
			_, err = c.SetStock(ctx, item.SKU, model.MaxStock)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var all errgroup.Group
	all.SetLimit(2 * runtime.NumCPU())
	day := func(day model.Day, first, next int) error {
		clock := clockOn(day, "08:00")
		taken := &tap{Table: db}
		c := house.Open(settings, taken, clock.Now)
		for n := first; n < min(next, orders); n++ {
			if _, _, err := c.Place(ctx, cafetest.Staff, filedDraft(n), filedKey(n)); err != nil {
				return err
			}
			clock.Pass(100 * time.Millisecond)
		}
		for changes := range slices.Chunk(taken.changes, 100) {
			if err := errors.Join(c.Ledger.Post(ctx, changes)...); err != nil {
				return err
			}
		}
		filed()
		return nil
	}
	all.Go(func() error {
		err := day(cafetest.Saturday, 0, fullDay)
		for i := range report.HistoryDays + 1 {
			first := fullDay + i*quietDay
			err = errors.Join(err, day(cafetest.Saturday.AddDays(-1-i), first, first+quietDay))
		}
		return err
	})
	for first := recent; first < orders; first += block {
		all.Go(func() (err error) {
			for n := first; n < min(first+block, orders); n += fullDay {
				err = errors.Join(err, day(cafetest.Saturday.AddDays(-2-report.HistoryDays-(n-recent)/fullDay), n, min(n+fullDay, first+block)))
			}
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal("fill:", err)
	}

	clock = clockOn(cafetest.Saturday.AddDays(-1), "20:00")
	c = house.Open(settings, db, clock.Now)
	err := c.Reports.Extract(ctx, cafetest.Saturday.AddDays(-1))
	if err == nil {
		_, err = c.Reports.Rebuild(ctx, cafetest.Saturday.AddDays(-1))
	}
	if err == nil {
		_, err = c.Outbox.Sweep(ctx, cafetest.NewNotifier(), -time.Minute)
	}
	if err != nil {
		t.Fatal("fill:", err)
	}
}

// clockOn returns a clock that shows that time in London.
func clockOn(day model.Day, local string) *cafetest.Clock {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		panic(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", string(day)+" "+local, london)
	if err != nil {
		panic(err)
	}
	c := cafetest.NewClock()
	c.Pass(at.Sub(c.Now()))
	return c
}

// logs is what the change log keeps in `cafe serve`.
func logs(pk string) bool { return ledger.Wants(pk) || outbox.Wants(pk) }

// filledStores are folders with stores of so many orders. They go when the tests end.
var filledStores struct {
	sync.Mutex
	root string
	dirs map[int]string
}

func removeFilledStores() { _ = os.RemoveAll(filledStores.root) }

// filledStore returns a folder with a store of so many orders, of the benchmark's own.
func filledStore(b *testing.B, orders int) string {
	b.Helper()
	s := &filledStores
	s.Lock()
	defer s.Unlock()
	if s.root == "" {
		var err error
		if s.root, err = os.MkdirTemp("", "cafe-scale-"); err != nil {
			b.Fatal(err)
		}
		s.dirs = map[int]string{}
	}
	if s.dirs[orders] == "" {
		dir, began := filepath.Join(s.root, strconv.Itoa(orders)), time.Now()
		fillOnDisk(b, dir, orders)
		b.Logf("%d orders filed in %.1f s", orders, time.Since(began).Seconds())
		s.dirs[orders] = dir
	}
	own := b.TempDir()
	copyStore(b, s.dirs[orders], own)
	return own
}

// fillOnDisk fills a store without waiting for the disk, and returns when Pebble has
// tidied up.
func fillOnDisk(b *testing.B, dir string, orders int) {
	b.Helper()
	db := openPebble(b, dir, pebble.Options{FS: unsynced{vfs.Default}, Logs: logs})
	fill(b, db, orders, func() {
		_, last := db.Bounds()
		if err := db.Trim(last); err != nil {
			b.Error(err)
		}
	})
	for before, quiet := "", 0; quiet < 4; {
		time.Sleep(250 * time.Millisecond)
		now := fmt.Sprint(tables(b, dir))
		if quiet++; now != before {
			before, quiet = now, 0
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	if err := exec.Command("sync").Run(); err != nil { // nothing is left to write while others are measured
		b.Fatal(err)
	}
}

func tables(b *testing.B, dir string) []string {
	names, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		b.Fatal(err)
	}
	return names
}

// copyStore copies a store that is closed. Its tables never change, so links will do.
func copyStore(b *testing.B, from, to string) {
	files, err := os.ReadDir(from)
	for _, f := range files {
		if source, copied := filepath.Join(from, f.Name()), filepath.Join(to, f.Name()); filepath.Ext(f.Name()) == ".sst" {
			err = errors.Join(err, os.Link(source, copied))
		} else {
			text, readErr := os.ReadFile(source)
			err = errors.Join(err, readErr, os.WriteFile(copied, text, 0o600))
		}
	}
	if err != nil {
		b.Fatal(err)
	}
}

func openPebble(b *testing.B, dir string, options pebble.Options) *pebble.Table {
	b.Helper()
	db, err := pebble.Open(dir, options)
	if err != nil {
		b.Fatal(err)
	}
	return db
}

// unsynced is a file system that never waits for the disk.
type unsynced struct{ vfs.FS }

func (u unsynced) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := u.FS.Create(name, c)
	return unsyncedFile{f}, err
}

func (u unsynced) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := u.FS.OpenReadWrite(name, c, o...)
	return unsyncedFile{f}, err
}

func (u unsynced) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := u.FS.ReuseForWrite(from, to, c)
	return unsyncedFile{f}, err
}

func (u unsynced) OpenDir(name string) (vfs.File, error) {
	f, err := u.FS.OpenDir(name)
	return unsyncedFile{f}, err
}

type unsyncedFile struct{ vfs.File }

func (unsyncedFile) Sync() error                { return nil }
func (unsyncedFile) SyncData() error            { return nil }
func (unsyncedFile) SyncTo(int64) (bool, error) { return false, nil }

// BenchmarkScale measures the café on stores of 1,000 orders and more, on disk. Figures "x"
// are how many times that of the smallest store it takes, by the clock and of the
// processor, in the same run.
//
//	CAFE_SCALE=1000000 go test -run '^$' -bench Scale -benchtime 2000x -count 5 ./internal/cafe
func BenchmarkScale(b *testing.B) {
	sizes := scales(b)
	dirs := make([]string, len(sizes))
	for i, orders := range sizes {
		dirs[i] = filledStore(b, orders)
		b.Run(fmt.Sprint("open/orders=", orders), func(b *testing.B) { benchmarkOpening(b, dirs[i], orders) })
	}
	cafes, deep := make([]*house.House, len(sizes)), make([][]string, len(sizes))
	for i, orders := range sizes {
		db := openPebble(b, dirs[i], pebble.Options{Logs: logs})
		defer db.Close()
		cafes[i] = house.Open(fullSettings(b), db, clockOn(cafetest.Saturday.AddDays(1), "09:30").Now)
		for n := range 200 { // cursors, from the middle on
			item, err := db.Get(ctx, table.Key{PK: "O#" + filedID(orders/2+n), SK: "O"}, true)
			if err != nil {
				b.Fatal(err)
			}
			deep[i] = append(deep[i], item.Str(table.AttrSort))
		}
	}
	// All sizes do the same before the next thing is measured, since machines do not keep
	// their pace for long.
	bench := func(name string, writers int, work func(c *house.House, size, i int) error) {
		var smallest, smallestCPU float64
		for size, orders := range sizes {
			ran := 0 // i never comes twice
			b.Run(fmt.Sprintf("%s/orders=%d", name, orders), func(b *testing.B) {
				b.ReportAllocs()
				var next atomic.Int64
				var all errgroup.Group
				b.ResetTimer()
				began := cpuTime()
				for range writers {
					all.Go(func() error {
						for i := int(next.Add(1)); i <= b.N; i = int(next.Add(1)) {
							if err := work(cafes[size], size, ran+i); err != nil {
								return err
							}
						}
						return nil
					})
				}
				if err := all.Wait(); err != nil {
					b.Fatal(err)
				}
				ran += b.N
				took, cpu := float64(b.Elapsed())/float64(b.N), float64(cpuTime()-began)/float64(b.N)
				if size == 0 {
					smallest, smallestCPU = took, cpu
				}
				b.ReportMetric(took/smallest, "x")
				b.ReportMetric(cpu, "cpu-ns/op")
				b.ReportMetric(cpu/smallestCPU, "x-cpu")
			})
		}
	}
	// Any order, a different one each time until all have had their turn.
	some := func(size, i int) string { return filedID(i * 618_033 % sizes[size]) }
	today := func(i int) string { return filedID(i * 61 % fullDay) }
	for size, c := range cafes { // for a while already
		for i := range min(3*sizes[size], 300_000) {
			id := some(size, i)
			if i%10 == 0 {
				id = today(i / 10)
			}
			if _, err := c.Order(ctx, cafetest.Staff, id); err != nil {
				b.Fatal(err)
			}
		}
	}
	list := func(c *house.House, from string) error {
		orders, next, err := c.Orders(ctx, cafetest.Staff, cafe.Filter{}, from, 25)
		if err == nil && (len(orders) != 25 || next == "") {
			err = fmt.Errorf("%d orders, next %q", len(orders), next)
		}
		return err
	}
	bench("read", 1, func(c *house.House, size, i int) error {
		_, err := c.Order(ctx, cafetest.Staff, some(size, i))
		return err
	})
	bench("read-today", 1, func(c *house.House, _, i int) error {
		_, err := c.Order(ctx, cafetest.Staff, today(i))
		return err
	})
	servers := make([]func(id string) error, len(sizes))
	for size := range sizes {
		servers[size] = serveOrders(b, cafes[size])
	}
	bench("GET", 1, func(_ *house.House, size, i int) error { return servers[size](filedID(i * 618_033 % sizes[size])) })
	bench("list", 1, func(c *house.House, size, i int) error { return list(c, "") })
	bench("list-deep", 1, func(c *house.House, size, i int) error { return list(c, deep[size][i%200]) })
	bench("report", 1, func(c *house.House, size, i int) error {
		r, err := c.Reports.Report(ctx, cafetest.Saturday)
		if err == nil && r.Orders != fullDay {
			err = fmt.Errorf("%d orders in the report", r.Orders)
		}
		return err
	})
	bench("amend", 16, func(c *house.House, size, i int) error {
		note := strconv.Itoa(i)
		_, err := c.Amend(ctx, cafetest.Staff, some(size, i), cafe.Amendment{Note: &note}, cafetest.AnyVersion)
		return err
	})
	bench("place", 16, func(c *house.House, size, i int) error {
		_, _, err := c.Place(ctx, cafetest.Staff, filedDraft(i), fmt.Sprint("new ", i))
		return err
	})
}

// serveOrders puts the API in front of the café, on loopback, and returns what a client
// there does: GET /orders/{id}.
func serveOrders(b *testing.B, c *house.House) func(id string) error {
	front, authorization := localtest.Front(b, c)
	server := httptest.NewServer(front)
	b.Cleanup(server.Close)
	return func(id string) error {
		r, err := http.NewRequest(http.MethodGet, server.URL+"/orders/"+id, nil)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", authorization)
		response, err := server.Client().Do(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: %s", id, response.Status)
		}
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
}

// cpuTime is what the process has used, which tells more than the clock where others are
// at work, too: what Pebble does in the background is in it, the wait for the disk is not.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// opened is what a new process tells of a store that it opened.
type opened struct {
	Open      time.Duration
	Heap, RSS int64 // bytes
}

// openVariable names a store for TestMain to open in a process of its own, and how many
// orders are in it.
const openVariable = "CAFE_SCALE_OPEN"

// benchmarkOpening opens the store in new processes, which read a thousand orders and a
// hundred pages and then tell what memory they have.
func benchmarkOpening(b *testing.B, dir string, orders int) {
	var disk, opening, heap, rss int64
	err := filepath.Walk(dir, func(_ string, f os.FileInfo, err error) error {
		if err == nil && !f.IsDir() {
			disk += f.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	n := min(b.N, 5)
	for range n {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), fmt.Sprintf("%s=%d:%s", openVariable, orders, dir))
		child.Stderr = os.Stderr
		out, err := child.Output()
		var told opened
		if err = errors.Join(err, json.Unmarshal(out, &told)); err != nil {
			b.Fatal(err)
		}
		opening, heap, rss = opening+int64(told.Open), heap+told.Heap, rss+told.RSS
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(opening)/float64(n)/1e6, "ms-to-open")
	b.ReportMetric(float64(heap)/float64(n)/(1<<20), "MB-heap")
	b.ReportMetric(float64(rss)/float64(n)/(1<<20), "MB-rss")
	b.ReportMetric(float64(disk)/float64(orders), "B-disk/order")
	b.ReportMetric(float64(disk)/(1<<20), "MB-disk")
}

// openAlone is what a process of benchmarkOpening does.
func openAlone(store string, out io.Writer) error {
	size, dir, _ := strings.Cut(store, ":")
	orders, err := strconv.Atoi(size)
	if err != nil {
		return err
	}
	began := time.Now()
	db, err := pebble.Open(dir, pebble.Options{Logs: logs})
	if err != nil {
		return err
	}
	told := opened{Open: time.Since(began)}
	settings, err := settings.FromEnv(os.Getenv)
	if err != nil {
		return err
	}
	c := house.Open(settings, db, clockOn(cafetest.Saturday.AddDays(1), "09:30").Now)
	for i := range 1000 {
		if _, err := c.Order(ctx, cafetest.Staff, filedID(i*618_033%orders)); err != nil {
			return err
		}
		if i%10 == 0 {
			if _, _, err := c.Orders(ctx, cafetest.Staff, cafe.Filter{}, "", 25); err != nil {
				return err
			}
		}
	}
	debug.FreeOSMemory()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	told.Heap = int64(memory.HeapInuse)
	status, err := os.ReadFile("/proc/self/statm") // Linux; elsewhere it stays 0
	if fields := strings.Fields(string(status)); err == nil && len(fields) > 1 {
		pages, _ := strconv.ParseInt(fields[1], 10, 64)
		told.RSS = pages * int64(os.Getpagesize())
	}
	return errors.Join(db.Close(), json.NewEncoder(out).Encode(told))
}
