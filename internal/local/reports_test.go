package local

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cafe/handlers/reporter"
	"cafe/internal/cafetest"
	"cafe/internal/ledger"
	"cafe/internal/outbox"
	"cafe/model"
)

// night is a café whose clock runs, from a time that the test sets, and its reporter.
type night struct {
	*cafetest.Cafe
	mu    sync.Mutex
	since time.Time // when the clock was set
	shows time.Time // what it showed then
	made  []string  // steps that were asked for: extract 2017-03-18
	fail  func(reporter.Step) error
	*schedule
}

func openNight(t *testing.T, shows string) *night {
	t.Helper()
	n := &night{Cafe: cafetest.Open(t, cafetest.Engines[0].Open(t)), fail: func(reporter.Step) error { return nil }}
	if _, _, err := n.Place(context.Background(), cafetest.Staff, model.Draft{Lines: []model.DraftLine{{SKU: "latte", Quantity: 1}}}, ""); err != nil {
		t.Fatal(err)
	}
	n.Post(t, n.Recorder.Changes(ledger.Wants)...)
	n.set(t, shows)
	n.OpenOn(n.Recorder, n.now)
	step := reporter.Handle(n.Reports, n.Ledger, n.LastDue)
	n.schedule = &schedule{
		house: n.House, notifier: n.Notifier, now: n.now, glance: time.Millisecond,
		pauses: []time.Duration{time.Millisecond, time.Millisecond}, settle: time.Millisecond,
		step: func(ctx context.Context, in reporter.Step) (reporter.Step, error) {
			n.mu.Lock()
			n.made = append(n.made, in.Name+" "+string(in.Day))
			err := n.fail(in)
			n.mu.Unlock()
			if err != nil {
				return in, err
			}
			return step(ctx, in)
		},
	}
	return n
}

func (n *night) now() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.shows.Add(time.Since(n.since))
}

func (n *night) set(t *testing.T, shows string) {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04:05", shows, n.Calendar.Zone)
	if err != nil {
		t.Fatal(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.since, n.shows = time.Now(), at
}

func (n *night) steps() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.made)
}

// start runs the reporter until the test ends, or end is called.
func (n *night) start(t *testing.T) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.run(ctx)
	}()
	end = func() {
		cancel()
		<-done
	}
	t.Cleanup(end)
	return end
}

// wait waits until that many steps were asked for, and a moment longer.
func (n *night) wait(t *testing.T, steps ...string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); len(n.steps()) < len(steps) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	if got := n.steps(); !slices.Equal(got, steps) {
		t.Fatalf("steps %q, want %q", got, steps)
	}
}

func stepsOf(day string) []string {
	return []string{"extract " + day, "analyse " + day, "publish " + day}
}

// waiting returns what is in the outbox: the reports' days.
func (n *night) waiting(t *testing.T) (days []string) {
	t.Helper()
	for _, change := range n.Recorder.Changes(outbox.Wants) {
		attributes, _ := change.New["attributes"].Map()
		days = append(days, attributes.Str("type")+" "+attributes.Str("day"))
	}
	return days
}

func TestTheReportIsMadeWhenItIsDue(t *testing.T) {
	n := openNight(t, "2017-03-18 19:59:00")
	n.start(t)
	n.wait(t)
	n.set(t, "2017-03-18 20:00:00")
	n.wait(t, stepsOf("2017-03-18")...)
	n.set(t, "2017-03-18 12:00:00") // a clock that is put back makes none twice
	n.wait(t, stepsOf("2017-03-18")...)
	n.set(t, "2017-03-21 07:00:00") // the machine slept for days: the last one is made
	n.wait(t, append(stepsOf("2017-03-18"), stepsOf("2017-03-20")...)...)
	if got := n.waiting(t); !slices.Equal(got, []string{"daily_report 2017-03-18", "daily_report 2017-03-20"}) {
		t.Errorf("outbox: %q", got)
	}
}

func TestAReportThatFellDueWhileTheProcessWasOffIsMadeAtItsStart(t *testing.T) {
	n := openNight(t, "2017-03-20 09:00:00")
	end := n.start(t)
	n.wait(t, stepsOf("2017-03-19")...)
	end()
	n.start(t) // another start makes nothing
	n.wait(t, stepsOf("2017-03-19")...)
}

func TestAStepThatFailsIsTriedAgain(t *testing.T) {
	n := openNight(t, "2017-03-18 20:00:01")
	failures := 2
	n.fail = func(in reporter.Step) error {
		if in.Name == reporter.StepAnalyse && failures > 0 {
			failures--
			return errors.New("the store is away")
		}
		return nil
	}
	n.start(t)
	n.wait(t, "extract 2017-03-18", "analyse 2017-03-18", "analyse 2017-03-18", "analyse 2017-03-18", "publish 2017-03-18")
	if sent := n.Notifier.Published(); len(sent) != 0 {
		t.Errorf("the owner was bothered: %+v", sent)
	}
}

func TestTheOwnerIsToldOnceThatThereIsNoReportAndWhy(t *testing.T) {
	n := openNight(t, "2017-03-18 20:00:01")
	n.fail = func(reporter.Step) error { return errors.New("the store is away") }
	n.start(t)
	n.wait(t, "extract 2017-03-18", "extract 2017-03-18", "extract 2017-03-18")
	sent := n.Notifier.Published()
	if len(sent) != 1 || sent[0].Topic != outbox.TopicDailyReport || sent[0].Attributes["type"] != "report_failed" ||
		!strings.Contains(sent[0].Mail, "Saturday 18 March") || !strings.Contains(sent[0].Mail, "the store is away") {
		t.Fatalf("sent %+v", sent)
	}
	for line := range strings.Lines(sent[0].Mail) {
		if len(line) > 73 {
			t.Errorf("a line of %d columns: %s", len(line)-1, line)
		}
	}
	n.mu.Lock()
	n.fail, n.made = func(reporter.Step) error { return nil }, nil
	n.mu.Unlock()
	n.set(t, "2017-03-19 20:00:00")
	n.wait(t, stepsOf("2017-03-19")...)
}

// The ledger's consumer is behind when the report is due, and catches up before the third
// round.
func TestAReportOfWhichOrdersWereOnTheirWayIsMadeAgain(t *testing.T) {
	n := openNight(t, "2017-03-18 19:59:59")
	n.Recorder.Forget()
	if _, _, err := n.Place(t.Context(), cafetest.Staff, model.Draft{Lines: []model.DraftLine{{SKU: "tea", Quantity: 1}}}, ""); err != nil {
		t.Fatal(err)
	}
	placed := n.Recorder.Changes(ledger.Wants)
	rounds, step := 0, n.step
	n.step = func(ctx context.Context, in reporter.Step) (reporter.Step, error) {
		if in.Name == reporter.StepAnalyse {
			if rounds++; rounds == 3 {
				n.Post(t, placed...)
			}
		}
		return step(ctx, in)
	}
	n.set(t, "2017-03-18 20:00:00")
	n.start(t)
	again := []string{"analyse 2017-03-18", "publish 2017-03-18"}
	n.wait(t, append(stepsOf("2017-03-18"), append(again, again...)...)...)
	if got := n.waiting(t); len(got) != 2 {
		t.Errorf("outbox: %q, want the report and one new revision", got)
	}
	r, err := n.Reports.Report(t.Context(), cafetest.Saturday)
	if err != nil {
		t.Fatal(err)
	}
	cafetest.WantFigures(t, r.Report, 2, 2, 570)
}

func TestAReportIsNotMadeAgainForEverForAnOrderThatNeverComes(t *testing.T) {
	n := openNight(t, "2017-03-18 19:59:59")
	if _, _, err := n.Place(t.Context(), cafetest.Staff, model.Draft{Lines: []model.DraftLine{{SKU: "tea", Quantity: 1}}}, ""); err != nil {
		t.Fatal(err)
	}
	n.set(t, "2017-03-18 20:00:00")
	n.start(t)
	want := stepsOf("2017-03-18")
	for range rounds {
		want = append(want, "analyse 2017-03-18", "publish 2017-03-18")
	}
	n.wait(t, want...)
	if got := n.waiting(t); len(got) != 1 {
		t.Errorf("outbox: %q, want one report", got)
	}
}

func TestAProcessThatEndsTellsNobodyThatTheReportFailed(t *testing.T) {
	n := openNight(t, "2017-03-18 20:00:01")
	n.pauses = []time.Duration{time.Hour}
	n.fail = func(reporter.Step) error { return errors.New("closing") }
	end := n.start(t)
	n.wait(t, "extract 2017-03-18")
	end()
	if sent := n.Notifier.Published(); len(sent) != 0 {
		t.Errorf("sent %+v", sent)
	}
}
