package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/report"
)

// sold places an order of two teas and posts it to the ledger.
func (s *service) sold() {
	s.Helper()
	id := s.call(sam, "POST", "/orders", `{"lines":[{"sku":"tea","quantity":2}]}`).want(201).get("id")
	key := table.Key{PK: "O#" + id, SK: "O"}
	item, err := s.faults.Get(s.Context(), key, true)
	if err != nil {
		s.Fatal(err)
	}
	if err := s.cafe.Ledger.Post(s.Context(), []records.Change{{Key: key, New: item}})[0]; err != nil {
		s.Fatal(err)
	}
}

func (s *service) today() string { return string(s.cafe.Calendar.DayOf(time.Now())) }

func TestAReportComesInTheFormThatIsAskedFor(t *testing.T) {
	s := open(t)
	s.sold()
	path := "/reports/" + s.today()
	for accept, want := range map[string]string{
		"":                                  "application/json",
		"*/*":                               "application/json",
		"application/json":                  "application/json",
		"text/html":                         "text/html; charset=utf-8",
		"text/plain":                        "text/plain; charset=utf-8",
		"text/*":                            "text/html; charset=utf-8",
		"application/pdf, text/plain;q=0.1": "text/plain; charset=utf-8",
		// This is what a browser sends.
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8": "text/html; charset=utf-8",
		"application/json;q=0.5, text/html;q=0.4, text/plain;q=0.6":                             "text/plain; charset=utf-8",
		"text/*;q=0.9, text/html;q=0, application/json;q=0.1":                                   "text/plain; charset=utf-8",
		"*/*, application/json;q=0":                                                             "text/html; charset=utf-8",
		"TEXT/HTML; Charset=UTF-8":                                                              "text/html; charset=utf-8",
		"nonsense, text/plain":                                                                  "text/plain; charset=utf-8",
		"text/plain;q=2, text/html;q=0.1":                                                       "text/html; charset=utf-8",
		",,;":                                                                                   "application/json",
	} {
		headers := []string{"Accept: " + accept}
		if accept == "" {
			headers = nil
		}
		a := s.call(olivia, "GET", path, "", headers...).want(200)
		if got := a.header.Get("Content-Type"); got != want {
			t.Errorf("%q: %s, want %s", accept, got, want)
		}
		if vary := a.header.Values("Vary"); !strings.Contains(strings.Join(vary, ","), "Accept") {
			t.Errorf("%q: varies by %q", accept, vary)
		}
		if a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%q: cached as %q", accept, a.header.Get("Cache-Control"))
		}
		head := s.call(olivia, "HEAD", path, "", headers...).want(200)
		if head.header.Get("Content-Type") != want || len(head.body) != 0 {
			t.Errorf("HEAD with %q: %s, %d bytes", accept, head.header.Get("Content-Type"), len(head.body))
		}
	}
	for _, accept := range []string{"application/pdf", "application/xml, image/*", "*/*;q=0", "text/html;q=0"} {
		s.call(olivia, "GET", path, "", "Accept: "+accept).wantProblem(406, "not-acceptable")
	}

	page := s.call(olivia, "GET", path, "", "Accept: text/html")
	if csp := page.header.Get("Content-Security-Policy"); csp != "default-src 'none'; style-src 'unsafe-inline'" || !strings.Contains(string(page.body), "£4.80") {
		t.Errorf("policy %q: %s", csp, page.body)
	}
	if text := s.call(olivia, "GET", path, "", "Accept: text/plain"); !strings.Contains(string(text.body), "£4.80 from 1 order") {
		t.Errorf("%s", text.body)
	}
	var r report.Report
	s.call(olivia, "GET", path, "").json(&r)
	if r.Day != model.Day(s.today()) || r.Revision != 0 || !r.Partial || r.Orders != 1 || r.Revenue != 480 {
		t.Errorf("%+v", r)
	}
}

func TestAReportIsBuiltAgainAndSent(t *testing.T) {
	s := open(t)
	s.sold()
	day := string(model.Day(s.today()).AddDays(-1))
	for revision := range 2 {
		var r report.Report
		built := s.call(olivia, "POST", "/reports/"+day, "").want(200).json(&r)
		if r.Revision != revision+1 || r.Day != model.Day(day) || r.Partial {
			t.Errorf("%+v", r)
		}
		if read := s.call(olivia, "GET", "/reports/"+day, "").want(200); string(read.body) != string(built.body) {
			t.Errorf("built %s\nread %s", built.body, read.body)
		}
		if n := s.stored("A#"); n != revision+1 {
			t.Errorf("%d messages in the outbox", n)
		}
	}
}

func TestDaysWithoutAReportAre404(t *testing.T) {
	s := open(t)
	tomorrow := string(model.Day(s.today()).AddDays(1))
	for day, sentence := range map[string]string{
		"2017-02-29": "no such date",
		"2017-3-18":  "no such date",
		"yesterday":  "no such date",
		"%00":        "no such date",
		"9999-12-31": "9999-12-31 lies ahead: today is " + s.today() + ".",
		tomorrow:     tomorrow + " lies ahead: today is ",
		"0000-01-01": "0000-01-01 is before 1970.",
	} {
		for _, method := range []string{"GET", "POST"} {
			a := s.call(olivia, method, "/reports/"+day, "").wantProblem(404, "not-found")
			var p struct{ Detail string }
			if a.json(&p); !strings.Contains(p.Detail, sentence) {
				t.Errorf("%s %s: %q, want %q", method, day, p.Detail, sentence)
			}
		}
	}
	// A day long before the café existed has no report, and the answer says so.
	var r report.Report
	if s.call(olivia, "GET", "/reports/1970-01-01", "").want(200).json(&r); r.Orders != 0 || len(r.NeedsALook) != 1 {
		t.Errorf("%+v", r)
	}
}

// A stored report or day that was changed by hand is an error and not a panic.
func TestADamagedReportIsAnErrorWithoutDetails(t *testing.T) {
	s := open(t)
	day := string(model.Day(s.today()).AddDays(-1))
	s.call(olivia, "POST", "/reports/"+day, "").want(200)
	for _, op := range []table.Op{
		table.Put(table.Key{PK: "R#" + day, SK: "000001"}, table.Item{"json": table.Bytes([]byte("no gzip")), "mail": table.Bytes(nil), "subject": table.String("s")}),
		table.Put(table.Key{PK: "R#" + day, SK: "000001"}, table.Item{}),
		table.Put(table.Key{PK: "D", SK: day}, table.Item{"late": table.String("many")}),
		table.Put(table.Key{PK: "D", SK: day}, table.Item{"built_at": table.Int(1), "sold": table.Int(1), "sold_out": table.Int(1)}),
		table.Put(table.Key{PK: "L#" + s.today() + "#0", SK: "O#x"}, table.Item{"items": table.Int(1)}),
		table.Put(table.Key{PK: "L#" + s.today() + "#0", SK: "S#x"}, table.Item{"at": table.String("noon")}),
	} {
		before, err := s.faults.Get(t.Context(), op.Key, true)
		if err != nil {
			before = nil
		}
		if err := s.faults.Write(t.Context(), op); err != nil {
			t.Fatal(err)
		}
		damaged := day
		if op.Key.PK != "R#"+day {
			damaged = s.today()
		}
		a := s.call(olivia, "GET", "/reports/"+damaged, "").wantProblem(500, "internal")
		if strings.Contains(string(a.body), "gzip") || strings.Contains(string(a.body), "attribute") {
			t.Errorf("%s", a.body)
		}
		undo := table.Delete(op.Key)
		if before != nil {
			undo = table.Put(op.Key, before)
		}
		if err := s.faults.Write(t.Context(), undo); err != nil {
			t.Fatal(err)
		}
	}
	s.call(olivia, "GET", "/reports/"+day, "").want(200)
}

// The report of a café that has sold nothing has all fields of the contract, and no list is
// null.
func TestAnEmptyReportHasEveryField(t *testing.T) {
	s := open(t)
	var fields map[string]json.RawMessage
	s.call(olivia, "GET", "/reports/2017-03-18", "").want(200).json(&fields)
	for _, name := range strings.Fields("day revision built_at partial currency orders revenue average cancelled items hours compared bake yesterdays_forecast pairs needs_a_look") {
		if value := string(fields[name]); value == "" || value == "null" {
			t.Errorf("%s is %q", name, value)
		}
	}
}
