package daily

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/report"
)

// revisedDays is how many days back a report is made anew by itself when orders came late.
// For older days the owner is told, and may ask for a new one.
const revisedDays = 14

// Extract is the first of the three steps that make a day's report; Analyse and Send follow.
// Each may be repeated, by anybody, and changes nothing then.
//
// Extract brings the summaries of earlier days up to date. When orders of a day came late or
// were refunded after its report was sent, it makes a new revision and sends it, for up to
// revisedDays back; when the report said that orders were on their way, for as far back as
// the report looks. A day where that fails is logged, keeps no other day from its report,
// and is tried again by the next Extract.
func (r *Reporter) Extract(ctx context.Context, day model.Day) error {
	if _, err := r.reportable(day); err != nil {
		return err
	}
	wait := r.wait(ctx, r.Patience)
	defer wait.end()
	byDay, err := r.window(ctx, day)
	if err != nil {
		return err
	}
	revised := false
	for d := day.AddDays(-report.HistoryDays); d < day; d = d.AddDays(1) {
		record := byDay[d]
		if record.revision == 0 || record.reported(r.settings.ReportDue(d)) || d < day.AddDays(-revisedDays) && !record.waits {
			continue
		}
		revised = true
		revision, err := r.analyse(ctx, d, false, wait)
		if err == nil {
			err = r.Send(ctx, d, revision)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			slog.ErrorContext(ctx, "report could not be revised", "day", d, "error", err.Error())
		}
	}
	if revised {
		if byDay, err = r.window(ctx, day); err != nil {
			return err
		}
	}
	menu, err := r.menus.Menu(ctx)
	if err != nil {
		return err
	}
	_, _, _, err = r.past(ctx, day, menu, byDay, wait)
	return err
}

// Analyse makes the day's report and stores it as a new revision, unless the newest revision
// is complete and the day's sales have not changed since. It returns the number of the newest
// revision.
func (r *Reporter) Analyse(ctx context.Context, day model.Day) (revision int, err error) {
	wait := r.wait(ctx, r.Patience)
	defer wait.end()
	return r.analyse(ctx, day, false, wait)
}

func (r *Reporter) analyse(ctx context.Context, day model.Day, always bool, wait *waiting) (revision int, err error) {
	if _, err := r.reportable(day); err != nil {
		return 0, err
	}
	err = records.Retry(ctx, func() error {
		revision, err = r.attempt(ctx, day, always, wait)
		return err
	})
	return revision, err
}

// attempt makes one attempt at a new revision. It is records.ErrOvertaken when somebody else
// made that revision meanwhile, unless always: then that one will do.
func (r *Reporter) attempt(ctx context.Context, day model.Day, always bool, wait *waiting) (revision int, err error) {
	newest, err := r.newestRevision(ctx, day)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return 0, err
	}
	in := report.Input{Revision: newest.Revision + 1, Partial: r.now().Before(r.settings.ReportDue(day))}
	if err == nil {
		in.Before = &newest.Report
	}
	in.Follows = day > r.settings.LastDue(r.now()).AddDays(-report.HistoryDays)
	made, err := r.build(ctx, day, in, wait)
	if err != nil {
		return 0, err
	}
	record := made.record
	record.revision, record.partial, record.unsent, record.reportedOf = in.Revision, made.Partial, true, record.asOf
	record.waits = !made.Whole()
	if in.Before != nil && in.Before.Partial == in.Partial && !always && sameSales(*in.Before, made.Report) && (in.Before.Whole() || record.waits) {
		record.revision, record.unsent = newest.Revision, !newest.sent
		err := records.Write(ctx, r.table, record.putReported(table.Equal("revision", table.Int(int64(newest.Revision)))))
		if _, newer := table.Failed(err, 0); newer {
			err = nil
		}
		return newest.Revision, err
	}
	item, err := encodeRevision(made.revision)
	if err != nil {
		return 0, err
	}
	err = records.Write(ctx, r.table, table.Put(records.RevisionKey(day, in.Revision), item, table.Absent()), record.putReported(),
		putBaskets(day, made.baskets, record.asOf.at))
	if _, taken := table.Failed(err, 0); taken {
		if always {
			return in.Revision, nil
		}
		return 0, records.ErrOvertaken
	}
	if err != nil {
		return 0, fmt.Errorf("store report of %s: %w", day, err)
	}
	slog.InfoContext(ctx, "report made", "day", day, "revision", in.Revision, "partial", made.Partial, "orders", made.Orders)
	return in.Revision, nil
}

// Waits reports whether the day's newest report was made while orders were on their way to
// the ledger: Analyse should be asked again in a few minutes.
func (r *Reporter) Waits(ctx context.Context, day model.Day) (bool, error) {
	record, err := records.Get(ctx, r.table, records.DayKey(day), true, decodeDay)
	if errors.Is(err, model.ErrNotFound) {
		return false, nil
	}
	return record.waits, err
}

// Send puts a stored revision into the outbox, once. It is model.ErrNotFound when there is no
// revision of that number.
func (r *Reporter) Send(ctx context.Context, day model.Day, revision int) error {
	stored, err := r.storedRevision(ctx, day, revision)
	if err != nil {
		return err
	}
	if !stored.sent {
		now := r.now.Stamp()
		mark := table.Update(records.RevisionKey(day, revision), table.Present(), table.Missing("sent_at"))
		mark.Set = table.Item{"sent_at": records.Time(now)}
		err := records.Write(ctx, r.table, mark, outbox.Put(reportMessage(stored.Document), now))
		if _, sent := table.Failed(err, 0); err != nil && !sent {
			return fmt.Errorf("send report of %s: %w", day, err)
		}
	}
	done := table.Update(records.DayKey(day), table.Equal("revision", table.Int(int64(revision))), table.Equal("unsent", table.Bool(true)))
	done.Set = table.Item{"unsent": table.Bool(false)}
	err = records.Write(ctx, r.table, done)
	if _, other := table.Failed(err, 0); other {
		return nil // it was known, or there is a newer one
	}
	return err
}

// maxMail is how much of a report is mailed, in bytes. SNS takes 256 KiB of encoded text. An
// ordinary report has 4.
const maxMail = 64 << 10

func reportMessage(p Document) outbox.Message {
	id := model.DeriveID("report", string(p.Day), strconv.Itoa(p.Revision))
	text := p.Text
	if len(text) > maxMail {
		cut := strings.LastIndexByte(text[:maxMail], '\n') + 1
		text = text[:cut] + "\nThe rest is too long for a mail. Ask for the report itself.\n"
	}
	return outbox.Message{
		ID: id, Topic: outbox.TopicDailyReport, Subject: p.Subject, Mail: text,
		Body: outbox.JSON(struct {
			ReportID string      `json:"report_id"`
			Type     string      `json:"type"`
			Day      model.Day   `json:"day"`
			Revision int         `json:"revision"`
			Partial  bool        `json:"partial"`
			Orders   int64       `json:"orders"`
			Revenue  model.Money `json:"revenue"`
			Net      model.Money `json:"net"`
			Tips     model.Money `json:"tips"`
			Currency string      `json:"currency"`
			At       string      `json:"at"`
		}{id, "daily_report", p.Day, p.Revision, p.Partial, p.Orders, p.Revenue, p.WithoutTaxes(), p.Tips, p.Currency, model.Timestamp(p.BuiltAt.Time)}),
		Attributes: map[string]string{"type": "daily_report", "day": string(p.Day), "revision": strconv.Itoa(p.Revision)},
	}
}

// Failed returns the message that tells the owner that the day's report could not be made,
// and why.
func (r *Reporter) Failed(day model.Day, cause error) outbox.Message {
	at := r.now.Stamp()
	return outbox.Message{
		ID: model.DeriveID("report failed", string(day), model.Timestamp(at)), Topic: outbox.TopicDailyReport,
		Subject: outbox.Subject(r.settings.Name, day.Format("Mon 2 Jan 2006"), "the daily report could not be made"),
		Mail: fmt.Sprintf(`The report of %s could not be made, although
it was tried several times.

Orders, stock and tabs are not affected. Ask for the report
again later: cafe report -build -day %s

What went wrong: %s
`, day.Format("Monday 2 January"), day, cause),
		Body: outbox.JSON(struct {
			Type  string    `json:"type"`
			Day   model.Day `json:"day"`
			Cause string    `json:"cause"`
			At    string    `json:"at"`
		}{"report_failed", day, cause.Error(), model.Timestamp(at)}),
		Attributes: map[string]string{"type": "report_failed", "day": string(day)},
	}
}

// sameSales reports whether two reports of a day have the same sales, to the last part of the
// money, the same items sold out, and the same waste.
func sameSales(a, b report.Report) bool {
	sold := func(r report.Report) map[string][2]int64 {
		m := make(map[string][2]int64, len(r.Items))
		for _, i := range r.Items {
			m[i.SKU] = [2]int64{i.Quantity, int64(i.Revenue)}
		}
		return m
	}
	wasted := func(r report.Report) map[string]int64 {
		m := map[string]int64{}
		for _, b := range r.Bake {
			if b.Waste > 0 {
				m[b.SKU] = b.Waste
			}
		}
		return m
	}
	return a.Orders == b.Orders && a.Revenue == b.Revenue && a.Cancelled == b.Cancelled &&
		a.Net == b.Net && slices.Equal(a.Taxes, b.Taxes) && a.Discounts == b.Discounts && a.Charges == b.Charges && a.Tips == b.Tips &&
		a.Refunds == b.Refunds && a.PaidOnTabs == b.PaidOnTabs && slices.Equal(a.Tenders, b.Tenders) &&
		slices.Equal(a.RefundsByReason, b.RefundsByReason) && slices.Equal(a.CancelledOrders, b.CancelledOrders) &&
		slices.Equal(a.Hours, b.Hours) && maps.Equal(sold(a), sold(b)) && maps.Equal(wasted(a), wasted(b)) &&
		slices.EqualFunc(a.SoldOut, b.SoldOut, func(a, b report.SoldOut) bool { return a.SKU == b.SKU && a.At.Equal(b.At.Time) })
}
