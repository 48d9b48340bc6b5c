package model

import (
	"slices"
	"time"
)

// Happening is what a version of an order came about by.
type Happening string

// What happens to orders. The names are those of the API.
const (
	WasPlaced          Happening = "placed"
	WasImported        Happening = "imported"
	WasAmended         Happening = "amended"
	WasPaid            Happening = "paid"
	WasPreparing       Happening = "preparing"
	WasReady           Happening = "ready"
	WasCollected       Happening = "collected"
	WasCollectedUnpaid Happening = "collected_unpaid"
	WasCancelled       Happening = "cancelled"
	WasPartlyRefunded  Happening = "partly_refunded"
	WasRefunded        Happening = "refunded"
	WasErased          Happening = "notes_removed" // what people wrote was removed, as the customer was erased
	WasFolded          Happening = "several"       // several versions, of which no more is known
)

// Step is a version of an order in its history.
type Step struct {
	Version int64
	What    Happening
	At      time.Time // zero: not known
	By      string    // who did it; empty: not known, or the order's customer
	Role    Role      // empty: not known
	Folded  int64     // how many versions a WasFolded has, of which Version is the last; else 0
}

// versions returns how many versions the step stands for.
func (s Step) versions() int64 { return max(1, s.Folded) }

// recentSteps is how many steps of an order are kept one by one, beside the first.
const recentSteps = 12

// Recorded returns the history with one more step. Older steps than the last few are folded
// into one, but not the first.
func Recorded(history []Step, step Step) []Step {
	history = append(slices.Clone(history), step)
	first := 0
	if history[0].Version == 1 {
		first = 1
	}
	for len(history) > first+1+recentSteps {
		a, b := history[first], history[first+1]
		history[first+1] = Step{Version: b.Version, What: WasFolded, At: b.At, Folded: a.versions() + b.versions()}
		history = slices.Delete(history, first, first+1)
	}
	return history
}

// Steps returns the whole history of the order, oldest first. What it does not know of one by
// one is a WasFolded: so are the changes of orders of before v0.2.0.
func (o Order) Steps() []Step {
	var steps []Step
	if len(o.History) == 0 || o.History[0].Version > 1 {
		first := Step{Version: 1, What: WasPlaced, At: o.PlacedAt}
		if o.Import != "" {
			first.What = WasImported
		}
		steps = append(steps, first)
	}
	for _, s := range o.History {
		known := int64(0)
		if len(steps) > 0 {
			known = steps[len(steps)-1].Version
		}
		if gap := s.Version - s.versions() - known; gap > 0 {
			steps = append(steps, Step{Version: known + gap, What: WasFolded, Folded: gap})
		}
		steps = append(steps, s)
	}
	if last := steps[len(steps)-1].Version; last < o.Version {
		steps = append(steps, Step{Version: o.Version, What: WasFolded, At: o.UpdatedAt, Folded: o.Version - last})
	}
	return steps
}
