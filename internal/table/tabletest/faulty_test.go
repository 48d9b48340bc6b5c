package tabletest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"cafe/internal/table"
)

var ctx = context.Background()

func TestFaultyWithoutFaultsContract(t *testing.T) {
	Run(t, func(t *testing.T) table.Table { return NewFaulty(newMemory(t), nil) })
}

func TestFaultyWithRetryableFaultsContract(t *testing.T) {
	// The contract lets any write conflict or be throttled. A suite that did not try again
	// would fail an engine that keeps the contract.
	Run(t, func(t *testing.T) table.Table {
		writes := 0
		return NewFaulty(newMemory(t), func(c Call) Fault {
			if c.Method != "Write" || table.Validate(c.Ops) != nil {
				return Fault{}
			}
			writes++
			switch writes % 10 {
			case 3:
				return Fault{Before: table.ErrThrottled}
			case 7, 8:
				return Fault{Before: table.ErrConflict}
			}
			return Fault{}
		})
	})
}

var stored = table.Key{PK: "P", SK: "S"}

// fourCalls calls each method of the table once and returns the errors.
func fourCalls(t table.Table) []error {
	_, get := t.Get(ctx, stored, true)
	_, query := t.Query(ctx, table.Query{Partition: "P"})
	_, scan := t.Scan(ctx, table.Scan{})
	return []error{t.Write(ctx, table.Put(stored, table.Item{}), table.Put(table.Key{PK: "P", SK: "T"}, table.Item{})), get, query, scan}
}

func TestAFaultBeforeACallKeepsItFromTheTable(t *testing.T) {
	for _, fault := range []error{table.ErrUnavailable, table.ErrThrottled, table.ErrConflict} {
		inner := NewFaulty(newMemory(t), nil)
		f := NewFaulty(inner, Always(Fault{Before: fault}))
		for i, err := range fourCalls(f) {
			if !errors.Is(err, fault) {
				t.Errorf("call %d: %v", i, err)
			}
		}
		if f.Calls() != 4 || inner.Calls() != 0 {
			t.Errorf("%d calls, %d came through", f.Calls(), inner.Calls())
		}
	}
}

func TestAFaultAfterACallHidesTheAnswerButNotTheWrite(t *testing.T) {
	inner := NewFaulty(newMemory(t), nil)
	f := NewFaulty(inner, Always(Fault{After: table.ErrUnavailable}))
	for i, err := range fourCalls(f) {
		if !errors.Is(err, table.ErrUnavailable) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if inner.Calls() != 4 {
		t.Errorf("%d calls came through", inner.Calls())
	}
	if _, err := inner.Get(ctx, stored, true); err != nil {
		t.Errorf("the write did not happen: %v", err)
	}
	err := f.Write(ctx, table.Put(stored, table.Item{}, table.Absent()))
	if _, refused := table.Failed(err, 0); refused || !errors.Is(err, table.ErrUnavailable) {
		t.Errorf("the refusal came through: %v", err)
	}
}

func TestThenIsCalledAfterTheTable(t *testing.T) {
	inner := NewFaulty(newMemory(t), nil)
	happened := 0
	f := NewFaulty(inner, Always(Fault{Then: func() {
		if happened++; inner.Calls() != happened {
			t.Errorf("%d calls came through when it happened the %d. time", inner.Calls(), happened)
		}
	}}))
	fourCalls(f)
	if happened != 4 {
		t.Errorf("it happened %d times, want 4", happened)
	}
}

func TestAFaultAtACallAffectsOnlyThatCall(t *testing.T) {
	f := NewFaulty(newMemory(t), At(3, Fault{Before: table.ErrUnavailable}))
	for n := 1; n <= 5; n++ {
		if err := f.Write(ctx, table.Put(stored, table.Item{})); errors.Is(err, table.ErrUnavailable) != (n == 3) {
			t.Errorf("call %d: %v", n, err)
		}
	}
}

func TestAFaultOfAMethodAffectsOnlyThatMethod(t *testing.T) {
	f := NewFaulty(newMemory(t), Always(Fault{Before: table.ErrConflict}, "Write", "Scan"))
	errs := fourCalls(f)
	for i, want := range []error{table.ErrConflict, table.ErrNotFound, nil, table.ErrConflict} {
		if !errors.Is(errs[i], want) {
			t.Errorf("call %d: %v, want %v", i+1, errs[i], want)
		}
	}
}

func TestAScriptSeesTheCallAndCanBeReplaced(t *testing.T) {
	var methods []string
	f := NewFaulty(newMemory(t), func(c Call) Fault {
		methods = append(methods, c.Method)
		if c.Method == "Write" && (len(c.Ops) != 2 || c.Ops[0].Key != stored) {
			t.Errorf("saw %+v", c.Ops)
		}
		return Fault{Before: table.ErrUnavailable}
	})
	fourCalls(f)
	if want := []string{"Get", "Query", "Scan", "Write"}; !slices.Equal(methods, want) {
		t.Errorf("saw %q", methods)
	}
	f.Set(nil)
	if err := f.Write(ctx, table.Put(stored, table.Item{})); err != nil || f.Calls() != 5 {
		t.Errorf("healed: %v after %d calls", err, f.Calls())
	}
}

func TestADelayPassesBeforeTheCall(t *testing.T) {
	f := NewFaulty(newMemory(t), Always(Fault{Delay: 20 * time.Millisecond}))
	start := time.Now()
	if err := f.Write(ctx, table.Put(stored, table.Item{})); err != nil || time.Since(start) < 20*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

func TestADelayEndsWithTheContext(t *testing.T) {
	f := NewFaulty(newMemory(t), Always(Fault{Delay: time.Hour}))
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if err := f.Write(short, table.Put(stored, table.Item{})); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	f.Set(nil)
	if _, err := f.Get(ctx, stored, true); !errors.Is(err, table.ErrNotFound) {
		t.Errorf("the write went through: %v", err)
	}
}

func TestConcurrentCallsAreEachCountedOnce(t *testing.T) {
	var mu sync.Mutex
	seen := map[int]bool{}
	f := NewFaulty(newMemory(t), func(c Call) Fault {
		mu.Lock()
		defer mu.Unlock()
		seen[c.N] = true
		return Fault{}
	})
	together(8, func(int) {
		for range 50 {
			f.Get(ctx, stored, true)
		}
	})
	if f.Calls() != 400 || len(seen) != 400 {
		t.Errorf("%d calls, %d numbers", f.Calls(), len(seen))
	}
}

// twoWrites is a scenario of two writes. It repeats each until it succeeds, and returns
// how often each operation was carried out.
func twoWrites(f *Faulty) error {
	for _, sk := range []string{"first", "second"} {
		for tries := 0; ; tries++ {
			op := table.Update(table.Key{PK: "P", SK: sk})
			op.Add = map[string]int64{"n": 1}
			err := f.Write(ctx, op)
			if err == nil {
				break
			}
			if tries == 3 {
				return err
			}
		}
	}
	return nil
}

func TestASweepFailsEachCallInTurn(t *testing.T) {
	// An update that is sent again after a lost answer counts twice. The runs of a sweep
	// together must show every possible number of updates.
	for _, c := range []struct {
		ways []Way
		want [][2]int64 // of each run, the updates of first and second
	}{
		{nil, [][2]int64{{1, 1}, {1, 1}, {1, 1}, {2, 1}, {1, 2}, {1, 1}}},
		{[]Way{IsThrottled, Conflicts}, [][2]int64{{1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}},
		{[]Way{CrashesBefore}, [][2]int64{{0, 0}, {1, 0}, {1, 1}}},
		{[]Way{CrashesAfter}, [][2]int64{{1, 0}, {1, 1}, {1, 1}}},
	} {
		var got [][2]int64
		Sweep(t, func(t *testing.T, faults Faults) {
			inner := newMemory(t)
			twoWrites(NewFaulty(inner, faults))
			counts := [2]int64{}
			for i, sk := range []string{"first", "second"} {
				item, _ := inner.Get(ctx, table.Key{PK: "P", SK: sk}, true)
				counts[i] = item.Int("n")
			}
			got = append(got, counts)
		}, c.ways...)
		if !slices.Equal(got, c.want) {
			t.Errorf("got %v, want %v", got, c.want)
		}
	}
}
