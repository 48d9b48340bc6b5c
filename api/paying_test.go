package api_test

import (
	"strings"
	"testing"
)

// opened places an order to be paid later, a walk-in's: a tea of 2.40 and a latte of 3.50.
func (s *service) opened() string {
	return "/orders/" + s.call(sam, "POST", "/orders", `{"payment":"open","lines":[{"sku":"tea","quantity":1},{"sku":"latte","quantity":1}]}`).want(201).get("id")
}

func TestAnOpenOrderIsPaidInParts(t *testing.T) {
	s := open(t)
	order := s.opened()
	if a := s.call(sam, "GET", order, "").want(200); a.get("due") != "590" || a.get("paid") != "0" || a.get("payments") != "[]" {
		t.Errorf("%s", a.body)
	}
	card := s.call(sam, "POST", order+"/payments", `{"method":"card","amount":90,"reference":"4711"}`, "Idempotency-Key: k").want(201)
	if card.get("due") != "500" || card.get("reference") != "4711" || card.get("change") != "0" {
		t.Errorf("%s", card.body)
	}
	again := s.call(sam, "POST", order+"/payments", `{"amount":90,"reference":"4711","method":"card"}`, "Idempotency-Key: k").want(201)
	if again.get("id") != card.get("id") || again.header.Get("Idempotent-Replayed") != "true" || card.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("%s\n%s", card.body, again.body)
	}
	s.call(sam, "POST", order+"/payments", `{"method":"card","amount":91,"reference":"4711"}`, "Idempotency-Key: k").wantProblem(422, "idempotency-key-reused")
	s.call(sam, "POST", order+"/payments", `{"method":"card","amount":501}`).wantProblem(422, "validation", "/amount")
	if got := s.call(sam, "GET", "/orders?due=true", "").want(200); !strings.Contains(got.get("orders"), `"due":500`) {
		t.Errorf("%s", got.body)
	}
	cash := s.call(sam, "POST", order+"/payments", `{"method":"cash","amount":1000,"tip":50}`).want(201)
	if cash.get("amount") != "500" || cash.get("given") != "1000" || cash.get("change") != "500" || cash.get("tip") != "50" || cash.get("due") != "0" {
		t.Errorf("%s", cash.body)
	}
	s.call(sam, "POST", order+"/payments", `{"method":"cash","amount":1}`).wantProblem(422, "validation", "/amount")
	if a := s.call(sam, "GET", order, "").want(200); a.get("due") != "0" || a.get("paid") != "590" || a.get("version") != "3" {
		t.Errorf("%s", a.body)
	}
	if got := s.call(sam, "GET", "/orders?due=true", "").want(200); got.get("orders") != "[]" {
		t.Errorf("%s", got.body)
	}
	s.call(sam, "GET", "/orders?due=false", "").wantProblem(400, "malformed-request", "due")
}

func TestPaymentsThatAreRefused(t *testing.T) {
	s := open(t)
	order := s.opened()
	for body, fields := range map[string]string{
		`{}`:                       "/method /amount",
		`{"method":"","amount":1}`: "/method", `{"method":"account","amount":1}`: "/method", `{"method":"cheque","amount":-1}`: "/method /amount",
		`{"method":"card","amount":0}`: "/amount", `{"method":"card","amount":1000000000001}`: "/amount", `{"method":"card","amount":1.5}`: "/amount",
		`{"method":"card","amount":1,"tip":-1}`: "/tip", `{"method":"card","amount":1,"reference":"a\nb"}`: "/reference", `{"method":"card","amount":1,"x":1}`: "/x",
		`{"method":"card","amount":1,"reference":"` + strings.Repeat("a", 101) + `"}`: "/reference",
	} {
		s.call(sam, "POST", order+"/payments", body).wantProblem(422, "validation", strings.Fields(fields)...)
	}
	s.call(sam, "POST", "/orders/nothing/payments", `{"method":"card","amount":1}`).wantProblem(404, "not-found")
	tab := "/orders/" + s.call(alice, "POST", "/orders", latte).want(201).get("id")
	s.call(sam, "POST", tab+"/payments", `{"method":"card","amount":1}`).wantProblem(409, "not-payable")
	s.call(alice, "POST", tab+"/payments", `{"method":"card","amount":1}`).wantProblem(403, "forbidden")
	s.call(sam, "PUT", order+"/status", `{"status":"cancelled"}`).want(200)
	s.call(sam, "POST", order+"/payments", `{"method":"card","amount":1}`).wantProblem(409, "not-payable")
	if a := s.call(sam, "GET", order, "").want(200); a.get("payments") != "[]" {
		t.Errorf("%s", a.body)
	}
}

func TestAnOrderIsPaidInItsOwnRequest(t *testing.T) {
	s := open(t)
	const lines = `"lines":[{"sku":"tea","quantity":1}]`
	body := `{` + lines + `,"payments":[{"method":"voucher","amount":100},{"method":"cash","amount":500,"tip":20}]}`
	first := s.call(sam, "POST", "/orders", body, "Idempotency-Key: k").want(201)
	if first.get("paid") != "240" || first.get("due") != "0" || !strings.Contains(first.get("payments"), `"change":360`) {
		t.Errorf("%s", first.body)
	}
	again := s.call(sam, "POST", "/orders", body, "Idempotency-Key: k").want(201)
	if again.header.Get("Idempotent-Replayed") != "true" || again.get("payments") != first.get("payments") {
		t.Errorf("%s\n%s", first.body, again.body)
	}
	s.call(sam, "POST", "/orders", strings.Replace(body, "500", "501", 1), "Idempotency-Key: k").wantProblem(422, "idempotency-key-reused")
	for payments, fields := range map[string]string{
		`[{"method":"card","amount":100},{"method":"card","amount":141}]`: "/payments/1/amount",
		`[{"method":"gold","amount":-1}]`:                                 "/payments/0/method /payments/0/amount",
		`[{}]`:                                                            "/payments/0/method /payments/0/amount",
	} {
		s.call(sam, "POST", "/orders", `{`+lines+`,"payments":`+payments+`}`).wantProblem(422, "validation", strings.Fields(fields)...)
	}
	s.call(sam, "POST", "/orders", `{"customer_id":"alice",`+lines+`,"payments":[{"method":"card","amount":1}]}`).wantProblem(422, "validation", "/payments")
	s.call(alice, "POST", "/orders", `{"payment":"counter",`+lines+`,"payments":[{"method":"card","amount":1}]}`).wantProblem(422, "validation", "/payments")
	if got := s.call(sam, "POST", "/orders", `{"customer_id":"alice","payment":"open",`+lines+`,"payments":[{"method":"card","amount":40}]}`).want(201); got.get("due") != "200" {
		t.Errorf("%s", got.body)
	}
}

func TestAnUnpaidOrderIsCollectedOnlyIfStaffSaySo(t *testing.T) {
	s := open(t)
	order := s.opened()
	for _, status := range []string{"preparing", "ready"} {
		s.call(sam, "PUT", order+"/status", `{"status":"`+status+`"}`).want(200)
	}
	if p := s.call(sam, "PUT", order+"/status", `{"status":"collected"}`).wantProblem(409, "unpaid"); !strings.Contains(p.get("detail"), "£5.90") {
		t.Errorf("%s", p.body)
	}
	s.call(sam, "PUT", order+"/status", `{"status":"collected","unpaid":1}`).wantProblem(422, "validation", "/unpaid")
	s.call(sam, "PUT", order+"/status", `{"status":"ready","unpaid":true}`).wantProblem(422, "validation", "/unpaid")
	if got := s.call(sam, "PUT", order+"/status", `{"status":"collected","unpaid":true}`).want(200); got.get("due") != "590" {
		t.Errorf("%s", got.body)
	}
	s.call(olivia, "PUT", order+"/status", `{"status":"refunded"}`).wantProblem(409, "nothing-paid")
	s.call(sam, "POST", order+"/payments", `{"method":"card","amount":100}`).want(201)
	s.call(olivia, "PUT", order+"/status", `{"status":"refunded"}`).wantProblem(409, "unpaid")
	if got := s.call(sam, "GET", order+"/history", "").get("history"); !strings.Contains(got, `"what":"collected_unpaid"`) || !strings.Contains(got, `"by":"sam"`) {
		t.Errorf("%s", got)
	}
}

func TestRefundRequests(t *testing.T) {
	s := open(t)
	order := "/orders/" + s.call(sam, "POST", "/orders", `{"lines":[{"sku":"tea","quantity":2},{"sku":"cake","quantity":1}],"payments":[{"method":"card","amount":440}]}`).want(201).get("id")
	for body, fields := range map[string]string{
		`{}`: "/reason", `{"reason":""}`: "/reason", `{"reason":"` + strings.Repeat("a", 201) + `"}`: "/reason", `{"reason":null}`: "/reason",
		`{"reason":"cold","amount":0}`: "/amount", `{"reason":"cold","amount":-1}`: "/amount", `{"reason":"cold","amount":1,"lines":[{"line":0,"quantity":1}]}`: "/lines",
		`{"reason":"cold","lines":[]}`: "/lines", `{"reason":"cold","lines":[{}]}`: "/lines/0/line /lines/0/quantity", `{"reason":"cold","lines":[{"line":2,"quantity":1}]}`: "/lines/0/line",
		`{"reason":"cold","lines":[{"line":0,"quantity":3}]}`: "/lines/0/quantity", `{"reason":"cold","method":"account"}`: "/method", `{"reason":"cold","method":"gold"}`: "/method",
		`{"reason":"cold","amount":1,"restock":true}`: "/restock", `{"reason":"cold","method":""}`: "/method", `{"reason":"cold","amount":1,"y":2}`: "/y",
	} {
		s.call(olivia, "POST", order+"/refunds", body).wantProblem(422, "validation", strings.Fields(fields)...)
	}
	if p := s.call(sam, "POST", order+"/refunds", `{"lines":[{"line":0,"quantity":1}],"reason":"cold"}`).wantProblem(403, "refund-limit"); !strings.Contains(p.get("detail"), "£2.00") {
		t.Errorf("%s", p.body)
	}
	s.call(sam, "POST", order+"/refunds", `{"amount":200,"reason":"cold"}`).want(201)
	s.call(alice, "POST", order+"/refunds", `{"amount":1,"reason":"cold"}`).wantProblem(403, "forbidden")
	const one = `{"lines":[{"line":0,"quantity":1}],"reason":"cold","method":"cash"}`
	first := s.call(olivia, "POST", order+"/refunds", one, "Idempotency-Key: k").want(201)
	if first.get("amount") != "240" || first.get("method") != "cash" || first.get("lines") != `[{"line":0,"quantity":1}]` {
		t.Errorf("%s", first.body)
	}
	again := s.call(olivia, "POST", order+"/refunds", one, "Idempotency-Key: k").want(201)
	if string(again.body) != string(first.body) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%s\n%s", first.body, again.body)
	}
	s.call(olivia, "POST", order+"/refunds", `{"reason":"cold"}`, "Idempotency-Key: k").wantProblem(422, "idempotency-key-reused")
	total := s.call(sam, "GET", order, "").want(200)
	if total.get("refunded") != "440" || total.get("status") != "placed" {
		t.Errorf("%s", total.body)
	}
	s.call(olivia, "POST", order+"/refunds", `{"amount":100000,"reason":"cold"}`).wantProblem(409, "over-refund")
	s.call(sam, "PATCH", order, `{"note":"n"}`, `If-Match: *`).wantProblem(409, "not-amendable")
	if rest := s.call(olivia, "POST", order+"/refunds", `{"reason":"all of it","restock":true}`).want(201); rest.get("method") != "card" || rest.get("lines") != `[{"line":0,"quantity":1},{"line":1,"quantity":1}]` {
		t.Errorf("%s", rest.body)
	}
	s.call(olivia, "POST", order+"/refunds", `{"reason":"more"}`).wantProblem(409, "over-refund")
	if got := s.call(sam, "GET", "/stock", "").get("stock"); !strings.Contains(got, `"on_hand":10`) {
		t.Errorf("the cake is not back: %s", got)
	}
	s.call(olivia, "POST", s.opened()+"/refunds", `{"reason":"cold"}`).wantProblem(409, "nothing-paid")
}

func TestWhatWasPaidIsGivenBackBeforeAnOrderIsCancelled(t *testing.T) {
	s := open(t)
	order := s.opened()
	s.call(sam, "POST", order+"/payments", `{"method":"card","amount":150,"tip":10}`).want(201)
	if p := s.call(sam, "PUT", order+"/status", `{"status":"cancelled","reason":"no show"}`).wantProblem(409, "refund-first"); !strings.Contains(p.get("detail"), "£1.60") {
		t.Errorf("%s", p.body)
	}
	tag := s.call(sam, "GET", order, "").header.Get("ETag")
	s.call(sam, "PATCH", order, `{"lines":[{"sku":"cake","quantity":1}]}`, "If-Match: "+tag).want(200)
	s.call(sam, "PATCH", order, `{"lines":[{"sku":"scone","quantity":1}]}`, "If-Match: *").wantProblem(422, "validation", "/lines/0/sku")
	s.call(sam, "POST", order+"/refunds", `{"reason":"no show"}`).want(201)
	for body, field := range map[string]string{
		`{"status":"cancelled","reason":"` + strings.Repeat("a", 201) + `"}`: "/reason", `{"status":"ready","reason":"x"}`: "/reason", `{"status":"cancelled","reason":null}`: "/reason",
	} {
		s.call(sam, "PUT", order+"/status", body).wantProblem(422, "validation", field)
	}
	if got := s.call(sam, "PUT", order+"/status", `{"status":"cancelled","reason":"no show"}`).want(200); got.get("cancel_reason") != "no show" || got.get("due") != "0" || got.get("refunded") != "160" {
		t.Errorf("%s", got.body)
	}
}

func TestTheHistoryTellsCustomersNoNamesOfStaff(t *testing.T) {
	s := open(t)
	order := "/orders/" + s.call(alice, "POST", "/orders", latte).want(201).get("id")
	s.call(alice, "PATCH", order, `{"note":"n"}`, "If-Match: *").want(200)
	s.call(sam, "PUT", order+"/status", `{"status":"preparing"}`).want(200)
	for who, by := range map[string]string{alice: `"by":null,"role":"staff"`, sam: `"by":"sam","role":"staff"`} {
		got := s.call(who, "GET", order+"/history", "").want(200)
		if list := got.get("history"); !strings.Contains(list, by) || strings.Count(list, `"by":"alice","role":"customer"`) != 2 || !strings.Contains(list, `"what":"amended"`) {
			t.Errorf("%s: %s", who, list)
		}
		s.call(who, "GET", order+"/history", "", "If-None-Match: "+got.header.Get("ETag")).want(304)
	}
	s.call(bob, "GET", order+"/history", "").wantProblem(404, "not-found")
}

func TestReceiptsComeInThreeForms(t *testing.T) {
	s := priced(t)
	order := "/orders/" + s.call(sam, "POST", "/orders", `{"customer_id":"alice","payment":"counter","lines":[{"sku":"tea","quantity":2}],"payments":[{"method":"cash","amount":1000}]}`).want(201).get("id")
	for accept, want := range map[string]string{"text/plain": "Cash, given", "text/html": "<th scope=\"row\">Cash, given</th>", "application/json": `"tax_number":"GB123456789"`} {
		a := s.call(alice, "GET", order+"/receipt", "", "Accept: "+accept).want(200)
		if !strings.HasPrefix(a.header.Get("Content-Type"), accept) || !strings.Contains(string(a.body), want) || a.header.Get("Vary") == "" {
			t.Errorf("%s: %s %s", accept, a.header.Get("Content-Type"), a.body)
		}
	}
	s.call(alice, "GET", order+"/receipt", "", "Accept: image/png").wantProblem(406, "not-acceptable")
	s.call(bob, "GET", order+"/receipt", "").wantProblem(404, "not-found")
}

func TestAPaymentOntoATabSaysHow(t *testing.T) {
	s := open(t)
	if got := s.call(sam, "POST", "/customers/alice/payments", `{"amount":100,"method":"card"}`).want(201); got.get("method") != "card" {
		t.Errorf("%s", got.body)
	}
	if got := s.call(sam, "POST", "/customers/alice/payments", `{"amount":100}`).want(201); got.get("method") != "cash" {
		t.Errorf("%s", got.body)
	}
	for _, method := range []string{`""`, `"account"`, `null`, `1`} {
		s.call(sam, "POST", "/customers/alice/payments", `{"amount":100,"method":`+method+`}`).wantProblem(422, "validation", "/method")
	}
}
