// Package durabletest lets tests cut the power. It watches every fsync that package durable
// calls, and knows from them what a disk would hold that lost everything else.
package durabletest

import (
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"cafe/internal/durable/internal/fsync"
)

// Disk is a disk that keeps only what was fsynced: the content that a file had at its last
// fsync, and the names that a folder had at its last. Tests that watch one cannot run in
// parallel.
type Disk struct {
	t       testing.TB
	mu      sync.Mutex
	files   []file
	folders []folder
	refuse  func(path string) error
}

type file struct {
	info    os.FileInfo
	content []byte
}

type folder struct {
	info  os.FileInfo
	names []os.FileInfo
}

// Watch begins with a disk that holds nothing. It ends with the test.
func Watch(t testing.TB) *Disk {
	d := &Disk{t: t, refuse: func(string) error { return nil }}
	t.Cleanup(fsync.Watch(d.sync))
	return d
}

// Refuse has an fsync of a file or folder fail when refuse returns an error for its path.
// refuse may also just look at how things are at the moment of an fsync.
func (d *Disk) Refuse(refuse func(path string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refuse = refuse
}

func (d *Disk) sync(f *os.File) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.refuse(f.Name()); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return d.syncFolder(f.Name(), info)
	}
	content := make([]byte, info.Size())
	if _, err := f.ReadAt(content, 0); err != nil && err != io.EOF {
		return err
	}
	for i := range d.files {
		if os.SameFile(d.files[i].info, info) {
			d.files[i].content = content
			return nil
		}
	}
	// As long as it is open, no other file is taken for it, even after it was removed.
	held, err := os.Open(f.Name())
	if err != nil {
		return err
	}
	d.t.Cleanup(func() { held.Close() })
	d.files = append(d.files, file{info, content})
	return nil
}

func (d *Disk) syncFolder(path string, info os.FileInfo) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	synced := folder{info: info}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil { // else it was removed meanwhile
			synced.names = append(synced.names, info)
		}
	}
	for i := range d.folders {
		if os.SameFile(d.folders[i].info, info) {
			d.folders[i] = synced
			return nil
		}
	}
	d.folders = append(d.folders, synced)
	return nil
}

// PowerCut returns a new folder with what would be left of a folder if the power were cut
// now. A file whose content was never fsynced is left empty. The folder itself is taken to
// have been there from the start.
func (d *Disk) PowerCut(path string) (left string) {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	info, err := os.Stat(path)
	if err != nil {
		d.t.Fatal(err)
	}
	left = d.t.TempDir()
	d.restore(info, left)
	return left
}

func (d *Disk) restore(info os.FileInfo, path string) {
	d.t.Helper()
	for _, synced := range d.folders {
		if !os.SameFile(synced.info, info) {
			continue
		}
		for _, name := range synced.names {
			to := filepath.Join(path, name.Name())
			if name.IsDir() {
				if err := os.Mkdir(to, 0o700); err != nil {
					d.t.Fatal(err)
				}
				d.restore(name, to)
				continue
			}
			if err := os.WriteFile(to, d.content(name), 0o600); err != nil {
				d.t.Fatal(err)
			}
		}
	}
}

func (d *Disk) content(info os.FileInfo) []byte {
	for _, synced := range d.files {
		if os.SameFile(synced.info, info) {
			return synced.content
		}
	}
	return nil
}
