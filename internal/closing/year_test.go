package closing_test

import (
	"context"
	"sync/atomic"
	"testing"

	"cafe/internal/cafetest"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/books"
)

// counting counts the rows that a table gives.
type counting struct {
	table.Table
	rows atomic.Int64
}

func (c *counting) Get(ctx context.Context, key table.Key, consistent bool) (table.Item, error) {
	c.rows.Add(1)
	return c.Table.Get(ctx, key, consistent)
}

func (c *counting) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := c.Table.Query(ctx, q)
	c.rows.Add(int64(len(page.Rows)))
	return page, err
}

func TestFourHundredDaysCloseAndListInTimeThatDoesNotGrow(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		if e.Slow {
			t.Skip("400 days take long here, and the embedded engine reads the same rows")
		}
		rows := &counting{Table: e.Open(t)}
		c := cafetest.Open(t, rows)
		first := model.Day("2017-03-20")
		var early, late [2]int64 // rows read to close a day, and to list 25
		for n := range 400 {
			day := first.AddDays(n)
			cafetest.Sell(t, c, string(day)+" 09:30", "latte")
			cafetest.Deliver(t, c)
			cafetest.ClockAt(t, c, string(day.AddDays(1))+" 09:00")
			before := rows.rows.Load()
			stored := closeDay(t, c, day, books.Count{})
			closed := rows.rows.Load() - before
			if stored.Number != int64(n+1) || len(stored.Carried) > 0 {
				t.Fatalf("%s", stored.Text)
			}
			if n == 50 || n == 399 {
				before = rows.rows.Load()
				days, _, err := c.Books.Days(ctx, day.AddDays(-24), day, 25)
				if err != nil || len(days) != 25 {
					t.Fatalf("%d days, %v", len(days), err)
				}
				early, late = late, [2]int64{closed, rows.rows.Load() - before}
			}
		}
		if early != late {
			t.Errorf("rows read to close a day and to list 25: %v after 50 days, %v after 400", early, late)
		}
		wantSound(t, c)
	})
}
