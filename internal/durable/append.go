package durable

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"cafe/internal/durable/internal/fsync"
)

// Append adds a line to a file of JSON lines, and makes the file if it is missing. The line
// is a JSON value without line breaks. If Append fails, the line is taken back. What a crash
// left of a broken line is removed first, so that the file holds whole lines.
func Append(path string, line []byte) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := mend(f)
	if err != nil {
		return err
	}
	_, err = f.Write(append(bytes.Clone(line), '\n'))
	if err == nil {
		err = fsync.Sync(f)
	}
	if err == nil && size == 0 { // the file is new
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return errors.Join(err, f.Truncate(size))
	}
	return nil
}

// Mend removes what a crash left of the last line of a file of JSON lines. A missing file is
// fine. After a power cut the rest of the line may be back, to be mended again.
func Mend(path string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = mend(f)
	return err
}

// mend ends a file after its last whole line and returns its size then. A last line that
// lacks only its line break gets one: somebody may have edited the file.
func mend(f *os.File) (size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	size = info.Size()
	var tail []byte // what follows the last line break
	start := size
	for block := int64(1); start > 0; block = min(2*block, 1<<20) {
		from := max(0, start-block)
		b := make([]byte, start-from)
		if _, err := f.ReadAt(b, from); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
			start, tail = from+int64(i)+1, append(b[i+1:], tail...)
			break
		}
		start, tail = from, append(b, tail...)
	}
	switch {
	case len(tail) == 0:
		return size, nil
	case json.Valid(tail):
		_, err = f.Write([]byte{'\n'})
		return size + 1, err
	}
	return start, f.Truncate(start)
}
