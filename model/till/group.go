package till

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// The first byte of a key says whether the rows are about something that has a name, or
// the row stands alone.
const (
	keyNamed = 'n'
	keyAlone = 'a'
)

// named appends the key of the rows about what has these names. Each name ends with a
// NUL. With a name that cannot be one the row stands alone.
func (r row) named(key []byte, names ...string) []byte {
	key = append(key, keyNamed)
	for _, name := range names {
		if len(name) > 1024 || strings.IndexByte(name, 0) >= 0 {
			return r.alone(key[:0])
		}
		key = append(append(key, name...), 0)
	}
	return key
}

// alone appends the key of a row that stands alone.
func (r row) alone(key []byte) []byte {
	return binary.BigEndian.AppendUint64(append(key, keyAlone), uint64(r.line))
}

// keep puts a row where the others of its key will be found.
func (u *upload) keep(key []byte, r row) error {
	return u.sorted.Add(binary.BigEndian.AppendUint64(key, uint64(r.line)), func(b []byte) []byte {
		return appendCells(b, r.fault, r.cells)
	})
}

// appendCells and cutCells write and read one text and a row of cells.
func appendCells(b []byte, text string, cells []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(cells)))
	b = binary.AppendUvarint(b, uint64(len(text)))
	for _, c := range cells {
		b = binary.AppendUvarint(b, uint64(len(c)))
	}
	b = append(b, text...)
	for _, c := range cells {
		b = append(b, c...)
	}
	return b
}

func cutCells(b []byte) (text string, cells []string) {
	number := func() int {
		n, size := binary.Uvarint(b)
		b = b[size:]
		return int(n)
	}
	cells = make([]string, number())
	first := number()
	var sizes [32]int
	lengths := sizes[:0]
	for range cells {
		lengths = append(lengths, number())
	}
	all := string(b)
	text, all = all[:first], all[first:]
	for i, n := range lengths {
		cells[i], all = all[:n], all[n:]
	}
	return text, cells
}

// row is one row of the upload, without the reasons of an earlier rejects file.
type row struct {
	line  int
	cells []string
	fault string
}

// group is the rows of one key.
type group struct {
	key     string
	rows    []row
	size    int
	tooMany bool   // the rest of its rows has been rejected
	time    string // of a later sale under the same id
}

// groups yields the kept rows by key and line.
func (u *upload) groups() iter.Seq2[*group, error] {
	return func(yield func(*group, error) bool) {
		var g *group
		var failed error
		stopped := false
		err := u.sorted.Each(func(key, value []byte) bool {
			split := len(key) - 8
			r := row{line: int(binary.BigEndian.Uint64(key[split:]))}
			r.fault, r.cells = cutCells(value)
			if g == nil || g.key != string(key[:split]) {
				if g != nil && !yield(g, nil) {
					stopped = true
					return false
				}
				g = &group{key: string(key[:split])}
			}
			if g.size += len(value); len(g.rows) == maxEntryRows || g.size > maxEntryBytes && len(g.rows) > 0 {
				g.tooMany = true
				u.mu.Lock()
				defer u.mu.Unlock()
				failed = u.reject(Row{r.line, r.cells}, "goes with line "+strconv.Itoa(g.rows[0].line)+": "+tooMany)
				return failed == nil
			}
			g.rows = append(g.rows, r)
			return true
		})
		switch err = errors.Join(err, failed); {
		case err != nil:
			yield(nil, err)
		case g != nil && !stopped:
			yield(g, nil)
		}
	}
}

var tooMany = fmt.Sprintf("has more rows than the %d, or more text than the %s, that an import takes for one", maxEntryRows, "1 MiB")
