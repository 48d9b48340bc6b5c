// Package objects holds what its twins share: s3 keeps uploads and the rejects of imports on
// AWS, and folder keeps them on one machine. Clients send and fetch the files themselves, at
// links that are signed for one file, one method and a limited time. So no file passes through
// the API. Package s3/presign makes the links on AWS; folder makes its own and serves them.
package objects

import (
	"errors"
	"fmt"
	"mime"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ErrKey says that a key is invalid.
var ErrKey = errors.New("not a key of a file")

// maxName is how long a key may be as the name of a file, in bytes.
const maxName = 255

// FileName returns the key of a file as a name in a folder. A key is valid UTF-8 without
// control characters. None of its parts between slashes is empty, "." or "..", because programs
// on the way would remove those. It has at most 255 bytes, where / and % count three each.
// Everything else belongs to the key: blanks, +, quotes. The error for an invalid key is ErrKey.
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

// Key returns the key that FileName made a name of.
func Key(name string) string { return unescape.Replace(name) }

var (
	escape   = strings.NewReplacer("%", "%25", "/", "%2F")
	unescape = strings.NewReplacer("%25", "%", "%2F", "/")
)

// Disposition returns the Content-Disposition of a file. It has browsers save the file under
// the last part of its key. They must not show it as a page of the café, because anybody may
// have uploaded it.
func Disposition(key string) string {
	return mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(key)})
}

// MediaType returns the Content-Type of a file, which the end of its key tells.
func MediaType(key string) string {
	if strings.EqualFold(path.Ext(key), ".csv") {
		return "text/csv; charset=utf-8"
	}
	return "application/octet-stream"
}

// Seconds returns how long a link lives, in whole seconds. Links of less than a second or of
// more than seven days, which is the most that S3 allows, are an error.
func Seconds(life time.Duration) (int64, error) {
	if life < time.Second || life > 7*24*time.Hour {
		return 0, fmt.Errorf("a link cannot live for %s", life)
	}
	return int64(life / time.Second), nil
}
