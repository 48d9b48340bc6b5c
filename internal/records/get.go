package records

import (
	"context"
	"errors"

	"cafe/internal/table"
	"cafe/model"
)

// Get returns what is stored under the key, decoded, or model.ErrNotFound. Unless
// consistent, it may be a moment old, and costs half.
func Get[T any](ctx context.Context, t table.Table, key table.Key, consistent bool, decode func(table.Key, table.Item) (T, error)) (T, error) {
	item, err := t.Get(ctx, key, consistent)
	if err != nil {
		if errors.Is(err, table.ErrNotFound) {
			err = model.ErrNotFound
		}
		var none T
		return none, err
	}
	return decode(key, item)
}
