package ledger

import (
	"context"
	"errors"

	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// markSoldOut announces that a shelf ran empty and files the records.Time in that day's
// ledger, once per restock.
func (l *Ledger) markSoldOut(ctx context.Context, s shelf) error {
	name := s.SKU
	item, err := records.Get(ctx, l.table, records.MenuKey(s.SKU), false, records.DecodeMenuItem)
	if err == nil {
		name = item.Name
	} else if !errors.Is(err, model.ErrNotFound) {
		return err
	}
	mark := table.Put(l.shelfKey(s), table.Item{"at": records.Time(s.at), "restock": table.Int(s.Restock)})
	alert := outbox.OutOfStock(l.settings, s.Stock, name, s.at, l.now.Stamp())
	err = records.Write(ctx, l.table, append([]table.Op{alert, mark}, l.lateMark(s.at)...)...)
	if _, announced := table.Failed(err, 0); announced {
		return nil
	}
	return err
}

// markRestocked notes that an item that ran out that day is back. Once the day's report was
// due it notes nothing: the item is for the next day then. What a cancelled order gives back
// is no restock.
func (l *Ledger) markRestocked(ctx context.Context, s shelf) error {
	if s.at.After(l.settings.ReportDue(l.settings.Calendar.DayOf(s.at))) {
		return nil
	}
	op := table.Update(l.shelfKey(s), table.Present(), table.Below("restock", s.Restock))
	op.Set = table.Item{"restock": table.Int(s.Restock)}
	op.Remove = []string{"at"}
	err := records.Write(ctx, l.table, append([]table.Op{op}, l.lateMark(s.at)...)...)
	if _, other := table.Failed(err, 0); other {
		return nil // it did not run out that day, or it ran out again
	}
	return err
}

func (l *Ledger) shelfKey(s shelf) table.Key {
	return records.SoldOutKey(l.settings.Calendar.DayOf(s.at), s.SKU)
}
