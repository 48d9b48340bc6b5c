package objects_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/durable/durabletest"
	"cafe/internal/objects"
)

// serveLocal opens a folder and serves its addresses. A refusal is answered with its
// status and kind.
func serveLocal(t testing.TB, dir string, o objects.LocalOptions) *objects.Local {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	o.BaseURL = server.URL
	l, err := objects.OpenLocal(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(objects.Path, l.Handler(func(w http.ResponseWriter, _ *http.Request, refusal objects.Refusal) {
		w.WriteHeader(refusal.Status)
		fmt.Fprint(w, refusal.Kind)
	}))
	handler = mux
	return l
}

// left are the files in the folder, but for its secret.
func left(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "link.key" {
			names = append(names, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func expectLeft(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := left(t, dir); !slices.Equal(got, want) {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

func expectPending(t *testing.T, l *objects.Local, want ...string) {
	t.Helper()
	got, err := l.Pending()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("pending %q, want %q", got, want)
	}
}

func TestALinkIsGoodForItsFileMethodAndTimeOnly(t *testing.T) {
	now := time.Unix(1_500_000_000, 900_000_000)
	dir := t.TempDir()
	l := serveLocal(t, dir, objects.LocalOptions{Now: func() time.Time { return now }})
	put(t, l, "a", "a's")
	up, down := uploadURL(t, l, "new"), downloadURL(t, l, "a")
	other := uploadURL(t, serveLocal(t, t.TempDir(), objects.LocalOptions{Now: func() time.Time { return now }}), "new")
	_, otherQuery, _ := strings.Cut(other, "?")
	upPath, upQuery, _ := strings.Cut(up, "?")
	later := strings.Replace(up, "expires=1500003600", "expires=1500003601", 1)
	if later == up {
		t.Fatalf("%s does not end in an hour", up)
	}
	for _, c := range []struct {
		name, method, url string
		status            int
		kind              string
	}{
		{"to send, used to fetch", "GET", up, 403, "link-invalid"},
		{"to fetch, used to send", "PUT", down, 403, "link-invalid"},
		{"to send, used to delete", "DELETE", up, 405, "method-not-allowed"},
		{"another file", "PUT", strings.Replace(up, "/new?", "/newer?", 1), 403, "link-invalid"},
		{"a later end", "PUT", later, 403, "link-invalid"},
		{"another sign before the end", "PUT", strings.Replace(up, "expires=", "expires=%2B", 1), 403, "link-invalid"},
		{"no end", "PUT", strings.Replace(up, "expires=1500003600", "", 1), 403, "link-invalid"},
		{"another signature", "PUT", up[:len(up)-5] + "AAAAA", 403, "link-invalid"},
		{"half a signature", "PUT", up[:len(up)-5], 403, "link-invalid"},
		{"another café's signature", "PUT", upPath + "?" + otherQuery, 403, "link-invalid"},
		{"no query", "PUT", upPath, 403, "link-invalid"},
		{"a query that is none", "PUT", upPath + "?%zz&" + upQuery, 403, "link-invalid"},
		{"no file's name", "PUT", strings.Replace(up, "/new?", "/?", 1), 404, "not-found"},
		{"no key of a file", "PUT", strings.Replace(up, "/new?", "/a%2F..%2Fnew?", 1), 404, "not-found"},
		{"a key with NUL", "PUT", strings.Replace(up, "/new?", "/new%00?", 1), 404, "not-found"},
	} {
		answer, body := send(t, c.method, c.url, strings.NewReader("evil"))
		if answer.StatusCode != c.status || body != c.kind {
			t.Errorf("%s: %d %s, want %d %s", c.name, answer.StatusCode, body, c.status, c.kind)
		}
	}
	if answer, _ := send(t, "DELETE", up, nil); answer.Header.Get("Allow") != "GET, HEAD, PUT" {
		t.Errorf("Allow: %s", answer.Header.Get("Allow"))
	}
	now = time.Unix(1_500_003_599, 0)
	if answer, body := send(t, "GET", down, nil); answer.StatusCode != 200 || body != "a's" {
		t.Errorf("in its last second: %s %s", answer.Status, body)
	}
	now = time.Unix(1_500_003_600, 0)
	for method, link := range map[string]string{"PUT": up, "GET": down} {
		if answer, body := send(t, method, link, strings.NewReader("evil")); answer.StatusCode != 403 || body != "link-expired" {
			t.Errorf("%s when it has ended: %s %s", method, answer.Status, body)
		}
	}
	expectLeft(t, dir, "kept/a")
}

func TestLinksOutliveTheProcess(t *testing.T) {
	dir := t.TempDir()
	link := uploadURL(t, serveLocal(t, dir, objects.LocalOptions{}), "a")
	again := serveLocal(t, dir, objects.LocalOptions{})
	_, query, _ := strings.Cut(link, "?")
	base, _, _ := strings.Cut(uploadURL(t, again, "a"), "?")
	upload(t, base+"?"+query, "x")
	expectFile(t, again, "a", "x")
}

func TestASecretThatIsNoneIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "link.key"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := objects.OpenLocal(dir, objects.LocalOptions{}); err == nil || !strings.Contains(err.Error(), "link.key") {
		t.Errorf("error %v, want one that names the file", err)
	}
}

func TestAnUploadIsAnnouncedOnceItIsThere(t *testing.T) {
	var l *objects.Local
	var announced []string
	l = serveLocal(t, t.TempDir(), objects.LocalOptions{OnUpload: func(key string) {
		expectFile(t, l, key, "items")
		announced = append(announced, key)
	}})
	upload(t, uploadURL(t, l, "imports/1/till +é.csv"), "items")
	if !slices.Equal(announced, []string{"imports/1/till +é.csv"}) {
		t.Errorf("announced %q when the client had its answer", announced)
	}
	put(t, l, "rejects/1.csv", "x")
	if len(announced) != 1 {
		t.Errorf("announced %q: what the café keeps is no upload", announced)
	}
}

func TestAnUploadIsFoundAgainUntilItIsDone(t *testing.T) {
	dir := t.TempDir()
	l := serveLocal(t, dir, objects.LocalOptions{})
	for _, key := range []string{"b/%", "a", "c"} {
		upload(t, uploadURL(t, l, key), key)
		if err := os.Chtimes(filepath.Join(dir, "arrived", strings.NewReplacer("%", "%25", "/", "%2F").Replace(key)), time.Time{}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	// The process ends here, before or after it had announced them.
	l = serveLocal(t, dir, objects.LocalOptions{})
	expectPending(t, l, "b/%", "a", "c")
	expectFile(t, l, "b/%", "b/%")
	if err := l.Done("b/%"); err != nil {
		t.Fatal(err)
	}
	expectPending(t, l, "a", "c")
	expectFile(t, l, "b/%", "b/%")
	if err := l.Done("b/%"); err != nil {
		t.Errorf("done twice: %v", err)
	}
	if err := l.Done("never"); err != nil {
		t.Errorf("done, never uploaded: %v", err)
	}
	expectPending(t, serveLocal(t, dir, objects.LocalOptions{}), "a", "c")
	expectLeft(t, dir, "arrived/a", "arrived/c", "kept/b%2F%25")
}

func TestAFileUploadedAgainWhileItIsDealtWithIsNotForgotten(t *testing.T) {
	dir := t.TempDir()
	l := serveLocal(t, dir, objects.LocalOptions{})
	link := uploadURL(t, l, "a")
	upload(t, link, "first")
	upload(t, link, "second") // while the first is being imported
	if err := l.Done("a"); err != nil {
		t.Fatal(err)
	}
	expectPending(t, l, "a")
	expectFile(t, l, "a", "second")
	if err := l.Done("a"); err != nil {
		t.Fatal(err)
	}
	expectPending(t, l)
	upload(t, link, "third")
	expectPending(t, l, "a")
	expectFile(t, l, "a", "third")
	put(t, l, "a", "fourth")
	expectFile(t, l, "a", "fourth")
	if err := l.Done("a"); err != nil {
		t.Fatal(err)
	}
	expectFile(t, l, "a", "fourth")
	expectLeft(t, dir, "kept/a")
}

func TestAnUploadThatNobodyTakesIsRefused(t *testing.T) {
	dir := t.TempDir()
	var taken bool
	var trouble error
	announced := 0
	l := serveLocal(t, dir, objects.LocalOptions{
		OnUpload: func(string) { announced++ },
		Takes: func(_ context.Context, key string) (bool, error) {
			if key != "a" {
				t.Errorf("asked of %s", key)
			}
			return taken, trouble
		},
	})
	link := uploadURL(t, l, "a")
	if answer, kind := send(t, "PUT", link, strings.NewReader("late")); answer.StatusCode != 409 || kind != "import-finished" {
		t.Errorf("not taken: %s %s", answer.Status, kind)
	}
	trouble = errFailing
	if answer, kind := send(t, "PUT", link, strings.NewReader("late")); answer.StatusCode != 503 || kind != "unavailable" {
		t.Errorf("in trouble: %s %s", answer.Status, kind)
	}
	expectLeft(t, dir)
	taken, trouble = true, nil
	upload(t, link, "in time")
	expectLeft(t, dir, "arrived/a")
	if announced != 1 {
		t.Errorf("announced %d times", announced)
	}
}

func TestAFileThatIsTooLargeIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := serveLocal(t, dir, objects.LocalOptions{Limit: 1000, OnUpload: func(key string) { t.Errorf("%s was announced", key) }})
	link := uploadURL(t, l, "a")
	for name, body := range map[string]io.Reader{
		"said so":  strings.NewReader(strings.Repeat("x", 1001)),
		"chunked":  io.MultiReader(strings.NewReader(strings.Repeat("x", 1001))),
		"far more": io.MultiReader(strings.NewReader(strings.Repeat("x", 200_000))),
	} {
		if answer, kind := send(t, "PUT", link, body); answer.StatusCode != 413 || kind != "body-too-large" {
			t.Errorf("%s: %s %s", name, answer.Status, kind)
		}
	}
	expectLeft(t, dir)
	l = serveLocal(t, dir, objects.LocalOptions{Limit: 1000})
	upload(t, uploadURL(t, l, "a"), strings.Repeat("x", 1000))
	expectLeft(t, dir, "arrived/a")
}

// half sends the head of an upload of 1000 bytes and ten of them.
func half(t *testing.T, link string) *net.TCPConn {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 1000\r\n\r\n0123456789", u.RequestURI(), u.Host); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

func TestOfAnInterruptedUploadNothingIsLeft(t *testing.T) {
	for name, end := range map[string]func(*net.TCPConn) error{
		"the client hangs up":   (*net.TCPConn).CloseWrite,
		"the client goes quiet": func(*net.TCPConn) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := serveLocal(t, dir, objects.LocalOptions{OnUpload: func(key string) { t.Errorf("%s was announced", key) }})
			l.SetPatience(100 * time.Millisecond)
			conn := half(t, uploadURL(t, l, "a"))
			defer conn.Close()
			if err := end(conn); err != nil {
				t.Fatal(err)
			}
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode != 400 {
				t.Errorf("answered %s", answer.Status)
			}
			expectLeft(t, dir)
		})
	}
}

func TestARefusedClientIsAnsweredBeforeItHasSentAll(t *testing.T) {
	dir := t.TempDir()
	l := serveLocal(t, dir, objects.LocalOptions{})
	strict := serveLocal(t, t.TempDir(), objects.LocalOptions{Limit: 999})
	for name, refuse := range map[string]func(link string) string{
		"link not valid": func(link string) string { return link + "x" },
		"file too large": func(string) string { return uploadURL(t, strict, "a") },
		"disk in trouble": func(link string) string {
			if err := os.RemoveAll(filepath.Join(dir, "arriving")); err != nil {
				t.Fatal(err)
			}
			return link
		},
	} {
		conn := half(t, refuse(uploadURL(t, l, "a")))
		defer conn.Close()
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		answer.Body.Close()
		if answer.StatusCode < 400 || !answer.Close {
			t.Errorf("%s: answered %s, connection closed: %v", name, answer.Status, answer.Close)
		}
	}
}

func TestASlowClientIsNotASilentOne(t *testing.T) {
	l := serveLocal(t, t.TempDir(), objects.LocalOptions{})
	l.SetPatience(time.Second)
	conn := half(t, uploadURL(t, l, "a"))
	defer conn.Close()
	for range 9 {
		time.Sleep(125 * time.Millisecond)
		if _, err := conn.Write([]byte(strings.Repeat("0123456789", 11))); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 {
		t.Errorf("answered %s", answer.Status)
	}
}

func TestWhatIsAcknowledgedOutlivesAPowerCut(t *testing.T) {
	disk, dir := durabletest.Watch(t), filepath.Join(t.TempDir(), "data", "files")
	reopen := func() *objects.Local {
		return serveLocal(t, filepath.Join(disk.PowerCut(filepath.Dir(filepath.Dir(dir))), "data", "files"), objects.LocalOptions{})
	}
	announced := false
	l := serveLocal(t, dir, objects.LocalOptions{OnUpload: func(key string) {
		announced = true
		after := reopen()
		expectPending(t, after, key)
		expectFile(t, after, key, "items")
	}})
	link := uploadURL(t, l, "imports/1")
	upload(t, link, "items")
	if !announced {
		t.Error("the upload was not announced")
	}
	put(t, l, "rejects/1", "line 1")
	put(t, l, "imports/1", "put in its place")
	after := reopen()
	expectPending(t, after, "imports/1")
	expectFile(t, after, "imports/1", "put in its place")
	expectFile(t, after, "rejects/1", "line 1")
	base, _, _ := strings.Cut(uploadURL(t, after, "imports/1"), "?")
	_, query, _ := strings.Cut(link, "?")
	upload(t, base+"?"+query, "again")
}

func TestWhatTheDiskDoesNotTakeIsNotAcknowledged(t *testing.T) {
	disk, dir := durabletest.Watch(t), t.TempDir()
	l := serveLocal(t, dir, objects.LocalOptions{OnUpload: func(key string) { t.Errorf("%s was announced", key) }})
	link := uploadURL(t, l, "a")
	for _, folders := range []bool{false, true} {
		disk.Refuse(func(path string) error {
			if info, err := os.Stat(path); err != nil || info.IsDir() == folders {
				return errFailing
			}
			return nil
		})
		if answer, kind := send(t, "PUT", link, strings.NewReader("x")); answer.StatusCode != 503 || kind != "unavailable" {
			t.Errorf("upload, folders refused %v: %s %s", folders, answer.Status, kind)
		}
		if err := l.Put(context.Background(), "b", strings.NewReader("x")); !errors.Is(err, errFailing) {
			t.Errorf("put, folders refused %v: %v", folders, err)
		}
	}
	disk.Refuse(func(string) error { return errFailing })
	if _, err := objects.OpenLocal(t.TempDir(), objects.LocalOptions{}); !errors.Is(err, errFailing) {
		t.Errorf("opened with a secret that is not on disk: %v", err)
	}
}

func TestWhatACrashLeftUnfinishedIsClearedAway(t *testing.T) {
	dir := t.TempDir()
	l := serveLocal(t, dir, objects.LocalOptions{})
	put(t, l, "a", "x")
	if err := os.WriteFile(filepath.Join(dir, "arriving", "123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	serveLocal(t, dir, objects.LocalOptions{})
	expectLeft(t, dir, "kept/a")
}

func TestADiskThatRefusesIsAnError(t *testing.T) {
	dir := t.TempDir()
	l := serveLocal(t, dir, objects.LocalOptions{OnUpload: func(key string) { t.Errorf("%s was announced", key) }})
	link := uploadURL(t, l, "a")
	put(t, l, "b", "x")
	if err := l.Put(context.Background(), "b", failing{}); !errors.Is(err, errFailing) {
		t.Errorf("put what cannot be read: %v", err)
	}
	expectFile(t, l, "b", "x")
	for _, gone := range []string{"arrived", "arriving"} {
		if err := os.RemoveAll(filepath.Join(dir, gone)); err != nil {
			t.Fatal(err)
		}
		if answer, kind := send(t, "PUT", link, strings.NewReader("x")); answer.StatusCode != 503 || kind != "unavailable" {
			t.Errorf("without %s: %s %s", gone, answer.Status, kind)
		}
		expectLeft(t, dir, "kept/b")
	}
	if err := l.Put(context.Background(), "c", strings.NewReader("x")); err == nil {
		t.Error("put to nowhere")
	}
	if _, err := l.Pending(); err == nil {
		t.Error("listed nothing as pending")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := objects.OpenLocal(file, objects.LocalOptions{}); err == nil {
		t.Error("opened a file")
	}
}

var errFailing = errors.New("cannot be read")

type failing struct{}

func (failing) Read([]byte) (int, error)       { return 0, errFailing }
func (failing) Seek(int64, int) (int64, error) { return 0, nil }

func TestUploadsOfOneFileAtOnceLeaveOneOfThemWhole(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	announced := 0
	l := serveLocal(t, dir, objects.LocalOptions{OnUpload: func(string) { mu.Lock(); announced++; mu.Unlock() }})
	link := uploadURL(t, l, "a")
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() { upload(t, link, strings.Repeat(string(rune('a'+i)), 100_000)) })
	}
	wg.Wait()
	f, _, err := l.Open(context.Background(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(b); len(got) != 100_000 || strings.Trim(got, got[:1]) != "" {
		t.Errorf("%d bytes of several uploads", len(got))
	}
	if announced != 16 {
		t.Errorf("announced %d times, want 16", announced)
	}
	for range 16 {
		expectPending(t, l, "a")
		if err := l.Done("a"); err != nil {
			t.Fatal(err)
		}
	}
	expectPending(t, l)
}

func TestHEADTellsWithoutTheFile(t *testing.T) {
	l := serveLocal(t, t.TempDir(), objects.LocalOptions{})
	put(t, l, "a", "12345")
	answer, body := send(t, "HEAD", downloadURL(t, l, "a"), nil)
	if answer.StatusCode != 200 || answer.ContentLength != 5 || body != "" {
		t.Errorf("%s, %d bytes, %q", answer.Status, answer.ContentLength, body)
	}
	if answer.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error("browsers may guess what it is")
	}
}

func TestEveryKeyHasAFileOfItsOwnInTheFolder(t *testing.T) {
	part := rapid.StringOfN(rapid.RuneFrom([]rune("ab%2F25.~ é日+")), 1, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		key := strings.Join(rapid.SliceOfN(part, 1, 4).Draw(t, "parts"), "/")
		name, err := objects.FileName(key)
		if err != nil {
			if !errors.Is(err, objects.ErrKey) {
				t.Fatal(err)
			}
			t.Skip("no key")
		}
		if strings.ContainsAny(name, "/\x00") || name == "." || name == ".." || len(name) > 255 {
			t.Fatalf("%q is kept as %q", key, name)
		}
		if back := objects.KeyOf(name); back != key {
			t.Fatalf("%q is kept as %q, which is %q", key, name, back)
		}
	})
}

func BenchmarkUpload(b *testing.B) {
	l := serveLocal(b, b.TempDir(), objects.LocalOptions{})
	link, err := l.UploadURL(context.Background(), "a", time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	file := strings.Repeat("x", 64<<20)
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		r, err := http.NewRequest(http.MethodPut, link, strings.NewReader(file))
		if err != nil {
			b.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		answer.Body.Close()
	}
}
