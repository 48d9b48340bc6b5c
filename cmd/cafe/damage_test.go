package main

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// files returns the content of all files below a folder, by name.
func files(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path[len(folder):]] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// ownersAlone gives all files below a folder the mode that they have in a café's.
func ownersAlone(folder string) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return os.Chmod(path, 0o600)
	})
}

// newestFile returns the file of that pattern with the highest number.
func newestFile(t *testing.T, pattern ...string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(pattern...))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: none (%v)", filepath.Join(pattern...), err)
	}
	return slices.Max(names)
}

// The café of a damaged folder does not open as an emptier one. It does when it is told so.
func TestADamagedFolderIsRefusedUntilTheLossIsAccepted(t *testing.T) {
	whole := t.TempDir()
	s := openShop(t, whole)
	placed := s.ordersPlaced(3)
	if err := s.close(); err != nil {
		t.Fatalf("%v: %s", err, s.stderr)
	}
	s = openShop(t, whole) // so that the newest log has but the last orders
	placed = append(placed, s.ordersPlaced(3)...)
	if err := s.close(); err != nil {
		t.Fatalf("%v: %s", err, s.stderr)
	}

	for _, c := range []struct {
		name   string
		damage func(data string) error
		says   string
		left   int // orders, at least
	}{
		{"without the marker of its manifest", func(data string) error { return os.Remove(newestFile(t, data, "store", "marker.manifest.*")) }, "marker.manifest", 6},
		{"emptied", func(data string) error {
			return errors.Join(os.RemoveAll(filepath.Join(data, "store")), os.Mkdir(filepath.Join(data, "store"), 0o700))
		}, "none of its files", 0},
		{"without its newest log", func(data string) error { return os.Remove(newestFile(t, data, "store", "*.log")) }, "are missing", 3},
		{"with half of its newest log", func(data string) error {
			path := newestFile(t, data, "store", "*.log")
			b, err := os.ReadFile(path)
			b = []byte(strings.TrimRight(string(b), "\x00"))
			return errors.Join(err, os.WriteFile(path, b[:len(b)/2], 0o600))
		}, "are missing", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := t.TempDir()
			if err := errors.Join(os.CopyFS(data, os.DirFS(whole)), ownersAlone(data), c.damage(data)); err != nil {
				t.Fatal(err)
			}
			before := files(t, data)
			out, err := run(t, "serve", "-addr", "127.0.0.1:0", "-data", data).CombinedOutput()
			exit := (*exec.ExitError)(nil)
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("it ended with %v", err)
			}
			for _, says := range []string{c.says, "is damaged", "was on disk at", "Nothing was changed", "copy of the folder", "-accept-loss"} {
				if !strings.Contains(string(out), says) {
					t.Errorf("it does not say %q: %s", says, out)
				}
			}
			if after := files(t, data); !maps.Equal(before, after) {
				t.Errorf("the folder had %q and has %q", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
			}

			s := openShop(t, data, "-accept-loss")
			eventually(t, "it logs that the damaged store was opened, and why", func() bool {
				log := s.stderr.String()
				return strings.Contains(log, "the damaged store was opened") && strings.Contains(log, c.says)
			})
			s.token("staff")
			left := 0
			for _, path := range placed {
				if s.call("staff", "GET", path, nil, nil) == 200 {
					left++
				}
			}
			if left < c.left || c.left == 0 && left > 0 {
				t.Errorf("%d of %d orders are there, want %d", left, len(placed), c.left)
			}
			if err := s.close(); err != nil {
				t.Errorf("%v: %s", err, s.stderr)
			}
			openShop(t, data) // the loss is accepted for good
		})
	}
	out, err := run(t, "serve", "-addr", "127.0.0.1:0", "-data", t.TempDir(), "-table", "x", "-accept-loss").CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("with a table: %v, %s", err, out)
	}
}

// ordersPlaced has staff place so many orders and returns their paths.
func (s *shop) ordersPlaced(n int) (paths []string) {
	s.Helper()
	s.token("staff")
	for range n {
		status, header, answer, err := s.ask("staff", "POST", "/orders", oneTea)
		if err != nil || status != 201 {
			s.Fatalf("%d %s, %v", status, answer, err)
		}
		paths = append(paths, header.Get("Location"))
	}
	return paths
}
