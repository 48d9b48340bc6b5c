// Package reporter handles the steps of the daily report, which a state machine asks for
// (statemachine/report.asl.json), and reconciles large tables.
package reporter

import (
	"context"
	"fmt"
	"time"

	"cafe/internal/daily"
	"cafe/internal/ledger"
	"cafe/internal/panics"
	"cafe/model"
)

// The steps that make a day's report, in their order. StepReconcile is not the state
// machine's: operators use it for a table that is too large to be reconciled within one
// request to the API.
const (
	StepExtract = "extract" // daily.Reporter.Extract
	StepAnalyse = "analyse" // daily.Reporter.Analyse
	StepPublish = "publish" // daily.Reporter.Send

	StepReconcile = "reconcile" // ledger.Ledger.Reconcile
)

// Step is the input of a step of the daily report, and its answer: which day and which
// revision, never the report itself.
type Step struct {
	Name     string    `json:"step,omitempty"`
	Day      model.Day `json:"day"`         // empty for extract: the last day whose report was due at At
	At       time.Time `json:"at,omitzero"` // when the state machine was started
	Revision int       `json:"revision,omitempty"`
	// Waits is publish's answer: orders were on their way when the report was made. Analyse
	// and publish should be asked again in a few minutes.
	Waits bool `json:"waits"`

	DryRun     bool        `json:"dry_run,omitzero"` // of reconcile
	Reconciled *Reconciled `json:"reconciled,omitzero"`
}

// Reconciled is the answer of reconcile. It has the API's form, but only as many drifts as a
// Lambda answer has room for, and their number. The log names what is unreadable.
type Reconciled struct {
	Customers  int     `json:"customers"`
	Drifts     int     `json:"drifts"`
	Drifted    []Drift `json:"drifted"`
	Repaired   int     `json:"repaired"`
	Unreadable int     `json:"unreadable"`
}

// Drift is one total that differs from the orders and payments behind it, in the API's form.
type Drift struct {
	CustomerID string `json:"customer_id"`
	Field      string `json:"field"`
	Stored     int64  `json:"stored"`
	Actual     int64  `json:"actual"`
}

// mostDrifted is how many drifts an answer has at most: Lambda takes 6 MB.
const mostDrifted = 10_000

// Handle returns the handler of the steps. Each may be repeated.
func Handle(r *daily.Reporter, l *ledger.Ledger, lastDue func(time.Time) model.Day) func(context.Context, Step) (Step, error) {
	return func(ctx context.Context, in Step) (out Step, err error) {
		defer panics.Recover(ctx, &err, "handler", "reporter")
		if in.Name == StepReconcile {
			found, err := l.Reconcile(ctx, in.DryRun)
			if err != nil {
				return out, fmt.Errorf("reconcile: %w", err)
			}
			drifted := make([]Drift, min(len(found.Drifted), mostDrifted))
			for i := range drifted {
				d := found.Drifted[i]
				drifted[i] = Drift{d.CustomerID, d.Field(), d.Stored, d.Actual}
			}
			return Step{Reconciled: &Reconciled{found.Customers, len(found.Drifted), drifted, found.Repaired, found.Unreadable}}, nil
		}
		out = Step{Day: in.Day, Revision: in.Revision}
		if in.Name == StepExtract && in.Day == "" {
			if in.At.IsZero() {
				return out, fmt.Errorf("step %s has neither day nor time", in.Name)
			}
			out.Day = lastDue(in.At)
		}
		if _, err := model.ParseDay(string(out.Day)); err != nil {
			return out, fmt.Errorf("step %s: %w", in.Name, err)
		}
		switch in.Name {
		case StepExtract:
			err = r.Extract(ctx, out.Day)
		case StepAnalyse:
			out.Revision, err = r.Analyse(ctx, out.Day)
		case StepPublish:
			if err = r.Send(ctx, out.Day, out.Revision); err == nil {
				out.Waits, err = r.Waits(ctx, out.Day)
			}
		default:
			err = fmt.Errorf("there is no step %q", in.Name)
		}
		if err != nil {
			return out, fmt.Errorf("%s the report of %s: %w", in.Name, out.Day, err)
		}
		return out, nil
	}
}
