package local

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"cafe/handlers/importer"

	"github.com/aws/aws-lambda-go/events"
	"github.com/cenkalti/backoff/v5"
)

// Uploads imports uploads in the background, one at a time, as Lambda does when the bucket
// announces them. Each has up to Tries tries.
type Uploads struct {
	ctx       context.Context
	handle    func(context.Context, events.S3Event) error
	done      func(key string) error
	reachable func(context.Context) bool
	pauses    func() backoff.BackOff

	turn    chan struct{}
	running sync.WaitGroup

	mu  sync.Mutex
	has map[string]int // by key, how often it was added and is not done
}

// NewUploads returns one that works until the context ends. It calls done for each upload that
// was imported. Who keeps the files announces the others again at the next start. While
// reachable reports that the store takes no writes, failures count as no try.
func NewUploads(ctx context.Context, handle func(context.Context, events.S3Event) error, done func(key string) error, reachable func(context.Context) bool) *Uploads {
	return &Uploads{
		ctx: ctx, handle: handle, done: done, reachable: reachable, turn: make(chan struct{}, 1), has: map[string]int{},
		pauses: func() backoff.BackOff {
			b := backoff.NewExponentialBackOff()
			b.InitialInterval, b.MaxInterval = 200*time.Millisecond, time.Minute
			return b
		},
	}
}

// Add imports an upload in the background.
func (u *Uploads) Add(key string) {
	u.count(key, 1)
	u.running.Go(func() {
		defer u.count(key, -1)
		u.run(key)
	})
}

// Has reports whether an upload is being imported, or waits for it.
func (u *Uploads) Has(key string) bool { return u.count(key, 0) > 0 }

func (u *Uploads) count(key string, more int) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := u.has[key] + more
	if u.has[key] = n; n == 0 {
		delete(u.has, key)
	}
	return n
}

// Wait returns when the context has ended and all work is done.
func (u *Uploads) Wait() {
	<-u.ctx.Done()
	u.running.Wait()
}

func (u *Uploads) run(key string) {
	event, pauses := importer.Uploaded(key, time.Now()), u.pauses()
	for tries := 0; tries < Tries; {
		select {
		case <-u.ctx.Done():
			return
		case u.turn <- struct{}{}:
		}
		err := u.attempt(event)
		<-u.turn
		if err == nil {
			if err = u.done(key); err == nil {
				return
			}
		}
		if u.ctx.Err() != nil {
			return
		}
		slog.Error("upload could not be imported", "error", err.Error())
		if u.reachable(u.ctx) {
			tries++
		}
		if wait(u.ctx, pauses) != nil {
			return
		}
	}
	slog.Error("upload is left until it is sent again, or the café opens again", "tries", Tries)
}

// attempt calls the handler once.
func (u *Uploads) attempt(event events.S3Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("handler panicked: %T", p)
		}
	}()
	return u.handle(u.ctx, event)
}
