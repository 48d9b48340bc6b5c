package till

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"cafe/model"
)

var menu = model.Menu{
	"coffee": {SKU: "coffee", Name: "Coffee", Price: 280, Active: true},
	"bread":  {SKU: "bread", Name: "Bread", Price: 420, Counted: true, Active: true},
	"tea":    {SKU: "tea", Name: "Tea", Price: 240, Active: true},
	"cake":   {SKU: "cake", Name: "Lemon Drizzle", Price: 340, Counted: true, Active: true},
	"old":    {SKU: "old", Name: "Retired", Price: 100},
}

func london(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// rules are those of the tests: London, and scratch files after a few rows.
func rules(t testing.TB) Rules {
	t.Helper()
	return Rules{Calendar: model.Calendar{Zone: london(t)}, Menu: menu, Ignore: []string{"NONE", " adjustment"}, Scratch: scratchIn(t.TempDir()), Memory: 1 << 10}
}

func scratchIn(dir string) func() (Scratch, error) {
	return func() (Scratch, error) { return os.CreateTemp(dir, "scratch") }
}

// outcome is what became of a file of orders.
type outcome struct {
	orders   []Order // good ones
	rejected []Order
	problems []string // "17 Item: …"
	rejects  string   // the rejects file
	rows     int
	skipped  int
}

// importOrders reads a file as an import does, and checks that no row got lost.
func importOrders(t testing.TB, src io.Reader, rules Rules) (outcome, error) {
	t.Helper()
	f, err := ReadOrders(context.Background(), src, rules)
	if err != nil {
		return outcome{}, err
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	o := outcome{rows: f.Rows(), skipped: f.Skipped()}
	accepted := 0
	for order, err := range f.All() {
		if err != nil {
			return o, err
		}
		if len(order.Problems) == 0 {
			o.orders = append(o.orders, order)
			accepted += len(order.Rows)
			continue
		}
		o.rejected = append(o.rejected, order)
		if err := f.Reject(order.Entry, ""); err != nil {
			return o, err
		}
	}
	for _, p := range f.Problems() {
		o.problems = append(o.problems, fmt.Sprintf("%d %s", p.Line, p))
	}
	var text strings.Builder
	rejected, err := f.WriteRejects(&text)
	if err != nil {
		return o, err
	}
	o.rejects = text.String()
	if accepted+rejected+o.skipped != o.rows {
		t.Errorf("of %d rows %d are accepted, %d rejected, %d skipped", o.rows, accepted, rejected, o.skipped)
	}
	return o, nil
}

func mustImport(t testing.TB, text string, rules Rules) outcome {
	t.Helper()
	o, err := importOrders(t, strings.NewReader(text), rules)
	if err != nil {
		t.Fatalf("import: %v", err)
	}
	return o
}

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const header = "Date,Time,Transaction,Item\n"

// Case 52: zip bomb, 0 bytes, wrong kind.
func TestFilesThatAreNoGoodAsAWhole(t *testing.T) {
	columns := "An orders file needs a header row with columns for the order id (order_id, transaction_id, transaction, receipt, ticket_number or order), " +
		"the time (ordered_at, or date with time) and the item (sku, item, product_id or article); this file"
	good := header + strings.Repeat("2016-10-30,9:58:11,1,Bread\n", 100)
	packed := gzipped(t, good)
	for name, c := range map[string]struct{ text, want string }{
		"0 bytes":                    {"", "The file is empty."},
		"a byte order mark only":     {"\xef\xbb\xbf", "The file is empty."},
		"blank lines only":           {"\r\n\r\n \n", "The file is empty."},
		"many blank lines only":      {strings.Repeat("\n", 5000), "The file is empty."},
		"gzip of nothing":            {gzipped(t, ""), "The file is empty."},
		"an Excel workbook":          {"PK\x03\x04\x14\x00\x06\x00", "The file is an Excel workbook or a ZIP archive; save the sheet as CSV and upload that."},
		"a PDF":                      {"%PDF-1.7\n", "The file is a PDF; export it from the till as CSV and upload that."},
		"UTF-16":                     {"\xff\xfeD\x00a\x00", "The file is UTF-16 text; save it as CSV UTF-8 and upload that."},
		"gzip of gzip":               {gzipped(t, packed), "The file is packed twice; pack it once and upload that."},
		"binary data":                {"\x7fELF\x02\x01\x01\x00\x00\x00", "The file is not text; upload a CSV file, gzipped or not."},
		"an image in gzip":           {gzipped(t, "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), "The file is not text; upload a CSV file, gzipped or not."},
		"gzip cut off":               {packed[:len(packed)-9], "The compressed file ends too early; upload it again."},
		"gzip header cut off":        {packed[:5], "The compressed file ends too early; upload it again."},
		"gzip with a wrong checksum": {packed[:len(packed)-6] + "\x00\x00" + packed[len(packed)-4:], "The compressed file is damaged; pack and upload it again."},
		"gzip magic and no gzip":     {"\x1f\x8bDate,Time,Transaction,Item", "The compressed file is damaged; pack and upload it again."},
		"prose":                      {"Dear owner,\nplease find attached", columns + " has none for the order id, the time and the item. Its first line is \"Dear owner,\"."},
		"a menu":                     {"sku,name,price\nlatte,Latte,3.50\n", columns + " has none for the order id and the time. Its first line is \"sku,name,price\"."},
		"no time column":             {"Day,Transaction,Item\n", columns + " has none for the time. Its first line is \"Day,Transaction,Item\"."},
		"no row":                     {"Date;Time;Transaction;Item\n", "The file has a header, and no row beneath it. Its first line is \"Date;Time;Transaction;Item\"."},
		"only empty rows":            {header + ",,,\n,,,\n", "The file has a header, and no row beneath it. Its first line is \"Date,Time,Transaction,Item\"."},
		"JSON":                       {"{\"orders\":[{\"id\":1}]}\n", "The file is JSON and no CSV file; export it from the till as CSV. Its first line is \"{\\\"orders\\\":[{\\\"id\\\":1}]}\"."},
		"HTML":                       {"\n<html>\n", "The file is HTML or XML and no CSV file; export it from the till as CSV. Its first line is \"<html>\"."},
		"UTF-16 without a mark":      {"D\x00a\x00t\x00e\x00,\x00T\x00i\x00m\x00e\x00,\x00", "The file is UTF-16 text; save it as CSV UTF-8 and upload that."},
		"UTF-16 of high bytes first": {"\x00D\x00a\x00t\x00e\x00,\x00T\x00i\x00m\x00e\x00,", "The file is UTF-16 text; save it as CSV UTF-8 and upload that."},
		"more columns than there may be": {header[:len(header)-1] + strings.Repeat(",x", 1000) + "\n2016-10-30,9:58:11,1,Bread\n",
			"The file's header has more than the 1000 columns that an import takes. Its first line is \"" + header[:len(header)-1] + strings.Repeat(",x", 47) + "…\"."},
		"a header that never ends": {strings.Repeat("x", 200<<10), columns + " has only one column, and none for the order id, the time and the item. Its first line is \"" + strings.Repeat("x", 120) + "…\"."},
		"one column twice":         {"Date,Time,Order ID,Item,order_id\n", `The file has more than one column "Order ID"; remove or rename one of them.`},
		"too large":                {header + strings.Repeat("\n", 256<<10), "The file is larger than 256 KiB once unpacked, which is the most an import takes; split it up."},
		"a zip bomb":               {gzipped(t, header+strings.Repeat("0", 10<<20)), "The file is larger than 256 KiB once unpacked, which is the most an import takes; split it up."},
	} {
		t.Run(name, func(t *testing.T) {
			rules := rules(t)
			rules.MaxBytes = 256 << 10
			_, err := importOrders(t, strings.NewReader(c.text), rules)
			var bad *FileError
			if !errors.As(err, &bad) || bad.Reason != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestAFileOfExactlyTheLimitIsTaken(t *testing.T) {
	text := header + "2016-10-30,9:58:11,1,Bread\n"
	rules := rules(t)
	for _, packing := range []string{text, gzipped(t, text)} {
		rules.MaxBytes = int64(len(text))
		if o := mustImport(t, packing, rules); len(o.orders) != 1 {
			t.Errorf("%d orders", len(o.orders))
		}
		rules.MaxBytes--
		if _, err := importOrders(t, strings.NewReader(packing), rules); !errors.As(err, new(*FileError)) {
			t.Errorf("one byte more: %v", err)
		}
	}
}

func TestASourceThatBreaksOffIsNotTheFilesFault(t *testing.T) {
	broken := errors.New("connection reset")
	text := header + strings.Repeat("2016-10-30,9:58:11,1,Bread\n", 10)
	for name, text := range map[string]string{"plain": text, "gzip": gzipped(t, text), "gzip at once": "\x1f\x8b"} {
		cut := io.MultiReader(strings.NewReader(text[:len(text)/2+1]), iotest.ErrReader(broken))
		_, err := importOrders(t, cut, rules(t))
		if !errors.Is(err, broken) || errors.As(err, new(*FileError)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAnImportThatIsCalledOffStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	rules := rules(t)
	var seen []int
	rules.Progress = func(rows int) {
		if seen = append(seen, rows); rows == 2000 {
			cancel()
		}
	}
	text := header + strings.Repeat("2016-10-30,9:58:11,1,Bread\n", 5000)
	if _, err := ReadOrders(ctx, strings.NewReader(text), rules); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if !slices.Equal(seen, []int{1000, 2000}) {
		t.Errorf("progress: %v", seen)
	}
}

func TestTheScratchFileFailing(t *testing.T) {
	full := errors.New("no space left on device")
	text := header + strings.Repeat("2016-10-30,9:58:11,1,Bread\n", 500)
	for name, scratch := range map[string]func() (Scratch, error){
		"to be made":    func() (Scratch, error) { return nil, full },
		"to be written": func() (Scratch, error) { return &brokenScratch{write: full}, nil },
		"to be read":    func() (Scratch, error) { return &brokenScratch{read: full}, nil },
	} {
		rules := rules(t)
		rules.Scratch = scratch
		if _, err := importOrders(t, strings.NewReader(text), rules); !errors.Is(err, full) || errors.As(err, new(*FileError)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

type brokenScratch struct{ write, read error }

func (b *brokenScratch) Write(p []byte) (int, error)           { return len(p), b.write }
func (b *brokenScratch) ReadAt(p []byte, _ int64) (int, error) { return 0, b.read }
func (b *brokenScratch) Close() error                          { return nil }

func TestNoScratchFileForASmallFileAndNoneLeftBehind(t *testing.T) {
	open, made := 0, 0
	rules := rules(t)
	rules.Scratch = func() (Scratch, error) {
		open++
		made++
		return &countedScratch{open: &open}, nil
	}
	text := header + strings.Repeat("2016-10-30,9:58:11,1,Bread\n2016-10-30,9:58:11,2,Gold\n", 500)
	rules.Memory = 0
	mustImport(t, text, rules)
	if made != 0 {
		t.Errorf("a small file made %d scratch files", made)
	}
	rules.Memory = 1 << 10
	mustImport(t, text, rules)
	if made != 2 || open != 0 {
		t.Errorf("a large file made %d scratch files and left %d open", made, open)
	}
}

type countedScratch struct {
	data bytes.Buffer
	open *int
}

func (c *countedScratch) Write(p []byte) (int, error) { return c.data.Write(p) }
func (c *countedScratch) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(c.data.Bytes()).ReadAt(p, at)
}
func (c *countedScratch) Close() error { *c.open--; return nil }
