package records

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"cafe/internal/table"
)

// ErrOvertaken is what an attempt returns when somebody else changed what it had read:
// Retry then makes another attempt.
var ErrOvertaken = errors.New("changed by somebody else meanwhile")

// Attempts is how many attempts Retry makes, at most.
const Attempts = 11

// Retry makes attempts until one is not overtaken, and returns its error. Between two
// attempts it waits a moment: longer each time, and never in step with others. After
// Attempts it gives up with table.ErrConflict.
//
// An attempt reads, decides, and writes under the condition that what it read still holds.
func Retry(ctx context.Context, attempt func() error) error {
	err := again(ctx, pace{first: time.Millisecond, longest: 128 * time.Millisecond, tries: Attempts}, attempt, func(err error) bool {
		return errors.Is(err, ErrOvertaken)
	})
	if errors.Is(err, ErrOvertaken) {
		return table.ErrConflict
	}
	return err
}

// Write carries out the operations, all or none. When another write to the same items is
// under way, it tries again a few times, with pauses that an API call can afford. Errors
// are those of table.Table.Write.
func Write(ctx context.Context, t table.Table, ops ...table.Op) error {
	return again(ctx, pace{first: 10 * time.Millisecond, longest: 300 * time.Millisecond, tries: 8},
		func() error { return t.Write(ctx, ops...) },
		func(err error) bool { return errors.Is(err, table.ErrConflict) })
}

// Patiently calls again while the store is busy or away, for up to half a minute. It is for
// work in the background, which has the time.
func Patiently(ctx context.Context, call func() error) error {
	return again(ctx, pace{first: 20 * time.Millisecond, longest: 2 * time.Second, lasting: 30 * time.Second}, call, func(err error) bool {
		return errors.Is(err, table.ErrThrottled) || errors.Is(err, table.ErrUnavailable) || errors.Is(err, table.ErrConflict)
	})
}

// pace says how long to wait between tries, and when to stop.
type pace struct {
	first, longest time.Duration // pauses grow from the first to the longest
	tries          int           // at most; 0: any number
	lasting        time.Duration // in all; 0: as long as tries last
}

// again is the one loop of tries. It returns the error of the last try, or the context's.
func again(ctx context.Context, p pace, try func() error, worthIt func(error) bool) error {
	var pauses *backoff.ExponentialBackOff
	var began time.Time
	for n := 1; ; n++ {
		err := try()
		if err == nil || !worthIt(err) || n == p.tries {
			return err
		}
		if pauses == nil {
			pauses, began = backoff.NewExponentialBackOff(), time.Now()
			pauses.InitialInterval, pauses.MaxInterval, pauses.Multiplier = p.first, p.longest, 2
			pauses.Reset()
		}
		pause := pauses.NextBackOff()
		if p.lasting > 0 && time.Since(began)+pause > p.lasting {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// IsUnreachable reports whether the error is about reaching the store, and not about what
// was asked of it: the same again may succeed.
func IsUnreachable(err error) bool {
	return errors.Is(err, table.ErrThrottled) || errors.Is(err, table.ErrUnavailable) || errors.Is(err, table.ErrConflict) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
