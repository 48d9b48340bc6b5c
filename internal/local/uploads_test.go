package local

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-lambda-go/events"
)

// bucket records what the handler is told and what is done.
type bucket struct {
	mu         sync.Mutex
	told, done []string
	under      int
}

func (b *bucket) handler(t *testing.T, answer func(n int) error) func(context.Context, events.S3Event) error {
	return func(_ context.Context, e events.S3Event) error {
		b.mu.Lock()
		b.told = append(b.told, e.Records[0].S3.Object.Key)
		n := len(b.told)
		if b.under++; b.under > 1 {
			t.Error("two uploads are imported at once")
		}
		b.mu.Unlock()
		defer func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.under--
		}()
		return answer(n)
	}
}

func (b *bucket) finish(key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = append(b.done, key)
	return nil
}

func always(context.Context) bool { return true }

func TestEachUploadIsImportedUntilItIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bucket
		ctx, cancel := context.WithCancel(t.Context())
		u := NewUploads(ctx, b.handler(t, func(n int) error {
			switch n {
			case 1:
				return errors.New("the store is away")
			case 2:
				panic("a bug")
			}
			return nil
		}), b.finish, always)
		u.Add("imports/a b")
		u.Add("imports/c")
		u.Add("imports/c")
		synctest.Wait()
		u.running.Wait()
		slices.Sort(b.done)
		if len(b.told) != 5 || !slices.Equal(b.done, []string{"imports/a b", "imports/c", "imports/c"}) || !slices.Contains(b.told, "imports%2Fa+b") {
			t.Errorf("told %q, done %q", b.told, b.done)
		}
		cancel()
		u.Wait()
	})
}

func TestAnUploadThatFailsHasItsTriesAndWaitsForTheNextStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bucket
		away := 10 // times the store is asked whether it is there
		u := NewUploads(t.Context(), b.handler(t, func(int) error { return errors.New("no") }), b.finish,
			func(context.Context) bool { away--; return away < 0 })
		u.Add("imports/a")
		u.running.Wait()
		if len(b.told) != 10+Tries || len(b.done) != 0 {
			t.Errorf("told %d times, done %q", len(b.told), b.done)
		}
	})
}

func TestUploadsEndWithTheCafe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bucket
		ctx, cancel := context.WithCancel(t.Context())
		u := NewUploads(ctx, b.handler(t, func(int) error {
			<-ctx.Done()
			return ctx.Err()
		}), b.finish, always)
		u.Add("imports/a")
		u.Add("imports/b")
		synctest.Wait()
		cancel()
		u.Wait()
		if len(b.told) != 1 || len(b.done) != 0 {
			t.Errorf("told %q, done %q", b.told, b.done)
		}
	})
}
