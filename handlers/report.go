package handlers

import (
	"context"
	"fmt"
	"time"

	"cafe/internal/cafe"
	"cafe/model"
)

// The steps that make a day's report, in their order; and one that is not the state
// machine's, for whoever looks after a table that is too large to be reconciled within a
// request to the API.
const (
	StepExtract = "extract" // Cafe.Extract
	StepAnalyse = "analyse" // Cafe.Analyse
	StepPublish = "publish" // Cafe.SendReport

	StepReconcile = "reconcile" // Cafe.Reconcile
)

// ReportStep is what a step of the daily report gets from the state machine, and what it
// answers: which day and which revision, never the report itself.
type ReportStep struct {
	Step     string    `json:"step,omitempty"`
	Day      model.Day `json:"day"`         // empty for extract: the last whose report was due at At
	At       time.Time `json:"at,omitzero"` // when the state machine was started
	Revision int       `json:"revision,omitempty"`

	DryRun     bool        `json:"dry_run,omitzero"` // of reconcile
	Reconciled *Reconciled `json:"reconciled,omitzero"`
}

// Reconciled is what reconcile answers: as the API does, but of what has drifted only how
// much, and the first that an answer of Lambda has room for. The log names what is unreadable.
type Reconciled struct {
	Customers  int          `json:"customers"`
	Drifts     int          `json:"drifts"`
	Drifted    []cafe.Drift `json:"drifted"`
	Repaired   int          `json:"repaired"`
	Unreadable int          `json:"unreadable"`
}

// mostDrifted is how many drifts are answered: 6 MB is what Lambda takes.
const mostDrifted = 10_000

// Report returns the handler of the steps. Each may be done any number of times.
func Report(c *cafe.Cafe) func(context.Context, ReportStep) (ReportStep, error) {
	return func(ctx context.Context, in ReportStep) (out ReportStep, err error) {
		defer recovered(ctx, "reporter", &err)
		if in.Step == StepReconcile {
			r, err := c.Reconcile(ctx, in.DryRun)
			if err != nil {
				return out, fmt.Errorf("reconcile: %w", err)
			}
			return ReportStep{Reconciled: &Reconciled{
				r.Customers, len(r.Drifted), append([]cafe.Drift{}, r.Drifted[:min(len(r.Drifted), mostDrifted)]...), r.Repaired, r.Unreadable,
			}}, nil
		}
		out = ReportStep{Day: in.Day, Revision: in.Revision}
		if in.Step == StepExtract && in.Day == "" {
			if in.At.IsZero() {
				return out, fmt.Errorf("step %s has neither day nor time", in.Step)
			}
			out.Day = c.LastDue(in.At)
		}
		if _, err := model.ParseDay(string(out.Day)); err != nil {
			return out, fmt.Errorf("step %s: %w", in.Step, err)
		}
		switch in.Step {
		case StepExtract:
			err = c.Extract(ctx, out.Day)
		case StepAnalyse:
			out.Revision, err = c.Analyse(ctx, out.Day)
		case StepPublish:
			err = c.SendReport(ctx, out.Day, out.Revision)
		default:
			err = fmt.Errorf("there is no step %q", in.Step)
		}
		if err != nil {
			return out, fmt.Errorf("%s the report of %s: %w", in.Step, out.Day, err)
		}
		return out, nil
	}
}
