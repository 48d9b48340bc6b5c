package till

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"cafe/model"
)

// shared is where the real tills' files lie. They are not part of the project.
const shared = "../../../shared/data/"

// breadBasket returns a real till's file and the rules for it.
func breadBasket(t testing.TB) (sales string, rules Rules) {
	t.Helper()
	text, err := os.ReadFile(shared + "BreadBasket_DMS.csv")
	if err != nil {
		t.Skipf("skipped without the real till file: %v", err)
	}
	rules = Rules{Calendar: model.Calendar{Zone: london(t)}, Menu: realMenu(t, "menu.csv"), Ignore: []string{"NONE", "Adjustment"}, Scratch: scratchIn(t.TempDir())}
	return string(text), rules
}

func realMenu(t testing.TB, name string) model.Menu {
	t.Helper()
	prices, err := os.Open(shared + name)
	if err != nil {
		t.Skipf("skipped without the real till's menu: %v", err)
	}
	defer prices.Close()
	f, err := ReadMenu(t.Context(), prices, Rules{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	menu := make(model.Menu)
	for m, err := range f.All() {
		if err != nil || len(m.Problems) > 0 {
			t.Fatal(err, m.Problems)
		}
		menu[m.Item.SKU] = m.Item
	}
	return menu
}

// The sums are those that the shared data's description states.
func TestTheRealBoulangerie(t *testing.T) {
	text, err := os.Open(shared + "boulangerie.csv")
	if err != nil {
		t.Skipf("skipped without the real till file: %v", err)
	}
	defer text.Close()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	f, err := ReadOrders(t.Context(), text, Rules{Calendar: model.Calendar{Zone: paris, Cutoff: 4 * time.Hour}, Menu: realMenu(t, "boulangerie-menu.csv"), Scratch: scratchIn(t.TempDir())})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	orders := 0
	for o, err := range f.All() {
		if err != nil || len(o.Problems) > 0 {
			t.Fatal(err, o.Problems)
		}
		orders++
	}
	s := f.Summary()
	var revenue model.Money
	for _, day := range s.Totals.ByDay {
		revenue += day.Revenue
	}
	if orders != 29_154 || s.Totals.Orders != 29_154 || s.Totals.Revenue != 55_864_085 || revenue != s.Totals.Revenue {
		t.Errorf("%d orders, of which %d count, of %s, by day %s", orders, s.Totals.Orders, s.Totals.Revenue.Major("GBP"), revenue.Major("GBP"))
	}
	t.Logf("%d days; notes %q", len(s.Totals.ByDay), s.Notes)
}

func TestTheRealTillFile(t *testing.T) {
	text, rules := breadBasket(t)
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	prices := make(map[string]model.Money)
	for _, item := range rules.Menu {
		prices[item.Name] = item.Price
	}
	sales, skipped := make(map[string]int), 0
	revenue := make(map[string]model.Money) // by calendar date
	for _, r := range records[1:] {
		if r[3] == "NONE" || r[3] == "Adjustment" {
			skipped++
			continue
		}
		sales[r[2]]++
		revenue[r[0]] += prices[r[3]]
	}

	first := mustImport(t, text, rules)
	if len(first.orders) != len(sales) || len(first.problems) > 0 || first.skipped != skipped || first.rows != len(records)-1 {
		t.Errorf("%d orders, %d rows, %d skipped, problems %q; want %d, %d, %d and none",
			len(first.orders), first.rows, first.skipped, first.problems, len(sales), len(records)-1, skipped)
	}
	units, got := int64(0), make(map[string]model.Money)
	for _, o := range first.orders {
		got[o.Date] += o.Total
		for _, l := range o.Lines {
			units += l.Quantity
		}
	}
	if units != int64(len(records)-1-skipped) || !reflect.DeepEqual(got, revenue) {
		t.Errorf("%d units sold, want %d; revenue by day is not the file's", units, len(records)-1-skipped)
	}
	t.Logf("%d rows, %d skipped, %d orders, %d units", first.rows, first.skipped, len(first.orders), units)

	lf := strings.ReplaceAll(text, "\r\n", "\n")
	rules.Memory = 64 << 10
	for name, packed := range map[string]string{
		"LF":              lf,
		"gzip, CRLF, BOM": gzipped(t, "\xef\xbb\xbf"+strings.ReplaceAll(lf, "\n", "\r\n")),
	} {
		if second := mustImport(t, packed, rules); !reflect.DeepEqual(digest(first.orders), digest(second.orders)) {
			t.Errorf("%s: not the same", name)
		}
	}
}

// manyRows writes a till file of so many rows, orders of three rows each, one row of
// which stands far from the others; every hundredth order has a bad row.
func manyRows(rows int) io.Reader {
	r, w := io.Pipe()
	go func() {
		items := []string{"Tea", "Coffee", "Bread", "Lemon Drizzle"}
		b := []byte("Date,Time,Transaction,Item,Quantity\n")
		orders := (rows + 2) / 3
		for n := range rows {
			id := n / 2
			if n >= 2*orders {
				id = orders - 1 - (n - 2*orders)
			}
			day := 1 + id%28
			b = append(b, "2016-10-"...)
			b = append(b, byte('0'+day/10), byte('0'+day%10))
			b = append(b, ",9:58:11,"...)
			b = strconv.AppendInt(b, int64(id), 10)
			b = append(b, ',')
			b = append(b, items[n%len(items)]...)
			if id%100 == 99 && n%2 == 0 {
				b = append(b, ",none\n"...)
			} else {
				b = append(b, ",1\n"...)
			}
			if len(b) > 32<<10 {
				w.Write(b)
				b = b[:0]
			}
		}
		w.Write(b)
		w.Close()
	}()
	return r
}

// readAll goes through a file as an import does, and returns how many orders were
// good and how many rejected.
func readAll(t testing.TB, src io.Reader, rules Rules, each func()) (good, rejected int) {
	t.Helper()
	f, err := ReadOrders(t.Context(), src, rules)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for o, err := range f.All() {
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Problems) == 0 {
			good++
		} else if rejected++; f.Reject(o.Entry, "") != nil {
			t.Fatal("reject failed")
		}
		each()
	}
	if _, err := f.WriteRejects(io.Discard); err != nil {
		t.Fatal(err)
	}
	return good, rejected
}

func TestAMillionRowsInFlatMemory(t *testing.T) {
	rows := 1_000_000
	if testing.Short() {
		rows = 100_000
	}
	r := Rules{Calendar: model.Calendar{Zone: london(t)}, Menu: menu, Scratch: scratchIn(t.TempDir())}
	var peak, at uint64
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := m.HeapAlloc
	sample := func(every int) func() {
		n := 0
		return func() {
			if n++; n%every == 0 {
				// What is live, garbage aside.
				runtime.GC()
				runtime.ReadMemStats(&m)
				if m.HeapAlloc > peak {
					peak, at = m.HeapAlloc, uint64(n)
				}
			}
		}
	}
	progress := sample(50)
	r.Progress = func(int) { progress() }
	start := time.Now()
	good, rejected := readAll(t, manyRows(rows), r, sample(rows/60))
	took := time.Since(start)
	orders := (rows + 2) / 3
	if good+rejected != orders || rejected != orders/100 {
		t.Errorf("%d orders good and %d rejected of %d", good, rejected, orders)
	}
	t.Logf("%d rows in %v, %.1f MiB more than before at the most (sample %d)", rows, took.Round(time.Millisecond), float64(peak-before)/(1<<20), at)
	if limit := uint64(24 << 20); peak-before > limit {
		t.Errorf("%d bytes are held, more than %d", peak-before, limit)
	}
}

func BenchmarkOrders(b *testing.B) {
	for _, rows := range []int{1_000, 50_000, 1_000_000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			text, err := io.ReadAll(manyRows(rows))
			if err != nil {
				b.Fatal(err)
			}
			r := Rules{Calendar: model.Calendar{Zone: london(b)}, Menu: menu, Scratch: scratchIn(b.TempDir())}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				readAll(b, bytes.NewReader(text), r, func() {})
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
