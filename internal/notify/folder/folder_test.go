package folder_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/durable/durabletest"
	"cafe/internal/notify/folder"
	"cafe/internal/outbox"
)

var closing = time.Date(2017, 3, 18, 20, 0, 0, 123456789, time.UTC)

func open(t testing.TB, dir string) *folder.Notifier {
	t.Helper()
	n, err := folder.Open(dir, folder.Options{From: "Café Größe", Owner: "owner@example.com", Now: func() time.Time { return closing }})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func critical(id string) outbox.Message {
	return outbox.Message{
		ID: id, Topic: outbox.TopicHighBalance, Subject: "Café · tab at £250.00 · Zoë <z>", Body: `{"alert_id":"` + id + `"}`,
		Mail:       "The tab of Zoë has risen to £250.00.\n",
		Attributes: map[string]string{"type": "high_balance", "customer_id": "zoe", "severity": "critical"},
	}
}

func publish(t testing.TB, n *folder.Notifier, messages ...outbox.Message) {
	t.Helper()
	for _, m := range messages {
		if err := n.Publish(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t testing.TB, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func mails(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "mail", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths
}

func TestAPublishedMessageIsALine(t *testing.T) {
	dir := t.TempDir()
	publish(t, open(t, dir), critical("a1"), outbox.Message{ID: "r1", Topic: outbox.TopicDailyReport, Body: "{}"})
	want := `{"topic":"HighBalanceAlert","subject":"Café · tab at £250.00 · Zoë <z>","message":"{\"alert_id\":\"a1\"}",` +
		`"attributes":{"customer_id":"zoe","severity":"critical","type":"high_balance"},"id":"a1","at":"2017-03-18T20:00:00.123456Z"}
{"topic":"DailyReport","subject":"","message":"{}","attributes":{},"id":"r1","at":"2017-03-18T20:00:00.123456Z"}
`
	if got := read(t, dir, "sns.jsonl"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAQueueGetsWhatSNSWouldSend(t *testing.T) {
	dir := t.TempDir()
	publish(t, open(t, dir), critical("a1"))
	want := `{"Type":"Notification","MessageId":"a1","TopicArn":"arn:aws:sns:local:000000000000:HighBalanceAlert",` +
		`"Subject":"Café · tab at £250.00 · Zoë <z>","Message":"{\"alert_id\":\"a1\"}","Timestamp":"2017-03-18T20:00:00.123Z",` +
		`"MessageAttributes":{"customer_id":{"Type":"String","Value":"zoe"},"severity":{"Type":"String","Value":"critical"},"type":{"Type":"String","Value":"high_balance"}}}` + "\n"
	for _, queue := range []string{"CustomerNotify", "CreditCollection"} {
		if got := read(t, dir, "sqs", queue+".jsonl"); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", queue, got, want)
		}
	}
}

func TestAMailIsAFileThatMailProgramsOpen(t *testing.T) {
	dir := t.TempDir()
	publish(t, open(t, dir), critical("a1"))
	names := mails(t, dir)
	if len(names) != 1 || !strings.HasPrefix(names[0], "20170318T200000.123456Z-HighBalanceAlert-") || !strings.HasSuffix(names[0], ".eml") {
		t.Fatalf("files %q, want one that begins with the time", names)
	}
	m, err := mail.ReadMessage(strings.NewReader(read(t, dir, "mail", names[0])))
	if err != nil {
		t.Fatal(err)
	}
	from, err := m.Header.AddressList("From")
	if err != nil {
		t.Fatal(err)
	}
	at, err := m.Header.Date()
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(m.Body)
	if err != nil {
		t.Fatal(err)
	}
	for what, values := range map[string][2]string{
		"from":       {from[0].Name + " " + from[0].Address, "Café Größe no-reply@cafe.invalid"},
		"to":         {m.Header.Get("To"), "<owner@example.com>"},
		"subject":    {subject, "Café · tab at £250.00 · Zoë <z>"},
		"date":       {at.UTC().String(), closing.Truncate(time.Second).String()},
		"message id": {m.Header.Get("Message-ID"), "<a1@cafe.invalid>"},
		"type":       {m.Header.Get("Content-Type"), "text/plain; charset=UTF-8"},
		"encoding":   {m.Header.Get("Content-Transfer-Encoding"), "8bit"},
		"text":       {string(text), "The tab of Zoë has risen to £250.00.\r\n"},
	} {
		if values[0] != values[1] {
			t.Errorf("%s %q, want %q", what, values[0], values[1])
		}
	}
	header, _, _ := strings.Cut(read(t, dir, "mail", names[0]), "\r\n\r\n")
	if i := strings.IndexFunc(header, func(r rune) bool { return r > '~' }); i >= 0 {
		t.Errorf("the header is not ASCII from %q on", header[i:])
	}
}

func TestALongLineIsEncoded(t *testing.T) {
	dir := t.TempDir()
	m := critical("a1")
	m.Mail = strings.Repeat("é", 600) + "\nend"
	publish(t, open(t, dir), m)
	parsed, err := mail.ReadMessage(strings.NewReader(read(t, dir, "mail", mails(t, dir)[0])))
	if err != nil {
		t.Fatal(err)
	}
	if got := parsed.Header.Get("Content-Transfer-Encoding"); got != "quoted-printable" {
		t.Fatalf("encoding %s", got)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(parsed.Body))
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.ReplaceAll(m.Mail, "\n", "\r\n"); string(text) != want {
		t.Errorf("text %q, want %q", text, want)
	}
}

func TestNothingInAMessageMakesAHeader(t *testing.T) {
	dir := t.TempDir()
	m := critical("a1\r\nBcc: x@example.com")
	m.Subject = "hello\r\nBcc: x@example.com"
	publish(t, open(t, dir), m)
	parsed, err := mail.ReadMessage(strings.NewReader(read(t, dir, "mail", mails(t, dir)[0])))
	if err != nil {
		t.Fatal(err)
	}
	if bcc := parsed.Header.Get("Bcc"); bcc != "" {
		t.Errorf("the mail goes to %s, too", bcc)
	}
}

func TestARepeatedMessageIsOneMoreLineAndTheSameMail(t *testing.T) {
	dir := t.TempDir()
	now := closing
	o := folder.Options{From: "Café", Owner: "owner@example.com", Now: func() time.Time { now = now.Add(time.Minute); return now }}
	for range 3 { // each time by another process
		n, err := folder.Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		publish(t, n, critical("a1"), critical("a1"))
	}
	if got := mails(t, dir); len(got) != 1 {
		t.Errorf("mails %q, want one", got)
	}
	if got := strings.Count(read(t, dir, "sns.jsonl"), `"id":"a1"`); got != 6 {
		t.Errorf("%d lines, want 6", got)
	}
}

func TestSubscriptionsOutliveTheProcess(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	n := open(t, dir)
	zoes, err := n.Subscribe(ctx, "zoe", "zoe@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Subscribe(ctx, "bob", "bob@example.com"); err != nil {
		t.Fatal(err)
	}
	publish(t, open(t, dir), critical("a1"))
	if got := mails(t, dir); len(got) != 2 {
		t.Errorf("mails %q, want the owner's and zoe's", got)
	}
	if err := open(t, dir).Unsubscribe(ctx, zoes); err != nil {
		t.Fatal(err)
	}
	publish(t, open(t, dir), critical("a2"))
	if got := mails(t, dir); len(got) != 3 {
		t.Errorf("mails %q, want the owner's of a2, too, and no more", got)
	}
	if stored := read(t, dir, "subscriptions.json"); strings.Contains(stored, "zoe") || !strings.Contains(stored, "bob@example.com") {
		t.Errorf("stored: %s", stored)
	}
}

func TestABrokenLineDoesNotSpoilOthers(t *testing.T) {
	for _, file := range []string{"sns.jsonl", "sqs/CustomerNotify.jsonl"} {
		for _, left := range []float64{0.01, 0.5, 0.99} {
			t.Run(fmt.Sprint(file, left), func(t *testing.T) {
				dir := t.TempDir()
				publish(t, open(t, dir), critical("a1"))
				path := filepath.Join(dir, file)
				whole := read(t, path)
				breakOff := func() {
					t.Helper()
					if err := os.WriteFile(path, []byte(whole+whole[:int(left*float64(len(whole)))]), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				breakOff()
				n := open(t, dir)
				if got := read(t, path); got != whole {
					t.Errorf("after opening %q", got)
				}
				breakOff() // while the process goes on: the disk was full for a moment, say
				publish(t, n, critical("a2"))
				second, found := strings.CutPrefix(read(t, path), whole)
				if !found || !strings.Contains(second, "a2") || !json.Valid([]byte(second)) {
					t.Errorf("after publishing %q", read(t, path))
				}
			})
		}
	}
}

func TestALastLineWithoutItsLineBreakIsKept(t *testing.T) {
	dir := t.TempDir()
	publish(t, open(t, dir), critical("a1"))
	path := filepath.Join(dir, "sns.jsonl")
	whole := read(t, path)
	if err := os.WriteFile(path, []byte(strings.TrimSuffix(whole, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if got := read(t, path); got != whole {
		t.Errorf("after opening %q", got)
	}
}

func TestOpenLeavesWholeLines(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	path := filepath.Join(dir, "sns.jsonl")
	rapid.Check(t, func(t *rapid.T) {
		kept := strings.Repeat(`{"id":"x"}`+"\n", rapid.IntRange(0, 3).Draw(t, "lines"))
		torn := rapid.StringMatching(`(\{"subject":"[a-zé]{0,70})?`).Draw(t, "torn")
		if err := os.WriteFile(path, []byte(kept+torn), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := folder.Open(dir, folder.Options{Owner: "owner@example.com"}); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != kept {
			t.Fatalf("%q after %q", got, kept+torn)
		}
	})
}

func TestDeliveriesAndSubscriptionsOutliveAPowerCut(t *testing.T) {
	disk, parent, ctx := durabletest.Watch(t), t.TempDir(), context.Background()
	dir := filepath.Join(parent, "data", "outbox")
	n := open(t, dir)
	for _, name := range []string{"zoe", "bob"} {
		if _, err := n.Subscribe(ctx, name, name+"@example.com"); err != nil {
			t.Fatal(err)
		}
	}
	for i, id := range []string{"a1", "a2"} {
		publish(t, n, critical(id))
		left := filepath.Join(disk.PowerCut(parent), "data", "outbox")
		for _, file := range []string{"sns.jsonl", "sqs/CustomerNotify.jsonl", "sqs/CreditCollection.jsonl"} {
			if got, want := read(t, left, file), read(t, dir, file); got != want {
				t.Errorf("%s: left is %q of %q", file, got, want)
			}
		}
		names := mails(t, left)
		if len(names) != 2*(i+1) {
			t.Errorf("after %s there are mails %q, want the owner's and zoe's", id, names)
		}
		for _, name := range names {
			if got, want := read(t, left, "mail", name), read(t, dir, "mail", name); got != want {
				t.Errorf("%s: left is %q of %q", name, got, want)
			}
		}
		publish(t, open(t, left), critical("after"))
		if got := len(mails(t, left)); got != 2*(i+1)+2 {
			t.Errorf("%d mails: a subscription is lost", got)
		}
	}
	if err := n.UnsubscribeAddress(ctx, "zoe", "zoe@example.com"); err != nil {
		t.Fatal(err)
	}
	if stored := read(t, disk.PowerCut(parent), "data", "outbox", "subscriptions.json"); strings.Contains(stored, "zoe") {
		t.Errorf("zoe is subscribed again: %s", stored)
	}
}

func TestARefusedFsyncIsAnError(t *testing.T) {
	disk, dir, ctx := durabletest.Watch(t), t.TempDir(), context.Background()
	n := open(t, dir)
	refused := errors.New("the disk refuses")
	for _, file := range []string{"sns.jsonl", "CustomerNotify.jsonl", filepath.Join("mail", ".unfinished-"), filepath.Join(dir, ".unfinished-")} {
		asked := false
		disk.Refuse(func(path string) error {
			if strings.Contains(path, file) {
				asked = true
				return refused
			}
			return nil
		})
		err := n.Publish(ctx, critical("a1"))
		if _, failed := n.Subscribe(ctx, "zoe", "zoe@example.com"); failed != nil {
			err = failed
		}
		if !asked || !errors.Is(err, refused) {
			t.Errorf("%s: asked %v, error %v", file, asked, err)
		}
		disk.Refuse(func(string) error { return nil })
		if err := n.UnsubscribeAddress(ctx, "zoe", "zoe@example.com"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenRemovesUnfinishedFiles(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	for _, sub := range []string{"", "mail"} {
		if err := os.WriteFile(filepath.Join(dir, sub, ".unfinished-1"), []byte("zoe@exam"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir)
	left, err := filepath.Glob(filepath.Join(dir, "*", ".unfinished*"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, ".unfinished-1")); err == nil || len(left) > 0 {
		t.Errorf("there is still %q (%v)", left, err)
	}
}

func TestADiskThatRefusesIsAnError(t *testing.T) {
	ctx := context.Background()
	// A folder where a file is due is refused to root, too.
	for _, at := range []string{"sns.jsonl", filepath.Join("sqs", "CreditCollection.jsonl")} {
		dir := t.TempDir()
		n := open(t, dir)
		if err := os.Mkdir(filepath.Join(dir, at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := n.Publish(ctx, critical("a1")); err == nil {
			t.Errorf("%s: published", at)
		}
		if _, err := folder.Open(dir, folder.Options{Owner: "owner@example.com"}); err == nil {
			t.Errorf("%s: opened", at)
		}
	}
	dir := t.TempDir()
	n := open(t, dir)
	if err := os.RemoveAll(filepath.Join(dir, "mail")); err != nil {
		t.Fatal(err)
	}
	if err := n.Publish(ctx, critical("a1")); err == nil {
		t.Error("mailed to nowhere")
	}
	if err := os.MkdirAll(filepath.Join(dir, "subscriptions.json", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Subscribe(ctx, "zoe", "zoe@example.com"); err == nil {
		t.Error("subscribed")
	}
	if err := os.MkdirAll(filepath.Join(dir, "mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	publish(t, n, critical("a2"))
	if got := mails(t, dir); len(got) != 1 {
		t.Errorf("mails %q: a subscription that was not kept counts", got)
	}
}

func TestDamagedSubscriptionsAreAnError(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "subscriptions.json"), []byte(`{"customers":[{`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := folder.Open(dir, folder.Options{Owner: "owner@example.com"})
	if err == nil || !strings.Contains(err.Error(), "subscriptions.json") {
		t.Errorf("error %v, want one that names the file", err)
	}
}

func TestInvalidAddressesAreRefused(t *testing.T) {
	if _, err := folder.Open(t.TempDir(), folder.Options{Owner: "nobody"}); err == nil {
		t.Error("opened for owner nobody")
	}
	n := open(t, t.TempDir())
	for _, address := range []string{"", "zoe", "Zoë <zoe@example.com>", "zoe@example.com\r\nBcc: x@example.com", "a@example.com, b@example.com"} {
		_, err := n.Subscribe(context.Background(), "c1", address)
		if !errors.Is(err, outbox.ErrNever) || err.Error() != "subscribe customer c1: the address cannot be subscribed: not an e-mail address" {
			t.Errorf("%q: error %v, want one without the address", address, err)
		}
	}
}

func TestAnEndedContextDoesNothing(t *testing.T) {
	dir := t.TempDir()
	n := open(t, dir)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := n.Publish(ctx, critical("a1")); err == nil {
		t.Error("published")
	}
	if _, err := n.Subscribe(ctx, "zoe", "zoe@example.com"); err == nil {
		t.Error("subscribed")
	}
	if err := n.Unsubscribe(ctx, "x"); err == nil {
		t.Error("unsubscribed")
	}
	if _, err := os.Stat(filepath.Join(dir, "sns.jsonl")); err == nil {
		t.Error("there is a line")
	}
}

func TestManyPublishAtOnce(t *testing.T) {
	dir := t.TempDir()
	n := open(t, dir)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if err := n.Publish(context.Background(), critical(fmt.Sprint("a", i))); err != nil {
				t.Error(err)
			}
			if _, err := n.Subscribe(context.Background(), fmt.Sprint("c", i), fmt.Sprint("c", i, "@example.com")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, path := range []string{"sns.jsonl", "sqs/CustomerNotify.jsonl", "sqs/CreditCollection.jsonl"} {
		decoder := json.NewDecoder(bytes.NewBufferString(read(t, dir, path)))
		lines := 0
		for ; decoder.More(); lines++ {
			var v map[string]any
			if err := decoder.Decode(&v); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
		if lines != 50 {
			t.Errorf("%s: %d lines, want 50", path, lines)
		}
	}
	if got := len(mails(t, dir)); got != 50 {
		t.Errorf("%d mails, want 50", got)
	}
	if got := strings.Count(read(t, dir, "subscriptions.json"), "@example.com"); got != 50 {
		t.Errorf("%d subscriptions, want 50", got)
	}
}

func BenchmarkPublish(b *testing.B) {
	n := open(b, b.TempDir())
	for i := 0; b.Loop(); i++ {
		publish(b, n, critical(fmt.Sprint("a", i)))
	}
}
