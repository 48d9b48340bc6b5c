package daily

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"sort"
	"time"

	"cafe/internal/parallel"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/report"
)

// "Bought together" rests on four weeks. Their ledgers would be 28 times what the report
// reads. So each day's counts are kept: 0.3 to 2 KB a day, read with one query.

// mostKept is how many pairs are kept of a day, the most frequent. A café with more has over
// a thousand orders a day.
const mostKept = 1000

// basketsBefore returns the baskets of the days before the given one that its report rests
// on, added up. Of a day whose counts are missing, or older than its record, it counts the
// ledger.
func (r *Reporter) basketsBefore(ctx context.Context, day model.Day, known map[model.Day]dayRecord) (sum report.Baskets, err error) {
	first := day.AddDays(1 - report.PairDays)
	kept := map[model.Day]report.Baskets{}
	query := table.Query{Partition: records.PartitionBaskets, From: string(first), To: string(day)}
	for row, err := range records.Query(ctx, r.table, query) {
		if err != nil {
			return sum, fmt.Errorf("baskets: %w", err)
		}
		b, of, err := decodeBaskets(row.Key, row.Item)
		if err != nil {
			return sum, err
		}
		if d := model.Day(row.Key.SK); of.Equal(known[d].asOf.at) {
			kept[d] = b
		}
	}
	var missing []model.Day
	for d := first; d < day; d = d.AddDays(1) {
		if _, has := kept[d]; !has && known[d].summary.Orders > 0 {
			missing = append(missing, d)
		}
	}
	counted := make([]report.Baskets, len(missing))
	err = parallel.Each(ctx, len(missing), func(ctx context.Context, i int) error {
		sales, err := r.salesOf(ctx, missing[i])
		if err != nil {
			return err
		}
		counted[i] = report.CountBaskets(sales.entries)
		return records.Write(ctx, r.table, putBaskets(missing[i], counted[i], known[missing[i]].asOf.at))
	})
	if err != nil {
		return sum, fmt.Errorf("baskets: %w", err)
	}
	for _, b := range kept {
		sum.Add(b)
	}
	for _, b := range counted {
		sum.Add(b)
	}
	return sum, nil
}

// putBaskets returns the operation that keeps the counts of a day. They hold for the record
// whose summary was made of the ledger as it was then.
func putBaskets(day model.Day, b report.Baskets, asOf time.Time) table.Op {
	return table.Put(records.BasketsKey(day), table.Item{"of": records.Time(asOf), "counts": table.Bytes(encodeBaskets(b))})
}

// encodeBaskets writes numbers as varints: the orders, whether pairs are cut, each SKU with
// its count, and each pair with the places of its SKUs in that list.
func encodeBaskets(b report.Baskets) []byte {
	skus := make([]string, 0, len(b.With))
	for sku := range b.With {
		skus = append(skus, sku)
	}
	sort.Strings(skus)
	pairs := make([][2]string, 0, len(b.Together))
	for ab := range b.Together {
		pairs = append(pairs, ab)
	}
	sort.Slice(pairs, func(i, j int) bool {
		p, q := pairs[i], pairs[j]
		return cmp.Or(cmp.Compare(b.Together[q], b.Together[p]), cmp.Compare(p[0], q[0]), cmp.Compare(p[1], q[1])) < 0
	})
	cut := b.Cut
	if len(pairs) > mostKept {
		pairs, cut = pairs[:mostKept], true
	}
	out := binary.AppendUvarint(nil, uint64(b.Orders))
	out = binary.AppendUvarint(out, map[bool]uint64{true: 1}[cut])
	out = binary.AppendUvarint(out, uint64(len(skus)))
	place := make(map[string]uint64, len(skus))
	for i, sku := range skus {
		place[sku] = uint64(i)
		out = append(binary.AppendUvarint(out, uint64(len(sku))), sku...)
		out = binary.AppendUvarint(out, uint64(b.With[sku]))
	}
	for _, ab := range pairs {
		for _, n := range []uint64{place[ab[0]], place[ab[1]], uint64(b.Together[ab])} {
			out = binary.AppendUvarint(out, n)
		}
	}
	return out
}

// decodeBaskets returns a day's counts, and the time of the record for which they hold. An
// error records.IsUnreadable.
func decodeBaskets(key table.Key, item table.Item) (b report.Baskets, of time.Time, err error) {
	r := records.NewReader(key, item)
	of = r.Time("of")
	in := bytes.NewReader([]byte(r.Bytes("counts")))
	bad := false
	next := func() uint64 {
		n, err := binary.ReadUvarint(in)
		bad = bad || err != nil
		return n
	}
	b = report.Baskets{Orders: int64(next()), Cut: next() == 1, With: map[string]int64{}, Together: map[[2]string]int64{}}
	var skus []string
	for n := next(); n > 0 && !bad; n-- {
		length := next()
		if bad = bad || length > uint64(in.Len()); bad {
			break
		}
		sku := make([]byte, length)
		_, _ = in.Read(sku)
		skus = append(skus, string(sku))
		b.With[string(sku)] = int64(next())
	}
	for in.Len() > 0 && !bad {
		i, j, n := next(), next(), next()
		if bad = bad || i >= uint64(len(skus)) || j >= uint64(len(skus)); !bad {
			b.Together[[2]string{skus[i], skus[j]}] = int64(n)
		}
	}
	if bad {
		r.Fail("counts")
	}
	return b, of, r.Err()
}
