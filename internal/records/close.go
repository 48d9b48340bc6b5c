package records

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"cafe/internal/table"
	"cafe/model"
	"cafe/model/books"
)

// StoredClose is the record of a closed day, and the canonical text that its hash is of. The
// text is kept to the byte, so that the hash holds whatever later versions of the café add.
type StoredClose struct {
	books.Close
	Text []byte
}

// PutClose returns the operations that store a record as the next one: the record itself if
// the day has none, and the head if the record's number is the next.
func PutClose(c books.Close, text []byte) ([]table.Op, error) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	next := table.Absent()
	if c.Number > 1 {
		next = table.Equal("number", table.Int(c.Number-1))
	}
	record := table.Item{"number": table.Int(c.Number), "record": table.Bytes(zipped.Bytes())}
	head := table.Item{"number": table.Int(c.Number), "day": table.String(string(c.Day)), "hash": table.String(c.Hash)}
	return []table.Op{table.Put(CloseKey(c.Day), record, table.Absent()), table.Put(CloseHeadKey, head, next)}, nil
}

// DecodeClose returns a stored record, or an error that IsUnreadable.
func DecodeClose(key table.Key, item table.Item) (stored StoredClose, err error) {
	r := NewReader(key, item)
	number := r.AtLeast("number", 1)
	packed, err := gzip.NewReader(strings.NewReader(r.Bytes("record")))
	if err == nil {
		stored.Text, err = io.ReadAll(packed)
	}
	if err == nil {
		stored.Close, err = books.ParseClose(stored.Text)
	}
	if err == nil && (stored.Number != number || string(stored.Day) != key.SK) {
		err = errors.New("attribute record is of another day or number")
	}
	r.Note(err)
	return stored, r.Err()
}

// CloseHead is the number, day and hash of the last close. Number 0 is none.
type CloseHead struct {
	Number int64
	Day    model.Day
	Hash   string
}

// LastClose returns the head of the closes.
func LastClose(ctx context.Context, t table.Table) (CloseHead, error) {
	head, err := Get(ctx, t, CloseHeadKey, true, func(key table.Key, item table.Item) (CloseHead, error) {
		r := NewReader(key, item)
		head := CloseHead{r.AtLeast("number", 1), r.Day("day"), r.Text("hash")}
		return head, r.Err()
	})
	if errors.Is(err, model.ErrNotFound) {
		return CloseHead{}, nil
	}
	return head, err
}

// DayMarks are what the record of a business day says of closing.
type DayMarks struct {
	Day       model.Day
	Late      int64       // batches of late changes; see MarkLate
	LateAt    time.Time   // when the last of them was marked; zero: none
	Closed    int64       // the number of the day's close; 0: the record says of none
	CarriedBy []model.Day // the closed days whose records carry changes of the day
}

// DecodeDayMarks returns what a day's record says of closing, or an error that IsUnreadable.
func DecodeDayMarks(key table.Key, item table.Item) (DayMarks, error) {
	r := NewReader(key, item)
	m := DayMarks{Day: model.Day(key.SK), Late: r.OptionalNumber("late"), LateAt: r.OptionalTime("late_at"), Closed: r.OptionalNumber(AttrClosed)}
	for _, day := range r.Texts("carried_by") {
		m.CarriedBy = append(m.CarriedBy, model.Day(day))
	}
	return m, r.Err()
}

// Marks returns what the record of a day says of closing, zeros when there is none.
func Marks(ctx context.Context, t table.Table, day model.Day) (DayMarks, error) {
	m, err := Get(ctx, t, DayKey(day), true, DecodeDayMarks)
	if errors.Is(err, model.ErrNotFound) {
		return DayMarks{Day: day}, nil
	}
	return m, err
}

// asRead holds while no late change was marked since.
func (m DayMarks) asRead() table.Condition {
	if m.Late == 0 {
		return table.Missing("late")
	}
	return table.Equal("late", table.Int(m.Late))
}

// MarkClosed notes on the record of a day that it is closed, and by how much the drawer was
// off, if it was counted. Unless the close had everything of the day, the next close looks at
// the day again, and so it does when a late change was marked since the marks were read.
func MarkClosed(ctx context.Context, t table.Table, m DayMarks, c books.Close, everything bool) error {
	op := table.Update(DayKey(m.Day), m.asRead())
	op.Set = table.Item{AttrClosed: table.Int(c.Number)}
	if off, counted := c.Drawer(); counted {
		op.Set["drawer"] = table.Int(int64(off))
	}
	if everything {
		err := Write(ctx, t, op)
		if _, changed := table.Failed(err, 0); !changed {
			return err
		}
	}
	op.If = nil
	op.Set[table.AttrIndex2], op.Set[table.AttrSort] = table.String(PartitionDays), table.String(string(m.Day))
	return Write(ctx, t, op)
}

// MarkCarried returns the operation that notes on the record of a closed day that the close of
// another day carries its changes (by; empty: there are none), and ends that closes look at
// the day, if all is carried. It holds only if no late change was marked since the marks were
// read.
func MarkCarried(m DayMarks, by model.Day, all bool) table.Op {
	op := table.Update(DayKey(m.Day), table.Present(), m.asRead())
	if by != "" {
		list := make([]table.Value, 0, len(m.CarriedBy)+1)
		for _, day := range append(m.CarriedBy[:len(m.CarriedBy):len(m.CarriedBy)], by) {
			list = append(list, table.String(string(day)))
		}
		op.Set = table.Item{"carried_by": table.List(list...)}
	}
	if all {
		op.Remove = []string{table.AttrIndex2, table.AttrSort}
	}
	return op
}
