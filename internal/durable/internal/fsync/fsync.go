// Package fsync is the one place that calls fsync, so that tests can watch the calls and
// refuse them. They do so with package durabletest.
package fsync

import (
	"os"
	"sync/atomic"
)

var watcher atomic.Pointer[func(*os.File) error]

// Sync returns once the disk holds the content of an open file, or the names in an open
// folder.
func Sync(f *os.File) error {
	if watch := watcher.Load(); watch != nil {
		return (*watch)(f)
	}
	return f.Sync()
}

// Watch calls watch in place of fsync until stop is called. It is for tests.
func Watch(watch func(*os.File) error) (stop func()) {
	watcher.Store(&watch)
	return func() { watcher.Store(nil) }
}
