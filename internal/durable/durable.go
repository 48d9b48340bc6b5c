// Package durable writes files that outlive a power cut. When one of its functions returns
// without an error, the disk holds the content, the name and the folder. The one exception
// is Mend, which says so.
//
// Content is fsynced before its file gets its name. So a reader finds the old file or the
// new one, and never a part. The folder is fsynced after that, because fsync of a file does
// not cover the file's name (Linux manual, fsync(2)).
//
// Files and folders belong to their owner alone (modes 0600 and 0700): they hold secrets
// and name customers.
package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"cafe/internal/durable/internal/fsync"
)

// unfinished is the pattern of the names that files have until they are whole.
const unfinished = ".unfinished-*"

// Write writes all that from has to the file at path, in place of what it held. If that
// fails, the file is as it was, unless only the fsync of the folder failed.
func Write(path string, from io.Reader) error {
	spooled, err := Spool(filepath.Dir(path), from)
	if err != nil {
		return err
	}
	return Commit(spooled, path)
}

// WriteNew is Write for a file that must not exist. If it exists, perhaps because another
// process was faster, the error is fs.ErrExist and the existing file is durable.
func WriteNew(path string, from io.Reader) error {
	spooled, err := Spool(filepath.Dir(path), from)
	if err != nil {
		return err
	}
	linked := os.Link(spooled, path) // unlike a rename, it replaces nothing
	if err := os.Remove(spooled); err != nil {
		return errors.Join(linked, err)
	}
	if linked != nil && !errors.Is(linked, fs.ErrExist) {
		return linked
	}
	return errors.Join(linked, syncFolder(filepath.Dir(path)))
}

// Spool writes all that from has to a new file in the folder and returns its path. The
// caller gives the file its name with Commit, or removes it. If Spool fails, it leaves
// nothing.
func Spool(folder string, from io.Reader) (path string, err error) {
	f, err := os.CreateTemp(folder, unfinished) // mode 0600
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, from)
	if err == nil {
		err = fsync.Sync(f)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// Commit gives a file of Spool its name, in place of a file that has it. If the file cannot
// be renamed, it is removed.
func Commit(spooled, path string) error {
	if err := os.Rename(spooled, path); err != nil {
		return errors.Join(err, os.Remove(spooled))
	}
	return syncFolder(filepath.Dir(path))
}

// Rename gives a file another name in the same folder, in place of a file that has it.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}

// MkdirAll makes a folder, with those above it that are missing. An existing one is fine.
func MkdirAll(path string) error {
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return &fs.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR} // as os.MkdirAll has it
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	parent := filepath.Dir(path)
	if err := MkdirAll(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(parent)
}

// RemoveUnfinished removes what processes that were killed left of files they were
// writing. Nobody else may be writing to the folders. A missing folder is fine.
func RemoveUnfinished(folders ...string) error {
	for _, folder := range folders {
		left, err := filepath.Glob(filepath.Join(folder, unfinished))
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

func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // Windows has no fsync of a folder; Pebble does without it, too (vfs/default_windows.go)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(fsync.Sync(f), f.Close())
}
