package records

import (
	"time"

	"cafe/internal/table"
)

// Change is one record of the table's stream: an item before and after a write. Nil means
// that the item was not there.
type Change struct {
	Key      table.Key
	Old, New table.Item
	Time     time.Time // when it was written; zero: not known. DynamoDB rounds it down to the second
}
