package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// importing runs `cafe import` against the shop and returns what it printed and its status.
func (s *shop) importing(args ...string) (out, errs string, status int) {
	s.Helper()
	cmd := run(s.T, append([]string{"import", "-url", s.url, "-data", s.data}, args...)...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.Fatal(err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func fetch(t *testing.T, url string) (string, *http.Response) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), response
}

func TestAFileIsImportedByTheCommand(t *testing.T) {
	s := openShop(t, t.TempDir())
	sales := "order,date,time,item\n1,2017-03-17,09:00,tea\n1,2017-03-17,09:00,Latte\n2,2017-03-17,09:05,tee\n3,2017-03-17,09:10,None\n"
	path := write(t, "till 18% + märz.csv", sales)

	out, errs, status := s.importing(path, "-ignore", "NONE,Adjustment", "--dry-run")
	if want := `till 18% + märz.csv: 4 rows, 1 of them passed over
A dry run: nothing was stored. It would be
         1 order created
         0 orders unchanged
         1 order rejected

The file's totals, to compare with the till: 1 order, £5.90
  2017-03-17         1 order           £5.90

Columns read: date as date, item as item, order as order id, time as time of day

Notes:
  - prices are the menu's, since no column holds any that was read

Rejected:
  line 4      item: "tee" is no SKU and no name on the menu
`; !strings.HasPrefix(out, want) || status != 1 || errs != "" {
		t.Errorf("dry run: status %d, %s%s", status, errs, out)
	}
	var orders struct{ Orders []struct{ ID string } }
	if s.call("staff", "GET", "/orders", nil, &orders); len(orders.Orders) != 0 {
		t.Errorf("after a dry run there are %d orders", len(orders.Orders))
	}

	out, errs, status = s.importing("-ignore", "NONE", "-ignore", "Adjustment", path)
	if !strings.Contains(out, "1 order created\n") || strings.Contains(out, "dry run") || status != 1 {
		t.Errorf("status %d, %s%s", status, errs, out)
	}
	if s.call("staff", "GET", "/orders?day=2017-03-17", nil, &orders); len(orders.Orders) != 1 {
		t.Errorf("there are %d orders", len(orders.Orders))
	}
	tills(t, s)

	url := regexp.MustCompile(`http://\S+`).FindString(out)
	if !strings.HasPrefix(url, s.url+"/uploads/rejects/") {
		t.Fatalf("rejects are at %q", url)
	}
	text, response := fetch(t, url)
	if response.Header.Get("X-Request-Id") == "" {
		t.Error("the rejects have no request id")
	}
	if text != "order,date,time,item,reason\n2,2017-03-17,09:05,tee,\"item: \"\"tee\"\" is no SKU and no name on the menu\"\n" || response.StatusCode != 200 {
		t.Errorf("rejects are %d %q", response.StatusCode, text)
	}
	id, _, _ := strings.Cut(url[strings.LastIndex(url, "/")+1:], ".")
	if again, errs, status := s.importing("-rejects", id); again != text || status != 0 {
		t.Errorf("rejects again: %d %s%s", status, errs, again)
	}
	out, errs, status = s.importing(write(t, "mended.csv", strings.Replace(text, ",tee,", ",tea,", 1)))
	if !strings.Contains(out, "1 order created\n") || status != 0 || errs != "" {
		t.Errorf("mended: status %d, %s%s", status, errs, out)
	}

	folder := t.TempDir()
	for name, bad := range map[string]struct {
		args []string
		says string
	}{
		"no file":        {nil, "import takes one file"},
		"two files":      {[]string{path, path}, "import takes one file"},
		"missing file":   {[]string{path + "x"}, "no such file"},
		"a folder":       {[]string{folder}, folder + " is a folder"},
		"unknown kind":   {[]string{path, "-kind", "prices"}, "/kind must be orders, stock or menu"},
		"bad token":      {[]string{path, "-token", "x"}, "Unauthorized"},
		"unknown import": {[]string{"-rejects", "nothing"}, "Not found"},
		"empty file":     {[]string{write(t, "empty.csv", "")}, "empty.csv was not imported. The file is empty."},
		"no menu":        {[]string{path, "-kind", "menu"}, "needs a header row"},
		"damaged":        {[]string{write(t, "x.gz", "\x1f\x8bnothing")}, "ends too early"},
		"no café there":  {[]string{path, "-url", "http://127.0.0.1:1"}, "no café answers"},
	} {
		want := 1
		if strings.HasSuffix(bad.says, "takes one file") { // the call is wrong, whatever is in the file
			want = 2
		}
		if out, errs, status := s.importing(bad.args...); status != want || !strings.Contains(errs, bad.says) || out != "" || !strings.HasPrefix(errs, "cafe: ") {
			t.Errorf("%s: status %d, %s%s", name, status, errs, out)
		}
	}

	out, errs, status = s.importing("-kind", "menu", write(t, "menu.csv", "sku,name,price,counted\ncake,Cake,3.40,true\n"))
	if !strings.Contains(out, "1 item created\n         0 items updated\n") || !strings.Contains(out, "the sample menu is retired") || status != 0 {
		t.Errorf("menu: status %d, %s%s", status, errs, out)
	}
	out, errs, status = s.importing("-kind", "stock", write(t, "stock.csv", "sku,on_hand\ncake,12\n"))
	if !strings.Contains(out, "1 count created\n") || status != 0 {
		t.Errorf("stock: status %d, %s%s", status, errs, out)
	}
	var stock struct {
		Stock []struct {
			SKU    string
			OnHand int `json:"on_hand"`
		}
	}
	if s.call("staff", "GET", "/stock?limit=100", nil, &stock); !strings.Contains(fmt.Sprint(stock), "{cake 12}") {
		t.Errorf("%+v", stock)
	}
}

// tills imports files in shapes that went wrong once, each from a till of its own.
func tills(t *testing.T, s *shop) {
	t.Helper()
	rows := "1001,2017-02-05,08:15,Latte,2,3.50\n1002,2017-02-05,09:00,Espresso,1,2.40\n"
	head := "order_id,date,time,item,quantity,unit_price\n"
	for name, c := range map[string]struct {
		text   string
		args   []string
		status int
		says   []string
	}{
		"cr":    {text: strings.ReplaceAll(head+rows, "\n", "\r"), says: []string{"2 rows", "2 orders created", "2 orders, £9.40"}},
		"price": {text: strings.Replace(head, "unit_price", "Price", 1) + rows, says: []string{"Columns not read: Price", `not read: "Price"`, "prices are the menu's"}},
		"refund": {text: "order_id,date,time,item,quantity,Net Sales,Event Type\n1,2017-02-05,08:14,Latte,2,$7.00,Payment\n2,2017-02-05,09:14,Latte,1,-$3.50,Refund\n",
			says: []string{"1 order, £3.50", "an order gives back 3.50", "amounts are marked $"}},
		"tab":   {text: "order_id,date,time,item,customer_id\n1,2017-02-05,08:14,Latte,dave\n", args: []string{"-payment", "account"}, says: []string{"1 order created"}},
		"empty": {text: head, status: 1, says: []string{"no row beneath it"}},
		"json":  {text: "{}\n", status: 1, says: []string{`Its first line is "{}"`}},
	} {
		out, errs, status := s.importing(append(c.args, "-source", name, write(t, name+".csv", c.text))...)
		for _, says := range c.says {
			if !strings.Contains(out+errs, says) || status != c.status {
				t.Errorf("%s: status %d, no %q in %s%s", name, status, says, errs, out)
			}
		}
	}
	var orders struct{ Orders []struct{ Payment string } }
	if s.call("staff", "GET", "/orders?customer_id=dave", nil, &orders); len(orders.Orders) != 1 || orders.Orders[0].Payment != "account" {
		t.Errorf("%+v", orders)
	}
	days := []importDay{{"2017-01-31", 1, 100}}
	for i := range 31 {
		days = append(days, importDay{fmt.Sprintf("2017-02-%02d", i+1), 2, 10})
	}
	if got := fmt.Sprint(byPeriod(days)); got != "[{2017-01 1 100} {2017-02 62 310}]" {
		t.Errorf("by month: %s", got)
	}
}

func TestAddressesOfFilesAreRefusedAsTheAPIDoes(t *testing.T) {
	s := openShop(t, t.TempDir())
	for _, path := range []string{"/uploads/imports/x/y.csv?expires=1&signature=x", "/uploads/", "/uploads/link.key"} {
		text, response := fetch(t, s.url+path)
		if response.StatusCode/100 != 4 || response.Header.Get("Content-Type") != "application/problem+json" ||
			response.Header.Get("X-Request-Id") == "" || !strings.Contains(text, `"request_id":"`+response.Header.Get("X-Request-Id")) {
			t.Errorf("%s: %d %v %s", path, response.StatusCode, response.Header, text)
		}
	}
	if _, response := fetch(t, s.url+"/uploads"); response.StatusCode != 404 {
		t.Errorf("/uploads: %d", response.StatusCode)
	}
	cmd := run(t, "serve", "-addr", "127.0.0.1:0", "-data", t.TempDir())
	cmd.Env = append(cmd.Env, "CAFE_URL=nowhere")
	if out, err := cmd.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("CAFE_URL is not an address")) {
		t.Errorf("%v: %s", err, out)
	}
}

func TestASecondFileForAFinishedImportIsRefused(t *testing.T) {
	s := openShop(t, t.TempDir())
	var begun struct {
		ID        string
		UploadURL string `json:"upload_url"`
	}
	if status := s.call("staff", "POST", "/imports", map[string]any{"kind": "orders", "name": "till.csv"}, &begun); status != 201 {
		t.Fatalf("answered %d", status)
	}
	send := func(item string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequest("PUT", begun.UploadURL, strings.NewReader("order,date,time,item\n"+item+",2017-03-17,09:00,"+item+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		b, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response, string(b)
	}
	if response, text := send("tea"); response.StatusCode != 200 {
		t.Fatalf("%s %s", response.Status, text)
	}
	var result importResult
	for deadline := time.Now().Add(10 * time.Second); result.Status != "done" && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		s.call("staff", "GET", "/imports/"+begun.ID, nil, &result)
	}
	response, text := send("latte")
	if response.StatusCode != 409 || response.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(text, `"type":"/problems/import-finished"`) {
		t.Errorf("%s %s", response.Status, text)
	}
}

// Case 51 of the reliability list, with a process that ends for real.
func TestCase51AnImportThatIsCutOffGoesOnWhenTheCafeOpensAgain(t *testing.T) {
	const orders = 6000
	var b strings.Builder
	b.WriteString("order,date,time,item\n")
	for i := range orders {
		fmt.Fprintf(&b, "%d,2017-03-%02d,09:%02d,tea\n", i, 1+i%17, i%60)
	}
	for name, end := range map[string]func(*shop) error{
		"SIGTERM": (*shop).close,
		"kill -9": func(s *shop) error { s.cmd.Process.Kill(); s.cmd.Wait(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, t.TempDir())
			var begun struct {
				ID        string
				UploadURL string `json:"upload_url"`
			}
			if status := s.call("staff", "POST", "/imports", map[string]any{"kind": "orders", "name": "till.csv"}, &begun); status != 201 {
				t.Fatalf("answered %d", status)
			}
			r, err := http.NewRequest("PUT", begun.UploadURL, strings.NewReader(b.String()))
			if err != nil {
				t.Fatal(err)
			}
			response, err := s.client.Do(r)
			if err != nil || response.StatusCode != 200 || response.Header.Get("X-Request-Id") == "" {
				t.Fatalf("upload: %v, %v", response, err)
			}
			response.Body.Close()
			result := func(s *shop) (r importResult) {
				s.call("staff", "GET", "/imports/"+begun.ID, nil, &r)
				return r
			}
			for result(s).Status == "waiting" {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(30 * time.Millisecond) // in the midst of it
			if err := end(s); err != nil {
				t.Errorf("end: %v: %s", err, s.stderr)
			}

			again := openShop(t, s.data)
			first := result(again)
			for deadline := time.Now().Add(30 * time.Second); first.Status != "done" && time.Now().Before(deadline); first = result(again) {
				time.Sleep(10 * time.Millisecond)
			}
			if first.Status != "done" || first.Rows != orders || first.Created != orders || first.Unchanged != 0 || first.Rejected != 0 {
				t.Errorf("%+v\n%s", first, again.stderr)
			}
			if !eventuallyEmpty(filepath.Join(s.data, "files", "arrived")) {
				t.Error("the upload is not dealt with")
			}
		})
	}
}

// eventuallyEmpty tells whether a folder is empty within a second.
func eventuallyEmpty(dir string) bool {
	for range 100 {
		if left, err := os.ReadDir(dir); err == nil && len(left) == 0 {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

func TestRowsAreCountedForTheProgressBar(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	io.WriteString(w, "a,b\n1,2\n3,4")
	w.Close()
	for text, want := range map[string]int64{
		"": 0, "a,b": 0, "a,b\n": 0, "a,b\n1,2": 1, "a,b\r\n1,2\r\n3,4\r\n": 2, packed.String(): 2, "\x1f\x8bno": 0,
	} {
		f, err := os.Open(write(t, "file", text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := countRows(f)
		again, _ := io.ReadAll(f)
		if got != want || err != nil || string(again) != text {
			t.Errorf("%q has %d rows, %v; want %d", text, got, err, want)
		}
		f.Close()
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is written %s", n, got)
		}
	}
}

// Where there is no terminal, how far it is stands on lines.
func TestProgressWithoutATerminalIsLines(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out)
	p.at("importing", "rows", 10, 20000)
	p.line = p.line.Add(-lineEvery)
	p.at("importing", "rows", 12345, 12000)
	p.at("importing", "rows", 12346, 12000)
	p.end()
	if out.String() != "importing: 12,345 of 12,345 rows\n" {
		t.Errorf("%q", out.String())
	}
}
