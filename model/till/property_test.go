package till

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// digest is what of an order must not depend on how its file is written.
func digest(orders []Order) map[Identity]string {
	all := make(map[Identity]string)
	for _, o := range orders {
		sold := make(map[string]int64)
		for _, l := range o.Lines {
			sold[l.SKU+"@"+l.UnitPrice.Major("GBP")] += l.Quantity
		}
		all[o.Identity] = fmt.Sprint(o.Fingerprint, o.PlacedAt, o.CustomerID, o.Payment, o.Status, o.Total, sold)
	}
	return all
}

// Cases 49 and 52: reordered, .gz, BOM, CRLF, quoted newlines, formula cells.
func TestTheSameSalesHoweverTheFileIsWritten(t *testing.T) {
	base := rules(t)
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		records := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) []string {
			id := strconv.Itoa(rapid.IntRange(1, 6).Draw(rt, "id"))
			return []string{
				rapid.SampledFrom([]string{"2016-10-30", "2016-10-31"}).Draw(rt, "date"),
				rapid.SampledFrom([]string{"9:58:11", "01:30", "23:59:59"}).Draw(rt, "time"),
				id,
				rapid.SampledFrom([]string{"Tea", "Bread", "coffee", "Lemon Drizzle", "NONE"}).Draw(rt, "item"),
				rapid.SampledFrom([]string{"", "1", "2", "100"}).Draw(rt, "qty"),
				rapid.SampledFrom([]string{"", "4.20", "0"}).Draw(rt, "amount"),
				map[string]string{"1": "alice", "2": "0"}[id],
				rapid.SampledFrom([]string{"", "a, \"b\"\nc", "=1+1", "é"}).Draw(rt, "note"),
			}
		}), 1, 40).Draw(rt, "rows")
		names := []string{"Date", "Time", "Transaction", "Item", "qty", "amount", "customer_id", "note"}

		write := func(names []string, records [][]string, crlf, packed, mark bool) string {
			var b bytes.Buffer
			w := csv.NewWriter(&b)
			w.UseCRLF = crlf
			w.Write(names)
			w.WriteAll(records)
			text := b.String()
			if mark {
				text = "\xef\xbb\xbf" + text
			}
			if packed {
				text = gzipped(t, text)
			}
			return text
		}
		first := mustImport(t, write(names, records, false, false, false), base)

		shuffled := rapid.Permutation(records).Draw(rt, "order")
		columns := rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7}).Draw(rt, "columns")
		permute := func(cells []string) []string {
			out := make([]string, len(cells))
			for i, c := range columns {
				out[i] = cells[c]
			}
			return out
		}
		for i, r := range shuffled {
			shuffled[i] = permute(r)
		}
		rules := base
		rules.Memory = rapid.SampledFrom([]int{1, 1 << 10, 0}).Draw(rt, "memory")
		rules.Scratch = scratchIn(dir)
		second := mustImport(t, write(permute(names), shuffled, rapid.Bool().Draw(rt, "crlf"), rapid.Bool().Draw(rt, "gzip"), rapid.Bool().Draw(rt, "bom")), rules)

		if len(first.problems)+len(second.problems) > 0 {
			rt.Fatalf("problems %q and %q", first.problems, second.problems)
		}
		if first.rows != second.rows || first.skipped != second.skipped || !reflect.DeepEqual(digest(first.orders), digest(second.orders)) {
			rt.Fatalf("not the same:\n%q\n%q", showAll(first.orders), showAll(second.orders))
		}
	})
}

// Case 50. Each order with a bad row is rejected whole, and every other is there as
// if the bad rows had never been.
func TestBadRowsCostTheirOrdersOnly(t *testing.T) {
	base := rules(t)
	rapid.Check(t, func(rt *rapid.T) {
		bad := make(map[int]bool)
		var dirty, clean strings.Builder
		dirty.WriteString(header)
		clean.WriteString(header)
		for _, text := range []*strings.Builder{&dirty, &clean} {
			text.WriteString("2016-10-30,9:58,spare,Tea\n")
		}
		rows := rapid.SliceOfN(rapid.IntRange(1, 8), 1, 30).Draw(rt, "ids")
		spoilt := make([]string, len(rows))
		for i, id := range rows {
			spoilt[i] = rapid.SampledFrom([]string{"", "", "",
				"2016-10-30,25:00,%d,Tea\n", "2016-10-30,9:58,%d,Gold\n", "2016-10-30,9:58,%d\n", "2016-10-30,9:58,%d,Tea,Tea\n",
				"2016-13-30,9:58,%d,Tea\n", "2016-10-30,9:58,%d,\"Tea\"x\n", "2016-10-30,9:58,%d,\xff\n",
			}).Draw(rt, "row")
			bad[id] = bad[id] || spoilt[i] != ""
		}
		rejected := 0
		for i, id := range rows {
			if spoilt[i] != "" {
				fmt.Fprintf(&dirty, spoilt[i], id)
			} else {
				fmt.Fprintf(&dirty, "2016-10-30,9:58,%d,Tea\n", id)
			}
			if !bad[id] {
				fmt.Fprintf(&clean, "2016-10-30,9:58,%d,Tea\n", id)
			}
		}
		for id := range bad {
			if bad[id] {
				rejected++
			}
		}
		got, want := mustImport(t, dirty.String(), base), mustImport(t, clean.String(), base)
		if !reflect.DeepEqual(digest(got.orders), digest(want.orders)) || len(got.rejected) != rejected {
			rt.Fatalf("%s\n%d rejected, want %d; good are %q, want %q", dirty.String(), len(got.rejected), rejected, showAll(got.orders), showAll(want.orders))
		}
	})
}

// FuzzParse holds any file against what must be true of every file: no panic, no row
// lost, and rejects that can be read again. Its seeds are in testdata.
func FuzzParse(f *testing.F) {
	base := rules(f)
	base.MaxBytes = 1 << 20
	f.Fuzz(func(t *testing.T, file []byte, memory uint16) {
		rules := base
		rules.Memory = int(memory)
		o, err := importOrders(t, bytes.NewReader(file), rules) // counts the rows
		if err == nil && o.rejects != "" {
			again, err := importOrders(t, strings.NewReader(o.rejects), rules)
			if err != nil {
				t.Fatalf("rejects are no file: %v\n%s", err, o.rejects)
			}
			rejected := 0
			for _, r := range o.rejected {
				rejected += len(r.Rows)
			}
			if again.rows < rejected {
				t.Fatalf("of %d rejected rows %d are left:\n%s", rejected, again.rows, o.rejects)
			}
		}
		if f, err := ReadStock(t.Context(), bytes.NewReader(file), rules); err == nil {
			importAll(t, f, nil, showCount)
		}
		if f, err := ReadMenu(t.Context(), bytes.NewReader(file), rules); err == nil {
			importAll(t, f, nil, showItem)
		}
	})
}
