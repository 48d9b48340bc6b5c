package local

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cafe/handlers/stream"
	"cafe/internal/cafetest"
	"cafe/internal/house"
	"cafe/internal/objects/folder"
	"cafe/internal/outbox"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/internal/table/pebble"
	"cafe/internal/tilltest"
	"cafe/model"
)

// BenchmarkImportToLedger imports a till's file into an embedded store on disk, as
// `cafe serve` does, until the ledger and the totals have every order: orders a second
// all in all, and how much memory it took at the most.
//
// The generated file has CAFE_IMPORT_ROWS rows (20,000 when that is not set): orders of
// two rows over a year, every third of one of a hundred customers.
func BenchmarkImportToLedger(b *testing.B) {
	rows := 20_000
	if text := os.Getenv("CAFE_IMPORT_ROWS"); text != "" {
		var err error
		if rows, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "till.csv")
		if err := writeTill(path, rows); err != nil {
			b.Fatal(err)
		}
		importToLedger(b, path, model.ImportDraft{Kind: model.ImportOrders, Name: "till.csv"}, func(c *house.House, _ *folder.Files) {
			for _, item := range cafetest.Menu {
				if _, err := c.SetMenuItem(ctx, item, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("made-up", func(b *testing.B) {
		menu, err := os.ReadFile("../../cmd/cafe/sample_menu.csv")
		if err != nil {
			b.Fatal(err)
		}
		path := filepath.Join(b.TempDir(), "made-up.csv")
		f, err := os.Create(path)
		if err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(tilltest.Write(f, tilltest.Options{Seed: 1, Days: 180}), f.Close()); err != nil {
			b.Fatal(err)
		}
		draft := model.ImportDraft{Kind: model.ImportOrders, Name: "till.csv", Ignore: tilltest.NoSale}
		importToLedger(b, path, draft, func(c *house.House, files *folder.Files) {
			bring(b, c, files, model.ImportDraft{Kind: model.ImportMenu, Name: "menu.csv"}, bytes.NewReader(menu))
		})
	})
	b.Run("real", func(b *testing.B) {
		const shared = "../../../shared/data/"
		menu, err := os.ReadFile(shared + "menu.csv")
		if err != nil {
			b.Skipf("skipped without the real till file: %v", err)
		}
		draft := model.ImportDraft{Kind: model.ImportOrders, Name: "till.csv", Ignore: []string{"NONE", "Adjustment"}}
		importToLedger(b, shared+"BreadBasket_DMS.csv", draft, func(c *house.House, files *folder.Files) {
			bring(b, c, files, model.ImportDraft{Kind: model.ImportMenu, Name: "menu.csv"}, bytes.NewReader(menu))
		})
	})
}

// writeTill makes a till's file of so many rows.
func writeTill(path string, rows int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(w, "order_id,date,time,item,quantity,customer_id")
	items := []string{"Latte", "Tea", "Scone", "Brownie", "Muffin"}
	first := time.Date(2025, 1, 6, 8, 0, 0, 0, time.UTC)
	orders := (rows + 1) / 2
	for row := range rows {
		order, customer := row/2, ""
		if order%3 == 0 {
			customer = fmt.Sprintf("customer-%d", order/3%100)
		}
		day, second := order*365/orders, order%36_000
		at := first.AddDate(0, 0, day).Add(time.Duration(second) * time.Second)
		fmt.Fprintf(w, "%d,%s,%s,%s,%d,%s\n", order, at.Format(time.DateOnly), at.Format(time.TimeOnly), items[(row+order)%len(items)], 1+row%3, customer)
	}
	return errors.Join(w.Flush(), f.Close())
}

func importToLedger(b *testing.B, path string, draft model.ImportDraft, prepare func(*house.House, *folder.Files)) {
	b.ReportAllocs()
	var created int64
	var imported time.Duration
	memory := watchMemory()
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		store, err := pebble.Open(filepath.Join(dir, "store"), pebble.Options{Logs: func(pk string) bool { return stream.LedgerWants(pk) || outbox.Wants(pk) }})
		if err != nil {
			b.Fatal(err)
		}
		settings, err := settings.FromEnv(func(string) string { return "" })
		if err != nil {
			b.Fatal(err)
		}
		c := house.Open(settings, store, time.Now)
		files, err := folder.Open(filepath.Join(dir, "files"), folder.Options{BaseURL: "http://localhost"})
		if err != nil {
			b.Fatal(err)
		}
		prepare(c, files)
		pump, err := NewPump(store, c.DeadLetters, reachable,
			Consumer{Name: "ledger", Wants: stream.LedgerWants, Handle: stream.Ledger(c.Ledger, c.Events)},
			Consumer{Name: "notifier", Wants: outbox.Wants, Handle: stream.Notify(c.Outbox, cafetest.NewNotifier())})
		if err != nil {
			b.Fatal(err)
		}
		running, stop := context.WithCancel(ctx)
		var pumping sync.WaitGroup
		pumping.Go(func() { pump.Run(running) })
		till, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()

		start := time.Now()
		im := bring(b, c, files, draft, till)
		imported += time.Since(start)
		for pump.Lag() > 0 {
			time.Sleep(time.Millisecond)
		}

		b.StopTimer()
		created += im.Created
		stop()
		pumping.Wait()
		if posted := countEntries(b, store); posted != im.Created {
			b.Fatalf("%d orders in the ledger, and %d were imported", posted, im.Created)
		}
		if err := errors.Join(store.Close(), till.Close()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	heap, live, process := memory()
	b.ReportMetric(float64(created)/b.Elapsed().Seconds(), "orders/s")
	b.ReportMetric(float64(created)/imported.Seconds(), "imported/s")
	b.ReportMetric(heap, "heap-MB")
	b.ReportMetric(live, "live-MB")
	if process > 0 {
		b.ReportMetric(process, "rss-MB")
	}
}

// bring uploads a file and imports it.
func bring(b *testing.B, c *house.House, files *folder.Files, draft model.ImportDraft, file io.ReadSeeker) model.Import {
	upload, err := c.Imports.Begin(ctx, files, model.RoleOwner, draft)
	if err != nil {
		b.Fatal(err)
	}
	key := "imports/" + upload.ImportID + "/" + draft.Name
	if err := files.Put(ctx, key, file); err != nil {
		b.Fatal(err)
	}
	if err := c.Imports.Run(ctx, files, key); err != nil {
		b.Fatal(err)
	}
	im, _, err := c.Imports.Result(ctx, files, upload.ImportID)
	if err != nil || im.Status != model.ImportDone || im.Rejected > 0 || im.Created+im.Updated == 0 {
		b.Fatalf("%+v, %v", im, err)
	}
	return im
}

// countEntries counts the orders in the ledger of all days.
func countEntries(b *testing.B, store table.Table) (n int64) {
	for scan := (table.Scan{Prefix: "L#"}); ; {
		page, err := store.Scan(ctx, scan)
		if err != nil {
			b.Fatal(err)
		}
		for _, row := range page.Rows {
			if strings.HasPrefix(row.Key.SK, "O#") {
				n++
			}
		}
		if page.Next == "" {
			return n
		}
		scan.After = page.Next
	}
}

// watchMemory returns a function that returns the highest figures since, in MB: of the
// Go heap, looked at every few milliseconds; of what was left of it after a collection;
// and of the whole process as the kernel counts it (Linux only, otherwise 0).
func watchMemory() func() (heap, live, process float64) {
	const mb = 1 << 20
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // begins VmHWM anew
	done, ended := make(chan struct{}), make(chan struct{})
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}}
	var peaks [2]uint64
	go func() {
		defer close(ended)
		for {
			metrics.Read(samples)
			for i, s := range samples {
				peaks[i] = max(peaks[i], s.Value.Uint64())
			}
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() (heap, live, process float64) {
		close(done)
		<-ended
		status, _ := os.ReadFile("/proc/self/status")
		if _, rest, found := strings.Cut(string(status), "VmHWM:"); found {
			var kb float64
			if _, err := fmt.Sscan(rest, &kb); err == nil {
				process = kb / 1024
			}
		}
		return float64(peaks[0]) / mb, float64(peaks[1]) / mb, process
	}
}
