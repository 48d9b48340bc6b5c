package api_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"cafe/internal/table/tabletest"
)

// logged returns a buffer that gets the log from now on, in the format of the Lambda functions.
func logged(t *testing.T) *bytes.Buffer {
	t.Helper()
	var lines bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &lines
}

func TestCase48APanicSaysWhereAndNotWhat(t *testing.T) {
	const canary = "kanari"
	type person struct{ Name, Email string }
	s := open(t)
	lines := logged(t)
	body := `{"customer_id":"` + canary + `","note":"` + canary + `","lines":[{"sku":"tea","quantity":1}]}`
	for what, c := range map[string]struct {
		panics func()
		kind   string
	}{
		"a name":                              {func() { panic(canary + " Smith") }, "string"},
		"a person":                            {func() { panic(person{canary, canary + "@example.com"}) }, "api_test.person"},
		"a pointer to one":                    {func() { panic(&person{Name: canary}) }, "*api_test.person"},
		"an error that quotes the request":    {func() { panic(fmt.Errorf("place %s: %w", body, errors.New(canary))) }, "*fmt.wrapError"},
		"an error with a token":               {func() { panic(errors.New("Bearer " + canary)) }, "*errors.errorString"},
		"headers":                             {func() { panic(map[string][]string{"Cookie": {canary}}) }, "map[string][]string"},
		"an index that is out of range":       {func() { _ = []string{canary}[len(canary)] }, "index out of range [6] with length 1"},
		"a person where a number is expected": {func() { _ = any(person{Name: canary}).(int) }, "api_test.person, not int"},
		"a key that cannot be one":            {func() { _ = map[any]int{}[[]string{canary}] }, "hash of unhashable type: []string"},
		"nothing":                             {func() { panic(nil) }, "panic called with nil argument"},
	} {
		t.Run(what, func(t *testing.T) {
			s := &service{T: t, front: s.front, issuer: s.issuer, faults: s.faults}
			s.faults.Set(func(call tabletest.Call) tabletest.Fault {
				if call.Method == "Write" {
					c.panics()
				}
				return tabletest.Fault{}
			})
			lines.Reset()
			a := s.call(sam, "POST", "/orders", body, "Idempotency-Key: "+canary, "Cookie: session="+canary,
				"User-Agent: "+canary, "X-Request-Id: "+canary).wantProblem(500, "internal")
			if a.header.Get("Content-Type") != "application/problem+json" || strings.Contains(fmt.Sprint(a.header, string(a.body)), canary) {
				t.Errorf("answered %v %s", a.header, a.body)
			}
			log := lines.String()
			if strings.Contains(strings.ToLower(log), canary) || strings.Contains(log, "Bearer") || strings.Contains(log, "eyJ") {
				t.Errorf("the log has what the client sent: %s", log)
			}
			for _, want := range []string{`"msg":"panic"`, c.kind, "(*Cafe).Place(", "placeOrder(", `"route":"/orders"`, a.header.Get("X-Request-Id")} {
				if !strings.Contains(log, want) {
					t.Errorf("the log does not say %s: %s", want, log)
				}
			}
			if n := strings.Count(log, `"msg":"panic"`); n != 1 {
				t.Errorf("the panic is logged %d times", n)
			}
		})
	}
	s.faults.Set(nil)
	s.call(alice, "POST", "/orders", latte).want(201)
}
