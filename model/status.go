package model

// Status is the status of an order.
type Status string

// An order goes from placed to preparing, ready and collected. It may be cancelled until it
// is collected, and refunded after that.
const (
	StatusPlaced    Status = "placed"
	StatusPreparing Status = "preparing"
	StatusReady     Status = "ready"
	StatusCollected Status = "collected"
	StatusCancelled Status = "cancelled"
	StatusRefunded  Status = "refunded"
)

// Statuses lists all statuses, in the order in which an order has them.
var Statuses = []Status{StatusPlaced, StatusPreparing, StatusReady, StatusCollected, StatusCancelled, StatusRefunded}

var moves = map[Status][]Status{
	StatusPlaced:    {StatusPreparing, StatusCancelled},
	StatusPreparing: {StatusReady, StatusCancelled},
	StatusReady:     {StatusCollected, StatusCancelled},
	StatusCollected: {StatusRefunded},
}

// Valid reports whether s is one of Statuses.
func (s Status) Valid() bool {
	for _, t := range Statuses {
		if s == t {
			return true
		}
	}
	return false
}

// Counts reports whether an order with this status counts in totals. Cancelled and refunded
// orders do not.
func (s Status) Counts() bool { return s != StatusCancelled && s != StatusRefunded }

// MayBecome reports whether an order may move from s to next, whoever makes the move.
func (s Status) MayBecome(next Status) bool {
	for _, t := range moves[s] {
		if t == next {
			return true
		}
	}
	return false
}

// PutsStockBack reports whether the move from s to next puts the order's units back into
// stock. Cancelling does, before the order is ready.
func (s Status) PutsStockBack(next Status) bool {
	return next == StatusCancelled && (s == StatusPlaced || s == StatusPreparing)
}
