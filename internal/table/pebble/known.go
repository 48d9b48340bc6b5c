package pebble

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"
)

// What is known of a store is kept beside its folder, in a file of its own (knownPath), so
// that files that were removed, cut or replaced are missed. Pebble alone would open what is
// left, without a word: its newest log may end anywhere after a power cut, and a folder
// without a manifest is a new one to it.
//
// The file has the number of a change that was on disk. It is renewed once a second while
// there are changes, and when the table is closed. A power cut takes nothing that was on
// disk, so it never leaves a store that has less than that.
type known struct {
	Changes uint64    `json:"changes"` // the number of the last change that was on disk then
	At      time.Time `json:"at"`
}

// renewal is how often what is known is renewed.
const renewal = time.Second

func knownPath(dir string) string { return dir + ".known" }

// DamageError says that a folder holds less than what was on its disk: files of it were
// removed, cut or replaced by older ones. Open has changed nothing in the folder.
type DamageError struct {
	Dir     string
	Missing string    // what is missing
	Changes uint64    // the number of a change that was on disk; 0: not known
	At      time.Time // when it was; zero: not known
}

func (e *DamageError) Error() string {
	text := fmt.Sprintf("the store %s is damaged: %s", e.Dir, e.Missing)
	if !e.At.IsZero() {
		text += fmt.Sprintf(" (change %d was on disk at %s)", e.Changes, e.At.UTC().Format(time.RFC3339))
	}
	return text
}

// readKnown returns what is known of a store, or nil if nothing is: it is new, or of a
// version that kept no such file.
func readKnown(files vfs.FS, dir string) (*known, error) {
	f, err := files.Open(knownPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var k known
	b, err := io.ReadAll(f)
	if err == nil {
		err = json.Unmarshal(b, &k)
	}
	if err != nil {
		return nil, &DamageError{Dir: dir, Missing: fmt.Sprintf("%s, which says what it held, cannot be read: %v", knownPath(dir), err)}
	}
	return &k, nil
}

// writeKnown replaces what is known. It is on disk when writeKnown returns nil.
func writeKnown(files vfs.FS, dir string, k known) error {
	b, err := json.Marshal(k)
	if err != nil {
		return err
	}
	path := knownPath(dir)
	unfinished := path + ".unfinished"
	f, err := files.Create(unfinished, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := files.Rename(unfinished, path); err != nil {
		return err
	}
	folder, err := files.OpenDir(files.PathDir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// survey looks at a folder before it is opened. It returns a DamageError if something is
// missing, and else what is known of the store, nil if nothing is. It changes nothing.
func survey(files vfs.FS, dir string) (*known, error) {
	k, err := readKnown(files, dir)
	if err != nil {
		return nil, err
	}
	names, err := files.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, markerPrefix) }) {
		return k, nil
	}
	damage := &DamageError{Dir: dir, Missing: "none of its files is there"}
	if k != nil {
		damage.Changes, damage.At = k.Changes, k.At
	}
	if slices.ContainsFunc(names, holdsData) {
		damage.Missing = "the file that says which of its files count (" + markerPrefix + "…) is missing"
		return nil, damage
	}
	if k != nil {
		return nil, damage
	}
	return nil, nil
}

const (
	manifestMarker = "manifest"
	markerPrefix   = "marker." + manifestMarker + "."
	manifestPrefix = "MANIFEST-"
)

// holdsData reports whether the file is one that a store has only after its marker.
func holdsData(name string) bool {
	extension := filepath.Ext(name)
	return extension == ".sst" || extension == ".log"
}

// missing returns a DamageError if the store lacks changes that are known, or some in
// between. It reads the log as a start does, and writes nothing.
func (t *Table) missing(opts Options, k known) error {
	o := t.engineOptions(opts)
	o.FS, o.ReadOnly = opts.FS, true
	db, err := lsm.Open(t.dir, o)
	if err != nil {
		return err
	}
	damage := &DamageError{Dir: t.dir, Changes: k.Changes, At: k.At}
	done, err := factIn(db, metaTrimmed)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	last, gap, err := lastChange(db, done)
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	switch {
	case last < k.Changes:
		damage.Missing = fmt.Sprintf("changes after change %d are missing, %d of them", last, k.Changes-last)
	case gap > 0:
		damage.Missing = fmt.Sprintf("changes before change %d are missing, and there are some after it", gap)
	default:
		return nil
	}
	return damage
}

// lastChange returns the number of the last change of a store, whose log was trimmed up to
// done, and the number of the first change after a gap, or 0.
func lastChange(db *lsm.DB, done uint64) (last, gap uint64, err error) {
	it, err := db.NewIter(&lsm.IterOptions{LowerBound: []byte{kindChange}, UpperBound: []byte{kindChange + 1}})
	if err != nil {
		return 0, 0, err
	}
	last = done
	for ok := it.First(); ok; ok = it.Next() {
		seq := binary.BigEndian.Uint64(it.Key()[1:])
		if seq <= done {
			continue
		}
		if seq != last+1 {
			gap = seq
		}
		last = seq
	}
	return last, gap, it.Close()
}

// mend marks the newest manifest of a store that has none marked, so that it can be opened
// with all that the manifest lists. A store without a manifest is left as it is.
func mend(files vfs.FS, dir string) error {
	names, err := files.List(dir)
	if err != nil {
		return err
	}
	newest := ""
	for _, name := range names {
		if strings.HasPrefix(name, markerPrefix) {
			return nil
		}
		if strings.HasPrefix(name, manifestPrefix) {
			newest = max(newest, name) // its number has six digits, which last for a million files
		}
	}
	if newest == "" {
		return nil
	}
	marker, _, err := atomicfs.LocateMarker(files, dir, manifestMarker)
	if err != nil {
		return err
	}
	return errors.Join(marker.Move(newest), marker.Close())
}

// renew keeps what is known of the store up to date, until the table is closed.
func (t *Table) renew(every time.Duration) {
	defer close(t.renewed)
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			t.note()
		case <-t.closing:
			return
		}
	}
}

// note writes down which change is on disk, unless it has done so already. If that fails, what
// was known before stays right.
func (t *Table) note() {
	n := t.synced.n.Load()
	if n == t.noted || t.fence.shut() {
		return
	}
	if err := writeKnown(t.fence.FS, t.dir, known{n, t.now().UTC()}); err != nil {
		t.fence.log.Warn("what the store holds cannot be noted beside it", "error", err)
		return
	}
	t.noted = n
}
