package sheet

import (
	"bufio"
	"bytes"
	"container/heap"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// Scratch is a temporary file, such as an *os.File. It is written from front to back,
// read at any place, and closed once. Whoever makes it sees to it that closing removes it.
type Scratch interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// Sorter sorts records by key in bounded memory. What does not fit is written to a
// scratch file in sorted runs. They are merged as they are read. Keys must differ.
type Sorter struct {
	Memory  int // bytes of records and their index that are held before a run is written
	Scratch func() (Scratch, error)

	data  []byte
	index []span
	file  Scratch
	size  int64
	runs  []*io.SectionReader
}

// span says where a record lies in Sorter.data: its key at at, its value from value to end.
type span struct{ at, value, end int }

const spanSize = 24

// Add takes a record. value appends the record's value to what it is given.
func (s *Sorter) Add(key []byte, value func([]byte) []byte) error {
	at := len(s.data)
	s.data = append(s.data, key...)
	split := len(s.data)
	s.data = value(s.data)
	s.index = append(s.index, span{at, split, len(s.data)})
	if s.Scratch != nil && len(s.data)+spanSize*len(s.index) >= s.Memory {
		return s.spill()
	}
	return nil
}

func (s *Sorter) sort() {
	slices.SortFunc(s.index, func(a, b span) int {
		return bytes.Compare(s.data[a.at:a.value], s.data[b.at:b.value])
	})
}

// spill writes what is in memory as one more run.
func (s *Sorter) spill() error {
	if s.file == nil {
		file, err := s.Scratch()
		if err != nil {
			return fmt.Errorf("make scratch file: %w", err)
		}
		s.file = file
	}
	s.sort()
	w := bufio.NewWriterSize(s.file, 64<<10)
	start := s.size
	var head []byte
	for _, r := range s.index {
		head = binary.AppendUvarint(head[:0], uint64(r.value-r.at))
		head = binary.AppendUvarint(head, uint64(r.end-r.value))
		w.Write(head)
		w.Write(s.data[r.at:r.end])
		s.size += int64(len(head) + r.end - r.at)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write scratch file: %w", err)
	}
	s.runs = append(s.runs, io.NewSectionReader(s.file, start, s.size-start))
	s.data, s.index = s.data[:0], s.index[:0]
	return nil
}

// Each yields all records by ascending key, until yield returns false. Key and value
// are good until the next call.
func (s *Sorter) Each(yield func(key, value []byte) bool) error {
	if len(s.runs) == 0 {
		s.sort()
		for _, r := range s.index {
			if !yield(s.data[r.at:r.value], s.data[r.value:r.end]) {
				break
			}
		}
		return nil
	}
	if len(s.index) > 0 {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.data, s.index = nil, nil
	var m merge
	for _, section := range s.runs {
		section.Seek(0, io.SeekStart)
		r := &run{in: bufio.NewReaderSize(section, 32<<10)}
		if err := r.next(); err != nil {
			return fmt.Errorf("read scratch file: %w", err)
		}
		m = append(m, r)
	}
	heap.Init(&m)
	for len(m) > 0 {
		if !yield(m[0].key, m[0].value) {
			return nil
		}
		switch err := m[0].next(); err {
		case nil:
			heap.Fix(&m, 0)
		case io.EOF:
			heap.Pop(&m)
		default:
			return fmt.Errorf("read scratch file: %w", err)
		}
	}
	return nil
}

// Close removes the scratch file. The sorter is of no use after it.
func (s *Sorter) Close() error {
	s.data, s.index, s.runs = nil, nil, nil
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// run reads one sorted run; key and value are its current record.
type run struct {
	in         *bufio.Reader
	buf        []byte
	key, value []byte
}

// next returns io.EOF after the last record.
func (r *run) next() error {
	k, err := binary.ReadUvarint(r.in)
	if err != nil {
		return err
	}
	v, err := binary.ReadUvarint(r.in)
	if err != nil {
		return cut(err)
	}
	r.buf = slices.Grow(r.buf[:0], int(k+v))[:k+v]
	if _, err := io.ReadFull(r.in, r.buf); err != nil {
		return cut(err)
	}
	r.key, r.value = r.buf[:k], r.buf[k:]
	return nil
}

// cut says of an end inside a record that it is no end.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// merge is a heap of runs by their current key.
type merge []*run

func (m merge) Len() int           { return len(m) }
func (m merge) Less(i, j int) bool { return bytes.Compare(m[i].key, m[j].key) < 0 }
func (m merge) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(x any)        { *m = append(*m, x.(*run)) }
func (m *merge) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}
