package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"cafe/handlers/stream"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/pebble"
)

// batchSize is how many records a consumer gets at once, at most.
const batchSize = 500

// gathering is the least time from one batch to the next, unless a whole batch is there. So
// under load a batch has hundreds of records for one wait for the disk. A record that comes
// after a quiet moment is delivered at once.
const gathering = 25 * time.Millisecond

// Pump gives the embedded store's changes to consumers. Each has its own pace and its own
// durable checkpoint, which moves after the batch. What all consumers had is trimmed from the
// store's log.
type Pump struct {
	store     *pebble.Table
	consumers []Consumer
	delivery  delivery

	mu   sync.Mutex
	done map[string]uint64 // checkpoint by consumer
}

// NewPump returns a pump that puts dead letters into the box.
func NewPump(store *pebble.Table, box stream.Box, reachable func(context.Context) bool, consumers ...Consumer) (*Pump, error) {
	p := &Pump{store: store, consumers: consumers, delivery: newDelivery(box, reachable), done: map[string]uint64{}}
	for _, c := range consumers {
		checkpoint, err := store.Checkpoint(c.Name)
		if err != nil {
			return nil, fmt.Errorf("checkpoint of %s: %w", c.Name, err)
		}
		p.done[c.Name] = checkpoint
	}
	return p, nil
}

// Run pumps until the context ends.
func (p *Pump) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, c := range p.consumers {
		running.Go(func() { p.run(ctx, c) })
	}
	running.Wait()
}

func (p *Pump) run(ctx context.Context, c Consumer) {
	for ctx.Err() == nil {
		next := time.After(gathering)
		whole, err := p.step(ctx, c)
		if errors.Is(err, pebble.ErrClosed) {
			return
		}
		if whole || ctx.Err() != nil {
			continue
		}
		if err != nil {
			slog.Error("change pump", "consumer", c.Name, "error", err.Error())
			next = time.After(time.Second)
		}
		select {
		case <-ctx.Done():
		case <-next:
		}
	}
}

// step waits for changes and delivers one batch. It reports whether the batch was whole: then
// there may be more.
func (p *Pump) step(ctx context.Context, c Consumer) (whole bool, err error) {
	p.mu.Lock()
	after := p.done[c.Name]
	p.mu.Unlock()
	if err := p.store.Wait(ctx, after); err != nil {
		return false, err
	}
	changes, err := p.store.Changes(ctx, after, batchSize, c.Wants)
	if errors.Is(err, pebble.ErrTrimmed) {
		// A consumer that is new, or was left out for a while.
		slog.Error("changes are gone before they were read: reconcile the totals (cafe reconcile)", "consumer", c.Name)
		first, _ := p.store.Bounds()
		return true, p.checkpoint(c.Name, first-1)
	}
	if err != nil {
		return false, err
	}
	batch := make([]events.DynamoDBEventRecord, 0, len(changes))
	for _, change := range changes {
		after = change.Seq
		if change.Key != (table.Key{}) {
			told := records.Change{Key: change.Key, Old: change.Old, New: change.New, Time: change.Time}
			batch = append(batch, stream.Record(told, fmt.Sprintf("%021d", change.Seq)))
		}
	}
	if err := p.delivery.deliver(ctx, c, batch); err != nil {
		return false, err
	}
	return len(changes) >= batchSize, p.checkpoint(c.Name, after)
}

func (p *Pump) checkpoint(name string, seq uint64) error {
	if err := p.store.SetCheckpoint(name, seq); err != nil {
		return fmt.Errorf("checkpoint of %s: %w", name, err)
	}
	p.mu.Lock()
	p.done[name] = seq
	least := seq
	for _, s := range p.done {
		least = min(least, s)
	}
	p.mu.Unlock()
	return p.store.Trim(least)
}

// Lag returns how many changes the slowest consumer has still to get.
func (p *Pump) Lag() uint64 {
	_, last := p.store.Bounds()
	p.mu.Lock()
	defer p.mu.Unlock()
	lag := uint64(0)
	for _, s := range p.done {
		lag = max(lag, last-s)
	}
	return lag
}
