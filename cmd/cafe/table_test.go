package main

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"
)

// The same café on a DynamoDB table: the table is made, the sample menu is loaded, and the
// tab follows the order through the table's own stream.
func TestServeOnADynamoDBTable(t *testing.T) {
	if os.Getenv("AWS_ENDPOINT_URL_DYNAMODB") == "" {
		t.Skip(`SKIPPED: no DynamoDB Local; eval "$(.ci/dynamodb-local env)" starts one`)
	}
	data, table := t.TempDir(), fmt.Sprintf("cafe-%d", time.Now().UnixNano())
	s := openShop(t, data, "-table", table)
	var order struct{ ID string }
	for range 2 { // a repeat is the same order
		if status := s.call("customer", "POST", "/orders", json.RawMessage(oneTea), &order, "Idempotency-Key: k"); status != 201 {
			t.Fatalf("order answered %d", status)
		}
	}
	balance := func(s *shop) int64 {
		var c struct{ Balance int64 }
		s.call("staff", "GET", "/customers/alice", nil, &c)
		return c.Balance
	}
	follows := func(s *shop, want int64) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); balance(s) != want; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("balance %d, want %d: %s", balance(s), want, s.stderr)
			}
		}
	}
	follows(s, 240)
	if err := s.close(); err != nil {
		t.Fatalf("SIGTERM: %v: %s", err, s.stderr)
	}
	again := openShop(t, data, "-table", table)
	if status := again.call("customer", "GET", "/orders/"+order.ID, nil, nil); status != 200 {
		t.Errorf("after a restart the order answers %d", status)
	}
	if status := again.call("staff", "PUT", "/orders/"+order.ID+"/status", json.RawMessage(`{"status":"cancelled"}`), nil); status != 200 {
		t.Errorf("cancelling answered %d", status)
	}
	follows(again, 0)
}
