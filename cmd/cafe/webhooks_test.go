package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Killed while webhooks are delivered and refused: every order's events arrive, in their order
// apart from repetitions, each under one id.
func TestKilledWhileItDeliversWebhooksNothingIsLost(t *testing.T) {
	t.Setenv("CAFE_WEBHOOKS_LOOPBACK", "true")
	var mu sync.Mutex
	ids, order, refused, calls := map[string]string{}, map[string][]string{}, map[string]bool{}, 0
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var event struct{ ID, Type, Subject string }
		if err != nil || json.Unmarshal(body, &event) != nil || event.ID != r.Header.Get("webhook-id") {
			return // cut off
		}
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls%7 == 0 && !refused[event.ID] { // once, so that the next try comes soon
			refused[event.ID] = true
			w.WriteHeader(500)
			return
		}
		what := event.Subject + " " + event.Type
		if _, again := ids[what]; !again {
			order[event.Subject] = append(order[event.Subject], event.Type)
			ids[what] = event.ID
		}
		if ids[what] != event.ID {
			t.Errorf("%s has ids %s and %s", what, ids[what], event.ID)
		}
	}))
	defer receiver.Close()
	data := t.TempDir()
	s := openShop(t, data)
	tokens := map[string]string{"staff": s.token("staff"), "owner": s.token("owner")}
	s.tokens = tokens
	var hook struct{ ID string }
	if status := s.call("owner", "POST", "/webhooks", map[string]any{"url": receiver.URL, "types": []string{"order.placed", "order.preparing"}}, &hook); status != 201 {
		t.Fatalf("webhook answered %d", status)
	}
	var placed []string
	for round := range 3 {
		for n := range 12 {
			status, _, answer, err := s.ask("staff", "POST", "/orders", `{"lines":[{"sku":"latte","quantity":1}]}`, fmt.Sprintf("Idempotency-Key: %d-%d", round, n))
			var o struct{ ID string }
			if err != nil || status != 201 || json.Unmarshal(answer, &o) != nil {
				t.Fatalf("order answered %d, %v", status, err)
			}
			placed = append(placed, o.ID)
			if status, _, _, err := s.ask("staff", "PUT", "/orders/"+o.ID+"/status", `{"status":"preparing"}`); err != nil || status != 200 {
				t.Fatalf("move answered %d, %v", status, err)
			}
		}
		time.Sleep(time.Duration(10+round*25) * time.Millisecond) // anywhere in the deliveries
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		s.cmd.Wait()
		s.client.CloseIdleConnections()
		s = openShop(t, data)
		s.tokens = tokens
	}
	deadline := time.Now().Add(60 * time.Second)
	for _, id := range placed {
		for {
			mu.Lock()
			got := order["/orders/"+id]
			mu.Unlock()
			if len(got) == 2 {
				if got[0] != "order.placed" {
					t.Errorf("order %s: %q", id, got)
				}
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("order %s: only %q arrived", id, got)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	if err := s.close(); err != nil {
		t.Errorf("SIGTERM: %v: %s", err, s.stderr)
	}
}
