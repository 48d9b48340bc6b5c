// Package objectstest is the contract of the café's files and of the links to them. The tests of
// s3 and of folder run it, so that both behave alike.
package objectstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	"cafe/internal/imports"
	"cafe/internal/objects"
	"cafe/model"
)

// World is where files are kept, and the links to them.
type World struct {
	imports.Files
	imports.Links
}

// Put puts a file, or fails the test.
func Put(t testing.TB, s imports.Files, key, content string) {
	t.Helper()
	if err := s.Put(context.Background(), key, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

// ExpectFile compares what a file holds.
func ExpectFile(t testing.TB, s imports.Files, key, want string) {
	t.Helper()
	f, size, err := s.Open(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want || size != int64(len(want)) {
		t.Errorf("%s holds %.80q, said to be %d bytes; want %.80q, %d bytes", key, got, size, want, len(want))
	}
}

func expectNone(t testing.TB, s imports.Files, key string) {
	t.Helper()
	f, _, err := s.Open(context.Background(), key)
	if err == nil {
		f.Close()
	}
	if !errors.Is(err, model.ErrNotFound) {
		t.Errorf("open %s: error %v, want model.ErrNotFound", key, err)
	}
}

// UploadURL returns a link to send a file, good for an hour.
func UploadURL(t testing.TB, l imports.Links, key string) string {
	t.Helper()
	u, err := l.UploadURL(context.Background(), key, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// DownloadURL returns a link to fetch a file, good for an hour.
func DownloadURL(t testing.TB, l imports.Links, key string) string {
	t.Helper()
	u, err := l.DownloadURL(context.Background(), key, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Send makes a request and returns the answer and its body.
func Send(t testing.TB, method, url string, body io.Reader) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(b)
}

// Upload sends a file to a link, or fails the test.
func Upload(t testing.TB, url, content string) {
	t.Helper()
	if answer, body := Send(t, http.MethodPut, url, strings.NewReader(content)); answer.StatusCode != http.StatusOK {
		t.Fatalf("PUT %s: %s: %s", url, answer.Status, body)
	}
}

// AwkwardKeys are valid keys that a link or a file system may change.
var AwkwardKeys = []string{
	"imports/1/till.csv", "a b", "a+b", "100%", "%2F", "%zz", "a%2Fb", "a/b", "ü/日本/é.csv", "?x=1&y#z", "'\"<>;:@=,$!*()[]{}|\\^`~",
	".hidden", "a/.b/..c", "...", "COM1", "a\u00a0b", "e\u0301", strings.Repeat("n", 255),
}

// Contract runs the tests that every twin must pass, each in a world of its own.
func Contract(t *testing.T, open func(t *testing.T) World) {
	for name, test := range map[string]func(*testing.T, World){
		"a file holds what was put last":              lastPut,
		"a body is put from where it stands":          partOfABody,
		"every key goes through a link and back":      everyKey,
		"browsers save a download and do not show it": savedNotShown,
		"a link may be made before its file":          linkBeforeFile,
		"an invalid key is ErrKey":                    invalidKeys,
		"a link lives from a second to a week":        lives,
		"an ended context is an error":                endedContext,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func lastPut(t *testing.T, w World) {
	expectNone(t, w, "rejects/1.csv")
	Put(t, w, "rejects/1.csv", "line,reason\n1,bad\n")
	ExpectFile(t, w, "rejects/1.csv", "line,reason\n1,bad\n")
	Put(t, w, "rejects/1.csv", "")
	ExpectFile(t, w, "rejects/1.csv", "")
	expectNone(t, w, "rejects/2.csv")
	expectNone(t, w, "rejects")
}

func partOfABody(t *testing.T, w World) {
	body := bytes.NewReader([]byte("skipped,kept"))
	if _, err := body.Seek(8, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if err := w.Put(context.Background(), "k", body); err != nil {
		t.Fatal(err)
	}
	ExpectFile(t, w, "k", "kept")
}

func everyKey(t *testing.T, w World) {
	for i, key := range AwkwardKeys {
		Upload(t, UploadURL(t, w, key), fmt.Sprint("file ", i))
	}
	for i, key := range AwkwardKeys {
		ExpectFile(t, w, key, fmt.Sprint("file ", i))
		answer, body := Send(t, http.MethodGet, DownloadURL(t, w, key), nil)
		if answer.StatusCode != http.StatusOK || body != fmt.Sprint("file ", i) {
			t.Errorf("%s: fetched %s %q", key, answer.Status, body)
		}
	}
}

func savedNotShown(t *testing.T, w World) {
	for key, want := range map[string]string{"rejects/Übrig +1.csv": "text/csv; charset=utf-8", "imports/page.html": "application/octet-stream"} {
		Put(t, w, key, "<script>alert(1)</script>")
		answer, _ := Send(t, http.MethodGet, DownloadURL(t, w, key), nil)
		how, params, err := mime.ParseMediaType(answer.Header.Get("Content-Disposition"))
		if err != nil || how != "attachment" || params["filename"] != path.Base(key) {
			t.Errorf("%s: disposition %s %v (%v)", key, how, params, err)
		}
		if got := answer.Header.Get("Content-Type"); got != want {
			t.Errorf("%s: type %s, want %s", key, got, want)
		}
	}
}

func linkBeforeFile(t *testing.T, w World) {
	link := DownloadURL(t, w, "rejects/1.csv")
	// S3 says 403 to those who may not list the bucket, and so does moto.
	if answer, _ := Send(t, http.MethodGet, link, nil); answer.StatusCode != http.StatusNotFound && answer.StatusCode != http.StatusForbidden {
		t.Errorf("before: %s", answer.Status)
	}
	Put(t, w, "rejects/1.csv", "x")
	if answer, _ := Send(t, http.MethodGet, link, nil); answer.StatusCode != http.StatusOK {
		t.Errorf("after: %s", answer.Status)
	}
}

func invalidKeys(t *testing.T, w World) {
	ctx := context.Background()
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "a/./b", "a\x00b", "a\nb", "a\x7f", "\xff",
		strings.Repeat("n", 256), strings.Repeat("/n", 70),
	} {
		_, upErr := w.UploadURL(ctx, key, time.Hour)
		_, downErr := w.DownloadURL(ctx, key, time.Hour)
		_, _, openErr := w.Open(ctx, key)
		for call, err := range map[string]error{
			"upload": upErr, "download": downErr, "open": openErr, "put": w.Put(ctx, key, strings.NewReader("x")),
		} {
			if !errors.Is(err, objects.ErrKey) {
				t.Errorf("%s %q: error %v, want ErrKey", call, key, err)
			}
		}
	}
}

func lives(t *testing.T, w World) {
	for life, want := range map[time.Duration]bool{
		-time.Hour: false, 0: false, time.Second - 1: false, time.Second: true, 7 * 24 * time.Hour: true, 7*24*time.Hour + 1: false,
	} {
		_, upErr := w.UploadURL(context.Background(), "k", life)
		_, downErr := w.DownloadURL(context.Background(), "k", life)
		if (upErr == nil) != want || (downErr == nil) != want {
			t.Errorf("%s: errors %v and %v", life, upErr, downErr)
		}
	}
}

func endedContext(t *testing.T, w World) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Put(ctx, "k", strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v", err)
	}
	if _, _, err := w.Open(ctx, "k"); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v", err)
	}
}
