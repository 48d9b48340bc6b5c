package cafetest

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"cafe/internal/cafe"
)

// Files are a cafe.Files and cafe.Links that keep all in memory, and fail when told to.
type Files struct {
	mu    sync.Mutex
	files map[string]string
	fail  func(what, key string) error
}

// NewFiles returns one that is empty and works.
func NewFiles() *Files { return &Files{files: map[string]string{}} }

// Fail has fail asked about every call from now on (Open or Put); nil ends it.
func (f *Files) Fail(fail func(what, key string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

func (f *Files) failure(what, key string) error {
	if f.fail == nil {
		return nil
	}
	return f.fail(what, key)
}

// Open implements cafe.Files.
func (f *Files) Open(_ context.Context, key string) (io.ReadCloser, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failure("Open", key); err != nil {
		return nil, 0, err
	}
	text, has := f.files[key]
	if !has {
		return nil, 0, cafe.ErrNotFound
	}
	return io.NopCloser(strings.NewReader(text)), int64(len(text)), nil
}

// Put implements cafe.Files.
func (f *Files) Put(_ context.Context, key string, body io.ReadSeeker) error {
	var b bytes.Buffer
	if _, err := b.ReadFrom(body); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failure("Put", key); err != nil {
		return err
	}
	f.files[key] = b.String()
	return nil
}

// Text returns what is in the file of that key, empty when there is none.
func (f *Files) Text(key string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.files[key]
}

// Keys returns the keys of all files.
func (f *Files) Keys() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.files))
}

// UploadURL implements cafe.Links. KeyOf tells the key.
func (f *Files) UploadURL(_ context.Context, key string, _ time.Duration) (string, error) {
	return link("put", key), nil
}

// DownloadURL implements cafe.Links. KeyOf tells the key.
func (f *Files) DownloadURL(_ context.Context, key string, _ time.Duration) (string, error) {
	return link("get", key), nil
}

func link(way, key string) string {
	return (&url.URL{Scheme: "https", Host: "files.example", Path: "/" + key, RawQuery: way}).String()
}

// KeyOf returns the key of a link to send a file ("put") or to fetch one ("get"), and
// nothing for any other text.
func KeyOf(way, link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Host != "files.example" || u.RawQuery != way {
		return ""
	}
	return strings.TrimPrefix(u.Path, "/")
}
