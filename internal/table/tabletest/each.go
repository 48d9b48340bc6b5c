package tabletest

import (
	"errors"
	"fmt"
	"testing"

	"cafe/internal/table"
)

// testEach tests WriteEach of tables that have it.
func testEach(t *testing.T, s *suite) {
	writer, ok := s.Table.(table.EachWriter)
	if !ok {
		t.Skip("not tested: the table is no table.EachWriter")
	}
	t.Run("each operation has its own result", func(t *testing.T) {
		pk := s.partition()
		key := func(i int) table.Key { return table.Key{PK: pk, SK: fmt.Sprintf("%04d", i)} }
		item := func(i int) table.Item { return table.Item{"n": table.Int(int64(i))} }
		const n = 230
		for i := 0; i < n; i += 3 {
			if err := s.Write(t.Context(), table.Put(key(i), item(-1))); err != nil {
				t.Fatal(err)
			}
		}
		ops := make([]table.Op, n)
		for i := range ops {
			ops[i] = table.Put(key(i), item(i), table.Absent())
			if i%5 == 4 {
				ops[i] = table.Update(key(i))
				ops[i].Add = map[string]int64{"n": 1}
			}
		}
		ops[n-1] = table.Put(table.Key{PK: pk}, item(0)) // no key
		for i, err := range writer.WriteEach(t.Context(), ops) {
			want, wantErr := item(i), false
			switch stood, refused := table.Failed(err, 0); {
			case i == n-1:
				if !errors.Is(err, table.ErrInvalid) {
					t.Errorf("no key: %v", err)
				}
				continue
			case i%5 == 4:
				want = item(1)
				if i%3 == 0 {
					want = item(0)
				}
			case i%3 == 0:
				want, wantErr = item(-1), true
				if !refused || !stood.Equal(want) {
					t.Errorf("%d exists, but got %v", i, err)
				}
			}
			if (err != nil) != wantErr {
				t.Errorf("%d: %v", i, err)
			}
			if got, err := s.Get(t.Context(), key(i), true); err != nil || !got.Equal(want) {
				t.Errorf("%d is %v, %v; want %v", i, got, err, want)
			}
		}
	})
	t.Run("two operations on one item are invalid", func(t *testing.T) {
		key := s.key()
		other := s.key()
		for i, err := range writer.WriteEach(t.Context(), []table.Op{table.Put(key, nil), table.Put(other, nil), table.Delete(key)}) {
			if !errors.Is(err, table.ErrInvalid) {
				t.Errorf("operation %d: %v", i, err)
			}
		}
		if _, err := s.Get(t.Context(), other, true); !errors.Is(err, table.ErrNotFound) {
			t.Errorf("another operation was carried out: %v", err)
		}
	})
	t.Run("no operations are no errors", func(t *testing.T) {
		if errs := writer.WriteEach(t.Context(), nil); len(errs) != 0 {
			t.Errorf("%v", errs)
		}
	})
}
