package folder_test

import (
	"encoding/json"
	"io"
	"mime"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cafe/internal/notify/folder"
	"cafe/internal/notify/notifytest"
)

func TestContract(t *testing.T) {
	notifytest.Contract(t, func(t *testing.T) notifytest.World {
		dir, at := t.TempDir(), closing
		n, err := folder.Open(dir, folder.Options{From: "Café Größe", Owner: notifytest.OwnerEmail, Now: func() time.Time {
			at = at.Add(time.Second)
			return at
		}})
		if err != nil {
			t.Fatal(err)
		}
		return notifytest.World{Notifier: n, Queue: queueIn(dir), Mails: mailsIn(dir)}
	})
}

func queueIn(dir string) func(*testing.T, string) []notifytest.Delivery {
	return func(t *testing.T, name string) (all []notifytest.Delivery) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, "sqs", name+".jsonl"))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			var n struct{ Subject, Message string }
			if err := json.Unmarshal([]byte(line), &n); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			all = append(all, notifytest.Delivery{Subject: n.Subject, Text: n.Message})
		}
		return all
	}
}

func mailsIn(dir string) func(*testing.T, string) []notifytest.Delivery {
	return func(t *testing.T, address string) (all []notifytest.Delivery) {
		t.Helper()
		for _, name := range mails(t, dir) {
			m, err := mail.ReadMessage(strings.NewReader(read(t, dir, "mail", name)))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			to, err := m.Header.AddressList("To")
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if to[0].Address != address {
				continue
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			text, err := io.ReadAll(m.Body)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			all = append(all, notifytest.Delivery{Subject: subject, Text: strings.ReplaceAll(string(text), "\r\n", "\n")})
		}
		return all
	}
}
