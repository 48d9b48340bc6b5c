package pebble

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cafe/internal/table"
)

// changes returns all changes after a number. It reads them in pages of several sizes.
func changes(t testing.TB, p *Table, after uint64) []Change {
	t.Helper()
	var all []Change
	for page := 1; ; page = page*2 + 1 {
		some, err := p.Changes(ctx, after, page, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) > page {
			t.Fatalf("asked for %d changes, got %d", page, len(some))
		}
		if len(some) == 0 {
			return all
		}
		all = append(all, some...)
		after = some[len(some)-1].Seq
	}
}

// audit reads the whole store and checks that its parts agree. The changes of the log must
// lead to exactly the items in the store. Every old image must be what the change before it
// left. Numbers must have no gap. The indexes must have exactly the entries of the items.
// The log must not have been trimmed.
func audit(t testing.TB, p *Table) map[table.Key]table.Item {
	t.Helper()
	replayed := map[table.Key]table.Item{}
	seq := uint64(0)
	for _, c := range changes(t, p, 0) {
		if seq++; c.Seq != seq {
			t.Fatalf("change %d follows %d", c.Seq, seq-1)
		}
		before, was := replayed[c.Key]
		if was != (c.Old != nil) || !before.Equal(c.Old) {
			t.Fatalf("change %d of %s: old image %v, but it was %v", c.Seq, c.Key, c.Old, before)
		}
		if same(c.Old, c.New) {
			t.Fatalf("change %d of %s changes nothing", c.Seq, c.Key)
		}
		if replayed[c.Key] = c.New; c.New == nil {
			delete(replayed, c.Key)
		}
	}
	if _, last := p.Bounds(); last != seq {
		t.Fatalf("the log ends at %d, its bounds say %d", seq, last)
	}

	items := map[table.Key]table.Item{}
	entries := map[string]bool{}
	for after := ""; ; {
		page, err := p.Scan(ctx, table.Scan{After: after})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Rows {
			items[r.Key] = r.Item
			for _, index := range indexes {
				if key, in := appendIndexKey(nil, index.kind, index.attr, r.Key, r.Item); in {
					entries[string(key)] = true
				}
			}
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if !maps.EqualFunc(items, replayed, same) {
		t.Fatalf("%d items, the log makes %d of them, or others", len(items), len(replayed))
	}
	stored := map[string]bool{}
	for _, index := range indexes {
		it, err := p.db.NewIter(&lsm.IterOptions{LowerBound: []byte{index.kind}, UpperBound: []byte{index.kind + 1}})
		if err != nil {
			t.Fatal(err)
		}
		for ok := it.First(); ok; ok = it.Next() {
			stored[string(it.Key())] = true
		}
		if err := it.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !maps.Equal(stored, entries) {
		t.Fatalf("%d index entries, the items ask for %d, or others", len(stored), len(entries))
	}
	return items
}

func TestEveryWriteLogsWhatItChanged(t *testing.T) {
	at := time.Date(2017, 3, 18, 9, 58, 11, 123456000, time.UTC)
	p := open(t, "data", Options{FS: vfs.NewMem(), Now: func() time.Time { return at.In(time.FixedZone("", 3600)) }})
	one, two := table.Item{"n": table.Int(1), "kept": table.String("k"), "gone": table.List(table.Int(1))}, table.Item{"n": table.Int(2), "kept": table.String("k"), "new": table.Map(nil)}

	update := table.Update(latte)
	update.Set, update.Add, update.Remove = table.Item{"new": table.Map(table.Item{})}, map[string]int64{"n": 1}, []string{"gone"}
	mustWrite(t, p, table.Put(latte, one))
	mustWrite(t, p, update)
	mustWrite(t, p, table.Put(latte, one), table.Put(brownie, table.Item{}))
	mustWrite(t, p, table.Delete(latte))

	want := []Change{
		{Seq: 1, Key: latte, New: one},
		{Seq: 2, Key: latte, Old: one, New: two},
		{Seq: 3, Key: latte, Old: two, New: one},
		{Seq: 4, Key: brownie, New: table.Item{}},
		{Seq: 5, Key: latte, Old: one},
	}
	got := changes(t, p, 0)
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i, c := range got {
		if w := want[i]; c.Seq != w.Seq || c.Key != w.Key || !same(c.Old, w.Old) || !same(c.New, w.New) || c.Time != at {
			t.Errorf("got %+v, want %+v at %v", c, w, at)
		}
	}
	audit(t, p)
}

func TestAWriteThatChangesNothingLogsNothing(t *testing.T) {
	p := open(t, "data", Options{FS: vfs.NewMem()})
	item := table.Item{"n": table.Int(1), "list": table.List(table.Bool(false))}
	mustWrite(t, p, table.Put(latte, item))

	sameAgain := table.Update(latte)
	sameAgain.Set, sameAgain.Add, sameAgain.Remove = table.Item{"list": table.List(table.Bool(false))}, map[string]int64{"n": 0}, []string{"x"}
	mustWrite(t, p, table.Put(latte, item))
	mustWrite(t, p, sameAgain)
	mustWrite(t, p, table.Delete(brownie))
	mustWrite(t, p, table.Check(latte, table.Present()))
	for _, refused := range []table.Op{table.Put(latte, nil, table.Absent()), table.Delete(latte, table.Absent())} {
		if err := p.Write(ctx, refused, table.Put(brownie, nil)); err == nil {
			t.Error("not refused")
		}
	}
	mustWrite(t, p, table.Put(latte, item), table.Put(brownie, nil), table.Delete(table.Key{PK: "x", SK: "x"}))
	if got := changes(t, p, 0); len(got) != 2 || got[1].Seq != 2 || got[1].Key != brownie {
		t.Errorf("got %+v", got)
	}
	audit(t, p)
}

func TestChangesComeInPagesOfAFewMegabytes(t *testing.T) {
	p := open(t, "data", Options{FS: vfs.NewMem()})
	text := table.String(strings.Repeat("x", 390<<10))
	for i := range 30 {
		mustWrite(t, p, table.Put(table.Key{PK: "P", SK: fmt.Sprint(i)}, table.Item{"text": text}))
	}
	got, err := p.Changes(ctx, 0, 1000, nil)
	if err != nil || len(got) < 5 || len(got) > 15 {
		t.Errorf("got %d of 12 MB, %v", len(got), err)
	}
	if all := changes(t, p, 0); len(all) != 30 {
		t.Errorf("got %d in all", len(all))
	}
}

func TestChangesAfterTheLastAreNone(t *testing.T) {
	p := open(t, "data", Options{FS: vfs.NewMem()})
	for _, after := range []uint64{0, 1, 1 << 40} {
		if got, err := p.Changes(ctx, after, 10, nil); len(got) != 0 || err != nil {
			t.Errorf("after %d: %v, %v", after, got, err)
		}
	}
}

func TestWaitEndsWithTheNextChange(t *testing.T) {
	p := open(t, "data", Options{FS: vfs.NewMem()})
	for n := range uint64(20) {
		waited := make(chan error, 3)
		for range cap(waited) {
			go func() { waited <- p.Wait(ctx, n) }()
		}
		select {
		case err := <-waited:
			t.Fatalf("returned before there was a change: %v", err)
		case <-time.After(time.Millisecond):
		}
		mustWrite(t, p, table.Put(table.Key{PK: "P", SK: fmt.Sprint(n)}, nil))
		within(t, 5*time.Second, "wait", func() {
			for range cap(waited) {
				if err := <-waited; err != nil {
					t.Error(err)
				}
			}
		})
		if err := p.Wait(ctx, n); err != nil {
			t.Error(err)
		}
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	p := open(t, "data", Options{FS: vfs.NewMem()})
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := p.Wait(ended, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWaitEndsWhenTheTableCloses(t *testing.T) {
	p := open(t, "data", Options{FS: vfs.NewMem()})
	waited := make(chan error)
	go func() { waited <- p.Wait(ctx, 0) }()
	time.Sleep(time.Millisecond)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := <-waited; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestTrimRemovesOnlyWhatItWasAsked(t *testing.T) {
	p := open(t, "data", Options{FS: vfs.NewMem()})
	p.trim.every = 3
	for i := range 10 {
		mustWrite(t, p, table.Put(table.Key{PK: "P", SK: fmt.Sprint(i)}, nil))
	}
	for _, step := range []struct{ through, first uint64 }{{0, 1}, {2, 1}, {3, 4}, {2, 4}, {5, 4}, {7, 8}, {7, 8}} {
		if err := p.Trim(step.through); err != nil {
			t.Fatal(err)
		}
		if first, last := p.Bounds(); first != step.first || last != 10 {
			t.Errorf("trimmed through %d: log from %d to %d, want from %d", step.through, first, last, step.first)
		}
	}
	if got := changes(t, p, 7); len(got) != 3 || got[0].Seq != 8 {
		t.Errorf("got %+v", got)
	}
	for _, after := range []uint64{0, 6} {
		if _, err := p.Changes(ctx, after, 10, nil); !errors.Is(err, ErrTrimmed) {
			t.Errorf("after %d: %v", after, err)
		}
	}
	if n := countKeys(t, p, kindChange); n != 3 {
		t.Errorf("%d changes are kept", n)
	}
}

func countKeys(t *testing.T, p *Table, space byte) (n int) {
	it, err := p.db.NewIter(&lsm.IterOptions{LowerBound: []byte{space}, UpperBound: []byte{space + 1}})
	if err != nil {
		t.Fatal(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		n++
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNumbersContinueAfterTrimmingTheWholeLog(t *testing.T) {
	mem := vfs.NewCrashableMem()
	for round := range uint64(3) {
		p := open(t, "data", Options{FS: mem})
		if first, last := p.Bounds(); first != round*5+1 || last != round*5 {
			t.Errorf("round %d: log from %d to %d", round, first, last)
		}
		for i := range 5 {
			mustWrite(t, p, table.Put(table.Key{PK: fmt.Sprint(round), SK: fmt.Sprint(i)}, nil))
		}
		if got := changes(t, p, round*5); len(got) != 5 || got[0].Seq != round*5+1 {
			t.Errorf("round %d: %+v", round, got)
		}
		if err := p.Trim(1 << 60); err != nil { // more than there is
			t.Error(err)
		}
		if err := p.Close(); err != nil { // drops the rest
			t.Fatal(err)
		}
		mem = mem.CrashClone(vfs.CrashCloneCfg{})
	}
}

func TestAPowerCutDuringATrimLeavesNoGap(t *testing.T) {
	mem := vfs.NewCrashableMem()
	p := open(t, "data", Options{FS: mem})
	p.trim.every = 1
	for i := range 10 {
		mustWrite(t, p, table.Put(table.Key{PK: "P", SK: fmt.Sprint(i)}, nil))
	}
	if err := p.Trim(5); err != nil {
		t.Fatal(err)
	}
	if err := p.SetCheckpoint("ledger", 5); err != nil {
		t.Fatal(err)
	}
	again := open(t, "data", Options{FS: mem.CrashClone(vfs.CrashCloneCfg{})})
	seq, err := again.Checkpoint("ledger")
	if err != nil || seq > 5 {
		t.Errorf("checkpoint %d, %v", seq, err)
	}
	first, last := again.Bounds()
	if first > seq+1 || last != 10 {
		t.Errorf("log from %d to %d", first, last)
	}
	if got := changes(t, again, seq); uint64(len(got)) != 10-seq {
		t.Errorf("%d changes after %d", len(got), seq)
	}
}

func TestCheckpointsAreSeparateFromItems(t *testing.T) {
	p := open(t, "data", Options{FS: vfs.NewMem()})
	for name, seq := range map[string]uint64{"ledger": 5, "notifier": 1 << 50, "": 7} {
		if got, err := p.Checkpoint(name); got != 0 || err != nil {
			t.Errorf("%q before: %d, %v", name, got, err)
		}
		for _, set := range []uint64{seq + 1, seq} { // back, too
			if err := p.SetCheckpoint(name, set); err != nil {
				t.Fatal(err)
			}
			if got, err := p.Checkpoint(name); got != set || err != nil {
				t.Errorf("%q: %d, %v, want %d", name, got, err, set)
			}
		}
	}
	if items := audit(t, p); len(items) != 0 {
		t.Errorf("items: %v", items)
	}
}

func TestUnwantedChangesHaveOnlyANumber(t *testing.T) {
	p, err := Open("store", Options{FS: vfs.NewMem(), Logs: func(pk string) bool { return pk != "unlogged" }})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ctx := t.Context()
	for _, pk := range []string{"a", "unlogged", "b", "a"} {
		op := table.Update(table.Key{PK: pk, SK: "1"})
		op.Add = map[string]int64{"n": 1}
		if err := p.Write(ctx, op); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		wanted func(string) bool
		pks    string
	}{
		"all":    {nil, "a--b-a"},
		"a only": {func(pk string) bool { return pk == "a" }, "a---a"},
		"none":   {func(string) bool { return false }, "---"},
	} {
		changes, err := p.Changes(ctx, 0, 10, c.wanted)
		if err != nil || len(changes) != 4 {
			t.Fatalf("%s: %d changes, %v", name, len(changes), err)
		}
		var pks []string
		for i, change := range changes {
			if change.Seq != uint64(i+1) {
				t.Errorf("%s: change %d has number %d", name, i, change.Seq)
			}
			if (change.Key.PK == "") != (change.New == nil && change.Time.IsZero()) {
				t.Errorf("%s: change %d is %+v", name, i, change)
			}
			pks = append(pks, change.Key.PK)
		}
		if got := strings.Join(pks, "-"); got != c.pks {
			t.Errorf("%s: partitions %q, want %q", name, got, c.pks)
		}
	}
}
