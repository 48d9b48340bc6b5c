// Package folder keeps uploaded files in a folder, and serves the links to them.
package folder

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/smithy-go/encoding/httpbinding"

	"cafe/internal/cafe"
	"cafe/internal/durable"
	"cafe/internal/objects"
)

// Files keeps the files in a folder, and serves the addresses itself: see Handler. One
// process has one for a folder; it is safe for concurrent use. Files are fsynced.
//
//	arriving/   what is being written; cleared when the folder is opened
//	arrived/    uploads that were not yet dealt with
//	kept/       all other files
//	link.key    the secret that links are signed with
//
// An upload has arrived when its file is renamed into arrived, and has been dealt with
// when it is renamed into kept. So there is nothing else to keep about it that a crash
// could make wrong.
type Files struct {
	dir     string
	options Options
	secret  []byte
	// patience is how long a client may be silent in the midst of an upload.
	patience time.Duration

	mu      sync.Mutex
	waiting map[string]int // uploads of a key in arrived that wait for Done, by key
}

var (
	_ cafe.Links = (*Files)(nil)
	_ cafe.Files = (*Files)(nil)
)

// Options say how a Local works.
type Options struct {
	BaseURL string           // where its Handler is reached, as http://127.0.0.1:3000
	Limit   int64            // of an upload in bytes; 0: 1 GiB
	Now     func() time.Time // the clock; nil: time.Now
	// OnUpload is told of every upload once it is safely on disk, before the client is
	// answered. It returns soon. Whoever deals with the upload calls Done.
	OnUpload func(key string)
	// Takes tells whether anybody would deal with an upload of the key. It is asked when one
	// is whole; what it does not take is refused, and nothing is left of it. nil: all is taken.
	Takes func(ctx context.Context, key string) (bool, error)
}

const (
	arriving = "arriving"
	arrived  = "arrived"
	kept     = "kept"
)

// Open opens the folder, and makes it if it is missing.
func Open(dir string, o Options) (*Files, error) {
	if o.Limit == 0 {
		o.Limit = 1 << 30
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OnUpload == nil {
		o.OnUpload = func(string) {}
	}
	if o.Takes == nil {
		o.Takes = func(context.Context, string) (bool, error) { return true, nil }
	}
	l := &Files{dir: dir, options: o, patience: time.Minute, waiting: map[string]int{}}
	if err := os.RemoveAll(l.path(arriving, "")); err != nil {
		return nil, fmt.Errorf("clear unfinished uploads away: %w", err)
	}
	for _, sub := range []string{arriving, arrived, kept} {
		if err := durable.MkdirAll(l.path(sub, "")); err != nil {
			return nil, fmt.Errorf("make folder of uploads: %w", err)
		}
	}
	pending, err := l.Pending()
	if err != nil {
		return nil, err
	}
	for _, key := range pending {
		l.waiting[key] = 1
	}
	if l.secret, err = l.linkKey(); err != nil {
		return nil, fmt.Errorf("secret for links: %w", err)
	}
	return l, nil
}

func (l *Files) path(sub, name string) string { return filepath.Join(l.dir, sub, name) }

// linkKey reads the secret, or makes one.
func (l *Files) linkKey() ([]byte, error) {
	const size = 32
	path := filepath.Join(l.dir, "link.key")
	secret, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		secret = make([]byte, size)
		rand.Read(secret) // never fails (crypto/rand)
		return secret, durable.Write(path, bytes.NewReader(secret))
	case err != nil:
		return nil, err
	case len(secret) != size:
		return nil, fmt.Errorf("%s does not hold %d bytes", path, size)
	}
	return secret, nil
}

// Open implements Store.
func (l *Files) Open(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	f, info, err := l.open(key)
	if err != nil {
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func (l *Files) open(key string) (*os.File, fs.FileInfo, error) {
	name, err := objects.FileName(key)
	if err != nil {
		return nil, nil, err
	}
	f, err := os.Open(l.path(arrived, name))
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.Open(l.path(kept, name))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("open %q: %w", key, cafe.ErrNotFound)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open %q: %w", key, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open %q: %w", key, err), f.Close())
	}
	return f, info, nil
}

// Put implements Store. It is no upload: OnUpload is not told.
func (l *Files) Put(ctx context.Context, key string, body io.ReadSeeker) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, err := objects.FileName(key)
	if err != nil {
		return err
	}
	whole, err := l.spool(body)
	if err != nil {
		return fmt.Errorf("put %q: %w", key, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	in := kept
	if l.waiting[key] > 0 {
		in = arrived
	}
	if err := durable.Commit(whole, l.path(in, name)); err != nil {
		return fmt.Errorf("put %q: %w", key, err)
	}
	return nil
}

func (l *Files) spool(body io.Reader) (path string, err error) {
	return durable.Spool(l.path(arriving, ""), body)
}

// arrive makes a whole file the upload of a key, unless nobody takes it: then it goes.
func (l *Files) arrive(ctx context.Context, whole, key, name string) (taken bool, err error) {
	if taken, err = l.options.Takes(ctx, key); err != nil || !taken {
		return false, errors.Join(err, os.Remove(whole))
	}
	l.mu.Lock()
	err = durable.Commit(whole, l.path(arrived, name))
	if err == nil {
		l.waiting[key]++
	}
	l.mu.Unlock()
	if err == nil {
		l.options.OnUpload(key)
	}
	return true, err
}

// Pending returns the keys of the uploads that nobody has dealt with, the oldest first.
// Ask after opening the folder: OnUpload was told of them in an earlier life, or never.
// Each is to be dealt with, and then Done.
func (l *Files) Pending() ([]string, error) {
	entries, err := os.ReadDir(l.path(arrived, ""))
	if err != nil {
		return nil, fmt.Errorf("list uploads: %w", err)
	}
	type upload struct {
		key string
		at  time.Time
	}
	var uploads []upload
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // done meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("list uploads: %w", err)
		}
		uploads = append(uploads, upload{objects.Key(entry.Name()), info.ModTime()})
	}
	slices.SortStableFunc(uploads, func(a, b upload) int { return a.at.Compare(b.at) })
	keys := make([]string, len(uploads))
	for i, u := range uploads {
		keys[i] = u.key
	}
	return keys, nil
}

// Done notes that one upload of the key has been dealt with. It is to be called once for
// every key that OnUpload was told, or that Pending returned after the start. A key that
// was uploaded again in the meantime stays pending until that was dealt with, too.
func (l *Files) Done(key string) error {
	name, err := objects.FileName(key)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.waiting[key] {
	case 0:
		return nil
	case 1:
		if err := os.Rename(l.path(arrived, name), l.path(kept, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("upload %q is done: %w", key, err)
		}
		delete(l.waiting, key)
		return nil // after a power cut it may be pending again, and is dealt with twice
	}
	l.waiting[key]--
	return nil
}

// UploadURL implements Links.
func (l *Files) UploadURL(_ context.Context, key string, life time.Duration) (string, error) {
	return l.link(http.MethodPut, key, life)
}

// DownloadURL implements Links. HEAD will do, too.
func (l *Files) DownloadURL(_ context.Context, key string, life time.Duration) (string, error) {
	return l.link(http.MethodGet, key, life)
}

func (l *Files) link(method, key string, life time.Duration) (string, error) {
	if _, err := objects.FileName(key); err != nil {
		return "", err
	}
	s, err := objects.Seconds(life)
	if err != nil {
		return "", err
	}
	expires := strconv.FormatInt(l.options.Now().Unix()+s, 10)
	return strings.TrimSuffix(l.options.BaseURL, "/") + Path + httpbinding.EscapePath(key, false) + "?" +
		url.Values{"expires": {expires}, "signature": {l.signature(method, key, expires)}}.Encode(), nil
}

func (l *Files) signature(method, key, expires string) string {
	mac := hmac.New(sha256.New, l.secret)
	mac.Write([]byte(method + "\n" + expires + "\n" + key)) // no line break is in any of them
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// allows tells whether a request's query is that of a link for the method and the key,
// and if so whether the link has ended.
func (l *Files) allows(query url.Values, method, key string) (valid, ended bool) {
	expires := query.Get("expires")
	at, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || !hmac.Equal([]byte(query.Get("signature")), []byte(l.signature(method, key, expires))) {
		return false, false
	}
	return true, l.options.Now().Unix() >= at
}
