package api_test

import (
	"strings"
	"testing"
)

// fill makes three customers with tabs of 350 and 240, and an order that is due.
func fillTabs(s *service) {
	s.Helper()
	for customer, sku := range map[string]string{"alice": "latte", "bob": "tea", "carol": "tea"} {
		s.call(sam, "POST", "/orders", `{"customer_id":"`+customer+`","lines":[{"sku":"`+sku+`","quantity":1}]}`).want(201)
	}
	s.call(sam, "POST", "/orders", `{"payment":"open","lines":[{"sku":"cake","quantity":1}]}`).want(201)
	if _, err := s.cafe.Ledger.Reconcile(s.Context(), false); err != nil { // nobody follows the stream here
		s.Fatal(err)
	}
}

func TestTheBooksComeAsCSVToo(t *testing.T) {
	s := open(t)
	fillTabs(s)
	for path, want := range map[string]string{
		"/journal":                   "date,close,of,entry,kind,id,name,net,debit,credit,currency\n",
		"/journal?preset=xero":       "*Narration,*Date,Description,*AccountCode,*TaxRate,*Amount,TrackingName1,TrackingOption1,TrackingName2,TrackingOption2\n",
		"/journal?preset=quickbooks": "Journal No,Journal Date,",
		"/days":                      "day,",
		"/customers":                 "id,",
		"/customers?owing=true":      "id,",
		"/orders":                    "order_id,",
		"/customers/alice/statement": "day,",
	} {
		got := s.call(sam, "GET", path, "", "Accept: text/csv").want(200)
		lines := strings.ReplaceAll(string(got.body), "\r\n", "\n")
		if !strings.HasPrefix(lines, want) || strings.Count(lines, "\n") < 2 {
			t.Errorf("%s: %s", path, lines)
		}
		if h := got.header; h.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.HasPrefix(h.Get("Content-Disposition"), `attachment; filename="`) || h.Get("ETag") == "" {
			t.Errorf("%s: %v", path, h)
		}
		again := s.call(sam, "GET", path, "", "Accept: text/csv", "If-None-Match: "+got.header.Get("ETag")).want(304)
		if len(again.body) > 0 {
			t.Errorf("%s: 304 with %q", path, again.body)
		}
	}
}

func TestACursorIsGoodForItsQueryOnly(t *testing.T) {
	s := open(t)
	fillTabs(s)
	for path, other := range map[string]string{
		"/customers":                  "/customers?owing=true",
		"/customers?owing=true":       "/customers",
		"/orders":                     "/orders?due=true",
		"/orders?customer_id=walk-in": "/orders",
		"/orders?sort=oldest":         "/orders",
	} {
		glue := func(path string) string {
			if strings.Contains(path, "?") {
				return path + "&"
			}
			return path + "?"
		}
		if path == "/orders?customer_id=walk-in" {
			s.call(sam, "POST", "/orders", `{"lines":[{"sku":"tea","quantity":1}]}`).want(201)
		}
		var page struct {
			Next string `json:"next_cursor"`
		}
		s.call(sam, "GET", glue(path)+"limit=1", "").want(200).json(&page)
		if page.Next == "" {
			t.Fatalf("%s has one page", path)
		}
		s.call(sam, "GET", glue(path)+"limit=2&cursor="+page.Next, "").want(200)
		s.call(sam, "GET", glue(other)+"limit=1&cursor="+page.Next, "").wantProblem(400, "malformed-request", "cursor")
	}
}
