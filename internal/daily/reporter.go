// Package daily makes the owners' daily report, in three steps that may each be repeated:
// Extract, Analyse and Send. It reads the days' ledgers and nothing else of the orders, so
// that its cost grows with the day's orders only.
package daily

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cafe/internal/records"
	"cafe/internal/render"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/report"
)

// Menus gives the menu as it is now.
type Menus interface {
	Menu(ctx context.Context) (model.Menu, error)
}

// Imports lists imports that went wrong.
type Imports interface {
	// Troubled returns the imports begun in a span of time that failed or rejected something.
	Troubled(ctx context.Context, from, to time.Time) ([]model.Import, error)
}

// Watch knows about the café's machinery what the table does not. Reports mention it.
type Watch interface {
	// DeadLetters returns how many stream records were set aside because no try succeeded.
	DeadLetters(context.Context) (int64, error)
	// Unconfirmed returns the addresses that should get the café's mail but have not
	// confirmed their subscription.
	Unconfirmed(context.Context) ([]string, error)
}

// patience is how long a report waits for orders on their way to the ledger, unless
// Reporter.Patience says otherwise. A client of the API waits so long, too.
const patience = 4 * time.Second

// Reporter makes reports. Make it with New; it is safe for concurrent use.
type Reporter struct {
	Watch Watch // set before use. Without one (nil) reports say nothing of the machinery

	// Patience is how long a report waits for orders that are on their way to the ledger
	// before it says that they are: four seconds, unless set before use.
	Patience time.Duration

	settings settings.Settings
	table    table.Table
	now      records.Clock
	menus    Menus
	imports  Imports
}

// New returns a reporter for a café's table. now is time.Now outside tests.
func New(s settings.Settings, t table.Table, now records.Clock, menus Menus, imports Imports) *Reporter {
	return &Reporter{Patience: patience, settings: s, table: t, now: now, menus: menus, imports: imports}
}

// Document is a report as it leaves the café. JSON and text of a stored one stay to the byte
// as they were made.
type Document struct {
	report.Report
	JSON          []byte // in the contract's form
	Subject, Text string // of the mail
}

// Outstanding returns the day whose report was due last, and whether that report is still to
// be made or sent, or made anew with what was on its way. A café that has never sold
// anything owes none.
func (r *Reporter) Outstanding(ctx context.Context) (model.Day, bool, error) {
	day := r.settings.LastDue(r.now())
	stored, err := r.newestRevision(ctx, day)
	switch {
	case err == nil:
		return day, stored.Partial || !stored.sent || !stored.Whole(), nil
	case !errors.Is(err, model.ErrNotFound):
		return day, false, err
	}
	byDay, err := r.dayRecords(ctx, day.AddDays(-report.HistoryDays), day)
	if err != nil || len(byDay) > 0 {
		return day, err == nil, err
	}
	menu, err := r.menus.Menu(ctx)
	if err != nil {
		return day, false, err
	}
	wait := r.wait(ctx, 0)
	defer wait.end()
	history, _, _, err := r.past(ctx, day.AddDays(1), menu, byDay, wait)
	return day, len(history) > 0, err
}

// Report returns the day's report. For a past day that is the newest stored revision, as it
// was sent. When none is stored, it is made on the spot, as revision 0. Today's is made on
// the spot too, as a partial one with the number of the newest stored revision, unless the
// report that was sent when it was due is still complete.
//
// A day in the future, or before 1970, has no report: a *model.NoReport.
func (r *Reporter) Report(ctx context.Context, day model.Day) (Document, error) {
	today, err := r.reportable(day)
	if err != nil {
		return Document{}, err
	}
	stored, err := r.newestRevision(ctx, day)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return Document{}, err
	}
	exists := err == nil
	if exists && day < today {
		return stored.Document, nil
	}
	if exists && !stored.Partial {
		byDay, err := r.dayRecords(ctx, day, day)
		if err != nil || byDay[day].late == byDay[day].reportedOf.late {
			return stored.Document, err
		}
	}
	wait := r.wait(ctx, r.Patience)
	defer wait.end()
	if day == today {
		wait.until = wait.until.Add(-liveGrace)
	}
	made, err := r.build(ctx, day, report.Input{Revision: stored.Revision, Partial: day == today}, wait)
	return made.Document, err
}

// Rebuild makes a new revision of the day's report, even if nothing changed, and has it sent.
// Callers at the same time share one. Errors are those of Report.
func (r *Reporter) Rebuild(ctx context.Context, day model.Day) (Document, error) {
	wait := r.wait(ctx, r.Patience)
	defer wait.end()
	revision, err := r.analyse(ctx, day, true, wait)
	if err != nil {
		return Document{}, err
	}
	if err := r.Send(ctx, day, revision); err != nil {
		return Document{}, err
	}
	stored, err := r.storedRevision(ctx, day, revision)
	return stored.Document, err
}

// Today returns the business day that it is now.
func (r *Reporter) Today() model.Day { return r.settings.Calendar.DayOf(r.now()) }

// reportable returns today, and an error when the day can have no report.
func (r *Reporter) reportable(day model.Day) (today model.Day, err error) {
	switch today = r.Today(); {
	case day > today:
		return today, &model.NoReport{Reason: fmt.Sprintf("%s lies ahead: today is %s.", day, today)}
	case day < "1970-01-01":
		return today, &model.NoReport{Reason: fmt.Sprintf("%s is before 1970.", day)}
	}
	return today, nil
}

// Page returns a report as a self-contained page of HTML.
func (r *Reporter) Page(of report.Report) ([]byte, error) { return render.HTML(of, r.shown()) }

func (r *Reporter) shown() render.Cafe {
	return render.Cafe{Name: r.settings.Name, Zone: r.settings.Calendar.Zone}
}
