package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// Case 45 in docs/reliability.md: every route with every kind of caller. The test compares
// its rows with the router's, so that no new route is forgotten.
func TestEveryRouteForEveryCaller(t *testing.T) {
	// The status of a well-formed request for each kind of caller.
	const anyone, known, own, staffUp, ownerOnly = "anyone", "anyone with a token", "own", "staff", "owner"
	rows := map[string]struct {
		who, path, body string
		ok              int // for callers who may call it
	}{
		"GET /health":                    {anyone, "/health", "", 200},
		"GET /openapi.json":              {anyone, "/openapi.json", "", 200},
		"GET /asyncapi.json":             {anyone, "/asyncapi.json", "", 200},
		"GET /docs":                      {anyone, "/docs", "", 200},
		"GET /problems/:kind":            {anyone, "/problems/out-of-stock", "", 200},
		"GET /menu":                      {anyone, "/menu", "", 200},
		"GET /menu/:sku":                 {anyone, "/menu/tea", "", 200},
		"PUT /menu/:sku":                 {staffUp, "/menu/tea", `{"name":"Tea","price":240}`, 200},
		"DELETE /menu/:sku":              {ownerOnly, "/menu/soup", "", 204},
		"GET /pricing":                   {anyone, "/pricing", "", 200},
		"PUT /pricing":                   {ownerOnly, "/pricing", document, 200},
		"POST /orders/quote":             {own, "/orders/quote", `{"customer_id":"alice","lines":[{"sku":"tea","quantity":1}]}`, 200},
		"POST /orders":                   {own, "/orders", `{"customer_id":"alice","lines":[{"sku":"tea","quantity":1}]}`, 201},
		"GET /orders":                    {own, "/orders?customer_id=alice", "", 200},
		"GET /orders/:id":                {own, "/orders/ORDER", "", 200},
		"PATCH /orders/:id":              {own, "/orders/ORDER", `{"note":"n"}`, 200},
		"PUT /orders/:id/status":         {own, "/orders/ORDER/status", `{"status":"cancelled"}`, 200},
		"DELETE /orders/:id":             {staffUp, "/orders/ORDER", "", 204},
		"POST /orders/:id/payments":      {staffUp, "/orders/OPEN/payments", `{"method":"card","amount":100}`, 201},
		"POST /orders/:id/refunds":       {staffUp, "/orders/ORDER/refunds", `{"amount":100,"reason":"cold"}`, 201},
		"GET /orders/:id/history":        {own, "/orders/ORDER/history", "", 200},
		"GET /orders/:id/receipt":        {own, "/orders/ORDER/receipt", "", 200},
		"GET /customers":                 {staffUp, "/customers?owing=true", "", 200},
		"GET /customers/:id/statement":   {own, "/customers/alice/statement", "", 200},
		"GET /days":                      {staffUp, "/days", "", 200},
		"GET /days/:day":                 {staffUp, "/days/today", "", 200},
		"POST /days/:day/close":          {ownerOnly, "/days/2017-03-17/close", `{"counted":{"cash":0}}`, 201},
		"GET /journal":                   {staffUp, "/journal", "", 200},
		"GET /customers/:id":             {own, "/customers/alice", "", 200},
		"PUT /customers/:id":             {staffUp, "/customers/alice", `{"name":"Alice"}`, 200},
		"DELETE /customers/:id":          {ownerOnly, "/customers/alice", "", 204},
		"POST /customers/:id/payments":   {staffUp, "/customers/alice/payments", `{"amount":100}`, 201},
		"GET /customers/:id/payments":    {own, "/customers/alice/payments", "", 200},
		"GET /stock":                     {staffUp, "/stock", "", 200},
		"PUT /stock/:sku":                {staffUp, "/stock/cake", `{"on_hand":5}`, 200},
		"POST /waste":                    {staffUp, "/waste", `{"sku":"cake","quantity":1}`, 201},
		"GET /waste":                     {staffUp, "/waste", "", 200},
		"POST /imports":                  {staffUp, "/imports", `{"kind":"orders","name":"till.csv"}`, 201},
		"GET /imports":                   {staffUp, "/imports", "", 200},
		"DELETE /imports/:id":            {ownerOnly, "/imports/IMPORT", "", 200},
		"GET /imports/:id":               {staffUp, "/imports/IMPORT", "", 200},
		"POST /webhooks":                 {ownerOnly, "/webhooks", `{"url":"https://example.com/hook"}`, 201},
		"GET /webhooks":                  {ownerOnly, "/webhooks", "", 200},
		"GET /webhooks/:id":              {ownerOnly, "/webhooks/HOOK", "", 200},
		"PATCH /webhooks/:id":            {ownerOnly, "/webhooks/HOOK", `{"status":"disabled"}`, 200},
		"DELETE /webhooks/:id":           {ownerOnly, "/webhooks/HOOK", "", 204},
		"POST /webhooks/:id/rotate":      {ownerOnly, "/webhooks/HOOK/rotate", "", 200},
		"POST /webhooks/:id/test":        {ownerOnly, "/webhooks/HOOK/test", "", 202},
		"POST /webhooks/:id/redeliver":   {ownerOnly, "/webhooks/HOOK/redeliver", `{"from":"oldest"}`, 202},
		"GET /webhooks/:id/deliveries":   {ownerOnly, "/webhooks/HOOK/deliveries", "", 200},
		"GET /dead-letters":              {ownerOnly, "/dead-letters", "", 200},
		"POST /dead-letters/:id/redrive": {ownerOnly, "/dead-letters/stream-ledger-1/redrive", "", 202},
		"DELETE /dead-letters/:id":       {ownerOnly, "/dead-letters/stream-ledger-1", "", 204},
		"GET /events":                    {known, "/events", "", 200},
		"GET /reports/:day":              {ownerOnly, "/reports/2017-03-18", "", 200},
		"POST /reports/:day":             {ownerOnly, "/reports/2017-03-18", "", 200},
		"POST /reconcile":                {ownerOnly, "/reconcile?dry_run=true", "", 200},
	}
	// The status for another customer on a route that customers may call for themselves.
	stranger := map[string]int{"POST /orders": 403, "POST /orders/quote": 403, "GET /orders": 403}

	s := open(t)
	seen := map[string]bool{}
	for _, r := range s.router.Routes() {
		name := r.Method + " " + r.Path
		if r.Method == http.MethodHead {
			if _, has := rows["GET "+r.Path]; !has {
				t.Errorf("%s has no GET", name)
			}
			continue
		}
		row, has := rows[name]
		if !has {
			t.Errorf("%s is not in the table", name)
			continue
		}
		seen[name] = true
		for who, rank := range map[string]int{nobody: 0, bob: 1, alice: 2, sam: 3, olivia: 4} {
			want := row.ok
			switch {
			case row.who == anyone:
			case rank == 0:
				want = 401
			case row.who == own && rank == 1:
				want = 404
				if status := stranger[name]; status != 0 {
					want = status
				}
			case row.who == staffUp && rank < 3, row.who == ownerOnly && rank < 4:
				want = 403
			}
			t.Run(name+" as "+who, func(t *testing.T) {
				s := priced(t)
				id := s.call(alice, "POST", "/orders", latte).want(201).get("id")
				unpaid := s.call(sam, "POST", "/orders", `{"payment":"open","lines":[{"sku":"tea","quantity":1}]}`).want(201).get("id")
				s.call(sam, "PUT", "/customers/alice", `{"name":"Alice"}`).want(201)
				im := s.call(sam, "POST", "/imports", `{"kind":"menu","name":"menu.csv"}`).want(201).get("id")
				s.keepLetter("1")
				hook := s.call(olivia, "POST", "/webhooks", `{"url":"https://example.com/hook"}`).want(201).get("id")
				headers := []string{}
				if r.Method == http.MethodPatch {
					headers = append(headers, `If-Match: "1"`)
				}
				a := s.call(who, r.Method, strings.NewReplacer("ORDER", id, "OPEN", unpaid, "IMPORT", im, "HOOK", hook).Replace(row.path), row.body, headers...).want(want)
				if want == 401 && a.header.Get("WWW-Authenticate") == "" {
					t.Error("no WWW-Authenticate")
				}
			})
		}
	}
	for name := range rows {
		if !seen[name] {
			t.Errorf("%s is in the table and not in the router", name)
		}
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	s := open(t)
	for _, path := range []string{"/", "/nothing", "/orders/", "/orders/x/y", "/menu/tea/", "/orders/../menu", "//menu", "/ORDERS"} {
		s.call(alice, "GET", path, "").wantProblem(404, "not-found")
	}
	for path, allow := range map[string]string{
		"/orders": "GET HEAD POST", "/orders/x": "DELETE GET HEAD PATCH", "/health": "GET HEAD", "/orders/x/status": "PUT", "/orders/quote": "POST",
	} {
		a := s.call(alice, "TRACE", path, "").wantProblem(405, "method-not-allowed")
		got := strings.FieldsFunc(a.header.Get("Allow"), func(r rune) bool { return r == ',' || r == ' ' })
		for _, method := range strings.Fields(allow) {
			if !strings.Contains(" "+strings.Join(got, " ")+" ", " "+method+" ") {
				t.Errorf("%s allows %v, want %s", path, got, allow)
			}
		}
		if len(got) != len(strings.Fields(allow)) {
			t.Errorf("%s allows %v, want %s", path, got, allow)
		}
	}
}

// Case 40 in docs/reliability.md.
func TestStrangeIDsAreNotFound(t *testing.T) {
	s := open(t)
	for _, id := range []string{"%00", "a%00b", "..", "%2e%2e", "a%2Fb", "a%2fstatus", "%23", "%25zz", "a%20b", "%ff", strings.Repeat("x", 65), "caf%C3%A9"} {
		s.call(sam, "GET", "/orders/"+id, "").wantProblem(404, "not-found")
		s.call(sam, "GET", "/customers/"+id, "").wantProblem(404, "not-found")
		if a := s.call(sam, "PUT", "/customers/"+id, `{"name":"x"}`); a.status != 422 && a.status != 404 {
			t.Errorf("PUT /customers/%s: %d", id, a.status)
		}
	}
	if n := s.stored("C#"); n != 0 {
		t.Errorf("%d customers were stored", n)
	}
}

func TestMenuRequests(t *testing.T) {
	s := open(t)
	a := s.call(sam, "PUT", "/menu/mocha", `{"sku":"mocha","name":"Mocha","category":"coffee","price":380,"options":[{"id":"oat","name":"Oat","price":40}],"counted":false,"active":true}`).want(201)
	if got := s.call(nobody, "GET", "/menu/mocha", "").want(200); string(got.body) != string(a.body) {
		t.Errorf("read back %s, put %s", got.body, a.body)
	}
	s.call(sam, "PUT", "/menu/mocha", `{"name":"Mocha","price":390}`).want(200)
	for body, fields := range map[string]string{
		`{}`:                                     "/name /price",
		`{"name":"","price":1}`:                  "/name",
		`{"name":"M","price":-1}`:                "/price",
		`{"name":"M","price":1.5}`:               "/price",
		`{"name":"M","price":1e2}`:               "/price",
		`{"name":"M","price":null}`:              "/price",
		`{"name":"M","price":"1"}`:               "/price",
		`{"name":"M","price":1,"x":1}`:           "/x",
		`{"sku":"other","name":"M","price":1}`:   "/sku",
		`{"name":"M","price":1,"counted":"yes"}`: "/counted",
		`{"name":"M","price":1,"options":[{"id":"a","name":"A","price":1},{"id":"a","name":"A"}]}`: "/options/1/price /options/1/id",
		`{"name":"M","price":1,"options":[{"id":"a b","name":"A","price":1}]}`:                     "/options/0/id",
		`{"name":"M","price":9007199254740993}`:                                                    "/price",
	} {
		s.call(sam, "PUT", "/menu/mocha", body).wantProblem(422, "validation", strings.Fields(fields)...)
	}
	s.call(sam, "PUT", "/menu/a%20b", `{"name":"M","price":1}`).wantProblem(422, "validation", "sku")
	s.call(olivia, "DELETE", "/menu/mocha", "").want(204)
	s.call(olivia, "DELETE", "/menu/mocha", "").wantProblem(404, "not-found")
	s.call(nobody, "GET", "/menu/mocha", "").wantProblem(404, "not-found")
}

func TestChangesOfTheMenuHonourPreconditions(t *testing.T) {
	s := open(t)
	const latte, gold = `{"name":"Flat white","price":360}`, `{"name":"Gold","price":9}`
	tag := s.call(nobody, "GET", "/menu/latte", "").want(200).header.Get("ETag")
	for _, c := range []struct {
		who, method, path, body string
		header                  string
		status                  int
	}{
		{sam, "PUT", "/menu/latte", latte, `If-Match: "zz"`, 412},
		{sam, "PUT", "/menu/latte", latte, `If-Match: ` + strings.Trim(tag, `"`), 400},
		{sam, "PUT", "/menu/latte", latte, `If-None-Match: ` + strings.Trim(tag, `"`), 400},
		{sam, "PUT", "/menu/latte", latte, `If-Match: W/` + tag, 412},
		{sam, "PUT", "/menu/latte", latte, `If-None-Match: *`, 412},
		{sam, "PUT", "/menu/latte", latte, `If-None-Match: ` + tag, 412},
		{sam, "PUT", "/menu/latte", `{}`, `If-Match: "zz"`, 422},
		{sam, "PUT", "/menu/gold", gold, `If-Match: *`, 412},
		{sam, "PUT", "/menu/gold", gold, `If-Match: ` + tag, 412},
		{olivia, "DELETE", "/menu/latte", "", `If-Match: "zz"`, 412},
		{olivia, "DELETE", "/menu/gold", "", `If-Match: *`, 404},
	} {
		s.call(c.who, c.method, c.path, c.body, c.header).want(c.status)
	}
	if got := s.call(nobody, "GET", "/menu/latte", "").want(200); got.header.Get("ETag") != tag {
		t.Errorf("it is %s", got.body)
	}
	s.call(nobody, "GET", "/menu/gold", "").wantProblem(404, "not-found")

	changed := s.call(sam, "PUT", "/menu/latte", latte, "If-Match: "+tag).want(200).header.Get("ETag")
	s.call(sam, "PUT", "/menu/latte", latte, "If-Match: "+tag).wantProblem(412, "precondition-failed")
	s.call(sam, "PUT", "/menu/latte", latte, "If-Match: *").want(200)
	s.call(sam, "PUT", "/menu/latte", latte, `If-None-Match: "zz"`).want(200)
	s.call(sam, "PUT", "/menu/gold", gold, "If-None-Match: *").want(201)
	s.call(olivia, "DELETE", "/menu/latte", "", "If-Match: "+tag).wantProblem(412, "precondition-failed")
	s.call(olivia, "DELETE", "/menu/latte", "", "If-Match: "+changed).want(204)
}

func TestChangesOfCustomersHonourPreconditions(t *testing.T) {
	s := open(t)
	const body = `{"name":"Alice"}`
	s.call(sam, "PUT", "/customers/alice", body, "If-Match: *").wantProblem(412, "precondition-failed")
	s.call(sam, "PUT", "/customers/alice", body, `If-Match: "0"`).wantProblem(412, "precondition-failed")
	s.call(sam, "PUT", "/customers/alice", body, "If-None-Match: *").want(201)
	s.call(sam, "PUT", "/customers/alice", `{"name":"Bob"}`, "If-None-Match: *").wantProblem(412, "precondition-failed")
	s.call(sam, "PUT", "/customers/alice", body, `If-Match: "1"`).want(200)
	s.call(olivia, "DELETE", "/customers/alice", "").want(204)
	s.call(sam, "PUT", "/customers/alice", body, "If-Match: *").wantProblem(412, "precondition-failed")
	s.call(sam, "PUT", "/customers/alice", body, "If-None-Match: *").want(201)

	order := "/orders/" + s.call(alice, "POST", "/orders", latte).want(201).get("id")
	s.call(alice, "PATCH", order, `{"note":"n"}`, "If-None-Match: *").wantProblem(428, "precondition-required")
	s.call(alice, "PATCH", order, `{"note":"n"}`, "If-Match: *", "If-None-Match: *").wantProblem(412, "precondition-failed")
	s.call(sam, "PUT", order+"/status", `{"status":"ready"}`, "If-None-Match: *").wantProblem(412, "precondition-failed")
	s.call(sam, "DELETE", order, "", "If-None-Match: *").wantProblem(412, "precondition-failed")
}

func TestStockRequests(t *testing.T) {
	s := open(t)
	a := s.call(sam, "PUT", "/stock/cake", `{"on_hand":7}`).want(200)
	if string(a.body) != `{"sku":"cake","name":"Cake","on_hand":7}` {
		t.Errorf("%s", a.body)
	}
	if got := s.call(sam, "GET", "/stock", "").get("stock"); got != `[{"sku":"cake","name":"Cake","on_hand":7}]` {
		t.Errorf("%s", got)
	}
	for body, field := range map[string]string{`{}`: "/on_hand", `{"on_hand":-1}`: "/on_hand", `{"on_hand":1000001}`: "/on_hand", `{"on_hand":1.0}`: "/on_hand", `{"on_hand":null}`: "/on_hand"} {
		s.call(sam, "PUT", "/stock/cake", body).wantProblem(422, "validation", field)
	}
	s.call(sam, "PUT", "/stock/gold", `{"on_hand":1}`).wantProblem(404, "not-found")
	s.call(sam, "PUT", "/stock/tea", `{"on_hand":1}`).wantProblem(422, "validation", "sku")
}

func TestWasteRequests(t *testing.T) {
	s := open(t)
	s.call(sam, "PUT", "/stock/cake", `{"on_hand":7}`).want(200)
	first := s.call(sam, "POST", "/waste", `{"sku":"cake","quantity":3,"reason":"left over"}`, "Idempotency-Key: k").want(201)
	if first.get("from_stock") != "3" || first.get("name") != "Cake" || first.get("business_day") != s.today() {
		t.Errorf("%s", first.body)
	}
	again := s.call(sam, "POST", "/waste", `{"reason":"left over","sku":"cake","quantity":3}`, "Idempotency-Key: k").want(201)
	if string(again.body) != string(first.body) || again.header.Get("Idempotent-Replayed") != "true" || first.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("%s\n%s", first.body, again.body)
	}
	s.call(sam, "POST", "/waste", `{"sku":"cake","quantity":2}`, "Idempotency-Key: k").wantProblem(422, "idempotency-key-reused")
	if got := s.call(sam, "POST", "/waste", `{"sku":"cake","quantity":30}`).want(201); got.get("from_stock") != "4" || got.get("reason") != "" {
		t.Errorf("%s", got.body)
	}
	if got := s.call(sam, "GET", "/stock", "").get("stock"); got != `[{"sku":"cake","name":"Cake","on_hand":0}]` {
		t.Errorf("%s", got)
	}
	for body, field := range map[string]string{
		`{"quantity":1}`: "/sku", `{"sku":"cake"}`: "/quantity", `{"sku":"cake","quantity":0}`: "/quantity", `{"sku":"cake","quantity":1000001}`: "/quantity",
		`{"sku":"cake","quantity":1.5}`: "/quantity", `{"sku":"gold","quantity":1}`: "/sku", `{"sku":"a b","quantity":1}`: "/sku",
		`{"sku":"cake","quantity":1,"reason":"` + strings.Repeat("a", 501) + `"}`: "/reason", `{"sku":"cake","quantity":1,"day":"2017-03-18"}`: "/day",
	} {
		s.call(sam, "POST", "/waste", body).wantProblem(422, "validation", field)
	}
	page := s.call(olivia, "GET", "/waste?limit=1", "").want(200)
	next := s.call(olivia, "GET", "/waste?limit=1&cursor="+page.get("next_cursor"), "").want(200)
	if !strings.Contains(page.get("waste"), `"quantity":30`) || next.get("waste") != "["+string(first.body)+"]" || next.get("next_cursor") != "" {
		t.Errorf("%s\n%s", page.body, next.body)
	}
	if got := s.call(sam, "GET", "/waste?day=2017-03-01", "").want(200); got.get("waste") != "[]" {
		t.Errorf("%s", got.body)
	}
	s.call(sam, "GET", "/waste?day=today", "").wantProblem(400, "malformed-request", "day")
}

func TestTodaysReportGoesByThatName(t *testing.T) {
	s := open(t)
	if got := s.call(olivia, "GET", "/reports/today", "").want(200); got.get("day") != s.today() || got.get("partial") != "true" {
		t.Errorf("%.200s", got.body)
	}
	if got := s.call(olivia, "POST", "/reports/today", "").want(200); got.get("day") != s.today() || got.get("revision") != "1" {
		t.Errorf("%.200s", got.body)
	}
	s.call(olivia, "GET", "/reports/Today", "").wantProblem(404, "not-found")
	s.call(sam, "GET", "/reports/today", "").wantProblem(403, "forbidden")
}

func TestCustomerAndPaymentRequests(t *testing.T) {
	s := open(t)
	s.call(sam, "GET", "/customers/alice", "").wantProblem(404, "not-found")
	a := s.call(sam, "PUT", "/customers/alice", `{"name":"Alice","email":"alice@example.com","credit_limit":5000,"notify":true}`).want(201)
	want := `{"id":"alice","name":"Alice","email":"alice@example.com","notify":true,"credit_limit":5000,"balance":0,"orders":0,"spent":0,"last_order_at":null,"alert":{"armed":true,"crossings":0},"version":1}`
	if string(a.body) != want {
		t.Errorf("put %s, want %s", a.body, want)
	}
	if got := s.call(alice, "GET", "/customers/alice", "").want(200); string(got.body) != want {
		t.Errorf("read back %s", got.body)
	}
	if got := s.call(sam, "PUT", "/customers/alice", `{"name":"Alice B."}`).want(200).get("credit_limit"); got != "10000" {
		t.Errorf("without a limit of her own it is %s", got)
	}
	for body, field := range map[string]string{
		`{}`: "/name", `{"name":null}`: "/name", `{"name":"A","email":"alice"}`: "/email", `{"name":"A","email":"Alice <a@b.c>"}`: "/email",
		`{"name":"A","notify":true}`: "/email", `{"name":"A","credit_limit":-1}`: "/credit_limit", `{"name":"A","balance":0}`: "/balance",
		`{"name":"A\nB"}`: "/name", `{"id":"bob","name":"A"}`: "/id", `{"name":"A","credit_limit":1e3}`: "/credit_limit",
	} {
		s.call(sam, "PUT", "/customers/alice", body).wantProblem(422, "validation", field)
	}
	s.call(sam, "PUT", "/customers/walk-in", `{"name":"A"}`).wantProblem(422, "validation", "id")
	s.call(sam, "POST", "/customers/walk-in/payments", `{"amount":1}`).wantProblem(422, "validation", "id")

	first := s.call(sam, "POST", "/customers/alice/payments", `{"amount":1500,"note":"cash"}`, "Idempotency-Key: k").want(201)
	again := s.call(sam, "POST", "/customers/alice/payments", `{"note":"cash","amount":1500}`, "Idempotency-Key: k").want(201)
	if string(first.body) != string(again.body) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%s and %s", first.body, again.body)
	}
	s.call(sam, "POST", "/customers/alice/payments", `{"amount":1501,"note":"cash"}`, "Idempotency-Key: k").wantProblem(422, "idempotency-key-reused")
	for body, field := range map[string]string{`{}`: "/amount", `{"amount":0}`: "/amount", `{"amount":-5}`: "/amount", `{"amount":1.5}`: "/amount", `{"amount":1000000000001}`: "/amount", `{"amount":1,"note":null}`: "/note"} {
		s.call(sam, "POST", "/customers/alice/payments", body).wantProblem(422, "validation", field)
	}
	s.call(sam, "POST", "/customers/alice/payments", `{"amount":1}`).want(201)
	page := s.call(alice, "GET", "/customers/alice/payments?limit=1", "").want(200)
	if page.get("next_cursor") == "" || s.call(alice, "GET", "/customers/alice/payments?limit=1&cursor="+page.get("next_cursor"), "").want(200).get("next_cursor") != "" {
		t.Errorf("payments do not page: %s", page.body)
	}
	s.call(olivia, "DELETE", "/customers/alice", "").want(204)
	s.call(sam, "GET", "/customers/alice", "").wantProblem(404, "not-found")
	s.call(olivia, "DELETE", "/customers/alice", "").wantProblem(404, "not-found")
	s.call(sam, "PUT", "/customers/alice", `{"name":"Alice again"}`).want(201)
}

func TestCORSAllowsOneOrigin(t *testing.T) {
	s := open(t)
	pre := s.call(nobody, "OPTIONS", "/orders", "", "Origin: https://app.example.com", "Access-Control-Request-Method: POST").want(204)
	if pre.header.Get("Access-Control-Allow-Origin") != "https://app.example.com" || !strings.Contains(pre.header.Get("Access-Control-Allow-Headers"), "Idempotency-Key") {
		t.Errorf("%v", pre.header)
	}
	if a := s.call(alice, "GET", "/orders", "", "Origin: https://app.example.com"); a.header.Get("Access-Control-Allow-Origin") == "" || a.header.Get("Vary") != "Origin" {
		t.Errorf("%v", a.header)
	}
	if a := s.call(alice, "GET", "/orders", "", "Origin: https://evil.example.com"); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin is let in: %v", a.header)
	}
	s.call(nobody, "OPTIONS", "/orders", "", "Origin: https://evil.example.com", "Access-Control-Request-Method: POST").wantProblem(405, "method-not-allowed")
}

func TestRequestIdsAreOurs(t *testing.T) {
	s := open(t)
	a := s.call(nobody, "GET", "/health", "", "X-Request-Id: forged")
	if id := a.header.Get("X-Request-Id"); id == "forged" || len(id) != 32 {
		t.Errorf("request id %q", id)
	}
}
