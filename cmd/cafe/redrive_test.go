package main

import (
	"strings"
	"testing"
)

func TestRedriveListsAndSendsAgain(t *testing.T) {
	data := t.TempDir()
	twoDeadLetters(t, data)
	s := openShop(t, data)
	redrive := func(args ...string) string {
		t.Helper()
		out, err := run(t, append([]string{"redrive", "-url", s.url, "-data", data}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
		return string(out)
	}
	if out := redrive("-list"); !strings.Contains(out, "stream-ledger-1\t") || !strings.Contains(out, "orders/a2\n\twhy\n") || !strings.HasSuffix(out, "2 dead letters\n") {
		t.Errorf("%s", out)
	}
	if out := redrive("-list", "-json"); !strings.HasPrefix(out, `{"dead_letters":[{"id":"stream-ledger-1","kind":"stream","consumer":"ledger","about":"orders/a1","reason":"why","status":"dead"`) {
		t.Errorf("%s", out)
	}
	if out := redrive("stream-ledger-2"); !strings.HasPrefix(out, "1 sent again") {
		t.Errorf("%s", out)
	}
	if out := redrive(); !strings.HasPrefix(out, "2 sent again") {
		t.Errorf("%s", out)
	}
	// They cannot be read, so they are dead again in a moment, with the reason of now.
	eventually(t, "the letters are dead again", func() bool {
		return strings.Count(redrive("-list"), "attribute customer_id is missing") == 2
	})
	if out, err := run(t, "redrive", "-url", s.url, "-data", data, "nothing").CombinedOutput(); err == nil || !strings.Contains(string(out), "nothing: ") {
		t.Errorf("%v: %s", err, out)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}
