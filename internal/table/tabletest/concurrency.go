package tabletest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"cafe/internal/table"
)

// together calls work n times at the same time and waits for all calls.
func together(n int, work func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			work(i)
		})
	}
	close(start)
	all.Wait()
}

func testConcurrency(t *testing.T, s *suite) {
	t.Run("increments add up", func(t *testing.T) {
		k := s.key()
		together(8, func(int) {
			for range 10 {
				if err := s.try(update(k, nil, map[string]int64{"n": 3}, nil)); err != nil {
					t.Error(err)
				}
			}
		})
		s.want(t, k, table.Item{"n": table.Int(240)})
	})
	t.Run("one of many puts of an absent item wins, and the others are shown it", func(t *testing.T) {
		for range 5 {
			k := s.key()
			var winner atomic.Int64
			refusals := make([]table.Item, 12)
			together(len(refusals), func(i int) {
				err := s.try(table.Put(k, table.Item{"by": table.Int(int64(i))}, table.Absent()))
				shown, refused := table.Failed(err, 0)
				switch {
				case err == nil:
					if !winner.CompareAndSwap(0, int64(i)+1) {
						t.Error("a second winner")
					}
				case refused:
					refusals[i] = shown
				default:
					t.Error(err)
				}
			})
			first := table.Item{"by": table.Int(winner.Load() - 1)}
			s.want(t, k, first)
			for i, shown := range refusals {
				if int64(i) != winner.Load()-1 && !same(shown, first) {
					t.Errorf("put %d was shown %s, not the winner's", i, show(shown))
				}
			}
		}
	})
	t.Run("each unit of a stock is taken once", func(t *testing.T) {
		shelf := s.key()
		s.write(t, table.Put(shelf, table.Item{"on_hand": table.Int(3)}))
		var sold atomic.Int64
		together(12, func(i int) {
			order := s.key()
			err := s.try(
				table.Put(order, table.Item{"buyer": table.Int(int64(i))}, table.Absent()),
				update(shelf, nil, map[string]int64{"on_hand": -1}, nil, table.AtLeast("on_hand", 1)))
			_, refused := table.Failed(err, 1)
			switch {
			case err == nil:
				sold.Add(1)
				s.want(t, order, table.Item{"buyer": table.Int(int64(i))})
			case refused:
				s.want(t, order, nil)
			default:
				t.Error(err)
			}
		})
		if sold.Load() != 3 {
			t.Errorf("sold %d of 3", sold.Load())
		}
		s.want(t, shelf, table.Item{"on_hand": table.Int(0)})
	})
	t.Run("moves between items keep the sum", func(t *testing.T) {
		const accounts, each = 4, 50
		p := s.partition()
		key := func(i int) table.Key { return table.Key{PK: p, SK: fmt.Sprint(i % accounts)} }
		for i := range accounts {
			s.write(t, table.Put(key(i), table.Item{"n": table.Int(each)}))
		}
		together(6, func(w int) {
			for i := range 10 {
				amount := int64(1 + (w*7+i*3)%20)
				err := s.try(
					update(key(w+i), nil, map[string]int64{"n": -amount}, nil, table.AtLeast("n", amount)),
					update(key(w+i+1), nil, map[string]int64{"n": amount}, nil, table.Present()))
				if _, short := table.Failed(err, 0); err != nil && !short {
					t.Error(err)
				}
			}
		})
		sum := int64(0)
		for i := range accounts {
			n := s.item(t, key(i)).Int("n")
			if n < 0 {
				t.Errorf("account %d is %d", i, n)
			}
			sum += n
		}
		if sum != accounts*each {
			t.Errorf("sum is %d, want %d", sum, accounts*each)
		}
	})
	t.Run("writers that check a version never overwrite each other", func(t *testing.T) {
		k := s.key()
		s.write(t, table.Put(k, table.Item{"version": table.Int(0), "log": table.List()}))
		const writers, rounds = 4, 5
		together(writers, func(w int) {
			for done := 0; done < rounds; {
				item := s.item(t, k)
				log, _ := item["log"].List()
				version := item.Int("version")
				err := s.try(table.Put(k, table.Item{
					"version": table.Int(version + 1),
					"log":     table.List(append(append([]table.Value{}, log...), table.Int(int64(w)))...),
				}, table.Equal("version", table.Int(version))))
				switch _, stale := table.Failed(err, 0); {
				case err == nil:
					done++
				case !stale:
					t.Error(err)
					return
				}
			}
		})
		item := s.item(t, k)
		log, _ := item["log"].List()
		if item.Int("version") != writers*rounds || len(log) != writers*rounds {
			t.Errorf("version %d, %d entries, want %d", item.Int("version"), len(log), writers*rounds)
		}
	})
	t.Run("a read never sees a part of a write", func(t *testing.T) {
		k, other := s.key(), s.key()
		s.write(t, table.Put(k, table.Item{"a": table.Int(0), "b": table.Int(0)}))
		together(3, func(w int) {
			for i := range 20 {
				if w == 0 {
					n := table.Int(int64(i))
					if err := s.try(table.Put(k, table.Item{"a": n, "b": n}), table.Put(other, table.Item{"a": n})); err != nil {
						t.Error(err)
					}
				} else if item := s.item(t, k); item.Int("a") != item.Int("b") {
					t.Errorf("read a part of a write: %s", show(item))
				}
			}
		})
	})
}

func testContexts(t *testing.T, s *suite) {
	k := s.key()
	s.write(t, table.Put(k, table.Item{"n": table.Int(1)}))
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for name, call := range map[string]func() error{
		"get":   func() error { _, err := s.Get(ended, k, true); return err },
		"query": func() error { _, err := s.Query(ended, table.Query{Partition: k.PK}); return err },
		"scan":  func() error { _, err := s.Scan(ended, table.Scan{}); return err },
		"write": func() error { return s.Write(ended, table.Put(k, table.Item{"n": table.Int(2)})) },
		"write of several operations": func() error {
			return s.Write(ended, table.Put(k, table.Item{"n": table.Int(2)}), table.Put(s.key(), table.Item{}))
		},
	} {
		t.Run("a "+name+" with an ended context returns its error", func(t *testing.T) {
			if err := again(call); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("nothing was written", func(t *testing.T) { s.want(t, k, table.Item{"n": table.Int(1)}) })
}
