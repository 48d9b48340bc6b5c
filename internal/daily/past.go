package daily

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cafe/internal/parallel"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/report"
)

// dayRecords returns the records of the days from one to another, both included.
func (r *Reporter) dayRecords(ctx context.Context, from, to model.Day) (map[model.Day]dayRecord, error) {
	byDay := map[model.Day]dayRecord{}
	query := table.Query{Partition: records.PartitionDays, From: string(from), To: table.After(string(to))}
	for row, err := range records.Query(ctx, r.table, query) {
		if err != nil {
			return nil, fmt.Errorf("records of days: %w", err)
		}
		record, err := decodeDay(row.Key, row.Item)
		if err != nil {
			return nil, err
		}
		byDay[record.day] = record
	}
	return byDay, nil
}

// daySales is what the report takes from a day's ledger.
type daySales struct {
	entries  []model.Entry
	soldOut  map[string]time.Time // by SKU: when it ran out, if it stayed so
	onTheWay int64                // orders that were written and that the ledger does not have yet
	waste    map[string]int64     // by SKU: units that were left over or spoiled
}

// summary makes the day's summary of its sales.
func (s daySales) summary(day model.Day, menu model.Menu) (report.Summary, error) {
	summary, err := report.Summarise(day, menu, s.entries, s.soldOut)
	for sku, units := range s.waste {
		if menu[sku].Counted {
			if summary.Waste == nil {
				summary.Waste = map[string]int64{}
			}
			summary.Waste[sku] = units
		}
	}
	return summary, err
}

// salesOf reads a day's ledger: its partitions and nothing else.
func (r *Reporter) salesOf(ctx context.Context, day model.Day) (daySales, error) {
	parts := make([]daySales, max(1, r.settings.Shards))
	err := parallel.Each(ctx, len(parts), func(ctx context.Context, i int) (err error) {
		parts[i], err = r.partOf(ctx, records.LedgerPartition(day, int64(i)))
		return err
	})
	all := daySales{soldOut: map[string]time.Time{}, waste: map[string]int64{}}
	for _, part := range parts {
		all.entries = append(all.entries, part.entries...)
		maps.Copy(all.soldOut, part.soldOut)
		maps.Copy(all.waste, part.waste) // all of it is in one part
	}
	if err != nil {
		return daySales{}, fmt.Errorf("ledger of %s: %w", day, err)
	}
	return all, nil
}

func (r *Reporter) partOf(ctx context.Context, partition string) (daySales, error) {
	part := daySales{soldOut: map[string]time.Time{}, waste: map[string]int64{}}
	for row, err := range records.Query(ctx, r.table, table.Query{Partition: partition}) {
		if err != nil {
			return part, err
		}
		if sku, marks := strings.CutPrefix(row.Key.SK, records.PrefixStock); marks {
			mark := records.NewReader(row.Key, row.Item)
			if mark.Has("at") {
				part.soldOut[sku] = mark.Time("at")
			}
			if err := mark.Err(); err != nil {
				return part, err
			}
			continue
		}
		if strings.HasPrefix(row.Key.SK, records.PrefixWaste) {
			waste, err := records.DecodeWaste(row.Key, row.Item)
			if err != nil {
				return part, err
			}
			part.waste[waste.SKU] += waste.Quantity
			continue
		}
		entry, err := records.DecodeEntry(row.Key, row.Item)
		if err != nil {
			return part, err
		}
		part.entries = append(part.entries, entry)
	}
	return part, nil
}

// past returns the summaries of the days before the given one that its report needs, in any
// order. It makes those that are missing or out of date from the ledger, and stores them.
//
// A late order leaves a record of its day. A day has no record when all its orders came in
// time and its report was never made, because the café's process was off. So days without a
// record after the last gapless one are looked up in the ledger. When no day is gapless,
// weeks are looked up, backwards, until one has nothing at all.
//
// known has the records of these days, and of those in byDay. behind is how many of the days have orders that are still on their way to the ledger.
func (r *Reporter) past(ctx context.Context, day model.Day, menu model.Menu, byDay map[model.Day]dayRecord, wait *waiting) (history []report.Summary, known map[model.Day]dayRecord, behind int64, err error) {
	first := day.AddDays(-report.HistoryDays)
	counted := countedOf(menu)
	known = maps.Clone(byDay)
	refresh := func(days []model.Day) error {
		for some := range slices.Chunk(days, max(1, parallel.Width/int(max(1, r.settings.Shards)))) { // each day is read by shards
			made := make([]dayRecord, len(some))
			err := parallel.Each(ctx, len(some), func(ctx context.Context, i int) (err error) {
				made[i], err = r.summarise(ctx, some[i], menu, counted, known[some[i]], wait)
				return err
			})
			if err != nil {
				return err
			}
			for _, record := range made {
				if record.day != "" {
					known[record.day] = record
				}
			}
		}
		return nil
	}

	last := day // the last day before which nothing is missing, if below day
	for d := day.AddDays(-1); d >= first; d = d.AddDays(-1) {
		if known[d].gapless {
			last = d
			break
		}
	}
	var stale []model.Day
	for d := first; d < day; d = d.AddDays(1) {
		record, recorded := known[d]
		if recorded && (record.itemsHash != counted.hash || !record.covers(record.asOf, r.settings.ReportDue(d))) || !recorded && d > last {
			stale = append(stale, d)
		}
	}
	if err := refresh(stale); err != nil {
		return nil, nil, 0, err
	}
	for end := day; last == day && end > first; end = end.AddDays(-7) {
		stale = stale[:0]
		empty := true
		for d := max(end.AddDays(-7), first); d < end; d = d.AddDays(1) {
			if _, recorded := known[d]; recorded {
				empty = false
			} else {
				stale = append(stale, d)
			}
		}
		before := len(known)
		if err := refresh(stale); err != nil {
			return nil, nil, 0, err
		}
		if empty && len(known) == before {
			break
		}
	}

	for d, record := range known {
		if first <= d && d < day {
			history = append(history, counted.unpacked(record))
			if record.onTheWay > 0 {
				behind++
			}
		}
	}
	return history, known, behind, nil
}

// summarise makes the day's summary anew. It stores it if the day had orders or has a record
// already.
func (r *Reporter) summarise(ctx context.Context, day model.Day, menu model.Menu, items countedItems, record dayRecord, wait *waiting) (dayRecord, error) {
	now := r.now.Stamp()
	sales, err := r.importedSales(ctx, day, record, wait)
	if err != nil {
		return record, err
	}
	summary, err := sales.summary(day, menu)
	if err != nil || record.day == "" && !summary.Open() {
		return record, err
	}
	record = items.summarised(record, summary, now)
	record.onTheWay = sales.onTheWay
	return record, records.Write(ctx, r.table, record.put())
}
