package records

import (
	"context"
	"iter"

	"cafe/internal/table"
)

// Query returns every row that a query finds, page by page, oldest sort key first.
// Limit is the size of a page. An error is the last thing that it yields.
func Query(ctx context.Context, t table.Table, q table.Query) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		for {
			page, err := t.Query(ctx, q)
			if err != nil {
				yield(table.Row{}, err)
				return
			}
			for _, row := range page.Rows {
				if !yield(row, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			q.From = table.After(page.Next)
		}
	}
}

// Scan returns every row whose partition begins with the prefix, page by page, in no
// order. It reads the whole table. An error is the last thing that it yields.
func Scan(ctx context.Context, t table.Table, prefix string) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		scan := table.Scan{Prefix: prefix}
		for {
			page, err := t.Scan(ctx, scan)
			if err != nil {
				yield(table.Row{}, err)
				return
			}
			for _, row := range page.Rows {
				if !yield(row, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			scan.After = page.Next
		}
	}
}
