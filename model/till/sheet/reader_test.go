package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// allRows reads rows to the end.
func allRows(t testing.TB, src io.Reader) (rows []Row) {
	t.Helper()
	in := NewReader(src)
	for {
		r, err := in.Next()
		if err == io.EOF {
			return rows
		}
		if err != nil {
			t.Fatalf("next: %v", err)
		}
		r.Cells = slices.Clone(r.Cells)
		rows = append(rows, r)
	}
}

func TestRowsOfGoodFilesAreThoseOfEncodingCSV(t *testing.T) {
	cell := rapid.StringOfN(rapid.RuneFrom([]rune("ab,\"\n\r\t é=;'")), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(rapid.SliceOfN(cell, 1, 4), 0, 20).Draw(t, "records")
		var text bytes.Buffer
		w := csv.NewWriter(&text)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		for _, r := range records {
			w.Write(r)
			if rapid.IntRange(0, 5).Draw(t, "blank") == 0 {
				w.Flush()
				text.WriteString("\r\n")
			}
		}
		w.Flush()
		file := text.Bytes()
		if rapid.Bool().Draw(t, "no last line end") {
			file = bytes.TrimSuffix(file, []byte("\n"))
		}

		var want []Row
		reader := csv.NewReader(bytes.NewReader(file))
		reader.FieldsPerRecord = -1
		for {
			cells, err := reader.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Skip("no good file: ", err)
			}
			line, _ := reader.FieldPos(0)
			want = append(want, Row{Line: line, Cells: cells})
		}
		var src io.Reader = bytes.NewReader(file)
		if rapid.Bool().Draw(t, "in dribs") {
			src = iotest.OneByteReader(src)
		}
		in := NewReader(src)
		for i := 0; ; i++ {
			r, err := in.Next()
			if err == io.EOF && i == len(want) {
				break
			}
			if err != nil {
				t.Fatalf("row %d of %d: %v", i, len(want), err)
			}
			if i >= len(want) || !reflect.DeepEqual(r, want[i]) {
				t.Fatalf("row %d is %+v, want %+v", i, r, want[i:])
			}
		}
	})
}

func TestAStrayQuotationMarkCostsOneRow(t *testing.T) {
	const good = "x,y\n"
	for name, c := range map[string]struct {
		text string
		want []Row
	}{
		"opened, never closed": {
			"a,\"b\n" + good + good,
			[]Row{{1, []string{"a", `"b`}, faultUnclosed}, {2, []string{"x", "y"}, ""}, {3, []string{"x", "y"}, ""}},
		},
		"opened, closed far below by another, which is good CSV": {
			"a,\"b\n" + good + "c,d\"\n" + good,
			[]Row{{1, []string{"a", "b\nx,y\nc,d"}, ""}, {4, []string{"x", "y"}, ""}},
		},
		"inside a cell without any": {
			"a,5\" cake\n" + good + "a,7\" cake\n" + good,
			[]Row{{1, []string{"a", `5" cake`}, faultQuotes}, {2, []string{"x", "y"}, ""}, {3, []string{"a", `7" cake`}, faultUnclosed}, {4, []string{"x", "y"}, ""}},
		},
		"text after a closed one, last line": {
			good + `a,"b"c`,
			[]Row{{1, []string{"x", "y"}, ""}, {2, []string{"a", `"b"c`}, faultQuotes}},
		},
		"two lines that only look like one": {
			"\"a\n" + "\"b\n" + good,
			[]Row{{1, []string{`"a`}, faultQuotes}, {2, []string{`"b`}, faultUnclosed}, {3, []string{"x", "y"}, ""}},
		},
		"quoted line breaks count as lines": {
			"\"a\r\n\r\nb\",c\r\n\r\nx,y\r\n",
			[]Row{{1, []string{"a\n\nb", "c"}, ""}, {5, []string{"x", "y"}, ""}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := allRows(t, strings.NewReader(c.text))
			if !reflect.DeepEqual(got, c.want) {
				t.Fatalf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestLongRowsAreCutAndTheNextIsRead(t *testing.T) {
	long := strings.Repeat("z", 3*MaxRow)
	text := "a," + long + "\nb,c\n" + "\"" + long + "\",d\n" + "e,\"" + strings.Repeat("q\n", MaxRow) + "\",f\ng,h\n" + long
	got := allRows(t, strings.NewReader(text))
	var faults []string
	for _, r := range got {
		if len(r.Cells[0]) > 0 && !strings.HasPrefix(r.Cells[0], "q") {
			faults = append(faults, r.Cells[0][:1]+": "+r.Fault)
		}
		if size := len(strings.Join(r.Cells, ",")); size > MaxRow {
			t.Errorf("line %d has %d bytes", r.Line, size)
		}
	}
	want := []string{"a: " + faultTooLong, "b: ", "\": " + faultTooLong, "e: " + faultUnclosed, "\": " + faultUnclosed, "g: ", "z: " + faultTooLong}
	if last := got[len(got)-1]; last.Line != 4+MaxRow+2 {
		t.Errorf("the last line is %d, want %d", last.Line, 4+MaxRow+2)
	}
	if !slices.Equal(faults, want) {
		t.Errorf("got  %q\nwant %q", faults, want)
	}
}

func TestAFailingSourceIsAnError(t *testing.T) {
	broken := errors.New("connection reset")
	in := NewReader(io.MultiReader(strings.NewReader("a,b\nc,"), iotest.ErrReader(broken)))
	if _, err := in.Next(); err != nil {
		t.Fatalf("first row: %v", err)
	}
	if _, err := in.Next(); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
}
