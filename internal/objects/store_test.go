package objects_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"cafe/internal/awsenv"
	"cafe/internal/cafe"
	"cafe/internal/objects"
	"cafe/internal/objects/bucket"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// world is a store and the links to it.
type world struct {
	objects.Store
	objects.Links
}

// worlds are the stores that must behave alike.
func worlds(t *testing.T, test func(t *testing.T, w world)) {
	t.Run("Local", func(t *testing.T) {
		l := serveLocal(t, t.TempDir(), objects.LocalOptions{})
		test(t, world{l, l})
	})
	t.Run("S3, faked", func(t *testing.T) {
		fake := httptest.NewServer(&fakeS3{objects: map[string]stored{}})
		t.Cleanup(fake.Close)
		test(t, s3World(t, fake.URL, "cafe-uploads"))
	})
	t.Run("S3, by moto", func(t *testing.T) {
		endpoint := os.Getenv("AWS_ENDPOINT_URL_S3")
		if endpoint == "" {
			t.Skip(`AWS_ENDPOINT_URL_S3 is not set: start moto with eval "$(.ci/moto env)"`)
		}
		if strings.Contains(endpoint, "amazonaws.") {
			t.Fatal("AWS_ENDPOINT_URL_S3 is AWS itself: this test is not to cost money")
		}
		name := "cafe-test-" + strings.ToLower(rand.Text())
		with := settings(t, endpoint)
		client := s3.New(s3.Options{Region: with.Region, Credentials: with.Credentials, BaseEndpoint: with.Endpoint, UsePathStyle: true})
		_, err := client.CreateBucket(context.Background(), &s3.CreateBucketInput{
			Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-2"},
		})
		if err != nil {
			t.Fatal(err)
		}
		test(t, s3World(t, endpoint, name))
	})
}

func environment(endpoint, name string) func(string) string {
	env := map[string]string{
		"AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "a/token+",
		"AWS_ENDPOINT_URL_S3": endpoint, "CAFE_BUCKET": name,
	}
	return func(name string) string { return env[name] }
}

func settings(t *testing.T, endpoint string) awsenv.Settings {
	t.Helper()
	s, err := awsenv.FromEnv(environment(endpoint, ""), "S3")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func s3World(t *testing.T, endpoint, name string) world {
	t.Helper()
	env := environment(endpoint, name)
	store, err := bucket.FromEnvironment(env)
	if err != nil {
		t.Fatal(err)
	}
	links, err := objects.LinksFromEnvironment(env)
	if err != nil {
		t.Fatal(err)
	}
	return world{store, links}
}

// fakeS3 is a bucket as far as the café uses one.
type fakeS3 struct {
	mu      sync.Mutex
	objects map[string]stored // by path
}

type stored struct {
	content   []byte
	mediaType string
}

func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch o, has := f.objects[r.URL.Path]; {
	case r.Method == http.MethodPut:
		content, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		f.objects[r.URL.Path] = stored{content, r.Header.Get("Content-Type")}
	case !has:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>`)
	default:
		q := r.URL.Query()
		w.Header().Set("Content-Type", o.mediaType)
		if t := q.Get("response-content-type"); t != "" {
			w.Header().Set("Content-Type", t)
		}
		if d := q.Get("response-content-disposition"); d != "" {
			w.Header().Set("Content-Disposition", d)
		}
		_, _ = w.Write(o.content)
	}
}

func put(t *testing.T, s objects.Store, key, content string) {
	t.Helper()
	if err := s.Put(context.Background(), key, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

func expectFile(t *testing.T, s objects.Store, key, want string) {
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

func expectNone(t *testing.T, s objects.Store, key string) {
	t.Helper()
	f, _, err := s.Open(context.Background(), key)
	if err == nil {
		f.Close()
	}
	if !errors.Is(err, cafe.ErrNotFound) {
		t.Errorf("open %s: error %v, want cafe.ErrNotFound", key, err)
	}
}

func uploadURL(t *testing.T, l objects.Links, key string) string {
	t.Helper()
	u, err := l.UploadURL(context.Background(), key, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func downloadURL(t *testing.T, l objects.Links, key string) string {
	t.Helper()
	u, err := l.DownloadURL(context.Background(), key, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// send makes a request and returns the answer with its body read.
func send(t *testing.T, method, url string, body io.Reader) (*http.Response, string) {
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

func upload(t *testing.T, url, content string) {
	t.Helper()
	if answer, body := send(t, http.MethodPut, url, strings.NewReader(content)); answer.StatusCode != http.StatusOK {
		t.Fatalf("PUT %s: %s: %s", url, answer.Status, body)
	}
}

func TestAFileIsWhatWasPutLast(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		expectNone(t, w, "rejects/1.csv")
		put(t, w, "rejects/1.csv", "line,reason\n1,bad\n")
		expectFile(t, w, "rejects/1.csv", "line,reason\n1,bad\n")
		put(t, w, "rejects/1.csv", "")
		expectFile(t, w, "rejects/1.csv", "")
		expectNone(t, w, "rejects/2.csv")
		expectNone(t, w, "rejects")
	})
}

func TestABodyIsPutFromWhereItStands(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		body := bytes.NewReader([]byte("skipped,kept"))
		if _, err := body.Seek(8, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if err := w.Put(context.Background(), "k", body); err != nil {
			t.Fatal(err)
		}
		expectFile(t, w, "k", "kept")
	})
}

var awkwardKeys = []string{
	"imports/1/till.csv", "a b", "a+b", "100%", "%2F", "%zz", "a%2Fb", "a/b", "ü/日本/é.csv", "?x=1&y#z", "'\"<>;:@=,$!*()[]{}|\\^`~",
	".hidden", "a/.b/..c", "...", "COM1", "a\u00a0b", "e\u0301", strings.Repeat("n", 255),
}

func TestAnyKeyGoesThroughALinkAndBack(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		for i, key := range awkwardKeys {
			upload(t, uploadURL(t, w, key), fmt.Sprint("file ", i))
		}
		for i, key := range awkwardKeys {
			expectFile(t, w, key, fmt.Sprint("file ", i))
			answer, body := send(t, http.MethodGet, downloadURL(t, w, key), nil)
			if answer.StatusCode != http.StatusOK || body != fmt.Sprint("file ", i) {
				t.Errorf("%s: fetched %s %q", key, answer.Status, body)
			}
		}
	})
}

func TestADownloadIsSavedUnderItsNameAndNeverShown(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		for key, want := range map[string]string{"rejects/Übrig +1.csv": "text/csv; charset=utf-8", "imports/page.html": "application/octet-stream"} {
			put(t, w, key, "<script>alert(1)</script>")
			answer, _ := send(t, http.MethodGet, downloadURL(t, w, key), nil)
			how, params, err := mime.ParseMediaType(answer.Header.Get("Content-Disposition"))
			if err != nil || how != "attachment" || params["filename"] != path.Base(key) {
				t.Errorf("%s: disposition %s %v (%v)", key, how, params, err)
			}
			if got := answer.Header.Get("Content-Type"); got != want {
				t.Errorf("%s: type %s, want %s", key, got, want)
			}
		}
	})
}

func TestALinkMayBeMadeBeforeItsFile(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		link := downloadURL(t, w, "rejects/1.csv")
		// S3 says 403 to those who may not list the bucket, and so does moto.
		if answer, _ := send(t, http.MethodGet, link, nil); answer.StatusCode != http.StatusNotFound && answer.StatusCode != http.StatusForbidden {
			t.Errorf("before: %s", answer.Status)
		}
		put(t, w, "rejects/1.csv", "x")
		if answer, _ := send(t, http.MethodGet, link, nil); answer.StatusCode != http.StatusOK {
			t.Errorf("after: %s", answer.Status)
		}
	})
}

func TestWhatIsNoKeyIsRefused(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
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
	})
}

func TestALinkLastsFromASecondToAWeek(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		for life, want := range map[time.Duration]bool{
			-time.Hour: false, 0: false, time.Second - 1: false, time.Second: true, 7 * 24 * time.Hour: true, 7*24*time.Hour + 1: false,
		} {
			_, upErr := w.UploadURL(context.Background(), "k", life)
			_, downErr := w.DownloadURL(context.Background(), "k", life)
			if (upErr == nil) != want || (downErr == nil) != want {
				t.Errorf("%s: errors %v and %v", life, upErr, downErr)
			}
		}
	})
}

func TestAnEndedContextIsAnError(t *testing.T) {
	worlds(t, func(t *testing.T, w world) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := w.Put(ctx, "k", strings.NewReader("x")); !errors.Is(err, context.Canceled) {
			t.Errorf("put: %v", err)
		}
		if _, _, err := w.Open(ctx, "k"); !errors.Is(err, context.Canceled) {
			t.Errorf("open: %v", err)
		}
	})
}

func TestAMissingVariableIsNamed(t *testing.T) {
	for _, missing := range []string{"CAFE_BUCKET", "AWS_REGION"} {
		env := func(name string) string {
			if name == missing {
				return ""
			}
			return environment("http://127.0.0.1:1", "b")(name)
		}
		if _, err := bucket.FromEnvironment(env); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("store without %s: error %v", missing, err)
		}
		if _, err := objects.LinksFromEnvironment(env); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("links without %s: error %v", missing, err)
		}
	}
}

// TestLinksAreThoseThatTheSDKMakes compares whole addresses, signature and all.
func TestLinksAreThoseThatTheSDKMakes(t *testing.T) {
	ctx := context.Background()
	endpoint := "http://127.0.0.1:9/"
	for _, region := range []string{"eu-west-2", "us-east-1", "us-gov-west-1", "cn-north-1"} {
		for _, standIn := range []*string{nil, &endpoint} {
			s := settings(t, "")
			s.Region, s.Endpoint = region, standIn
			client := s3.NewPresignClient(s3.New(s3.Options{
				Region: region, Credentials: s.Credentials, BaseEndpoint: standIn, UsePathStyle: standIn != nil,
				RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
			}), s3.WithPresignExpires(time.Hour))
			for _, key := range awkwardKeys {
				disposition := mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(key)})
				contentType := "application/octet-stream"
				if path.Ext(key) == ".csv" {
					contentType = "text/csv; charset=utf-8"
				}
				up, err := client.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("cafe-uploads"), Key: &key})
				if err != nil {
					t.Fatal(err)
				}
				down, err := client.PresignGetObject(ctx, &s3.GetObjectInput{
					Bucket: aws.String("cafe-uploads"), Key: &key,
					ResponseContentDisposition: &disposition, ResponseContentType: &contentType,
				})
				if err != nil {
					t.Fatal(err)
				}
				for want, link := range map[string]func(*objects.S3Links) (string, error){
					up.URL:   func(l *objects.S3Links) (string, error) { return l.UploadURL(ctx, key, time.Hour) },
					down.URL: func(l *objects.S3Links) (string, error) { return l.DownloadURL(ctx, key, time.Hour) },
				} {
					links, err := objects.NewS3Links(s, "cafe-uploads", func() time.Time { return signedAt(t, want) })
					if err != nil {
						t.Fatal(err)
					}
					got, err := link(links)
					if err != nil {
						t.Fatal(err)
					}
					if got != want {
						t.Errorf("%s, %q:\ngot  %s\nwant %s", region, key, got, want)
					}
				}
				if len(up.SignedHeader) != 1 || up.SignedHeader.Get("Host") == "" {
					t.Errorf("the client would have to send %v, too", up.SignedHeader)
				}
			}
		}
	}
}

func signedAt(t *testing.T, link string) time.Time {
	t.Helper()
	_, after, _ := strings.Cut(link, "X-Amz-Date=")
	at, err := time.Parse("20060102T150405Z", after[:16])
	if err != nil {
		t.Fatal(err)
	}
	return at
}
