package post

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"cafe/internal/webhooks"
	"cafe/model"
)

// Runner delivers to all endpoints in one process, each in a lane of its own. Make it with
// NewRunner.
type Runner struct {
	deliverer *webhooks.Deliverer

	ctx     context.Context
	running sync.WaitGroup

	mu    sync.Mutex
	lanes map[string]chan struct{} // each has room for one wake-up
	ended bool
}

// NewRunner returns a runner that works until the context ends.
func NewRunner(ctx context.Context, d *webhooks.Deliverer) *Runner {
	return &Runner{deliverer: d, ctx: ctx, lanes: map[string]chan struct{}{}}
}

// troubled is how long a lane rests when the store was away.
const troubled = time.Second

// Wake implements stream.Waker. It wakes at once, whatever the delay.
func (r *Runner) Wake(_ context.Context, endpoint string, _ time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	wake, there := r.lanes[endpoint]
	if !there && !r.ended {
		wake = make(chan struct{}, 1)
		r.lanes[endpoint] = wake
		r.running.Go(func() { r.lane(endpoint, wake) })
	}
	select {
	case wake <- struct{}{}:
	default:
	}
	return nil
}

// Run wakes all endpoints, and returns when the context has ended and all lanes have.
func (r *Runner) Run() {
	for {
		endpoints, err := r.deliverer.Hooks.List(r.ctx)
		for _, e := range endpoints {
			_ = r.Wake(r.ctx, e.ID, 0) // it never fails
		}
		if err == nil || !r.rest(troubled, nil) {
			break
		}
		slog.Error("endpoints of webhooks cannot be read", "error", err.Error())
	}
	<-r.ctx.Done()
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	r.running.Wait()
}

// lane delivers to one endpoint until it is deleted.
func (r *Runner) lane(endpoint string, wake chan struct{}) {
	for r.ctx.Err() == nil {
		next, err := r.deliverer.Deliver(r.ctx, endpoint)
		if errors.Is(err, model.ErrNotFound) {
			r.mu.Lock()
			delete(r.lanes, endpoint)
			r.mu.Unlock()
			return
		}
		switch {
		case r.ctx.Err() != nil:
		case err != nil:
			slog.Error("webhooks could not be delivered", "endpoint", endpoint, "error", err.Error())
			r.rest(troubled, nil)
		case next.IsZero():
			r.rest(0, wake)
		default:
			r.rest(max(time.Millisecond, time.Until(next)), wake)
		}
	}
}

// rest waits for so long, or until it is woken. With 0 and a channel that is for ever. It
// reports whether the context is still open.
func (r *Runner) rest(pause time.Duration, wake chan struct{}) bool {
	var timer <-chan time.Time
	if pause > 0 || wake == nil {
		timer = time.After(pause)
	}
	select {
	case <-r.ctx.Done():
		return false
	case <-timer:
	case <-wake:
	}
	return true
}
