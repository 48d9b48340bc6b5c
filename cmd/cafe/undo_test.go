package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestAnImportIsTakenBackByTheCommand(t *testing.T) {
	s := openShop(t, t.TempDir())
	path := write(t, "till.csv", "order,date,time,item\n1,2017-03-17,09:00,tea\n2,2017-03-17,09:05,latte\n3,2017-03-17,09:10,latte\n")
	if out, errs, status := s.importing("-list"); out != "no imports in the last 30 days\n" || status != 0 {
		t.Errorf("listed: status %d, %s%s", status, errs, out)
	}
	out, errs, status := s.importing(path)
	said := regexp.MustCompile(`To take it back: cafe import -undo (\S+)\n`).FindStringSubmatch(out)
	if said == nil || status != 0 {
		t.Fatalf("status %d, %s%s", status, errs, out)
	}
	id := said[1]
	out, errs, status = s.importing(path, "-source", "pos", "-dry-run")
	if want := "\n  - most orders look like those of import " + id + " (source till, till.csv): 3 of 3 that were compared"; !strings.Contains(out, want) || strings.Contains(out, "-undo") || status != 0 {
		t.Errorf("another source: status %d, %s%s has no %q", status, errs, out, want)
	}
	if out, errs, status = s.importing("-list"); status != 0 || !strings.HasPrefix(strings.SplitAfter(out, "\n")[1], id) || !strings.Contains(out, "done     3 orders created (dry run)  till.csv, source pos\n") ||
		!strings.Contains(out, "done     3 orders created  till.csv, source till\n") {
		t.Errorf("listed: status %d, %s%s", status, errs, out)
	}
	var orders struct{ Orders []struct{ ID, Status string } }
	s.call("staff", "GET", "/orders?day=2017-03-17", nil, &orders)
	if s.call("owner", "PUT", "/orders/"+orders.Orders[0].ID+"/status", map[string]string{"status": "refunded"}, nil) != 200 {
		t.Error("no order was refunded")
	}
	want := "till.csv (import " + id + "): 2 orders taken back\n\n1 stays:\n  " + orders.Orders[0].ID + "  it was changed since it was imported\n"
	for range 2 { // asked again, it says the same
		if out, errs, status = s.importing("-undo", id); out != want || status != 1 || errs != "" {
			t.Errorf("status %d, %s%s", status, errs, out)
		}
	}
	if out, errs, _ = s.importing("-list"); !strings.Contains(out, "3 orders created, 2 taken back") {
		t.Errorf("listed: %s%s", errs, out)
	}
	out, errs, status = s.importing(path)
	if !strings.Contains(out, "2 orders created\n         1 order unchanged\n") || status != 0 {
		t.Errorf("again: status %d, %s%s", status, errs, out)
	}
	said = regexp.MustCompile(`-undo (\S+)\n`).FindStringSubmatch(out)
	if out, errs, status = s.importing("-undo", said[1]); out != "till.csv (import "+said[1]+"): 2 orders taken back\n" || status != 0 {
		t.Errorf("again: status %d, %s%s", status, errs, out)
	}
	if out, errs, status = s.importing("-undo", "nothing"); status != 1 || !strings.Contains(errs, "Not found") || out != "" {
		t.Errorf("no import: status %d, %s%s", status, errs, out)
	}
	if out, errs, status = s.importing("-undo", id, path); status != 2 || out != "" {
		t.Errorf("with a file: status %d, %s%s", status, errs, out)
	}
}

// An undo that is killed at any moment goes on: each order is taken back and counted once,
// and totals are right before and after.
func TestAnUndoThatIsKilledGoesOnExactly(t *testing.T) {
	const orders = 3000
	var b strings.Builder
	b.WriteString("order,date,time,item,customer_id,payment\n")
	for i := range orders {
		fmt.Fprintf(&b, "%d,2017-03-%02d,09:%02d,brownie,%s\n", i, 1+i%17, i%60, []string{"ada,account", ","}[i%2])
	}
	path := write(t, "till.csv", b.String())
	s := openShop(t, t.TempDir())
	onShelf := s.brownies()
	if status := s.call("staff", "POST", "/orders", json.RawMessage(`{"customer_id":"ada","lines":[{"sku":"latte","quantity":1}]}`), nil); status != 201 {
		t.Fatalf("an order answered %d", status)
	}
	var spent struct{ Spent int64 }
	waitFor(t, "ada's latte", func() bool { s.call("owner", "GET", "/customers/ada", nil, &spent); return spent.Spent > 0 })
	latte := spent.Spent

	for round := range 2 {
		out, errs, status := s.importing(path)
		if !strings.Contains(out, "3,000 orders created\n") || status != 0 {
			t.Fatalf("round %d: status %d, %s%s", round, status, errs, out)
		}
		id := regexp.MustCompile(`-undo (\S+)\n`).FindStringSubmatch(out)[1]
		before := int64(0)
		for kill := range 3 {
			s.token("owner")
			asked := make(chan struct{})
			go func() {
				defer close(asked)
				_, _, _, _ = s.ask("owner", "DELETE", "/imports/"+id, "")
			}()
			time.Sleep(time.Duration(1+rand.N(40)) * time.Millisecond)
			s.cmd.Process.Kill()
			s.cmd.Wait()
			<-asked
			s = openShop(t, s.data)
			var im struct{ Undo undoResult }
			if status := s.call("staff", "GET", "/imports/"+id, nil, &im); status != 200 || im.Undo.Removed < before || im.Undo.KeptCount != 0 {
				t.Fatalf("round %d, kill %d: answered %d %+v, was %d", round, kill, status, im.Undo, before)
			}
			before = im.Undo.Removed
			if n := s.ofTheTill(); n != orders-before {
				t.Fatalf("round %d, kill %d: %d orders are left, and %d were removed", round, kill, n, before)
			}
		}
		t.Logf("round %d: %d orders were taken back before the last kill", round, before)
		out, errs, status = s.importing("-undo", id)
		if want := "till.csv (import " + id + "): 3,000 orders taken back\n"; out != want || status != 0 {
			t.Errorf("round %d: status %d, %s%s", round, status, errs, out)
		}
		if n := s.ofTheTill(); n != 0 || s.brownies() != onShelf {
			t.Errorf("round %d: %d orders are left, %d brownies on the shelf", round, n, s.brownies())
		}
		var reconciled struct{ Drifted []any }
		if status := s.call("owner", "POST", "/reconcile?dry_run=true", nil, &reconciled); status != 200 || len(reconciled.Drifted) != 0 {
			t.Errorf("round %d: reconcile answered %d %+v", round, status, reconciled)
		}
		waitFor(t, "ada's totals", func() bool {
			var ada struct{ Orders, Spent, Balance int64 }
			s.call("owner", "GET", "/customers/ada", nil, &ada)
			return ada.Orders == 1 && ada.Spent == latte && ada.Balance == latte
		})
	}
	if err := s.close(); err != nil {
		t.Errorf("SIGTERM: %v: %s", err, s.stderr)
	}
}

// ofTheTill counts the orders of the days of March 2017, which are the till's.
func (s *shop) ofTheTill() (n int64) {
	s.Helper()
	for day := 1; day <= 17; day++ {
		for cursor := ""; ; {
			var page struct {
				Orders     []struct{ ID string }
				NextCursor string `json:"next_cursor"`
			}
			if status := s.call("staff", "GET", fmt.Sprintf("/orders?limit=100&day=2017-03-%02d%s", day, cursor), nil, &page); status != 200 {
				s.Fatalf("orders answered %d", status)
			}
			if n += int64(len(page.Orders)); page.NextCursor == "" {
				break
			}
			cursor = "&cursor=" + page.NextCursor
		}
	}
	return n
}
