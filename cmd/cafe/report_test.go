package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// command runs another command against the shop and returns what it printed.
func (s *shop) command(args ...string) string {
	s.Helper()
	out, err := run(s.T, append(args, "-url", s.url, "-data", s.data)...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		s.Fatalf("%v: %v: %s", args, err, failed.Stderr)
	}
	return string(out)
}

// eventually waits for something that happens in the background.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !happened(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("in vain waited for: " + what)
		}
	}
}

// reportsMailed lists the e-mails of reports.
func reportsMailed(t *testing.T, data string) (mails []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(data, "outbox", "mail", "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if text := string(b); strings.Contains(text, "WHAT TO EXPECT") || strings.Contains(text, "ABOUT") {
			mails = append(mails, text)
		}
	}
	return mails
}

func TestACommandThatCallsACafeMakesNoData(t *testing.T) {
	s := openShop(t, t.TempDir())
	token, here := s.token("owner"), t.TempDir()
	if err := os.Mkdir(filepath.Join(here, "other"), 0o700); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, error) {
		cmd := run(t, append([]string{"reconcile", "-dry-run", "-url", s.url}, args...)...)
		cmd.Dir = here
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, data := range []string{"data", "other"} {
		if out, err := run("-data", data); err == nil || !strings.Contains(out, "a token is needed") {
			t.Errorf("without a token: %v, %s", err, out)
		}
		if out, err := run("-data", data, "-token", token); err != nil {
			t.Errorf("with a token: %v, %s", err, out)
		}
	}
	if left, err := filepath.Glob(filepath.Join(here, "*", "*")); err != nil || len(left) > 0 {
		t.Errorf("it made %q, %v", left, err)
	}
	if left, err := filepath.Glob(filepath.Join(here, "*")); err != nil || len(left) != 1 {
		t.Errorf("there are %q, %v", left, err)
	}
}

func TestTheReportOfADayIsPrintedMadeWhenDueAndBuiltAgain(t *testing.T) {
	// The café closed a minute ago.
	now := time.Now().UTC()
	t.Setenv("CAFE_TIME_ZONE", "UTC")
	t.Setenv("CAFE_DAY_CUTOFF", now.Add(-2*time.Minute).Format("15:04"))
	t.Setenv("CAFE_REPORT_TIME", now.Add(-time.Minute).Format("15:04"))
	s := openShop(t, t.TempDir())
	if status := s.call("staff", "POST", "/orders", json.RawMessage(oneTea), nil); status != 201 {
		t.Fatalf("order: %d", status)
	}
	var r struct {
		Revision int
		Orders   int
		Partial  bool
		Bake     []json.RawMessage
	}
	eventually(t, "the order in the report", func() bool {
		if err := json.Unmarshal([]byte(s.command("report", "-format", "json")), &r); err != nil {
			t.Fatal(err)
		}
		return r.Orders == 1
	})
	if r.Revision != 0 || !r.Partial || len(r.Bake) == 0 {
		t.Errorf("live: %+v", r)
	}
	if text := s.command("report"); !strings.Contains(text, ", SO FAR\n") || !strings.Contains(text, "1 order") {
		t.Errorf("text:\n%s", text)
	}
	if page := s.command("report", "-format", "html"); !strings.HasPrefix(page, "<!DOCTYPE html>") || strings.Contains(page, "<script") {
		t.Errorf("page:\n%.200s", page)
	}
	if mails := reportsMailed(t, s.data); len(mails) != 0 {
		t.Errorf("mailed without sales: %s", mails)
	}

	// A process that was off when the report was due makes up for it.
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s = openShop(t, s.data)
	eventually(t, "the mail", func() bool { return len(reportsMailed(t, s.data)) == 1 })
	text := s.command("report")
	if !strings.Contains(text, "Built ") || strings.Contains(text, "SO FAR") {
		t.Errorf("as sent:\n%s", text)
	}
	if text := s.command("report", "-build"); !strings.Contains(text, "Revision 2, built ") {
		t.Errorf("built again:\n%s", text)
	}
	eventually(t, "the second mail", func() bool { return len(reportsMailed(t, s.data)) == 2 })
	if text := s.command("report", "-day", "yesterday"); !strings.Contains(text, "No sales.") {
		t.Errorf("yesterday:\n%s", text)
	}

	for name, args := range map[string][]string{
		"-format": {"report", "-format", "pdf"},
		"date":    {"report", "-day", "2017-02-29"},
		"ahead":   {"report", "-day", "9999-12-31"},
		"unknown": {"report", "today"},
	} {
		out, err := run(t, append(args, "-url", s.url, "-data", s.data)...).CombinedOutput()
		var status *exec.ExitError
		want := 2
		if name == "ahead" { // only the café knows
			want = 1
		}
		if !errors.As(err, &status) || status.ExitCode() != want || !strings.Contains(string(out), name) {
			t.Errorf("%v: %v: %s", args, err, out)
		}
	}
}
