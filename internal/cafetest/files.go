package cafetest

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing/iotest"
	"time"

	"cafe/model"
)

// Files are a imports.Files and imports.Links that keep all in memory, and fail when told to.
type Files struct {
	mu    sync.Mutex
	files map[string]string
	fail  func(what, key string) (before, after error)
}

// NewFiles returns one that is empty and works.
func NewFiles() *Files { return &Files{files: map[string]string{}} }

// Fail has fail asked about every call from now on (Open, Put, UploadURL
// or DownloadURL); nil ends it.
func (f *Files) Fail(fail func(what, key string) error) {
	if fail == nil {
		f.beset(nil)
		return
	}
	f.beset(func(what, key string) (before, after error) { return fail(what, key), nil })
}

// beset has fail asked about every call, links included: before is returned in place of
// doing it, after once it was done. A file that fails after it was opened breaks off in
// the middle.
func (f *Files) beset(fail func(what, key string) (before, after error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

func (f *Files) failure(what, key string) (before, after error) {
	if f.fail == nil {
		return nil, nil
	}
	return f.fail(what, key)
}

// Open implements imports.Files.
func (f *Files) Open(_ context.Context, key string) (io.ReadCloser, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before, after := f.failure("Open", key)
	if before != nil {
		return nil, 0, before
	}
	text, has := f.files[key]
	if !has {
		return nil, 0, model.ErrNotFound
	}
	if after != nil {
		broken := io.MultiReader(strings.NewReader(text[:len(text)/2]), iotest.ErrReader(after))
		return io.NopCloser(broken), int64(len(text)), nil
	}
	return io.NopCloser(strings.NewReader(text)), int64(len(text)), nil
}

// Put implements imports.Files.
func (f *Files) Put(_ context.Context, key string, body io.ReadSeeker) error {
	var b bytes.Buffer
	if _, err := b.ReadFrom(body); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	before, after := f.failure("Put", key)
	if before != nil {
		return before
	}
	f.files[key] = b.String()
	return after
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

// UploadURL implements imports.Links. KeyOf tells the key.
func (f *Files) UploadURL(_ context.Context, key string, _ time.Duration) (string, error) {
	return f.link("UploadURL", "put", key)
}

// DownloadURL implements imports.Links. KeyOf tells the key.
func (f *Files) DownloadURL(_ context.Context, key string, _ time.Duration) (string, error) {
	return f.link("DownloadURL", "get", key)
}

func (f *Files) link(what, way, key string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if before, after := f.failure(what, key); before != nil || after != nil {
		return "", cmp.Or(before, after)
	}
	return (&url.URL{Scheme: "https", Host: "files.example", Path: "/" + key, RawQuery: way}).String(), nil
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
