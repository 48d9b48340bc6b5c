package table

import "context"

// EachWriter is a Table that can carry out many independent writes at once, for little
// more than the cost of one. A table on DynamoDB is no EachWriter: a transaction costs
// twice as much there as its writes do alone.
type EachWriter interface {
	// WriteEach carries out each operation on its own, in any order. It returns one error
	// per operation: the error that Write would return for that operation alone, or nil if
	// it is done. If two operations are on one item, nothing is written and every error is
	// ErrInvalid.
	WriteEach(ctx context.Context, ops []Op) []error
}
