package pebble

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cafe/internal/table"
)

// The power is cut again and again while writers are writing. After each cut, all
// acknowledged writes are there, every write is there as a whole or not at all, and the log
// agrees with the items.
func TestPowerCutsUnderLoad(t *testing.T) {
	mem := vfs.NewCrashableMem()
	p := open(t, "data", Options{FS: mem, memTable: 128 << 10, renewal: time.Millisecond})
	const writers = 8
	order := func(w, i int) table.Key { return table.Key{PK: fmt.Sprintf("O#%d-%d", w, i), SK: "O"} }
	line := func(w, i int) table.Key { return table.Key{PK: fmt.Sprintf("L#%d-%d", w, i), SK: "L"} }
	total := table.Key{PK: "T", SK: "T"}

	var mu sync.Mutex
	acknowledged := make([]int, writers) // the last acknowledged order of each writer
	promises := func() (orders []int, total int) {
		mu.Lock()
		defer mu.Unlock()
		for _, last := range acknowledged {
			total += last
		}
		return append(orders, acknowledged...), total
	}
	var stop bool
	var pause sync.RWMutex // held while the test reads what is left
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := 1; ; i++ {
				pause.RLock()
				stopped := stop
				pause.RUnlock()
				if stopped {
					return
				}
				sum := table.Update(total)
				sum.Add = map[string]int64{"orders": 1}
				item := table.Item{
					"text":           table.String(strings.Repeat("x", i%3000)),
					table.AttrIndex1: table.String(fmt.Sprint("C#", w)), table.AttrIndex2: table.String("D"), table.AttrSort: table.String(fmt.Sprint(w, "-", i)),
				}
				ops := []table.Op{table.Put(order(w, i), item, table.Absent()), table.Put(line(w, i), table.Item{}), sum}
				if i%3 == 0 {
					ops = append(ops, table.Delete(line(w, i-1), table.Present()))
				}
				if err := p.Write(ctx, ops...); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acknowledged[w] = i
				mu.Unlock()
			}
		})
	}

	each := func(b, i int) table.Key { return table.Key{PK: fmt.Sprintf("E#%d", b), SK: fmt.Sprint(i)} }
	const together = 2*atOnce + 1
	batches := 0 // acknowledged
	all.Go(func() {
		for b := 1; ; b++ {
			pause.RLock()
			stopped := stop
			pause.RUnlock()
			if stopped {
				return
			}
			ops := make([]table.Op, together)
			for i := range ops {
				ops[i] = table.Put(each(b, i), table.Item{}, table.Absent())
			}
			for _, err := range p.WriteEach(ctx, ops) {
				if err != nil {
					t.Error(err)
					return
				}
			}
			mu.Lock()
			batches = b
			mu.Unlock()
		}
	})

	rng := rand.New(rand.NewPCG(58, 0))
	const cuts = 12
	for cut := range cuts {
		_, before := promises()
		for more := 1 + rng.IntN(100); ; time.Sleep(time.Millisecond) {
			if _, now := promises(); now >= before+more || t.Failed() {
				break
			}
		}
		promised, _ := promises()
		mu.Lock()
		whole := batches
		mu.Unlock()
		crashed := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 100, 50, 10}[cut%4], RNG: rng})
		pause.Lock()

		again := open(t, "data", Options{FS: crashed, memTable: 128 << 10})
		items := audit(t, again)
		for b := range whole {
			for i := range together {
				if items[each(b+1, i)] == nil {
					t.Errorf("cut %d: %s was acknowledged and is lost", cut, each(b+1, i))
				}
			}
		}
		orders := int64(0)
		for w := range writers {
			last := 0
			for items[order(w, last+1)] != nil {
				last++
			}
			if last < promised[w] {
				t.Errorf("cut %d: writer %d was promised %d orders, %d are there", cut, w, promised[w], last)
			}
			orders += int64(last)
			for i := 1; i <= last; i++ {
				deleted := i%3 == 2 && i < last
				if (items[line(w, i)] == nil) != deleted {
					t.Errorf("cut %d: half of order %d of writer %d", cut, i, w)
				}
			}
			if items[line(w, last+1)] != nil {
				t.Errorf("cut %d: half of order %d of writer %d", cut, last+1, w)
			}
		}
		if got := items[total].Int("orders"); got != orders {
			t.Errorf("cut %d: %d orders counted, %d are there", cut, got, orders)
		}
		// Writing continues.
		_, last := again.Bounds()
		mustWrite(t, again, table.Put(table.Key{PK: "new", SK: "new"}, nil))
		if got := changes(t, again, last); len(got) != 1 || got[0].Seq != last+1 {
			t.Errorf("cut %d: after change %d comes %+v", cut, last, got)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
		stop = cut == cuts-1 || t.Failed()
		pause.Unlock()
		if t.Failed() {
			break
		}
	}
	all.Wait()
	audit(t, p)
}

// No power cut undoes a change that a reader of the log was given.
func TestChangesThatWereReadSurviveAPowerCut(t *testing.T) {
	mem := vfs.NewCrashableMem()
	p := open(t, "data", Options{FS: mem, memTable: 128 << 10})
	p.trim.every = 50
	var all sync.WaitGroup
	var pause sync.RWMutex // held after each cut, since writers that never wait for a disk leave no time to read
	for w := range 4 {
		all.Go(func() {
			for i := 0; ; i++ {
				pause.RLock()
				err := p.Write(ctx, table.Put(table.Key{PK: fmt.Sprint(w), SK: fmt.Sprint(i)}, nil))
				pause.RUnlock()
				if err != nil {
					if !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	rng := rand.New(rand.NewPCG(26, 0))
	seen := uint64(0)
	for cut := range 10 {
		for until := seen + 20 + rng.Uint64N(200); seen < until; {
			if err := p.Wait(ctx, seen); err != nil {
				t.Fatal(err)
			}
			some, err := p.Changes(ctx, seen, 25, nil)
			if err != nil || len(some) == 0 {
				t.Fatalf("%d changes, %v", len(some), err)
			}
			seen = some[len(some)-1].Seq
			if err := errors.Join(p.SetCheckpoint("ledger", seen), p.Trim(seen)); err != nil {
				t.Fatal(err)
			}
		}
		crashed := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		pause.Lock()
		again := open(t, "data", Options{FS: crashed})
		first, last := again.Bounds()
		checkpoint, err := again.Checkpoint("ledger")
		if err != nil || last < seen || checkpoint > seen || first > checkpoint+1 {
			t.Errorf("cut %d: read up to %d; log from %d to %d, checkpoint %d, %v", cut, seen, first, last, checkpoint, err)
		}
		if got := changes(t, again, checkpoint); uint64(len(got)) != last-checkpoint {
			t.Errorf("cut %d: %d changes from %d to %d", cut, len(got), checkpoint, last)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
		pause.Unlock()
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
}
