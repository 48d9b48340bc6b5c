package daily

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"strings"
	"time"

	"cafe/internal/deadletters"
	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/model"
	"cafe/model/report"
)

const (
	// undelivered is how long a message waits in the outbox before the owner hears of it.
	undelivered = time.Hour
	// importTime is more than an import takes from its beginning to its end.
	importTime = 3 * time.Hour
	// mostFacts is how many facts of one sort a report names.
	mostFacts = 20
)

// facts gathers what the owner should look at, besides the sales.
func (r *Reporter) facts(ctx context.Context, day model.Day, now time.Time, byDay map[model.Day]dayRecord, history []report.Summary, earlier *report.Report) (f report.Facts, err error) {
	from, to := r.settings.ReportDue(day.AddDays(-1)), r.settings.ReportDue(day)
	if day == r.settings.Calendar.DayOf(now) {
		to = now
	}
	imports, err := r.imports.Troubled(ctx, from.Add(-importTime), to)
	if err != nil {
		return f, fmt.Errorf("imports: %w", err)
	}
	imports = slices.DeleteFunc(imports, func(im model.Import) bool { return im.FinishedAt.Before(from) || im.FinishedAt.After(to) })
	url := ""
	if r.settings.URL != "" {
		url = " -url " + r.settings.URL
	}
	for _, im := range imports[max(0, len(imports)-mostFacts):] {
		if im.Status == model.ImportFailed && len(im.Problems) > 0 {
			f.More = append(f.More, fmt.Sprintf("Import %s failed: %s", im.Name, im.Problems[0].Reason))
			continue
		}
		f.RejectedImports = append(f.RejectedImports, report.RejectedImport{
			Name: im.Name, Rejected: im.Rejected, Fetch: "cafe import -rejects " + im.ID + url,
		})
	}
	if more := len(imports) - mostFacts; more > 0 {
		f.More = append(f.More, fmt.Sprintf("%d more imports failed or left rows out.", more))
	}
	audit, err := records.LastAudit(ctx, r.table)
	if err != nil {
		return f, fmt.Errorf("drift: %w", err)
	}
	if f.Drifted = audit.Drifted; audit.Unreadable > 0 {
		f.More = append(f.More, fmt.Sprintf("Stored items that cannot be read: %d. Totals that depend on them are left as they are; the log of the last reconcile names them.",
			audit.Unreadable))
	}
	if f.UndeliveredAlerts, err = outbox.CountUndelivered(ctx, r.table, now.Add(-undelivered)); err != nil {
		return f, fmt.Errorf("outbox: %w", err)
	}
	if day >= r.settings.LastDue(now) {
		f.More = append(f.More, changedSince(r.changedUnsaid(day, byDay, history, earlier))...)
	}
	letters, err := deadletters.Count(ctx, r.table)
	if err != nil {
		return f, fmt.Errorf("dead letters: %w", err)
	}
	r.askWatch(ctx, &f)
	f.DeadLetters += letters.Stream
	f.DeadUploads, f.DeadMessages, f.DeadWebhooks = letters.Uploads, letters.Messages, letters.Webhooks
	return f, nil
}

// changedUnsaid returns the days whose sales are not those that their newest report said, as
// came to light since the earlier report was due, and whose reports are too old to be made
// anew by themselves.
func (r *Reporter) changedUnsaid(day model.Day, byDay map[model.Day]dayRecord, history []report.Summary, earlier *report.Report) (changed []model.Day) {
	var since time.Time
	if earlier != nil {
		since = r.settings.ReportDue(earlier.Day)
	}
	for _, s := range history {
		record := byDay[s.Day]
		if s.Day < day.AddDays(-revisedDays) && record.lateAt.After(since) && len(record.said) == 3 &&
			!slices.Equal(record.said, []int64{s.Orders, int64(s.Revenue), s.Cancelled}) {
			changed = append(changed, s.Day)
		}
	}
	sort.Slice(changed, func(i, j int) bool { return changed[i] < changed[j] }) // slices.Sort would be 8 KB more
	return changed
}

// changedSince says which days have changed, if any.
func changedSince(days []model.Day) []string {
	if len(days) == 0 {
		return nil
	}
	var names []string
	for _, d := range days[:min(len(days), mostFacts)] {
		names = append(names, d.Format("2 Jan"))
	}
	if more := len(days) - mostFacts; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return []string{fmt.Sprintf("Days over %d days ago have other sales now than their reports say: %s. Build those again to have them right.",
		revisedDays, strings.Join(names, ", "))}
}

// askWatch adds what the watch knows. When it knows nothing, the report says so.
func (r *Reporter) askWatch(ctx context.Context, f *report.Facts) {
	if r.Watch == nil {
		return
	}
	var err error
	if f.DeadLetters, err = r.Watch.DeadLetters(ctx); err != nil {
		slog.WarnContext(ctx, "dead letters could not be counted", "error", err.Error())
		f.More = append(f.More, "The number of dead letters could not be read.")
	}
	if f.Unconfirmed, err = r.Watch.Unconfirmed(ctx); err != nil {
		slog.WarnContext(ctx, "subscriptions could not be listed", "error", err.Error())
		f.More = append(f.More, "The list of e-mail subscriptions could not be read.")
	}
}
