package local

import (
	"context"
	"log/slog"
	"time"

	"cafe/handlers/reporter"
	"cafe/internal/house"
	"cafe/internal/outbox"
	"cafe/model"
)

// Reports makes the daily report whenever it is due, until the context ends. It plays the
// schedule and the state machine (statemachine/report.asl.json): the same steps, with as many
// tries, and a message to the owner when all failed. A report that fell due while the process
// was off is made at once, the last one only.
func Reports(ctx context.Context, h *house.House, notifier outbox.Notifier) {
	schedule{h, reporter.Handle(h.Reports, h.Ledger, h.LastDue), notifier, time.Now, 20 * time.Second, []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute}, 5 * time.Minute}.run(ctx)
}

// rounds is how often a report is made anew, at most, while orders are on their way.
const rounds = 4

type schedule struct {
	house    *house.House
	step     func(context.Context, reporter.Step) (reporter.Step, error)
	notifier outbox.Notifier
	now      func() time.Time
	glance   time.Duration   // how often the clock on the wall is read: it may be set, or the machine may sleep
	pauses   []time.Duration // between tries of a step
	settle   time.Duration   // before a report is made anew of which orders were on their way
}

func (s schedule) run(ctx context.Context) {
	done, err := s.done(ctx)
	for n := 0; err != nil && sleep(ctx, s.pauses[min(n, len(s.pauses)-1)]); n++ {
		slog.Error("cannot read whether a report is outstanding", "error", err.Error())
		done, err = s.done(ctx)
	}
	for ctx.Err() == nil {
		if day := s.house.LastDue(s.now()); day > done {
			s.make(ctx, day)
			done = day
		}
		next := s.house.ReportDue(done.AddDays(1)).Sub(s.now())
		sleep(ctx, min(max(next, time.Millisecond), s.glance))
	}
}

// done returns the last day whose report is made and sent.
func (s schedule) done(ctx context.Context) (model.Day, error) {
	day, outstanding, err := s.house.Reports.Outstanding(ctx)
	if outstanding {
		day = day.AddDays(-1)
	}
	return day, err
}

// make takes the steps in turn. When orders were on their way, it takes the last two again a
// little later. When a step fails for good, it tells the owner.
func (s schedule) make(ctx context.Context, day model.Day) {
	at := reporter.Step{Day: day}
	steps := []string{reporter.StepExtract, reporter.StepAnalyse, reporter.StepPublish}
	for n := 0; n < len(steps); n++ {
		var err error
		at.Name = steps[n]
		if at, err = s.try(ctx, at); err == nil {
			if at.Waits && len(steps) < 3+2*rounds {
				if !sleep(ctx, s.settle) {
					return
				}
				steps = append(steps, steps[1:3]...)
			}
			continue
		}
		if ctx.Err() != nil {
			return // the next process finds it outstanding
		}
		slog.Error("the daily report could not be made", "day", day, "step", at.Name, "error", err.Error())
		if err := s.notifier.Publish(ctx, s.house.Reports.Failed(day, err)); err != nil {
			slog.Error("the owner could not be told that there is no report", "error", err.Error())
		}
		return
	}
}

func (s schedule) try(ctx context.Context, in reporter.Step) (out reporter.Step, err error) {
	for n := 0; ; n++ {
		if out, err = s.step(ctx, in); err == nil || n == len(s.pauses) {
			return out, err
		}
		slog.Warn("step of the daily report failed", "step", in.Name, "day", in.Day, "error", err.Error())
		if !sleep(ctx, s.pauses[n]) {
			return out, err
		}
	}
}

// sleep waits, and reports whether the context is still open.
func sleep(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

// Watch is the daily.Watch of one machine: it has nothing to add to what the table knows.
type Watch struct{}

// DeadLetters implements daily.Watch. All dead letters of one machine are in the table.
func (Watch) DeadLetters(context.Context) (int64, error) { return 0, nil }

// Unconfirmed implements daily.Watch. On one machine nobody is asked to confirm.
func (Watch) Unconfirmed(context.Context) ([]string, error) { return nil, nil }
