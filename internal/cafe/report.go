package cafe

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"cafe/internal/render"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/report"
)

// Watch knows what the store does not know of how the café's machinery is doing. Reports
// tell of it. Without one (Cafe.Watch is nil) they do not.
type Watch interface {
	// DeadLetters returns how many change records no handler could take.
	DeadLetters(context.Context) (int64, error)
	// Unconfirmed returns the addresses that are to get the café's mail and have not
	// confirmed it.
	Unconfirmed(context.Context) ([]string, error)
}

// Printed is a report as it leaves the café. One that is kept is to the byte what it was
// when it was made; a page is drawn anew from its figures.
type Printed struct {
	report.Report
	JSON          []byte // as the contract has it
	Subject, Text string // of the mail
}

// revisedDays is for how many days back a report that was sent is made anew by itself
// when orders have come late. The owner is told of older ones, who may ask for them.
const revisedDays = 14

// LastDue returns the last day whose report was due at or before the time.
func (s Settings) LastDue(at time.Time) model.Day {
	day := s.Calendar.DayOf(at)
	if at.Before(s.ReportDue(day)) {
		day = day.AddDays(-1)
	}
	return day
}

// Outstanding returns the day whose report was due last, and whether it has yet to be
// made or sent. Of a café that has never sold anything no report is outstanding.
func (c *Cafe) Outstanding(ctx context.Context) (model.Day, bool, error) {
	day := c.LastDue(c.now())
	kept, err := c.newestReport(ctx, day)
	switch {
	case err == nil:
		return day, kept.Partial || !kept.sent, nil
	case !errors.Is(err, ErrNotFound):
		return day, false, err
	}
	records, err := c.dayRecords(ctx, day.AddDays(-report.HistoryDays), day)
	if err != nil || len(records) > 0 {
		return day, err == nil, err
	}
	menu, err := c.Menu(ctx)
	if err != nil {
		return day, false, err
	}
	history, err := c.past(ctx, day.AddDays(1), menu, records)
	return day, len(history) > 0, err
}

// Report returns the day's report. For a past day that is the newest revision that is
// kept, as it was sent; one of a day that has none is made on the spot, as revision 0.
// Today's is made on the spot, too, and partial, unless the one that was sent when it was
// due still says it all; its revision is that of the newest that is kept.
//
// A day that lies ahead, or before 1970, has none: a *NoReport.
func (c *Cafe) Report(ctx context.Context, day model.Day) (Printed, error) {
	today, err := c.reportable(day)
	if err != nil {
		return Printed{}, err
	}
	kept, err := c.newestReport(ctx, day)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Printed{}, err
	}
	exists := err == nil
	if exists && day < today {
		return kept.Printed, nil
	}
	if exists && !kept.Partial {
		records, err := c.dayRecords(ctx, day, day)
		if err != nil || records[day].late == records[day].reportedOf.late {
			return kept.Printed, err
		}
	}
	made, err := c.make(ctx, day, report.Input{Revision: kept.Revision, Partial: day == today})
	return made.Printed, err
}

// NoReport says in a sentence why there can be no report of a day. It is an ErrNotFound.
type NoReport struct{ Reason string }

func (e *NoReport) Error() string { return e.Reason }
func (e *NoReport) Unwrap() error { return ErrNotFound }

// reportable returns today, and an error when there can be no report of the day.
func (c *Cafe) reportable(day model.Day) (today model.Day, err error) {
	today = c.Calendar.DayOf(c.now())
	switch {
	case day > today:
		return today, &NoReport{fmt.Sprintf("%s lies ahead: today is %s.", day, today)}
	case day < "1970-01-01":
		return today, &NoReport{fmt.Sprintf("%s is before 1970.", day)}
	}
	return today, nil
}

// Rebuild makes a new revision of the day's report, whether or not anything changed, and
// has it sent. Those who ask at the same time share one. Errors are as of Report.
func (c *Cafe) Rebuild(ctx context.Context, day model.Day) (Printed, error) {
	revision, err := c.analyse(ctx, day, true)
	if err != nil {
		return Printed{}, err
	}
	if err := c.SendReport(ctx, day, revision); err != nil {
		return Printed{}, err
	}
	kept, err := c.reportRevision(ctx, day, revision)
	return kept.Printed, err
}

// Extract is the first of the three steps that make a day's report; Analyse and
// SendReport are the others. Each may be done again, by anybody, and changes nothing
// then.
//
// It brings up to date what is stored of the days before. Where orders have come late, or
// were refunded, since a report was sent, it makes a new revision and has it sent, for
// days up to revisedDays ago. A day where that does not succeed keeps no other from its
// report: it is logged, and the next Extract tries again.
func (c *Cafe) Extract(ctx context.Context, day model.Day) error {
	if _, err := c.reportable(day); err != nil {
		return err
	}
	records, err := c.window(ctx, day)
	if err != nil {
		return err
	}
	revised := false
	for d := day.AddDays(-revisedDays); d < day; d = d.AddDays(1) {
		record := records[d]
		if record.revision == 0 || record.reported(c.ReportDue(d)) {
			continue
		}
		revised = true
		revision, err := c.Analyse(ctx, d)
		if err == nil {
			err = c.SendReport(ctx, d, revision)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			slog.ErrorContext(ctx, "report could not be revised", "day", d, "error", err.Error())
		}
	}
	if revised {
		if records, err = c.window(ctx, day); err != nil {
			return err
		}
	}
	menu, err := c.Menu(ctx)
	if err != nil {
		return err
	}
	_, err = c.past(ctx, day, menu, records)
	return err
}

// Analyse makes the day's report and keeps it as a new revision, if there is none, or the
// newest was made before it was due and it now is, or the day's sales have changed since.
// It returns the number of the newest revision.
func (c *Cafe) Analyse(ctx context.Context, day model.Day) (revision int, err error) {
	return c.analyse(ctx, day, false)
}

func (c *Cafe) analyse(ctx context.Context, day model.Day, always bool) (revision int, err error) {
	if _, err := c.reportable(day); err != nil {
		return 0, err
	}
	for attempt := 0; ; attempt++ {
		kept, err := c.newestReport(ctx, day)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return 0, err
		}
		in := report.Input{Revision: kept.Revision + 1, Partial: c.now().Before(c.ReportDue(day))}
		if err == nil {
			in.Before = &kept.Report
		}
		made, err := c.make(ctx, day, in)
		if err != nil {
			return 0, err
		}
		record := made.record
		record.revision, record.partial, record.unsent, record.reportedOf = in.Revision, made.Partial, true, record.asOf
		if in.Before != nil && in.Before.Partial == in.Partial && !always && sameSales(*in.Before, made.Report) {
			record.revision, record.unsent = kept.Revision, !kept.sent
			err := c.write(ctx, record.putReported(table.Equal("revision", table.Int(int64(kept.Revision)))))
			if _, newer := table.Failed(err, 0); newer {
				err = nil
			}
			return kept.Revision, err
		}
		item, err := printedItem(made.Printed)
		if err != nil {
			return 0, err
		}
		err = c.write(ctx, table.Put(revisionKey(day, in.Revision), item, table.Absent()), record.putReported())
		if err == nil {
			slog.InfoContext(ctx, "report made", "day", day, "revision", in.Revision, "partial", made.Partial, "orders", made.Orders)
			return in.Revision, nil
		}
		if _, taken := table.Failed(err, 0); !taken {
			return 0, fmt.Errorf("keep report of %s: %w", day, err)
		}
		// Somebody else has made this revision meanwhile.
		if always {
			return in.Revision, nil
		}
		if attempt == attempts {
			return 0, table.ErrConflict
		}
	}
}

// SendReport puts a revision that is kept into the outbox, once. It is ErrNotFound when
// there is none of that number.
func (c *Cafe) SendReport(ctx context.Context, day model.Day, revision int) error {
	kept, err := c.reportRevision(ctx, day, revision)
	if err != nil {
		return err
	}
	if !kept.sent {
		now := c.clock()
		mark := table.Update(revisionKey(day, revision), table.Present(), table.Missing("sent_at"))
		mark.Set = table.Item{"sent_at": moment(now)}
		err := c.write(ctx, mark, messageItem(reportMessage(kept.Printed), now))
		if _, sent := table.Failed(err, 0); err != nil && !sent {
			return fmt.Errorf("send report of %s: %w", day, err)
		}
	}
	done := table.Update(dayKey(day), table.Equal("revision", table.Int(int64(revision))), table.Equal("unsent", table.Bool(true)))
	done.Set = table.Item{"unsent": table.Bool(false)}
	err = c.write(ctx, done)
	if _, other := table.Failed(err, 0); other {
		return nil // it was known, or there is a newer one
	}
	return err
}

// maxMail is how much of a report is mailed, in bytes. SNS takes 256 KiB, once it is
// encoded, and an ordinary report has 4.
const maxMail = 64 << 10

func reportMessage(p Printed) Message {
	id := model.DeriveID("report", string(p.Day), strconv.Itoa(p.Revision))
	text := p.Text
	if len(text) > maxMail {
		cut := strings.LastIndexByte(text[:maxMail], '\n') + 1
		text = text[:cut] + "\nThe rest is too long for a mail. Ask for the report itself.\n"
	}
	return Message{
		ID: id, Topic: TopicDailyReport, Subject: p.Subject, Mail: text,
		Body: body(struct {
			ReportID string      `json:"report_id"`
			Type     string      `json:"type"`
			Day      model.Day   `json:"day"`
			Revision int         `json:"revision"`
			Partial  bool        `json:"partial"`
			Orders   int64       `json:"orders"`
			Revenue  model.Money `json:"revenue"`
			Currency string      `json:"currency"`
			At       string      `json:"at"`
		}{id, "daily_report", p.Day, p.Revision, p.Partial, p.Orders, p.Revenue, p.Currency, Timestamp(p.BuiltAt.Time)}),
		Attributes: map[string]string{"type": "daily_report", "day": string(p.Day), "revision": strconv.Itoa(p.Revision)},
	}
}

// ReportFailed is what tells the owner that there is no report of the day, and why.
func (c *Cafe) ReportFailed(day model.Day, cause error) Message {
	at := c.clock()
	return Message{
		ID: model.DeriveID("report failed", string(day), Timestamp(at)), Topic: TopicDailyReport,
		Subject: subject(c.Name, day.Format("Mon 2 Jan 2006"), "the daily report could not be made"),
		Mail: fmt.Sprintf(`The report of %s could not be made, although
it was tried several times.

Orders, stock and tabs are not affected. Ask for the report
again later: cafe report -build -day %s

What went wrong: %s
`, day.Format("Monday 2 January"), day, cause),
		Body: body(struct {
			Type  string    `json:"type"`
			Day   model.Day `json:"day"`
			Cause string    `json:"cause"`
			At    string    `json:"at"`
		}{"report_failed", day, cause.Error(), Timestamp(at)}),
		Attributes: map[string]string{"type": "report_failed", "day": string(day)},
	}
}

// sameSales tells whether two reports of a day tell of the same sales, and of the same
// items sold out.
func sameSales(a, b report.Report) bool {
	sold := func(r report.Report) map[string][2]int64 {
		m := make(map[string][2]int64, len(r.Items))
		for _, i := range r.Items {
			m[i.SKU] = [2]int64{i.Quantity, int64(i.Revenue)}
		}
		return m
	}
	return a.Orders == b.Orders && a.Revenue == b.Revenue && a.Cancelled == b.Cancelled &&
		slices.Equal(a.Hours, b.Hours) && maps.Equal(sold(a), sold(b)) &&
		slices.EqualFunc(a.SoldOut, b.SoldOut, func(a, b report.SoldOut) bool { return a.SKU == b.SKU && a.At.Equal(b.At.Time) })
}

// made is a report, and what is to be stored of its day.
type made struct {
	Printed
	record dayRecord
}

// window returns the records of the day and of those before it that its report goes by.
func (c *Cafe) window(ctx context.Context, day model.Day) (map[model.Day]dayRecord, error) {
	return c.dayRecords(ctx, day.AddDays(-report.HistoryDays), day)
}

// make makes the day's report. The input says which revision of it, of what standing, and
// what the one before was; the rest is filled in here.
func (c *Cafe) make(ctx context.Context, day model.Day, in report.Input) (m made, err error) {
	now := c.clock()
	records, err := c.window(ctx, day)
	if err != nil {
		return m, err
	}
	menu, err := c.Menu(ctx)
	if err != nil {
		return m, err
	}
	if in.History, err = c.past(ctx, day, menu, records); err != nil {
		return m, err
	}
	sales, err := c.salesOf(ctx, day)
	if err != nil {
		return m, err
	}
	summary, err := report.Summarise(day, menu, sales.entries, sales.soldOut)
	if err != nil {
		return m, err
	}
	m.record = countedOf(menu).summarised(records[day], summary, now)
	if in.Earlier, err = c.earlier(ctx, day, records); err != nil {
		return m, err
	}
	in.Day, in.BuiltAt, in.Calendar, in.Currency = day, now, c.Calendar, c.Currency
	in.Menu, in.Entries, in.SoldOut = menu, sales.entries, sales.soldOut
	in.LostSale, in.Leftover = c.LostSaleCost, c.LeftoverCost
	if in.Facts, err = c.facts(ctx, day, now, records, in.Earlier); err != nil {
		return m, err
	}
	if m.Report, err = report.Build(in); err != nil {
		return m, err
	}
	if m.JSON, err = render.JSON(m.Report); err != nil {
		return m, err
	}
	m.Subject, m.Text = render.Text(m.Report, c.shown())
	return m, nil
}

// Page draws a report as a page of HTML that needs nothing else.
func (c *Cafe) Page(r report.Report) ([]byte, error) { return render.HTML(r, c.shown()) }

func (c *Cafe) shown() render.Cafe { return render.Cafe{Name: c.Name, Zone: c.Calendar.Zone} }

// earlier returns the newest report of the last day before that has one, or nil.
func (c *Cafe) earlier(ctx context.Context, day model.Day, records map[model.Day]dayRecord) (*report.Report, error) {
	var last dayRecord
	for d, record := range records {
		if d < day && d > last.day && record.revision > 0 {
			last = record
		}
	}
	if last.revision == 0 {
		return nil, nil
	}
	kept, err := c.reportRevision(ctx, last.day, last.revision)
	if errors.Is(err, ErrNotFound) {
		return nil, nil // somebody removed it by hand
	}
	return &kept.Report, err
}

const (
	// undelivered is how old an alert in the outbox has to be before the owner hears of it.
	undelivered = time.Hour
	// importTime is more than lies between an import's beginning, its upload and its end.
	importTime = 3 * time.Hour
	// mostFacts is how many of one sort a report tells of.
	mostFacts = 20
)

// facts gathers what the owner should look at, besides the sales.
func (c *Cafe) facts(ctx context.Context, day model.Day, now time.Time, records map[model.Day]dayRecord, earlier *report.Report) (f report.Facts, err error) {
	from, to := c.ReportDue(day.AddDays(-1)), c.ReportDue(day)
	if day == c.Calendar.DayOf(now) {
		to = now
	}
	imports, err := c.TroubledImports(ctx, from.Add(-importTime), to)
	if err != nil {
		return f, fmt.Errorf("imports: %w", err)
	}
	imports = slices.DeleteFunc(imports, func(im model.Import) bool { return im.FinishedAt.Before(from) || im.FinishedAt.After(to) })
	for _, im := range imports[max(0, len(imports)-mostFacts):] {
		if im.Status == model.ImportFailed && len(im.Problems) > 0 {
			f.More = append(f.More, fmt.Sprintf("Import %s failed: %s", im.Name, im.Problems[0].Reason))
			continue
		}
		f.RejectedImports = append(f.RejectedImports, report.RejectedImport{Name: im.Name, Rejected: im.Rejected})
	}
	if more := len(imports) - mostFacts; more > 0 {
		f.More = append(f.More, fmt.Sprintf("%d more imports failed or left rows out.", more))
	}
	audit, err := c.notedAudit(ctx)
	if err != nil {
		return f, fmt.Errorf("drift: %w", err)
	}
	if f.Drifted = audit.drifted; audit.unread > 0 {
		f.More = append(f.More, fmt.Sprintf("Stored items that cannot be read: %d. Totals that depend on them are left as they are; the log of the last reconcile names them.",
			audit.unread))
	}
	pending, err := c.table.Query(ctx, table.Query{
		Index: table.Index2, Partition: partitionPending, Limit: 100, To: fmt.Sprintf("%016d", now.Add(-undelivered).UnixMicro()),
	})
	if err != nil {
		return f, fmt.Errorf("outbox: %w", err)
	}
	for _, row := range pending.Rows {
		if row.Item.Str("kind") == outboxMessage {
			f.UndeliveredAlerts++
		}
	}
	if changed := c.changedUnsaid(day, records, earlier); len(changed) > 0 {
		f.More = append(f.More, fmt.Sprintf("Late orders changed days whose reports were sent over %d days ago: %s. Build those again to have them.",
			revisedDays, strings.Join(changed, ", ")))
	}
	c.ask(ctx, &f)
	return f, nil
}

// changedUnsaid returns the days that orders came late for since the earlier report was
// due, and whose own are too old to be revised unasked.
func (c *Cafe) changedUnsaid(day model.Day, records map[model.Day]dayRecord, earlier *report.Report) (changed []string) {
	var since time.Time
	if earlier != nil {
		since = c.ReportDue(earlier.Day)
	}
	for d := day.AddDays(-report.HistoryDays); d < day.AddDays(-revisedDays); d = d.AddDays(1) {
		r := records[d]
		if r.revision > 0 && !r.reported(c.ReportDue(d)) && r.lateAt.After(since) {
			changed = append(changed, d.Format("2 Jan"))
		}
	}
	if more := len(changed) - mostFacts; more > 0 {
		changed = append(changed[:mostFacts], fmt.Sprintf("%d more", more))
	}
	return changed
}

// ask adds what the watch knows. That it cannot tell is worth a look, and no reason to
// go without a report.
func (c *Cafe) ask(ctx context.Context, f *report.Facts) {
	if c.Watch == nil {
		return
	}
	var err error
	if f.DeadLetters, err = c.Watch.DeadLetters(ctx); err != nil {
		slog.WarnContext(ctx, "dead letters could not be counted", "error", err.Error())
		f.More = append(f.More, "Whether there are dead letters could not be found out.")
	}
	if f.Unconfirmed, err = c.Watch.Unconfirmed(ctx); err != nil {
		slog.WarnContext(ctx, "subscriptions could not be listed", "error", err.Error())
		f.More = append(f.More, "Whether e-mail subscriptions are confirmed could not be found out.")
	}
}

// kept is a revision as it is stored.
type kept struct {
	Printed
	sent bool // it is in the outbox, or was
}

// newestReport returns the day's newest revision, or ErrNotFound.
func (c *Cafe) newestReport(ctx context.Context, day model.Day) (kept, error) {
	page, err := c.table.Query(ctx, table.Query{Partition: revisionKey(day, 0).PK, Descending: true, Limit: 1, Consistent: true})
	if err != nil {
		return kept{}, fmt.Errorf("newest report of %s: %w", day, err)
	}
	if len(page.Rows) == 0 {
		return kept{}, ErrNotFound
	}
	return keptOf(page.Rows[0].Key, page.Rows[0].Item)
}

// reportRevision returns the day's revision of that number, or ErrNotFound.
func (c *Cafe) reportRevision(ctx context.Context, day model.Day, revision int) (kept, error) {
	key := revisionKey(day, revision)
	item, err := c.table.Get(ctx, key, true)
	if errors.Is(err, table.ErrNotFound) {
		return kept{}, ErrNotFound
	}
	if err != nil {
		return kept{}, fmt.Errorf("report of %s: %w", day, err)
	}
	return keptOf(key, item)
}

func printedItem(p Printed) (table.Item, error) {
	zip := func(b []byte) (table.Value, error) {
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		if _, err := w.Write(b); err != nil {
			return table.Value{}, err
		}
		err := w.Close()
		return table.Bytes(zipped.Bytes()), err
	}
	figures, err := zip(p.JSON)
	if err != nil {
		return nil, err
	}
	text, err := zip([]byte(p.Text))
	return table.Item{"json": figures, "mail": text, "subject": table.String(p.Subject)}, err
}

func keptOf(key table.Key, item table.Item) (k kept, err error) {
	r := reader{item: item}
	k.Subject = r.text("subject")
	k.JSON, k.Text = r.unzipped("json"), string(r.unzipped("mail"))
	k.sent = r.has("sent_at")
	if err := r.wrap(key); err != nil {
		return k, err
	}
	if err := json.Unmarshal(k.JSON, &k.Report); err != nil {
		return k, fmt.Errorf("read %s: %w", key, err)
	}
	return k, nil
}

func (r *reader) unzipped(name string) []byte {
	zipped, ok := r.item[name].Binary()
	if !ok {
		r.fail(name)
		return nil
	}
	z, err := gzip.NewReader(strings.NewReader(zipped))
	if err == nil {
		var b []byte
		if b, err = io.ReadAll(z); err == nil {
			return b
		}
	}
	r.note(fmt.Errorf("attribute %s: %w", name, err))
	return nil
}
