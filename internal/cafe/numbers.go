package cafe

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

const (
	// numberBlock is how many numbers of a day a process takes at a time. What is left of
	// its last block is lost when it ends.
	numberBlock = 20
	// largestBlock is how many it takes when blocks are used up within busyBlock: then the
	// one write, for which all who place an order wait, must not come too often.
	largestBlock = 640
	busyBlock    = time.Second
	// numbersLife is how long the last number of a day is kept.
	numbersLife = 7 * 24 * time.Hour
)

// numbers hands out the numbers of orders: each once in a business day. A process takes them
// by blocks, with one write and no read. So one process alone hands them out in sequence, and
// several come to the same day's numbers by turns.
type numbers struct {
	turn chan struct{} // holds the one who takes a block; waiting for it ends with the context

	mu       sync.Mutex
	day      model.Day
	next     int64   // what is handed out next
	last     int64   // of the block
	known    int64   // the day's last number that any process took, as far as this one knows
	returned []int64 // that no order got, highest first
	size     int64   // of the block
	taken    time.Time
}

// take returns a number of the day that no other order gets.
func (n *numbers) take(ctx context.Context, t table.Table, now records.Clock, day model.Day) (int64, error) {
	if number := n.fromBlock(day); number > 0 {
		return number, nil
	}
	select {
	case n.turn <- struct{}{}:
		defer func() { <-n.turn }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	for {
		if number := n.fromBlock(day); number > 0 {
			return number, nil
		}
		if err := n.takeBlock(ctx, t, now, day); err != nil {
			return 0, err
		}
	}
}

// fromBlock returns a number of the day from the block, or 0 when there is none.
func (n *numbers) fromBlock(day model.Day) (number int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch last := len(n.returned) - 1; {
	case n.day != day:
	case last >= 0:
		number, n.returned = n.returned[last], n.returned[:last]
	case n.next <= n.last:
		number, n.next = n.next, n.next+1
	}
	return number
}

// giveBack takes back a number that no order got for certain.
func (n *numbers) giveBack(day model.Day, number int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.day == day {
		at, _ := slices.BinarySearchFunc(n.returned, number, func(a, b int64) int { return int(b - a) })
		n.returned = slices.Insert(n.returned, at, number)
	}
}

// takeBlock takes a block of the day's numbers. The caller has the turn.
func (n *numbers) takeBlock(ctx context.Context, t table.Table, now records.Clock, day model.Day) error {
	at := now()
	n.mu.Lock()
	known, size := int64(0), int64(numberBlock)
	if n.day == day {
		known = n.known
		if at.Sub(n.taken) < busyBlock {
			size = min(2*n.size, largestBlock)
		}
	}
	n.mu.Unlock()
	err := records.Retry(ctx, func() error {
		op := table.Update(records.NumberKey(day), table.Equal("last", table.Int(known)))
		if known == 0 {
			op.If = []table.Condition{table.Missing("last")}
		}
		op.Set = table.Item{"last": table.Int(known + size), records.AttrExpires: records.Expires(at.Add(numbersLife))}
		err := records.Write(ctx, t, op)
		if item, refused := table.Failed(err, 0); refused {
			known = item.Int("last")
			return records.ErrOvertaken
		}
		return err
	})
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.day, n.next, n.last, n.known = day, known+1, known+size, known+size
	n.returned, n.size, n.taken = nil, size, at
	return nil
}

// maybeStored reports whether a write may have been stored although it has this error.
func maybeStored(err error) bool {
	return errors.Is(err, table.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
