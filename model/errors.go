package model

import (
	"errors"
	"fmt"
)

// Errors of use cases. Package api maps each to an HTTP status.
var (
	// ErrNotFound: it does not exist, or the caller may not see it.
	ErrNotFound = errors.New("not found")
	// ErrForbidden: the caller's role may never do this.
	ErrForbidden = errors.New("forbidden")
	// ErrKeyReused: the Idempotency-Key was used before, for another request.
	ErrKeyReused = errors.New("idempotency key was used for another request")
	// ErrStale: the caller's condition (If-Match, If-None-Match) does not hold.
	ErrStale = errors.New("changed since it was read")
	// ErrPreconditionRequired: the caller must say which version they want to change.
	ErrPreconditionRequired = errors.New("a precondition is required")
	// ErrNotAmendable: an order in this status cannot be amended.
	ErrNotAmendable = errors.New("order can no longer be amended")
	// ErrImportRunning: an import cannot be undone while it runs.
	ErrImportRunning = errors.New("import is still running")
)

// IllegalMove says that an order's status cannot change that way, or not by this caller.
type IllegalMove struct{ From, To Status }

func (e *IllegalMove) Error() string {
	return fmt.Sprintf("an order cannot go from %s to %s", e.From, e.To)
}

// Shortages says which counted items are short. Nothing was taken.
type Shortages []Shortage

// Shortage is one counted item of which there is less than was asked for.
type Shortage struct {
	SKU            string
	Lines          []int // indexes of the order's lines that ask for it
	Wanted, OnHand int64
}

func (s Shortages) Error() string {
	return fmt.Sprintf("%d items are out of stock", len(s))
}

// NoReport says in a sentence why a day can have no report. It is an ErrNotFound.
type NoReport struct{ Reason string }

func (e *NoReport) Error() string { return e.Reason }
func (e *NoReport) Unwrap() error { return ErrNotFound }

// Refusal is a kind of Refused. It is the last part of a problem's type.
type Refusal string

// Why an order's money does not allow what was asked for.
const (
	RefusedNotPayable  Refusal = "not-payable"  // the order takes no payment
	RefusedUnpaid      Refusal = "unpaid"       // something is still due
	RefusedRefundFirst Refusal = "refund-first" // what was paid must be given back before
	RefusedOverRefund  Refusal = "over-refund"  // more than is left of what was paid
	RefusedNothingPaid Refusal = "nothing-paid" // there is nothing to give back
	RefusedRefundLimit Refusal = "refund-limit" // more than staff may give back
	RefusedDayClosed   Refusal = "day-closed"   // the books of the business day are closed
)

// Refusals are all kinds of Refused.
var Refusals = []Refusal{
	RefusedNotPayable, RefusedUnpaid, RefusedRefundFirst, RefusedOverRefund, RefusedNothingPaid, RefusedRefundLimit, RefusedDayClosed,
}

// Refused says that an order's money does not allow what was asked for. Nothing was changed.
type Refused struct {
	Why    Refusal
	Detail string // in sentences, for people
}

func (e *Refused) Error() string { return e.Detail }

// Refuse returns a *Refused.
func Refuse(why Refusal, detail string) error { return &Refused{why, detail} }
