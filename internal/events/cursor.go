package events

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
)

// Cursor is a place in the log: the event that is read next. Page counts from 1, Index from 0.
// The zero Cursor is the oldest event that is still there.
//
// A cursor is good in every process and on every engine that has the café's table, until the
// events after it are no longer kept.
type Cursor struct{ Page, Index int64 }

// compare orders cursors by their place in the log.
func (c Cursor) compare(o Cursor) int {
	return cmp.Or(cmp.Compare(c.Page, o.Page), cmp.Compare(c.Index, o.Index))
}

// ErrNotACursor says that a text is no cursor of this log.
var ErrNotACursor = errors.New("not a cursor of the event log")

// Oldest is the text of the zero Cursor.
const Oldest = "oldest"

// String returns the cursor as clients get it. It says nothing that they may rely on, but that
// ParseCursor understands it.
func (c Cursor) String() string {
	if c == (Cursor{}) {
		return Oldest
	}
	return strconv.FormatInt(c.Page, 36) + "." + strconv.FormatInt(c.Index, 36)
}

// ParseCursor returns the cursor of a text, exactly as String writes it, or ErrNotACursor.
func ParseCursor(text string) (Cursor, error) {
	if text == Oldest {
		return Cursor{}, nil
	}
	page, index, _ := strings.Cut(text, ".")
	p, errPage := strconv.ParseInt(page, 36, 64)
	i, errIndex := strconv.ParseInt(index, 36, 64)
	c := Cursor{p, i}
	if errPage != nil || errIndex != nil || p < 1 || p > lastPage || i < 0 || i >= perPage || c.String() != text {
		return Cursor{}, ErrNotACursor
	}
	return c, nil
}
