// Package folder keeps uploads and the rejects of imports in a folder, and serves the links to
// them. It does on one machine what S3 does on AWS (package objects/s3).
//
//	arriving/   files that are being written; emptied when the folder is opened
//	arrived/    uploads that wait to be imported
//	kept/       all other files
//	link.key    the secret that signs links
//
// An upload arrives when its file is renamed into arrived/, and is done when it is renamed into
// kept/. Nothing else records that, so a crash cannot make it wrong.
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

	"cafe/internal/durable"
	"cafe/internal/imports"
	"cafe/internal/objects"
	"cafe/model"
)

// Files is the imports.Files and the imports.Links of one machine. Open makes it. A folder must have
// one only, which is safe for concurrent use. A file is on disk before the call or the request
// that writes it is answered.
type Files struct {
	dir     string
	options Options
	secret  []byte

	mu      sync.Mutex
	waiting map[string]int // uploads in arrived/ that wait for Done, by key
}

var (
	_ imports.Files = (*Files)(nil)
	_ imports.Links = (*Files)(nil)
)

// Options of a folder.
type Options struct {
	BaseURL string           // where Handler is reached, such as http://127.0.0.1:3000
	Limit   int64            // the size of an upload at most, in bytes; 0: 1 GiB
	Now     func() time.Time // the clock; nil: time.Now
	// OnUpload is called for every upload once it is on disk, before the client is answered.
	// It must return soon. Whoever imports the upload then calls Done.
	OnUpload func(key string)
	// Takes reports whether an upload of the key would be imported. It is called when the
	// upload is whole. If it returns false, the upload is refused and removed. nil: always.
	Takes func(ctx context.Context, key string) (bool, error)
}

const (
	arriving = "arriving"
	arrived  = "arrived"
	kept     = "kept"
)

// Open opens a folder, and makes it if it is missing.
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
	f := &Files{dir: dir, options: o, waiting: map[string]int{}}
	if err := os.RemoveAll(f.path(arriving, "")); err != nil {
		return nil, fmt.Errorf("remove unfinished uploads: %w", err)
	}
	for _, sub := range []string{arriving, arrived, kept} {
		if err := durable.MkdirAll(f.path(sub, "")); err != nil {
			return nil, fmt.Errorf("make folder of uploads: %w", err)
		}
	}
	pending, err := f.Pending()
	if err != nil {
		return nil, err
	}
	for _, key := range pending {
		f.waiting[key] = 1
	}
	if f.secret, err = f.linkKey(); err != nil {
		return nil, fmt.Errorf("secret for links: %w", err)
	}
	return f, nil
}

func (f *Files) path(sub, name string) string { return filepath.Join(f.dir, sub, name) }

// linkKey reads the secret that signs links, or makes one.
func (f *Files) linkKey() ([]byte, error) {
	const size = 32
	path := filepath.Join(f.dir, "link.key")
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

// Open implements imports.Files.
func (f *Files) Open(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	file, info, err := f.open(key)
	if err != nil {
		return nil, 0, err
	}
	return file, info.Size(), nil
}

func (f *Files) open(key string) (*os.File, fs.FileInfo, error) {
	name, err := objects.FileName(key)
	if err != nil {
		return nil, nil, err
	}
	file, err := os.Open(f.path(arrived, name))
	if errors.Is(err, fs.ErrNotExist) {
		file, err = os.Open(f.path(kept, name))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("open %q: %w", key, model.ErrNotFound)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open %q: %w", key, err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open %q: %w", key, err), file.Close())
	}
	return file, info, nil
}

// Put implements imports.Files. OnUpload is not called. If an upload of the key waits to be
// imported, the body takes its place.
func (f *Files) Put(ctx context.Context, key string, body io.ReadSeeker) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, err := objects.FileName(key)
	if err != nil {
		return err
	}
	spooled, err := f.spool(body)
	if err != nil {
		return fmt.Errorf("put %q: %w", key, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	in := kept
	if f.waiting[key] > 0 {
		in = arrived
	}
	if err := durable.Commit(spooled, f.path(in, name)); err != nil {
		return fmt.Errorf("put %q: %w", key, err)
	}
	return nil
}

func (f *Files) spool(body io.Reader) (path string, err error) {
	return durable.Spool(f.path(arriving, ""), body)
}

// arrive makes a spooled file the upload of a key. If nobody takes the upload, the file is
// removed.
func (f *Files) arrive(ctx context.Context, spooled, key, name string) (taken bool, err error) {
	if taken, err = f.options.Takes(ctx, key); err != nil || !taken {
		return false, errors.Join(err, os.Remove(spooled))
	}
	f.mu.Lock()
	err = durable.Commit(spooled, f.path(arrived, name))
	if err == nil {
		f.waiting[key]++
	}
	f.mu.Unlock()
	if err == nil {
		f.options.OnUpload(key)
	}
	return true, err
}

// Pending returns the keys of the uploads that are not done, the oldest first. It is for after
// Open: an earlier process may not have imported them. Call Done for each once it is imported.
func (f *Files) Pending() ([]string, error) {
	entries, err := os.ReadDir(f.path(arrived, ""))
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

// Done records that one upload of the key was imported. It must be called once for every call
// of OnUpload and for every key that Pending returned after Open. A key that was uploaded again
// meanwhile stays pending until that upload is done, too.
func (f *Files) Done(key string) error {
	name, err := objects.FileName(key)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.waiting[key] {
	case 0:
		return nil
	case 1:
		// This is not fsynced: after a power cut the upload may be pending again, and importing
		// it twice does no harm.
		if err := os.Rename(f.path(arrived, name), f.path(kept, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("upload %q is done: %w", key, err)
		}
		delete(f.waiting, key)
		return nil
	}
	f.waiting[key]--
	return nil
}

// UploadURL implements imports.Links. The client sends the file with PUT and needs no header.
func (f *Files) UploadURL(_ context.Context, key string, life time.Duration) (string, error) {
	return f.link(http.MethodPut, key, life)
}

// DownloadURL implements imports.Links. The client fetches the file with GET, to save it under the
// last part of its key, or asks about it with HEAD. The file may come to be after the link.
func (f *Files) DownloadURL(_ context.Context, key string, life time.Duration) (string, error) {
	return f.link(http.MethodGet, key, life)
}

func (f *Files) link(method, key string, life time.Duration) (string, error) {
	if _, err := objects.FileName(key); err != nil {
		return "", err
	}
	s, err := objects.Seconds(life)
	if err != nil {
		return "", err
	}
	expires := strconv.FormatInt(f.options.Now().Unix()+s, 10)
	return strings.TrimSuffix(f.options.BaseURL, "/") + Path + httpbinding.EscapePath(key, false) + "?" +
		url.Values{"expires": {expires}, "signature": {f.signature(method, key, expires)}}.Encode(), nil
}

func (f *Files) signature(method, key, expires string) string {
	mac := hmac.New(sha256.New, f.secret)
	mac.Write([]byte(method + "\n" + expires + "\n" + key)) // none of them has a line break
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// allows reports whether a query is that of a link for the method and the key, and whether
// that link has expired.
func (f *Files) allows(query url.Values, method, key string) (valid, expired bool) {
	expires := query.Get("expires")
	at, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || !hmac.Equal([]byte(query.Get("signature")), []byte(f.signature(method, key, expires))) {
		return false, false
	}
	return true, f.options.Now().Unix() >= at
}
