package api_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"testing"
)

// Every list, read by pages of any size, has what the whole list has, in the same order.
func TestListsReadByPagesHaveEverythingOnce(t *testing.T) {
	s := open(t)
	for n := range 5 {
		s.call(sam, "PUT", fmt.Sprintf("/menu/bun%d", n), fmt.Sprintf(`{"name":"Bun %d","price":100,"counted":true}`, n)).want(201)
		s.call(sam, "PUT", fmt.Sprintf("/stock/bun%d", n), `{"on_hand":20}`).want(200)
		s.call(alice, "POST", "/orders", fmt.Sprintf(`{"lines":[{"sku":"bun%d","quantity":1}]}`, n)).want(201)
		s.call(sam, "POST", "/customers/alice/payments", fmt.Sprintf(`{"amount":%d}`, n+1)).want(201)
		s.call(sam, "POST", "/waste", fmt.Sprintf(`{"sku":"bun%d","quantity":1}`, n)).want(201)
	}
	today := s.call(alice, "GET", "/orders?limit=1", "").want(200)
	var orders struct {
		Orders []struct {
			Day string `json:"business_day"`
		}
	}
	today.json(&orders)
	for _, list := range []struct{ who, path, member, by string }{
		{sam, "/menu", "items", "sku"}, {sam, "/stock", "stock", "sku"}, {alice, "/orders", "orders", "id"},
		{sam, "/orders?day=" + orders.Orders[0].Day, "orders", "id"}, {sam, "/customers/alice/payments", "payments", "id"},
		{sam, "/waste?day=" + orders.Orders[0].Day, "waste", "id"},
	} {
		t.Run(list.path, func(t *testing.T) {
			address, err := url.Parse(list.path)
			if err != nil {
				t.Fatal(err)
			}
			read := func(limit int) (found []string) {
				for cursor := ""; ; {
					query := address.Query()
					query.Set("limit", fmt.Sprint(limit))
					if cursor != "" {
						query.Set("cursor", cursor)
					}
					var page map[string]json.RawMessage
					s.call(list.who, "GET", address.Path+"?"+query.Encode(), "").want(200).json(&page)
					var rows []map[string]any
					if err := json.Unmarshal(page[list.member], &rows); err != nil {
						t.Fatalf("%s: %v", page, err)
					}
					if len(rows) > limit {
						t.Fatalf("%d rows on a page of %d", len(rows), limit)
					}
					for _, row := range rows {
						found = append(found, row[list.by].(string))
					}
					next := page["next_cursor"]
					if cursor = ""; next != nil {
						if err := json.Unmarshal(next, &cursor); err != nil {
							t.Fatal(err)
						}
					}
					if cursor == "" || len(found) > 100 {
						return found
					}
				}
			}
			whole := read(50)
			if len(whole) < 5 {
				t.Fatalf("only %q", whole)
			}
			for limit := range 7 {
				if got := read(limit + 1); !slices.Equal(got, whole) {
					t.Errorf("by %d: %q, want %q", limit+1, got, whole)
				}
			}
		})
	}
}
