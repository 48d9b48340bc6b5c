package table

import "context"

// Together is a Table that carries out writes which have nothing to do with each other
// together, for little more than one of them costs. DynamoDB does not: there a transaction
// costs twice what its writes do.
type Together interface {
	// WriteEach carries out each of the operations by itself, in any order. The errors are
	// by operation, as Write returns them of that one alone; nil where it is done. All are
	// ErrInvalid when two of them are of one item.
	WriteEach(ctx context.Context, ops []Op) []error
}
