package folder_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
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

	"cafe/internal/durable/durabletest"
	"cafe/internal/objects/folder"
	"cafe/internal/objects/objectstest"
)

// serve opens a folder and serves its addresses. A refusal is answered with its
// status and kind.
func serve(t testing.TB, dir string, o folder.Options) *folder.Files {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	o.BaseURL = server.URL
	l, err := folder.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(folder.Path, l.Handler(func(w http.ResponseWriter, _ *http.Request, refusal folder.Refusal) {
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

func expectPending(t *testing.T, l *folder.Files, want ...string) {
	t.Helper()
	got, err := l.Pending()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("pending %q, want %q", got, want)
	}
}

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

func TestContract(t *testing.T) {
	objectstest.Contract(t, func(t *testing.T) objectstest.World {
		f := serve(t, t.TempDir(), folder.Options{})
		return objectstest.World{Files: f, Links: f}
	})
}

func TestALinkIsGoodForItsFileMethodAndTimeOnly(t *testing.T) {
	now := time.Unix(1_500_000_000, 900_000_000)
	dir := t.TempDir()
	l := serve(t, dir, folder.Options{Now: func() time.Time { return now }})
	objectstest.Put(t, l, "a", "a's")
	up, down := objectstest.UploadURL(t, l, "new"), objectstest.DownloadURL(t, l, "a")
	other := objectstest.UploadURL(t, serve(t, t.TempDir(), folder.Options{Now: func() time.Time { return now }}), "new")
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
		answer, body := objectstest.Send(t, c.method, c.url, strings.NewReader("evil"))
		if answer.StatusCode != c.status || body != c.kind {
			t.Errorf("%s: %d %s, want %d %s", c.name, answer.StatusCode, body, c.status, c.kind)
		}
	}
	if answer, _ := objectstest.Send(t, "DELETE", up, nil); answer.Header.Get("Allow") != "GET, HEAD, PUT" {
		t.Errorf("Allow: %s", answer.Header.Get("Allow"))
	}
	now = time.Unix(1_500_003_599, 0)
	if answer, body := objectstest.Send(t, "GET", down, nil); answer.StatusCode != 200 || body != "a's" {
		t.Errorf("in its last second: %s %s", answer.Status, body)
	}
	now = time.Unix(1_500_003_600, 0)
	for method, link := range map[string]string{"PUT": up, "GET": down} {
		if answer, body := objectstest.Send(t, method, link, strings.NewReader("evil")); answer.StatusCode != 403 || body != "link-expired" {
			t.Errorf("%s when it has ended: %s %s", method, answer.Status, body)
		}
	}
	expectLeft(t, dir, "kept/a")
}

func TestLinksOutliveTheProcess(t *testing.T) {
	dir := t.TempDir()
	link := objectstest.UploadURL(t, serve(t, dir, folder.Options{}), "a")
	again := serve(t, dir, folder.Options{})
	_, query, _ := strings.Cut(link, "?")
	base, _, _ := strings.Cut(objectstest.UploadURL(t, again, "a"), "?")
	objectstest.Upload(t, base+"?"+query, "x")
	objectstest.ExpectFile(t, again, "a", "x")
}

func TestADamagedSecretIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "link.key"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Open(dir, folder.Options{}); err == nil || !strings.Contains(err.Error(), "link.key") {
		t.Errorf("error %v, want one that names the file", err)
	}
}

func TestAnUploadIsAnnouncedOnceItCanBeRead(t *testing.T) {
	var l *folder.Files
	var announced []string
	l = serve(t, t.TempDir(), folder.Options{OnUpload: func(key string) {
		objectstest.ExpectFile(t, l, key, "items")
		announced = append(announced, key)
	}})
	objectstest.Upload(t, objectstest.UploadURL(t, l, "imports/1/till +é.csv"), "items")
	if !slices.Equal(announced, []string{"imports/1/till +é.csv"}) {
		t.Errorf("announced %q when the client had its answer", announced)
	}
	objectstest.Put(t, l, "rejects/1.csv", "x")
	if len(announced) != 1 {
		t.Errorf("announced %q: what the café keeps is no upload", announced)
	}
}

func TestAnUploadIsPendingUntilItIsDone(t *testing.T) {
	dir := t.TempDir()
	l := serve(t, dir, folder.Options{})
	for _, key := range []string{"b/%", "a", "c"} {
		objectstest.Upload(t, objectstest.UploadURL(t, l, key), key)
		if err := os.Chtimes(filepath.Join(dir, "arrived", strings.NewReplacer("%", "%25", "/", "%2F").Replace(key)), time.Time{}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	// The process ends here, before or after it had announced them.
	l = serve(t, dir, folder.Options{})
	expectPending(t, l, "b/%", "a", "c")
	objectstest.ExpectFile(t, l, "b/%", "b/%")
	if err := l.Done("b/%"); err != nil {
		t.Fatal(err)
	}
	expectPending(t, l, "a", "c")
	objectstest.ExpectFile(t, l, "b/%", "b/%")
	if err := l.Done("b/%"); err != nil {
		t.Errorf("done twice: %v", err)
	}
	if err := l.Done("never"); err != nil {
		t.Errorf("done, never uploaded: %v", err)
	}
	expectPending(t, serve(t, dir, folder.Options{}), "a", "c")
	expectLeft(t, dir, "arrived/a", "arrived/c", "kept/b%2F%25")
}

func TestAnUploadDuringAnImportStaysPending(t *testing.T) {
	dir := t.TempDir()
	l := serve(t, dir, folder.Options{})
	link := objectstest.UploadURL(t, l, "a")
	objectstest.Upload(t, link, "first")
	objectstest.Upload(t, link, "second") // while the first is being imported
	if err := l.Done("a"); err != nil {
		t.Fatal(err)
	}
	expectPending(t, l, "a")
	objectstest.ExpectFile(t, l, "a", "second")
	if err := l.Done("a"); err != nil {
		t.Fatal(err)
	}
	expectPending(t, l)
	objectstest.Upload(t, link, "third")
	expectPending(t, l, "a")
	objectstest.ExpectFile(t, l, "a", "third")
	objectstest.Put(t, l, "a", "fourth")
	objectstest.ExpectFile(t, l, "a", "fourth")
	if err := l.Done("a"); err != nil {
		t.Fatal(err)
	}
	objectstest.ExpectFile(t, l, "a", "fourth")
	expectLeft(t, dir, "kept/a")
}

func TestAnUploadThatIsNotTakenIsRefused(t *testing.T) {
	dir := t.TempDir()
	var taken bool
	var trouble error
	announced := 0
	l := serve(t, dir, folder.Options{
		OnUpload: func(string) { announced++ },
		Takes: func(_ context.Context, key string) (bool, error) {
			if key != "a" {
				t.Errorf("asked of %s", key)
			}
			return taken, trouble
		},
	})
	link := objectstest.UploadURL(t, l, "a")
	if answer, kind := objectstest.Send(t, "PUT", link, strings.NewReader("late")); answer.StatusCode != 409 || kind != "import-finished" {
		t.Errorf("not taken: %s %s", answer.Status, kind)
	}
	trouble = errFailing
	if answer, kind := objectstest.Send(t, "PUT", link, strings.NewReader("late")); answer.StatusCode != 503 || kind != "unavailable" {
		t.Errorf("in trouble: %s %s", answer.Status, kind)
	}
	expectLeft(t, dir)
	taken, trouble = true, nil
	objectstest.Upload(t, link, "in time")
	expectLeft(t, dir, "arrived/a")
	if announced != 1 {
		t.Errorf("announced %d times", announced)
	}
}

func TestAFileThatIsTooLargeIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := serve(t, dir, folder.Options{Limit: 1000, OnUpload: func(key string) { t.Errorf("%s was announced", key) }})
	link := objectstest.UploadURL(t, l, "a")
	for name, body := range map[string]io.Reader{
		"said so":  strings.NewReader(strings.Repeat("x", 1001)),
		"chunked":  io.MultiReader(strings.NewReader(strings.Repeat("x", 1001))),
		"far more": io.MultiReader(strings.NewReader(strings.Repeat("x", 200_000))),
	} {
		if answer, kind := objectstest.Send(t, "PUT", link, body); answer.StatusCode != 413 || kind != "body-too-large" {
			t.Errorf("%s: %s %s", name, answer.Status, kind)
		}
	}
	expectLeft(t, dir)
	l = serve(t, dir, folder.Options{Limit: 1000})
	objectstest.Upload(t, objectstest.UploadURL(t, l, "a"), strings.Repeat("x", 1000))
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

func TestAnInterruptedUploadLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	l := serve(t, dir, folder.Options{OnUpload: func(key string) { t.Errorf("%s was announced", key) }})
	conn := half(t, objectstest.UploadURL(t, l, "a"))
	defer conn.Close()
	if err := conn.CloseWrite(); err != nil {
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
}

func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	dir := t.TempDir()
	l := serve(t, dir, folder.Options{})
	strict := serve(t, t.TempDir(), folder.Options{Limit: 999})
	for name, refuse := range map[string]func(link string) string{
		"link not valid": func(link string) string { return link + "x" },
		"file too large": func(string) string { return objectstest.UploadURL(t, strict, "a") },
		"disk in trouble": func(link string) string {
			if err := os.RemoveAll(filepath.Join(dir, "arriving")); err != nil {
				t.Fatal(err)
			}
			return link
		},
	} {
		conn := half(t, refuse(objectstest.UploadURL(t, l, "a")))
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

func TestAnAcknowledgedFileOutlivesAPowerCut(t *testing.T) {
	disk, dir := durabletest.Watch(t), filepath.Join(t.TempDir(), "data", "files")
	reopen := func() *folder.Files {
		return serve(t, filepath.Join(disk.PowerCut(filepath.Dir(filepath.Dir(dir))), "data", "files"), folder.Options{})
	}
	announced := false
	l := serve(t, dir, folder.Options{OnUpload: func(key string) {
		announced = true
		after := reopen()
		expectPending(t, after, key)
		objectstest.ExpectFile(t, after, key, "items")
	}})
	link := objectstest.UploadURL(t, l, "imports/1")
	objectstest.Upload(t, link, "items")
	if !announced {
		t.Error("the upload was not announced")
	}
	objectstest.Put(t, l, "rejects/1", "line 1")
	objectstest.Put(t, l, "imports/1", "put in its place")
	after := reopen()
	expectPending(t, after, "imports/1")
	objectstest.ExpectFile(t, after, "imports/1", "put in its place")
	objectstest.ExpectFile(t, after, "rejects/1", "line 1")
	base, _, _ := strings.Cut(objectstest.UploadURL(t, after, "imports/1"), "?")
	_, query, _ := strings.Cut(link, "?")
	objectstest.Upload(t, base+"?"+query, "again")
}

func TestARefusedFsyncIsNotAcknowledged(t *testing.T) {
	disk, dir := durabletest.Watch(t), t.TempDir()
	l := serve(t, dir, folder.Options{OnUpload: func(key string) { t.Errorf("%s was announced", key) }})
	link := objectstest.UploadURL(t, l, "a")
	for _, folders := range []bool{false, true} {
		disk.Refuse(func(path string) error {
			if info, err := os.Stat(path); err != nil || info.IsDir() == folders {
				return errFailing
			}
			return nil
		})
		if answer, kind := objectstest.Send(t, "PUT", link, strings.NewReader("x")); answer.StatusCode != 503 || kind != "unavailable" {
			t.Errorf("upload, folders refused %v: %s %s", folders, answer.Status, kind)
		}
		if err := l.Put(context.Background(), "b", strings.NewReader("x")); !errors.Is(err, errFailing) {
			t.Errorf("put, folders refused %v: %v", folders, err)
		}
	}
	disk.Refuse(func(string) error { return errFailing })
	if _, err := folder.Open(t.TempDir(), folder.Options{}); !errors.Is(err, errFailing) {
		t.Errorf("opened with a secret that is not on disk: %v", err)
	}
}

func TestOpenRemovesUnfinishedUploads(t *testing.T) {
	dir := t.TempDir()
	l := serve(t, dir, folder.Options{})
	objectstest.Put(t, l, "a", "x")
	if err := os.WriteFile(filepath.Join(dir, "arriving", "123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	serve(t, dir, folder.Options{})
	expectLeft(t, dir, "kept/a")
}

func TestADiskThatRefusesIsAnError(t *testing.T) {
	dir := t.TempDir()
	l := serve(t, dir, folder.Options{OnUpload: func(key string) { t.Errorf("%s was announced", key) }})
	link := objectstest.UploadURL(t, l, "a")
	objectstest.Put(t, l, "b", "x")
	if err := l.Put(context.Background(), "b", failing{}); !errors.Is(err, errFailing) {
		t.Errorf("put what cannot be read: %v", err)
	}
	objectstest.ExpectFile(t, l, "b", "x")
	for _, gone := range []string{"arrived", "arriving"} {
		if err := os.RemoveAll(filepath.Join(dir, gone)); err != nil {
			t.Fatal(err)
		}
		if answer, kind := objectstest.Send(t, "PUT", link, strings.NewReader("x")); answer.StatusCode != 503 || kind != "unavailable" {
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
	if _, err := folder.Open(file, folder.Options{}); err == nil {
		t.Error("opened a file")
	}
}

var errFailing = errors.New("cannot be read")

type failing struct{}

func (failing) Read([]byte) (int, error)       { return 0, errFailing }
func (failing) Seek(int64, int) (int64, error) { return 0, nil }

func TestConcurrentUploadsLeaveOneWhole(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	announced := 0
	l := serve(t, dir, folder.Options{OnUpload: func(string) { mu.Lock(); announced++; mu.Unlock() }})
	link := objectstest.UploadURL(t, l, "a")
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() { objectstest.Upload(t, link, strings.Repeat(string(rune('a'+i)), 100_000)) })
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

func TestHEADAnswersWithoutTheFile(t *testing.T) {
	l := serve(t, t.TempDir(), folder.Options{})
	objectstest.Put(t, l, "a", "12345")
	answer, body := objectstest.Send(t, "HEAD", objectstest.DownloadURL(t, l, "a"), nil)
	if answer.StatusCode != 200 || answer.ContentLength != 5 || body != "" {
		t.Errorf("%s, %d bytes, %q", answer.Status, answer.ContentLength, body)
	}
	if answer.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error("browsers may guess what it is")
	}
}

func BenchmarkUpload(b *testing.B) {
	l := serve(b, b.TempDir(), folder.Options{})
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
