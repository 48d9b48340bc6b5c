package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cafe/api/rest"

	"cafe/api"
	"cafe/internal/cafetest"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
)

func TestAnImportFromItsRequestToItsResult(t *testing.T) {
	s := open(t)
	a := s.call(sam, "POST", "/imports", `{"kind":"orders","name":"till+18%.csv","source":"till","ignore_items":["NONE"],"payment":"account","dry_run":false}`).want(201)
	id := a.get("id")
	if a.header.Get("Location") != "/imports/"+id || a.header.Get("Cache-Control") != "no-store" || a.get("expires_at") == "" {
		t.Errorf("%s %v", a.body, a.header)
	}
	key := cafetest.KeyOf("put", a.get("upload_url"))
	if key != "imports/"+id+"/till+18%.csv" {
		t.Errorf("the file goes to %q", key)
	}
	if got := s.call(sam, "GET", "/imports/"+id, "").want(200); !strings.Contains(string(got.body),
		`"kind":"orders","name":"till+18%.csv","source":"till","payment":"account","dry_run":false,"status":"waiting",`) || !strings.HasSuffix(string(got.body),
		`"finished_at":null,"rows":0,"created":0,"updated":0,"unchanged":0,"rejected":0,"skipped_rows":0,"errors":[],"notes":[]}`) {
		t.Errorf("before the upload: %s", got.body)
	}
	if err := s.files.Put(t.Context(), key, strings.NewReader("order,date,time,item,Net total,customer_id\n1,2017-03-17,09:00,tea,9,alice\n2,2017-03-17,09:00,tee,9,\n3,2017-03-17,10:00,none,9,\n")); err != nil {
		t.Fatal(err)
	}
	if err := s.cafe.Imports.Run(t.Context(), s.files, key); err != nil {
		t.Fatal(err)
	}
	a = s.call(olivia, "GET", "/imports/"+id, "").want(200)
	for _, want := range []string{
		`"rows":3,"created":1,"updated":0,"unchanged":0,"rejected":1,"skipped_rows":1,`,
		`"errors":[{"line":3,"reason":"item: \"tee\" is no SKU and no name on the menu"}],"rejects_url":"https://files.example/rejects/` + id + `.csv?get",`,
		`"totals":{"orders":1,"revenue":240,"currency":"GBP","by_day":[{"day":"2017-03-17","orders":1,"revenue":240}]},`,
		`"customer":"customer_id"`, `"order id":"order"`, `"time of day":"time"`, `},"not_read":["Net total"]},`,
		`"notes":["a column that may hold money, a void or a refund was not read: \"Net total\"","prices are the menu's, since no column holds any that was read"]}`,
	} {
		if !strings.Contains(string(a.body), want) {
			t.Errorf("after it: %s\nhas no %s", a.body, want)
		}
	}
	if a := s.call(sam, "GET", "/orders?day=2017-03-17", "").want(200); !strings.Contains(string(a.body), `"customer_id":"alice","payment":"account"`) {
		t.Errorf("account was said, and not heard: %s", a.body)
	}
	s.call(sam, "HEAD", "/imports/"+id, "").want(200)
	s.call(sam, "GET", "/imports/nobody", "").wantProblem(404, "not-found")

	empty := s.call(sam, "POST", "/imports", `{"kind":"menu","name":"menu.csv"}`).want(201)
	if err := s.files.Put(t.Context(), cafetest.KeyOf("put", empty.get("upload_url")), strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	if err := s.cafe.Imports.Run(t.Context(), s.files, cafetest.KeyOf("put", empty.get("upload_url"))); err != nil {
		t.Fatal(err)
	}
	if a := s.call(sam, "GET", "/imports/"+empty.get("id"), "").want(200); a.get("status") != "failed" || a.get("errors") != `[{"line":0,"reason":"The file is empty."}]` || a.get("rejects_url") != "" {
		t.Errorf("of an empty file: %s", a.body)
	}
}

func TestBadImportRequestsAreRefusedByField(t *testing.T) {
	s := open(t)
	for body, fields := range map[string]string{
		`{}`:                                                     "/kind /name",
		`{"kind":"prices","name":"a"}`:                           "/kind",
		`{"kind":null,"name":"a"}`:                               "/kind",
		`{"kind":"orders","name":""}`:                            "/name",
		`{"kind":"orders","name":"a\u0000"}`:                     "/name",
		`{"kind":"orders","name":"a","source":""}`:               "/source",
		`{"kind":"orders","name":"a","source":"two words"}`:      "/source",
		`{"kind":"orders","name":"a","source":null}`:             "/source",
		`{"kind":"orders","name":"a","ignore_items":"NONE"}`:     "/ignore_items",
		`{"kind":"orders","name":"a","ignore_items":["x",""]}`:   "/ignore_items/1",
		`{"kind":"orders","name":"a","ignore_items":["x",null]}`: "/ignore_items/1",
		`{"kind":"orders","name":"a","ignore_items":null}`:       "/ignore_items",
		`{"kind":"orders","name":"a","ignore_items":["x"` + strings.Repeat(`,"x"`, 100) + `]}`:                   "/ignore_items",
		`{"kind":"orders","name":"a","payment":"card"}`:                                                          "/payment",
		`{"kind":"orders","name":"a","payment":""}`:                                                              "/payment",
		`{"kind":"orders","name":"a","payment":null}`:                                                            "/payment",
		`{"kind":"orders","name":"a","dry_run":"yes"}`:                                                           "/dry_run",
		`{"kind":"orders","name":"a","dry-run":true}`:                                                            "/dry-run",
		`{"kind":"orders","name":"` + strings.Repeat("é", 101) + `","source":"` + strings.Repeat("x", 65) + `"}`: "/name /source",
	} {
		s.call(sam, "POST", "/imports", body).wantProblem(422, "validation", strings.Fields(fields)...)
	}
	if n := s.stored("I#"); n != 0 {
		t.Errorf("%d imports are stored", n)
	}
	s.faults.Set(tabletest.Always(tabletest.Fault{Before: table.ErrThrottled}))
	s.call(sam, "POST", "/imports", `{"kind":"orders","name":"a"}`).wantProblem(503, "unavailable")
	s.call(sam, "GET", "/imports/x", "").wantProblem(503, "unavailable")
}

func TestImportsAreListedAndTakenBack(t *testing.T) {
	s := open(t)
	if a := s.call(sam, "GET", "/imports", "").want(200); string(a.body) != `{"imports":[]}` {
		t.Errorf("%s", a.body)
	}
	bring := func(source, text string) (id, key string) {
		t.Helper()
		a := s.call(sam, "POST", "/imports", `{"kind":"orders","name":"till.csv","source":"`+source+`"}`).want(201)
		key = cafetest.KeyOf("put", a.get("upload_url"))
		if err := s.files.Put(t.Context(), key, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		if err := s.cafe.Imports.Run(t.Context(), s.files, key); err != nil {
			t.Fatal(err)
		}
		return a.get("id"), key
	}
	const text = "order,date,time,item\n1,2017-03-17,09:00,tea\n2,2017-03-17,09:05,tea\n"
	id, _ := bring("till", text)
	other, _ := bring("pos", text)
	if notes := s.call(sam, "GET", "/imports/"+other, "").want(200).get("notes"); !strings.HasPrefix(notes, `["most orders look like those of import `+id+` (source till, till.csv): 2 of 2`) {
		t.Errorf("notes %s", notes)
	}

	s.call(sam, "DELETE", "/imports/"+other, "").wantProblem(403, "forbidden")
	s.call(olivia, "DELETE", "/imports/nothing", "").wantProblem(404, "not-found")
	s.cafe.Imports.UndoTime = 0
	a := s.call(olivia, "DELETE", "/imports/"+other, "").want(202)
	if string(a.body) != `{"removed":2,"kept":[],"kept_count":0,"finished_at":null}` {
		t.Errorf("%s", a.body)
	}
	for range 2 {
		a = s.call(olivia, "DELETE", "/imports/"+other, "").want(200)
		if !strings.HasPrefix(string(a.body), `{"removed":2,"kept":[],"kept_count":0,"finished_at":"`) {
			t.Errorf("%s", a.body)
		}
	}
	if got := s.call(sam, "GET", "/imports/"+other, "").want(200); got.get("undo") != string(a.body) || got.get("status") != "done" || got.get("created") != "2" {
		t.Errorf("%s", got.body)
	}

	page := s.call(sam, "GET", "/imports?limit=1", "").want(200)
	if got := page.get("imports"); !strings.HasPrefix(got, `[{"id":"`+other+`","kind":"orders","name":"till.csv","source":"pos",`) || !strings.Contains(got, `"undo":{"removed":2,"kept_count":0,"finished_at":"`) {
		t.Errorf("%s", got)
	}
	next := s.call(sam, "GET", "/imports?limit=1&cursor="+page.get("next_cursor"), "").want(200)
	if got := next.get("imports"); !strings.HasPrefix(got, `[{"id":"`+id+`",`) || strings.Contains(got, "undo") || next.get("next_cursor") != "" {
		t.Errorf("%s", next.body)
	}
	s.call(olivia, "GET", "/imports?limit=1&cursor="+page.get("next_cursor"), "").wantProblem(400, "malformed-request", "cursor")
	s.call(sam, "GET", "/imports?limit=1", "", "If-None-Match: "+page.header.Get("ETag")).want(304)

	// While an import runs, nobody takes it back.
	begun := s.call(sam, "POST", "/imports", `{"kind":"orders","name":"till.csv"}`).want(201)
	key := cafetest.KeyOf("put", begun.get("upload_url"))
	s.files.Fail(func(string, string) error { return cafetest.ErrDown })
	if err := s.cafe.Imports.Run(t.Context(), s.files, key); err == nil {
		t.Fatal("it was not interrupted")
	}
	s.files.Fail(nil)
	s.call(olivia, "DELETE", "/imports/"+begun.get("id"), "").wantProblem(409, "import-running")
	s.faults.Set(tabletest.Always(tabletest.Fault{Before: table.ErrThrottled}))
	s.call(sam, "GET", "/imports", "").wantProblem(503, "unavailable")
	s.call(olivia, "DELETE", "/imports/"+id, "").wantProblem(503, "unavailable")
}

func TestAFileThatIsNotServedIsAProblemToo(t *testing.T) {
	r := httptest.NewRequestWithContext(rest.WithRequestID(t.Context(), "a-request"), "GET", "/uploads/x", nil)
	w := httptest.NewRecorder()
	api.RefuseFile(w, r, http.StatusServiceUnavailable, "unavailable", "Unavailable", "Not now.")
	if w.Header().Get("X-Request-Id") != "a-request" || w.Header().Get("Retry-After") != "1" {
		t.Errorf("%v", w.Header())
	}
	answer{t, w.Code, w.Header(), w.Body.Bytes()}.wantProblem(503, "unavailable")
}
