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

// Faulty passes calls on to a table and injects the faults of a script. It is safe for
// concurrent use. Calls are numbered in the order in which they arrive.
type Faulty struct {
	table.Table

	mu     sync.Mutex
	calls  int
	faults Faults
}

// NewFaulty returns a Faulty around t. Nil faults means that there are none.
func NewFaulty(t table.Table, faults Faults) *Faulty { return &Faulty{Table: t, faults: faults} }

// Faults is a script: it returns the fault of each call. Faulty does not call it
// concurrently.
type Faults func(Call) Fault

// Call is a call of a method of Faulty.
type Call struct {
	N      int        // 1 for the first call
	Method string     // Get, Query, Scan or Write
	Ops    []table.Op // the operations of a Write
}

// Fault is what goes wrong with a call. The zero Fault is no fault.
type Fault struct {
	Delay  time.Duration // how long to wait first; the end of the context ends the wait
	Before error         // returned without calling the table
	After  error         // returned in place of the table's result, after the table was called
	Then   func()        // called after the table was called, before Faulty returns
}

// At returns a script that injects the fault into call n only.
func At(n int, fault Fault) Faults {
	return func(c Call) Fault {
		if c.N == n {
			return fault
		}
		return Fault{}
	}
}

// Always returns a script that injects the fault into every call of the named methods, or
// into every call if no method is named.
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

// Set replaces the script. Nil ends all faults. The numbering of calls continues.
func (f *Faulty) Set(faults Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = faults
}

// Calls returns the number of calls so far.
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

// count numbers the call and returns its fault.
func (f *Faulty) count(method string, ops []table.Op) (Fault, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.faults == nil {
		return Fault{}, f.calls
	}
	return f.faults(Call{N: f.calls, Method: method, Ops: ops}), f.calls
}

// Way is a way in which call n of a scenario goes wrong.
type Way struct {
	Name   string // it follows "call 3 " in the name of a subtest
	Faults func(n int) Faults
}

// The ways for Sweep. A crash stands for the end of the process: every later call fails
// too, until the test calls Faulty.Set to play the restart.
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

// Sweep runs the scenario many times. In the first run its first storage call goes wrong,
// in the second run its second call, and so on, until the scenario makes fewer calls than
// that. Sweep does this for each of the ways; without any it uses FailsBefore and
// FailsAfter. Each run is a subtest. The scenario makes its own table and passes the
// faults to NewFaulty.
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
