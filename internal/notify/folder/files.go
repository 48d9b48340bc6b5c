package folder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// appendLine adds a line of JSON to a file. When that fails halfway, or a crash ended the
// line before it, what there is of the broken line is cut off: a file of lines holds
// whole ones.
func appendLine(path string, v any) (err error) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("encode line: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := mend(f)
	if err != nil {
		return err
	}
	if _, err := f.Write(line.Bytes()); err != nil {
		return errors.Join(err, f.Truncate(size))
	}
	return nil
}

// mendLines cuts off what a crash left of a file's last line. No file is fine.
func mendLines(path string) (err error) {
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
// lacks only its end gets it.
func mend(f *os.File) (size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	size = info.Size()
	var tail []byte // what follows the last line's end
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

// replaceFile gives a file another content. Nobody sees half of it, even after the
// process was killed, and with sync even after a power cut. With sync it is on disk
// when replaceFile returns.
func replaceFile(path string, content io.Reader, sync bool) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, unfinished)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if sync && err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if !sync {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// unfinished is the pattern of names that files have until they are whole.
const unfinished = ".unfinished-*"

// clearUnfinished removes what replaceFile left when the process was killed.
func clearUnfinished(dirs ...string) error {
	for _, dir := range dirs {
		left, err := filepath.Glob(filepath.Join(dir, unfinished))
		if err != nil {
			return err
		}
		for _, path := range left {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}
