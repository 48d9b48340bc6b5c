package tabletest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cafe/internal/table"
)

// Faulty passes calls on to a table, and lets the faults of a script happen to them.
// It is safe for concurrent use; calls are numbered in the order they come in.
type Faulty struct {
	table.Table

	mu     sync.Mutex
	calls  int
	faults Faults
}

// NewFaulty wraps t. Nil faults are none.
func NewFaulty(t table.Table, faults Faults) *Faulty { return &Faulty{Table: t, faults: faults} }

// Faults is a script: it says what happens to a call. It is asked by one call at a
// time.
type Faults func(Call) Fault

// Call is a call that came in.
type Call struct {
	N      int        // 1 for the first that this Faulty saw
	Method string     // Get, Query, Scan or Write
	Ops    []table.Op // of a Write
}

// Fault is what happens to a call; the zero Fault is nothing.
type Fault struct {
	Delay  time.Duration // passes first, cut short by the end of the context
	Before error         // is returned, and the table is never asked
	After  error         // is returned in place of the table's answer: a write happened, if it was not refused
	Then   func()        // is called once the table was asked, before the caller has the answer
}

// At lets the fault happen to call n only.
func At(n int, fault Fault) Faults {
	return func(c Call) Fault {
		if c.N == n {
			return fault
		}
		return Fault{}
	}
}

// Always lets the fault happen to all calls of the methods named, or to all calls if
// none is.
func Always(fault Fault, methods ...string) Faults {
	return func(c Call) Fault {
		for _, m := range methods {
			if m == c.Method {
				return fault
			}
		}
		if len(methods) == 0 {
			return fault
		}
		return Fault{}
	}
}

// Set replaces the script; nil ends all faults. The count of calls goes on.
func (f *Faulty) Set(faults Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = faults
}

// Calls returns how many calls came in so far.
func (f *Faulty) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Get implements table.Table.
func (f *Faulty) Get(ctx context.Context, key table.Key, consistent bool) (item table.Item, err error) {
	err = f.call(ctx, "Get", nil, func() (err error) {
		item, err = f.Table.Get(ctx, key, consistent)
		return err
	})
	if err != nil {
		return nil, err
	}
	return item, nil
}

// Query implements table.Table.
func (f *Faulty) Query(ctx context.Context, q table.Query) (page table.Page, err error) {
	err = f.call(ctx, "Query", nil, func() (err error) {
		page, err = f.Table.Query(ctx, q)
		return err
	})
	if err != nil {
		return table.Page{}, err
	}
	return page, nil
}

// Scan implements table.Table.
func (f *Faulty) Scan(ctx context.Context, s table.Scan) (page table.Page, err error) {
	err = f.call(ctx, "Scan", nil, func() (err error) {
		page, err = f.Table.Scan(ctx, s)
		return err
	})
	if err != nil {
		return table.Page{}, err
	}
	return page, nil
}

// Write implements table.Table.
func (f *Faulty) Write(ctx context.Context, ops ...table.Op) error {
	return f.call(ctx, "Write", ops, func() error { return f.Table.Write(ctx, ops...) })
}

func (f *Faulty) call(ctx context.Context, method string, ops []table.Op, pass func() error) error {
	fault, n := f.count(method, ops)
	if fault.Delay > 0 {
		timer := time.NewTimer(fault.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if fault.Before != nil {
		return fmt.Errorf("call %d, before the %s: %w", n, method, fault.Before)
	}
	err := pass()
	if fault.Then != nil {
		fault.Then()
	}
	if fault.After != nil {
		return fmt.Errorf("call %d, after the %s: %w", n, method, fault.After)
	}
	return err
}

// count numbers the call and asks the script about it.
func (f *Faulty) count(method string, ops []table.Op) (Fault, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.faults == nil {
		return Fault{}, f.calls
	}
	return f.faults(Call{N: f.calls, Method: method, Ops: ops}), f.calls
}

// Way is a way for call n of a scenario to go wrong.
type Way struct {
	Name   string // "call 3 " goes before it
	Faults func(n int) Faults
}

// Ways for Sweep. A crash ends the process, so far as the table can tell: no later
// call gets through, until Faulty.Set plays the restart.
var (
	FailsBefore = Way{"fails before it is done", func(n int) Faults {
		return At(n, Fault{Before: table.ErrUnavailable})
	}}
	FailsAfter = Way{"fails after it is done", func(n int) Faults {
		return At(n, Fault{After: table.ErrUnavailable})
	}}
	CrashesBefore = Way{"crashes before it is done", func(n int) Faults {
		return crash(n, Fault{Before: table.ErrUnavailable})
	}}
	CrashesAfter = Way{"crashes after it is done", func(n int) Faults {
		return crash(n, Fault{After: table.ErrUnavailable})
	}}
	IsThrottled = Way{"is throttled", func(n int) Faults {
		return At(n, Fault{Before: table.ErrThrottled})
	}}
	Conflicts = Way{"conflicts", func(n int) Faults {
		return At(n, Fault{Before: table.ErrConflict})
	}}
)

func crash(n int, last Fault) Faults {
	return func(c Call) Fault {
		switch {
		case c.N < n:
			return Fault{}
		case c.N == n:
			return last
		}
		return Fault{Before: table.ErrUnavailable}
	}
}

// Sweep runs the scenario with its first storage call going wrong, then with its
// second, and so on until it comes through without making that many calls; and all
// that in each of the ways, FailsBefore and FailsAfter if none is given. Each run is
// a subtest, with faults for a NewFaulty around a table of its own.
func Sweep(t *testing.T, scenario func(t *testing.T, faults Faults), ways ...Way) {
	if len(ways) == 0 {
		ways = []Way{FailsBefore, FailsAfter}
	}
	for _, way := range ways {
		for n := 1; ; n++ {
			var reached atomic.Bool
			faults := way.Faults(n)
			passed := t.Run(fmt.Sprintf("call %d %s", n, way.Name), func(t *testing.T) {
				scenario(t, func(c Call) Fault {
					if c.N >= n {
						reached.Store(true)
					}
					return faults(c)
				})
			})
			if !passed || !reached.Load() {
				break
			}
			if n == 10000 {
				t.Fatal("the scenario makes more and more calls")
			}
		}
	}
}
