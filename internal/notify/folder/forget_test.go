package folder_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cafe/internal/durable/durabletest"
	"cafe/internal/notify/folder"
)

func TestForgetRemovesOldDeliveriesOnly(t *testing.T) {
	disk, dir, now := durabletest.Watch(t), t.TempDir(), closing
	n, err := folder.Open(dir, folder.Options{From: "Café", Owner: "owner@example.com", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Forget(now); err != nil {
		t.Fatalf("with nothing to forget: %v", err)
	}
	if _, err := n.Subscribe(context.Background(), "zoe", "zoe@example.com"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "mail", "kept-by-hand.eml"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for day, id := range []string{"a1", "a2", "a3", "a4"} {
		now = closing.AddDate(0, 0, day)
		publish(t, n, critical(id))
	}
	if err := n.Forget(closing.AddDate(0, 0, 2).Add(-time.Hour)); err != nil { // of a1 and a2
		t.Fatal(err)
	}
	left := disk.PowerCut(dir)
	for _, name := range []string{"sns.jsonl", "sqs/CreditCollection.jsonl", "sqs/CustomerNotify.jsonl"} {
		text := read(t, dir, name)
		if after := read(t, left, name); after != text {
			t.Errorf("%s: after a power cut %q, want %q", name, after, text)
		}
		for id, there := range map[string]bool{"a1": false, "a2": false, "a3": true, "a4": true} {
			if strings.Contains(text, id) != there {
				t.Errorf("%s has %s: %v, want %v", name, id, !there, there)
			}
		}
		if strings.Count(text, "\n") != 2 {
			t.Errorf("%s is %q, want two lines", name, text)
		}
	}
	var names []string
	for _, name := range mails(t, dir) {
		names = append(names, name[:8])
	}
	if got := strings.Join(names, " "); got != "20170320 20170320 20170321 20170321 kept-by-" {
		t.Errorf("mails of %s", got)
	}

	// It goes on as before: a line more, the mail replaced; and what was forgotten is sent anew.
	publish(t, n, critical("a4"), critical("a1"))
	if got := len(mails(t, dir)); got != 7 {
		t.Errorf("%d mails, want 7: a1's are sent anew, a4's are replaced", got)
	}
	if got := strings.Count(read(t, dir, "sns.jsonl"), "\n"); got != 4 {
		t.Errorf("%d lines, want 4", got)
	}
	if !strings.Contains(read(t, dir, "subscriptions.json"), "zoe@example.com") {
		t.Error("a subscription is forgotten")
	}

	// All of it, and nothing is left of it in the folder.
	if err := n.Forget(closing.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if got := mails(t, dir); len(got) != 1 || read(t, dir, "sns.jsonl") != "" {
		t.Errorf("left are mails %q and lines %q", got, read(t, dir, "sns.jsonl"))
	}
}
