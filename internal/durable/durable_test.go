package durable_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"cafe/internal/durable"
	"cafe/internal/durable/durabletest"
)

var errDisk = errors.New("the disk refuses")

// expect compares a file with what it must hold. No content means that there must be none.
func expect(t rapid.TB, want string, path ...string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(path...))
	if err != nil && !errors.Is(err, fs.ErrNotExist) || string(got) != want {
		t.Errorf("%s holds %q (%v), want %q", filepath.Join(path...), got, err, want)
	}
}

// expectNames compares the names in a folder.
func expectNames(t rapid.TB, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

func must(t rapid.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refusing returns a function that refuses the fsync of files, or of folders.
func refusing(folders bool) func(string) error {
	return func(path string) error {
		if info, err := os.Stat(path); err != nil || info.IsDir() == folders {
			return errors.Join(err, errDisk)
		}
		return nil
	}
}

// half is a reader that fails halfway.
func half() io.Reader {
	return io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errDisk))
}

func TestWhatIsWrittenOutlivesAPowerCut(t *testing.T) {
	for name, write := range map[string]func(path, content string) error{
		"Write":  func(path, content string) error { return durable.Write(path, strings.NewReader(content)) },
		"Append": func(path, content string) error { return durable.Append(path, []byte(content)) },
		"WriteNew": func(path, content string) error {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return durable.WriteNew(path, strings.NewReader(content))
		},
		"Spool and Commit": func(path, content string) error {
			spool := filepath.Join(filepath.Dir(path), "spool")
			if err := durable.MkdirAll(spool); err != nil {
				return err
			}
			spooled, err := durable.Spool(spool, strings.NewReader(content))
			if err != nil {
				return err
			}
			return durable.Commit(spooled, path)
		},
		"Rename": func(path, content string) error {
			other := path + ".other"
			if err := durable.Write(other, strings.NewReader(content)); err != nil {
				return err
			}
			return durable.Rename(other, path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			disk, dir := durabletest.Watch(t), t.TempDir()
			first, second := "1", "22"
			must(t, write(filepath.Join(dir, "a"), first))
			must(t, write(filepath.Join(dir, "b"), first))
			if name == "Append" {
				first, second = "1\n", "1\n22\n"
			}
			left := disk.PowerCut(dir)
			expect(t, first, left, "a")
			expect(t, first, left, "b")
			must(t, write(filepath.Join(dir, "a"), "22"))
			left = disk.PowerCut(dir)
			expect(t, second, left, "a")
			expect(t, first, left, "b")
			if info, err := os.Stat(filepath.Join(dir, "a")); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v (%v): others may read it", info.Mode(), err)
			}
		})
	}
}

func TestContentIsOnDiskBeforeItsFileHasTheName(t *testing.T) {
	disk, dir := durabletest.Watch(t), t.TempDir()
	path := filepath.Join(dir, "a")
	must(t, durable.Write(path, strings.NewReader("old")))
	var seen []string
	disk.Refuse(func(string) error {
		b, err := os.ReadFile(path)
		seen = append(seen, string(b))
		return err
	})
	must(t, durable.Write(path, strings.NewReader("new")))
	// First the content is fsynced, then the folder.
	if !slices.Equal(seen, []string{"old", "new"}) {
		t.Errorf("at each fsync the file held %q", seen)
	}
}

func TestAFileThatCannotBeWrittenIsAsItWas(t *testing.T) {
	disk, dir := durabletest.Watch(t), t.TempDir()
	path := filepath.Join(dir, "a")
	must(t, durable.Write(path, strings.NewReader("old")))
	if err := durable.Write(path, half()); !errors.Is(err, errDisk) {
		t.Errorf("half a content: %v", err)
	}
	if err := durable.WriteNew(filepath.Join(dir, "b"), half()); !errors.Is(err, errDisk) {
		t.Errorf("half a content for a new file: %v", err)
	}
	disk.Refuse(refusing(false))
	if err := durable.Write(path, strings.NewReader("new")); !errors.Is(err, errDisk) {
		t.Errorf("refused content: %v", err)
	}
	if err := durable.WriteNew(filepath.Join(dir, "b"), strings.NewReader("new")); !errors.Is(err, errDisk) {
		t.Errorf("refused content of a new file: %v", err)
	}
	if err := durable.Write(filepath.Join(dir, "missing", "a"), strings.NewReader("new")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	expectNames(t, dir, "a")
	expect(t, "old", path)

	// A folder in the file's place.
	disk.Refuse(func(string) error { return nil })
	must(t, durable.MkdirAll(filepath.Join(dir, "c", "d")))
	if err := durable.Write(filepath.Join(dir, "c"), strings.NewReader("new")); err == nil {
		t.Error("a folder was replaced")
	}
	expectNames(t, dir, "a", "c")
	if err := durable.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "c")); err == nil {
		t.Error("a folder was replaced by renaming")
	}
	expectNames(t, dir, "a", "c")
}

func TestANameThatIsNotOnDiskIsAnError(t *testing.T) {
	disk, dir := durabletest.Watch(t), t.TempDir()
	spooled, err := durable.Spool(dir, strings.NewReader("x"))
	must(t, err)
	must(t, durable.Write(filepath.Join(dir, "old"), strings.NewReader("x")))
	disk.Refuse(refusing(true))
	for name, err := range map[string]error{
		"Write":    durable.Write(filepath.Join(dir, "a"), strings.NewReader("x")),
		"WriteNew": durable.WriteNew(filepath.Join(dir, "b"), strings.NewReader("x")),
		"again":    durable.WriteNew(filepath.Join(dir, "b"), strings.NewReader("x")),
		"Commit":   durable.Commit(spooled, filepath.Join(dir, "c")),
		"Rename":   durable.Rename(filepath.Join(dir, "old"), filepath.Join(dir, "new")),
		"Append":   durable.Append(filepath.Join(dir, "d"), []byte("1")),
		"MkdirAll": durable.MkdirAll(filepath.Join(dir, "e")),
		"nested":   durable.MkdirAll(filepath.Join(dir, "f", "g")),
	} {
		if !errors.Is(err, errDisk) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestANewFileReplacesNone(t *testing.T) {
	disk, dir := durabletest.Watch(t), t.TempDir()
	path := filepath.Join(dir, "a")
	var wg sync.WaitGroup
	var mu sync.Mutex
	winners := 0
	for i := range 8 {
		wg.Go(func() {
			err := durable.WriteNew(path, strings.NewReader(strings.Repeat(string(rune('a'+i)), 1000)))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				winners++
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b, err := os.ReadFile(path)
	if err != nil || winners != 1 || len(b) != 1000 || strings.Trim(string(b), string(b[:1])) != "" {
		t.Errorf("%d winners wrote %q (%v)", winners, b, err)
	}
	expectNames(t, dir, "a")

	// One that another process made, and died before its folder was fsynced.
	must(t, os.Remove(path))
	must(t, os.WriteFile(path, []byte("other's"), 0o600))
	if err := durable.WriteNew(path, strings.NewReader("mine")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("replaced: %v", err)
	}
	expect(t, "other's", path)
	expectNames(t, disk.PowerCut(dir), "a")
}

func TestFoldersOutliveAPowerCut(t *testing.T) {
	disk, dir := durabletest.Watch(t), t.TempDir()
	deep := filepath.Join(dir, "a", "b", "c")
	must(t, durable.MkdirAll(deep))
	must(t, durable.MkdirAll(deep))
	must(t, durable.Write(filepath.Join(deep, "d"), strings.NewReader("x")))
	expect(t, "x", disk.PowerCut(dir), "a", "b", "c", "d")
	if info, err := os.Stat(deep); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v (%v): others may look into it", info.Mode(), err)
	}
	for _, path := range []string{filepath.Join(deep, "d"), filepath.Join(deep, "d", "e")} {
		if err := durable.MkdirAll(path); !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("%s: a file is taken for a folder: %v", path, err)
		}
	}
}

func TestRemoveUnfinishedLeavesOtherFiles(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	for _, folder := range []string{dir, other} {
		for range 2 {
			_, err := durable.Spool(folder, strings.NewReader("x"))
			must(t, err)
		}
		must(t, durable.Write(filepath.Join(folder, "a"), strings.NewReader("x")))
	}
	must(t, durable.RemoveUnfinished(dir, other, filepath.Join(dir, "missing")))
	expectNames(t, dir, "a")
	expectNames(t, other, "a")
}

func TestALineThatCannotBeAppendedIsTakenBack(t *testing.T) {
	disk, dir := durabletest.Watch(t), t.TempDir()
	path := filepath.Join(dir, "a")
	must(t, durable.Append(path, []byte("1")))
	disk.Refuse(refusing(false))
	if err := durable.Append(path, []byte("2")); !errors.Is(err, errDisk) {
		t.Errorf("appended: %v", err)
	}
	expect(t, "1\n", path)
	disk.Refuse(func(string) error { return nil })
	must(t, durable.Append(path, []byte("3")))
	expect(t, "1\n3\n", path)

	// Its folder is fsynced by whoever comes next.
	path = filepath.Join(dir, "b")
	disk.Refuse(refusing(true))
	if err := durable.Append(path, []byte("1")); !errors.Is(err, errDisk) {
		t.Errorf("appended to a file whose folder is not on disk: %v", err)
	}
	disk.Refuse(func(string) error { return nil })
	must(t, durable.Append(path, []byte("2")))
	expect(t, "2\n", disk.PowerCut(dir), "b")
}

func TestAFileOfLinesHoldsWholeLines(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	must(t, durable.Mend(path))
	expectNames(t, dir)
	rapid.Check(t, func(t *rapid.T) {
		lines := strings.Repeat(`{"id":"x"}`+"\n", rapid.IntRange(0, 3).Draw(t, "lines"))
		torn := rapid.SampledFrom([]string{"", `{`, `{"id":"x"`, strings.Repeat(`{"id":`, 40), "nul"}).Draw(t, "torn")
		last := rapid.SampledFrom([]string{"", `{"id":"y"}`, `12`}).Draw(t, "last line without its line break")
		if torn != "" {
			last = ""
		}
		want := lines
		if last != "" {
			want += last + "\n"
		}
		must(t, os.WriteFile(path, []byte(lines+last+torn), 0o600))
		if rapid.Bool().Draw(t, "mended before") {
			must(t, durable.Mend(path))
			expect(t, want, path)
		}
		must(t, durable.Append(path, []byte(`{"id":"z"}`)))
		expect(t, want+`{"id":"z"}`+"\n", path)
	})
}
