package model

// Status is where an order stands.
type Status string

// An order goes from placed by way of preparing and ready to collected. It may be
// cancelled until it is collected, and refunded after.
const (
	StatusPlaced    Status = "placed"
	StatusPreparing Status = "preparing"
	StatusReady     Status = "ready"
	StatusCollected Status = "collected"
	StatusCancelled Status = "cancelled"
	StatusRefunded  Status = "refunded"
)

// Statuses lists all of them, in the order of an order's life.
var Statuses = []Status{StatusPlaced, StatusPreparing, StatusReady, StatusCollected, StatusCancelled, StatusRefunded}

var moves = map[Status][]Status{
	StatusPlaced:    {StatusPreparing, StatusCancelled},
	StatusPreparing: {StatusReady, StatusCancelled},
	StatusReady:     {StatusCollected, StatusCancelled},
	StatusCollected: {StatusRefunded},
}

// Valid reports whether it is one of Statuses.
func (s Status) Valid() bool {
	for _, t := range Statuses {
		if s == t {
			return true
		}
	}
	return false
}

// Counts reports whether an order of this status counts in totals: all do but the
// cancelled and the refunded.
func (s Status) Counts() bool { return s != StatusCancelled && s != StatusRefunded }

// MayBecome reports whether the move is one of an order's life, whoever makes it.
func (s Status) MayBecome(next Status) bool {
	for _, t := range moves[s] {
		if t == next {
			return true
		}
	}
	return false
}

// PutsStockBack reports whether the move returns what the order took off the shelf:
// cancelling does, before the order was ready.
func (s Status) PutsStockBack(next Status) bool {
	return next == StatusCancelled && (s == StatusPlaced || s == StatusPreparing)
}
