package local

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"cafe/handlers"
	"cafe/internal/cafe"
	"cafe/model"
)

// Reports makes the daily report whenever it is due, until the context ends. It plays
// the schedule and the state machine (statemachine/report.asl.json): the same steps with
// as many tries, and word to the owner when they were in vain. A report that fell due
// while the process was off is made at once, the last one only.
func Reports(ctx context.Context, c *cafe.Cafe, notifier cafe.Notifier) {
	reporter{c, handlers.Report(c), notifier, time.Now, 20 * time.Second, []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute}}.run(ctx)
}

type reporter struct {
	cafe     *cafe.Cafe
	step     func(context.Context, handlers.ReportStep) (handlers.ReportStep, error)
	notifier cafe.Notifier
	now      func() time.Time
	glance   time.Duration   // how often the clock on the wall is looked at: it may be set, or the machine sleep
	pauses   []time.Duration // between tries of a step
}

func (r reporter) run(ctx context.Context) {
	done, err := r.done(ctx)
	for n := 0; err != nil && sleep(ctx, r.pauses[min(n, len(r.pauses)-1)]); n++ {
		slog.Error("whether a report is outstanding is not known", "error", err.Error())
		done, err = r.done(ctx)
	}
	for ctx.Err() == nil {
		if day := r.cafe.LastDue(r.now()); day > done {
			r.make(ctx, day)
			done = day
		}
		next := r.cafe.ReportDue(done.AddDays(1)).Sub(r.now())
		sleep(ctx, min(max(next, time.Millisecond), r.glance))
	}
}

// done returns the last day that no report has to be made of any more.
func (r reporter) done(ctx context.Context) (model.Day, error) {
	day, outstanding, err := r.cafe.Outstanding(ctx)
	if outstanding {
		day = day.AddDays(-1)
	}
	return day, err
}

// make goes through the steps, and tells the owner when that failed.
func (r reporter) make(ctx context.Context, day model.Day) {
	at := handlers.ReportStep{Day: day}
	for _, name := range []string{handlers.StepExtract, handlers.StepAnalyse, handlers.StepPublish} {
		var err error
		at.Step = name
		if at, err = r.try(ctx, at); err == nil {
			continue
		}
		if ctx.Err() != nil {
			return // the next process finds it outstanding
		}
		slog.Error("the daily report could not be made", "day", day, "step", name, "error", err.Error())
		if err := r.notifier.Publish(ctx, r.cafe.ReportFailed(day, err)); err != nil {
			slog.Error("the owner could not be told that there is no report", "error", err.Error())
		}
		return
	}
}

func (r reporter) try(ctx context.Context, in handlers.ReportStep) (out handlers.ReportStep, err error) {
	for n := 0; ; n++ {
		if out, err = r.step(ctx, in); err == nil || n == len(r.pauses) {
			return out, err
		}
		slog.Warn("step of the daily report failed", "step", in.Step, "day", in.Day, "error", err.Error())
		if !sleep(ctx, r.pauses[n]) {
			return out, err
		}
	}
}

// sleep waits, and tells whether the context is still good.
func sleep(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

// Watch is the cafe.Watch of one machine.
type Watch struct {
	Data string // the data folder
}

// DeadLetters implements cafe.Watch: it counts the lines of DATA/dead-letters/*.jsonl.
func (w Watch) DeadLetters(context.Context) (n int64, err error) {
	folder := filepath.Join(w.Data, deadLetters)
	files, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for _, file := range files {
		b, readErr := os.ReadFile(filepath.Join(folder, file.Name()))
		err = errors.Join(err, readErr)
		for _, c := range b {
			if c == '\n' {
				n++
			}
		}
	}
	return n, err
}

// Unconfirmed implements cafe.Watch. On one machine nobody is asked to confirm.
func (Watch) Unconfirmed(context.Context) ([]string, error) { return nil, nil }
