// Package objects keeps uploaded files and the rejects of imports. S3 does on AWS (package
// bucket), Local on one machine. With both, clients send and fetch the files themselves, at addresses
// that are signed for one file, one purpose and a while, so that no upload goes through
// the API.
package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Links make addresses for clients. Each is good for one method and one key, as often as
// they like, for that long: whole seconds, at most seven days.
type Links interface {
	// UploadURL returns where the file can be sent with PUT. No header is asked for.
	UploadURL(ctx context.Context, key string, life time.Duration) (string, error)
	// DownloadURL returns where the file can be fetched with GET, to be saved under the
	// last part of its key. There need not be one yet.
	DownloadURL(ctx context.Context, key string, life time.Duration) (string, error)
}

// Store holds the files.
type Store interface {
	// Open returns a file's bytes, to be closed, and how many they are. Without such a
	// file the error is cafe.ErrNotFound.
	Open(ctx context.Context, key string) (file io.ReadCloser, size int64, err error)
	// Put keeps what body has from where it stands to its end. An earlier file of that
	// key is there, whole, until the new one is.
	Put(ctx context.Context, key string, body io.ReadSeeker) error
}

// ErrKey says that a key cannot be one.
var ErrKey = errors.New("not a key of a file")

// maxName is how long a key may be as the name of a file.
const maxName = 255

// FileName writes a key as the name of a file. A key is UTF-8 without control
// characters. Its parts, between slashes, are not empty, "." or "..", which programs
// on the way would take out. It is at most 255 bytes long, where / and % count three.
// All else is the key's own: blanks, +, quotes. What is no key is ErrKey.
func FileName(key string) (string, error) {
	name := escape.Replace(key)
	ok := len(name) <= maxName && utf8.ValidString(key) && !strings.ContainsFunc(key, unicode.IsControl)
	for part := range strings.SplitSeq(key, "/") {
		ok = ok && part != "" && part != "." && part != ".."
	}
	if !ok {
		return "", fmt.Errorf("%w: %q", ErrKey, key)
	}
	return name, nil
}

// keyOf is what FileName wrote.
func keyOf(name string) string { return unescape.Replace(name) }

var (
	escape   = strings.NewReplacer("%", "%25", "/", "%2F")
	unescape = strings.NewReplacer("%25", "%", "%2F", "/")
)

// attachment is the Content-Disposition that has a browser save the file: it is whatever
// somebody uploaded, and not to be shown as a page of the café.
func attachment(key string) string {
	return mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(key)})
}

// MediaType is the file's by the end of its name.
func MediaType(key string) string {
	if strings.EqualFold(path.Ext(key), ".csv") {
		return "text/csv; charset=utf-8"
	}
	return "application/octet-stream"
}

// seconds checks a link's life.
func seconds(life time.Duration) (int64, error) {
	if life < time.Second || life > 7*24*time.Hour {
		return 0, fmt.Errorf("a link cannot last %s", life)
	}
	return int64(life / time.Second), nil
}
